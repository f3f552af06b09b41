//! What can be had of state strategies, in words: the bound that none can undercut, and the choice
//! that a scenario leaves.

use jwtbench_result::simulation::SimulationRow;

use super::{figure, span};

/// The share by which a strategy may be above the bound and still be said to reach it.
const NEAR: f64 = 0.1;

/// A sentence on the least mean exposure of whoever locks nobody out, and on who reaches it; `None`
/// in a scenario in which the store never fails.
pub(crate) fn state_bound(rows: &[&SimulationRow]) -> Option<String> {
    let mean = |row: &SimulationRow, name: &str| row.metric(name)?.mean;
    let own = rows.iter().find(|row| row.is_gated).or(rows.first())?;
    let bound = mean(own, "state_bound_s").filter(|bound| *bound > 0.0)?;
    let is_near = |row: &&&SimulationRow| {
        let is_open = row.metric("lockout_s").is_some_and(|metric| metric.max == Some(0.0));
        // Tokens of another life have another bound.
        let is_of_life = mean(row, "state_bound_s") == Some(bound);
        let exposure = mean(row, "state_exposure_s");
        is_open && is_of_life && exposure.is_some_and(|mean| mean <= bound * (1.0 + NEAR))
    };
    let near: Vec<&str> = rows.iter().filter(is_near).map(|row| row.subject()).collect();
    let reached = match near.as_slice() {
        [] => "no strategy here comes within a tenth of that".to_owned(),
        names => format!("within a tenth of that: {}", names.join(", ")),
    };
    Some(format!(
        "Whoever hears of revocations from this store alone and locks nobody out trusts a revoked \
         token of this lifetime for {} in the mean at least; {reached}.",
        span(bound)
    ))
}

/// The mean exposure up to which a revoked token counts as refused at once, in seconds.
const AT_ONCE_S: f64 = 1.0;

/// What to choose by this scenario: a sentence for those who may lock nobody out, and one for those
/// who may trust no revoked token. There is none if nothing was revoked, or nobody is locked out.
pub(crate) fn state_choices(rows: &[&SimulationRow]) -> Vec<String> {
    let worst = |row: &SimulationRow| row.metric("lockout_s").and_then(|metric| metric.max);
    let trusted = |row: &SimulationRow| row.metric("state_exposure_s").and_then(|one| one.mean);
    if rows.iter().all(|row| worst(row) == Some(0.0)) {
        return Vec::new();
    }
    let open = rows.iter().copied().filter(|row| worst(row) == Some(0.0));
    let strict = rows.iter().copied();
    let strict = strict.filter(|row| trusted(row).is_some_and(|mean| mean <= AT_ONCE_S));
    let sides = [
        (least(open.collect(), trusted), "If nobody may be locked out in this scenario"),
        (least(strict.collect(), worst), "If no revoked token may be trusted in it"),
    ];
    let say = |(row, wish): (Option<&SimulationRow>, &str)| {
        let row = row?;
        let mean = span(trusted(row)?);
        let lockout = match worst(row) {
            Some(0.0) => "nobody is locked out".to_owned(),
            Some(worst) => format!("good users are locked out for {} at worst", span(worst)),
            None => "good users are locked out to the end".to_owned(),
        };
        let load = figure("store_ops_per_token", row.metric("store_ops_per_token")?.p50);
        let cost = row.metric("store_cost_per_month").and_then(|metric| metric.p50);
        let cost = cost.map(|cost| format!(", at {cost:.2} a month")).unwrap_or_default();
        let name = row.subject();
        Some(format!(
            "{wish}: {name}. A revoked token is trusted for {mean} in the mean, {lockout}, and the \
             store is asked {load} times per token{cost}."
        ))
    };
    sides.into_iter().filter_map(say).collect()
}

/// The row with the least of a figure. Of those within a tenth of it, the one that asks the store
/// least.
fn least(
    rows: Vec<&SimulationRow>,
    of: impl Fn(&SimulationRow) -> Option<f64>,
) -> Option<&SimulationRow> {
    let load = |row: &SimulationRow| row.metric("store_ops_per_token").and_then(|one| one.mean);
    let least = rows.iter().filter_map(|row| of(row)).min_by(f64::total_cmp)?;
    let near =
        rows.into_iter().filter(|row| of(row).is_some_and(|own| own <= least * (1.0 + NEAR)));
    near.min_by(|one, other| {
        let of = |row| load(row).unwrap_or(f64::MAX);
        of(one).total_cmp(&of(other))
    })
}
