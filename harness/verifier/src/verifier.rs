//! The verifier in three parts. `open` checks the text alone. `prove` checks what stays true once
//! proven under a key. `in_force` checks what depends on the time and on state. The first fault
//! decides.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::base64url::decode;
use crate::claims::Claims;
use crate::compact::Compact;
use crate::header::Header;
use crate::header_memo::HeaderMemo;
use crate::jwk::{MAX_KID_BYTES, Thumbprint};
use crate::policy::{Policy, SenderConstraint};
use crate::prepared_keys::PreparedKeys;
use crate::rejection::Rejection;
use crate::unix_time::UnixTime;

/// Verifies the tokens of one issuer under one policy.
#[derive(Clone, Debug)]
pub struct Verifier {
    policy: Policy,
    /// The number of the verifier, which no verifier under another policy has.
    number: u64,
}

/// The buffers for decoding and the memo of headers, reused from token to token. Each worker has
/// one.
#[derive(Clone, Debug)]
pub struct Scratch {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    memo: HeaderMemo,
    /// The number of the verifier to which the memo belongs.
    verifier: u64,
}

impl Scratch {
    /// Buffers for any token that the policy accepts.
    pub fn new(policy: &Policy) -> Scratch {
        let token = policy.spec().max_token_bytes;
        let header = policy.spec().max_header_bytes.saturating_add(2).min(token);
        let room = |bytes: usize| vec![0; bytes];
        Scratch {
            header: room(header),
            payload: room(token),
            signature: room(token),
            memo: HeaderMemo::default(),
            verifier: 0,
        }
    }
}

/// A token with an acceptable header. Nothing in it is proven.
#[derive(Debug)]
pub struct Opened<'a> {
    header: Header<'a>,
    compact: Compact<'a>,
    payload: &'a mut [u8],
    signature: &'a mut [u8],
    /// The memo in which to keep the header once the token is proven; `None` if it is there
    /// already.
    memo: Option<&'a mut HeaderMemo>,
}

impl Opened<'_> {
    /// The algorithm, which is one of those of the policy.
    pub fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The `kid` under which to look for keys. `None` if the token has none, or one longer than
    /// [`MAX_KID_BYTES`]. Such a token never causes a fetch.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref().filter(|kid| kid.len() <= MAX_KID_BYTES)
    }

    /// Whether the token has a `kid` of any length.
    pub fn has_kid(&self) -> bool {
        self.header.kid.is_some()
    }
}

/// A token for this API that a key of the issuer signed. It is open whether the token is in force.
#[derive(Clone, Debug)]
pub struct Proven<'a> {
    /// The claims of the token.
    pub claims: Claims<'a>,
    /// The thumbprint of the key that signed it.
    pub thumbprint: Thumbprint,
}

impl Proven<'_> {
    /// The proven token with copies of everything that it borrowed, to be kept beyond the token's
    /// text.
    pub fn into_owned(self) -> Proven<'static> {
        Proven { claims: self.claims.into_owned(), thumbprint: self.thumbprint }
    }
}

/// The facts that the caller knows about the request that carries the token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'r> {
    /// The tenant of the request; that of the policy if `None`.
    pub tenant: Option<&'r str>,
    /// The thumbprint of the key or certificate whose possession the sender has proven (base64url).
    pub proof: Option<&'r str>,
}

/// Whether a token is in force, as far as is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InForce {
    /// The token is in force.
    Yes,
    /// The token is in force unless its state, which must be asked for, says otherwise.
    UnlessStateRefuses,
}

impl Verifier {
    /// A verifier under `policy`.
    pub fn new(policy: Policy) -> Verifier {
        // No verifier has number 0, which a new scratch has.
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        Verifier { policy, number: NUMBERS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Performs steps 1 to 6, which depend on the text alone.
    ///
    /// # Errors
    /// The first fault.
    pub fn open<'a>(
        &self,
        token: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Opened<'a>, Rejection> {
        let spec = self.policy.spec();
        let compact = Compact::split(token, spec.max_token_bytes)?;
        let Scratch { header, payload, signature, memo, verifier } = scratch;
        if *verifier != self.number {
            *verifier = self.number;
            *memo = HeaderMemo::default();
        }
        if let Some(place) = memo.find(compact.header) {
            let known = memo.at(place);
            let kid = known.kid().map(Cow::Borrowed);
            let header = Header { algorithm: known.algorithm, kid };
            return Ok(Opened { header, compact, payload, signature, memo: None });
        }
        let json = decode(compact.header, header)?;
        if json.len() > spec.max_header_bytes {
            return Err(Rejection::Malformed);
        }
        let header = Header::parse(json, spec)?;
        Ok(Opened { header, compact, payload, signature, memo: Some(memo) })
    }

    /// Performs steps 7 to 9, whose results stay true once proven under a key.
    ///
    /// # Errors
    /// The first fault.
    pub fn prove<'a>(
        &self,
        opened: Opened<'a>,
        keys: &mut PreparedKeys,
    ) -> Result<Proven<'a>, Rejection> {
        if !opened.has_kid() && self.policy.spec().kid_required {
            return Err(Rejection::UnknownKid);
        }
        let Opened { header, compact, payload, signature, memo } = opened;
        let key = keys.find(header.kid.as_deref(), header.algorithm)?;
        let signature = decode(compact.signature, signature)?;
        let is_signed = signature.len() == key.signature_len
            && key.verifying_key.verify(compact.signing_input, signature).is_ok();
        if !is_signed {
            return Err(Rejection::BadSignature);
        }
        if let Some(memo) = memo {
            memo.keep(compact.header, header.algorithm, header.kid.as_deref());
        }
        let thumbprint = key.thumbprint;
        let claims = Claims::parse(decode(compact.payload, payload)?, &self.policy)?;
        Ok(Proven { claims, thumbprint })
    }

    /// Performs steps 10 to 12 where no state is asked for. They depend on the time and on the
    /// request.
    ///
    /// # Errors
    /// The first fault.
    pub fn in_force(
        &self,
        proven: &Proven<'_>,
        request: &Request<'_>,
        now: UnixTime,
    ) -> Result<(), Rejection> {
        self.in_force_by(proven, request, now, |_| Some(Ok(()))).map(|_| ())
    }

    /// Performs steps 10 to 12. `state` is what is held of the state of a token, or `None` if that
    /// must be asked for. It is called between the checks of step 11 that need no state and step
    /// 12. What must be asked for is asked after step 12, so that a token which step 12 refuses
    /// asks nobody.
    ///
    /// # Errors
    /// The first fault.
    pub fn in_force_by(
        &self,
        proven: &Proven<'_>,
        request: &Request<'_>,
        now: UnixTime,
        state: impl FnOnce(&Claims<'_>) -> Option<Result<(), Rejection>>,
    ) -> Result<InForce, Rejection> {
        let spec = self.policy.spec();
        let claims = &proven.claims;
        check_times(claims, spec.leeway, spec.max_age, now)?;
        let is_access = claims.token_use.as_deref().is_none_or(|purpose| purpose == "access");
        if !is_access || claims.is_other_kind {
            return Err(Rejection::TypeMismatch);
        }
        check_sender(claims, spec.sender_constraint, request.proof)?;
        let held = state(claims);
        if let Some(code) = held {
            code?;
        }
        self.check_request(claims, request)?;
        Ok(if held.is_some() { InForce::Yes } else { InForce::UnlessStateRefuses })
    }

    /// Performs step 12, which checks a good token against the request.
    fn check_request(&self, claims: &Claims<'_>, request: &Request<'_>) -> Result<(), Rejection> {
        let spec = self.policy.spec();
        if let Some(tenant) = request.tenant.or(spec.tenant.as_deref())
            && claims.tenant.as_deref() != Some(tenant)
        {
            return Err(Rejection::TenantMismatch);
        }
        if !is_listed(claims.subject_kind.as_deref(), &spec.subject_kinds) {
            return Err(Rejection::SubjectKind);
        }
        if !is_listed(claims.client.as_deref(), &spec.clients) {
            return Err(Rejection::ClientMismatch);
        }
        if claims.has_scopes { Ok(()) } else { Err(Rejection::ScopeInsufficient) }
    }

    /// Whether the token is to be refused regardless of its key, because its payload is unreadable,
    /// for another issuer or API, or expired. This is used only to avoid a fetch for an absent kid.
    /// The result is based on unverified claims.
    pub fn refuses_itself(&self, opened: &mut Opened<'_>, now: UnixTime) -> bool {
        let Ok(json) = decode(opened.compact.payload, opened.payload) else {
            return true;
        };
        match Claims::parse(json, &self.policy) {
            Ok(claims) => now - self.policy.spec().leeway >= claims.expires,
            Err(_) => true,
        }
    }
}

fn check_times(
    claims: &Claims<'_>,
    leeway: Duration,
    max_age: Option<Duration>,
    now: UnixTime,
) -> Result<(), Rejection> {
    if now - leeway >= claims.expires {
        return Err(Rejection::Expired);
    }
    let latest = now + leeway;
    if claims.not_before.is_some_and(|not_before| latest < not_before) {
        return Err(Rejection::NotYetValid);
    }
    let Some(issued_at) = claims.issued_at else {
        return Ok(());
    };
    // If `iat` lies after this nanosecond, this nanosecond is too early.
    if latest < issued_at || (latest == issued_at && claims.is_issued_between) {
        return Err(Rejection::IssuedInFuture);
    }
    match max_age {
        Some(max_age) if now > issued_at + max_age + leeway => Err(Rejection::TooOld),
        _ => Ok(()),
    }
}

/// Checks that a token bound to a key is presented by the holder of that key (RFC 7800).
fn check_sender(
    claims: &Claims<'_>,
    constraint: SenderConstraint,
    proof: Option<&str>,
) -> Result<(), Rejection> {
    let demanded = match (constraint, &claims.confirmation) {
        (SenderConstraint::Off, _) | (SenderConstraint::IfPresent, None) => return Ok(()),
        (_, confirmation) => confirmation.as_ref(),
    };
    let fits = |proof: &str| {
        demanded.is_some_and(|cnf| {
            [&cnf.jkt, &cnf.x5t_s256].into_iter().flatten().any(|thumbprint| thumbprint == proof)
        })
    };
    if proof.is_some_and(fits) { Ok(()) } else { Err(Rejection::SenderMismatch) }
}

fn is_listed(value: Option<&str>, allowed: &[String]) -> bool {
    allowed.is_empty() || value.is_some_and(|value| allowed.iter().any(|own| own == value))
}
