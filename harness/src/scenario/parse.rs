//! From the text of a scenario file to a checked [`Scenario`]. Every fault names file, line, key
//! and remedy.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use toml::Spanned;

use super::class::Class;
use super::endpoint::{EndpointSetting, Fault};
use super::event::{Action, Event, Poison};
use super::expectation::{Expectation, Names};
use super::issuer::FIRST_KEY;
use super::wire::{
    WireArrivals, WireEndpoint, WireEvent, WireExpect, WireFault, WireLoad, WirePhase,
    WireScenario, WireStream,
};
use super::{Arrivals, IssuerSpec, Load, Phase, Scenario, Stream, StreamSetting};

/// Default of `holders`.
const HOLDERS: u32 = 64;
/// Default of `token-lifetime`.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// A fault in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where one is known.
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

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

type Checked<T> = Result<T, ScenarioError>;

impl File<'_> {
    fn fault<T>(&self, at: Option<Range<usize>>, message: impl Into<String>) -> Checked<T> {
        let line = at.map(|span| {
            self.text[..span.start.min(self.text.len())]
                .matches('\n')
                .count()
                + 1
        });
        Err(ScenarioError {
            path: self.path.into(),
            line,
            message: message.into(),
        })
    }
}

impl Scenario {
    /// Reads a scenario. `presets` is the folder of the cache policies.
    ///
    /// # Errors
    /// The first fault, with file, line, key and remedy.
    pub fn parse(path: &Path, text: &str, presets: &Path) -> Checked<Scenario> {
        let file = File { path, text };
        let mut wire: WireScenario = match toml::from_str(text) {
            Ok(wire) => wire,
            Err(error) => return file.fault(error.span(), error.message()),
        };
        let (family, name) = name(path);
        let load = load(&file, &wire.load)?;
        let algorithms = algorithms(&file, wire.algorithms.take())?;
        let policy = std::mem::take(&mut wire.policy)
            .resolve()
            .or_else(|m| file.fault(None, m))?;
        let cache = std::mem::take(&mut wire.cache).resolve(presets);
        let cache = cache.or_else(|message| file.fault(None, format!("[cache]: {message}")))?;
        let endpoint = endpoint(&file, None, &wire.endpoint, EndpointSetting::default())?;
        let phases = phases(&file, &wire.phase, &endpoint, &load)?;
        let streams = streams(&file, &wire, &load, &policy)?;
        let events = events(&file, &wire.event, &load, &streams)?;
        check_closed(&file, &load, &phases, &events)?;
        let expectations = expectations(&file, &wire.expect, &phases, &streams)?;
        let lifetime = wire
            .issuer
            .token_lifetime
            .map_or(TOKEN_LIFETIME, |span| span.0);
        if lifetime < Duration::from_secs(1) {
            return file.fault(
                None,
                "[issuer] token-lifetime is under 1s; claims count in seconds",
            );
        }
        let revoked = wire.issuer.revoked.unwrap_or(0);
        if revoked > 20_000_000 {
            return file.fault(None, "[issuer] revoked is over 20 million");
        }
        Ok(Scenario {
            name,
            family,
            path: path.into(),
            text: text.into(),
            title: wire.title,
            analysis: wire.analysis.trim().into(),
            canonical: wire.canonical,
            algorithms,
            issuer: IssuerSpec {
                token_lifetime: lifetime,
                revoked,
            },
            policy,
            load,
            streams,
            cache,
            phases,
            events,
            expectations,
        })
    }
}

fn name(path: &Path) -> (String, String) {
    let part = |part: Option<&std::ffi::OsStr>| {
        part.map_or_else(
            || "user".to_owned(),
            |part| part.to_string_lossy().into_owned(),
        )
    };
    let family = part(path.parent().and_then(Path::file_name));
    let name = format!("{family}/{}", part(path.file_stem()));
    (family, name)
}

fn algorithms(file: &File<'_>, given: Option<Spanned<Vec<Algorithm>>>) -> Checked<Vec<Algorithm>> {
    match given {
        None => Ok(vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]),
        Some(list) if list.get_ref().is_empty() => file.fault(
            Some(list.span()),
            "`algorithms` is empty; name at least one",
        ),
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
    };
    let load = Load {
        arrivals,
        workers: given.workers.unwrap_or(1),
        warmup: given
            .warmup
            .map_or(Duration::from_millis(20), |span| span.0),
        duration: given.duration.0,
        rounds: given.rounds.unwrap_or(1),
        deadline: given.deadline.map_or(Duration::from_secs(1), |span| span.0),
    };
    if load.duration.is_zero() || load.duration > Duration::from_secs(86_400) {
        return fault("`duration` is zero or over a day");
    }
    if load.workers == 0 || load.workers > 1024 {
        return fault("`workers` is not between 1 and 1024");
    }
    if load.rounds == 0 || load.rounds > 1000 {
        return fault("`rounds` is not between 1 and 1000");
    }
    Ok(load)
}

fn endpoint(
    file: &File<'_>,
    span: Option<Range<usize>>,
    wire: &WireEndpoint,
    base: EndpointSetting,
) -> Checked<EndpointSetting> {
    let fault = match &wire.fault {
        None => base.fault,
        Some(WireFault::None) => Fault::None,
        Some(WireFault::Refused) => Fault::Refused,
        Some(WireFault::Silent) => Fault::Silent,
        Some(WireFault::Reset) => Fault::Reset,
        Some(WireFault::Truncated) => Fault::Truncated,
        Some(WireFault::MalformedJson) => Fault::MalformedJson,
        Some(WireFault::Html) => Fault::Html,
        Some(WireFault::EmptyKeys) => Fault::EmptyKeys,
        Some(WireFault::Redirect) => Fault::Redirect,
        Some(WireFault::HugeBody) => Fault::HugeBody { bytes: 50_000_000 },
        Some(WireFault::SlowDrip(drip)) => Fault::SlowDrip {
            interval: drip.slow_drip.0,
        },
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
    Ok(EndpointSetting {
        latency,
        jitter,
        fault,
    })
}

fn phases(
    file: &File<'_>,
    wire: &[Spanned<WirePhase>],
    base: &EndpointSetting,
    load: &Load,
) -> Checked<Vec<Phase>> {
    let start = Phase {
        name: "start".into(),
        at: Duration::ZERO,
        endpoint: base.clone(),
    };
    let mut phases = vec![start];
    for given in wire {
        let span = given.span();
        let phase = given.get_ref();
        let fault = |message: String| file.fault(Some(given.span()), message);
        if phases.iter().any(|known| known.name == phase.name) || phase.name == "all" {
            return fault(format!(
                "phase name `{}` is taken; choose another",
                phase.name
            ));
        }
        if phase.name.is_empty() || phase.name.contains('.') {
            return fault("a phase name is not empty and holds no dot".into());
        }
        let last = phases.last().map_or(Duration::ZERO, |phase| phase.at);
        if phase.at.0 <= last {
            return fault(format!(
                "phase `{}` does not begin after the one before",
                phase.name
            ));
        }
        if phase.at.0 >= load.duration {
            return fault(format!(
                "phase `{}` begins after the end of the scenario",
                phase.name
            ));
        }
        let endpoint = match &phase.endpoint {
            Some(wire) => endpoint(file, Some(span), wire, base.clone())?,
            None => base.clone(),
        };
        phases.push(Phase {
            name: phase.name.clone(),
            at: phase.at.0,
            endpoint,
        });
    }
    Ok(phases)
}

fn streams(
    file: &File<'_>,
    wire: &WireScenario,
    load: &Load,
    policy: &PolicySpec,
) -> Checked<Vec<Stream>> {
    let mut streams: Vec<Stream> = Vec::new();
    let setting =
        |span: Range<usize>, rate: Option<f64>, tokens: Option<&BTreeMap<String, f64>>| {
            stream_setting(file, span, rate, tokens, load, policy)
        };
    for given in &wire.stream {
        let stream: &WireStream = given.get_ref();
        let known = ["all", "endpoint"].contains(&stream.name.as_str())
            || streams.iter().any(|known| known.name == stream.name);
        if known || stream.name.is_empty() || stream.name.contains('.') {
            let message = format!("stream name `{}` is taken or not allowed", stream.name);
            return file.fault(Some(given.span()), message);
        }
        let holders = stream.holders.unwrap_or(HOLDERS);
        if holders == 0 || holders > 1_000_000 {
            return file.fault(Some(given.span()), "`holders` is not between 1 and 1000000");
        }
        let base = setting(given.span(), stream.rate, stream.tokens.as_ref())?;
        let settings = vec![base; wire.phase.len() + 1];
        streams.push(Stream {
            name: stream.name.clone(),
            holders,
            settings,
        });
    }
    for (index, phase) in wire.phase.iter().enumerate() {
        for (name, given) in &phase.get_ref().streams {
            let place = streams.iter().position(|stream| stream.name == *name);
            let place = place.unwrap_or_else(|| {
                let settings = vec![StreamSetting::default(); wire.phase.len() + 1];
                streams.push(Stream {
                    name: name.clone(),
                    holders: HOLDERS,
                    settings,
                });
                streams.len() - 1
            });
            let base = &streams[place].settings[0];
            let silent = given.rate == Some(0.0);
            let rate = given.rate.or(Some(base.rate).filter(|rate| *rate > 0.0));
            let mut setting = match &given.tokens {
                _ if silent => StreamSetting::default(),
                Some(tokens) => setting(phase.span(), rate, Some(tokens))?,
                None => StreamSetting {
                    rate: rate.unwrap_or(0.0),
                    shares: base.shares.clone(),
                },
            };
            if !silent && setting.shares.is_empty() {
                let message = format!("stream `{name}` has no `tokens` here and none elsewhere");
                return file.fault(Some(phase.span()), message);
            }
            std::mem::swap(&mut streams[place].settings[index + 1], &mut setting);
        }
    }
    if streams.is_empty() {
        return file.fault(None, "no [[stream]]; a scenario has at least one");
    }
    Ok(streams)
}

fn stream_setting(
    file: &File<'_>,
    span: Range<usize>,
    rate: Option<f64>,
    tokens: Option<&BTreeMap<String, f64>>,
    load: &Load,
    policy: &PolicySpec,
) -> Checked<StreamSetting> {
    let fault = |message: String| file.fault(Some(span.clone()), message);
    let Some(tokens) = tokens else {
        return fault("a stream needs `tokens`, such as { valid = 100 }".into());
    };
    let rate = match (load.arrivals, rate) {
        (Arrivals::Closed, None) => 0.0,
        (Arrivals::Closed, Some(_)) => {
            return fault("a closed loop has no `rate`; remove it, or choose poisson".into());
        }
        (_, Some(rate)) if rate > 0.0 && rate <= 10e6 => rate,
        (_, Some(rate)) => {
            return fault(format!(
                "`rate` = {rate} is not above 0 and at most 10 million"
            ));
        }
        (_, None) => return fault("an open loop needs a `rate` per second".into()),
    };
    let mut shares = Vec::new();
    for (name, share) in tokens {
        let Some(class) = Class::find(name) else {
            return fault(format!(
                "unknown token class `{name}`; `jwtbench list` shows them"
            ));
        };
        if share.is_nan() || *share <= 0.0 {
            return fault(format!("the share of `{name}` is not above 0"));
        }
        if let Err(remedy) = class.row().need.check(policy) {
            return fault(format!(
                "class `{name}` means nothing unless [policy] has {remedy}"
            ));
        }
        shares.push((class, *share));
    }
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if (sum - 100.0).abs() > 1e-6 {
        return fault(format!("the shares of `tokens` sum to {sum}, not to 100"));
    }
    shares.sort_by_key(|(class, _)| *class);
    Ok(StreamSetting { rate, shares })
}

fn events(
    file: &File<'_>,
    wire: &[Spanned<WireEvent>],
    load: &Load,
    streams: &[Stream],
) -> Checked<Vec<Event>> {
    let mut events = Vec::new();
    for given in wire {
        let span = Some(given.span());
        let event = given.get_ref();
        let action = action(file, given, streams)?;
        let times = event.times.unwrap_or(1);
        let every = event.every.map_or(Duration::ZERO, |every| every.0);
        if times == 0 || times > 1000 || (times > 1 && every.is_zero()) {
            return file.fault(
                span,
                "`times` is 1 to 1000, with `every` above zero if over 1",
            );
        }
        let last = event.at.0 + every * (times - 1);
        if last >= load.duration {
            return file.fault(span, "the event happens after the end of the scenario");
        }
        for turn in 0..times {
            events.push(Event {
                at: event.at.0 + every * turn,
                action: action.clone(),
            });
        }
    }
    events.sort_by_key(|event| event.at);
    check_keys(file, &events)?;
    Ok(events)
}

fn action(file: &File<'_>, given: &Spanned<WireEvent>, streams: &[Stream]) -> Checked<Action> {
    let fault = |message: String| file.fault(Some(given.span()), message);
    let event = given.get_ref();
    let mut actions: Vec<Action> = Vec::new();
    if let Some(label) = event.publish_key.clone() {
        actions.push(Action::PublishKey {
            label,
            kid_of: event.kid_of.clone(),
        });
    } else if event.kid_of.is_some() {
        return fault("`kid-of` goes with `publish-key`".into());
    }
    actions.extend(event.sign_with.clone().map(Action::SignWith));
    actions.extend(event.withdraw_key.clone().map(Action::WithdrawKey));
    actions.extend(event.evict.clone().map(Action::Evict));
    if let Some(names) = &event.publish_set {
        let find = |name: &String| Poison::ALL.into_iter().find(|poison| poison.name() == name);
        let Some(poison) = names.iter().map(find).collect() else {
            let known = Poison::ALL.map(Poison::name).join(", ");
            return fault(format!("unknown entry in `publish-set`; known: {known}"));
        };
        actions.push(Action::PublishSet(poison));
    }
    if let Some(revoke) = &event.revoke_tokens {
        let stream = revoke.stream.clone();
        let is_known = |name: &String| streams.iter().any(|stream| stream.name == *name);
        if !stream.iter().all(is_known) {
            return fault("`revoke-tokens` names a stream that does not exist".into());
        }
        let share = revoke.share.unwrap_or(100.0);
        if !(0.0..=100.0).contains(&share) {
            return fault("`share` is a percentage: 0 to 100".into());
        }
        let others = revoke.others.unwrap_or(0);
        if others > 10_000_000 || (others == 0 && stream.is_none()) {
            return fault(
                "`revoke-tokens` needs a `stream` or `others` (at most 10 million)".into(),
            );
        }
        actions.push(Action::RevokeTokens {
            stream,
            share,
            others,
        });
    }
    match actions.len() {
        1 => Ok(actions.remove(0)),
        _ => fault(
            "an event does exactly one of publish-key, sign-with, withdraw-key, revoke-tokens, \
             publish-set, evict"
                .into(),
        ),
    }
}

/// Keys are published before they sign or go.
fn check_keys(file: &File<'_>, events: &[Event]) -> Checked<()> {
    let mut published = vec![FIRST_KEY.to_owned()];
    let mut seen = published.clone();
    for event in events {
        let at = humantime::format_duration(event.at);
        match &event.action {
            Action::PublishKey { label, kid_of } => {
                if let Some(other) = kid_of.as_ref().filter(|other| !seen.contains(other)) {
                    return file.fault(None, format!("kid-of = \"{other}\" at {at}: no such key"));
                }
                published.push(label.clone());
                seen.push(label.clone());
            }
            Action::WithdrawKey(label) => {
                if !published.contains(label) {
                    let message = format!("withdraw-key = \"{label}\" at {at}: not published");
                    return file.fault(None, message);
                }
                published.retain(|known| known != label);
            }
            Action::SignWith(label) | Action::Evict(label) if !seen.contains(label) => {
                let message = format!("key \"{label}\" at {at}: never published before");
                return file.fault(None, message);
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_closed(file: &File<'_>, load: &Load, phases: &[Phase], events: &[Event]) -> Checked<()> {
    let is_closed = load.arrivals == Arrivals::Closed;
    if is_closed && (phases.len() > 1 || !events.is_empty()) {
        let message = "a closed loop has no [[phase]] and no [[event]]: its operations have no \
                       instants to tell before from after; choose constant or poisson";
        return file.fault(None, message);
    }
    Ok(())
}

fn expectations(
    file: &File<'_>,
    wire: &BTreeMap<Spanned<String>, WireExpect>,
    phases: &[Phase],
    streams: &[Stream],
) -> Checked<Vec<Expectation>> {
    let phases: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
    let streams: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let names = Names {
        phases: &phases,
        streams: &streams,
    };
    let mut expectations = Vec::new();
    for (key, given) in wire {
        let name = key.get_ref();
        let mut parse = |policy: &str, key_text: &str, bound: &str| {
            match Expectation::parse(policy, key_text, bound, &names) {
                Ok(expectation) => expectations.push(expectation),
                Err(error) => {
                    return file.fault(Some(key.span()), format!("[expect] `{key_text}`: {error}"));
                }
            }
            Ok(())
        };
        match given {
            WireExpect::Bound(bound) => parse("default", name, bound)?,
            WireExpect::Policy(bounds) => {
                for (key_text, bound) in bounds {
                    parse(name, key_text, bound)?;
                }
            }
        }
    }
    Ok(expectations)
}
