//! How keys travel from the issuer to the verifier's key cache: the mocked endpoint and the
//! transports. The only place that knows tokio.
