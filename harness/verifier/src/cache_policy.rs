//! How a key set is cached, refreshed and bounded. Plain values; the key cache acts on them.

use std::time::Duration;

/// The policy of one key cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePolicy {
    /// How long a set is fresh, from the instant that `age_from` names. `Duration::MAX` for
    /// ever; zero for no cache at all: each token waits for a fetch.
    pub ttl: Duration,
    /// From when on a set ages.
    pub age_from: AgeFrom,
    /// Whether the response sets the ttl of its set, and within which bounds. `ttl` then holds for
    /// responses that say nothing.
    pub http_freshness: Option<HttpFreshness>,
    /// When a refresh starts in the background; `None` to refresh only when the ttl is over.
    pub refresh_ahead: Option<RefreshAhead>,
    /// The refresh point is drawn evenly from so much before and after.
    pub refresh_jitter: Jitter,
    /// What starts a refresh.
    pub refresh: Refresh,
    /// What a `kid` that the set lacks may cause.
    pub unknown_kid: UnknownKid,
    /// How many fetches it may cause; `None` for as many as tokens come.
    pub budget: Option<Budget>,
    /// How long a successful fetch is grounds to call an absent kid unknown without another.
    pub grounds: Duration,
    /// Whether a signature that does not verify under a known kid causes a fetch.
    pub refetch_bad_signature: bool,
    /// How long past its ttl a set is served while fetches fail.
    pub stale_if_error: Duration,
    /// What a failed fetch does to the set held.
    pub on_failure: OnFailure,
    /// Which lookups share a fetch.
    pub coalescing: Coalescing,
    /// Who waits while a fetch is under way.
    pub lock: LockScope,
    /// Whether each worker has a cache of its own.
    pub per_worker: bool,
    /// The most kids that are kept, each with an age of its own; `None` to keep sets whole.
    pub per_kid: Option<usize>,
    /// What an entry that cannot be used does to its set.
    pub bad_entry: BadEntry,
    /// What a set without any usable key does.
    pub empty_set: EmptySet,
    /// What a token is answered whose key nobody knows because fetches fail.
    pub outage: OutageAnswer,
    /// Whether a token without `kid` is refused, whatever the verifier's policy says.
    pub kid_required: bool,
    /// How far clocks may differ, whatever the verifier's policy says; `None` for what it says. Of
    /// the library as a whole, not of its cache: it decides on `exp`, `nbf` and `iat`.
    pub leeway: Option<Duration>,
    /// Whether the operator can have a key dropped at once.
    pub push_eviction: bool,
    /// Limits of one fetch attempt.
    pub timeouts: Timeouts,
    /// Largest body that is read, in bytes.
    pub max_body: usize,
    /// Further attempts after a failed one that may be passing (no answer, 5xx, garbage).
    pub retries: u32,
    /// Pause before a retry.
    pub retry_delay: Duration,
    /// Pause after a failed fetch; doubles with each further failure.
    pub backoff_min: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// How long a token may wait for a fetch.
    pub max_wait: Duration,
    /// How many tokens may wait at once.
    pub max_waits: usize,
    /// Whether proven tokens are remembered, and how many; `None` for not at all.
    pub verdict_cache: Option<VerdictCachePolicy>,
}

/// From when on a set ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeFrom {
    /// The start of the request that fetched it. An older request never replaces what a newer one
    /// brought.
    Request,
    /// The end of its response. What comes last is held.
    Response,
}

/// Obeys `Cache-Control: max-age` (RFC 9111 §5.2.2.1), within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpFreshness {
    /// The shortest ttl.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl HttpFreshness {
    /// Whatever a response says.
    pub const UNBOUNDED: HttpFreshness = HttpFreshness { min: Duration::ZERO, max: Duration::MAX };
}

/// When a refresh starts in the background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RefreshAhead {
    /// After this share of the ttl, 0..=1.
    Share(f64),
    /// So long before the end of the ttl.
    Before(Duration),
}

/// How far a refresh point is moved at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Up to this share of the ttl, 0..=1.
    Share(f64),
    /// Up to so long.
    Span(Duration),
}

/// What starts a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The next lookup; past the ttl, lookups wait for it.
    Lazy,
    /// The next lookup, and the set held serves on until the fetch has ended, as long as stale
    /// sets may be served.
    Async,
    /// A timer, traffic or not; the set held serves on as with [`Refresh::Async`].
    Periodic,
}

/// What a failed fetch does to the set held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    Keep,
    /// It is dropped, fresh or not.
    Clear,
}

/// Which lookups share a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coalescing {
    /// None: each that needs one starts its own.
    None,
    /// Those for the same kid.
    PerKid,
    /// All: one fetch at a time.
    SingleFlight,
}

/// Who waits while a fetch is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockScope {
    /// Those who need it.
    Misses,
    /// Everybody, in the order of arrival; each looks again when its turn comes.
    All,
}

/// What an entry that cannot be used does to its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEntry {
    /// It is skipped.
    Skip,
    /// One that is no JWK, or lacks a member, fails the fetch; one that is well-formed and of no
    /// use is skipped.
    FailMalformed,
    /// The fetch has failed.
    FailSet,
}

/// What a set without any usable key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptySet {
    /// The fetch has failed: the set before is kept.
    KeepOld,
    /// It is adopted: no key is left.
    Accept,
}

/// What a token is answered whose key nobody knows because fetches fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageAnswer {
    /// 503: the user may come again.
    Unavailable,
    /// 401: as if the token were bad.
    Unauthorized,
}

/// What a verdict cache may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictCachePolicy {
    /// Tokens, at the most.
    pub entries: usize,
    /// Bytes of tokens and claims, at the most.
    pub bytes: u64,
    /// Whether a verdict dies with the generation of the key set that it was given under. If not,
    /// a withdrawn key stays trusted for tokens seen before, until these expire.
    pub is_tied: bool,
}

impl Default for VerdictCachePolicy {
    /// Ten thousand tokens in 16 MiB, tied.
    fn default() -> VerdictCachePolicy {
        VerdictCachePolicy { entries: 10_000, bytes: 16 << 20, is_tied: true }
    }
}

/// What a `kid` that the set lacks may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKid {
    /// Nothing: it is refused.
    Refuse,
    /// A fetch within the budget; the token waits for it.
    Refetch,
    /// A fetch within the budget; the token is refused, and the next one may fare better.
    RefetchInBackground,
}

/// How many fetches unknown kids may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Fetches in a window; 0 for none ever.
    pub fetches: u32,
    /// The window.
    pub window: Duration,
    /// How windows follow each other.
    pub kind: WindowKind,
    /// What counts against it.
    pub armed_on: ArmedOn,
    /// Whether fetches for known kids are counted and bounded too.
    pub is_shared: bool,
    /// How long a token may wait for the budget; zero to be refused at once. One that would have
    /// to wait longer is refused at once too.
    pub max_wait: Duration,
}

/// How the windows of a budget follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// Any span as long as the window.
    Sliding,
    /// A window opens with the first fetch after the last one closed.
    Fixed,
    /// A token bucket: full with `fetches`, and as many flow in over a window.
    Bucket,
}

/// What counts against a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmedOn {
    /// The start of a fetch that it allowed.
    Attempt,
    /// The end of any successful fetch.
    Success,
    /// The end of a successful fetch that brought no such kid.
    Miss,
}

impl Budget {
    /// So many attempts in any such span; refused beyond.
    pub const fn sliding(fetches: u32, window: Duration) -> Budget {
        let (kind, armed_on) = (WindowKind::Sliding, ArmedOn::Attempt);
        Budget { fetches, window, kind, armed_on, is_shared: false, max_wait: Duration::ZERO }
    }
}

/// Limits of one fetch attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection to be made.
    pub connect: Duration,
    /// For the next byte to come.
    pub idle: Duration,
    /// For the whole attempt.
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
    /// How long a set is fresh whose response allows `max_age`, if it says anything.
    pub fn ttl_of(&self, max_age: Option<Duration>) -> Duration {
        match self.http_freshness.zip(max_age) {
            Some((bounds, max_age)) => max_age.clamp(bounds.min, bounds.max.max(bounds.min)),
            None => self.ttl,
        }
    }

    /// The shortest that a set may be fresh.
    pub fn shortest_ttl(&self) -> Duration {
        self.http_freshness.map_or(self.ttl, |bounds| bounds.min.min(self.ttl))
    }

    /// The longest that a set may be fresh.
    pub fn longest_ttl(&self) -> Duration {
        self.http_freshness.map_or(self.ttl, |bounds| bounds.max.max(self.ttl))
    }

    /// How long a successful fetch is grounds to call an absent kid unknown, given the ttl of the
    /// set: where nothing is ever fetched for one, until the next refresh.
    pub fn unknown_kid_window(&self, ttl: Duration) -> Duration {
        match self.unknown_kid {
            UnknownKid::Refuse => ttl,
            UnknownKid::Refetch | UnknownKid::RefetchInBackground => self.grounds,
        }
    }

    /// When the refresh of a set of this ttl starts, from its own start on, given a draw from
    /// 0..=1; `None` if it only ends.
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
