//! Published vectors over every backend: each gives the verdict due, case by case. Keys come in as
//! the core takes them, from a JWK. How many cases a set has stands beside it, so that none is
//! left out unseen.

mod edwards;
mod tokens;
mod wycheproof_sets;

use std::sync::Arc;

use jwtbench_verifier::backend::{self, InvalidSignature, VerifyingKey};
use jwtbench_verifier::jwk::{CheckedJwk, Entry, SkipKind};

const ACCEPTED: Verdict = Ok(());
const REFUSED: Verdict = Err(InvalidSignature);

/// Every case on which a backend gives another verdict than is due: backend, set, number of the
/// case, reason. Any other difference fails, and so does one of these that is gone.
const DIFFERENCES: [(&str, &str, usize, &str); 0] = [];

type Verdict = Result<(), InvalidSignature>;

/// A backend, and a key as it prepared it.
type Prepared = (&'static str, Box<dyn VerifyingKey>);

/// A public key, as an issuer would publish it, and what is said to be signed with it.
struct Group {
    /// The JWK. Its `alg` binds the key.
    jwk: String,
    cases: Vec<Case>,
}

/// A message, a signature and the verdict due.
struct Case {
    /// Its number in the set.
    id: usize,
    message: Vec<u8>,
    signature: Vec<u8>,
    due: Verdict,
}

/// How many cases of a set are accepted, refused, and under a key that is too weak to be loaded.
#[derive(Debug, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
    weak: usize,
}

/// The key in a JWK, or why it is skipped.
fn load(jwk: &str) -> Result<Arc<CheckedJwk>, SkipKind> {
    match Entry::parse(jwk, &[])? {
        Entry::Fits(_, jwk) => Ok(jwk),
        Entry::NeverFits(_) => panic!("bound to no algorithm: {jwk}"),
    }
}

/// The key in a JWK, prepared by every backend.
fn prepare(jwk: &str) -> Result<Vec<Prepared>, SkipKind> {
    let jwk = load(jwk)?;
    let fit = backend::available().into_iter().filter(|found| found.supports(jwk.algorithm));
    let prepared = fit.map(|backend| {
        let name = backend.name();
        let key = backend.prepare(jwk.algorithm, &jwk);
        (name, key.unwrap_or_else(|refused| panic!("{name}: {jwk:?}: {refused}")))
    });
    Ok(prepared.collect())
}

/// Every backend gives the verdict due on every case of the set, but for [`DIFFERENCES`], and the
/// set is as large as expected.
fn check(set: &str, groups: &[Group], expected: Tally) {
    let mut tally = Tally { accepted: 0, refused: 0, weak: 0 };
    let mut found: Vec<(&str, usize)> = Vec::new();
    for Group { jwk, cases } in groups {
        let mut keys = match prepare(jwk) {
            Ok(keys) => keys,
            Err(SkipKind::WeakKey) => {
                tally.weak += cases.len();
                continue;
            }
            Err(kind) => panic!("{set}: {}: {jwk}", kind.name()),
        };
        for case in cases {
            match case.due {
                Ok(()) => tally.accepted += 1,
                Err(InvalidSignature) => tally.refused += 1,
            }
            for (name, key) in &mut keys {
                if key.verify(&case.message, &case.signature) != case.due {
                    found.push((name, case.id));
                }
            }
        }
    }
    let is_here = |name| backend::find(name).is_some();
    let known = DIFFERENCES.iter().filter(|(name, of, ..)| *of == set && is_here(name));
    let mut known: Vec<(&str, usize)> = known.map(|(name, _, id, _)| (*name, *id)).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known, "{set}: where a backend differs");
    assert_eq!(tally, expected, "{set}: how many cases");
}
