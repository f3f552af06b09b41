//! Steps 10 to 12: what depends on now, on state and on the request.

use jwtbench_verifier::policy::SenderConstraint::{IfPresent, Off, Required};
use jwtbench_verifier::policy::{PolicySpec, Profile};
use jwtbench_verifier::rejection::Rejection::{
    self, ClientMismatch, Expired, IssuedInFuture, NotYetValid, Revoked, ScopeInsufficient,
    SenderMismatch, StaleAuthorization, StateUnavailable, SubjectKind, TenantMismatch, TooOld,
    TypeMismatch,
};
use jwtbench_verifier::unix_time::UnixTime;

use crate::contract::token::{Draft, ISSUED};
use crate::contract::{ACCEPT, Court, seconds};

const NS: i128 = 1;
const S: i128 = 1_000_000_000;

/// The verdict at `edge` seconds and `offset` nanoseconds, for these leeways. `alter` moves the
/// other times out of the way.
fn check_edge(
    leeway: u64,
    edge: i64,
    alter: &dyn Fn(Draft) -> Draft,
    rows: &[(i128, Result<(), Rejection>, &str)],
) {
    for (offset, expected, why) in rows {
        let court = Court {
            now: UnixTime(i128::from(edge) * S + offset),
            ..Court::of(|spec| {
                spec.leeway = seconds(leeway);
                spec.max_age = Some(seconds(100_000));
            })
        };
        let why = format!("{why}, leeway {leeway} s");
        court.check(&[(alter, *expected, &why)]);
    }
}

#[test]
fn every_skew_edge() {
    const T: i64 = ISSUED + 1_000_000;
    let text = |seconds: i64| seconds.to_string();
    for leeway in [0, 30, 300] {
        let skew = leeway as i64;
        let exp = |d: Draft| d.claim("exp", &text(T)).claim("iat", &text(T - 50_000));
        check_edge(
            leeway,
            T + skew,
            &exp,
            &[
                (-S, ACCEPT, "a second before exp"),
                (-NS, ACCEPT, "a nanosecond before exp"),
                (0, Err(Expired), "exp itself"),
                (NS, Err(Expired), "a nanosecond after exp"),
                (S, Err(Expired), "a second after exp"),
            ],
        );
        let far = |d: Draft| d.claim("exp", &text(T + 900_000)).claim("iat", &text(T - 50_000));
        let nbf = |d: Draft| far(d).claim("nbf", &text(T));
        check_edge(
            leeway,
            T - skew,
            &nbf,
            &[
                (-S, Err(NotYetValid), "a second before nbf"),
                (-NS, Err(NotYetValid), "a nanosecond before nbf"),
                (0, ACCEPT, "nbf itself"),
                (NS, ACCEPT, "a nanosecond after nbf"),
                (S, ACCEPT, "a second after nbf"),
            ],
        );
        let iat = |d: Draft| far(d).claim("iat", &text(T));
        check_edge(
            leeway,
            T - skew,
            &iat,
            &[
                (-S, Err(IssuedInFuture), "a second before iat"),
                (-NS, Err(IssuedInFuture), "a nanosecond before iat"),
                (0, ACCEPT, "iat itself"),
                (NS, ACCEPT, "a nanosecond after iat"),
                (S, ACCEPT, "a second after iat"),
            ],
        );
        check_edge(
            leeway,
            T + 100_000 + skew,
            &iat,
            &[
                (-S, ACCEPT, "a second short of max-age"),
                (-NS, ACCEPT, "a nanosecond short of max-age"),
                (0, ACCEPT, "max-age itself"),
                (NS, Err(TooOld), "a nanosecond over max-age"),
                (S, Err(TooOld), "a second over max-age"),
            ],
        );
    }
}

/// An `iat` between two nanoseconds: one is too early, the next is not.
#[test]
fn edges_between_two_nanoseconds() {
    const T: i64 = ISSUED + 1_000_000;
    let far = |d: Draft| d.claim("exp", &(T + 900_000).to_string());
    let between = |d: Draft| far(d).claim("iat", &format!("{T}.0000000005"));
    for leeway in [0, 30, 300] {
        let skew = leeway as i64;
        let early = [
            (0, Err(IssuedInFuture), "half a nanosecond before iat"),
            (NS, ACCEPT, "half a nanosecond after iat"),
        ];
        check_edge(leeway, T - skew, &between, &early);
        let old = [
            (0, ACCEPT, "half a nanosecond short of max-age"),
            (NS, Err(TooOld), "half a nanosecond over max-age"),
        ];
        check_edge(leeway, T + 100_000 + skew, &between, &old);
    }
}

#[test]
fn times_saturate() {
    let ever = Court { now: UnixTime(i128::MAX), ..Court::default() };
    ever.check(&[(&|d| d, Err(Expired), "the end of time")]);
    let never = Court { now: UnixTime(i128::MIN), ..Court::default() };
    never.check(&[(&|d| d, Err(NotYetValid), "the beginning of time")]);
    let aged = Court::of(|spec| spec.max_age = Some(std::time::Duration::MAX));
    aged.check(&[
        (&|d| d, ACCEPT, "a max-age without end"),
        (&|d| d.claim("iat", "253402300799"), Err(IssuedInFuture), "as far as dates go"),
    ]);
    let strict = Court::of(|spec| spec.max_age = Some(seconds(1)));
    strict.check(&[(&|d| d.claim("iat", "-1e300"), Err(TooOld), "before everything")]);
}

/// The first fault in the order of step 10 decides.
#[test]
fn times_are_judged_in_order() {
    let court = Court::of(|spec| spec.max_age = Some(seconds(3600)));
    let (past, ahead) = ("1", "1900000000");
    court.check(&[
        (&|d| d.claim("exp", past).claim("nbf", ahead), Err(Expired), "exp before nbf"),
        (&|d| d.claim("exp", past).claim("iat", ahead), Err(Expired), "exp before iat"),
        (&|d| d.claim("exp", past).claim("iat", past), Err(Expired), "exp before age"),
        (&|d| d.claim("nbf", ahead).claim("iat", ahead), Err(NotYetValid), "nbf before iat"),
        (&|d| d.claim("nbf", ahead).claim("iat", past), Err(NotYetValid), "nbf before age"),
    ]);
}

#[test]
fn only_access_tokens() {
    let court = Court::of(|spec| spec.prohibited_claims = vec!["nonce".into(), "events".into()]);
    court.check(&[
        (&|d| d.claim("token_use", "\"access\""), ACCEPT, "it says so"),
        (&|d| d, ACCEPT, "it need not say so"),
        (&|d| d.claim("token_use", "\"id\""), Err(TypeMismatch), "an ID token"),
        (&|d| d.claim("token_use", "\"refresh\""), Err(TypeMismatch), "a refresh token"),
        (&|d| d.claim("token_use", "\"Access\""), Err(TypeMismatch), "another case"),
        (&|d| d.claim("token_use", "\"\""), Err(TypeMismatch), "empty"),
        (&|d| d.claim("nonce", "\"n\""), Err(TypeMismatch), "an ID token by its nonce"),
        (&|d| d.claim("nonce", "null"), Err(TypeMismatch), "there, whatever its value"),
        (&|d| d.claim("events", "{}"), Err(TypeMismatch), "a logout token"),
    ]);
}

#[test]
fn a_bound_token_needs_its_proof() {
    let bound = |d: Draft| d.claim("cnf", r#"{"jkt":"thumb","kid":"other"}"#);
    let certificate = |d: Draft| d.claim("cnf", r##"{"x5t#S256":"thumb"}"##);
    let court = |constraint, proof| Court {
        proof,
        ..Court::of(|spec| spec.sender_constraint = constraint)
    };
    let empty = |d: Draft| d.claim("cnf", "{}");
    let other = |d: Draft| d.claim("cnf", r#"{"jkt":"Thumb"}"#);
    let good = Some("thumb");
    type Alter<'a> = &'a dyn Fn(Draft) -> Draft;
    let none: Alter<'_> = &|d| d;
    let rows: [(_, _, Alter<'_>, _, _); 16] = [
        (IfPresent, None, none, ACCEPT, "nothing to prove"),
        (IfPresent, good, none, ACCEPT, "a proof of nothing"),
        (IfPresent, good, &bound, ACCEPT, "the key of DPoP"),
        (IfPresent, good, &certificate, ACCEPT, "the certificate"),
        (IfPresent, None, &bound, Err(SenderMismatch), "no proof: stolen"),
        (IfPresent, Some("x"), &bound, Err(SenderMismatch), "another's proof"),
        (IfPresent, Some(""), &bound, Err(SenderMismatch), "an empty proof"),
        (IfPresent, good, &other, Err(SenderMismatch), "exact"),
        (IfPresent, good, &empty, Err(SenderMismatch), "bound to nothing we know"),
        (IfPresent, None, &empty, Err(SenderMismatch), "bound to nothing, unproven"),
        (Required, good, &bound, ACCEPT, "bound and proven"),
        (Required, good, none, Err(SenderMismatch), "not bound"),
        (Required, None, &bound, Err(SenderMismatch), "not proven"),
        (Required, None, none, Err(SenderMismatch), "neither"),
        (Off, None, &bound, ACCEPT, "not looked at"),
        (Off, Some("x"), &bound, ACCEPT, "not looked at"),
    ];
    for (constraint, proof, alter, expected, why) in rows {
        court(constraint, proof).check(&[(alter, expected, why)]);
    }
}

#[test]
fn revoked_tokens() {
    let court = Court { revoked: Some("0f1e2d3c"), ..Court::default() };
    court.check(&[
        (&|d| d, Err(Revoked), "its jti is on the list"),
        (&|d| d.claim("jti", "\"0f1e2d3\\u0063\""), Err(Revoked), "escaped all the same"),
        (&|d| d.claim("jti", "\"0f1e2d3C\""), ACCEPT, "another"),
        (&|d| d.claim("jti", "\"0f1e2d3\""), ACCEPT, "a prefix"),
    ]);
    let plain = Court { revoked: Some(""), ..Court::of(|spec| spec.profile = Profile::Plain) };
    plain.check(&[(&|d| d.no_claim("jti"), ACCEPT, "none to look up")]);
}

#[test]
fn authorization_versions() {
    let court = Court { versioned: Some("b1946ac9"), ..Court::default() };
    court.check(&[
        (&|d| d.claim("auth_version", "1"), Err(StaleAuthorization), "out of force"),
        (&|d| d, Err(StaleAuthorization), "none, where one is required"),
        (&|d| d.claim("auth_version", "2"), ACCEPT, "the one in force"),
        (&|d| d.claim("auth_version", "3"), ACCEPT, "newer than we know"),
        (&|d| d.claim("auth_version", "\"2\""), Err(StaleAuthorization), "a text is no version"),
        (&|d| d.claim("auth_version", "-1"), Err(StaleAuthorization), "nor is this"),
        (&|d| d.claim("auth_version", "2.5"), Err(StaleAuthorization), "nor this"),
        (
            &|d| d.claim("auth_version", "2").claim_again("auth_version", "2"),
            Err(StaleAuthorization),
            "twice says nothing",
        ),
    ]);
    let other = Court { versioned: Some("somebody else"), ..Court::default() };
    other.check(&[
        (&|d| d.claim("auth_version", "1"), ACCEPT, "nothing is required of it"),
        (&|d| d.claim("auth_version", "\"x\""), ACCEPT, "whatever it says"),
    ]);
}

#[test]
fn state_that_cannot_be_had() {
    let court = Court { is_down: true, revoked: Some("0f1e2d3c"), ..Court::default() };
    court.check(&[
        (&|d| d, Err(StateUnavailable), "it may be revoked"),
        (&|d| d.claim("jti", "\"another\""), Err(StateUnavailable), "nothing is known of it"),
        (&|d| d.claim("exp", "1"), Err(Expired), "decided before the state is asked"),
        (&|d| d.claim("tenant_id", "\"x\""), Err(StateUnavailable), "decided after"),
    ]);
}

#[test]
fn the_tenant_of_the_request() {
    Court::default().check(&[
        (&|d| d.claim("tenant_id", "\"globex\""), Err(TenantMismatch), "another's token"),
        (&|d| d.claim("tenant_id", "\"ACME\""), Err(TenantMismatch), "exact"),
    ]);
    let other = Court { tenant: Some("globex"), ..Court::default() };
    other.check(&[
        (&|d| d, Err(TenantMismatch), "the request is for another"),
        (&|d| d.claim("tenant_id", "\"globex\""), ACCEPT, "the request decides"),
    ]);
    let open = Court { tenant: Some("acme"), ..Court::of(|spec| spec.tenant = None) };
    open.check(&[
        (&|d| d, ACCEPT, "the request's"),
        (&|d| d.no_claim("tenant_id"), Err(TenantMismatch), "not required, and not the one"),
        (&|d| d.claim("tenant_id", "7"), Err(TenantMismatch), "no text is not the one"),
        (&|d| d.claim_again("tenant_id", "\"acme\""), Err(TenantMismatch), "twice says nothing"),
    ]);
    let none = Court::of(|spec| spec.tenant = None);
    none.check(&[(&|d| d.claim("tenant_id", "\"x\""), ACCEPT, "nobody asks")]);
}

#[test]
fn subject_kinds_and_clients() {
    let kinds = Court::of(|spec| spec.subject_kinds = vec!["user".into(), "service".into()]);
    kinds.check(&[
        (&|d| d.claim("sub_type", "\"service\""), ACCEPT, "one of them"),
        (&|d| d.claim("sub_type", "\"robot\""), Err(SubjectKind), "none of them"),
        (&|d| d.claim("sub_type", "\"\""), Err(SubjectKind), "empty"),
        (&|d| d.no_claim("sub_type"), Err(SubjectKind), "it does not say"),
    ]);
    let clients = |spec: &mut PolicySpec| {
        spec.clients = vec!["billing-web".into()];
        spec.profile = Profile::Plain;
    };
    Court::of(clients).check(&[
        (&|d| d, ACCEPT, "the one"),
        (&|d| d.no_claim("client_id").claim("azp", "\"billing-web\""), ACCEPT, "by azp"),
        (&|d| d.claim("azp", "\"x\""), ACCEPT, "client_id comes first"),
        (&|d| d.claim("client_id", "\"x\""), Err(ClientMismatch), "another"),
        (
            &|d| d.claim("client_id", "\"x\"").claim("azp", "\"billing-web\""),
            Err(ClientMismatch),
            "azp does not mend it",
        ),
        (&|d| d.no_claim("client_id"), Err(ClientMismatch), "it does not say"),
        (&|d| d.claim("client_id", "\"billing-webs\""), Err(ClientMismatch), "exact"),
    ]);
    Court::default().check(&[
        (&|d| d.claim("client_id", "\"x\""), ACCEPT, "all are served"),
        (&|d| d.claim("scope", "\"openid\""), Err(ScopeInsufficient), "the last of all"),
    ]);
}
