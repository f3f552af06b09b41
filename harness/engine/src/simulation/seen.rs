//! What the users of one stream, or of all streams, saw of a verifier: the longest of its waits,
//! and how many users were refused in each second of arrival. Nothing is kept per operation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jwtbench_result::simulation::Minute;
use jwtbench_scenario::model::endpoint::Fault;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::place::{PhasePlace, StreamPlace};
use jwtbench_scenario::model::state::StoreFault;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::corpus::{KidFact, Token};
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::StateGround;
use jwtbench_verifier::tick::Tick;

use crate::judge::judgement::{Judgement, Operation};

/// The first span in which the endpoint has a fault.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outage {
    /// The beginning of the outage; `None` if there is none.
    pub(super) down: Option<Tick>,
    /// The end of the outage, if that is before the horizon.
    pub(super) up: Option<Tick>,
}

impl Outage {
    /// The first outage of a plan.
    pub(super) fn of(plan: &Plan) -> Outage {
        let mut phases = plan.scenario.phases.iter();
        let mut edge = |faulty: bool| {
            let found = phases.find(|phase| (phase.endpoint.fault != Fault::None) == faulty);
            found.map(|phase| Tick::ZERO + phase.at)
        };
        let down = edge(true);
        Outage { down, up: down.and_then(|_| edge(false)) }
    }

    /// The length of the outage in seconds, up to the horizon; `None` without an outage.
    pub(super) fn length_s(self, horizon: Duration) -> Option<f64> {
        let end = self.up.unwrap_or(Tick::ZERO + horizon);
        self.down.map(|down| end.since(down).as_secs_f64())
    }
}

/// The good tokens of a key that began to sign during the scenario.
pub(super) struct NewKey {
    thumbprint: Thumbprint,
    /// The instant at which the key began to sign.
    since: Tick,
    first: Option<Tick>,
    last_bad: Option<Tick>,
    last: Option<(Tick, bool)>,
}

impl NewKey {
    fn all(plan: &Plan) -> Vec<NewKey> {
        let events = plan.scenario.events.iter();
        let labels = events.filter_map(|event| match &event.action {
            Action::SignWith(label) => Some((label, Tick::ZERO + event.at)),
            _ => None,
        });
        let epochs = || plan.timeline.epochs().iter().flat_map(|epoch| &epoch.published);
        let keys = labels.filter_map(|(label, since)| {
            let key = epochs().find(|key| key.label == *label)?;
            let thumbprint = key.thumbprint;
            Some(NewKey { thumbprint, since, first: None, last_bad: None, last: None })
        });
        keys.collect()
    }

    fn see(&mut self, at: Tick, bad: bool) {
        if at < self.since {
            return;
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        if bad {
            self.last_bad = self.last_bad.max(Some(at));
        }
        if self.last.is_none_or(|(last, _)| last <= at) {
            self.last = Some((at, bad));
        }
    }

    /// The time from the key's first good token to the last one refused or late, in seconds.
    /// `Some(None)` if the last token of all was still refused or late; `None` if there was no
    /// token.
    pub(super) fn convergence(&self) -> Option<Option<f64>> {
        let (_, is_bad) = self.last?;
        let span = self.last_bad.zip(self.first).map(|(last, first)| last.since(first));
        Some((!is_bad).then(|| span.unwrap_or_default().as_secs_f64()))
    }
}

/// The operations that are observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SeenScope {
    /// A phase of arrival by its place, or `None` for all phases. Only figures of single operations
    /// can belong to a phase: a wait, and the age of a set.
    pub(super) phase: Option<PhasePlace>,
    /// A stream by its place, or `None` for all streams.
    pub(super) stream: Option<StreamPlace>,
}

/// The observations of one scope.
pub(super) struct Seen {
    scope: SeenScope,
    pub(super) new_keys: Vec<NewKey>,
    pub(super) outage: Outage,
    /// The arrival of the first good token refused or late since the outage began.
    first_bad: Option<Tick>,
    /// The arrival of the last good token refused or late since the outage ended.
    last_bad: Option<Tick>,
    last_good: Option<(Tick, bool)>,
    /// For each cache the start of the last fetch that is known to have brought it a set.
    confirmed: BTreeMap<u64, Tick>,
    /// The age of the oldest set under which a token was accepted.
    pub(super) key_age: Option<Duration>,
    /// The longest time until a token was refused whose kid no key has.
    pub(super) wait: Option<Duration>,
    /// The number of good tokens answered with status 401 during the outage.
    pub(super) misreported: u64,
    /// For each second of arrival the number of good tokens, of those refused or late, and of
    /// exposed accepts.
    bins: Vec<[u32; 3]>,
    /// For each second of arrival the number of good tokens that their state refused.
    state_refused: Vec<u32>,
    /// The age of the oldest knowledge by which a token's state was accepted.
    pub(super) state_age: Option<Duration>,
    /// The waits of the tokens that arrive while the store has no fault, and their number.
    waited: (Duration, u64),
}

impl Seen {
    pub(super) fn new(plan: &Plan, scope: SeenScope) -> Seen {
        let seconds = plan.scenario.load.duration.as_secs() as usize + 1;
        Seen {
            scope,
            new_keys: NewKey::all(plan),
            outage: Outage::of(plan),
            first_bad: None,
            last_bad: None,
            last_good: None,
            confirmed: BTreeMap::new(),
            key_age: None,
            wait: None,
            misreported: 0,
            bins: vec![[0; 3]; seconds],
            state_refused: vec![0; if plan.scenario.state.is_some() { seconds } else { 0 }],
            state_age: None,
            waited: (Duration::ZERO, 0),
        }
    }

    /// Observes one operation.
    pub(super) fn see(
        &mut self,
        plan: &Plan,
        (token, judgement): (&Token, &Judgement),
        operation: &Operation,
    ) {
        let SeenScope { phase, stream } = self.scope;
        let is_of_stream = stream.is_none_or(|stream| stream == operation.stream);
        let is_within = is_of_stream && phase.is_none_or(|phase| phase == operation.phase);
        self.see_age(operation, is_within);
        if is_within {
            self.see_wait(plan, token, operation);
        }
        if is_of_stream && judgement.exposed.is_some() {
            let second = operation.intended.since(Tick::ZERO).as_secs() as usize;
            if let Some([_, _, exposed]) = self.bins.get_mut(second) {
                *exposed += 1;
            }
        }
        if is_within {
            self.see_state(judgement, operation);
            self.see_latency(plan, operation);
        }
        if is_of_stream && judgement.good {
            self.see_good(token, operation, judgement.lockout || judgement.late);
        }
    }

    fn see_age(&mut self, operation: &Operation, is_within: bool) {
        let verdict = &operation.verdict;
        let Some(held) = verdict.held else {
            return;
        };
        // Each cache of a verifier has its own range of generations.
        let cache = held.generation >> 32;
        if let Some(last) = held.last_fetch.filter(|last| last.ok) {
            let confirmed = self.confirmed.entry(cache).or_insert(last.started);
            *confirmed = last.started.max(*confirmed);
        }
        // What a verdict cache remembers is as old as its entry, not as the set.
        if is_within && verdict.code.is_ok() && verdict.remembered.is_none() {
            let confirmed = self.confirmed.get(&cache);
            let age = confirmed.map(|confirmed| verdict.now.since(*confirmed));
            self.key_age = self.key_age.max(age);
        }
    }

    /// Observes what the state of a token led to.
    fn see_state(&mut self, judgement: &Judgement, operation: &Operation) {
        use StateGround::{Cached, Held, Stale, Store};
        let Operation { verdict, intended, .. } = operation;
        let second = intended.since(Tick::ZERO).as_secs() as usize;
        if judgement.state_lockout.is_some()
            && let Some(refused) = self.state_refused.get_mut(second)
        {
            *refused += 1;
        }
        if let Some(Held(at) | Stale(at) | Cached(at) | Store(at)) = verdict.state
            && verdict.code.is_ok()
        {
            self.state_age = self.state_age.max(Some(verdict.now.since(at)));
        }
    }

    /// Observes how long a token waited, if the store works as it arrives.
    fn see_latency(&mut self, plan: &Plan, operation: &Operation) {
        let phase = plan.scenario.phases.get(operation.phase.index());
        if phase.is_some_and(|phase| phase.store.fault == StoreFault::None) {
            let (all, count) = self.waited;
            self.waited = (all + operation.end.since(operation.intended), count + 1);
        }
    }

    /// The mean wait of the tokens that arrive while the store has no fault, in seconds; `None`
    /// without such a token.
    pub(super) fn added_latency_s(&self) -> Option<f64> {
        let (all, count) = self.waited;
        (count > 0).then(|| all.as_secs_f64() / count as f64)
    }

    /// The lockout that the state of tokens caused, as [`Seen::lockout_s`].
    pub(super) fn state_lockout_s(&self) -> f64 {
        let bins = self.bins.iter().zip(&self.state_refused).take(self.seconds());
        let mut share = 0.0;
        let shares = bins.map(|([good, ..], refused)| {
            if *good > 0 {
                share = f64::from(*refused) / f64::from(*good);
            }
            share
        });
        shares.sum()
    }

    /// Observes the time until a token was refused whose kid no key has. The code is that the kid
    /// is unknown, or that keys are unavailable.
    fn see_wait(&mut self, plan: &Plan, token: &Token, operation: &Operation) {
        let Operation { verdict, intended, end, .. } = operation;
        let KidFact::Named(kid) = &token.facts.kid else {
            return;
        };
        let is_published = |at: Tick| {
            let mut published = plan.timeline.at(at).published.iter();
            published.any(|key| key.kid == **kid)
        };
        if matches!(verdict.code, Err(Rejection::UnknownKid | Rejection::KeysUnavailable))
            && ![*intended, *end].into_iter().any(is_published)
        {
            self.wait = self.wait.max(Some(end.since(*intended)));
        }
    }

    /// Observes a user who came without a token, and so was locked out.
    pub(super) fn miss_token(&mut self, at: Tick, stream: StreamPlace) {
        let second = at.since(Tick::ZERO).as_secs() as usize;
        let is_of_stream = self.scope.stream.is_none_or(|own| own == stream);
        if let Some([good, refused, _]) = self.bins.get_mut(second).filter(|_| is_of_stream) {
            *good += 1;
            *refused += 1;
        }
    }

    fn see_good(&mut self, token: &Token, operation: &Operation, bad: bool) {
        let at = operation.intended;
        let second = at.since(Tick::ZERO).as_secs() as usize;
        if let Some([good, refused, _]) = self.bins.get_mut(second) {
            *good += 1;
            *refused += u32::from(bad);
        }
        let keys = self.new_keys.iter_mut();
        for key in keys.filter(|key| token.facts.signed_by == Some(key.thumbprint)) {
            key.see(at, bad);
        }
        if self.last_good.is_none_or(|(last, _)| last <= at) {
            self.last_good = Some((at, bad));
        }
        let Outage { down, up } = self.outage;
        if !bad || down.is_none_or(|down| at < down) {
            return;
        }
        self.first_bad = Some(self.first_bad.map_or(at, |first| first.min(at)));
        if up.is_some_and(|up| at >= up) {
            self.last_bad = self.last_bad.max(Some(at));
        } else if operation.verdict.code.is_err_and(|code| code.status() == 401) {
            self.misreported += 1;
        }
    }

    /// The lockout in seconds: ∫ (good refused or late) / (good offered) dt over bins of one
    /// second. A second without a good token has the share of the last second that had one.
    pub(super) fn lockout_s(&self) -> f64 {
        self.lockout_in_s(0..self.seconds())
    }

    /// The lockout over these seconds alone.
    pub(super) fn lockout_in_s(&self, seconds: Range<usize>) -> f64 {
        let mut share = 0.0;
        let shares = self.bins[..self.seconds()].iter().map(|[good, refused, _]| {
            if *good > 0 {
                share = f64::from(*refused) / f64::from(*good);
            }
            share
        });
        shares.skip(seconds.start).take(seconds.len()).sum()
    }

    /// The length of the scenario in seconds. There is one bin more.
    fn seconds(&self) -> usize {
        self.bins.len().saturating_sub(1)
    }

    /// The counts by minute. `starts` are the instants of attempts.
    pub(super) fn minutes(&self, starts: impl Iterator<Item = Tick>) -> Vec<Minute> {
        let seconds = &self.bins[..self.seconds()];
        let one = |bins: &[[u32; 3]]| {
            let sum = |place: usize| bins.iter().map(|bin| u64::from(bin[place])).sum();
            Minute { good: sum(0), refused: sum(1), exposed: sum(2), attempts: 0 }
        };
        let mut minutes: Vec<Minute> = seconds.chunks(60).map(one).collect();
        for at in starts.filter(|at| *at >= Tick::ZERO) {
            if let Some(minute) = minutes.get_mut(at.since(Tick::ZERO).as_secs() as usize / 60) {
                minute.attempts += 1;
            }
        }
        minutes
    }

    /// The seconds from the beginning of the outage to the first good token refused or late; `None`
    /// if there was none before the outage ended.
    pub(super) fn grace_s(&self) -> Option<f64> {
        let first = self.first_bad.filter(|at| self.outage.up.is_none_or(|up| *at < up))?;
        Some(first.since(self.outage.down?).as_secs_f64())
    }

    /// The seconds from the end of the outage to the last good token refused or late; `None` if the
    /// last good token of all was still refused or late.
    pub(super) fn recovery_s(&self) -> Option<f64> {
        if self.last_good.is_some_and(|(_, bad)| bad) {
            return None;
        }
        let last = self.last_bad.zip(self.outage.up);
        Some(last.map_or(0.0, |(last, up)| last.since(up).as_secs_f64()))
    }
}
