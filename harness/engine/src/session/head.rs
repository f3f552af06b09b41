//! The head of a result: what is known before anything is measured.

use std::collections::BTreeMap;

use jwtbench_result::{CachePolicyRecord, Machine, RunResult, SCHEMA_VERSION, ScenarioRecord};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::policy_file;

use crate::contender::ContenderSpec;
use crate::real::clock::utc_now;

use super::{Job, load};

/// The result of a session on this machine before anything is measured. `command` is the command
/// line that reproduces it. `cache_policies` are the jobs' cache policies other than our own
/// recommendation.
pub fn head(
    jobs: &[Job],
    command: String,
    seed: u64,
    machine: Machine,
    cache_policies: Vec<CachePolicyRecord>,
) -> RunResult {
    RunResult {
        schema_version: SCHEMA_VERSION,
        command,
        started_at: utc_now(),
        elapsed_s: 0.0,
        seed,
        partial: false,
        machine,
        versions: versions(jobs.iter().flat_map(|job| &job.contenders)),
        scenarios: job_records(jobs),
        cache_policies,
        measurements: Vec::new(),
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// The versions of the software behind the contenders, and our own version.
pub fn versions<'a>(
    contenders: impl Iterator<Item = &'a ContenderSpec>,
) -> BTreeMap<String, String> {
    let mut versions: BTreeMap<String, String> =
        contenders.map(|spec| (spec.to_string(), spec.version())).collect();
    versions.insert("jwtbench".into(), env!("CARGO_PKG_VERSION").into());
    versions
}

/// The scenarios as a result stores them, each once.
pub fn records<'a>(scenarios: impl Iterator<Item = &'a Scenario>) -> Vec<ScenarioRecord> {
    let mut records: Vec<ScenarioRecord> = Vec::new();
    for scenario in scenarios {
        if records.iter().any(|known| known.name == scenario.name) {
            continue;
        }
        records.push(ScenarioRecord {
            name: scenario.name.clone(),
            family: scenario.family.clone(),
            title: scenario.title.clone(),
            analysis: scenario.analysis.clone(),
            dynamic: scenario.is_dynamic(),
            text: scenario.text.clone(),
            load: Some(load::record(scenario)),
            policy: scenario.replaced.policy.then(|| policy_file::text(&scenario.policy)),
            cache_dropped: match scenario.replaced.cache {
                true => scenario.cache_keys(),
                false => Vec::new(),
            },
            judged_at_s: None,
        });
    }
    records
}

/// The scenarios of jobs, with the instant as of which the user's own tokens were judged.
fn job_records(jobs: &[Job]) -> Vec<ScenarioRecord> {
    let mut records = records(jobs.iter().map(|job| &job.scenario));
    for (job, own) in jobs.iter().filter_map(|job| Some((job, job.own.as_ref()?))) {
        let mine = records.iter_mut().find(|record| record.name == job.scenario.name);
        if let Some(record) = mine {
            record.judged_at_s = Some(own.judge.now.seconds());
        }
    }
    records
}
