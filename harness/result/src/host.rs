//! The machine, what it did during a measurement, and the rules by which it disturbed the
//! measurement.

pub(crate) mod calibration;
pub mod disturbance;
pub(crate) mod machine;
pub mod noise;
pub mod window;
