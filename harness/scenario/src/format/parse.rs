//! The parser from the text of a scenario file to a checked [`Scenario`]. Every fault names the
//! file, line, key and remedy.

mod events;
mod expectations;
mod state;
mod streams;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use events::events;
use expectations::expectations;
use state::StateContext;
use streams::streams;
use toml::Spanned;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::proof::ProofPolicy;
use jwtbench_verifier::wall_clock::Skew;

use crate::format::cache::{CacheSpec, Presets, Start, WireCache};
use crate::format::overrides::Replaced;
use crate::format::policy::WirePolicy;
use crate::format::sweep::Sweep;
use crate::format::wire::{
    WireArrivals, WireEndpoint, WireFault, WireInstanceAges, WireIssuer, WireLoad, WirePhase,
    WireScenario,
};
use crate::issuer::signer::RSA_BITS;
use crate::model::endpoint::{EndpointSetting, Fault};
use crate::model::event::Event;
use crate::model::scenario::is_simulated;
use crate::model::state::{DataLoss, StoreSetting};
use crate::token::fit;
use crate::{
    Arrivals, InstanceAges, Instances, IssuerSpec, Load, MAX_DURATION, MAX_INSTANCES, MAX_ROUNDS,
    MAX_WORKERS, Phase, SIMULATED, Scenario, ScenarioParts,
};

/// The default of `holders`.
const HOLDERS: u32 = 64;
/// The default of `token-lifetime`.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
/// The message for a scenario's policy with `algorithms`. Each trial sets the allowlist itself.
const POLICY_ALGORITHMS: &str = "[policy] holds `algorithms`; a scenario names them at its top \
                                 level, and each trial allows only its own; move the key there";
const POLICY_PROOFS: &str = "[policy] says what a proof must be, and no token of a scenario has \
                             one; keep such keys for `jwtbench verify`";

/// A fault in a scenario file, or in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, if it is known.
    pub line: Option<usize>,
    /// The key, what is wrong with it, and the remedy.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ScenarioError {}

pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

pub(crate) type Checked<T> = Result<T, ScenarioError>;

impl File<'_> {
    pub(crate) fn fault<T>(
        &self,
        at: Option<Range<usize>>,
        message: impl Into<String>,
    ) -> Checked<T> {
        let line =
            at.map(|span| self.text[..span.start.min(self.text.len())].matches('\n').count() + 1);
        Err(ScenarioError { path: self.path.into(), line, message: message.into() })
    }

    /// The fault of a text that is not the TOML of a file of its own. It names the key; `remedy` is
    /// for a key that there is not.
    pub(crate) fn unreadable<T>(&self, error: &toml::de::Error, remedy: &str) -> Checked<T> {
        let message = error.message();
        if message.contains("unknown field") {
            return self.fault(error.span(), format!("{message}; {remedy}"));
        }
        match error.span().and_then(|span| key_at(self.text, span.start)) {
            Some(key) if !message.contains(key) => {
                self.fault(error.span(), format!("`{key}`: {message}"))
            }
            _ => self.fault(error.span(), message),
        }
    }
}

/// The key that is set in the line that contains byte `at`, if that line sets one.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let (key, _) = text[start..].lines().next()?.split_once('=')?;
    Some(key.trim())
}

impl Scenario {
    /// Parses the text of a scenario. Its `[cache]` table may name one of the presets.
    ///
    /// # Errors
    /// The first fault, with its file, line, key and remedy.
    pub fn parse(path: &Path, text: &str, presets: &Presets) -> Checked<Scenario> {
        let file = File { path, text };
        let mut wire: WireScenario = match toml::from_str(text) {
            Ok(wire) => wire,
            Err(error) => return file.fault(error.span(), error.message()),
        };
        let (family, name) = name(path);
        let load = load(&file, &wire.load)?;
        let algorithms = algorithms(&file, wire.algorithms.take())?;
        let policy = policy(&file, wire.policy.take())?;
        let cache = cache(&file, wire.cache.take(), presets, &family)?;
        let has_store = wire.store.is_some();
        let (at, table) = table_of(wire.endpoint.take());
        let endpoint = endpoint(&file, at, &table, EndpointSetting::default())?;
        let store = state::first(&file, wire.store.take())?;
        let phases = phases(&file, &wire.phase, (&endpoint, &store), &load)?;
        let mut streams = streams(&file, &wire, &load, &policy)?;
        let capacity_of = capacity_of(&file, wire.load.get_ref())?;
        let events = events(&file, &wire.event, &load, &streams, &phases, &family)?;
        check_closed(&file, &load, &phases, &events)?;
        fit::check_events(&events, &policy).or_else(|message| file.fault(None, message))?;
        let expectations = expectations(&file, &wire.expect, &phases, &streams)?;
        let issuer = issuer(&file, wire.issuer.take())?;
        let has_store = has_store || wire.phase.iter().any(|one| one.get_ref().store.is_some());
        let context = StateContext {
            family: &family,
            presets,
            issuer: &issuer,
            load: &load,
            events: &events,
            has_store,
        };
        let state = state::state(&file, wire.state.take(), &context, &mut streams)?;
        let lifetime = state.as_ref().and_then(|state| state.strategy.token_lifetime);
        let token_lifetime = lifetime.unwrap_or(issuer.token_lifetime);
        let issuer = IssuerSpec { token_lifetime, ..issuer };
        let sweep = sweep(&file, wire.sweep.take(), &family)?;
        let instances = instances(&file, &wire.load, &family)?;
        Ok(Scenario(ScenarioParts {
            name,
            family,
            path: path.into(),
            text: text.into(),
            title: wire.title,
            analysis: wire.analysis.trim().into(),
            canonical: wire.canonical,
            algorithms,
            issuer,
            policy,
            own_algorithms: false,
            load,
            instances,
            capacity_of,
            shed_after: shed_after(&file, &wire.load)?,
            streams,
            cache,
            state,
            replaced: Replaced::default(),
            phases,
            events,
            expectations,
            sweep,
        }))
    }
}

fn cache(
    file: &File<'_>,
    wire: Option<Spanned<WireCache>>,
    presets: &Presets,
    family: &str,
) -> Checked<CacheSpec> {
    let (at, table) = table_of(wire);
    let cache = table.resolve(presets);
    let cache = cache.or_else(|message| file.fault(at.clone(), format!("[cache]: {message}")))?;
    if is_simulated(family) && matches!(cache.start, Start::Age(_)) {
        let message =
            "[cache]: a simulation has caches of all ages; write start = \"warm\" or \"cold\"";
        return file.fault(at, message);
    }
    Ok(cache)
}

fn sweep(file: &File<'_>, wire: Option<Spanned<Vec<String>>>, family: &str) -> Checked<Vec<Sweep>> {
    let (at, texts) = table_of(wire);
    if !texts.is_empty() && family != SIMULATED {
        return file.fault(at, "`sweep` is for scenarios of family policy; leave it out");
    }
    if texts.len() > 2 {
        return file.fault(at, "`sweep` has more than two keys; leave at most two");
    }
    let sweeps: Result<Vec<Sweep>, String> = texts.iter().map(|text| text.parse()).collect();
    sweeps.or_else(|fault| file.fault(at, format!("sweep: {fault}")))
}

/// A table with its place in the file. A missing table has no place, and its keys have their
/// defaults.
fn table_of<T: Default>(wire: Option<Spanned<T>>) -> (Option<Range<usize>>, T) {
    match wire {
        Some(table) => (Some(table.span()), table.into_inner()),
        None => (None, T::default()),
    }
}

fn issuer(file: &File<'_>, wire: Option<Spanned<WireIssuer>>) -> Checked<IssuerSpec> {
    let (at, table) = table_of(wire);
    let rsa_bits = table.rsa_bits.unwrap_or(RSA_BITS);
    if ![2048, 3072, 4096].contains(&rsa_bits) {
        return file.fault(at, "[issuer] rsa-bits is none of 2048, 3072 and 4096; choose one");
    }
    let token_lifetime = table.token_lifetime.map_or(TOKEN_LIFETIME, |span| span.0);
    if token_lifetime < Duration::from_secs(1) {
        let message = "[issuer] token-lifetime is under 1s; claims count in seconds, so make it 1s";
        return file.fault(at, message);
    }
    Ok(IssuerSpec { rsa_bits, token_lifetime })
}

/// The policy of a scenario.
fn policy(file: &File<'_>, table: Option<Spanned<WirePolicy>>) -> Checked<PolicySpec> {
    let (at, table) = table_of(table);
    if table.has_algorithms() {
        return file.fault(at, POLICY_ALGORITHMS);
    }
    let policy = table.resolve().or_else(|fault| file.fault(at.clone(), fault.to_string()))?;
    if policy.proof != ProofPolicy::default() {
        return file.fault(at, POLICY_PROOFS);
    }
    fit::check_names(&policy).or_else(|message| file.fault(at, message))?;
    Ok(policy)
}

fn name(path: &Path) -> (String, String) {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map_or_else(|| "user".to_owned(), |part| part.to_string_lossy().into_owned())
    };
    let family = part(path.parent().and_then(Path::file_name));
    let name = format!("{family}/{}", part(path.file_stem()));
    (family, name)
}

fn algorithms(file: &File<'_>, given: Option<Spanned<Vec<Algorithm>>>) -> Checked<Vec<Algorithm>> {
    match given {
        None => Ok(vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]),
        Some(list) if list.get_ref().is_empty() => {
            file.fault(Some(list.span()), "`algorithms` is empty; name at least one")
        }
        Some(list) => Ok(list.into_inner()),
    }
}

fn load(file: &File<'_>, wire: &Spanned<WireLoad>) -> Checked<Load> {
    let given = wire.get_ref();
    let fault = |message: &str| file.fault(Some(wire.span()), format!("[load]: {message}"));
    let arrivals = match given.arrivals {
        WireArrivals::Closed => Arrivals::Closed,
        WireArrivals::Constant => Arrivals::Constant,
        WireArrivals::Poisson => Arrivals::Poisson,
        WireArrivals::Ramp => Arrivals::Ramp,
    };
    let load = Load {
        arrivals,
        workers: given.workers.unwrap_or(1),
        warmup: given.warmup.map_or(Duration::from_millis(20), |span| span.0),
        duration: given.duration.0,
        rounds: given.rounds.unwrap_or(1),
        deadline: given.deadline.map_or(Duration::from_secs(1), |span| span.0),
    };
    if load.duration.is_zero() || load.duration > MAX_DURATION {
        return fault("`duration` is zero or over a day; choose one in between");
    }
    if load.workers == 0 || load.workers > MAX_WORKERS {
        return fault("`workers` is not between 1 and 1024; one per core is usual");
    }
    if load.rounds == 0 || load.rounds > MAX_ROUNDS {
        return fault("`rounds` is not between 1 and 1000; 3 is usual");
    }
    Ok(load)
}

fn instances(file: &File<'_>, wire: &Spanned<WireLoad>, family: &str) -> Checked<Instances> {
    let fault = |message: &str| file.fault(Some(wire.span()), format!("[load]: {message}"));
    let given = wire.get_ref();
    if (given.instances.is_some() || given.instance_ages.is_some()) && !is_simulated(family) {
        return fault(
            "`instances` and `instance-ages` are for scenarios of family policy or state; leave \
             them out",
        );
    }
    let count = given.instances.unwrap_or(1);
    if !(1..=MAX_INSTANCES).contains(&count) {
        return fault("`instances` is not between 1 and 10000; 20 make a fleet");
    }
    let ages = match given.instance_ages {
        None | Some(WireInstanceAges::Same) => InstanceAges::Same,
        Some(WireInstanceAges::Spread) => InstanceAges::Spread,
    };
    Ok(Instances { count, ages })
}

fn capacity_of(file: &File<'_>, wire: &WireLoad) -> Checked<Option<String>> {
    let Some(name) = &wire.capacity_of else {
        return Ok(None);
    };
    let is_name = name.get_ref().split_once(':').is_some_and(|(kind, _)| !kind.is_empty());
    if !is_name || matches!(wire.arrivals, WireArrivals::Closed) {
        let message = "[load]: `capacity-of` names the contender that rates such as \"70%\" are \
                       shares of, such as \"core:aws-lc-rs\"; a closed loop has no rates";
        return file.fault(Some(name.span()), message);
    }
    Ok(Some(name.get_ref().clone()))
}

fn shed_after(file: &File<'_>, wire: &Spanned<WireLoad>) -> Checked<Option<Duration>> {
    let fault = |message: &str| file.fault(Some(wire.span()), format!("[load]: {message}"));
    match wire.get_ref().shed_after.as_ref().map(|span| span.0) {
        Some(after) if after.is_zero() => {
            fault("`shed-after` is zero; every start is later than that: choose 1ms or more")
        }
        Some(_) if matches!(wire.get_ref().arrivals, WireArrivals::Closed) => {
            fault("`shed-after` is of no use in a closed loop, where nothing is late; leave it out")
        }
        after => Ok(after),
    }
}

fn endpoint(
    file: &File<'_>,
    span: Option<Range<usize>>,
    wire: &WireEndpoint,
    base: EndpointSetting,
) -> Checked<EndpointSetting> {
    let fault = match &wire.fault {
        None => base.fault,
        Some(WireFault::Named(name)) => match named_fault(name) {
            Some(fault) => fault,
            None => {
                let known = NAMED_FAULTS.map(|(name, _)| name).join(", ");
                return file.fault(span, format!("unknown fault `{name}`; known: {known}"));
            }
        },
        Some(WireFault::SlowDrip(drip)) if drip.slow_drip.0.is_zero() => {
            return file.fault(span, "slow-drip is zero; give the time between two bytes");
        }
        Some(WireFault::SlowDrip(drip)) => Fault::SlowDrip { interval: drip.slow_drip.0 },
        Some(WireFault::Status(given)) => Fault::Status {
            status: given.status,
            retry_after: given.retry_after.map(|span| span.0),
        },
    };
    if let Fault::Status { status, .. } = fault
        && !(400..600).contains(&status)
    {
        return file.fault(span, format!("status {status} is no error; use 400 to 599"));
    }
    let latency = wire.latency.map_or(base.latency, |span| span.0);
    let jitter = wire.jitter.map_or(base.jitter, |span| span.0);
    if jitter > latency {
        return file.fault(span, "endpoint `jitter` is more than its `latency`");
    }
    let max_age = wire.max_age.map(|span| span.0).or(base.max_age);
    if max_age.is_some_and(|max_age| max_age.subsec_nanos() > 0) {
        return file.fault(span, "endpoint `max-age` is a header of whole seconds; round it");
    }
    Ok(EndpointSetting { latency, jitter, max_age, fault })
}

/// The faults of an endpoint that a name alone describes.
const NAMED_FAULTS: [(&str, Fault); 10] = [
    ("none", Fault::None),
    ("refused", Fault::Refused),
    ("silent", Fault::Silent),
    ("reset", Fault::Reset),
    ("truncated", Fault::Truncated),
    ("malformed-json", Fault::MalformedJson),
    ("html", Fault::Html),
    ("empty-keys", Fault::EmptyKeys),
    ("redirect", Fault::Redirect),
    ("huge-body", Fault::HugeBody { bytes: 50_000_000 }),
];

fn named_fault(name: &str) -> Option<Fault> {
    NAMED_FAULTS.into_iter().find(|(known, _)| *known == name).map(|(_, fault)| fault)
}

fn phases(
    file: &File<'_>,
    wire: &[Spanned<WirePhase>],
    (base, store): (&EndpointSetting, &StoreSetting),
    load: &Load,
) -> Checked<Vec<Phase>> {
    let start = Phase {
        name: "start".into(),
        at: Duration::ZERO,
        endpoint: base.clone(),
        skew: Skew::None,
        store: store.clone(),
    };
    let mut phases = vec![start];
    for given in wire {
        let span = given.span();
        let phase = given.get_ref();
        let fault = |message: String| file.fault(Some(given.span()), message);
        if phases.iter().any(|known| known.name == phase.name) || phase.name == "all" {
            return fault(format!("phase name `{}` is taken; choose another", phase.name));
        }
        if phase.name.is_empty() || phase.name.contains('.') {
            return fault("a phase name is not empty and holds no dot".into());
        }
        let last = phases.last().map_or(Duration::ZERO, |phase| phase.at);
        if phase.at.0 <= last {
            return fault(format!(
                "phase `{}` does not begin after the one before; phases stand in order of `at`",
                phase.name
            ));
        }
        if phase.at.0 >= load.duration {
            return fault(format!(
                "phase `{}` begins after the end of the scenario; raise `duration` or lower `at`",
                phase.name
            ));
        }
        let endpoint = match &phase.endpoint {
            Some(wire) => endpoint(file, Some(span.clone()), wire, base.clone())?,
            None => base.clone(),
        };
        let store = match &phase.store {
            Some(wire) => state::setting(file, Some(span), wire, store)?,
            // Data is lost once, when the phase begins that says so.
            None => StoreSetting { data_lost: DataLoss::None, ..store.clone() },
        };
        let skew = phase.clock_skew.map_or(Skew::None, |skew| skew.0);
        let (name, at) = (phase.name.clone(), phase.at.0);
        phases.push(Phase { name, at, endpoint, skew, store });
    }
    Ok(phases)
}

fn check_closed(file: &File<'_>, load: &Load, phases: &[Phase], events: &[Event]) -> Checked<()> {
    let is_closed = load.arrivals == Arrivals::Closed;
    if is_closed && (phases.len() > 1 || !events.is_empty()) {
        let message = "a closed loop has no [[phase]] and no [[event]]: its operations have no \
                       instants to tell before from after; choose constant, poisson or ramp";
        return file.fault(None, message);
    }
    Ok(())
}
