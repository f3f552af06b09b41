//! Sweeps, written `KEY=LOW..HIGH`: a cache policy at many values of one key. A scenario or
//! `simulate --sweep` asks for one.

use std::str::FromStr;
use std::time::Duration;

use crate::format::grammar;

/// The values of one key of a cache policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The key.
    pub key: String,
    /// The values, in ascending order.
    pub values: Vec<Value>,
}

/// A value of a swept key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A duration.
    Span(Duration),
    /// A count.
    Count(u64),
    /// A share from 0 to 1.
    Share(f64),
}

/// The type of the values that a key takes.
#[derive(Clone, Copy, PartialEq)]
enum SweptKind {
    Span,
    Count,
    Share,
}

/// The keys that can be swept.
const KEYS: [(&str, SweptKind); 19] = [
    ("ttl", SweptKind::Span),
    ("refresh-ahead", SweptKind::Share),
    ("refresh-jitter", SweptKind::Share),
    ("unknown-kid-budget", SweptKind::Count),
    ("unknown-kid-window", SweptKind::Span),
    ("unknown-kid-exceeded", SweptKind::Span),
    ("unknown-kid-grounds", SweptKind::Span),
    ("stale-if-error", SweptKind::Span),
    ("per-kid", SweptKind::Count),
    ("idle-timeout", SweptKind::Span),
    ("total-timeout", SweptKind::Span),
    ("retries", SweptKind::Count),
    ("retry-delay", SweptKind::Span),
    ("backoff-min", SweptKind::Span),
    ("backoff-max", SweptKind::Span),
    ("max-wait", SweptKind::Span),
    ("max-waits", SweptKind::Count),
    ("leeway", SweptKind::Span),
    ("verdict-cache-entries", SweptKind::Count),
];
/// The number of values if the user gives none.
const POINTS: u32 = 8;
const MOST_POINTS: u32 = 64;

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
        // Durations and counts grow by equal factors, unless the range begins at zero. Shares grow
        // by equal steps.
        let by_factor = kind != SweptKind::Share && low > 0.0;
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

/// Reads a bound as a number: nanoseconds, a count or a share.
fn number((key, kind): &(&str, SweptKind), text: &str) -> Result<f64, String> {
    let fault = |remedy: &str| format!("`{text}` is no bound of `{key}`; {remedy}");
    match kind {
        SweptKind::Span => grammar::duration(text)
            .map(|span| span.as_nanos() as f64)
            .map_err(|message| fault(&format!("{message} (no \"forever\")"))),
        SweptKind::Count => {
            text.parse::<u32>().map(f64::from).map_err(|_| fault("use whole numbers"))
        }
        SweptKind::Share => text
            .parse::<f64>()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(|| fault("use shares from 0 to 1")),
    }
}

/// The value of a bound, not rounded.
fn exactly(kind: SweptKind, number: f64) -> Value {
    match kind {
        SweptKind::Span => Value::Span(Duration::from_nanos(number as u64)),
        SweptKind::Count => Value::Count(number as u64),
        SweptKind::Share => Value::Share(number),
    }
}

/// A value between the bounds, rounded to about three digits.
fn value(kind: SweptKind, number: f64) -> Value {
    let digits = |number: f64| {
        let unit = 10f64.powi(number.max(1.0).log10().floor() as i32 - 2).max(1.0);
        (number / unit).round() * unit
    };
    match kind {
        SweptKind::Span if number >= 1e9 => {
            Value::Span(Duration::from_secs_f64(digits(number) / 1e9))
        }
        SweptKind::Span => Value::Span(Duration::from_nanos(digits(number) as u64)),
        SweptKind::Count => Value::Count(number.round() as u64),
        SweptKind::Share => Value::Share((number * 1000.0).round() / 1000.0),
    }
}

impl Value {
    /// The value in the form used in names.
    pub fn name(self) -> String {
        match self {
            Value::Span(span) => humantime::format_duration(span).to_string().replace(' ', ""),
            Value::Count(count) => count.to_string(),
            Value::Share(share) => share.to_string(),
        }
    }

    /// The value as a number: seconds, a count or a share.
    pub fn number(self) -> f64 {
        match self {
            Value::Span(span) => span.as_secs_f64(),
            Value::Count(count) => count as f64,
            Value::Share(share) => share,
        }
    }

    /// The value as it is written in a TOML file.
    pub fn text(self) -> String {
        match self {
            Value::Span(span) => format!("\"{}\"", humantime::format_duration(span)),
            Value::Count(count) => count.to_string(),
            Value::Share(share) => format!("{share:?}"),
        }
    }
}
