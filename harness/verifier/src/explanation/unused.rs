//! The entries of a key set that verify no token, for a person: each with its place, its kid and
//! the reason. The set is read again, outside the hot path, and nothing is decided here.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::algorithm::{Algorithm, KeyType};
use crate::claims::MAX_DEPTH;
use crate::json::{self, Members, Names};
use crate::jwk::{Entry, SkipKind, is_encryption};
use crate::key_check::{self, MIN_EXPONENT, ML_DSA_44_BYTES, MODULUS_BITS, MODULUS_STEP};
use crate::key_set::WireSet;

use super::encoding::base64_fault;
use super::names;
use super::redaction::quote;

/// The members of a JWK that are read and must be strings (RFC 7517 §4, RFC 7518 §6).
const TEXTS: [&str; 10] = ["kty", "kid", "alg", "use", "crv", "n", "e", "x", "y", "pub"];

/// An entry of a key set that verifies no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedEntry {
    /// The place in `keys`, from 0.
    pub place: usize,
    /// The `kid`, if it has one.
    pub kid: Option<String>,
    /// The reason why it is skipped when the set is loaded. `None` if it stays in the set but fits
    /// no token.
    pub kind: Option<SkipKind>,
    /// The fault in a few words, without control characters.
    pub reason: String,
}

/// The entries of a key set that verify no token, in the order of the set.
#[derive(Clone, Debug, Default)]
pub struct UnusedEntries {
    entries: Vec<UnusedEntry>,
    by_kid: HashMap<String, Vec<usize>>,
}

impl UnusedEntries {
    /// The unused entries of a body. `allowed` are the algorithms of the policy. A body that is not
    /// a key set has none.
    pub fn of(body: &[u8], allowed: &[Algorithm]) -> UnusedEntries {
        let keys = serde_json::from_slice::<WireSet<'_>>(body).map_or(Vec::new(), |set| set.keys);
        let unused = |(place, raw): (usize, &&serde_json::value::RawValue)| {
            UnusedEntry::of(place, raw.get(), allowed)
        };
        let entries: Vec<UnusedEntry> = keys.iter().enumerate().filter_map(unused).collect();
        let mut by_kid: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(kid) = &entry.kid {
                by_kid.entry(kid.clone()).or_default().push(index);
            }
        }
        UnusedEntries { entries, by_kid }
    }

    /// All unused entries.
    pub fn all(&self) -> &[UnusedEntry] {
        &self.entries
    }

    /// The unused entries under a kid.
    pub fn under(&self, kid: &str) -> Vec<&UnusedEntry> {
        let indices = self.by_kid.get(kid).map_or(&[][..], Vec::as_slice);
        indices.iter().map(|index| &self.entries[*index]).collect()
    }
}

impl fmt::Display for UnusedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnusedEntry { place, reason, .. } = self;
        let kid = self.kid.as_ref().map_or("no kid".into(), |kid| format!("kid {}", quote(kid)));
        match self.kind {
            Some(kind) => {
                let kind = kind.name();
                write!(f, "entry {place} of `keys` ({kid}) is skipped, {kind}: {reason}")
            }
            None => write!(f, "entry {place} of `keys` ({kid}) fits no token: {reason}"),
        }
    }
}

impl UnusedEntry {
    fn of(place: usize, json: &str, allowed: &[Algorithm]) -> Option<UnusedEntry> {
        let kind = match Entry::parse(json, allowed) {
            Ok(Entry::Fits(..)) => return None,
            Ok(Entry::NeverFits(_)) => None,
            Err(kind) => Some(kind),
        };
        let jwk = Jwk { json, members: serde_json::from_str(json).unwrap_or_default() };
        let kid = jwk.text("kid").map(str::to_owned);
        let reason = match kind {
            Some(kind) => jwk.skipped(kind),
            None => jwk.idle(allowed),
        };
        Some(UnusedEntry { place, kid, kind, reason })
    }

    /// The description without the kid, which the reader knows already.
    pub(super) fn short(&self) -> String {
        let UnusedEntry { place, reason, .. } = self;
        match self.kind {
            Some(kind) => format!("entry {place} of `keys`, {}: {reason}", kind.name()),
            None => format!("entry {place} of `keys`: {reason}"),
        }
    }
}

/// A parsed entry with its text.
struct Jwk<'a> {
    json: &'a str,
    members: Value,
}

impl Jwk<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.members[name].as_str()
    }

    fn quoted(&self, name: &str) -> String {
        quote(self.text(name).unwrap_or_default())
    }

    /// The decoded bytes of a member; empty if it cannot be decoded.
    fn bytes(&self, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.text(name).unwrap_or_default()).unwrap_or_default()
    }

    /// The members that the key type requires (RFC 7518 §6, RFC 8037 §2, RFC 9964 §3).
    fn required(&self) -> &'static [&'static str] {
        match self.text("kty") {
            Some("RSA") => &["n", "e"],
            Some("EC") => &["crv", "x", "y"],
            Some("OKP") => &["crv", "x"],
            _ => &["alg", "pub"],
        }
    }

    fn skipped(&self, kind: SkipKind) -> String {
        let required = self.required().iter();
        match kind {
            SkipKind::NotAJwk => self.no_jwk(),
            SkipKind::UnknownKty => {
                format!("`kty` {} is none of RSA, EC, OKP, AKP", self.quoted("kty"))
            }
            SkipKind::UnknownCrv => {
                format!("`crv` {} is none of P-256, P-384, Ed25519", self.quoted("crv"))
            }
            SkipKind::UnknownAlg => {
                format!("`alg` {} is none of {}", self.quoted("alg"), names(&Algorithm::ALL))
            }
            SkipKind::Symmetric => "`kty` is oct; a symmetric key is no public key".into(),
            SkipKind::MissingMember => {
                let absent = required.copied().find(|name| self.text(name).is_none());
                format!("`{}` is absent", absent.unwrap_or("kty"))
            }
            SkipKind::BadBase64 => {
                let fault = |name: &&str| {
                    let fault = base64_fault(self.text(name)?.as_bytes())?;
                    Some(format!("`{name}` is no strict base64url: {fault}"))
                };
                let mut encoded = required.filter(|name| !matches!(**name, "crv" | "alg"));
                let fault = encoded.find_map(fault);
                fault.unwrap_or_else(|| "a member is no strict base64url".into())
            }
            SkipKind::WeakKey => self.weak(),
            SkipKind::UnusualSize => {
                let bits = bits(&self.bytes("n"));
                format!("`n` has {bits} bits; a multiple of {MODULUS_STEP} is due")
            }
            SkipKind::InvalidKey => self.invalid(),
        }
    }

    fn no_jwk(&self) -> String {
        if !self.members.is_object() {
            return "it is no JSON object".into();
        }
        let one = |name: &str| -> Option<Members<'_, 1>> {
            json::read_object(self.json.as_bytes(), MAX_DEPTH, &Names::new([name]))
        };
        if let Some(name) =
            TEXTS.iter().chain(&["key_ops"]).copied().find(|name| one(name).is_none())
        {
            return format!("`{name}` stands twice");
        }
        if self.members["kty"].is_null() {
            return "`kty` is absent".into();
        }
        let is_other = |name: &&str| {
            let member = &self.members[*name];
            !member.is_null() && !member.is_string()
        };
        match TEXTS.iter().copied().find(is_other) {
            Some(name) => format!("`{name}` is no string"),
            None => "`key_ops` is no array of strings".into(),
        }
    }

    fn weak(&self) -> String {
        if self.text("kty") != Some("RSA") {
            return "a point of small order, for which anybody can sign".into();
        }
        let bits = bits(&self.bytes("n"));
        if !MODULUS_BITS.contains(&bits) {
            let (least, most) = (MODULUS_BITS.start(), MODULUS_BITS.end());
            return format!("`n` has {bits} bits; {least} to {most} are taken");
        }
        let due = format!("odd and from {MIN_EXPONENT} to {} is due", u32::MAX);
        match key_check::exponent(&self.bytes("e")) {
            Some(e) => format!("`e` is {e}; {due}"),
            None => format!("`e` has over 32 bits; {due}"),
        }
    }

    fn invalid(&self) -> String {
        let lengths = |names: &[&str], due: usize| {
            let mut lengths = names.iter().map(|name| (name, self.bytes(name).len()));
            let (name, length) = lengths.find(|(_, length)| *length != due)?;
            Some(format!("`{name}` has {length} bytes; {due} are due"))
        };
        let off = || "the point is not on the curve".into();
        match (self.text("kty"), self.text("crv")) {
            (Some("RSA"), _) => "`n` is zero or even".into(),
            (Some("EC"), Some("P-384")) => lengths(&["x", "y"], 48).unwrap_or_else(off),
            (Some("EC"), _) => lengths(&["x", "y"], 32).unwrap_or_else(off),
            (Some("OKP"), _) => lengths(&["x"], 32)
                .unwrap_or_else(|| "`x` is not the one encoding of a point".into()),
            _ => lengths(&["pub"], ML_DSA_44_BYTES)
                .unwrap_or_else(|| "it encodes no public key".into()),
        }
    }

    /// The reason why a key that can be read fits no token.
    fn idle(&self, allowed: &[Algorithm]) -> String {
        if self.text("use").is_some_and(|purpose| purpose != "sig") {
            return format!("`use` is {}, not `sig`", self.quoted("use"));
        }
        let alg = self.text("alg");
        if alg.is_some_and(is_encryption) {
            return format!("`alg` {} is for encryption", self.quoted("alg"));
        }
        let verify = |operations: &Vec<Value>| operations.iter().any(|name| name == "verify");
        if self.members["key_ops"].as_array().is_some_and(|operations| !verify(operations)) {
            return "`key_ops` does not hold `verify`".into();
        }
        if alg.is_some() {
            return format!("`alg` {} is for another type of key", self.quoted("alg"));
        }
        let (own, kind) = match (self.text("kty"), self.text("crv")) {
            (Some("RSA"), _) => (Some(KeyType::Rsa), "RSA"),
            (Some("EC"), Some("P-256")) => (Some(KeyType::P256), "P-256"),
            (Some("EC"), Some("P-384")) => (Some(KeyType::P384), "P-384"),
            (Some("OKP"), Some("Ed25519")) => (Some(KeyType::Ed25519), "Ed25519"),
            _ => (None, "such a"),
        };
        let fits = |algorithm: &Algorithm| Some(algorithm.key_type()) == own;
        let fitting: Vec<Algorithm> = allowed.iter().copied().filter(fits).collect();
        if fitting.is_empty() {
            let allowed = names(allowed);
            return format!("it has no `alg`, and no algorithm of {allowed} is for {kind} keys");
        }
        format!(
            "it has no `alg`, and several allowed algorithms are for {kind} keys ({}); allow one \
             of them, or have the issuer publish `alg`",
            names(&fitting)
        )
    }
}

/// The length of a big-endian integer in bits.
fn bits(integer: &[u8]) -> usize {
    let integer = key_check::strip_leading_zeros(integer);
    let zeros = integer.first().map_or(0, |first| first.leading_zeros() as usize);
    integer.len() * 8 - zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator of P-256.
    const POINT: &str = concat!(
        r#""x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","#,
        r#""y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU""#
    );

    fn check(entry: &str, due: &str) {
        let body = format!(r#"{{"keys":[{entry}]}}"#).replace("POINT", POINT);
        let allowed = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256];
        let unused = UnusedEntries::of(body.as_bytes(), &allowed);
        let told: Vec<String> = unused.all().iter().map(UnusedEntry::short).collect();
        assert_eq!(told, [format!("entry 0 of `keys`{due}")], "{entry}");
    }

    #[test]
    fn each_entry_has_its_reason() {
        let rows = [
            ("7", ", not-a-jwk: it is no JSON object"),
            (r#"{"kid":"a"}"#, ", not-a-jwk: `kty` is absent"),
            (r#"{"kty":"RSA","e":65537}"#, ", not-a-jwk: `e` is no string"),
            (r#"{"kty":"RSA","n":"AA","n":"AA"}"#, ", not-a-jwk: `n` stands twice"),
            (
                r#"{"kty":"RSA","key_ops":"verify"}"#,
                ", not-a-jwk: `key_ops` is no array of strings",
            ),
            (r#"{"kty":"DSA"}"#, ", unknown-kty: `kty` `DSA` is none of RSA, EC, OKP, AKP"),
            (
                r#"{"kty":"EC","crv":"P-521"}"#,
                ", unknown-crv: `crv` `P-521` is none of P-256, P-384, Ed25519",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"ES256K"}"#,
                ", unknown-alg: `alg` `ES256K` is none of RS256, RS384, RS512, PS256, PS384, \
                 PS512, ES256, ES384, EdDSA, ML-DSA-44",
            ),
            (r#"{"kty":"oct"}"#, ", symmetric: `kty` is oct; a symmetric key is no public key"),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
                ", invalid-key: `x` has 1 bytes; 32 are due",
            ),
            (r#"{"kty":"EC","x":"AA","y":"AA"}"#, ", missing-member: `crv` is absent"),
            (
                r#"{"kty":"RSA","n":"AA=","e":"AQAB"}"#,
                ", bad-base64: `n` is no strict base64url: `=` as character 3; base64url has no \
                 padding",
            ),
            (r#"{"kty":"AKP","pub":"AA"}"#, ", missing-member: `alg` is absent"),
            (
                r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#,
                ", invalid-key: `pub` has 1 bytes; 1312 are due",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"use":"jwt-svid"}"#,
                ": `use` is `jwt-svid`, not `sig`",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"ECDH-ES"}"#,
                ": `alg` `ECDH-ES` is for encryption",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"key_ops":["sign"]}"#,
                ": `key_ops` does not hold `verify`",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"RS256"}"#,
                ": `alg` `RS256` is for another type of key",
            ),
        ];
        for (entry, due) in rows {
            check(entry, due);
        }
    }

    #[test]
    fn rsa_keys_are_told_by_their_figures() {
        let rsa = |bits: usize, e: &str| {
            let mut n = vec![0xa5u8; bits.div_ceil(8)];
            n[0] = 0xff >> (n.len() * 8 - bits);
            let n = URL_SAFE_NO_PAD.encode(n);
            format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)
        };
        check(&rsa(1024, "AQAB"), ", weak-key: `n` has 1024 bits; 2048 to 8192 are taken");
        check(&rsa(2048, "Aw"), ", weak-key: `e` is 3; odd and from 65537 to 4294967295 is due");
        check(&rsa(2500, "AQAB"), ", unusual-size: `n` has 2500 bits; a multiple of 64 is due");
        check(
            &rsa(2048, "AQAB"),
            ": it has no `alg`, and several allowed algorithms are for RSA keys (RS256, PS256); \
             allow one of them, or have the issuer publish `alg`",
        );
    }

    #[test]
    fn what_an_entry_says_of_itself_is_shown_between_quotes() {
        let body = br#"{"keys":[{"kty":"EC","crv":"P\u001b[31m`","kid":"a\nb"}, {"kty":"oct"}]}"#;
        let unused = UnusedEntries::of(body, &Algorithm::ALL);
        let told: Vec<String> = unused.all().iter().map(UnusedEntry::to_string).collect();
        let due = [
            "entry 0 of `keys` (kid `a\u{fffd}b`) is skipped, unknown-crv: `crv` \
             `P\u{fffd}[31m\u{fffd}` is none of P-256, P-384, Ed25519",
            "entry 1 of `keys` (no kid) is skipped, symmetric: `kty` is oct; a symmetric key is no \
             public key",
        ];
        assert_eq!(told, due);
        assert_eq!(unused.under("a\nb").len(), 1);
        assert!(unused.under("").is_empty() && UnusedEntries::of(b"<", &[]).all().is_empty());
    }
}
