//! How keys travel from the issuer to the verifier's key cache: the mocked endpoint and the
//! transports. The only place that knows tokio.

pub mod body_budget;
pub mod caches;
pub mod document;
pub mod endpoint;
pub mod faults;
pub mod fetcher;
mod front;
pub mod host_fault;
pub mod http;
pub mod in_process;
pub mod key_source;
mod request_head;
