//! Tokens under the scheme `DPoP`.

use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::http::dpop::{
    Credentials, DpopRefusal, RefusedRequest, challenge, read, response,
};
use jwtbench_verifier::http::{Elsewhere, InvalidRequest};
use jwtbench_verifier::proof::ProofFault;
use jwtbench_verifier::rejection::Rejection;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];
const INVALID: RefusedRequest = RefusedRequest::Invalid(InvalidRequest);

#[test]
fn a_request_carries_one_token_and_under_dpop_one_proof() {
    type Row<'r> = (&'r [&'r str], &'r [&'r str], Result<Credentials<'r>, RefusedRequest>);
    let dpop = Credentials::Dpop { token: b"a.b.c", proof: b"p" };
    let rows: [Row<'_>; 14] = [
        (&[], &[], Ok(Credentials::Nothing)),
        (&[], &["p"], Ok(Credentials::Nothing)),
        (&["Basic eA=="], &["p"], Ok(Credentials::Nothing)),
        (&["Bearer a.b.c"], &[], Ok(Credentials::Bearer(b"a.b.c"))),
        (&["bearer a.b.c"], &["p", "q"], Ok(Credentials::Bearer(b"a.b.c"))),
        (&["DPoP a.b.c"], &["p"], Ok(dpop)),
        (&["dpop a.b.c"], &["p"], Ok(dpop)),
        (&["DPoP a.b.c"], &[], Err(RefusedRequest::NotOneProof)),
        (&["DPoP a.b.c"], &["p", "p"], Err(RefusedRequest::NotOneProof)),
        (&["DPoP a.b.c d"], &["p"], Err(INVALID)),
        (&["DPoP"], &["p"], Err(INVALID)),
        (&["DPoP a.b.c", "DPoP a.b.c"], &["p"], Err(INVALID)),
        (&["Bearer a.b.c", "DPoP a.b.c"], &["p"], Err(INVALID)),
        (&["DPoP a.b.c", "Basic eA=="], &["p"], Err(INVALID)),
    ];
    for (authorization, proofs, due) in rows {
        let values = authorization.iter().map(|value| value.as_bytes());
        let proofs = proofs.iter().map(|value| value.as_bytes());
        assert_eq!(read(values, proofs, Elsewhere::default()), due, "{authorization:?}");
    }
    let form = Elsewhere { form: true, query: false };
    let twice = read([&b"DPoP a.b.c"[..]], [&b"p"[..]], form);
    assert_eq!(twice, Err(INVALID), "in a body as well");
}

#[test]
fn a_refusal_says_what_the_client_can_do() {
    let proof = |fault| DpopRefusal::Proof(fault);
    let error = |name: &str| Some(format!(r#"DPoP error="{name}", algs="ES256 EdDSA""#));
    let rows = [
        (proof(ProofFault::Malformed), 401, error("invalid_dpop_proof")),
        (proof(ProofFault::Replayed), 401, error("invalid_dpop_proof")),
        (DpopRefusal::NotOneProof, 401, error("invalid_dpop_proof")),
        (proof(ProofFault::NonceMismatch), 401, error("use_dpop_nonce")),
        (proof(ProofFault::SenderMismatch), 401, error("invalid_token")),
        (DpopRefusal::Token(Rejection::Expired), 401, error("invalid_token")),
        (DpopRefusal::Token(Rejection::ScopeInsufficient), 403, error("insufficient_scope")),
        (DpopRefusal::Token(Rejection::TenantMismatch), 403, None),
    ];
    for (refusal, status, due) in rows {
        let said = response(refusal, &ALGORITHMS, Duration::ZERO);
        assert_eq!(said, (status, due, None), "{refusal:?}");
    }
    let unknown = proof(ProofFault::ReplayUnknown);
    let said = response(unknown, &ALGORITHMS, Duration::from_millis(1500));
    assert_eq!(said, (503, None, Some(2)));
    assert_eq!(challenge(&ALGORITHMS), r#"Bearer, DPoP algs="ES256 EdDSA""#);
    let missing = DpopRefusal::Token(Rejection::Missing);
    assert_eq!(response(missing, &ALGORITHMS, Duration::ZERO).1, Some(challenge(&ALGORITHMS)));
}
