//! The behaviour of the mocked JWKS endpoint during a phase: its latency and its fault.

use std::time::Duration;

/// The endpoint's behaviour from an instant on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSetting {
    /// The time from the complete request to the first byte of the response.
    pub latency: Duration,
    /// The width of the latency's variation. Each response's latency is drawn uniformly from
    /// latency ± jitter.
    pub jitter: Duration,
    /// The time a client may keep the key set: `Cache-Control: max-age` (RFC 9111 §5.2.2.1), in
    /// whole seconds. `None` if the response has no such header.
    pub max_age: Option<Duration>,
    /// The fault of the endpoint.
    pub fault: Fault,
}

/// A fault of the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// No fault: status 200 and the published key set.
    #[default]
    None,
    /// A status without a key set, with `Retry-After` in whole seconds if given.
    Status {
        /// The HTTP status code, such as 404, 429, 500 or 503.
        status: u16,
        /// The value of `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The port is bound, but connections to it are refused.
    Refused,
    /// The connection is accepted and the request is read, but no response is sent.
    Silent,
    /// The connection is reset after the request.
    Reset,
    /// The head is sent at once, then the body byte by byte.
    SlowDrip {
        /// The time between two bytes.
        interval: Duration,
    },
    /// `Content-Length` is that of the whole body, but the connection closes after half of it.
    Truncated,
    /// Status 200 and JSON that breaks off in the middle.
    MalformedJson,
    /// Status 200 and an HTML page.
    Html,
    /// Status 200 and `{"keys":[]}`.
    EmptyKeys,
    /// Status 302 to another path of the same endpoint, where the key set is.
    Redirect,
    /// Status 200 and a body of this many bytes: a valid JSON string inside a key set, without an
    /// end.
    HugeBody {
        /// The size of the body in bytes.
        bytes: u64,
    },
}
