//! The measurement of a trial, gathered from its rounds.

mod endpoint;
mod state;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use endpoint::{add_counts, counters, set_age};

use jwtbench_result::record::set_age::SetAge;
use jwtbench_result::{
    ArrivalCounts, ConformanceCell, Count, EndpointCounts, ExpectationResult, ExposedClass,
    Finding, Latencies, Measurement, OutcomeRow, PackedLatencies, PhaseResult, Round,
    VerdictCounts, Wrong,
};
use jwtbench_scenario::model::expectation::{BoundSubject, Expectation, binding};
use jwtbench_scenario::model::place::{PhasePlace, StreamPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Class;
use jwtbench_verifier::key_cache::Counters;
use jwtbench_verifier::tick::Tick;

use crate::contender::ContenderSpec;
use crate::judge::judgement::{Code, spell};
use crate::judge::ledger::{Cell, Ledger, LedgerRow, RowKey};
use crate::judge::{evaluate, finding, verdict_stream};
use crate::jwks::key_source::{FetchNote, FetchStep};
use crate::state::world::StateRecord;

use super::planted_fault::PlantedFault;
use super::validity::Validity;
use super::{EndpointRecord, RoundRecord};

/// The rounds of one trial, gathered as they end.
pub struct Gathering<'p> {
    plan: &'p Plan,
    contender: ContenderSpec,
    is_virtual: bool,
    ledger: Ledger,
    arrivals: ArrivalCounts,
    active: Duration,
    /// The number of operations done in `active`.
    timed: u64,
    rounds: Vec<Round>,
    endpoint: Option<Vec<EndpointCounts>>,
    fetches: Vec<FetchNote>,
    set_ages: Vec<SetAge>,
    counters: Option<Counters>,
    /// What came of the state of each round.
    states: Vec<StateRecord>,
    expectations: BTreeMap<String, ExpectationResult>,
    unjudged: BTreeSet<String>,
    validity: Validity,
    planted: Option<PlantedFault>,
    error: Option<String>,
}

impl<'p> Gathering<'p> {
    /// An empty gathering.
    pub fn new(plan: &'p Plan, contender: ContenderSpec, is_virtual: bool) -> Gathering<'p> {
        Gathering {
            plan,
            contender,
            is_virtual,
            ledger: Ledger::default(),
            arrivals: ArrivalCounts::default(),
            active: Duration::ZERO,
            timed: 0,
            rounds: Vec::new(),
            endpoint: None,
            fetches: Vec::new(),
            set_ages: Vec::new(),
            counters: None,
            states: Vec::new(),
            expectations: BTreeMap::new(),
            unjudged: BTreeSet::new(),
            validity: Validity::new(plan),
            planted: None,
            error: None,
        }
    }

    /// The gathering of a trial with a fault planted in it.
    pub fn with_plant(self, planted: Option<PlantedFault>) -> Gathering<'p> {
        Gathering { planted, ..self }
    }

    /// Notes that a round could not be run. The trial then has no figures.
    pub fn fail(&mut self, reason: String) {
        self.error.get_or_insert(reason);
    }

    /// Whether a round could not be run.
    pub fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Adds a round, the `order`th of the run. A round that was cut short counts for conformance
    /// and arrivals only. False if the round's figures are left out.
    pub fn add(&mut self, order: u32, mut record: RoundRecord) -> bool {
        let phases = record.endpoint.as_ref().map(|endpoint| self.endpoint_phases(endpoint));
        let mut is_dropped = false;
        if !record.interrupted {
            let verdict = self.validity.judge(record.course.as_ref());
            let headline = record.ledger.headline().summarise().service;
            is_dropped = verdict.is_dropped;
            if is_dropped {
                record.ledger.withhold();
            }
            self.expect(&record.ledger, phases.as_deref(), &verdict.unsound);
            self.rounds.push(Round {
                order,
                done: record.arrivals.done,
                throughput_per_s: self.throughput(record.arrivals.done, record.active),
                p50_ns: headline.p50_ns,
                p99_ns: headline.p99_ns,
                turns: relative(&record.turns, headline.p50_ns),
                cpu_ns_per_op: cpu_ns_per_op(record.cpu, record.arrivals.done),
                windows: record.course.map(|course| course.windows).unwrap_or_default(),
                noise: verdict.noise,
                dropped: verdict.disturbed.clone().filter(|_| is_dropped),
                disturbed: verdict.disturbed,
            });
        }
        self.arrivals.planned += record.arrivals.planned;
        self.arrivals.done += record.arrivals.done;
        self.arrivals.shed += record.arrivals.shed;
        self.arrivals.unfinished += record.arrivals.unfinished;
        if !is_dropped {
            self.active += record.active;
            self.timed += record.arrivals.done;
        }
        self.ledger.merge(record.ledger);
        self.states.extend(record.state.filter(|_| !record.interrupted));
        self.counters = record.counters.or(self.counters.take());
        if let Some(endpoint) = record.endpoint {
            self.set_ages.push(set_age(&endpoint));
            self.fetches.extend(endpoint.fetches);
        }
        if let Some(phases) = phases {
            let mine = self.endpoint.get_or_insert_with(Vec::new);
            mine.resize_with(phases.len(), EndpointCounts::default);
            mine.iter_mut().zip(&phases).for_each(|(mine, theirs)| add_counts(mine, theirs));
        }
        !is_dropped
    }

    fn throughput(&self, done: u64, active: Duration) -> f64 {
        let seconds = active.as_secs_f64() / f64::from(self.plan.scenario.load.workers);
        if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
    }

    /// Whether an expectation bounds a latency of one of these phases.
    fn is_unsound(&self, expectation: &Expectation, unsound: &[PhasePlace]) -> bool {
        let name = |phase: &PhasePlace| self.plan.scenario.phases[phase.index()].name.as_str();
        let mut names = unsound.iter().map(name);
        let wanted = evaluate::phases(expectation);
        evaluate::is_latency(&expectation.subject)
            && names.any(|name| wanted.as_ref().is_none_or(|wanted| wanted.contains(&name)))
    }

    /// Evaluates the scenario's expectations on one round. Some are noted as not judged instead:
    /// latencies of phases that are `unsound`, latencies in virtual time, and figures that only a
    /// simulation has. A miss in any round stays.
    fn expect(
        &mut self,
        ledger: &Ledger,
        endpoint: Option<&[EndpointCounts]>,
        unsound: &[PhasePlace],
    ) {
        let scenario = &self.plan.scenario;
        // Floors, bounds and foreign libraries have no key cache, so nothing is expected of them.
        if !self.contender.has_key_cache() {
            return;
        }
        let policy = scenario.cache.name.as_str();
        let strategy = scenario.state.as_ref().map(|state| state.strategy.name.as_str());
        let bound = BoundSubject { policy, strategy, is_of_scenario: true };
        for expectation in binding(&scenario.expectations, bound) {
            let is_timeless = self.is_virtual && evaluate::is_latency(&expectation.subject);
            let is_simulated = expectation.subject.metric.is_simulated();
            if is_simulated || is_timeless || self.is_unsound(expectation, unsound) {
                self.unjudged.insert(expectation.key.clone());
                continue;
            }
            let figures = evaluate::Figures { scenario, ledger, endpoint };
            let result = figures.evaluate(expectation);
            let known = self.expectations.entry(expectation.key.clone()).or_insert(result.clone());
            if known.met {
                *known = result;
            }
        }
    }

    /// The endpoint's counts by phase. The warm-up belongs to the first phase.
    fn endpoint_phases(&self, record: &EndpointRecord) -> Vec<EndpointCounts> {
        let phases = self.plan.scenario.phases.len();
        let mut counts = vec![EndpointCounts::default(); phases];
        let mut in_flight = 0;
        for note in &record.fetches {
            let phase = (1..phases)
                .rev()
                .find(|phase| note.at >= self.plan.phase_span(*phase).0)
                .unwrap_or(0);
            let counts = &mut counts[phase];
            match note.step {
                FetchStep::Started => {
                    in_flight += 1;
                    counts.attempts += 1;
                    counts.max_in_flight = counts.max_in_flight.max(in_flight);
                }
                FetchStep::Succeeded => in_flight -= 1,
                FetchStep::Failed(_) => {
                    in_flight -= 1;
                    counts.failures += 1;
                }
            }
        }
        let mut before = (0, 0);
        for (counts, served) in counts.iter_mut().zip(&record.served) {
            counts.served = served.served - before.0;
            counts.bytes = served.bytes - before.1;
            before = (served.served, served.bytes);
        }
        counts
    }

    /// The measurement.
    pub fn finish(self) -> Measurement {
        let scenario = &self.plan.scenario;
        let conformance = self.conformance();
        let (wrong, findings) = self.deviations();
        let stream = verdict_stream(self.plan, &self.ledger, |code| self.got(code));
        let sum =
            |counts: &dyn Fn(&LedgerRow) -> u64| self.ledger.rows.values().map(counts).sum::<u64>();
        let verdicts = VerdictCounts {
            judged: self.ledger.cells.values().sum(),
            wrong: wrong.iter().map(|wrong| wrong.count).sum(),
            exposed_accepts: sum(&|row| row.exposed),
            lockouts: sum(&|row| row.lockouts),
            late: sum(&|row| row.late),
        };
        let headline = self.ledger.headline();
        let unjudged = self.unjudged.iter().filter(|key| !self.expectations.contains_key(*key));
        let total = self.endpoint.as_ref().map(|phases| {
            let mut total = EndpointCounts::default();
            phases.iter().for_each(|phase| add_counts(&mut total, phase));
            total
        });
        let error = self.error.clone().or_else(|| self.silence(verdicts.judged));
        let named = |(name, count): (&str, &u64)| Count { name: name.into(), count: *count };
        let classes = self.ledger.exposed_classes();
        let exposures = self.ledger.exposures.iter().map(|(cause, n)| named((cause, n)));
        let lockouts = self.ledger.lockouts.iter();
        let lockouts = added_up(lockouts.map(|(code, count)| (self.got(*code), *count)));
        Measurement {
            scenario: scenario.name.clone(),
            family: scenario.family.clone(),
            contender: self.contender.to_string(),
            algorithm: self.plan.algorithm.name().into(),
            cache_policy: scenario.cache.name.clone(),
            plan_hash: self.plan.hash.clone(),
            corpus_hash: self.plan.corpus.hash.clone(),
            policy_hash: self.plan.policy_hash(),
            cache_policy_hash: self.plan.cache_policy_hash(),
            virtual_time: self.is_virtual,
            workers: scenario.load.workers,
            verdicts,
            wrong,
            findings,
            expectations: self.expectations.values().cloned().collect(),
            throughput_per_s: self.throughput(self.timed, self.active),
            phases: self.phases(),
            endpoint: total,
            exposure_causes: exposures.collect(),
            exposed_classes: classes.iter().map(exposed_class).collect(),
            lockout_causes: lockouts,
            conformance,
            verdict_stream: Some(stream),
            service_curve: headline.service_curve(),
            response_curve: headline.response_curve(),
            token_bytes_mean: self.ledger.token_bytes as f64 / (self.ledger.done.max(1)) as f64,
            key_cache: self.counters.as_ref().map(counters).unwrap_or_default(),
            verdict_cache_hits: self.remembered(),
            set_age_max_ns: self.highest_set_age(),
            state: self.state(),
            timeline: (self.ledger.bin_ns > 0).then(|| self.timeline()),
            arrivals: self.arrivals,
            rounds: self.rounds,
            noise: self.validity.noise(),
            noisy: self.validity.noisy(),
            planted: self.planted.map(|plant| plant.to_string()),
            unjudged: unjudged.cloned().collect(),
            error,
        }
    }

    /// The reason, if there is no verdict, no whole round, or no measured operation.
    fn silence(&self, judged: u64) -> Option<String> {
        let ArrivalCounts { planned, shed, .. } = self.arrivals;
        match judged {
            _ if self.rounds.is_empty() => Some("cut short before its first round ended".into()),
            0 if shed == planned && planned > 0 => Some(format!(
                "no verdict: all {planned} arrivals were shed; lower the rate or raise --shed-after"
            )),
            0 => Some(format!("no verdict: none of {planned} operations ended; shed {shed}")),
            _ if self.ledger.done == 0 && !self.is_virtual => Some(format!(
                "nothing was measured: all {judged} verdicts are of the warm-up; raise --duration"
            )),
            _ => None,
        }
    }

    fn got(&self, code: Code) -> String {
        let is_coarse = self.contender.is_foreign() && code.is_err();
        if is_coarse { "REFUSE".into() } else { spell(code).into() }
    }

    fn conformance(&self) -> Vec<ConformanceCell> {
        let mut merged: BTreeMap<(Class, String, String, bool), u64> = BTreeMap::new();
        for (cell, count) in &self.ledger.cells {
            let Cell { class, due, got, conforms } = *cell;
            let key = (class, spell(due).to_owned(), self.got(got), conforms);
            *merged.entry(key).or_default() += count;
        }
        merged
            .into_iter()
            .map(|((class, due, got, conforms), count)| ConformanceCell {
                class: class.name().into(),
                due,
                got,
                count,
                conforms,
            })
            .collect()
    }

    /// The deviations from the contract: wrong verdicts, which fail the run, and findings. A
    /// deviation of a foreign library is a finding, but a forged token that is accepted is always
    /// wrong.
    fn deviations(&self) -> (Vec<Wrong>, Vec<Finding>) {
        let mut wrong: BTreeMap<(Class, String, String), u64> = BTreeMap::new();
        let mut findings: BTreeMap<(Class, String, bool), u64> = BTreeMap::new();
        for (cell, count) in self.ledger.cells.iter().filter(|(cell, _)| !cell.conforms) {
            let is_foreign = self.contender.is_foreign();
            let is_forgery = cell.class.row().forged && cell.got.is_ok();
            let due = spell(cell.due).to_owned();
            if is_foreign && !is_forgery {
                let key = (cell.class, due, cell.got.is_ok());
                *findings.entry(key).or_default() += count;
            } else {
                let key = (cell.class, due, self.got(cell.got));
                *wrong.entry(key).or_default() += count;
            }
        }
        let wrong = wrong.into_iter().map(|((class, due, got), count)| Wrong {
            class: class.name().into(),
            due,
            got,
            count,
        });
        let findings = findings.into_iter().map(|((class, due, accepted), count)| {
            let (tag, reason) = finding::classify(class, accepted);
            let got = if accepted { "ACCEPT" } else { "REFUSE" }.into();
            Finding { class: class.name().into(), due, got, count, tag, reason: reason.into() }
        });
        (wrong.collect(), findings.collect())
    }

    fn phases(&self) -> Vec<PhaseResult> {
        let scenario = &self.plan.scenario;
        let mut rows: Vec<(&RowKey, _)> = self.ledger.rows.iter().collect();
        rows.sort_by_key(|(key, _)| **key);
        let phase = |index: usize| {
            let mine = || rows.iter().filter(move |(key, _)| key.phase.index() == index);
            let (start, end) = self.plan.phase_span(index);
            let mut latencies = Latencies::default();
            mine().for_each(|(_, row)| latencies.merge(&row.latencies));
            let is_timed = !self.is_virtual && latencies.count() > 0;
            let (verdict, disturbed) = self.validity.phase(index);
            PhaseResult {
                verdict,
                disturbed,
                lateness: is_timed.then(|| latencies.summarise().lateness),
                name: scenario.phases[index].name.clone(),
                start_ns: start.0,
                end_ns: end.0,
                outcomes: self.outcomes(mine().copied()),
                lockouts: mine().map(|(_, row)| row.lockouts).sum(),
                exposed_accepts: mine().map(|(_, row)| row.exposed).sum(),
                late: mine().map(|(_, row)| row.late).sum(),
                endpoint: self.endpoint.as_ref().map(|phases| phases[index].clone()),
            }
        };
        (0..scenario.phases.len()).map(phase).collect()
    }

    /// One row for each stream, class and code as results show it. All refusals of a library have
    /// one code.
    fn outcomes<'r>(
        &self,
        rows: impl Iterator<Item = (&'r RowKey, &'r LedgerRow)>,
    ) -> Vec<OutcomeRow> {
        let mut merged: Vec<(StreamPlace, Class, String, u64, Latencies)> = Vec::new();
        for (RowKey { stream, class, code, .. }, row) in rows {
            let code = self.got(*code);
            let is_same =
                |(s, c, known, ..): &&mut (StreamPlace, Class, String, u64, Latencies)| {
                    (*s, *c, &**known) == (*stream, *class, code.as_str())
                };
            match merged.iter_mut().find(is_same) {
                Some((.., count, latencies)) => {
                    *count += row.count;
                    latencies.merge(&row.latencies);
                }
                None => merged.push((*stream, *class, code, row.count, row.latencies.clone())),
            }
        }
        let row =
            |(stream, class, code, count, latencies): (StreamPlace, Class, _, _, Latencies)| {
                let has_any = latencies.count() > 0;
                let stream = self.plan.scenario.streams[stream.index()].name.clone();
                OutcomeRow {
                    stream,
                    class: class.name().into(),
                    code,
                    count,
                    latency: has_any.then(|| latencies.summarise()),
                    whole: (!self.is_virtual && has_any).then(|| PackedLatencies::pack(&latencies)),
                }
            };
        merged.into_iter().map(row).collect()
    }

    /// The number of verdicts that the verdict cache gave; `None` if there was no such cache.
    fn remembered(&self) -> Option<u64> {
        let has_cache = self.plan.scenario.cache.policy.verdict_cache.is_some();
        let is_used = matches!(self.contender, ContenderSpec::Core(_));
        let hits = self.ledger.rows.values().map(|row| row.remembered).sum();
        (has_cache && is_used).then_some(hits)
    }

    /// The greatest age of the key set over all rounds, in nanoseconds.
    fn highest_set_age(&self) -> Option<u64> {
        let end = Tick::ZERO + self.plan.scenario.load.duration;
        self.set_ages.iter().filter_map(|age| age.highest(0, end.0)).max()
    }
}

/// The medians of the turns as shares of the round's median.
fn relative(turns: &[u64], p50_ns: u64) -> Vec<f32> {
    turns.iter().map(|turn| (*turn as f64 / p50_ns.max(1) as f64) as f32).collect()
}

/// The CPU time per operation in nanoseconds; `None` without a CPU time or an operation.
pub fn cpu_ns_per_op(cpu: Option<Duration>, done: u64) -> Option<f64> {
    cpu.filter(|_| done > 0).map(|cpu| cpu.as_nanos() as f64 / done as f64)
}

fn exposed_class((class, count): (&Class, &u64)) -> ExposedClass {
    ExposedClass { name: class.name().into(), count: *count, is_stolen: class.is_stolen() }
}

/// The sums of the counts of each name, in the order in which the names first come.
fn added_up(counts: impl Iterator<Item = (String, u64)>) -> Vec<Count> {
    let mut all: Vec<Count> = Vec::new();
    for (name, count) in counts {
        match all.iter_mut().find(|known| known.name == name) {
            Some(known) => known.count += count,
            None => all.push(Count { name, count }),
        }
    }
    all
}
