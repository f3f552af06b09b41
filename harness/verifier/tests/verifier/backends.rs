//! One suite over every backend: they give one verdict on every input, and the right one. The
//! signatures are made here by RustCrypto; published ones are in `vectors`.

mod lock;
pub mod signer;

use jwtbench_verifier::algorithm::{Algorithm, KeyType};
use jwtbench_verifier::backend::dalek_batch::{Batch, DalekBatch};
use jwtbench_verifier::backend::graviola::{self, AnyModulus, Graviola};
use jwtbench_verifier::backend::null::Null;
use jwtbench_verifier::backend::{self, Backend, InvalidKey, InvalidSignature};
use jwtbench_verifier::jwk::{CheckedJwk, KeyMaterial};
use rsa_signer::sha2::{Digest as _, Sha256, Sha384};
use rsa_signer::traits::PublicKeyParts as _;
use rsa_signer::{BigUint, Pkcs1v15Sign, Pss};

use signer::Signers;

/// What is signed where the content does not matter: a header and a payload.
const MESSAGE: &[u8] = b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJqb2UiLCJzdWIiOiJqaW0ifQ";

/// Backends that verify less than all of the classical algorithms.
const PARTIAL: [&str; 1] = ["rscrypto"];

const ACCEPTED: Verdict = Ok(());
const REFUSED: Verdict = Err(InvalidSignature);

type Verdict = Result<(), InvalidSignature>;

/// A key, bound to its algorithm, with a message and a signature.
type Input<'a> = (&'a CheckedJwk, &'a [u8], &'a [u8]);

/// Every backend that verifies the algorithm gives this verdict, the second time too: a key keeps
/// nothing of a verification.
fn check(input: Input<'_>, expected: Verdict, why: &str) {
    let (jwk, message, signature) = input;
    for backend in backend::available() {
        let (name, algorithm) = (backend.name(), jwk.algorithm);
        if !backend.supports(algorithm) {
            let is_new = algorithm == Algorithm::MlDsa44 && name != "aws-lc-rs";
            assert!(is_new || PARTIAL.contains(&name), "{name}: {algorithm}");
            continue;
        }
        let mut key = backend
            .prepare(algorithm, jwk)
            .unwrap_or_else(|refused| panic!("{name}: {algorithm}: {why}: {refused}"));
        for round in ["at first", "again"] {
            let verdict = key.verify(message, signature);
            assert_eq!(verdict, expected, "{name}: {algorithm}: {why}, {round}");
        }
    }
}

#[test]
fn signatures_are_accepted() {
    let signers = Signers::of_the_run();
    for algorithm in Algorithm::ALL {
        let signer = &signers.pair(algorithm)[0];
        let jwk = &signer.jwk(algorithm);
        // The lengths at which SHA-2 takes one more block, and those of tokens.
        for length in [0, 1, 55, 56, 63, 64, 111, 112, 127, 128, 381, 4096, 65536] {
            let message = &vec![b'x'; length];
            let signature = &signer.sign(algorithm, message);
            check((jwk, message, signature), ACCEPTED, &format!("{length} bytes"));
        }
    }
    for algorithm in rsa_algorithms() {
        let rows = [
            (&*signers.rsa_3072, "3072 bits"),
            (&*signers.rsa_wide_exponent, "an exponent of 32 bits"),
        ];
        for (signer, why) in rows {
            let (jwk, message) = (&signer.jwk(algorithm), MESSAGE);
            let signature = &signer.sign(algorithm, message);
            check((jwk, message, signature), ACCEPTED, why);
            let signature = &flipped(signature, 100);
            check((jwk, message, signature), REFUSED, why);
        }
    }
}

#[test]
fn altered_messages_are_refused() {
    for algorithm in Algorithm::ALL {
        let signer = &Signers::of_the_run().pair(algorithm)[0];
        let (jwk, signature) = (&signer.jwk(algorithm), &signer.sign(algorithm, MESSAGE));
        let last = MESSAGE.len() - 1;
        let rows = [
            (flipped(MESSAGE, 0), "the first bit flipped"),
            (flipped(MESSAGE, last / 2), "a bit in the middle flipped"),
            (flipped(MESSAGE, last), "the last byte changed"),
            (MESSAGE[..last].to_vec(), "the last byte cut"),
            (MESSAGE[1..].to_vec(), "the first byte cut"),
            ([MESSAGE, b"A"].concat(), "a byte appended"),
            ([MESSAGE, b"\0"].concat(), "a zero appended"),
            ([MESSAGE, MESSAGE].concat(), "doubled"),
            (MESSAGE.to_ascii_lowercase(), "in lower case"),
            (vec![], "empty"),
        ];
        for (message, why) in &rows {
            check((jwk, message, signature), REFUSED, why);
        }
    }
}

#[test]
fn altered_signatures_are_refused() {
    for algorithm in Algorithm::ALL {
        let signer = &Signers::of_the_run().pair(algorithm)[0];
        let (jwk, message) = (&signer.jwk(algorithm), MESSAGE);
        let good = &signer.sign(algorithm, message)[..];
        let last = good.len() - 1;
        let (left, right) = good.split_at(good.len() / 2);
        let rows = [
            (flipped(good, 0), "the first byte changed"),
            (flipped(good, last / 2), "a byte in the middle changed"),
            (flipped(good, last / 2 + 1), "the byte after the middle changed"),
            (flipped(good, last), "the last byte changed"),
            (good[..last].to_vec(), "the last byte cut"),
            (good[1..].to_vec(), "the first byte cut"),
            (left.to_vec(), "half"),
            (vec![good[0]], "one byte"),
            ([good, b"\0"].concat(), "a zero appended"),
            ([b"\0", good].concat(), "a zero in front"),
            ([good, good].concat(), "doubled"),
            ([right, left].concat(), "its halves swapped"),
            (good.iter().rev().copied().collect(), "backwards"),
            (vec![0; good.len()], "zeros"),
            (vec![0xff; good.len()], "ones"),
            ([vec![0; last], vec![1]].concat(), "one, big-endian"),
            ([vec![1], vec![0; last]].concat(), "one, little-endian"),
            (vec![0; 65536], "64 KB"),
            (vec![], "empty"),
        ];
        for (signature, why) in &rows {
            check((jwk, message, signature), REFUSED, why);
        }
    }
}

#[test]
fn keys_and_algorithms_are_not_confused() {
    let signers = Signers::of_the_run();
    for algorithm in Algorithm::ALL {
        let [signer, other] = signers.pair(algorithm);
        let (jwk, message) = (&signer.jwk(algorithm), MESSAGE);
        let signature = &other.sign(algorithm, message);
        check((jwk, message, signature), REFUSED, "signed by another key");
        for used in Algorithm::ALL.into_iter().filter(|used| *used != algorithm) {
            let signature = &signers.pair(used)[0].sign(used, message);
            check((jwk, message, signature), REFUSED, &format!("signed as {used}"));
            if used.key_type() == algorithm.key_type() {
                continue;
            }
            for backend in backend::available() {
                let refused = backend.prepare(used, jwk).err();
                let name = backend.name();
                assert_eq!(refused, Some(InvalidKey), "{name}: {used} of a key for {algorithm}");
            }
        }
    }
}

#[test]
fn rsa_signatures_have_one_form() {
    let (signer, message) = (&Signers::of_the_run().pair(Algorithm::RS256)[0], MESSAGE);
    let jwk = &signer.jwk(Algorithm::RS256);
    let hash = Sha256::digest(message).to_vec();
    let oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    let der = |before: &[u8], after: &[u8]| [before, &oid, after].concat();
    let info = || der(&[0x30, 0x31, 0x30, 0x0d], &[0x05, 0x00, 0x04, 0x20]);
    let rows = [
        (info(), hash.clone(), ACCEPTED, "DigestInfo as RFC 8017 §9.2 has it"),
        (vec![], hash.clone(), REFUSED, "no DigestInfo"),
        (
            der(&[0x30, 0x2f, 0x30, 0x0b], &[0x04, 0x20]),
            hash.clone(),
            REFUSED,
            "no NULL for the parameters",
        ),
        (
            der(&[0x30, 0x81, 0x31, 0x30, 0x0d], &[0x05, 0x00, 0x04, 0x20]),
            hash.clone(),
            REFUSED,
            "a length in BER",
        ),
        (info(), [&hash[..], &[0]].concat(), REFUSED, "a byte after the hash"),
        (info(), hash[..31].to_vec(), REFUSED, "a byte short of the hash"),
        (info(), Sha384::digest(message).to_vec(), REFUSED, "another hash"),
    ];
    for (prefix, hash, expected, why) in rows {
        let padding = Pkcs1v15Sign { hash_len: None, prefix: prefix.into() };
        let signature = &signer.rsa().sign(padding, &hash).expect("a signature");
        check((jwk, message, signature), expected, why);
    }
}

#[test]
fn pss_salts_are_as_long_as_the_hash() {
    let (signer, message) = (&Signers::of_the_run().pair(Algorithm::PS256)[0], MESSAGE);
    let jwk = &signer.jwk(Algorithm::PS256);
    let rows = [
        (32, ACCEPTED, "as RFC 7518 §3.5 has it"),
        (0, REFUSED, "no salt"),
        (20, REFUSED, "the default of RFC 8017"),
        (31, REFUSED, "a byte short"),
        (33, REFUSED, "a byte long"),
        (222, REFUSED, "the longest that fits"),
    ];
    for (length, expected, why) in rows {
        let padding = Pss::new_with_salt::<Sha256>(length);
        let signature = &signer::pss(signer.rsa(), padding, &Sha256::digest(message));
        check((jwk, message, signature), expected, why);
    }
}

/// RFC 8017 §5.2.2: the representative must be below the modulus, even where more would fit.
#[test]
fn rsa_signatures_are_reduced() {
    for algorithm in rsa_algorithms() {
        let signer = &Signers::of_the_run().pair(algorithm)[0];
        let (jwk, n) = (&signer.jwk(algorithm), signer.rsa().n());
        let fitting = (0_u32..).find_map(|number| {
            let message = number.to_be_bytes();
            let signature = signer.sign(algorithm, &message);
            let more = BigUint::from_bytes_be(&signature) + n;
            (more.bits() <= 2048).then_some((message, signature, more))
        });
        let (message, signature, more) = fitting.expect("n is less than 2^2048");
        let rows = [
            (signature, ACCEPTED, "below the modulus"),
            (more.to_bytes_be(), REFUSED, "the modulus added"),
            (n.to_bytes_be(), REFUSED, "the modulus itself"),
        ];
        for (signature, expected, why) in &rows {
            check((jwk, &message, signature), *expected, why);
        }
    }
}

#[test]
fn ecdsa_values_stay_in_range() {
    const N_256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const N_384: &str = "ffffffffffffffffffffffffffffffffffffffffffffffff\
                         c7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    for (algorithm, n) in [(Algorithm::ES256, N_256), (Algorithm::ES384, N_384)] {
        let signer = &Signers::of_the_run().pair(algorithm)[0];
        let (jwk, message) = (&signer.jwk(algorithm), MESSAGE);
        let good = signer.sign(algorithm, message);
        let (r, s) = good.split_at(good.len() / 2);
        let (n, zero) = (hex(n), vec![0; r.len()]);
        let negative = (integer(&n) - integer(s)).to_bytes_be();
        let negative = [&zero[negative.len()..], &negative].concat();
        let above = (integer(&n) + 1_u32).to_bytes_be();
        let join = |r: &[u8], s: &[u8]| [r, s].concat();
        let rows = [
            // One of the two has the high s: JWS, unlike Bitcoin, accepts both.
            (join(r, s), ACCEPTED, "s"),
            (join(r, &negative), ACCEPTED, "-s"),
            (join(&zero, s), REFUSED, "r = 0"),
            (join(r, &zero), REFUSED, "s = 0"),
            (join(&zero, &zero), REFUSED, "both 0"),
            (join(&n, s), REFUSED, "r = n"),
            (join(r, &n), REFUSED, "s = n"),
            (join(&n, &n), REFUSED, "both n"),
            (join(&above, s), REFUSED, "r = n + 1"),
            (join(r, &above), REFUSED, "s = n + 1"),
            (join(s, r), REFUSED, "r and s swapped"),
            (join(r, r), REFUSED, "r twice"),
            (reversed(r, s), REFUSED, "little-endian"),
            (signer::der(algorithm, &good), REFUSED, "DER"),
            (signer.sign_other_hash(message), REFUSED, "signed over another hash"),
        ];
        for (signature, expected, why) in &rows {
            check((jwk, message, signature), *expected, why);
        }
    }
}

#[test]
fn ed25519_values_stay_in_range() {
    const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let (algorithm, message) = (Algorithm::EdDSA, MESSAGE);
    let signer = &Signers::of_the_run().pair(algorithm)[0];
    let jwk = &signer.jwk(algorithm);
    let good = signer.sign(algorithm, message);
    let (r, s) = good.split_at(32);
    let l = BigUint::from_bytes_le(&hex(L));
    let s = BigUint::from_bytes_le(s);
    let join = |s: BigUint| {
        let mut s = s.to_bytes_le();
        s.resize(32, 0);
        [r, &s].concat()
    };
    let plus = |times: u32| join(&s + &l * times);
    let KeyMaterial::Ed25519(key) = jwk.material else {
        panic!("not an Ed25519 key");
    };
    let rows = [
        (good.clone(), ACCEPTED, "s"),
        (plus(1), REFUSED, "s + L"),
        (plus(7), REFUSED, "s + 7 L, still below 2^255"),
        (plus(14), REFUSED, "s + 14 L"),
        (join(&l - &s), REFUSED, "-s"),
        (join(l.clone()), REFUSED, "s = L"),
        (join(BigUint::default()), REFUSED, "s = 0"),
        (flipped_top(&good, 31), REFUSED, "-R"),
        (flipped_top(&good, 63), REFUSED, "the top bit of s"),
        ([&good[32..], r].concat(), REFUSED, "R and s swapped"),
        ([&key[..], &good[32..]].concat(), REFUSED, "the key in place of R"),
    ];
    for (signature, expected, why) in &rows {
        check((jwk, message, signature), *expected, why);
    }
}

/// A backend that is no contender's gives this verdict.
fn check_one(backend: &dyn Backend, input: Input<'_>, expected: Verdict, why: &str) {
    let (jwk, message, signature) = input;
    let (name, algorithm) = (backend.name(), jwk.algorithm);
    let key = backend.prepare(algorithm, jwk);
    let mut key = key.unwrap_or_else(|refused| panic!("{name}: {algorithm}: {why}: {refused}"));
    assert_eq!(key.verify(message, signature), expected, "{name}: {algorithm}: {why}");
}

#[test]
fn the_floor_accepts_anything() {
    for algorithm in Algorithm::ALL {
        assert!(Null.supports(algorithm), "{algorithm}");
        let jwk = &Signers::of_the_run().pair(algorithm)[0].jwk(algorithm);
        check_one(&Null, (jwk, MESSAGE, b"none"), ACCEPTED, "no signature");
    }
    assert_eq!(Null.version(), "none");
}

#[test]
fn a_batch_decides_as_a_single_check_does() {
    let signers = Signers::of_the_run();
    let [signer, other] = signers.pair(Algorithm::EdDSA);
    let jwk = &signer.jwk(Algorithm::EdDSA);
    let good = &signer.sign(Algorithm::EdDSA, MESSAGE);
    let foreign = &other.sign(Algorithm::EdDSA, MESSAGE);
    for copies in [1, 2, 64] {
        let batch = DalekBatch { copies };
        check_one(&batch, (jwk, MESSAGE, good), ACCEPTED, "a good one");
        check_one(&batch, (jwk, MESSAGE, foreign), REFUSED, "signed by another key");
        check_one(&batch, (jwk, MESSAGE, &flipped(good, 40)), REFUSED, "S changed");
        check_one(&batch, (jwk, MESSAGE, &good[..63]), REFUSED, "cut");
        check_one(&batch, (jwk, &MESSAGE[1..], good), REFUSED, "another message");
        for algorithm in Algorithm::ALL.into_iter().filter(|a| *a != Algorithm::EdDSA) {
            assert!(!batch.supports(algorithm), "{algorithm}");
            let refused = batch.prepare(algorithm, &signers.pair(algorithm)[0].jwk(algorithm));
            assert_eq!(refused.err(), Some(InvalidKey), "{algorithm}");
        }
    }
}

/// What is gathered gets the verdict of a single check, wherever it stands in the batch, and
/// nothing is left for the next one.
#[test]
fn gathered_signatures_are_decided_one_for_one() {
    let signers = Signers::of_the_run();
    let [signer, other] = signers.pair(Algorithm::EdDSA);
    let jwk = &signer.jwk(Algorithm::EdDSA);
    let good = signer.sign(Algorithm::EdDSA, MESSAGE);
    let foreign = other.sign(Algorithm::EdDSA, MESSAGE);
    let high = [&good[..63], &[good[63] | 0x80]].concat();
    let altered = flipped(&good, 3);
    let batch = Batch::default();
    let mut key = batch.prepare(Algorithm::EdDSA, jwk).expect("a sound key");
    type Row<'a> = (&'a [&'a [u8]], &'a [Verdict], &'a str);
    let rows: [Row<'_>; 8] = [
        (&[], &[], "nothing"),
        (&[&good], &[ACCEPTED], "a good one alone"),
        (&[&foreign], &[REFUSED], "a bad one alone"),
        (&[&good, &good, &good], &[ACCEPTED; 3], "all good"),
        (&[&foreign, &good, &good], &[REFUSED, ACCEPTED, ACCEPTED], "another key's first"),
        (&[&good, &altered, &good], &[ACCEPTED, REFUSED, ACCEPTED], "R changed, in the middle"),
        (&[&good, &good, &high], &[ACCEPTED, ACCEPTED, REFUSED], "S out of range, last"),
        (&[&foreign, &altered, &high], &[REFUSED; 3], "all bad"),
    ];
    for (signatures, expected, why) in rows {
        for signature in signatures {
            assert_eq!(key.verify(MESSAGE, signature), ACCEPTED, "{why}: only gathered");
        }
        assert_eq!(key.verify(MESSAGE, &good[1..]), REFUSED, "{why}: too short to gather");
        assert_eq!((batch.len(), batch.is_empty()), (signatures.len(), signatures.is_empty()));
        let mut verdicts = Vec::new();
        batch.verify(&mut verdicts);
        assert_eq!(verdicts, expected, "{why}");
        assert!(batch.is_empty(), "{why}");
    }
    let rsa = &signers.pair(Algorithm::RS256)[0].jwk(Algorithm::RS256);
    assert_eq!(batch.prepare(Algorithm::RS256, rsa).err(), Some(InvalidKey));
}

/// RFC 8032 §5.1.7 leaves open what a batch may accept: here an R that is not canonical, but for
/// its sign the neutral point. Who signs it holds the key. Alone it is refused.
#[test]
fn a_batch_accepts_what_a_single_check_refuses() {
    let signer = &Signers::of_the_run().pair(Algorithm::EdDSA)[0];
    let jwk = &signer.jwk(Algorithm::EdDSA);
    let signature = signer.sign_with_neutral_r(MESSAGE);
    check((jwk, MESSAGE, &signature), REFUSED, "an R that is not canonical");
    let batch = Batch::default();
    let mut key = batch.prepare(Algorithm::EdDSA, jwk).expect("a sound key");
    for (copies, expected) in [(1, REFUSED), (2, ACCEPTED), (64, ACCEPTED)] {
        for _ in 0..copies {
            assert_eq!(key.verify(MESSAGE, &signature), ACCEPTED);
        }
        let mut verdicts = Vec::new();
        batch.verify(&mut verdicts);
        assert_eq!(verdicts, vec![expected; copies], "{copies} of them");
    }
}

#[test]
fn graviola_without_our_check_is_graviola() {
    assert_eq!(AnyModulus.name(), Graviola.name());
    assert_eq!(AnyModulus.version(), Graviola.version());
    assert!(!AnyModulus.supports(Algorithm::MlDsa44));
    for algorithm in Algorithm::ALL.into_iter().filter(|known| *known != Algorithm::MlDsa44) {
        assert_eq!(AnyModulus.supports(algorithm), graviola::is_supported(), "{algorithm}");
        if graviola::is_supported() {
            let signer = &Signers::of_the_run().pair(algorithm)[0];
            let (jwk, good) = (&signer.jwk(algorithm), &signer.sign(algorithm, MESSAGE));
            check_one(&AnyModulus, (jwk, MESSAGE, good), ACCEPTED, "a good one");
            check_one(&AnyModulus, (jwk, MESSAGE, &flipped(good, 9)), REFUSED, "changed");
        }
    }
}

#[test]
fn backends_are_found_by_name() {
    for backend in backend::available() {
        let found = backend::find(backend.name()).expect("found");
        assert_eq!(found.version(), backend.version());
    }
    assert_eq!(backend::find("null").map(|null| null.name()), Some("null"));
    for unknown in ["", "Ring", "ring ", "boringssl", "ed25519-dalek-batch"] {
        assert!(backend::find(unknown).is_none(), "`{unknown}`");
    }
    // One text each, whatever the reason: an oracle needs two.
    assert_eq!(InvalidKey.to_string(), "the backend refused the key");
    assert_eq!(InvalidSignature.to_string(), "the signature does not verify");
}

#[test]
fn versions_are_those_of_the_lock_file() {
    for backend in backend::available() {
        let system = |part: &&str| part.starts_with("OpenSSL ");
        for crate_version in backend.version().split(", ").filter(|part| !system(part)) {
            let (name, version) = crate_version.split_once(' ').expect("name and version");
            assert_eq!(version, lock::version(name), "{name}");
        }
    }
}

fn rsa_algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_type() == KeyType::Rsa)
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

fn flipped_top(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 0x80;
    bytes
}

fn reversed(r: &[u8], s: &[u8]) -> Vec<u8> {
    r.iter().rev().chain(s.iter().rev()).copied().collect()
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn integer(big_endian: &[u8]) -> BigUint {
    BigUint::from_bytes_be(big_endian)
}
