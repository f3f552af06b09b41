//! Reports of stored results: one file for each form, each a pure function of a result. Reporting
//! never measures, reads no clock and does no I/O, so any old result can be rendered again. Every
//! page and document that leaves this crate has passed [`shown`]. A text for a terminal is made of
//! lines that have passed it.
//!
//! # Map
//!
//! - What does a person see? [`terminal()`], [`markdown`], [`html`], [`picture`].
//! - What does CI read? [`junit`].
//! - What do other tools read? [`csv()`], [`hgrm`], [`opentelemetry`], [`prometheus`], [`bencher`],
//!   [`github_action`].
//! - What is there for a simulation? [`simulation_terminal`], [`simulation_markdown`],
//!   [`simulation_html`], [`simulation_picture`], [`simulation_junit`].
//! - What is there for a duel, a comparison or a trend? [`duel_terminal`], [`duel_markdown`],
//!   [`comparison()`],
//!   [`simulation_change()`], [`trend()`].
//! - Which sentences come first? [`answer_list`], [`ranking_table`].
//! - How are figures written? [`quantity`].
//!
//! The file of a subject in a form is `form/<form>/<subject>.rs`, or `form/<form>.rs` for a run.
//! The wording of a subject, the same in every form, is in `subject/`.

mod form;
pub mod quantity;
pub mod shown;
mod subject;

use jwtbench_result::RunResult;
use jwtbench_result::comparison::Comparison;
use jwtbench_result::duel::Duels;
use jwtbench_result::record::divergence::Divergence;
use jwtbench_result::simulation::{PolicyNote, Simulation, SimulationChange};
use jwtbench_result::trend::Trend;

pub use form::bencher::bencher;
pub use form::csv::csv;
pub use form::export::Export;
pub use form::github_action::{Direction, github_action};
pub use form::hgrm::{PercentileTable, hgrm, percentile_tables};
pub use form::opentelemetry::opentelemetry;
pub use form::prometheus::prometheus;
pub use form::terminal::check::check_table;
pub use form::terminal::comparison::comparison;
pub use form::terminal::duel::duel_terminal;
pub use form::terminal::simulation::simulation_terminal;
pub use form::terminal::simulation_change::simulation_change;
pub use form::terminal::text::filled;
pub use form::terminal::trend::trend;
pub use form::terminal::{TerminalStyle, terminal, terminal_verdict};
pub use subject::simulation::expected::simulation_expectation;
pub use subject::summary::{shortfalls, trial_faults};

/// The result as a step summary in Markdown.
pub fn markdown(result: &RunResult) -> String {
    shown::lines(&form::markdown::markdown(result))
}

/// The ranking alone as a table in Markdown. It is empty when there is none.
pub fn ranking_table(result: &RunResult) -> String {
    shown::lines(&form::markdown::ranking_table(result))
}

/// The answers alone as a list in Markdown. It is empty when there are none.
pub fn answer_list(result: &RunResult) -> String {
    shown::lines(&form::markdown::answer_list(result))
}

/// The result as one self-contained HTML page.
pub fn html(result: &RunResult) -> String {
    shown::lines(&form::html::html(result))
}

/// The result as JUnit XML.
pub fn junit(result: &RunResult) -> String {
    shown::lines(&form::junit::junit(result))
}

/// The ranking alone as an SVG picture.
pub fn picture(result: &RunResult) -> String {
    shown::lines(&form::svg::ranking::picture(result))
}

/// A comparison in Markdown.
pub fn comparison_markdown(compared: &Comparison) -> String {
    shown::lines(&form::markdown::comparison::comparison_markdown(compared))
}

/// A simulation in Markdown.
pub fn simulation_markdown(simulation: &Simulation) -> String {
    shown::lines(&form::markdown::simulation::simulation_markdown(simulation))
}

/// What changed from one simulation to another, in Markdown.
pub fn simulation_change_markdown(change: &SimulationChange) -> String {
    shown::lines(&form::markdown::simulation_change::simulation_change_markdown(change))
}

/// A simulation as one self-contained HTML page.
pub fn simulation_html(simulation: &Simulation) -> String {
    shown::lines(&form::html::simulation::simulation_html(simulation))
}

/// A simulation as JUnit XML.
pub fn simulation_junit(simulation: &Simulation) -> String {
    shown::lines(&form::junit::simulation::simulation_junit(simulation))
}

/// The frontier of a simulation as an SVG picture.
pub fn simulation_picture(simulation: &Simulation) -> String {
    shown::lines(&form::svg::frontier::simulation_picture(simulation))
}

/// The differences between backends and libraries, in Markdown.
pub fn divergence(divergence: &Divergence) -> String {
    shown::lines(&form::markdown::divergence::divergence(divergence))
}

/// One policy of a simulation in Markdown.
pub fn policy_markdown(simulation: &Simulation, note: &PolicyNote) -> String {
    shown::lines(&form::markdown::policy::policy_markdown(simulation, note))
}

/// Duels in Markdown.
pub fn duel_markdown(duels: &Duels) -> String {
    shown::lines(&form::markdown::duel::duel_markdown(duels))
}

/// A trend as an SVG picture.
pub fn trend_picture(trend: &Trend) -> String {
    shown::lines(&form::svg::trend::trend_picture(trend))
}
