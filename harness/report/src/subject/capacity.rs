//! Capacities in words and cells, the same in every form.

use jwtbench_result::RunResult;
use jwtbench_result::capacity::{Capacity, LoadCheck, LoadPoint, RateBasis};

use crate::quantity;
use crate::subject::caveat::Caveat;

/// A note on what the figures mean, and what they do not.
pub const NOTE: &str = "Capacity is what a closed loop reaches. The curve and the limit are \
                        modelled: recorded services, Poisson arrivals, one queue per worker. The \
                        open loops are real; where they disagree with the model, believe them.";
/// The mark of a figure that the host disturbed, as in every other table.
const LETTER: char = Caveat::Disturbed.letter();
/// The headings of the curve's table.
pub const CURVE: [&str; 4] = ["load", "rate", "p50", "p99"];
/// The headings of the table of open loops.
pub const CHECKS: [&str; 7] =
    ["open loop", "rate", "p50", "p99", "at SLO", "modelled", "measured/modelled"];

/// The contender with its algorithm, its workers and its capacity.
pub fn title(capacity: &Capacity) -> String {
    let Capacity { contender, algorithm, workers, .. } = capacity;
    let workers = quantity::counted(u64::from(*workers), "worker");
    format!("{contender} {algorithm}, {workers}: {}", reached(capacity))
}

/// The capacity, marked if the host disturbed it.
pub fn reached(capacity: &Capacity) -> String {
    marked(quantity::rate(capacity.capacity_per_s), &capacity.disturbed)
}

/// A figure, with the letter for a disturbance if the host disturbed it.
fn marked(figure: String, disturbed: &Option<String>) -> String {
    if disturbed.is_some() { format!("{figure} {LETTER}") } else { figure }
}

/// Whether the host disturbed a loop behind a capacity.
pub fn is_disturbed(capacity: &Capacity) -> bool {
    !disturbances(capacity).is_empty()
}

/// The loops that the host disturbed, each with the reason, a line each.
pub fn disturbances(capacity: &Capacity) -> Vec<String> {
    let closed = ("closed loop".to_owned(), &capacity.disturbed);
    let open = |check: &LoadCheck| format!("open loop at {}", quantity::share(check.load));
    let open = capacity.checks.iter().map(|check| (open(check), &check.disturbed));
    let forged = capacity.card.forged.iter();
    let forged = forged.map(|forged| ("forged tokens".to_owned(), &forged.disturbed));
    let loops = [closed].into_iter().chain(open).chain(forged);
    let line = |(name, why): (String, &Option<String>)| {
        Some(format!("{LETTER} {name}: INVALID: {}", why.as_ref()?))
    };
    loops.filter_map(line).collect()
}

/// The knee: the highest rate that holds the objective.
pub fn limit(capacity: &Capacity) -> String {
    let slo = &capacity.slo;
    let share = |limit: f64| quantity::share(limit / capacity.capacity_per_s);
    let is_held = capacity.checks.iter().all(LoadCheck::agrees);
    let doubt = match is_held {
        _ if capacity.disturbed.is_some() => " d; INVALID, as the host disturbed it",
        true => "",
        false => "; real open loops do not bear the model out",
    };
    match capacity.limit_per_s {
        Some(limit) => format!(
            "{slo} holds up to {} ({} of capacity){doubt}",
            quantity::rate(limit),
            share(limit)
        ),
        None => format!("{slo} holds at no rate: services alone are too long"),
    }
}

/// The lines of the card, each as name and value.
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
    let of_closed = |figure: String| marked(figure, &capacity.disturbed);
    rows.push(("CPU time per million verifications".into(), of_closed(cpu)));
    let bytes = format!("{}/s", quantity::bytes(card.token_bytes_per_s));
    rows.push(("tokens at capacity".into(), of_closed(bytes)));
    if let Some(forged) = &card.forged {
        let mix = quantity::rate(forged.mix_per_s);
        let what = format!("forged tokens per core that break {} beside {mix}", capacity.slo);
        let disturbed = forged.disturbed.clone().or_else(|| capacity.disturbed.clone());
        rows.push((what, marked(quantity::rate(forged.forged_per_s), &disturbed)));
    }
    rows
}

/// The rows of the curve's table.
pub fn points(capacity: &Capacity) -> Vec<Vec<String>> {
    let time = |ns: u64| marked(quantity::nanoseconds(ns as f64), &capacity.disturbed);
    let cells = |point: &LoadPoint| {
        let LoadPoint { load, rate_per_s, response } = point;
        let [p50, p99] = [response.p50_ns, response.p99_ns].map(time);
        vec![quantity::share(*load), quantity::rate(*rate_per_s), p50, p99]
    };
    capacity.curve.iter().map(cells).collect()
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
    // The mark is in the first cell, so the figures keep the width of their columns.
    vec![
        marked(quantity::share(check.load), &check.disturbed),
        quantity::rate(check.rate_per_s),
        ns(measured.p50_ns),
        ns(measured.p99_ns),
        ns(measured.slo_ns),
        ns(modelled.slo_ns),
        quantity::ratio(check.disagreement),
    ]
}

/// The capacities that relative rates are shares of, a line each.
pub fn bases(result: &RunResult) -> Vec<String> {
    let line = |basis: &RateBasis| {
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
            "{} {}: rates are shares of {}, the capacity of {}: {}{}",
            basis.scenario,
            basis.algorithm,
            marked(quantity::rate(basis.capacity_per_s), &basis.disturbed),
            basis.contender,
            rates.join(", "),
            basis.disturbed.iter().map(|why| format!("; INVALID: {why}")).collect::<String>(),
        )
    };
    result.rate_bases.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use jwtbench_result::capacity::{CapacityCard, ForgedLimit};

    use super::*;

    /// A capacity with a loop of each kind, of which the host disturbed those given.
    fn capacity([closed, open, forged]: [bool; 3]) -> Capacity {
        let why = |is_disturbed: bool| is_disturbed.then(|| "1 of 3 rounds, steal".to_owned());
        let loops = [(0.7, false), (0.9, open)];
        let check = |(load, is_disturbed)| LoadCheck {
            load,
            disagreement: 1.0,
            disturbed: why(is_disturbed),
            ..LoadCheck::default()
        };
        let forged = Some(ForgedLimit { disturbed: why(forged), ..ForgedLimit::default() });
        Capacity {
            capacity_per_s: 100.0,
            limit_per_s: Some(50.0),
            disturbed: why(closed),
            curve: vec![LoadPoint::default()],
            checks: loops.map(check).into(),
            card: CapacityCard { forged, ..CapacityCard::default() },
            ..Capacity::default()
        }
    }

    #[test]
    fn what_the_host_disturbed_is_marked_in_every_row() {
        /// The disturbed loops (closed, the second open one, forged), and which of these are marked
        /// then: title, limit, curve, both open loops, CPU time, forged tokens.
        type Row<'r> = ([bool; 3], [bool; 7], &'r str);
        let rows: [Row<'_>; 5] = [
            ([false; 3], [false; 7], "a still host"),
            (
                [true, false, false],
                [true, true, true, false, false, true, true],
                "all that is made of the closed loop",
            ),
            (
                [false, true, false],
                [false, false, false, false, true, false, false],
                "an open loop stands for itself",
            ),
            (
                [false, false, true],
                [false, false, false, false, false, false, true],
                "forged tokens have a loop of their own",
            ),
            ([true; 3], [true, true, true, false, true, true, true], "all"),
        ];
        for (disturbed, expected, why) in rows {
            let found = capacity(disturbed);
            let is_marked = |text: &str| text.ends_with(" d") || text.contains(" d; INVALID");
            let checks = found.checks.iter().map(|one| is_marked(&check(one)[0]));
            let card = card(&found);
            let cells = [title(&found), limit(&found), points(&found)[0][3].clone()];
            let mut got: Vec<bool> = cells.iter().map(|text| is_marked(text)).collect();
            got.extend(checks);
            got.extend([&card[0], &card[2]].map(|(_, value)| is_marked(value)));
            assert_eq!(got, expected, "{why}");
            let lines = disturbances(&found);
            let count = disturbed.iter().filter(|is_disturbed| **is_disturbed).count();
            assert_eq!((lines.len(), is_disturbed(&found)), (count, count > 0), "{why}");
            assert!(lines.iter().all(|line| line.contains("INVALID: 1 of 3")), "{why}: {lines:?}");
        }
    }
}
