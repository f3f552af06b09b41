//! The HTTP face of the verifier: how a request carries a token, and what a refusal says to the
//! client. Library functions on plain values; knows no server. Codes are for logs, never for here.

use std::time::Duration;

use crate::rejection::Rejection;

/// Other places where a request may carry `access_token`. No token is taken from them: a URI ends
/// in logs and histories (RFC 9700 §4.3.2), a body is not read for it. Beside another transport
/// they make the request ambiguous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// In a form-encoded body (RFC 6750 §2.2).
    pub form: bool,
    /// In the query of the URI (RFC 6750 §2.3).
    pub query: bool,
}

/// The request names its token in a form that is none, or in more than one way (RFC 6750 §3.1,
/// `invalid_request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRequest;

/// What a client is told: a status, at most one header, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code (RFC 9110 §15).
    pub status: u16,
    /// The value of `WWW-Authenticate` (RFC 6750 §3).
    pub challenge: Option<&'static str>,
    /// The value of `Retry-After`, in seconds (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
}

/// The bearer token of a request, from the values of its `Authorization` headers as received,
/// without white space around them (RFC 9110 §5.5). `None` if there is none: no header, or only
/// credentials of another scheme. The token is one token68 (RFC 6750 §2.1, RFC 9110 §11.2) and
/// otherwise unchecked; the verifier bounds its length.
///
/// # Errors
/// [`InvalidRequest`] for anything else under the scheme `Bearer`, for a second header beside it
/// (RFC 9110 §5.3), and for two transports at once (RFC 6750 §2).
pub fn bearer<'r>(
    authorization: impl IntoIterator<Item = &'r [u8]>,
    elsewhere: Elsewhere,
) -> Result<Option<&'r [u8]>, InvalidRequest> {
    let mut token = None;
    let mut headers = 0_usize;
    for value in authorization {
        headers = headers.saturating_add(1);
        if let Some(credentials) = bearer_credentials(value) {
            token = Some(token68(credentials).ok_or(InvalidRequest)?);
        }
    }
    let is_ambiguous = match token {
        Some(_) => headers > 1 || elsewhere != Elsewhere::default(),
        None => elsewhere.form && elsewhere.query,
    };
    if is_ambiguous { Err(InvalidRequest) } else { Ok(token) }
}

/// What follows the scheme, if that is `Bearer` in any case (RFC 9110 §11.1).
fn bearer_credentials(value: &[u8]) -> Option<&[u8]> {
    let length = value.iter().take_while(|byte| is_tchar(**byte)).count();
    let (scheme, credentials) = value.split_at(length);
    scheme.eq_ignore_ascii_case(b"Bearer").then_some(credentials)
}

/// RFC 9110 §5.6.2: what a scheme is made of.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `1*SP token68`, where token68 is `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
/// (RFC 9110 §11.2; the `b64token` of RFC 6750 §2.1).
fn token68(credentials: &[u8]) -> Option<&[u8]> {
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let spaces = credentials.iter().take_while(|byte| **byte == b' ').count();
    let token = &credentials[spaces..];
    let symbols = token.iter().take_while(|byte| is_symbol(**byte)).count();
    let ends_right = token[symbols..].iter().all(|byte| *byte == b'=');
    (spaces > 0 && symbols > 0 && ends_right).then_some(token)
}

impl Response {
    /// The response to a refused token. `retry_after` is said, rounded up to seconds, where the
    /// fault is not the client's (503).
    ///
    /// A missing token gets a challenge without an error code, since the client may not know that
    /// one is needed (RFC 6750 §3.1). A 403 for another reason than scope gets none: no other token
    /// of this kind would help.
    pub const fn to(rejection: Rejection, retry_after: Duration) -> Response {
        let status = rejection.status();
        let challenge = match (status, rejection) {
            (_, Rejection::Missing) => Some("Bearer"),
            (_, Rejection::ScopeInsufficient) => Some(r#"Bearer error="insufficient_scope""#),
            (401, _) => Some(r#"Bearer error="invalid_token""#),
            _ => None,
        };
        let seconds = retry_after.as_secs().saturating_add((retry_after.subsec_nanos() > 0) as u64);
        let retry_after = if status == 503 { Some(seconds) } else { None };
        Response { status, challenge, retry_after }
    }
}

impl From<InvalidRequest> for Response {
    /// 400 with `invalid_request` (RFC 6750 §3.1).
    fn from(_: InvalidRequest) -> Response {
        let challenge = Some(r#"Bearer error="invalid_request""#);
        Response { status: 400, challenge, retry_after: None }
    }
}
