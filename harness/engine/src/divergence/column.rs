//! The columns of the report: what is tested, and how. A panic is recorded as an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::json;

use jwtbench_result::record::divergence::{ColumnKind, DivergenceColumn, Observed};
use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::dalek_batch::DalekBatch;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::cache_policy::CachePolicy;
use jwtbench_verifier::jwk::{CheckedJwk, Entry};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::wall_clock::WallClock;

use crate::contender::{ContenderSpec, ForeignLibrary, Presented, Progress, Provider, Setup};
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::KeySource;

use super::case::{Exhibit, RawInput};
use super::mint::InputMint;

/// The largest batch in which an input is tried: alone, and with one to 63 copies of itself.
const BATCHES: usize = 64;

/// A column and the way to get its answer.
pub(super) struct Witness {
    pub(super) column: DivergenceColumn,
    way: Way,
}

enum Way {
    Core(&'static dyn Backend),
    Raw(&'static dyn Backend),
    Batch,
    Library(ForeignLibrary),
    /// The backend does not run on this CPU.
    Absent,
}

/// Every column, in order. The columns are the same on every CPU.
pub(super) fn witnesses() -> Vec<Witness> {
    let graviola = backend::graviola::is_supported();
    let backends: [&'static dyn Backend; 4] = [
        &backend::ring::Ring,
        &backend::aws_lc_rs::AwsLcRs,
        &backend::rust_crypto::RustCrypto,
        &backend::graviola::Graviola,
    ];
    let runs = |backend: &dyn Backend| graviola || backend.name() != "graviola";
    let mut witnesses: Vec<Witness> = Vec::new();
    for backend in backends {
        let way = if runs(backend) { Way::Core(backend) } else { Way::Absent };
        let name = format!("core:{}", backend.name());
        let configuration =
            "tokens under JWK sets; profile of RFC 9068, one algorithm allowed, leeway 0";
        witnesses.push(Witness::new(ColumnKind::Core, name, backend.version(), configuration, way));
    }
    for backend in backends {
        // Our own adapter withholds some keys from graviola. Here the library must judge them
        // itself.
        let bare: &'static dyn Backend = match backend.name() {
            "graviola" => &backend::graviola::AnyModulus,
            _ => backend,
        };
        let way = if runs(backend) { Way::Raw(bare) } else { Way::Absent };
        let (name, configuration) = (format!("raw:{}", backend.name()), call(backend.name()));
        witnesses.push(Witness::new(ColumnKind::Raw, name, backend.version(), configuration, way));
    }
    let batch = DalekBatch { copies: 1 };
    witnesses.push(Witness::new(
        ColumnKind::Raw,
        format!("raw:{}", batch.name()),
        batch.version(),
        "`verify_batch`, asked 64 times: the signature alone, then with 1 to 63 copies of itself",
        Way::Batch,
    ));
    let providers = [Provider::AwsLcRs, Provider::RustCrypto];
    witnesses
        .extend(providers.map(|provider| jsonwebtoken(ForeignLibrary::Jsonwebtoken(provider))));
    #[cfg(feature = "jsonwebtoken-11")]
    for provider in providers {
        let mut former = jsonwebtoken(ForeignLibrary::Jsonwebtoken11(provider));
        former.column.successor = Some(ForeignLibrary::Jsonwebtoken(provider).to_string());
        witnesses.push(former);
    }
    witnesses
}

/// The column of one major version of jsonwebtoken over one of its providers.
fn jsonwebtoken(library: ForeignLibrary) -> Witness {
    Witness::new(
        ColumnKind::Library,
        library.to_string(),
        &library.version(),
        "`DecodingKey::from_jwk`, then `decode`; `iss`, `aud`, `exp`, `sub` required, issuer and \
         audience set, one algorithm allowed, leeway 0",
        Way::Library(library),
    )
}

/// The library calls that a backend's adapter makes.
fn call(backend: &str) -> &'static str {
    match backend {
        "ring" => {
            "`RsaPublicKeyComponents::verify` with `RSA_PKCS1_2048_8192_SHA256`; \
             `UnparsedPublicKey::verify` with `ECDSA_P256_SHA256_FIXED`, `ED25519`"
        }
        "aws-lc-rs" => {
            "`ParsedPublicKey` with `RSA_PKCS1_2048_8192_SHA256`, `ECDSA_P256_SHA256_FIXED`, \
             `ED25519`"
        }
        "rust-crypto" => {
            "`rsa::PublicKey::new`, `pkcs1v15`; `p256::ecdsa::VerifyingKey`; \
             `ed25519_dalek::VerifyingKey::verify`"
        }
        _ => {
            "`rsa::VerifyingKey::from_pkcs1_der`; `ecdsa::VerifyingKey::from_x962_uncompressed`; \
             `Ed25519VerifyingKey::from_bytes`"
        }
    }
}

impl Witness {
    fn new(
        kind: ColumnKind,
        name: String,
        version: &str,
        configuration: &str,
        way: Way,
    ) -> Witness {
        let (version, configuration) = (version.into(), configuration.into());
        let column = DivergenceColumn { name, kind, version, configuration, successor: None };
        Witness { column, way }
    }

    /// The answer of the column to this input.
    pub(super) fn ask(&self, exhibit: &Exhibit, mint: &InputMint) -> Observed {
        let ask = || match &self.way {
            Way::Core(backend) => match &exhibit.token {
                Some(token) => whole(ContenderSpec::Core(*backend), exhibit, token, mint),
                None => checked(*backend, exhibit),
            },
            Way::Raw(backend) => {
                exhibit.raw.as_ref().map_or(Observed::NotSupported, |raw| bare(*backend, raw))
            }
            Way::Batch => exhibit.raw.as_ref().map_or(Observed::NotSupported, batches),
            Way::Library(library) => {
                let spec = ContenderSpec::Library(*library);
                let token = exhibit.token.as_ref();
                token.map_or(Observed::NotSupported, |token| whole(spec, exhibit, token, mint))
            }
            Way::Absent => Observed::NotSupported,
        };
        // Nothing that a panic may leave in an inconsistent state is used again.
        catch_unwind(AssertUnwindSafe(ask)).unwrap_or(Observed::Panics)
    }
}

/// The answer of a backend alone, without the key checks of our core.
fn bare(backend: &dyn Backend, input: &RawInput) -> Observed {
    verify(backend, &input.key, input)
}

/// The answer of our core's key checks followed by the backend. Published vectors use it, as they
/// sign no token.
fn checked(backend: &dyn Backend, exhibit: &Exhibit) -> Observed {
    let Some(input) = &exhibit.raw else {
        return Observed::NotSupported;
    };
    match Entry::parse(&exhibit.jwk.to_string(), &[exhibit.algorithm]) {
        Ok(Entry::Fits(_, key)) => verify(backend, &key, input),
        _ => Observed::KeyRefused,
    }
}

fn verify(backend: &dyn Backend, key: &CheckedJwk, input: &RawInput) -> Observed {
    let Ok(mut prepared) = backend.prepare(key.algorithm, key) else {
        return Observed::KeyRefused;
    };
    match prepared.verify(&input.signing_input, &input.signature) {
        Ok(()) => Observed::Accept,
        Err(_) => Observed::Refuse,
    }
}

/// The one answer over batches of every size, or `Unstable` if they differ.
fn batches(input: &RawInput) -> Observed {
    if input.key.algorithm != Algorithm::EdDSA {
        return Observed::NotSupported;
    }
    let mut verdicts = (1..=BATCHES).map(|copies| bare(&DalekBatch { copies }, input));
    let first = verdicts.next().unwrap_or(Observed::NotSupported);
    if verdicts.all(|verdict| verdict == first) { first } else { Observed::Unstable }
}

/// The answer of a whole verifier to the token, under a JWK set that holds the key and another,
/// sound one.
fn whole(spec: ContenderSpec, exhibit: &Exhibit, token: &[u8], mint: &InputMint) -> Observed {
    let algorithm = exhibit.algorithm;
    let Ok(policy) = Policy::new(mint.policy(algorithm)) else {
        return Observed::NotSupported;
    };
    let other = mint.signers().key("bystander", algorithm);
    let key_set = json!({ "keys": [exhibit.jwk, other.public_jwk()] }).to_string().into_bytes();
    let source = Arc::new(KeySource::new(
        spec.backend(),
        &[algorithm],
        CachePolicy::default(),
        mint.signers().seed(),
        0..1,
        Some((key_set.clone().into(), Tick::ZERO)),
        Box::new(InProcess::default()),
    ));
    let setup = Setup {
        policy: &policy,
        algorithm,
        clock: WallClock::right(mint.now()),
        source: &source,
        state: None,
        fleet: None,
        worker: WorkerPlace(0),
        key_set: &key_set,
        corpus: &[],
    };
    let token = Presented { place: TokenPlace(0), bytes: token };
    match spec.build(&setup).begin(0, token, Tick::ZERO) {
        Progress::Done(verdict) => match verdict.code {
            Ok(()) => Observed::Accept,
            // Every token names a kid that is in the set.
            Err(Rejection::UnknownKid | Rejection::KeyMismatch) => Observed::KeyRefused,
            Err(_) => Observed::Refuse,
        },
        // The set is fresh, so nothing waits for another. Refusing is the safe interpretation.
        Progress::Waiting => Observed::Refuse,
    }
}
