//! A duel: two sides that run one plan block by block, in this process or in others.

mod arm;
mod block;
mod interleaved;

use std::sync::atomic::Ordering;
use std::time::Duration;

use block::BlockWatch;

use jwtbench_result::duel::{
    Arm, ArmSetting, BlockNoise, DUEL_SCHEMA_VERSION, DuelResult, Rules, SLOTS, Sample, WrongArm,
    lineup, weigh,
};
use jwtbench_result::record::part::DuelRow;
use jwtbench_result::record::standing::of_both;
use jwtbench_result::statistics::Decision;
use jwtbench_result::{CachePolicyRecord, Machine};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;

use crate::contender::ContenderSpec;
use crate::real::Control;
use crate::real::clock::{Stopwatch, utc_now};
use crate::real::host::CpuTime;

use super::{Session, SessionError, versions};

pub use arm::{ArmRound, LocalArm, RoundRunner};

/// One side of a duel.
pub struct DuelSide {
    /// The contender.
    pub contender: ContenderSpec,
    /// The scenario with the side's policies.
    pub scenario: Scenario,
    /// The side's setting for the result. A planted fault is read from here too.
    pub setting: ArmSetting,
    /// The side's cache policy as a result stores it; empty for our own recommendation.
    pub cache_policies: Vec<CachePolicyRecord>,
}

/// A duel before it begins: an algorithm and the sides A and B.
pub struct DuelJob {
    /// The algorithm of the tokens.
    pub algorithm: Algorithm,
    /// A, the candidate.
    pub candidate: DuelSide,
    /// B, the base.
    pub base: DuelSide,
    /// The number of blocks of six rounds, at least
    /// [`MIN_BLOCKS`](jwtbench_result::duel::MIN_BLOCKS).
    pub blocks: u32,
    /// The metrics that decide, and by how much figures may differ.
    pub rules: Rules,
    /// The command, for the result.
    pub command: String,
}

/// An arm to be run in another process.
pub struct ProcessArm<'a> {
    /// The arm.
    pub arm: Arm,
    /// The plan that the arm runs.
    pub plan: &'a Plan,
    /// The time that it took to make the plan in this process.
    pub planning: Duration,
}

/// A function that makes the arms of a duel in other processes.
pub type ProcessStarter<'a> =
    &'a dyn Fn(ProcessArm<'_>) -> Result<Box<dyn RoundRunner + 'a>, SessionError>;

/// The samples of the rounds.
struct DuelRounds {
    samples: Vec<Sample>,
    noise: Vec<BlockNoise>,
    wrong: Vec<WrongArm>,
}

type Arms<'p> = [Box<dyn RoundRunner + 'p>; 3];

impl DuelJob {
    /// The plan of the candidate, if its policies differ from the base's. It must have the same
    /// arrivals and tokens, but for a lifetime that a state strategy gives them; otherwise there is
    /// no duel.
    fn other_plan(&self, plan: &Plan, session: &Session<'_>) -> Result<Option<Plan>, SessionError> {
        let (mine, theirs) = (&self.candidate.scenario, &self.base.scenario);
        let is_same = mine.policy == theirs.policy
            && mine.cache == theirs.cache
            && mine.state == theirs.state;
        if is_same {
            return Ok(None);
        }
        let own = session.plan(mine, self.algorithm)?;
        let has_one_lifetime = mine.issuer.token_lifetime == theirs.issuer.token_lifetime;
        if own.hash != plan.hash || has_one_lifetime && own.corpus.hash != plan.corpus.hash {
            return Err(SessionError::Unusable(
                "the two policies ask for different tokens (issuer, audience, types, tenant, \
                 scopes …), so no corpus fits both; duel policies that differ in limits, leeway \
                 or claims that are not required"
                    .into(),
            ));
        }
        Ok(Some(own))
    }

    /// The result before the first block.
    fn begun(
        &self,
        plan: &Plan,
        started_at: String,
        (seed, machine): (u64, Machine),
    ) -> DuelResult {
        let DuelJob { algorithm, candidate, base, blocks, command, .. } = self;
        DuelResult {
            schema_version: DUEL_SCHEMA_VERSION,
            command: command.clone(),
            started_at,
            elapsed_s: 0.0,
            seed,
            base: base.contender.to_string(),
            candidate: candidate.contender.to_string(),
            base_setting: base.setting.clone(),
            candidate_setting: candidate.setting.clone(),
            cache_policies: of_both(&base.cache_policies, &candidate.cache_policies),
            algorithm: algorithm.name().into(),
            scenario: plan.scenario.name.clone(),
            plan_hash: plan.hash.clone(),
            corpus_hash: plan.corpus.hash.clone(),
            machine,
            versions: versions([candidate.contender, base.contender].iter()),
            verdict: Decision::Invalid,
            reason: "verdicts were wrong: there are no figures".into(),
            ratio: None,
            metrics: Vec::new(),
            control: None,
            blocks: *blocks,
            in_turns: false,
            dropped_blocks: 0,
            noise: Vec::new(),
            wrong: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// The three arms: the candidate, the base, and the base again.
    fn arms<'p, 'a: 'p>(
        &self,
        plans: [&'p Plan; 2],
        (control, machine): (Control<'p>, &Machine),
        (starter, planning): (Option<ProcessStarter<'a>>, Duration),
    ) -> Result<Arms<'p>, SessionError> {
        let one = |arm: Arm| -> Result<Box<dyn RoundRunner + 'p>, SessionError> {
            let (side, plan) = match arm {
                Arm::Candidate => (&self.candidate, plans[0]),
                Arm::Base | Arm::Again => (&self.base, plans[1]),
            };
            match starter {
                Some(starter) => starter(ProcessArm { arm, plan, planning }),
                None => {
                    let here = LocalArm::new(side, plan, control, machine.calibration.clone())?;
                    Ok(Box::new(here))
                }
            }
        };
        Ok([one(Arm::Candidate)?, one(Arm::Base)?, one(Arm::Again)?])
    }
}

impl Session<'_> {
    /// Runs a duel on this machine to its end, or to the first wrong verdict. `keep` is given each
    /// block as it ends, and the whole result at the end.
    ///
    /// # Errors
    /// If the sides do not have the same tokens, an arm cannot be run, or the session was told to
    /// stop. A duel that was cut short has no result.
    pub fn duel(
        &self,
        job: &DuelJob,
        machine: Machine,
        starter: Option<ProcessStarter<'_>>,
        keep: &mut dyn FnMut(&DuelRow),
    ) -> Result<DuelResult, SessionError> {
        let (started_at, stopwatch, cpu) = (utc_now(), Stopwatch::start(), CpuTime::read());
        self.observer.say(format!("{}: signing", job.algorithm));
        let plan = self.plan(&job.base.scenario, job.algorithm)?;
        let other = job.other_plan(&plan, self)?;
        let planning = stopwatch.elapsed();
        let plans = [other.as_ref().unwrap_or(&plan), &plan];
        let mut arms = job.arms(plans, (self.control(), &machine), (starter, planning))?;
        let in_turns = interleaved::is_in_turns(&arms);
        let begun = job.begun(&plan, started_at, (self.signers.seed(), machine));
        let mut result = DuelResult { in_turns, ..begun };
        let rounds = self.blocks(&mut arms, job, &result, keep)?;
        (result.noise, result.wrong) = (rounds.noise, rounds.wrong);
        if result.wrong.is_empty() {
            weigh_into(&mut result, rounds.samples, &job.rules);
        }
        result.machine.steal = cpu.zip(CpuTime::read()).map(|(then, now)| now.steal_since(then));
        result.elapsed_s = stopwatch.elapsed().as_secs_f64();
        keep(&DuelRow { ended: Some(Box::new(result.clone())), ..DuelRow::default() });
        Ok(result)
    }

    /// Runs the blocks in the order of the line-up, until the end or the first wrong verdict.
    fn blocks(
        &self,
        arms: &mut Arms<'_>,
        job: &DuelJob,
        begun: &DuelResult,
        keep: &mut dyn FnMut(&DuelRow),
    ) -> Result<DuelRounds, SessionError> {
        let (mut samples, mut noise) = (Vec::<Sample>::new(), Vec::new());
        let round = job.base.scenario.load.duration;
        for (block, order) in (0u32..).zip(lineup(job.blocks, begun.seed)) {
            self.observer.say(format!("{}: block {} of {}", job.algorithm, block + 1, job.blocks));
            let (first, mut watch) = (samples.len(), BlockWatch::start(arms));
            for (half, order) in order.chunks(SLOTS / 2).enumerate() {
                let rounds = interleaved::rounds(arms, order, round, block as usize + half);
                if self.stop.load(Ordering::Relaxed) {
                    return Err(SessionError::Interrupted("a duel cut short says nothing"));
                }
                for (mut round, arm) in rounds?.into_iter().zip(order) {
                    watch.enter(&mut round);
                    if !round.wrong.is_empty() {
                        let of_arm = |wrong| WrongArm { arm: *arm, wrong };
                        let wrong = round.wrong.into_iter().map(of_arm).collect();
                        return Ok(DuelRounds { samples, noise, wrong });
                    }
                    let slot = (samples.len() - first) as u32;
                    let reading = round.reading;
                    samples.push(Sample { block, slot, arm: *arm, reading });
                    self.observer.skip(1);
                }
            }
            noise.push(watch.finish(block));
            keep(&DuelRow {
                // The first block also has the head of the result.
                begun: (block == 0).then(|| Box::new(begun.clone())),
                samples: samples[first..].to_vec(),
                noise: noise.last().cloned(),
                ended: None,
            });
        }
        Ok(DuelRounds { samples, noise, wrong: Vec::new() })
    }
}

fn weigh_into(result: &mut DuelResult, samples: Vec<Sample>, rules: &Rules) {
    let weighed = weigh(&samples, &result.noise, rules);
    result.verdict = weighed.verdict;
    result.reason = weighed.reason;
    result.ratio = weighed.ratio;
    result.metrics = weighed.metrics;
    result.control = Some(weighed.control);
    result.dropped_blocks = weighed.dropped;
    result.samples = samples;
}
