//! `--sweep KEY=LOW..HIGH`: a cache policy at many values of one key.

use std::str::FromStr;
use std::time::Duration;

use crate::scenario::cache::{CacheSpec, parse_policy};

/// Values of one key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sweep {
    key: String,
    values: Vec<Value>,
}

/// A value as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Span(Duration),
    Count(u64),
    Share(f64),
}

/// What a key takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Span,
    Count,
    Share,
}

/// The keys that take a range.
const KEYS: [(&str, Kind); 19] = [
    ("ttl", Kind::Span),
    ("refresh-ahead", Kind::Share),
    ("refresh-jitter", Kind::Share),
    ("unknown-kid-budget", Kind::Count),
    ("unknown-kid-window", Kind::Span),
    ("unknown-kid-exceeded", Kind::Span),
    ("unknown-kid-grounds", Kind::Span),
    ("stale-if-error", Kind::Span),
    ("per-kid", Kind::Count),
    ("connect-timeout", Kind::Span),
    ("idle-timeout", Kind::Span),
    ("total-timeout", Kind::Span),
    ("retries", Kind::Count),
    ("retry-delay", Kind::Span),
    ("backoff-min", Kind::Span),
    ("backoff-max", Kind::Span),
    ("max-wait", Kind::Span),
    ("max-waits", Kind::Count),
    ("verdict-cache-entries", Kind::Count),
];
/// Values where the user names no number.
const POINTS: u32 = 8;
const MOST_POINTS: u32 = 64;
/// More policies than this take too long to look at.
const MOST_POLICIES: usize = 256;

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Sweep, String> {
        let form = || format!("`{text}` is no sweep; write KEY=LOW..HIGH, as in ttl=1m..1h");
        let (key, range) = text.split_once('=').ok_or_else(form)?;
        let known = KEYS.iter().find(|(known, _)| *known == key).ok_or_else(|| {
            let known = KEYS.map(|(known, _)| known).join(", ");
            format!("`{key}` is no key with a range; those are {known}")
        })?;
        let (low, rest) = range.split_once("..").ok_or_else(form)?;
        let (high, points) = match rest.split_once(':') {
            None => (rest, POINTS),
            Some((high, points)) => (high, points.parse().map_err(|_| form())?),
        };
        if !(2..=MOST_POINTS).contains(&points) {
            return Err(format!("{points} values of `{key}`; take 2 to {MOST_POINTS}"));
        }
        let (kind, bounds) = (known.1, [number(known, low)?, number(known, high)?]);
        let [low, high] = bounds;
        if low >= high {
            return Err(format!("`{key}` begins at or above its end; write the lower value first"));
        }
        // Spans and counts by equal factors, where that can be; shares by equal steps.
        let by_factor = kind != Kind::Share && low > 0.0;
        let at = |point: u32| {
            let share = f64::from(point) / f64::from(points - 1);
            let even =
                if by_factor { low * (high / low).powf(share) } else { low + (high - low) * share };
            match point {
                0 => exactly(kind, low),
                _ if point == points - 1 => exactly(kind, high),
                _ => value(kind, even),
            }
        };
        let mut values: Vec<Value> = (0..points).map(at).collect();
        values.dedup();
        Ok(Sweep { key: key.to_owned(), values })
    }
}

/// A bound as a number: nanoseconds, a count or a share.
fn number((key, kind): &(&str, Kind), text: &str) -> Result<f64, String> {
    let fault = |remedy: &str| format!("`{text}` is no bound of `{key}`; {remedy}");
    match kind {
        Kind::Span => humantime::parse_duration(text)
            .map(|span| span.as_nanos() as f64)
            .map_err(|_| fault("use durations such as 30s or 1h (no \"forever\")")),
        Kind::Count => text.parse::<u32>().map(f64::from).map_err(|_| fault("use whole numbers")),
        Kind::Share => text
            .parse::<f64>()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(|| fault("use shares from 0 to 1")),
    }
}

/// A bound as it was given.
fn exactly(kind: Kind, number: f64) -> Value {
    match kind {
        Kind::Span => Value::Span(Duration::from_nanos(number as u64)),
        Kind::Count => Value::Count(number as u64),
        Kind::Share => Value::Share(number),
    }
}

/// A value that reads well: three digits are enough between the bounds.
fn value(kind: Kind, number: f64) -> Value {
    let digits = |number: f64| {
        let unit = 10f64.powi(number.max(1.0).log10().floor() as i32 - 2).max(1.0);
        (number / unit).round() * unit
    };
    match kind {
        Kind::Span if number >= 1e9 => Value::Span(Duration::from_secs_f64(digits(number) / 1e9)),
        Kind::Span => Value::Span(Duration::from_nanos(digits(number) as u64)),
        Kind::Count => Value::Count(number.round() as u64),
        Kind::Share => Value::Share((number * 1000.0).round() / 1000.0),
    }
}

impl Value {
    /// As a name says it.
    fn name(self) -> String {
        match self {
            Value::Span(span) => humantime::format_duration(span).to_string().replace(' ', ""),
            Value::Count(count) => count.to_string(),
            Value::Share(share) => share.to_string(),
        }
    }

    /// As a file says it.
    fn text(self) -> String {
        match self {
            Value::Span(span) => format!("\"{}\"", humantime::format_duration(span)),
            Value::Count(count) => count.to_string(),
            Value::Share(share) => format!("{share:?}"),
        }
    }
}

/// Each policy at every value, and at every pair of values of two sweeps.
///
/// # Errors
/// If a policy cannot have a value, or there are too many.
pub(super) fn swept(specs: &[CacheSpec], sweeps: &[Sweep]) -> Result<Vec<CacheSpec>, String> {
    if let [one, other] = sweeps
        && one.key == other.key
    {
        return Err(format!("`{}` is swept twice; name another key", one.key));
    }
    let mut swept = specs.to_vec();
    for Sweep { key, values } in sweeps {
        let mut next = Vec::with_capacity(swept.len() * values.len());
        for spec in &swept {
            for value in values {
                let name = format!("{} {key}={}", spec.name, value.name());
                let text = format!("{key} = {}", value.text());
                let policy = parse_policy(&text, spec.policy.clone())
                    .map_err(|fault| format!("{name}: {fault}"))?;
                next.push(CacheSpec { name, policy, start: spec.start });
            }
        }
        swept = next;
        if swept.len() > MOST_POLICIES {
            return Err(format!(
                "{} policies to simulate; sweep fewer values (KEY=LOW..HIGH:4), at most \
                 {MOST_POLICIES} policies",
                swept.len()
            ));
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use jwtbench_verifier::cache_policy::CachePolicy;

    use super::*;
    use crate::scenario::cache::Start;

    fn names(texts: &[&str]) -> Result<Vec<String>, String> {
        let (name, policy, start) = ("own".to_owned(), CachePolicy::default(), Start::Warm);
        let sweeps: Result<Vec<Sweep>, String> = texts.iter().map(|text| text.parse()).collect();
        let specs = swept(&[CacheSpec { name, policy, start }], &sweeps?)?;
        Ok(specs.into_iter().map(|spec| spec.name).collect())
    }

    #[test]
    fn values_lie_evenly() {
        let rows: [(&[&str], &[&str], &str); 7] = [
            (
                &["ttl=1m..16m:5"],
                &["own ttl=1m", "own ttl=2m", "own ttl=4m", "own ttl=8m", "own ttl=16m"],
                "spans by a factor",
            ),
            (
                &["stale-if-error=0s..1h:3"],
                &["own stale-if-error=0s", "own stale-if-error=30m", "own stale-if-error=1h"],
                "from nothing, by steps",
            ),
            (
                &["refresh-ahead=0.5..1:3"],
                &["own refresh-ahead=0.5", "own refresh-ahead=0.75", "own refresh-ahead=1"],
                "shares by steps",
            ),
            (
                &["unknown-kid-budget=1..3:8"],
                &[
                    "own unknown-kid-budget=1",
                    "own unknown-kid-budget=2",
                    "own unknown-kid-budget=3",
                ],
                "each count once",
            ),
            (
                &["ttl=1m..2m:2", "retries=0..1:2"],
                &[
                    "own ttl=1m retries=0",
                    "own ttl=1m retries=1",
                    "own ttl=2m retries=0",
                    "own ttl=2m retries=1",
                ],
                "two keys",
            ),
            (&["max-wait=100ms..1s:2"], &["own max-wait=100ms", "own max-wait=1s"], "short ones"),
            (&["ttl=1h..12345s:2"], &["own ttl=1h", "own ttl=3h25m45s"], "bounds as given"),
        ];
        for (texts, expected, reason) in rows {
            assert_eq!(names(texts).unwrap(), expected, "{reason}");
        }
    }

    #[test]
    fn what_is_no_sweep_is_refused() {
        let rows = [
            ("ttl", "KEY=LOW..HIGH"),
            ("ttl=1m", "KEY=LOW..HIGH"),
            ("ttl=1m..1h:x", "KEY=LOW..HIGH"),
            ("speed=1..2", "no key with a range"),
            ("coalescing=1..2", "no key with a range"),
            ("ttl=1m..forever", "no \"forever\""),
            ("ttl=1..2", "durations"),
            ("ttl=1h..1m", "lower value first"),
            ("ttl=1h..1h", "lower value first"),
            ("ttl=1m..1h:1", "take 2 to 64"),
            ("ttl=1m..1h:65", "take 2 to 64"),
            ("refresh-ahead=0..2", "0 to 1"),
            ("retries=1.5..2", "whole numbers"),
            ("retries=8..12:2", "`retries` is over 10"),
        ];
        for (text, remedy) in rows {
            let said = names(&[text]).expect_err(text);
            assert!(said.contains(remedy), "{text}: {said}");
        }
        let twice = names(&["ttl=1m..2m", "ttl=1h..2h"]).expect_err("one key twice");
        assert!(twice.contains("swept twice"), "{twice}");
        let many = names(&["ttl=1m..1h:40", "max-wait=1s..1m:40"]).expect_err("1600 policies");
        assert!(many.contains("1600 policies") && many.contains("at most 256"), "{many}");
    }
}
