//! The load of a scenario as it was run, including the command line. A replay starts from it. It
//! knows no flag by its name.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::model::capacity::Rate;
use jwtbench_scenario::{Arrivals, Load, MAX_DURATION, MAX_ROUNDS, MAX_WORKERS, Scenario};

/// The load as it was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadRecord {
    /// The arrival process: `closed`, `constant`, `poisson` or `ramp`.
    pub arrivals: String,
    /// Workers, one thread each.
    pub workers: u32,
    /// Rounds per contender.
    pub rounds: u32,
    /// Time before the phases, in nanoseconds.
    pub warmup_ns: u64,
    /// Time that is measured per round, in nanoseconds.
    pub duration_ns: u64,
    /// When a good token's acceptance is late, in nanoseconds from its arrival.
    pub deadline_ns: u64,
    /// The rate of every stream in every phase.
    pub rates: Vec<RateRecord>,
}

/// The rate of one stream in one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateRecord {
    /// Stream name.
    pub stream: String,
    /// Phase name.
    pub phase: String,
    /// Arrivals per second, in decimal: a text, so that it is read back to the last bit. A share
    /// of a capacity reads `0.7 x capacity`.
    pub per_s: String,
    /// The same at the end of the phase, where it is another; null where it is not.
    pub to_per_s: Option<String>,
}

/// The arrival processes by name.
const ARRIVALS: [(&str, Arrivals); 4] = [
    ("closed", Arrivals::Closed),
    ("constant", Arrivals::Constant),
    ("poisson", Arrivals::Poisson),
    ("ramp", Arrivals::Ramp),
];
/// The suffix of a rate that is a share of a capacity.
const SHARE: &str = " x capacity";

fn spell(rate: Rate) -> String {
    rate.share.map_or_else(|| rate.per_s.to_string(), |share| format!("{share}{SHARE}"))
}

fn read(text: &str) -> Option<Rate> {
    let (number, is_share) = text.strip_suffix(SHARE).map_or((text, false), |share| (share, true));
    let number = number.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate >= 0.0)?;
    Some(if is_share { Rate::of_capacity(number) } else { Rate::per_second(number) })
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl LoadRecord {
    /// The load that a scenario has.
    pub fn of(scenario: &Scenario) -> LoadRecord {
        let load = &scenario.load;
        let name = |known: &&(&str, Arrivals)| known.1 == load.arrivals;
        let arrivals = ARRIVALS.iter().find(name).map_or("", |(name, _)| name);
        let rates = scenario.streams.iter().flat_map(|stream| {
            let settings = stream.settings.iter().zip(&scenario.phases);
            settings.map(|(setting, phase)| RateRecord {
                stream: stream.name.clone(),
                phase: phase.name.clone(),
                per_s: spell(setting.rate),
                to_per_s: (setting.rate_to != setting.rate).then(|| spell(setting.rate_to)),
            })
        });
        LoadRecord {
            arrivals: arrivals.into(),
            workers: load.workers,
            rounds: load.rounds,
            warmup_ns: nanos(load.warmup),
            duration_ns: nanos(load.duration),
            deadline_ns: nanos(load.deadline),
            rates: rates.collect(),
        }
    }

    /// The scenario under this load.
    ///
    /// # Errors
    /// Describes what in the record does not fit the scenario.
    pub fn onto(&self, mut scenario: Scenario) -> Result<Scenario, String> {
        let named = ARRIVALS.iter().find(|(name, _)| *name == self.arrivals);
        let Some((_, arrivals)) = named else {
            return Err(format!("its arrivals `{}` are of another jwtbench", self.arrivals));
        };
        let limits: [(&str, u64, u64); 4] = [
            ("workers", self.workers.into(), MAX_WORKERS.into()),
            ("rounds", self.rounds.into(), MAX_ROUNDS.into()),
            ("duration_ns", self.duration_ns, nanos(MAX_DURATION)),
            ("warmup_ns", self.warmup_ns.max(1), nanos(MAX_DURATION)),
        ];
        for (key, value, most) in limits {
            if !(1..=most).contains(&value) {
                return Err(format!("its load has {key} {value}, which is not in 1..={most}"));
            }
        }
        let duration = Duration::from_nanos(self.duration_ns);
        if duration != scenario.load.duration {
            let overrides = Overrides { duration: Some(duration), ..Overrides::default() };
            scenario = scenario.with(&overrides).map_err(|error| error.to_string())?;
        }
        scenario = scenario.under_load(Load {
            arrivals: *arrivals,
            workers: self.workers,
            rounds: self.rounds,
            warmup: Duration::from_nanos(self.warmup_ns),
            duration,
            deadline: Duration::from_nanos(self.deadline_ns),
        });
        for RateRecord { stream, phase, per_s, to_per_s } in &self.rates {
            let Some(rates) = read(per_s).zip(read(to_per_s.as_ref().unwrap_or(per_s))) else {
                return Err(format!("`{per_s}` is no rate of stream `{stream}`"));
            };
            scenario = scenario
                .at_rate(stream, phase, rates)
                .ok_or_else(|| format!("it has no stream `{stream}` in `{phase}`"))?;
        }
        Ok(scenario)
    }
}
