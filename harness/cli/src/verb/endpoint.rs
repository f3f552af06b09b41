//! `endpoint`: serves the JWKS endpoint of a scenario to another process. It prints the tokens, the
//! instants at which to verify them, and our own verifier's verdicts in virtual time to compare
//! with.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal as _};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use clap::Args as ClapArgs;
use serde::Serialize;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::judge::judgement::{Operation, spell};
use jwtbench_engine::jwks::key_source::{FetchNote, FetchStep};
use jwtbench_engine::real::clock::unix_now;
use jwtbench_engine::real::serving::ArrivedRequest;
use jwtbench_engine::session::Session;
use jwtbench_report::shown;
use jwtbench_scenario::model::event::{Action, Event};
use jwtbench_scenario::model::place::{StreamPlace, TokenPlace};
use jwtbench_scenario::plan::{Arrival, Plan};
use jwtbench_scenario::{Arrivals, Scenario};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::ring::Ring;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use crate::flag::SEED;
use crate::flag::filter::algorithm;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::{Replacement, tell_dropped};
use crate::output::{is_unheard, print, unheard};
use crate::{Exit, Failure};

/// Serve a scenario's JWKS endpoint in real time to a verifier in another process.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "\
    Prints JSON, one object a line: `scenario` (where the key set is, what good tokens are), an\n\
    `arrival` for each token with the verdict and its time under the scenario's cache policy in\n\
    virtual time, and `ready`. Then it reads one line, the instant of tick 0 in milliseconds\n\
    since 1970 (to come, within the hour), plays the scenario, and waits for the end of its\n\
    input. Behind `ready` it prints a `request` for each one that came, with its time, and at\n\
    the end `served`. It ends early once one of its lines cannot be printed.\n\n\
    The tokens are signed by keys that are made from the seed. Do not keep them.")]
pub struct Args {
    /// The scenario: a name, or the path of a .toml file
    scenario: String,
    #[command(flatten)]
    origin: OriginArgs,
    /// The algorithm of the tokens
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm, default_value = "ES256")]
    algorithm: Algorithm,
    /// A cache policy in place of the scenario's whole [cache]: a preset, or a file of your own
    #[arg(long, value_name = "NAME|FILE")]
    cache_policy: Option<String>,
    /// Seed of keys, tokens, arrivals and latencies
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Port of the endpoint; any free one if none is named
    #[arg(long)]
    port: Option<u16>,
}

/// The most milliseconds that tick 0 may lie ahead. A larger value suggests that the input is not
/// in milliseconds.
const MAX_LEAD_MS: i128 = 3_600_000;

/// A line of output.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum EndpointLine<'a> {
    Scenario {
        name: &'a str,
        cache_policy: &'a str,
        url: &'a str,
        issuer: &'a str,
        audience: &'a [String],
        algorithm: &'a str,
        leeway_s: f64,
        /// Tick 0 of the claims, in milliseconds since 1970.
        epoch_ms: i64,
        duration_ms: f64,
        phases: Vec<PhaseLine<'a>>,
        /// The starts of our verifier's fetch attempts, in virtual time.
        attempts_ms: Vec<f64>,
        /// The instants at which our verifier adopted a key set, in virtual time.
        adopted_ms: Vec<f64>,
        /// The instants at which an attempt failed, in virtual time.
        failed_ms: Vec<f64>,
    },
    Arrival {
        at_ms: f64,
        stream: &'a str,
        phase: &'a str,
        class: &'a str,
        token: &'a str,
        /// The verdict in virtual time; `None` if it never came.
        verdict: Option<&'static str>,
        verdict_ms: Option<f64>,
    },
    Ready,
    Request {
        /// The request's time on the scenario clock; `None` before tick 0 is known.
        at_ms: Option<f64>,
        /// The request's time in milliseconds since 1970.
        unix_ms: f64,
        /// The first line of the request.
        line: &'a str,
    },
    Served {
        connections: u64,
        requests: u64,
    },
}

#[derive(Serialize)]
struct PhaseLine<'a> {
    name: &'a str,
    at_ms: f64,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    if io::stdout().is_terminal() {
        let message = "endpoint writes tokens, for another program to read; pipe its output";
        return Err(Failure::Usage(message.into()));
    }
    let library = args.origin.library(false)?;
    let mut scenarios = library.select(std::slice::from_ref(&args.scenario))?;
    let cache_policy = args.cache_policy.as_deref();
    let replacement = Replacement::read(cache_policy, None, &library.presets())?;
    let scenario = replacement.onto(scenarios.remove(0))?;
    check(&scenario, scenarios.len())?;
    tell_dropped(std::iter::once(&scenario));
    let scenario = scenario.single_worker().without_warmup();
    // There is no stop flag: signals end this process in the usual way.
    let never = AtomicBool::new(false);
    let session = Session::new(args.seed, &never, &()).at_port(args.port);
    let plan = session.plan(&scenario, args.algorithm)?;
    let (operations, fetches) = session.foresee(&plan, ContenderSpec::Core(&Ring))?;
    let (came, requests) = mpsc::channel();
    let end = came.clone();
    // A request is dropped once nothing is printed any more.
    let tell = move |request| drop(came.send(EndpointNotice::Request(request)));
    let serving = session.serve(&plan, tell).map_err(|error| Failure::Usage(error.to_string()))?;
    show(&head(&plan, &serving.url(), &fetches))?;
    for line in arrivals(&plan, &operations) {
        show(&line)?;
    }
    show(&EndpointLine::Ready)?;
    if is_unheard() {
        // No reader is left to verify anything; the exit code says why.
        return Ok(Exit::Passed);
    }
    let printer = thread::spawn(move || show_requests(&requests));
    serving.follow(begin(&mut io::stdin().lock())?, unheard())?;
    // The other process may continue until it closes the input or stops reading.
    thread::spawn(move || {
        let ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
        _ = end.send(EndpointNotice::InputEnded(ended.map(|_| ())));
    });
    printer.join().map_err(|_| Failure::Error("the printer of requests has died".into()))??;
    let counts = serving.counts();
    show(&EndpointLine::Served { connections: counts.connections, requests: counts.served })?;
    Ok(Exit::Passed)
}

/// Checks that one scenario was named, that it is an open loop, and that no event of it affects
/// only our own key cache.
fn check(scenario: &Scenario, others: usize) -> Result<(), Failure> {
    let name = &scenario.name;
    let fault = |message: &str| Err(Failure::Usage(format!("{name}: {message}")));
    if others > 0 {
        return fault("and others were named; endpoint serves one scenario");
    }
    if scenario.load.arrivals == Arrivals::Closed {
        return fault("a closed loop has no instants; use arrivals = \"poisson\"");
    }
    if scenario.state.is_some() {
        return fault("a [state] cannot reach another process; leave it out");
    }
    let evicts = |event: &&Event| matches!(event.action, Action::Evict(_));
    match scenario.events.iter().find(evicts) {
        Some(event) => fault(&format!(
            "`{}` cannot reach another process; leave the event out",
            event.action.label()
        )),
        None => Ok(()),
    }
}

fn head<'a>(plan: &'a Plan, url: &'a str, fetches: &[FetchNote]) -> EndpointLine<'a> {
    let scenario = &plan.scenario;
    let times = |is_of: fn(FetchStep) -> bool| -> Vec<f64> {
        let notes = fetches.iter().filter(|note| is_of(note.step));
        notes.map(|note| milliseconds(note.at)).collect()
    };
    let phases = scenario.phases.iter();
    EndpointLine::Scenario {
        name: &scenario.name,
        cache_policy: &scenario.cache.name,
        url,
        issuer: &scenario.policy.issuer,
        audience: &scenario.policy.audience,
        algorithm: plan.algorithm.name(),
        leeway_s: scenario.leeway().as_secs_f64(),
        epoch_ms: i64::try_from(plan.epoch.0 / 1_000_000).unwrap_or(i64::MAX),
        duration_ms: scenario.load.duration.as_secs_f64() * 1e3,
        phases: phases
            .map(|phase| PhaseLine { name: &phase.name, at_ms: phase.at.as_secs_f64() * 1e3 })
            .collect(),
        attempts_ms: times(|step| step == FetchStep::Started),
        adopted_ms: times(|step| step == FetchStep::Succeeded),
        failed_ms: times(|step| matches!(step, FetchStep::Failed(_))),
    }
}

/// The arrivals in order, each with its outcome in virtual time.
fn arrivals<'a>(plan: &'a Plan, operations: &[Operation]) -> Vec<EndpointLine<'a>> {
    let ended: BTreeMap<(Tick, StreamPlace, TokenPlace), &Operation> = operations
        .iter()
        .map(|operation| ((operation.intended, operation.stream, operation.token), operation))
        .collect();
    let scenario = &plan.scenario;
    let line = |arrival: &Arrival| {
        let operation = ended.get(&(arrival.at, arrival.stream, arrival.token));
        let token = &plan.corpus.tokens[arrival.token.index()];
        let phase = if arrival.phase.is_warmup() { 0 } else { arrival.phase.index() };
        EndpointLine::Arrival {
            at_ms: milliseconds(arrival.at),
            stream: &scenario.streams[arrival.stream.index()].name,
            phase: &scenario.phases[phase].name,
            class: token.class.name(),
            token: std::str::from_utf8(&token.bytes).unwrap_or_default(),
            verdict: operation.map(|operation| spell(operation.verdict.code)),
            verdict_ms: operation.map(|operation| milliseconds(operation.end)),
        }
    };
    plan.schedules.iter().flatten().map(line).collect()
}

fn milliseconds(at: Tick) -> f64 {
    at.0 as f64 / 1e6
}

fn show(line: &EndpointLine<'_>) -> Result<(), Failure> {
    let json = serde_json::to_string(line)
        .map_err(|error| Failure::Error(format!("cannot encode a line: {error}")))?;
    print(&(shown::json(&json) + "\n"));
    Ok(())
}

/// Reads the instant of tick 0 from the first line of the input.
fn begin(input: &mut impl BufRead) -> Result<UnixTime, Failure> {
    let mut line = String::new();
    input
        .read_line(&mut line)
        .map_err(|error| Failure::Error(format!("cannot read the input: {error}")))?;
    let fault = || {
        let message = "the first line of the input is no instant; write milliseconds since 1970";
        Failure::Usage(message.into())
    };
    let milliseconds: i64 = line.trim().parse().map_err(|_| fault())?;
    let lead = i128::from(milliseconds) - unix_now().0 / 1_000_000;
    let refused = |what: &str| {
        Err(Failure::Usage(format!(
            "the instant of tick 0, {milliseconds}, {what}; write milliseconds since 1970, of a \
             moment to come"
        )))
    };
    match lead {
        ..0 => refused(&format!("is past by {} ms", -lead)),
        0..=MAX_LEAD_MS => Ok(UnixTime(i128::from(milliseconds) * 1_000_000)),
        _ => refused("is more than an hour ahead"),
    }
}

/// A message to the printer of requests.
enum EndpointNotice {
    Request(ArrivedRequest),
    /// The other process has closed the input, or the input cannot be read.
    InputEnded(io::Result<()>),
}

/// Prints a line for each request, until the input ends or the lines cannot be printed.
fn show_requests(notices: &Receiver<EndpointNotice>) -> Result<(), Failure> {
    while let Ok(notice) = notices.recv() {
        match notice {
            EndpointNotice::Request(ArrivedRequest { at, wall, line }) => {
                let unix_ms = wall.0 as f64 / 1e6;
                let at_ms = at.map(milliseconds);
                show(&EndpointLine::Request { at_ms, unix_ms, line: &line })?;
            }
            EndpointNotice::InputEnded(ended) => {
                return ended
                    .map_err(|error| Failure::Error(format!("cannot read the input: {error}")));
            }
        }
        if is_unheard() {
            return Ok(());
        }
    }
    Ok(())
}
