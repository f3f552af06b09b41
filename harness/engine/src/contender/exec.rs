//! A verifier of the user's own, in a process. Its first line of input says what a token must be.
//! It then reads one token per line on its standard input, and writes one verdict per line on its
//! standard output. It is judged like a library. `sh` is the only shell used.

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
/// The longest time that a process may take for one token.
const PATIENCE: Duration = Duration::from_secs(5);
/// The step in which that time is counted.
const PIECE: Duration = Duration::from_millis(10);
/// The size in bytes up to which a write does not block once the pipe has room (POSIX `PIPE_BUF`).
const PIPE_BUF: usize = 4096;
/// The longest verdict, in bytes.
const LONGEST_LINE: usize = 4096;
/// The part of an invalid verdict that a message shows, in characters.
const SHOWN: usize = 60;

/// The first line that a process reads.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecSetup {
    /// The version of the protocol: [`PROTOCOL`].
    pub protocol: u32,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// The time as of which all tokens are to be judged, in seconds since 1970.
    pub now: i64,
    /// The policy, with the member names of a policy file.
    pub policy: Value,
    /// The issuer's JWK set (RFC 7517 §5) as it is served, except that line breaks are spaces.
    pub key_set: Box<RawValue>,
}

impl ExecSetup {
    /// The setup as one line of JSON.
    fn line(setup: &Setup<'_>) -> io::Result<Vec<u8>> {
        // Outside strings, JSON treats a line break as a space. Inside strings there is none.
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
    /// A command of the user's own, run by a shell.
    Shell(&'static str),
    /// This program as a peer that accepts every token without reading it. It measures the cost of
    /// a pipe.
    Floor,
}

impl ExecCommand {
    /// A command for a shell. Its text is leaked, as a program has only a few of them.
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

/// A contender in a process, owned by one worker.
pub(super) struct Exec {
    command: ExecCommand,
    /// The running process; `None` once it has failed.
    peer: Option<Peer>,
    /// The reason for the failure.
    fault: Option<String>,
}

impl Exec {
    /// Starts a process and writes the first line to it.
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
        // Neither a line nor a request header can hold a token with a line feed.
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
        // The process judges as of the instant given in its first line.
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
    /// Bytes received and not yet read as a line.
    come: Vec<u8>,
    line: Vec<u8>,
    /// Whether the process has been waited for. Its id may belong to another process after that.
    has_ended: bool,
}

impl Peer {
    fn start(command: ExecCommand) -> io::Result<Peer> {
        let mut command = command.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Processes that it starts in turn are killed with it.
        let mut child = command.process_group(0).spawn()?;
        let (Some(asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (come, line) = (Vec::new(), Vec::new());
        Ok(Peer { child, asks, answers, come, line, has_ended: false })
    }

    /// Writes a token and reads the verdict: true for `accept`.
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

    /// Writes a line as fast as the process reads it. Output that is already there is an error,
    /// since it answers no question.
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

    /// Reads a line into `line`, without its line feed.
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
            // A process that writes a verdict byte by byte gets no more time.
            silence.grow(PIECE)?;
        }
    }

    /// The error for a process whose pipes are closed.
    fn ended(&mut self) -> io::Error {
        // A process that still runs is killed. For one that has ended this changes nothing.
        let how = match self.end() {
            Ok(status) if status.signal().is_none() => format!("it ended ({status})"),
            _ => "it closed its pipes or was killed".to_owned(),
        };
        io::Error::other(format!("{how} before it had judged every token"))
    }

    /// Kills the process and all that it started, and waits for it.
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

/// The time for which a process has not answered about a token.
#[derive(Default)]
struct Silence(Duration);

impl Silence {
    /// Waits until one of these pipes is ready or closed at its other end.
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

    /// Adds time. It is an error if the limit is then reached.
    fn grow(&mut self, time: Duration) -> io::Result<()> {
        self.0 += time;
        if self.0 < PATIENCE {
            return Ok(());
        }
        let message = format!("it took over {} s for a token", PATIENCE.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    }
}
