//! The key caches of one verifier: one that its workers share, or one for each worker. Both kinds
//! are driven from here; a worker knows only its own cache.

use std::sync::Arc;

use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::Backend;
use jwtbench_verifier::cache_policy::CachePolicy;
use jwtbench_verifier::key_cache::{Answer, Counters, FetchFailure, FetchId};
use jwtbench_verifier::key_set::KeySet;
use jwtbench_verifier::tick::Tick;

use super::document::Document;
use super::key_source::{KeySource, Log, Transport};

/// All key caches of one verifier, in the order of their workers.
pub struct Caches(Vec<Arc<KeySource>>);

impl Caches {
    /// As many caches as the policy says. `transport` makes a transport for each cache. The other
    /// arguments are those of [`KeySource::new`].
    pub fn new(
        backend: &'static dyn Backend,
        allowed: &[Algorithm],
        policy: &CachePolicy,
        seed: u64,
        workers: u32,
        warm: Option<&(Document, Tick)>,
        transport: &dyn Fn() -> Box<dyn Transport>,
    ) -> Caches {
        let one = |seed, workers| {
            let (policy, warm) = (policy.clone(), warm.cloned());
            KeySource::new(backend, allowed, policy, seed, workers, warm, transport()).into()
        };
        Caches(match policy.per_worker {
            // Each cache draws its own refresh points.
            true => (0..workers).map(|w| one(seed ^ u64::from(w) << 48, w..w + 1)).collect(),
            false => vec![one(seed, 0..workers)],
        })
    }

    /// The cache of a worker.
    pub fn of(&self, worker: WorkerPlace) -> &Arc<KeySource> {
        &self.0[worker.index() % self.0.len()]
    }

    /// All caches, in the order of their workers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<KeySource>> {
        self.0.iter()
    }

    /// Calls [`KeySource::complete`] on the cache that made the attempt.
    pub fn complete(
        &self,
        id: FetchId,
        reply: Result<Document, FetchFailure>,
        now: impl FnOnce() -> Tick,
    ) {
        self.of(WorkerPlace(id.cache())).complete(id, reply, now);
    }

    /// Drops the keys under `kid` from all caches, if the cache policy allows push eviction.
    pub fn evict(&self, kid: &str, now: Tick) {
        self.0.iter().for_each(|source| source.evict(kid, now));
    }

    /// Tells all caches that time has passed.
    pub fn tick(&self, now: Tick) {
        self.0.iter().for_each(|source| source.tick(now));
    }

    /// Makes all caches fetch now, whatever their policy says.
    pub fn renew(&self, now: Tick) {
        self.0.iter().for_each(|source| source.renew(now));
    }

    /// The instant at which [`Caches::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        self.0.iter().filter_map(|source| source.next_deadline()).min()
    }

    /// The counts of all caches together.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.0.iter().for_each(|source| sum.add(&source.counters()));
        sum
    }

    /// The generations held so far, cache by cache.
    pub fn sets(&self) -> Vec<Arc<KeySet>> {
        self.0.iter().flat_map(|source| source.sets()).collect()
    }

    /// The log so far: generations cache by cache, attempts in order of time.
    pub fn log(&self) -> Log {
        let mut logs = self.0.iter().map(|source| source.log());
        let mut all = logs.next().unwrap_or_default();
        for Log { sets, fetches } in logs {
            all.sets.extend(sets);
            all.fetches.extend(fetches);
        }
        all.fetches.sort_by_key(|note| note.at);
        all
    }

    /// The answer that each cache would give now to a token with this kid. Asking has no effect.
    pub fn peek(&self, kid: &str, now: Tick) -> impl Iterator<Item = Answer> {
        self.0.iter().map(move |source| source.peek(kid, now))
    }
}
