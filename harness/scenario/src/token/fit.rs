//! The fit of the class table to a policy: which claims the tokens carry, and which classes keep
//! their due verdict. A class that does not is refused by name before any token is signed, or
//! before anything is measured.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::{PolicySpec, Profile, ScopeForm, SenderConstraint};
use jwtbench_verifier::rejection::Rejection;

use crate::model::event::{Action, Event};
use crate::plan::Plan;
use crate::token::class::{Class, Stage};

/// The claims with a meaning of their own, which every policy reads (RFC 7519 §4.1 and others).
pub(crate) const REGISTERED: [&str; 9] =
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "token_use"];
/// The registered claims that are not strings, or need not be.
const NO_TEXTS: [&str; 5] = ["aud", "exp", "nbf", "iat", "cnf"];
/// The greatest age at which a token can be minted, in seconds: about 30 000 years.
pub(crate) const LONGEST_AGE: i64 = 1_000_000_000_000;

/// The claim that names the client in minted tokens. It is the first client claim of the policy
/// that the policy does not prohibit.
pub(crate) fn client_claim(policy: &PolicySpec) -> &str {
    let mut names = policy.claims.client.iter();
    let allowed = names.find(|name| !policy.prohibited_claims.contains(name));
    allowed.map_or("client_id", String::as_str)
}

/// The configurable claims that the policy checks in a good token, each with the policy key that
/// names it.
pub(crate) fn asked(policy: &PolicySpec) -> impl Iterator<Item = (&'static str, &str)> {
    let names = &policy.claims;
    let scope = (!policy.required_scopes.is_empty()).then_some(("claims.scope", &*names.scope));
    let tenant = policy.tenant.as_ref().map(|_| ("claims.tenant", &*names.tenant));
    let client = (!policy.clients.is_empty()).then(|| ("claims.client", client_claim(policy)));
    let is_kind_asked = !policy.subject_kinds.is_empty();
    let kind = is_kind_asked.then_some(("claims.subject-kind", &*names.subject_kind));
    [scope, tenant, client, kind].into_iter().flatten()
}

/// Whether the policy checks the type of a claim of this name.
pub(crate) fn is_typed(policy: &PolicySpec, name: &str) -> bool {
    let is_client = !policy.clients.is_empty() && policy.claims.client.iter().any(|n| n == name);
    let is_profiles = policy.profile == Profile::Rfc9068 && name == "client_id";
    let is_bound = policy.sender_constraint != SenderConstraint::Off;
    let is_registered = REGISTERED.contains(&name) && (name != "cnf" || is_bound);
    is_registered || is_client || is_profiles || asked(policy).any(|(_, own)| own == name)
}

/// Whether a claim of this name has no meaning in a good token.
pub(crate) fn is_free(policy: &PolicySpec, name: &str) -> bool {
    !REGISTERED.contains(&name) && !is_typed(policy, name)
}

/// A claim name that the policy does not read, made from this one.
pub(crate) fn unread(policy: &PolicySpec, name: &str) -> String {
    let names = &policy.claims;
    let named = [&names.scope, &names.tenant, &names.subject_kind, &names.authorization_version];
    let lists = [&names.client, &policy.required_claims, &policy.prohibited_claims];
    let is_read = |name: &String| {
        let is_named = named.contains(&name) || lists.iter().any(|list| list.contains(name));
        is_named || is_typed(policy, name)
    };
    let mut name = name.to_owned();
    while is_read(&name) {
        name.push('_');
    }
    name
}

/// Checks that a good token can carry every claim that the policy checks.
///
/// # Errors
/// The policy key that makes this impossible, and the remedy.
pub fn check_names(policy: &PolicySpec) -> Result<(), String> {
    let all: Vec<(&str, &str)> = asked(policy).collect();
    for (place, (key, name)) in all.iter().enumerate() {
        // The subject may serve as the tenant, the client or the subject kind. The other registered
        // claims have meanings of their own.
        let is_subject = *name == "sub" && *key != "claims.scope";
        if REGISTERED.contains(name) && !is_subject {
            return Err(format!(
                "policy key `{key}` is `{name}`, which says something else in a token that is \
                 minted; name another claim"
            ));
        }
        if let Some((other, _)) = all[..place].iter().find(|(_, taken)| taken == name) {
            return Err(format!(
                "policy keys `{other}` and `{key}` are both `{name}`, and a minted token says one \
                 thing in a claim; name two claims"
            ));
        }
    }
    let is_list = !policy.required_scopes.is_empty()
        && policy.claims.scope_form == ScopeForm::Array
        && policy.profile == Profile::Rfc9068
        && policy.claims.scope == "client_id";
    if is_list {
        return Err(
            "policy key `claims.scope` is `client_id`, which profile rfc9068 holds to be a \
                    text; name another claim"
                .into(),
        );
    }
    let is_scope = |name: &str| all.contains(&("claims.scope", name));
    let no_text = |name: &&String| NO_TEXTS.contains(&name.as_str()) || is_scope(name);
    match policy.claims.client.iter().find(no_text) {
        Some(name) if !policy.clients.is_empty() => Err(format!(
            "policy key `claims.client` holds `{name}`, which names no client in a token that is \
             minted; leave it out"
        )),
        _ => Ok(()),
    }
}

/// Checks that the events can apply to tokens of this policy.
///
/// # Errors
/// The policy key that makes this impossible, and the remedy.
pub fn check_events(events: &[Event], policy: &PolicySpec) -> Result<(), String> {
    let mut actions = events.iter().map(|event| &event.action);
    let revokes = actions.any(|action| matches!(action, Action::RevokeTokens { .. }));
    if revokes && policy.prohibited_claims.iter().any(|name| name == "jti") {
        return Err(
            "policy key `prohibited-claims` holds `jti`, by which `revoke-tokens` knows a \
                    token; leave one of them out"
                .into(),
        );
    }
    Ok(())
}

/// Checks that tokens of this class can have the verdict of the class table.
///
/// # Errors
/// The setting that the policy must have instead.
pub fn check_class(class: Class, policy: &PolicySpec) -> Result<(), String> {
    let row = class.row();
    row.need.check(policy)?;
    let is_decided_by = |last: Stage| row.due.is_some() && row.stage <= last;
    let oldest = policy.max_age.map(|age| age.saturating_add(policy.leeway));
    if !is_decided_by(Stage::Time) && oldest.is_some_and(|age| age < Duration::from_secs(2)) {
        return Err("`max-age` and `leeway` of 2s at least together, as its tokens are a second \
                    old at the start"
            .into());
    }
    if is_decided_by(Stage::Purpose) {
        return Ok(());
    }
    let is_cnf_required = policy.required_claims.iter().any(|name| name == "cnf");
    match policy.sender_constraint {
        SenderConstraint::Required => {
            Err("sender-constraint = \"if-present\", as no request here proves a key".into())
        }
        SenderConstraint::IfPresent if is_cnf_required => {
            Err("`required-claims` without `cnf`, as no request here proves a key".into())
        }
        _ => Ok(()),
    }
}

/// A class whose verdict does not hold under a limit of the policy. The limit refuses its tokens
/// before their own fault does, or accepts tokens that should exceed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitClass {
    scenario: String,
    algorithm: Algorithm,
    class: Class,
    what: String,
}

impl fmt::Display for UnfitClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnfitClass { scenario, algorithm, class, what } = self;
        write!(
            f,
            "{scenario} {algorithm}: class `{class:?}` cannot hold: {what}, or leave the \
                   class out"
        )
    }
}

impl std::error::Error for UnfitClass {}

impl UnfitClass {
    /// The fault of a class of this plan. `what` is the fault with its remedy.
    pub(crate) fn new(plan: &Plan, class: Class, what: impl Into<String>) -> UnfitClass {
        let (scenario, algorithm) = (plan.scenario.name.clone(), plan.algorithm);
        UnfitClass { scenario, algorithm, class, what: what.into() }
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.class
    }
}

impl Plan {
    /// Returns the plan if every class keeps its due verdict under the limits of the policy.
    ///
    /// # Errors
    /// The first class that does not, with the limit and the remedy.
    pub fn checked(self) -> Result<Plan, UnfitClass> {
        let policy = &self.scenario.policy;
        for token in &self.corpus.tokens {
            if let Err(what) = check_length(token.class, &token.bytes, policy) {
                return Err(UnfitClass::new(&self, token.class, what));
            }
        }
        Ok(self)
    }
}

/// Checks that no limit of the policy refuses a token of this class before its own fault does. If
/// exceeding the limit is the fault, checks that the token exceeds it.
///
/// # Errors
/// The length, the limit and the remedy.
pub fn check_length(class: Class, token: &[u8], policy: &PolicySpec) -> Result<(), String> {
    let row = class.row();
    let (bytes, limit) = (token.len(), policy.max_token_bytes);
    if row.due == Some(Rejection::Missing) {
        return Ok(());
    }
    match (row.due == Some(Rejection::Oversized), bytes > limit) {
        (true, true) => return Ok(()),
        (true, false) => {
            return Err(format!(
                "it has tokens of {bytes} bytes, which `max-token-bytes` = {limit} lets in; lower \
                 the limit"
            ));
        }
        (false, true) => {
            return Err(format!(
                "it has tokens of {bytes} bytes, over `max-token-bytes` = {limit}; raise the limit"
            ));
        }
        (false, false) => {}
    }
    let is_of_form = matches!(row.due, Some(Rejection::Malformed | Rejection::Encrypted));
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_or(0, |header| header.len());
    let limit = policy.max_header_bytes;
    if header > limit && !(is_of_form && row.stage == Stage::Open) {
        return Err(format!(
            "it has headers of {header} bytes, over `max-header-bytes` = {limit}; raise the limit"
        ));
    }
    Ok(())
}
