//! Instants as in claims (NumericDate, RFC 7519 §2), to the nanosecond and without a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use crate::tick::Tick;

/// An instant in nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. Arithmetic
/// saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i128);

const NANOS: i128 = 1_000_000_000;
/// The most digits of a number of nanoseconds that is kept exactly. Longer ones are more than 10^20
/// years away.
const LONGEST: i64 = 37;
/// 9999-12-31T23:59:59Z in seconds.
const LAST_SECOND: i128 = 253_402_300_799;

impl UnixTime {
    /// The instant of a number of whole seconds.
    pub const fn from_seconds(seconds: i64) -> UnixTime {
        UnixTime(seconds as i128 * NANOS)
    }

    /// The whole seconds, rounded down.
    pub fn seconds(self) -> i64 {
        let seconds = self.0.div_euclid(NANOS);
        i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX })
    }

    /// The instant of `tick` on a scenario clock that began at `self`.
    pub fn at(self, tick: Tick) -> UnixTime {
        UnixTime(self.0.saturating_add(i128::from(tick.0)))
    }
}

/// A date in a claim (NumericDate, RFC 7519 §2), not rounded. It is a whole number of nanoseconds,
/// or lies between two. No instant has a finer resolution, so every comparison with one is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumericDate {
    down: UnixTime,
    is_between: bool,
}

impl NumericDate {
    /// Parses a JSON number (RFC 8259 §6). `None` if it is not a number, exceeds the range of a
    /// double, or is beyond the year 9999. All dates more than 10^20 years ago are treated as the
    /// same.
    pub fn from_json_number(text: &str) -> Option<NumericDate> {
        let date = match text.parse::<i64>() {
            Ok(seconds) => whole(i128::from(seconds) * NANOS),
            Err(_) => Decimal::split(text)?.nanos()?,
        };
        (date.down.0 < (LAST_SECOND + 1) * NANOS).then_some(date)
    }

    /// The last nanosecond that is not after it.
    pub fn down(self) -> UnixTime {
        self.down
    }

    /// The first nanosecond that is not before it.
    pub fn up(self) -> UnixTime {
        UnixTime(self.down.0 + i128::from(self.is_between))
    }
}

fn whole(nanos: i128) -> NumericDate {
    NumericDate { down: UnixTime(nanos), is_between: false }
}

/// A written number: ± `integer`.`fraction` × 10^`exponent`.
struct Decimal<'a> {
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Splits the text of a number. `None` if it is not a number, or exceeds the range of a double.
    fn split(text: &'a str) -> Option<Decimal<'a>> {
        text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // An exponent outside the range of an i64 belongs to zero, or to a number very close to
        // zero. With other numbers it does not give a finite double.
        let least = if exponent.starts_with('-') { i64::MIN } else { 0 };
        Some(Decimal {
            is_negative,
            integer,
            fraction,
            exponent: exponent.parse().unwrap_or(least),
        })
    }

    /// The number of seconds as a date in nanoseconds.
    fn nanos(&self) -> Option<NumericDate> {
        let digits = || self.integer.bytes().chain(self.fraction.bytes());
        if !digits().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let zeros = digits().take_while(|digit| *digit == b'0').count();
        let significant = || digits().skip(zeros);
        // The number of significant digits before the point, once it is a number of nanoseconds.
        let before = (self.integer.len() as i64 - zeros as i64)
            .saturating_add(self.exponent)
            .saturating_add(9);
        if significant().next().is_none() {
            return Some(whole(0));
        }
        if before > LONGEST {
            return self.is_negative.then_some(whole(i128::MIN / 2));
        }
        let before = usize::try_from(before).unwrap_or(0);
        let kept = significant().chain(std::iter::repeat(b'0')).take(before);
        let nanos = kept.fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let is_between = significant().skip(before).any(|digit| digit != b'0');
        Some(match self.is_negative {
            true => NumericDate { down: UnixTime(-nanos - i128::from(is_between)), is_between },
            false => NumericDate { down: UnixTime(nanos), is_between },
        })
    }
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

    /// The date that is read: the nanosecond before it, and whether it lies between that one and
    /// the next.
    fn read(text: &str) -> Option<(i128, bool)> {
        let date = NumericDate::from_json_number(text)?;
        let (down, up) = (date.down().0, date.up().0);
        Some((down, up == down + 1))
    }

    #[test]
    fn reads_every_form_of_a_json_number() {
        let cases = [
            ("1700000000", Some(1_700_000_000_000_000_000), "integer"),
            ("1700000000.5", Some(1_700_000_000_500_000_000), "fraction kept"),
            ("-1.25", Some(-1_250_000_000), "negative fraction"),
            ("-0.5", Some(-500_000_000), "negative fraction of zero"),
            ("-0", Some(0), "zero with a sign"),
            ("0.000e-999999999999999999999", Some(0), "zero with any exponent"),
            ("0e99999999999999999999", Some(0), "also a large one"),
            ("1.7e9", Some(1_700_000_000_000_000_000), "exponent"),
            ("1.767225899123456789E+9", Some(1_767_225_899_123_456_789), "to the last digit"),
            ("17672258991234567.89e-7", Some(1_767_225_899_123_456_789), "a negative exponent"),
            ("1767225899.123456789000", Some(1_767_225_899_123_456_789), "zeros behind it"),
            ("253402300799", Some(253_402_300_799_000_000_000), "last second of 9999"),
            ("253402300799.999999999", Some(253_402_300_799_999_999_999), "and nanosecond"),
            ("253402300800", None, "year 10000"),
            ("253402300800.0000000001", None, "just after it begins"),
            ("9223372036854775807", None, "i64::MAX"),
            ("9223372036854775808", None, "beyond i64"),
            ("1e400", None, "not finite"),
            ("-1e400", None, "nor this"),
            ("1e300", None, "finite, and far beyond"),
            ("-9223372036854775809", Some(-9_223_372_036_854_775_809 * NANOS), "below an i64"),
            ("-1e300", Some(i128::MIN / 2), "far past saturates"),
            ("nan", None, "no number"),
            ("infinity", None, "no number"),
            ("", None, "nothing"),
        ];
        for (text, nanos, reason) in cases {
            assert_eq!(read(text), nanos.map(|nanos| (nanos, false)), "{reason}: {text}");
        }
        assert_eq!(read(&"9".repeat(400)), None, "no double");
        assert_eq!(read(&format!("-{}", "9".repeat(400))), None, "nor this");
    }

    #[test]
    fn keeps_that_a_date_lies_between_two_nanoseconds() {
        let cases = [
            ("1700000000.0000000019", 1_700_000_000_000_000_001, "ten digits"),
            ("253402300799.99999999999", 253_402_300_799_999_999_999, "the very end of 9999"),
            ("-1.0000000001", -1_000_000_001, "before 1970, down is further away"),
            ("1e-300", 0, "next to 1970"),
            ("-1e-300", -1, "and just before"),
            ("1e-99999999999999999999", 0, "an exponent beyond an i64"),
        ];
        for (text, down, reason) in cases {
            assert_eq!(read(text), Some((down, true)), "{reason}: {text}");
        }
    }
}
