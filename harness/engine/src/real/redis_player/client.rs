//! The requests of one instance to a store, over one connection that it shares among them.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::sync::Mutex;
use tokio::time::timeout;

use jwtbench_verifier::state_check::{
    Knowledge, OpKind, StateEntry, StoreFailure, StoreListing, StoreOp, StoreOutcome,
};
use jwtbench_verifier::state_strategy::PollScope;
use jwtbench_verifier::tick::Tick;

use super::codec::{self, Message};
use super::keys::Keys;

/// The time by which a delta goes back beyond what it is asked for. What was written meanwhile may
/// have an earlier instant.
const OVERLAP: Duration = Duration::from_secs(1);

/// The connection of an instance, or of the issuer.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    open: Arc<Mutex<Option<MultiplexedConnection>>>,
}

impl Connection {
    pub(super) fn new(client: &Client) -> Connection {
        Connection { client: client.clone(), open: Arc::default() }
    }

    /// The open connection, or a new one.
    pub(super) async fn get(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &*open {
            return Ok(connection.clone());
        }
        // The strategy has the time limits.
        let config = AsyncConnectionConfig::new();
        let config = config.set_response_timeout(None).set_connection_timeout(None);
        let new = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(open.insert(new).clone())
    }

    /// Drops the connection, so that the next request makes another.
    pub(super) async fn drop(&self) {
        *self.open.lock().await = None;
    }

    /// Makes a request within its time limits.
    pub(super) async fn exchange(&self, op: &StoreOp, keys: &Keys) -> StoreOutcome {
        let failed = StoreOutcome::Failed;
        let mut connection = match timeout(op.timeouts.connect, self.get()).await {
            Err(_) => return failed(StoreFailure::ConnectTimeout),
            Ok(Err(error)) => return failed(failure(&error)),
            Ok(Ok(connection)) => connection,
        };
        let asked = timeout(op.timeouts.answer, ask(&mut connection, &op.kind, keys));
        match asked.await {
            Err(_) => failed(StoreFailure::AnswerTimeout),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                if error.is_io_error() || error.is_connection_dropped() {
                    self.drop().await;
                }
                failed(failure(&error))
            }
        }
    }
}

fn failure(error: &RedisError) -> StoreFailure {
    if error.is_connection_refusal() {
        StoreFailure::Refused
    } else if error.is_timeout() {
        StoreFailure::AnswerTimeout
    } else if error.is_io_error() || error.is_connection_dropped() {
        StoreFailure::Reset
    } else {
        StoreFailure::Error
    }
}

async fn ask(
    connection: &mut MultiplexedConnection,
    kind: &OpKind,
    keys: &Keys,
) -> Result<StoreOutcome, RedisError> {
    let unread = || StoreOutcome::Failed(StoreFailure::Error);
    match kind {
        OpKind::Lookup(wanted) => {
            let mut command = redis::cmd("MGET");
            wanted.iter().for_each(|key| _ = command.arg(keys.entry(key)));
            let values: Vec<Option<String>> = command.query_async(connection).await?;
            let known = |value: Option<String>| codec::knowledge(&value.unwrap_or_default());
            let known: Option<Vec<Knowledge>> = values.into_iter().map(known).collect();
            Ok(known.map_or_else(unread, StoreOutcome::Answers))
        }
        OpKind::Poll(scope, since) => {
            let from = match scope {
                PollScope::Full => Tick::MIN,
                PollScope::Delta => *since - OVERLAP,
            };
            let mut command = redis::cmd("ZRANGEBYSCORE");
            let command = command.arg(keys.list()).arg(from.0).arg("+inf");
            let texts: Vec<String> = command.query_async(connection).await?;
            let entry = |text: &String| match Message::read(text)? {
                Message::Entry(entry) => Some(entry),
                Message::Heartbeat(_) => None,
            };
            let entries: Option<Vec<StateEntry>> = texts.iter().map(entry).collect();
            let listing = |entries: Vec<StateEntry>| {
                StoreOutcome::Listing(StoreListing {
                    entries: entries.into(),
                    is_full: *scope == PollScope::Full,
                    as_of: None,
                    until: None,
                })
            };
            Ok(entries.map_or_else(unread, listing))
        }
    }
}
