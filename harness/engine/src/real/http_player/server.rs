//! The issuer's endpoints on loopback, on a thread of their own: introspection (RFC 7662) and the
//! status list (draft-ietf-oauth-status-list-21), with the faults of the store.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use jwtbench_scenario::model::state::{StoreFault, StoreSetting};
use jwtbench_scenario::plan::random::unit;
use jwtbench_verifier::state_check::Knowledge;
use jwtbench_verifier::tick::Tick;

use crate::jwks::front::Port;
use crate::real::clock::RealClock;
use crate::real::store_round::runtime;
use crate::trial::TrialError;

use super::issued::IssuedTokens;

/// The path of introspection.
pub(super) const INTROSPECT: &str = "/introspect";
/// The path of the status list.
pub(super) const STATUS_LIST: &str = "/status-list";
/// The most bytes of a request's body.
const MAX_BODY: usize = 1 << 16;

/// What the server's tasks share.
struct IssuerService {
    issued: Arc<IssuedTokens>,
    clock: RealClock,
    settings: watch::Receiver<StoreSetting>,
    random: std::sync::Mutex<ChaCha8Rng>,
}

/// The server. It ends when it is dropped.
pub(super) struct IssuerServer {
    address: SocketAddr,
    settings: Option<watch::Sender<StoreSetting>>,
    thread: Option<JoinHandle<()>>,
}

impl IssuerServer {
    /// Starts the server on a port.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(
        port: Port,
        (issued, clock): (Arc<IssuedTokens>, RealClock),
        first: StoreSetting,
        random: ChaCha8Rng,
    ) -> Result<IssuerServer, TrialError> {
        let own = runtime()?;
        let address = port.addr();
        let (sender, settings) = watch::channel(first);
        let random = std::sync::Mutex::new(random);
        let service = Arc::new(IssuerService { issued, clock, settings, random });
        let thread = std::thread::Builder::new().name("issuer".into());
        let thread = thread.spawn(move || own.block_on(serve(&port, &service)))?;
        Ok(IssuerServer { address, settings: Some(sender), thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts a setting in force.
    pub(super) fn apply(&self, setting: &StoreSetting) {
        if let Some(settings) = &self.settings {
            settings.send_replace(setting.clone());
        }
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        // The thread ends once nobody can change the setting.
        self.settings = None;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// Accepts connections while connections are not refused, until nobody can change the setting.
async fn serve(port: &Port, service: &Arc<IssuerService>) {
    let mut settings = service.settings.clone();
    loop {
        let is_refusing = settings.borrow_and_update().fault == StoreFault::Refused;
        let Ok(listener) = port.listen() else {
            return;
        };
        if is_refusing {
            drop(listener);
            if settings.changed().await.is_err() {
                return;
            }
            continue;
        }
        // They are cut as the set is dropped.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(service)));
                },
                changed = settings.changed() => match changed {
                    Err(_) => return,
                    Ok(()) if settings.borrow().fault == StoreFault::Refused => break,
                    Ok(()) => {}
                },
            }
        }
    }
}

async fn connection(stream: TcpStream, service: Arc<IssuerService>) {
    _ = stream.set_nodelay(true);
    let answer = service_fn(|request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move { service.answer(request).await }
    });
    // An error is the end of a connection, which its client notices.
    _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

/// A connection is cut instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("severed")]
struct Severed;

impl From<Infallible> for Severed {
    fn from(never: Infallible) -> Severed {
        match never {}
    }
}

impl IssuerService {
    /// The answer to a request, after the latency, with the fault in force.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Severed> {
        let setting = self.settings.borrow().clone();
        sleep(self.latency(&setting)).await;
        match setting.fault {
            StoreFault::None => {}
            StoreFault::Silent => pending().await,
            StoreFault::Reset | StoreFault::Refused => return Err(Severed),
            StoreFault::Error => return Ok(status(StatusCode::INTERNAL_SERVER_ERROR)),
        }
        let now = self.clock.now();
        match (request.method(), request.uri().path()) {
            (&Method::POST, INTROSPECT) => {
                let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
                let body = body.map_err(|_| Severed)?.to_bytes();
                Ok(self.introspect(&body, &setting, now))
            }
            (&Method::GET, STATUS_LIST) => Ok(self.status_list(&setting, now)),
            _ => Ok(status(StatusCode::NOT_FOUND)),
        }
    }

    fn latency(&self, StoreSetting { latency, jitter, .. }: &StoreSetting) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *latency - *jitter + jitter.mul_f64(2.0 * unit(&mut random))
    }

    /// RFC 7662 §2.2. The `token` is what the token is found by, such as its `jti`.
    fn introspect(&self, body: &[u8], setting: &StoreSetting, now: Tick) -> Response<Full<Bytes>> {
        let mut form = form_urlencoded::parse(body);
        let Some((_, token)) = form.find(|(name, _)| name == "token") else {
            return status(StatusCode::BAD_REQUEST);
        };
        let known = self.issued.known(&token, (now - setting.replica_lag, now));
        whole(&match known {
            Knowledge::Clear => json!({ "active": true }),
            Knowledge::Revoked => json!({ "active": false }),
            Knowledge::Version(version) => json!({ "active": true, "auth_version": version }),
            Knowledge::NotBefore(at) => json!({ "active": true, "not_before": at.0.to_string() }),
        })
    }

    /// Draft-ietf-oauth-status-list-21 §5, unsigned.
    fn status_list(&self, setting: &StoreSetting, now: Tick) -> Response<Full<Bytes>> {
        let every = i64::try_from(setting.published_every.as_nanos()).unwrap_or(i64::MAX);
        let as_of = match every {
            0 => now - setting.replica_lag,
            every => Tick(now.0 - now.0.rem_euclid(every)),
        };
        let is_old = every != 0 || !setting.replica_lag.is_zero();
        let oversized = self.issued.opening_to(setting.list_size);
        let lst = oversized.unwrap_or_else(|| self.issued.lst(as_of));
        let until = setting.list_lifetime.map(|lifetime| (as_of + lifetime).0);
        let list = json!({ "bits": 1, "lst": &*lst });
        whole(&json!({ "as_of": is_old.then_some(as_of.0), "until": until, "status_list": list }))
    }
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}

fn whole(body: &serde_json::Value) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from(body.to_string())))
}
