//! The mocked JWKS endpoint: a port on loopback; an HTTP server (wiremock) that answers with the
//! published key set or a fault of HTTP; and in front of it the module `front`, which makes the
//! faults of the connection. The endpoint serves what it is given, and knows no issuer, timeline or
//! phases.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpSocket;
use tokio::runtime;
use tokio::sync::mpsc as command;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};

use super::document::cache_control;
use super::faults;
use super::front::{BACKLOG, EndpointState, Front, ORDER_HEADER, Port, SettingChange};
use super::host_fault::{HostFault, HostFaults};

/// The path of the key set. Other paths are not found.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// The path to which [`Fault::Redirect`] points.
pub(super) const MOVED_PATH: &str = "/moved/jwks.json";
/// The file descriptors of three event loops and their first sockets, and some more.
const DESCRIPTORS: usize = 24;
/// The longest time that the threads may take to start, to apply a setting or to end.
const LIMIT: Duration = Duration::from_secs(10);

/// A mocked JWKS endpoint on loopback. At first it has no fault and no keys. On drop its threads,
/// connections and port end.
///
/// A request is answered from the state at the instant when its head has been read: the setting and
/// the key set of that instant. The HTTP server keeps some hundred bytes for every request, so a
/// run should not make millions.
pub struct Endpoint {
    addr: SocketAddr,
    shared: Arc<EndpointState>,
    /// `None` once the endpoint is to end.
    commands: Mutex<Option<command::Sender<SettingChange>>>,
    thread: Option<JoinHandle<()>>,
}

/// A function that is called with the first line of each request, once its head has been read. It
/// must not block, because the endpoint waits for it.
pub type RequestWatch = Box<dyn Fn(&[u8]) + Send + Sync>;

/// What an endpoint has served since its start. All counts but `in_flight` and `max_in_flight`
/// never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServedCounts {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose head was read, whatever happened to them.
    pub served: u64,
    /// Bytes of response bodies handed to connections.
    pub bytes: u64,
    /// Requests in service: read, with a client that is still there and a response not yet sent
    /// whole.
    pub in_flight: u64,
    /// The most requests in service at once since the start or [`Endpoint::take_max_in_flight`].
    pub max_in_flight: u64,
}

/// Why an endpoint cannot be started or set.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// Another program holds the port.
    #[error(
        "port {port} on 127.0.0.1 is in use: end the program that holds it, name another port, or \
         name none for any free one"
    )]
    PortInUse {
        /// The port asked for.
        port: u16,
    },
    /// The endpoint cannot listen on the port.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; name another port, or none for any")]
    Listen {
        /// The port asked for; 0 for any.
        port: u16,
        /// The system's error.
        source: io::Error,
    },
    /// The endpoint's thread did not start.
    #[error("cannot start the mocked JWKS endpoint: {0}")]
    Start(io::Error),
    /// The endpoint's thread does not answer.
    #[error("the mocked JWKS endpoint on {addr} does not answer: the run is not valid; repeat it")]
    Stuck {
        /// The endpoint's address.
        addr: SocketAddr,
    },
}

impl EndpointError {
    /// The limit of this host that caused the error, if one did.
    pub fn host_fault(&self) -> Option<HostFault> {
        match self {
            EndpointError::Listen { source, .. } | EndpointError::Start(source) => {
                HostFault::of(source)
            }
            // No particular port was asked for.
            EndpointError::PortInUse { port: 0 } => Some(HostFault::Ports),
            EndpointError::PortInUse { .. } | EndpointError::Stuck { .. } => None,
        }
    }
}

impl Endpoint {
    /// Starts an endpoint on this port, or on any free one. The seed is for [`faults::latency`].
    ///
    /// # Errors
    /// [`EndpointError`] if the port is in use or cannot be listened on, or if the system gives no
    /// thread.
    pub fn start(port: Option<u16>, seed: u64) -> Result<Endpoint, EndpointError> {
        spare_descriptors().map_err(EndpointError::Start)?;
        let port = claim(port.unwrap_or(0))?;
        let addr = port.addr();
        let no_keys = faults::body(&Fault::EmptyKeys, &[]).unwrap_or_default();
        let shared = Arc::new(EndpointState::new(seed, no_keys.into()));
        let (commands, inbox) = command::channel(1);
        let (ready, started) = sync_channel(1);
        let served = shared.clone();
        let thread = thread::Builder::new()
            .name(format!("jwks:{}", addr.port()))
            .spawn(move || serve(port, served, inbox, &ready))
            .map_err(EndpointError::Start)?;
        let commands = Mutex::new(Some(commands));
        let endpoint = Endpoint { addr, shared, commands, thread: Some(thread) };
        match started.recv_timeout(LIMIT) {
            Ok(Ok(())) => Ok(endpoint),
            Ok(Err(error)) => Err(EndpointError::Start(error)),
            Err(_) => Err(EndpointError::Stuck { addr }),
        }
    }

    /// The address on which the endpoint listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of the key set: `http://127.0.0.1:PORT/.well-known/jwks.json`.
    pub fn url(&self) -> String {
        format!("http://{}{KEY_SET_PATH}", self.addr)
    }

    /// Serves this key set to every request read from now on.
    pub fn publish(&self, key_set: Arc<[u8]>) {
        self.shared.publish(key_set);
    }

    /// Puts this setting in force for every request read from now on, and returns once it is in
    /// force. From then on connections are refused or accepted as the setting says. Under
    /// [`Fault::Refused`], connections that were accepted before are still served.
    ///
    /// # Errors
    /// [`EndpointError`] if the port cannot be opened again, or the endpoint's thread is stuck.
    pub fn apply(&self, setting: EndpointSetting) -> Result<(), EndpointError> {
        let stuck = EndpointError::Stuck { addr: self.addr };
        let (done, answer) = sync_channel(1);
        // The lock is held until the answer, so that there is one command at a time.
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = commands.as_ref().map(|to| to.try_send(SettingChange { setting, done }).is_ok());
        if sent != Some(true) {
            return Err(stuck);
        }
        match answer.recv_timeout(LIMIT) {
            Ok(result) => {
                let port = self.addr.port();
                result.map_err(|source| EndpointError::Listen { port, source })
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(stuck),
        }
    }

    /// Calls `watch` at every request from now on. Only the first watch of an endpoint is used.
    pub fn watch(&self, watch: RequestWatch) {
        _ = self.shared.watch.set(watch);
    }

    /// The counts so far.
    pub fn counts(&self) -> ServedCounts {
        self.shared.counts()
    }

    /// Limits of this host that the endpoint met. The fetcher notes its own limits there too.
    pub fn host_faults(&self) -> HostFaults {
        self.shared.host.clone()
    }

    /// The most requests in service at once since the last call. Counting starts again from those
    /// in service now.
    pub fn take_max_in_flight(&self) -> u64 {
        self.shared.take_max_in_flight()
    }
}

impl Drop for Endpoint {
    /// Cuts the connections in service, and waits until the threads have ended.
    fn drop(&mut self) {
        *self.commands.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed.
            let _ = thread.join();
        }
    }
}

/// Checks that there are enough file descriptors for the endpoint and its fetcher to start: the
/// HTTP server panics without them.
fn spare_descriptors() -> io::Result<()> {
    let spare = (0..DESCRIPTORS).map(|_| File::open("/dev/null"));
    spare.collect::<io::Result<Vec<File>>>().map(drop)
}

fn claim(port: u16) -> Result<Port, EndpointError> {
    Port::claim(port).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => EndpointError::PortInUse { port },
        _ => EndpointError::Listen { port, source },
    })
}

/// The endpoint's thread.
fn serve(
    port: Port,
    shared: Arc<EndpointState>,
    inbox: command::Receiver<SettingChange>,
    ready: &SyncSender<io::Result<()>>,
) {
    // The HTTP server's thread cannot be joined. It owns the sender through its responder, and ends
    // right after it drops that sender.
    let (alive, ended) = mpsc::channel::<Infallible>();
    match runtime::Builder::new_current_thread().enable_all().build() {
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
        Ok(runtime) => runtime.block_on(async move {
            // The caller waits for `ready`, or has given up and dropped the other end of `inbox`.
            match open(port, shared, alive).await {
                Err(error) => drop(ready.send(Err(error))),
                Ok((front, _server)) => {
                    let _ = ready.send(Ok(()));
                    front.run(inbox).await;
                }
            }
        }),
    }
    let _ = ended.recv_timeout(LIMIT);
}

async fn open(
    port: Port,
    shared: Arc<EndpointState>,
    alive: mpsc::Sender<Infallible>,
) -> io::Result<(Front, MockServer)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    // A listener of our own also keeps this server out of wiremock's pool of servers.
    let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
    let responder = Responder { shared: shared.clone(), _alive: alive };
    server.register(Mock::given(any()).respond_with(responder)).await;
    let front = Front::open(port, shared, *server.address())?;
    Ok((front, server))
}

/// The responder of the HTTP server.
struct Responder {
    shared: Arc<EndpointState>,
    _alive: mpsc::Sender<Infallible>,
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let ordinal = request.headers.get(ORDER_HEADER).and_then(|value| value.to_str().ok());
        let order = ordinal.and_then(|ordinal| self.shared.relayed(ordinal.parse().ok()?));
        let path = request.url.path();
        let known = request.method.as_str() == "GET" && [KEY_SET_PATH, MOVED_PATH].contains(&path);
        match order {
            Some(order) if known => answer(&order.setting, path, &order.key_set),
            _ => ResponseTemplate::new(404),
        }
    }
}

fn answer(setting: &EndpointSetting, path: &str, key_set: &[u8]) -> ResponseTemplate {
    let fault = &setting.fault;
    let json = |body| whole(body, "application/json", setting.max_age);
    match fault {
        Fault::Status { status, retry_after } => {
            let response = ResponseTemplate::new(faults::status(*status));
            match retry_after {
                Some(pause) => {
                    let seconds = faults::retry_after_value(*pause);
                    response.insert_header("retry-after", seconds.to_string())
                }
                None => response,
            }
        }
        Fault::Redirect if path == KEY_SET_PATH => {
            ResponseTemplate::new(302).insert_header("location", MOVED_PATH)
        }
        Fault::Redirect => json(key_set.to_vec()),
        Fault::Html => {
            let page = faults::body(fault, key_set).unwrap_or_default();
            whole(page, "text/html; charset=utf-8", setting.max_age)
        }
        // The front makes the faults without such a body.
        _ => faults::body(fault, key_set).map_or_else(|| ResponseTemplate::new(500), json),
    }
}

fn whole(body: Vec<u8>, mime: &str, max_age: Option<Duration>) -> ResponseTemplate {
    let response = ResponseTemplate::new(200).set_body_raw(body, mime);
    match max_age {
        Some(max_age) => response.insert_header("cache-control", cache_control(max_age)),
        None => response,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpListener;

    use tokio::time::sleep;

    use jwtbench_verifier::cache_policy::Timeouts;
    use jwtbench_verifier::key_cache::{Fetch, FetchFailure, FetchId};

    use crate::jwks::body_budget::BodyBudget;
    use crate::jwks::document::Document;
    use crate::jwks::http::{self, FetchFault};

    use super::*;

    async fn get(addr: SocketAddr, path: &str, fetch: &Fetch) -> Result<Document, FetchFailure> {
        match http::get(addr, path, fetch, &BodyBudget::new(1 << 20)).await {
            Ok(fetched) => Ok(fetched.document),
            Err(FetchFault::Failed(failure)) => Err(failure),
            Err(FetchFault::Host(fault)) => panic!("{fault}"),
        }
    }

    fn fetch(idle: u64) -> Fetch {
        let (idle, long) = (Duration::from_millis(idle), Duration::from_secs(30));
        let timeouts = Timeouts { connect: long, idle, total: long };
        Fetch { id: FetchId(0), timeouts, max_body: 1 << 20 }
    }

    fn apply(endpoint: &Endpoint, fault: Fault) {
        let setting = EndpointSetting { fault, ..EndpointSetting::default() };
        endpoint.apply(setting).unwrap();
    }

    #[tokio::test]
    async fn the_port_is_held_whether_it_listens_or_not() {
        let endpoint = Endpoint::start(None, 1).unwrap();
        let port = endpoint.addr().port();
        for fault in [Fault::None, Fault::Refused, Fault::None, Fault::Refused] {
            apply(&endpoint, fault.clone());
            let other = TcpListener::bind(endpoint.addr()).unwrap_err();
            assert_eq!(other.kind(), io::ErrorKind::AddrInUse, "{fault:?}");
            let Err(error) = Endpoint::start(Some(port), 1) else {
                panic!("two endpoints on one port under {fault:?}");
            };
            assert!(matches!(error, EndpointError::PortInUse { port: held } if held == port));
            let text = error.to_string();
            assert!(
                text.contains(&port.to_string()) && text.contains("name another port"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_port_held_by_another_program_is_in_use() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let error = Endpoint::start(Some(port), 1).err().unwrap();
        assert!(matches!(error, EndpointError::PortInUse { .. }), "{error}");
    }

    #[tokio::test]
    async fn dropping_frees_the_port_at_once_and_cuts_what_is_under_way() {
        let first = Endpoint::start(None, 1).unwrap();
        let addr = first.addr();
        for _ in 0..10 {
            get(addr, KEY_SET_PATH, &fetch(20_000)).await.unwrap();
        }
        apply(&first, Fault::Silent);
        let cut = tokio::spawn(async move { get(addr, KEY_SET_PATH, &fetch(20_000)).await });
        while first.counts().in_flight == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        drop(first);
        assert_eq!(cut.await.unwrap(), Err(FetchFailure::Reset));
        assert_eq!(get(addr, KEY_SET_PATH, &fetch(20_000)).await, Err(FetchFailure::Refused));
        // Connections that were closed are still in TIME_WAIT.
        let second = Endpoint::start(Some(addr.port()), 1).unwrap();
        assert!(get(addr, KEY_SET_PATH, &fetch(20_000)).await.is_ok());
        apply(&second, Fault::Refused);
        drop(second);
        drop(TcpListener::bind(addr).unwrap());
    }

    /// The number of threads with the endpoint's port in their name. On Linux wiremock's thread
    /// inherits the name.
    #[cfg(target_os = "linux")]
    fn threads_of(port: u16) -> usize {
        let name = format!("jwks:{port}\n");
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")));
        names.filter(|found| found.as_ref().is_ok_and(|found| *found == name)).count()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn dropping_ends_the_threads() {
        for fault in [Fault::None, Fault::Refused, Fault::Silent] {
            let endpoint = Endpoint::start(None, 1).unwrap();
            let port = endpoint.addr().port();
            get(endpoint.addr(), KEY_SET_PATH, &fetch(20_000)).await.unwrap();
            apply(&endpoint, fault.clone());
            let _ = get(endpoint.addr(), KEY_SET_PATH, &fetch(50)).await;
            assert_eq!(threads_of(port), 2, "front and HTTP server under {fault:?}");
            drop(endpoint);
            // The HTTP server's thread has released everything, but may not have ended yet.
            let mut waits = 0;
            while threads_of(port) > 0 && waits < 1000 {
                waits += 1;
                sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(threads_of(port), 0, "{fault:?}");
        }
    }
}
