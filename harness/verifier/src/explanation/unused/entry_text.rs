//! One entry of a key set as it stands, and what is wrong with it in words. What is not read of it
//! may be anything, as when the set is loaded.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::algorithm::{Algorithm, KeyType};
use crate::explanation::encoding::{base64_fault, half_pair, line_and_column};
use crate::explanation::redaction::{Redaction, quote};
use crate::explanation::{names, spellings};
use crate::json::{self, Names};
use crate::jwk::{SkipKind, is_encryption};
use crate::key_check::{self, MIN_EXPONENT, ML_DSA_44_BYTES, MODULUS_BITS, MODULUS_STEP};

/// The types of key that are known.
const TYPES: [&str; 4] = ["RSA", "EC", "OKP", "AKP"];
/// The curves of `kty` EC.
const EC_CURVES: &[&str] = &["P-256", "P-384"];
/// The curves of `kty` OKP.
const OKP_CURVES: &[&str] = &["Ed25519"];
/// The members of a JWK that are read and must be text (RFC 7517 §4, RFC 7518 §6).
const TEXTS: [&str; 10] = ["kty", "kid", "alg", "use", "crv", "n", "e", "x", "y", "pub"];

/// An entry as it stands.
pub(super) struct EntryText<'a> {
    json: &'a str,
    /// The set that it is in.
    body: &'a [u8],
    /// Its members; `None` if it is no object, or one has a name that cannot be read.
    members: Option<BTreeMap<String, &'a RawValue>>,
    /// Those of [`TEXTS`] that are text.
    texts: BTreeMap<&'static str, String>,
}

impl<'a> EntryText<'a> {
    pub(super) fn new(json: &'a str, body: &'a [u8]) -> EntryText<'a> {
        let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(json).ok();
        let text = |name: &'static str| {
            let raw = members.as_ref()?.get(name)?;
            Some((name, serde_json::from_str(raw.get()).ok()?))
        };
        let texts = TEXTS.into_iter().filter_map(text).collect();
        EntryText { json, body, members, texts }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// A member as it stands, unless it is null.
    fn raw(&self, name: &str) -> Option<&'a str> {
        let raw = self.members.as_ref()?.get(name)?.get();
        (raw != "null").then_some(raw)
    }

    /// What the key may be used for, if it says.
    fn operations(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.raw("key_ops")?).ok()
    }

    fn quoted(&self, name: &str) -> String {
        quote(self.text(name).unwrap_or_default())
    }

    /// Where a text first differs from one of these that it looks like.
    fn apart(&self, name: &str, known: &[&str]) -> String {
        Redaction::default().told_apart(&[self.text(name).unwrap_or_default()], known)
    }

    /// A member decoded, or nothing.
    fn bytes(&self, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.text(name).unwrap_or_default()).unwrap_or_default()
    }

    /// Its type of key, if there is an algorithm for it, and how such keys are called.
    fn key_type(&self) -> (Option<KeyType>, &'static str) {
        match (self.text("kty"), self.text("crv")) {
            (Some("RSA"), _) => (Some(KeyType::Rsa), "RSA"),
            (Some("EC"), Some("P-256")) => (Some(KeyType::P256), "P-256"),
            (Some("EC"), Some("P-384")) => (Some(KeyType::P384), "P-384"),
            (Some("OKP"), Some("Ed25519")) => (Some(KeyType::Ed25519), "Ed25519"),
            (Some("AKP"), _) => (Some(KeyType::MlDsa44), "AKP"),
            _ => (None, "such"),
        }
    }

    /// The members that its type of key requires (RFC 7518 §6, RFC 8037 §2, RFC 9964 §3).
    fn required(&self) -> &'static [&'static str] {
        match self.text("kty") {
            Some("RSA") => &["n", "e"],
            Some("EC") => &["crv", "x", "y"],
            Some("OKP") => &["crv", "x"],
            _ => &["alg", "pub"],
        }
    }

    pub(super) fn skipped(&self, kind: SkipKind) -> String {
        let required = self.required().iter();
        match kind {
            SkipKind::NotAJwk => self.no_jwk(),
            SkipKind::UnknownKty => {
                let apart = self.apart("kty", &TYPES);
                format!("`kty` {} is none of {}{apart}", self.quoted("kty"), TYPES.join(", "))
            }
            SkipKind::UnknownCrv => self.other_curve(),
            SkipKind::UnknownAlg => self.other_algorithm(),
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

    /// A curve that is none of this `kty` (RFC 7518 §6.2.1.1, RFC 8037 §2).
    fn other_curve(&self) -> String {
        let (kind, known, others) = match self.text("kty") {
            Some("EC") => ("EC", EC_CURVES, OKP_CURVES),
            _ => ("OKP", OKP_CURVES, EC_CURVES),
        };
        let is_others = self.text("crv").is_some_and(|crv| others.contains(&crv));
        let said = if is_others { "does not belong to" } else { "is not known for" };
        let (taken, apart) = (known.join(", "), self.apart("crv", known));
        format!("`crv` {} {said} {kind} keys; taken: {taken}{apart}", self.quoted("crv"))
    }

    /// An algorithm that is none of this type of key.
    fn other_algorithm(&self) -> String {
        let (own, kind) = self.key_type();
        let is_own = |algorithm: &Algorithm| Some(algorithm.key_type()) == own;
        let taken: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(is_own).collect();
        let known = self.text("alg").and_then(Algorithm::from_name);
        let said = if known.is_some() { "does not belong to" } else { "is not known for" };
        let (taken, apart) = (names(&taken), self.apart("alg", &spellings(&taken)));
        format!("`alg` {} {said} {kind} keys; taken: {taken}{apart}", self.quoted("alg"))
    }

    fn no_jwk(&self) -> String {
        if !self.json.starts_with('{') {
            return "it is no JSON object".into();
        }
        if self.members.is_none() {
            let fault = self.escape_fault("the name of a member", self.json);
            return fault.unwrap_or_else(|| "it cannot be read".into());
        }
        let is_twice = |name: &&str| {
            let names = Names::new([*name]);
            json::read_object::<1, _, _>(self.json.as_bytes(), usize::MAX, &names).is_none()
        };
        if let Some(name) = TEXTS.iter().chain(&["key_ops"]).copied().find(is_twice) {
            return format!("`{name}` stands twice");
        }
        if self.raw("kty").is_none() {
            return "`kty` is absent".into();
        }
        let is_unread = |name: &&str| self.raw(name).is_some() && self.text(name).is_none();
        let name = TEXTS.into_iter().find(is_unread);
        let raw = self.raw(name.unwrap_or("key_ops")).unwrap_or_default();
        let escape = self.escape_fault(&format!("`{}`", name.unwrap_or("key_ops")), raw);
        escape.unwrap_or_else(|| match name {
            Some(name) => format!("`{name}` is no string"),
            None => "`key_ops` is no array of strings".into(),
        })
    }

    /// That a part of the entry cannot be read for an escape in it, and where that stands.
    fn escape_fault(&self, what: &str, part: &str) -> Option<String> {
        let (at, escape) = half_pair(part)?;
        let at = part.as_ptr().addr() + at - self.body.as_ptr().addr();
        let (line, column) = line_and_column(self.body, at);
        Some(format!(
            "{what} holds the escape `{escape}` at line {line}, column {column}, which is no \
             Unicode character"
        ))
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

    /// Why a key that can be read fits no token.
    pub(super) fn idle(&self, allowed: &[Algorithm]) -> String {
        if self.text("use").is_some_and(|purpose| purpose != "sig") {
            return format!(
                "`use` is {}, not `sig`{}",
                self.quoted("use"),
                self.apart("use", &["sig"])
            );
        }
        let alg = self.text("alg");
        if alg.is_some_and(is_encryption) {
            return format!("`alg` {} is for encryption", self.quoted("alg"));
        }
        let operations = self.operations();
        if let Some(names) = operations.filter(|names| !names.iter().any(|name| name == "verify")) {
            let apart = Redaction::default().told_apart(&names, &["verify"]);
            return format!("`key_ops` does not hold `verify`{apart}");
        }
        if alg.is_some() {
            return self.other_algorithm();
        }
        let (own, kind) = self.key_type();
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

/// The length of a big-endian integer, in bits.
fn bits(integer: &[u8]) -> usize {
    let integer = key_check::strip_leading_zeros(integer);
    let zeros = integer.first().map_or(0, |first| first.leading_zeros() as usize);
    integer.len() * 8 - zeros
}
