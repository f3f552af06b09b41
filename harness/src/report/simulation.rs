//! A simulation in every form: tables, words, and the frontier of exposure against lockout.

mod frontier;
mod html;
mod markdown;
mod minutes;
mod sweep;
mod terminal;

pub use frontier::simulation_picture;
pub use html::simulation_html;
pub use markdown::simulation_markdown;
pub use terminal::simulation_terminal;

use crate::result::simulation::{Advice, COLUMNS, Metric, Simulation, SimulationRow};

/// The metrics that any row of a scenario has, in the order of tables. What is in flight at once
/// says something of a fleet only.
fn columns<'r>(rows: impl Iterator<Item = &'r SimulationRow>) -> Vec<&'static str> {
    let rows: Vec<&SimulationRow> = rows.collect();
    let has = |name: &&str| rows.iter().any(|row| row.metric(name).is_some());
    COLUMNS.into_iter().filter(has).collect()
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

/// A row in words.
fn words(row: &SimulationRow) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(metric) = row.metric("exposure_s") {
        said.push(match (metric.max, metric.min) {
            (Some(most), _) if most <= 0.0 => {
                "A key withdrawn at 10:00 is not trusted from 10:00 on.".into()
            }
            (Some(most), _) => format!(
                "A key withdrawn at 10:00:00 is trusted until {} at the latest.",
                clock(most)
            ),
            (None, Some(least)) => format!(
                "A key withdrawn at 10:00:00 may be trusted beyond the horizon; the luckiest cache \
                 drops it at {}.",
                clock(least)
            ),
            (None, None) => "A key withdrawn at 10:00 is trusted for ever.".into(),
        });
    }
    if let Some(metric) = row.metric("convergence_s") {
        said.push(match metric.max {
            Some(most) if most <= 0.0 => "Tokens of a new key get in at once.".into(),
            Some(most) => format!("Tokens of a new key are refused for up to {}.", span(most)),
            None => "Tokens of a new key may still be refused at the horizon.".into(),
        });
    }
    if let Some(metric) = row.metric("grace_s") {
        said.push(match metric.min {
            Some(least) => format!("When the endpoint dies, users notice after {}.", span(least)),
            None => "Users never notice that the endpoint is down.".into(),
        });
    }
    if row.counts.misreported > 0 {
        said.push(format!(
            "{} good tokens were answered 401 while the endpoint was down: users are logged out.",
            row.counts.misreported
        ));
    }
    said
}

/// 10:00:00 and so many seconds, as a clock shows it; the next day is marked.
fn clock(seconds: f64) -> String {
    let at = 36_000 + seconds.ceil() as u64;
    let day = at / 86_400;
    let shown = format!("{:02}:{:02}:{:02}", at / 3600 % 24, at / 60 % 60, at % 60);
    if day > 0 { format!("{shown} (day {})", day + 1) } else { shown }
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

    #[test]
    fn the_clock_goes_on_from_ten() {
        let rows = [(0.0, "10:00:00"), (600.2, "10:10:01"), (50_400.0, "00:00:00 (day 2)")];
        for (seconds, expected) in rows {
            assert_eq!(clock(seconds), expected, "{seconds}");
        }
    }
}
