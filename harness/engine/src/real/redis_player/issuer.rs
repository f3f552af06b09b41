//! The issuer of a round over a real store: it writes what it decides, tells whoever listens, and
//! sends heartbeats.

use std::time::Duration;

use redis::{Client, RedisError};
use tokio::time::{sleep, timeout};

use jwtbench_verifier::state_check::StateEntry;
use jwtbench_verifier::tick::Tick;

use crate::real::store_round::runtime;
use crate::state::truth::StateTruth;

use super::RedisRound;
use super::client::Connection;
use super::codec::{self, Message};
use super::keys::Keys;

/// The pause before a write is tried again, and the longest that one may take.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_WRITE: Duration = Duration::from_millis(200);

/// The most entries that are written at once.
const BATCH: usize = 1000;

/// The time for which a list or a stream outlives a round that was killed, in seconds.
const KEPT_S: u64 = 3600;

/// The way on which messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushWay {
    /// Nobody listens.
    None,
    /// A channel, whose messages are sent once.
    Channel,
    /// A stream, which can be read again.
    Stream,
}

/// Announces all decisions of a round in their order, each as soon as the store can be told.
pub(super) async fn announce(round: &RedisRound) {
    let connection = Connection::new(&round.client);
    let push = round.base.fleet.strategy().push();
    let beat = push.and_then(|push| push.heartbeat).map(|longest| longest / 2);
    let mut next_beat = Tick::ZERO;
    let decisions = decisions(&round.base.truth);
    let mut next_decision = 0;
    loop {
        let now = round.base.clock.now();
        let decision = decisions.get(next_decision).copied();
        if let Some((_, entries)) = decision.filter(|(at, _)| *at <= now) {
            // It is tried until the store has it.
            if write(round, &connection, entries).await {
                entries.iter().for_each(|entry| round.note_told(&entry.key));
                next_decision += 1;
            }
            continue;
        }
        if let Some(pause) = beat.filter(|_| next_beat <= now) {
            let message = Message::Heartbeat(now).text();
            send(round, &connection, &message).await;
            next_beat = round.base.clock.now() + pause;
            continue;
        }
        let next = decision.map(|(at, _)| at);
        let due = next.into_iter().chain(beat.map(|_| next_beat)).min();
        match due {
            Some(due) => sleep(due.since(round.base.clock.now())).await,
            None => return,
        }
    }
}

/// The decisions of a round, each with its instant and what the store is told, in order of time.
fn decisions(truth: &StateTruth) -> Vec<(Tick, &[StateEntry])> {
    let told = truth.revocations.iter().filter(|one| one.is_told);
    let of_holders = told.map(|one| (one.at, std::slice::from_ref(&one.entry)));
    let others = truth.others.iter();
    let others = others.flat_map(|(at, all)| all.chunks(BATCH).map(|some| (*at, some)));
    let mut all: Vec<(Tick, &[StateEntry])> = of_holders.chain(others).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Gives a store what it has from the beginning.
///
/// # Errors
/// If it does not take it.
pub(super) fn fill(
    client: &Client,
    to: (&Keys, PushWay),
    entries: &[StateEntry],
) -> Result<(), RedisError> {
    if entries.is_empty() {
        return Ok(());
    }
    runtime()?.block_on(async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        for some in entries.chunks(BATCH) {
            let commands = writes(to, some, (Tick::ZERO, Tick::MIN));
            let _: () = commands.query_async(&mut connection).await?;
        }
        Ok(())
    })
}

/// Writes entries; returns whether the store has them.
async fn write(round: &RedisRound, to: &Connection, entries: &[StateEntry]) -> bool {
    let now = round.base.clock.now();
    let pipe = writes((&round.keys, round.way), entries, (now, now));
    done(to, async |mut connection| pipe.query_async(&mut connection).await).await
}

/// The commands that write entries now, as of an instant, and tell whoever listens.
fn writes(
    (keys, way): (&Keys, PushWay),
    entries: &[StateEntry],
    (now, at): (Tick, Tick),
) -> redis::Pipeline {
    let mut pipe = redis::pipe();
    pipe.atomic();
    for entry in entries {
        let message = Message::Entry(entry.clone()).text();
        let left = entry.end.since(now).as_millis().clamp(1, u128::from(u32::MAX));
        let (key, value) = (keys.entry(&entry.key), codec::value(entry.knowledge));
        pipe.cmd("SET").arg(key).arg(value).arg("PX").arg(left as u64).ignore();
        pipe.cmd("ZADD").arg(keys.list()).arg(at.0).arg(&message).ignore();
        match way {
            PushWay::None => {}
            PushWay::Channel => {
                pipe.cmd("PUBLISH").arg(keys.channel()).arg(&message).ignore();
            }
            PushWay::Stream => {
                let stream = keys.stream();
                pipe.cmd("XADD").arg(stream).arg("*").arg("m").arg(&message).ignore();
            }
        }
    }
    pipe.cmd("EXPIRE").arg(keys.list()).arg(KEPT_S).ignore();
    if way == PushWay::Stream {
        pipe.cmd("EXPIRE").arg(keys.stream()).arg(KEPT_S).ignore();
    }
    pipe
}

async fn send(round: &RedisRound, to: &Connection, message: &str) -> bool {
    let command = match round.way {
        PushWay::None => return true,
        PushWay::Channel => {
            let mut command = redis::cmd("PUBLISH");
            command.arg(round.keys.channel()).arg(message);
            command
        }
        PushWay::Stream => {
            let mut command = redis::cmd("XADD");
            command.arg(round.keys.stream()).arg("*").arg("m").arg(message);
            command
        }
    };
    done(to, async |mut connection| {
        let sent: redis::Value = command.query_async(&mut connection).await?;
        _ = sent;
        Ok(())
    })
    .await
}

/// Whether a write was done. A failed one is followed by a pause, and by another connection.
async fn done(
    to: &Connection,
    write: impl AsyncFnOnce(redis::aio::MultiplexedConnection) -> Result<(), RedisError>,
) -> bool {
    let whole = async { write(to.get().await?).await };
    let is_done = matches!(timeout(LONGEST_WRITE, whole).await, Ok(Ok(())));
    if !is_done {
        to.drop().await;
        sleep(PAUSE).await;
    }
    is_done
}
