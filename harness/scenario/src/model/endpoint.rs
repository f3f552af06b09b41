//! How the mocked JWKS endpoint behaves for a while: its latency and its fault.

use std::time::Duration;

/// The endpoint's behaviour from some instant on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSetting {
    /// From the whole request to the first byte of the response.
    pub latency: Duration,
    /// Each response's latency is drawn evenly from latency ± jitter.
    pub jitter: Duration,
    /// How long a client may keep the key set: `Cache-Control: max-age` (RFC 9111 §5.2.2.1), in
    /// whole seconds. `None` for no such header.
    pub max_age: Option<Duration>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: 200 and the published key set.
    #[default]
    None,
    /// This status without a key set, with `Retry-After` in whole seconds if given.
    Status {
        /// 404, 429, 500, 503 …
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The port is held and nobody listens.
    Refused,
    /// The connection is accepted, the request read, and nothing ever comes.
    Silent,
    /// The connection is reset after the request.
    Reset,
    /// The head at once, then the body byte by byte, one each this often.
    SlowDrip {
        /// Time between two bytes.
        interval: Duration,
    },
    /// `Content-Length` of the whole body, half of it, then the connection closes.
    Truncated,
    /// 200 and JSON that breaks off in the middle.
    MalformedJson,
    /// 200 and an HTML page.
    Html,
    /// 200 and `{"keys":[]}`.
    EmptyKeys,
    /// 302 to another path of the same endpoint, where the key set is.
    Redirect,
    /// 200 and a body of this many bytes: a valid JSON string inside a key set, without end.
    HugeBody {
        /// Size of the body in bytes.
        bytes: u64,
    },
}
