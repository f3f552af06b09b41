//! Tokens to be judged: a good one, altered member by member as raw JSON, and really signed with
//! fixed keys. Also the key set that an issuer with these keys would publish.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;

/// `iat` and `nbf` of the good token: 2026-01-01T00:00:00Z.
pub const ISSUED: i64 = 1_767_225_600;
/// `exp` of the good token.
pub const EXPIRES: i64 = ISSUED + 300;

/// A private key of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Ed25519, from a seed of this byte.
    Ed(u8),
    /// P-256, from a scalar of this byte.
    Ec(u8),
}

/// The key of the good token, of either type.
pub const OURS: [Key; 2] = [Key::Ed(1), Key::Ec(1)];

impl Key {
    /// The `alg` it signs under.
    pub fn alg(self) -> &'static str {
        match self {
            Key::Ed(_) => "EdDSA",
            Key::Ec(_) => "ES256",
        }
    }

    /// The kid of [`OURS`].
    pub fn kid(self) -> &'static str {
        match self {
            Key::Ed(_) => "ed",
            Key::Ec(_) => "ec",
        }
    }

    /// Another key of the same type.
    pub fn other(self) -> Key {
        match self {
            Key::Ed(byte) => Key::Ed(byte + 100),
            Key::Ec(byte) => Key::Ec(byte + 100),
        }
    }

    /// Its public JWK, with these further members (raw JSON, starting with a comma).
    pub fn jwk(self, members: &str) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Key::Ed(byte) => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[byte; 32]);
                let x = b64(key.verifying_key().as_bytes());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{members}}}"#)
            }
            Key::Ec(byte) => {
                let key = p256::ecdsa::SigningKey::from_slice(&[byte; 32]).expect("a scalar");
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = (b64(&point.as_bytes()[1..33]), b64(&point.as_bytes()[33..]));
                format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{members}}}"#)
            }
        }
    }

    fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::Ed(byte) => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[byte; 32]);
                key.sign(message).to_bytes().to_vec()
            }
            Key::Ec(byte) => {
                let key = p256::ecdsa::SigningKey::from_slice(&[byte; 32]).expect("a scalar");
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }
}

/// A JWK set of these entries.
pub fn key_set(entries: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, entries.join(","))
}

/// The set that most rows are judged under: our two keys, two under one kid, one for encryption.
pub fn published() -> String {
    let [ed, ec] = OURS;
    key_set(&[
        ed.jwk(r#","kid":"ed","alg":"EdDSA","use":"sig""#),
        ec.jwk(r#","kid":"ec","alg":"ES256","use":"sig""#),
        Key::Ed(21).jwk(r#","kid":"twins","alg":"EdDSA""#),
        Key::Ed(22).jwk(r#","kid":"twins","alg":"EdDSA""#),
        Key::Ec(21).jwk(r#","kid":"twins","alg":"ES256""#),
        Key::Ec(22).jwk(r#","kid":"twins","alg":"ES256""#),
        ed.jwk(r#","kid":"enc","use":"enc""#),
        ec.jwk(r#","kid":"enc","use":"enc""#),
    ])
}

/// A token before it is signed. Values are raw JSON.
#[derive(Clone, Debug)]
pub struct Draft {
    header: Vec<(String, String)>,
    claims: Vec<(String, String)>,
    header_text: Option<Vec<u8>>,
    payload_text: Option<Vec<u8>>,
    payload_tail: &'static str,
    encoded_payload_tail: &'static str,
    signed_by: Key,
    finish: Vec<fn(String) -> String>,
}

fn members(list: &[(String, String)]) -> String {
    let member = |(name, value): &(String, String)| format!(r#""{name}":{value}"#);
    let members: Vec<String> = list.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn set(list: &mut Vec<(String, String)>, name: &str, value: &str) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value.into(),
        None => list.push((name.into(), value.into())),
    }
}

impl Draft {
    /// A good token under the default policy.
    pub fn good(key: Key) -> Draft {
        let text = |text: &str| format!("\"{text}\"");
        let pairs = |list: &[(&str, String)]| {
            let own = list.iter().map(|(name, value)| ((*name).into(), value.clone()));
            own.collect()
        };
        Draft {
            header: pairs(&[
                ("alg", text(key.alg())),
                ("kid", text(key.kid())),
                ("typ", text("at+jwt")),
            ]),
            claims: pairs(&[
                ("iss", text("https://issuer.example/realms/acme")),
                ("sub", text("b1946ac9")),
                ("aud", text("billing-api")),
                ("exp", EXPIRES.to_string()),
                ("nbf", ISSUED.to_string()),
                ("iat", ISSUED.to_string()),
                ("jti", text("0f1e2d3c")),
                ("client_id", text("billing-web")),
                ("tenant_id", text("acme")),
                ("sub_type", text("user")),
                ("scope", text("openid invoice:read")),
            ]),
            header_text: None,
            payload_text: None,
            payload_tail: "",
            encoded_payload_tail: "",
            signed_by: key,
            finish: Vec::new(),
        }
    }

    /// Sets a header member.
    pub fn head(mut self, name: &str, value: &str) -> Draft {
        set(&mut self.header, name, value);
        self
    }

    /// Adds a header member even if there is one of that name.
    pub fn head_again(mut self, name: &str, value: &str) -> Draft {
        self.header.push((name.into(), value.into()));
        self
    }

    /// Takes a header member away.
    pub fn no_head(mut self, name: &str) -> Draft {
        self.header.retain(|(known, _)| known != name);
        self
    }

    /// The whole header, as bytes.
    pub fn header_text(mut self, text: impl Into<Vec<u8>>) -> Draft {
        self.header_text = Some(text.into());
        self
    }

    /// The header's JSON as it would be signed.
    pub fn header_json(&self) -> String {
        members(&self.header)
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: &str) -> Draft {
        set(&mut self.claims, name, value);
        self
    }

    /// Adds a claim even if there is one of that name.
    pub fn claim_again(mut self, name: &str, value: &str) -> Draft {
        self.claims.push((name.into(), value.into()));
        self
    }

    /// Takes a claim away.
    pub fn no_claim(mut self, name: &str) -> Draft {
        self.claims.retain(|(known, _)| known != name);
        self
    }

    /// The value of a claim.
    pub fn claim_json(&self, name: &str) -> String {
        let found = self.claims.iter().find(|(known, _)| known == name);
        found.expect("the claim").1.clone()
    }

    /// The whole payload, as bytes.
    pub fn payload_text(mut self, text: impl Into<Vec<u8>>) -> Draft {
        self.payload_text = Some(text.into());
        self
    }

    /// The payload's JSON as it would be signed.
    pub fn payload_json(&self) -> String {
        members(&self.claims)
    }

    /// Text after the payload's object.
    pub fn payload_tail(mut self, tail: &'static str) -> Draft {
        self.payload_tail = tail;
        self
    }

    /// Text after the encoded payload, signed with it.
    pub fn encoded_payload_tail(mut self, tail: &'static str) -> Draft {
        self.encoded_payload_tail = tail;
        self
    }

    /// Signs with this key, whatever the header says.
    pub fn signed_by(mut self, key: Key) -> Draft {
        self.signed_by = key;
        self
    }

    /// Signs with another key of the same type.
    pub fn forged(self) -> Draft {
        let other = self.signed_by.other();
        self.signed_by(other)
    }

    /// Does what a row of a table says: `claim NAME JSON`, `claim-again NAME JSON`, `no-claim NAME`
    /// and the same with `head`, or `nothing`.
    pub fn act(self, act: &str) -> Draft {
        let words: Vec<&str> = act.splitn(3, ' ').collect();
        match words[..] {
            ["nothing"] => self,
            ["claim", name, json] => self.claim(name, json),
            ["claim-again", name, json] => self.claim_again(name, json),
            ["no-claim", name] => self.no_claim(name),
            ["head", name, json] => self.head(name, json),
            ["head-again", name, json] => self.head_again(name, json),
            ["no-head", name] => self.no_head(name),
            _ => panic!("`{act}` is no act"),
        }
    }

    /// Alters the signed text.
    pub fn then(mut self, alter: fn(String) -> String) -> Draft {
        self.finish.push(alter);
        self
    }

    /// The token.
    pub fn mint(&self) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let header = self.header_text.clone();
        let header = header.unwrap_or_else(|| self.header_json().into_bytes());
        let payload = self.payload_text.clone();
        let mut payload = payload.unwrap_or_else(|| self.payload_json().into_bytes());
        payload.extend(self.payload_tail.as_bytes());
        let tail = self.encoded_payload_tail;
        let input = format!("{}.{}{tail}", b64(&header), b64(&payload));
        let signature = b64(&self.signed_by.sign(input.as_bytes()));
        let signed = format!("{input}.{signature}");
        self.finish.iter().fold(signed, |token, alter| alter(token))
    }
}
