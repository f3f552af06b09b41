//! `jwtbench endpoint`: key sets come and go on the scenario clock for another process, which is
//! told the tokens, the instants and the verdicts foreseen.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use jwtbench_engine::real::clock::unix_now;

use crate::binary::{ROOT, command_in};

const SCENARIO: &str = r#"
title = "A key is added, then the endpoint is down"
analysis = '''For a test.'''

[load]
arrivals = "constant"
duration = "1500ms"

[[stream]]
name = "users"
rate = 20
tokens = { valid = 50, unknown-kid = 50 }

[cache]
start = "cold"

[[event]]
at = "500ms"
publish-key = "next"

[[phase]]
name = "down"
at = "1s"
endpoint = { fault = "refused" }
"#;

fn spawn(arguments: &[&str]) -> Child {
    let mut command = command_in(Path::new(ROOT));
    command.arg("endpoint").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The endpoint's process, as the one that drives it sees it.
struct Outside {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Outside {
    fn start(arguments: &[&str]) -> Outside {
        let mut child = spawn(arguments);
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Outside { child, input, output }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// Keys in the set; `None` if nobody answers.
fn keys(url: &str) -> Option<usize> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let body: Value = serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap();
    Some(body["keys"].as_array().unwrap().len())
}

#[test]
fn another_process_sees_the_key_sets_and_faults_of_the_scenario_at_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("served.toml");
    fs::write(&path, SCENARIO).unwrap();
    let mut outside = Outside::start(&[path.to_str().unwrap()]);
    let head = outside.line()["scenario"].take();
    let (url, audience) = (head["url"].as_str().unwrap(), &head["audience"]);
    assert_eq!((audience, &head["leeway_s"]), (&serde_json::json!(["billing-api"]), &30.0.into()));
    let mut arrivals = Vec::new();
    let ready = loop {
        match outside.line() {
            Value::Object(mut line) => arrivals.push(line.remove("arrival").unwrap()),
            other => break other,
        }
    };
    assert_eq!((ready, arrivals.len()), ("ready".into(), 30));
    for arrival in &arrivals {
        let due = if arrival["class"] == "valid" { "ACCEPT" } else { "JWT_UNKNOWN_KID" };
        assert_eq!(arrival["verdict"], due, "{arrival}");
        assert!(arrival["verdict_ms"].as_f64() >= arrival["at_ms"].as_f64(), "{arrival}");
    }
    assert!(head["adopted_ms"][0].as_f64() >= head["attempts_ms"][0].as_f64(), "{head}");

    let begin = unix_now().0 / 1_000_000 + 300;
    let mut input = outside.input.take().unwrap();
    writeln!(input, "{begin}").unwrap();
    let at = |ms: i128| {
        let gap = begin + ms - unix_now().0 / 1_000_000;
        sleep(Duration::from_millis(gap.try_into().unwrap_or(0)));
    };
    at(250);
    let before = keys(url).unwrap();
    at(750);
    assert_eq!(keys(url), Some(before + 1));
    at(1250);
    assert_eq!(keys(url), None);
    drop(input);
    for due in [250.0, 750.0] {
        let request = outside.line()["request"].take();
        let at = request["at_ms"].as_f64().unwrap();
        assert!((due..due + 200.0).contains(&at), "{request}: asked after {due} ms");
        let wall = request["unix_ms"].as_f64().unwrap() - begin as f64;
        assert!((at - wall).abs() < 20.0, "{request}: tick 0 was at {begin}");
        assert_eq!(request["line"], "GET /.well-known/jwks.json HTTP/1.1");
    }
    let served = outside.line()["served"].take();
    assert_eq!((&served["requests"], &served["connections"]), (&2.into(), &2.into()));
    assert!(outside.child.wait().unwrap().success());
}

/// What is refused, with exit code 2 and the remedy.
#[test]
fn what_another_process_cannot_be_told_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("served.toml");
    fs::write(&path, SCENARIO).unwrap();
    let path = path.to_str().unwrap();
    let rows: [(&[&str], &str, &str, &str); 10] = [
        (&["hot-path/accept"], "", "poisson", "a closed loop has no instants"),
        (&["rotation/evict-on-compromise"], "", "leave the event out", "its cache is its own"),
        (&["revocation/store-down"], "", "a [state] cannot reach", "so is its state"),
        (&["rotation"], "", "one scenario", "a family is several"),
        (&["nothing"], "", "jwtbench list", "there is none"),
        (&[path], "soon\n", "milliseconds since 1970", "no instant"),
        (&[path], "", "milliseconds since 1970", "nobody says when"),
        (&[path], "0\n", "is past by", "1970"),
        (&[path], "1795000000\n", "is past by", "seconds"),
        (&[path], "9795000000000000\n", "more than an hour ahead", "microseconds"),
    ];
    for (arguments, input, remedy, reason) in rows {
        let mut child = spawn(arguments);
        // One that refuses at once has closed its end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{reason}: {said}");
        assert!(said.contains(remedy), "{reason}: {said}");
    }
}
