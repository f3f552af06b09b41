//! One fetch over HTTP/1.1: one connection, three limits of time and one of size. Trusts nothing
//! that the server says; knows neither caches nor what a key set is.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONNECTION, HOST, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jwtbench_verifier::key_cache::{Fetch, FetchFailure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use super::faults::parse_retry_after;

/// Fetches `path` from `addr`: the body that came with status 200, whole.
///
/// One connection, closed at the end. The idle limit runs from the connection, and anew from every
/// byte received; the total limit covers everything. A redirect is not followed. Needs a tokio
/// runtime with time and network on.
///
/// # Errors
/// Every [`FetchFailure`] but `Set`. What is no HTTP counts as [`FetchFailure::Reset`]: no whole
/// response came. So does a `path` that cannot be put into a request.
pub async fn get(addr: SocketAddr, path: &str, fetch: &Fetch) -> Result<Vec<u8>, FetchFailure> {
    match timeout(fetch.timeouts.total, attempt(addr, path, fetch)).await {
        Ok(reply) => reply,
        Err(_elapsed) => Err(FetchFailure::TotalTimeout),
    }
}

async fn attempt(addr: SocketAddr, path: &str, fetch: &Fetch) -> Result<Vec<u8>, FetchFailure> {
    let stream = connect(addr, fetch.timeouts.connect).await?;
    let idled = AtomicBool::new(false);
    let watched = Watched::new(stream, fetch.timeouts.idle, &idled);
    let failure = |_| match idled.load(Ordering::Relaxed) {
        true => FetchFailure::IdleTimeout,
        false => FetchFailure::Reset,
    };
    let (sender, connection) = handshake(TokioIo::new(watched)).await.map_err(failure)?;
    let reply = request(sender, addr, path, fetch.max_body);
    tokio::pin!(reply);
    let reply = tokio::select! {
        biased;
        reply = &mut reply => reply,
        // The connection may be over while its last bytes wait to be taken.
        _end = connection => reply.await,
    };
    reply.map_err(|ended| match ended {
        Ended::Refused(reason) => reason,
        Ended::Broken(error) => failure(error),
    })
}

async fn connect(addr: SocketAddr, limit: Duration) -> Result<TcpStream, FetchFailure> {
    match timeout(limit, TcpStream::connect(addr)).await {
        Ok(Ok(stream)) => Ok(stream),
        Err(_elapsed) => Err(FetchFailure::ConnectTimeout),
        Ok(Err(error)) => Err(match error.kind() {
            io::ErrorKind::TimedOut => FetchFailure::ConnectTimeout,
            io::ErrorKind::ConnectionReset => FetchFailure::Reset,
            _ => FetchFailure::Refused,
        }),
    }
}

/// Why there is no body.
enum Ended {
    /// The response is whole so far, and not what was asked for.
    Refused(FetchFailure),
    /// The connection or the protocol broke.
    Broken(hyper::Error),
}

async fn request(
    mut sender: SendRequest<Empty<Bytes>>,
    addr: SocketAddr,
    path: &str,
    max_body: usize,
) -> Result<Vec<u8>, Ended> {
    let request = Request::get(path)
        .header(HOST, addr.to_string())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| Ended::Refused(FetchFailure::Reset))?;
    let response = sender.send_request(request).await.map_err(Ended::Broken)?;
    match response.status() {
        StatusCode::OK => read(response.into_body(), max_body).await,
        status if status.is_redirection() => Err(Ended::Refused(FetchFailure::Redirect)),
        status => {
            let pause = retry_after(&response);
            Err(Ended::Refused(FetchFailure::Status(status.as_u16(), pause)))
        }
    }
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    parse_retry_after(response.headers().get(RETRY_AFTER)?.as_bytes())
}

async fn read(mut body: Incoming, max_body: usize) -> Result<Vec<u8>, Ended> {
    let too_large = || Ended::Refused(FetchFailure::TooLarge);
    // `Content-Length` may already say so.
    if body.size_hint().lower() > max_body as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Ended::Broken)?;
        // A frame of trailers has no data.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > max_body - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// A connection that fails once no byte came for the idle limit.
struct Watched<'a> {
    stream: TcpStream,
    limit: Duration,
    quiet: Pin<Box<Sleep>>,
    /// Set when the limit has ended the connection.
    idled: &'a AtomicBool,
}

impl<'a> Watched<'a> {
    fn new(stream: TcpStream, limit: Duration, idled: &'a AtomicBool) -> Watched<'a> {
        Watched {
            stream,
            limit,
            quiet: Box::pin(sleep(limit)),
            idled,
        }
    }
}

impl AsyncRead for Watched<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            let limit = self.limit;
            self.quiet.as_mut().set(sleep(limit));
            return Poll::Ready(read);
        }
        match self.quiet.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.idled.store(true, Ordering::Relaxed);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncWrite for Watched<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
