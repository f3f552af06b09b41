//! The state strategies that are simulated in a scenario with state: the requested ones, or all of
//! them. Those that were requested, or else the one of the scenario's own `[state]`, are held to
//! the scenario's expectations.

use jwtbench_engine::session::Session;
use jwtbench_engine::simulation::{Ask, Simulated, SimulatedLine, WrongVerdict, expected};
use jwtbench_result::simulation::PolicyNote;
use jwtbench_scenario::format::cache::CacheSpec;
use jwtbench_scenario::format::state::{StatePreset, StatePresets};
use jwtbench_scenario::model::expectation::{BoundSubject, binding};
use jwtbench_scenario::{STATE, Scenario};

use crate::Failure;

use super::lineup::Lineup;
use super::{Args, SimulationInProgress, is_file, policy_note, stem};

/// The strategies of a command.
pub(super) struct Strategies {
    /// The strategies, in the order of their rows.
    presets: Vec<StatePreset>,
    /// The names of those that the command names; empty if it names none.
    named: Vec<String>,
}

impl Strategies {
    /// The strategies that a command names. All shipped ones are added if it names none, or only
    /// files of the user's.
    ///
    /// # Errors
    /// If a strategy cannot be read, or two have the same name.
    pub(super) fn read(given: &[String], known: &StatePresets) -> Result<Strategies, Failure> {
        let mut names: Vec<String> = given.to_vec();
        if given.iter().all(|name| is_file(name)) {
            names.extend(known.names());
        }
        let mut presets: Vec<StatePreset> = Vec::new();
        for name in &names {
            let preset = known.read_named(name).map_err(Failure::Usage)?;
            if presets.iter().any(|other| other.name == preset.name) {
                let message = format!(
                    "two state strategies are called `{}`; rename the file {name}, or name each \
                     strategy once",
                    preset.name
                );
                return Err(Failure::Usage(message));
            }
            presets.push(preset);
        }
        let named = given.iter().map(|name| if is_file(name) { stem(name) } else { name.clone() });
        Ok(Strategies { named: named.collect(), presets })
    }

    /// What the strategies say of themselves.
    pub(super) fn notes(&self) -> impl Iterator<Item = PolicyNote> {
        self.presets.iter().map(|preset| {
            let keys = preset.text.lines().filter(|line| is_key(line));
            let keys = keys.map(str::to_owned).collect();
            policy_note(preset.name.clone(), preset.about.clone(), keys)
        })
    }

    /// The lines of a scenario, all under one cache policy.
    pub(super) fn lines(&self, cache: &CacheSpec) -> Vec<SimulatedLine> {
        let line = |preset: &StatePreset| SimulatedLine {
            cache: cache.clone(),
            strategy: Some(preset.clone().named()),
        };
        self.presets.iter().map(line).collect()
    }

    /// Judges each row by the expectations that bind its strategy.
    pub(super) fn judge(&self, scenario: &Scenario, simulated: &mut Simulated) {
        let own = scenario.state.as_ref().map(|state| state.strategy.name.as_str());
        for (row, figures) in simulated.rows.iter_mut().zip(&simulated.figures) {
            let name = row.state_strategy.as_deref();
            row.is_gated = match self.named.as_slice() {
                [] => name == own,
                named => named.iter().any(|one| Some(one.as_str()) == name),
            };
            let is_of_scenario = row.is_gated;
            let bound = BoundSubject { policy: &row.cache_policy, strategy: name, is_of_scenario };
            let bound = binding(&scenario.expectations, bound);
            (row.expectations, row.unjudged) = expected::judge(&bound, figures);
        }
    }
}

impl Args {
    /// Simulates one scenario under state strategies, and adds its figures. Returns the wrong
    /// verdicts.
    pub(super) fn simulate_state(
        &self,
        scenario: &Scenario,
        (lineup, strategies): (&Lineup<'_>, &Strategies),
        session: &Session<'_>,
        coming: &mut SimulationInProgress,
    ) -> Result<Vec<WrongVerdict>, Failure> {
        let &Args { algorithm, offsets, draws, .. } = self;
        let (lines, mut wrong) = (strategies.lines(lineup.one()?), Vec::new());
        session.simulate(scenario, &lines, Ask { algorithm, offsets, draws }, &mut |mut one| {
            strategies.judge(scenario, &mut one);
            let simulation = &mut coming.simulation;
            simulation.events.append(&mut one.events);
            simulation.rows.append(&mut one.rows);
            wrong.append(&mut one.wrong);
            coming.keep();
        })?;
        Ok(wrong)
    }

    /// The state strategies; `None` if no scenario has state.
    pub(super) fn strategies(
        &self,
        scenarios: &[Scenario],
        known: &StatePresets,
    ) -> Result<Option<Strategies>, Failure> {
        let without = scenarios.iter().find(|scenario| scenario.state.is_none());
        if let Some(scenario) = without.filter(|_| !self.state_strategy.is_empty()) {
            return Err(Failure::Usage(format!(
                "{} has no [state], so that --state-strategy has no effect; name scenarios of \
                 family {STATE}",
                scenario.name
            )));
        }
        let mut with = scenarios.iter().filter(|scenario| scenario.state.is_some());
        let Some(scenario) = with.next() else {
            return Ok(None);
        };
        if let Some(without) = without {
            return Err(Failure::Usage(format!(
                "{} compares state strategies and {} cache policies; simulate them one after the \
                 other",
                scenario.name, without.name
            )));
        }
        if !self.sweep.is_empty() {
            return Err(Failure::Usage(format!(
                "{} compares state strategies, and --sweep is of a key of a cache policy; leave \
                 one of them out",
                scenario.name
            )));
        }
        Strategies::read(&self.state_strategy, known).map(Some)
    }
}

/// Whether a line of a strategy's file sets a key of the strategy.
fn is_key(line: &str) -> bool {
    let is_set = line.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty() && key.chars().all(|one| one.is_ascii_lowercase() || one == '-')
    });
    is_set && !line.starts_with(char::is_whitespace)
}
