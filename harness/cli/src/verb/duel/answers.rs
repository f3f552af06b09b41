//! The answers of another process, line by line. Each has a limit of time and one of size, since
//! the process may hang, or write without end.

use std::io::Read as _;
use std::process::ChildStdout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use jwtbench_engine::real::clock::Stopwatch;

/// The longest line in bytes. A round of an hour, with all that its watching thread recorded, is a
/// hundredth of it.
const MAX_LINE: usize = 64 << 20;
/// The interval at which a wait checks whether it should stop.
const LOOK: Duration = Duration::from_millis(100);

/// The answers of a process, received and to come.
pub(super) struct Answers {
    pipe: ChildStdout,
    kept: Vec<u8>,
    /// The number of bytes in `kept` that are known to hold no line end.
    searched: usize,
}

/// The reason why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The process has closed its output.
    Ended,
    /// No answer came in time.
    Late,
    /// A line is longer than the limit.
    TooLong,
    /// The wait was stopped.
    Stopped,
}

impl Answers {
    /// The answers that arrive on a process's output.
    pub(super) fn of(pipe: ChildStdout) -> Answers {
        Answers { pipe, kept: Vec::new(), searched: 0 }
    }

    /// The next answer, if its line is complete `within` this time.
    pub(super) fn next(
        &mut self,
        within: Duration,
        stop: &AtomicBool,
    ) -> Result<Vec<u8>, NoAnswer> {
        let stopwatch = Stopwatch::start();
        loop {
            let fresh = &self.kept[self.searched..];
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.kept.split_off(self.searched + end + 1);
                self.searched = 0;
                return Ok(std::mem::replace(&mut self.kept, rest));
            }
            self.searched = self.kept.len();
            if self.searched > MAX_LINE {
                return Err(NoAnswer::TooLong);
            }
            if stop.load(Ordering::Relaxed) {
                return Err(NoAnswer::Stopped);
            }
            let left = within.checked_sub(stopwatch.elapsed()).ok_or(NoAnswer::Late)?;
            if self.is_readable(left.min(LOOK)) {
                self.receive()?;
            }
        }
    }

    /// Whether a read would not block; waits for at most `within`.
    fn is_readable(&self, within: Duration) -> bool {
        let limit = Timespec::try_from(within).ok();
        let mut watched = [PollFd::new(&self.pipe, PollFlags::IN)];
        // A signal may end the wait early; the caller then tries again.
        poll(&mut watched, limit.as_ref()).is_ok_and(|ready| ready > 0)
    }

    fn receive(&mut self) -> Result<(), NoAnswer> {
        let mut piece = [0; 1 << 16];
        match self.pipe.read(&mut piece) {
            Ok(0) => Err(NoAnswer::Ended),
            Ok(length) => {
                self.kept.extend_from_slice(&piece[..length]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(NoAnswer::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn check(script: &str, due: &[Result<&str, NoAnswer>], why: &str) {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = Answers::of(child.stdout.take().unwrap());
        let go = AtomicBool::new(false);
        for due in due {
            let got = answers.next(Duration::from_millis(500), &go);
            let due = due.map(|line| format!("{line}\n").into_bytes());
            assert_eq!(got, due, "{why}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_line_comes_in_time_and_in_bounds_or_not_at_all() {
        use NoAnswer::{Ended, Late, TooLong};
        check("printf 'a\\nb\\n'", &[Ok("a"), Ok("b"), Err(Ended)], "two at once");
        check("printf a; sleep 0.1; printf 'b\\n'", &[Ok("ab"), Err(Ended)], "in pieces");
        check("printf a", &[Err(Ended)], "an end within a line");
        check("exec sleep 9", &[Err(Late)], "silence");
        check("echo a; exec sleep 9", &[Ok("a"), Err(Late)], "silence after an answer");
        check("while :; do printf a; sleep 0.1; done", &[Err(Late)], "bytes hold nothing off");
        check("exec yes", &[Ok("y"), Ok("y")], "lines without end");
        let mut command = Command::new("cat");
        let mut child = command.arg("/dev/zero").stdout(Stdio::piped()).spawn().unwrap();
        let mut zeros = Answers::of(child.stdout.take().unwrap());
        let (minute, go) = (Duration::from_secs(60), AtomicBool::new(false));
        assert_eq!(zeros.next(minute, &go), Err(TooLong), "one line without end");
        assert!(zeros.kept.capacity() <= 4 * MAX_LINE, "and no more of it is kept");
        let told = AtomicBool::new(true);
        zeros.kept.clear();
        zeros.searched = 0;
        assert_eq!(zeros.next(minute, &told), Err(NoAnswer::Stopped), "told to stop");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
