//! The link of one instance to a store: it listens to what the issuer tells, and connects again
//! whenever it is cut.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::RedisError;
use redis::streams::StreamReadReply;
use tokio::sync::watch;
use tokio::time::sleep;

use super::RedisRound;
use super::client::Connection;
use super::codec::Message;
use super::issuer::PushWay;

/// The pause before another connection to a stream is tried.
const PAUSE: Duration = Duration::from_millis(10);
/// The pause before another connection to a channel is tried. The issuer writes again what it could
/// not tell before subscribers are back, as in the model: they miss it.
const CHANNEL_PAUSE: Duration = Duration::from_millis(25);
/// The time for which a read of a stream waits for a message, in milliseconds.
const WAIT_MS: u64 = 1_000;

/// Listens for an instance until the round is over. `restarts` changes whenever the instance
/// restarts: it then connects again, and has read nothing.
pub(super) async fn listen(round: &RedisRound, instance: u32, mut restarts: watch::Receiver<u32>) {
    let mut last = "0".to_owned();
    loop {
        let heard = async {
            match round.way {
                PushWay::None => std::future::pending().await,
                PushWay::Channel => hear_channel(round, instance).await,
                PushWay::Stream => hear_stream(round, instance, &mut last).await,
            }
        };
        let is_restarted = tokio::select! {
            _ = heard => false,
            changed = restarts.changed() => changed.is_ok(),
        };
        if is_restarted {
            last = "0".into();
        } else {
            let now = round.base.clock.now();
            round.base.fleet.drive(instance, |check| check.link(false, now));
            let pause = if round.way == PushWay::Channel { CHANNEL_PAUSE } else { PAUSE };
            sleep(pause).await;
        }
    }
}

async fn hear_channel(round: &RedisRound, instance: u32) -> Result<(), RedisError> {
    let mut link = round.client.get_async_pubsub().await?;
    link.subscribe(round.keys.channel()).await?;
    up(round, instance);
    let mut messages = link.on_message();
    while let Some(message) = messages.next().await {
        let text: String = message.get_payload()?;
        take(round, instance, &text);
    }
    Ok(())
}

async fn hear_stream(
    round: &RedisRound,
    instance: u32,
    last: &mut String,
) -> Result<(), RedisError> {
    let connection = Connection::new(&round.client);
    let mut connection = connection.get().await?;
    // What was missed comes first; the link is up once it has all of that.
    let mut is_up = false;
    loop {
        let mut command = redis::cmd("XREAD");
        if is_up {
            command.arg("BLOCK").arg(WAIT_MS);
        }
        command.arg("STREAMS").arg(round.keys.stream()).arg(&*last);
        let reply: Option<StreamReadReply> = command.query_async(&mut connection).await?;
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            if let Some(text) = entry.get::<String>("m") {
                take(round, instance, &text);
            }
            *last = entry.id;
        }
        if !is_up {
            is_up = true;
            up(round, instance);
        }
    }
}

fn up(round: &RedisRound, instance: u32) {
    let now = round.base.clock.now();
    round.base.fleet.drive(instance, |check| check.link(true, now));
}

/// Hands a message to the machine of an instance.
fn take(round: &RedisRound, instance: u32, text: &str) {
    let now = round.base.clock.now();
    match Message::read(text) {
        Some(Message::Entry(entry)) => {
            round.base.fleet.pushed(instance, None, std::slice::from_ref(&entry), now);
            round.note_told(&entry.key);
        }
        // It tells of nothing later than it was sent.
        Some(Message::Heartbeat(at)) => {
            round.base.fleet.drive(instance, |check| check.heartbeat(at))
        }
        None => {}
    }
}
