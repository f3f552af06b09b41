//! The key cache, sans I/O.

mod fetch;

pub use fetch::{Fetch, FetchFailure, FetchId, Outcome};
