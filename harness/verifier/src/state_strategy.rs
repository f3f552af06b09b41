//! A state strategy: how a verifier learns what a token cannot say. A token may have been revoked,
//! or its authorization may be out of force. The strategy consists of plain values, on which
//! [`StateCheck`](crate::state_check::StateCheck) acts.

use std::time::Duration;

use crate::rejection::Rejection;

/// The waits that are left where only a share of all tokens is drawn.
const FEWEST_WAITS: usize = 64;

/// The strategy of one verifier.
#[derive(Clone, Debug, PartialEq)]
pub struct StateStrategy {
    /// The way in which knowledge comes.
    pub carrier: Carrier,
    /// The claim by which the state of a token is found.
    pub key: StateKey,
    /// The knowledge that is held, and how it comes; `None` if none is held.
    pub feed: Option<Feed>,
    /// The store or issuer that is asked for single tokens; `None` if none is asked.
    pub lookup: Option<Lookup>,
    /// The filter before the held list or the store; `None` for none.
    pub filter: Option<StateFilter>,
    /// The tokens for which state is asked.
    pub asks: Asks,
    /// The answer if the state cannot be had.
    pub on_outage: OnOutage,
    /// The most tokens that may wait at once. Others get the answer of an outage.
    pub max_waits: usize,
    /// The time for which held entries are kept.
    pub prune: Prune,
}

/// The way in which knowledge comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// None: a token is trusted until it expires.
    None,
    /// A list in this process. The one who revokes a token writes to it.
    Memory,
    /// A store, asked for each token.
    Ask,
    /// The issuer, asked for each token (RFC 7662).
    Introspection,
    /// A list in a store, polled.
    Poll,
    /// A signed list of the issuer, with a bit for each token (draft-ietf-oauth-status-list).
    StatusList,
    /// Messages of a store.
    Push,
    /// Messages of a store, and its list.
    PushAndPoll,
}

impl Carrier {
    /// The name in files and results.
    pub const fn name(self) -> &'static str {
        match self {
            Carrier::None => "none",
            Carrier::Memory => "memory",
            Carrier::Ask => "ask",
            Carrier::Introspection => "introspection",
            Carrier::Poll => "poll",
            Carrier::StatusList => "status-list",
            Carrier::Push => "push",
            Carrier::PushAndPoll => "push-and-poll",
        }
    }
}

/// The claim by which the state of a token is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKey {
    /// The token itself, by `jti` (RFC 7519 §4.1.7).
    JwtId,
    /// The login session, by `sid` (OpenID Connect Front-Channel Logout 1.0 §3).
    Session,
    /// The subject, by `sub`.
    Subject,
    /// The client.
    Client,
    /// The subject, whose tokens must have at least the required authorization version.
    Version,
    /// The subject, whose tokens must have been issued at or after an instant.
    NotBefore,
}

/// The knowledge that is held, and how it comes. Without poll and push, the list lies in this
/// process, and the one who revokes a token writes to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// The terms of polling; `None` if nothing is polled.
    pub poll: Option<Poll>,
    /// The terms of a push; `None` if nothing is pushed.
    pub push: Option<Push>,
    /// The time for which held knowledge stands although nothing confirms it. `Duration::MAX` means
    /// for ever.
    pub max_stale: Duration,
    /// The answer before anything has ever been held.
    pub cold_start: ColdStart,
    /// The effect of a full list on what is held.
    pub adopt: Adopt,
}

/// The terms of polling a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poll {
    /// The time from the start of one poll to that of the next.
    pub interval: Duration,
    /// The greatest random shift of a poll, as a share of the interval, 0..=1.
    pub jitter: f64,
    /// The part of the list that is asked for.
    pub scope: PollScope,
    /// The pause after a failed poll; `None` to wait for the next interval.
    pub retry: Option<Duration>,
    /// The time limits of one poll.
    pub timeouts: StoreTimeouts,
}

/// The part of a list that a poll asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollScope {
    /// The whole list.
    Full,
    /// The entries since the last successful poll.
    Delta,
}

/// The terms of a push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// Whether messages that were missed are sent again once the link is up.
    pub replays: bool,
    /// The longest silence of a link that is up; `None` if silence means nothing.
    pub heartbeat: Option<Duration>,
    /// The effect of a gap in the messages.
    pub on_gap: OnGap,
}

/// The effect of a gap: the link was down, or a message is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGap {
    /// What is held is kept, as if nothing had been missed.
    Keep,
    /// Everything that is held is dropped. The whole list is polled at once, if lists are polled.
    Flush,
    /// The whole list is polled at once, if lists are polled. What is held stands meanwhile, as
    /// unconfirmed.
    Resync,
}

/// The answer before anything has ever been held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColdStart {
    /// Tokens are accepted.
    Open,
    /// Tokens get the answer of an outage.
    Closed,
    /// Tokens wait this long, and then get the answer of an outage.
    Wait(Duration),
}

/// The effect of a full list on what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// Entries are added. What a list lacks stays until it is pruned.
    Merge,
    /// The list replaces everything that is held.
    Replace,
}

/// The terms of asking a store or an issuer for single tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// The cache of answers; `None` to ask for every token.
    pub cache: Option<AnswerCache>,
    /// The lookups that share a request.
    pub coalescing: LookupCoalescing,
    /// The time limits of one request.
    pub timeouts: StoreTimeouts,
    /// The number of further requests after a failed one.
    pub retries: u32,
    /// The pause before a further request.
    pub retry_delay: Duration,
    /// The breaker that answers instead of the store; `None` for none.
    pub breaker: Option<Breaker>,
}

/// The cache of the answers of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerCache {
    /// The time for which "not revoked" is kept. `Duration::MAX` means until the token expires.
    pub positive: Duration,
    /// The time for which "revoked" is kept; zero for no time.
    pub negative: Duration,
    /// Whether an answer is kept no longer than to the end of its token (RFC 7662 §4).
    pub caps_at_expiry: bool,
    /// The most answers that are kept.
    pub entries: usize,
    /// The time past its end for which an answer is used while the store fails.
    pub stale_if_error: Duration,
    /// The push that drops an answer when its state changes; `None` if nothing does.
    pub tracking: Option<Push>,
}

/// The lookups that share a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupCoalescing {
    /// No lookups share a request.
    None,
    /// Lookups for the same key share a request.
    PerKey,
    /// Lookups for the same key share a request, and requests are sent together.
    Batch {
        /// The time for which the first of them waits for others.
        window: Duration,
        /// The most keys in a request.
        most: usize,
    },
}

/// The time limits of a request to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreTimeouts {
    /// The time limit for the connection.
    pub connect: Duration,
    /// The time limit for the answer.
    pub answer: Duration,
}

/// A breaker: after so many failures in a row, requests fail at once for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// The number of failures in a row that opens the breaker.
    pub failures: u32,
    /// The time for which it stays open. The next lookup after that is tried.
    pub open_for: Duration,
}

/// A filter, which takes a share of tokens for revoked that are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StateFilter {
    /// The share of other tokens that it takes for revoked, above 0 and below 1.
    pub false_positives: f64,
    /// Who decides on a token that the filter takes for revoked.
    pub last_word: LastWord,
}

/// Who decides on a token that a filter takes for revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastWord {
    /// The held list.
    List,
    /// The store, which is asked.
    Store,
    /// The filter itself: its false positives lock good users out.
    Filter,
}

/// The tokens for which state is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The tokens that have the key.
    Needed,
    /// Every token, also one without the key.
    Every,
}

/// The answer if the state cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOutage {
    /// Tokens are accepted.
    Open,
    /// Tokens are refused with this HTTP status: 503, 401 or 403.
    Closed(u16),
}

/// The time for which held entries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// An entry is kept until no token that it concerns can be accepted.
    AtExpiry,
    /// Entries are kept this long.
    After(Duration),
    /// Entries are kept for ever.
    Never,
}

impl OnOutage {
    /// The verdict on a token whose state cannot be had. The status is told apart from it.
    pub const fn code(self) -> Result<(), Rejection> {
        match self {
            OnOutage::Open => Ok(()),
            OnOutage::Closed(_) => Err(Rejection::StateUnavailable),
        }
    }
}

impl StateStrategy {
    /// No state: a token is trusted until it expires.
    pub fn none() -> StateStrategy {
        StateStrategy {
            carrier: Carrier::None,
            key: StateKey::JwtId,
            feed: None,
            lookup: None,
            filter: None,
            asks: Asks::Needed,
            on_outage: OnOutage::Closed(503),
            max_waits: 1024,
            prune: Prune::AtExpiry,
        }
    }

    /// The strategy with the limits that fit this share of all tokens, above 0 and at most 1.
    #[must_use]
    pub fn sampled(mut self, share: f64) -> StateStrategy {
        let scaled = |most: usize| (most as f64 * share).round() as usize;
        // Tokens that wait come by chance, which a small number would not allow for.
        self.max_waits = scaled(self.max_waits).max(self.max_waits.min(FEWEST_WAITS));
        if let Some(cache) = self.lookup.as_mut().and_then(|lookup| lookup.cache.as_mut()) {
            cache.entries = scaled(cache.entries).max(1);
        }
        self
    }

    /// The longest time for which a token may wait for its state.
    pub fn longest_wait(&self) -> Duration {
        let cold = self.feed.as_ref().map(|feed| feed.cold_start);
        let cold = match cold {
            Some(ColdStart::Wait(most)) => most,
            _ => Duration::ZERO,
        };
        let lookup = self.lookup.as_ref().map_or(Duration::ZERO, |lookup| {
            let StoreTimeouts { connect, answer } = lookup.timeouts;
            let window = match lookup.coalescing {
                LookupCoalescing::Batch { window, .. } => window,
                _ => Duration::ZERO,
            };
            let attempt = connect.saturating_add(answer).saturating_add(lookup.retry_delay);
            window.saturating_add(attempt.saturating_mul(lookup.retries + 1))
        });
        cold.saturating_add(lookup)
    }

    /// A list in this process. The one who revokes a token writes to it.
    pub fn memory() -> StateStrategy {
        let feed = Some(Feed::memory());
        StateStrategy { carrier: Carrier::Memory, feed, ..StateStrategy::none() }
    }
}

impl Feed {
    /// A list in this process.
    pub fn memory() -> Feed {
        Feed {
            poll: None,
            push: None,
            max_stale: Duration::MAX,
            cold_start: ColdStart::Open,
            adopt: Adopt::Merge,
        }
    }

    /// Whether the list lies in this process and needs no confirmation.
    pub fn is_memory(&self) -> bool {
        self.poll.is_none() && self.push.is_none()
    }
}
