//! Key sets as they come from the wire and follow one another: what is skipped and counted, what
//! survives, which slot a key keeps, and what a worker has prepared at each generation.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::jwk::SkipKind;
use jwtbench_verifier::key_set::{KeySet, ParsedSet, SetFault, Slot};
use jwtbench_verifier::prepared_keys::{KeyUpdate, PreparedKeys};
use jwtbench_verifier::rejection::Rejection;

const ALLOWED: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];
const MESSAGE: &[u8] = b"header.payload";

/// The private key with this number.
fn signer(number: u64) -> ed25519_dalek::SigningKey {
    let mut seed = [3; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    ed25519_dalek::SigningKey::from_bytes(&seed)
}

fn sign(number: u64) -> Vec<u8> {
    use ed25519_dalek::Signer as _;
    signer(number).sign(MESSAGE).to_bytes().to_vec()
}

/// The key with this number under this kid.
fn jwk(number: u64, kid: &str) -> String {
    let x = URL_SAFE_NO_PAD.encode(signer(number).verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{kid}","x":"{x}"}}"#)
}

fn body(entries: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, entries.join(","))
}

fn parse(entries: &[String]) -> ParsedSet {
    ParsedSet::parse(body(entries).as_bytes(), &ALLOWED).expect("a key set")
}

/// The set of these keys (number and kid) after `old`.
fn after(old: &Arc<KeySet>, keys: &[(u64, &str)]) -> Arc<KeySet> {
    let entries: Vec<String> = keys.iter().map(|(number, kid)| jwk(*number, kid)).collect();
    old.succeed(parse(&entries))
}

fn empty() -> Arc<KeySet> {
    Arc::default()
}

fn slot(set: &KeySet, kid: &str) -> Result<Slot, Rejection> {
    set.find(Some(kid), Algorithm::EdDSA).map(|key| key.slot)
}

/// Beside two good keys, this entry is skipped as `kind`, and its kid is unknown.
fn check_skipped(entry: &str, kind: SkipKind, why: &str) {
    let set = empty().succeed(parse(&[jwk(1, "first"), entry.into(), jwk(2, "last")]));
    assert_eq!(set.skipped(), [(kind, 1)], "{why}: {entry}");
    assert!(!set.has_kid("bad"), "{why}: its kid is unknown");
    assert_eq!(slot(&set, "bad"), Err(Rejection::UnknownKid), "{why}");
    assert_eq!(set.keys().count(), 2, "{why}: the good ones survive");
    assert_eq!(slot(&set, "first"), Ok(0), "{why}");
    assert_eq!(slot(&set, "last"), Ok(1), "{why}");
}

#[test]
fn a_bad_entry_is_skipped_by_kind() {
    use SkipKind::*;
    let okp = |x: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"bad","x":"{x}"}}"#);
    let zeros = "A".repeat(43);
    let rsa = |n: &str| format!(r#"{{"kty":"RSA","kid":"bad","e":"AQAB","n":"{n}"}}"#);
    let weak = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let unusual = URL_SAFE_NO_PAD.encode([0xff; 257]);
    let rows = [
        ("7", NotAJwk, "a number"),
        ("null", NotAJwk, "null"),
        ("[]", NotAJwk, "an array"),
        ("{}", NotAJwk, "no kty"),
        (r#"{"kty":7,"kid":"bad"}"#, NotAJwk, "kty a number"),
        (r#"{"kty":"OKP","kid":7}"#, NotAJwk, "kid a number"),
        (r#"{"kty":"OKP","kty":"EC","kid":"bad"}"#, NotAJwk, "kty twice"),
        (r#"{"kty":"OKP","kid":"bad","key_ops":"verify"}"#, NotAJwk, "key_ops no array"),
        (r#"{"kty":"HSS-LMS","kid":"bad"}"#, UnknownKty, "post-quantum, of COSE"),
        (r#"{"kty":"AKP","kid":"bad"}"#, MissingMember, "RFC 9964 §3: `alg` is required"),
        (r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"bad"}"#, MissingMember, "no `pub`"),
        (r#"{"kty":"AKP","alg":"ML-DSA-65","kid":"bad","pub":"AA"}"#, UnknownAlg, "a larger one"),
        (r#"{"kty":"AKP","alg":"EdDSA","kid":"bad","pub":"AA"}"#, UnknownAlg, "not of this type"),
        (r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"bad","pub":"AA="}"#, BadBase64, "padded"),
        (r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"bad","pub":"AAAA"}"#, InvalidKey, "3 bytes"),
        (r#"{"kty":"okp","kid":"bad"}"#, UnknownKty, "case-sensitive"),
        (r#"{"kty":"OKP","crv":"Ed448","kid":"bad"}"#, UnknownCrv, "another curve"),
        (r#"{"kty":"OKP","crv":"X25519","kid":"bad"}"#, UnknownCrv, "for agreement"),
        (r#"{"kty":"EC","crv":"P-521","kid":"bad"}"#, UnknownCrv, "a larger curve"),
        (r#"{"kty":"EC","crv":"secp256k1","kid":"bad"}"#, UnknownCrv, "another curve"),
        (r#"{"kty":"EC","crv":"Ed25519","kid":"bad"}"#, UnknownCrv, "of another kty"),
        (r#"{"kty":"oct","k":"AAAA","kid":"bad"}"#, Symmetric, "no place in a public set"),
        (r#"{"kty":"OKP","kid":"bad"}"#, MissingMember, "no crv"),
        (r#"{"kty":"OKP","crv":"Ed25519","kid":"bad"}"#, MissingMember, "no x"),
        (r#"{"kty":"EC","crv":"P-256","x":"AA","kid":"bad"}"#, MissingMember, "no y"),
        (r#"{"kty":"RSA","e":"AQAB","kid":"bad"}"#, MissingMember, "no n"),
        (r#"{"kty":"RSA","n":"AQAB","kid":"bad"}"#, MissingMember, "no e"),
        (&okp("A=="), BadBase64, "padding"),
        (&okp("A+/A"), BadBase64, "the other alphabet"),
        (&okp("AB"), BadBase64, "stray bits"),
        (&okp("A A"), BadBase64, "a space"),
        (&okp(&zeros), WeakKey, "a point of small order"),
        (&rsa(&weak), WeakKey, "RSA of 1024 bits"),
        (&rsa(&unusual), UnusualSize, "RSA of 2056 bits"),
        (&okp("AAAA"), InvalidKey, "three bytes"),
        (&okp(""), InvalidKey, "no byte"),
        (&rsa("AAAA"), InvalidKey, "zero"),
        (
            &format!(r#"{{"kty":"EC","crv":"P-256","x":"{zeros}","y":"{zeros}","kid":"bad"}}"#),
            InvalidKey,
            "not on the curve",
        ),
    ];
    for (entry, kind, why) in rows {
        check_skipped(entry, kind, why);
    }
    let with_alg = jwk(9, "bad").replace("EdDSA", "XY512");
    check_skipped(&with_alg, UnknownAlg, "an algorithm nobody knows");
    let hmac = jwk(9, "bad").replace("EdDSA", "HS256");
    check_skipped(&hmac, UnknownAlg, "HMAC on a public key");
}

#[test]
fn skipped_entries_are_counted_by_kind() {
    let bad =
        ["7", r#"{"kty":"oct"}"#, r#"{"kty":"oct"}"#, "null", r#"{"kty":"?"}"#, r#"{"kty":"oct"}"#];
    let mut entries: Vec<String> = bad.map(String::from).to_vec();
    entries.push(jwk(1, "a"));
    let set = empty().succeed(parse(&entries));
    let expected = [(SkipKind::NotAJwk, 2), (SkipKind::Symmetric, 3), (SkipKind::UnknownKty, 1)];
    assert_eq!(set.skipped(), expected);
    assert_eq!(slot(&set, "a"), Ok(0), "the good one survives");
    let again = set.succeed(parse(&entries));
    assert_eq!(again.generation(), 1, "the same content");
    let fewer = set.succeed(parse(&entries[1..]));
    assert_eq!(fewer.generation(), 2, "what is skipped is part of it");
}

#[test]
fn entries_that_never_fit_stay_in_the_set() {
    let enc = jwk(1, "enc").replace(r#""kty""#, r#""use":"enc","kty""#);
    let ops = jwk(2, "ops").replace(r#""kty""#, r#""key_ops":["sign"],"kty""#);
    let other = jwk(3, "other").replace("EdDSA", "ES256");
    let set = empty().succeed(parse(&[enc, ops, other, jwk(4, "a")]));
    for kid in ["enc", "ops", "other"] {
        assert!(set.has_kid(kid), "{kid} is known");
        assert_eq!(slot(&set, kid), Err(Rejection::KeyMismatch), "{kid}");
    }
    assert_eq!(set.skipped(), [], "none is skipped");
    assert_eq!(set.entries().len(), 4);
    assert_eq!(set.keys().count(), 1);
}

#[test]
fn a_body_that_is_no_usable_set_has_failed() {
    use SetFault::*;
    let enc = jwk(1, "a").replace(r#""kty""#, r#""use":"enc","kty""#);
    let cut = body(&[jwk(1, "a")]);
    let rows = [
        ("", NotAKeySet, "nothing"),
        ("<html></html>", NotAKeySet, "HTML"),
        (&cut[..cut.len() - 1], NotAKeySet, "cut off"),
        ("[]", NotAKeySet, "an array"),
        ("{}", NotAKeySet, "no keys"),
        (r#"{"keys":null}"#, NotAKeySet, "null"),
        (r#"{"keys":{}}"#, NotAKeySet, "an object"),
        (r#"{"keys":[],"keys":[]}"#, NotAKeySet, "keys twice"),
        (r#"{"keys":[]} x"#, NotAKeySet, "garbage after it"),
        (r#"{"keys":[]}"#, Empty, "no key at all"),
        (r#"{"keys":[7]}"#, NoUsableKey, "only bad entries"),
        (&body(&[enc]), NoUsableKey, "only a key for encryption"),
    ];
    for (text, fault, why) in rows {
        let got = ParsedSet::parse(text.as_bytes(), &ALLOWED).err();
        assert_eq!(got, Some(fault), "{why}");
    }
    let own = body(&[jwk(1, "a")]);
    let got = ParsedSet::parse(own.as_bytes(), &[Algorithm::ES256]).err();
    assert_eq!(got, Some(NoUsableKey), "a key for an algorithm not allowed");
    let more = own.replace(r#"{"keys""#, r#"{"more":{},"keys""#);
    assert!(ParsedSet::parse(more.as_bytes(), &ALLOWED).is_ok(), "more members");
}

#[test]
fn the_same_content_is_the_same_generation() {
    let one = after(&empty(), &[(1, "a"), (2, "b")]);
    assert_eq!(one.generation(), 1);
    type Row<'a> = (&'a [(u64, &'a str)], u64, &'a str);
    let rows: [Row<'_>; 6] = [
        (&[(1, "a"), (2, "b")], 1, "the same"),
        (&[(2, "b"), (1, "a")], 2, "another order"),
        (&[(1, "a")], 2, "one fewer"),
        (&[(1, "a"), (2, "b"), (3, "c")], 2, "one more"),
        (&[(1, "a"), (2, "c")], 2, "another kid"),
        (&[(1, "a"), (3, "b")], 2, "another key under the kid"),
    ];
    for (keys, generation, why) in rows {
        let next = after(&one, keys);
        assert_eq!(next.generation(), generation, "{why}");
        assert_eq!(Arc::ptr_eq(&next, &one), generation == 1, "{why}");
    }
}

#[test]
fn a_key_keeps_its_slot() {
    let one = after(&empty(), &[(1, "a"), (2, "b"), (3, "c")]);
    let two = after(&one, &[(3, "c"), (4, "d"), (1, "renamed")]);
    assert_eq!(slot(&two, "c"), Ok(2), "kept, wherever it stands");
    assert_eq!(slot(&two, "renamed"), Ok(0), "kept under another kid");
    assert_eq!(slot(&two, "d"), Ok(1), "the slot that 2 left");
    assert_eq!(slot(&two, "a"), Err(Rejection::UnknownKid), "gone at once");
    assert_eq!(slot(&two, "b"), Err(Rejection::UnknownKid), "gone at once");
    let three = after(&two, &[(5, "e"), (6, "f"), (4, "d"), (4, "again")]);
    assert_eq!(slot(&three, "d"), Ok(1), "kept");
    assert_eq!(slot(&three, "again"), Ok(1), "identical keys share one");
    assert_eq!(slot(&three, "e"), Ok(0), "free slots are taken first");
    assert_eq!(slot(&three, "f"), Ok(2), "in order");
    let both = after(&empty(), &[(1, "a"), (2, "a")]);
    assert_eq!(slot(&both, "a"), Err(Rejection::KeyAmbiguous), "no slot for two");
}

#[test]
fn eviction_takes_a_kid_and_leaves_the_slots() {
    let one = after(&empty(), &[(1, "a"), (2, "b"), (3, "a")]);
    let two = one.without("a");
    assert_eq!(two.generation(), 2);
    assert!(!two.has_kid("a"), "every entry of the kid");
    assert_eq!(slot(&two, "b"), Ok(1), "the others stay where they are");
    assert_eq!(two.without("zzz").entries().len(), 1, "nothing to evict");
}

/// Whether a worker finds a key under this kid that verifies what key `number` signed.
fn check_verifies(keys: &mut PreparedKeys, kid: &str, number: u64, expected: bool, why: &str) {
    let found = keys.find(Some(kid), Algorithm::EdDSA).expect(why);
    assert_eq!(found.signature_len, 64, "{why}");
    let verified = found.verifying_key.verify(MESSAGE, &sign(number)).is_ok();
    assert_eq!(verified, expected, "{why}");
}

/// The backends that verify all of these algorithms.
fn fitting(allowed: &[Algorithm]) -> impl Iterator<Item = &'static dyn Backend> {
    let fits =
        move |found: &&'static dyn Backend| allowed.iter().all(|known| found.supports(*known));
    backend::available().into_iter().filter(fits)
}

#[test]
fn a_slot_taken_by_another_key_is_prepared_again() {
    for backend in fitting(&ALLOWED) {
        let one = after(&empty(), &[(1, "a"), (2, "b")]);
        let mut keys = PreparedKeys::prepare(backend, &ALLOWED, &one);
        check_verifies(&mut keys, "a", 1, true, "the first generation");
        // Slot 0 goes from key 1 to key 3 under the same kid: the old key must not verify.
        let two = after(&one, &[(3, "a"), (2, "b")]);
        assert_eq!(slot(&two, "a"), Ok(0), "the same slot");
        keys.adopt(KeyUpdate::prepare(backend, &ALLOWED, &one, &two));
        check_verifies(&mut keys, "a", 1, false, "the key that left its slot");
        check_verifies(&mut keys, "a", 3, true, "the key that took it");
        check_verifies(&mut keys, "b", 2, true, "the key that stayed");
        // Freed, then taken two generations later.
        let three = after(&two, &[(2, "b")]);
        let four = after(&three, &[(2, "b"), (4, "d")]);
        let updates = [
            KeyUpdate::prepare(backend, &ALLOWED, &two, &three),
            KeyUpdate::prepare(backend, &ALLOWED, &three, &four),
        ];
        let generations = updates.each_ref().map(KeyUpdate::generation);
        assert_eq!(generations, [3, 4], "updates know where they lead");
        let [to_three, to_four] = updates;
        keys.adopt(to_three);
        assert_eq!(keys.set().generation(), 3);
        let gone = keys.find(Some("a"), Algorithm::EdDSA).err();
        assert_eq!(gone, Some(Rejection::UnknownKid), "gone at once");
        keys.adopt(to_four);
        check_verifies(&mut keys, "d", 4, true, "in the slot that was free");
        check_verifies(&mut keys, "d", 3, false, "not its former tenant");
    }
}

/// A worker that adopts every update in order ends where one that starts afresh begins.
#[test]
fn updates_adopted_in_order_lead_to_the_same_keys() {
    let course: [&[(u64, &str)]; 6] = [
        &[(1, "a"), (2, "b"), (3, "c")],
        &[(3, "c"), (4, "d")],
        &[(5, "e"), (4, "d"), (1, "a")],
        &[(2, "a")],
        &[(1, "b"), (2, "a"), (3, "c"), (4, "d")],
        &[(4, "a"), (3, "b"), (2, "c"), (1, "d")],
    ];
    for backend in fitting(&ALLOWED) {
        let mut set = empty();
        let mut keys = PreparedKeys::default();
        for held in course {
            let next = after(&set, held);
            keys.adopt(KeyUpdate::prepare(backend, &ALLOWED, &set, &next));
            set = next;
            let mut afresh = PreparedKeys::prepare(backend, &ALLOWED, &set);
            for (number, kid) in held {
                for other in 1..=5 {
                    let why = format!("{kid}: {number}, signed by {other}");
                    check_verifies(&mut keys, kid, other, other == *number, &why);
                    check_verifies(&mut afresh, kid, other, other == *number, &why);
                }
            }
        }
    }
}

#[test]
fn a_key_for_an_algorithm_not_allowed_is_not_prepared() {
    let backend = backend::available()[0];
    let set = after(&empty(), &[(1, "a")]);
    let mut keys = PreparedKeys::prepare(backend, &[Algorithm::ES256], &set);
    let found = keys.find(Some("a"), Algorithm::EdDSA).err();
    assert_eq!(found, Some(Rejection::KeyMismatch));
}

#[test]
fn a_thousand_keys() {
    let kids: Vec<String> = (0..1001).map(|number| format!("kid-{number}")).collect();
    let keys: Vec<(u64, &str)> = (0..).zip(kids.iter().map(String::as_str)).collect();
    let one = after(&empty(), &keys[..1000]);
    assert_eq!(one.keys().count(), 1000);
    // The first leaves, another comes: one slot changes hands and 999 stay.
    let two = after(&one, &keys[1..]);
    for (number, kid) in &keys[1..1000] {
        assert_eq!(slot(&two, kid), Ok(*number as Slot), "{kid} stays");
    }
    assert_eq!(slot(&two, "kid-1000"), Ok(0), "the free slot");
    let backend = backend::available()[0];
    let mut prepared = PreparedKeys::prepare(backend, &ALLOWED, &one);
    prepared.adopt(KeyUpdate::prepare(backend, &ALLOWED, &one, &two));
    check_verifies(&mut prepared, "kid-1000", 1000, true, "the new one");
    check_verifies(&mut prepared, "kid-999", 999, true, "one that stayed");
    let gone = prepared.find(Some("kid-0"), Algorithm::EdDSA).err();
    assert_eq!(gone, Some(Rejection::UnknownKid), "the one that left");
}

/// Time for a set of so many keys: parsed, adopted, and every kid found.
fn time_to_take_in(body: &str, kids: usize) -> std::time::Duration {
    let began = std::time::Instant::now();
    let set = empty().succeed(ParsedSet::parse(body.as_bytes(), &ALLOWED).expect("a key set"));
    let found = (0..kids).filter(|number| slot(&set, &format!("kid-{number}")).is_ok()).count();
    assert_eq!(found, kids);
    began.elapsed()
}

#[test]
fn ten_thousand_keys_cost_ten_times_a_thousand() {
    let entries: Vec<String> =
        (0..10_000).map(|number| jwk(number, &format!("kid-{number}"))).collect();
    let (few, many) = (body(&entries[..1000]), body(&entries));
    let best = |body: &str, kids| (0..5).map(|_| time_to_take_in(body, kids)).min();
    let (few, many) = (best(&few, 1000).expect("a time"), best(&many, 10_000).expect("a time"));
    // Work that grew with the square would take a hundred times as long.
    assert!(many < few * 40, "1,000 keys: {few:?}, 10,000 keys: {many:?}");
    // One kid for all: not one of them can be told from the others.
    let same: Vec<String> = (0..10_000).map(|number| jwk(number, "one")).collect();
    let set = empty().succeed(parse(&same));
    assert_eq!(slot(&set, "one"), Err(Rejection::KeyAmbiguous));
}

#[test]
fn what_cannot_be_used_is_said_in_words() {
    let rows: [(&str, &str); 3] = [
        ("[]", "no JSON object with an array `keys`"),
        (r#"{"keys":[]}"#, "the array `keys` is empty"),
        (r#"{"keys":[{"kty":"oct"}]}"#, "no entry is a usable key for the allowed algorithms"),
    ];
    for (body, words) in rows {
        let Err(fault) = ParsedSet::parse(body.as_bytes(), &ALLOWED) else {
            panic!("{body} is a key set");
        };
        assert_eq!(fault.to_string(), words, "{body}");
    }
}
