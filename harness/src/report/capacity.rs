//! Capacities in words and cells, the same in every form.

use super::quantity;
use crate::result::RunResult;
use crate::result::capacity::{Capacity, LoadCheck, LoadPoint};

/// What the figures are, and are not.
pub const NOTE: &str = "Capacity is what a closed loop reaches. The curve and the limit are \
                        modelled: recorded services, Poisson arrivals, one queue per worker. The \
                        open loops are real; where they disagree with the model, believe them.";
/// Heads of the curve.
pub const CURVE: [&str; 4] = ["load", "rate", "p50", "p99"];
/// Heads of the open loops.
pub const CHECKS: [&str; 7] =
    ["open loop", "rate", "p50", "p99", "at SLO", "modelled", "measured/modelled"];

/// Who, and what it reaches.
pub fn title(capacity: &Capacity) -> String {
    let Capacity { contender, algorithm, workers, .. } = capacity;
    let workers = quantity::counted(u64::from(*workers), "worker");
    format!("{contender} {algorithm}, {workers}: {}", quantity::rate(capacity.capacity_per_s))
}

/// The knee: the highest rate that holds the objective.
pub fn limit(capacity: &Capacity) -> String {
    let slo = &capacity.slo;
    let share = |limit: f64| quantity::share(limit / capacity.capacity_per_s);
    let is_held = capacity.checks.iter().all(LoadCheck::agrees);
    let doubt = if is_held { "" } else { "; real open loops do not bear the model out" };
    match capacity.limit_per_s {
        Some(limit) => format!(
            "{slo} holds up to {} ({} of capacity){doubt}",
            quantity::rate(limit),
            share(limit)
        ),
        None => format!("{slo} holds at no rate: services alone are too long"),
    }
}

/// The card: what and how much.
pub fn card(capacity: &Capacity) -> Vec<(String, String)> {
    let card = &capacity.card;
    let mut rows = Vec::new();
    if let Some(rate) = card.for_rate_per_s {
        let why = card.no_cores.as_deref().unwrap_or("no number of them");
        let cores = card.cores.map_or_else(|| format!("none given: {why}"), quantity::count);
        rows.push((format!("cores for {} within {}", quantity::rate(rate), capacity.slo), cores));
    }
    let cpu = card.cpu_s_per_million.map_or_else(
        || "not known: threads have no clock here".to_owned(),
        |seconds| quantity::nanoseconds(seconds * 1e9),
    );
    rows.push(("CPU time per million verifications".into(), cpu));
    let bytes = format!("{}/s", quantity::bytes(card.token_bytes_per_s));
    rows.push(("tokens at capacity".into(), bytes));
    if let Some(forged) = card.forged {
        let mix = quantity::rate(forged.mix_per_s);
        let what = format!("forged tokens per core that break {} beside {mix}", capacity.slo);
        rows.push((what, quantity::rate(forged.forged_per_s)));
    }
    rows
}

/// The cells of a point of the curve.
pub fn point(point: &LoadPoint) -> Vec<String> {
    vec![
        quantity::share(point.load),
        quantity::rate(point.rate_per_s),
        quantity::nanoseconds(point.response.p50_ns as f64),
        quantity::nanoseconds(point.response.p99_ns as f64),
    ]
}

/// The cells of an open loop.
pub fn check(check: &LoadCheck) -> Vec<String> {
    let LoadCheck { measured, modelled, .. } = check;
    if check.wrong > 0 {
        let wrong = quantity::counted(check.wrong, "wrong verdict");
        let dash = || "–".to_owned();
        let mut cells = vec![quantity::share(check.load), quantity::rate(check.rate_per_s)];
        cells.extend([dash(), dash(), dash(), dash(), wrong]);
        return cells;
    }
    let ns = |ns: u64| quantity::nanoseconds(ns as f64);
    vec![
        quantity::share(check.load),
        quantity::rate(check.rate_per_s),
        ns(measured.p50_ns),
        ns(measured.p99_ns),
        ns(measured.slo_ns),
        ns(modelled.slo_ns),
        quantity::ratio(check.disagreement),
    ]
}

/// What relative rates were shares of, a line each.
pub fn bases(result: &RunResult) -> Vec<String> {
    let line = |basis: &crate::result::capacity::RateBasis| {
        let rates: Vec<String> = basis
            .rates
            .iter()
            .map(|rate| {
                let [from, to] = [rate.rate_per_s, rate.rate_to_per_s].map(quantity::rate);
                let until = if from == to { String::new() } else { format!(" to {to}") };
                format!("{} {} {from}{until}", rate.phase, rate.stream)
            })
            .collect();
        format!(
            "{} {}: rates are shares of {}, the capacity of {}: {}",
            basis.scenario,
            basis.algorithm,
            quantity::rate(basis.capacity_per_s),
            basis.contender,
            rates.join(", "),
        )
    };
    result.rate_bases.iter().map(line).collect()
}
