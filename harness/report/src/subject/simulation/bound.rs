//! The bound that no state strategy can undercut, in words.

use jwtbench_result::simulation::SimulationRow;

use super::span;

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
