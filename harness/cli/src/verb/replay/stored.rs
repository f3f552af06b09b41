//! The parts of a stored run, rebuilt: scenario, load, policy, cache policy and, from the user's
//! files, the user's own tokens. Nothing is measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jwtbench_engine::session::{OwnCorpus, load};
use jwtbench_result::capacity::RateBasis;
use jwtbench_result::{CachePolicyRecord, Measurement, RunResult, ScenarioRecord};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{Preset, Presets, parse_preset, read_preset};
use jwtbench_scenario::format::policy_file::{self, PolicyFile};
use jwtbench_scenario::format::state::{StatePreset, parse as parse_strategy};
use jwtbench_scenario::token::own::{self, OWN};
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::unix_time::UnixTime;

use crate::Failure;
use crate::flag::replacement::{self, cache_policy_records};
use crate::own::read;
use crate::own::token_judge::PolicyAndKeys;

/// A stored result, and the replacements for what it stored.
pub(super) struct ReplayBase<'r> {
    /// The result.
    pub(super) result: &'r RunResult,
    /// The path of the result, for messages.
    pub(super) path: &'r Path,
    /// The shipped or named cache policies.
    pub(super) presets: &'r Presets,
    /// The cache policy that replaces the stored ones.
    pub(super) cache: Option<&'r Preset>,
    /// The state strategy that replaces the stored ones.
    pub(super) state: Option<&'r StatePreset>,
}

/// The files of the user's own tokens.
pub(super) struct OwnFiles<'r> {
    pub(super) tokens: &'r Path,
    pub(super) jwks: &'r Path,
    /// The policy that replaces the stored one.
    pub(super) policy: Option<&'r PolicySpec>,
}

impl ReplayBase<'_> {
    /// The user's own tokens, judged at the instant of the stored run.
    pub(super) fn own(&self, files: &OwnFiles<'_>) -> Result<OwnCorpus, Failure> {
        let fault = |why: &str| Failure::Usage(format!("{}: {why}", self.path.display()));
        let of_own = |record: &&ScenarioRecord| record.family == OWN;
        let record = self.result.scenarios.iter().find(of_own);
        let record = record.ok_or_else(|| fault("its policy is not kept; run it again"))?;
        let Some(seconds) = record.judged_at_s else {
            return Err(fault(
                "does not say by which instant your tokens were judged; run them again with \
                 `jwtbench run --tokens`",
            ));
        };
        let path = PathBuf::from(format!("{}.toml", record.name));
        let spec = match files.policy {
            Some(policy) => policy.clone(),
            None => policy_file::parse(&path, &record.text)?,
        };
        let policy_and_keys = PolicyAndKeys::of(spec, &path, files.jwks)?;
        let scenario = own::scenario(files.tokens, policy_and_keys.policy.spec());
        let mut measured = self.result.measurements.iter();
        let scenario = match measured.find(|measurement| measurement.family == OWN) {
            Some(one) => self.under(scenario, &one.cache_policy).map_err(|why| fault(&why))?,
            None => scenario,
        };
        read(files.tokens, policy_and_keys, &scenario, UnixTime::from_seconds(seconds))
    }

    /// The scenario of a trial under the stored load.
    pub(super) fn scenario(
        &self,
        measurement: &Measurement,
        own: Option<(&Path, &Arc<OwnCorpus>)>,
    ) -> Result<Scenario, Failure> {
        let name = &measurement.scenario;
        let fault = |why: String| Failure::Usage(format!("{}: {name}: {why}", self.path.display()));
        let record = self.result.scenarios.iter().find(|record| record.name == *name);
        let record = record.ok_or_else(|| fault("its text is not kept; run it again".into()))?;
        let scenario = match own.filter(|_| measurement.family == OWN) {
            Some((path, own)) => own::scenario(path, &own.judge.policy),
            None => self.parsed(record).map_err(fault)?,
        };
        // Older results do not hold the load. The plan's hash shows whether the text is enough.
        let scenario = match &record.load {
            Some(load) => load::apply(load, scenario).map_err(fault)?,
            None => scenario,
        };
        let scenario = self.under(scenario, &measurement.cache_policy).map_err(fault)?;
        let scenario = self.informed(scenario, measurement)?;
        let is_basis = |basis: &&RateBasis| {
            basis.scenario == *name && basis.algorithm == measurement.algorithm
        };
        Ok(match self.result.rate_bases.iter().find(is_basis) {
            Some(basis) => scenario.settled(basis.capacity_per_s),
            None => scenario,
        })
    }

    /// The scenario under the state strategy that replaces the stored one, or else under the stored
    /// one, as its file was at the time of the run.
    fn informed(&self, scenario: Scenario, stored: &Measurement) -> Result<Scenario, Failure> {
        if let Some(strategy) = self.state {
            return replacement::informed(scenario, strategy);
        }
        let Some(state) = &stored.state else {
            return Ok(scenario);
        };
        let path = PathBuf::from(format!("{}.toml", state.strategy));
        let strategy = parse_strategy(&path, &state.text).map_err(|fault| {
            let shown = self.path.display();
            Failure::Usage(format!("{shown}: its stored state strategy is none here: {fault}"))
        })?;
        Ok(scenario.informed_by(strategy.named()))
    }

    /// The cache policies of these scenarios, for the new result.
    pub(super) fn cache_policies<'s>(
        &self,
        scenarios: impl Iterator<Item = &'s Scenario>,
    ) -> Vec<CachePolicyRecord> {
        let mut replaced: Vec<Preset> = self.cache.into_iter().cloned().collect();
        if replaced.is_empty() {
            let stored = self.result.cache_policies.iter();
            replaced = stored.filter_map(|record| self.kept(record)?.ok()).collect();
        }
        cache_policy_records(scenarios, &replaced, self.presets)
    }

    /// The cache policy of a record, as its file was at the time of the run, if the result kept it.
    fn kept(&self, record: &CachePolicyRecord) -> Option<Result<Preset, String>> {
        let path = PathBuf::from(format!("{}.toml", record.name));
        let text = record.text.as_deref()?;
        let preset = parse_preset(&path, text, self.presets);
        Some(preset.map_err(|error| format!("its stored cache policy is none here: {error}")))
    }

    /// The scenario that the stored text describes, with its tokens minted to the stored policy, if
    /// there is one.
    fn parsed(&self, record: &ScenarioRecord) -> Result<Scenario, String> {
        let path = PathBuf::from(format!("{}.toml", record.name));
        let scenario = Scenario::parse(&path, &record.text, self.presets)
            .map_err(|error| format!("its stored text is no scenario here: {error}"))?;
        let Some(text) = &record.policy else {
            return Ok(scenario);
        };
        let spec = policy_file::parse(&path, text)
            .map_err(|error| format!("its stored policy is none here: {error}"))?;
        let file = PolicyFile { path, spec, names_algorithms: false };
        scenario.judged_by(&file).map_err(|error| error.to_string())
    }

    /// The scenario under the cache policy that replaces the stored one, or else under the stored
    /// one, as its file was at the time of the run.
    fn under(&self, scenario: Scenario, stored: &str) -> Result<Scenario, String> {
        if let Some(preset) = self.cache {
            return Ok(scenario.under(preset));
        }
        let mut records = self.result.cache_policies.iter();
        let record = records.find(|record| record.name == stored);
        if let Some(preset) = record.and_then(|record| self.kept(record)) {
            return Ok(scenario.under(&preset?));
        }
        match scenario.cache.name == stored {
            true => Ok(scenario),
            false => Ok(scenario.under(&read_preset(self.presets, stored)?)),
        }
    }
}
