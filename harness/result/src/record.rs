//! The records of a command: the measurement of one trial, all measurements of a command, and the
//! lines, versions and schemas in which they are stored and read again.

pub mod divergence;
pub(crate) mod lines;
pub(crate) mod load;
pub(crate) mod measurement;
pub mod outcome;
pub mod part;
pub(crate) mod run;
pub mod set_age;
pub(crate) mod soundness;
pub mod standing;
pub(crate) mod state;
pub mod stored;
pub mod stored_file;
pub mod stored_form;
pub(crate) mod timeline;
pub(crate) mod verdict_stream;
