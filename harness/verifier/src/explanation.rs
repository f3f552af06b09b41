//! The explanation of a verdict for a person: the step of the contract that decided, and what was
//! compared with what. It derives the facts again, outside the hot path. It never shows a token,
//! its signature, its `sub` or its `jti`.

mod claims;
mod encoding;
mod redaction;
mod unused;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::compact::Compact;
use crate::header;
use crate::json::{self, Members, Names, Raw};
use crate::jwk::MAX_KID_BYTES;
use crate::key_set::{KeyEntry, KeySet};
use crate::policy::{ABSENT, Policy};
use crate::rejection::Rejection;
use crate::unix_time::UnixTime;
use crate::verifier::Request;

use encoding::{base64_fault, escape_fault, wrapping};
use redaction::{Redaction, is_alike, list};

pub use encoding::line_and_column;
pub use unused::{UnusedEntries, UnusedEntry};

/// The most unused entries of a key set that are listed.
const MAX_ENTRIES: usize = 2;

/// A step of the contract's order of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// The token is present and not too long.
    Length = 1,
    /// The token has three parts.
    Parts,
    /// The header can be read.
    Header,
    /// `alg` is in the allowlist.
    Algorithm,
    /// `typ` is in the list of types.
    Type,
    /// The header asks for no critical extension, as none is implemented.
    Critical,
    /// Exactly one key fits.
    Key,
    /// The signature verifies under that key.
    Signature,
    /// The claims can be read, and are for this issuer and this API.
    Claims,
    /// The token is in date.
    Times,
    /// The token is an access token, is presented by its holder, and is not revoked.
    Purpose,
    /// The token is valid for this request.
    Request,
}

impl Step {
    /// The number of the step in the contract, from 1 to 12.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name of the step, in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Step::Length => "length",
            Step::Parts => "parts",
            Step::Header => "header",
            Step::Algorithm => "algorithm",
            Step::Type => "type",
            Step::Critical => "critical",
            Step::Key => "key",
            Step::Signature => "signature",
            Step::Claims => "claims",
            Step::Times => "times",
            Step::Purpose => "purpose",
            Step::Request => "request",
        }
    }
}

/// The explanation of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The step that decided; the last one for an accepted token.
    pub step: Step,
    /// The comparison that decided, in one line.
    pub compared: String,
}

/// The inputs of a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The token. For one longer than `max-token-bytes`, its beginning is enough.
    pub token: &'a [u8],
    /// The whole length of the token in bytes.
    pub length: usize,
    /// The policy.
    pub policy: &'a Policy,
    /// The key set that was held.
    pub keys: &'a KeySet,
    /// The entries of the key set that verify no token.
    pub unused: &'a UnusedEntries,
    /// The request.
    pub request: Request<'a>,
    /// The instant of the verdict.
    pub now: UnixTime,
}

impl Explanation {
    /// Explains the verdict that a verifier gave on this evidence.
    pub fn of(verdict: Result<(), Rejection>, evidence: &Evidence<'_>) -> Explanation {
        let case = DecodedEvidence::new(evidence);
        let (step, compared) = match verdict {
            Ok(()) => (Step::Request, case.accepted()),
            Err(code) => case.refused(code),
        };
        Explanation { step, compared }
    }
}

/// The evidence, decoded as far as possible.
struct DecodedEvidence<'a> {
    evidence: &'a Evidence<'a>,
    header: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    redaction: Redaction<'a>,
}

impl<'a> DecodedEvidence<'a> {
    fn new(evidence: &'a Evidence<'a>) -> DecodedEvidence<'a> {
        let compact = Compact::split(evidence.token, evidence.policy.spec().max_token_bytes).ok();
        let decode = |part: fn(&Compact<'a>) -> &'a [u8]| {
            compact.as_ref().and_then(|compact| URL_SAFE_NO_PAD.decode(part(compact)).ok())
        };
        let payload = decode(|compact| compact.payload);
        DecodedEvidence {
            evidence,
            header: decode(|compact| compact.header),
            signature: decode(|compact| compact.signature),
            redaction: Redaction::new(evidence.token, payload.as_deref()),
            payload,
        }
    }

    fn refused(&self, code: Rejection) -> (Step, String) {
        use Rejection as R;
        match code {
            R::Missing => (Step::Length, "no token".into()),
            R::Oversized => (Step::Length, self.length()),
            R::Encrypted => (Step::Parts, self.parts()),
            R::Malformed => self.malformed(),
            R::AlgNone | R::AlgNotAllowed => (Step::Algorithm, self.algorithm(code)),
            R::TypeMismatch => self.other_kind(),
            R::CritUnsupported => (Step::Critical, self.critical()),
            R::UnknownKid | R::KeyMismatch | R::KeyAmbiguous => (Step::Key, self.key()),
            R::KeysUnavailable => (Step::Key, "the keys cannot be had now".into()),
            R::BadSignature => (Step::Signature, self.bad_signature()),
            R::ClaimMissing
            | R::ClaimInvalid
            | R::ScopeInvalid
            | R::IssuerMismatch
            | R::AudienceMismatch => (Step::Claims, self.claims(code)),
            R::Expired | R::NotYetValid | R::IssuedInFuture | R::TooOld => {
                (Step::Times, self.times(code))
            }
            R::SenderMismatch => (Step::Purpose, self.sender()),
            R::Revoked => (Step::Purpose, "jti is on the list of revoked tokens".into()),
            R::StaleAuthorization => {
                (Step::Purpose, "its authorization version is no longer in force".into())
            }
            R::StateUnavailable => (Step::Purpose, "state cannot be had now".into()),
            R::TenantMismatch | R::SubjectKind | R::ClientMismatch | R::ScopeInsufficient => {
                (Step::Request, self.request(code))
            }
        }
    }

    fn length(&self) -> String {
        let limit = self.evidence.policy.spec().max_token_bytes;
        format!("{} bytes > max-token-bytes {limit}", self.evidence.length)
    }

    fn parts(&self) -> String {
        let dots = self.evidence.token.iter().filter(|byte| **byte == b'.').count();
        let kind = if dots == 4 { " (a JWE)" } else { "" };
        format!("parts: {}{kind}; a JWS has 3{}", dots + 1, wrapping(self.evidence.token))
    }

    fn malformed(&self) -> (Step, String) {
        let limit = self.evidence.policy.spec().max_token_bytes;
        if Compact::split(self.evidence.token, limit).is_err() {
            return (Step::Parts, self.parts());
        }
        if let Some(fault) = self.header_fault() {
            return (Step::Header, fault);
        }
        if self.signature.is_none() {
            return (Step::Signature, self.encoding("signature", |compact| compact.signature));
        }
        let compared = match &self.payload {
            None => self.encoding("payload", |compact| compact.payload),
            Some(payload) => json_fault("the payload", payload, crate::claims::MAX_DEPTH),
        };
        (Step::Claims, compared)
    }

    /// The reason why a part cannot be decoded.
    fn encoding(&self, name: &str, part: fn(&Compact<'a>) -> &'a [u8]) -> String {
        let Evidence { token, policy, .. } = self.evidence;
        let compact = Compact::split(token, policy.spec().max_token_bytes).ok();
        let fault = compact.and_then(|compact| base64_fault(part(&compact)));
        let fault = fault.unwrap_or_else(|| "it cannot be decoded".into());
        format!("the {name} part is no strict base64url: {fault}{}", wrapping(token))
    }

    fn header_fault(&self) -> Option<String> {
        let Some(header) = &self.header else {
            return Some(self.encoding("header", |compact| compact.header));
        };
        let limit = self.evidence.policy.spec().max_header_bytes;
        if header.len() > limit {
            return Some(format!("a header of {} bytes > max-header-bytes {limit}", header.len()));
        }
        let members: Option<Members<'_, 5>> =
            json::read_object(header, header::MAX_DEPTH, &header::NAMES);
        let Some([alg, kid, ..]) = members else {
            return Some(json_fault("the header", header, header::MAX_DEPTH));
        };
        if alg.and_then(json::text).is_none() {
            let escape = alg.and_then(|alg| escape_fault("alg", alg.get()));
            return Some(escape.unwrap_or_else(|| "alg is absent or no string".into()));
        }
        let kid = kid.filter(|kid| json::text(*kid).is_none())?;
        Some(escape_fault("kid", kid.get()).unwrap_or_else(|| "kid is no string".into()))
    }

    /// The string value of a header member.
    fn head(&self, name: &str) -> Option<String> {
        let raw = member(self.header.as_deref()?, header::MAX_DEPTH, name)?;
        json::text(raw).map(Into::into)
    }

    /// The algorithm of the header, if it is known.
    fn known_algorithm(&self) -> Option<Algorithm> {
        Algorithm::from_name(&self.head("alg")?)
    }

    fn algorithm(&self, code: Rejection) -> String {
        let alg = self.head("alg").unwrap_or_default();
        let shown = self.redaction.show(&alg);
        if code == Rejection::AlgNone {
            return format!("alg {shown}: no token goes unsigned");
        }
        let allowed = &self.evidence.policy.spec().algorithms;
        let apart = self.redaction.told_apart(&[alg], &spellings(allowed));
        format!("alg {shown} is not among algorithms {}{apart}", names(allowed))
    }

    /// Explains why this is another kind of token: because of `typ`, or else of `token_use` or a
    /// prohibited claim.
    fn other_kind(&self) -> (Step, String) {
        let policy = self.evidence.policy;
        let types = &policy.spec().types;
        let header = self.header.as_deref().unwrap_or_default();
        let typ = member(header, header::MAX_DEPTH, "typ");
        if !header::is_type_allowed(typ, types) {
            let text = self.head("typ");
            let apart = text.as_deref().map(|text| self.type_told_apart(text));
            let apart = apart.unwrap_or_default();
            let typ = match (typ, &text) {
                (None, _) => "typ is absent, which is".into(),
                (Some(raw), None) => match escape_fault("typ", raw.get()) {
                    Some(fault) => format!("{fault}; it is"),
                    None => "typ is no string, which is".into(),
                },
                (Some(_), Some(text)) => format!("typ {} is", self.redaction.show(text)),
            };
            let is_word = |typ: &str| header::without_prefix(typ).eq_ignore_ascii_case(ABSENT);
            let is_read_so = text.as_deref().is_some_and(is_word);
            let of_none = match is_read_so && types.iter().any(|typ| typ == ABSENT) {
                true => "; there `absent` stands for a token without `typ`",
                false => "",
            };
            return (Step::Type, format!("{typ} not among types {}{apart}{of_none}", list(types)));
        }
        (Step::Purpose, self.purpose())
    }

    /// Where a `typ` first differs from a type that it looks like, in the form that it has, or in
    /// another case.
    fn type_told_apart(&self, typ: &str) -> String {
        let types = self.evidence.policy.spec().types.iter().filter(|typ| *typ != ABSENT);
        let short = |typ: &String| header::without_prefix(typ).to_owned();
        let mut forms: Vec<String> = types.map(short).collect();
        forms.extend(forms.clone().iter().map(|typ| header::with_prefix(typ)));
        match self.redaction.told_apart(&[typ], &forms) {
            apart if apart.is_empty() => {
                forms.iter_mut().for_each(|typ| typ.make_ascii_lowercase());
                self.redaction.told_apart(&[typ.to_ascii_lowercase()], &forms)
            }
            apart => apart,
        }
    }

    fn critical(&self) -> String {
        let header = self.header.as_deref().unwrap_or_default();
        let there = |name: &&str| member(header, header::MAX_DEPTH, name).is_some();
        let found: Vec<&str> = ["crit", "b64"].into_iter().filter(there).collect();
        format!("{} in the header; no extension is implemented", found.join(" and "))
    }

    fn key(&self) -> String {
        let keys = self.evidence.keys;
        let algorithm = self.known_algorithm();
        let alg = algorithm.map_or("", Algorithm::name);
        let Some(kid) = self.head("kid") else {
            if self.evidence.policy.spec().kid_required {
                return "no kid, and kid-required".into();
            }
            let count = fitting(keys.entries().iter(), algorithm);
            let all = || self.evidence.unused.all().iter().collect::<Vec<&UnusedEntry>>();
            let unused = if count == 0 { self.unused(&all()) } else { String::new() };
            return format!("no kid; different keys that fit alg {alg}: {count}{unused}");
        };
        if kid.len() > MAX_KID_BYTES {
            return format!("a kid of {} bytes > {MAX_KID_BYTES}", kid.len());
        }
        let shown = self.redaction.show(&kid);
        let own = |entry: &&KeyEntry| entry.kid.as_deref() == Some(kid.as_str());
        let entries: Vec<&KeyEntry> = keys.entries().iter().filter(own).collect();
        let unused = self.evidence.unused.under(&kid);
        if entries.is_empty() && !unused.is_empty() {
            return format!("kid {shown} is of a skipped entry{}", self.unused(&unused));
        }
        if entries.is_empty() {
            let count = keys.entries().len();
            let known = keys.entries().iter().filter_map(|entry| entry.kid.as_deref());
            // A kid of the key set may be part of the token too. That is looked for last, since a
            // key set may have many kids.
            let known = known.filter(|known| is_alike(&kid, known));
            let known: Vec<&str> = known.filter(|kid| !self.redaction.hides(kid)).take(1).collect();
            let apart = self.redaction.told_apart(&[kid], &known);
            return format!("kid {shown} is none of the key set's (entries: {count}){apart}");
        }
        match fitting(entries.iter().copied(), algorithm) {
            0 => {
                let mut own: Vec<Algorithm> = Vec::new();
                for key in entries.iter().filter_map(|entry| entry.key.as_ref()) {
                    if !own.contains(&key.jwk.algorithm) {
                        own.push(key.jwk.algorithm);
                    }
                }
                let own = match own.as_slice() {
                    [] => "that fits no token".into(),
                    own => format!("for {}", names(own)),
                };
                let unused = self.unused(&unused);
                format!("kid {shown} is of a key {own}{unused}; the token's alg is {alg}")
            }
            1 => format!("kid {shown}: the backend refuses its key"),
            count => format!("kid {shown}; different keys that fit alg {alg}: {count}"),
        }
    }

    /// The unused entries in parentheses; empty if there are none.
    fn unused(&self, entries: &[&UnusedEntry]) -> String {
        let told = |entry: &&UnusedEntry| {
            let told = entry.short();
            // A text from the key set may also occur in the token.
            if self.redaction.hides(&told) { format!("entry {}", entry.place) } else { told }
        };
        let mut told: Vec<String> = entries.iter().take(MAX_ENTRIES).map(told).collect();
        if entries.len() > MAX_ENTRIES {
            told.push(format!("{} more", entries.len() - MAX_ENTRIES));
        }
        if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) }
    }

    fn bad_signature(&self) -> String {
        let kid = self.head("kid");
        let alg = self.known_algorithm();
        let key = alg.and_then(|alg| self.evidence.keys.find(kid.as_deref(), alg).ok());
        let due = key.map_or(0, |key| key.jwk.material.signature_len());
        let length = self.signature.as_ref().map_or(0, Vec::len);
        let alg = alg.map_or("", Algorithm::name);
        let kid = kid.map_or("none".into(), |kid| self.redaction.show(&kid));
        if length != due {
            return format!("a signature of {length} bytes; {alg} under kid {kid} has {due}");
        }
        format!("the signature does not verify: {alg} under kid {kid}")
    }
}

/// The number of different keys that fit.
fn fitting<'k>(entries: impl Iterator<Item = &'k KeyEntry>, algorithm: Option<Algorithm>) -> usize {
    let keys = entries.filter_map(|entry| entry.key.as_ref());
    let fits = keys.filter(|key| Some(key.jwk.algorithm) == algorithm);
    let mut slots: Vec<_> = fits.map(|key| key.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    slots.len()
}

fn names(algorithms: &[Algorithm]) -> String {
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    names.join(", ")
}

/// Every way in which `alg` may name these algorithms.
fn spellings(algorithms: &[Algorithm]) -> Vec<&'static str> {
    let names = algorithms.iter().map(|algorithm| algorithm.name());
    names.chain(algorithms.contains(&Algorithm::EdDSA).then_some("Ed25519")).collect()
}

/// One member of a JSON object.
fn member<'j>(json: &'j [u8], max_depth: usize, name: &str) -> Option<Raw<'j>> {
    let [member] = json::read_object(json, max_depth, &Names::new([name]))?;
    member
}

fn is_json(json: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok()
}

/// The fault of a JSON text whose members cannot be read.
fn json_fault(what: &str, json: &[u8], max_depth: usize) -> String {
    use std::collections::BTreeMap;
    type Anything = BTreeMap<String, serde::de::IgnoredAny>;
    if std::str::from_utf8(json).is_err() {
        return format!("{what} is no UTF-8");
    }
    if !json::is_within_depth(json, max_depth) {
        return format!("{what} nests deeper than {max_depth} levels");
    }
    match serde_json::from_slice::<Anything>(json) {
        Ok(_) => format!("{what} holds a member twice that is read"),
        // An object, then, that is whole but for the name of a member.
        Err(_) if is_json(json) && json.trim_ascii_start().starts_with(b"{") => {
            format!("the name of a member of {what} holds an escape that is no Unicode character")
        }
        Err(_) => format!("{what} is no JSON object"),
    }
}
