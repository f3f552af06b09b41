//! The TCP front of the mocked endpoint. It accepts connections, reads the head of the request,
//! waits for the latency, and makes the faults that an HTTP server cannot make: refusing, hanging,
//! resetting, dripping, breaking off, sending without end. It sends the key set itself, so that all
//! responses share its bytes. Everything else it relays to the HTTP server behind it. It knows
//! bytes and no JSON.

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
use tokio::time::{sleep, timeout};

use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};

use super::endpoint::{KEY_SET_PATH, MOVED_PATH, RequestWatch, ServedCounts};
use super::faults;
use super::host_fault::{HostFault, HostFaults};
use super::request_head::{MAX_HEAD, Method, RequestHead, end_of_head};
use super::response::{drip, flood, head_of, send};

/// Connections that the kernel holds until they are accepted.
pub(super) const BACKLOG: u32 = 1024;
/// The header that names the order in a relayed request.
pub(super) const ORDER_HEADER: &str = "jwtbench-order";
/// The most connections held at once. Further ones wait in the backlog.
const MAX_CONNECTIONS: usize = 1024;
/// The most requests at the HTTP server at once. Further ones wait.
const MAX_RELAYS: usize = 32;
/// The longest time that a client may take to send its head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// The longest time that the HTTP server may take.
const RELAY_LIMIT: Duration = Duration::from_secs(10);
/// The pause after a failed accept (no file descriptor left), which would otherwise spin.
const ACCEPT_REST: Duration = Duration::from_millis(10);
const BAD_GATEWAY: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// The response to a method other than GET and HEAD (RFC 9110 §15.5.6).
const METHOD_NOT_ALLOWED: &[u8] = b"HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// A port of the loopback interface. It is held from the claim to the drop, whether it listens or
/// not.
pub(crate) struct Port {
    addr: SocketAddr,
    _holder: TcpSocket,
}

impl Port {
    /// Claims this port, or any free one for 0. Fails if another program holds it.
    ///
    /// The holding socket is bound with `SO_REUSEADDR`, as any server's socket is. Connections in
    /// `TIME_WAIT` then do not matter, but another holder or listener makes the bind fail. After
    /// that the socket shares its port only with sockets that set `SO_REUSEPORT`. These are our own
    /// listeners. No other server can take the port while it is not listening.
    pub(crate) fn claim(port: u16) -> io::Result<Port> {
        let holder = TcpSocket::new_v4()?;
        holder.set_reuseaddr(true)?;
        holder.bind((Ipv4Addr::LOCALHOST, port).into())?;
        holder.set_reuseport(true)?;
        holder.set_reuseaddr(false)?;
        let addr = holder.local_addr()?;
        Ok(Port { addr, _holder: holder })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Listens until the listener is dropped. Needs a tokio runtime.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let listener = TcpSocket::new_v4()?;
        listener.set_reuseaddr(true)?;
        listener.set_reuseport(true)?;
        listener.bind(self.addr)?;
        listener.listen(BACKLOG)
    }
}

/// What one request gets: the state of the endpoint when the request's head had been read.
#[derive(Clone)]
pub(super) struct Order {
    ordinal: u64,
    /// The setting in force; never [`Fault::Refused`].
    pub(super) setting: EndpointSetting,
    /// The published key set.
    pub(super) key_set: Arc<[u8]>,
}

/// The endpoint's state: what to serve, and what was served. Its threads share it, and lock it only
/// for moments.
pub(super) struct EndpointState {
    seed: u64,
    state: Mutex<FrontState>,
    /// The function that is called at every request.
    pub(super) watch: OnceLock<RequestWatch>,
    /// Limits of this host met on the endpoint's side.
    pub(super) host: HostFaults,
}

struct FrontState {
    setting: EndpointSetting,
    key_set: Arc<[u8]>,
    counts: ServedCounts,
    /// The orders at the HTTP server, by ordinal: at most [`MAX_RELAYS`].
    relayed: HashMap<u64, Order>,
}

impl EndpointState {
    /// The state of an endpoint without a fault that publishes this key set.
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

    /// Notes the limit of this host behind an error, if there is one.
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

/// One request in service, until it ends or is dropped.
pub(super) struct ServedRequest {
    shared: Arc<EndpointState>,
    order: Order,
    over: bool,
}

impl ServedRequest {
    /// Counts body bytes before they are handed to the connection, so that they are counted before
    /// a client can have them.
    pub(super) fn sends(&self, bytes: usize) {
        self.shared.state().counts.bytes += bytes as u64;
    }

    /// Counts the last body bytes as [`ServedRequest::sends`] does, and ends the request. A client
    /// that sends its next request at once is then not counted twice in flight.
    pub(super) fn sends_last(&mut self, bytes: usize) {
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

/// A change of the setting, which is answered once it is in force.
pub(super) struct SettingChange {
    /// The setting to be in force from now on.
    pub(super) setting: EndpointSetting,
    /// The channel for the answer.
    pub(super) done: SyncSender<io::Result<()>>,
}

/// The front: one port, the state, and the address of the HTTP server behind it.
pub(super) struct Front {
    port: Port,
    exchange: Arc<ConnectionContext>,
    listener: Option<TcpListener>,
    connections: JoinSet<()>,
}

impl Front {
    /// Opens a front that listens.
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
                    // The caller may have given up. The setting is in force nevertheless.
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
            // Accepted connections go on as before, so the old setting stays for them.
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

    /// Accepts the connections that the kernel has already made, as closing the listener would
    /// reset them.
    async fn accept_waiting(&mut self) {
        // The runtime learns of them while this task yields.
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
            // A client that has gone away is no error of the endpoint.
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

/// The context that all connections share.
struct ConnectionContext {
    shared: Arc<EndpointState>,
    server: SocketAddr,
    relays: Semaphore,
}

impl ConnectionContext {
    /// Serves one request with one response. Ends early when the client closes the connection or
    /// its side of it.
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
            // These faults concern the body alone.
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
                // All responses share these bytes, however many and however long they are.
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

    /// Gets the HTTP server's whole response to a request.
    async fn relay(&self, head: &RequestHead, order: &Order) -> io::Result<Vec<u8>> {
        let _turn = self.relays.acquire().await.map_err(io::Error::other)?;
        self.shared.state().relayed.insert(order.ordinal, order.clone());
        let response = timeout(RELAY_LIMIT, self.ask(head, order)).await;
        self.shared.state().relayed.remove(&order.ordinal);
        response?.inspect_err(|error| self.shared.note(error))
    }

    async fn ask(&self, head: &RequestHead, order: &Order) -> io::Result<Vec<u8>> {
        // Only the first line of the client's head is sent on: no body, no second request, no
        // upgrade.
        let line = head.line();
        // The answer to a HEAD is the head of the answer to a GET (RFC 9110 §9.3.2).
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

/// Whether the whole published key set is the answer to a request under this fault.
fn is_key_set(fault: &Fault, head: &RequestHead) -> bool {
    match (fault, head.path()) {
        (Fault::None, Some(path)) => [KEY_SET_PATH, MOVED_PATH].contains(&path),
        (Fault::Redirect, Some(path)) => path == MOVED_PATH,
        _ => false,
    }
}

/// Waits for this time, unless the client closes the connection before.
async fn pause(stream: &mut TcpStream, span: Duration) -> io::Result<()> {
    // The timer would round zero up to a millisecond.
    if span.is_zero() {
        return Ok(());
    }
    tokio::select! {
        () = sleep(span) => Ok(()),
        error = hang_up(stream) => Err(error),
    }
}

/// Waits until the client closes the connection. What the client sends meanwhile is discarded.
pub(super) async fn hang_up(stream: &mut TcpStream) -> io::Error {
    let mut dropped = [0; 512];
    loop {
        match stream.read(&mut dropped).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
