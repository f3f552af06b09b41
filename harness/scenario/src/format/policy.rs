//! The serde type of a policy: a scenario's `[policy]` table, or a whole policy file. It holds
//! overrides of the default policy.

use serde::{Deserialize, Serialize};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::{
    ClaimNames, InvalidPolicy, Policy, PolicySpec, Profile, ScopeForm, SenderConstraint,
};
use jwtbench_verifier::proof::ProofPolicy;

use crate::format::wire::Span;

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WirePolicy {
    issuer: Option<String>,
    audience: Option<Vec<String>>,
    algorithms: Option<Vec<Algorithm>>,
    types: Option<Vec<String>>,
    leeway: Option<Span>,
    max_token_bytes: Option<usize>,
    max_header_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<Span>,
    required_claims: Option<Vec<String>>,
    prohibited_claims: Option<Vec<String>>,
    kid_required: Option<bool>,
    tenant: Option<String>,
    clients: Option<Vec<String>>,
    subject_kinds: Option<Vec<String>>,
    required_scopes: Option<Vec<String>>,
    profile: Option<WireProfile>,
    sender_constraint: Option<WireSenderConstraint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_algorithms: Option<Vec<Algorithm>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_proof_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_max_age: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_nonce: Option<WireNonce>,
    #[serde(default)]
    claims: WireClaims,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WireProfile {
    Plain,
    Rfc9068,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WireSenderConstraint {
    Off,
    IfPresent,
    Required,
}

#[derive(Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WireNonce {
    Off,
    Required,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WireScopeForm {
    String,
    Array,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireClaims {
    scope: Option<String>,
    scope_form: Option<WireScopeForm>,
    tenant: Option<String>,
    client: Option<Vec<String>>,
    subject_kind: Option<String>,
    authorization_version: Option<String>,
}

impl WirePolicy {
    /// Whether the table says which algorithms are allowed.
    pub(crate) fn has_algorithms(&self) -> bool {
        self.algorithms.is_some()
    }

    /// The default policy with these overrides, checked. Duplicates in a list are dropped.
    pub(crate) fn resolve(self) -> Result<PolicySpec, InvalidPolicy> {
        let base = PolicySpec::default();
        let spec = PolicySpec {
            issuer: self.issuer.unwrap_or(base.issuer),
            audience: self.audience.unwrap_or(base.audience),
            algorithms: self.algorithms.unwrap_or(base.algorithms),
            types: self.types.unwrap_or(base.types),
            leeway: self.leeway.map_or(base.leeway, |span| span.0),
            max_token_bytes: self.max_token_bytes.unwrap_or(base.max_token_bytes),
            max_header_bytes: self.max_header_bytes.unwrap_or(base.max_header_bytes),
            max_age: self.max_age.map(|span| span.0).or(base.max_age),
            required_claims: self.required_claims.unwrap_or(base.required_claims),
            prohibited_claims: self.prohibited_claims.unwrap_or(base.prohibited_claims),
            kid_required: self.kid_required.unwrap_or(base.kid_required),
            tenant: match self.tenant {
                // An empty tenant turns the check off.
                Some(tenant) => Some(tenant).filter(|tenant| !tenant.is_empty()),
                None => base.tenant,
            },
            clients: self.clients.unwrap_or(base.clients),
            subject_kinds: self.subject_kinds.unwrap_or(base.subject_kinds),
            required_scopes: self.required_scopes.unwrap_or(base.required_scopes),
            profile: self.profile.map_or(base.profile, WireProfile::resolve),
            sender_constraint: self
                .sender_constraint
                .map_or(base.sender_constraint, WireSenderConstraint::resolve),
            claims: self.claims.resolve(),
            proof: ProofPolicy {
                algorithms: self.proof_algorithms.unwrap_or(base.proof.algorithms),
                max_bytes: self.max_proof_bytes.unwrap_or(base.proof.max_bytes),
                max_age: self.proof_max_age.map_or(base.proof.max_age, |span| span.0),
                needs_nonce: self.proof_nonce == Some(WireNonce::Required),
            },
        };
        Ok(Policy::new(spec)?.spec().clone())
    }
}

/// Writes out every key, so that the text does not depend on the defaults. Those of proofs are
/// written if one of them differs.
impl From<&PolicySpec> for WirePolicy {
    fn from(spec: &PolicySpec) -> WirePolicy {
        let spec = spec.clone();
        let profile = match spec.profile {
            Profile::Plain => WireProfile::Plain,
            Profile::Rfc9068 => WireProfile::Rfc9068,
        };
        let sender_constraint = match spec.sender_constraint {
            SenderConstraint::Off => WireSenderConstraint::Off,
            SenderConstraint::IfPresent => WireSenderConstraint::IfPresent,
            SenderConstraint::Required => WireSenderConstraint::Required,
        };
        let proof = Some(spec.proof).filter(|proof| *proof != ProofPolicy::default());
        let nonce = |proof: &ProofPolicy| match proof.needs_nonce {
            true => WireNonce::Required,
            false => WireNonce::Off,
        };
        WirePolicy {
            issuer: Some(spec.issuer),
            audience: Some(spec.audience),
            algorithms: Some(spec.algorithms),
            types: Some(spec.types),
            leeway: Some(Span(spec.leeway)),
            max_token_bytes: Some(spec.max_token_bytes),
            max_header_bytes: Some(spec.max_header_bytes),
            max_age: spec.max_age.map(Span),
            required_claims: Some(spec.required_claims),
            prohibited_claims: Some(spec.prohibited_claims),
            kid_required: Some(spec.kid_required),
            tenant: Some(spec.tenant.unwrap_or_default()),
            clients: Some(spec.clients),
            subject_kinds: Some(spec.subject_kinds),
            required_scopes: Some(spec.required_scopes),
            profile: Some(profile),
            sender_constraint: Some(sender_constraint),
            proof_nonce: proof.as_ref().map(nonce),
            max_proof_bytes: proof.as_ref().map(|proof| proof.max_bytes),
            proof_max_age: proof.as_ref().map(|proof| Span(proof.max_age)),
            proof_algorithms: proof.map(|proof| proof.algorithms),
            claims: WireClaims::from(spec.claims),
        }
    }
}

impl From<ClaimNames> for WireClaims {
    fn from(names: ClaimNames) -> WireClaims {
        let scope_form = match names.scope_form {
            ScopeForm::String => WireScopeForm::String,
            ScopeForm::Array => WireScopeForm::Array,
        };
        WireClaims {
            scope: Some(names.scope),
            scope_form: Some(scope_form),
            tenant: Some(names.tenant),
            client: Some(names.client),
            subject_kind: Some(names.subject_kind),
            authorization_version: Some(names.authorization_version),
        }
    }
}

impl WireProfile {
    fn resolve(self) -> Profile {
        match self {
            WireProfile::Plain => Profile::Plain,
            WireProfile::Rfc9068 => Profile::Rfc9068,
        }
    }
}

impl WireSenderConstraint {
    fn resolve(self) -> SenderConstraint {
        match self {
            WireSenderConstraint::Off => SenderConstraint::Off,
            WireSenderConstraint::IfPresent => SenderConstraint::IfPresent,
            WireSenderConstraint::Required => SenderConstraint::Required,
        }
    }
}

impl WireClaims {
    fn resolve(self) -> ClaimNames {
        let base = ClaimNames::default();
        ClaimNames {
            scope: self.scope.unwrap_or(base.scope),
            scope_form: match self.scope_form {
                Some(WireScopeForm::Array) => ScopeForm::Array,
                Some(WireScopeForm::String) | None => base.scope_form,
            },
            tenant: self.tenant.unwrap_or(base.tenant),
            client: self.client.unwrap_or(base.client),
            subject_kind: self.subject_kind.unwrap_or(base.subject_kind),
            authorization_version: self.authorization_version.unwrap_or(base.authorization_version),
        }
    }
}
