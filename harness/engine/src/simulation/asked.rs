//! The figures that the expectations of a scenario need from a simulation: its metrics, and those
//! of one phase or one stream. The result judges them; this module does not.

use std::collections::BTreeMap;
use std::ops::Range;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::model::expectation::{ExpectedMetric, SimulatedMetric};
use jwtbench_scenario::model::place::{PhasePlace, StreamPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use super::instance::InstanceRun;
use super::metrics::{attempts_per_hour, of_users, seconds};
use super::seen::{Seen, SeenScope};

/// A figure that an expectation bounds, or to which a bound is relative.
struct AskedFigure {
    name: String,
    metric: &'static SimulatedMetric,
    scope: SeenScope,
}

/// All figures that a scenario's expectations need.
#[derive(Default)]
pub(super) struct Asked {
    figures: Vec<AskedFigure>,
    scopes: Vec<SeenScope>,
}

impl AskedFigure {
    /// The scope of the operations that give the figure, if operations do. Lockout is a sum over
    /// seconds, so the lockout of a phase is taken from the seconds of all phases.
    fn seen(&self) -> Option<SeenScope> {
        let SeenScope { phase, stream } = self.scope;
        let phase = phase.filter(|_| self.metric.name != "lockout_s");
        self.metric.by_stream.then_some(SeenScope { phase, stream })
    }
}

impl Asked {
    /// The figures that a scenario's expectations need.
    pub(super) fn of(scenario: &Scenario) -> Asked {
        let mut asked = Asked::default();
        for expectation in &scenario.expectations {
            let ExpectedMetric::Simulated { stream, metric, .. } = &expectation.subject.metric
            else {
                continue;
            };
            let subject = &expectation.subject;
            let other = expectation.limit.of_phase.as_deref();
            for phase in [subject.phase.as_deref()].into_iter().chain(other.map(Some)) {
                let place = |name: &str| scenario.phases.iter().position(|one| one.name == name);
                let of_stream =
                    |name: &str| scenario.streams.iter().position(|one| one.name == name);
                let scope = SeenScope {
                    phase: phase.and_then(place).map(|place| PhasePlace(place as u16)),
                    stream: stream
                        .as_deref()
                        .and_then(of_stream)
                        .map(|place| StreamPlace(place as u16)),
                };
                let name = subject.simulated_in(phase).unwrap_or_default();
                asked.add(AskedFigure { name, metric, scope });
            }
        }
        asked
    }

    fn add(&mut self, figure: AskedFigure) {
        if self.figures.iter().any(|known| known.name == figure.name) {
            return;
        }
        let seen = figure.seen().filter(|scope| *scope != SeenScope::default());
        self.scopes.extend(seen.filter(|scope| !self.scopes.contains(scope)));
        self.figures.push(figure);
    }

    /// The scopes that instances must observe in addition to the whole.
    pub(super) fn scopes(&self) -> &[SeenScope] {
        &self.scopes
    }

    /// The figures of a run. A figure that the run does not have is absent. `values` are the
    /// metrics of the whole, and `lost` is the cost of odd entries in a span.
    pub(super) fn values(
        &self,
        plan: &Plan,
        runs: &[InstanceRun],
        values: &BTreeMap<&'static str, Option<f64>>,
        lost: impl Fn((Tick, Tick)) -> Option<f64>,
    ) -> BTreeMap<String, Option<f64>> {
        let one = |figure: &AskedFigure| {
            let AskedFigure { name, metric, scope } = figure;
            let span = scope.phase.map(|phase| plan.phase_span(phase.index()));
            let value = match (figure.seen(), span) {
                _ if *scope == SeenScope::default() => values.get(metric.name).copied(),
                (Some(seen), _) => {
                    let all: Vec<&Seen> = runs.iter().map(|one| self.seen(one, seen)).collect();
                    let whole = (Tick::ZERO, Tick::ZERO + plan.scenario.load.duration);
                    let within: Range<usize> = seconds(span.unwrap_or(whole));
                    of_users(metric.name, &all, within)
                }
                (None, Some(span)) if metric.name == "poison_loss" => lost(span).map(Some),
                (None, Some(span)) => Some(Some(attempts_per_hour(runs, span))),
                (None, None) => None,
            };
            Some((name.clone(), value?))
        };
        self.figures.iter().filter_map(one).collect()
    }

    fn seen<'l>(&self, runs: &'l InstanceRun, scope: SeenScope) -> &'l Seen {
        let place = self.scopes.iter().position(|known| *known == scope);
        place.and_then(|place| runs.tally.scoped.get(place)).unwrap_or(&runs.tally.whole)
    }
}
