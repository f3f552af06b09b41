//! The entries of a key set that verify no token, for a person: each with its place, its kid and
//! the reason. This is outside the hot path, and nothing is decided here.

mod entry_text;

use std::collections::HashMap;
use std::fmt;

use crate::algorithm::Algorithm;
use crate::jwk::{Entry, SkipKind};
use crate::key_set::{ParsedSet, SetFault};

use super::redaction::quote;
use entry_text::EntryText;

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
        UnusedEntries::beside(body, allowed).1
    }

    /// The same beside what [`ParsedSet::parse`] gives, for one reading of the body: to check the
    /// points of many keys takes seconds.
    pub fn beside(
        body: &[u8],
        allowed: &[Algorithm],
    ) -> (Result<ParsedSet, SetFault>, UnusedEntries) {
        let (mut entries, mut place) = (Vec::new(), 0);
        let set = ParsedSet::read_each(body, allowed, |json, entry| {
            entries.extend(UnusedEntry::of((place, json, entry), body, allowed));
            place += 1;
        });
        (set.and_then(|set| set.usable(allowed)), UnusedEntries::by_kid(entries))
    }

    fn by_kid(entries: Vec<UnusedEntry>) -> UnusedEntries {
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
        let kid = match &self.kid {
            Some(kid) => format!(" (kid {})", quote(kid)),
            // It may have one that cannot be read.
            None if self.kind == Some(SkipKind::NotAJwk) => String::new(),
            None => " (no kid)".into(),
        };
        match self.kind {
            Some(kind) => {
                let kind = kind.name();
                write!(f, "entry {place} of `keys`{kid} is skipped, {kind}: {reason}")
            }
            None => write!(f, "entry {place} of `keys`{kid} fits no token: {reason}"),
        }
    }
}

impl UnusedEntry {
    /// The entry at this place, unless it fits tokens.
    fn of(
        (place, json, entry): (usize, &str, &Result<Entry, SkipKind>),
        body: &[u8],
        allowed: &[Algorithm],
    ) -> Option<UnusedEntry> {
        let kind = match entry {
            Ok(Entry::Fits(..)) => return None,
            Ok(Entry::NeverFits(_)) => None,
            Err(kind) => Some(*kind),
        };
        let entry = EntryText::new(json, body);
        let kid = entry.text("kid").map(str::to_owned);
        let reason = match kind {
            Some(kind) => entry.skipped(kind),
            None => entry.idle(allowed),
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
        ];
        for (entry, due) in rows {
            check(entry, due);
        }
    }

    #[test]
    fn what_a_type_of_key_cannot_have_is_held_against_what_it_can() {
        let rows = [
            (r#"{"kty":"DSA"}"#, ", unknown-kty: `kty` `DSA` is none of RSA, EC, OKP, AKP"),
            (
                r#"{"kty":"EC","crv":"P-521"}"#,
                ", unknown-crv: `crv` `P-521` is not known for EC keys; taken: P-256, P-384",
            ),
            (
                r#"{"kty":"EC","crv":"Ed25519"}"#,
                ", unknown-crv: `crv` `Ed25519` does not belong to EC keys; taken: P-256, P-384",
            ),
            (
                r#"{"kty":"OKP","crv":"P-256"}"#,
                ", unknown-crv: `crv` `P-256` does not belong to OKP keys; taken: Ed25519",
            ),
            (
                r#"{"kty":"OKP","crv":"X25519"}"#,
                ", unknown-crv: `crv` `X25519` is not known for OKP keys; taken: Ed25519",
            ),
            (
                r#"{"kty":"AKP","alg":"ES256"}"#,
                ", unknown-alg: `alg` `ES256` does not belong to AKP keys; taken: ML-DSA-44",
            ),
            (
                r#"{"kty":"AKP","alg":"ML-DSA-65"}"#,
                ", unknown-alg: `alg` `ML-DSA-65` is not known for AKP keys; taken: ML-DSA-44",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"ES256K"}"#,
                ", unknown-alg: `alg` `ES256K` is not known for P-256 keys; taken: ES256",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"RS256"}"#,
                ": `alg` `RS256` does not belong to P-256 keys; taken: ES256",
            ),
        ];
        for (entry, due) in rows {
            check(entry, due);
        }
    }

    #[test]
    fn what_looks_alike_is_told_apart() {
        let rows = [
            (
                r#"{"kty":"\u0415C"}"#,
                ", unknown-kty: `kty` `ЕC` is none of RSA, EC, OKP, AKP; they differ from \
                 character 1 on: U+0415 and then `C` and `EC`",
            ),
            (
                r#"{"kty":"EC","crv":"\u0420-256"}"#,
                ", unknown-crv: `crv` `Р-256` is not known for EC keys; taken: P-256, P-384; they \
                 differ from character 1 on: U+0420 and then `-256` and `P-256`",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"alg":"\u0415S256"}"#,
                ", unknown-alg: `alg` `ЕS256` is not known for P-256 keys; taken: ES256; they \
                 differ from character 1 on: U+0415 and then `S256` and `ES256`",
            ),
            (
                r#"{"kty":"AKP","alg":"ML-DSA-44\u200b"}"#,
                ", unknown-alg: `alg` `ML-DSA-44\u{fffd}` is not known for AKP keys; taken: \
                 ML-DSA-44; they differ from character 10 on: U+200B and then `` and nothing",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"use":"\u0455ig"}"#,
                ": `use` is `ѕig`, not `sig`; they differ from character 1 on: U+0455 and then \
                 `ig` and `sig`",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"key_ops":["sign","v\u0435rify"]}"#,
                ": `key_ops` does not hold `verify`; they differ from character 2 on: U+0435 and \
                 then `rify` and `erify`",
            ),
        ];
        for (entry, due) in rows {
            check(entry, due);
        }
    }

    /// What is not read may hold anything: it neither hides a fault nor makes one.
    #[test]
    fn an_escape_that_is_no_character_is_told_where_it_stands() {
        let deep = format!(r#"{{"kty":"DSA","x5c":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        let rows = [
            (
                r#"{"kty":"EC","kid":"\ud800"}"#,
                ", not-a-jwk: `kid` holds the escape `\\ud800` at line 1, column 29, which is no \
                 Unicode character",
            ),
            (
                "{\"kty\":\"EC\",\n \"key_ops\":[\"\\uDC00\"]}",
                ", not-a-jwk: `key_ops` holds the escape `\\uDC00` at line 2, column 14, which is \
                 no Unicode character",
            ),
            (
                r#"{"kty":"EC","\ud800":1}"#,
                ", not-a-jwk: the name of a member holds the escape `\\ud800` at line 1, column \
                 23, which is no Unicode character",
            ),
            (
                r#"{"kty":"EC","crv":"P-256",POINT,"use":"enc","note":"\ud800","size":1e999}"#,
                ": `use` is `enc`, not `sig`",
            ),
            (&*deep, ", unknown-kty: `kty` `DSA` is none of RSA, EC, OKP, AKP"),
        ];
        for (entry, due) in rows {
            check(entry, due);
        }
        let body = br#"{"keys":[{"kty":"EC","kid":"\ud800"}]}"#;
        let told = UnusedEntries::of(body, &Algorithm::ALL).all()[0].to_string();
        assert!(told.starts_with("entry 0 of `keys` is skipped, not-a-jwk: `kid`"), "{told}");
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
             `P\u{fffd}[31m\u{fffd}` is not known for EC keys; taken: P-256, P-384",
            "entry 1 of `keys` (no kid) is skipped, symmetric: `kty` is oct; a symmetric key is no \
             public key",
        ];
        assert_eq!(told, due);
        assert_eq!(unused.under("a\nb").len(), 1);
        assert!(unused.under("").is_empty() && UnusedEntries::of(b"<", &[]).all().is_empty());
    }
}
