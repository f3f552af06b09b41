//! Tests of the model against closed forms, and of the limits that it finds.

use super::model::unit_gaps;
use super::*;

const MEAN_NS: u64 = 35_000;

fn constant(workers: usize) -> Model {
    let services = vec![Service { ns: MEAN_NS, accepted: true }; 100];
    Model::new(vec![services; workers], 1).expect("services")
}

fn slo(text: &str) -> Slo {
    Slo::parse(text).expect("an objective")
}

/// The number of operations per second that one worker serves.
const CAPACITY: f64 = 1e9 / MEAN_NS as f64;

/// M/M/1: the response at quantile q is mean · ln(1 / (1 - q)) / (1 - load).
#[test]
fn exponential_services_give_the_quantiles_of_theory() {
    let draws = unit_gaps(9, 99, 200_000);
    let service = |draw: f64| Service { ns: (draw * MEAN_NS as f64) as u64, accepted: true };
    let model = Model::new(vec![draws.into_iter().map(service).collect()], 1).expect("services");
    for load in [0.2, 0.5, 0.7] {
        let LoadFigures { p50_ns, p99_ns, .. } = figures(&model, &slo("p99 < 1s"), load * CAPACITY);
        for (quantile, got) in [(0.5, p50_ns), (0.99, p99_ns)] {
            let expected = MEAN_NS as f64 * libm::log(1.0 / (1.0 - quantile)) / (1.0 - load);
            let error = (got as f64 / expected - 1.0).abs();
            assert!(error < 0.06, "p{quantile} at {load}: {got}, expected {expected}");
        }
    }
}

#[test]
fn the_curve_rises_and_workers_do_not_share_a_queue() {
    for workers in [1, 4] {
        let points = curve(&constant(workers), &slo("p99.9 < 1ms"), CAPACITY * workers as f64);
        for pair in points.windows(2) {
            let [low, high] = [pair[0].response, pair[1].response];
            assert!(low.p50_ns <= high.p50_ns && low.p99_ns <= high.p99_ns, "{pair:?}");
            assert!(low.p99_ns <= low.slo_ns && low.slo_ns <= high.slo_ns, "{pair:?}");
        }
        assert!(points[0].response.p50_ns == MEAN_NS, "an idle worker makes nobody wait");
    }
    let (one, four) = (constant(1), constant(4));
    let p99 = |model: &Model, rate: f64| model.responses(rate).at(0.99) as f64;
    let ratio = p99(&four, 4.0 * 0.7 * CAPACITY) / p99(&one, 0.7 * CAPACITY);
    assert!((0.9..1.1).contains(&ratio), "each with a queue of its own: {ratio}");
}

#[test]
fn the_limit_is_where_the_objective_breaks() {
    let model = constant(1);
    let mut last = 0.0;
    for bound in ["40us", "70us", "150us", "300us", "1ms"] {
        let slo = slo(&format!("p99 < {bound}"));
        let limit = model.limit(&slo, CAPACITY).expect("a limit");
        assert!(limit > last, "a looser bound allows more: {bound} {limit}");
        assert!(slo.holds(model.responses(limit).at(0.99)), "{bound} at the limit");
        assert!(!slo.holds(model.responses(limit * 1.01).at(0.99)), "{bound} above it");
        last = limit;
    }
    let rows = [("p99 < 35us", None, "the service itself is longer"), ("p50 < 10us", None, "far")];
    for (text, expected, reason) in rows {
        assert_eq!(model.limit(&slo(text), CAPACITY), expected, "{reason}: {text}");
    }
    let loose = model.limit(&slo("p50 < 1m"), CAPACITY);
    assert_eq!(loose, Some(CAPACITY), "never more than the capacity");
}

#[test]
fn forged_tokens_cost_the_mix_its_objective() {
    let model = constant(1);
    let slo = slo("p99 < 150us");
    let limit = model.limit(&slo, CAPACITY).expect("a limit");
    let forged = |ns| vec![Service { ns, accepted: false }; 10];
    let at = |ns| model.forged_limit(&slo, limit / 2.0, &forged(ns)).expect("a limit");
    // Forged tokens with services like those of the mix use up the other half of the limit.
    let alike = at(MEAN_NS) / (limit / 2.0);
    assert!((0.9..1.1).contains(&alike), "{alike}");
    assert!(at(MEAN_NS / 2) > at(MEAN_NS), "cheap refusals allow more");
    assert!(at(MEAN_NS * 2) < at(MEAN_NS), "dear ones less");
    assert_eq!(model.forged_limit(&slo, limit / 2.0, &[]), None, "nothing forged was run");
    assert_eq!(model.forged_limit(&slo, limit * 1.5, &forged(MEAN_NS)), None, "over it alone");
}

#[test]
fn the_card_counts_cores_by_the_limit() {
    let saturated = Saturated {
        capacity_per_s: 2.0 * CAPACITY,
        cpu_ns_per_op: Some(30_000.0),
        token_bytes_mean: 700.0,
        services: vec![vec![Service { ns: MEAN_NS, accepted: true }]; 2],
        disturbed: None,
    };
    let busy = Saturated { disturbed: Some("steal".into()), ..saturated.clone() };
    let (model, slo) = (constant(2), slo("p99 < 1ms"));
    let measured = LoadFigures { slo_ns: 1, ..LoadFigures::default() };
    let check =
        |disagreement, wrong| LoadCheck { disagreement, wrong, measured, ..LoadCheck::default() };
    let disturbed = LoadCheck { disturbed: Some("steal".into()), ..check(1.0, 0) };
    let card_of = |saturated: &Saturated, limit, rate, checks: &[LoadCheck]| {
        let card = CapacityCard::of(saturated, &model, &slo, limit, None);
        card.with_cores(rate, limit, saturated, checks)
    };
    let card = |limit, rate, checks: &[LoadCheck]| card_of(&saturated, limit, rate, checks);
    let good = [check(0.8, 0), check(1.25, 0)];
    let (limit, rate) = (Some(20_000.0), Some(200_000.0));
    let rows = [
        (limit, Some(10_000.0), &good[..], Some(1), "", "one worker's limit exactly"),
        (limit, Some(10_001.0), &good, Some(2), "", "one more"),
        (limit, rate, &good, Some(20), "", "linear: queues are apart"),
        (limit, None, &good, None, "", "nobody asked"),
        (limit, None, &[check(253.0, 0)], None, "", "nor is told why not"),
        (None, Some(10.0), &good, None, "services alone", "no number of cores holds it"),
        (limit, rate, &[check(1.0, 0), check(1.26, 0)], None, "1.26 times", "slower than modelled"),
        (limit, rate, &[check(0.79, 0)], None, "0.79 times", "faster, so it is no model either"),
        (limit, rate, &[check(253.0, 0)], None, "quiet machine", "what a busy host measures"),
        (limit, rate, &[check(f64::NAN, 0)], None, "NaN times", "no figure"),
        (limit, rate, &[LoadCheck::default()], None, "no response times", "nothing measured"),
        (limit, rate, &[check(1.0, 3)], None, "wrong verdicts", "no work that counts"),
        (limit, rate, &[disturbed], None, "disturbed the open loop", "agreement by chance"),
    ];
    for (limit, rate, checks, cores, why, reason) in rows {
        let card = card(limit, rate, checks);
        assert_eq!(card.cores, cores, "{reason}");
        assert_eq!(card.no_cores.is_some(), !why.is_empty(), "{reason}");
        assert!(card.no_cores.is_none_or(|said| said.contains(why)), "{reason}");
    }
    let said = card_of(&busy, limit, rate, &good).no_cores.unwrap_or_default();
    assert!(said.contains("disturbed the closed loop"), "no model of a busy host: {said}");
    assert_eq!(card_of(&busy, limit, None, &good).no_cores, None, "nor told why unasked");
    let card = card(None, None, &[]);
    let cpu = card.cpu_s_per_million.expect("a clock");
    assert!((cpu - 30.0).abs() < 1e-9, "30 µs of CPU a million times, whatever the wall says");
    assert!((card.token_bytes_per_s - 2.0 * CAPACITY * 700.0).abs() < 1e-3);
    assert_eq!(card.forged, None);
}

#[test]
fn a_model_needs_services_of_every_worker() {
    let service = Service { ns: 1, accepted: false };
    assert!(Model::new(vec![], 1).is_none(), "no worker");
    assert!(Model::new(vec![vec![service], vec![]], 1).is_none(), "an idle one");
    let mut refused = Model::new(vec![vec![service]], 1).expect("services").responses(1.0);
    assert_eq!(refused.at(0.99), 1, "where nothing was accepted, every response counts");
}
