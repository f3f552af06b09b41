//! Reports: one file per form, each a pure function of a stored result. Reporting never measures,
//! reads no clock and does no I/O, so any old result can be rendered again.

mod chapter;
mod check;
mod conformance;
mod divergence;
mod fault;
mod finding;
mod generator;
mod html;
mod markdown;
mod picture;
mod quantity;
mod ranking;
mod speed;
mod summary;
mod terminal;

pub use check::check_table;
pub use divergence::divergence;
pub use html::html;
pub use markdown::{markdown, ranking_table};
pub use picture::picture;
pub use terminal::{TerminalStyle, terminal, terminal_verdict};
