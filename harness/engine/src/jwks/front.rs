//! The TCP front of the mocked endpoint: it accepts, reads the head of the request, lets the
//! latency pass, and does what an HTTP server cannot be asked to do: refuse, hang, reset, drip,
//! break off, send without end. The key set it sends itself, since all who ask share its bytes;
//! all else it relays to the HTTP server behind it. It knows bytes and no JSON.

use std::collections::HashMap;
use std::future::{pending, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc::SyncSender};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{interval, sleep, timeout};

use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};

use super::document::cache_control;
use super::endpoint::{KEY_SET_PATH, MOVED_PATH, RequestWatch, ServedCounts};
use super::faults;
use super::host_fault::{HostFault, HostFaults};
use super::request_head::{MAX_HEAD, Method, RequestHead, end_of_head};

/// Connections that the kernel holds until they are accepted.
pub(super) const BACKLOG: u32 = 1024;
/// The header that names the order in a relayed request.
pub(super) const ORDER_HEADER: &str = "jwtbench-order";
/// Connections held at once; further ones wait in the backlog.
const MAX_CONNECTIONS: usize = 1024;
/// Requests at the HTTP server at once; further ones wait their turn.
const MAX_RELAYS: usize = 32;
/// How long a client may take to send its head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long the HTTP server may take.
const RELAY_LIMIT: Duration = Duration::from_secs(10);
/// Rest after a failed accept (no file descriptor left), instead of a spin.
const ACCEPT_REST: Duration = Duration::from_millis(10);
const BAD_GATEWAY: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// RFC 9110 §15.5.6.
const METHOD_NOT_ALLOWED: &[u8] = b"HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// A port of the loopback interface, held from the claim to the drop, listening or not.
pub(super) struct Port {
    addr: SocketAddr,
    _holder: TcpSocket,
}

impl Port {
    /// Claims this port, or a free one for 0. Fails if anybody else holds it.
    ///
    /// The holder is bound as any server binds, past connections in `TIME_WAIT` notwithstanding
    /// (`SO_REUSEADDR`), which another holder does not survive. Afterwards it shares with sockets
    /// of `SO_REUSEPORT` alone: our listener, and no server that comes for the port while it is
    /// not listening.
    pub(super) fn claim(port: u16) -> io::Result<Port> {
        let holder = TcpSocket::new_v4()?;
        holder.set_reuseaddr(true)?;
        holder.bind((Ipv4Addr::LOCALHOST, port).into())?;
        holder.set_reuseport(true)?;
        holder.set_reuseaddr(false)?;
        let addr = holder.local_addr()?;
        Ok(Port { addr, _holder: holder })
    }

    /// The address.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts to listen, until the listener is dropped. Needs a tokio runtime.
    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        let listener = TcpSocket::new_v4()?;
        listener.set_reuseaddr(true)?;
        listener.set_reuseport(true)?;
        listener.bind(self.addr)?;
        listener.listen(BACKLOG)
    }
}

/// What one request gets: the state of the endpoint when its head had been read.
#[derive(Clone)]
pub(super) struct Order {
    ordinal: u64,
    /// The setting in force; never [`Fault::Refused`].
    pub(super) setting: EndpointSetting,
    /// The published key set.
    pub(super) key_set: Arc<[u8]>,
}

/// The endpoint's state: what to serve, and what was served. Shared by its threads; locked for
/// moments only.
pub(super) struct EndpointState {
    seed: u64,
    state: Mutex<FrontState>,
    /// Told of every request.
    pub(super) watch: OnceLock<RequestWatch>,
    /// Limits of this host met on the endpoint's side.
    pub(super) host: HostFaults,
}

struct FrontState {
    setting: EndpointSetting,
    key_set: Arc<[u8]>,
    counts: ServedCounts,
    /// Those at the HTTP server, by ordinal: at most [`MAX_RELAYS`].
    relayed: HashMap<u64, Order>,
}

impl EndpointState {
    /// An endpoint in order that publishes this key set.
    pub(super) fn new(seed: u64, key_set: Arc<[u8]>) -> EndpointState {
        let state = FrontState {
            setting: EndpointSetting::default(),
            key_set,
            counts: ServedCounts::default(),
            relayed: HashMap::new(),
        };
        EndpointState {
            seed,
            state: Mutex::new(state),
            watch: OnceLock::new(),
            host: HostFaults::default(),
        }
    }

    pub(super) fn publish(&self, key_set: Arc<[u8]>) {
        self.state().key_set = key_set;
    }

    pub(super) fn counts(&self) -> ServedCounts {
        self.state().counts
    }

    pub(super) fn take_max_in_flight(&self) -> u64 {
        let counts = &mut self.state().counts;
        std::mem::replace(&mut counts.max_in_flight, counts.in_flight)
    }

    /// The relayed order of this ordinal.
    pub(super) fn relayed(&self, ordinal: u64) -> Option<Order> {
        self.state().relayed.get(&ordinal).cloned()
    }

    fn admit(self: &Arc<EndpointState>) -> ServedRequest {
        let mut state = self.state();
        let ordinal = state.counts.served;
        state.counts.served += 1;
        state.counts.in_flight += 1;
        state.counts.max_in_flight = state.counts.max_in_flight.max(state.counts.in_flight);
        let (setting, key_set) = (state.setting.clone(), state.key_set.clone());
        let order = Order { ordinal, setting, key_set };
        ServedRequest { shared: self.clone(), order, over: false }
    }

    /// Notes what an error says of the host.
    fn note(&self, error: &io::Error) {
        if let Some(fault) = HostFault::of(error) {
            self.host.note(fault);
        }
    }

    fn state(&self) -> MutexGuard<'_, FrontState> {
        // No holder leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request in service, until it is dropped or over.
struct ServedRequest {
    shared: Arc<EndpointState>,
    order: Order,
    over: bool,
}

impl ServedRequest {
    /// Counts body bytes before they are handed to the connection, so that a client who has them
    /// finds them counted.
    fn sends(&self, bytes: usize) {
        self.shared.state().counts.bytes += bytes as u64;
    }

    /// As [`ServedRequest::sends`], for the last bytes: a client who then comes again does not
    /// count as two.
    fn sends_last(&mut self, bytes: usize) {
        self.sends(bytes);
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.shared.state().counts.in_flight -= 1;
        }
    }
}

impl Drop for ServedRequest {
    fn drop(&mut self) {
        self.end();
    }
}

/// Change of the setting; answered once it is in force.
pub(super) struct SettingChange {
    /// In force from now on.
    pub(super) setting: EndpointSetting,
    /// Where the answer goes.
    pub(super) done: SyncSender<io::Result<()>>,
}

/// The front: one port, the state, and the HTTP server behind.
pub(super) struct Front {
    port: Port,
    exchange: Arc<ConnectionContext>,
    listener: Option<TcpListener>,
    connections: JoinSet<()>,
}

impl Front {
    /// A front that listens.
    pub(super) fn open(
        port: Port,
        shared: Arc<EndpointState>,
        server: SocketAddr,
    ) -> io::Result<Front> {
        let listener = Some(port.listen()?);
        let exchange =
            Arc::new(ConnectionContext { shared, server, relays: Semaphore::new(MAX_RELAYS) });
        Ok(Front { port, exchange, listener, connections: JoinSet::new() })
    }

    /// Serves until the other end of `commands` is dropped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<SettingChange>) {
        loop {
            let open = self.connections.len() < MAX_CONNECTIONS && self.listener.is_some();
            tokio::select! {
                command = commands.recv() => {
                    let Some(SettingChange { setting, done }) = command else { return };
                    let result = self.apply(setting).await;
                    // Whoever asked may have given up; the setting holds nevertheless.
                    let _ = done.send(result);
                }
                accepted = accept(self.listener.as_ref()), if open => match accepted {
                    Ok(stream) => self.converse(stream),
                    Err(error) => {
                        self.exchange.shared.note(&error);
                        sleep(ACCEPT_REST).await;
                    }
                },
                Some(_ended) = self.connections.join_next() => {}
            }
        }
    }

    async fn apply(&mut self, setting: EndpointSetting) -> io::Result<()> {
        if setting.fault == Fault::Refused {
            // Accepted connections go on as they were, so the setting stays for them.
            self.accept_waiting().await;
            self.listener = None;
            return Ok(());
        }
        if self.listener.is_none() {
            self.listener = Some(self.port.listen()?);
        }
        self.exchange.shared.state().setting = setting;
        Ok(())
    }

    /// Takes those whose connection the kernel has made already: closing would reset them.
    async fn accept_waiting(&mut self) {
        // Lets the runtime learn of them.
        yield_now().await;
        for _ in 0..BACKLOG {
            let Some(listener) = &self.listener else {
                return;
            };
            let next = poll_fn(|cx| match listener.poll_accept(cx) {
                Poll::Ready(Ok((stream, _))) => Poll::Ready(Some(stream)),
                _ => Poll::Ready(None),
            });
            let Some(stream) = next.await else { return };
            self.converse(stream);
        }
    }

    fn converse(&mut self, stream: TcpStream) {
        self.exchange.shared.state().counts.connections += 1;
        let exchange = self.exchange.clone();
        self.connections.spawn(async move {
            // A client that went away is no fault of the endpoint.
            let _ = exchange.converse(stream).await;
        });
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => pending().await,
    }
}

/// What a connection needs.
struct ConnectionContext {
    shared: Arc<EndpointState>,
    server: SocketAddr,
    relays: Semaphore,
}

impl ConnectionContext {
    /// One request, one response. Ends early when the client hangs up, or shuts its side down.
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let head = timeout(HEAD_LIMIT, RequestHead::read(&mut stream)).await??;
        let method = head.method();
        let mut service = self.shared.admit();
        if let Some(watch) = self.shared.watch.get() {
            watch(head.line());
        }
        let Order { ordinal, setting, key_set } = service.order.clone();
        pause(&mut stream, faults::latency(&setting, self.shared.seed, ordinal)).await?;
        match &setting.fault {
            Fault::Silent => Err(hang_up(&mut stream).await),
            Fault::Reset => {
                service.end();
                stream.set_zero_linger()
            }
            _ if method == Method::Other => {
                service.end();
                stream.write_all(METHOD_NOT_ALLOWED).await?;
                stream.shutdown().await
            }
            // The body is all that is wrong with these.
            Fault::SlowDrip { .. } | Fault::Truncated | Fault::HugeBody { .. }
                if method == Method::Head =>
            {
                let length = match setting.fault {
                    Fault::HugeBody { bytes } => faults::huge_length(bytes),
                    _ => key_set.len() as u64,
                };
                service.end();
                stream.write_all(&head_of(length, &setting)).await?;
                stream.shutdown().await
            }
            Fault::SlowDrip { interval } => {
                stream.write_all(&head_of(key_set.len() as u64, &setting)).await?;
                drip(&mut stream, &mut service, &key_set, *interval).await
            }
            Fault::Truncated => {
                stream.write_all(&head_of(key_set.len() as u64, &setting)).await?;
                send(&mut stream, &mut service, &key_set[..key_set.len() / 2]).await
            }
            Fault::HugeBody { bytes } => {
                stream.write_all(&head_of(faults::huge_length(*bytes), &setting)).await?;
                flood(&mut stream, &mut service, *bytes).await
            }
            fault if is_key_set(fault, &head) => {
                // Shared by all who ask: however long it is, and however many they are.
                stream.write_all(&head_of(key_set.len() as u64, &setting)).await?;
                let body = if method == Method::Head { &[] } else { &*key_set };
                send(&mut stream, &mut service, body).await
            }
            _ => {
                let response = self.relay(&head, &service.order).await;
                let response = response.as_deref().unwrap_or(BAD_GATEWAY);
                let response = match (method, end_of_head(response)) {
                    (Method::Head, Some(end)) => &response[..end],
                    _ => response,
                };
                service.sends_last(response.len() - end_of_head(response).unwrap_or(0));
                stream.write_all(response).await?;
                stream.shutdown().await
            }
        }
    }

    /// The HTTP server's whole response.
    async fn relay(&self, head: &RequestHead, order: &Order) -> io::Result<Vec<u8>> {
        let _turn = self.relays.acquire().await.map_err(io::Error::other)?;
        self.shared.state().relayed.insert(order.ordinal, order.clone());
        let response = timeout(RELAY_LIMIT, self.ask(head, order)).await;
        self.shared.state().relayed.remove(&order.ordinal);
        response?.inspect_err(|error| self.shared.note(error))
    }

    async fn ask(&self, head: &RequestHead, order: &Order) -> io::Result<Vec<u8>> {
        // Of the client's head only the first line: no body, no second request, no upgrade.
        let line = head.line();
        // What a HEAD is answered is the head of what a GET would be (RFC 9110 §9.3.2).
        let line = match line.strip_prefix(b"HEAD ") {
            Some(rest) => [b"GET ", rest].concat(),
            None => line.to_vec(),
        };
        let ordinal = order.ordinal;
        let fields =
            format!("\r\nhost: jwks\r\nconnection: close\r\n{ORDER_HEADER}: {ordinal}\r\n\r\n");
        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(&[&line, fields.as_bytes()].concat()).await?;
        let limit = order.key_set.len() + MAX_HEAD;
        let mut response = Vec::new();
        server.take(limit as u64).read_to_end(&mut response).await?;
        match end_of_head(&response) {
            Some(_) => Ok(response),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Whether the published key set answers a request under this fault, whole.
fn is_key_set(fault: &Fault, head: &RequestHead) -> bool {
    match (fault, head.path()) {
        (Fault::None, Some(path)) => [KEY_SET_PATH, MOVED_PATH].contains(&path),
        (Fault::Redirect, Some(path)) => path == MOVED_PATH,
        _ => false,
    }
}

/// Lets time pass, unless the client hangs up.
async fn pause(stream: &mut TcpStream, span: Duration) -> io::Result<()> {
    // The timer would make a millisecond of it.
    if span.is_zero() {
        return Ok(());
    }
    tokio::select! {
        () = sleep(span) => Ok(()),
        error = hang_up(stream) => Err(error),
    }
}

/// Ends when the client does. What it sends is dropped.
async fn hang_up(stream: &mut TcpStream) -> io::Error {
    let mut dropped = [0; 512];
    loop {
        match stream.read(&mut dropped).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// The head of a response with status 200 and a body of this length.
fn head_of(length: u64, setting: &EndpointSetting) -> Vec<u8> {
    let freshness = setting.max_age.map(cache_control);
    let freshness = freshness.map(|value| format!("cache-control: {value}\r\n"));
    let freshness = freshness.unwrap_or_default();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {freshness}connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Sends a body whose head has been sent, and ends the response.
async fn send(stream: &mut TcpStream, service: &mut ServedRequest, body: &[u8]) -> io::Result<()> {
    service.sends_last(body.len());
    stream.write_all(body).await?;
    stream.shutdown().await
}

async fn drip(
    stream: &mut TcpStream,
    service: &mut ServedRequest,
    body: &[u8],
    every: Duration,
) -> io::Result<()> {
    // An interval of zero would panic; the least is the whole body at once all the same.
    let mut beat = interval(every.max(Duration::from_nanos(1)));
    beat.tick().await;
    for (at, byte) in body.iter().enumerate() {
        tokio::select! {
            _ = beat.tick() => {}
            error = hang_up(stream) => return Err(error),
        }
        match at + 1 == body.len() {
            true => service.sends_last(1),
            false => service.sends(1),
        }
        stream.write_all(&[*byte]).await?;
    }
    stream.shutdown().await
}

async fn flood(stream: &mut TcpStream, service: &mut ServedRequest, bytes: u64) -> io::Result<()> {
    let mut left = faults::huge_length(bytes);
    for piece in faults::huge_body(bytes) {
        left -= piece.len() as u64;
        match left {
            0 => service.sends_last(piece.len()),
            _ => service.sends(piece.len()),
        }
        stream.write_all(piece).await?;
    }
    stream.shutdown().await
}
