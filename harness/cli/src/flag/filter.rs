//! The filters by contender and algorithm that most verbs share.

use clap::Args;

use jwtbench_engine::contender::{ContenderSpec, ExecCommand, Optional};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::nearest::{did_you_mean, nearest};
use jwtbench_verifier::algorithm::Algorithm;

use crate::Failure;

/// Which contenders and algorithms.
#[derive(Args, Clone, Debug, Default)]
pub struct Filter {
    /// Only this contender, such as core:ring; a glob such as 'core:*', or exec:COMMAND for a
    /// verifier of your own (repeatable)
    #[arg(long, value_name = "CONTENDER")]
    pub contender: Vec<String>,
    /// Only this algorithm, such as ES256 (repeatable)
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm)]
    pub algorithm: Vec<Algorithm>,
}

/// A filter for the scenarios of a stored result.
pub struct ScenarioFilter(Vec<globset::GlobMatcher>);

impl ScenarioFilter {
    /// Reads the globs of `--scenario`. The name of a family selects all of its scenarios.
    pub fn of(patterns: &[String]) -> Result<ScenarioFilter, Failure> {
        let mut globs = Vec::new();
        for pattern in patterns {
            for text in [pattern.clone(), format!("{}/*", pattern.trim_end_matches('/'))] {
                let glob = globset::Glob::new(&text)
                    .map_err(|error| Failure::Usage(format!("--scenario {pattern}: {error}")))?;
                globs.push(glob.compile_matcher());
            }
        }
        Ok(ScenarioFilter(globs))
    }

    /// Whether the filter selects the scenario of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| glob.is_match(name))
    }
}

/// The scenarios that last only seconds. Scenarios with production durations are left out. If no
/// others are given, the result is an error.
pub fn lasting_seconds(mut scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, Failure> {
    let first = scenarios.first().map(|scenario| scenario.name.clone()).unwrap_or_default();
    scenarios.retain(|scenario| !scenario.is_simulated());
    if scenarios.is_empty() {
        return Err(Failure::Usage(format!(
            "{first} lasts hours and is only for virtual time; use `jwtbench simulate {first}`"
        )));
    }
    Ok(scenarios)
}

/// Reads the name of an algorithm.
pub fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| {
        format!("known algorithms: {}", Algorithm::ALL.map(Algorithm::name).join(", "))
    })
}

fn unknown(pattern: &str, all: &[ContenderSpec]) -> String {
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    let known = names.join(", ");
    let meant = meant(pattern, &names, "");
    format!("no contender matches `{pattern}` on this machine{meant}; known: {known}")
}

/// A suggestion for a contender name that matches nothing, as the end of a sentence: the nearest of
/// `names`, or an optional contender of another build, with its feature, whose name begins with
/// `kind`.
pub fn meant(given: &str, names: &[String], kind: &str) -> String {
    let names = names.iter().map(String::as_str);
    let missing = Optional::missing().map(|optional| optional.name);
    let all = names.chain(missing.filter(|name| name.starts_with(kind)));
    let Some(name) = nearest(given, all) else {
        return String::new();
    };
    match Optional::missing().find(|optional| optional.name == name) {
        Some(optional) => format!("; {}", optional.remedy()),
        None => format!("; did you mean `{name}`?"),
    }
}

/// A contender that runs the user's own verifier.
fn own(command: &str) -> Result<ContenderSpec, Failure> {
    match command.trim() {
        "" => Err(Failure::Usage(
            "--contender exec: names no command; write exec:./my-verifier, or see \
             scenarios/README.md"
                .into(),
        )),
        command => Ok(ContenderSpec::Exec(ExecCommand::shell(command))),
    }
}

/// The contenders of `all` that a glob matches, at least one.
fn matching(pattern: &str, all: &[ContenderSpec]) -> Result<Vec<ContenderSpec>, Failure> {
    let glob = globset::Glob::new(pattern)
        .map_err(|error| Failure::Usage(format!("--contender {pattern}: {error}")))?
        .compile_matcher();
    let found: Vec<ContenderSpec> =
        all.iter().filter(|spec| glob.is_match(spec.to_string())).copied().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut missing = Optional::missing();
    Err(Failure::Usage(match missing.find(|optional| glob.is_match(optional.name)) {
        Some(optional) => optional.remedy(),
        None => unknown(pattern, all),
    }))
}

impl Filter {
    /// The contenders that the user asked for, or the default ones if the user named none.
    pub fn contenders(&self) -> Result<Vec<ContenderSpec>, Failure> {
        if self.contender.is_empty() {
            return Ok(ContenderSpec::all());
        }
        let all = ContenderSpec::known();
        let mut chosen: Vec<ContenderSpec> = Vec::new();
        for pattern in &self.contender {
            let found = match pattern.strip_prefix("exec:") {
                Some(command) => vec![own(command)?],
                None => matching(pattern, &all)?,
            };
            for spec in found {
                if chosen.iter().all(|known| known.to_string() != spec.to_string()) {
                    chosen.push(spec);
                }
            }
        }
        Ok(chosen)
    }

    /// The contenders to measure. If one of them is a process, the floor that measures the cost of
    /// a pipe is added.
    pub fn measured(&self) -> Result<Vec<ContenderSpec>, Failure> {
        let mut contenders = self.contenders()?;
        let commands = || {
            contenders.iter().filter_map(|spec| match spec {
                ContenderSpec::Exec(command) => Some(*command),
                _ => None,
            })
        };
        if commands().count() > 0 && commands().all(|command| command != ExecCommand::Floor) {
            contenders.push(ContenderSpec::Exec(ExecCommand::Floor));
        }
        Ok(contenders)
    }

    /// Whether the contender filter selects this name.
    pub fn has_contender(&self, name: &str) -> bool {
        self.contender.is_empty()
            || self.contender.iter().any(|pattern| {
                globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
            })
    }

    /// Suggestions for the contender patterns that match none of these names, as the end of a
    /// sentence.
    pub fn meant<'n>(&self, names: impl Iterator<Item = &'n str>) -> String {
        let names: Vec<&str> = names.collect();
        let is_found = |pattern: &&String| {
            let glob = globset::Glob::new(pattern).map(|glob| glob.compile_matcher());
            glob.is_ok_and(|glob| names.iter().any(|name| glob.is_match(name)))
        };
        let unknown = self.contender.iter().filter(|pattern| !is_found(pattern));
        let told = unknown.map(|pattern| {
            let meant = did_you_mean(pattern, names.iter().copied());
            format!("; no contender of it matches `{pattern}`{meant}")
        });
        told.collect()
    }

    /// The algorithms to run: those that the user asked for, even if the scenario does not name
    /// them, or all algorithms of the scenario if the user asked for none.
    pub fn algorithms(&self, own: &[Algorithm]) -> Vec<Algorithm> {
        if self.algorithm.is_empty() { own.to_vec() } else { self.algorithm.clone() }
    }

    /// Whether the algorithm filter selects this name.
    pub fn has_algorithm(&self, name: &str) -> bool {
        self.algorithm.is_empty() || self.algorithm.iter().any(|known| known.name() == name)
    }
}
