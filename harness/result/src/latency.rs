//! Latency histograms, their log and packed forms, and the waits that follow from services.

pub(crate) mod histogram;
pub mod histogram_log;
pub mod lindley;
pub(crate) mod packed_latencies;
