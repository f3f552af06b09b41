//! A round over a store that is reached over a network: the requests of the machines are made as
//! they come, the machines are told of the time, and what they cost is counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::state_check::{OpId, OpKind, StateCheck, StoreOp, StoreOutcome};
use jwtbench_verifier::tick::Tick;

use crate::real::clock::RealClock;
use crate::real::state_player::LONGEST_SLEEP;
use crate::state::fleet::StateFleet;
use crate::state::model_store::StoreLoad;
use crate::state::truth::StateTruth;
use crate::state::world::StateRecord;
use crate::trial::Trial;

/// What the tasks of a round share, whatever the store is.
pub(super) struct StoreRound {
    pub(super) fleet: Arc<StateFleet>,
    pub(super) truth: Arc<StateTruth>,
    pub(super) clock: RealClock,
    load: Mutex<StoreLoad>,
    most_held: Mutex<(usize, usize)>,
    /// The end of the measured time.
    horizon: Tick,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime for the thread that calls it.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

impl StoreRound {
    /// A round of a trial with these machines.
    pub(super) fn new(fleet: &Arc<StateFleet>, trial: &Trial<'_>, clock: RealClock) -> StoreRound {
        let duration = trial.plan.scenario.load.duration;
        let counts = || vec![0.0; duration.as_secs_f64().ceil() as usize];
        StoreRound {
            fleet: Arc::clone(fleet),
            truth: trial.truth(),
            clock,
            load: Mutex::new(StoreLoad { lookups: counts(), polls: counts() }),
            most_held: Mutex::default(),
            horizon: Tick::ZERO + duration,
        }
    }

    /// Makes requests, and tells machines of the time, until the round is over. The machines notify
    /// `notify`.
    pub(super) async fn serve<F>(
        &self,
        is_over: &AtomicBool,
        notify: &Notify,
        exchange: impl Fn(StoreOp) -> F,
    ) where
        F: Future<Output = StoreOutcome> + Send + 'static,
    {
        let (fleet, clock) = (&self.fleet, self.clock);
        let mut asked: JoinSet<(OpId, StoreOutcome)> = JoinSet::new();
        while !is_over.load(Ordering::Relaxed) {
            for op in fleet.take_ops() {
                self.count(&op.kind);
                let id = op.id;
                let answered = exchange(op);
                asked.spawn(async move { (id, answered.await) });
            }
            let now = clock.now();
            while let Some((_, due)) = fleet.next_deadline().filter(|(at, _)| *at <= now) {
                fleet.drive(due, |check| check.tick(now));
                // A machine that stays due would hold up the time.
                if fleet.next_deadline().is_some_and(|next| next.0 <= now && next.1 == due) {
                    break;
                }
            }
            let next = fleet.next_deadline();
            let pause = next.map_or(LONGEST_SLEEP, |(at, _)| at.since(clock.now()));
            tokio::select! {
                () = notify.notified() => {}
                Some(Ok((id, outcome))) = asked.join_next() => {
                    fleet.finished(id, outcome, clock.now());
                }
                () = sleep(pause.min(LONGEST_SLEEP)) => self.look(),
            }
        }
    }

    fn count(&self, kind: &OpKind) {
        let now = self.clock.now();
        if now < Tick::ZERO || now >= self.horizon {
            return;
        }
        let mut load = lock(&self.load);
        let counts = match kind {
            OpKind::Lookup(_) => &mut load.lookups,
            OpKind::Poll(..) => &mut load.polls,
        };
        if let Some(count) = counts.get_mut(now.since(Tick::ZERO).as_secs() as usize) {
            *count += 1.0;
        }
    }

    /// Notes what the first instance holds.
    fn look(&self) {
        let held = |check: &StateCheck| (check.entries(), check.bytes());
        let (entries, bytes) = self.fleet.look(0, held);
        let mut most = lock(&self.most_held);
        *most = (most.0.max(entries), most.1.max(bytes));
    }

    /// Restarts this share of the instances, in percent, after those of earlier turns, and returns
    /// them.
    pub(super) fn restart(&self, share: f64, turn: u32) -> Vec<u32> {
        let restarted: Vec<u32> = self.fleet.restarted_by(share, turn).collect();
        for number in &restarted {
            self.fleet.restart(*number);
            let now = self.clock.now();
            self.fleet.drive(*number, |check| check.tick(now));
        }
        restarted
    }

    /// What came of it, over the store of this name. How long tokens stayed trusted is not in it.
    pub(super) fn record(&self, store: String, plan: &Plan) -> StateRecord {
        StateRecord {
            store,
            load: lock(&self.load).clone(),
            most_held: *lock(&self.most_held),
            ..StateRecord::unobserved(plan, &self.truth)
        }
    }
}
