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

use super::check::{Group, bounded, counted};

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireStrategy {
    pub(super) about: Option<About>,
    pub(super) carrier: Option<WireCarrier>,
    pub(super) key: Option<WireKey>,
    pub(super) asks: Option<WireAsks>,
    pub(super) on_failure: Option<WireOnFailure>,
    pub(super) max_waits: Option<usize>,
    pub(super) prune: Option<SpanOr<WirePrune>>,
    pub(super) token_lifetime: Option<Span>,
    pub(super) filter: Option<f64>,
    pub(super) filter_last_word: Option<WireLastWord>,
    pub(super) poll_interval: Option<Span>,
    pub(super) poll_jitter: Option<f64>,
    pub(super) poll_scope: Option<WireScope>,
    pub(super) poll_retry: Option<SpanOr<WireRetry>>,
    pub(super) push_delivery: Option<WireDelivery>,
    pub(super) heartbeat: Option<SpanOr<WireNoSpan>>,
    pub(super) on_gap: Option<WireOnGap>,
    pub(super) stale_up_to: Option<SpanOr<WireForever>>,
    pub(super) cold_start: Option<SpanOr<WireColdStart>>,
    pub(super) adopt: Option<WireAdopt>,
    pub(super) cache: Option<SpanOr<WireCacheEnd>>,
    pub(super) negative_cache: Option<SpanOr<WireNoSpan>>,
    pub(super) cache_entries: Option<usize>,
    pub(super) cache_capped_at_exp: Option<bool>,
    pub(super) stale_if_error: Option<Span>,
    pub(super) tracking: Option<WireOnGap>,
    pub(super) coalescing: Option<WireCoalescing>,
    pub(super) batch_window: Option<Span>,
    pub(super) batch_size: Option<usize>,
    pub(super) connect_timeout: Option<Span>,
    pub(super) answer_timeout: Option<Span>,
    pub(super) retries: Option<u32>,
    pub(super) retry_delay: Option<Span>,
    pub(super) breaker_failures: Option<u32>,
    pub(super) breaker_open_for: Option<Span>,
}

/// A span, or one of the words of `W`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a span such as \"30s\", or one of the words of this key")]
pub(super) enum SpanOr<W> {
    Word(W),
    Span(Span),
}

/// Defines a serde enum of words that converts to a value of the strategy.
macro_rules! words {
    ($name:ident { $($word:ident = $text:literal => $value:expr),* $(,)? } $type:ty) => {
        #[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $text)] $word),* }

        impl $name {
            pub(super) fn value(self) -> $type {
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
pub(super) enum WireNoSpan {
    Off,
}

/// The lookups that share a request.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireCoalescing {
    None,
    PerKey,
    Batch,
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
        self.check_pairs(carrier, last_word)?;
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
            max_waits: counted("max-waits", self.max_waits, 1024)?,
            prune: match self.prune {
                None => Prune::AtExpiry,
                Some(SpanOr::Word(word)) => word.value(),
                Some(SpanOr::Span(span)) => Prune::After(bounded("prune", span.0, SECOND)?),
            },
        })
    }

    pub(super) fn caches(&self) -> bool {
        !matches!(self.cache, None | Some(SpanOr::Word(WireCacheEnd::Off)))
    }

    pub(super) fn batches(&self) -> bool {
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
            heartbeat: self.longest_silence()?,
            on_gap: self.on_gap.map_or(OnGap::Keep, WireOnGap::value),
        })
    }

    fn longest_silence(&self) -> Result<Option<Duration>, String> {
        match self.heartbeat {
            None | Some(SpanOr::Word(WireNoSpan::Off)) => Ok(None),
            Some(SpanOr::Span(longest)) => bounded("heartbeat", longest.0, MS).map(Some),
        }
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
            retries: match self.retries.unwrap_or(0) {
                retries @ 0..=100 => retries,
                retries => return Err(format!("`retries` is {retries}; write at most 100")),
            },
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
            entries: counted("cache-entries", self.cache_entries, 10_000)?,
            stale_if_error: self.stale_if_error.map_or(Duration::ZERO, |span| span.0),
            tracking: match self.tracking {
                None => None,
                Some(on_gap) => Some(Push {
                    replays: false,
                    heartbeat: self.longest_silence()?,
                    on_gap: on_gap.value(),
                }),
            },
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
                let most = counted("batch-size", Some(most), 1)?;
                LookupCoalescing::Batch { window, most }
            }
        })
    }
}
