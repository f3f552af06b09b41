//! A round in real time: workers on threads, the endpoint on sockets, and events on the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jwtbench_result::ArrivalCounts;
use jwtbench_scenario::Arrivals;
use jwtbench_scenario::model::endpoint::EndpointSetting;
use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::contender::{Contender, Setup};
use crate::judge::history::History;
use crate::judge::judgement::{Judge, Operation};
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::endpoint::{Endpoint, ServedCounts};
use crate::jwks::fetcher::{Fetcher, HttpTransport, Idle, Now};
use crate::jwks::host_fault::HostFaults;
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::Transport;
use crate::real::Control;
use crate::real::clock::RealClock;
use crate::real::host::{ThreadSlot, processors};
use crate::real::host_sampler::{HostSamples, watch};
use crate::real::kernel::{control_kernel_ns, median};
use crate::real::live_view::{Account, Viewing};
use crate::real::prepared_state::PreparedState;
use crate::real::stalled::Stalled;
use crate::real::state_player::{PlayedState, StatePlayer};
use crate::real::turns::Lane;
use crate::real::windows;
use crate::real::worker::{WorkerRecord, WorkerSetup};
use crate::state::exposures::ExposureTimes;
use crate::state::world::StateRecord;
use crate::trial::planted_fault::PlantedFault;
use crate::trial::script::{ScriptRun, ScriptTarget, ScriptedEvent, scripted_events};
use crate::trial::{EndpointRecord, RoundRecord, Trial, TrialError, grace};

/// The time from the set-up to the start of the warm-up.
const LEAD: Duration = Duration::from_millis(5);

struct Sockets<'a, 's> {
    endpoint: &'a Endpoint,
    fetcher: &'a Fetcher,
    player: Option<&'a (dyn StatePlayer + 's)>,
    clock: RealClock,
}

impl ScriptTarget for Sockets<'_, '_> {
    fn publish(&mut self, body: &[u8]) {
        self.endpoint.publish(Arc::from(body));
    }

    fn apply(&mut self, setting: &EndpointSetting) -> Result<(), TrialError> {
        Ok(self.endpoint.apply(setting.clone())?)
    }

    fn evict(&mut self, kid: &str) {
        self.fetcher.evict(kid.into());
    }

    fn set_store(&mut self, setting: &StoreSetting) {
        if let Some(player) = self.player {
            player.set_store(setting);
        }
    }

    fn restart(&mut self, share: f64, turn: u32) {
        if let Some(player) = self.player {
            player.restart(share, turn);
        }
    }

    fn served(&self) -> ServedCounts {
        self.endpoint.counts()
    }

    fn now(&self) -> Tick {
        self.clock.now()
    }
}

struct Wire {
    endpoint: Endpoint,
    fetcher: Fetcher,
}

/// What is around the workers of a round.
struct Surroundings<'s> {
    clock: RealClock,
    wire: Option<Wire>,
    /// The state, if the plan has one.
    player: Option<Box<dyn StatePlayer + 's>>,
    /// Limits of this host that ended the round.
    host: HostFaults,
}

/// What the threads of a round share.
struct Performance<'p, 'c> {
    trial: &'p Trial<'p>,
    control: Control<'p>,
    lane: Option<&'p Lane<'p>>,
    texts: &'c [&'c [u8]],
    judge: &'p Judge<'p>,
}

impl<'s> Surroundings<'s> {
    /// The surroundings with a fetcher, if there is an endpoint.
    fn wired(
        self,
        endpoint: Option<Endpoint>,
        http: &HttpTransport,
        idle: Idle,
        caches: &Arc<Caches>,
    ) -> Result<Surroundings<'s>, TrialError> {
        let Some(endpoint) = endpoint else {
            return Ok(self);
        };
        let clock = self.clock;
        let told = (Arc::new(move || clock.now()) as Now, self.host.clone());
        let fetcher = idle.run(http, Arc::clone(caches), endpoint.addr(), told)?;
        Ok(Surroundings { wire: Some(Wire { endpoint, fetcher }), ..self })
    }
}

impl<'c> Performance<'_, 'c> {
    /// Lets the workers work, each on a thread of its own, while the script is followed.
    fn perform(
        &self,
        surroundings: &Surroundings<'_>,
        contenders: &mut [Box<dyn Contender<'c> + 'c>],
        viewing: &Viewing,
    ) -> (Vec<WorkerRecord>, Result<ScriptRun, TrialError>, HostSamples) {
        let Performance { trial, control, lane, texts, judge } = *self;
        let Surroundings { clock, player, host, .. } = surroundings;
        let (plan, load) = (trial.plan, &trial.plan.scenario.load);
        let edges = windows::edges(plan, lane.map_or(1, Lane::lanes));
        let is_over = AtomicBool::new(false);
        let slots: Vec<ThreadSlot> = (0..load.workers).map(|_| ThreadSlot::default()).collect();
        thread::scope(|scope| {
            let playing = player.as_ref().map(|player| scope.spawn(|| player.play(&is_over)));
            let watched = scope.spawn(|| watch(*clock, (&edges, &slots), lane, &is_over));
            let mut workers = Vec::new();
            for (worker, contender) in contenders.iter_mut().enumerate() {
                let seen = (viewing.account(worker), &slots[worker]);
                let control = (control, host);
                let contender = contender.as_mut();
                let setup = trial.worker_setup(control, *clock, contender, worker, texts, seen);
                let own_turns = lane.map(|lane| lane.turns_of(worker));
                workers.push(scope.spawn(move || match load.arrivals {
                    Arrivals::Closed => setup.closed_loop(judge, own_turns),
                    Arrivals::Constant | Arrivals::Poisson | Arrivals::Ramp => setup.open_loop(),
                }));
            }
            let script_run = trial.follow(surroundings, control);
            let workers: Vec<WorkerRecord> = workers.into_iter().map(join).collect();
            is_over.store(true, Ordering::Relaxed);
            let played = playing.map_or(Ok(()), join);
            // A store that is gone because the run was ended is none that failed.
            let is_stopped = control.stop.load(Ordering::Relaxed);
            let played = if is_stopped { Ok(()) } else { played };
            (workers, played.and(script_run), join(watched))
        })
    }
}

impl Trial<'_> {
    /// Whether the trial's rounds can be run in turns: its plan must be a closed loop without an
    /// endpoint.
    pub fn can_take_turns(&self) -> bool {
        self.plan.scenario.load.arrivals == Arrivals::Closed && !self.needs_endpoint()
    }

    /// Runs one round in real time.
    ///
    /// # Errors
    /// If the system gives no socket or thread, or a limit of this host ends the round.
    pub fn run(&self, control: Control<'_>) -> Result<RoundRecord, TrialError> {
        self.run_in_turns(control, None)
    }

    /// Runs one round in real time, in the turns of a lane if there is one. A lane has a member for
    /// each worker.
    ///
    /// # Errors
    /// The errors of [`Trial::run`].
    pub fn run_in_turns(
        &self,
        control: Control<'_>,
        lane: Option<&Lane<'_>>,
    ) -> Result<RoundRecord, TrialError> {
        self.round(control, lane).map_err(TrialError::of_host)
    }

    fn round(
        &self,
        control: Control<'_>,
        lane: Option<&Lane<'_>>,
    ) -> Result<RoundRecord, TrialError> {
        let (plan, load) = (self.plan, &self.plan.scenario.load);
        let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
        let (http, idle) = HttpTransport::new();
        let needs_endpoint = self.needs_endpoint();
        let transport = || transport(needs_endpoint.then_some(&http));
        let caches = Arc::new(self.caches(&transport));
        let epoch = &plan.timeline.epochs()[0];
        let prepared = PreparedState::of(self, control.store)?;
        let fleet = prepared.as_ref().map(PreparedState::fleet);
        let build = |worker| {
            let setup = self.setup(caches.of(worker), worker, &epoch.body, &texts);
            self.build(&Setup { fleet: fleet.as_deref(), ..setup })
        };
        let mut contenders: Vec<_> = (0..load.workers).map(WorkerPlace).map(build).collect();
        let endpoint = needs_endpoint.then(|| self.open_endpoint(control)).transpose()?;
        // Rounds that take turns are shown as one, and have no time of their own beforehand.
        let mut viewing = Viewing::prepare(control.watch.filter(|_| lane.is_none()), plan);
        let kernel_ns = lane.is_none().then(control_kernel_ns);
        let clock = self.clock();
        let state = prepared.zip(fleet.as_deref());
        let player = state.map(|(prepared, fleet)| prepared.player(self, fleet, clock));
        let surroundings = Surroundings {
            host: endpoint.as_ref().map(Endpoint::host_faults).unwrap_or_default(),
            player: player.transpose()?,
            wire: None,
            clock,
        };
        let surroundings = surroundings.wired(endpoint, &http, idle, &caches)?;
        viewing.begin(plan, clock, needs_endpoint.then_some(&caches));
        let truth = surroundings.player.as_deref().map(StatePlayer::truth);
        let (first, beginning) = (caches.log(), History { truth, ..History::default() });
        let judge = Judge::new(plan, &beginning, &first.sets, self.strictness());
        let performance = Performance { trial: self, control, lane, texts: &texts, judge: &judge };
        let (workers, script_run, watched) =
            performance.perform(&surroundings, &mut contenders, &viewing);
        drop(viewing);
        let mut script_run = script_run?;
        let Surroundings { host, player, wire, .. } = surroundings;
        let own = contenders.iter().find_map(|contender| contender.fault());
        host.first().map(TrialError::Host).or(own.map(TrialError::of_own)).map_or(Ok(()), Err)?;
        let kernel_ns = kernel_ns.or_else(|| kernel_in_turns(&workers)).unwrap_or(0);
        let pauses = lane.map_or(watched.pauses, Lane::pauses);
        let watched = HostSamples { kernel_ns, pauses, ..watched };
        let played = player.map(|player| player.finish(plan));
        let state = played.map(|PlayedState { record, telling }| {
            script_run.history.telling = telling;
            let truth = script_run.history.truth.as_ref().filter(|_| record.times.is_unobserved());
            let seen = truth.map(|truth| ExposureTimes::seen(truth, accepted(&workers)));
            StateRecord { times: seen.unwrap_or(record.times), ..record }
        });
        let record = self.record((workers, clock), script_run, wire, &caches, watched);
        Ok(RoundRecord { state, ..record })
    }

    /// The setup of a worker.
    fn worker_setup<'a, 'c>(
        &'a self,
        (control, host): (Control<'a>, &'a HostFaults),
        clock: RealClock,
        contender: &'a mut dyn Contender<'c>,
        worker: usize,
        texts: &'c [&'c [u8]],
        (account, slot): (Option<Account<'a>>, &'a ThreadSlot),
    ) -> WorkerSetup<'a, 'c> {
        let scenario = &self.plan.scenario;
        WorkerSetup {
            contender,
            schedule: &self.plan.schedules[worker],
            texts,
            clock: self.workers_clock(clock),
            stop: control.stop,
            host,
            records_services: self.records_services,
            shed_after: scenario.shed_after,
            is_starved: self.plant == Some(PlantedFault::Starve),
            warmup: scenario.load.warmup,
            end: Tick::ZERO + scenario.load.duration,
            grace: grace(self.plan),
            account,
            slot,
        }
    }

    /// The scenario clock, whose tick 0 comes after lead and warm-up.
    fn clock(&self) -> RealClock {
        let clock = RealClock::starting_in(LEAD + self.plan.scenario.load.warmup);
        match &self.calibration {
            Some(known) => clock.spinning_within(Duration::from_nanos(known.spin_within_ns)),
            None => clock,
        }
    }

    /// The clock by which workers wait. If the machine has a processor to spare for endpoint and
    /// harness, workers spin through every gap and are never woken late.
    fn workers_clock(&self, clock: RealClock) -> RealClock {
        match self.plan.scenario.load.workers < processors() {
            true => clock.spinning_within(Duration::MAX),
            false => clock,
        }
    }

    /// Builds the contender with the fault that is planted in it.
    fn build<'c>(&self, setup: &Setup<'c>) -> Box<dyn Contender<'c> + 'c> {
        let contender = self.contender.build(setup);
        match self.plant {
            Some(plant) if plant != PlantedFault::Starve => {
                Box::new(Stalled::new(contender, plant))
            }
            _ => contender,
        }
    }

    /// Opens the endpoint in its state at the beginning of the scenario.
    fn open_endpoint(&self, control: Control<'_>) -> Result<Endpoint, TrialError> {
        let plan = self.plan;
        let endpoint = Endpoint::start(control.port, plan.seed)?;
        endpoint.publish(Arc::from(plan.timeline.epochs()[0].body.as_slice()));
        endpoint.apply(plan.scenario.phases[0].endpoint.clone())?;
        Ok(endpoint)
    }

    /// Applies the scripted events when they are due.
    fn follow(
        &self,
        surroundings: &Surroundings<'_>,
        control: Control<'_>,
    ) -> Result<ScriptRun, TrialError> {
        let Surroundings { host, player, wire, clock } = surroundings;
        let mut script_run = ScriptRun::default();
        let (player, clock) = (player.as_deref(), *clock);
        script_run.history.truth = player.map(StatePlayer::truth);
        let Some(Wire { endpoint, fetcher }) = wire else {
            return Ok(script_run);
        };
        let mut sockets = Sockets { endpoint, fetcher, player, clock };
        let scripted: Vec<ScriptedEvent> = scripted_events(self.plan);
        let is_over = || control.stop.load(Ordering::Relaxed) || host.first().is_some();
        for event in &scripted {
            while clock.now() < event.at && !is_over() {
                clock.approach(event.at);
            }
            if is_over() {
                break;
            }
            script_run.apply(event, self.plan, &mut sockets)?;
        }
        Ok(script_run)
    }

    fn record(
        &self,
        (mut workers, clock): (Vec<WorkerRecord>, RealClock),
        mut script_run: ScriptRun,
        wire: Option<Wire>,
        caches: &Caches,
        watched: HostSamples,
    ) -> RoundRecord {
        if self.contender.is_process() {
            // The worker's waits for a CPU are then waits for the contender's process.
            workers.iter_mut().for_each(|worker| worker.in_turns = None);
        }
        let counters = wire.is_some().then(|| caches.counters());
        let endpoint = wire.map(|Wire { endpoint, fetcher }| {
            drop(fetcher);
            script_run.served.push(endpoint.counts());
            EndpointRecord {
                fetches: caches.log().fetches,
                served: script_run.served.clone(),
                warm_since: self.warm_since(),
            }
        });
        let log = caches.log();
        let judge = Judge::new(self.plan, &script_run.history, &log.sets, self.strictness());
        let calibrated_ns = self.calibration.as_ref().map(|known| known.kernel_ns);
        let course = windows::record(self.plan, (&workers, clock), watched, calibrated_ns);
        let mut record = RoundRecord {
            ledger: Ledger::new(self.bin_ns()),
            arrivals: ArrivalCounts::default(),
            active: Duration::ZERO,
            cpu: if self.contender.is_process() {
                None
            } else {
                workers.iter().map(|worker| worker.cpu).sum()
            },
            endpoint,
            counters,
            state: None,
            services: Vec::new(),
            turns: turns(&workers),
            offers: Vec::with_capacity(workers.len()),
            course: Some(course),
            interrupted: false,
        };
        for worker in workers {
            for operation in &worker.operations {
                record.ledger.enter(&judge, operation);
            }
            record.ledger.merge(worker.ledger);
            record.services.push(worker.services);
            record.offers.push(worker.offers);
            record.arrivals.planned += worker.planned;
            record.arrivals.shed += worker.shed;
            record.arrivals.unfinished += worker.unfinished;
            record.active += worker.active;
            record.interrupted |= worker.interrupted;
        }
        let ArrivalCounts { planned, shed, unfinished, .. } = record.arrivals;
        record.arrivals.done = planned - shed - unfinished;
        record
    }
}

/// The accepted tokens of the measured time: place, arrival and the instant of the verdict.
fn accepted(workers: &[WorkerRecord]) -> impl Iterator<Item = (TokenPlace, Tick, Tick)> {
    let operations = workers.iter().flat_map(|worker| &worker.operations);
    let is_counted = |one: &&Operation| one.verdict.code.is_ok() && !one.phase.is_warmup();
    operations.filter(is_counted).map(|one| (one.token, one.intended, one.end))
}

/// The median service time of each turn in nanoseconds, over all members of the lane; 0 for a turn
/// without a measured operation.
fn turns(workers: &[WorkerRecord]) -> Vec<u64> {
    let count = workers.iter().map(|worker| worker.turns.len()).max().unwrap_or(0);
    let turn = |place: usize| {
        let members = workers.iter().filter_map(|worker| worker.turns.get(place));
        median(members.flatten().copied().collect()).unwrap_or(0)
    };
    (0..count).map(turn).collect()
}

/// The median time of the control kernel before the workers' turns, in nanoseconds.
fn kernel_in_turns(workers: &[WorkerRecord]) -> Option<u64> {
    median(workers.iter().flat_map(|worker| worker.kernel_ns.iter().copied()).collect())
}

/// The transport of keys: over sockets, or none.
fn transport(http: Option<&HttpTransport>) -> Box<dyn Transport> {
    match http {
        Some(http) => Box::new(http.clone()),
        None => Box::new(InProcess::default()),
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The longest time that a round in real time takes, without preparations: warm-up, measured time,
/// and the time for which operations may wait beyond the end.
pub fn longest_round(plan: &Plan) -> Duration {
    let load = &plan.scenario.load;
    let waits = if load.arrivals == Arrivals::Closed { Duration::ZERO } else { grace(plan) };
    (load.warmup + load.duration).saturating_add(waits)
}
