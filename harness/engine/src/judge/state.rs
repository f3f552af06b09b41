//! How verdicts under a state strategy are judged: by the ground that a verdict names, and by what
//! the issuer had decided.

use std::time::Duration;

use jwtbench_scenario::Phase;
use jwtbench_scenario::model::state::{DataLoss, StoreFault, StoreSetting};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::StateGround;
use jwtbench_verifier::state_strategy::{Carrier, ColdStart, Prune, StateKey, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::state::truth::StateTruth;

use super::history::{History, Telling};
use super::judgement::{Code, Operation};

/// Why the state of a good token was held against it, if a verdict did so.
pub(super) fn lockout_cause(verdict: &Verdict) -> Option<&'static str> {
    use Rejection::{Revoked, StaleAuthorization, StateUnavailable};
    let Err(Revoked | StaleAuthorization | StateUnavailable) = verdict.code else {
        return None;
    };
    Some(match verdict.state? {
        StateGround::Outage => "state-fail-closed",
        StateGround::Stale(_) => "state-stale",
        StateGround::Cold => "state-cold-start",
        StateGround::Filter => "state-filter",
        _ => "state-granularity",
    })
}

/// What an answer may be late beside what the settings say.
const SLACK: Duration = Duration::from_secs(1);

/// The judge of the state of tokens.
pub(super) struct StateJudge<'p> {
    truth: &'p StateTruth,
    telling: &'p Telling,
    strategy: &'p StateStrategy,
    /// The instant up to which nothing can hide a revocation that was told: no fault, no loss, and
    /// no strategy that forgets or is misled by a replica.
    whole_until: Tick,
    data_lost: Option<Tick>,
    may_lose_messages: bool,
    replica_lag: Duration,
    propagation: Duration,
    published_every: Duration,
}

impl<'p> StateJudge<'p> {
    /// A judge of a plan's state; `None` if it has none.
    pub(super) fn new(plan: &'p Plan, history: &'p History) -> Option<StateJudge<'p>> {
        let (truth, state) = history.truth.as_deref().zip(plan.scenario.state.as_ref())?;
        let phases = &plan.scenario.phases;
        let stores = || phases.iter().map(|phase| &phase.store);
        let longest =
            |span: fn(&StoreSetting) -> Duration| stores().map(span).max().unwrap_or_default();
        let lost = phases.iter().find(|phase| phase.store.data_lost != DataLoss::None);
        let loses = |store: &StoreSetting| {
            store.push_loss > 0.0 || store.links_down > 0.0 || store.links_silent > 0.0
        };
        let may_lose_messages = stores().any(loses);
        let is_bad = |phase: &&Phase| {
            let store = &phase.store;
            loses(store) || store.fault != StoreFault::None || store.data_lost != DataLoss::None
        };
        let trouble = phases.iter().find(is_bad).map(|phase| Tick::ZERO + phase.at);
        let restart = plan.scenario.first_restart().map(|at| Tick::ZERO + at);
        let strategy = &state.strategy.strategy;
        let replica_lag = longest(|store| store.replica_lag);
        let is_misled = !replica_lag.is_zero() && strategy.feed.is_some();
        let forgets = matches!(strategy.prune, Prune::After(_));
        let trouble = trouble.into_iter().chain(restart).min().unwrap_or(Tick::MAX);
        Some(StateJudge {
            truth,
            telling: &history.telling,
            strategy,
            whole_until: if is_misled || forgets { Tick::MIN } else { trouble },
            data_lost: lost.map(|phase| Tick::ZERO + phase.at),
            may_lose_messages,
            replica_lag,
            propagation: longest(|store| store.propagation),
            published_every: longest(|store| store.published_every),
        })
    }

    /// The instant from which the token of an operation is revoked.
    pub(super) fn revoked_at(&self, operation: &Operation) -> Tick {
        self.truth.revoked_at(operation.token)
    }

    /// The code due. `last` is the code of a token whose state is good.
    pub(super) fn due(&self, last: Code, operation: &Operation) -> Code {
        let given = operation.verdict.code;
        let revoked_at = self.revoked_at(operation);
        let refused = match self.strategy.key {
            StateKey::Version | StateKey::NotBefore => Err(Rejection::StaleAuthorization),
            _ => Err(Rejection::Revoked),
        };
        let Some(ground) = operation.verdict.state else {
            // Whoever has a carrier accepts nothing without a ground.
            let is_asked = self.strategy.carrier != Carrier::None;
            return if given.is_ok() && is_asked { refused } else { last };
        };
        let outage = self.strategy.on_outage.code();
        let is_unsure =
            matches!(ground, StateGround::Stale(_) | StateGround::Cold | StateGround::Outage);
        let must_know = matches!(
            ground,
            StateGround::Held(at) | StateGround::Store(at) | StateGround::Cached(at)
                if at < self.whole_until && self.told_by(operation, revoked_at) < at
        );
        let is_allowed = match given {
            code if code == refused => {
                let [from, until] = self.truth.refused(operation.token);
                // What is held beyond its end, by nobody who prunes at expiry.
                let is_exact = matches!(ground, StateGround::Held(_) | StateGround::Store(_));
                let is_over = is_exact
                    && self.strategy.prune == Prune::AtExpiry
                    && operation.intended > until + SLACK;
                from <= operation.end && !is_over || ground == StateGround::Filter
            }
            code if code == outage && is_unsure => true,
            // What is too old to stand, or nothing, lets nobody in who is not let in by an outage.
            // An answer that is used beyond its time does.
            Ok(()) if is_unsure && !self.is_old_answer(ground) => {
                outage.is_ok() || ground == StateGround::Cold && self.is_open_when_cold()
            }
            code => code == last && !must_know,
        };
        match is_allowed {
            true => given,
            false if must_know => refused,
            false if is_unsure => outage,
            false => last,
        }
    }

    /// The instant by which whoever asks hears of a revocation.
    fn told_by(&self, operation: &Operation, revoked_at: Tick) -> Tick {
        match self.telling {
            Telling::Late(late) => revoked_at + self.propagation + self.replica_lag + *late,
            Telling::At(told) => told.get(&operation.token).copied().unwrap_or(Tick::MAX),
        }
    }

    fn is_open_when_cold(&self) -> bool {
        let feed = self.strategy.feed.as_ref();
        feed.is_some_and(|feed| feed.cold_start == ColdStart::Open)
    }

    /// Whether a ground may be an answer that is used beyond its time.
    fn is_old_answer(&self, ground: StateGround) -> bool {
        matches!(ground, StateGround::Stale(_)) && self.strategy.lookup.is_some()
    }

    /// Why a token was accepted that had been revoked at `revoked_at`: the first cause that fits.
    pub(super) fn cause(&self, operation: &Operation) -> &'static str {
        let revoked_at = self.revoked_at(operation);
        let now = operation.verdict.now;
        match operation.verdict.state {
            None | Some(StateGround::NoCarrier | StateGround::NotNeeded) => "state-none",
            Some(StateGround::Cached(_)) => "state-cache",
            Some(StateGround::Cold) => "state-cold-start",
            Some(StateGround::Outage) => "state-fail-open",
            Some(ground) if self.is_old_answer(ground) => "state-stale",
            Some(StateGround::Stale(_)) => "state-fail-open",
            Some(StateGround::Store(at)) if revoked_at > at => "state-propagation",
            Some(StateGround::Held(at)) if revoked_at > at => self.cause_of_age(now.since(at)),
            Some(StateGround::Held(_) | StateGround::Store(_) | StateGround::Filter) => {
                self.cause_of_gap(revoked_at, now)
            }
        }
    }

    /// The cause of an accept by what was complete before the revocation.
    fn cause_of_age(&self, age: Duration) -> &'static str {
        let feed = self.strategy.feed.as_ref();
        let (push, poll) = (feed.and_then(|feed| feed.push), feed.and_then(|feed| feed.poll));
        let heartbeat = push.map(|push| push.heartbeat.unwrap_or_default());
        let by_push = heartbeat.map(|heartbeat| heartbeat + self.propagation + SLACK);
        let by_poll = poll
            .map(|poll| poll.interval.mul_f64(1.0 + poll.jitter) + self.published_every + SLACK);
        match (by_push, by_poll) {
            (Some(usual), _) if age <= usual => "state-propagation",
            (_, Some(usual)) if age <= usual => "state-poll-lag",
            _ => "state-stale",
        }
    }

    /// The cause of an accept by what should have had the revocation.
    fn cause_of_gap(&self, revoked_at: Tick, now: Tick) -> &'static str {
        let is_lost = self.data_lost.is_some_and(|at| at <= now && revoked_at < at);
        let is_pruned = match self.strategy.prune {
            Prune::After(kept) => revoked_at + kept <= now,
            Prune::AtExpiry | Prune::Never => false,
        };
        if now <= revoked_at + self.propagation + SLACK {
            "state-propagation"
        } else if is_lost || is_pruned {
            "state-data-lost"
        } else if now <= revoked_at + self.replica_lag + SLACK {
            "state-replica-lag"
        } else if self.may_lose_messages {
            "state-push-lost"
        } else {
            "state-stale"
        }
    }
}
