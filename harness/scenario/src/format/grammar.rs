//! The grammar of rates and durations, the same for every flag, file and objective. This module
//! knows no key and no flag.

use std::time::Duration;

/// The highest rate allowed, per second.
pub const MAX_RATE: f64 = 10e6;
/// The suffixes of a rate, and the factor of each.
const SCALES: [(&str, f64); 3] = [("k", 1e3), ("M", 1e6), ("", 1.0)];

/// Reads a duration such as `250ms`, `5s` or `1h 30m`.
///
/// # Errors
/// What is wrong with it, and the remedy.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| {
        format!("`{text}` is no duration ({error}); write it like 250ms, 5s or 1h 30m")
    })
}

/// Reads a rate per second such as `5000`, `200k` or `1.5M`.
///
/// # Errors
/// What is wrong with it, and the remedy.
pub fn rate(text: &str) -> Result<f64, String> {
    let found = SCALES.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
    let number = found.and_then(|(digits, scale)| {
        let is_plain = digits.starts_with(|c: char| c.is_ascii_digit());
        Some(digits.parse::<f64>().ok().filter(|_| is_plain)? * scale)
    });
    number.filter(|rate| *rate > 0.0 && *rate <= MAX_RATE).ok_or_else(|| {
        format!(
            "`{text}` is no rate per second above 0 and at most 10M; write it like 5000, 200k or \
             1.5M"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_digits_and_a_scale() {
        let rows = [
            ("5000", Some(5000.0), "plain"),
            ("0.5", Some(0.5), "less than one a second"),
            ("200k", Some(200_000.0), "thousands"),
            ("1.5M", Some(1_500_000.0), "millions"),
            ("10M", Some(10e6), "the highest"),
            ("10.1M", None, "above it"),
            ("0", None, "none at all"),
            ("0k", None, "none at all"),
            ("-5", None, "a sign"),
            ("+5", None, "a sign"),
            ("5K", None, "no such scale"),
            ("5m", None, "a small letter is no million"),
            ("5 k", None, "a space"),
            ("5kk", None, "twice"),
            ("k", None, "no digits"),
            ("", None, "nothing"),
            (".5k", None, "no digit in front"),
            ("inf", None, "no number"),
            ("NaN", None, "no number"),
            ("70%", None, "a share is none"),
        ];
        for (text, expected, why) in rows {
            let got = rate(text);
            assert_eq!(got.clone().ok(), expected, "{why}: {text}");
            let has_remedy = got.err().is_none_or(|message| message.contains("like 5000, 200k"));
            assert!(has_remedy, "{why}: {text}");
        }
    }

    #[test]
    fn a_duration_has_units() {
        let rows = [
            ("250ms", Some(Duration::from_millis(250)), "one"),
            ("1h 30m", Some(Duration::from_secs(5400)), "two, apart"),
            ("1h30m", Some(Duration::from_secs(5400)), "two, together"),
            ("0s", Some(Duration::ZERO), "none is a duration; some keys refuse it"),
            ("5", None, "no unit"),
            ("5x", None, "no such unit"),
            ("-5s", None, "a sign"),
            ("", None, "nothing"),
            ("200k", None, "a rate is none"),
        ];
        for (text, expected, why) in rows {
            let got = duration(text);
            assert_eq!(got.clone().ok(), expected, "{why}: {text}");
            let has_remedy = got.err().is_none_or(|message| message.contains("like 250ms, 5s"));
            assert!(has_remedy, "{why}: {text}");
        }
    }
}
