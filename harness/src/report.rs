//! Reports: one file per form, each a pure function of a stored result. Reporting never measures,
//! reads no clock and does no I/O, so any old result can be rendered again.

mod answer;
mod capacity;
mod caveat;
mod chapter;
mod check;
mod comparison;
mod conformance;
mod csv;
mod divergence;
mod duel;
mod fault;
mod finding;
mod generator;
mod hgrm;
mod html;
mod junit;
mod markdown;
mod picture;
pub mod quantity;
mod ranking;
mod simulation;
mod speed;
mod standing;
mod summary;
mod terminal;
mod unjudged;

pub use self::csv::csv;
pub use check::check_table;
pub use comparison::{comparison, comparison_markdown};
pub use divergence::divergence;
pub use duel::{duel_markdown, duel_terminal};
pub use hgrm::{PercentileTable, hgrm, percentile_tables};
pub use html::html;
pub use junit::junit;
pub use markdown::{answer_list, markdown, ranking_table};
pub use picture::picture;
pub use simulation::{
    policy_markdown, simulation_expectation, simulation_html, simulation_junit,
    simulation_markdown, simulation_picture, simulation_terminal,
};
pub use summary::missed_value;
pub use terminal::{TerminalStyle, terminal, terminal_verdict};
