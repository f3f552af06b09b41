//! How keys travel from the issuer to the verifier's key cache: the mocked endpoint and the
//! transports. The only place that knows tokio.

pub mod endpoint;
pub mod faults;
mod front;
pub mod http;
