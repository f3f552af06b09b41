//! The steady tokens of a plan, on which no timing decides the verdict, and the stream of the
//! verdicts on them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use jwtbench_result::{ClassVerdicts, Count, VerdictStream};
use jwtbench_scenario::format::hex::hex;
use jwtbench_scenario::model::place::TokenPlace;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Stage;
use jwtbench_scenario::token::corpus::Token;
use jwtbench_verifier::rejection::Rejection;

use super::judgement::Code;
use super::ledger::Ledger;

/// The time by which a round may overrun without reaching an edge of a steady token's times.
const SLACK: Duration = Duration::from_secs(20);

/// The verdict stream of a ledger. `spelt` writes the contender's codes.
pub(crate) fn verdict_stream(
    plan: &Plan,
    ledger: &Ledger,
    spelt: impl Fn(Code) -> String,
) -> VerdictStream {
    let mut given: BTreeMap<TokenPlace, BTreeSet<String>> = BTreeMap::new();
    for (token, code) in &ledger.given {
        given.entry(*token).or_default().insert(spelt(*code));
    }
    let mut stream = VerdictStream::default();
    let mut whole = Sha256::new();
    let mut classes: BTreeMap<&str, (Sha256, BTreeMap<String, u64>)> = BTreeMap::new();
    for (place, token) in (0u32..).map(TokenPlace).zip(&plan.corpus.tokens) {
        if !is_steady(plan, token) {
            continue;
        }
        stream.tokens += 1;
        let codes: Vec<&str> =
            given.get(&place).into_iter().flatten().map(String::as_str).collect();
        stream.missing += u64::from(codes.is_empty());
        let codes = codes.join("+");
        let (class, counts) = classes.entry(token.class.name()).or_default();
        for hash in [&mut whole, class] {
            hash.update(place.0.to_be_bytes());
            hash.update((codes.len() as u64).to_be_bytes());
            hash.update(&codes);
        }
        *counts.entry(codes).or_default() += 1;
    }
    stream.hash = hex(&whole.finalize());
    let row = |(class, (hash, counts)): (&str, (Sha256, BTreeMap<String, u64>))| {
        let codes = counts.into_iter().map(|(name, count)| Count { name, count });
        ClassVerdicts { class: class.into(), hash: hex(&hash.finalize()), codes: codes.collect() }
    };
    stream.classes = classes.into_iter().map(row).collect();
    stream
}

/// Whether no timing decides the verdict on a token. This holds if its text alone decides, or if
/// the keys never change and no edge of its times lies in the round.
fn is_steady(plan: &Plan, token: &Token) -> bool {
    let (scenario, facts) = (&plan.scenario, &token.facts);
    if matches!(facts.fault, Some((Stage::Open, _))) {
        return true;
    }
    let waits_for_keys =
        token.class.row().stage == Stage::Key || facts.settled == Some(Err(Rejection::UnknownKid));
    if scenario.is_dynamic() || waits_for_keys {
        return false;
    }
    if plan.is_still {
        return true;
    }
    let leeway = scenario.leeway();
    let before = scenario.load.warmup + Duration::from_secs(1);
    let span = before + scenario.load.duration + SLACK;
    let from = plan.epoch - before;
    // An edge is an instant at which a comparison of step 10 of the contract changes its result.
    let mut edges = vec![facts.expires + leeway, facts.issued_at - leeway];
    edges.extend(facts.not_before.map(|not_before| not_before - leeway));
    let max_age = scenario.policy.max_age;
    edges.extend(max_age.map(|max_age| facts.issued_at + max_age + leeway));
    edges.into_iter().all(|edge| edge < from || edge > from + span)
}
