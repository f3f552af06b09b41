//! What a token says is what its claims hold, however its JSON is spelt.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::unix_time::{NumericDate, UnixTime};
use proptest::prelude::*;

use crate::properties::{Court, hold};

/// Nanoseconds in a second.
const NANOS: i128 = 1_000_000_000;

/// A time as a token has it: seconds, and billionths where they are written.
type Time = (i64, Option<u32>);

/// What a token says.
#[derive(Clone, Debug)]
struct Said {
    subject: String,
    jwt_id: String,
    client: String,
    tenant: String,
    subject_kind: Option<String>,
    confirmed: Option<String>,
    issued: Time,
    begins: Option<Time>,
    /// Seconds from the latest of the two until it expires.
    life: i64,
    audience: Vec<String>,
    scopes: Vec<String>,
}

fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..12).prop_map(String::from_iter)
}

fn time() -> impl Strategy<Value = Time> {
    (0..200_000_000_000_i64, prop::option::of(0..1_000_000_000_u32))
}

fn said() -> impl Strategy<Value = Said> {
    let names = (word(), word(), word(), word());
    let options = (prop::option::of(word()), prop::option::of(word()));
    let times = (time(), prop::option::of(time()), 1..1_000_000_i64);
    let scope = prop_oneof!["[!#-\\[\\]-~]{1,12}", Just("invoice:read".to_owned())];
    let lists = (prop::collection::vec(word(), 0..3), prop::collection::vec(scope, 0..4));
    (names, options, times, lists).prop_map(|(names, options, times, (audience, scopes))| {
        let (subject, jwt_id, client, tenant) = names;
        let (subject_kind, confirmed) = options;
        let (issued, begins, life) = times;
        Said {
            subject,
            jwt_id,
            client,
            tenant,
            subject_kind,
            confirmed,
            issued,
            begins,
            life,
            audience,
            scopes,
        }
    })
}

/// A JSON string, plain or with every character escaped.
fn quoted(text: &str, escaped: bool) -> String {
    if !escaped {
        return serde_json::to_string(text).expect("a string");
    }
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
    format!("\"{}\"", units.collect::<String>())
}

fn number((seconds, nanos): Time) -> String {
    nanos.map_or(seconds.to_string(), |nanos| format!("{seconds}.{nanos:09}"))
}

fn unix_time((seconds, nanos): Time) -> UnixTime {
    UnixTime(i128::from(seconds) * NANOS + i128::from(nanos.unwrap_or(0)))
}

impl Said {
    fn expires(&self) -> Time {
        let begins = self.begins.map_or(0, |(seconds, _)| seconds);
        (self.issued.0.max(begins) + self.life, None)
    }

    /// Its members, and one that nobody reads.
    fn members(&self, escaped: bool) -> Vec<String> {
        let text = |text: &str| quoted(text, escaped);
        let mut audience: Vec<String> = self.audience.iter().map(|name| text(name)).collect();
        audience.push(text("billing-api"));
        let mut members = vec![
            (text("iss"), text("https://issuer.example/realms/acme")),
            (text("sub"), text(&self.subject)),
            (text("jti"), text(&self.jwt_id)),
            (text("client_id"), text(&self.client)),
            (text("tenant_id"), text(&self.tenant)),
            (text("aud"), format!("[{}]", audience.join(","))),
            (text("iat"), number(self.issued)),
            (text("exp"), number(self.expires())),
            (text("other"), format!("[{{}},{}]", text(&self.client))),
        ];
        if !self.scopes.is_empty() {
            members.push((text("scope"), text(&self.scopes.join(" "))));
        }
        members.extend(self.begins.map(|begins| (text("nbf"), number(begins))));
        members.extend(self.subject_kind.as_ref().map(|kind| (text("sub_type"), text(kind))));
        let jkt = |key: &String| format!("{{{}:{}}}", text("jkt"), text(key));
        members.extend(self.confirmed.as_ref().map(|key| (text("cnf"), jkt(key))));
        members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect()
    }

    fn check(&self, claims: &Claims<'_>) {
        assert_eq!(claims.subject, self.subject);
        assert_eq!(claims.jwt_id.as_deref(), Some(&self.jwt_id[..]));
        assert_eq!(claims.client.as_deref(), Some(&self.client[..]));
        assert_eq!(claims.tenant.as_deref(), Some(&self.tenant[..]));
        assert_eq!(claims.subject_kind, None, "all kinds are served, so it is not read");
        assert_eq!(claims.expires, unix_time(self.expires()));
        assert_eq!(claims.issued_at, Some(unix_time(self.issued)));
        assert_eq!(claims.not_before, self.begins.map(unix_time));
        assert_eq!(claims.has_scopes, self.scopes.iter().any(|scope| scope == "invoice:read"));
        let jkt = claims.confirmation.as_ref().and_then(|cnf| cnf.jkt.as_deref());
        assert_eq!(jkt, self.confirmed.as_deref());
        assert_eq!((claims.token_use.as_deref(), claims.is_other_kind), (None, false));
    }
}

#[test]
fn what_a_token_says_is_what_its_claims_hold() {
    let court = Court::of(Algorithm::EdDSA);
    let spelt = (said(), any::<bool>()).prop_flat_map(|(said, escaped)| {
        let members = Just(said.members(escaped)).prop_shuffle();
        (Just(said), members)
    });
    hold(2000, spelt, |(said, members)| {
        let token = court.mint(format!("{{{}}}", members.join(",")).as_bytes());
        let verdicts = court.judge(&token, |proven| {
            said.check(&proven.claims);
            Ok(())
        });
        for (name, verdict) in verdicts {
            assert_eq!(verdict, Ok(()), "{name}: {members:?}");
        }
    });
}

/// A whole number of nanoseconds and digits below them, spelt with any exponent: what is read is
/// that number, and whether there was more.
#[test]
fn a_numeric_date_is_exact_however_it_is_spelt() {
    let nanos = -(1i128 << 90)..253_402_300_800 * NANOS;
    let below = prop_oneof![Just(String::new()), "[0-9]{1,40}"];
    let spelling = (nanos, below, -60..60_i64, prop::sample::select(vec!["e", "E"]));
    hold(4000, spelling, |(nanos, below, shift, letter)| {
        let digits = format!("{:0>80}{below}", nanos.unsigned_abs());
        // The point stands nine digits before the nanoseconds end; the exponent moves it back.
        let point = usize::try_from(80 - 9 + shift).unwrap_or(0).min(digits.len() - 1);
        let exponent = (80 - 9) - point as i64;
        let (integer, fraction) = digits.split_at(point);
        let integer = integer.trim_start_matches('0');
        let integer = if integer.is_empty() { "0" } else { integer };
        let sign = if nanos < 0 { "-" } else { "" };
        let text = format!("{sign}{integer}.{fraction}{letter}{exponent}");
        let is_between = below.bytes().any(|digit| digit != b'0');
        let down = nanos - i128::from(is_between && nanos < 0);
        let date = NumericDate::from_json_number(&text).expect("before the year 10000");
        let expected = (UnixTime(down), UnixTime(down + i128::from(is_between)));
        assert_eq!((date.down(), date.up()), expected, "{text}");
    });
}
