//! A simulation in every form: tables, words, and the frontier of exposure against lockout.

mod frontier;
mod html;
mod markdown;
mod minutes;
mod policy;
mod sweep;
mod terminal;
mod words;

pub use frontier::simulation_picture;
pub use html::simulation_html;
pub use markdown::simulation_markdown;
pub use policy::policy_markdown;
pub use terminal::simulation_terminal;

use crate::result::simulation::{
    Advice, COLUMNS, Metric, PhaseRow, PolicyNote, Simulation, SimulationRow,
};

/// A column of a table: what it says of each row.
struct Column {
    title: String,
    cells: Vec<String>,
}

/// Phases are told apart where a scenario has more than this many.
const FEW_PHASES: usize = 3;

/// The metrics that any row of a scenario has, in the order of tables, and its fetches.
fn columns(rows: &[&SimulationRow]) -> Vec<Column> {
    let has = |name: &&str| rows.iter().any(|row| row.metric(name).is_some());
    let metric = |name: &str| Column {
        title: title(name).to_owned(),
        cells: rows.iter().map(|row| range(name, row.metric(name))).collect(),
    };
    let metrics = COLUMNS.into_iter().filter(has).map(metric);
    let attempts = rows.iter().map(|row| row.counts.attempts.to_string()).collect();
    metrics.chain([Column { title: "attempts".into(), cells: attempts }]).collect()
}

/// What each phase cost, where a scenario has many: a table for each metric, with its name.
fn phase_tables(rows: &[&SimulationRow]) -> Vec<(&'static str, Vec<Column>)> {
    let phases = rows.first().map_or(&[][..], |row| &row.phases);
    if phases.len() <= FEW_PHASES {
        return Vec::new();
    }
    let lossy = phases.iter().any(|phase| phase.poison_loss.is_some());
    let tables = [
        ("Lockout by phase", "lockout_s"),
        ("Fetch attempts by phase", "attempts"),
        ("Keys lost by phase", "poison_loss"),
    ];
    let tables = tables.into_iter().filter(|(_, name)| lossy || *name != "poison_loss");
    let table = |(heading, name)| {
        let column = |(place, phase): (usize, &PhaseRow)| Column {
            title: phase.phase.clone(),
            cells: rows.iter().map(|row| phase_cell(name, row.phases.get(place))).collect(),
        };
        // What a phase without any trouble has to say is nothing.
        let says = |column: &Column| column.cells.iter().any(|cell| cell != "0");
        (heading, phases.iter().enumerate().map(column).filter(says).collect())
    };
    tables.map(table).filter(|(_, columns): &(_, Vec<Column>)| !columns.is_empty()).collect()
}

fn phase_cell(name: &str, phase: Option<&PhaseRow>) -> String {
    let metric = phase.and_then(|phase| match name {
        "lockout_s" => Some(&phase.lockout_s),
        "attempts" => Some(&phase.attempts),
        _ => phase.poison_loss.as_ref(),
    });
    range(name, metric)
}

/// A metric's name without its unit, short enough for a column.
fn title(name: &str) -> &str {
    match name {
        "amplification_unknown_kid" => "ampl. kid",
        "amplification_bad_signature" => "ampl. sig",
        "retry_peak" => "retry peak",
        "poison_loss" => "loss",
        "key_age_s" => "key age",
        name => name.strip_suffix("_s").unwrap_or(name),
    }
}

/// A figure of a metric; what the horizon cut off is never.
fn figure(name: &str, value: Option<f64>) -> String {
    match value {
        None => "never".into(),
        Some(value) if name.ends_with("_s") => span(value),
        Some(value) if value.fract().abs() < 1e-9 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// A metric as its median and its worst; once if they are alike. The worst grace is the least.
fn range(name: &str, metric: Option<&Metric>) -> String {
    let Some(metric) = metric else {
        return "–".into();
    };
    let worst = if name == "grace_s" { metric.min } else { metric.max };
    let [middle, worst] = [metric.p50, worst].map(|value| figure(name, value));
    if middle == worst { worst } else { format!("{middle} / {worst}") }
}

/// Seconds as somebody would say them: two units at the most.
fn span(seconds: f64) -> String {
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

/// What is known of a policy, a line each, with its name.
fn facts(note: &PolicyNote) -> Vec<(&'static str, &str)> {
    let facts = [
        ("Source", &note.source),
        ("Opt-in", &note.opt_in),
        ("Not modelled", &note.not_modelled),
        ("Checked", &note.checked),
    ];
    let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact.as_deref()?)));
    let unchecked = note.source.is_some() && note.checked.is_none();
    let emulates = "it emulates the documented policy of the library, and was not run against it";
    known.chain(unchecked.then_some(("Checked", emulates))).collect()
}

/// What is said of a user's own policy in a scenario that has both axes of the frontier.
fn verdict(simulation: &Simulation, row: &SimulationRow) -> Option<String> {
    row.metric("exposure_s")?;
    let better = simulation.dominating(row);
    if better.is_empty() {
        return Some(format!("No other policy dominates {}.", row.cache_policy));
    }
    let mut said = format!("{} is dominated by {}.", row.cache_policy, better.join(", "));
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
