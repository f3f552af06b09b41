//! A simulation in tables and words, the same in every form.

pub(crate) mod bound;
pub(crate) mod change;
pub(crate) mod expected;
pub(crate) mod words;

use jwtbench_result::record::standing::{Standing, legend};
use jwtbench_result::simulation::{
    Advice, COLUMNS, MetricRange, PhaseRow, PolicyNote, Simulation, SimulationRow,
};

use crate::quantity::{counted, nanoseconds};

/// A column of a table: its title, and a cell for each row.
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) cells: Vec<String>,
}

/// The most phases of a scenario without tables by phase.
pub(crate) const FEW_PHASES: usize = 3;

/// The metrics that any row of a scenario has, in the order of tables.
pub(crate) fn columns(rows: &[&SimulationRow]) -> Vec<Column> {
    let has = |name: &&str| rows.iter().any(|row| row.metric(name).is_some());
    let metric = |name: &str| Column {
        title: title(name).to_owned(),
        cells: rows.iter().map(|row| cell(row, name)).collect(),
    };
    match is_of_state(rows.iter().copied()) {
        true => {
            let mut columns: Vec<Column> = OF_STATE.into_iter().filter(has).map(metric).collect();
            if rows.iter().any(|row| row.metric("state_exposure_s").is_some()) {
                columns.insert(1.min(columns.len()), mean_exposure(rows));
            }
            columns
        }
        false => COLUMNS.into_iter().filter(has).map(metric).collect(),
    }
}

/// The mean exposure over all revocations and instances, with half the width of its interval of
/// 95 %.
fn mean_exposure(rows: &[&SimulationRow]) -> Column {
    let cell = |row: &&SimulationRow| {
        let range = row.metric("state_exposure_s");
        let mean = range.and_then(|range| range.mean);
        let error = range.and_then(|range| range.mean_error);
        match (mean, error) {
            (None, _) => "–".to_owned(),
            (Some(mean), None | Some(0.0)) => span(mean),
            (Some(mean), Some(error)) => format!("{} ± {}", span(mean), span(error)),
        }
    };
    Column { title: "mean".into(), cells: rows.iter().map(cell).collect() }
}

/// The columns of a table of state strategies, in order.
const OF_STATE: [&str; 9] = [
    "state_exposure_s",
    "lockout_s",
    "added_latency_s",
    "store_ops_per_token",
    "store_peak_per_s",
    "store_cost_per_month",
    "silence_s",
    "state_age_s",
    "token_endpoint_per_s",
];

/// Whether rows are about state strategies, and not about cache policies.
pub(crate) fn is_of_state<'r>(rows: impl IntoIterator<Item = &'r SimulationRow>) -> bool {
    rows.into_iter().any(|row| row.state_strategy.is_some())
}

/// The title of the column of what rows are about.
pub(crate) fn subject_title(rows: &[&SimulationRow]) -> &'static str {
    if is_of_state(rows.iter().copied()) { "state strategy" } else { "cache policy" }
}

/// What a simulation compares.
pub(crate) fn subjects(simulation: &Simulation) -> &'static str {
    if is_of_state(&simulation.rows) { "State strategies" } else { "Cache policies" }
}

/// The tables by phase, if a scenario has more than [`FEW_PHASES`] phases: one for each metric,
/// with its heading.
pub(crate) fn phase_tables(rows: &[&SimulationRow]) -> Vec<(&'static str, Vec<Column>)> {
    let phases = rows.first().map_or(&[][..], |row| &row.phases);
    if phases.len() <= FEW_PHASES {
        return Vec::new();
    }
    let tables = [
        ("Lockout by phase", "lockout_s"),
        ("Fetch attempts by phase, for each instance and hour", "attempts_per_hour"),
        ("Keys lost by phase", "poison_loss"),
    ];
    let is_known = |name: &str| phases.iter().any(|phase| phase_metric(name, phase).is_some());
    let tables = tables.into_iter().filter(|(_, name)| is_known(name));
    let table = |(heading, name)| {
        let column = |(place, phase): (usize, &PhaseRow)| {
            let metric = |row: &SimulationRow| phase_metric(name, row.phases.get(place)?).copied();
            let cells = rows.iter().map(|row| range(name, metric(row).as_ref(), FOREVER));
            Column { title: phase.phase.clone(), cells: cells.collect() }
        };
        // A phase in which every cell is zero is left out.
        let says = |column: &Column| column.cells.iter().any(|cell| cell != "0");
        (heading, phases.iter().enumerate().map(column).filter(says).collect())
    };
    tables.map(table).filter(|(_, columns): &(_, Vec<Column>)| !columns.is_empty()).collect()
}

pub(crate) fn phase_metric<'p>(name: &str, phase: &'p PhaseRow) -> Option<&'p MetricRange> {
    match name {
        "lockout_s" => Some(&phase.lockout_s),
        "attempts_per_hour" => phase.attempts_per_hour.as_ref(),
        _ => phase.poison_loss.as_ref(),
    }
}

/// The runs behind the figures of these rows: ages of the cache and draws of the arrivals.
pub(crate) fn runs<'r>(rows: impl IntoIterator<Item = &'r SimulationRow>) -> String {
    let mut known: Vec<String> = Vec::new();
    for row in rows {
        let (ages, draws) = row.runs();
        let said = format!("{} × {}", counted(ages, "age"), counted(draws, "draw"));
        if !known.contains(&said) {
            known.push(said);
        }
    }
    known.join(" or ")
}

/// The cache policy of a row with the mark of its standing. In a sweep the name has a second part,
/// which stays behind the mark.
pub(crate) fn marked(simulation: &Simulation, cache_policy: &str) -> String {
    let (name, rest) = cache_policy.split_once(' ').unwrap_or((cache_policy, ""));
    let marked = standing(simulation, name).marked(name);
    if rest.is_empty() { marked } else { format!("{marked} {rest}") }
}

/// The standing of a row's cache policy: how far it was checked against its model.
pub(crate) fn standing<'s>(simulation: &'s Simulation, cache_policy: &str) -> Standing<'s> {
    let name = cache_policy.split_once(' ').map_or(cache_policy, |(name, _)| name);
    let note = simulation.policies.iter().find(|note| note.name == name);
    note.map_or(Standing::Held, PolicyNote::standing)
}

/// The legend of the marks in a simulation.
pub(crate) fn marks(simulation: &Simulation) -> Vec<String> {
    legend(simulation.policies.iter().map(|note| (note.name.as_str(), note.standing())))
}

/// A metric's name without its unit, short enough for a column.
pub(crate) fn title(name: &str) -> &str {
    match name {
        "amplification_unknown_kid" => "ampl. kid",
        "amplification_bad_signature" => "ampl. sig",
        "retry_peak" => "retry peak",
        "poison_loss" => "loss",
        "key_age_s" => "key age",
        "attempts_per_hour" => "fetches/h",
        "state_exposure_s" => "exposure",
        "state_age_s" => "age",
        "store_ops_per_token" => "ops/token",
        "store_peak_per_s" => "peak/s",
        "store_cost_per_month" => "cost/month",
        "added_latency_s" => "latency",
        "token_endpoint_per_s" => "tokens/s",
        name => name.strip_suffix("_s").unwrap_or(name),
    }
}

/// The text for a value that the horizon cut off, if longer is worse.
pub(crate) const FOREVER: &str = "for ever";

/// The text for a value that the horizon cut off. It is "for ever" if longer is worse. For grace,
/// where longer is better, it is "not within" the fault or the horizon.
pub(crate) fn beyond(row: &SimulationRow, name: &str) -> String {
    match (name, row.fault_s) {
        ("grace_s", Some(fault)) => format!("not within {}", span(fault)),
        ("grace_s", None) => "not within the horizon".into(),
        _ => FOREVER.into(),
    }
}

/// A figure of a metric where longer is worse.
pub(crate) fn figure(name: &str, value: Option<f64>) -> String {
    match value {
        None => FOREVER.into(),
        Some(seconds) if name == "added_latency_s" && seconds > 0.0 && seconds < 1.0 => {
            nanoseconds(seconds * 1e9)
        }
        Some(value) if name.ends_with("_s") && !name.ends_with("_per_s") => span(value),
        Some(value) if value.fract().abs() < 1e-9 || value >= 100.0 => format!("{value:.0}"),
        Some(value) if name == "store_ops_per_token" && value < 0.01 => format!("{value:.1e}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// A metric of a row as its median and its worst.
pub(crate) fn cell(row: &SimulationRow, name: &str) -> String {
    range(name, row.metric(name), &beyond(row, name))
}

/// A metric as its median and its worst, written once if they are alike. The worst grace is the
/// shortest.
pub(crate) fn range(name: &str, metric: Option<&MetricRange>, beyond: &str) -> String {
    let Some(metric) = metric else {
        return "–".into();
    };
    let worst = if name == "grace_s" { metric.min } else { metric.max };
    let said = |value: Option<f64>| match value {
        None => beyond.to_owned(),
        value => figure(name, value),
    };
    let [middle, worst] = [metric.p50, worst].map(said);
    if middle == worst { worst } else { format!("{middle} / {worst}") }
}

/// A span of seconds in words, with two units at most.
pub(crate) fn span(seconds: f64) -> String {
    let whole = seconds.abs().round();
    let sign = if seconds < 0.0 && whole > 0.0 { "-" } else { "" };
    let unit = |value: f64, per: f64, big: &str, small: &str| {
        let rest = ((value % per) * 60.0 / per).floor();
        let big = format!("{}{big}", (value / per).floor());
        if rest > 0.0 { format!("{sign}{big} {rest}{small}") } else { format!("{sign}{big}") }
    };
    match seconds.abs() {
        0.0 => "0".into(),
        low if low < 0.0005 => "<1ms".into(),
        low if low < 0.9995 => format!("{sign}{:.0}ms", low * 1000.0),
        low if low < 9.95 && low.fract() > 0.0 => format!("{sign}{low:.1}s"),
        _ if whole < 60.0 => format!("{sign}{whole}s"),
        _ if whole < 3600.0 => unit(whole, 60.0, "m", "s"),
        _ => unit(whole, 3600.0, "h", "m"),
    }
}

/// The known facts on a policy, each with its name.
pub(crate) fn facts(note: &PolicyNote) -> Vec<(&'static str, &str)> {
    let facts = [
        ("Source", &note.source),
        ("Opt-in", &note.opt_in),
        ("Not modelled", &note.not_modelled),
        ("Differs", &note.differs),
        ("Checked", &note.checked),
    ];
    let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact.as_deref()?)));
    let unchecked = note.source.is_some() && note.checked.is_none();
    let emulates = "it emulates the documented policy of the library, and was not run against it";
    known.chain(unchecked.then_some(("Checked", emulates))).collect()
}

/// The verdict on a user's own policy in a scenario that has both axes of the frontier.
pub(crate) fn verdict(simulation: &Simulation, row: &SimulationRow) -> Option<String> {
    row.metric("exposure_s").or(row.metric("state_exposure_s"))?;
    let better = simulation.dominating(row);
    if better.is_empty() {
        return Some(format!("Nothing dominates {}.", row.subject()));
    }
    let mut said = format!("{} is dominated by {}.", row.subject(), better.join(", "));
    let mut advice = simulation.advice.iter();
    let is_mine = |advice: &&Advice| {
        advice.scenario == row.scenario && advice.cache_policy == row.cache_policy
    };
    said.push_str(&match advice.find(is_mine) {
        Some(advice) => {
            let step = |name: &str, [before, after]: [Option<f64>; 2]| match before == after {
                true => format!("as before ({})", figure(name, after)),
                false => format!("{} instead of {}", figure(name, after), figure(name, before)),
            };
            format!(
                " Of all changes of one key, {} helps most: exposure {}, lockout {}.",
                advice.change,
                step("exposure_s", advice.exposure_s),
                step("lockout_s", advice.lockout_s)
            )
        }
        None if row.state_strategy.is_some() => String::new(),
        None => " No change of one key alone helps on one axis and harms on none.".to_owned(),
    });
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units() {
        let rows = [
            (0.0, "0"),
            (0.0001, "<1ms"),
            (0.25, "250ms"),
            (1.26, "1.3s"),
            (59.4, "59s"),
            (59.7, "1m"),
            (90.0, "1m 30s"),
            (3600.0, "1h"),
            (5430.0, "1h 30m"),
            (-2.0, "-2s"),
            (2.04, "2.0s"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }
}
