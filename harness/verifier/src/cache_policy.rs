//! The policy of a key cache: how a key set is cached, refreshed and bounded. It consists of plain
//! values, on which the key cache acts.

use std::time::Duration;

/// The policy of one key cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePolicy {
    /// The time for which a set is fresh, from the instant that `age_from` names. `Duration::MAX`
    /// means for ever. Zero means no cache at all: each token waits for a fetch.
    pub ttl: Duration,
    /// The instant from which the age of a set counts.
    pub age_from: AgeFrom,
    /// The bounds within which a response sets the TTL of its set; `None` if responses do not set
    /// it. A response without `max-age` gets `ttl`.
    pub http_freshness: Option<HttpFreshness>,
    /// The point at which a refresh starts in the background; `None` to refresh only after the TTL.
    pub refresh_ahead: Option<RefreshAhead>,
    /// The greatest random shift of the refresh point. The shift is drawn uniformly, forwards or
    /// backwards.
    pub refresh_jitter: Jitter,
    /// The trigger of a refresh.
    pub refresh: Refresh,
    /// The effect of a `kid` that the set lacks.
    pub unknown_kid: UnknownKid,
    /// The limit on fetches for unknown kids; `None` for no limit.
    pub budget: Option<Budget>,
    /// The time after a successful fetch during which an absent kid is called unknown without
    /// another fetch.
    pub grounds: Duration,
    /// Whether a signature that does not verify under a known kid causes a fetch.
    pub refetch_bad_signature: bool,
    /// The time past its TTL for which a set is served while fetches fail.
    pub stale_if_error: Duration,
    /// The effect of a failed fetch on the held set.
    pub on_failure: OnFailure,
    /// The lookups that share a fetch.
    pub coalescing: Coalescing,
    /// The lookups that wait while a fetch is under way.
    pub lock: LockScope,
    /// Whether each worker has its own cache.
    pub per_worker: bool,
    /// The most kids that are kept, each with its own age; `None` to keep sets whole.
    pub per_kid: Option<usize>,
    /// The effect of an unusable entry on its set.
    pub bad_entry: BadEntry,
    /// The effect of a set without any usable key.
    pub empty_set: EmptySet,
    /// The answer to a token whose key is not known because fetches fail.
    pub outage: OutageAnswer,
    /// Whether a token without `kid` is refused, regardless of the verifier's policy.
    pub kid_required: bool,
    /// The leeway for clock differences, which replaces that of the verifier's policy; `None` to
    /// keep the latter. It belongs to the modelled library as a whole rather than to its cache: it
    /// decides on `exp`, `nbf` and `iat`.
    pub leeway: Option<Duration>,
    /// Whether the operator can evict a key at once.
    pub push_eviction: bool,
    /// The time limits of one fetch attempt.
    pub timeouts: Timeouts,
    /// The largest body that is read, in bytes.
    pub max_body: usize,
    /// The number of further attempts after a failed one, if the failure may be temporary (no
    /// answer, 5xx, garbage).
    pub retries: u32,
    /// The pause before a retry.
    pub retry_delay: Duration,
    /// The pause after a failed fetch. It doubles with each further failure.
    pub backoff_min: Duration,
    /// The longest pause after a failed fetch.
    pub backoff_max: Duration,
    /// The longest time that a token may wait for a fetch.
    pub max_wait: Duration,
    /// The most tokens that may wait at once.
    pub max_waits: usize,
    /// The limits of the verdict cache; `None` for no verdict cache.
    pub verdict_cache: Option<VerdictCachePolicy>,
}

/// The instant from which the age of a set counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeFrom {
    /// The start of the request that fetched it. The result of an older request never replaces that
    /// of a newer one.
    Request,
    /// The end of its response. The last response to arrive is held.
    Response,
}

/// The bounds for a TTL from `Cache-Control: max-age` (RFC 9111 §5.2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpFreshness {
    /// The shortest TTL.
    pub min: Duration,
    /// The longest TTL.
    pub max: Duration,
}

impl HttpFreshness {
    /// No bounds: the TTL is what the response says.
    pub const UNBOUNDED: HttpFreshness = HttpFreshness { min: Duration::ZERO, max: Duration::MAX };
}

/// The point at which a refresh starts in the background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RefreshAhead {
    /// The refresh starts after this share of the TTL, 0..=1.
    Share(f64),
    /// The refresh starts this long before the end of the TTL.
    Before(Duration),
}

/// The greatest random shift of a refresh point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// The shift is at most this share of the TTL, 0..=1.
    Share(f64),
    /// The shift is at most this long.
    Span(Duration),
}

/// The trigger of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The next lookup starts the refresh. Past the TTL, lookups wait for it.
    Lazy,
    /// The next lookup starts the refresh. The held set is served until the fetch has ended, as
    /// long as stale sets may be served.
    Async,
    /// A timer starts the refresh, even without traffic. The held set is served as with
    /// [`Refresh::Async`].
    Periodic,
}

/// The effect of a failed fetch on the held set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The set is kept.
    Keep,
    /// The set is dropped, even if it is fresh.
    Clear,
}

/// The lookups that share a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coalescing {
    /// No lookups share a fetch. Each lookup that needs one starts its own.
    None,
    /// Lookups for the same kid share a fetch.
    PerKid,
    /// All lookups share a fetch, so there is one at a time.
    SingleFlight,
}

/// The lookups that wait while a fetch is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockScope {
    /// Only lookups that need the fetch wait.
    Misses,
    /// All lookups wait, in the order of arrival. Each looks again when its turn comes.
    All,
}

/// The effect of an unusable entry on its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEntry {
    /// The entry is skipped.
    Skip,
    /// An entry that is not a JWK or lacks a member fails the fetch. An entry that is well-formed
    /// but unusable is skipped.
    FailMalformed,
    /// The entry fails the fetch.
    FailSet,
}

/// The effect of a set without any usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptySet {
    /// The fetch counts as failed, and the previous set is kept.
    KeepOld,
    /// The set is adopted, and no key is left.
    Accept,
}

/// The answer to a token whose key is not known because fetches fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageAnswer {
    /// Status 503, after which the client may try again.
    Unavailable,
    /// Status 401, as if the token were bad.
    Unauthorized,
}

/// The limits of a verdict cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictCachePolicy {
    /// The most tokens.
    pub entries: usize,
    /// The most bytes of tokens and claims.
    pub bytes: u64,
    /// Whether a verdict becomes invalid with the generation of the key set under which it was
    /// given. If not, a withdrawn key stays trusted for tokens seen before, until these expire.
    pub is_tied: bool,
}

impl Default for VerdictCachePolicy {
    /// The default: ten thousand tokens in 16 MiB, tied to the key set.
    fn default() -> VerdictCachePolicy {
        VerdictCachePolicy { entries: 10_000, bytes: 16 << 20, is_tied: true }
    }
}

/// The effect of a `kid` that the set lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKid {
    /// The token is refused without a fetch.
    Refuse,
    /// The token waits for a fetch within the budget.
    Refetch,
    /// A fetch within the budget starts, and the token is refused. A later token with this kid may
    /// be accepted.
    RefetchInBackground,
}

/// The limit on fetches for unknown kids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The number of fetches in a window; 0 to allow none.
    pub fetches: u32,
    /// The length of the window.
    pub window: Duration,
    /// The kind of the window.
    pub kind: WindowKind,
    /// The event that counts against the budget.
    pub armed_on: ArmedOn,
    /// Whether fetches for known kids are also counted and limited.
    pub is_shared: bool,
    /// The longest time that a token may wait for the budget. A token that would have to wait
    /// longer is refused at once.
    pub max_wait: Duration,
}

/// The kind of a budget's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// Every span of the window's length counts.
    Sliding,
    /// A window opens with the first fetch after the previous one has closed.
    Fixed,
    /// A token bucket. It holds up to `fetches`, and the same number is refilled evenly over a
    /// window.
    Bucket,
}

/// The event that counts against a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmedOn {
    /// The start of a fetch that the budget allowed.
    Attempt,
    /// The end of any successful fetch.
    Success,
    /// The end of a successful fetch whose set lacks the requested kid.
    Miss,
}

impl Budget {
    /// A budget of `fetches` attempts in any span of `window`. Further tokens are refused.
    pub const fn sliding(fetches: u32, window: Duration) -> Budget {
        let (kind, armed_on) = (WindowKind::Sliding, ArmedOn::Attempt);
        Budget { fetches, window, kind, armed_on, is_shared: false, max_wait: Duration::ZERO }
    }
}

/// The time limits of one fetch attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The limit for making the connection.
    pub connect: Duration,
    /// The limit for the next byte to arrive.
    pub idle: Duration,
    /// The limit for the whole attempt.
    pub total: Duration,
}

impl Default for CachePolicy {
    /// The preset `default`.
    fn default() -> CachePolicy {
        let seconds = Duration::from_secs;
        CachePolicy {
            ttl: seconds(300),
            age_from: AgeFrom::Request,
            http_freshness: None,
            refresh_ahead: Some(RefreshAhead::Share(0.8)),
            refresh_jitter: Jitter::Share(0.1),
            refresh: Refresh::Lazy,
            unknown_kid: UnknownKid::Refetch,
            budget: Some(Budget::sliding(1, seconds(10))),
            grounds: seconds(10),
            refetch_bad_signature: false,
            stale_if_error: seconds(3600),
            on_failure: OnFailure::Keep,
            coalescing: Coalescing::SingleFlight,
            lock: LockScope::Misses,
            per_worker: false,
            per_kid: None,
            bad_entry: BadEntry::Skip,
            empty_set: EmptySet::KeepOld,
            outage: OutageAnswer::Unavailable,
            kid_required: false,
            leeway: None,
            push_eviction: true,
            timeouts: Timeouts { connect: seconds(1), idle: seconds(2), total: seconds(3) },
            max_body: 1 << 20,
            retries: 1,
            retry_delay: Duration::from_millis(250),
            backoff_min: seconds(1),
            backoff_max: seconds(30),
            max_wait: seconds(1),
            max_waits: 1024,
            verdict_cache: None,
        }
    }
}

impl CachePolicy {
    /// The TTL of a set whose response allows `max_age`, or has none if it is `None`.
    pub fn ttl_of(&self, max_age: Option<Duration>) -> Duration {
        match self.http_freshness.zip(max_age) {
            Some((bounds, max_age)) => max_age.clamp(bounds.min, bounds.max.max(bounds.min)),
            None => self.ttl,
        }
    }

    /// The shortest TTL that a set can have.
    pub fn shortest_ttl(&self) -> Duration {
        self.http_freshness.map_or(self.ttl, |bounds| bounds.min.min(self.ttl))
    }

    /// The longest TTL that a set can have.
    pub fn longest_ttl(&self) -> Duration {
        self.http_freshness.map_or(self.ttl, |bounds| bounds.max.max(self.ttl))
    }

    /// The time after a successful fetch during which an absent kid is called unknown, for a set
    /// with this TTL. If unknown kids never cause a fetch, it is the TTL itself.
    pub fn unknown_kid_window(&self, ttl: Duration) -> Duration {
        match self.unknown_kid {
            UnknownKid::Refuse => ttl,
            UnknownKid::Refetch | UnknownKid::RefetchInBackground => self.grounds,
        }
    }

    /// The time from the beginning of a set's age to its refresh, for a set with this TTL and a
    /// draw from 0..=1. `None` if there is no refresh before the end of the TTL.
    pub fn refresh_after(&self, ttl: Duration, draw: f64) -> Option<Duration> {
        let ahead = self.refresh_ahead.filter(|_| ttl != Duration::MAX)?;
        let share_of = |span: Duration| match ttl.is_zero() {
            true => 1.0,
            false => span.div_duration_f64(ttl),
        };
        let share = match ahead {
            RefreshAhead::Share(share) => share,
            RefreshAhead::Before(span) => 1.0 - share_of(span),
        };
        let width = match self.refresh_jitter {
            Jitter::Share(share) => share,
            Jitter::Span(span) => share_of(span),
        };
        let share = share + width * (2.0 * draw - 1.0);
        Some(ttl.mul_f64(share.clamp(0.0, 1.0)))
    }
}
