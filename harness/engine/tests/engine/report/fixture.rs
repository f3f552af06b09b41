//! A made-up result that looks like a canonical run: every family of row that a report must show,
//! built from fixed numbers so that two builds are equal to the byte.

mod dynamic;

use std::collections::BTreeMap;

use jwtbench_result::*;

pub use dynamic::dynamic;

/// The scenarios of the hot path: name, title, classes with (share, due).
type HotPath = (&'static str, &'static str, &'static [(&'static str, f64, &'static str)]);

const HOT_PATHS: [HotPath; 3] = [
    ("hot-path/accept", "Good tokens only, as fast as they go", &[("valid", 1.0, "ACCEPT")]),
    (
        "hot-path/realistic-mix",
        "What a busy API sees",
        &[
            ("valid", 0.96, "ACCEPT"),
            ("bad-signature", 0.02, "JWT_BAD_SIGNATURE"),
            ("expired", 0.02, "JWT_EXPIRED"),
        ],
    ),
    (
        "hot-path/reject-claims",
        "Signed, but for somebody else",
        &[
            ("wrong-audience", 0.5, "JWT_AUDIENCE_MISMATCH"),
            ("wrong-issuer", 0.3, "JWT_ISSUER_MISMATCH"),
            ("id-token", 0.2, "JWT_TYPE_MISMATCH"),
        ],
    ),
];
const ANALYSIS: &str = "The floor of the field: nothing but good tokens, one key, no network. Look \
    at the ratio to `raw:` first. It says what the verifier adds to the signature check that \
    nobody can do without.\n\nRSA verifies fast and signs slowly, so RS256 flatters the verifier; \
    ES256 shows what a slow curve costs. A backend that leads here by less than the spread of its \
    rounds does not lead.";
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
/// Bare signature checks in nanoseconds: RS256, ES256, EdDSA.
const BACKENDS: [(&str, [f64; 3]); 4] = [
    ("ring", [21_300.0, 48_200.0, 39_800.0]),
    ("aws-lc-rs", [15_900.0, 41_700.0, 27_500.0]),
    ("rust-crypto", [139_000.0, 168_000.0, 31_900.0]),
    ("graviola", [14_800.0, 52_400.0, 26_100.0]),
];

/// The whole result. One wrong verdict, one missed expectation, one error row.
pub fn result() -> RunResult {
    let mut measurements = Vec::new();
    for path in &HOT_PATHS {
        for (at, algorithm) in ALGORITHMS.iter().enumerate() {
            hot_path(path, algorithm, at, &mut measurements);
        }
    }
    spoil(&mut measurements);
    for (at, (name, ..)) in DYNAMIC.iter().enumerate() {
        measurements.push(dynamic(name, "core:aws-lc-rs", ALGORITHMS[at % 3], at as u64));
    }
    measurements.push(dynamic("unknown-kid/beside-good-traffic", "core:ring", "EdDSA", 7));
    RunResult {
        schema_version: SCHEMA_VERSION,
        command: "jwtbench run --seed 42 --out reports/reference".to_owned(),
        started_at: "2026-03-14T09:26:53Z".to_owned(),
        elapsed_s: 83.4,
        seed: 42,
        partial: false,
        machine: machine(),
        versions: versions(),
        scenarios: scenarios(),
        measurements,
        cache_policies: Vec::new(),
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// The result with nothing wrong, missed or in error.
pub fn clean() -> RunResult {
    let mut result = result();
    for measurement in &mut result.measurements {
        measurement.verdicts.wrong = 0;
        measurement.wrong.clear();
        measurement.error = None;
        measurement.conformance.iter_mut().filter(|c| c.got != "ACCEPT").for_each(|c| {
            c.conforms = true;
            if c.got != "REFUSE" {
                c.got.clone_from(&c.due);
            }
        });
        measurement.expectations.iter_mut().for_each(|e| e.met = true);
    }
    result
}

const DYNAMIC: [(&str, &str, &str); 3] = [
    (
        "rotation/planned-overlap",
        "A planned rotation with overlap",
        "The new key is published a second before it signs. Nobody should notice: **no lockout**, \
         at most two fetches, and the p99 of good tokens stays where it was.",
    ),
    (
        "unknown-kid/beside-good-traffic",
        "An unknown-kid flood beside good traffic",
        "3,000 forged kids a second. The budget must hold the fetches down; users see nothing.",
    ),
    (
        "outage/refused",
        "The endpoint refuses connections for a second",
        "`stale-if-error` should carry the good users through. Watch the failures climb while \
         ACCEPT stays level, then the recovery.",
    ),
];

fn scenarios() -> Vec<ScenarioRecord> {
    let record = |name: &str, title: &str, analysis: &str, dynamic| ScenarioRecord {
        name: name.to_owned(),
        family: name.split('/').next().unwrap_or_default().to_owned(),
        title: title.to_owned(),
        analysis: analysis.to_owned(),
        dynamic,
        text: format!("title = \"{title}\"\n[load]\narrivals = \"poisson\"\nworkers = 2\n"),
        load: None,
        policy: None,
        cache_dropped: Vec::new(),
        judged_at_s: None,
    };
    let hot = HOT_PATHS.iter().map(|(name, title, _)| record(name, title, ANALYSIS, false));
    let dynamic = DYNAMIC.iter().map(|(name, title, text)| record(name, title, text, true));
    hot.chain(dynamic).collect()
}

fn machine() -> Machine {
    Machine {
        cpu: "Example CPU @ 2.80GHz".to_owned(),
        cores: 2,
        memory_bytes: 8 << 30,
        kernel: "Linux 6.8.0".to_owned(),
        arch: "x86_64".to_owned(),
        governor: None,
        virtualised: true,
        steal: Some(0.004),
        profile: "release".to_owned(),
        revision: Some("39744189ab12+".to_owned()),
        rustc: "rustc 1.95.0".to_owned(),
        clock_read_ns: 24,
        sleep_overshoot_p99_ns: 78_000,
        ..Machine::default()
    }
}

fn versions() -> BTreeMap<String, String> {
    [
        ("jwtbench", "0.1.0"),
        ("ring", "0.17.14"),
        ("aws-lc-rs", "1.19.0"),
        ("rust-crypto", "rsa 0.9.10, p256 0.14.0, ed25519-dalek 3.0.0"),
        ("graviola", "0.4.4"),
        ("jsonwebtoken", "11.1.0"),
    ]
    .map(|(name, version)| (name.to_owned(), version.to_owned()))
    .into()
}

fn hot_path(path: &HotPath, algorithm: &str, at: usize, into: &mut Vec<Measurement>) {
    let mut push = |contender: String, ns: f64| {
        let salt = into.len() as u64;
        into.push(ranked(path, &contender, algorithm, ns, salt));
    };
    for (backend, raw) in BACKENDS {
        push(format!("core:{backend}"), raw[at] + 1_900.0);
    }
    for (backend, raw) in [BACKENDS[1], BACKENDS[2]] {
        push(format!("jsonwebtoken:{backend}"), raw[at] + 4_300.0);
    }
    if path.0 == "hot-path/reject-claims" {
        return;
    }
    for (backend, raw) in BACKENDS {
        push(format!("raw:{backend}"), raw[at]);
    }
    push("core:null".to_owned(), 1_780.0);
    push("null:".to_owned(), 31.0);
}

fn ranked(path: &HotPath, contender: &str, algorithm: &str, ns: f64, salt: u64) -> Measurement {
    let (scenario, _, classes) = path;
    let forgives = ["raw:", "null:", "core:null"].iter().any(|k| contender.starts_with(k));
    let foreign = contender.starts_with("jsonwebtoken");
    let count = (0.5e9 / ns * 2.0) as u64;
    let only_valid = [("valid", 1.0, "ACCEPT")];
    let classes = if forgives { &only_valid[..] } else { classes };
    let given = |due: &str| match (foreign, due) {
        (_, "ACCEPT") => "ACCEPT".to_owned(),
        (true, "JWT_TYPE_MISMATCH") => "ACCEPT".to_owned(),
        (true, _) => "REFUSE".to_owned(),
        (false, due) => due.to_owned(),
    };
    let share = |part: f64| (count as f64 * part) as u64;
    let outcomes = classes.iter().map(|(class, part, due)| OutcomeRow {
        stream: "users".to_owned(),
        class: (*class).to_owned(),
        code: given(due),
        count: share(*part),
        latency: Some(latency(share(*part), ns)),
        whole: None,
    });
    let conformance = classes.iter().map(|(class, part, due)| ConformanceCell {
        class: (*class).to_owned(),
        due: (*due).to_owned(),
        got: given(due),
        count: share(*part),
        conforms: (given(due) == "ACCEPT") == (*due == "ACCEPT"),
    });
    Measurement {
        scenario: (*scenario).to_owned(),
        family: "hot-path".to_owned(),
        contender: contender.to_owned(),
        algorithm: algorithm.to_owned(),
        cache_policy: "default".to_owned(),
        plan_hash: "5e1f".repeat(16),
        corpus_hash: "c0de".repeat(16),
        workers: 2,
        verdicts: VerdictCounts { judged: count, ..VerdictCounts::default() },
        arrivals: ArrivalCounts { planned: count, done: count, ..ArrivalCounts::default() },
        throughput_per_s: 2e9 / ns,
        rounds: rounds(ns, count, salt),
        findings: if foreign { findings(scenario, count) } else { Vec::new() },
        phases: vec![PhaseResult {
            name: "start".to_owned(),
            end_ns: 500_000_000,
            outcomes: outcomes.collect(),
            ..PhaseResult::default()
        }],
        conformance: conformance.collect(),
        service_curve: curve(ns, count, salt),
        token_bytes_mean: 742.0,
        ..Measurement::default()
    }
}

fn rounds(ns: f64, count: u64, salt: u64) -> Vec<Round> {
    (0..3)
        .map(|round| Round {
            order: round * 12 + salt as u32 % 12,
            done: count / 3,
            throughput_per_s: 2e9 / ns,
            p50_ns: (ns * (1.0 + 0.004 * f64::from(round) * (1 + salt % 3) as f64)) as u64,
            p99_ns: (ns * 1.4) as u64,
            cpu_ns_per_op: Some(ns * 0.97),
            ..Round::default()
        })
        .collect()
}

fn findings(scenario: &str, count: u64) -> Vec<Finding> {
    if scenario != "hot-path/reject-claims" {
        return Vec::new();
    }
    let finding = |class: &str, due: &str, tag, reason: &str| Finding {
        class: class.to_owned(),
        due: due.to_owned(),
        got: "ACCEPT".to_owned(),
        count: count / 5,
        tag,
        reason: reason.to_owned(),
    };
    vec![
        finding(
            "crit-unknown",
            "JWT_CRIT_UNSUPPORTED",
            FindingTag::BreaksMust,
            "RFC 7515 section 4.1.11: an extension that is not understood must be refused.",
        ),
        finding(
            "id-token",
            "JWT_TYPE_MISMATCH",
            FindingTag::OutOfScope,
            "The library hands back the header; comparing typ is left to its caller.",
        ),
        finding(
            "signature-trailing-bits",
            "JWT_MALFORMED",
            FindingTag::OurPolicy,
            "Our contract refuses stray bits; RFC 4648 section 3.5 lets a decoder choose.",
        ),
    ]
}

/// One wrong verdict in rust-crypto's ES256 mix, one trial of graviola that could not run.
fn spoil(measurements: &mut [Measurement]) {
    for m in measurements {
        let at = (m.scenario.as_str(), m.contender.as_str(), m.algorithm.as_str());
        match at {
            ("hot-path/realistic-mix", "core:rust-crypto", "ES256") => {
                m.verdicts.wrong = 1;
                m.wrong = vec![Wrong {
                    class: "expired".to_owned(),
                    due: "JWT_EXPIRED".to_owned(),
                    got: "JWT_BAD_SIGNATURE".to_owned(),
                    count: 1,
                }];
                m.conformance.push(ConformanceCell {
                    class: "expired".to_owned(),
                    due: "JWT_EXPIRED".to_owned(),
                    got: "JWT_BAD_SIGNATURE".to_owned(),
                    count: 1,
                    conforms: false,
                });
            }
            ("hot-path/accept", "core:graviola", "EdDSA") => {
                m.error = Some("graviola needs a CPU with AVX2 and BMI2".to_owned());
            }
            _ => {}
        }
    }
}

fn latency(count: u64, ns: f64) -> LatencySummary {
    let service = HistogramSummary {
        count,
        mean_ns: ns * 1.05,
        p50_ns: ns as u64,
        p90_ns: (ns * 1.12) as u64,
        p99_ns: (ns * 1.42) as u64,
        p999_ns: (ns * 2.9) as u64,
        max_ns: (ns * 30.0) as u64,
    };
    let response = HistogramSummary { max_ns: (ns * 41.0) as u64, ..service.clone() };
    LatencySummary { response, service, lateness: HistogramSummary::default() }
}

fn curve(ns: f64, count: u64, salt: u64) -> Vec<CurvePoint> {
    let wobble = 1.0 + (salt % 5) as f64 * 0.06;
    (0..=40)
        .map(|step| f64::from(step) / 8.0)
        .take_while(|decades| libm::pow(10.0, -decades) * count as f64 >= 0.999)
        .map(|decades| CurvePoint {
            quantile: 1.0 - libm::pow(10.0, -decades),
            ns: (ns * (0.97 + 0.03 * decades + 0.04 * wobble * decades * decades * decades)) as u64,
        })
        .collect()
}
