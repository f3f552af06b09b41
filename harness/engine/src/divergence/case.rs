//! One input of the divergence report: its description, what our contract demands, how to read an
//! answer that differs, and the input itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use jwtbench_result::FindingTag;
use jwtbench_result::record::divergence::Observed;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::{CheckedJwk, KeyMaterial, Thumbprint};

/// One input, with what is known before any column answers.
pub(super) struct DivergenceCase {
    /// A description of the input, in one line.
    pub(super) input: &'static str,
    /// What our contract demands.
    pub(super) due: Observed,
    /// How to read a different answer of a whole library.
    pub(super) library: Option<Ruling>,
    /// How to read a different answer of a backend alone.
    pub(super) raw: Option<Ruling>,
    /// The input itself.
    pub(super) exhibit: Exhibit,
}

/// How to read an answer that differs from our contract.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) tag: FindingTag,
    /// The document and section that decide the case.
    pub(super) source: &'static str,
    /// The reason, in one sentence.
    pub(super) reason: &'static str,
}

pub(super) const fn ruling(tag: FindingTag, source: &'static str, reason: &'static str) -> Ruling {
    Ruling { tag, source, reason }
}

/// The input in the forms that the columns take.
pub(super) struct Exhibit {
    pub(super) algorithm: Algorithm,
    /// The key as an issuer would publish it.
    pub(super) jwk: Value,
    /// The input for backends: the key, the signed text and the signature.
    pub(super) raw: Option<RawInput>,
    /// The input for whole verifiers: the token.
    pub(super) token: Option<Vec<u8>>,
}

/// The input that a backend is given.
pub(super) struct RawInput {
    /// A key that **has not been checked**, whatever the type says. Only this report gives a
    /// backend keys that our core would refuse, since that is its purpose.
    pub(super) key: CheckedJwk,
    pub(super) signing_input: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl RawInput {
    /// The input under the key in `jwk`, unchecked. `None` if the JWK's members do not fit the form
    /// that backends take: coordinates and points of full length, exponents of 32 bits.
    pub(super) fn unchecked(
        jwk: &Value,
        algorithm: Algorithm,
        signing_input: Vec<u8>,
        signature: Vec<u8>,
    ) -> Option<RawInput> {
        let bytes = |member: &str| URL_SAFE_NO_PAD.decode(jwk[member].as_str()?).ok();
        let material = match jwk["kty"].as_str()? {
            "RSA" => {
                let e: [u8; 8] = padded(&bytes("e")?)?;
                KeyMaterial::Rsa { n: bytes("n")?, e: u64::from_be_bytes(e).try_into().ok()? }
            }
            "EC" => {
                let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                KeyMaterial::P256(point.try_into().ok()?)
            }
            _ => KeyMaterial::Ed25519(bytes("x")?.try_into().ok()?),
        };
        // No backend reads the thumbprint.
        let key = CheckedJwk { thumbprint: Thumbprint([0; 32]), algorithm, material };
        Some(RawInput { key, signing_input, signature })
    }
}

fn padded(integer: &[u8]) -> Option<[u8; 8]> {
    let zeros = 8_usize.checked_sub(integer.len())?;
    [&[0; 8][..zeros], integer].concat().try_into().ok()
}

impl DivergenceCase {
    /// An input that our contract accepts.
    pub(super) fn accepted(input: &'static str, exhibit: Exhibit) -> DivergenceCase {
        let due = Observed::Accept;
        DivergenceCase { input, due, library: None, raw: None, exhibit }
    }

    /// An input that our contract refuses.
    pub(super) fn refused(input: &'static str, exhibit: Exhibit) -> DivergenceCase {
        DivergenceCase { due: Observed::Refuse, ..DivergenceCase::accepted(input, exhibit) }
    }

    /// How to read a different answer of a whole library.
    pub(super) fn library(self, ruling: Ruling) -> DivergenceCase {
        DivergenceCase { library: Some(ruling), ..self }
    }

    /// How to read a different answer of a backend alone.
    pub(super) fn raw(self, ruling: Ruling) -> DivergenceCase {
        DivergenceCase { raw: Some(ruling), ..self }
    }
}
