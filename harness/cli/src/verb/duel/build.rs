//! An arm in another process, such as another build of jwtbench. It is asked for one round or one
//! turn at a time, so that only one of the two builds works at any time.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use jwtbench_engine::real::clock::{Stopwatch, pause};
use jwtbench_engine::real::longest_round;
use jwtbench_engine::real::turns::Lane;
use jwtbench_engine::session::{ArmRound, RoundRunner, SessionError};
use jwtbench_scenario::format::hex::hex;
use jwtbench_scenario::plan::Plan;

use crate::Failure;
use crate::machine::profile;

use super::answers::{Answers, NoAnswer};
use super::serve::{Handshake, TurnOver};
use super::side::DuelSideArgs;

/// The time that a build has to exit after its work is over.
const ENDING: Duration = Duration::from_secs(2);
/// A build also signs the corpus. This is the factor by which it may be slower than this build was.
const SLOWER: u32 = 10;

/// The limits on waiting for another build.
#[derive(Clone, Copy)]
pub struct AnswerLimits<'p> {
    /// The time that it may be silent beyond the work that it was asked for.
    pub silence: Duration,
    /// The time that this build took to draw up the plan.
    pub planning: Duration,
    /// A flag that ends the wait.
    pub stop: &'p AtomicBool,
}

/// A build that runs in its own process. The process is ended when this is dropped, if necessary by
/// force.
pub struct BuildArm<'p> {
    child: Child,
    asks: Option<ChildStdin>,
    answers: Answers,
    shown: String,
    takes_turns: bool,
    limits: AnswerLimits<'p>,
    /// The longest time that one of its rounds takes.
    round: Duration,
    /// Whether it failed to answer properly; then nothing waits for it to exit.
    is_lost: bool,
}

impl<'p> BuildArm<'p> {
    /// Starts this build in another process, so that both builds communicate alike.
    pub fn this(
        side: &DuelSideArgs,
        plan: &Plan,
        limits: AnswerLimits<'p>,
    ) -> Result<BuildArm<'p>, Failure> {
        let path = std::env::current_exe()
            .map_err(|error| Failure::Error(format!("no path to this binary: {error}")))?;
        BuildArm::start((&path, "this binary"), side, plan, limits)
    }

    /// Starts a build, and checks that it would run the same plan.
    pub fn start(
        (path, what): (&Path, &str),
        side: &DuelSideArgs,
        plan: &Plan,
        limits: AnswerLimits<'p>,
    ) -> Result<BuildArm<'p>, Failure> {
        let shown = format!("{what} {}", path.display());
        let fault =
            |error| Failure::Usage(format!("{shown} cannot be run ({error}); name a jwtbench"));
        let mut child = Command::new(path)
            .arg("duel-arm")
            .args(told(side, plan))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Processes that it starts are ended with it.
            .process_group(0)
            .spawn()
            .map_err(fault)?;
        let (asks, answers) = (child.stdin.take(), child.stdout.take());
        let Some(answers) = answers.map(Answers::of) else {
            return Err(Failure::Error(format!("{shown} has no output")));
        };
        let (round, takes_turns, is_lost) = (longest_round(plan), false, false);
        let mut arm = BuildArm { child, asks, answers, shown, takes_turns, limits, round, is_lost };
        let handshake: Handshake = arm.read(limits.planning * SLOWER)?;
        arm.check(&handshake, plan)?;
        arm.takes_turns = handshake.takes_turns;
        Ok(arm)
    }

    fn check(&self, handshake: &Handshake, plan: &Plan) -> Result<(), Failure> {
        let shown = &self.shown;
        if handshake.corpus_hash != plan.corpus.hash {
            let message = format!("{shown} mints other tokens; builds must share the corpus");
            return Err(Failure::Usage(message));
        }
        if handshake.plan_hash != plan.hash {
            let message = format!("{shown} draws up another plan; builds must share the plan");
            return Err(Failure::Usage(message));
        }
        if handshake.profile != profile() {
            let (theirs, ours) = (&handshake.profile, profile());
            let message =
                format!("{shown} is a {theirs} build and this one is {ours}; build both alike");
            return Err(Failure::Usage(message));
        }
        Ok(())
    }

    fn ask(&mut self, line: &str) {
        if let Some(asks) = &mut self.asks {
            // If the process is gone, the next read reports it.
            _ = asks.write_all(format!("{line}\n").as_bytes()).and_then(|()| asks.flush());
        }
    }

    /// Reads the next answer, which takes up to `work`.
    fn read<T: DeserializeOwned>(&mut self, work: Duration) -> Result<T, Failure> {
        let within = work.saturating_add(self.limits.silence);
        let line = self.answers.next(within, self.limits.stop);
        self.is_lost = line.is_err();
        let shown = &self.shown;
        let line = line.map_err(|missing| match missing {
            NoAnswer::Ended => Failure::Usage(format!(
                "{shown} ended without an answer; it must be a jwtbench that knows the verb \
                 `duel-arm`, this scenario and this contender"
            )),
            NoAnswer::Late => Failure::Usage(format!(
                "{shown} gave no answer within {} and was ended; name a jwtbench, or give it more \
                 time with --base-timeout",
                humantime::format_duration(Duration::from_secs(within.as_secs().max(1))),
            )),
            NoAnswer::TooLong => Failure::Usage(format!(
                "{shown} wrote without end and was ended; name a jwtbench that knows the verb \
                 `duel-arm`"
            )),
            NoAnswer::Stopped => Failure::Error(format!("interrupted while {shown} was at work")),
        })?;
        serde_json::from_slice(&line).map_err(|error| {
            self.is_lost = true;
            Failure::Error(format!("{} gave no valid answer: {error}", self.shown))
        })
    }

    /// Ends the process, and those that it started, unless it exits by itself.
    fn end(&mut self) {
        // The process has nothing more to do once its standard input is closed.
        drop(self.asks.take());
        let stopwatch = Stopwatch::start();
        while !self.is_lost && stopwatch.elapsed() < ENDING {
            match self.child.try_wait() {
                Ok(None) => pause(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // The process has not been waited for yet, so its id cannot be reused. No process can
        // refuse SIGKILL.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            _ = kill_process_group(group, Signal::KILL);
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The arguments that make the same side in another process.
fn told(args: &DuelSideArgs, plan: &Plan) -> Vec<OsString> {
    let mut told: Vec<OsString> = Vec::new();
    let mut tell = |flag: &str, value: OsString| told.extend([flag.into(), value]);
    tell("--contender", args.contender.clone().into());
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
    if let Some(name) = &args.state_strategy {
        tell("--state-strategy", name.into());
    }
    if let Some(path) = &args.policy {
        tell("--policy", path.into());
    }
    told
}

/// The first twelve hex digits of a binary's SHA-256, which identify the build without its path.
pub fn fingerprint(path: &Path) -> Result<String, Failure> {
    let fault = |error| {
        let shown = path.display();
        Failure::Usage(format!("--base-binary {shown} cannot be run ({error}); name a jwtbench"))
    };
    if !std::fs::metadata(path).map_err(fault)?.is_file() {
        return Err(fault(std::io::Error::other("it is no file")));
    }
    let mut file = File::open(path).map_err(fault)?;
    let (mut hash, mut piece) = (Sha256::new(), [0; 1 << 16]);
    loop {
        match file.read(&mut piece).map_err(fault)? {
            0 => break,
            length => hash.update(&piece[..length]),
        }
    }
    let mut digest = hex(&hash.finalize());
    digest.truncate(12);
    Ok(format!("sha256:{digest}"))
}

impl RoundRunner for BuildArm<'_> {
    fn members(&self) -> Option<usize> {
        // The workers of the other process share its turn.
        self.takes_turns.then_some(1)
    }

    fn process(&self) -> Option<u32> {
        Some(self.child.id())
    }

    fn round(&mut self, lane: Option<&Lane<'_>>) -> Result<ArmRound, SessionError> {
        let Some(lane) = lane else {
            self.ask("round");
            return Ok(self.read(self.round)?);
        };
        let (turns, length) = (lane.turns(), lane.length().as_micros());
        self.ask(&format!("turns {turns} {length} {}", lane.shift()));
        let mut own_turns = lane.turns_of(0);
        for _ in 0..turns {
            // A process that received the stop signal exits by itself, and the next read reports
            // it.
            own_turns.wait(&AtomicBool::new(false));
            self.ask("turn");
            self.read::<TurnOver>(self.round)?;
            own_turns.pass();
        }
        Ok(self.read(self.round)?)
    }
}

impl Drop for BuildArm<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
