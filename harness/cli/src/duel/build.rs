//! An arm in another process: another build of jwtbench, asked for one round or one turn at a time,
//! so that only one of two builds is ever at work.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use jwtbench_engine::scenario::plan::{Plan, hex};
use jwtbench_engine::trial::rota::Lane;

use super::super::Failure;
use super::super::machine::profile;
use super::arm::{Fighter, Fought};
use super::corner::Corner;
use super::serve::{Hello, TurnOver};

/// A build at work in a process of its own. It ends when it is dropped.
pub struct BuildArm {
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    shown: String,
    takes_turns: bool,
}

impl BuildArm {
    /// This build, in another process: as far away as the other one.
    pub fn this(corner: &Corner, plan: &Plan) -> Result<BuildArm, Failure> {
        let path = std::env::current_exe()
            .map_err(|error| Failure::Error(format!("no path to this binary: {error}")))?;
        BuildArm::start(&path, "this binary", corner, plan)
    }

    /// Starts a build and makes sure that it would run the same plan.
    pub fn start(
        path: &Path,
        what: &str,
        corner: &Corner,
        plan: &Plan,
    ) -> Result<BuildArm, Failure> {
        let shown = format!("{what} {}", path.display());
        let fault =
            |error| Failure::Usage(format!("{shown} cannot be run ({error}); name a jwtbench"));
        let mut child = Command::new(path)
            .arg("duel-arm")
            .args(told(corner, plan))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(fault)?;
        let (asks, answers) = (child.stdin.take(), child.stdout.take());
        let Some(answers) = answers.map(BufReader::new) else {
            return Err(Failure::Error(format!("{shown} has no output")));
        };
        let mut arm = BuildArm { child, asks, answers, shown, takes_turns: false };
        let hello: Hello = arm.read()?;
        arm.check(&hello, plan)?;
        arm.takes_turns = hello.takes_turns;
        Ok(arm)
    }

    fn check(&self, hello: &Hello, plan: &Plan) -> Result<(), Failure> {
        let shown = &self.shown;
        if hello.corpus_hash != plan.corpus.hash {
            let message = format!("{shown} mints other tokens; builds must share the corpus");
            return Err(Failure::Usage(message));
        }
        if hello.plan_hash != plan.hash {
            let message = format!("{shown} draws up another plan; builds must share the plan");
            return Err(Failure::Usage(message));
        }
        if hello.profile != profile() {
            let (theirs, ours) = (&hello.profile, profile());
            let message =
                format!("{shown} is a {theirs} build and this one is {ours}; build both alike");
            return Err(Failure::Usage(message));
        }
        Ok(())
    }

    fn ask(&mut self, line: &str) {
        if let Some(asks) = &mut self.asks {
            // If it is gone, reading says so.
            _ = asks.write_all(format!("{line}\n").as_bytes()).and_then(|()| asks.flush());
        }
    }

    fn read<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        let shown = &self.shown;
        if !read.is_ok_and(|length| length > 0) {
            return Err(Failure::Usage(format!(
                "{shown} ended without an answer; it must be a jwtbench that knows the verb \
                 `duel-arm`, this scenario and this contender"
            )));
        }
        serde_json::from_str(&line)
            .map_err(|error| Failure::Error(format!("{shown} gave no valid answer: {error}")))
    }
}

/// The command line that makes the same corner there.
fn told(corner: &Corner, plan: &Plan) -> Vec<OsString> {
    let args = &corner.args;
    let mut told: Vec<OsString> = Vec::new();
    let mut tell = |flag: &str, value: OsString| told.extend([flag.into(), value]);
    tell("--contender", corner.contender.to_string().into());
    tell("--scenario", args.scenario.clone().into());
    if let Some(folder) = args.origin.folder() {
        tell("--scenarios", folder.into());
    }
    tell("--algorithm", plan.algorithm.name().into());
    tell("--seed", args.seed.to_string().into());
    tell("--plant", args.plant.to_string().into());
    if let Some(duration) = args.duration {
        tell("--duration", humantime::format_duration(duration).to_string().into());
    }
    if let Some(name) = &args.cache_policy {
        tell("--cache-policy", name.into());
    }
    if let Some(path) = &args.policy {
        tell("--policy", path.into());
    }
    told
}

/// The first twelve digits of a binary's SHA-256: which build it was, without where it lay.
pub fn fingerprint(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    let mut digest = hex(&Sha256::digest(bytes));
    digest.truncate(12);
    Ok(format!("sha256:{digest}"))
}

impl Fighter for BuildArm {
    fn members(&self) -> Option<usize> {
        // Its own workers share the turn there.
        self.takes_turns.then_some(1)
    }

    fn process(&self) -> Option<u32> {
        Some(self.child.id())
    }

    fn round(&mut self, lane: Option<&Lane<'_>>) -> Result<Fought, Failure> {
        let Some(lane) = lane else {
            self.ask("round");
            return self.read();
        };
        let (turns, length) = (lane.turns(), lane.length().as_micros());
        self.ask(&format!("turns {turns} {length} {}", lane.shift()));
        let mut seat = lane.seat(0);
        for _ in 0..turns {
            // A process that was told to stop ends on its own, and reading says so.
            seat.wait(&AtomicBool::new(false));
            self.ask("turn");
            self.read::<TurnOver>()?;
            seat.pass();
        }
        self.read()
    }
}

impl Drop for BuildArm {
    fn drop(&mut self) {
        // Without standard input it has nothing more to do.
        drop(self.asks.take());
        _ = self.child.wait();
    }
}
