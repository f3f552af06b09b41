//! The conformance matrix has no gap: every class is judged, with the code due to it on every
//! backend; every variant of a class occurs; and every reason code is reached.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::judge::judgement::spell;
use jwtbench_engine::trial::{Trial, class_state};
use jwtbench_result::Measurement;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Class;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::rejection::Rejection;

fn scenario(name: &str) -> Scenario {
    let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut found = library.select(&[name.to_owned()]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

/// The plan that `check` makes of a scenario.
fn plan(name: &str, algorithm: Algorithm) -> Plan {
    let scenario = scenario(name).thinned(400.0);
    Plan::new(&scenario, algorithm, &Signers::new(1), &|_| {})
}

/// What `check` makes of a plan.
fn checked(plan: &Plan, contender: ContenderSpec) -> Measurement {
    let state = class_state(plan);
    let trial = Trial::new(plan, contender, state.as_ref()).unwrap();
    trial.simulated().unwrap()
}

fn cores() -> impl Iterator<Item = ContenderSpec> {
    ContenderSpec::all().into_iter().filter(|spec| spec.has_key_cache())
}

/// All that are held to the codes of the contract.
fn strict() -> impl Iterator<Item = ContenderSpec> {
    ContenderSpec::known().into_iter().filter(|spec| spec.is_core() && spec.judges())
}

#[test]
fn every_class_is_judged_on_every_backend() {
    let algorithms = [
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES384,
        Algorithm::EdDSA,
        Algorithm::MlDsa44,
    ];
    for algorithm in algorithms {
        let plan = plan("conformance/every-class", algorithm);
        for contender in strict().filter(|spec| spec.supports(algorithm)) {
            let measurement = checked(&plan, contender);
            let case = format!("{contender} {algorithm}");
            assert!(measurement.wrong.is_empty(), "{case}: {:?}", measurement.wrong);
            let given: BTreeMap<(&str, &str), u64> = measurement
                .conformance
                .iter()
                .map(|cell| ((&*cell.class, &*cell.got), cell.count))
                .collect();
            for class in Class::all().filter(|class| class.fits(algorithm)) {
                let due = spell(class.row().due.map_or(Ok(()), Err));
                let count = given.get(&(class.name(), due)).copied().unwrap_or(0);
                assert!(count >= 4, "{case}: {} was due {due} {count} times", class.name());
            }
        }
    }
}

/// The codes given in a scenario.
fn codes(name: &str) -> BTreeSet<String> {
    let core = cores().next().unwrap();
    let measurement = checked(&plan(name, Algorithm::ES256), core);
    assert!(measurement.wrong.is_empty(), "{name}: {:?}", measurement.wrong);
    measurement.conformance.into_iter().map(|cell| cell.got).collect()
}

#[test]
fn every_code_is_reached() {
    let mut given = codes("conformance/every-class");
    given.extend(codes("outage/cold-start"));
    given.extend(codes("revocation/store-down"));
    for code in Rejection::ALL {
        assert!(given.contains(code.code()), "{code} is never given");
    }
}

#[test]
fn variants_differ() {
    // One text for all tokens of a class is a class of one variant, and there are few of those.
    let alike = ["missing", "encrypted", "oversized-dots"];
    let plan = plan("conformance/every-class", Algorithm::EdDSA);
    let mut texts: BTreeMap<Class, BTreeSet<&[u8]>> = BTreeMap::new();
    for token in &plan.corpus.tokens {
        texts.entry(token.class).or_default().insert(&token.bytes);
    }
    for (class, texts) in texts {
        let few = alike.contains(&class.name());
        assert_eq!(texts.len() == 1, few, "{}: {} texts", class.name(), texts.len());
    }
}
