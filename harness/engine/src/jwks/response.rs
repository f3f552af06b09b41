//! How the mocked endpoint sends a response: at once, drop by drop, or without end.

use std::io;
use std::time::Duration;

use jwtbench_scenario::model::endpoint::EndpointSetting;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::interval;

use super::document::cache_control;
use super::faults;
use super::front::{ServedRequest, hang_up};

/// The head of a response with status 200 and a body of this length.
pub(super) fn head_of(length: u64, setting: &EndpointSetting) -> Vec<u8> {
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
pub(super) async fn send(
    stream: &mut TcpStream,
    service: &mut ServedRequest,
    body: &[u8],
) -> io::Result<()> {
    service.sends_last(body.len());
    stream.write_all(body).await?;
    stream.shutdown().await
}

pub(super) async fn drip(
    stream: &mut TcpStream,
    service: &mut ServedRequest,
    body: &[u8],
    every: Duration,
) -> io::Result<()> {
    // An interval of zero would panic. With the least interval the whole body is still sent at
    // once.
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

pub(super) async fn flood(
    stream: &mut TcpStream,
    service: &mut ServedRequest,
    bytes: u64,
) -> io::Result<()> {
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
