//! A job: one scenario under one algorithm on several contenders, and its plan.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::{MAX_ARRIVALS, Minting, Plan};
use jwtbench_scenario::token::own::{OWN, OwnJudge, OwnToken};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;

use crate::contender::ContenderSpec;

use super::{SessionError, fitting};

/// A job: one scenario under one algorithm, on several contenders.
#[derive(Clone)]
pub struct Job {
    /// The scenario that is run, overrides included.
    pub scenario: Scenario,
    /// The algorithm of its tokens.
    pub algorithm: Algorithm,
    /// The contenders that run it, in the order of the first round.
    pub contenders: Vec<ContenderSpec>,
    /// The user's tokens instead of minted ones.
    pub own: Option<Arc<OwnCorpus>>,
    /// A policy that judges instead of the scenario's. The tokens are still minted for the
    /// scenario's policy.
    pub policy: Option<PolicySpec>,
    /// The hashes that the plan must have, if a stored plan is made again.
    pub due: Option<PlanHashes>,
}

/// The user's tokens by algorithm, and their judge.
pub struct OwnCorpus {
    /// The policy, the keys and the instant by which the tokens are judged.
    pub judge: OwnJudge,
    /// The tokens of each algorithm. Tokens that name no algorithm are with the first.
    pub tokens: BTreeMap<Algorithm, Vec<OwnToken>>,
    /// Sentences on the parts of the key set that are not used.
    pub notes: Vec<String>,
}

impl OwnCorpus {
    /// The number of tokens of an algorithm, and how many of them are refused.
    pub fn refused(&self, algorithm: Algorithm) -> (usize, usize) {
        let tokens = self.tokens.get(&algorithm).map_or(&[][..], Vec::as_slice);
        (tokens.len(), tokens.iter().filter(|token| token.verdict.is_err()).count())
    }
}

/// The hashes of a stored plan.
#[derive(Clone)]
pub struct PlanHashes {
    /// SHA-256 of the plan, in hex.
    pub plan: String,
    /// SHA-256 of the corpus, in hex.
    pub corpus: String,
    /// The lifetime of the tokens under a state strategy, in seconds; `None` without one.
    pub token_lifetime_s: Option<f64>,
}

impl PlanHashes {
    /// Refuses a plan that differs, and says how.
    fn check(&self, plan: &Plan) -> Result<(), SessionError> {
        // Under another state strategy tokens may have another lifetime, and are then others.
        let lifetime = plan.scenario.issuer.token_lifetime.as_secs_f64();
        let is_issued_apart =
            self.token_lifetime_s.is_some_and(|due| due.to_bits() != lifetime.to_bits());
        if self.plan == plan.hash && (self.corpus == plan.corpus.hash || is_issued_apart) {
            return Ok(());
        }
        let (name, algorithm) = (&plan.scenario.name, plan.algorithm);
        let part = match self.corpus == plan.corpus.hash {
            true => "its tokens are the same, its arrivals, events, faults or load are not",
            false => "its tokens are not the same",
        };
        let remedy = match plan.scenario.family == OWN {
            true => "name the file of tokens that the result was made of",
            false => {
                "use the jwtbench that wrote the result, or run the scenario again with this one"
            }
        };
        Err(SessionError::Unusable(format!(
            "{name} {algorithm}: the plan cannot be made again: {part}; {remedy}"
        )))
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scenario.name, self.algorithm)
    }
}

impl Job {
    /// A job on minted tokens.
    pub fn minted(scenario: Scenario, algorithm: Algorithm, contenders: Vec<ContenderSpec>) -> Job {
        Job { scenario, algorithm, contenders, own: None, policy: None, due: None }
    }

    /// A job on minted tokens, on those of the contenders that can run the scenario and verify the
    /// algorithm.
    pub fn fitting(scenario: Scenario, algorithm: Algorithm, contenders: &[ContenderSpec]) -> Job {
        let mut fitting = fitting(&scenario, contenders);
        fitting.retain(|contender| contender.supports(algorithm));
        Job::minted(scenario, algorithm, fitting)
    }

    /// Whether a contender can give the verdict due to every token. Floors and bounds take every
    /// token to be good, which a user's tokens may not be.
    pub fn is_known_to(&self, contender: ContenderSpec) -> bool {
        let refused = self.own.as_ref().map_or(0, |own| own.refused(self.algorithm).1);
        contender.judges() || refused == 0
    }

    /// The warm-up and measured time of all rounds.
    pub fn lasting(&self) -> Duration {
        let load = &self.scenario.load;
        (load.warmup + load.duration) * load.rounds * self.contenders.len() as u32
    }

    /// The job's plan. Its tokens are minted and signed with these keys, or are the user's own.
    pub(super) fn plan(
        &self,
        signers: &Signers,
        minting: &(dyn Fn(Minting) + Sync),
    ) -> Result<Plan, SessionError> {
        if self.scenario.planned() > MAX_ARRIVALS {
            return Err(SessionError::Unusable(format!(
                "{self}: {:.0} million arrivals are planned; at most {:.0} million fit in memory: \
                 lower the rates or the duration",
                self.scenario.planned() / 1e6,
                MAX_ARRIVALS / 1e6,
            )));
        }
        let plan = match &self.own {
            None => Plan::new(&self.scenario, self.algorithm, signers, minting).checked()?,
            Some(own) => {
                let tokens = own.tokens.get(&self.algorithm).map_or(&[][..], Vec::as_slice);
                Plan::of_own(&self.scenario, self.algorithm, &own.judge, tokens)
            }
        };
        if let Some(due) = &self.due {
            due.check(&plan)?;
        }
        Ok(match &self.policy {
            Some(policy) => plan.judged_by(policy),
            None => plan,
        })
    }

    /// The policy for which the tokens of a dynamic plan were minted. `None` if time does not
    /// matter to the plan, or if a user brought the tokens.
    pub(super) fn minted_for(&self, plan: &Plan) -> Option<PolicySpec> {
        let is_drawn = self.own.is_none() && plan.scenario.is_dynamic();
        is_drawn.then(|| self.scenario.policy.clone())
    }
}
