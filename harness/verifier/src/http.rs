//! The HTTP interface of the verifier: how a request carries a token, and what a refusal tells the
//! client. These functions work on plain values and know no server. Rejection codes are for logs
//! only and never appear in a response.

pub mod dpop;

use std::time::Duration;

use crate::rejection::Rejection;

/// Other places in which the request carries `access_token`. No token is taken from them: a URI is
/// stored in logs and histories (RFC 9700 §4.3.2), and a body is not read for a token. In addition
/// to another transport they make the request ambiguous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Whether `access_token` is in a form-encoded body (RFC 6750 §2.2).
    pub form: bool,
    /// Whether `access_token` is in the query of the URI (RFC 6750 §2.3).
    pub query: bool,
}

/// The error for a request whose token is malformed, or transmitted in more than one way (RFC 6750
/// §3.1, `invalid_request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRequest;

/// The response to a client: a status and at most one header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code (RFC 9110 §15).
    pub status: u16,
    /// The value of `WWW-Authenticate` (RFC 6750 §3).
    pub challenge: Option<&'static str>,
    /// The value of `Retry-After`, in seconds (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
}

/// The bearer token of a request. `authorization` are the values of its `Authorization` headers as
/// received, without white space around them (RFC 9110 §5.5). `None` if there is no header, or only
/// credentials of another scheme. The token is one token68 (RFC 6750 §2.1, RFC 9110 §11.2) and
/// otherwise unchecked. The verifier limits its length.
///
/// # Errors
/// Returns [`InvalidRequest`] for anything else under the scheme `Bearer`, for a second header
/// beside it (RFC 9110 §5.3), and for two transports at once (RFC 6750 §2).
pub fn bearer<'r>(
    authorization: impl IntoIterator<Item = &'r [u8]>,
    elsewhere: Elsewhere,
) -> Result<Option<&'r [u8]>, InvalidRequest> {
    let mut token = None;
    let mut headers = 0_usize;
    for value in authorization {
        headers = headers.saturating_add(1);
        if let Some(credentials) = credentials(value, b"Bearer") {
            token = Some(token68(credentials).ok_or(InvalidRequest)?);
        }
    }
    let is_ambiguous = match token {
        Some(_) => headers > 1 || elsewhere != Elsewhere::default(),
        None => elsewhere.form && elsewhere.query,
    };
    if is_ambiguous { Err(InvalidRequest) } else { Ok(token) }
}

/// The text after the scheme, if it is this one, in upper or lower case (RFC 9110 §11.1).
fn credentials<'r>(value: &'r [u8], scheme: &[u8]) -> Option<&'r [u8]> {
    let length = value.iter().take_while(|byte| is_tchar(**byte)).count();
    let (own, credentials) = value.split_at(length);
    own.eq_ignore_ascii_case(scheme).then_some(credentials)
}

/// Whether a byte may be part of a scheme (RFC 9110 §5.6.2).
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The token of `1*SP token68`, where token68 is `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" /
/// "/" ) *"="` (RFC 9110 §11.2; the `b64token` of RFC 6750 §2.1).
fn token68(credentials: &[u8]) -> Option<&[u8]> {
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let spaces = credentials.iter().take_while(|byte| **byte == b' ').count();
    let token = &credentials[spaces..];
    let symbols = token.iter().take_while(|byte| is_symbol(**byte)).count();
    let ends_right = token[symbols..].iter().all(|byte| *byte == b'=');
    (spaces > 0 && symbols > 0 && ends_right).then_some(token)
}

impl Response {
    /// The response to a refused token. If the fault is not the client's (503), it contains
    /// `retry_after`, rounded up to seconds.
    ///
    /// A missing token gets a challenge without an error code, because the client may not know that
    /// a token is needed (RFC 6750 §3.1). A 403 for another reason than scope gets no challenge,
    /// because no other token of this kind would help.
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
    /// The response 400 with `invalid_request` (RFC 6750 §3.1).
    fn from(_: InvalidRequest) -> Response {
        let challenge = Some(r#"Bearer error="invalid_request""#);
        Response { status: 400, challenge, retry_after: None }
    }
}
