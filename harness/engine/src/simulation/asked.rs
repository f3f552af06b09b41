//! What the expectations of a scenario ask of a simulation: its metrics, and those of one phase or
//! one stream. Judged by the result, never here.

use std::collections::BTreeMap;
use std::ops::Range;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::model::expectation::{ExpectedMetric, SimulatedMetric};
use jwtbench_scenario::model::place::{PhasePlace, StreamPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use super::instance::Lived;
use super::metrics::{attempts_per_hour, of_users, seconds};
use super::seen::{Seen, SeenScope};

/// A figure that an expectation bounds, or is a factor of.
struct AskedFigure {
    name: String,
    metric: &'static SimulatedMetric,
    scope: SeenScope,
}

/// All of them.
#[derive(Default)]
pub(super) struct Asked {
    figures: Vec<AskedFigure>,
    scopes: Vec<SeenScope>,
}

impl AskedFigure {
    /// Whose operations tell it, if they do. Lockout is a sum over seconds, so that of a phase is
    /// read off the seconds of all.
    fn seen(&self) -> Option<SeenScope> {
        let SeenScope { phase, stream } = self.scope;
        let phase = phase.filter(|_| self.metric.name != "lockout_s");
        self.metric.by_stream.then_some(SeenScope { phase, stream })
    }
}

impl Asked {
    /// Those of a scenario.
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

    /// The scopes that instances have to look at beside the whole.
    pub(super) fn scopes(&self) -> &[SeenScope] {
        &self.scopes
    }

    /// What a run has to say; a figure that it does not have is absent. `values` are the metrics of
    /// the whole, `lost` is what odd entries cost in a span.
    pub(super) fn values(
        &self,
        plan: &Plan,
        lived: &[Lived],
        values: &BTreeMap<&'static str, Option<f64>>,
        lost: impl Fn((Tick, Tick)) -> Option<f64>,
    ) -> BTreeMap<String, Option<f64>> {
        let one = |figure: &AskedFigure| {
            let AskedFigure { name, metric, scope } = figure;
            let span = scope.phase.map(|phase| plan.phase_span(phase.index()));
            let value = match (figure.seen(), span) {
                _ if *scope == SeenScope::default() => values.get(metric.name).copied(),
                (Some(seen), _) => {
                    let all: Vec<&Seen> = lived.iter().map(|one| self.seen(one, seen)).collect();
                    let whole = (Tick::ZERO, Tick::ZERO + plan.scenario.load.duration);
                    let within: Range<usize> = seconds(span.unwrap_or(whole));
                    of_users(metric.name, &all, within)
                }
                (None, Some(span)) if metric.name == "poison_loss" => lost(span).map(Some),
                (None, Some(span)) => Some(Some(attempts_per_hour(lived, span))),
                (None, None) => None,
            };
            Some((name.clone(), value?))
        };
        self.figures.iter().filter_map(one).collect()
    }

    fn seen<'l>(&self, lived: &'l Lived, scope: SeenScope) -> &'l Seen {
        let place = self.scopes.iter().position(|known| *known == scope);
        place.and_then(|place| lived.tally.scoped.get(place)).unwrap_or(&lived.tally.whole)
    }
}
