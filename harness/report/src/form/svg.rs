//! Pictures in SVG, either standalone or inside a page.

pub(crate) mod frontier;
pub(crate) mod minutes;
pub(crate) mod ranking;
pub(crate) mod scale;
pub(crate) mod sweep;
pub(crate) mod trend;
