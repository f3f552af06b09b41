//! A service-level objective on response times, such as `p99 < 1ms`. Knows no measurement.

use std::fmt;
use std::time::Duration;

/// The grammar of an objective, for messages.
const FORM: &str = "write it like 'p99 < 1ms': a percentile from p50 to p99.99, `<` or `<=`, and \
                    a time";

/// The grammar of a time, for messages: that of every flag and file.
const SPAN: &str = "write it like 250ms, 5s or 1h 30m";

/// A bound on one percentile of response times.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// The quantile, 0.5 to 0.9999.
    pub quantile: f64,
    /// The bound, in nanoseconds.
    pub bound_ns: u64,
    /// Whether a response time equal to the bound holds it.
    pub is_inclusive: bool,
    text: String,
}

impl Slo {
    /// Reads an objective.
    ///
    /// # Errors
    /// Describes what is wrong with the text, and the remedy.
    pub fn parse(text: &str) -> Result<Slo, String> {
        let Some((metric, bound)) = text.split_once('<') else {
            return Err(format!("`{text}` has no `<`; {FORM}"));
        };
        let is_inclusive = bound.starts_with('=');
        let metric = metric.trim();
        let digits = metric.strip_prefix('p').unwrap_or_default();
        let is_plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let percent = digits.parse::<f64>().ok().filter(|_| is_plain);
        let Some(percent) = percent.filter(|percent| (50.0..=99.99).contains(percent)) else {
            return Err(format!("`{metric}` is no percentile from p50 to p99.99; {FORM}"));
        };
        let bound = bound.trim_start_matches('=').trim();
        let span = humantime::parse_duration(bound)
            .map_err(|error| format!("`{bound}` is no duration ({error}); {SPAN}; {FORM}"))?;
        if span.is_zero() || span > Duration::from_secs(60) {
            return Err(format!("`{bound}` is not above 0 and at most a minute; {FORM}"));
        }
        Ok(Slo {
            quantile: percent / 100.0,
            bound_ns: u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
            is_inclusive,
            text: text.trim().into(),
        })
    }

    /// Whether a response time at the quantile, in nanoseconds, holds the objective.
    pub fn holds(&self, ns: u64) -> bool {
        ns < self.bound_ns || self.is_inclusive && ns == self.bound_ns
    }

    /// The percentile as written, such as `p99`.
    pub fn metric(&self) -> &str {
        self.text.split('<').next().unwrap_or_default().trim()
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(f64, u64, bool), &str>, reason: &str) {
        match (Slo::parse(text), expected) {
            (Ok(slo), Ok((quantile, bound_ns, inclusive))) => {
                assert!((slo.quantile - quantile).abs() < 1e-12, "{reason}: {text}");
                assert_eq!((slo.bound_ns, slo.is_inclusive), (bound_ns, inclusive), "{reason}");
                assert_eq!(slo.to_string(), text.trim(), "{reason}");
            }
            (Err(said), Err(word)) => {
                assert!(said.contains(word), "{reason}: `{word}` is not in: {said}");
                assert!(said.contains("p99 < 1ms"), "{reason}: no remedy in: {said}");
            }
            (got, _) => panic!("{reason}: {text} gave {got:?}"),
        }
    }

    #[test]
    fn objectives_are_read_strictly() {
        check("p99 < 1ms", Ok((0.99, 1_000_000, false)), "the usual one");
        check("p99.9<=500us", Ok((0.999, 500_000, true)), "no spaces");
        check("p50 < 1s 500ms", Ok((0.5, 1_500_000_000, false)), "a time of two parts");
        check("", Err("no `<`"), "nothing");
        check("p99", Err("no `<`"), "no bound");
        check("p99 > 1ms", Err("no `<`"), "the wrong way round");
        check("p99 = 1ms", Err("no `<`"), "nothing is ever equal");
        check("99 < 1ms", Err("no percentile"), "no p");
        check("mean < 1ms", Err("no percentile"), "a mean hides the tail");
        check("max < 1ms", Err("no percentile"), "a maximum grows with time");
        check("p < 1ms", Err("no percentile"), "no number");
        check("p100 < 1ms", Err("no percentile"), "the maximum again");
        check("p49 < 1ms", Err("no percentile"), "under the median");
        check("p99.999 < 1ms", Err("no percentile"), "more than a run can tell");
        check("pNaN < 1ms", Err("no percentile"), "no number");
        check("p+99 < 1ms", Err("no percentile"), "a sign");
        check("p99 < 1", Err("no duration"), "no unit");
        check("p99 < ", Err("no duration"), "no time");
        check("p99 < -1ms", Err("no duration"), "negative");
        check("p99 < 0ms", Err("not above 0"), "zero");
        check("p99 < 2m", Err("not above 0"), "too long for a verifier");
    }

    #[test]
    fn the_bound_itself_counts_only_with_an_equal_sign() {
        let bounds = ["p99 < 1ms", "p99 <= 1ms"].map(|text| Slo::parse(text).expect("an SLO"));
        let holds = |ns: u64| bounds.clone().map(|slo| slo.holds(ns));
        assert_eq!(holds(999_999), [true, true]);
        assert_eq!(holds(1_000_000), [false, true]);
        assert_eq!(holds(1_000_001), [false, false]);
        assert_eq!(bounds[0].metric(), "p99");
    }
}
