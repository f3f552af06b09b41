//! `duel-arm`: one side of a duel of builds. It says what it would run, then runs a round for each
//! line on standard input, and answers with a line of JSON. Not for people.

use std::io::{BufRead as _, Write as _};

use clap::Args as ClapArgs;
use serde::{Deserialize, Serialize};

use crate::scenario::signer::Signers;
use crate::trial::Control;

use super::super::job::stop_on_ctrl_c;
use super::super::machine::profile;
use super::super::{Exit, Failure};
use super::arm::{Fighter as _, LocalArm};
use super::corner::{Corner, CornerArgs};

/// Serve the rounds of one side of a duel.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    corner: CornerArgs,
}

/// The first line of the answer.
#[derive(Serialize, Deserialize)]
pub struct Hello {
    /// The plan it would run, SHA-256 in hex.
    pub plan_hash: String,
    /// The corpus, SHA-256 in hex.
    pub corpus_hash: String,
    /// `release` or `debug`.
    pub profile: String,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let corner = Corner::new(args.corner)?;
    let stop = stop_on_ctrl_c()?;
    let plan = corner.plan(&Signers::new(corner.args.seed), &|_| {});
    answer(&Hello {
        plan_hash: plan.hash.clone(),
        corpus_hash: plan.corpus.hash.clone(),
        profile: profile().into(),
    })?;
    let mut arm = LocalArm::new(&corner, &plan, Control { stop, port: None })?;
    for line in std::io::stdin().lock().lines() {
        // A peer that is gone ends the service.
        if line.is_err() {
            break;
        }
        answer(&arm.round()?)?;
    }
    Ok(Exit::Passed)
}

fn answer(value: &impl Serialize) -> Result<(), Failure> {
    let fault = |error: String| Failure::Error(format!("cannot answer the duel: {error}"));
    let json = serde_json::to_string(value).map_err(|error| fault(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{json}").and_then(|()| out.flush()).map_err(|error| fault(error.to_string()))
}
