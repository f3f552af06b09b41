//! Two trusted issuers with a tenant each: a token of one never passes at the other, whatever kid
//! it has and whatever key signed it.

use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection::{self, BadSignature, IssuerMismatch, UnknownKid};
use jwtbench_verifier::tenants::{InvalidTenant, Tenants};

use crate::contract::token::{Draft, Key, OURS, key_set};
use crate::contract::{ACCEPT, Court};

const NAMES: [&str; 2] = ["acme", "globex"];

fn issuer(tenant: &str) -> String {
    format!("https://issuer.example/realms/{tenant}")
}

/// How the keys of the two issuers are related.
#[derive(Clone, Copy)]
enum Keys {
    /// Other keys under other kids.
    Apart,
    /// Other keys under the same kid.
    SameKid,
    /// The very same key under the same kid.
    Same,
}

impl Keys {
    fn of(self, key: Key, tenant: &str) -> (Key, String) {
        let other = tenant == NAMES[1];
        match self {
            Keys::Apart => (if other { key.other() } else { key }, format!("{tenant}-key")),
            Keys::SameKid => (if other { key.other() } else { key }, "shared".into()),
            Keys::Same => (key, "shared".into()),
        }
    }
}

fn court(keys: Keys, key: Key, tenant: &str) -> Court {
    let (own, kid) = keys.of(key, tenant);
    let entry = own.jwk(&format!(r#","kid":"{kid}","alg":"{}""#, own.alg()));
    let tenant = Some(tenant.to_owned());
    let issuer = issuer(tenant.as_deref().unwrap_or_default());
    let spec = PolicySpec { issuer, tenant, ..PolicySpec::default() };
    Court { spec, key_set: key_set(&[entry]), ..Court::default() }
}

fn token(keys: Keys, key: Key, tenant: &str) -> String {
    let (own, kid) = keys.of(key, tenant);
    Draft::good(own)
        .head("kid", &format!("\"{kid}\""))
        .claim("iss", &format!("\"{}\"", issuer(tenant)))
        .claim("tenant_id", &format!("\"{tenant}\""))
        .mint()
}

#[test]
fn a_token_of_one_never_passes_at_the_other() {
    let rows: [(Keys, Rejection, &str); 3] = [
        (Keys::Apart, UnknownKid, "other keys under other kids"),
        (Keys::SameKid, BadSignature, "other keys under the same kid"),
        (Keys::Same, IssuerMismatch, "the same key under the same kid"),
    ];
    for key in OURS {
        for (keys, refusal, why) in rows {
            let courts = NAMES.map(|tenant| (tenant, court(keys, key, tenant)));
            let tenants = Tenants::new(courts).expect("two tenants");
            for issued_for in NAMES {
                let token = token(keys, key, issued_for);
                for requested in NAMES {
                    let chosen = tenants.choose(requested).expect("a trusted issuer");
                    let own = issued_for == requested;
                    chosen.check_token(&token, if own { ACCEPT } else { Err(refusal) }, why);
                }
            }
        }
    }
}

#[test]
fn the_request_chooses_and_nothing_else_does() {
    let tenants = Tenants::new(NAMES.map(|tenant| (tenant, tenant))).expect("two tenants");
    for name in NAMES {
        assert_eq!(tenants.choose(name), Some(&name));
    }
    for other in ["", "ACME", "acme ", "initech"] {
        assert_eq!(tenants.choose(other), None, "`{other}`");
    }
    let twice = Tenants::new([("acme", 1), ("acme", 2)]);
    assert_eq!(twice.err(), Some(InvalidTenant("acme".into())));
    assert!(Tenants::new([("", 1)]).is_err(), "a tenant without a name");
}
