//! Reports: one file for each form, each a pure function of a stored result. Reporting never
//! measures, reads no clock and does no I/O, so any old result can be rendered again. What leaves
//! here as a page or a document has gone through [`shown`]; a text for a terminal is made of lines
//! that have.
//!
//! # Map
//!
//! - What does a person see? [`terminal`], [`markdown`], [`html`], [`picture`].
//! - What does CI read? [`junit`].
//! - What do other tools read? [`csv`], [`hgrm`], [`opentelemetry`], [`prometheus`], [`bencher`],
//!   [`github_action`].
//! - What of a simulation? [`simulation_terminal`], [`simulation_markdown`], [`simulation_html`],
//!   [`simulation_picture`], [`simulation_junit`].
//! - What of a duel, a comparison, a trend? [`duel_terminal`], [`duel_markdown`], [`comparison`],
//!   [`trend`].
//! - Which sentences come first? [`answer_list`], [`ranking_table`].
//! - How are figures written? [`quantity`].
//!
//! What all forms share is in private modules: `answer`, `caveat`, `chapter`, `conformance`,
//! `ranking`, `speed`, `standing`, `summary`.

mod answer;
mod bencher;
mod capacity;
mod caveat;
mod chapter;
mod check;
mod comparison;
mod conformance;
mod csv;
mod divergence;
mod duel;
mod export;
mod fault;
mod finding;
mod generator;
mod github_action;
mod hgrm;
mod html;
mod junit;
mod markdown;
mod opentelemetry;
mod picture;
mod prometheus;
pub mod quantity;
mod ranking;
pub mod shown;
mod simulation;
mod speed;
mod standing;
mod summary;
mod terminal;
mod trend;
mod unjudged;

use jwtbench_result::RunResult;
use jwtbench_result::comparison::Comparison;
use jwtbench_result::duel::DuelResult;
use jwtbench_result::record::divergence::Divergence;
use jwtbench_result::simulation::{PolicyNote, Simulation};
use jwtbench_result::trend::Trend;

pub use self::csv::csv;
pub use bencher::bencher;
pub use check::check_table;
pub use comparison::comparison;
pub use duel::duel_terminal;
pub use export::Export;
pub use github_action::{Direction, github_action};
pub use hgrm::{PercentileTable, hgrm, percentile_tables};
pub use opentelemetry::opentelemetry;
pub use prometheus::prometheus;
pub use simulation::{simulation_expectation, simulation_terminal};
pub use summary::missed_value;
pub use terminal::text::filled;
pub use terminal::{TerminalStyle, terminal, terminal_verdict};
pub use trend::trend;

/// The result as a step summary in Markdown.
pub fn markdown(result: &RunResult) -> String {
    shown::lines(&markdown::markdown(result))
}

/// The ranking alone as a table in Markdown; empty when there is none.
pub fn ranking_table(result: &RunResult) -> String {
    shown::lines(&markdown::ranking_table(result))
}

/// The answers alone as a list in Markdown; empty when there are none.
pub fn answer_list(result: &RunResult) -> String {
    shown::lines(&markdown::answer_list(result))
}

/// The result as one page that needs nothing else.
pub fn html(result: &RunResult) -> String {
    shown::lines(&html::html(result))
}

/// The result as JUnit XML.
pub fn junit(result: &RunResult) -> String {
    shown::lines(&junit::junit(result))
}

/// The ranking alone as an SVG picture.
pub fn picture(result: &RunResult) -> String {
    shown::lines(&picture::picture(result))
}

/// A comparison in Markdown.
pub fn comparison_markdown(compared: &Comparison) -> String {
    shown::lines(&comparison::comparison_markdown(compared))
}

/// A simulation in Markdown.
pub fn simulation_markdown(simulation: &Simulation) -> String {
    shown::lines(&simulation::simulation_markdown(simulation))
}

/// A simulation as one page that needs nothing else.
pub fn simulation_html(simulation: &Simulation) -> String {
    shown::lines(&simulation::simulation_html(simulation))
}

/// A simulation as JUnit XML.
pub fn simulation_junit(simulation: &Simulation) -> String {
    shown::lines(&simulation::simulation_junit(simulation))
}

/// The frontier of a simulation as an SVG picture.
pub fn simulation_picture(simulation: &Simulation) -> String {
    shown::lines(&simulation::simulation_picture(simulation))
}

/// What differs between backends and libraries, in Markdown.
pub fn divergence(divergence: &Divergence) -> String {
    shown::lines(&divergence::divergence(divergence))
}

/// One policy of a simulation in Markdown.
pub fn policy_markdown(simulation: &Simulation, note: &PolicyNote) -> String {
    shown::lines(&simulation::policy_markdown(simulation, note))
}

/// Duels in Markdown.
pub fn duel_markdown(duels: &[DuelResult]) -> String {
    shown::lines(&duel::duel_markdown(duels))
}

/// A trend as an SVG picture.
pub fn trend_picture(trend: &Trend) -> String {
    shown::lines(&trend::trend_picture(trend))
}
