//! The verifiers of a fleet under one state strategy: a machine for each instance, with the tokens
//! that were woken. In real time the workers and the player of the state share them; in virtual
//! time one thread drives them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_core::RngCore as _;

use jwtbench_scenario::format::cache::Start;
use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::random::{self, unit};
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::key_cache::Ticket;
use jwtbench_verifier::state_check::{
    OpId, StateAnswer, StateCheck, StateEntry, StateGround, StateToken, StoreOp, StoreOutcome,
};
use jwtbench_verifier::state_strategy::{StateKey, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use super::truth::StateTruth;

/// A function that wakes whoever drives a fleet.
pub type Ring = dyn Fn() + Send + Sync;

/// The machines of all instances.
pub struct StateFleet {
    strategy: StateStrategy,
    /// The instant of tick 0.
    epoch: UnixTime,
    instances: Vec<Mutex<StateInstance>>,
    shared: Mutex<FleetSchedule>,
    /// Called when a request was made or a deadline moved.
    ring: Option<Arc<Ring>>,
}

/// One instance.
struct StateInstance {
    check: StateCheck,
    woken: Vec<(u32, StateAnswer)>,
    /// The places at which tokens wait.
    parked: BTreeSet<u32>,
}

/// What the driver of a fleet needs to know without a look at every instance.
#[derive(Default)]
struct FleetSchedule {
    deadlines: BTreeSet<(Tick, u32)>,
    /// The deadline of each instance in the set.
    listed: Vec<Option<Tick>>,
    /// The requests that were not taken yet.
    ops: Vec<StoreOp>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StateFleet {
    /// A fleet of these machines, in the order of their instances.
    pub fn new(strategy: StateStrategy, epoch: UnixTime, machines: Vec<StateCheck>) -> StateFleet {
        let count = machines.len();
        let instance =
            |check| Mutex::new(StateInstance { check, woken: Vec::new(), parked: BTreeSet::new() });
        let fleet = StateFleet {
            strategy,
            epoch,
            instances: machines.into_iter().map(instance).collect(),
            shared: Mutex::new(FleetSchedule {
                listed: vec![None; count],
                ..FleetSchedule::default()
            }),
            ring: None,
        };
        (0..count as u32).for_each(|number| fleet.drive(number, |_| ()));
        fleet
    }

    /// The fleet of a plan: so many machines, with this seed. A warm one holds what there is at the
    /// beginning, as of an instant that is drawn.
    pub fn of(
        plan: &Plan,
        strategy: &StateStrategy,
        (instances, seed): (u32, u64),
        truth: &StateTruth,
    ) -> StateFleet {
        let mut random = random::stream(seed, &["fleet"]);
        let interval = strategy.feed.as_ref().and_then(|feed| feed.poll);
        let interval = interval.map_or(Duration::ZERO, |poll| poll.interval);
        let one = |number| {
            let seed = random.next_u64();
            let check = StateCheck::new(strategy.clone(), seed).numbered(number);
            let mut check = check.with_room(truth.entries());
            let next_poll = Tick::ZERO + interval.mul_f64(unit(&mut random));
            if plan.scenario.cache.start != Start::Cold {
                check.warm(&truth.before, next_poll - interval, next_poll);
                check.heartbeat(Tick::ZERO);
            }
            check
        };
        let machines = (0..instances).map(one).collect();
        StateFleet::new(strategy.clone(), plan.epoch, machines)
    }

    /// The fleet with a function that is called when a request was made or a deadline moved. It
    /// must not block.
    #[must_use]
    pub fn ringing(self, ring: Arc<Ring>) -> StateFleet {
        StateFleet { ring: Some(ring), ..self }
    }

    /// The number of instances.
    pub fn len(&self) -> u32 {
        self.instances.len() as u32
    }

    /// Whether there is no instance.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// The strategy of all instances.
    pub fn strategy(&self) -> &StateStrategy {
        &self.strategy
    }

    /// What the state of a token is found by.
    pub fn token<'t>(&self, claims: &'t Claims<'_>) -> StateToken<'t> {
        let since = claims.expires.0 - self.epoch.0;
        let expires = since.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        StateToken {
            key: match self.strategy.key {
                // The tokens of a simulation have no `sid` and share a client: each is taken for a
                // session and a client of its own.
                StateKey::JwtId | StateKey::Session | StateKey::Client => claims.jwt_id.as_deref(),
                StateKey::Subject | StateKey::Version | StateKey::NotBefore => {
                    Some(&claims.subject)
                }
            },
            version: claims.authorization_version,
            issued_at: claims.issued_at,
            expires: Tick(expires as i64),
        }
    }

    /// Calls the machine of an instance, and notes what came of it.
    pub fn drive<T>(&self, number: u32, call: impl FnOnce(&mut StateCheck) -> T) -> T {
        self.enter(number, |instance| call(&mut instance.check))
    }

    /// Calls an instance, and notes what came of it. No other call comes between.
    fn enter<T>(&self, number: u32, call: impl FnOnce(&mut StateInstance) -> T) -> T {
        let mut instance = lock(&self.instances[number as usize]);
        let result = call(&mut instance);
        let StateInstance { check, woken, parked } = &mut *instance;
        while let Some((ticket, answer)) = check.next_wake() {
            parked.remove(&ticket.place);
            woken.push((ticket.place, answer));
        }
        let mut schedule = lock(&self.shared);
        let mut is_news = schedule.list(number, check.next_deadline());
        while let Some(op) = check.next_op() {
            schedule.ops.push(op);
            is_news = true;
        }
        if let Some(ring) = self.ring.as_ref().filter(|_| is_news) {
            ring();
        }
        result
    }

    /// Looks at the machine of an instance.
    pub fn look<T>(&self, number: u32, look: impl FnOnce(&StateCheck) -> T) -> T {
        look(&lock(&self.instances[number as usize]).check)
    }

    /// Answers a token by what the worker's instance holds; `None` if somebody must be asked.
    pub fn peek(
        &self,
        worker: WorkerPlace,
        token: &StateToken<'_>,
        now: Tick,
    ) -> Option<StateAnswer> {
        let mut instance = lock(&self.instances[worker.index()]);
        let answer = instance.check.peek(token, now)?;
        instance.check.note(answer);
        Some(answer)
    }

    /// Answers a token, or parks it at this place of the worker.
    pub fn ask(
        &self,
        worker: WorkerPlace,
        token: &StateToken<'_>,
        place: u32,
        now: Tick,
    ) -> StateAnswer {
        let ticket = Ticket { worker: worker.0, place };
        self.enter(worker.0, |instance| {
            let answer = instance.check.ask(token, ticket, now);
            if answer == StateAnswer::Wait {
                instance.parked.insert(place);
            }
            answer
        })
    }

    /// Whether a token that this worker parked has been woken.
    pub fn has_wakes(&self, worker: WorkerPlace) -> bool {
        !lock(&self.instances[worker.index()]).woken.is_empty()
    }

    /// Takes the woken tokens of this worker: their places and answers.
    pub fn take_wakes(&self, worker: WorkerPlace) -> Vec<(u32, StateAnswer)> {
        std::mem::take(&mut lock(&self.instances[worker.index()]).woken)
    }

    /// Takes the requests that instances have made.
    pub fn take_ops(&self) -> Vec<StoreOp> {
        std::mem::take(&mut lock(&self.shared).ops)
    }

    /// The outcome of a request.
    pub fn finished(&self, id: OpId, outcome: StoreOutcome, now: Tick) {
        self.drive(id.instance(), |check| check.finished(id, outcome, now));
    }

    /// Entries that a push brought to an instance.
    pub fn pushed(&self, number: u32, seq: Option<u64>, entries: &[StateEntry], now: Tick) {
        self.drive(number, |check| check.pushed(seq, entries, now));
    }

    /// The instant at which an instance must be told that time has passed, and the instance.
    pub fn next_deadline(&self) -> Option<(Tick, u32)> {
        lock(&self.shared).deadlines.first().copied()
    }

    /// The instances that restart if this share of all does so, in percent, after those of earlier
    /// turns.
    pub fn restarted_by(&self, share: f64, turn: u32) -> impl Iterator<Item = u32> + use<> {
        let all = self.len();
        let count = (f64::from(all) * share / 100.0).ceil() as u32;
        let first = turn.wrapping_mul(count);
        (first..first + count).map(move |number| number % all)
    }

    /// Restarts an instance: it holds nothing afterwards. Its waiting tokens get the answer of an
    /// outage.
    pub fn restart(&self, number: u32) {
        self.enter(number, |StateInstance { check, woken, parked }| {
            *check = check.restarted();
            let code = check.strategy().on_outage.code();
            let answer = StateAnswer::Decided(code, StateGround::Outage);
            woken.extend(std::mem::take(parked).into_iter().map(|place| (place, answer)));
        });
    }
}

impl FleetSchedule {
    /// Enters the deadline of an instance. Returns whether it has moved.
    fn list(&mut self, number: u32, deadline: Option<Tick>) -> bool {
        let listed = &mut self.listed[number as usize];
        if *listed == deadline {
            return false;
        }
        if let Some(known) = *listed {
            self.deadlines.remove(&(known, number));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, number));
        }
        *listed = deadline;
        true
    }
}
