//! The user's own fleet, in the few numbers by which a revocation strategy is chosen. They make a
//! scenario of family `state`: the store works, refuses connections for a while, and works again.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::format::bounded_file;
use crate::format::cache::Presets;
use crate::format::wire::{Span, WirePrices};
use crate::model::scenario::MAX_INSTANCES;
use crate::{Scenario, ScenarioError};

use super::parse::{Checked, File};

/// The time before the outage, and the time after it in which tokens are still revoked.
const BEFORE: Duration = Duration::from_mins(10);
const AFTER: Duration = Duration::from_mins(1);
/// The leeway of verifiers, and a little more.
const LEEWAY: Duration = Duration::from_mins(1);
/// The longest scenario.
const LONGEST: Duration = Duration::from_hours(24);

/// The tokens and arrivals of one draw that a simulation of all strategies takes in minutes, and
/// the most that it takes.
const USUAL: SampleSize = SampleSize { tokens: 20_000.0, arrivals: 200_000.0 };
const MOST: SampleSize = SampleSize { tokens: 35_000.0, arrivals: 3_000_000.0 };
/// The least holders and revocations that are drawn, if there are as many.
const LEAST: f64 = 20.0;

/// The size of one draw.
struct SampleSize {
    tokens: f64,
    arrivals: f64,
}

/// The text of a fleet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireFleet {
    instances: u32,
    requests_per_second: f64,
    tokens: u32,
    token_lifetime: Span,
    revocations_per_second: f64,
    outage: Option<Span>,
    store_latency: Option<Span>,
    store_capacity: Option<f64>,
    propagation: Option<Span>,
    prices: Option<WirePrices>,
}

/// A fleet whose numbers are in range.
struct FleetSpec {
    wire: WireFleet,
    outage: Duration,
    /// The instant from which nothing is revoked any more.
    until: Duration,
    duration: Duration,
    sample: f64,
}

/// The scenario of the fleet in a file. Its name is `state/` and the stem of the file.
///
/// # Errors
/// If the file cannot be read, or its first fault, with its key and remedy.
pub fn read(path: &Path, presets: &Presets) -> Result<Scenario, ScenarioError> {
    let fault = |message| ScenarioError { path: path.into(), line: None, message };
    let text = bounded_file::read_to_string(path, bounded_file::POLICY).map_err(|error| {
        fault(format!("cannot be read ({error}); name a fleet of your own, in TOML"))
    })?;
    parse(path, &text, presets)
}

/// Parses the text of the fleet at `path`.
///
/// # Errors
/// Its first fault, with its key and remedy.
pub fn parse(path: &Path, text: &str, presets: &Presets) -> Result<Scenario, ScenarioError> {
    let file = File { path, text };
    let wire: WireFleet = match toml::from_str(text) {
        Ok(wire) => wire,
        Err(error) => return file.unreadable(&error, "leave it out"),
    };
    let fleet = check(&file, wire)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let scenario = Path::new("state").join(format!("{stem}.toml"));
    // What is left is of a key that both have, such as a price.
    Scenario::parse(&scenario, &fleet.scenario(), presets)
        .or_else(|error| file.fault(None, error.message))
}

/// Checks the numbers, and finds how much of the fleet is drawn.
fn check(file: &File<'_>, wire: WireFleet) -> Checked<FleetSpec> {
    let fault = |message: String| file.fault(None, message);
    let most_revoked = f64::from(wire.tokens) / wire.token_lifetime.0.as_secs_f64().max(1.0);
    let is_rate = |rate: f64| (1e-3..=1e8).contains(&rate);
    if !(1..=MAX_INSTANCES).contains(&wire.instances) {
        return fault(format!("`instances` is 1 to {MAX_INSTANCES}"));
    } else if !is_rate(wire.requests_per_second) {
        return fault("`requests-per-second` is 0.001 to 100000000".into());
    } else if wire.tokens == 0 {
        return fault("`tokens` is how many are in use at a time, at least 1".into());
    } else if wire.token_lifetime.0 < Duration::from_secs(1) {
        return fault("`token-lifetime` is at least \"1s\"".into());
    } else if !(0.0..=most_revoked).contains(&wire.revocations_per_second) {
        return fault(format!(
            "`revocations-per-second` is 0 to {most_revoked:.3}, as {} tokens are issued in each \
             lifetime",
            wire.tokens
        ));
    }
    let outage = wire.outage.map_or(Duration::from_mins(10), |span| span.0);
    if outage.is_zero() {
        return fault(
            "`outage` is how long the store is away, above zero; \"10m\" is usual".into(),
        );
    }
    let until = BEFORE + outage + AFTER;
    let duration = until + wire.token_lifetime.0 + LEEWAY;
    if duration > LONGEST {
        return fault(
            "`outage` and `token-lifetime` together are over 23h48m; no simulation takes so \
             long, so that exposures would be cut off"
                .into(),
        );
    }
    let fleet = FleetSpec { wire, outage, until, duration, sample: 1.0 };
    match fleet.share() {
        Some(sample) => Ok(FleetSpec { sample, ..fleet }),
        None => fault(
            "each token comes so often that twenty of them are over 3 million arrivals; lower \
             `requests-per-second`, or raise `tokens`"
                .into(),
        ),
    }
}

impl FleetSpec {
    /// The share of the tokens that is drawn; `None` if even the least would be too many.
    fn share(&self) -> Option<f64> {
        let WireFleet { requests_per_second, revocations_per_second, .. } = self.wire;
        let tokens = f64::from(self.wire.tokens);
        let seconds = self.duration.as_secs_f64();
        let issued = tokens * (seconds / self.wire.token_lifetime.0.as_secs_f64() + 1.0);
        let arrivals = requests_per_second * seconds;
        let within =
            |draw: &SampleSize| (draw.tokens / issued).min(draw.arrivals / arrivals).min(1.0);
        let least = (LEAST / tokens).min(1.0);
        if least > within(&MOST) {
            return None;
        }
        let revoked = revocations_per_second * self.until.as_secs_f64();
        let for_revoked = if revoked > 0.0 { (LEAST / revoked).min(1.0) } else { 0.0 };
        Some(within(&USUAL).max(least).max(for_revoked.min(within(&MOST))))
    }

    /// The scenario as text, so that it can be kept, read and changed.
    fn scenario(&self) -> String {
        let FleetSpec { wire, outage, until, duration, sample } = self;
        let span = |span: Duration| humantime::format_duration(span).to_string();
        let or = |given: Option<Span>, usual: &str| given.map_or(usual.into(), |own| span(own.0));
        let WireFleet { instances, requests_per_second, tokens, .. } = wire;
        let revocations = wire.revocations_per_second;
        let (lifetime, back) = (span(wire.token_lifetime.0), span(BEFORE + *outage));
        let latency = or(wire.store_latency, "1ms");
        let mut text = format!(
            "title = \"A fleet of its own: {instances} instances, {requests_per_second} requests \
             per second\"\n\
             analysis = '''\n\
             {tokens} tokens that live for {lifetime} are in use at a time, and {revocations} are \
             revoked per second.\n\
             For {} the store refuses connections. A share of {sample:.4} of the tokens is drawn.\n\
             '''\n\n\
             [issuer]\ntoken-lifetime = \"{lifetime}\"\n\n\
             [load]\narrivals = \"poisson\"\nduration = \"{}\"\ninstances = {instances}\n\n\
             [[stream]]\nname = \"users\"\nrate = {requests_per_second}\nholders = {tokens}\n\
             tokens = {{ valid = 100 }}\n\n\
             [state]\nstrategy = \"default\"\nrevocations = {revocations}\n\
             revocations-until = \"{}\"\nsample = {sample}\n",
            span(*outage),
            span(*duration),
            span(*until),
        );
        // Writing to a String cannot fail.
        if let Some(WirePrices { million_requests, gb_hour, least_gb }) = wire.prices {
            let _ = writeln!(
                text,
                "prices = {{ million-requests = {million_requests:?}, gb-hour = {gb_hour:?}, \
                 least-gb = {least_gb:?} }}"
            );
        }
        let propagation = or(wire.propagation, "5ms");
        let _ =
            write!(text, "\n[store]\nlatency = \"{latency}\"\npropagation = \"{propagation}\"\n");
        if let Some(capacity) = wire.store_capacity {
            let _ = writeln!(text, "capacity = {capacity:?}");
        }
        let _ = write!(
            text,
            "\n[[phase]]\nname = \"down\"\nat = \"{}\"\nstore = {{ fault = \"refused\" }}\n\n\
             [[phase]]\nname = \"back\"\nat = \"{back}\"\n\n\
             [expect]\n\"start.all.lockout.worst\" = \"== 0s\"\n",
            span(BEFORE),
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    const SMALL: &str = "instances = 10\nrequests-per-second = 1000\ntokens = 10000\n\
        token-lifetime = \"5m\"\nrevocations-per-second = 0.1\n";

    fn read(text: &str) -> Result<Scenario, ScenarioError> {
        let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
        parse(Path::new("ours.toml"), text, &library.presets())
    }

    #[test]
    fn a_fleet_becomes_a_scenario() {
        let scenario = read(SMALL).unwrap();
        assert_eq!(scenario.name, "state/ours");
        assert_eq!(scenario.load.duration, Duration::from_mins(27), "no exposure is cut off");
        assert_eq!(scenario.instances.count, 10);
        let state = scenario.state.as_ref().unwrap();
        assert!(state.sample > 0.1 && state.sample < 0.2, "{}", state.sample);
        assert!((state.revocations_per_s / state.sample - 0.1).abs() < 1e-9);
        assert_eq!(state.prices, None);
        let priced = format!("{SMALL}prices = {{ million-requests = 0.0023, gb-hour = 0.084 }}\n");
        let prices = read(&priced).unwrap().state.as_ref().and_then(|state| state.prices);
        assert_eq!(prices.map(|prices| prices.least_gb), Some(0.0));
    }

    #[test]
    fn few_tokens_and_few_revocations_are_drawn_whole() {
        let few = SMALL.replace("10000", "15").replace("1000\n", "1\n").replace("0.1", "0.01");
        let state = read(&few).unwrap().state.clone().unwrap();
        assert!((state.sample - 1.0).abs() < 1e-9, "{}", state.sample);
        let rare = SMALL.replace("= 0.1", "= 0.005");
        let state = read(&rare).unwrap().state.clone().unwrap();
        assert!(state.sample > 0.5, "seven revocations in all: {}", state.sample);
    }

    #[test]
    fn faults_of_a_fleet_are_named() {
        let rows = [
            ("instances = 10\n", "instances = 0\n", "`instances` is 1 to"),
            ("= 1000\n", "= -1\n", "`requests-per-second`"),
            ("tokens = 10000", "tokens = 0", "`tokens`"),
            ("\"5m\"", "\"0s\"", "`token-lifetime`"),
            ("= 0.1\n", "= 34\n", "0 to 33.333"),
            ("= 0.1\n", "= 0.1\noutage = \"0s\"\n", "`outage`"),
            ("= 0.1\n", "= 0.1\noutage = \"23h45m\"\n", "over 23h48m"),
            ("= 1000\n", "= 10000000\n", "raise `tokens`"),
            ("tokens = 10000\n", "tokens = 100\n", ""),
            ("instances = 10\n", "", "missing field `instances`"),
            ("instances = 10\n", "instances = 10\nnodes = 3\n", "unknown field `nodes`"),
            ("= 0.1\n", "= 0.1\nstore-capacity = 0.5\n", "`capacity`"),
            ("= 0.1\n", "= 0.1\nprices = { million-requests = -1, gb-hour = 1 }\n", "`prices`"),
        ];
        for (part, by, expected) in rows {
            let text = SMALL.replacen(part, by, 1);
            match read(&text) {
                Ok(_) => assert_eq!(expected, "", "{by} is taken"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.starts_with("ours.toml") && error.contains(expected), "{error}");
                    assert_ne!(expected, "", "{error}");
                }
            }
        }
    }
}
