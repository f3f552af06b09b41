//! The checks of a state strategy's keys: which have an effect under which carrier, which cannot
//! stand together, and within which bounds numbers and spans are.

use std::time::Duration;

use jwtbench_verifier::state_strategy::{Carrier, LastWord, StateKey};

use super::wire::{SpanOr, WireColdStart, WireDelivery, WireKey, WireOnGap, WireStrategy};

/// The longest span that a strategy may name, apart from words such as "forever".
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// The groups of keys, and the carriers under which they have an effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Whatever has a carrier.
    Any,
    /// What can fail: all but a list in this process.
    Remote,
    /// A list that comes from elsewhere.
    Fed,
    Poll,
    Push,
    Held,
    Asked,
    Requests,
}

impl Group {
    pub(super) fn is_of(self, carrier: Carrier, asks_store: bool) -> bool {
        use Carrier::{Ask, Introspection, Memory, Poll, Push, PushAndPoll, StatusList};
        let polls = matches!(carrier, Poll | StatusList | PushAndPoll);
        let asks = matches!(carrier, Ask | Introspection) || asks_store;
        match self {
            Group::Any => carrier != Carrier::None,
            Group::Remote => !matches!(carrier, Carrier::None | Memory) || asks_store,
            Group::Fed => polls || carrier == Push,
            Group::Poll => polls,
            Group::Push => matches!(carrier, Push | PushAndPoll),
            Group::Held => polls || matches!(carrier, Push | Memory),
            Group::Asked => asks,
            Group::Requests => asks || polls,
        }
    }
}

fn effect(
    given: bool,
    key: &str,
    group: Group,
    carrier: Carrier,
    asks: bool,
) -> Result<(), String> {
    match given && !group.is_of(carrier, asks) {
        true => Err(format!(
            "`{key}` has no effect under carrier \"{}\"; leave it out, or choose a carrier that \
             needs it",
            carrier.name()
        )),
        false => Ok(()),
    }
}

/// A number within its bounds.
pub(super) fn counted(key: &str, given: Option<usize>, default: usize) -> Result<usize, String> {
    match given.unwrap_or(default) {
        number @ 1..=10_000_000 => Ok(number),
        number => Err(format!("`{key}` is {number}, which is not in 1..=10000000")),
    }
}

/// A span within its bounds.
pub(super) fn bounded(key: &str, span: Duration, least: Duration) -> Result<Duration, String> {
    match span >= least && span <= LONGEST {
        true => Ok(span),
        false => Err(format!(
            "`{key}` is {}, which is not in {}..=400d",
            humantime::format_duration(span),
            humantime::format_duration(least)
        )),
    }
}

impl WireStrategy {
    /// A key that has no effect is refused.
    pub(super) fn check_effects(&self, carrier: Carrier, asks: bool) -> Result<(), String> {
        let keys = [
            (self.poll_interval.is_some(), "poll-interval", Group::Poll),
            (self.poll_jitter.is_some(), "poll-jitter", Group::Poll),
            (self.poll_scope.is_some(), "poll-scope", Group::Poll),
            (self.poll_retry.is_some(), "poll-retry", Group::Poll),
            (self.push_delivery.is_some(), "push-delivery", Group::Push),
            (self.on_gap.is_some(), "on-gap", Group::Push),
            (self.key.is_some(), "key", Group::Any),
            (self.asks.is_some(), "asks", Group::Asked),
            (self.on_failure.is_some(), "on-failure", Group::Remote),
            (self.max_waits.is_some(), "max-waits", Group::Remote),
            (self.stale_up_to.is_some(), "stale-up-to", Group::Fed),
            (self.cold_start.is_some(), "cold-start", Group::Fed),
            (self.adopt.is_some(), "adopt", Group::Poll),
            (self.prune.is_some(), "prune", Group::Held),
            (self.filter.is_some(), "filter", Group::Held),
            (self.cache.is_some(), "cache", Group::Asked),
            (self.coalescing.is_some(), "coalescing", Group::Asked),
            (self.retries.is_some(), "retries", Group::Asked),
            (self.breaker_failures.is_some(), "breaker-failures", Group::Asked),
            (self.connect_timeout.is_some(), "connect-timeout", Group::Requests),
            (self.answer_timeout.is_some(), "answer-timeout", Group::Requests),
        ];
        for (given, key, group) in keys {
            effect(given, key, group, carrier, asks)?;
        }
        let pushes = Group::Push.is_of(carrier, asks);
        let beside = [
            (
                self.heartbeat.is_some(),
                "heartbeat",
                pushes || self.tracking.is_some(),
                "a push or `tracking`",
            ),
            (
                self.filter_last_word.is_some(),
                "filter-last-word",
                self.filter.is_some(),
                "`filter`",
            ),
            (self.negative_cache.is_some(), "negative-cache", self.caches(), "`cache`"),
            (self.cache_entries.is_some(), "cache-entries", self.caches(), "`cache`"),
            (self.cache_capped_at_exp.is_some(), "cache-capped-at-exp", self.caches(), "`cache`"),
            (self.stale_if_error.is_some(), "stale-if-error", self.caches(), "`cache`"),
            (self.tracking.is_some(), "tracking", self.caches(), "`cache`"),
            (
                self.batch_window.is_some(),
                "batch-window",
                self.batches(),
                "`coalescing = \"batch\"`",
            ),
            (self.batch_size.is_some(), "batch-size", self.batches(), "`coalescing = \"batch\"`"),
            (self.retry_delay.is_some(), "retry-delay", self.retries.is_some(), "`retries`"),
            (
                self.breaker_open_for.is_some(),
                "breaker-open-for",
                self.breaker_failures.is_some(),
                "`breaker-failures`",
            ),
        ];
        for (given, key, has, needed) in beside {
            if given && !has {
                return Err(format!("`{key}` has no effect without {needed}; leave it out"));
            }
        }
        Ok(())
    }

    /// Values that cannot stand together are refused.
    pub(super) fn check_pairs(&self, carrier: Carrier, last_word: LastWord) -> Result<(), String> {
        let is_cold_open = matches!(self.cold_start, Some(SpanOr::Word(WireColdStart::Open)));
        if carrier == Carrier::Push {
            if self.on_gap == Some(WireOnGap::Resync) {
                return Err(
                    "`on-gap` is \"resync\", and there is no list to ask for under carrier \
                            \"push\"; write \"keep\" or \"flush\", or choose \"push-and-poll\""
                        .into(),
                );
            }
            if self.push_delivery == Some(WireDelivery::AtMostOnce) && !is_cold_open {
                return Err("`cold-start` must be \"open\" under carrier \"push\" with \
                            at-most-once delivery: nothing else ever ends a cold start there"
                    .into());
            }
        }
        let key = self.key.map(WireKey::value);
        let is_leveled = matches!(key, Some(StateKey::Version | StateKey::NotBefore));
        if self.filter.is_some() && last_word == LastWord::Filter && is_leveled {
            return Err("`filter-last-word` is \"none\", and a filter knows no version and no \
                        instant; write \"list\" or \"store\""
                .into());
        }
        let is_asked = matches!(carrier, Carrier::Ask | Carrier::Introspection);
        if self.tracking.is_some() && !is_asked {
            return Err("`tracking` has no effect beside a push of the list; leave it out".into());
        }
        Ok(())
    }
}
