//! The pairing of trials: which trial of one result is compared with which of the other, and in
//! what ways two results differ. Pure.

use std::fmt;

use crate::record::standing::{known, of_both};
use crate::{CachePolicyRecord, Measurement, RunResult};

/// A way in which results may differ if the user allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// Arrivals, events, faults, load or corpus.
    Plan,
    /// The seed.
    Seed,
    /// CPU, cores or architecture.
    Machine,
    /// The schema version.
    Version,
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Allowance::Plan => "plan",
            Allowance::Seed => "seed",
            Allowance::Machine => "machine",
            Allowance::Version => "version",
        })
    }
}

/// How trials are paired.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// Pairs of different contenders, as (base, candidate). Others are not compared: they are
    /// bounds that ran beside them. If the list is empty, each contender is compared with the one
    /// of the same name.
    pub contenders: Vec<(String, String)>,
    /// Whether trials under different cache policies are compared.
    pub any_cache_policy: bool,
    /// Whether trials under different state strategies are compared.
    pub any_state_strategy: bool,
}

/// A trial on both sides: base, candidate.
pub(super) type Pair<'r> = (&'r Measurement, &'r Measurement);

/// The trials that both sides have, and the names of those that only one side has.
pub(super) struct Pairing<'r> {
    pub(super) pairs: Vec<Pair<'r>>,
    pub(super) only_base: Vec<String>,
    pub(super) only_candidate: Vec<String>,
    /// The cache policies of the trials on both sides, if a result keeps a record of them.
    pub(super) cache_policies: Vec<CachePolicyRecord>,
}

impl<'r> Pairing<'r> {
    pub(super) fn of(base: &'r RunResult, candidate: &'r RunResult, matching: &Matching) -> Self {
        let mut taken = vec![false; base.measurements.len()];
        let mut cache_policies = of_both(&base.cache_policies, &candidate.cache_policies);
        let trials = || base.measurements.iter().chain(&candidate.measurements);
        cache_policies.retain(|record| trials().any(|one| one.cache_policy == record.name));
        let (only_base, only_candidate) = (Vec::new(), Vec::new());
        let mut pairing = Pairing { pairs: Vec::new(), only_base, only_candidate, cache_policies };
        for other in &candidate.measurements {
            let fits = |one: &&Measurement| matching.fits(one, other);
            match base.measurements.iter().position(|one| fits(&one)) {
                Some(place) => {
                    taken[place] = true;
                    pairing.pairs.push((&base.measurements[place], other));
                }
                None if matching.asks_for(&other.contender, |(_, other)| other) => {
                    pairing.only_candidate.push(trial(other, &pairing.cache_policies));
                }
                None => {}
            }
        }
        let left =
            base.measurements.iter().zip(&taken).filter(|(one, taken)| {
                !**taken && matching.asks_for(&one.contender, |(base, _)| base)
            });
        pairing.only_base = left.map(|(one, _)| trial(one, &pairing.cache_policies)).collect();
        pairing
    }

    /// The differences between the results, each as its kind and a sentence.
    pub(super) fn unlike(
        &self,
        base: &RunResult,
        candidate: &RunResult,
    ) -> Vec<(Allowance, String)> {
        let mut unlike = Vec::new();
        if base.schema_version != candidate.schema_version {
            let (one, other) = (base.schema_version, candidate.schema_version);
            let message = format!("schema version {one} against {other}");
            unlike.push((Allowance::Version, message));
        }
        if base.seed != candidate.seed {
            let message = format!("seed {} against {}", base.seed, candidate.seed);
            unlike.push((Allowance::Seed, message));
        }
        let machine = |result: &RunResult| {
            let machine = &result.machine;
            format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.arch)
        };
        let (one, other) = (machine(base), machine(candidate));
        if one != other {
            unlike.push((Allowance::Machine, format!("machine {one} against {other}")));
        }
        let others: Vec<String> = self
            .pairs
            .iter()
            .filter(|pair| !has_one_plan(pair))
            .map(|(_, candidate)| trial(candidate, &self.cache_policies))
            .collect();
        if let Some(first) = others.first() {
            let message = format!("plan of {first}{}", more(others.len()));
            unlike.push((Allowance::Plan, message));
        }
        unlike
    }
}

impl Matching {
    /// Whether a contender of one side shall be compared.
    fn asks_for(&self, contender: &str, side: fn(&(String, String)) -> &String) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|pair| side(pair) == contender)
    }

    fn fits(&self, base: &Measurement, candidate: &Measurement) -> bool {
        let crossed = self.contenders.iter().find(|(_, other)| *other == candidate.contender);
        if crossed.is_none() && !self.contenders.is_empty() {
            return false;
        }
        let partner = crossed.map_or(&candidate.contender, |(partner, _)| partner);
        base.scenario == candidate.scenario
            && base.algorithm == candidate.algorithm
            && base.contender == *partner
            && (self.any_cache_policy || base.cache_policy == candidate.cache_policy)
            && (self.any_state_strategy || base.state_strategy() == candidate.state_strategy())
    }
}

/// Whether both sides did the same work. Under state strategies the tokens may have another
/// lifetime, which is no part of the work.
pub(super) fn has_one_plan((base, candidate): &Pair<'_>) -> bool {
    base.plan_hash == candidate.plan_hash
        && (base.corpus_hash == candidate.corpus_hash || base.has_other_lifetime(candidate))
}

/// The name of a trial, in which the cache policy has its mark.
fn trial(measurement: &Measurement, cache_policies: &[CachePolicyRecord]) -> String {
    let Measurement { scenario, algorithm, contender, cache_policy, .. } = measurement;
    let cache_policy = known(cache_policies, cache_policy).marked(cache_policy);
    let strategy = measurement.state_strategy().map(|name| format!(", state strategy {name}"));
    let strategy = strategy.unwrap_or_default();
    format!("{scenario} {algorithm} {contender} ({cache_policy}{strategy})")
}

fn more(count: usize) -> String {
    if count > 1 { format!(" and {} more", count - 1) } else { String::new() }
}
