//! Tests of the fingerprints: everything that should count does, and nothing else does. The golden
//! file holds the fingerprints of all the built-in scenarios and presets. A change that moves one
//! must update the file.

use std::path::Path;
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::*;
use jwtbench_verifier::policy::{PolicySpec, Profile, ScopeForm, SenderConstraint};
use jwtbench_verifier::wall_clock::Skew;

use crate::catalogue::Catalogue;
use crate::format::cache::{CacheSpec, Start, read_preset};
use crate::issuer::signer::Signers;
use crate::model::endpoint::Fault;
use crate::model::event::{Action, Event, Poison};
use crate::plan::Plan;
use crate::{Arrivals, Scenario, ScenarioParts};

use super::*;

/// The golden file. To update it after an intended change, run `JWTBENCH_BLESS=1 cargo test
/// --workspace fingerprint`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/plan/fingerprint/golden.txt");
/// The scenarios whose whole plan is in the golden file, with corpus and arrivals.
const PLANS: [&str; 4] =
    ["hot-path/mix", "rotation/emergency-withdrawal", "conformance/every-class", "outage/refused"];
const MS: Duration = Duration::from_millis(1);

fn of<T: Fingerprinted + ?Sized>(value: &T) -> String {
    let mut fingerprint = Fingerprint::new("test", 1);
    fingerprint.field("value", value);
    fingerprint.finish()
}

fn catalogue() -> Catalogue {
    Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn all_differ(hashes: &[(&str, String)]) {
    for (place, (why, one)) in hashes.iter().enumerate() {
        let same = hashes[..place].iter().find(|(_, other)| other == one);
        assert!(same.is_none(), "{why} is the same as {same:?}");
    }
}

#[test]
fn what_differs_writes_something_else() {
    let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|t| (*t).into()).collect() };
    all_differ(&[
        ("nothing", of(&texts(&[]))),
        ("an empty text", of(&texts(&[""]))),
        ("two texts", of(&texts(&["a", "b"]))),
        ("one", of(&texts(&["ab"]))),
        ("and an empty one", of(&texts(&["ab", ""]))),
        ("no number", of(&None::<u32>)),
        ("a number", of(&Some(0_u32))),
        ("for ever", of(&Duration::MAX)),
        ("at once", of(&Duration::ZERO)),
        ("a share", of(&0.1)),
        ("the next", of(&(0.1 + f64::EPSILON))),
    ]);
    assert_eq!(of(&-0.0), of(&0.0));
}

#[test]
fn kind_version_and_tag_count() {
    let of = |kind: &str, version: u32, tag: &str| {
        let mut fingerprint = Fingerprint::new(kind, version);
        fingerprint.field(tag, &true);
        fingerprint.finish()
    };
    all_differ(&[
        ("one", of("a", 1, "x")),
        ("another kind", of("b", 1, "x")),
        ("another version", of("a", 2, "x")),
        ("another tag", of("a", 1, "y")),
    ]);
}

/// The name of a key, and a function that changes its value.
type Row<T> = (&'static str, fn(&mut T));

fn budget(change: fn(&mut Budget)) -> Option<Budget> {
    let mut budget = Budget::sliding(1, Duration::from_secs(10));
    change(&mut budget);
    Some(budget)
}

const CACHE_KEYS: [Row<CachePolicy>; 47] = [
    ("nothing", |_| {}),
    ("ttl", |p| p.ttl += MS),
    ("age-from", |p| p.age_from = AgeFrom::Response),
    ("http-freshness", |p| p.http_freshness = Some(HttpFreshness::UNBOUNDED)),
    ("its min", |p| {
        p.http_freshness = Some(HttpFreshness { min: MS, ..HttpFreshness::UNBOUNDED });
    }),
    ("refresh-ahead", |p| p.refresh_ahead = None),
    ("its share", |p| p.refresh_ahead = Some(RefreshAhead::Share(0.7))),
    ("before", |p| p.refresh_ahead = Some(RefreshAhead::Before(MS))),
    ("refresh-jitter", |p| p.refresh_jitter = Jitter::Share(0.2)),
    ("a span of it", |p| p.refresh_jitter = Jitter::Span(MS)),
    ("refresh", |p| p.refresh = Refresh::Async),
    ("periodic", |p| p.refresh = Refresh::Periodic),
    ("unknown-kid", |p| p.unknown_kid = UnknownKid::Refuse),
    ("in background", |p| p.unknown_kid = UnknownKid::RefetchInBackground),
    ("no budget", |p| p.budget = None),
    ("fetches", |p| p.budget = budget(|b| b.fetches = 2)),
    ("window", |p| p.budget = budget(|b| b.window = MS)),
    ("kind", |p| p.budget = budget(|b| b.kind = WindowKind::Bucket)),
    ("armed-on", |p| p.budget = budget(|b| b.armed_on = ArmedOn::Miss)),
    ("shared", |p| p.budget = budget(|b| b.is_shared = true)),
    ("its max-wait", |p| p.budget = budget(|b| b.max_wait = MS)),
    ("grounds", |p| p.grounds += MS),
    ("refetch-bad-signature", |p| p.refetch_bad_signature = true),
    ("stale-if-error", |p| p.stale_if_error = MS),
    ("on-failure", |p| p.on_failure = OnFailure::Clear),
    ("coalescing", |p| p.coalescing = Coalescing::PerKid),
    ("lock", |p| p.lock = LockScope::All),
    ("per-worker", |p| p.per_worker = true),
    ("per-kid", |p| p.per_kid = Some(5)),
    ("bad-entry", |p| p.bad_entry = BadEntry::FailSet),
    ("empty-set", |p| p.empty_set = EmptySet::Accept),
    ("outage", |p| p.outage = OutageAnswer::Unauthorized),
    ("kid-required", |p| p.kid_required = true),
    ("leeway", |p| p.leeway = Some(Duration::ZERO)),
    ("push-eviction", |p| p.push_eviction = false),
    ("timeouts", |p| p.timeouts.connect = MS),
    ("idle", |p| p.timeouts.idle = MS),
    ("total", |p| p.timeouts.total = MS),
    ("max-body", |p| p.max_body = 1),
    ("retries", |p| p.retries = 2),
    ("retry-delay", |p| p.retry_delay = MS),
    ("backoff-min", |p| p.backoff_min = MS),
    ("backoff-max", |p| p.backoff_max = MS),
    ("max-wait", |p| p.max_wait = MS),
    ("max-waits", |p| p.max_waits = 1),
    ("verdict-cache", |p| p.verdict_cache = Some(VerdictCachePolicy::default())),
    ("untied", |p| {
        let kept = VerdictCachePolicy { is_tied: false, ..VerdictCachePolicy::default() };
        p.verdict_cache = Some(kept);
    }),
];

#[test]
fn every_key_of_a_cache_policy_counts() {
    let base =
        CacheSpec { name: "default".into(), policy: CachePolicy::default(), start: Start::Warm };
    let under = |(why, change): &Row<CachePolicy>| {
        let mut cache = base.clone();
        change(&mut cache.policy);
        (*why, cache_policy_hash(&cache))
    };
    let mut hashes: Vec<(&str, String)> = CACHE_KEYS.iter().map(under).collect();
    for (why, start) in [("cold", Start::Cold), ("an age", Start::Age(MS))] {
        hashes.push((why, cache_policy_hash(&CacheSpec { start, ..base.clone() })));
    }
    all_differ(&hashes);
    let renamed = CacheSpec { name: "other".into(), ..base.clone() };
    assert_eq!(cache_policy_hash(&renamed), cache_policy_hash(&base), "its name does not");
}

/// The keys of a strategy that polls and is pushed to, and then of one that asks.
const STRATEGY_KEYS: [&str; 33] = [
    "carrier = \"push-and-poll\"",
    "key = \"session\"",
    "key = \"subject\"",
    "key = \"client\"",
    "key = \"version\"",
    "key = \"not-before\"",
    "max-waits = 5",
    "prune = \"never\"",
    "prune = \"1h\"",
    "on-failure = \"open\"",
    "on-failure = \"closed-401\"",
    "on-failure = \"closed-403\"",
    "filter = 0.01\nfilter-last-word = \"list\"",
    "filter = 0.02\nfilter-last-word = \"list\"",
    "filter = 0.01\nfilter-last-word = \"none\"",
    "poll-interval = \"6s\"",
    "poll-jitter = 0.2",
    "poll-scope = \"full\"",
    "poll-retry = \"2s\"",
    "push-delivery = \"at-most-once\"",
    "heartbeat = \"3s\"",
    "on-gap = \"flush\"",
    "stale-up-to = \"1h\"",
    "cold-start = \"2s\"",
    "cold-start = \"open\"",
    "adopt = \"replace\"",
    "token-lifetime = \"5m\"",
    "carrier = \"ask\"",
    "carrier = \"ask\"\ncache = \"5s\"",
    "carrier = \"ask\"\ncache = \"5s\"\nnegative-cache = \"1s\"",
    "carrier = \"ask\"\ncoalescing = \"per-key\"",
    "carrier = \"ask\"\nretries = 3",
    "carrier = \"ask\"\nbreaker-failures = 3\nbreaker-open-for = \"1s\"",
];

#[test]
fn every_key_of_a_strategy_counts() {
    let folder = tempfile::tempdir().unwrap();
    let base = "push-delivery = \"replay\"\nheartbeat = \"2s\"\non-gap = \"resync\"\n\
                poll-interval = \"5s\"\npoll-scope = \"delta\"\npoll-jitter = 0.1\n\
                stale-up-to = \"10m\"\ncold-start = \"1s\"\nadopt = \"merge\"\n\
                carrier = \"push-and-poll\"\n";
    let under = |given: &&'static str| {
        let is_key_of =
            |line: &&str, given: &str| line.split(' ').next() == given.split(' ').next();
        let kept = base.lines().filter(|line| !given.lines().any(|one| is_key_of(line, one)));
        let kept = match given.starts_with("carrier = \"ask\"") {
            true => String::new(),
            false => kept.collect::<Vec<_>>().join("\n"),
        };
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, format!("{kept}\n{given}\n")).unwrap();
        let strategies = catalogue().presets().strategies();
        let strategy = strategies.read_named(path.to_str().unwrap());
        let strategy = strategy.unwrap_or_else(|fault| panic!("{fault}")).named();
        (*given, state_strategy_hash(&strategy))
    };
    all_differ(&STRATEGY_KEYS.iter().map(under).collect::<Vec<_>>());
}

#[test]
fn every_key_of_a_policy_counts() {
    let rows: [Row<PolicySpec>; 28] = [
        ("nothing", |_| {}),
        ("issuer", |p| p.issuer = "a".into()),
        ("audience", |p| p.audience = vec!["a".into()]),
        ("algorithms", |p| p.algorithms = vec![Algorithm::ES256]),
        ("types", |p| p.types = vec!["a".into()]),
        ("leeway", |p| p.leeway += MS),
        ("max-token-bytes", |p| p.max_token_bytes = 1),
        ("max-header-bytes", |p| p.max_header_bytes = 1),
        ("max-age", |p| p.max_age = Some(Duration::ZERO)),
        ("required-claims", |p| p.required_claims = vec!["a".into()]),
        ("prohibited-claims", |p| p.prohibited_claims = vec!["a".into()]),
        ("kid-required", |p| p.kid_required = false),
        ("tenant", |p| p.tenant = None),
        ("clients", |p| p.clients = vec!["a".into()]),
        ("subject-kinds", |p| p.subject_kinds = vec!["a".into()]),
        ("required-scopes", |p| p.required_scopes = vec!["a".into()]),
        ("profile", |p| p.profile = Profile::Plain),
        ("sender-constraint", |p| p.sender_constraint = SenderConstraint::Off),
        ("scope", |p| p.claims.scope = "a".into()),
        ("scope-form", |p| p.claims.scope_form = ScopeForm::Array),
        ("its tenant", |p| p.claims.tenant = "a".into()),
        ("its client", |p| p.claims.client = vec!["a".into()]),
        ("its kind", |p| p.claims.subject_kind = "a".into()),
        ("its version", |p| p.claims.authorization_version = "a".into()),
        ("proof-algorithms", |p| p.proof.algorithms = vec![Algorithm::ES256]),
        ("max-proof-bytes", |p| p.proof.max_bytes = 1),
        ("proof-max-age", |p| p.proof.max_age += MS),
        ("proof-nonce", |p| p.proof.needs_nonce = true),
    ];
    let hashes: Vec<(&str, String)> = rows
        .iter()
        .map(|(why, change)| {
            let mut policy = PolicySpec::default();
            change(&mut policy);
            (*why, policy_hash(&policy))
        })
        .collect();
    all_differ(&hashes);
}

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
[load]
arrivals = "constant"
duration = "1s"
[[stream]]
name = "users"
rate = 10
tokens = { valid = 100 }
"#;

fn event(action: Action) -> Event {
    Event { at: MS, action, spread: Duration::ZERO }
}

fn revoke(share: f64, others: u64) -> Event {
    event(Action::RevokeTokens { stream: Some("users".into()), share, others })
}

const PLAN_KEYS: [Row<ScenarioParts>; 32] = [
    ("nothing", |_| {}),
    ("arrivals", |s| s.load.arrivals = Arrivals::Poisson),
    ("workers", |s| s.load.workers = 7),
    ("warmup", |s| s.load.warmup += MS),
    ("duration", |s| s.load.duration += MS),
    ("rounds", |s| s.load.rounds += 1),
    ("deadline", |s| s.load.deadline += MS),
    ("shed-after", |s| s.shed_after = Some(MS)),
    ("a stream's name", |s| s.streams[0].name = "others".into()),
    ("a phase's name", |s| s.phases[0].name = "other".into()),
    ("its time", |s| s.phases[0].at = MS),
    ("its clock", |s| s.phases[0].skew = Skew::Ahead(MS)),
    ("the other way", |s| s.phases[0].skew = Skew::Behind(MS)),
    ("latency", |s| s.phases[0].endpoint.latency = MS),
    ("jitter", |s| s.phases[0].endpoint.jitter = MS),
    ("max-age", |s| s.phases[0].endpoint.max_age = Some(MS)),
    ("refused", |s| s.phases[0].endpoint.fault = Fault::Refused),
    ("html", |s| s.phases[0].endpoint.fault = Fault::Html),
    ("a drip", |s| s.phases[0].endpoint.fault = Fault::SlowDrip { interval: MS }),
    ("a body", |s| s.phases[0].endpoint.fault = Fault::HugeBody { bytes: 1 }),
    ("a status", |s| {
        s.phases[0].endpoint.fault = Fault::Status { status: 500, retry_after: None };
    }),
    ("and when to come again", |s| {
        s.phases[0].endpoint.fault = Fault::Status { status: 500, retry_after: Some(MS) };
    }),
    ("publish", |s| {
        s.events = vec![event(Action::PublishKey { label: "next".into(), kid_of: None })];
    }),
    ("under another kid", |s| {
        let (label, kid_of) = ("next".into(), Some("first".into()));
        s.events = vec![event(Action::PublishKey { label, kid_of })];
    }),
    ("sign", |s| s.events = vec![event(Action::SignWith("next".into()))]),
    ("withdraw", |s| s.events = vec![event(Action::WithdrawKey("next".into()))]),
    ("evict", |s| s.events = vec![event(Action::Evict("next".into()))]),
    ("another spread", |s| {
        s.events = vec![Event { spread: MS, ..event(Action::Evict("next".into())) }];
    }),
    ("revoke", |s| s.events = vec![revoke(10.0, 0)]),
    ("more", |s| s.events = vec![revoke(20.0, 0)]),
    ("others", |s| s.events = vec![revoke(10.0, 1)]),
    ("odd entries", |s| s.events = vec![event(Action::PublishSet(vec![Poison::Ed448]))]),
];
/// The keys that have a fingerprint of their own, or none.
const OTHER_KEYS: [Row<ScenarioParts>; 6] = [
    ("title", |s| s.title = "other".into()),
    ("analysis", |s| s.analysis = "other".into()),
    ("text", |s| s.text.clear()),
    ("cache policy", |s| s.cache.policy.retries = 9),
    ("policy", |s| s.policy.tenant = None),
    ("expectations", |s| s.expectations.clear()),
];

#[test]
fn what_a_plan_is_made_of_counts() {
    let base = Scenario::parse(Path::new("test/t.toml"), SCENARIO, &catalogue().presets()).unwrap();
    let with = |(why, change): &Row<ScenarioParts>| {
        let mut scenario = base.clone();
        change(&mut scenario.0);
        (*why, of(&scenario))
    };
    all_differ(&PLAN_KEYS.iter().map(with).collect::<Vec<_>>());
    for (why, hash) in OTHER_KEYS.iter().map(with) {
        assert_eq!(hash, of(&base), "{why} does not");
    }
}

/// The fingerprints of everything built in, one per line.
fn shipped() -> String {
    let catalogue = catalogue();
    let mut lines = Vec::new();
    for name in catalogue.names().unwrap() {
        let scenario = catalogue.select(std::slice::from_ref(&name)).unwrap().remove(0);
        lines.push(format!("scenario {name} {}", of(&scenario)));
        lines.push(format!("policy {name} {}", policy_hash(&scenario.policy)));
        lines.push(format!("cache {name} {}", cache_policy_hash(&scenario.cache)));
        if PLANS.contains(&name.as_str()) {
            for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
                let plan = Plan::new(&scenario, algorithm, &Signers::new(1), &|_| {});
                lines.push(format!("plan {name} {algorithm} {}", plan.hash));
            }
        }
    }
    let presets = catalogue.presets();
    for name in presets.names() {
        let preset = read_preset(&presets, &name).unwrap();
        let start = preset.start.unwrap_or(Start::Warm);
        let cache = CacheSpec { name: name.clone(), policy: preset.policy, start };
        lines.push(format!("preset {name} {}", cache_policy_hash(&cache)));
    }
    let strategies = presets.strategies();
    for name in strategies.names() {
        let strategy = strategies.read(&name).unwrap().named();
        lines.push(format!("strategy {name} {}", state_strategy_hash(&strategy)));
    }
    lines.join("\n") + "\n"
}

/// A result can be compared with that of another build only as long as the fingerprints stay the
/// same.
#[test]
fn the_fingerprints_of_everything_shipped_stand() {
    let shipped = shipped();
    if std::env::var_os("JWTBENCH_BLESS").is_some() {
        std::fs::write(GOLDEN, &shipped).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let changed: Vec<&str> =
        shipped.lines().filter(|line| !golden.lines().any(|known| known == *line)).collect();
    assert!(
        golden == shipped,
        "stored results of these are no longer comparable:\n{}\nif that is meant: JWTBENCH_BLESS=1",
        changed.join("\n")
    );
}
