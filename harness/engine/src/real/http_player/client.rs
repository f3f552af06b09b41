//! The requests of one instance to the issuer, over connections that it keeps.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use jwtbench_verifier::state_check::{
    Knowledge, OpKind, StoreFailure, StoreListing, StoreOp, StoreOutcome,
};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use crate::state::store::MAX_LIST;

use super::issued::IssuedTokens;
use super::server::{INTROSPECT, STATUS_LIST};
use super::status_list::StatusList;

/// The most bytes of an answer.
const MAX_BODY: usize = 1 << 24;

/// The connections of an instance that are not in use.
#[derive(Clone)]
pub(super) struct IssuerClient {
    address: SocketAddr,
    idle: Arc<Mutex<Vec<SendRequest<Full<Bytes>>>>>,
    issued: Arc<IssuedTokens>,
}

/// An answer of introspection.
#[derive(Deserialize)]
struct Introspected {
    active: bool,
    auth_version: Option<u64>,
    not_before: Option<String>,
}

/// A published list.
#[derive(Deserialize)]
struct PublishedList {
    /// The instant that a list is of which was made before it was asked for.
    as_of: Option<i64>,
    until: Option<i64>,
    status_list: WireList,
}

#[derive(Deserialize)]
struct WireList {
    bits: u8,
    lst: String,
}

impl Introspected {
    fn knowledge(self) -> Option<Knowledge> {
        Some(match (self.active, self.auth_version, self.not_before) {
            (false, ..) => Knowledge::Revoked,
            (true, Some(version), _) => Knowledge::Version(version),
            (true, None, Some(at)) => Knowledge::NotBefore(UnixTime(at.parse().ok()?)),
            (true, None, None) => Knowledge::Clear,
        })
    }
}

impl IssuerClient {
    pub(super) fn new(address: SocketAddr, issued: &Arc<IssuedTokens>) -> IssuerClient {
        IssuerClient { address, idle: Arc::default(), issued: Arc::clone(issued) }
    }

    /// Makes a request within its time limits.
    pub(super) async fn exchange(self, op: StoreOp) -> StoreOutcome {
        let asked = self.ask(&op);
        match timeout(op.timeouts.connect + op.timeouts.answer, asked).await {
            Ok(outcome) => outcome.unwrap_or_else(StoreOutcome::Failed),
            Err(_) => StoreOutcome::Failed(StoreFailure::AnswerTimeout),
        }
    }

    async fn ask(&self, op: &StoreOp) -> Result<StoreOutcome, StoreFailure> {
        let unread = StoreFailure::Error;
        match &op.kind {
            OpKind::Lookup(keys) => {
                let mut answers = Vec::with_capacity(keys.len());
                for key in keys {
                    let body = form_urlencoded::Serializer::new(String::new())
                        .append_pair("token", key)
                        .finish();
                    let answer: Introspected =
                        self.send((Method::POST, INTROSPECT, body), op).await?;
                    answers.push(answer.knowledge().ok_or(unread)?);
                }
                Ok(StoreOutcome::Answers(answers))
            }
            OpKind::Poll(..) => {
                let list: PublishedList =
                    self.send((Method::GET, STATUS_LIST, String::new()), op).await?;
                let WireList { bits, lst } = &list.status_list;
                let opened = StatusList::read(*bits, lst, MAX_LIST as usize).map_err(|_| unread)?;
                Ok(StoreOutcome::Listing(StoreListing {
                    entries: self.issued.entries(&opened).into(),
                    is_full: true,
                    as_of: list.as_of.map(Tick),
                    until: list.until.map(Tick),
                }))
            }
        }
    }

    /// Sends a request, and reads the whole answer.
    async fn send<T: DeserializeOwned>(
        &self,
        (method, path, body): (Method, &str, String),
        op: &StoreOp,
    ) -> Result<T, StoreFailure> {
        let mut connection = self.connection(op).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(body))
            .map_err(|_| StoreFailure::Error)?;
        let answered = async {
            let response =
                connection.send_request(request).await.map_err(|_| StoreFailure::Reset)?;
            let code = response.status();
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
            Ok((code, body.map_err(|_| StoreFailure::Reset)?.to_bytes()))
        };
        let (code, body) = timeout(op.timeouts.answer, answered)
            .await
            .unwrap_or(Err(StoreFailure::AnswerTimeout))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        match code {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|_| StoreFailure::Error),
            _ => Err(StoreFailure::Error),
        }
    }

    /// A connection that is kept and open, or a new one.
    async fn connection(&self, op: &StoreOp) -> Result<SendRequest<Full<Bytes>>, StoreFailure> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut kept) = kept else {
                break;
            };
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let connected = timeout(op.timeouts.connect, TcpStream::connect(self.address)).await;
        let stream = match connected {
            Err(_) => return Err(StoreFailure::ConnectTimeout),
            Ok(Err(_)) => return Err(StoreFailure::Refused),
            Ok(Ok(stream)) => stream,
        };
        _ = stream.set_nodelay(true);
        let made = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|_| StoreFailure::Reset)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
