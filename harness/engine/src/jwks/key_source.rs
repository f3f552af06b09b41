//! The key cache of one verifier, shared by its workers: the machine behind a mutex held for one
//! call, its view published by atomic swap, and a mailbox for each worker. The same in real and in
//! virtual time; only the transport differs.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

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

/// Makes attempts and brings their replies to [`KeySource::complete`].
pub trait Transport: Send + Sync {
    /// Starts an attempt.
    fn start(&self, fetch: Fetch);

    /// The machine's next deadline may have come nearer.
    fn deadline_moved(&self);
}

/// A note in the log of fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchNote {
    /// When.
    pub at: Tick,
    /// The attempt.
    pub id: FetchId,
    /// Start, success or failure of one attempt.
    pub step: FetchStep,
}

/// What happened to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStep {
    /// It started.
    Started,
    /// It brought a usable set.
    Succeeded,
    /// It brought nothing.
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
    /// Held while a new generation is prepared: one change at a time.
    changing: Mutex<()>,
}

/// What came about, for the judges: every generation held and every attempt made.
#[derive(Clone, Default)]
pub struct Log {
    /// Key sets by generation, in order.
    pub sets: Vec<Arc<KeySet>>,
    /// Attempts.
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
    /// A source for these workers, told apart from others by the number of the first. `warm`
    /// is the set held at the beginning and the start of the request that fetched it.
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

    /// The keys a worker begins with, prepared.
    pub fn prepare(&self) -> PreparedKeys {
        let set = Arc::clone(lock(&self.machine).keys());
        PreparedKeys::prepare(self.backend, &self.allowed, &set)
    }

    /// The present view. Never blocks.
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

    /// Whether a signature that does not verify is grounds to ask again.
    pub fn refetches_bad_signatures(&self) -> bool {
        self.refetch_bad_signature
    }

    /// Asks the machine. The caller has parked the token under `ticket` before.
    pub fn ask(&self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        self.asked(now, |machine| machine.ask(kid, ticket, now))
    }

    /// Asks the machine for another set, since a signature did not verify under this one. The
    /// caller has parked the token under `ticket` before.
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

    /// The reply of an attempt: read, prepared for every worker, then told to the machine.
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
        let now = now();
        let step = match &outcome {
            Outcome::Set(..) => FetchStep::Succeeded,
            Outcome::Failed(failure) => FetchStep::Failed(*failure),
        };
        lock(&self.log).fetches.push(FetchNote { at: now, id, step });
        self.drive(now, |machine| machine.finished(id, outcome, now));
    }

    /// Drops a key at once.
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

    /// Time has passed.
    pub fn tick(&self, now: Tick) {
        self.drive(now, |machine| machine.tick(now));
    }

    /// Fetches now, whatever the policy says.
    pub fn renew(&self, now: Tick) {
        self.drive(now, |machine| machine.renew(now));
    }

    /// When [`KeySource::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        lock(&self.machine).next_deadline()
    }

    /// What the machine counted.
    pub fn counters(&self) -> Counters {
        lock(&self.machine).counters().clone()
    }

    /// What a token with this kid would be told now, without any effect.
    pub fn peek(&self, kid: &str, now: Tick) -> Answer {
        lock(&self.machine).peek(kid, now)
    }

    /// The generations held so far, in order.
    pub fn sets(&self) -> Vec<Arc<KeySet>> {
        lock(&self.log).sets.clone()
    }

    /// What came about so far.
    pub fn log(&self) -> Log {
        lock(&self.log).clone()
    }

    /// Whether somebody this worker parked has been woken.
    pub fn has_wakes(&self, worker: u32) -> bool {
        self.mailbox(worker).has_wakes.load(Ordering::Acquire)
    }

    /// Those whom this worker parked and who have been woken.
    pub fn take_wakes(&self, worker: u32, into: &mut Vec<(u32, Answer)>) {
        let mailbox = self.mailbox(worker);
        let mut wakes = lock(&mailbox.wakes);
        mailbox.has_wakes.store(false, Ordering::Release);
        into.append(&mut wakes);
    }

    /// Brings a worker's keys to the generation of `view`. What it needs was prepared before the
    /// view was published.
    pub fn catch_up(&self, worker: u32, keys: &mut PreparedKeys, view: &View) {
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

    fn mailbox(&self, worker: u32) -> &Mailbox {
        &self.mailboxes[(worker - self.first_worker) as usize]
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

    /// One call of the machine, then what follows from it: view, fetches, wakes.
    fn drive<T>(&self, now: Tick, call: impl FnOnce(&mut KeyCache) -> T) -> T {
        let mut machine = lock(&self.machine);
        let result = call(&mut machine);
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
            let mailbox = self.mailbox(ticket.worker);
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
