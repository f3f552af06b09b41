//! The explanation of steps 9 to 12: claims, times, purpose and request.

use std::time::Duration;

use crate::claims::{Claims, MAX_DEPTH, confirmation, is_absent, numeric_date};
use crate::json::{self, Members, Raw};
use crate::policy::{MAX_MEMBERS, Member, Policy, ScopeForm, SenderConstraint};
use crate::rejection::Rejection;
use crate::unix_time::UnixTime;

use super::DecodedEvidence;
use super::encoding::escape_fault;
use super::redaction::{hidden_difference, list, quote};

/// The JSON form that a claim must have.
#[derive(Clone, Copy)]
enum ClaimForm {
    Text,
    Texts,
    List,
    Date,
    Confirmation,
}

impl ClaimForm {
    fn fits(self, raw: Raw<'_>) -> bool {
        match self {
            ClaimForm::Text => json::text(raw).is_some(),
            ClaimForm::Texts => json::each_text(raw, drop).is_some(),
            ClaimForm::List => raw.get().starts_with('[') && json::each_text(raw, drop).is_some(),
            ClaimForm::Date => numeric_date(raw).is_some(),
            ClaimForm::Confirmation => confirmation(raw).is_some(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            ClaimForm::Text => "a string",
            ClaimForm::Texts => "a string or an array of strings",
            ClaimForm::List => "an array of strings",
            ClaimForm::Date => "a NumericDate before the year 10000",
            ClaimForm::Confirmation => "an object of strings",
        }
    }
}

impl DecodedEvidence<'_> {
    /// The members of the payload, in the order of the policy.
    fn members(&self) -> Members<'_, MAX_MEMBERS> {
        let payload = self.payload.as_deref().unwrap_or_default();
        let members = json::read_object(payload, MAX_DEPTH, &self.evidence.policy.members);
        members.unwrap_or([None; MAX_MEMBERS])
    }

    fn proven(&self) -> Option<Claims<'_>> {
        Claims::parse(self.payload.as_deref()?, self.evidence.policy).ok()
    }

    pub(super) fn accepted(&self) -> String {
        let Some(claims) = self.proven() else {
            return "every step passed".into();
        };
        let spec = self.evidence.policy.spec();
        let (exp, now) = (instant(claims.expires), instant(self.evidence.now));
        let leeway = seconds(spec.leeway);
        format!("every step passed; exp {exp} + leeway {leeway} > now {now}")
    }

    pub(super) fn claims(&self, code: Rejection) -> String {
        let policy = self.evidence.policy;
        let spec = policy.spec();
        let members = self.members();
        let texts = |member: Member| {
            let mut texts = Vec::new();
            let keep = |text: std::borrow::Cow<'_, str>| texts.push(text.into_owned());
            members[member as usize].and_then(|raw| json::each_text(raw, keep));
            texts
        };
        match code {
            Rejection::ClaimInvalid => invalid(policy, &members),
            Rejection::ClaimMissing => missing(policy, &members),
            Rejection::IssuerMismatch => {
                let iss = texts(Member::Iss);
                let apart = self.redaction.told_apart(&iss, std::slice::from_ref(&spec.issuer));
                let iss = self.redaction.show_all(&iss);
                format!("iss {iss} is not issuer {}{apart}", quote(&spec.issuer))
            }
            Rejection::AudienceMismatch => {
                let aud = texts(Member::Aud);
                let apart = self.redaction.told_apart(&aud, &spec.audience);
                let aud = self.redaction.show_all(&aud);
                format!("aud {aud} holds no audience {}{apart}", list(&spec.audience))
            }
            _ => format!("claim {} is not of RFC 6749 §3.3", quote(&spec.claims.scope)),
        }
    }

    pub(super) fn times(&self, code: Rejection) -> String {
        let spec = self.evidence.policy.spec();
        let leeway = seconds(spec.leeway);
        let now = instant(self.evidence.now);
        let Some(claims) = self.proven() else {
            return "the claims cannot be read again".into();
        };
        let ahead = |name: &str, date: Option<UnixTime>| {
            let date = date.map_or_else(String::new, instant);
            format!("{name} {date} > now {now} + leeway {leeway}")
        };
        match code {
            Rejection::Expired => {
                format!("exp {} + leeway {leeway} <= now {now}", instant(claims.expires))
            }
            Rejection::NotYetValid => ahead("nbf", claims.not_before),
            // An `iat` between two nanoseconds lies ahead of the later one only if it lies ahead of
            // both.
            Rejection::IssuedInFuture => {
                let up = i128::from(claims.is_issued_between);
                ahead("iat", claims.issued_at.map(|down| UnixTime(down.0 + up)))
            }
            _ => {
                let iat = claims.issued_at.map_or_else(String::new, instant);
                let age = spec.max_age.map_or_else(String::new, seconds);
                format!("iat {iat} + max-age {age} + leeway {leeway} < now {now}")
            }
        }
    }

    /// The reason why a token with an allowed `typ` is another kind of token by its claims.
    pub(super) fn purpose(&self) -> String {
        let policy = self.evidence.policy;
        let members = self.members();
        let token_use = members[Member::TokenUse as usize].and_then(json::text);
        if let Some(purpose) = token_use.filter(|purpose| purpose != "access") {
            let apart = hidden_difference(&[purpose], &["access"]);
            return format!("token_use is not `access`{apart}");
        }
        let there = policy.prohibited.iter().filter(|place| members[**place].is_some());
        let names: Vec<String> = there.map(|place| policy.members.name(*place).clone()).collect();
        format!("prohibited claims that are there: {}", list(&names))
    }

    pub(super) fn sender(&self) -> String {
        let bound = self.members()[Member::Cnf as usize].is_some();
        let proof = match self.evidence.request.proof {
            Some(_) => "the request proves another key",
            None => "the request proves no key",
        };
        match self.evidence.policy.spec().sender_constraint {
            SenderConstraint::Required if !bound => "no cnf, and sender-constraint required".into(),
            _ => format!("cnf binds the token to a key; {proof}"),
        }
    }

    pub(super) fn request(&self, code: Rejection) -> String {
        let spec = self.evidence.policy.spec();
        match code {
            Rejection::TenantMismatch => {
                let tenant = self.evidence.request.tenant.or(spec.tenant.as_deref());
                let tenant = tenant.unwrap_or_default();
                let own = self.text_at(self.evidence.policy.tenant);
                let apart = hidden_difference(own.as_slice(), &[tenant]);
                let claim = quote(&spec.claims.tenant);
                format!("claim {claim} is not tenant {}{apart}", quote(tenant))
            }
            Rejection::SubjectKind => {
                let own = self.evidence.policy.subject_kind.and_then(|place| self.text_at(place));
                let apart = hidden_difference(own.as_slice(), &spec.subject_kinds);
                let (claim, kinds) = (quote(&spec.claims.subject_kind), list(&spec.subject_kinds));
                format!("claim {claim} is not among subject-kinds {kinds}{apart}")
            }
            Rejection::ClientMismatch => {
                let claims = self.proven();
                let client = claims.and_then(|claims| claims.client.map(String::from));
                let apart = self.redaction.told_apart(client.as_slice(), &spec.clients);
                let client = match client {
                    Some(client) => format!("client {}", self.redaction.show(&client)),
                    None => "no client".into(),
                };
                format!("{client} is not among clients {}{apart}", list(&spec.clients))
            }
            _ => self.scopes(),
        }
    }

    /// The text of a claim in a place of the policy.
    fn text_at(&self, place: usize) -> Option<String> {
        self.members()[place].and_then(json::text).map(String::from)
    }

    fn scopes(&self) -> String {
        let policy = self.evidence.policy;
        let spec = policy.spec();
        let mut granted: Vec<String> = Vec::new();
        if let Some(raw) = policy.scope.and_then(|place| self.members()[place]) {
            _ = json::each_text(raw, |text| match spec.claims.scope_form {
                ScopeForm::String => granted.extend(text.split(' ').map(String::from)),
                ScopeForm::Array => granted.push(text.into_owned()),
            });
        }
        let required = spec.required_scopes.iter();
        let lacking: Vec<String> =
            required.filter(|scope| !granted.contains(scope)).cloned().collect();
        let apart = hidden_difference(&granted, &lacking);
        format!("scopes lack {}{apart}", list(&lacking))
    }
}

/// Names the first claim of a wrong form, in the order of the contract.
fn invalid(policy: &Policy, members: &Members<'_, MAX_MEMBERS>) -> String {
    use Member::*;
    let scope = match policy.spec().claims.scope_form {
        ScopeForm::String => ClaimForm::Text,
        ScopeForm::Array => ClaimForm::List,
    };
    let is_bound = policy.spec().sender_constraint != SenderConstraint::Off;
    let mut forms = vec![
        (Iss as usize, ClaimForm::Text),
        (Sub as usize, ClaimForm::Text),
        (Aud as usize, ClaimForm::Texts),
        (Exp as usize, ClaimForm::Date),
        (Nbf as usize, ClaimForm::Date),
        (Iat as usize, ClaimForm::Date),
        (Jti as usize, ClaimForm::Text),
        (TokenUse as usize, ClaimForm::Text),
    ];
    // The other claims are checked only if the policy reads them.
    forms.extend(is_bound.then_some((Cnf as usize, ClaimForm::Confirmation)));
    forms.extend(policy.spec().tenant.as_ref().map(|_| (policy.tenant, ClaimForm::Text)));
    forms.extend(policy.subject_kind.map(|place| (place, ClaimForm::Text)));
    let clients = policy.clients.iter().copied().chain(policy.client_id);
    forms.extend(clients.map(|place| (place, ClaimForm::Text)));
    forms.extend(policy.scope.map(|place| (place, scope)));
    let fault =
        |(place, form): &(usize, ClaimForm)| members[*place].is_some_and(|raw| !form.fits(raw));
    match forms.into_iter().find(fault) {
        Some((place, form)) => {
            let claim = format!("claim {}", quote(policy.members.name(place)));
            let escape = members[place].and_then(|raw| escape_fault(&claim, raw.get()));
            escape.unwrap_or_else(|| format!("{claim} is not {}", form.name()))
        }
        None => "a claim that is read has not the form that it must have".into(),
    }
}

fn missing(policy: &Policy, members: &Members<'_, MAX_MEMBERS>) -> String {
    let absent = policy.required.iter().filter(|place| is_absent(members[**place]));
    let mut names: Vec<String> = absent.map(|place| policy.members.name(*place).clone()).collect();
    names.dedup();
    if names.is_empty() {
        // The audience is an array of empty strings only.
        names.push("aud".into());
    }
    format!("required claims that are absent or empty: {}", list(&names))
}

fn seconds(span: Duration) -> String {
    format!("{} s", span.as_secs_f64())
}

/// The text of an instant in seconds since 1970, with a fraction only if it has one.
fn instant(time: UnixTime) -> String {
    let sign = if time.0 < 0 { "-" } else { "" };
    let (whole, nanos) =
        (time.0.unsigned_abs() / 1_000_000_000, time.0.unsigned_abs() % 1_000_000_000);
    if nanos == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}
