//! The class table: every way a token can be wrong that this suite knows, a row each. The order is
//! that of the contract's order of work.

use serde_json::json;

use jwtbench_verifier::rejection::Rejection::{self, *};

use super::class::{ClassRow, Need, Stage};
use super::draft::{Draft, Parts, Signed};

type Alter = fn(&mut Draft<'_>);

const fn row(
    name: &'static str,
    due: Option<Rejection>,
    stage: Stage,
    about: &'static str,
    alter: Alter,
) -> ClassRow {
    ClassRow { name, due, stage, forged: false, need: Need::Nothing, about, alter }
}

impl ClassRow {
    const fn forged(mut self) -> ClassRow {
        self.forged = true;
        self
    }

    const fn needs(mut self, need: Need) -> ClassRow {
        self.need = need;
        self
    }
}

/// The table.
#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub static CLASSES: [ClassRow; 64] = [
    row("valid", None, Stage::Good, "A good token, reissued to its holder as it expires.", |_| {}),
    row("valid-2k", None, Stage::Good, "A good token of about 2 KB.", |d| d.pad_to(2048)),
    row("valid-4k", None, Stage::Good, "A good token of about 4 KB.", |d| d.pad_to(4096)),
    row("valid-8k", None, Stage::Good, "A good token just under 8 KB.", |d| d.pad_to(8100)),
    row(
        "stolen-key",
        None,
        Stage::Good,
        "Signed with the first key whatever the issuer signs with now: the thief of that key.",
        |_| {},
    ),
    row("missing", Some(Missing), Stage::Open, "No token at all.", |d| d.text = Some(Vec::new())),
    row(
        "oversized-16k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 16 KB.",
        |d| d.pad_to(16 << 10),
    ),
    row(
        "oversized-64k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 64 KB.",
        |d| d.pad_to(64 << 10),
    ),
    row(
        "oversized-256k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 256 KB.",
        |d| d.pad_to(256 << 10),
    ),
    row(
        "oversized-1m",
        Some(Oversized),
        Stage::Open,
        "A signed token of 1 MB.",
        |d| d.pad_to(1 << 20),
    ),
    row("oversized-dots", Some(Oversized), Stage::Open, "100 000 dots.", |d| {
        d.text = Some(vec![b'.'; 100_000]);
    }),
    row(
        "oversized-header",
        Some(Oversized),
        Stage::Open,
        "A header of 64 KB, in a certificate chain that nobody asked for.",
        |d| _ = d.header.insert("x5c".into(), json!(["M".repeat(48 << 10)])),
    ),
    row(
        "oversized-signature",
        Some(Oversized),
        Stage::Open,
        "A signature part of 21 840 characters.",
        |d| d.after = Some(|parts, _| parts.signature.resize(16_380, 7)),
    )
    .forged(),
    row("malformed", Some(Malformed), Stage::Open, "No compact JWS, in several ways.", malformed),
    row(
        "long-header",
        Some(Malformed),
        Stage::Open,
        "A header over 2048 bytes in a token under the limit.",
        |d| _ = d.header.insert("note".into(), json!("n".repeat(2048))),
    ),
    row("deep-header", Some(Malformed), Stage::Open, "A header nested 17 levels deep.", |d| {
        let nest = format!("{}1{}", "[".repeat(16), "]".repeat(16));
        let text = json!(d.header).to_string();
        d.header_bytes = Some(text.replacen('{', &format!("{{\"x\":{nest},"), 1).into_bytes());
    }),
    row("duplicate-header", Some(Malformed), Stage::Open, "A header with two `alg`.", |d| {
        let text = json!(d.header).to_string();
        d.header_bytes = Some(text.replacen('{', "{\"\\u0061lg\":\"none\",", 1).into_bytes());
    }),
    row("encrypted", Some(Encrypted), Stage::Open, "Five parts: a JWE.", |d| {
        let part = "eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ";
        d.text = Some(format!("{part}.{part}.{part}.{part}.{part}").into_bytes());
    }),
    row("alg-none", Some(AlgNone), Stage::Open, "Unsigned, `alg` none in all spellings.", |d| {
        let spelling = ["none", "None", "NONE", "nOnE"][d.ordinal as usize % 4];
        d.header.insert("alg".into(), json!(spelling));
        d.signed_by = Signed::Not;
    })
    .forged(),
    row(
        "other-algorithm",
        Some(AlgNotAllowed),
        Stage::Open,
        "Really signed by the issuer, with an algorithm that the policy does not allow.",
        |d| {
            d.header.insert("alg".into(), json!(d.keys.other_type.algorithm().name()));
            d.header.insert("kid".into(), json!(d.keys.other_type.kid()));
            d.signed_by = Signed::By(d.keys.other_type);
        },
    ),
    row(
        "hmac-confusion",
        Some(AlgNotAllowed),
        Stage::Open,
        "HS256 keyed with the issuer's public key.",
        |d| {
            d.header.insert("alg".into(), json!("HS256"));
            d.signed_by = Signed::HmacUnderPublicKey(d.keys.signing);
        },
    )
    .forged(),
    row(
        "alg-case",
        Some(AlgNotAllowed),
        Stage::Open,
        "The right algorithm in lower case.",
        |d| _ = d.header.insert("alg".into(), json!(d.algorithm().name().to_lowercase())),
    ),
    row("id-token", Some(TypeMismatch), Stage::Open, "An ID token: `typ` JWT, a nonce.", |d| {
        d.header.insert("typ".into(), json!("JWT"));
        d.claims.insert("nonce".into(), json!("n-0S6_WzA2Mj"));
    })
    .needs(Need::Types),
    row("no-typ", Some(TypeMismatch), Stage::Open, "No `typ`.", |d| _ = d.header.remove("typ"))
        .needs(Need::Rfc9068),
    row("crit-unknown", Some(CritUnsupported), Stage::Open, "An unknown critical parameter.", |d| {
        d.header.insert("crit".into(), json!(["urn:example:must-understand"]));
        d.header.insert("urn:example:must-understand".into(), json!(true));
    }),
    row("crit-empty", Some(CritUnsupported), Stage::Open, "An empty `crit`.", |d| {
        d.header.insert("crit".into(), json!([]));
    }),
    row("unencoded-payload", Some(CritUnsupported), Stage::Open, "`b64` false (RFC 7797).", |d| {
        d.header.insert("b64".into(), json!(false));
        if d.ordinal.is_multiple_of(2) {
            d.header.insert("crit".into(), json!(["b64"]));
        }
    }),
    row(
        "unknown-kid",
        Some(UnknownKid),
        Stage::Key,
        "A kid that the issuer never published, another one in each token.",
        |d| {
            let kid = format!("{}-{}", d.keys.attacker.kid(), d.ordinal);
            d.header.insert("kid".into(), json!(kid));
            d.signed_by = Signed::By(d.keys.attacker);
        },
    )
    .forged(),
    row(
        "unknown-kid-one",
        Some(UnknownKid),
        Stage::Key,
        "A kid that the issuer never published, always the same.",
        |d| {
            d.header.insert("kid".into(), json!(d.keys.attacker.kid()));
            d.signed_by = Signed::By(d.keys.attacker);
        },
    )
    .forged(),
    row(
        "kid-injection",
        Some(UnknownKid),
        Stage::Key,
        "A kid that is a path, a query or an address.",
        |d| {
            let kids = [
                "../../../../dev/null",
                "x' UNION SELECT 'key'; --",
                "https://attacker.example/jwks.json",
                "\u{0}",
            ];
            d.header.insert("kid".into(), json!(kids[d.ordinal as usize % kids.len()]));
            d.signed_by = Signed::By(d.keys.attacker);
        },
    )
    .forged(),
    row("long-kid", Some(UnknownKid), Stage::Key, "A kid of 257 bytes.", |d| {
        d.header.insert("kid".into(), json!("k".repeat(257)));
        d.signed_by = Signed::By(d.keys.attacker);
    })
    .forged(),
    row("no-kid", Some(UnknownKid), Stage::Key, "A good token without `kid`.", |d| {
        d.header.remove("kid");
    })
    .needs(Need::KidRequired),
    row(
        "unknown-kid-expired",
        Some(UnknownKid),
        Stage::Key,
        "An unknown kid in a token that refuses itself: it must never cause a fetch.",
        |d| {
            let kid = format!("{}-{}", d.keys.attacker.kid(), d.ordinal);
            d.header.insert("kid".into(), json!(kid));
            d.signed_by = Signed::By(d.keys.attacker);
            age(d, d.lifetime + d.leeway + 60);
        },
    )
    .forged(),
    row(
        "key-mismatch",
        Some(KeyMismatch),
        Stage::Key,
        "The kid of a key of the issuer that is for another algorithm.",
        |d| _ = d.header.insert("kid".into(), json!(d.keys.other_type.kid())),
    ),
    row(
        "key-ambiguous",
        Some(KeyAmbiguous),
        Stage::Key,
        "A kid under which the issuer publishes two different keys that fit.",
        |_| {},
    ),
    row(
        "signature-padding",
        Some(Malformed),
        Stage::SignatureText,
        "Padding or a foreign character in the signature part.",
        |d| {
            d.after = Some(|parts, ordinal| {
                let text = base64_url(&parts.signature);
                let spoiled = if ordinal.is_multiple_of(2) { text + "=" } else { text + "!" };
                parts.signature_text = Some(spoiled);
            });
        },
    ),
    row("bad-signature", Some(BadSignature), Stage::Signature, "One bit flipped.", |d| {
        d.after = Some(|parts, ordinal| {
            let bit = ordinal as usize * 37 % (parts.signature.len() * 8);
            parts.signature[bit / 8] ^= 1 << (bit % 8);
        });
    })
    .forged(),
    row(
        "other-key",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker under the issuer's kid.",
        |d| d.signed_by = Signed::By(d.keys.attacker),
    )
    .forged(),
    row(
        "embedded-jwk",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker whose public key stands in the header.",
        |d| {
            d.header.insert("jwk".into(), d.keys.attacker.public_jwk().clone());
            d.signed_by = Signed::By(d.keys.attacker);
        },
    )
    .forged(),
    row(
        "key-url",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker who says in `jku` or `x5u` where to find the key.",
        |d| {
            let member = if d.ordinal.is_multiple_of(2) { "jku" } else { "x5u" };
            d.header.insert(member.into(), json!("http://127.0.0.1:9/jwks.json"));
            d.signed_by = Signed::By(d.keys.attacker);
        },
    )
    .forged(),
    row("tampered", Some(BadSignature), Stage::Signature, "Claims changed after signing.", |d| {
        d.after = Some(|parts, _| {
            let claims = json!({ "sub": "admin", "scope": "invoice:read invoice:write" });
            parts.payload = base64_url(claims.to_string().as_bytes());
        });
    })
    .forged(),
    row(
        "cut-signature",
        Some(BadSignature),
        Stage::Signature,
        "A signature cut short, empty or doubled.",
        |d| {
            d.after = Some(|parts, ordinal| match ordinal % 3 {
                0 => parts.signature.truncate(parts.signature.len() - 1),
                1 => parts.signature.clear(),
                _ => parts.signature.extend_from_within(..),
            });
        },
    )
    .forged(),
    row(
        "long-signature",
        Some(BadSignature),
        Stage::Signature,
        "A signature part of 4 000 characters in a token under the limit.",
        |d| d.after = Some(|parts, _| parts.signature.resize(3_000, 7)),
    )
    .forged(),
    row("bad-payload", Some(Malformed), Stage::Claims, "Signed, and no JSON object.", |d| {
        let payloads: [&[u8]; 5] = [b"[]", b"{", b"{\"sub\":\"\xff\"}", b"{}\0", b""];
        d.payload_bytes = Some(payloads[d.ordinal as usize % payloads.len()].to_vec());
    }),
    row("deep-json", Some(Malformed), Stage::Claims, "Signed claims nested 1 000 deep.", |d| {
        let nest = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        let text = json!(d.claims).to_string();
        d.payload_bytes = Some(text.replacen('{', &format!("{{\"x\":{nest},"), 1).into_bytes());
    }),
    row("duplicate-claim", Some(Malformed), Stage::Claims, "A claim that stands twice.", |d| {
        let twice = ["{\"exp\":1,", "{\"\\u0061ud\":\"x\",", "{\"iss\":\"x\","];
        let text = json!(d.claims).to_string();
        let spoiled = text.replacen('{', twice[d.ordinal as usize % twice.len()], 1);
        d.payload_bytes = Some(spoiled.into_bytes());
    }),
    row("claim-type", Some(ClaimInvalid), Stage::Claims, "A claim of the wrong JSON type.", |d| {
        let exp = d.issued_at + d.lifetime;
        let (name, value) = match d.ordinal % 8 {
            0 => ("exp", json!(exp.to_string())),
            1 => ("exp", json!(null)),
            2 => ("exp", json!(true)),
            3 => ("exp", json!(i64::MAX)),
            4 => ("aud", json!(["billing-api", 7])),
            5 => ("aud", json!({ "billing-api": true })),
            6 => ("iat", json!("today")),
            _ => ("sub", json!(42)),
        };
        d.claims.insert(name.into(), value);
    }),
    row("missing-claim", Some(ClaimMissing), Stage::Claims, "A required claim is absent.", |d| {
        let name = ["exp", "sub", "aud", "iss"][d.ordinal as usize % 4];
        d.claims.remove(name);
    }),
    row("empty-claim", Some(ClaimMissing), Stage::Claims, "A required claim is empty.", |d| {
        let (name, value) = match d.ordinal % 3 {
            0 => ("aud", json!([])),
            1 => ("sub", json!("")),
            _ => ("aud", json!("")),
        };
        d.claims.insert(name.into(), value);
    }),
    row("missing-jti", Some(ClaimMissing), Stage::Claims, "No `jti` or `client_id`.", |d| {
        d.claims.remove(if d.ordinal.is_multiple_of(2) { "jti" } else { "client_id" });
    })
    .needs(Need::Rfc9068),
    row("wrong-issuer", Some(IssuerMismatch), Stage::Claims, "Another `iss`, nearly alike.", |d| {
        let good = d.claims["iss"].as_str().unwrap_or_default().to_owned();
        let spoiled = match d.ordinal % 5 {
            0 => format!("{good}/"),
            1 => good.to_uppercase(),
            2 => format!("{good}.attacker.example"),
            3 => good.chars().skip(1).collect(),
            _ => "https://issuer.example/realms/other".into(),
        };
        d.claims.insert("iss".into(), json!(spoiled));
    }),
    row("wrong-audience", Some(AudienceMismatch), Stage::Claims, "For another API.", |d| {
        let spoiled = match d.ordinal % 4 {
            0 => json!("ledger-api"),
            1 => json!(["ledger-api", "reports-api"]),
            2 => json!("billing-api-v2"),
            _ => json!(["BILLING-API"]),
        };
        d.claims.insert("aud".into(), spoiled);
    }),
    row("scope-syntax", Some(ScopeInvalid), Stage::Claims, "`scope` of no valid syntax.", |d| {
        let spoiled = ["invoice:read  x", "invoice:read\tx", "\"invoice:read\"", ""];
        d.claims.insert("scope".into(), json!(spoiled[d.ordinal as usize % spoiled.len()]));
    })
    .needs(Need::Scopes),
    row("expired", Some(Expired), Stage::Time, "Expired by a minute beyond the leeway.", |d| {
        age(d, d.lifetime + d.leeway + 60);
    }),
    row("not-yet-valid", Some(NotYetValid), Stage::Time, "`nbf` an hour ahead.", |d| {
        d.claims.insert("nbf".into(), json!(d.issued_at + 3_600 + d.lifetime + d.leeway));
    }),
    row("issued-in-future", Some(IssuedInFuture), Stage::Time, "`iat` an hour ahead.", |d| {
        age(d, -(3_600 + d.lifetime + d.leeway));
    }),
    row("too-old", Some(TooOld), Stage::Time, "Older than `max-age`, yet not expired.", |d| {
        d.claims.insert("iat".into(), json!(d.issued_at - 30 * 86_400));
    })
    .needs(Need::MaxAge),
    row("refresh-token", Some(TypeMismatch), Stage::Purpose, "`token_use` refresh.", |d| {
        d.claims.insert("token_use".into(), json!("refresh"));
    }),
    row("sender-bound", Some(SenderMismatch), Stage::Purpose, "`cnf`, and no proof.", |d| {
        let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        d.claims.insert("cnf".into(), json!({ "jkt": jkt }));
    })
    .needs(Need::SenderConstraint),
    row("revoked", Some(Revoked), Stage::State, "A `jti` revoked from the beginning.", |_| {}),
    row("wrong-tenant", Some(TenantMismatch), Stage::Request, "For another tenant.", |d| {
        d.claims.insert("tenant_id".into(), json!("globex"));
    })
    .needs(Need::Tenant),
    row("wrong-subject-kind", Some(SubjectKind), Stage::Request, "A subject not served.", |d| {
        d.claims.insert("sub_type".into(), json!("service"));
    })
    .needs(Need::SubjectKinds),
    row("wrong-client", Some(ClientMismatch), Stage::Request, "A client not served.", |d| {
        d.claims.insert("client_id".into(), json!("crawler"));
    })
    .needs(Need::Clients),
    row("scope-missing", Some(ScopeInsufficient), Stage::Request, "A scope is not granted.", |d| {
        if d.ordinal.is_multiple_of(2) {
            d.claims.insert("scope".into(), json!("invoice:readonly ledger:read"));
        } else {
            d.claims.remove("scope");
        }
    })
    .needs(Need::Scopes),
];

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Moves `iat` and `exp` this many seconds into the past.
fn age(draft: &mut Draft<'_>, seconds: i64) {
    draft.claims.insert("iat".into(), json!(draft.issued_at - seconds));
    draft.claims.insert("exp".into(), json!(draft.issued_at - seconds + draft.lifetime));
}

fn malformed(draft: &mut Draft<'_>) {
    match draft.ordinal % 7 {
        0 => draft.text = Some(b"not a token".to_vec()),
        1 => draft.text = Some(b"e30.e30".to_vec()),
        2 => draft.text = Some(b"....".repeat(3)),
        3 => draft.header_bytes = Some(b"not json".to_vec()),
        4 => draft.header_bytes = Some(b"{\"alg\":5}".to_vec()),
        5 => _ = draft.header.insert("kid".into(), json!(7)),
        _ => draft.after = Some(|parts: &mut Parts, _| parts.header.push('=')),
    }
}
