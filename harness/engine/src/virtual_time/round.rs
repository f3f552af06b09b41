//! A round of a plan in virtual time. It has the plan's arrivals, and the judges of a round in real
//! time, each of which knows what has happened so far. Its latencies consist of waiting alone.

use std::iter::Peekable;
use std::time::Duration;
use std::vec::IntoIter;

use jwtbench_result::{ArrivalCounts, Measurement};
use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_scenario::plan::{Arrival, Plan};
use jwtbench_verifier::key_cache::Counters;
use jwtbench_verifier::tick::Tick;

use crate::contender::Setup;
use crate::judge::judgement::Operation;
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::{FetchNote, Log};
use crate::trial::{EndpointRecord, Gathering, RoundRecord, Trial, TrialError, grace};

use super::engine::{ArrivalSource, Engine, EngineRun, Sink};
use super::world::World;

/// The arrivals of a plan by time, each with its worker.
struct PlannedArrivals(Peekable<IntoIter<(usize, Arrival)>>);

impl PlannedArrivals {
    fn of(plan: &Plan) -> PlannedArrivals {
        let mut arrivals: Vec<(usize, Arrival)> = Vec::new();
        for (worker, schedule) in plan.schedules.iter().enumerate() {
            arrivals.extend(schedule.iter().map(|arrival| (worker, *arrival)));
        }
        arrivals.sort_by_key(|(worker, arrival)| (arrival.at, arrival.stream, *worker));
        PlannedArrivals(arrivals.into_iter().peekable())
    }
}

impl ArrivalSource for PlannedArrivals {
    fn next_at(&mut self) -> Option<Tick> {
        self.0.peek().map(|(_, arrival)| arrival.at)
    }

    fn arrive(&mut self, _: &Caches, _: Tick) -> Option<(usize, Arrival)> {
        self.0.next()
    }
}

/// A round that is over.
struct VirtualRound<S> {
    run: EngineRun<S, ()>,
    log: Log,
    counters: Counters,
}

impl Trial<'_> {
    /// Runs one round in virtual time, and returns its measurement.
    ///
    /// # Errors
    /// The errors of [`Trial::simulate`].
    pub fn simulated(&self) -> Result<Measurement, TrialError> {
        let mut gathering = Gathering::new(self.plan, self.contender, true);
        gathering.add(0, self.simulate()?);
        Ok(gathering.finish())
    }

    /// Runs one round in virtual time.
    ///
    /// # Errors
    /// If the process of a contender stopped judging.
    pub fn simulate(&self) -> Result<RoundRecord, TrialError> {
        let plan = self.plan;
        let VirtualRound { run, log, counters } = self.play(Ledger::new(self.bin_ns()))?;
        let EngineRun { script_run, served, sink: ledger, state, .. } = run;
        let needs_endpoint = self.needs_endpoint();
        let mut at_phases = script_run.served;
        at_phases.push(served);
        let endpoint = needs_endpoint.then(|| EndpointRecord {
            fetches: log.fetches,
            served: at_phases,
            warm_since: self.warm_since(),
        });
        let arrivals = plan.schedules.iter().flatten();
        let planned = arrivals.filter(|arrival| !arrival.phase.is_warmup()).count() as u64;
        let done = ledger.done;
        Ok(RoundRecord {
            ledger,
            arrivals: ArrivalCounts { planned, done, shed: 0, unfinished: planned - done },
            cpu: None,
            active: Duration::ZERO,
            offers: Vec::new(),
            course: None,
            counters: needs_endpoint.then_some(counters),
            endpoint,
            state,
            services: Vec::new(),
            turns: Vec::new(),
            interrupted: false,
        })
    }

    /// The operations of one round in virtual time with their verdicts, and every attempt to fetch.
    ///
    /// # Errors
    /// The errors of [`Trial::simulate`].
    pub fn foresee(&self) -> Result<(Vec<Operation>, Vec<FetchNote>), TrialError> {
        let VirtualRound { run, log, .. } = self.play(Vec::new())?;
        Ok((run.sink, log.fetches))
    }

    /// Runs a round with this sink for its operations.
    fn play<S: Sink>(&self, sink: S) -> Result<VirtualRound<S>, TrialError> {
        let plan = self.plan;
        let transport = InProcess::default();
        let caches = self.caches(&|| Box::new(transport.clone()));
        let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
        let first = &plan.timeline.epochs()[0];
        let fleet = self.fleet();
        let build = |worker| {
            let setup = self.setup(caches.of(worker), worker, &first.body, &texts);
            self.contender.build(&Setup { fleet: fleet.as_ref(), ..setup })
        };
        let contenders = (0..plan.scenario.load.workers).map(WorkerPlace).map(build).collect();
        let start = Tick::ZERO - plan.scenario.load.warmup;
        let state = fleet.as_ref().map(|fleet| self.state_world(fleet));
        let world = World::new(plan, start, &caches, transport).with_state(state);
        let engine =
            Engine::new(self, &texts, world, contenders, (PlannedArrivals::of(plan), sink, ()));
        let last = Tick::ZERO + plan.scenario.load.duration + grace(plan);
        let run = engine.run(last)?;
        Ok(VirtualRound { run, log: caches.log(), counters: caches.counters() })
    }
}
