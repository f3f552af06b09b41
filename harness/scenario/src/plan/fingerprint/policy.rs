//! The fingerprint of the policy that judges.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::{ClaimNames, PolicySpec, Profile, ScopeForm, SenderConstraint};
use jwtbench_verifier::proof::ProofPolicy;

use super::{Fingerprint, Fingerprinted};

/// The version, which changes whenever the written values of a policy change.
const VERSION: u32 = 1;

/// SHA-256 of a policy, in hex.
pub fn policy_hash(policy: &PolicySpec) -> String {
    let mut to = Fingerprint::new("policy", VERSION);
    to.field("policy", policy);
    to.finish()
}

impl Fingerprinted for PolicySpec {
    fn write(&self, to: &mut Fingerprint) {
        let PolicySpec {
            issuer,
            audience,
            algorithms,
            types,
            leeway,
            max_token_bytes,
            max_header_bytes,
            max_age,
            required_claims,
            prohibited_claims,
            kid_required,
            tenant,
            clients,
            subject_kinds,
            required_scopes,
            profile,
            sender_constraint,
            claims,
            proof,
        } = self;
        to.field("issuer", issuer);
        to.field("audience", audience);
        to.field("algorithms", algorithms);
        to.field("types", types);
        to.field("leeway", leeway);
        to.field("max-token-bytes", max_token_bytes);
        to.field("max-header-bytes", max_header_bytes);
        to.field("max-age", max_age);
        to.field("required-claims", required_claims);
        to.field("prohibited-claims", prohibited_claims);
        to.field("kid-required", kid_required);
        to.field("tenant", tenant);
        to.field("clients", clients);
        to.field("subject-kinds", subject_kinds);
        to.field("required-scopes", required_scopes);
        to.field("profile", profile);
        to.field("sender-constraint", sender_constraint);
        to.field("claims", claims);
        // Later than the rest: what does not have it is as it was.
        if *proof != ProofPolicy::default() {
            to.field("proof", proof);
        }
    }
}

impl Fingerprinted for ProofPolicy {
    fn write(&self, to: &mut Fingerprint) {
        let ProofPolicy { algorithms, max_bytes, max_age, needs_nonce } = self;
        to.field("algorithms", algorithms);
        to.field("max-bytes", max_bytes);
        to.field("max-age", max_age);
        to.field("needs-nonce", needs_nonce);
    }
}

impl Fingerprinted for Algorithm {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(self.name());
    }
}

impl Fingerprinted for Profile {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Profile::Plain => "plain",
            Profile::Rfc9068 => "rfc9068",
        });
    }
}

impl Fingerprinted for SenderConstraint {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            SenderConstraint::Off => "off",
            SenderConstraint::IfPresent => "if-present",
            SenderConstraint::Required => "required",
        });
    }
}

impl Fingerprinted for ClaimNames {
    fn write(&self, to: &mut Fingerprint) {
        let ClaimNames { scope, scope_form, tenant, client, subject_kind, authorization_version } =
            self;
        to.field("scope", scope);
        to.field("scope-form", scope_form);
        to.field("tenant", tenant);
        to.field("client", client);
        to.field("subject-kind", subject_kind);
        to.field("authorization-version", authorization_version);
    }
}

impl Fingerprinted for ScopeForm {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            ScopeForm::String => "string",
            ScopeForm::Array => "array",
        });
    }
}
