//! The source of the inputs: the keys of the seed, the one policy of the report, and good tokens to
//! be changed.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;
use serde_json::Value;

use jwtbench_scenario::issuer::signer::{Signers, SigningKey};
use jwtbench_scenario::token::draft::{Draft, DraftKeys, Parts, Times};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::unix_time::UnixTime;

use super::case::{Exhibit, RawInput};

/// The instant as of which every token is judged, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

/// The source of the inputs.
pub(super) struct InputMint {
    signers: Signers,
    policy: PolicySpec,
}

impl InputMint {
    /// The mint of one seed. Its policy is the default one without leeway, so that the limits of
    /// times are exact.
    pub(super) fn new(seed: u64) -> InputMint {
        let policy = PolicySpec { leeway: Duration::ZERO, ..PolicySpec::default() };
        InputMint { signers: Signers::new(seed), policy }
    }

    /// The policy of a verifier of this algorithm.
    pub(super) fn policy(&self, algorithm: Algorithm) -> PolicySpec {
        PolicySpec { algorithms: vec![algorithm], ..self.policy.clone() }
    }

    pub(super) fn signers(&self) -> &Signers {
        &self.signers
    }

    /// A valid key.
    pub(super) fn key(&self, algorithm: Algorithm) -> Arc<SigningKey> {
        self.signers.key("current", algorithm)
    }

    /// The instant as of which every token is judged.
    pub(super) fn now(&self) -> UnixTime {
        UnixTime::from_seconds(NOW)
    }

    /// A good token, issued one minute ago and valid for five.
    pub(super) fn draft<'k>(&'k self, key: &'k SigningKey) -> Draft<'k> {
        let keys = DraftKeys { signing: key, others: None };
        let ids = ["a3f1", "7c20"];
        let times = Times { issued_at: NOW - 60, lifetime: 300, now: NOW };
        Draft::good(keys, &self.policy, ids, &times, 0)
    }

    /// The input that presents `draft` under `jwk`.
    pub(super) fn exhibit(&self, jwk: &Value, draft: &Draft<'_>) -> Exhibit {
        self.spoiled(jwk, draft, |_| {})
    }

    /// A valid token under a valid key.
    pub(super) fn good(&self, algorithm: Algorithm) -> Exhibit {
        let key = self.key(algorithm);
        self.exhibit(key.public_jwk(), &self.draft(&key))
    }

    /// The input that presents `draft` under `jwk`, with its encoded parts changed after signing.
    pub(super) fn spoiled(
        &self,
        jwk: &Value,
        draft: &Draft<'_>,
        spoil: impl FnOnce(&mut Parts),
    ) -> Exhibit {
        let algorithm = draft.algorithm();
        let mut parts = draft.parts(&mut ChaCha8Rng::seed_from_u64(self.signers.seed()));
        spoil(&mut parts);
        let Parts { header, payload, signature, signature_text } = parts;
        let signing_input = format!("{header}.{payload}");
        let text = signature_text.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(&signature));
        let token = format!("{signing_input}.{text}").into_bytes();
        let input = signing_input.into_bytes();
        Exhibit {
            algorithm,
            jwk: jwk.clone(),
            raw: RawInput::unchecked(jwk, algorithm, input, signature),
            token: Some(token),
        }
    }

    /// Signs the parts again, for header or payload text that was changed.
    pub(super) fn sign(&self, key: &SigningKey, parts: &mut Parts) {
        let input = format!("{}.{}", parts.header, parts.payload);
        let mut salt = ChaCha8Rng::seed_from_u64(self.signers.seed());
        parts.signature = key.sign(input.as_bytes(), &mut salt);
    }
}
