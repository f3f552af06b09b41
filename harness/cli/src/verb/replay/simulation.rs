//! A simulation that is replayed: its stored command again, with today's scenarios, presets and
//! files, held against what is stored.

use clap::{Parser, Subcommand};

use jwtbench_result::simulation::Simulation;

use super::Args;
use crate::flag::filter::ScenarioFilter;
use crate::output::stored::StoredFile;
use crate::output::{Output, OutputKind, as_stored, written};
use crate::verb::simulate::{self, FinishedSimulation};
use crate::{Exit, Failure, typed};

/// The stored command of a simulation.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct StoredCommand {
    #[command(subcommand)]
    verb: StoredVerb,
}

#[derive(Subcommand)]
enum StoredVerb {
    Simulate(Box<simulate::Args>),
}

/// Simulates again, and compares.
pub(super) fn replay(args: &Args, stored: &StoredFile) -> Result<Exit, Failure> {
    args.gate.refuse_what_has_no_effect()?;
    args.refuse_what_measures()?;
    let only = ScenarioFilter::of(&args.scenario)?;
    let mut base = stored.simulation()?;
    base.rows.retain(|row| only.has(&row.scenario));
    let refuse = |reason: &str| {
        let shown = stored.path.display();
        Err(Failure::Usage(format!("{shown}: {reason}")))
    };
    if base.rows.is_empty() {
        return refuse("the filters leave no row; leave some out");
    }
    let Some((command, mut again)) = args.again(&base) else {
        return refuse(
            "holds no command of `jwtbench simulate` that this build reads; simulate again, and \
             hold the two against each other with jwtbench compare",
        );
    };
    if args.origin.folder().is_some() {
        again.origin = args.origin.clone();
    }
    again.quiet = args.quiet;
    again.json = args.gate.shows_no_words();
    let wanted = |name: &str| base.rows.iter().any(|row| row.scenario == name);
    let prepare = || Output::of(OutputKind::Simulation, args.out.as_deref(), args.force).map(Some);
    let FinishedSimulation { simulation, output, .. } =
        again.simulated(command, &wanted, prepare)?;
    // The comparison is shown before the simulation is written, since the disk may be full.
    let held = args.gate.hold_simulations([&base, &as_stored(&simulation)?.1]);
    written(output.map_or(Ok(()), |output| output.write_simulation(&simulation)), held)
}

/// The words of a command without a flag that has a value.
fn without(words: Vec<String>, flag: &str) -> Vec<String> {
    let mut is_value = false;
    let joined = format!("{flag}=");
    let rest = words.into_iter().filter(|word| {
        let is_dropped = std::mem::replace(&mut is_value, word == flag);
        !(is_dropped || word == flag || word.starts_with(&joined))
    });
    rest.collect()
}

impl Args {
    /// The stored command, with what replaces its parts, and its arguments.
    fn again(&self, base: &Simulation) -> Option<(String, simulate::Args)> {
        let mut words = shlex::split(&base.command)?.into_iter();
        words.next()?;
        let mut words: Vec<String> = words.collect();
        let replaced =
            [("--cache-policy", &self.cache_policy), ("--state-strategy", &self.state_strategy)];
        for (flag, own) in replaced {
            if let Some(own) = own {
                words = without(words, flag);
                words.extend([flag.to_owned(), own.clone()]);
            }
        }
        let stored = StoredCommand::try_parse_from(&words).ok()?;
        let StoredVerb::Simulate(args) = stored.verb;
        Some((typed(words.into_iter()), *args))
    }

    /// Refuses flags that are about what is measured.
    fn refuse_what_measures(&self) -> Result<(), Failure> {
        let given = [
            (!self.filter.contender.is_empty(), "--contender"),
            (!self.filter.algorithm.is_empty(), "--algorithm"),
            (self.store.state_store.is_some(), "--state-store"),
            (self.policy.is_some(), "--policy"),
            (self.tokens.is_some(), "--tokens"),
            (self.port.is_some(), "--port"),
        ];
        match given.into_iter().find(|(is_given, _)| *is_given) {
            None => Ok(()),
            Some((_, flag)) => Err(Failure::Usage(format!(
                "{flag} is about what is measured, and {} is a simulation; leave it out",
                self.result.display()
            ))),
        }
    }
}
