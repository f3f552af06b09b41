//! `exec-peer`: the verifier at the other end of the pipe of an `exec:` contender. It accepts every
//! token, so that the cost of a pipe can be measured, or judges each one by the core. The verb is
//! hidden.

use std::io::{self, BufRead, Write};
use std::path::Path;

use clap::Args as ClapArgs;

use jwtbench_engine::contender::{ExecSetup, PROTOCOL};
use jwtbench_scenario::format::policy_file;
use jwtbench_verifier::backend;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;

use crate::own::token_judge::{PolicyAndKeys, TokenJudge};
use crate::{Exit, Failure};

/// Judge tokens behind a pipe.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// The backend of the core that judges; without one every token is accepted
    #[arg(value_name = "BACKEND")]
    backend: Option<String>,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    read(&mut input, &mut line)?;
    let judged = match &args.backend {
        None => serve(&mut input, &mut line, |_| Ok(())),
        Some(name) => {
            let mut core = PipedCore::new(name, &line)?;
            serve(&mut input, &mut line, |token| core.judge.judge(token, core.now))
        }
    };
    judged.map(|()| Exit::Passed)
}

/// Answers token after token, until the input ends.
fn serve(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    mut judge: impl FnMut(&[u8]) -> Result<(), Rejection>,
) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    while read(input, line)? {
        let verdict = match judge(line) {
            Ok(()) => "accept\n".to_owned(),
            Err(code) => format!("reject {}\n", code.code()),
        };
        // A peer that is gone sends no more tokens.
        if output.write_all(verdict.as_bytes()).and_then(|()| output.flush()).is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads a line without its line end. False at the end of the input.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Failure> {
    line.clear();
    let count = input
        .read_until(b'\n', line)
        .map_err(|error| Failure::Error(format!("cannot read standard input: {error}")))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(count > 0)
}

/// The core, set up by the first line of the input.
struct PipedCore {
    judge: TokenJudge,
    now: UnixTime,
}

impl PipedCore {
    fn new(name: &str, line: &[u8]) -> Result<PipedCore, Failure> {
        let fault = |what: String| Failure::Usage(format!("exec-peer: {what}"));
        let setup: ExecSetup = serde_json::from_slice(line)
            .map_err(|error| fault(format!("the first line is no setup ({error})")))?;
        if setup.protocol != PROTOCOL {
            return Err(fault(format!("protocol {}; this is {PROTOCOL}", setup.protocol)));
        }
        let spec = policy_file::from_json(setup.policy).map_err(fault)?;
        let backend = backend::find(name).ok_or_else(|| fault(format!("no backend {name}")))?;
        let [policy, key_set] = ["exec-peer: policy", "exec-peer: key_set"].map(Path::new);
        let body = setup.key_set.get().as_bytes();
        let policy_and_keys = PolicyAndKeys::of_body(spec, policy, body, key_set)?;
        let judge = TokenJudge::new(backend, &policy_and_keys)?;
        Ok(PipedCore { judge, now: UnixTime::from_seconds(setup.now) })
    }
}
