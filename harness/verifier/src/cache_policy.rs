//! How a key set is cached, refreshed and bounded. Plain values; the key cache acts on them.

use std::time::Duration;

/// The policy of one key cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CachePolicy {
    /// How long a set is fresh, from the start of the request that fetched it. `Duration::MAX` for
    /// ever.
    pub ttl: Duration,
    /// The share of the ttl after which the next lookup starts a refresh in the background, 0..=1;
    /// `None` to refresh only when the ttl is over.
    pub refresh_ahead: Option<f64>,
    /// The refresh point is drawn evenly from `refresh_ahead` ± this share of the ttl.
    pub refresh_jitter: f64,
    /// What a `kid` that the set lacks may cause.
    pub unknown_kid: UnknownKid,
    /// How long past its ttl a set is served while fetches fail.
    pub stale_if_error: Duration,
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
    /// One fetch, within a budget of attempts per sliding window.
    Refetch {
        /// Attempts allowed in a window.
        budget: u32,
        /// The window; also how long a completed fetch is grounds to call a kid unknown.
        window: Duration,
    },
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
            refresh_ahead: Some(0.8),
            refresh_jitter: 0.1,
            unknown_kid: UnknownKid::Refetch { budget: 1, window: seconds(10) },
            stale_if_error: seconds(3600),
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
    /// How long a completed fetch is grounds to call a kid unknown.
    pub fn unknown_kid_window(&self) -> Duration {
        match self.unknown_kid {
            UnknownKid::Refuse => self.ttl,
            UnknownKid::Refetch { window, .. } => window,
        }
    }
}
