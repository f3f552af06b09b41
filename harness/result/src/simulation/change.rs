//! What changed from one simulation to another. Both draw the same arrivals; what is small against
//! the spread of the draws may still come from other draws of latency or jitter. So a figure is
//! worse only if the median of the candidate is above the worst of the base by more than a
//! hundredth, and a figure with a mean only if the intervals of both means lie apart. What the
//! horizon cut off is beyond every figure.

use serde::Serialize;

use super::{COLUMNS, MetricRange, Simulation, SimulationExpectation, SimulationRow};
use crate::comparison::Allowance;

/// The metrics that decide: how long tokens are trusted too long, how long good ones are refused,
/// and what that costs the issuer and the store. More is worse in all of them.
pub const DECIDING: [&str; 8] = [
    "exposure_s",
    "lockout_s",
    "attempts_per_hour",
    "state_exposure_s",
    "state_lockout_s",
    "store_ops_per_token",
    "store_peak_per_s",
    "silence_s",
];

/// The share by which a figure must be beyond the draws of the base to be worse or better.
const MATERIAL: f64 = 0.01;

/// The metric of which less is worse.
const GRACE: &str = "grace_s";

/// What changed from one simulation to another.
#[derive(Clone, Debug, Serialize)]
pub struct SimulationChange {
    /// The commands of base and candidate.
    pub commands: [String; 2],
    /// The differences between the simulations that the user allowed.
    pub unlike: Vec<String>,
    /// The rows that both have.
    pub rows: Vec<RowChange>,
    /// Rows that only the base has.
    pub only_base: Vec<String>,
    /// Rows that only the candidate has.
    pub only_candidate: Vec<String>,
    /// Whether either was cut short.
    pub is_partial: bool,
}

/// What changed in one row.
#[derive(Clone, Debug, Serialize)]
pub struct RowChange {
    /// `family/file-stem`.
    pub scenario: String,
    /// The cache policy or the state strategy of the base.
    pub base: String,
    /// That of the candidate. It has another name only if a scenario has one row on either side.
    pub candidate: String,
    /// The runs of the base: ages of the cache times draws of the arrivals.
    pub runs: u64,
    /// The verdicts of the candidate that the contract does not allow.
    pub wrong: u64,
    /// The figures that differ.
    pub figures: Vec<FigureChange>,
    /// Expectations that the candidate misses and the base does not, if it is held to them.
    pub newly_missed: Vec<SimulationExpectation>,
    /// Whether any verdict differs, or the instant at which it was given.
    pub is_other_stream: bool,
}

/// What changed in one figure.
#[derive(Clone, Debug, Serialize)]
pub struct FigureChange {
    /// The metric.
    pub metric: String,
    /// What it was; null if the base does not have it.
    pub base: Option<MetricRange>,
    /// What it is; null if the candidate does not have it.
    pub candidate: Option<MetricRange>,
    /// The direction.
    pub shift: Shift,
    /// Whether a change for the worse fails the command.
    pub decides: bool,
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// The median is above the worst of the base, or the mean above its interval, by more than a
    /// hundredth.
    Worse,
    /// The median is below the best of the base, or the mean below its interval, by more than a
    /// hundredth.
    Better,
    /// Neither: a difference as there is between draws.
    Within,
    /// Only one side has the figure.
    OneSided,
}

impl SimulationChange {
    /// Compares a candidate with a base.
    ///
    /// # Errors
    /// The differences that must be allowed and are not, each with its kind and what it is.
    pub fn of(
        base: &Simulation,
        candidate: &Simulation,
        allowed: &[Allowance],
    ) -> Result<SimulationChange, Vec<(Allowance, String)>> {
        let pairs = pairs(base, candidate);
        let paired: Vec<(&SimulationRow, &SimulationRow)> = pairs.collect();
        let mut unlike: Vec<(Allowance, String)> = Vec::new();
        for (one, other) in &paired {
            for difference in differences((base, one), (candidate, other)) {
                if !unlike.contains(&difference) {
                    unlike.push(difference);
                }
            }
        }
        if unlike.iter().any(|(kind, _)| !allowed.contains(kind)) {
            return Err(unlike);
        }
        let alone = |rows: &[SimulationRow], is_of_base: bool| {
            let is_paired = |row: &SimulationRow| {
                let mut own = paired.iter().map(|pair| if is_of_base { pair.0 } else { pair.1 });
                own.any(|other| std::ptr::eq(other, row))
            };
            let alone = rows.iter().filter(|row| !is_paired(row));
            alone.map(|row| format!("{} {}", row.scenario, row.subject())).collect()
        };
        Ok(SimulationChange {
            commands: [&base.command, &candidate.command].map(String::clone),
            unlike: unlike.into_iter().map(|(_, what)| what).collect(),
            only_base: alone(&base.rows, true),
            only_candidate: alone(&candidate.rows, false),
            rows: paired.into_iter().map(|(base, candidate)| change(base, candidate)).collect(),
            is_partial: base.partial || candidate.partial,
        })
    }

    /// The figures that decide and are worse, each with its row.
    pub fn worse(&self) -> impl Iterator<Item = (&RowChange, &FigureChange)> {
        self.rows.iter().flat_map(|row| {
            let worse = row.figures.iter().filter(|one| one.decides && one.shift == Shift::Worse);
            worse.map(move |one| (row, one))
        })
    }

    /// Whether the contract does not allow a verdict of the candidate.
    pub fn is_wrong(&self) -> bool {
        self.rows.iter().any(|row| row.wrong > 0)
    }

    /// Whether any candidate newly misses an expectation.
    pub fn newly_misses(&self) -> bool {
        self.rows.iter().any(|row| !row.newly_missed.is_empty())
    }

    /// Whether something could not be compared: rows or figures of one side alone, or rows that
    /// were never made.
    pub fn has_gaps(&self) -> bool {
        let mut figures = self.rows.iter().flat_map(|row| &row.figures);
        self.is_partial
            || !self.only_base.is_empty()
            || !self.only_candidate.is_empty()
            || figures.any(|one| one.shift == Shift::OneSided)
    }
}

impl RowChange {
    /// Whether nothing at all differs.
    pub fn is_same(&self) -> bool {
        self.figures.is_empty()
            && self.newly_missed.is_empty()
            && !self.is_other_stream
            && self.wrong == 0
    }
}

/// The rows of the same scenario and name; and those of a scenario that has one row on either side.
fn pairs<'s>(
    base: &'s Simulation,
    candidate: &'s Simulation,
) -> impl Iterator<Item = (&'s SimulationRow, &'s SimulationRow)> {
    base.rows.iter().filter_map(move |row| {
        let mut others = candidate.of_scenario(&row.scenario);
        let is_same = |other: &&SimulationRow| {
            (&other.cache_policy, &other.state_strategy) == (&row.cache_policy, &row.state_strategy)
        };
        let is_alone =
            |simulation: &'s Simulation| simulation.of_scenario(&row.scenario).count() == 1;
        let other = match others.find(is_same) {
            None if is_alone(base) && is_alone(candidate) => {
                candidate.of_scenario(&row.scenario).next()
            }
            found => found,
        };
        Some((row, other?))
    })
}

/// Why two rows are not alike.
fn differences(
    (base, one): (&Simulation, &SimulationRow),
    (candidate, other): (&Simulation, &SimulationRow),
) -> Vec<(Allowance, String)> {
    let scenario = &one.scenario;
    let mut found = Vec::new();
    let mut note = |kind, what: &str, is_other: bool| {
        if is_other {
            found.push((kind, format!("{scenario}: {what}")));
        }
    };
    let runs = |row: &SimulationRow| (row.ages, row.draws);
    let events = |simulation: &Simulation| {
        let own = simulation.events.iter().filter(|event| event.scenario == *scenario);
        own.map(|event| (event.at_s.to_bits(), event.what.clone())).collect::<Vec<_>>()
    };
    note(Allowance::Seed, "another seed", one.seed != other.seed);
    note(Allowance::Plan, "other ages or draws", runs(one) != runs(other));
    note(Allowance::Plan, "another number of instances", one.instances != other.instances);
    note(Allowance::Plan, "another horizon", one.horizon_s.total_cmp(&other.horizon_s).is_ne());
    let hashes = one.plan_hash.as_ref().zip(other.plan_hash.as_ref());
    note(Allowance::Plan, "other arrivals, events, faults or store", {
        // Another seed has other arrivals.
        let is_other = hashes.is_some_and(|(one, other)| one != other);
        is_other && one.seed == other.seed
            || events(base) != events(candidate)
            || one.fault_s != other.fault_s
    });
    found
}

fn change(base: &SimulationRow, candidate: &SimulationRow) -> RowChange {
    let figures = COLUMNS.into_iter().filter_map(|metric| {
        let [one, other] = [base, candidate].map(|row| row.metric(metric).copied());
        let shift = match (one, other) {
            (Some(one), Some(other)) => shift(metric, one, other),
            _ => Shift::OneSided,
        };
        (one != other).then(|| FigureChange {
            metric: metric.to_owned(),
            base: one,
            candidate: other,
            shift,
            decides: DECIDING.contains(&metric),
        })
    });
    let newly_missed = candidate.expectations.iter().filter(|one| {
        let was_missed = base.expectations.iter().any(|known| known.key == one.key && !known.met);
        candidate.is_gated && !one.met && !was_missed
    });
    let (ages, draws) = base.runs();
    RowChange {
        runs: ages * draws,
        wrong: candidate.counts.wrong,
        scenario: base.scenario.clone(),
        base: base.subject().to_owned(),
        candidate: candidate.subject().to_owned(),
        figures: figures.collect(),
        newly_missed: newly_missed.cloned().collect(),
        is_other_stream: base.stream_hash != candidate.stream_hash,
    }
}

/// The direction of a change. What the horizon cut off is beyond every figure. A metric of state is
/// judged by its mean, as its range may be that of single revocations.
fn shift(metric: &str, base: MetricRange, candidate: MetricRange) -> Shift {
    let mean = |range: MetricRange| range.mean.zip(range.mean_error);
    if let (Some((one, error)), Some((other, other_error))) = (mean(base), mean(candidate)) {
        let (least, most) = (one - error, one + error);
        return match (other - other_error, other + other_error) {
            (low, _) if low > most && other > one * (1.0 + MATERIAL) => Shift::Worse,
            (_, high) if high < least && other < one * (1.0 - MATERIAL) => Shift::Better,
            _ => Shift::Within,
        };
    }
    let value = |figure: Option<f64>| figure.unwrap_or(f64::INFINITY);
    let [least, most] = [base.min, base.max].map(value);
    let median = value(candidate.p50);
    let (above, below) = match metric {
        GRACE => (Shift::Better, Shift::Worse),
        _ => (Shift::Worse, Shift::Better),
    };
    match median {
        median if median > most * (1.0 + MATERIAL) => above,
        median if median < least * (1.0 - MATERIAL) => below,
        _ => Shift::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: f64, p50: f64, max: Option<f64>) -> MetricRange {
        MetricRange { min: Some(min), p50: Some(p50), max, n: 8, ..MetricRange::default() }
    }

    fn simulation(rows: &[(&str, &str, Option<MetricRange>)]) -> Simulation {
        let row = |(scenario, name, lockout): &(&str, &str, Option<MetricRange>)| SimulationRow {
            scenario: (*scenario).to_owned(),
            cache_policy: (*name).to_owned(),
            metrics: lockout.iter().map(|lockout| ("lockout_s".to_owned(), *lockout)).collect(),
            ..SimulationRow::default()
        };
        Simulation { rows: rows.iter().map(row).collect(), ..Simulation::default() }
    }

    #[test]
    fn a_figure_is_worse_beyond_the_draws_of_the_base() {
        let base = range(1.0, 2.0, Some(4.0));
        let cut_off = MetricRange { p50: None, max: None, censored: 5, ..base };
        let mean = |mean, error| MetricRange { mean: Some(mean), mean_error: Some(error), ..base };
        let rows = [
            ("lockout_s", base, range(3.0, 4.5, Some(9.0)), Shift::Worse, "above the worst"),
            ("lockout_s", base, range(3.0, 4.0, None), Shift::Within, "the worst itself"),
            ("lockout_s", base, range(0.0, 0.5, Some(9.0)), Shift::Better, "below the best"),
            ("lockout_s", base, cut_off, Shift::Worse, "beyond the horizon"),
            ("lockout_s", cut_off, base, Shift::Within, "some were beyond the horizon before"),
            ("grace_s", base, range(0.0, 0.5, Some(9.0)), Shift::Worse, "less grace"),
            ("grace_s", base, cut_off, Shift::Better, "more grace"),
            ("state_exposure_s", mean(50.0, 5.0), mean(61.0, 5.0), Shift::Worse, "means apart"),
            ("state_exposure_s", mean(50.0, 5.0), mean(59.0, 5.0), Shift::Within, "they touch"),
            ("state_exposure_s", mean(50.0, 0.0), mean(50.4, 0.0), Shift::Within, "a hundredth"),
            ("state_exposure_s", mean(50.0, 5.0), mean(30.0, 5.0), Shift::Better, "apart below"),
        ];
        for (metric, base, candidate, expected, reason) in rows {
            assert_eq!(shift(metric, base, candidate), expected, "{reason}");
        }
    }

    #[test]
    fn rows_are_paired_by_name_or_where_they_are_alone() {
        let [two, nine] = [2.0, 9.0].map(|value| Some(range(value, value, Some(value))));
        let base = simulation(&[
            ("policy/a", "mine", two),
            ("policy/b", "default", two),
            ("policy/b", "gone", two),
            ("policy/c", "one", two),
        ]);
        let candidate = simulation(&[
            ("policy/a", "other", nine),
            ("policy/b", "default", None),
            ("policy/b", "new", two),
            ("policy/c", "one", two),
        ]);
        let change = SimulationChange::of(&base, &candidate, &[]).unwrap();
        let names = |row: &RowChange| format!("{} {} {}", row.scenario, row.base, row.candidate);
        let rows: Vec<String> = change.rows.iter().map(names).collect();
        let expected = ["policy/a mine other", "policy/b default default", "policy/c one one"];
        assert_eq!(rows, expected);
        assert_eq!(change.only_base, ["policy/b gone"]);
        assert_eq!(change.only_candidate, ["policy/b new"]);
        let shifts = change.rows.iter().flat_map(|row| &row.figures).map(|one| one.shift);
        assert_eq!(shifts.collect::<Vec<_>>(), [Shift::Worse, Shift::OneSided]);
        assert!(change.has_gaps() && change.worse().count() == 1 && change.rows[2].is_same());
    }

    #[test]
    fn what_is_not_alike_must_be_allowed() {
        let mut base = simulation(&[("policy/a", "mine", None)]);
        let mut candidate = base.clone();
        candidate.rows[0].instances = 2;
        candidate.rows[0].draws = 3;
        let hashes = [&mut base.rows[0].plan_hash, &mut candidate.rows[0].plan_hash];
        hashes.into_iter().zip(["a", "b"]).for_each(|(hash, text)| *hash = Some(text.into()));
        let unlike = SimulationChange::of(&base, &candidate, &[Allowance::Seed]).unwrap_err();
        assert!(unlike.iter().all(|(kind, _)| *kind == Allowance::Plan), "{unlike:?}");
        let said: Vec<&str> = unlike.iter().map(|(_, what)| what.as_str()).collect();
        let other = "policy/a: other arrivals, events, faults or store";
        let instances = "policy/a: another number of instances";
        assert_eq!(said, ["policy/a: other ages or draws", instances, other]);
        let change = SimulationChange::of(&base, &candidate, &[Allowance::Plan]).unwrap();
        assert_eq!(change.unlike, said);
        candidate.rows[0].seed = 2;
        let unlike = SimulationChange::of(&base, &candidate, &[Allowance::Plan]).unwrap_err();
        assert!(unlike.iter().any(|(kind, _)| *kind == Allowance::Seed), "{unlike:?}");
    }
}
