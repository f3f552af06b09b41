//! Which contenders run in which scenarios. If a contender cannot run in a scenario and the user
//! named both, the command ends with exit code 2. If either came from a glob or a default, the
//! contender is left out of the scenario, with one message.

use std::collections::BTreeSet;
use std::path::Path;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{Misfit, misfit};
use jwtbench_scenario::Scenario;
use jwtbench_verifier::algorithm::Algorithm;

use crate::Failure;
use crate::flag::filter::Filter;
use crate::output::tell;

/// The characters that distinguish a pattern from a name.
const GLOB: [char; 4] = ['*', '?', '[', '{'];

/// The failure for a contender that the user named and that cannot run in the scenario.
pub fn refusal(misfit: Misfit, scenario: &Scenario, contender: ContenderSpec) -> Failure {
    let (name, reason, remedy) = (&scenario.name, misfit.reason(), misfit.remedy());
    Failure::Usage(format!("{contender} cannot run in {name}: it {reason}; {remedy}"))
}

/// Pairs a command's contenders with its scenarios and algorithms, and records what it leaves out.
pub struct Fit<'f> {
    filter: &'f Filter,
    scenarios: &'f [String],
    left_out: BTreeSet<(String, Misfit, String)>,
    /// Whether any contender can run anywhere.
    has_able: bool,
}

impl<'f> Fit<'f> {
    /// Creates a `Fit` for the contenders of a filter and the scenario arguments as the user gave
    /// them.
    pub fn new(filter: &'f Filter, scenarios: &'f [String]) -> Fit<'f> {
        Fit { filter, scenarios, left_out: BTreeSet::new(), has_able: false }
    }

    /// The contenders that can run the scenario, under each of the algorithms.
    ///
    /// # Errors
    /// If a named contender cannot run in a named scenario: under an algorithm that was named as
    /// well, or under none of the scenario's algorithms.
    pub fn pairs(
        &mut self,
        scenario: &Scenario,
        algorithms: &[Algorithm],
        contenders: &[ContenderSpec],
    ) -> Result<Vec<(Algorithm, Vec<ContenderSpec>)>, Failure> {
        let mut pairs: Vec<_> = algorithms.iter().map(|one| (*one, Vec::new())).collect();
        for contender in contenders.iter().copied() {
            if let Some(misfit) = misfit(scenario, contender) {
                self.leave_out(scenario, contender, misfit, true)?;
                continue;
            }
            let is_able = |one: &Algorithm| contender.supports(*one);
            let no_other = !self.filter.algorithm.is_empty() || !algorithms.iter().any(is_able);
            for (algorithm, able) in &mut pairs {
                match contender.supports(*algorithm) {
                    true => {
                        able.push(contender);
                        self.has_able = true;
                    }
                    false => {
                        let misfit = Misfit::Algorithm(*algorithm);
                        self.leave_out(scenario, contender, misfit, no_other)?;
                    }
                }
            }
        }
        pairs.retain(|(_, able)| !able.is_empty());
        Ok(pairs)
    }

    /// Leaves the contender out of the scenario. Returns a failure instead if the misfit is a fault
    /// and the user named both.
    fn leave_out(
        &mut self,
        scenario: &Scenario,
        contender: ContenderSpec,
        misfit: Misfit,
        is_fault: bool,
    ) -> Result<(), Failure> {
        let name = contender.to_string();
        let is_named = self.filter.contender.contains(&name) && self.names(scenario);
        if is_fault && is_named {
            return Err(refusal(misfit, scenario, contender));
        }
        self.left_out.insert((name, misfit, scenario.name.clone()));
        Ok(())
    }

    /// Whether the user named the scenario itself, by its name or by its file, and not only by a
    /// glob or a family.
    fn names(&self, scenario: &Scenario) -> bool {
        let is_it = |given: &String| {
            let is_file = given.ends_with(".toml")
                && !given.contains(GLOB)
                && Path::new(given).file_stem() == scenario.path.file_stem();
            *given == scenario.name || is_file
        };
        self.scenarios.iter().any(is_it)
    }

    /// Prints what was left out, one line for each contender and reason. If the user asked for no
    /// contender, nothing is printed: then each scenario runs with the contenders that it is meant
    /// for.
    ///
    /// # Errors
    /// If none of the requested contenders can run anywhere.
    pub fn finish(&self, is_quiet: bool) -> Result<(), Failure> {
        if let Some((name, misfit, scenario)) = self.left_out.first().filter(|_| !self.has_able) {
            let (reason, remedy) = (misfit.reason(), misfit.remedy());
            return Err(Failure::Usage(format!(
                "no contender can run in what was asked for: {name} {reason}, as in {scenario}; \
                 {remedy}"
            )));
        }
        if !is_quiet {
            self.lines().iter().for_each(tell);
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        if self.filter.contender.is_empty() {
            return Vec::new();
        }
        let left_out: Vec<&(String, Misfit, String)> = self.left_out.iter().collect();
        let alike = |one: &&(String, Misfit, String), other: &&(String, Misfit, String)| {
            (&one.0, one.1) == (&other.0, other.1)
        };
        let line = |group: &[&(String, Misfit, String)]| {
            let (contender, misfit, scenario) = group[0];
            let more = match group.len() - 1 {
                0 => String::new(),
                1 => " and one more scenario".into(),
                more => format!(" and {more} more scenarios"),
            };
            let reason = misfit.reason();
            format!("{contender} is left out of {scenario}{more}: it {reason}")
        };
        left_out.chunk_by(alike).map(line).collect()
    }
}
