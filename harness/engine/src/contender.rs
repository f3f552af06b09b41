//! What a trial measures. A contender gets a token and the time, and gives a verdict; it never sees
//! what the issuer knows of the token.

mod batch;
mod core;
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

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::dalek_batch::Batch;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::revocation::Revocations;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use crate::jwks::key_source::KeySource;

pub use exec::{ExecCommand, ExecSetup, PROTOCOL};
pub use library::{ForeignLibrary, Provider};
pub use optional::Optional;
pub use own::{OwnCheck, OwnContender, OwnSetup, OwnVerifier};

/// A token as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'c> {
    /// Its place in the corpus: only for contenders that prepare inputs outside the measured time.
    pub place: u32,
    /// Its text.
    pub bytes: &'c [u8],
}

/// What became of an operation.
pub enum Progress {
    /// It has its verdict.
    Done(Verdict),
    /// It waits for keys or for others, and does not block its worker.
    Waiting,
}

/// Something that verifies tokens, owned by one worker.
pub trait Contender<'c>: Send {
    /// Begins an operation.
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress;

    /// Whether [`Contender::resume`] has something to do. Cheap: asked between operations.
    fn is_woken(&self) -> bool {
        false
    }

    /// When [`Contender::resume`] is due though nothing wakes it.
    fn deadline(&self) -> Option<Tick> {
        None
    }

    /// Ends operations that waited and have been woken.
    fn resume(&mut self, _now: Tick, _done: &mut Vec<(u32, Verdict)>) {}

    /// Operations that wait.
    fn waiting(&self) -> usize {
        0
    }

    /// Why it judges nothing any more: its verdicts since then are none.
    fn fault(&self) -> Option<&str> {
        None
    }
}

/// A contender by name: `kind:name`.
#[derive(Clone, Copy)]
pub enum ContenderSpec {
    /// The verifier core over a backend, or over the backend that accepts any signature.
    Core(&'static dyn Backend),
    /// The bare prepared signature check.
    Raw(&'static dyn Backend),
    /// Answers ACCEPT without looking.
    Null,
    /// The verifier core with Ed25519 signatures verified in batches, by ed25519-dalek.
    Batch,
    /// A whole library.
    Library(ForeignLibrary),
    /// A verifier of the user's own, in this process.
    Own(OwnContender),
    /// A process: a verifier of the user's own, or what a pipe costs.
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
    /// Every default contender that runs on this CPU, ranked ones first.
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

    /// The default contenders, then those that run only where they are named.
    pub fn known() -> Vec<ContenderSpec> {
        let mut known = ContenderSpec::all();
        known.push(ContenderSpec::Batch);
        known.push(ContenderSpec::Exec(ExecCommand::Floor));
        known
    }

    /// The contender of this name, such as `core:ring`, if this machine runs it.
    pub fn find(name: &str) -> Option<ContenderSpec> {
        ContenderSpec::known().into_iter().find(|known| known.to_string() == name)
    }

    /// Whether it is meant to judge every token: false for floors and bounds, which run valid
    /// tokens only.
    pub fn judges(self) -> bool {
        match self {
            ContenderSpec::Core(backend) => backend.name() != "null",
            ContenderSpec::Batch | ContenderSpec::Library(_) | ContenderSpec::Own(_) => true,
            ContenderSpec::Exec(command) => command != ExecCommand::Floor,
            ContenderSpec::Raw(_) | ContenderSpec::Null => false,
        }
    }

    /// Whether it has a key cache, so that a dynamic scenario means something to it.
    pub fn has_key_cache(self) -> bool {
        matches!(self, ContenderSpec::Core(_)) && self.judges()
    }

    /// Whether its verdicts are held to the contract's codes, and a breach fails the run.
    pub fn is_core(self) -> bool {
        matches!(self, ContenderSpec::Core(_) | ContenderSpec::Batch)
    }

    /// Whether it is a whole library, judged by accept or refuse, whose deviations are findings.
    pub fn is_foreign(self) -> bool {
        matches!(
            self,
            ContenderSpec::Library(_)
                | ContenderSpec::Own(_)
                | ContenderSpec::Exec(ExecCommand::Shell(_))
        )
    }

    /// Whether it works in a process of its own, whose CPU time its worker does not know.
    pub fn is_process(self) -> bool {
        matches!(self, ContenderSpec::Exec(_))
    }

    /// Whether it verifies this algorithm.
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

    /// The versions behind it.
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

    /// The backend behind its key source; any will do for one that has none.
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

    /// One instance, for one worker.
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
    /// What the verifier takes the time to be.
    pub clock: WallClock,
    /// The keys, and how they travel.
    pub source: &'c Arc<KeySource>,
    /// Revoked tokens.
    pub revocations: Option<&'c Revocations>,
    /// The worker.
    pub worker: u32,
    /// The JWK set at the beginning, for contenders without a key cache.
    pub key_set: &'c [u8],
    /// The texts of the corpus by place, for contenders that prepare inputs.
    pub corpus: &'c [&'c [u8]],
}
