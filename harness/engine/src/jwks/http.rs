//! One fetch over HTTP/1.1: one connection, three limits of time, one limit on its body, and one on
//! all bodies together. The module trusts nothing that the server says. It knows neither caches nor
//! key sets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CACHE_CONTROL, CONNECTION, HOST, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use jwtbench_verifier::key_cache::{Fetch, FetchFailure};

use super::body_budget::{BodyBudget, BodyShare};
use super::document::{Document, parse_max_age};
use super::faults::parse_retry_after;
use super::host_fault::HostFault;

/// The most received bytes that a connection holds before they are read.
const MAX_BUFFER: usize = 1 << 16;

/// The result of a fetch that succeeded.
#[derive(Debug)]
pub struct Fetched {
    /// The response.
    pub document: Document,
    /// The share of the budget that its body has taken.
    pub share: BodyShare,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFault {
    /// The endpoint or one of the client's limits ended the fetch. This is reported to the cache.
    Failed(FetchFailure),
    /// A limit of this host ended the fetch. It says nothing about the endpoint or the client.
    Host(HostFault),
}

impl From<FetchFailure> for FetchFault {
    fn from(failure: FetchFailure) -> FetchFault {
        FetchFault::Failed(failure)
    }
}

/// Fetches `path` from `addr`, and returns a whole response with status 200.
///
/// The fetch uses one connection, which is closed at the end. The idle limit runs from the
/// connection, and starts again at every byte received; the total limit covers everything. A
/// redirect is not followed. Needs a tokio runtime with time and network enabled.
///
/// # Errors
/// Every [`FetchFailure`] but `Set`, and every [`HostFault`]. A reply that is not HTTP counts as
/// [`FetchFailure::Reset`], since no whole response came. So does a `path` that cannot be put into
/// a request.
pub async fn get(
    addr: SocketAddr,
    path: &str,
    fetch: &Fetch,
    bodies: &Arc<BodyBudget>,
) -> Result<Fetched, FetchFault> {
    match timeout(fetch.timeouts.total, attempt(addr, path, fetch, bodies)).await {
        Ok(reply) => reply,
        Err(_elapsed) => Err(FetchFailure::TotalTimeout.into()),
    }
}

async fn attempt(
    addr: SocketAddr,
    path: &str,
    fetch: &Fetch,
    bodies: &Arc<BodyBudget>,
) -> Result<Fetched, FetchFault> {
    let stream = connect(addr, fetch.timeouts.connect).await?;
    let idled = AtomicBool::new(false);
    let watched = IdleLimited::new(stream, fetch.timeouts.idle, &idled);
    let failure = |error: hyper::Error| match HostFault::behind(&error) {
        Some(fault) => FetchFault::Host(fault),
        None if idled.load(Ordering::Relaxed) => FetchFailure::IdleTimeout.into(),
        None => FetchFailure::Reset.into(),
    };
    let handshake = Builder::new().max_buf_size(MAX_BUFFER).handshake(TokioIo::new(watched));
    let (sender, connection) = handshake.await.map_err(failure)?;
    let reply = request(sender, addr, path, (fetch.max_body, bodies.share()));
    tokio::pin!(reply);
    let reply = tokio::select! {
        biased;
        reply = &mut reply => reply,
        // The connection may have ended while its last bytes still wait to be read.
        _end = connection => reply.await,
    };
    reply.map_err(|ended| match ended {
        Ended::Refused(reason) => reason.into(),
        Ended::Host(fault) => FetchFault::Host(fault),
        Ended::Broken(error) => failure(error),
    })
}

async fn connect(addr: SocketAddr, limit: Duration) -> Result<TcpStream, FetchFault> {
    let error = match timeout(limit, TcpStream::connect(addr)).await {
        Ok(Ok(stream)) => return Ok(stream),
        Err(_elapsed) => return Err(FetchFailure::ConnectTimeout.into()),
        Ok(Err(error)) => error,
    };
    if let Some(fault) = HostFault::of(&error) {
        return Err(FetchFault::Host(fault));
    }
    Err(FetchFault::Failed(match error.kind() {
        io::ErrorKind::TimedOut => FetchFailure::ConnectTimeout,
        io::ErrorKind::ConnectionReset => FetchFailure::Reset,
        _ => FetchFailure::Refused,
    }))
}

/// The reason why there is no body.
enum Ended {
    /// The response is valid so far, but not what was asked for.
    Refused(FetchFailure),
    /// A limit of this host leaves no room for the body.
    Host(HostFault),
    /// The connection or the protocol broke.
    Broken(hyper::Error),
}

async fn request(
    mut sender: SendRequest<Empty<Bytes>>,
    addr: SocketAddr,
    path: &str,
    (max_body, mut share): (usize, BodyShare),
) -> Result<Fetched, Ended> {
    let request = Request::get(path)
        .header(HOST, addr.to_string())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| Ended::Refused(FetchFailure::Reset))?;
    let response = sender.send_request(request).await.map_err(Ended::Broken)?;
    match response.status() {
        StatusCode::OK => {
            let freshness = response.headers().get(CACHE_CONTROL);
            let max_age = freshness.and_then(|value| parse_max_age(value.as_bytes()));
            let body = read(response.into_body(), max_body, &mut share).await?;
            Ok(Fetched { document: Document { body, max_age }, share })
        }
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

async fn read(
    mut body: Incoming,
    max_body: usize,
    share: &mut BodyShare,
) -> Result<Vec<u8>, Ended> {
    let too_large = || Ended::Refused(FetchFailure::TooLarge);
    // `Content-Length` may already announce too much.
    let announced = body.size_hint();
    if announced.lower() > max_body as u64 {
        return Err(too_large());
    }
    let announced = announced.exact().map_or(max_body, |length| length as usize);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Ended::Broken)?;
        // A frame with trailers has no data.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > max_body - bytes.len() {
            return Err(too_large());
        }
        let length = bytes.len() + data.len();
        if length > bytes.capacity() {
            // What is announced may never arrive, so room is taken as bytes arrive.
            let room = length.max(announced.min(2 * bytes.capacity()));
            share.grow(room - bytes.capacity()).map_err(Ended::Host)?;
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// A connection that fails once no byte has arrived for the idle limit.
struct IdleLimited<'a> {
    stream: TcpStream,
    limit: Duration,
    quiet: Pin<Box<Sleep>>,
    /// Whether the limit has ended the connection.
    idled: &'a AtomicBool,
}

impl<'a> IdleLimited<'a> {
    fn new(stream: TcpStream, limit: Duration, idled: &'a AtomicBool) -> IdleLimited<'a> {
        IdleLimited { stream, limit, quiet: Box::pin(sleep(limit)), idled }
    }
}

impl AsyncRead for IdleLimited<'_> {
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

impl AsyncWrite for IdleLimited<'_> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use jwtbench_verifier::cache_policy::Timeouts;
    use jwtbench_verifier::key_cache::FetchId;

    use super::super::body_budget::MAX_BODIES;
    use super::*;

    /// One fetch alone, which no limit of a host should end.
    async fn get(addr: SocketAddr, path: &str, fetch: &Fetch) -> Result<Document, FetchFailure> {
        match super::get(addr, path, fetch, &BodyBudget::new(MAX_BODIES)).await {
            Ok(fetched) => Ok(fetched.document),
            Err(FetchFault::Failed(failure)) => Err(failure),
            Err(FetchFault::Host(fault)) => panic!("{fault}"),
        }
    }

    const fn millis(span: u64) -> Duration {
        Duration::from_millis(span)
    }

    /// A fetch with these limits in milliseconds, and a body of 1 MiB at most.
    fn fetch(idle: u64, total: u64) -> Fetch {
        let (connect, idle, total) = (millis(1000), millis(idle), millis(total));
        let (id, timeouts) = (FetchId(0), Timeouts { connect, idle, total });
        Fetch { id, timeouts, max_body: 1 << 20 }
    }

    /// A server that answers each connection with these pieces, one per `every`, and then closes.
    async fn hostile(pieces: Vec<Vec<u8>>, every: Duration, closes: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            for piece in pieces {
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
                sleep(every).await;
            }
            if !closes {
                std::future::pending::<()>().await;
            }
        });
        addr
    }

    async fn check_hostile(
        pieces: &[&[u8]],
        times: usize,
        due: Result<&[u8], FetchFailure>,
        reason: &str,
    ) {
        let (first, rest) = pieces.split_first().unwrap();
        let mut all = vec![first.to_vec()];
        all.extend((0..times).flat_map(|_| rest.iter().map(|piece| piece.to_vec())));
        let addr = hostile(all, Duration::ZERO, true).await;
        let got = get(addr, "/", &fetch(3000, 5000)).await;
        assert_eq!(got, due.map(|body| body.to_vec().into()), "{reason}");
    }

    #[tokio::test]
    async fn hostile_servers_get_no_further_than_an_error() {
        let reset = Err(FetchFailure::Reset);
        let large = Err(FetchFailure::TooLarge);
        let filler = [b'A'; 1 << 16];
        let chunk = [b"10000\r\n", &filler[..], b"\r\n"].concat();
        let head: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        let chunked: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let lie: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551613\r\n\r\n";
        let negative: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nabc";
        let twice: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab";
        let pause: &[u8] = b"HTTP/1.1 503 x\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n";
        let day: &[u8] = b"HTTP/1.1 429 x\r\nretry-after: 86400\r\ncontent-length: 0\r\n\r\n";
        let hour = Some(Duration::from_secs(3600));
        let unfinished = [chunked, b"5\r\nab"].concat();
        let bad_chunk = [chunked, b"zz\r\nab"].concat();
        let trailers = [chunked, b"2\r\nab\r\n0\r\nx: y\r\n\r\n"].concat();
        check_hostile(&[b""], 0, reset, "closes without a word").await;
        check_hostile(&[b"\0\xff garbage"], 0, reset, "no HTTP").await;
        check_hostile(&[b"SSH-2.0-x\r\n\r\n"], 0, reset, "another protocol").await;
        check_hostile(&[b"HTTP/1.1 200 OK\r\n"], 0, reset, "half a head").await;
        check_hostile(&[b"HTTP/1.1 99999 x\r\n\r\n"], 0, reset, "no such status").await;
        check_hostile(&[b"HTTP/1.1 200 OK\r\nx: ", &filler], 999, reset, "endless head").await;
        check_hostile(&[b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"], 999, reset, "1000 fields").await;
        check_hostile(&[lie], 0, large, "length over the limit").await;
        check_hostile(&[negative], 0, reset, "negative length").await;
        check_hostile(&[twice], 0, reset, "two lengths").await;
        check_hostile(&[head, &filler], 999, large, "no length, endless").await;
        check_hostile(&[head, b"{}"], 1, Ok(b"{}"), "no length, ends by closing").await;
        check_hostile(&[chunked, &chunk], 999, large, "chunked, endless").await;
        check_hostile(&[&unfinished], 0, reset, "chunk cut short").await;
        check_hostile(&[&bad_chunk], 0, reset, "chunk size is no number").await;
        check_hostile(&[&trailers], 0, Ok(b"ab"), "trailers are ignored").await;
        check_hostile(&[pause], 0, Err(FetchFailure::Status(503, None)), "pause in words").await;
        check_hostile(&[day], 0, Err(FetchFailure::Status(429, hour)), "pause of a day").await;
    }

    #[tokio::test]
    async fn only_bytes_hold_the_idle_limit_off() {
        let byte = |byte: &u8| vec![*byte];
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let slow = hostile(head.iter().map(byte).collect(), millis(20), true).await;
        let reply = get(slow, "/", &fetch(700, 20_000)).await;
        assert_eq!(
            reply.unwrap().body,
            b"{}",
            "a head byte by byte, longer in all than the idle limit"
        );
        let slow = hostile(head.iter().map(byte).collect(), millis(20), true).await;
        let reply = get(slow, "/", &fetch(5000, 300)).await;
        assert_eq!(reply, Err(FetchFailure::TotalTimeout), "the same, longer than the total limit");
        let informational = vec![b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(); 10_000];
        let endless = hostile(informational, millis(1), false).await;
        let reply = get(endless, "/", &fetch(5000, 300)).await;
        assert_eq!(reply, Err(FetchFailure::TotalTimeout), "interim responses without end");
        for cut in [1, 20, head.len() - 1] {
            let stalls = hostile(vec![head[..cut].to_vec()], Duration::ZERO, false).await;
            let reply = get(stalls, "/", &fetch(150, 5000)).await;
            assert_eq!(reply, Err(FetchFailure::IdleTimeout), "stalls after {cut} bytes");
        }
    }

    /// A queue of one is soon full. The kernel then leaves connections unanswered.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_that_is_not_made_in_time() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut fill = JoinSet::new();
        for _ in 0..8 {
            fill.spawn(timeout(millis(20_000), TcpStream::connect(addr)));
        }
        sleep(millis(200)).await;
        let mut hurried = fetch(5000, 5000);
        hurried.timeouts.connect = millis(100);
        assert_eq!(get(addr, "/", &hurried).await, Err(FetchFailure::ConnectTimeout));
        let reply = get(addr, "/", &fetch(5000, 100)).await;
        assert_eq!(reply, Err(FetchFailure::TotalTimeout), "the total limit covers it");
    }

    #[tokio::test]
    async fn a_path_that_is_none_is_refused_without_a_panic() {
        for path in ["not a path\r\nx: y", "", "\u{fc}"] {
            let addr =
                hostile(vec![b"HTTP/1.1 200 OK\r\n\r\n{}".to_vec()], Duration::ZERO, true).await;
            let reply = get(addr, path, &fetch(5000, 5000)).await;
            assert_eq!(reply, Err(FetchFailure::Reset), "{path}");
        }
    }

    /// Either of two bodies fits into the budget, but not both. One arrives, and the failure of the
    /// other is not counted against its server. Bytes that do not arrive take no room, announced or
    /// not.
    #[tokio::test]
    async fn bodies_in_flight_share_one_budget() {
        let kib = vec![b'A'; 1 << 10];
        let budget = BodyBudget::new(3 << 10);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\n";
        let pieces = vec![head.to_vec(), kib.clone(), kib.clone()];
        let addr = hostile(pieces.clone(), millis(1), true).await;
        let first = super::get(addr, "/", &fetch(5000, 5000), &budget).await.unwrap();
        assert_eq!((first.document.body.len(), budget.taken()), (2 << 10, 2 << 10));
        let addr = hostile(pieces.clone(), millis(1), true).await;
        let second = super::get(addr, "/", &fetch(5000, 5000), &budget).await;
        assert_eq!(second.err(), Some(FetchFault::Host(HostFault::Bodies { limit: 3 << 10 })));
        assert_eq!(budget.taken(), 2 << 10, "what was cut short gives back what it took");
        let addr = hostile(vec![head.to_vec()], millis(1), true).await;
        let broken = super::get(addr, "/", &fetch(5000, 5000), &budget).await;
        assert_eq!(broken.err(), Some(FetchFailure::Reset.into()), "announced, and never came");
        drop(first);
        let addr = hostile(pieces, millis(1), true).await;
        assert!(super::get(addr, "/", &fetch(5000, 5000), &budget).await.is_ok());
        assert_eq!(budget.taken(), 0);
    }
}
