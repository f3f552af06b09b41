//! `--cache-policy`, `--policy` and `--state-strategy`, which replace a scenario's `[cache]`,
//! `[policy]` and the strategy of its `[state]`. They are read before anything is measured, and the
//! result records them.

use std::collections::BTreeMap;
use std::path::Path;

use jwtbench_result::CachePolicyRecord;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{Preset, Presets, read_cache_policy, read_preset};
use jwtbench_scenario::format::policy_file::PolicyFile;
use jwtbench_scenario::format::state::StatePreset;
use jwtbench_verifier::algorithm::Algorithm;

use crate::Failure;
use crate::output::tell;

/// The cache policy that needs no record: our own recommendation, which models no other software.
const OURS: &str = "default";

/// A cache policy and a policy that replace those of every scenario.
#[derive(Clone, Debug, Default)]
pub struct Replacement {
    /// The replacement for `[cache]`.
    pub cache: Option<Preset>,
    /// The replacement for `[policy]`.
    pub policy: Option<PolicyFile>,
    /// The replacement for the strategy of `[state]`.
    pub state: Option<StatePreset>,
}

impl Replacement {
    /// Reads the cache policy and the policy that the command line names.
    pub fn read(
        cache_policy: Option<&str>,
        policy: Option<&Path>,
        presets: &Presets,
    ) -> Result<Replacement, Failure> {
        let cache = cache_policy.map(|given| read_cache_policy(presets, given));
        Ok(Replacement {
            cache: cache.transpose().map_err(Failure::Usage)?,
            policy: policy.map(PolicyFile::read).transpose()?,
            state: None,
        })
    }

    /// The replacement with the state strategy that the command line names.
    pub fn and_state(self, strategy: Option<&str>, presets: &Presets) -> Result<Self, Failure> {
        let strategies = presets.strategies();
        let state = strategy.map(|given| strategies.read_named(given));
        Ok(Replacement { state: state.transpose().map_err(Failure::Usage)?, ..self })
    }

    /// Applies both replacements to a scenario.
    pub fn onto(&self, scenario: Scenario) -> Result<Scenario, Failure> {
        let scenario = match &self.policy {
            Some(policy) => scenario.judged_by(policy)?,
            None => scenario,
        };
        let scenario = match &self.cache {
            Some(preset) => scenario.under(preset),
            None => scenario,
        };
        match &self.state {
            Some(strategy) => informed(scenario, strategy),
            None => Ok(scenario),
        }
    }

    /// Refuses requested algorithms that the policy does not allow.
    pub fn allow(&self, asked: &[Algorithm]) -> Result<(), Failure> {
        let Some(PolicyFile { path, spec, names_algorithms: true }) = &self.policy else {
            return Ok(());
        };
        match asked.iter().find(|algorithm| !spec.algorithms.contains(algorithm)) {
            None => Ok(()),
            Some(other) => Err(Failure::Usage(format!(
                "{}: `algorithms` does not allow {other}, which --algorithm names; allow it, or \
                 leave --algorithm out",
                path.display()
            ))),
        }
    }
}

/// The scenario under another state strategy.
///
/// # Errors
/// If the scenario has no `[state]`.
pub fn informed(scenario: Scenario, strategy: &StatePreset) -> Result<Scenario, Failure> {
    if scenario.state.is_none() {
        return Err(Failure::Usage(format!(
            "{} has no [state], so that --state-strategy has no effect; name scenarios that have \
             one, such as revocation/store-down",
            scenario.name
        )));
    }
    Ok(scenario.informed_by(strategy.clone().named()))
}

/// Prints on stderr, in one line, which keys of the scenarios' own `[cache]` are dropped.
pub fn tell_dropped<'a>(scenarios: impl Iterator<Item = &'a Scenario>) {
    let mut dropped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for scenario in scenarios.filter(|scenario| scenario.replaced.cache) {
        let keys = scenario.cache_keys().join(", ");
        let names = dropped.entry(keys).or_default();
        if !names.contains(&scenario.name.as_str()) {
            names.push(&scenario.name);
        }
    }
    dropped.remove("");
    if dropped.is_empty() {
        return;
    }
    let parts = dropped.into_iter().map(|(keys, names)| format!("{keys} of {}", names.join(", ")));
    let parts: Vec<String> = parts.collect();
    tell(format!("--cache-policy drops from [cache]: {}", parts.join("; ")));
}

/// The records of the scenarios' cache policies for a result, each once.
pub fn cache_policy_records<'a>(
    scenarios: impl Iterator<Item = &'a Scenario>,
    replaced: &[Preset],
    presets: &Presets,
) -> Vec<CachePolicyRecord> {
    let mut records: Vec<CachePolicyRecord> = Vec::new();
    for scenario in scenarios {
        let name = &scenario.cache.name;
        if records.iter().any(|known| known.name == *name) {
            continue;
        }
        let given = replaced.iter().find(|preset| scenario.replaced.cache && preset.name == *name);
        let record = match given {
            Some(preset) => Some(record(preset, true)),
            None if name == OURS => None,
            // The scenario's own `[cache]` was just read from this preset, so reading it again
            // succeeds.
            None => read_preset(presets, name).ok().map(|preset| record(&preset, false)),
        };
        records.extend(record);
    }
    records
}

fn record(preset: &Preset, is_whole: bool) -> CachePolicyRecord {
    let about = preset.about.as_ref();
    CachePolicyRecord {
        name: preset.name.clone(),
        title: about.map(|about| about.title.clone()),
        differs: about.and_then(|about| about.differs.clone()),
        checked: about.and_then(|about| about.checked.clone()),
        text: is_whole.then(|| preset.text.clone()),
    }
}
