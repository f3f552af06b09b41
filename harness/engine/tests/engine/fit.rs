//! The minter under policies that nobody thought of: nothing panics, and every class that is not
//! refused by name comes out as its row says. What is due is the table's; the verifier judges it.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use inline::scenario;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use jwtbench_engine::state::class_state::{ClassState, in_force};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::{Class, Stage};
use jwtbench_scenario::token::corpus::Token;
use jwtbench_scenario::token::fit::{check_class, check_length, check_names};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::{ClaimNames, Policy, PolicySpec};
use jwtbench_verifier::policy::{Profile, ScopeForm, SenderConstraint};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::verifier::{Scratch, Verifier};

use crate::inline;

const BASE: &str = r#"
title = "T"
analysis = "A"
[issuer]
token-lifetime = "10s"
[load]
arrivals = "closed"
duration = "20ms"
[[stream]]
name = "everybody"
holders = 1
tokens = { valid = 100 }
"#;

/// Judges tokens by the core.
struct Court {
    verifier: Verifier,
    scratch: Scratch,
    keys: PreparedKeys,
    state: ClassState,
}

impl Court {
    fn of(plan: &Plan) -> Court {
        let policy = Policy::new(plan.scenario.policy_for(plan.algorithm)).unwrap();
        let allowed = [plan.algorithm];
        let parsed = ParsedSet::parse(&plan.timeline.epochs()[0].body, &allowed).unwrap();
        let set = Arc::<KeySet>::default().succeed(parsed);
        let state = ClassState::of(plan).unwrap_or_else(|| ClassState::new([], []));
        Court {
            scratch: Scratch::new(&policy),
            verifier: Verifier::new(policy),
            keys: PreparedKeys::prepare(backend::find("ring").unwrap(), &allowed, &set),
            state,
        }
    }

    fn judge(&mut self, token: &Token, plan: &Plan) -> Result<(), Rejection> {
        let opened = self.verifier.open(&token.bytes, &mut self.scratch)?;
        let proven = self.verifier.prove(opened, &mut self.keys)?;
        in_force(&self.verifier, &proven, Some(&self.state), plan.epoch)
    }
}

/// What became of the classes under one policy.
#[derive(Debug, Default)]
struct Tally {
    policies: u32,
    held: u32,
    refused: u32,
}

/// Mints every class that the policy lets be, and holds the verifier to what is due.
fn hold(spec: PolicySpec, algorithm: Algorithm, signers: &Signers, tally: &mut Tally) {
    let Ok(policy) = Policy::new(spec) else { return };
    let spec = policy.spec().clone();
    if check_names(&spec).is_err() {
        return;
    }
    let fits = |class: &Class| class.fits(algorithm);
    let classes: Vec<Class> =
        Class::all().filter(fits).filter(|class| check_class(*class, &spec).is_ok()).collect();
    let plan = plan(scenario(BASE), &spec, &classes, algorithm, signers);
    let mut court = Court::of(&plan);
    let lives_long =
        spec.max_age.is_none_or(|age| age.saturating_add(spec.leeway) > Duration::from_secs(10));
    tally.policies += 1;
    tally.refused += (Class::all().filter(fits).count() - classes.len()) as u32;
    for class in classes {
        let own = || plan.corpus.tokens.iter().filter(|token| token.class == class);
        let are_long = own().any(|token| check_length(class, &token.bytes, &spec).is_err());
        // Holders keep theirs for their lifetime, and the policy may call them old before.
        if are_long || (class.is_reissued() && !lives_long) {
            tally.refused += 1;
            continue;
        }
        for (ordinal, token) in own().enumerate() {
            let got = court.judge(token, &plan);
            let due = class.row().due.map_or(Ok(()), Err);
            let text = String::from_utf8_lossy(&token.bytes[..token.bytes.len().min(2000)]);
            assert_eq!(got, due, "{class:?} {ordinal} under {spec:#?}: {text}");
        }
        tally.held += 1;
    }
}

fn plan(
    scenario: Scenario,
    spec: &PolicySpec,
    classes: &[Class],
    algorithm: Algorithm,
    signers: &Signers,
) -> Plan {
    let scenario = scenario.minted_to(spec).sending(classes);
    Plan::new(&scenario, algorithm, signers, &|_| {})
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let known = prop::sample::select(texts).prop_map(String::from);
    let any = prop::collection::vec(any::<char>(), 1..6).prop_map(String::from_iter);
    prop_oneof![6 => known, 1 => any]
}

fn some_of(texts: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(one_of(texts), 0..=most)
}

fn usually<T: Clone + std::fmt::Debug + 'static>(
    usual: T,
    other: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![2 => Just(usual), 1 => other]
}

const CLAIMS: &[&str] = &[
    "nbf",
    "iat",
    "jti",
    "cnf",
    "token_use",
    "client_id",
    "azp",
    "scope",
    "scp",
    "tenant_id",
    "sub_type",
    "auth_version",
    "email",
    "nonce",
    "x",
    "entitlements",
    "sub",
    "kid",
];

fn names() -> impl Strategy<Value = ClaimNames> {
    const NAMES: &[&str] = &["org", "scp", "sub", "client_id", "x", "iss", "cnf", "entitlements"];
    let form = prop::sample::select(&[ScopeForm::String, ScopeForm::Array][..]);
    let base = ClaimNames::default();
    let client = prop::collection::vec(one_of(&["azp", "client_id", "sub", "org", "scp"]), 1..3);
    (
        usually(base.scope.clone(), one_of(NAMES)),
        form,
        usually(base.tenant.clone(), one_of(NAMES)),
        usually(base.client.clone(), client),
        usually(base.subject_kind.clone(), one_of(NAMES)),
        usually(base.authorization_version.clone(), one_of(NAMES)),
    )
        .prop_map(
            |(scope, scope_form, tenant, client, subject_kind, authorization_version)| ClaimNames {
                scope,
                scope_form,
                tenant,
                client,
                subject_kind,
                authorization_version,
            },
        )
}

/// What a policy says of the text of a token.
fn form() -> impl Strategy<Value = PolicySpec> {
    let limits = prop::sample::select(&[1, 700, 1024, 4096, 16_384, 65_536, 1 << 20][..]);
    let header = prop::sample::select(&[1, 128, 512, 2048, 4096, 16_384][..]);
    let types = &[
        "at+jwt",
        "JWT",
        "absent",
        "application/Absent",
        "logout+jwt",
        "text/x",
        "application/dpop+jwt",
        "application/x;part=\"1/2\"",
        "ß",
    ];
    let profile = prop_oneof![
        2 => Just((Profile::Rfc9068, vec!["application/at+jwt".to_owned()])),
        3 => prop::collection::vec(one_of(types), 1..3).prop_map(|types| (Profile::Plain, types)),
    ];
    let issuers =
        &["https://login.example/", "ISSUER", "1", "é", "https://issuer.example/realms/other"];
    let audience = &[
        "API",
        "a",
        "1",
        "Übersicht",
        "ledger-api",
        "reports-api",
        "api",
        "api-v2",
        "API-v2",
        "ö",
    ];
    (
        one_of(issuers),
        prop::collection::vec(one_of(audience), 1..4),
        profile,
        usually(8192, limits),
        usually(2048, header),
        any::<bool>(),
    )
        .prop_map(|(issuer, audience, (profile, types), limit, header, kid_required)| {
            PolicySpec {
                issuer,
                audience,
                profile,
                types,
                max_token_bytes: limit,
                max_header_bytes: header.min(limit),
                kid_required,
                ..PolicySpec::default()
            }
        })
}

fn policy() -> impl Strategy<Value = PolicySpec> {
    let second = 1_000_000_000u64;
    let leeway = usually(30 * second, 0..=300 * second).prop_map(Duration::from_nanos);
    let ages = [0, 1, second, 2 * second, 60 * second, 3600 * second + 1, 90 * 86_400 * second];
    let age = prop::sample::select(ages.map(Duration::from_nanos).to_vec());
    let max_age =
        prop_oneof![3 => Just(None), 3 => age.prop_map(Some), 1 => Just(Some(Duration::MAX))];
    let constraint = prop::sample::select(
        &[
            SenderConstraint::Off,
            SenderConstraint::IfPresent,
            SenderConstraint::IfPresent,
            SenderConstraint::Required,
        ][..],
    );
    let scopes = &["invoice:read", "ledger:read", "invoice", "INVOICE:READ", "invoicereadonly"];
    let lists = (
        prop::option::of(one_of(&["acme", "globex", "1"])),
        some_of(&["billing-web", "crawler", "crawler-v2"], 2),
        some_of(&["user", "service", "service-v2"], 2),
        prop::collection::vec(prop::sample::select(&scopes[..]).prop_map(String::from), 0..3),
        usually(Vec::new(), some_of(CLAIMS, 4)),
        usually(Vec::new(), some_of(CLAIMS, 3)),
    );
    (form(), leeway, max_age, constraint, names(), lists).prop_map(
        |(form, leeway, max_age, sender_constraint, claims, lists)| {
            let (tenant, clients, subject_kinds, required_scopes, required, prohibited) = lists;
            PolicySpec {
                leeway,
                max_age,
                sender_constraint,
                claims,
                tenant,
                clients,
                subject_kinds,
                required_scopes,
                required_claims: required,
                prohibited_claims: prohibited,
                ..form
            }
        },
    )
}

#[test]
fn every_class_that_a_policy_lets_be_comes_out_as_due() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 120,
        rng_seed: RngSeed::Fixed(20260101),
        failure_persistence: None,
        max_shrink_iters: 64,
        ..ProptestConfig::default()
    });
    let tally = RefCell::new(Tally::default());
    let signers = Signers::new(1);
    let outcome = runner.run(&(policy(), any::<bool>()), |(spec, is_ec)| {
        let algorithm = if is_ec { Algorithm::ES256 } else { Algorithm::EdDSA };
        hold(spec, algorithm, &signers, &mut tally.borrow_mut());
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let Tally { policies, held, refused } = tally.into_inner();
    assert!(policies >= 50 && held > refused, "{policies} policies, {held} held, {refused} not");
}

/// The values by which the minter made forgeries that were good, and the sizes at which it did not.
#[test]
fn a_policys_own_values_make_no_good_forgery() {
    let signers = Signers::new(1);
    let base = PolicySpec::default;
    let texts = ["API", "1", "é", "x", "Übersicht", "ledger-api", "ß", "\u{1F600}", "a b", "\""];
    for text in texts {
        let own = || text.to_owned();
        let spec = PolicySpec {
            issuer: own(),
            audience: vec![own()],
            tenant: Some(own()),
            clients: vec![own()],
            subject_kinds: vec![own()],
            required_claims: vec![own()],
            ..base()
        };
        let mut tally = Tally::default();
        hold(spec, Algorithm::EdDSA, &signers, &mut tally);
        let needs_more = ["edge-old", "too-old", "edge-valid", "prohibited-claim"];
        let fits = Class::all().filter(|class| class.fits(Algorithm::EdDSA)).count();
        assert_eq!(tally.held as usize, fits - needs_more.len(), "{text}: {tally:?}");
    }
}

#[test]
fn what_cannot_hold_is_refused_by_name() {
    let base = PolicySpec::default;
    let find = |name: &str| Class::find(name).unwrap();
    let rows = [
        (
            PolicySpec { sender_constraint: SenderConstraint::Required, ..base() },
            "valid",
            "sender-constraint",
        ),
        (PolicySpec { required_claims: vec!["cnf".into()], ..base() }, "revoked", "`cnf`"),
        (
            PolicySpec { profile: Profile::Plain, prohibited_claims: vec!["jti".into()], ..base() },
            "revoked",
            "`jti`",
        ),
        (PolicySpec { max_age: Some(Duration::MAX), ..base() }, "too-old", "max-age"),
        (
            PolicySpec { max_age: Some(Duration::ZERO), leeway: Duration::ZERO, ..base() },
            "valid",
            "`max-age`",
        ),
        (
            PolicySpec {
                claims: ClaimNames { authorization_version: "iat".into(), ..Default::default() },
                ..base()
            },
            "stale-version",
            "authorization-version",
        ),
    ];
    for (spec, class, words) in rows {
        let policy = Policy::new(spec).unwrap();
        let error = check_class(find(class), policy.spec()).unwrap_err();
        assert!(error.contains(words), "{class}: {error}");
        let open = Class::all().filter(|class| class.row().stage == Stage::Open);
        let mut open = open.filter(|class| check_class(*class, policy.spec()).is_ok());
        assert!(open.next().is_some(), "{class}: what is decided before can hold");
    }
    let names = |alter: fn(&mut PolicySpec)| {
        let mut spec = base();
        alter(&mut spec);
        check_names(Policy::new(spec).unwrap().spec()).unwrap_err()
    };
    let error = names(|spec| spec.claims.tenant = "iat".into());
    assert!(error.contains("`claims.tenant` is `iat`"), "{error}");
    let error = names(|spec| spec.claims.tenant = "scope".into());
    assert!(error.contains("`claims.scope` and `claims.tenant`"), "{error}");
}
