//! The state machine of revocation: what it answers case by case, its promises, and closed forms of
//! what strategies do to users and stores.

mod cases;
mod forms;
mod promises;
mod races;
mod trust;
mod world;
