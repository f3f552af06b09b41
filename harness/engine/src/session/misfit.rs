//! The contenders that can run a scenario, and the reasons why others cannot.

use jwtbench_scenario::Scenario;
use jwtbench_scenario::token::class::Stage;
use jwtbench_verifier::algorithm::Algorithm;

use crate::contender::ContenderSpec;

/// The reason why a contender cannot run a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// The scenario is about the key cache, and the contender does not use ours.
    NoKeyCache,
    /// The scenario is about the state of tokens, and the contender asks for none.
    NoState,
    /// The scenario has tokens to refuse, and the contender judges no claims.
    NoJudge,
    /// The contender does not verify the algorithm.
    Algorithm(Algorithm),
}

impl Misfit {
    /// The reason, as text that follows the contender's name.
    pub fn reason(self) -> String {
        match self {
            Misfit::NoKeyCache => "has no key cache, and time or a cache matters there".into(),
            Misfit::NoState => "asks for no state, and revoked tokens come there".into(),
            Misfit::NoJudge => {
                "checks signatures and no claims, and tokens that must be refused come there".into()
            }
            Misfit::Algorithm(algorithm) => format!("does not verify {algorithm}"),
        }
    }

    /// The remedy, as text.
    pub fn remedy(self) -> String {
        match self {
            Misfit::NoKeyCache | Misfit::NoState => {
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

/// The reason why the contender cannot run the scenario under any algorithm; `None` if it can.
pub fn misfit(scenario: &Scenario, contender: ContenderSpec) -> Option<Misfit> {
    let is_cached = scenario.is_dynamic() || scenario.cache.policy.verdict_cache.is_some();
    let only_good = scenario.classes().iter().all(|class| class.row().stage == Stage::Good);
    if is_cached && !contender.has_key_cache() {
        return Some(Misfit::NoKeyCache);
    }
    if scenario.state.is_some() && !contender.has_key_cache() {
        return Some(Misfit::NoState);
    }
    (!only_good && !contender.judges()).then_some(Misfit::NoJudge)
}

/// The contenders that can run a scenario under some algorithm.
pub fn fitting(scenario: &Scenario, contenders: &[ContenderSpec]) -> Vec<ContenderSpec> {
    let fits = |spec: &&ContenderSpec| misfit(scenario, **spec).is_none();
    contenders.iter().filter(fits).copied().collect()
}
