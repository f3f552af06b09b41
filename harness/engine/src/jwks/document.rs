//! A key set as it is served: the body of a response, and how long it may be kept.

use std::time::Duration;

/// A whole response with status 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The body.
    pub body: Vec<u8>,
    /// How long the body may be kept, if the response says so.
    pub max_age: Option<Duration>,
}

impl From<Vec<u8>> for Document {
    /// A body whose response says nothing about how long it may be kept.
    fn from(body: Vec<u8>) -> Document {
        Document { body, max_age: None }
    }
}

/// The value of `Cache-Control` that allows this time, in whole seconds.
pub fn cache_control(max_age: Duration) -> String {
    format!("public, max-age={}", max_age.as_secs())
}

/// How long a `Cache-Control` lets a private cache keep its response (RFC 9111 §5.2.2). The first
/// `max-age` counts; under `no-store` or `no-cache` the time is zero. `None` if the value does not
/// say, or not in whole seconds. More than 2^31 seconds count as 2^31 (RFC 9111 §1.2.2).
pub fn parse_max_age(value: &[u8]) -> Option<Duration> {
    let text = str::from_utf8(value).ok()?;
    let directives = || text.split(',').map(str::trim);
    let is = |name: &'static str| move |given: &str| given.eq_ignore_ascii_case(name);
    if directives().any(|given| is("no-store")(given) || is("no-cache")(given)) {
        return Some(Duration::ZERO);
    }
    let seconds = directives().find_map(|given| {
        let (name, value) = given.split_once('=')?;
        is("max-age")(name).then(|| value.trim_matches('"'))
    })?;
    if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let most = 1 << 31;
    Some(Duration::from_secs(seconds.parse::<u64>().unwrap_or(most).min(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_seconds_or_nothing() {
        let rows: [(&str, Option<u64>, &str); 13] = [
            ("public, max-age=3600", Some(3600), "as most issuers write it"),
            ("max-age=15, stale-while-revalidate=15", Some(15), "beside another directive"),
            ("MAX-AGE=\"60\"", Some(60), "names in any case; a quoted value"),
            ("max-age=1, max-age=2", Some(1), "the first of two"),
            ("s-maxage=60", None, "for shared caches"),
            ("no-store", Some(0), "not to be kept"),
            ("max-age=60, no-cache", Some(0), "not to be used without asking"),
            ("max-age", None, "no value"),
            ("max-age=", None, "an empty value"),
            ("max-age=-1", None, "negative"),
            ("max-age=1.5", None, "a fraction"),
            ("max-age=99999999999999999999", Some(1 << 31), "beyond all numbers"),
            ("", None, "nothing"),
        ];
        for (value, seconds, reason) in rows {
            let due = seconds.map(Duration::from_secs);
            assert_eq!(parse_max_age(value.as_bytes()), due, "{value}: {reason}");
        }
        let hour = Duration::from_secs(3600);
        assert_eq!(parse_max_age(cache_control(hour).as_bytes()), Some(hour), "there and back");
    }
}
