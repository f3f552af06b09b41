//! The shipped scenarios hold what their documents promise, and a scenario file with a fault is
//! refused with its line and the remedy.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::format::cache::load_preset;
use jwtbench_scenario::format::policy_file;
use jwtbench_scenario::model::event::{Action, Poison};
use jwtbench_scenario::model::expectation::{Binding, Expectation};
use jwtbench_scenario::token::class::Class;
use jwtbench_scenario::{Scenario, ScenarioParts};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::CachePolicy;

const FAMILIES: [&str; 7] =
    ["hot-path", "outage", "oversized", "revocation", "rotation", "unknown-kid", "verdict-cache"];
/// The family that judges and does not measure; no part of the canonical workload.
const CONFORMANCE: &str = "conformance";
/// The family that lasts hours and is only simulated.
const POLICY: &str = jwtbench_scenario::SIMULATED;

/// The family that compares state strategies, over as long, and is only simulated.
const STATE: &str = jwtbench_scenario::STATE;

/// Codes that no token class can be due: they depend on what the verifier can reach.
const WITHOUT_CLASS: [&str; 2] = ["JWT_STATE_UNAVAILABLE", "JWT_KEYS_UNAVAILABLE"];

fn library() -> Catalogue {
    Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn shipped() -> Vec<Scenario> {
    library().all().unwrap_or_else(|error| panic!("{error}"))
}

fn canonical() -> impl Iterator<Item = Scenario> {
    shipped().into_iter().filter(|scenario| scenario.canonical)
}

#[test]
fn every_family_is_there_and_known() {
    let all = shipped();
    let families: BTreeSet<&str> = all.iter().map(|scenario| &*scenario.family).collect();
    let known = FAMILIES.into_iter().chain([CONFORMANCE, POLICY, STATE]);
    assert_eq!(families, known.collect());
    let chosen: BTreeSet<String> = canonical().map(|scenario| scenario.family.clone()).collect();
    assert_eq!(chosen, FAMILIES.map(String::from).into());
}

#[test]
fn every_scenario_says_what_it_is() {
    for ScenarioParts { name, title, analysis, .. } in
        shipped().into_iter().map(Scenario::into_parts)
    {
        assert!(!title.is_empty() && !title.contains('\n'), "{name}: title");
        let sentences = analysis.split_inclusive(['.', '?']).filter(|part| part.len() > 20);
        assert!((3..=12).contains(&sentences.count()), "{name}: analysis is of no fit length");
    }
}

#[test]
fn every_class_occurs() {
    let used: BTreeSet<Class> = shipped().iter().flat_map(Scenario::classes).collect();
    for class in Class::all() {
        assert!(used.contains(&class), "no scenario uses {class:?}");
    }
}

#[test]
fn every_code_is_due_to_some_class() {
    let used = shipped();
    let due: BTreeSet<&str> = used
        .iter()
        .flat_map(Scenario::classes)
        .filter_map(|class| class.row().due)
        .map(|code| code.code())
        .collect();
    let contract = include_str!("../../../verifier/src/rejection.rs");
    let quoted = contract.split('"').filter(|text| text.starts_with("JWT_"));
    let codes: BTreeSet<&str> = quoted.collect();
    assert!(codes.len() > 25, "the codes were not found");
    for code in codes {
        assert_ne!(due.contains(code), WITHOUT_CLASS.contains(&code), "{code}");
    }
}

#[test]
fn every_odd_entry_is_published_somewhere() {
    let events = shipped().into_iter().flat_map(|scenario| scenario.into_parts().events);
    let published: Vec<Poison> = events
        .filter_map(|event| match event.action {
            Action::PublishSet(entries) => Some(entries),
            _ => None,
        })
        .flatten()
        .collect();
    for poison in Poison::ALL {
        assert!(published.contains(&poison), "{}", poison.name());
    }
}

/// The run without arguments is to end within 90 s on two cores.
#[test]
fn canonical_scenarios_are_short() {
    let (dynamic, hot): (Vec<Scenario>, Vec<Scenario>) =
        canonical().partition(Scenario::is_dynamic);
    assert!((8..=14).contains(&dynamic.len()), "{} canonical dynamic ones", dynamic.len());
    assert!((4..=9).contains(&hot.len()), "{} canonical hot-path ones", hot.len());
    for scenario in dynamic {
        let total = scenario.load.warmup + scenario.load.duration;
        assert!(total <= Duration::from_millis(2500), "{}: {total:?}", scenario.name);
        assert_eq!(scenario.load.rounds, 1, "{}", scenario.name);
    }
    for scenario in hot {
        let total = (scenario.load.warmup + scenario.load.duration) * scenario.load.rounds;
        assert!(total <= Duration::from_millis(500), "{}: {total:?}", scenario.name);
    }
}

/// One plan runs on every backend, so the slowest must stay far from saturation: a check of RS256
/// in pure Rust takes about 0.4 ms.
#[test]
fn good_tokens_stay_far_below_saturation() {
    let is_run = |scenario: &&Scenario| scenario.is_dynamic() && scenario.family != STATE;
    for scenario in shipped().iter().filter(is_run) {
        for phase in 0..scenario.phases.len() {
            let settings = scenario.streams.iter().map(|stream| &stream.settings[phase]);
            let good: f64 = settings
                .map(|setting| {
                    let good = |class: &Class| class.row().due.is_none();
                    let shares = setting.shares.iter().filter(|(class, _)| good(class));
                    setting.rate.per_s * shares.map(|(_, share)| share / 100.0).sum::<f64>()
                })
                .sum();
            assert!(good <= 600.0, "{} phase {phase}: {good}/s", scenario.name);
        }
    }
}

#[test]
fn every_dynamic_scenario_expects_something() {
    for scenario in shipped() {
        let name = &scenario.name;
        let count = scenario.expectations.len();
        let fits = match scenario.is_simulated() {
            true => count >= 1,
            false => !scenario.is_dynamic() || count >= 3,
        };
        assert!(fits, "{name}: {count} expectations");
        for Expectation { binding, key, subject, .. } in &scenario.expectations {
            let is_own = matches!(binding, Binding::Scenario | Binding::Strategy(_));
            assert!(is_own, "{name}: {key}: {binding:?}");
            let is_judged = subject.metric.is_simulated() == scenario.is_simulated();
            assert!(is_judged, "{name}: {key} is judged by no verb that takes the scenario");
        }
    }
}

#[test]
fn the_preset_default_is_the_default() {
    let preset = load_preset(&library().presets(), "default").unwrap();
    assert_eq!(preset, CachePolicy::default());
}

#[test]
fn the_reference_names_every_class_and_code_due() {
    let reference = include_str!("../../../../scenarios/FORMAT.md");
    for class in Class::all() {
        let row = class.row();
        let due = row.due.map_or("ACCEPT", |code| code.code());
        let line = format!("| `{}` | {due} | {} |", row.name, row.about);
        assert!(reference.contains(&line), "scenarios/FORMAT.md lacks the line\n{line}");
    }
    for poison in Poison::ALL {
        assert!(reference.contains(&format!("| `{}` |", poison.name())), "{}", poison.name());
    }
}

#[test]
fn the_example_of_the_reference_parses() {
    let reference = include_str!("../../../../scenarios/README.md");
    let example = reference.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let scenario = parse(example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((scenario.phases.len(), scenario.events.len()), (2, 2));
}

#[test]
fn an_empty_tenant_checks_none() {
    let text = GOOD.replace("[cache]", "[policy]\ntenant = \"\"\n\n[cache]");
    assert_eq!(parse(&text).unwrap().policy.tenant, None);
    assert_eq!(parse(GOOD).unwrap().policy.tenant.as_deref(), Some("acme"));
}

#[test]
fn the_policy_file_of_the_reference_parses() {
    let reference = include_str!("../../../../scenarios/FORMAT.md");
    let (_, after) = reference.split_once("A **policy file**").unwrap();
    let example = after.split("```").nth(1).unwrap().trim_start_matches("toml");
    let policy = policy_file::parse(Path::new("api.toml"), example);
    let policy = policy.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((policy.algorithms, policy.tenant), (vec![Algorithm::ES256], None));
}

/// A scenario without fault, of 27 lines. Rows of the tables below change a part of it.
const GOOD: &str = r#"title = "A test"
analysis = "None."

[load]
arrivals = "poisson"
workers = 2
duration = "2s"

[[stream]]
name = "users"
rate = 100
tokens = { valid = 90, expired = 10 }

[cache]
ttl = "1s"

[[phase]]
name = "late"
at = "1s"
endpoint = { latency = "5ms" }

[[event]]
at = "1s"
publish-key = "next"

[expect]
"all.users.valid.lockouts" = "== 0"
"#;

fn parse(text: &str) -> Result<Scenario, jwtbench_scenario::ScenarioError> {
    let path = Path::new("family/test.toml");
    Scenario::parse(path, text, &library().presets())
}

/// Replaces `part` of the good scenario and expects an error at `line` that says all of `words`.
fn check(part: &str, by: &str, line: Option<usize>, words: &[&str]) {
    assert_eq!(GOOD.matches(part).count(), 1, "`{part}` is not once in the good scenario");
    let text = GOOD.replace(part, by);
    let error = parse(&text).expect_err(by);
    for word in words {
        assert!(error.message.contains(word), "{by}\nlacks `{word}`: {error}");
    }
    assert_eq!(error.line, line, "{by}\n{error}");
    assert!(error.to_string().starts_with("family/test.toml"), "{error}");
}

#[test]
fn the_good_scenario_parses() {
    let scenario = parse(GOOD).unwrap();
    assert_eq!(scenario.name, "family/test");
    assert_eq!(scenario.phases.len(), 2);
}

#[test]
fn faults_of_the_file_are_named() {
    check("ttl = \"1s\"", "ttl = 1s", Some(15), &["string values must be quoted"]);
    check("title = \"A test\"\n", "", Some(1), &["missing field `title`"]);
    check("ttl = ", "tll = ", Some(15), &["unknown field `tll`", "`ttl`"]);
    check("workers = 2", "wrokers = 2", Some(6), &["unknown field `wrokers`", "`workers`"]);
    check("rate = 100", "rates = 100", Some(11), &["unknown field `rates`", "`rate`"]);
    check("[cache]", "[chace]", Some(14), &["unknown field `chace`", "`cache`"]);
    check("\"2s\"", "\"2\"", Some(7), &["`2` is no duration", "250ms"]);
    check("\"2s\"", "2", Some(7), &["expected a string"]);
    check("[load]", "sweep = [\"ttl=1m..1h\"]\n[load]", Some(4), &["`sweep`", "family policy"]);
}

#[test]
fn faults_of_the_load_are_named() {
    check("\"poisson\"", "\"bursts\"", Some(5), &["`bursts`", "`closed`"]);
    check("workers = 2", "workers = 0", Some(4), &["[load]", "between 1 and 1024"]);
    check("\"2s\"", "\"0s\"", Some(4), &["[load]", "zero or over a day"]);
    check("\"2s\"", "\"2 days\"", Some(4), &["[load]", "zero or over a day"]);
    check("workers = 2", "rounds = 0", Some(4), &["[load]", "between 1 and 1000"]);
    check("rate = 100\n", "", Some(9), &["open loop needs a `rate`"]);
    check("\"poisson\"", "\"closed\"", Some(9), &["closed loop has no `rate`"]);
    let closed = GOOD.replace("\"poisson\"", "\"closed\"").replace("rate = 100\n", "");
    let error = parse(&closed).unwrap_err();
    assert!(error.message.contains("no [[phase]] and no [[event]]"), "{error}");
}

#[test]
fn faults_of_streams_are_named() {
    check("rate = 100", "rate = 0", Some(11), &["`rate` = 0", "above 0"]);
    check("rate = 100", "rate = -1", Some(11), &["`rate` = -1", "above 0"]);
    check(
        "expired = 10",
        "expird = 10",
        Some(9),
        &["unknown token class `expird`", "jwtbench list"],
    );
    check("valid = 90", "valid = 80", Some(9), &["sum to 90, not to 100"]);
    check("valid = 90", "valid = 100, no-kid = -10", Some(9), &["`no-kid` is not above 0"]);
    check("expired = 10", "too-old = 10", Some(9), &["`too-old`", "max-age = \"1h\""]);
    check("expired = 10", "wrong-client = 10", Some(9), &["`wrong-client`", "clients = ["]);
    check("tokens = { valid = 90, expired = 10 }", "", Some(9), &["needs `tokens`"]);
    check("\"users\"", "\"all\"", Some(9), &["stream name `all`"]);
    check("\"users\"", "\"endpoint\"", Some(9), &["stream name `endpoint`"]);
    check("rate = 100", "rate = 100\nholders = 0", Some(9), &["`holders`", "1 and 1000000"]);
    check("rate = 100", "rate = 100\nreuse = \"often\"", Some(12), &["`often`", "`zipf`"]);
    let twice = "[[stream]]\nname = \"users\"\nrate = 1\ntokens = { valid = 100 }\n\n[cache]";
    check("[cache]", twice, Some(14), &["stream name `users` is taken"]);
}

#[test]
fn faults_of_relative_rates_and_ramps_are_named() {
    check("rate = 100", "rate = \"abc%\"", Some(11), &["`rate`", "`abc%` is no rate", "70%"]);
    check("rate = 100", "rate = \"0%\"", Some(11), &["`rate`", "above 0 and at most 200"]);
    check("rate = 100", "rate = \"201%\"", Some(11), &["`rate`", "at most 200"]);
    check("rate = 100", "rate = \"100x\"", Some(11), &["`100x` is no rate", "200k", "70%"]);
    check("rate = 100", "rate = \"0k\"", Some(11), &["`rate`", "above 0 and at most 10M"]);
    check("rate = 100", "rate = true", Some(11), &["number per second", "70%"]);
    check("rate = 100", "rate = 100\nrate-to = 200", Some(12), &["`rate-to`", "\"ramp\""]);
    check("\"poisson\"", "\"ramp\"", Some(4), &["[load]", "`rate-to`"]);
    let of = |name: &str| format!("workers = 2\ncapacity-of = \"{name}\"");
    check("workers = 2", &of("ring"), Some(7), &["`capacity-of`", "core:aws-lc-rs"]);
    let ramp = GOOD.replace("\"poisson\"", "\"ramp\"");
    let rows = [
        ("rate-to = 200", "needs a `rate`", "no beginning"),
        ("rate = 100\nrate-to = 0", "`rate-to` = 0", "silent in the end"),
        ("rate = 100\nrate-to = \"x%\"", "`rate-to`: `x%` is no rate", "no share"),
    ];
    for (by, word, reason) in rows {
        let error = parse(&ramp.replace("rate = 100", by)).expect_err(reason);
        assert!(error.message.contains(word) && error.line.is_some(), "{reason}: {error}");
    }
}

/// By hand: 100 to 300 in two seconds is 200 after one, where the phase begins.
#[test]
fn a_ramp_goes_on_through_phases_that_do_not_name_its_stream() {
    let ramp = GOOD.replace("\"poisson\"", "\"ramp\"");
    let ramp = ramp.replace("rate = 100", "rate = \"1%\"\nrate-to = \"3%\"");
    let rates = |text: &str| {
        let scenario = parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert!(scenario.has_relative_rates() && scenario.calibration().is_some());
        let settings = scenario.resolved(50_000.0).streams[0].settings.clone();
        let rates = settings.iter().map(|s| [s.rate.per_s.round(), s.rate_to.per_s.round()]);
        rates.collect::<Vec<_>>()
    };
    assert_eq!(rates(&ramp), [[500.0, 1000.0], [1000.0, 1500.0]], "of 50 000 per second");
    let own = |rates: &str| {
        ramp.replace("endpoint =", &format!("streams.users = {{ {rates} }}\nendpoint ="))
    };
    assert_eq!(rates(&own("rate = 7"))[1], [7.0, 7.0], "a number is no share, and no ramp");
    assert_eq!(rates(&own("rate = \"2%\", rate-to = 50"))[1], [1000.0, 50.0]);
    assert_eq!(rates(&own("tokens = { valid = 100 }"))[1], [1000.0, 1500.0], "another mix");
    let nominal = parse(&ramp).unwrap().streams[0].settings[0].rate.per_s;
    assert_eq!(nominal, 100.0, "1 % of the nominal capacity until one is measured");
}

#[test]
fn faults_of_the_policies_are_named() {
    let unknown = "[cache]\npolicy = \"mine\"";
    let known = "known: aliri-like, apisix-like";
    check("[cache]", unknown, Some(14), &["[cache]", "no cache policy `mine`", known]);
    let backoff = "backoff-min = \"1m\"";
    check("ttl = \"1s\"", backoff, Some(14), &["[cache]", "`backoff-min`", "`backoff-max`"]);
    let sized = "verdict-cache-entries = 5";
    check("ttl = \"1s\"", sized, Some(14), &["[cache]", "is off", "verdict-cache = \"tied\""]);
    let empty = "verdict-cache = \"tied\"\nverdict-cache-entries = 0";
    check("ttl = \"1s\"", empty, Some(14), &["`verdict-cache-entries`", "between 1 and"]);
    let small = "verdict-cache = \"untied\"\nverdict-cache-bytes = 1";
    check("ttl = \"1s\"", small, Some(14), &["`verdict-cache-bytes`", "between 4096 and"]);
    let zero = "unknown-kid-budget = 0";
    check("ttl = \"1s\"", zero, Some(14), &["[cache]", "unknown-kid = \"refuse\""]);
    check("ttl = \"1s\"", "refresh-ahead = 80", Some(14), &["[cache]", "0 to 1", "\"off\""]);
    check("ttl = \"1s\"", "ttl = \"never\"", Some(15), &["`never` is no span of time", "forever"]);
    check("ttl = \"1s\"", "start = \"hot\"", Some(15), &["`hot` is no start", "\"cold\""]);
    let leeway = "[policy]\nleeway = \"10m\"\n\n[cache]";
    check("[cache]", leeway, Some(14), &["`leeway`", "0 s to 300 s"]);
    let types = "[policy]\ntypes = [\"JWT\"]\n\n[cache]";
    check("[cache]", types, Some(14), &["`types`", "profile = \"plain\""]);
    let allowed = "[policy]\nalgorithms = [\"ES256\"]\n\n[cache]";
    check("[cache]", allowed, Some(14), &["`algorithms`", "top level", "move the key"]);
    let tenant = "[policy]\ntenant = \"\"\n\n[cache]";
    let wrong = GOOD.replace("expired = 10", "wrong-tenant = 10").replace("[cache]", tenant);
    let error = parse(&wrong).unwrap_err();
    assert!(error.message.contains("tenant = \"acme\""), "{error}");
    let lifetime = "[issuer]\ntoken-lifetime = \"500ms\"\n\n[cache]";
    check("[cache]", lifetime, Some(14), &["token-lifetime", "under 1s"]);
    let short = "[issuer]\nrsa-bits = 1024\n\n[cache]";
    check("[cache]", short, Some(14), &["rsa-bits", "2048, 3072 and 4096"]);
}

#[test]
fn faults_of_phases_are_named() {
    let after = "name = \"late\"\nat = \"2s\"";
    let late = "name = \"late\"\nat = \"1s\"";
    check(late, after, Some(17), &["phase `late`", "after the end"]);
    check("name = \"late\"", "name = \"start\"", Some(17), &["phase name `start` is taken"]);
    check("name = \"late\"", "name = \"all\"", Some(17), &["phase name `all` is taken"]);
    check("name = \"late\"", "name = \"a.b\"", Some(17), &["no dot"]);
    check(late, "name = \"late\"\nat = \"0s\"", Some(17), &["does not begin after"]);
    let twice = "[[phase]]\nname = \"late\"\nat = \"1500ms\"\n\n[[event]]";
    check("[[event]]", twice, Some(22), &["phase name `late` is taken"]);
    let jitter = "{ latency = \"5ms\", jitter = \"6ms\" }";
    check("{ latency = \"5ms\" }", jitter, Some(17), &["`jitter` is more than its `latency`"]);
    let status = "{ fault = { status = 200 } }";
    check("{ latency = \"5ms\" }", status, Some(17), &["status 200 is no error", "400 to 599"]);
    let attacker = "at = \"1s\"\nstreams.attacker = { rate = 5 }\nendpoint";
    check("at = \"1s\"\nendpoint", attacker, Some(17), &["`attacker`", "no `tokens`"]);
    let attacker = "at = \"1s\"\nstreams.attacker = { tokens = { valid = 100 } }\nendpoint";
    check("at = \"1s\"\nendpoint", attacker, Some(17), &["needs a `rate`"]);
}

#[test]
fn faults_of_events_are_named() {
    let event = "publish-key = \"next\"";
    check(event, "withdraw-key = \"next\"", None, &["withdraw-key = \"next\"", "not published"]);
    check(event, "sign-with = \"next\"", None, &["key \"next\"", "never published"]);
    check(event, "evict = \"next\"", None, &["key \"next\"", "never published"]);
    let kid = "publish-key = \"next\"\nkid-of = \"first\"";
    check(event, kid, None, &["kid-of = \"first\"", "no such key"]);
    check(
        event,
        "evict = \"current\"\nkid-of = \"current\"",
        Some(22),
        &["goes with `publish-key`"],
    );
    let two = "publish-key = \"next\"\nsign-with = \"next\"";
    check(event, two, Some(22), &["exactly one of"]);
    check(event, "", Some(22), &["exactly one of"]);
    let nobody = "revoke-tokens = { stream = \"nobody\" }";
    check(event, nobody, Some(22), &["stream that does not exist"]);
    check(event, "revoke-tokens = {}", Some(22), &["needs a `stream` or `others`"]);
    let share = "revoke-tokens = { stream = \"users\", share = 120 }";
    check(event, share, Some(22), &["`share`", "0 to 100"]);
    check(event, "publish-set = [\"poison\"]", Some(22), &["unknown entry", "unknown-kty"]);
    check(event, "evict = \"current\"\ntimes = 3", Some(22), &["`times`", "`every`"]);
    let beyond = "evict = \"current\"\ntimes = 3\nevery = \"1s\"";
    check(event, beyond, Some(22), &["after the end"]);
    let moving = "withdraw-key = \"current\"\nspread = \"5ms\"";
    check(event, moving, Some(22), &["`spread`", "family policy"]);
}

#[test]
fn an_event_that_moves_passes_nothing() {
    let parse = |event: &str, spread: &str| {
        let moving = format!("at = \"1s\"\n{event} = \"current\"\nspread = \"{spread}\"");
        let text = GOOD.replace("at = \"1s\"\npublish-key = \"next\"", &moving);
        let text = text.replace("late\"\nat = \"1s\"", "late\"\nat = \"1500ms\"");
        Scenario::parse(Path::new("policy/test.toml"), &text, &library().presets())
    };
    let scenario = parse("withdraw-key", "499ms").unwrap();
    assert_eq!(scenario.events[0].spread, Duration::from_millis(499));
    let fault = |event, spread| parse(event, spread).unwrap_err().message;
    for (spread, end) in [("500ms", "1s 500ms"), ("2s", "1s 500ms")] {
        let message = fault("withdraw-key", spread);
        assert!(message.contains(end) && message.contains("lower `spread`"), "{message}");
    }
    assert!(fault("evict", "1ms").contains("goes with `withdraw-key`"));
}

#[test]
fn faults_of_expectations_are_named() {
    let key = "all.users.valid.lockouts";
    check(key, "lat.users.valid.lockouts", Some(27), &["unknown phase `lat`", "start, late"]);
    check(key, "all.user.valid.lockouts", Some(27), &["unknown stream `user`", "users"]);
    check(key, "all.users.vald.lockouts", Some(27), &["unknown class or code `vald`"]);
    check(key, "all.users.valid.lockout", Some(27), &["unknown metric `lockout`", "late"]);
    check(key, "all.endpoint.fetches", Some(27), &["unknown endpoint metric", "attempts"]);
    check(key, "all.users.valid.response.p42", Some(27), &["unknown quantile `p42`", "p999"]);
    check(key, "all.lockouts", Some(27), &["a key is <phase|all>"]);
    check("\"== 0\"", "\"0\"", Some(27), &["`0` is no bound", "<= 3"]);
    check("\"== 0\"", "\"<= 3 x later\"", Some(27), &["unknown phase `later`"]);
}
