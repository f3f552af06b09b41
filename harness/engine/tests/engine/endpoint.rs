//! Holds the mocked endpoint and the HTTP fetch to the pure function of faults, over real sockets:
//! every fault and limit, switching between them, concurrency, and the counts.

#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use jwtbench_engine::jwks::body_budget::{BodyBudget, MAX_BODIES};
use jwtbench_engine::jwks::document::Document;
use jwtbench_engine::jwks::endpoint::{Endpoint, KEY_SET_PATH};
use jwtbench_engine::jwks::faults::{Body, Exchange, exchange, huge_body};
use jwtbench_engine::jwks::http::{self, FetchFault};
use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};
use jwtbench_verifier::cache_policy::Timeouts;
use jwtbench_verifier::key_cache::{Fetch, FetchFailure, FetchId};

const SEED: u64 = 7;
const KEY_SET: &[u8] = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one"}]}"#;
const ROTATED: &[u8] = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"two"}]}"#;
const REQUEST: &[u8] = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: a\r\n\r\n";
/// How much later than predicted a fetch may end: the machine is noisy.
const NOISE: Duration = Duration::from_millis(1500);

const fn millis(span: u64) -> Duration {
    Duration::from_millis(span)
}

/// A fetch with these limits in milliseconds, and a body of 1 MiB at most.
fn fetch(idle: u64, total: u64) -> Fetch {
    let (connect, idle, total) = (millis(1000), millis(idle), millis(total));
    let (id, timeouts) = (FetchId(0), Timeouts { connect, idle, total });
    Fetch { id, timeouts, max_body: 1 << 20 }
}

/// One fetch, with room for what it brings.
async fn get(addr: SocketAddr, path: &str, fetch: &Fetch) -> Result<Document, FetchFailure> {
    match http::get(addr, path, fetch, &BodyBudget::new(MAX_BODIES)).await {
        Ok(fetched) => Ok(fetched.document),
        Err(FetchFault::Failed(failure)) => Err(failure),
        Err(FetchFault::Host(fault)) => panic!("{fault}"),
    }
}

fn patient() -> Fetch {
    fetch(20_000, 30_000)
}

fn setting(latency: u64, fault: Fault) -> EndpointSetting {
    let max_age = Some(Duration::from_secs(60));
    EndpointSetting { latency: millis(latency), max_age, fault, ..EndpointSetting::default() }
}

fn endpoint() -> Endpoint {
    let endpoint = Endpoint::start(None, SEED).unwrap();
    endpoint.publish(Arc::from(KEY_SET));
    endpoint
}

async fn key_set(endpoint: &Endpoint) -> Result<Vec<u8>, FetchFailure> {
    get(endpoint.addr(), KEY_SET_PATH, &patient()).await.map(|reply| reply.body)
}

/// Sets the endpoint so and holds one fetch to the prediction.
async fn check(endpoint: &Endpoint, setting: &EndpointSetting, fetch: &Fetch, reason: &str) {
    endpoint.apply(setting.clone()).unwrap();
    let before = endpoint.counts();
    let Exchange { delay, reply } = exchange(setting, SEED, before.served, KEY_SET.len(), fetch);
    // A status is no key set, whichever it is.
    let is_status = matches!(setting.fault, Fault::Status { .. });
    let max_age = setting.max_age.filter(|_| !is_status);
    let due = reply.map(|body| match body {
        Body::KeySet => Document { body: KEY_SET.to_vec(), max_age },
        Body::Bytes(body) => Document { body, max_age },
        Body::Huge(bytes) => {
            Document { body: huge_body(bytes).flatten().copied().collect(), max_age }
        }
    });
    let begun = Instant::now();
    let got = get(endpoint.addr(), KEY_SET_PATH, fetch).await;
    let took = begun.elapsed();
    assert_eq!(got, due, "{reason}");
    assert!(took >= delay, "{reason}: after {took:?}, before {delay:?}");
    assert!(took < delay + NOISE, "{reason}: after {took:?}, long after {delay:?}");
    let after = endpoint.counts();
    let accepted = u64::from(setting.fault != Fault::Refused);
    assert_eq!(after.connections - before.connections, accepted, "{reason}");
    assert_eq!(after.served - before.served, accepted, "{reason}");
    if let Ok(Document { body, .. }) = due {
        assert_eq!(after.bytes - before.bytes, body.len() as u64, "{reason}");
    }
}

/// Every fault has a number, so that a row for each can be demanded.
fn number(fault: &Fault) -> usize {
    match fault {
        Fault::None => 0,
        Fault::Status { .. } => 1,
        Fault::Refused => 2,
        Fault::Silent => 3,
        Fault::Reset => 4,
        Fault::SlowDrip { .. } => 5,
        Fault::Truncated => 6,
        Fault::MalformedJson => 7,
        Fault::Html => 8,
        Fault::EmptyKeys => 9,
        Fault::Redirect => 10,
        Fault::HugeBody { .. } => 11,
    }
}

type Row = (EndpointSetting, Fetch, &'static str);

fn small(max_body: usize) -> Fetch {
    Fetch { max_body, ..patient() }
}

fn answers_in_order() -> Vec<Row> {
    let calm = |latency| setting(latency, Fault::None);
    let jittered = EndpointSetting { jitter: millis(40), ..calm(40) };
    let length = KEY_SET.len();
    vec![
        (calm(0), patient(), "in order"),
        (calm(60), patient(), "slow"),
        (jittered, patient(), "slow with jitter"),
        (calm(9000), fetch(120, 5000), "slower than idle"),
        (calm(9000), fetch(5000, 120), "slower than total"),
        (calm(0), small(length), "body just within the limit"),
        (calm(0), small(length - 1), "body just over the limit"),
    ]
}

fn faults_of_http() -> Vec<Row> {
    let status = |status, pause: Option<u64>| {
        let retry_after = pause.map(millis);
        setting(0, Fault::Status { status, retry_after })
    };
    let plain = |code| status(code, None);
    let pause = |code, pause| status(code, Some(pause));
    let huge = |bytes| setting(30, Fault::HugeBody { bytes });
    vec![
        (plain(404), patient(), "404"),
        (pause(429, 1500), patient(), "half seconds rounded up"),
        (plain(500), patient(), "500"),
        (pause(503, 7_200_000), patient(), "two hours"),
        (plain(307), patient(), "redirect without a target"),
        (plain(204), patient(), "no content"),
        (plain(99), patient(), "no such status"),
        (plain(200), patient(), "200 without a body"),
        (setting(0, Fault::MalformedJson), patient(), "malformed"),
        (setting(0, Fault::Html), patient(), "page"),
        (setting(0, Fault::EmptyKeys), patient(), "no keys"),
        (setting(30, Fault::Redirect), patient(), "redirect"),
        (huge(50_000_000), patient(), "50 MB"),
        (huge(100_000), patient(), "large and within the limit"),
        (huge(1), patient(), "as short as such JSON can be"),
    ]
}

fn faults_of_the_connection() -> Vec<Row> {
    let drip = |latency, interval| {
        let interval = millis(interval);
        setting(latency, Fault::SlowDrip { interval })
    };
    let reset = |latency| setting(latency, Fault::Reset);
    let silent = || setting(0, Fault::Silent);
    let cut = || setting(30, Fault::Truncated);
    vec![
        (setting(50, Fault::Refused), patient(), "refused"),
        (silent(), fetch(100, 5000), "silent until idle"),
        (silent(), fetch(5000, 100), "silent until total"),
        (reset(0), patient(), "reset at once"),
        (reset(50), patient(), "reset after the latency"),
        (reset(9000), fetch(100, 5000), "reset later than idle"),
        (drip(10, 2), patient(), "drip to the end"),
        (drip(0, 0), patient(), "drip without pause"),
        (drip(0, 8000), fetch(100, 5000), "drip slower than idle"),
        (drip(0, 40), fetch(5000, 250), "drip longer than total"),
        (drip(0, 8000), small(10), "drip over the limit"),
        (cut(), patient(), "truncated"),
        (cut(), small(10), "truncated, and over the limit"),
    ]
}

#[tokio::test]
async fn sockets_do_what_the_function_says() {
    let endpoint = endpoint();
    let mut seen = [false; 12];
    let groups = [answers_in_order(), faults_of_http(), faults_of_the_connection()];
    for (setting, fetch, reason) in groups.into_iter().flatten() {
        check(&endpoint, &setting, &fetch, reason).await;
        seen[number(&setting.fault)] = true;
    }
    assert_eq!(seen, [true; 12], "a row for every fault");
}

#[tokio::test]
async fn any_fault_can_follow_any_other() {
    let endpoint = endpoint();
    let faults = [
        Fault::None,
        Fault::Refused,
        Fault::Reset,
        Fault::Truncated,
        Fault::EmptyKeys,
        Fault::HugeBody { bytes: 50_000_000 },
    ];
    for first in &faults {
        for second in &faults {
            let reason = format!("{first:?}, then {second:?}");
            check(&endpoint, &setting(0, first.clone()), &patient(), &reason).await;
            check(&endpoint, &setting(0, second.clone()), &patient(), &reason).await;
        }
    }
}

#[tokio::test]
async fn refusing_and_listening_alternate_at_once() {
    let endpoint = endpoint();
    for round in 0..200 {
        endpoint.apply(setting(0, Fault::Refused)).unwrap();
        let refused = TcpStream::connect(endpoint.addr()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "round {round}");
        endpoint.apply(setting(0, Fault::None)).unwrap();
        assert_eq!(key_set(&endpoint).await.unwrap(), KEY_SET, "round {round}");
    }
    assert_eq!(endpoint.counts().connections, 200);
}

#[tokio::test]
async fn a_connection_made_before_the_refusal_is_served() {
    let endpoint = endpoint();
    for round in 0..50 {
        let mut stream = TcpStream::connect(endpoint.addr()).await.unwrap();
        endpoint.apply(setting(0, Fault::Refused)).unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"), "round {round}");
        assert!(response.ends_with(KEY_SET), "round {round}");
        endpoint.apply(setting(0, Fault::None)).unwrap();
    }
}

#[tokio::test]
async fn a_request_gets_the_state_at_its_head() {
    let endpoint = endpoint();
    endpoint.apply(setting(300, Fault::None)).unwrap();
    let addr = endpoint.addr();
    let under_way = tokio::spawn(async move { get(addr, KEY_SET_PATH, &patient()).await });
    while endpoint.counts().served == 0 {
        sleep(millis(1)).await;
    }
    endpoint.publish(Arc::from(ROTATED));
    endpoint.apply(setting(0, Fault::Html)).unwrap();
    assert_eq!(under_way.await.unwrap().unwrap().body, KEY_SET, "the request came first");
    endpoint.apply(setting(0, Fault::None)).unwrap();
    assert_eq!(key_set(&endpoint).await.unwrap(), ROTATED);
}

#[tokio::test]
async fn rotation_is_visible_to_the_next_request() {
    let endpoint = Endpoint::start(None, SEED).unwrap();
    assert_eq!(key_set(&endpoint).await.unwrap(), br#"{"keys":[]}"#, "nothing published yet");
    for round in 0..50 {
        for set in [KEY_SET, ROTATED] {
            endpoint.publish(Arc::from(set));
            assert_eq!(key_set(&endpoint).await.unwrap(), set, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_large_key_set_passes_whole() {
    let endpoint = endpoint();
    let large = vec![b' '; 5 << 20];
    endpoint.publish(Arc::from(&large[..]));
    let wide = Fetch { max_body: large.len(), ..patient() };
    assert_eq!(get(endpoint.addr(), KEY_SET_PATH, &wide).await.unwrap().body.len(), large.len());
    assert_eq!(key_set(&endpoint).await, Err(FetchFailure::TooLarge));
}

/// Memory of this process that is resident, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// Clients that ask for a set of 20 MB and read nothing: 2 GB if each had one of its own.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_key_set_is_shared_by_all_who_ask() {
    let endpoint = Endpoint::start(None, SEED).unwrap();
    endpoint.publish(vec![b' '; 20 << 20].into());
    let before = resident();
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = TcpStream::connect(endpoint.addr()).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        // Its head has come, so its body is on the way.
        client.readable().await.unwrap();
        clients.push(client);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 400 << 20, "{grown} bytes for {} clients", clients.len());
    assert_eq!(endpoint.counts().served, 100);
}

#[tokio::test]
async fn other_paths_are_not_found_and_the_redirect_has_a_target() {
    let endpoint = endpoint();
    assert_eq!(endpoint.url(), format!("http://{}{KEY_SET_PATH}", endpoint.addr()));
    let missing = get(endpoint.addr(), "/", &patient()).await;
    assert_eq!(missing, Err(FetchFailure::Status(404, None)));
    endpoint.apply(setting(0, Fault::Redirect)).unwrap();
    let mut stream = TcpStream::connect(endpoint.addr()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 302 Found\r\n"), "{response}");
    let location = response.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert_eq!(get(endpoint.addr(), location, &patient()).await.unwrap().body, KEY_SET);
}

#[tokio::test]
async fn two_hundred_at_once() {
    let endpoint = endpoint();
    endpoint.apply(setting(200, Fault::None)).unwrap();
    let addr = endpoint.addr();
    let begun = Instant::now();
    let mut fetches = JoinSet::new();
    for _ in 0..200 {
        fetches.spawn(async move { get(addr, KEY_SET_PATH, &patient()).await });
    }
    for reply in fetches.join_all().await {
        assert_eq!(reply.unwrap().body, KEY_SET);
    }
    assert!(begun.elapsed() < millis(200) + 2 * NOISE, "side by side, not in a row");
    let counts = endpoint.counts();
    assert_eq!((counts.connections, counts.served, counts.in_flight), (200, 200, 0));
    assert_eq!(counts.bytes, 200 * KEY_SET.len() as u64);
    assert!((20..=200).contains(&counts.max_in_flight), "{}", counts.max_in_flight);
    assert_eq!(endpoint.take_max_in_flight(), counts.max_in_flight);
    assert_eq!(endpoint.counts().max_in_flight, 0, "starts anew");
}

#[tokio::test]
async fn one_after_another_is_never_two_in_flight() {
    let endpoint = endpoint();
    for fault in
        [Fault::None, Fault::Truncated, Fault::Reset, Fault::SlowDrip { interval: millis(0) }]
    {
        endpoint.apply(setting(0, fault.clone())).unwrap();
        for _ in 0..100 {
            let _ = key_set(&endpoint).await;
        }
        assert_eq!(endpoint.take_max_in_flight(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_client_that_gives_up_is_no_longer_in_flight() {
    let endpoint = endpoint();
    for fault in [Fault::Silent, Fault::None, Fault::SlowDrip { interval: millis(60_000) }] {
        let latency = if fault == Fault::None { 60_000 } else { 0 };
        endpoint.apply(setting(latency, fault.clone())).unwrap();
        let reply = get(endpoint.addr(), KEY_SET_PATH, &fetch(50, 5000)).await;
        assert_eq!(reply, Err(FetchFailure::IdleTimeout), "{fault:?}");
        let gone = async {
            while endpoint.counts().in_flight > 0 {
                sleep(millis(1)).await;
            }
        };
        assert!(timeout(NOISE, gone).await.is_ok(), "{fault:?}");
    }
}

#[tokio::test]
async fn the_huge_body_is_streamed_and_left_unread() {
    let endpoint = endpoint();
    endpoint.apply(setting(0, Fault::HugeBody { bytes: 5 << 30 })).unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(key_set(&endpoint).await, Err(FetchFailure::TooLarge));
    }
    assert!(begun.elapsed() < NOISE, "20 fetches of 5 GiB");
    let per_fetch = endpoint.counts().bytes / 20;
    assert!(per_fetch < 32 << 20, "{per_fetch}: no more than the buffers of the kernel hold");
}

/// The whole response to a request of this method, under a fault.
async fn answer(endpoint: &Endpoint, method: &str, fault: Fault) -> String {
    endpoint.apply(setting(0, fault)).unwrap();
    let mut stream = TcpStream::connect(endpoint.addr()).await.unwrap();
    let request = REQUEST.strip_prefix(b"GET").unwrap();
    stream.write_all(&[method.as_bytes(), request].concat()).await.unwrap();
    let mut response = String::new();
    // A body that is cut off ends as it may.
    let _ = stream.read_to_string(&mut response).await;
    response
}

/// RFC 9110 §9.3.2: a HEAD is answered as a GET, without its body. §15.5.6: any other method is
/// told which there are.
#[tokio::test]
async fn a_head_has_no_body_and_other_methods_are_refused() {
    let endpoint = endpoint();
    let faults = [
        Fault::None,
        Fault::Truncated,
        Fault::SlowDrip { interval: millis(0) },
        Fault::HugeBody { bytes: 100_000 },
        Fault::Status { status: 503, retry_after: None },
    ];
    let head = |response: &str| {
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<String> = head.lines().map(str::to_lowercase).collect();
        lines.retain(|line| !line.starts_with("date:"));
        lines.sort();
        (lines, body.len())
    };
    for fault in faults {
        let (of_get, _) = head(&answer(&endpoint, "GET", fault.clone()).await);
        let (of_head, body) = head(&answer(&endpoint, "HEAD", fault.clone()).await);
        assert_eq!((of_head, body), (of_get, 0), "{fault:?}");
        for method in ["POST", "OPTIONS", "BREW", "get"] {
            let (lines, body) = head(&answer(&endpoint, method, fault.clone()).await);
            let is_refused = lines.iter().any(|line| line == "http/1.1 405 method not allowed");
            let is_told = lines.iter().any(|line| line == "allow: get, head");
            assert!(is_refused && is_told && body == 0, "{method} under {fault:?}: {lines:?}");
        }
    }
    assert_eq!(answer(&endpoint, "POST", Fault::Reset).await, "", "a dead line answers nobody");
}
