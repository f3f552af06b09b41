//! What a client sees of an endpoint with a fault, and after how long: a pure function of the
//! setting, the seed, the request's ordinal and the client's limits. The in-process transport
//! answers with it. The mocked endpoint takes its latencies and bodies from here, and a test
//! compares its sockets with it. The module knows no socket and no clock.

use std::time::Duration;

use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};
use jwtbench_verifier::cache_policy::Timeouts;
use jwtbench_verifier::key_cache::{Fetch, FetchFailure};

/// The body of a whole response with status 200, within the client's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The published key set.
    KeySet,
    /// These bytes instead.
    Bytes(Vec<u8>),
    /// [`huge_body`] of this many bytes, which is never held whole.
    Huge(u64),
}

/// One fetch as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The time from the start of the attempt to its end.
    pub delay: Duration,
    /// The result of the attempt.
    pub reply: Result<Body, FetchFailure>,
}

/// What a client with the limits of `fetch` sees of an endpoint under `setting`, and after how
/// long.
///
/// Connecting and transmission take no time, as on loopback. `ordinal` counts the requests whose
/// head the endpoint has read, from 0; a refused connection does not count. `body_len` is the
/// length of the published key set in bytes. If a limit and an answer fall on the same instant, the
/// limit wins, and the total limit wins over the idle one: a real answer is never early.
pub fn exchange(
    setting: &EndpointSetting,
    seed: u64,
    ordinal: u64,
    body_len: usize,
    fetch: &Fetch,
) -> Exchange {
    let fault = &setting.fault;
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
        Fault::Status { status, retry_after } => {
            return ends(head, status_reply(*status, *retry_after));
        }
        Fault::HugeBody { bytes } => huge_length(*bytes),
        Fault::MalformedJson => MALFORMED.len() as u64,
        Fault::Html => HTML.len() as u64,
        Fault::EmptyKeys => EMPTY_KEYS.len() as u64,
        _ => body_len as u64,
    };
    // `Content-Length` gives the length before the first byte of the body (RFC 9110 §8.6).
    if length > fetch.max_body as u64 {
        return ends(head, Err(FetchFailure::TooLarge));
    }
    match fault {
        Fault::Truncated if length > 0 => ends(head, Err(FetchFailure::Reset)),
        Fault::SlowDrip { interval } => drip(head, *interval, length, &fetch.timeouts),
        Fault::HugeBody { .. } => ends(head, Ok(Body::Huge(length))),
        Fault::MalformedJson | Fault::Html | Fault::EmptyKeys => {
            ends(head, Ok(Body::Bytes(body(fault, &[]).unwrap_or_default())))
        }
        _ => ends(head, Ok(Body::KeySet)),
    }
}

/// The time from the whole request to the first byte of the response: drawn evenly from latency ±
/// jitter, and zero where that would be negative.
///
/// The draw is output number `ordinal` of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014) seeded with `seed`. It depends on nothing else.
pub fn latency(setting: &EndpointSetting, seed: u64, ordinal: u64) -> Duration {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    let (mean, jitter) = (i128::from(nanos(setting.latency)), i128::from(nanos(setting.jitter)));
    // A 64-bit draw times at most 2^64 - 1 choices fits into 128 bits.
    let choices = (2 * jitter + 1) as u128;
    let drawn = (u128::from(split_mix(seed, ordinal)) * choices) >> 64;
    Duration::from_nanos((mean - jitter + drawn as i128).max(0) as u64)
}

/// The bytes that follow a head with status 200. With [`Fault::Truncated`] these are fewer than the
/// head announces. `None` if the fault sends no body with status 200, and for [`Fault::HugeBody`],
/// which is never held whole (see [`huge_body`]).
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

/// The body of [`Fault::HugeBody`], piece by piece: valid JSON with one key of no known type. Its
/// length is [`huge_length`].
pub fn huge_body(bytes: u64) -> impl Iterator<Item = &'static [u8]> {
    let filler = huge_length(bytes) - (HUGE_START.len() + HUGE_END.len()) as u64;
    let piece = FILLER.len() as u64;
    let whole = (0..filler / piece).map(|_| &FILLER[..]);
    let rest = &FILLER[..(filler % piece) as usize];
    std::iter::once(HUGE_START).chain(whole).chain([rest, HUGE_END])
}

/// The length in bytes of the body of [`Fault::HugeBody`]: the length asked for, but at least that
/// of the smallest such JSON, and at most 2^60, as `Content-Length` has its limits too.
pub fn huge_length(bytes: u64) -> u64 {
    bytes.clamp((HUGE_START.len() + HUGE_END.len()) as u64, 1 << 60)
}

/// The status that the endpoint sends for the one asked for. A number that cannot be a final status
/// becomes 500 (RFC 9110 §15).
pub fn status(asked: u16) -> u16 {
    if (200..=599).contains(&asked) { asked } else { 500 }
}

/// A pause as the value of `Retry-After`: whole seconds, rounded up (RFC 9110 §10.2.3).
pub fn retry_after_value(pause: Duration) -> u64 {
    pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0))
}

/// The pause that a `Retry-After` asks for: its delay-seconds (RFC 9110 §10.2.3), an hour at most.
/// `None` for anything else, also for an HTTP-date, because a cache has no wall clock to compare it
/// with.
pub fn parse_retry_after(value: &[u8]) -> Option<Duration> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits
        .iter()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// The longest pause that is taken from a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
const MALFORMED: &[u8] = br#"{"keys":[{"kty":"RSA","kid":"cut","n":"u1SU1Lf"#;
const EMPTY_KEYS: &[u8] = br#"{"keys":[]}"#;
const HTML: &[u8] = b"<!doctype html>\n<html lang=\"en\"><head><title>Maintenance</title></head>\n\
    <body><h1>We'll be back soon</h1></body></html>\n";
const HUGE_START: &[u8] = br#"{"keys":[{"kty":""#;
const HUGE_END: &[u8] = br#""}]}"#;
static FILLER: [u8; 1 << 16] = [b'A'; 1 << 16];

/// When the next byte arrives, `gap` after the byte at `since`. The error is the limit that ends
/// the attempt before that.
fn next_byte(since: Duration, gap: Duration, limits: &Timeouts) -> Result<Duration, Exchange> {
    let comes = since.saturating_add(gap);
    let idle = since.saturating_add(limits.idle);
    if comes < idle.min(limits.total) {
        Ok(comes)
    } else if limits.total <= idle {
        Err(ends(limits.total, Err(FetchFailure::TotalTimeout)))
    } else {
        Err(ends(idle, Err(FetchFailure::IdleTimeout)))
    }
}

/// The exchange of a body of `length` bytes, one per `interval`, the first one `interval` after the
/// head.
fn drip(head: Duration, interval: Duration, length: u64, limits: &Timeouts) -> Exchange {
    if length == 0 {
        return ends(head, Ok(Body::KeySet));
    }
    if let Err(cut) = next_byte(head, interval, limits) {
        return cut;
    }
    let bytes = u32::try_from(length).unwrap_or(u32::MAX);
    let end = head.saturating_add(interval.saturating_mul(bytes));
    if end < limits.total {
        ends(end, Ok(Body::KeySet))
    } else {
        ends(limits.total, Err(FetchFailure::TotalTimeout))
    }
}

fn ends(delay: Duration, reply: Result<Body, FetchFailure>) -> Exchange {
    Exchange { delay, reply }
}

/// The client's result for a status without a key set.
fn status_reply(asked: u16, retry_after: Option<Duration>) -> Result<Body, FetchFailure> {
    match status(asked) {
        200 => Ok(Body::Bytes(Vec::new())),
        300..=399 => Err(FetchFailure::Redirect),
        status => {
            let pause = retry_after.map(|pause| Duration::from_secs(retry_after_value(pause)));
            Err(FetchFailure::Status(status, pause.map(|pause| pause.min(MAX_RETRY_AFTER))))
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

#[cfg(test)]
mod tests {
    use jwtbench_verifier::key_cache::FetchId;

    use super::*;

    const BODY_LEN: usize = 1000;

    const fn millis(span: u64) -> Duration {
        Duration::from_millis(span)
    }

    fn fetch(idle: u64, total: u64, max_body: usize) -> Fetch {
        let (connect, idle, total) = (millis(1), millis(idle), millis(total));
        let (id, timeouts) = (FetchId(0), Timeouts { connect, idle, total });
        Fetch { id, timeouts, max_body }
    }

    fn setting(latency: Duration, jitter: Duration, fault: Fault) -> EndpointSetting {
        EndpointSetting { latency, jitter, max_age: None, fault }
    }

    fn drip(interval: u64) -> Fault {
        let interval = millis(interval);
        Fault::SlowDrip { interval }
    }

    fn bytes(body: &[u8]) -> Result<Body, FetchFailure> {
        Ok(Body::Bytes(body.to_vec()))
    }

    /// One row: the fault, the latency, the limits (idle, total), and the expected delay and reply.
    /// Times are in milliseconds.
    type Row = (Fault, u64, (u64, u64), u64, Result<Body, FetchFailure>);

    fn check(rows: &[Row], max_body: usize) {
        for (fault, latency, (idle, total), delay, reply) in rows {
            let reason = format!("{fault:?} after {latency} under idle {idle}, total {total}");
            let setting = setting(millis(*latency), Duration::ZERO, fault.clone());
            let got = exchange(&setting, 1, 2, BODY_LEN, &fetch(*idle, *total, max_body));
            assert_eq!(got.delay, millis(*delay), "{reason}");
            assert_eq!(got.reply, *reply, "{reason}");
        }
    }

    #[test]
    fn faults_of_the_connection() {
        let idle = Err(FetchFailure::IdleTimeout);
        let total = Err(FetchFailure::TotalTimeout);
        let (refused, reset) = (Err(FetchFailure::Refused), Err(FetchFailure::Reset));
        let whole = || Ok(Body::KeySet);
        check(
            &[
                (Fault::None, 0, (2000, 3000), 0, whole()),
                (Fault::None, 50, (2000, 3000), 50, whole()),
                (Fault::None, 1999, (2000, 3000), 1999, whole()),
                (Fault::None, 2000, (2000, 3000), 2000, idle.clone()),
                (Fault::None, 5000, (4000, 3000), 3000, total.clone()),
                (Fault::None, 3000, (3000, 3000), 3000, total.clone()),
                (Fault::Refused, 50, (2000, 3000), 0, refused.clone()),
                (Fault::Refused, 5000, (1, 1), 0, refused),
                (Fault::Silent, 0, (2000, 3000), 2000, idle.clone()),
                (Fault::Silent, 50, (4000, 3000), 3000, total.clone()),
                (Fault::Silent, 0, (3000, 3000), 3000, total.clone()),
                (Fault::Reset, 0, (2000, 3000), 0, reset.clone()),
                (Fault::Reset, 70, (2000, 3000), 70, reset.clone()),
                (Fault::Reset, 2500, (2000, 3000), 2000, idle.clone()),
                (Fault::Truncated, 70, (2000, 3000), 70, reset),
                (Fault::Truncated, 2500, (2000, 3000), 2000, idle.clone()),
                (drip(0), 70, (2000, 3000), 70, whole()),
                (drip(1), 70, (2000, 3000), 1070, whole()),
                (drip(2), 999, (2000, 3000), 2999, whole()),
                (drip(2), 1000, (2000, 3000), 3000, total.clone()),
                (drip(100), 70, (2000, 3000), 3000, total.clone()),
                (drip(2000), 70, (2000, 3000), 2070, idle.clone()),
                (drip(2000), 1500, (2000, 3000), 3000, total.clone()),
                (drip(2), 2500, (2000, 3000), 2000, idle),
                (drip(u64::MAX), 70, (5000, 3000), 3000, total),
            ],
            BODY_LEN,
        );
    }

    #[test]
    fn faults_of_http() {
        let status =
            |status, pause: Option<u64>| Fault::Status { status, retry_after: pause.map(millis) };
        let failed = |status, seconds: Option<u64>| {
            let pause = seconds.map(Duration::from_secs);
            Err(FetchFailure::Status(status, pause))
        };
        let (ages, hour) = (Some(u64::MAX), Some(3600));
        let idle = Err(FetchFailure::IdleTimeout);
        let limits = (2000, 3000);
        check(
            &[
                (status(404, None), 5, limits, 5, failed(404, None)),
                (status(429, Some(1500)), 5, limits, 5, failed(429, Some(2))),
                (status(503, Some(2000)), 5, limits, 5, failed(503, Some(2))),
                (status(503, Some(0)), 5, limits, 5, failed(503, Some(0))),
                (status(503, ages), 5, limits, 5, failed(503, hour)),
                (status(503, Some(1)), 2000, limits, 2000, idle.clone()),
                (status(200, None), 5, limits, 5, bytes(b"")),
                (status(204, None), 5, limits, 5, failed(204, None)),
                (status(307, None), 5, limits, 5, Err(FetchFailure::Redirect)),
                (status(100, None), 5, limits, 5, failed(500, None)),
                (status(u16::MAX, None), 5, limits, 5, failed(500, None)),
                (Fault::Redirect, 5, limits, 5, Err(FetchFailure::Redirect)),
                (Fault::Redirect, 2000, limits, 2000, idle.clone()),
                (Fault::MalformedJson, 5, limits, 5, bytes(MALFORMED)),
                (Fault::Html, 5, limits, 5, bytes(HTML)),
                (Fault::EmptyKeys, 5, limits, 5, bytes(EMPTY_KEYS)),
                (Fault::EmptyKeys, 2000, limits, 2000, idle),
            ],
            BODY_LEN,
        );
    }

    #[test]
    fn bodies_over_the_limit() {
        let large = || Err(FetchFailure::TooLarge);
        let idle = Err(FetchFailure::IdleTimeout);
        let huge = |bytes| Fault::HugeBody { bytes };
        let limits = (2000, 3000);
        let just = [HUGE_START, &[b'A'; BODY_LEN - 1 - 21], HUGE_END].concat();
        assert_eq!(huge_body(BODY_LEN as u64 - 1).collect::<Vec<_>>().concat(), just);
        check(
            &[
                (Fault::None, 5, limits, 5, large()),
                (Fault::Truncated, 5, limits, 5, large()),
                (drip(100), 5, limits, 5, large()),
                (huge(50 << 20), 5, limits, 5, large()),
                (huge(u64::MAX), 5, limits, 5, large()),
                (huge(BODY_LEN as u64), 5, limits, 5, large()),
                (huge(BODY_LEN as u64 - 1), 5, limits, 5, Ok(Body::Huge(BODY_LEN as u64 - 1))),
                (huge(0), 5, limits, 5, Ok(Body::Huge(21))),
                (huge(50 << 20), 2000, limits, 2000, idle),
                (Fault::Html, 5, limits, 5, bytes(HTML)),
            ],
            BODY_LEN - 1,
        );
    }

    #[test]
    fn an_empty_key_set_cannot_be_cut_short() {
        let limits = fetch(2000, 3000, BODY_LEN);
        for fault in [Fault::Truncated, drip(9000)] {
            let setting = setting(Duration::ZERO, Duration::ZERO, fault);
            let got = exchange(&setting, 1, 2, 0, &limits);
            assert_eq!((got.delay, got.reply), (Duration::ZERO, Ok(Body::KeySet)));
        }
    }

    #[test]
    fn limits_without_end() {
        let silent = setting(Duration::ZERO, Duration::ZERO, Fault::Silent);
        let (connect, idle, total) = (Duration::MAX, Duration::MAX, Duration::MAX);
        let mut never = fetch(0, 0, BODY_LEN);
        never.timeouts = Timeouts { connect, idle, total };
        let got = exchange(&silent, 1, 2, BODY_LEN, &never);
        assert_eq!(got.delay, Duration::MAX);
    }

    #[test]
    fn the_huge_body_is_json_of_the_length_announced() {
        for asked in [0, 21, 22, 1000, (1 << 16) + 21, (1 << 16) + 22, 3 << 20] {
            let body = huge_body(asked).collect::<Vec<_>>().concat();
            assert_eq!(body.len() as u64, huge_length(asked), "{asked}");
            let parsed = serde_json::from_slice::<serde_json::Value>(&body);
            assert!(parsed.is_ok(), "{asked}");
        }
        let mut pieces = huge_body(50 << 20);
        assert!(pieces.all(|piece| piece.len() <= FILLER.len()));
    }

    #[test]
    fn latency_is_spread_evenly_over_its_range_and_repeats() {
        let setting = setting(millis(50), millis(20), Fault::None);
        let draw = |ordinal| latency(&setting, 3, ordinal);
        let mut quarters = [0; 4];
        for ordinal in 0..10_000 {
            let above = draw(ordinal).checked_sub(millis(30)).expect("at least 30 ms");
            quarters[(above.as_nanos() / 10_000_001) as usize] += 1;
        }
        assert!(quarters.iter().all(|share| (2300..2700).contains(share)), "{quarters:?}");
        assert_eq!(draw(77), draw(77));
        assert_ne!(draw(77), draw(78));
        assert_ne!(latency(&setting, 4, 77), draw(77));
    }

    #[test]
    fn latency_never_falls_below_zero_nor_overflows() {
        let wide = setting(millis(1), millis(1000), Fault::None);
        let draws = (0..1000).map(|ordinal| latency(&wide, 3, ordinal));
        assert!(draws.filter(Duration::is_zero).count() > 400);
        let endless = setting(Duration::MAX, Duration::MAX, Fault::None);
        assert!((0..1000).any(|ordinal| latency(&endless, 3, ordinal) > millis(1000)));
        let fixed = setting(millis(5), Duration::ZERO, Fault::None);
        assert_eq!(latency(&fixed, 3, 9), millis(5));
    }

    /// Published vectors: the first outputs of SplitMix64 seeded with 1234567.
    #[test]
    fn split_mix_is_split_mix_64() {
        assert_eq!(split_mix(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(1_234_567, 1), 3_203_168_211_198_807_973);
        assert_eq!(split_mix(1_234_567, 2), 9_817_491_932_198_370_423);
    }

    #[test]
    fn retry_after_is_seconds_or_nothing() {
        let beyond = b"99999999999999999999999999";
        let rows: [(&[u8], Option<u64>, &str); 10] = [
            (b"0", Some(0), "at once"),
            (b"120", Some(120), "delay-seconds"),
            (b" 7 ", Some(7), "space around"),
            (b"3601", Some(3600), "more than an hour"),
            (beyond, Some(3600), "more than 64 bits"),
            (b"", None, "empty"),
            (b"-1", None, "negative"),
            (b"1.5", None, "fraction"),
            (b"Wed, 21 Oct 2015 07:28:00 GMT", None, "HTTP-date"),
            (b"\xff", None, "no text"),
        ];
        for (value, seconds, reason) in rows {
            let due = seconds.map(Duration::from_secs);
            assert_eq!(parse_retry_after(value), due, "{reason}");
        }
    }
}
