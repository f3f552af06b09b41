//! Which contenders run in which scenarios, and what becomes of those that cannot: exit 2 where
//! both were named, left out and told once where either came from a glob or from a default.

use std::collections::BTreeSet;
use std::path::Path;

use jwtbench_verifier::algorithm::Algorithm;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::class::Stage;

use super::Failure;
use super::filter::Filter;
use super::output::tell;

/// What tells a pattern from a name.
const GLOB: [char; 4] = ['*', '?', '[', '{'];

/// Why a contender cannot run in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// The scenario is about the key cache, and it has none of ours.
    NoKeyCache,
    /// The scenario has tokens to refuse, and it judges no claims.
    NoJudge,
    /// It does not verify the algorithm.
    Algorithm(Algorithm),
}

impl Misfit {
    /// The reason, after the contender's name.
    fn reason(self) -> String {
        match self {
            Misfit::NoKeyCache => "has no key cache, and time or a cache matters there".into(),
            Misfit::NoJudge => {
                "checks signatures and no claims, and tokens that must be refused come there".into()
            }
            Misfit::Algorithm(algorithm) => format!("does not verify {algorithm}"),
        }
    }

    /// Refuses it in words.
    pub fn refusal(self, scenario: &Scenario, contender: ContenderSpec) -> Failure {
        let (name, reason, remedy) = (&scenario.name, self.reason(), self.remedy());
        Failure::Usage(format!("{contender} cannot run in {name}: it {reason}; {remedy}"))
    }

    /// What to do instead.
    fn remedy(self) -> String {
        match self {
            Misfit::NoKeyCache => {
                "name a contender of core: such as core:ring, or a scenario of hot-path".into()
            }
            Misfit::NoJudge => {
                "name a contender of core: or a library, or a scenario of valid tokens such as \
                 hot-path/accept"
                    .into()
            }
            Misfit::Algorithm(algorithm) => {
                let able = ContenderSpec::all().into_iter().find(|spec| spec.supports(algorithm));
                let able = able.map(|spec| format!(" such as {spec}")).unwrap_or_default();
                format!("name another --algorithm, or a contender that does{able}")
            }
        }
    }
}

/// Why the contender means nothing to the scenario, whatever the algorithm; `None` if it does.
pub fn misfit(scenario: &Scenario, contender: ContenderSpec) -> Option<Misfit> {
    let is_cached = scenario.is_dynamic() || scenario.cache.policy.verdict_cache.is_some();
    let only_good = scenario.classes().iter().all(|class| class.row().stage == Stage::Good);
    if is_cached && !contender.has_key_cache() {
        return Some(Misfit::NoKeyCache);
    }
    (!only_good && !contender.judges()).then_some(Misfit::NoJudge)
}

/// The contenders that a scenario means something to.
pub fn fitting(scenario: &Scenario, contenders: &[ContenderSpec]) -> Vec<ContenderSpec> {
    let fits = |spec: &&ContenderSpec| misfit(scenario, **spec).is_none();
    contenders.iter().filter(fits).copied().collect()
}

/// Pairs a command's contenders with its scenarios and algorithms, and keeps what it leaves out.
pub struct Fit<'f> {
    filter: &'f Filter,
    scenarios: &'f [String],
    left_out: BTreeSet<(String, Misfit, String)>,
}

impl<'f> Fit<'f> {
    /// For the contenders of a filter, and scenarios as they were named.
    pub fn new(filter: &'f Filter, scenarios: &'f [String]) -> Fit<'f> {
        Fit { filter, scenarios, left_out: BTreeSet::new() }
    }

    /// Those of the contenders that can run the scenario under each of the algorithms.
    ///
    /// # Errors
    /// If a contender that was named cannot run in a scenario that was named: under an algorithm
    /// that was named, or under none of the scenario's.
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
                    true => able.push(contender),
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

    /// Leaves it out, or refuses it where both were named and it was wanted so.
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
            return Err(misfit.refusal(scenario, contender));
        }
        self.left_out.insert((name, misfit, scenario.name.clone()));
        Ok(())
    }

    /// Whether the scenario was named, by its name or by its file, and by no glob or family.
    fn names(&self, scenario: &Scenario) -> bool {
        let is_it = |given: &String| {
            let is_file = given.ends_with(".toml")
                && !given.contains(GLOB)
                && Path::new(given).file_stem() == scenario.path.file_stem();
            *given == scenario.name || is_file
        };
        self.scenarios.iter().any(is_it)
    }

    /// Says what was left out of what was asked for, a line for each contender and reason. Nothing
    /// is said where no contender was asked for: then each scenario has those that it is for.
    pub fn tell(&self) {
        self.lines().iter().for_each(tell);
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
