//! A verifier of the user's own, in a process: it is told once what a token must be, then reads one
//! token a line on its standard input and says one verdict a line on its standard output. It is
//! judged like a library. Knows no shell but `sh`.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use jwtbench_scenario::format::policy_file;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use super::{Contender, Presented, Progress, Setup};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;
/// How long a process may keep silent about one token.
const PATIENCE: Duration = Duration::from_secs(5);
/// Its silence is counted in pieces of this.
const PIECE: Duration = Duration::from_millis(10);
/// A write of so many bytes does not block once the pipe has room (POSIX `PIPE_BUF`).
const PIPE_BUF: usize = 4096;
/// The longest verdict, in bytes.
const LONGEST_LINE: usize = 4096;
/// What a message shows of a verdict that is none, in characters.
const SHOWN: usize = 60;

/// What a process is told on its first line.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecSetup {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// The time by which all tokens are to be judged, in seconds since 1970.
    pub now: i64,
    /// The policy, with the keys of a policy file.
    pub policy: Value,
    /// The issuer's JWK set (RFC 7517 §5), as it is served but for line feeds.
    pub key_set: Box<RawValue>,
}

impl ExecSetup {
    /// The first line.
    fn line(setup: &Setup<'_>) -> io::Result<Vec<u8>> {
        // Outside of its strings a line feed of JSON is a space, and in them there is none.
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let in_line = |byte: &u8| if is_break(byte) { b' ' } else { *byte };
        let key_set: Vec<u8> = setup.key_set.iter().map(in_line).collect();
        let told = ExecSetup {
            protocol: PROTOCOL,
            algorithm: setup.algorithm.name().into(),
            now: setup.clock.at(Tick::ZERO).seconds(),
            policy: policy_file::to_json(setup.policy.spec()),
            key_set: serde_json::from_slice(&key_set)?,
        };
        Ok(serde_json::to_vec(&told)?)
    }
}

/// A command that verifies tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecCommand {
    /// The user's own, for a shell.
    Shell(&'static str),
    /// This program, which accepts every token without looking: what a pipe costs.
    Floor,
}

impl ExecCommand {
    /// A command for a shell. It lives as long as the program, which has a few of them.
    pub fn shell(command: &str) -> ExecCommand {
        ExecCommand::Shell(Box::leak(command.into()))
    }

    fn command(self) -> io::Result<Command> {
        match self {
            ExecCommand::Shell(text) => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(text);
                Ok(command)
            }
            ExecCommand::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("exec-peer");
                Ok(command)
            }
        }
    }
}

impl fmt::Display for ExecCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecCommand::Shell(text) => write!(f, "exec:{text}"),
            ExecCommand::Floor => f.write_str("null:pipe"),
        }
    }
}

/// A process, owned by one worker.
pub(super) struct Exec {
    command: ExecCommand,
    /// `None` once it has failed.
    peer: Option<Peer>,
    /// Why it has failed.
    fault: Option<String>,
}

impl Exec {
    /// Starts a process and tells it what a token must be.
    pub(super) fn new(command: ExecCommand, setup: &Setup<'_>) -> Exec {
        let mut exec = Exec { command, peer: None, fault: None };
        let started = || {
            let mut peer = Peer::start(command)?;
            peer.write_line(&ExecSetup::line(setup)?, &mut Silence::default())?;
            Ok(peer)
        };
        match started() {
            Ok(peer) => exec.peer = Some(peer),
            Err(error) => exec.fail(&error),
        }
        exec
    }

    fn verify(&mut self, token: &[u8]) -> Result<(), Rejection> {
        // No line can hold it, and no header of a request either.
        if token.contains(&b'\n') {
            return Err(Rejection::Malformed);
        }
        let Some(peer) = &mut self.peer else {
            return Err(Rejection::KeysUnavailable);
        };
        match peer.ask(token) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Rejection::Malformed),
            Err(error) => {
                self.fail(&error);
                Err(Rejection::KeysUnavailable)
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.fault = Some(format!("{}: {error}", self.command));
        self.peer = None;
    }
}

impl<'c> Contender<'c> for Exec {
    fn begin(&mut self, _: u32, token: Presented<'c>, _: Tick) -> Progress {
        // Judged as of the instant that the process was told.
        Progress::Done(Verdict::new(self.verify(token.bytes), Tick::ZERO, None))
    }

    fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

/// The process and its pipes.
struct Peer {
    child: Child,
    asks: ChildStdin,
    answers: ChildStdout,
    /// What has come and was not yet read.
    come: Vec<u8>,
    line: Vec<u8>,
    /// Whether its end is known; its id may be another's by then.
    has_ended: bool,
}

impl Peer {
    fn start(command: ExecCommand) -> io::Result<Peer> {
        let mut command = command.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Whatever it starts in turn is ended with it.
        let mut child = command.process_group(0).spawn()?;
        let (Some(asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (come, line) = (Vec::new(), Vec::new());
        Ok(Peer { child, asks, answers, come, line, has_ended: false })
    }

    /// Whether it accepts a token.
    fn ask(&mut self, token: &[u8]) -> io::Result<bool> {
        let mut silence = Silence::default();
        self.write_line(token, &mut silence)?;
        self.read_line(&mut silence)?;
        let said = String::from_utf8_lossy(&self.line);
        let word = said.split_whitespace().next().unwrap_or_default();
        match word {
            "accept" => Ok(true),
            "reject" => Ok(false),
            _ => {
                let shown: String = said.trim().chars().take(SHOWN).collect();
                let message = format!("it said {shown:?}; a verdict is `accept` or `reject`");
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }

    /// Writes a line, as fast as it is read. What was said before that is the answer to nothing.
    fn write_line(&mut self, text: &[u8], silence: &mut Silence) -> io::Result<()> {
        self.line.clear();
        self.line.extend_from_slice(text);
        self.line.push(b'\n');
        for (number, part) in self.line.chunks(PIPE_BUF).enumerate() {
            let asks = PollFd::new(&self.asks, PollFlags::OUT);
            if number > 0 {
                silence.until(&mut [asks])?;
            } else {
                let mut pipes = [asks, PollFd::new(&self.answers, PollFlags::IN)];
                silence.until(&mut pipes)?;
                if !self.come.is_empty() || pipes[1].revents().contains(PollFlags::IN) {
                    return Err(io::Error::other("it said more than it was asked"));
                }
            }
            if self.asks.write_all(part).is_err() {
                return Err(self.ended());
            }
        }
        Ok(())
    }

    /// Reads a line into `line`, without its end.
    fn read_line(&mut self, silence: &mut Silence) -> io::Result<()> {
        let mut bytes = [0; LONGEST_LINE];
        loop {
            silence.until(&mut [PollFd::new(&self.answers, PollFlags::IN)])?;
            match self.answers.read(&mut bytes) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => self.come.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Some(end) = self.come.iter().position(|byte| *byte == b'\n') {
                self.line.clear();
                self.line.extend(self.come.drain(..=end).take(end));
                return Ok(());
            }
            if self.come.len() > LONGEST_LINE {
                return Err(io::Error::other("it wrote a line without end"));
            }
            // One that says a verdict byte by byte is given no more time.
            silence.grow(PIECE)?;
        }
    }

    /// What has become of one whose pipes are closed.
    fn ended(&mut self) -> io::Error {
        // One that goes on without them is ended; of one that has ended this changes nothing.
        let how = match self.end() {
            Ok(status) if status.signal().is_none() => format!("it ended ({status})"),
            _ => "it closed its pipes or was killed".to_owned(),
        };
        io::Error::other(format!("{how} before it had judged every token"))
    }

    /// Ends it and all that it started.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if !self.has_ended {
            if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                _ = kill_process_group(group, Signal::KILL);
            }
            self.has_ended = true;
        }
        self.child.wait()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.end();
    }
}

/// For how long a process has been silent about a token.
#[derive(Default)]
struct Silence(Duration);

impl Silence {
    /// Waits until one of these pipes is ready, or has nobody at its other end.
    fn until(&mut self, pipes: &mut [PollFd<'_>]) -> io::Result<()> {
        let piece = Timespec { tv_sec: 0, tv_nsec: PIECE.subsec_nanos().into() };
        loop {
            match poll(pipes, Some(&piece)) {
                Ok(0) => self.grow(PIECE)?,
                Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// So much longer.
    fn grow(&mut self, time: Duration) -> io::Result<()> {
        self.0 += time;
        if self.0 < PATIENCE {
            return Ok(());
        }
        let message = format!("it took over {} s for a token", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }
}
