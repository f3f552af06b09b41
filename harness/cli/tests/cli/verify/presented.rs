//! Tokens that are presented with proofs and certificates, line by line.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;

const REQUEST: &str = "GET https://api.example/orders?page=2";
const HTU: &str = "https://api.example/orders";
/// What begins as a certificate does, which is all that is looked at.
const CERTIFICATE: &[u8] = &[0x30, 0x82, 0x01, 0x02];

/// An issuer of tokens that are bound to keys, and a client with a key.
struct BoundIssuer {
    issuer: TestIssuer,
    key: SigningKey,
    client: SigningKey,
}

fn jwk(key: &SigningKey) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    json!({ "crv": "Ed25519", "kty": "OKP", "x": x })
}

fn thumbprint(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(jwk(key).to_string()))
}

fn certificate_hash() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(CERTIFICATE))
}

fn certificate() -> String {
    format!(":{}:", STANDARD.encode(CERTIFICATE))
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

impl BoundIssuer {
    fn new() -> BoundIssuer {
        let [key, client] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_bytes(&seed));
        let issuer = TestIssuer::new();
        let mut public = jwk(&key);
        public["kid"] = "one".into();
        public["alg"] = "EdDSA".into();
        issuer.put("jwks.json", json!({ "keys": [public] }).to_string());
        BoundIssuer { issuer, key, client }
    }

    /// Sets keys of the policy.
    fn policy(&self, keys: &str) {
        let text = policy_file::text(&scenario(SCENARIO).policy);
        self.issuer.put("api.toml", format!("{keys}\n{text}"));
    }

    /// A token with this `cnf`, and these other claims.
    fn token(&self, confirmation: &Value, others: &Value) -> String {
        let policy = &scenario(SCENARIO).policy;
        let now = EPOCH.seconds();
        let mut claims = json!({
            "iss": policy.issuer, "aud": policy.audience[0], "sub": "a", "jti": "t",
            "iat": now - 10, "exp": now + 60, "client_id": "c", "tenant_id": policy.tenant,
            "scope": policy.required_scopes.join(" "),
        });
        if !confirmation.is_null() {
            claims["cnf"] = confirmation.clone();
        }
        for (name, value) in others.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signed(&self.key, &json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "one" }), &claims)
    }

    fn proof(&self, token: &str, id: &str, others: &Value) -> String {
        let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk(&self.client) });
        let mut claims = json!({
            "jti": id, "htm": "GET", "htu": HTU, "iat": EPOCH.seconds(),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
        });
        for (name, value) in others.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signed(&self.client, &header, &claims)
    }

    /// The verdicts on tokens with proofs and certificates.
    fn judged(&self, lines: &[[String; 3]], flags: &[&str]) -> Vec<String> {
        let column =
            |at: usize| lines.iter().map(|line| line[at].clone() + "\n").collect::<String>();
        self.issuer.put("proofs.txt", column(1));
        self.issuer.put("certificates.txt", column(2));
        let files = ["--proofs", "proofs.txt", "--certificates", "certificates.txt"];
        let args = [&files[..], &["--request", REQUEST], flags].concat();
        self.issuer.verdicts(&args, column(0).as_bytes())
    }
}

/// A line, and the code and status that are due; `None` if the token is accepted.
type Row = ([String; 3], Option<(&'static str, u16)>);

fn check(issuer: &BoundIssuer, rows: &[Row]) {
    let lines: Vec<[String; 3]> = rows.iter().map(|(line, _)| line.clone()).collect();
    let due = |(line, (_, due)): (u64, &Row)| match due {
        None => accept(line),
        Some((code, status)) => reject(line, code, *status),
    };
    let expected: Vec<String> = (1..).zip(rows).map(due).collect();
    assert_eq!(issuer.judged(&lines, &[]), expected);
    let explained = issuer.judged(&lines, &["--explain"]);
    for (answer, expected) in explained.iter().zip(&expected) {
        let begin = expected.trim_end_matches('}');
        assert!(answer.starts_with(begin) && answer.contains("\"compared\":"), "{answer}");
    }
    let all = explained.concat();
    let secrets = lines.iter().flat_map(|[token, proof, _]| [token, proof]);
    for secret in secrets.filter(|text| text.len() > 100) {
        assert!(!all.contains(&secret[100..]), "nothing of a token or proof is shown");
    }
    assert!(!all.contains(&thumbprint(&issuer.client)));
}

#[test]
fn a_token_that_is_bound_to_a_key_needs_its_proof() {
    let issuer = BoundIssuer::new();
    let none = json!({});
    let by_key = json!({ "jkt": thumbprint(&issuer.client) });
    let bearer = issuer.token(&Value::Null, &none);
    let bound = issuer.token(&by_key, &none);
    let expired = issuer.token(&by_key, &json!({ "exp": EPOCH.seconds() - 60 }));
    let narrow = issuer.token(&by_key, &json!({ "scope": "other" }));
    let another = issuer.token(&json!({ "jkt": thumbprint(&issuer.key) }), &none);
    let good = |token: &String, id: &str| issuer.proof(token, id, &none);
    let bad = |token: &String, change: Value| issuer.proof(token, "bad", &change);
    let row = |token: &String, proof: String, due: Option<&'static str>| {
        ([token.clone(), proof, String::new()], due.map(|code| (code, 401)))
    };
    let mismatch = Some("JWT_SENDER_MISMATCH");
    let method = Some("JWT_PROOF_METHOD_MISMATCH");
    let late = json!({ "iat": EPOCH.seconds() - 91 });
    let elsewhere = json!({ "htu": "https://api.example/" });
    let post = json!({ "htm": "POST" });
    let rows = [
        row(&bearer, String::new(), None),
        row(&bearer, good(&bearer, "a"), mismatch),
        row(&bound, String::new(), mismatch),
        row(&bound, good(&bound, "b"), None),
        row(&bound, good(&bound, "b"), Some("JWT_PROOF_REPLAYED")),
        row(&bound, good(&bound, "c"), None),
        row(&another, good(&another, "d"), mismatch),
        row(&bound, good(&bearer, "e"), Some("JWT_PROOF_TOKEN_MISMATCH")),
        row(&bound, "a.b".into(), Some("JWT_PROOF_MALFORMED")),
        row(&bound, "x".repeat(5000), Some("JWT_PROOF_OVERSIZED")),
        row(&bound, bad(&bound, post.clone()), method),
        row(&bound, bad(&bound, elsewhere), Some("JWT_PROOF_TARGET_MISMATCH")),
        row(&bound, bad(&bound, late), Some("JWT_PROOF_TIME_MISMATCH")),
        // The token's own faults come first, but for those of step 12.
        row(&expired, bad(&expired, post.clone()), Some("JWT_EXPIRED")),
        row(&narrow, bad(&narrow, post), method),
        (row(&narrow, good(&narrow, "f"), None).0, Some(("JWT_SCOPE_INSUFFICIENT", 403))),
        // What was refused was not used up.
        row(&bound, good(&bound, "f"), None),
    ];
    check(&issuer, &rows);
}

#[test]
fn a_token_that_is_bound_to_a_certificate_needs_that() {
    let issuer = BoundIssuer::new();
    let (none, empty) = (json!({}), String::new);
    let by_both = json!({ "jkt": thumbprint(&issuer.client), "x5t#S256": certificate_hash() });
    let bearer = issuer.token(&Value::Null, &none);
    let bound = issuer.token(&json!({ "x5t#S256": certificate_hash() }), &none);
    let both = issuer.token(&by_both, &none);
    let row = |token: &String, proof: String, certificate: String, due: Option<&'static str>| {
        ([token.clone(), proof, certificate], due.map(|code| (code, 401)))
    };
    let proof = |token: &String, id: &str| issuer.proof(token, id, &none);
    let mismatch = Some("JWT_SENDER_MISMATCH");
    let malformed = Some("JWT_CERTIFICATE_MALFORMED");
    let rows = [
        row(&bearer, empty(), certificate(), None),
        row(&bound, empty(), empty(), mismatch),
        row(&bound, empty(), certificate(), None),
        row(&bound, empty(), ":MIIB:".into(), mismatch),
        row(&bound, empty(), "MIIB".into(), malformed),
        row(&bound, empty(), ":AAAA:".into(), malformed),
        row(&bound, empty(), format!(":{}:", "A".repeat(70_000)), malformed),
        row(&bound, proof(&bound, "a"), certificate(), mismatch),
        row(&both, proof(&both, "b"), certificate(), None),
        row(&both, proof(&both, "c"), empty(), mismatch),
        row(&both, empty(), certificate(), mismatch),
    ];
    check(&issuer, &rows);
}

#[test]
fn each_proof_has_one_of_the_nonces_that_were_given_out() {
    let issuer = BoundIssuer::new();
    let bound = issuer.token(&json!({ "jkt": thumbprint(&issuer.client) }), &json!({}));
    let line =
        |id: &str, others: Value| [bound.clone(), issuer.proof(&bound, id, &others), String::new()];
    let lines = [
        line("1", json!({})),
        line("2", json!({ "nonce": "new" })),
        line("3", json!({ "nonce": "old" })),
        line("4", json!({ "nonce": "none" })),
    ];
    issuer.policy("proof-nonce = \"required\"");
    let nonce = "JWT_PROOF_NONCE_MISMATCH";
    let expected = [reject(1, nonce, 401), accept(2), accept(3), reject(4, nonce, 401)];
    assert_eq!(issuer.judged(&lines, &["--nonce", "new", "--nonce", "old"]), expected);
    let expected: Vec<String> = (1..=4).map(|line| reject(line, nonce, 401)).collect();
    assert_eq!(issuer.judged(&lines, &[]), expected, "none was given out");
    issuer.policy("");
    let expected: Vec<String> = (1..=4).map(accept).collect();
    assert_eq!(issuer.judged(&lines, &[]), expected, "where none is asked for");
    let proofs = ["--proofs", "proofs.txt", "--request", REQUEST, "--nonce", "new"];
    issuer.issuer.check_fault(&proofs, &["--nonce has no effect", "api.toml", "proof-nonce"]);
}

#[test]
fn a_policy_says_what_a_proof_must_be() {
    let issuer = BoundIssuer::new();
    let bound = issuer.token(&json!({ "jkt": thumbprint(&issuer.client) }), &json!({}));
    let iat = EPOCH.seconds() - 50;
    let proof = issuer.proof(&bound, "1", &json!({ "iat": iat }));
    let line = [bound.clone(), proof.clone(), String::new()];
    let limit = format!("max-proof-bytes = {}", proof.len() - 1);
    let rows = [
        ("", None),
        ("proof-algorithms = [\"EdDSA\"]", None),
        ("proof-algorithms = [\"ES256\"]", Some("JWT_PROOF_ALG_NOT_ALLOWED")),
        ("proof-max-age = \"20s\"", None),
        ("proof-max-age = \"19s\"", Some("JWT_PROOF_TIME_MISMATCH")),
        ("sender-constraint = \"off\"", None),
        (limit.as_str(), Some("JWT_PROOF_OVERSIZED")),
    ];
    for (keys, due) in rows {
        let policy = policy_file::text(&scenario(SCENARIO).policy);
        let policy = match keys.starts_with("sender") {
            true => policy.replace("sender-constraint = \"if-present\"", keys),
            false => format!("{keys}\n{policy}"),
        };
        issuer.issuer.put("api.toml", policy);
        let due = due.map_or(accept(1), |code| reject(1, code, 401));
        assert_eq!(issuer.judged(std::slice::from_ref(&line), &[]), [due], "{keys}");
    }
    let faults = [
        ("proof-algorithms = []", "`proof-algorithms` is empty"),
        ("max-proof-bytes = 0", "`max-proof-bytes` is not between 1 and 65536"),
        ("proof-max-age = \"2h\"", "`proof-max-age` is over 1 h"),
        ("proof-nonce = \"maybe\"", "proof-nonce"),
    ];
    for (keys, word) in faults {
        issuer.policy(keys);
        issuer.issuer.check_fault(&["--proofs", "proofs.txt", "--request", REQUEST], &[word]);
    }
}

/// A proof is used up in the order of the lines, however many cores judge them.
#[test]
fn the_first_of_many_lines_uses_a_proof() {
    let issuer = BoundIssuer::new();
    let bound = issuer.token(&json!({ "jkt": thumbprint(&issuer.client) }), &json!({}));
    let proof = |id: usize| issuer.proof(&bound, &id.to_string(), &json!({}));
    let proofs: Vec<String> = (0..300).map(proof).collect();
    let lines: Vec<[String; 3]> =
        (0..600).map(|at| [bound.clone(), proofs[at % 300].clone(), String::new()]).collect();
    let answers = issuer.judged(&lines, &[]);
    for (line, answer) in (1..).zip(&answers) {
        let due = if line <= 300 { accept(line) } else { reject(line, "JWT_PROOF_REPLAYED", 401) };
        assert_eq!(*answer, due);
    }
    assert_eq!(answers.len(), 600);
}

#[test]
fn files_without_a_line_for_each_token_are_refused() {
    let issuer = BoundIssuer::new();
    let token = issuer.token(&Value::Null, &json!({}));
    let run = |proofs: &str, tokens: &str, flags: &[&str]| {
        issuer.issuer.put("proofs.txt", proofs);
        let output = issuer.issuer.run(flags, tokens.as_bytes());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let flags = ["--proofs", "proofs.txt", "--request", REQUEST];
    let two = format!("{token}\n{token}\n");
    let rows: [(&str, &str, &[&str], &str); 7] = [
        ("\n", &two, &flags, "--proofs has no line 2"),
        ("\n\n\n", &two, &flags, "--proofs has more lines than the 2"),
        ("\n", &two, &["--certificates", "proofs.txt"], "--certificates has no line 2"),
        ("\n\n", &two, &["--proofs", "proofs.txt"], "--request"),
        ("\n\n", &two, &["--request", REQUEST], "--proofs"),
        ("\n\n", &two, &["--proofs", "gone.txt", "--request", REQUEST], "gone.txt"),
        ("\n\n", &two, &["--proofs", "proofs.txt", "--request", "GET /orders"], "`/orders` is no"),
    ];
    for (proofs, tokens, flags, word) in rows {
        let (code, said) = run(proofs, tokens, flags);
        assert_eq!(code, Some(2), "{flags:?}: {said}");
        assert!(said.contains(word), "{flags:?}: `{word}` is not in {said}");
    }
    let (code, said) = run("\n\n", &two, &flags);
    assert_eq!((code, said.as_str()), (Some(0), ""));
}
