//! An instant as claims know it (NumericDate, RFC 7519 §2), to the nanosecond and without a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use crate::tick::Tick;

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored. Arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i128);

const NANOS: i128 = 1_000_000_000;
/// 9999-12-31T23:59:59Z in seconds.
const LAST_SECOND: i128 = 253_402_300_799;

impl UnixTime {
    /// From whole seconds.
    pub const fn from_seconds(seconds: i64) -> UnixTime {
        UnixTime(seconds as i128 * NANOS)
    }

    /// Reads a JSON number as NumericDate, fractions kept. `None` if it is no finite number or lies
    /// beyond the year 9999.
    pub fn from_json_number(text: &str) -> Option<UnixTime> {
        let nanos = match text.parse::<i64>() {
            Ok(seconds) => i128::from(seconds) * NANOS,
            Err(_) => fractional(text)?,
        };
        (nanos < (LAST_SECOND + 1) * NANOS).then_some(UnixTime(nanos))
    }

    /// Whole seconds, rounded down.
    pub fn seconds(self) -> i64 {
        let seconds = self.0.div_euclid(NANOS);
        i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX })
    }

    /// The instant that `tick` means on a scenario clock that began at `self`.
    pub fn at(self, tick: Tick) -> UnixTime {
        UnixTime(self.0.saturating_add(i128::from(tick.0)))
    }
}

/// A number with a fraction or an exponent. The whole part is kept exact where it is plain digits.
fn fractional(text: &str) -> Option<i128> {
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        // More digits than an i64: far outside any date, on one side or the other.
        return text.starts_with('-').then_some(i128::MIN / 2);
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(seconds) = whole.parse::<i64>()
    {
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanos = digits.fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let nanos = if whole.starts_with('-') { -nanos } else { nanos };
        return Some(i128::from(seconds) * NANOS + nanos);
    }
    let seconds: f64 = text.parse().ok()?;
    seconds.is_finite().then_some((seconds * 1e9) as i128)
}

impl Add<Duration> for UnixTime {
    type Output = UnixTime;

    fn add(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(span.as_nanos() as i128))
    }
}

impl Sub<Duration> for UnixTime {
    type Output = UnixTime;

    fn sub(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub(span.as_nanos() as i128))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_json_number() {
        let cases = [
            ("1700000000", Some(1_700_000_000_000_000_000), "integer"),
            ("1700000000.5", Some(1_700_000_000_500_000_000), "fraction kept"),
            ("1700000000.0000000019", Some(1_700_000_000_000_000_001), "cut below 1 ns"),
            ("-1.25", Some(-1_250_000_000), "negative fraction"),
            ("-0.5", Some(-500_000_000), "negative fraction of zero"),
            ("1.7e9", Some(1_700_000_000_000_000_000), "exponent"),
            ("253402300799", Some(253_402_300_799_000_000_000), "last second of 9999"),
            ("253402300800", None, "year 10000"),
            ("9223372036854775807", None, "i64::MAX"),
            ("9223372036854775808", None, "beyond i64"),
            ("1e400", None, "not finite"),
            ("-9223372036854775809", Some(i128::MIN / 2), "far past saturates"),
        ];
        for (text, nanos, reason) in cases {
            assert_eq!(UnixTime::from_json_number(text).map(|t| t.0), nanos, "{reason}: {text}");
        }
    }
}
