//! The exit codes that CI relies on, and the failures of commands with their remedies.

use std::fmt;
use std::process::ExitCode;

use jwtbench_engine::jwks::endpoint::EndpointError;
use jwtbench_engine::session::SessionError;
use jwtbench_engine::trial::TrialError;
use jwtbench_result::record::part::PartError;
use jwtbench_result::{ReadError, RunResult};
use jwtbench_scenario::ScenarioError;
use jwtbench_scenario::catalogue::CatalogueError;
use jwtbench_scenario::token::fit::UnfitClass;

/// How a command ended. A wrong verdict outranks every other exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything passed.
    Passed,
    /// The command failed without a fault of the user, or nothing was judged.
    Error,
    /// The command line, a scenario or a file is at fault.
    Usage,
    /// The candidate of a comparison costs more.
    Regressed,
    /// A verdict was not the one due.
    Wrong,
    /// An expectation was not met.
    Missed,
    /// A comparison was inconclusive or invalid, under `--strict`.
    Unproven,
}

impl Exit {
    /// The exit that a result leads to.
    pub fn of(result: &RunResult) -> Exit {
        if result.wrong() > 0 {
            Exit::Wrong
        } else if !result.is_judged() {
            Exit::Error
        } else if result.missed().next().is_some() {
            Exit::Missed
        } else {
            Exit::Passed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Passed => 0,
            Exit::Error => 1,
            Exit::Usage => 2,
            Exit::Regressed => 3,
            Exit::Wrong => 4,
            Exit::Missed => 5,
            Exit::Unproven => 6,
        })
    }
}

/// The reason why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// A fault that the user can correct. The message says what is wrong and how to correct it.
    Usage(String),
    /// A fault that the user cannot correct.
    Error(String),
    /// A verdict is wrong.
    Wrong(String),
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Error(_) => Exit::Error,
            Failure::Wrong(_) => Exit::Wrong,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) | Failure::Error(message) | Failure::Wrong(message) => {
                f.write_str(message)
            }
        }
    }
}

impl From<CatalogueError> for Failure {
    fn from(error: CatalogueError) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<UnfitClass> for Failure {
    fn from(error: UnfitClass) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        Failure::Usage(error.to_string())
    }
}

impl From<PartError> for Failure {
    fn from(error: PartError) -> Failure {
        match error.is_empty() {
            // The file has no fault; it only has nothing to show.
            true => Failure::Error(error.to_string()),
            false => Failure::Usage(error.to_string()),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        match error {
            SessionError::Unusable(message) => Failure::Usage(message),
            SessionError::Wrong(message) => Failure::Wrong(message),
            SessionError::Unfit(error) => error.into(),
            SessionError::Trial(error) => error.into(),
            error @ (SessionError::Interrupted(_) | SessionError::Process(_)) => {
                Failure::Error(error.to_string())
            }
        }
    }
}

/// A fault of another process, as the session that uses the process reports it.
impl From<Failure> for SessionError {
    fn from(failure: Failure) -> SessionError {
        match failure {
            Failure::Usage(message) => SessionError::Unusable(message),
            Failure::Error(message) => SessionError::Process(message),
            Failure::Wrong(message) => SessionError::Wrong(message),
        }
    }
}

impl From<TrialError> for Failure {
    fn from(error: TrialError) -> Failure {
        match error {
            TrialError::Endpoint(error @ EndpointError::PortInUse { .. }) => {
                Failure::Usage(error.to_string())
            }
            error => Failure::Error(error.to_string()),
        }
    }
}
