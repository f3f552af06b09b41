//! The key cache of one verifier, shared by its workers: the machine behind a mutex that is held
//! for one call, its view published by an atomic swap, and a mailbox for each worker. It is the
//! same in real and in virtual time; only the transport differs.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::Backend;
use jwtbench_verifier::cache_policy::CachePolicy;
use jwtbench_verifier::key_cache::{
    Answer, Counters, Fetch, FetchFailure, FetchId, KeyCache, Outcome, Ticket, View,
};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::prepared_keys::{KeyUpdate, PreparedKeys};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict_cache::VerdictCache;

use super::document::Document;

/// A transport makes attempts and gives their replies to [`KeySource::complete`].
pub trait Transport: Send + Sync {
    /// Starts an attempt.
    fn start(&self, fetch: Fetch);

    /// Tells the transport that the machine's next deadline may have moved closer.
    fn deadline_moved(&self);
}

/// An entry in the log of fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchNote {
    /// The instant of the step.
    pub at: Tick,
    /// The attempt.
    pub id: FetchId,
    /// The start, success or failure of the attempt.
    pub step: FetchStep,
}

/// A step of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStep {
    /// The attempt started.
    Started,
    /// The attempt got a usable set.
    Succeeded,
    /// The attempt failed.
    Failed(FetchFailure),
}

/// The keys of one issuer, for the workers of one verifier.
pub struct KeySource {
    backend: &'static dyn Backend,
    allowed: Vec<Algorithm>,
    machine: Mutex<KeyCache>,
    view: ArcSwap<View>,
    verdicts: Option<VerdictCache>,
    first_worker: u32,
    mailboxes: Vec<Mailbox>,
    transport: Box<dyn Transport>,
    log: Mutex<Log>,
    kid_required: bool,
    push_eviction: bool,
    refetch_bad_signature: bool,
    /// Held while a new generation is prepared, so that there is one change at a time.
    changing: Mutex<()>,
}

/// The log for the judge: every generation held and every attempt made.
#[derive(Clone, Default)]
pub struct Log {
    /// Key sets by generation, in order.
    pub sets: Vec<Arc<KeySet>>,
    /// The steps of all attempts, in order.
    pub fetches: Vec<FetchNote>,
}

#[derive(Default)]
struct Mailbox {
    has_wakes: AtomicBool,
    updates: Mutex<VecDeque<KeyUpdate>>,
    wakes: Mutex<Vec<(u32, Answer)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KeySource {
    /// A source for these workers. The number of the first worker distinguishes it from other
    /// sources. `warm` is the set held at the beginning, and the start of the request that fetched
    /// it.
    pub fn new(
        backend: &'static dyn Backend,
        allowed: &[Algorithm],
        policy: CachePolicy,
        seed: u64,
        workers: Range<u32>,
        warm: Option<(Document, Tick)>,
        transport: Box<dyn Transport>,
    ) -> KeySource {
        let verdicts = policy.verdict_cache.as_ref().map(VerdictCache::new);
        let CachePolicy { kid_required, push_eviction, refetch_bad_signature, .. } = policy;
        let mut machine = KeyCache::new(policy, seed).numbered(workers.start);
        let mut log = Log::default();
        let parsed = |(document, since): (Document, Tick)| {
            let parsed = ParsedSet::parse(&document.body, allowed).ok();
            parsed.map(|parsed| (parsed, document.max_age, since))
        };
        if let Some((parsed, max_age, since)) = warm.and_then(parsed) {
            let set = machine.keys().succeed(parsed);
            log.sets.push(Arc::clone(&set));
            machine.warm(set, max_age, since);
        }
        let view = machine.view(Tick::ZERO);
        KeySource {
            backend,
            allowed: allowed.to_vec(),
            machine: Mutex::new(machine),
            view: ArcSwap::new(view),
            verdicts,
            first_worker: workers.start,
            mailboxes: workers.map(|_| Mailbox::default()).collect(),
            transport,
            log: Mutex::new(log),
            kid_required,
            push_eviction,
            refetch_bad_signature,
            changing: Mutex::new(()),
        }
    }

    /// The prepared keys with which a worker begins.
    pub fn prepare(&self) -> PreparedKeys {
        let set = Arc::clone(lock(&self.machine).keys());
        PreparedKeys::prepare(self.backend, &self.allowed, &set)
    }

    /// The present view. The call never blocks.
    pub fn view(&self) -> Guard<Arc<View>> {
        self.view.load()
    }

    /// The verdict cache, if the policy has one.
    pub fn verdicts(&self) -> Option<&VerdictCache> {
        self.verdicts.as_ref()
    }

    /// Whether a token without `kid` is refused.
    pub fn requires_kid(&self) -> bool {
        self.kid_required
    }

    /// Whether a signature that does not verify is a reason to ask for another set.
    pub fn refetches_bad_signatures(&self) -> bool {
        self.refetch_bad_signature
    }

    /// Asks the machine for the keys of a token. The caller must have parked the token under
    /// `ticket`.
    pub fn ask(&self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        self.asked(now, |machine| machine.ask(kid, ticket, now))
    }

    /// Asks the machine for another set, since a signature did not verify under this one. The
    /// caller must have parked the token under `ticket`.
    pub fn ask_again(&self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        self.asked(now, |machine| machine.ask_again(kid, ticket, now))
    }

    fn asked(&self, now: Tick, ask: impl FnOnce(&mut KeyCache) -> Answer) -> Answer {
        let answer = self.drive(now, ask);
        if matches!(answer, Answer::Wait) {
            self.transport.deadline_moved();
        }
        answer
    }

    /// Takes the reply of an attempt. The set is read and prepared for every worker before the
    /// machine is told.
    pub fn complete(
        &self,
        id: FetchId,
        reply: Result<Document, FetchFailure>,
        now: impl FnOnce() -> Tick,
    ) {
        let _one_at_a_time = lock(&self.changing);
        let terms = lock(&self.machine).terms(id);
        let read = |Document { body, max_age }: Document| {
            terms.read(&body, &self.allowed).map(|new| (new, max_age))
        };
        let outcome = match reply.and_then(read) {
            Ok((new, max_age)) => {
                self.prepare_update(terms.old(), &new);
                Outcome::Set(new, max_age)
            }
            Err(failure) => Outcome::Failed(failure),
        };
        let step = match &outcome {
            Outcome::Set(..) => FetchStep::Succeeded,
            Outcome::Failed(failure) => FetchStep::Failed(*failure),
        };
        // A token that asks before the machine is told has begun before this instant.
        self.drive_at(now, |machine, now| {
            lock(&self.log).fetches.push(FetchNote { at: now, id, step });
            machine.finished(id, outcome, now);
        });
    }

    /// Drops the keys under `kid` at once, if the cache policy allows push eviction.
    pub fn evict(&self, kid: &str, now: Tick) {
        if !self.push_eviction {
            return;
        }
        let _one_at_a_time = lock(&self.changing);
        let old = Arc::clone(lock(&self.machine).keys());
        if old.has_kid(kid) {
            let new = old.without(kid);
            self.prepare_update(&old, &new);
            self.drive(now, |machine| machine.evict(new));
        }
    }

    /// Tells the machine that time has passed.
    pub fn tick(&self, now: Tick) {
        self.drive(now, |machine| machine.tick(now));
    }

    /// Fetches now, whatever the policy says.
    pub fn renew(&self, now: Tick) {
        self.drive(now, |machine| machine.renew(now));
    }

    /// The instant at which [`KeySource::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        lock(&self.machine).next_deadline()
    }

    /// The machine's counts.
    pub fn counters(&self) -> Counters {
        lock(&self.machine).counters().clone()
    }

    /// The answer that a token with this kid would get now. Asking has no effect.
    pub fn peek(&self, kid: &str, now: Tick) -> Answer {
        lock(&self.machine).peek(kid, now)
    }

    /// The generations held so far, in order.
    pub fn sets(&self) -> Vec<Arc<KeySet>> {
        lock(&self.log).sets.clone()
    }

    /// The log so far.
    pub fn log(&self) -> Log {
        lock(&self.log).clone()
    }

    /// Whether a token that this worker parked has been woken.
    pub fn has_wakes(&self, worker: WorkerPlace) -> bool {
        self.mailbox(worker).has_wakes.load(Ordering::Acquire)
    }

    /// Takes the woken tokens of this worker: their places and answers are added to `into`.
    pub fn take_wakes(&self, worker: WorkerPlace, into: &mut Vec<(u32, Answer)>) {
        let mailbox = self.mailbox(worker);
        let mut wakes = lock(&mailbox.wakes);
        mailbox.has_wakes.store(false, Ordering::Release);
        into.append(&mut wakes);
    }

    /// Brings a worker's keys to the generation of `view`. The updates for it were prepared before
    /// the view was published.
    pub fn catch_up(&self, worker: WorkerPlace, keys: &mut PreparedKeys, view: &View) {
        let wanted = view.keys.generation();
        if keys.set().generation() >= wanted {
            return;
        }
        let mut updates = lock(&self.mailbox(worker).updates);
        while keys.set().generation() < wanted
            && let Some(update) = updates.pop_front()
        {
            keys.adopt(update);
        }
    }

    fn mailbox(&self, worker: WorkerPlace) -> &Mailbox {
        &self.mailboxes[(worker.0 - self.first_worker) as usize]
    }

    fn prepare_update(&self, old: &Arc<KeySet>, new: &Arc<KeySet>) {
        if old.generation() == new.generation() {
            return;
        }
        lock(&self.log).sets.push(Arc::clone(new));
        for mailbox in &self.mailboxes {
            let update = KeyUpdate::prepare(self.backend, &self.allowed, old, new);
            lock(&mailbox.updates).push_back(update);
        }
    }

    /// Makes one call of the machine, and then acts on its consequences: the view, fetches and
    /// wakes.
    fn drive<T>(&self, now: Tick, call: impl FnOnce(&mut KeyCache) -> T) -> T {
        self.drive_at(|| now, |machine, _| call(machine))
    }

    /// Drives the machine at an instant that is read once nobody else does.
    fn drive_at<T>(
        &self,
        now: impl FnOnce() -> Tick,
        call: impl FnOnce(&mut KeyCache, Tick) -> T,
    ) -> T {
        let mut machine = lock(&self.machine);
        let now = now();
        let result = call(&mut machine, now);
        let view = machine.view(now);
        if !is_same(&view, &self.view.load()) {
            self.view.store(view);
        }
        while let Some(fetch) = machine.next_fetch() {
            let note = FetchNote { at: now, id: fetch.id, step: FetchStep::Started };
            lock(&self.log).fetches.push(note);
            self.transport.start(fetch);
        }
        while let Some((ticket, answer)) = machine.next_wake() {
            let mailbox = self.mailbox(WorkerPlace(ticket.worker));
            lock(&mailbox.wakes).push((ticket.place, answer));
            mailbox.has_wakes.store(true, Ordering::Release);
        }
        result
    }
}

fn is_same(a: &View, b: &View) -> bool {
    a.keys.generation() == b.keys.generation()
        && a.consult_at == b.consult_at
        && a.absent_until == b.absent_until
        && a.freshness == b.freshness
        && a.last_fetch == b.last_fetch
}
