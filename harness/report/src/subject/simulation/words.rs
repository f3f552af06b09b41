//! The meaning of a row, in sentences for the operator of such a cache.

use std::collections::BTreeMap;

use jwtbench_result::simulation::{MetricRange, Simulation, SimulationRow};

use super::{figure, span};

/// The most names of better policies that are listed.
const MOST_NAMED: usize = 4;

/// A row in words.
pub(crate) fn words(row: &SimulationRow) -> Vec<String> {
    let said = [
        exposure(row),
        revoked(row),
        taken(row),
        locked_out(row),
        row.metric("convergence_s").map(convergence),
        starvation(row),
        grace(row),
        recovery(row),
        lockout(row),
        misreported(row),
        amplification(row, "amplification_unknown_kid", "unknown kids"),
        amplification(row, "amplification_bad_signature", "bad signatures"),
        herd(row),
        poison(row),
        asked(row),
    ];
    said.into_iter().flatten().collect()
}

/// A sentence on the policies that are no worse on either axis of the frontier and better on one.
pub(crate) fn better(simulation: &Simulation, row: &SimulationRow) -> Option<String> {
    let names = simulation.dominating(row);
    let named = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        count if count > MOST_NAMED => {
            Some(format!("Better here: {named} and {} more.", count - MOST_NAMED))
        }
        _ => Some(format!("Better here: {named}.")),
    }
}

/// The time on a clock at this many seconds after 10:00:00. A later day is marked.
fn clock(seconds: f64) -> String {
    let at = 36_000 + seconds.ceil() as u64;
    let day = at / 86_400;
    let shown = format!("{:02}:{:02}:{:02}", at / 3600 % 24, at / 60 % 60, at % 60);
    if day > 0 { format!("{shown} (day {})", day + 1) } else { shown }
}

fn exposure(row: &SimulationRow) -> Option<String> {
    let metric = row.metric("exposure_s")?;
    Some(match (metric.max, metric.min) {
        (Some(most), _) if most <= 0.0 => {
            "A key withdrawn at 10:00 is not trusted from 10:00 on.".into()
        }
        (Some(most), _) => {
            format!("A key withdrawn at 10:00:00 is trusted until {} at the latest.", clock(most))
        }
        (None, Some(least)) => format!(
            "A key withdrawn at 10:00:00 may be trusted beyond the horizon; the luckiest cache \
             drops it at {}.",
            clock(least)
        ),
        (None, None) => "A key withdrawn at 10:00 is trusted for ever.".into(),
    })
}

/// Until when a revoked token is accepted.
fn revoked(row: &SimulationRow) -> Option<String> {
    let metric = row.metric("state_exposure_s")?;
    let middle = metric.p50.map(|middle| format!(" until {} in the middle", clock(middle)));
    Some(match metric.max {
        Some(most) if most <= 0.0 => "A token revoked at 10:00:00 is refused from then on.".into(),
        Some(most) => {
            let middle = middle.filter(|_| metric.p50 != metric.max);
            let middle = middle.map(|said| said + ", and").unwrap_or_default();
            let latest = clock(most);
            format!("A token revoked at 10:00:00 is accepted{middle} until {latest} at the latest.")
        }
        None => {
            let middle = middle.map(|said| said + " and").unwrap_or_default();
            format!("A token revoked at 10:00:00 is accepted{middle} beyond the horizon at worst.")
        }
    })
}

/// How often the store is asked.
fn asked(row: &SimulationRow) -> Option<String> {
    let ops = row.metric("store_ops_per_token")?.p50?;
    let peak = row.metric("store_peak_per_s")?.max?;
    Some(match ops > 0.0 {
        true => format!(
            "The store serves {} requests for each token, and {} in the worst second.",
            figure("store_ops_per_token", Some(ops)),
            figure("store_peak_per_s", Some(peak))
        ),
        false => "The store is never asked.".into(),
    })
}

/// A count for each verifier, as the mean over all that were simulated.
fn per_verifier(row: &SimulationRow, count: u64) -> f64 {
    let (ages, draws) = row.runs();
    count as f64 / (ages * draws * u64::from(row.instances)).max(1) as f64
}

/// A mean, rounded for a sentence.
fn about(mean: f64) -> String {
    if mean >= 10.0 { format!("{mean:.0}") } else { format!("{mean:.1}") }
}

fn taken(row: &SimulationRow) -> Option<String> {
    let names = by_count(&row.causes)?;
    let mean = about(per_verifier(row, row.counts.exposed_accepts));
    Some(format!("It takes {mean} tokens in the mean that it should not ({names})."))
}

/// The good tokens that the state of tokens or the issuer locks out.
fn locked_out(row: &SimulationRow) -> Option<String> {
    let names = by_count(&row.lockout_causes)?;
    let mean = about(per_verifier(row, row.lockout_causes.values().sum()));
    Some(format!("At each instance {mean} good requests are refused in the mean ({names})."))
}

/// The names of causes, the most frequent first; `None` if there are none.
fn by_count(causes: &BTreeMap<String, u64>) -> Option<String> {
    let mut causes: Vec<(&String, &u64)> = causes.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let names: Vec<&str> = causes.iter().map(|(cause, _)| cause.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn convergence(metric: &MetricRange) -> String {
    match metric.max {
        Some(most) if most <= 0.0 => "Tokens of a new key get in at once.".into(),
        Some(most) => format!("Tokens of a new key are refused for up to {}.", span(most)),
        None => "Tokens of a new key may still be refused at the horizon.".into(),
    }
}

fn starvation(row: &SimulationRow) -> Option<String> {
    let most = row.metric("starvation_s")?.max?;
    (most > 0.0).then(|| format!("The flood puts that off by up to {}.", span(most)))
}

fn grace(row: &SimulationRow) -> Option<String> {
    let metric = row.metric("grace_s")?;
    let fault = row.fault_s.map(|fault| format!(" of {}", span(fault))).unwrap_or_default();
    Some(match (metric.min, metric.max) {
        (None, _) => format!("Users do not notice the outage{fault}."),
        (Some(least), Some(most)) if least == most => {
            format!("When the endpoint dies, users notice after {}.", span(least))
        }
        (Some(least), Some(most)) => {
            format!("When the endpoint dies, users notice after {} to {}.", span(least), span(most))
        }
        (Some(least), None) => format!(
            "When the endpoint dies, users notice after {} at the earliest; in some runs they do \
             not notice the outage{fault}.",
            span(least)
        ),
    })
}

fn recovery(row: &SimulationRow) -> Option<String> {
    match row.metric("recovery_s")?.max {
        Some(most) if most <= 0.0 => None,
        Some(most) => {
            Some(format!("Once it is back, users are refused for up to {} more.", span(most)))
        }
        None => Some("Once it is back, users may be refused to the horizon.".into()),
    }
}

fn lockout(row: &SimulationRow) -> Option<String> {
    let MetricRange { p50, max, .. } = row.metric("lockout_s")?;
    let (middle, most) = (p50.unwrap_or_default(), max.unwrap_or_default());
    Some(match (span(middle), span(most)) {
        _ if most <= 0.0 => "No good user is refused or kept waiting.".into(),
        (middle, most) if middle == most => format!("Good users lose {most} in all."),
        (middle, most) => format!("Good users lose {middle} in all, {most} at worst."),
    })
}

fn misreported(row: &SimulationRow) -> Option<String> {
    let mean = per_verifier(row, row.counts.misreported);
    let when = match &row.state_strategy {
        Some(_) => "401 or 403 while the state cannot be had",
        None => "401 while the endpoint is down",
    };
    (mean > 0.0).then(|| {
        let count = about(mean);
        format!("In the mean {count} good tokens are answered {when}: users are logged out.")
    })
}

fn amplification(row: &SimulationRow, name: &str, flood: &str) -> Option<String> {
    let metric = row.metric(name)?;
    let most = metric.max?;
    Some(match figure(name, Some(most)) {
        _ if most <= 0.0 => format!("A flood of {flood} causes no fetch."),
        most => format!("A thousand {flood} cause up to {most} fetches."),
    })
}

fn herd(row: &SimulationRow) -> Option<String> {
    let most = row.metric("herd")?.max?;
    (most > f64::from(row.instances))
        .then(|| format!("Up to {most:.0} fetches are in flight at once."))
}

fn poison(row: &SimulationRow) -> Option<String> {
    let most = row.metric("poison_loss")?.max?;
    let is_lossy = |metric: &MetricRange| metric.max.is_some_and(|most| most > 0.0);
    let phases = row.phases.iter();
    let lossy = phases.filter(|phase| phase.poison_loss.as_ref().is_some_and(is_lossy));
    let names: Vec<&str> = lossy.map(|phase| phase.phase.as_str()).collect();
    Some(match names.as_slice() {
        _ if most <= 0.0 => "Odd entries in the set cost it no good key.".into(),
        [] => format!("Odd entries cost it up to {:.0} % of the good keys.", most * 100.0),
        names => format!(
            "Odd entries cost it up to {:.0} % of the good keys ({}).",
            most * 100.0,
            names.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_from_ten() {
        let rows = [(0.0, "10:00:00"), (600.2, "10:10:01"), (50_400.0, "00:00:00 (day 2)")];
        for (seconds, expected) in rows {
            assert_eq!(clock(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn grace_is_said_with_both_ends() {
        let metric = |min, max| MetricRange { min, p50: min, max, n: 2, ..MetricRange::default() };
        let rows = [
            (metric(None, None), "do not notice the outage of 2h."),
            (metric(Some(60.0), Some(60.0)), "after 1m."),
            (metric(Some(60.0), Some(300.0)), "after 1m to 5m."),
            (metric(Some(60.0), None), "at the earliest; in some runs they do not notice the"),
        ];
        for (metric, expected) in rows {
            let metrics = [("grace_s".to_owned(), metric)].into_iter().collect();
            let row = SimulationRow { metrics, fault_s: Some(7200.0), ..SimulationRow::default() };
            let said = grace(&row).unwrap();
            assert!(said.contains(expected), "{metric:?}: {said}");
        }
    }
}
