//! The contenders: what a trial measures. A contender is given a token and the time, and returns a
//! verdict. It never sees what the issuer knows of the token.

mod batch;
pub(crate) mod core;
mod exec;
#[cfg(feature = "josekit")]
mod josekit;
mod jsonwebtoken;
#[cfg(feature = "jwt-simple")]
mod jwt_simple;
mod keyring;
mod library;
mod null;
mod optional;
mod own;
mod raw;

use std::fmt;
use std::sync::Arc;

use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::dalek_batch::Batch;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use crate::jwks::key_source::KeySource;
use crate::state::class_state::ClassState;
use crate::state::fleet::StateFleet;

pub use exec::{ExecCommand, ExecSetup, PROTOCOL};
pub use library::{ForeignLibrary, Provider};
pub use optional::Optional;
pub use own::{OwnCheck, OwnContender, OwnSetup, OwnVerifier};

/// A token as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'c> {
    /// The token's place in the corpus, for contenders that prepare their inputs outside the
    /// measured time.
    pub place: TokenPlace,
    /// The token's text.
    pub bytes: &'c [u8],
}

/// The state of an operation after its contender was called.
pub enum Progress {
    /// The operation has its verdict.
    Done(Verdict),
    /// The operation waits for keys, or for other operations of its batch. It does not block its
    /// worker.
    Waiting,
}

/// A verifier of tokens, owned by one worker.
pub trait Contender<'c>: Send {
    /// Begins an operation.
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress;

    /// Whether [`Contender::resume`] has something to do. The call is cheap, as it is made between
    /// operations.
    fn is_woken(&self) -> bool {
        false
    }

    /// The instant at which [`Contender::resume`] is due although nothing has woken the contender.
    fn deadline(&self) -> Option<Tick> {
        None
    }

    /// Ends operations that waited and have been woken. Their numbers and verdicts are added to
    /// `_done`.
    fn resume(&mut self, _now: Tick, _done: &mut Vec<(u32, Verdict)>) {}

    /// The number of operations that wait.
    fn waiting(&self) -> usize {
        0
    }

    /// The reason why the contender cannot judge any more. The verdicts it has given since that
    /// failure do not count.
    fn fault(&self) -> Option<&str> {
        None
    }
}

/// The specification of a contender, named as `kind:name`.
#[derive(Clone, Copy)]
pub enum ContenderSpec {
    /// The verifier core over a backend, or over the backend that accepts any signature.
    Core(&'static dyn Backend),
    /// The bare prepared signature check.
    Raw(&'static dyn Backend),
    /// A contender that answers ACCEPT without reading the token.
    Null,
    /// The verifier core with Ed25519 signatures verified in batches, by ed25519-dalek.
    Batch,
    /// A whole JWT library.
    Library(ForeignLibrary),
    /// A verifier of the user's own, in this process.
    Own(OwnContender),
    /// A process: a verifier of the user's own, or the floor that measures the cost of a pipe.
    Exec(ExecCommand),
}

impl fmt::Display for ContenderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContenderSpec::Core(backend) => write!(f, "core:{}", backend.name()),
            ContenderSpec::Raw(backend) => write!(f, "raw:{}", backend.name()),
            ContenderSpec::Null => f.write_str("null:"),
            ContenderSpec::Batch => f.write_str("batch:dalek"),
            ContenderSpec::Library(library) => library.fmt(f),
            ContenderSpec::Own(own) => own.fmt(f),
            ContenderSpec::Exec(command) => command.fmt(f),
        }
    }
}

impl ContenderSpec {
    /// Every default contender that runs on this CPU. Those that are ranked come first.
    pub fn all() -> Vec<ContenderSpec> {
        let backends = backend::available();
        let mut all: Vec<ContenderSpec> =
            backends.iter().map(|backend| ContenderSpec::Core(*backend)).collect();
        all.extend(ForeignLibrary::ALL.iter().map(|library| ContenderSpec::Library(*library)));
        all.extend(backends.iter().map(|backend| ContenderSpec::Raw(*backend)));
        all.push(ContenderSpec::Core(&backend::null::Null));
        all.push(ContenderSpec::Null);
        all
    }

    /// The default contenders, then those that run only if they are named.
    pub fn known() -> Vec<ContenderSpec> {
        let mut known = ContenderSpec::all();
        known.push(ContenderSpec::Batch);
        known.push(ContenderSpec::Exec(ExecCommand::Floor));
        known
    }

    /// The contender of this name, such as `core:ring`; `None` if this machine cannot run it.
    pub fn find(name: &str) -> Option<ContenderSpec> {
        ContenderSpec::known().into_iter().find(|known| known.to_string() == name)
    }

    /// Whether the contender is meant to judge every token. Floors and bounds are not: they run
    /// valid tokens only.
    pub fn judges(self) -> bool {
        match self {
            ContenderSpec::Core(backend) => backend.name() != "null",
            ContenderSpec::Batch | ContenderSpec::Library(_) | ContenderSpec::Own(_) => true,
            ContenderSpec::Exec(command) => command != ExecCommand::Floor,
            ContenderSpec::Raw(_) | ContenderSpec::Null => false,
        }
    }

    /// Whether the contender has a key cache, so that a dynamic scenario can be run on it.
    pub fn has_key_cache(self) -> bool {
        matches!(self, ContenderSpec::Core(_)) && self.judges()
    }

    /// Whether the contender's verdicts are compared with the contract's codes. A breach then fails
    /// the run.
    pub fn is_core(self) -> bool {
        matches!(self, ContenderSpec::Core(_) | ContenderSpec::Batch)
    }

    /// Whether the contender is judged by accept or refuse alone, so that its other deviations are
    /// findings.
    pub fn is_foreign(self) -> bool {
        matches!(
            self,
            ContenderSpec::Library(_)
                | ContenderSpec::Own(_)
                | ContenderSpec::Exec(ExecCommand::Shell(_))
        )
    }

    /// Whether the contender runs in a process of its own. Its worker does not know the CPU time of
    /// that process.
    pub fn is_process(self) -> bool {
        matches!(self, ContenderSpec::Exec(_))
    }

    /// Whether the contender verifies this algorithm.
    pub fn supports(self, algorithm: Algorithm) -> bool {
        match self {
            ContenderSpec::Core(backend) | ContenderSpec::Raw(backend) => {
                backend.supports(algorithm)
            }
            ContenderSpec::Batch => Batch::default().supports(algorithm),
            ContenderSpec::Library(library) => library.supports(algorithm),
            ContenderSpec::Own(own) => own.0.supports(algorithm),
            ContenderSpec::Null | ContenderSpec::Exec(_) => true,
        }
    }

    /// The versions of the software behind the contender.
    pub fn version(self) -> String {
        match self {
            ContenderSpec::Core(backend) | ContenderSpec::Raw(backend) => backend.version().into(),
            ContenderSpec::Null | ContenderSpec::Exec(ExecCommand::Floor) => "none".into(),
            ContenderSpec::Batch => Batch::default().version().into(),
            ContenderSpec::Library(library) => library.version(),
            ContenderSpec::Own(own) => own.0.version().to_owned(),
            ContenderSpec::Exec(ExecCommand::Shell(_)) => "not known: a process".into(),
        }
    }

    /// The backend of the contender's key source. For a contender without keys any backend will do.
    pub fn backend(self) -> &'static dyn Backend {
        match self {
            ContenderSpec::Core(backend) | ContenderSpec::Raw(backend) => backend,
            ContenderSpec::Null
            | ContenderSpec::Batch
            | ContenderSpec::Library(_)
            | ContenderSpec::Own(_)
            | ContenderSpec::Exec(_) => &backend::null::Null,
        }
    }

    /// Builds one instance of the contender, for one worker.
    pub fn build<'c>(self, setup: &Setup<'c>) -> Box<dyn Contender<'c> + 'c> {
        match self {
            ContenderSpec::Core(_) => Box::new(core::Core::new(setup)),
            ContenderSpec::Raw(_) => Box::new(raw::RawContender::new(setup)),
            ContenderSpec::Null => Box::new(null::NullContender),
            ContenderSpec::Batch => Box::new(batch::Batched::new(setup)),
            ContenderSpec::Library(library) => library.build(setup),
            ContenderSpec::Own(own) => Box::new(own::OwnWorker::new(own, setup)),
            ContenderSpec::Exec(command) => Box::new(exec::Exec::new(command, setup)),
        }
    }
}

/// What one instance is built from.
pub struct Setup<'c> {
    /// The policy.
    pub policy: &'c Policy,
    /// The algorithm of the trial.
    pub algorithm: Algorithm,
    /// The clock by which the verifier judges times.
    pub clock: WallClock,
    /// The source of the keys.
    pub source: &'c Arc<KeySource>,
    /// The state beyond tokens; `None` if nothing is ever revoked.
    pub state: Option<&'c ClassState>,
    /// The instances under a state strategy, of which the worker is one; `None` if there is none.
    pub fleet: Option<&'c StateFleet>,
    /// The number of the worker.
    pub worker: WorkerPlace,
    /// The JWK set at the beginning, for contenders without a key cache.
    pub key_set: &'c [u8],
    /// The texts of the corpus by place, for contenders that prepare their inputs.
    pub corpus: &'c [&'c [u8]],
}
