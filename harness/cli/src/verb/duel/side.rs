//! The flags of one side of a duel, and the side that they describe, checked before any work is
//! done.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{DuelSide, misfit};
use jwtbench_result::CachePolicyRecord;
use jwtbench_result::duel::ArmSetting;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::plan::MAX_ARRIVALS;
use jwtbench_verifier::algorithm::Algorithm;

use crate::Failure;
use crate::flag::filter::{Filter, algorithm, lasting_seconds};
use crate::flag::fit::refusal;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::{Replacement, cache_policy_records};
use crate::flag::{SEED, duration};

/// The shortest round; a shorter one would measure jitter.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// The flags that describe one side, also on the command line of another process.
#[derive(ClapArgs, Clone, Debug)]
pub struct DuelSideArgs {
    /// The contender
    #[arg(long)]
    pub contender: String,
    /// The scenario
    #[arg(long)]
    pub scenario: String,
    #[command(flatten)]
    pub origin: OriginArgs,
    /// The algorithm
    #[arg(long, value_parser = algorithm)]
    pub algorithm: Option<Algorithm>,
    /// Measured time per round
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// The seed
    #[arg(long, default_value_t = SEED)]
    pub seed: u64,
    /// Cache policy in place of the scenario's
    #[arg(long)]
    pub cache_policy: Option<String>,
    /// The state strategy of the side: a preset or a file
    #[arg(long)]
    pub state_strategy: Option<String>,
    /// Policy file in place of the scenario's policy
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// Planted slowdown, as a share
    #[arg(long, default_value_t = 0.0)]
    pub plant: f64,
}

impl DuelSideArgs {
    /// The side that these flags describe, checked, and its algorithm. `build` describes the
    /// program that runs the side.
    pub fn side(&self, build: &str) -> Result<(DuelSide, Algorithm), Failure> {
        let contender = contender(&self.contender)?;
        let (scenario, cache_policies) = scenario(self)?;
        let algorithm = self.algorithm.unwrap_or(scenario.algorithms[0]);
        let name = &scenario.name;
        if !contender.supports(algorithm) {
            let algorithm = algorithm.name();
            let message = format!("{contender} does not verify {algorithm}; choose --algorithm");
            return Err(Failure::Usage(message));
        }
        if let Some(misfit) = misfit(&scenario, contender) {
            return Err(refusal(misfit, &scenario, contender));
        }
        if scenario.has_relative_rates() {
            return Err(Failure::Usage(format!(
                "{name}: its rates are shares of a capacity, which a duel does not measure; write \
                 rates per second, such as 70 % of what `jwtbench run --capacity` says"
            )));
        }
        if scenario.load.duration < SHORTEST_ROUND {
            return Err(Failure::Usage(format!(
                "rounds of {} measure jitter; give --duration {} or more",
                humantime::format_duration(scenario.load.duration),
                humantime::format_duration(SHORTEST_ROUND),
            )));
        }
        if scenario.planned() > MAX_ARRIVALS {
            let message = format!("{name} plans more arrivals than fit; lower --duration");
            return Err(Failure::Usage(message));
        }
        let file = self.policy.as_ref().and_then(|path| path.file_name());
        let setting = ArmSetting {
            cache_policy: scenario.cache.name.clone(),
            state_strategy: scenario.state.as_ref().map(|state| state.strategy.name.clone()),
            policy: file
                .map_or_else(|| "scenario".to_owned(), |name| name.to_string_lossy().into_owned()),
            build: build.to_owned(),
            planted: self.plant,
        };
        Ok((DuelSide { contender, scenario, setting, cache_policies }, algorithm))
    }
}

/// The scenario's algorithms that both sides support, in the scenario's order, and those that at
/// least one side does not support.
pub fn shared_algorithms(
    candidate: &DuelSideArgs,
    base: &DuelSideArgs,
) -> Result<(Vec<Algorithm>, Vec<Algorithm>), Failure> {
    let sides = [contender(&candidate.contender)?, contender(&base.contender)?];
    let (scenario, _) = scenario(base)?;
    let is_shared = |algorithm: &Algorithm| sides.iter().all(|side| side.supports(*algorithm));
    let (shared, others): (Vec<Algorithm>, Vec<Algorithm>) =
        scenario.algorithms.iter().copied().partition(is_shared);
    let name = &scenario.name;
    if shared.is_empty() {
        let [candidate, base] = sides;
        return Err(Failure::Usage(format!(
            "{candidate} and {base} both verify no algorithm of {name}; choose --algorithm"
        )));
    }
    Ok((shared, others))
}

fn contender(name: &str) -> Result<ContenderSpec, Failure> {
    let filter = Filter { contender: vec![name.to_owned()], ..Filter::default() };
    match filter.contenders()?.as_slice() {
        [contender] => Ok(*contender),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            Err(Failure::Usage(format!("`{name}` names {names}; a side of a duel is one of them")))
        }
    }
}

/// The scenario under the side's policies, and the record of its cache policy for a result.
fn scenario(args: &DuelSideArgs) -> Result<(Scenario, Vec<CachePolicyRecord>), Failure> {
    let library = args.origin.library(true)?;
    let found = library.select(std::slice::from_ref(&args.scenario))?;
    let mut found = lasting_seconds(found)?;
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|scenario| scenario.name.as_str()).collect();
        let (given, names) = (&args.scenario, names.join(", "));
        let message = format!("--scenario {given} names {names}; a duel is over one");
        return Err(Failure::Usage(message));
    }
    // `select` finds at least one scenario.
    let scenario = found.remove(0);
    // A scenario's rounds may be too short for a duel; they are then lengthened. A short
    // `--duration` is refused.
    let is_short = scenario.load.duration < SHORTEST_ROUND;
    let duration = args.duration.or(is_short.then_some(SHORTEST_ROUND));
    let scenario = scenario.with(&Overrides { duration, ..Overrides::default() })?;
    let (cache_policy, policy) = (args.cache_policy.as_deref(), args.policy.as_deref());
    let presets = library.presets();
    let replacement = Replacement::read(cache_policy, policy, &presets)?;
    let replacement = replacement.and_state(args.state_strategy.as_deref(), &presets)?;
    replacement.allow(args.algorithm.as_slice())?;
    let scenario = replacement.onto(scenario)?;
    let sides = std::iter::once(&scenario);
    let records = cache_policy_records(sides, replacement.cache.as_slice(), &presets);
    Ok((scenario, records))
}
