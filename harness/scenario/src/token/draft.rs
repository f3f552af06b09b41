//! The draft of one token. It begins as a good access token, which the recipe of a class may spoil,
//! and is finished by really signing it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::{ABSENT, PolicySpec, ScopeForm};

use crate::issuer::signer::{PublicForm, SignatureForm, Signers, SigningKey};
use crate::issuer::{FIRST_KEY, other_types};
use crate::token::fit;

/// The keys that a recipe may use.
#[derive(Clone, Copy)]
pub struct DraftKeys<'a> {
    /// The key with which the issuer signs.
    pub signing: &'a SigningKey,
    /// The keys that few recipes use; `None` if the signing key stands for them.
    pub others: Option<&'a OtherKeys<'a>>,
}

impl<'a> DraftKeys<'a> {
    /// A published key of the issuer for another algorithm.
    pub fn other_type(self) -> &'a SigningKey {
        self.others.map_or(self.signing, |others| {
            let other = other_types(others.algorithm).next().unwrap_or(Algorithm::ES256);
            others.other_type.get_or_init(|| others.signers.key(FIRST_KEY, other))
        })
    }

    /// A key of the trial's algorithm that does not belong to the issuer.
    pub fn attacker(self) -> &'a SigningKey {
        self.others.map_or(self.signing, |others| {
            others.attacker.get_or_init(|| others.signers.key("attacker", others.algorithm))
        })
    }

    /// A key of the trial's algorithm that belongs to another trusted issuer.
    pub fn other_issuer(self) -> &'a SigningKey {
        self.others.map_or(self.signing, |others| {
            others.other_issuer.get_or_init(|| others.signers.key("other-issuer", others.algorithm))
        })
    }
}

/// The keys that few recipes use. Each is made when a recipe asks for it: making an RSA key takes
/// longer than all else that a short run does.
pub struct OtherKeys<'s> {
    signers: &'s Signers,
    algorithm: Algorithm,
    other_type: OnceCell<Arc<SigningKey>>,
    attacker: OnceCell<Arc<SigningKey>>,
    other_issuer: OnceCell<Arc<SigningKey>>,
}

impl<'s> OtherKeys<'s> {
    /// The keys beside those that sign for this algorithm.
    pub fn new(signers: &'s Signers, algorithm: Algorithm) -> OtherKeys<'s> {
        let [other_type, attacker, other_issuer] = std::array::from_fn(|_| OnceCell::new());
        OtherKeys { signers, algorithm, other_type, attacker, other_issuer }
    }
}

/// A token before it is signed.
pub struct Draft<'a> {
    /// The keys.
    pub keys: DraftKeys<'a>,
    /// The number of the token within its class, from which variants are chosen.
    pub ordinal: u32,
    /// The header.
    pub header: BTreeMap<String, Value>,
    /// The claims.
    pub claims: BTreeMap<String, Value>,
    /// `iat` before any alteration, in seconds since 1970.
    pub issued_at: i64,
    /// `exp - iat`, in seconds.
    pub lifetime: i64,
    /// The instant of tick 0, in seconds since 1970.
    pub now: i64,
    /// The policy that the token is minted for.
    pub policy: &'a PolicySpec,
    /// The bytes of the header in place of `header`.
    pub header_bytes: Option<Vec<u8>>,
    /// The bytes of the payload in place of `claims`.
    pub payload_bytes: Option<Vec<u8>>,
    /// The text of the payload part in place of its encoding. It is signed unchanged.
    pub payload_text: Option<String>,
    /// The form of the signature.
    pub form: SignatureForm,
    /// The key that signs.
    pub signed_by: Signed<'a>,
    /// A change to the encoded parts after signing. It also gets the ordinal.
    pub after: Option<fn(&mut Parts, u32)>,
    /// The whole text of the token in place of everything else.
    pub text: Option<Vec<u8>>,
}

/// The way a draft is signed.
#[derive(Clone, Copy)]
pub enum Signed<'a> {
    /// The draft is signed with this key.
    By(&'a SigningKey),
    /// The draft is signed with an HMAC whose key is not secret.
    Hmac(Hmac, HmacKey<'a>),
    /// The draft is not signed.
    Not,
}

/// An HMAC key that is not secret.
#[derive(Clone, Copy)]
pub enum HmacKey<'a> {
    /// A public key in one of its forms, as in the RS/HS confusion attack.
    Public(&'a SigningKey, PublicForm),
    /// Fixed bytes.
    Bytes(&'static [u8]),
}

/// HMAC with SHA-2 (RFC 7518 §3.2).
#[derive(Clone, Copy)]
pub enum Hmac {
    /// HMAC over SHA-256 (RFC 7518 §3.2).
    Hs256,
    /// HMAC over SHA-384 (RFC 7518 §3.2).
    Hs384,
    /// HMAC over SHA-512 (RFC 7518 §3.2).
    Hs512,
}

impl Hmac {
    /// Every HMAC.
    pub const ALL: [Hmac; 3] = [Hmac::Hs256, Hmac::Hs384, Hmac::Hs512];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Hmac::Hs256 => "HS256",
            Hmac::Hs384 => "HS384",
            Hmac::Hs512 => "HS512",
        }
    }

    fn sign(self, key: HmacKey<'_>, input: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hmac::Hs256 => hmac::HMAC_SHA256,
            Hmac::Hs384 => hmac::HMAC_SHA384,
            Hmac::Hs512 => hmac::HMAC_SHA512,
        };
        let key = match key {
            HmacKey::Public(key, form) => key.public_text(form),
            HmacKey::Bytes(bytes) => bytes.to_vec(),
        };
        hmac::sign(&hmac::Key::new(algorithm, &key), input).as_ref().to_vec()
    }
}

/// The encoded parts of a signed token.
pub struct Parts {
    /// The encoded header.
    pub header: String,
    /// The encoded payload.
    pub payload: String,
    /// The raw signature.
    pub signature: Vec<u8>,
    /// The text of the signature part in place of the encoded `signature`.
    pub signature_text: Option<String>,
}

/// The times of a draft, in seconds.
pub struct Times {
    /// The claim `iat`, since 1970.
    pub issued_at: i64,
    /// The lifetime, `exp - iat`.
    pub lifetime: i64,
    /// The instant of tick 0, since 1970.
    pub now: i64,
}

impl<'a> Draft<'a> {
    /// A good access token (RFC 9068 §2) under this policy. It has about 700 bytes once signed with
    /// RS256.
    pub fn good(
        keys: DraftKeys<'a>,
        policy: &'a PolicySpec,
        ids: [&str; 2],
        times: &Times,
        ordinal: u32,
    ) -> Draft<'a> {
        let Times { issued_at, lifetime, now } = *times;
        let mut header = BTreeMap::new();
        header.insert("alg".into(), json!(keys.signing.algorithm().name()));
        header.insert("kid".into(), json!(keys.signing.kid()));
        if let Some(typ) = policy.types.iter().find(|typ| *typ != ABSENT) {
            header.insert("typ".into(), json!(typ));
        }
        let mut draft = Draft {
            signed_by: Signed::By(keys.signing),
            keys,
            ordinal,
            header,
            claims: BTreeMap::new(),
            issued_at,
            lifetime,
            now,
            policy,
            header_bytes: None,
            payload_bytes: None,
            payload_text: None,
            form: SignatureForm::Raw,
            after: None,
            text: None,
        };
        draft.claim(ids);
        draft
    }

    /// Fills in the usual claims, those that the policy checks, and those that it requires. Claims
    /// that it prohibits are left out.
    fn claim(&mut self, [subject, jwt_id]: [&str; 2]) {
        let policy = self.policy;
        let client = policy.clients.first().map_or("billing-web", String::as_str);
        let audience = json!([policy.audience[0], "ledger-api"]);
        let usual = [
            ("iss", json!(policy.issuer)),
            ("sub", json!(subject)),
            ("aud", audience),
            ("iat", json!(self.issued_at)),
            ("exp", json!(self.issued_at + self.lifetime)),
            ("jti", json!(jwt_id)),
            ("client_id", json!(client)),
        ];
        self.claims.extend(usual.map(|(name, value)| (name.to_owned(), value)));
        let kind = policy.subject_kinds.first().map_or("user", String::as_str);
        let mut scopes: Vec<&str> = policy.required_scopes.iter().map(String::as_str).collect();
        scopes.push("ledger:read");
        let names = &policy.claims;
        let client_claim = fit::client_claim(policy).to_owned();
        self.put(&client_claim, json!(client), !policy.clients.is_empty());
        self.put(&names.subject_kind, json!(kind), !policy.subject_kinds.is_empty());
        self.put(&names.scope, self.scopes(&scopes), !policy.required_scopes.is_empty());
        if let Some(tenant) = &policy.tenant {
            self.put(&names.tenant, json!(tenant), true);
        }
        for name in &policy.required_claims {
            let value = self.fitting(name);
            self.claims.entry(name.clone()).or_insert(value);
        }
        self.claims.retain(|name, _| !policy.prohibited_claims.contains(name));
    }

    /// Adds a claim. A claim that the policy does not check is added only if its name has no other
    /// meaning.
    fn put(&mut self, name: &str, value: Value, is_asked: bool) {
        let is_free = !self.claims.contains_key(name) && !fit::REGISTERED.contains(&name);
        if is_asked || is_free {
            self.claims.insert(name.to_owned(), value);
        }
    }

    /// The value of the scope claim in the form that the policy expects.
    pub fn scopes(&self, scopes: &[&str]) -> Value {
        match self.policy.claims.scope_form {
            ScopeForm::Array => json!(scopes),
            ScopeForm::String => json!(scopes.join(" ")),
        }
    }

    /// A value that is valid for a claim of this name.
    pub fn fitting(&self, name: &str) -> Value {
        match name {
            "iat" | "nbf" => json!(self.issued_at),
            "token_use" => json!("access"),
            "cnf" => json!({}),
            _ => json!("x"),
        }
    }

    /// Whether a good token may have a claim of this name.
    pub fn allows(&self, name: &str) -> bool {
        !self.policy.prohibited_claims.iter().any(|prohibited| prohibited == name)
    }

    /// The leeway of the policy in whole seconds, rounded down and up.
    pub fn leeway(&self) -> [i64; 2] {
        whole_seconds(self.policy.leeway)
    }

    /// The `max-age` of the policy in whole seconds, rounded down and up. It is 0 if the policy has
    /// none.
    pub fn max_age(&self) -> [i64; 2] {
        whole_seconds(self.policy.max_age.unwrap_or_default())
    }

    /// The signed parts of the draft without the change of `after`, for classes that rearrange
    /// them.
    pub fn parts(&self, salt: &mut rand_chacha::ChaCha8Rng) -> Parts {
        let text = |map: &BTreeMap<String, Value>| json!(map).to_string().into_bytes();
        let header = self.header_bytes.clone().unwrap_or_else(|| text(&self.header));
        let payload = self.payload_bytes.clone().unwrap_or_else(|| text(&self.claims));
        let header = URL_SAFE_NO_PAD.encode(header);
        let encoded = || URL_SAFE_NO_PAD.encode(payload);
        let payload = self.payload_text.clone().unwrap_or_else(encoded);
        let input = format!("{header}.{payload}");
        let signature = match self.signed_by {
            Signed::By(key) => self.form.of(key, key.sign(input.as_bytes(), salt)),
            Signed::Hmac(hmac, key) => hmac.sign(key, input.as_bytes()),
            Signed::Not => Vec::new(),
        };
        Parts { header, payload, signature, signature_text: None }
    }

    /// The text of the finished token.
    pub fn finish(&self, salt: &mut rand_chacha::ChaCha8Rng) -> Vec<u8> {
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

    /// Pads the claims so that the size of the token comes close to `bytes`.
    pub fn pad_to(&mut self, bytes: usize) {
        let signature = self.keys.signing.signature_len().div_ceil(3) * 4;
        let json = |map: &BTreeMap<String, Value>| json!(map).to_string().len();
        let now = json(&self.header).div_ceil(3) * 4 + json(&self.claims).div_ceil(3) * 4;
        let missing = bytes.saturating_sub(now + signature + 2) * 3 / 4;
        let entitlements: Vec<String> =
            (0..missing / 24).map(|index| format!("urn:acme:feature:{index:04}")).collect();
        if !entitlements.is_empty() {
            self.claims.insert(fit::unread(self.policy, "entitlements"), json!(entitlements));
        }
    }

    /// The algorithm of the trial.
    pub fn algorithm(&self) -> Algorithm {
        self.keys.signing.algorithm()
    }
}

/// The whole seconds of a duration, rounded down and up. A duration that no date can express is cut
/// to [`fit::LONGEST_AGE`].
fn whole_seconds(span: std::time::Duration) -> [i64; 2] {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(fit::LONGEST_AGE).min(fit::LONGEST_AGE);
    [seconds, seconds + i64::from(span.subsec_nanos() > 0)]
}
