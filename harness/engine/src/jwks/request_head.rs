//! The head of an HTTP request, as far as the mocked endpoint itself reads it: method and path (RFC
//! 9112 §3).

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The longest head of a request, and of the HTTP server's response, in bytes.
pub(super) const MAX_HEAD: usize = 16 << 10;

/// The method of a request, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    /// Any other method.
    Other,
}

/// The head of a request, and the bytes that were read with it.
pub(super) struct RequestHead(Vec<u8>);

impl RequestHead {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// If the head is too long, or the connection ends before the head does.
    pub(super) async fn read(stream: &mut TcpStream) -> io::Result<RequestHead> {
        let mut head = Vec::new();
        while end_of_head(&head).is_none() {
            if head.len() >= MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(RequestHead(head))
    }

    /// The first line, without its end.
    pub(super) fn line(&self) -> &[u8] {
        self.0.split(|byte| *byte == b'\r').next().unwrap_or_default()
    }

    pub(super) fn method(&self) -> Method {
        match self.line().split(|byte| *byte == b' ').next() {
            Some(b"GET") => Method::Get,
            Some(b"HEAD") => Method::Head,
            _ => Method::Other,
        }
    }

    /// The path without a query, if the target is in origin form (RFC 9112 §3.2.1).
    pub(super) fn path(&self) -> Option<&str> {
        let target = str::from_utf8(self.line().split(|byte| *byte == b' ').nth(1)?).ok()?;
        let path = target.split('?').next()?;
        path.starts_with('/').then_some(path)
    }
}

/// The offset at which the body begins (RFC 9112 §2.1).
pub(super) fn end_of_head(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_and_path_are_read_from_the_first_line() {
        let rows = [
            ("GET /a HTTP/1.1", Method::Get, Some("/a"), "as clients ask"),
            ("HEAD /a?b=c HTTP/1.1", Method::Head, Some("/a"), "with a query"),
            ("POST /a HTTP/1.1", Method::Other, Some("/a"), "another method"),
            ("get /a HTTP/1.1", Method::Other, Some("/a"), "methods have a case"),
            ("GET http://host/a HTTP/1.1", Method::Get, None, "absolute form"),
            ("OPTIONS * HTTP/1.1", Method::Other, None, "asterisk form"),
            ("GET", Method::Get, None, "no target"),
            ("", Method::Other, None, "nothing"),
        ];
        for (line, method, path, why) in rows {
            let head = RequestHead(format!("{line}\r\nhost: a\r\n\r\n").into_bytes());
            assert!(head.method() == method && head.path() == path, "{why}");
        }
    }
}
