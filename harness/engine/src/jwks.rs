//! The way of keys from the issuer to the verifier's key cache: the mocked endpoint and the
//! transports. No other module uses tokio.

pub mod body_budget;
pub mod caches;
pub mod document;
pub mod endpoint;
pub mod faults;
pub mod fetcher;
pub(crate) mod front;
pub mod host_fault;
pub mod http;
pub mod in_process;
pub mod key_source;
mod request_head;
mod response;
