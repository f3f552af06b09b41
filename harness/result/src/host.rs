//! The machine, what it did meanwhile, and the rules by which it disturbed what was measured.

pub(crate) mod calibration;
pub mod disturbance;
pub(crate) mod machine;
pub mod noise;
pub mod window;
