//! A Valkey or Redis that is started for a round, and whose faults are real: it is killed, stopped,
//! or started empty.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use jwtbench_scenario::model::state::{DataLoss, StoreFault, StoreSetting};

use crate::real::clock::{Stopwatch, pause};
use crate::trial::TrialError;

/// The longest time that a server may take to begin.
const LONGEST_START: Duration = Duration::from_secs(5);

/// A server of ours. It ends when it is dropped.
pub(super) struct Server {
    program: PathBuf,
    address: SocketAddr,
    /// Where it keeps its data.
    folder: TempDir,
    child: Option<Child>,
    is_stopped: bool,
}

impl Server {
    /// Starts a server at a free port of loopback.
    pub(super) fn start(program: PathBuf) -> Result<Server, TrialError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        drop(listener);
        let folder = TempDir::with_prefix("jwtbench-store-")?;
        let (child, is_stopped) = (None, false);
        let mut server = Server { program, address, folder, child, is_stopped };
        server.run()?;
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the process, with what an earlier one left in the folder.
    fn run(&mut self) -> Result<(), TrialError> {
        let port = self.address.port().to_string();
        let child = Command::new(&self.program)
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "no", "--daemonize", "no", "--loglevel", "warning"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is not meant for it.
            .process_group(0)
            .spawn()?;
        self.child = Some(child);
        let waited = Stopwatch::start();
        while TcpStream::connect_timeout(&self.address, LONGEST_START).is_err() {
            if waited.elapsed() > LONGEST_START {
                let program = self.program.display();
                return Err(TrialError::Store(format!(
                    "{program} does not listen; run it by hand"
                )));
            }
            pause(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Puts a setting in force.
    pub(super) fn apply(&mut self, setting: &StoreSetting) -> Result<(), TrialError> {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait()?
        {
            let program = self.program.display();
            return Err(TrialError::Store(format!("{program} ended by itself: {status}")));
        }
        let is_silent = setting.fault == StoreFault::Silent;
        if setting.data_lost == DataLoss::All {
            self.end();
            for entry in std::fs::read_dir(self.folder.path())? {
                let path = entry?.path();
                if path.is_dir() {
                    std::fs::remove_dir_all(path)?;
                } else {
                    std::fs::remove_file(path)?;
                }
            }
        }
        if setting.fault == StoreFault::Refused {
            self.end();
            return Ok(());
        }
        if self.child.is_none() {
            self.run()?;
        }
        if is_silent != self.is_stopped {
            self.signal(if is_silent { Signal::STOP } else { Signal::CONT });
            self.is_stopped = is_silent;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().and_then(|child| Pid::from_raw(child.id() as i32));
        // A process that is gone needs no signal.
        _ = id.map(|id| kill_process(id, signal));
    }

    /// Kills the process. What it has answered is kept in its folder.
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
        self.is_stopped = false;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
