//! The draft of one token: a good access token that a class recipe then spoils. Finished by really
//! signing it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::ClaimNames;

use super::signer::{Form, SigningKey};

/// The keys a recipe may use.
pub(crate) struct DraftKeys<'a> {
    /// The key the issuer signs with.
    pub(crate) signing: &'a SigningKey,
    /// A key of the issuer for another algorithm, published too.
    pub(crate) other_type: &'a SigningKey,
    /// A key that is no key of the issuer, of the trial's algorithm.
    pub(crate) attacker: &'a SigningKey,
    /// The key of another trusted issuer, of the trial's algorithm.
    pub(crate) other_issuer: &'a SigningKey,
}

/// A token in the making.
pub(crate) struct Draft<'a> {
    /// The keys.
    pub(crate) keys: DraftKeys<'a>,
    /// The number of the token within its class: for variety.
    pub(crate) ordinal: u32,
    /// The header.
    pub(crate) header: BTreeMap<String, Value>,
    /// The claims.
    pub(crate) claims: BTreeMap<String, Value>,
    /// `iat` before any alteration, in seconds since 1970.
    pub(crate) issued_at: i64,
    /// `exp - iat`, in seconds.
    pub(crate) lifetime: i64,
    /// Clock skew that the policy forgives, in seconds.
    pub(crate) leeway: i64,
    /// The policy's `max-age`, in seconds; 0 if it has none.
    pub(crate) max_age: i64,
    /// The instant of tick 0, in seconds since 1970.
    pub(crate) now: i64,
    /// This API, as the policy names it.
    pub(crate) audience: &'a str,
    /// Where the policy looks for claims.
    pub(crate) names: &'a ClaimNames,
    /// Whether scopes stand in an array.
    pub(crate) scope_is_array: bool,
    /// Claims that the policy prohibits.
    pub(crate) prohibited: &'a [String],
    /// The header's bytes, instead of `header`.
    pub(crate) header_bytes: Option<Vec<u8>>,
    /// The payload's bytes, instead of `claims`.
    pub(crate) payload_bytes: Option<Vec<u8>>,
    /// The text of the payload part, instead of its encoding; signed as it stands.
    pub(crate) payload_text: Option<String>,
    /// The form of the signature.
    pub(crate) form: Form,
    /// The key that signs.
    pub(crate) signed_by: Signed<'a>,
    /// Done to the encoded parts once signed.
    pub(crate) after: Option<fn(&mut Parts, u32)>,
    /// The whole text, instead of all that.
    pub(crate) text: Option<Vec<u8>>,
}

/// How a draft is signed.
#[derive(Clone, Copy)]
pub(crate) enum Signed<'a> {
    /// By this key.
    By(&'a SigningKey),
    /// With HMAC-SHA-256 under the public key's text: the RS/HS confusion.
    HmacUnderPublicKey(&'a SigningKey),
    /// Not at all.
    Not,
}

/// The encoded parts of a signed token.
pub(crate) struct Parts {
    /// Encoded header.
    pub(crate) header: String,
    /// Encoded payload.
    pub(crate) payload: String,
    /// Raw signature.
    pub(crate) signature: Vec<u8>,
    /// Text of the signature part, instead of the encoded `signature`.
    pub(crate) signature_text: Option<String>,
}

/// Who the token is for: the values a policy checks.
pub(crate) struct Audience<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) typ: Option<&'a str>,
    pub(crate) names: &'a ClaimNames,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) scope_is_array: bool,
    pub(crate) scopes: &'a [String],
    pub(crate) client: &'a str,
    pub(crate) subject_kind: &'a str,
    pub(crate) prohibited: &'a [String],
}

/// When a draft is drawn up and for how long, in seconds.
pub(crate) struct Times {
    /// `iat`, since 1970.
    pub(crate) issued_at: i64,
    /// `exp - iat`.
    pub(crate) lifetime: i64,
    /// The policy's leeway.
    pub(crate) leeway: i64,
    /// The policy's `max-age`; 0 for none.
    pub(crate) max_age: i64,
    /// Tick 0, since 1970.
    pub(crate) now: i64,
}

impl<'a> Draft<'a> {
    /// A good access token (RFC 9068 §2), about 700 bytes once signed with RS256.
    pub(crate) fn good(
        keys: DraftKeys<'a>,
        audience: &Audience<'a>,
        ids: [&str; 2],
        times: &Times,
        ordinal: u32,
    ) -> Draft<'a> {
        let Times { issued_at, lifetime, leeway, max_age, now } = *times;
        let names = audience.names;
        let [subject, jwt_id] = ids;
        let mut header = BTreeMap::new();
        header.insert("alg".into(), json!(keys.signing.algorithm().name()));
        header.insert("kid".into(), json!(keys.signing.kid()));
        if let Some(typ) = audience.typ {
            header.insert("typ".into(), json!(typ));
        }
        let mut scopes: Vec<&str> = audience.scopes.iter().map(String::as_str).collect();
        scopes.push("ledger:read");
        let mut claims = BTreeMap::new();
        claims.insert("iss".into(), json!(audience.issuer));
        claims.insert("sub".into(), json!(subject));
        claims.insert("aud".into(), json!([audience.audience, "ledger-api"]));
        claims.insert("iat".into(), json!(issued_at));
        claims.insert("exp".into(), json!(issued_at + lifetime));
        claims.insert("jti".into(), json!(jwt_id));
        claims.insert("client_id".into(), json!(audience.client));
        claims.insert(names.client[0].clone(), json!(audience.client));
        claims.insert(names.subject_kind.clone(), json!(audience.subject_kind));
        let scope = match audience.scope_is_array {
            true => json!(scopes),
            false => json!(scopes.join(" ")),
        };
        claims.insert(names.scope.clone(), scope);
        if let Some(tenant) = audience.tenant {
            claims.insert(names.tenant.clone(), json!(tenant));
        }
        Draft {
            signed_by: Signed::By(keys.signing),
            keys,
            ordinal,
            header,
            claims,
            issued_at,
            lifetime,
            leeway,
            max_age,
            now,
            audience: audience.audience,
            names,
            scope_is_array: audience.scope_is_array,
            prohibited: audience.prohibited,
            header_bytes: None,
            payload_bytes: None,
            payload_text: None,
            form: Form::Raw,
            after: None,
            text: None,
        }
    }

    /// The text of the draft as it would be without `after`: for classes that cut it up.
    pub(crate) fn parts(&self, salt: &mut rand_chacha::ChaCha8Rng) -> Parts {
        let text = |map: &BTreeMap<String, Value>| json!(map).to_string().into_bytes();
        let header = self.header_bytes.clone().unwrap_or_else(|| text(&self.header));
        let payload = self.payload_bytes.clone().unwrap_or_else(|| text(&self.claims));
        let header = URL_SAFE_NO_PAD.encode(header);
        let encoded = || URL_SAFE_NO_PAD.encode(payload);
        let payload = self.payload_text.clone().unwrap_or_else(encoded);
        let input = format!("{header}.{payload}");
        let signature = match self.signed_by {
            Signed::By(key) => self.form.of(key, key.sign(input.as_bytes(), salt)),
            Signed::HmacUnderPublicKey(key) => {
                let secret = key.public_jwk().to_string();
                let secret =
                    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
                aws_lc_rs::hmac::sign(&secret, input.as_bytes()).as_ref().to_vec()
            }
            Signed::Not => Vec::new(),
        };
        Parts { header, payload, signature, signature_text: None }
    }

    /// The token.
    pub(crate) fn finish(&self, salt: &mut rand_chacha::ChaCha8Rng) -> Vec<u8> {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let mut parts = self.parts(salt);
        if let Some(after) = self.after {
            after(&mut parts, self.ordinal);
        }
        let Parts { header, payload, signature, signature_text } = parts;
        let signature = signature_text.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(signature));
        format!("{header}.{payload}.{signature}").into_bytes()
    }

    /// Pads the claims so that the token comes close to `bytes`.
    pub(crate) fn pad_to(&mut self, bytes: usize) {
        let signature = self.keys.signing.signature_len().div_ceil(3) * 4;
        let json = |map: &BTreeMap<String, Value>| json!(map).to_string().len();
        let now = json(&self.header).div_ceil(3) * 4 + json(&self.claims).div_ceil(3) * 4;
        let missing = bytes.saturating_sub(now + signature + 2) * 3 / 4;
        let entitlements: Vec<String> =
            (0..missing / 24).map(|index| format!("urn:acme:feature:{index:04}")).collect();
        if !entitlements.is_empty() {
            self.claims.insert("entitlements".into(), json!(entitlements));
        }
    }

    /// The algorithm of the trial.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.keys.signing.algorithm()
    }
}
