//! The tests of the package in one program: it is linked once.

mod anywhere;
#[allow(dead_code)]
mod binary;
mod bounded_inputs;
mod cache_policy;
mod capacity;
mod cases;
mod cli;
mod commands;
mod compare;
mod duel;
mod exec;
mod exits;
mod folders;
mod forms;
mod grammar;
mod host_limits;
mod impossible;
#[path = "../../../engine/tests/engine/inline.rs"]
mod inline;
mod killed;
mod mint;
mod misfits;
mod open_loop;
mod optional;
mod own_tokens;
mod progress;
mod replay;
mod schema;
mod serving;
mod simulate;
mod state_strategy;
mod stdout;
mod trend;
mod verify;
/// The result that the suite `report` of the engine renders.
#[allow(dead_code)]
#[path = "../../../engine/tests/engine/report"]
mod report {
    pub mod fixture;
}
