//! What a client sees of an endpoint with a fault, and after how long: one pure function of the
//! setting, the seed, the request's ordinal and the client's limits. The in-process transport
//! answers with it, the mocked endpoint takes its latencies and bodies from here, and a test holds
//! the sockets to it. Knows no socket and no clock.

use std::time::Duration;

use jwtbench_verifier::cache_policy::Timeouts;
use jwtbench_verifier::key_cache::{Fetch, FetchFailure};

use crate::scenario::endpoint::{EndpointSetting, Fault};

/// What came with status 200, whole and within the client's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The published key set.
    KeySet,
    /// These bytes instead.
    Bytes(Vec<u8>),
}

/// One fetch as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// From the start of the attempt to its end.
    pub delay: Duration,
    /// What came of it.
    pub reply: Result<Body, FetchFailure>,
}

/// What a client with the limits of `fetch` sees of an endpoint so set, and after how long.
///
/// Connecting and transmission take no time, as on loopback. `ordinal` counts the requests whose
/// head the endpoint has read, from 0; a refused connection uses up none. `body_len` is the length
/// of the published key set in bytes. Where a limit and an answer fall on the same instant the
/// limit wins, and the total limit over the idle one: a real answer is never early.
pub fn exchange(
    setting: &EndpointSetting,
    seed: u64,
    ordinal: u64,
    body_len: usize,
    fetch: &Fetch,
) -> Exchange {
    let fault = &setting.fault;
    let ends = |delay, reply| Exchange { delay, reply };
    let gap = match fault {
        Fault::Refused => return ends(Duration::ZERO, Err(FetchFailure::Refused)),
        Fault::Silent => Duration::MAX,
        _ => latency(setting, seed, ordinal),
    };
    let head = match next_byte(Duration::ZERO, gap, &fetch.timeouts) {
        Ok(at) => at,
        Err(cut) => return cut,
    };
    let length = match fault {
        Fault::Reset => return ends(head, Err(FetchFailure::Reset)),
        Fault::Redirect => return ends(head, Err(FetchFailure::Redirect)),
        Fault::Status {
            status,
            retry_after,
        } => {
            return ends(head, status_reply(*status, *retry_after));
        }
        Fault::HugeBody { bytes } => huge_length(*bytes),
        Fault::MalformedJson => MALFORMED.len() as u64,
        Fault::Html => HTML.len() as u64,
        Fault::EmptyKeys => EMPTY_KEYS.len() as u64,
        _ => body_len as u64,
    };
    // `Content-Length` says so before the first byte of the body (RFC 9110 §8.6).
    if length > fetch.max_body as u64 {
        return ends(head, Err(FetchFailure::TooLarge));
    }
    match fault {
        Fault::Truncated if length > 0 => ends(head, Err(FetchFailure::Reset)),
        Fault::SlowDrip { interval } => drip(head, *interval, length, &fetch.timeouts),
        Fault::HugeBody { bytes } => ends(
            head,
            Ok(Body::Bytes(huge_body(*bytes).collect::<Vec<_>>().concat())),
        ),
        Fault::MalformedJson | Fault::Html | Fault::EmptyKeys => {
            ends(head, Ok(Body::Bytes(body(fault, &[]).unwrap_or_default())))
        }
        _ => ends(head, Ok(Body::KeySet)),
    }
}

/// From the whole request to the first byte of the response: drawn evenly from latency ± jitter,
/// zero where that would be negative.
///
/// The draw is output number `ordinal` of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014) seeded with `seed`: it depends on nothing else.
pub fn latency(setting: &EndpointSetting, seed: u64, ordinal: u64) -> Duration {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    let (mean, jitter) = (
        i128::from(nanos(setting.latency)),
        i128::from(nanos(setting.jitter)),
    );
    // A 64-bit draw times at most 2^64 - 1 choices: 128 bits hold it.
    let choices = (2 * jitter + 1) as u128;
    let drawn = (u128::from(split_mix(seed, ordinal)) * choices) >> 64;
    Duration::from_nanos((mean - jitter + drawn as i128).max(0) as u64)
}

/// The bytes that follow a head with status 200: with [`Fault::Truncated`] fewer than it announces.
/// `None` where the fault sends no body with status 200, and for [`Fault::HugeBody`], which is
/// never held whole: see [`huge_body`].
pub fn body(fault: &Fault, key_set: &[u8]) -> Option<Vec<u8>> {
    match fault {
        Fault::None | Fault::SlowDrip { .. } => Some(key_set.to_vec()),
        Fault::Truncated => Some(key_set[..key_set.len() / 2].to_vec()),
        Fault::MalformedJson => Some(MALFORMED.to_vec()),
        Fault::Html => Some(HTML.to_vec()),
        Fault::EmptyKeys => Some(EMPTY_KEYS.to_vec()),
        Fault::Status { .. }
        | Fault::Refused
        | Fault::Silent
        | Fault::Reset
        | Fault::Redirect
        | Fault::HugeBody { .. } => None,
    }
}

/// The body of [`Fault::HugeBody`], piece by piece: valid JSON, one key of no known type.
/// Its length is [`huge_length`].
pub fn huge_body(bytes: u64) -> impl Iterator<Item = &'static [u8]> {
    let filler = huge_length(bytes) - (HUGE_START.len() + HUGE_END.len()) as u64;
    let piece = FILLER.len() as u64;
    let whole = (0..filler / piece).map(|_| &FILLER[..]);
    let rest = &FILLER[..(filler % piece) as usize];
    std::iter::once(HUGE_START)
        .chain(whole)
        .chain([rest, HUGE_END])
}

/// Length in bytes of the body of [`Fault::HugeBody`]: what was asked for, or as much as the
/// smallest such JSON needs.
pub fn huge_length(bytes: u64) -> u64 {
    bytes.max((HUGE_START.len() + HUGE_END.len()) as u64)
}

/// The status that the endpoint sends for the one asked: 500 for what cannot be a final status
/// (RFC 9110 §15).
pub fn status(asked: u16) -> u16 {
    if (200..=599).contains(&asked) {
        asked
    } else {
        500
    }
}

/// A pause as the value of `Retry-After`: whole seconds, rounded up (RFC 9110 §10.2.3).
pub fn retry_after_value(pause: Duration) -> u64 {
    pause
        .as_secs()
        .saturating_add(u64::from(pause.subsec_nanos() > 0))
}

/// The pause that a `Retry-After` asks for: delay-seconds (RFC 9110 §10.2.3), an hour at most.
/// `None` for anything else; an HTTP-date is ignored, since a cache has no wall clock to hold it to.
pub fn parse_retry_after(value: &[u8]) -> Option<Duration> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// The longest pause that a `Retry-After` is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
const MALFORMED: &[u8] =
    br#"{"keys":[{"kty":"RSA","kid":"cut","e":"AQAB","n":"u1SU1LfVLPHCozMxH2Mo"#;
const EMPTY_KEYS: &[u8] = br#"{"keys":[]}"#;
const HTML: &[u8] = b"<!doctype html>\n<html lang=\"en\"><head><title>Maintenance</title></head>\n\
    <body><h1>We'll be back soon</h1></body></html>\n";
const HUGE_START: &[u8] = br#"{"keys":[{"kty":""#;
const HUGE_END: &[u8] = br#""}]}"#;
static FILLER: [u8; 1 << 16] = [b'A'; 1 << 16];

/// When the byte comes that follows `gap` after the one at `since`, or the limit that ends the
/// attempt before.
fn next_byte(since: Duration, gap: Duration, limits: &Timeouts) -> Result<Duration, Exchange> {
    let comes = since.saturating_add(gap);
    let idle = since.saturating_add(limits.idle);
    if comes < idle.min(limits.total) {
        Ok(comes)
    } else if limits.total <= idle {
        Err(Exchange {
            delay: limits.total,
            reply: Err(FetchFailure::TotalTimeout),
        })
    } else {
        Err(Exchange {
            delay: idle,
            reply: Err(FetchFailure::IdleTimeout),
        })
    }
}

/// A body of `length` bytes, the first one `interval` after the head.
fn drip(head: Duration, interval: Duration, length: u64, limits: &Timeouts) -> Exchange {
    let whole = Exchange {
        delay: head,
        reply: Ok(Body::KeySet),
    };
    if length == 0 {
        return whole;
    }
    if let Err(cut) = next_byte(head, interval, limits) {
        return cut;
    }
    let bytes = u32::try_from(length).unwrap_or(u32::MAX);
    let end = head.saturating_add(interval.saturating_mul(bytes));
    if end < limits.total {
        Exchange {
            delay: end,
            ..whole
        }
    } else {
        Exchange {
            delay: limits.total,
            reply: Err(FetchFailure::TotalTimeout),
        }
    }
}

/// What a client makes of a status without a key set.
fn status_reply(asked: u16, retry_after: Option<Duration>) -> Result<Body, FetchFailure> {
    match status(asked) {
        200 => Ok(Body::Bytes(Vec::new())),
        300..=399 => Err(FetchFailure::Redirect),
        status => {
            let pause = retry_after.map(|pause| Duration::from_secs(retry_after_value(pause)));
            Err(FetchFailure::Status(
                status,
                pause.map(|pause| pause.min(MAX_RETRY_AFTER)),
            ))
        }
    }
}

/// Output number `ordinal` of SplitMix64 seeded with `seed`.
fn split_mix(seed: u64, ordinal: u64) -> u64 {
    let state = seed.wrapping_add(ordinal.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
