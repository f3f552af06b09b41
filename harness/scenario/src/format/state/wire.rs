//! The serde types of a state strategy's keys, and the strategy that they make.

use std::time::Duration;

use serde::Deserialize;

use jwtbench_verifier::state_strategy::{
    Adopt, AnswerCache, Asks, Breaker, Carrier, ColdStart, Feed, LastWord, Lookup,
    LookupCoalescing, OnGap, OnOutage, Poll, PollScope, Prune, Push, StateFilter, StateKey,
    StateStrategy, StoreTimeouts,
};

use crate::format::cache::About;
use crate::format::wire::Span;

/// The longest span that a strategy may name, apart from words such as "forever".
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireStrategy {
    about: Option<About>,
    carrier: Option<WireCarrier>,
    key: Option<WireKey>,
    asks: Option<WireAsks>,
    on_failure: Option<WireOnFailure>,
    max_waits: Option<usize>,
    prune: Option<SpanOr<WirePrune>>,
    token_lifetime: Option<Span>,
    filter: Option<f64>,
    filter_last_word: Option<WireLastWord>,
    poll_interval: Option<Span>,
    poll_jitter: Option<f64>,
    poll_scope: Option<WireScope>,
    poll_retry: Option<SpanOr<WireRetry>>,
    push_delivery: Option<WireDelivery>,
    heartbeat: Option<SpanOr<WireNoSpan>>,
    on_gap: Option<WireOnGap>,
    stale_up_to: Option<SpanOr<WireForever>>,
    cold_start: Option<SpanOr<WireColdStart>>,
    adopt: Option<WireAdopt>,
    cache: Option<SpanOr<WireCacheEnd>>,
    negative_cache: Option<SpanOr<WireNoSpan>>,
    cache_entries: Option<usize>,
    cache_capped_at_exp: Option<bool>,
    stale_if_error: Option<Span>,
    tracking: Option<WireOnGap>,
    coalescing: Option<WireCoalescing>,
    batch_window: Option<Span>,
    batch_size: Option<usize>,
    connect_timeout: Option<Span>,
    answer_timeout: Option<Span>,
    retries: Option<u32>,
    retry_delay: Option<Span>,
    breaker_failures: Option<u32>,
    breaker_open_for: Option<Span>,
}

/// A span, or one of the words of `W`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a span such as \"30s\", or one of the words of this key")]
enum SpanOr<W> {
    Word(W),
    Span(Span),
}

/// Defines a serde enum of words that converts to a value of the strategy.
macro_rules! words {
    ($name:ident { $($word:ident = $text:literal => $value:expr),* $(,)? } $type:ty) => {
        #[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
        enum $name { $(#[serde(rename = $text)] $word),* }

        impl $name {
            fn value(self) -> $type {
                match self { $($name::$word => $value),* }
            }
        }
    };
}

words!(WireCarrier {
    None = "none" => Carrier::None,
    Memory = "memory" => Carrier::Memory,
    Ask = "ask" => Carrier::Ask,
    Introspection = "introspection" => Carrier::Introspection,
    Poll = "poll" => Carrier::Poll,
    StatusList = "status-list" => Carrier::StatusList,
    Push = "push" => Carrier::Push,
    PushAndPoll = "push-and-poll" => Carrier::PushAndPoll,
} Carrier);
words!(WireKey {
    JwtId = "jti" => StateKey::JwtId,
    Session = "session" => StateKey::Session,
    Subject = "subject" => StateKey::Subject,
    Client = "client" => StateKey::Client,
    Version = "version" => StateKey::Version,
    NotBefore = "not-before" => StateKey::NotBefore,
} StateKey);
words!(WireAsks { Needed = "needed" => Asks::Needed, Every = "every" => Asks::Every } Asks);
words!(WireOnFailure {
    Open = "open" => OnOutage::Open,
    Unavailable = "closed-503" => OnOutage::Closed(503),
    Unauthorized = "closed-401" => OnOutage::Closed(401),
    Forbidden = "closed-403" => OnOutage::Closed(403),
} OnOutage);
words!(WirePrune {
    AtExpiry = "at-expiry" => Prune::AtExpiry,
    Never = "never" => Prune::Never,
} Prune);
words!(WireLastWord {
    List = "list" => LastWord::List,
    Store = "store" => LastWord::Store,
    None = "none" => LastWord::Filter,
} LastWord);
words!(WireScope {
    Full = "full" => PollScope::Full,
    Delta = "delta" => PollScope::Delta,
} PollScope);
words!(WireRetry { Interval = "interval" => None } Option<Duration>);
words!(WireDelivery { AtMostOnce = "at-most-once" => false, Replay = "replay" => true } bool);
words!(WireOnGap {
    Keep = "keep" => OnGap::Keep,
    Flush = "flush" => OnGap::Flush,
    Resync = "resync" => OnGap::Resync,
} OnGap);
words!(WireForever { Forever = "forever" => Duration::MAX } Duration);
words!(WireColdStart {
    Open = "open" => ColdStart::Open,
    Closed = "closed" => ColdStart::Closed,
} ColdStart);
words!(WireAdopt { Merge = "merge" => Adopt::Merge, Replace = "replace" => Adopt::Replace } Adopt);
words!(WireCacheEnd {
    Off = "off" => Duration::ZERO,
    Exp = "exp" => Duration::MAX,
} Duration);

/// No span at all.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireNoSpan {
    Off,
}

/// The lookups that share a request.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireCoalescing {
    None,
    PerKey,
    Batch,
}

/// The groups of keys, and the carriers under which they have an effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Poll,
    Push,
    Held,
    Asked,
    Requests,
}

impl Group {
    fn is_of(self, carrier: Carrier, asks_store: bool) -> bool {
        use Carrier::{Ask, Introspection, Memory, Poll, Push, PushAndPoll, StatusList};
        let polls = matches!(carrier, Poll | StatusList | PushAndPoll);
        let asks = matches!(carrier, Ask | Introspection) || asks_store;
        match self {
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

/// A span within its bounds.
fn bounded(key: &str, span: Duration, least: Duration) -> Result<Duration, String> {
    match span >= least && span <= LONGEST {
        true => Ok(span),
        false => Err(format!(
            "`{key}` is {}, which is not in {}..=400d",
            humantime::format_duration(span),
            humantime::format_duration(least)
        )),
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

impl WireStrategy {
    /// Takes the description out of the table.
    pub(super) fn take_about(&mut self) -> Option<About> {
        self.about.take()
    }

    /// The lifetime that the strategy gives to tokens.
    pub(super) fn token_lifetime(&self) -> Option<Duration> {
        self.token_lifetime.map(|span| span.0)
    }

    /// The strategy.
    pub(super) fn resolve(&self) -> Result<StateStrategy, String> {
        let Some(carrier) = self.carrier.map(WireCarrier::value) else {
            return Err("`carrier` is missing; write \"none\", \"memory\", \"ask\", \"poll\", \
                        \"push\", \"push-and-poll\", \"status-list\" or \"introspection\""
                .into());
        };
        let last_word = self.filter_last_word.map_or(LastWord::List, WireLastWord::value);
        let asks_store = self.filter.is_some() && last_word == LastWord::Store;
        self.check_effects(carrier, asks_store)?;
        if let Some(lifetime) = self.token_lifetime {
            bounded("token-lifetime", lifetime.0, SECOND)?;
        }
        let is_held = Group::Held.is_of(carrier, asks_store);
        let is_asked = Group::Asked.is_of(carrier, asks_store);
        Ok(StateStrategy {
            carrier,
            key: self.key.map_or(StateKey::JwtId, WireKey::value),
            feed: is_held.then(|| self.feed(carrier)).transpose()?,
            lookup: is_asked.then(|| self.lookup()).transpose()?,
            filter: self.filter(last_word)?,
            asks: self.asks.map_or(Asks::Needed, WireAsks::value),
            on_outage: self.on_failure.map_or(OnOutage::Closed(503), WireOnFailure::value),
            max_waits: self.max_waits.unwrap_or(1024),
            prune: match self.prune {
                None => Prune::AtExpiry,
                Some(SpanOr::Word(word)) => word.value(),
                Some(SpanOr::Span(span)) => Prune::After(bounded("prune", span.0, SECOND)?),
            },
        })
    }

    /// A key that has no effect is refused.
    fn check_effects(&self, carrier: Carrier, asks: bool) -> Result<(), String> {
        let keys = [
            (self.poll_interval.is_some(), "poll-interval", Group::Poll),
            (self.poll_jitter.is_some(), "poll-jitter", Group::Poll),
            (self.poll_scope.is_some(), "poll-scope", Group::Poll),
            (self.poll_retry.is_some(), "poll-retry", Group::Poll),
            (self.push_delivery.is_some(), "push-delivery", Group::Push),
            (self.heartbeat.is_some(), "heartbeat", Group::Push),
            (self.on_gap.is_some(), "on-gap", Group::Push),
            (self.stale_up_to.is_some(), "stale-up-to", Group::Held),
            (self.cold_start.is_some(), "cold-start", Group::Held),
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
        let beside = [
            (self.filter_last_word.is_some(), "filter-last-word", self.filter.is_some(), "filter"),
            (self.negative_cache.is_some(), "negative-cache", self.caches(), "cache"),
            (self.cache_entries.is_some(), "cache-entries", self.caches(), "cache"),
            (self.cache_capped_at_exp.is_some(), "cache-capped-at-exp", self.caches(), "cache"),
            (self.stale_if_error.is_some(), "stale-if-error", self.caches(), "cache"),
            (self.tracking.is_some(), "tracking", self.caches(), "cache"),
            (self.batch_window.is_some(), "batch-window", self.batches(), "coalescing = \"batch\""),
            (self.batch_size.is_some(), "batch-size", self.batches(), "coalescing = \"batch\""),
            (self.retry_delay.is_some(), "retry-delay", self.retries.is_some(), "retries"),
            (
                self.breaker_open_for.is_some(),
                "breaker-open-for",
                self.breaker_failures.is_some(),
                "breaker-failures",
            ),
        ];
        for (given, key, has, needed) in beside {
            if given && !has {
                return Err(format!("`{key}` has no effect without `{needed}`; leave it out"));
            }
        }
        Ok(())
    }

    fn caches(&self) -> bool {
        !matches!(self.cache, None | Some(SpanOr::Word(WireCacheEnd::Off)))
    }

    fn batches(&self) -> bool {
        self.coalescing == Some(WireCoalescing::Batch)
    }

    fn timeouts(&self) -> Result<StoreTimeouts, String> {
        let span = |given: Option<Span>, default| given.map_or(default, |span| span.0);
        Ok(StoreTimeouts {
            connect: bounded("connect-timeout", span(self.connect_timeout, SECOND), MS)?,
            answer: bounded("answer-timeout", span(self.answer_timeout, SECOND / 2), MS)?,
        })
    }

    fn feed(&self, carrier: Carrier) -> Result<Feed, String> {
        Ok(Feed {
            poll: Group::Poll.is_of(carrier, false).then(|| self.poll()).transpose()?,
            push: Group::Push.is_of(carrier, false).then(|| self.push()).transpose()?,
            max_stale: match self.stale_up_to {
                None => Duration::MAX,
                Some(SpanOr::Word(word)) => word.value(),
                Some(SpanOr::Span(span)) => bounded("stale-up-to", span.0, Duration::ZERO)?,
            },
            cold_start: match self.cold_start {
                None => ColdStart::Closed,
                Some(SpanOr::Word(word)) => word.value(),
                Some(SpanOr::Span(most)) => ColdStart::Wait(bounded("cold-start", most.0, MS)?),
            },
            adopt: self.adopt.map_or(Adopt::Merge, WireAdopt::value),
        })
    }

    fn poll(&self) -> Result<Poll, String> {
        let Some(interval) = self.poll_interval else {
            return Err("`poll-interval` is missing; a list that is polled needs it".into());
        };
        let jitter = self.poll_jitter.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&jitter) {
            return Err(format!("`poll-jitter` is {jitter}, which is no share from 0 to 1"));
        }
        Ok(Poll {
            interval: bounded("poll-interval", interval.0, MS)?,
            jitter,
            scope: self.poll_scope.map_or(PollScope::Full, WireScope::value),
            retry: match self.poll_retry {
                None => None,
                Some(SpanOr::Word(word)) => word.value(),
                Some(SpanOr::Span(pause)) => Some(bounded("poll-retry", pause.0, MS)?),
            },
            timeouts: self.timeouts()?,
        })
    }

    fn push(&self) -> Result<Push, String> {
        let Some(delivery) = self.push_delivery else {
            return Err("`push-delivery` is missing; write \"at-most-once\" or \"replay\"".into());
        };
        Ok(Push {
            replays: delivery.value(),
            heartbeat: match self.heartbeat {
                None | Some(SpanOr::Word(WireNoSpan::Off)) => None,
                Some(SpanOr::Span(longest)) => Some(bounded("heartbeat", longest.0, MS)?),
            },
            on_gap: self.on_gap.map_or(OnGap::Keep, WireOnGap::value),
        })
    }

    fn filter(&self, last_word: LastWord) -> Result<Option<StateFilter>, String> {
        let Some(false_positives) = self.filter else {
            return Ok(None);
        };
        match false_positives > 0.0 && false_positives < 1.0 {
            true => Ok(Some(StateFilter { false_positives, last_word })),
            false => Err(format!(
                "`filter` is {false_positives}, which is no share of false positives between 0 \
                 and 1"
            )),
        }
    }

    fn lookup(&self) -> Result<Lookup, String> {
        let breaker = match (self.breaker_failures, self.breaker_open_for) {
            (None, _) => None,
            (Some(0), _) => return Err("`breaker-failures` is 0; write 1 or more".into()),
            (Some(_), None) => {
                return Err("`breaker-open-for` is missing beside `breaker-failures`".into());
            }
            (Some(failures), Some(span)) => {
                let open_for = bounded("breaker-open-for", span.0, MS)?;
                Some(Breaker { failures, open_for })
            }
        };
        Ok(Lookup {
            cache: self.caches().then(|| self.answer_cache()).transpose()?,
            coalescing: self.coalesced()?,
            timeouts: self.timeouts()?,
            retries: self.retries.unwrap_or(0),
            retry_delay: self.retry_delay.map_or(Duration::ZERO, |span| span.0),
            breaker,
        })
    }

    fn answer_cache(&self) -> Result<AnswerCache, String> {
        let span = |given: Option<SpanOr<WireNoSpan>>, key: &str| match given {
            Some(SpanOr::Span(span)) => bounded(key, span.0, Duration::ZERO),
            Some(SpanOr::Word(_)) | None => Ok(Duration::ZERO),
        };
        let caps_at_expiry = self.cache_capped_at_exp.unwrap_or(true);
        if self.tracking == Some(WireOnGap::Resync) {
            return Err(
                "`tracking` is \"resync\", and there is no list to ask for; write \"keep\" or \
                        \"flush\""
                    .into(),
            );
        }
        let positive = match self.cache {
            Some(SpanOr::Span(span)) => bounded("cache", span.0, MS)?,
            Some(SpanOr::Word(word)) => word.value(),
            None => Duration::ZERO,
        };
        if positive == Duration::MAX && !caps_at_expiry {
            return Err("`cache-capped-at-exp` is false, and `cache` ends with the token; name a \
                        span in `cache`"
                .into());
        }
        Ok(AnswerCache {
            positive,
            negative: span(self.negative_cache, "negative-cache")?,
            caps_at_expiry,
            entries: self.cache_entries.unwrap_or(10_000),
            stale_if_error: self.stale_if_error.map_or(Duration::ZERO, |span| span.0),
            tracking: self.tracking.map(|on_gap| Push {
                replays: false,
                heartbeat: None,
                on_gap: on_gap.value(),
            }),
        })
    }

    fn coalesced(&self) -> Result<LookupCoalescing, String> {
        Ok(match self.coalescing {
            None | Some(WireCoalescing::None) => LookupCoalescing::None,
            Some(WireCoalescing::PerKey) => LookupCoalescing::PerKey,
            Some(WireCoalescing::Batch) => {
                let (Some(window), Some(most)) = (self.batch_window, self.batch_size) else {
                    return Err(
                        "`coalescing` is \"batch\"; write `batch-window` and `batch-size` \
                                beside it"
                            .into(),
                    );
                };
                let window = bounded("batch-window", window.0, Duration::ZERO)?;
                LookupCoalescing::Batch { window, most: most.max(1) }
            }
        })
    }
}
