//! The validation contract of one issuer: the requirements that a token must meet to be accepted. A
//! `Policy` is always valid. A `PolicySpec` is a policy as a person writes it.

use std::fmt;
use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::header;
use crate::json::Names;
use crate::proof::ProofPolicy;

/// The entry of `types` that allows a token without one. The media type of this name is written
/// with its `application/`.
pub const ABSENT: &str = "absent";

/// A policy as a person writes it, with every value that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySpec {
    /// The one trusted issuer, compared to `iss` byte by byte (RFC 8725 §3.8).
    pub issuer: String,
    /// The names of this API, one of which `aud` must contain (RFC 8725 §3.9).
    pub audience: Vec<String>,
    /// The allowlist for `alg` (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// Allowed `typ` values, with or without `application/` (RFC 8725 §3.11); [`ABSENT`] allows
    /// none at all.
    pub types: Vec<String>,
    /// The leeway for clock differences, at most 300 s.
    pub leeway: Duration,
    /// The longest token, in bytes.
    pub max_token_bytes: usize,
    /// The longest header, in bytes of JSON.
    pub max_header_bytes: usize,
    /// The greatest age of a token, by `iat`.
    pub max_age: Option<Duration>,
    /// The claims that must be present in addition to those that the contract always requires.
    pub required_claims: Vec<String>,
    /// The claims that mark another kind of token.
    pub prohibited_claims: Vec<String>,
    /// Whether a token without `kid` is refused.
    pub kid_required: bool,
    /// The tenant of requests, unless a request names another.
    pub tenant: Option<String>,
    /// The clients that are served; all if empty.
    pub clients: Vec<String>,
    /// The subject kinds that are served; all if empty.
    pub subject_kinds: Vec<String>,
    /// The scopes that a token must grant.
    pub required_scopes: Vec<String>,
    /// The standard set of required claims.
    pub profile: Profile,
    /// The handling of a `cnf` claim (RFC 7800).
    pub sender_constraint: SenderConstraint,
    /// The names and forms of the configurable claims.
    pub claims: ClaimNames,
    /// What a proof of possession must be.
    pub proof: ProofPolicy,
}

/// A standard set of required claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Only the claims that the contract always requires: `iss`, `sub`, `aud`, `exp`.
    Plain,
    /// The claims of access tokens (RFC 9068 §2.2): also `iat`, `jti`, `client_id`, and `typ`
    /// at+jwt.
    Rfc9068,
}

/// The handling of a `cnf` claim (RFC 7800 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderConstraint {
    /// The claim is ignored.
    Off,
    /// If the claim is present, the request must prove possession of its key.
    IfPresent,
    /// The claim must be present, and the request must prove possession of its key.
    Required,
}

/// The names and forms of claims that differ between issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The claim that contains the scopes.
    pub scope: String,
    /// The form of the scopes in it.
    pub scope_form: ScopeForm,
    /// The claim that names the tenant.
    pub tenant: String,
    /// The claims that name the client. The first one present counts.
    pub client: Vec<String>,
    /// The claim that names the kind of subject.
    pub subject_kind: String,
    /// The claim that contains the authorization version, a whole number.
    pub authorization_version: String,
}

/// The form of the scopes in a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeForm {
    /// One string, separated by single spaces (RFC 6749 §3.3).
    String,
    /// An array of strings.
    Array,
}

impl Default for PolicySpec {
    /// The default policy of the design document.
    fn default() -> PolicySpec {
        PolicySpec {
            issuer: "https://issuer.example/realms/acme".into(),
            audience: vec!["billing-api".into()],
            algorithms: vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA],
            types: vec!["at+jwt".into()],
            leeway: Duration::from_secs(30),
            max_token_bytes: 8192,
            max_header_bytes: 2048,
            max_age: None,
            required_claims: Vec::new(),
            prohibited_claims: Vec::new(),
            kid_required: true,
            tenant: Some("acme".into()),
            clients: Vec::new(),
            subject_kinds: Vec::new(),
            required_scopes: vec!["invoice:read".into()],
            profile: Profile::Rfc9068,
            sender_constraint: SenderConstraint::IfPresent,
            claims: ClaimNames::default(),
            proof: ProofPolicy::default(),
        }
    }
}

impl Default for ClaimNames {
    fn default() -> ClaimNames {
        ClaimNames {
            scope: "scope".into(),
            scope_form: ScopeForm::String,
            tenant: "tenant_id".into(),
            client: vec!["client_id".into(), "azp".into()],
            subject_kind: "sub_type".into(),
            authorization_version: "auth_version".into(),
        }
    }
}

/// A fault in a policy, with its key and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// The key, as written in a scenario's `[policy]`.
    pub key: &'static str,
    /// The fault and its remedy.
    pub reason: String,
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy key `{}`: {}", self.key, self.reason)
    }
}

impl std::error::Error for InvalidPolicy {}

/// The most different members of a payload that are read.
pub(crate) const MAX_MEMBERS: usize = 32;

/// The places in `Policy::members` of the members that every policy reads.
#[derive(Clone, Copy)]
pub(crate) enum Member {
    Iss,
    Sub,
    Aud,
    Exp,
    Nbf,
    Iat,
    Jti,
    Cnf,
    TokenUse,
}

const ALWAYS_READ: [&str; 9] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "token_use"];

/// A valid policy with values derived from it.
#[derive(Clone, Debug)]
pub struct Policy {
    spec: PolicySpec,
    /// The names of the payload members that are read. The first are those of [`Member`].
    pub(crate) members: Names<String, Vec<String>>,
    /// The place of the scopes, if any is required.
    pub(crate) scope: Option<usize>,
    /// The place of the tenant. The policy or a request may need it.
    pub(crate) tenant: usize,
    /// The place of the subject kind, if not all are served.
    pub(crate) subject_kind: Option<usize>,
    /// The place of the authorization version, which state may need.
    pub(crate) authorization_version: usize,
    /// The places of the client claims, if not all clients are served.
    pub(crate) clients: Vec<usize>,
    /// The place of `client_id`, if the profile requires it.
    pub(crate) client_id: Option<usize>,
    pub(crate) required: Vec<usize>,
    pub(crate) prohibited: Vec<usize>,
}

impl Policy {
    /// Checks a policy and derives the values needed for verification.
    ///
    /// # Errors
    /// Returns [`InvalidPolicy`] with the key and the remedy.
    pub fn new(spec: PolicySpec) -> Result<Policy, InvalidPolicy> {
        check(&spec)?;
        let spec = normal(spec);
        let mut members: Vec<String> = ALWAYS_READ.map(String::from).to_vec();
        let mut place = |name: &str| {
            members.iter().position(|known| known == name).unwrap_or_else(|| {
                members.push(name.into());
                members.len() - 1
            })
        };
        // A claim that nothing needs has no place, and is not read (RFC 7519 §4).
        let scope = (!spec.required_scopes.is_empty()).then(|| place(&spec.claims.scope));
        let is_kind_asked = !spec.subject_kinds.is_empty();
        let subject_kind = is_kind_asked.then(|| place(&spec.claims.subject_kind));
        let names = spec.claims.client.iter().filter(|_| !spec.clients.is_empty());
        let clients: Vec<usize> = names.map(|name| place(name)).collect();
        let client_id = (spec.profile == Profile::Rfc9068).then(|| place("client_id"));
        let mut required: Vec<usize> = ["iss", "sub", "aud", "exp"].map(&mut place).to_vec();
        if spec.max_age.is_some() {
            required.push(place("iat"));
        }
        if spec.profile == Profile::Rfc9068 {
            required.extend(["iat", "jti", "client_id"].map(&mut place));
        }
        if spec.tenant.is_some() {
            required.push(place(&spec.claims.tenant));
        }
        required.extend(spec.required_claims.iter().map(|name| place(name)));
        let prohibited: Vec<usize> =
            spec.prohibited_claims.iter().map(|name| place(name)).collect();
        let mut excused = Vec::new();
        if spec.sender_constraint == SenderConstraint::Off {
            excused.push(Member::Cnf as usize);
        }
        excused.retain(|place| !required.contains(place) && !prohibited.contains(place));
        // A claim that only a request or state may need decides nothing by itself, even if it
        // occurs twice.
        let [tenant, authorization_version] =
            [&spec.claims.tenant, &spec.claims.authorization_version].map(|name| {
                let known = members.iter().position(|known| known == name);
                known.unwrap_or_else(|| {
                    members.push(name.clone());
                    excused.push(members.len() - 1);
                    members.len() - 1
                })
            });
        if let Some(both) = prohibited.iter().find(|place| required.contains(place)) {
            let name = &members[*both];
            let reason = format!("prohibits `{name}`, which every token must have; leave it out");
            return Err(InvalidPolicy { key: "prohibited-claims", reason });
        }
        if members.len() > MAX_MEMBERS {
            let reason = format!("more than {MAX_MEMBERS} different claims to read; name fewer");
            return Err(InvalidPolicy { key: "required-claims", reason });
        }
        Ok(Policy {
            spec,
            members: Names::new(members).excusing(excused),
            scope,
            tenant,
            subject_kind,
            authorization_version,
            clients,
            client_id,
            required,
            prohibited,
        })
    }

    /// The policy as a person wrote it, normalised.
    pub fn spec(&self) -> &PolicySpec {
        &self.spec
    }
}

/// The same policy, each algorithm once and each type without `application/` (RFC 7515 §4.1.9),
/// unless it would then be read as [`ABSENT`].
fn normal(mut spec: PolicySpec) -> PolicySpec {
    let given = std::mem::take(&mut spec.algorithms);
    for algorithm in given {
        if !spec.algorithms.contains(&algorithm) {
            spec.algorithms.push(algorithm);
        }
    }
    for typ in &mut spec.types {
        let short = header::without_prefix(typ);
        *typ = match short.eq_ignore_ascii_case(ABSENT) && short != typ {
            true => header::with_prefix(short),
            false => short.to_owned(),
        };
    }
    spec
}

/// Whether a list contains an empty name, which no token can have.
fn holds_empty(names: &[String]) -> bool {
    names.iter().any(String::is_empty)
}

/// Checks the lists for names without a meaning, and for claims that are both needed and
/// prohibited.
fn check_lists(spec: &PolicySpec) -> Result<(), InvalidPolicy> {
    let lists = [
        ("types", &spec.types),
        ("clients", &spec.clients),
        ("subject-kinds", &spec.subject_kinds),
        ("required-claims", &spec.required_claims),
        ("prohibited-claims", &spec.prohibited_claims),
        ("claims.client", &spec.claims.client),
    ];
    if let Some((key, _)) = lists.into_iter().find(|(_, names)| holds_empty(names)) {
        return Err(InvalidPolicy { key, reason: "holds an empty name; leave it out".into() });
    }
    let is_no_type = |typ: &&String| header::is_prefix_alone_or_twice(typ);
    if let Some(typ) = spec.types.iter().find(is_no_type) {
        let reason = format!("holds {typ:?}, which is no media type; \"at+jwt\" is one");
        return Err(InvalidPolicy { key: "types", reason });
    }
    let is_none = |typ: &&String| typ.as_str() != ABSENT && typ.eq_ignore_ascii_case(ABSENT);
    if let Some(typ) = spec.types.iter().find(is_none) {
        let reason = format!(
            "holds {typ:?}; a token without `typ` is allowed by \"absent\", the media type by \
             \"application/absent\""
        );
        return Err(InvalidPolicy { key: "types", reason });
    }
    let ClaimNames { scope, client, subject_kind, .. } = &spec.claims;
    let all_prohibited =
        |names: &[String]| names.iter().all(|name| spec.prohibited_claims.contains(name));
    let needed = [
        ("required-scopes", !spec.required_scopes.is_empty(), std::slice::from_ref(scope)),
        ("clients", !spec.clients.is_empty() && all_prohibited(client), client.as_slice()),
        ("subject-kinds", !spec.subject_kinds.is_empty(), std::slice::from_ref(subject_kind)),
    ];
    for (asking, is_asked, claims) in needed {
        if let Some(both) = claims.iter().find(|name| spec.prohibited_claims.contains(name))
            && is_asked
        {
            let reason = format!("prohibits `{both}`, which `{asking}` looks at; choose one");
            return Err(InvalidPolicy { key: "prohibited-claims", reason });
        }
    }
    Ok(())
}

fn check(spec: &PolicySpec) -> Result<(), InvalidPolicy> {
    let fault = |key, reason: &str| Err(InvalidPolicy { key, reason: reason.into() });
    if spec.issuer.is_empty() {
        return fault("issuer", "is empty; name the one issuer that is trusted");
    }
    if spec.audience.is_empty() || spec.audience.iter().any(String::is_empty) {
        return fault("audience", "is empty or holds an empty name; name this API");
    }
    if spec.algorithms.is_empty() {
        return fault("algorithms", "is empty; allow at least one algorithm");
    }
    if spec.types.is_empty() {
        return fault("types", "is empty; name at least one type, or \"absent\"");
    }
    if spec.leeway > Duration::from_secs(300) {
        return fault("leeway", "is over 300 s; choose 0 s to 300 s");
    }
    if spec.max_token_bytes == 0 || spec.max_token_bytes > 1 << 20 {
        return fault("max-token-bytes", "is not between 1 and 1048576");
    }
    if spec.max_header_bytes == 0 || spec.max_header_bytes > spec.max_token_bytes {
        return fault("max-header-bytes", "is not between 1 and max-token-bytes");
    }
    let is_access = |typ: &String| header::without_prefix(typ).eq_ignore_ascii_case("at+jwt");
    if spec.profile == Profile::Rfc9068 && !spec.types.iter().all(is_access) {
        return fault(
            "types",
            "profile rfc9068 allows only \"at+jwt\"; or set profile = \"plain\"",
        );
    }
    let scopes_ok =
        spec.required_scopes.iter().all(|scope| crate::claims::is_scope_token(scope.as_bytes()));
    if !scopes_ok {
        return fault("required-scopes", "holds a text that is no scope token (RFC 6749 §3.3)");
    }
    if spec.proof.algorithms.is_empty() {
        return fault("proof-algorithms", "is empty; allow at least one algorithm");
    }
    if !(1..=1 << 16).contains(&spec.proof.max_bytes) {
        return fault("max-proof-bytes", "is not between 1 and 65536");
    }
    if spec.proof.max_age > Duration::from_hours(1) {
        return fault("proof-max-age", "is over 1 h; choose 0 s to 1 h");
    }
    if spec.claims.client.is_empty() {
        return fault("claims.client", "is empty; name at least one claim");
    }
    check_lists(spec)
}
