//! The claims of a token with a verified signature (RFC 7519 §4), borrowed from the payload. Faults
//! that need no clock are found here, in the order of the contract (step 9).

use std::borrow::Cow;

use crate::json::{self, Members, Names, Raw};
use crate::policy::{MAX_MEMBERS, Member, Policy, ScopeForm, SenderConstraint};
use crate::rejection::Rejection;
use crate::unix_time::{NumericDate, UnixTime};

/// The deepest nesting that a payload may have.
pub(crate) const MAX_DEPTH: usize = 64;

/// The claims of one token, valid for this issuer and this API. Claims that the policy does not
/// read are not included (RFC 7519 §4).
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    /// The claim `sub`.
    pub subject: Cow<'a, str>,
    /// The first nanosecond that is not before `exp`.
    pub expires: UnixTime,
    /// The first nanosecond that is not before `nbf`.
    pub not_before: Option<UnixTime>,
    /// The last nanosecond that is not after `iat`.
    pub issued_at: Option<UnixTime>,
    /// Whether `iat` lies between that nanosecond and the next.
    pub is_issued_between: bool,
    /// The claim `jti`.
    pub jwt_id: Option<Cow<'a, str>>,
    /// The client, from the first client claim that is present. If all clients are served, it is
    /// `client_id`, provided that the profile requires this claim.
    pub client: Option<Cow<'a, str>>,
    /// The tenant, if it is a string.
    pub tenant: Option<Cow<'a, str>>,
    /// The kind of subject.
    pub subject_kind: Option<Cow<'a, str>>,
    /// The authorization version under which the token was issued, if it is a whole number.
    pub authorization_version: Option<u64>,
    /// The claim `token_use`.
    pub token_use: Option<Cow<'a, str>>,
    /// Whether a prohibited claim is present.
    pub is_other_kind: bool,
    /// Whether every required scope is granted.
    pub has_scopes: bool,
    /// The members of `cnf` that name a key: `jkt` and `x5t#S256`.
    pub confirmation: Option<Confirmation<'a>>,
}

/// The claim `cnf` (RFC 7800 §3, RFC 9449 §6.1, RFC 8705 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation<'a> {
    /// The thumbprint of the DPoP key.
    pub jkt: Option<Cow<'a, str>>,
    /// The thumbprint of the client certificate.
    pub x5t_s256: Option<Cow<'a, str>>,
}

impl<'a> Claims<'a> {
    /// Parses and checks a decoded payload.
    ///
    /// # Errors
    /// The first fault: `JWT_MALFORMED`, `JWT_CLAIM_INVALID`, `JWT_CLAIM_MISSING`,
    /// `JWT_ISSUER_MISMATCH`, `JWT_AUDIENCE_MISMATCH` or `JWT_SCOPE_INVALID`.
    pub fn parse(json: &'a [u8], policy: &Policy) -> Result<Claims<'a>, Rejection> {
        let members: Members<'a, MAX_MEMBERS> =
            json::read_object(json, MAX_DEPTH, &policy.members).ok_or(Rejection::Malformed)?;
        let spec = policy.spec();
        let fixed = |member: Member| members[member as usize];
        let issuer = optional(fixed(Member::Iss), json::text)?;
        let subject = optional(fixed(Member::Sub), json::text)?;
        let audience = Audience::read(fixed(Member::Aud), &spec.audience)?;
        let expires = optional(fixed(Member::Exp), numeric_date)?;
        let not_before = optional(fixed(Member::Nbf), numeric_date)?;
        let issued_at = optional(fixed(Member::Iat), numeric_date)?;
        let jwt_id = optional(fixed(Member::Jti), json::text)?;
        let confirmation = match spec.sender_constraint {
            SenderConstraint::Off => None,
            _ => optional(fixed(Member::Cnf), confirmation)?,
        };
        let token_use = optional(fixed(Member::TokenUse), json::text)?;
        let tenant = match spec.tenant {
            Some(_) => optional(members[policy.tenant], json::text)?,
            // Only the request may need the tenant. Until then the claim decides nothing.
            None => members[policy.tenant].and_then(json::text),
        };
        let asked = |place: Option<usize>| place.and_then(|place| members[place]);
        let subject_kind = optional(asked(policy.subject_kind), json::text)?;
        let version = |raw: Raw<'_>| raw.get().parse::<u64>().ok();
        let authorization_version = members[policy.authorization_version].and_then(version);
        let mut client = None;
        for place in &policy.clients {
            let named = optional(members[*place], json::text)?;
            client = client.or(named);
        }
        let client_id = optional(asked(policy.client_id), json::text)?;
        if policy.clients.is_empty() {
            client = client_id;
        }
        let scope = Scope::read(asked(policy.scope), spec.claims.scope_form)?;
        if policy.required.iter().any(|place| is_absent(members[*place])) {
            return Err(Rejection::ClaimMissing);
        }
        let (Some(issuer), Some(subject), Some(expires)) = (issuer, subject, expires) else {
            return Err(Rejection::ClaimMissing);
        };
        if audience == Audience::Absent {
            return Err(Rejection::ClaimMissing);
        }
        if issuer != spec.issuer {
            return Err(Rejection::IssuerMismatch);
        }
        if audience == Audience::Other {
            return Err(Rejection::AudienceMismatch);
        }
        let has_scopes = scope.grants(&spec.required_scopes)?;
        let is_other_kind = policy.prohibited.iter().any(|place| members[*place].is_some());
        Ok(Claims {
            subject,
            expires: expires.up(),
            not_before: not_before.map(NumericDate::up),
            issued_at: issued_at.map(NumericDate::down),
            is_issued_between: issued_at.is_some_and(|date| date.down() != date.up()),
            jwt_id,
            client,
            tenant,
            subject_kind,
            authorization_version,
            token_use,
            is_other_kind,
            has_scopes,
            confirmation,
        })
    }
}

impl Claims<'_> {
    /// The claims with copies of everything that they borrowed.
    pub fn into_owned(self) -> Claims<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        let confirmation = self.confirmation.map(|confirmation| Confirmation {
            jkt: own(confirmation.jkt),
            x5t_s256: own(confirmation.x5t_s256),
        });
        Claims {
            subject: Cow::Owned(self.subject.into_owned()),
            jwt_id: own(self.jwt_id),
            client: own(self.client),
            tenant: own(self.tenant),
            subject_kind: own(self.subject_kind),
            token_use: own(self.token_use),
            confirmation,
            expires: self.expires,
            not_before: self.not_before,
            issued_at: self.issued_at,
            is_issued_between: self.is_issued_between,
            authorization_version: self.authorization_version,
            is_other_kind: self.is_other_kind,
            has_scopes: self.has_scopes,
        }
    }
}

/// Reads a claim that may be absent. A claim that is present in a wrong form gives
/// `JWT_CLAIM_INVALID`.
fn optional<'a, T>(
    raw: Option<Raw<'a>>,
    read: impl FnOnce(Raw<'a>) -> Option<T>,
) -> Result<Option<T>, Rejection> {
    raw.map(|raw| read(raw).ok_or(Rejection::ClaimInvalid)).transpose()
}

pub(crate) fn numeric_date(raw: Raw<'_>) -> Option<NumericDate> {
    let text = raw.get();
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_number.then(|| NumericDate::from_json_number(text)).flatten()
}

pub(crate) fn confirmation(raw: Raw<'_>) -> Option<Confirmation<'_>> {
    static NAMES: Names<&str, [&str; 2]> = Names::fixed(["jkt", "x5t#S256"]);
    let [jkt, x5t] = json::read_object(raw.get().as_bytes(), MAX_DEPTH, &NAMES)?;
    let jkt = optional(jkt, json::text).ok()?;
    let x5t_s256 = optional(x5t, json::text).ok()?;
    Some(Confirmation { jkt, x5t_s256 })
}

/// Whether a claim is absent or empty. Empty are `""`, `[]` and, for claims of no known type,
/// `null`.
pub(crate) fn is_absent(raw: Option<Raw<'_>>) -> bool {
    raw.is_none_or(|raw| {
        let text = raw.get();
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        matches!(text, "\"\"" | "null") || inner.is_some_and(|inner| inner.trim().is_empty())
    })
}

#[derive(PartialEq, Eq)]
enum Audience {
    Absent,
    Other,
    Ours,
}

impl Audience {
    /// Reads a string or an array of strings. An empty string or array counts as absent (RFC 7519
    /// §4.1.3).
    fn read(raw: Option<Raw<'_>>, ours: &[String]) -> Result<Audience, Rejection> {
        let Some(raw) = raw else {
            return Ok(Audience::Absent);
        };
        let (mut named, mut found) = (false, false);
        json::each_text(raw, |name| {
            named |= !name.is_empty();
            found |= ours.iter().any(|own| *own == name);
        })
        .ok_or(Rejection::ClaimInvalid)?;
        Ok(match (named, found) {
            (_, true) => Audience::Ours,
            (true, false) => Audience::Other,
            (false, false) => Audience::Absent,
        })
    }
}

enum Scope<'a> {
    Absent,
    Words(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
}

impl<'a> Scope<'a> {
    fn read(raw: Option<Raw<'a>>, form: ScopeForm) -> Result<Scope<'a>, Rejection> {
        let Some(raw) = raw else {
            return Ok(Scope::Absent);
        };
        match form {
            ScopeForm::String => json::text(raw).map(Scope::Words).ok_or(Rejection::ClaimInvalid),
            ScopeForm::Array => {
                let mut list = Vec::new();
                let is_array = raw.get().starts_with('[');
                let read = json::each_text(raw, |scope| list.push(scope));
                read.filter(|()| is_array)
                    .map(|()| Scope::List(list))
                    .ok_or(Rejection::ClaimInvalid)
            }
        }
    }

    /// Whether every required scope is granted. The syntax is checked first (RFC 6749 §3.3).
    fn grants(&self, required: &[String]) -> Result<bool, Rejection> {
        let fault = |ok: bool| {
            if ok { Ok(()) } else { Err(Rejection::ScopeInvalid) }
        };
        match self {
            Scope::Absent => Ok(required.is_empty()),
            Scope::Words(words) => {
                let words = || words.as_bytes().split(|byte| *byte == b' ');
                fault(words().all(is_scope_token))?;
                let is_granted = |scope: &String| words().any(|word| word == scope.as_bytes());
                Ok(required.iter().all(is_granted))
            }
            Scope::List(list) => {
                fault(list.iter().all(|scope| is_scope_token(scope.as_bytes())))?;
                Ok(required.iter().all(|scope| list.iter().any(|granted| granted == scope)))
            }
        }
    }
}

/// Whether a text is a scope token: `1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
pub(crate) fn is_scope_token(text: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.iter().all(allowed)
}
