//! Brings a verifier of one's own and has every verdict of two scenarios judged, in virtual time:
//! `cargo run --package jwtbench-engine --example own_verifier`. The verifier here is an
//! application of jsonwebtoken, with a rule that the scenarios find wanting.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::AtomicBool;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use jwtbench_engine::contender::{ContenderSpec, OwnCheck, OwnContender, OwnSetup, OwnVerifier};
use jwtbench_engine::session::{Job, Session, describe, head};
use jwtbench_report::{TerminalStyle, check_table, terminal_verdict};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_verifier::algorithm::Algorithm;
use serde::Deserialize;

/// The verifier of an application.
pub struct Application;

#[derive(Deserialize)]
struct Times {
    exp: f64,
    nbf: Option<f64>,
}

impl OwnVerifier for Application {
    fn name(&self) -> &str {
        "application"
    }

    fn version(&self) -> &str {
        "0.1"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA)
    }

    fn build<'c>(&'c self, told: OwnSetup<'c>) -> OwnCheck<'c> {
        // A second time it is the same provider.
        _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let policy = told.policy;
        let named: jsonwebtoken::Algorithm = told.algorithm.name().parse().unwrap_or_default();
        let mut validation = Validation::new(named);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&policy.issuer]);
        validation.set_audience(&policy.audience);
        // The scenario's clock decides, and not that of the machine.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let leeway = policy.leeway.as_secs_f64();
        let set: JwkSet = serde_json::from_slice(told.key_set).unwrap_or(JwkSet { keys: vec![] });
        let prepared = set
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?)));
        let keys: HashMap<String, DecodingKey> = prepared.collect();
        Box::new(move |token, now| {
            let now = now.seconds() as f64;
            let accepted = || {
                let kid = decode_header(token).ok()?.kid?;
                let claims = decode::<Times>(token, keys.get(&kid)?, &validation).ok()?.claims;
                let in_force = claims.nbf.is_none_or(|not_before| not_before <= now + leeway);
                Some(in_force && now < claims.exp + leeway)
            };
            accepted() == Some(true)
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let contenders = [ContenderSpec::Own(OwnContender(&Application))];
    let scenarios = ["hot-path/mix".into(), "hot-path/reject-claims".into()];
    let scenarios = Catalogue::shipped().select(&scenarios)?;
    let jobs: Vec<Job> = scenarios
        .into_iter()
        .map(|scenario| Job::fitting(scenario.thinned(400.0), Algorithm::ES256, &contenders))
        .collect();
    let stop = AtomicBool::new(false);
    let session = Session::new(1, &stop, &());
    let command = "cargo run --example own_verifier".into();
    let mut result = head(&jobs, command, 1, describe(None, None), Vec::new());
    for job in &jobs {
        result.measurements.extend(session.judge(job)?);
    }
    let style = TerminalStyle { colour: false, width: 100 };
    println!("{}{}", check_table(&result, style), terminal_verdict(&result, style));
    match result.is_judged() && result.wrong() == 0 {
        true => Ok(()),
        false => Err("a forgery was accepted, or nothing was judged".into()),
    }
}
