//! The load of a scenario as a result keeps it, and a scenario under the load of a result.

use std::time::Duration;

use jwtbench_result::{LoadRecord, RateRecord};
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::model::capacity::Rate;
use jwtbench_scenario::{Arrivals, Load, MAX_DURATION, MAX_ROUNDS, MAX_WORKERS, Scenario};

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

/// The load that a scenario has.
pub fn record(scenario: &Scenario) -> LoadRecord {
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
pub fn apply(load: &LoadRecord, mut scenario: Scenario) -> Result<Scenario, String> {
    let named = ARRIVALS.iter().find(|(name, _)| *name == load.arrivals);
    let Some((_, arrivals)) = named else {
        return Err(format!("its arrivals `{}` are of another jwtbench", load.arrivals));
    };
    let limits: [(&str, u64, u64); 4] = [
        ("workers", load.workers.into(), MAX_WORKERS.into()),
        ("rounds", load.rounds.into(), MAX_ROUNDS.into()),
        ("duration_ns", load.duration_ns, nanos(MAX_DURATION)),
        ("warmup_ns", load.warmup_ns.max(1), nanos(MAX_DURATION)),
    ];
    for (key, value, most) in limits {
        if !(1..=most).contains(&value) {
            return Err(format!("its load has {key} {value}, which is not in 1..={most}"));
        }
    }
    let duration = Duration::from_nanos(load.duration_ns);
    if duration != scenario.load.duration {
        let overrides = Overrides { duration: Some(duration), ..Overrides::default() };
        scenario = scenario.with(&overrides).map_err(|error| error.to_string())?;
    }
    scenario = scenario.under_load(Load {
        arrivals: *arrivals,
        workers: load.workers,
        rounds: load.rounds,
        warmup: Duration::from_nanos(load.warmup_ns),
        duration,
        deadline: Duration::from_nanos(load.deadline_ns),
    });
    for RateRecord { stream, phase, per_s, to_per_s } in &load.rates {
        let Some(rates) = read(per_s).zip(read(to_per_s.as_ref().unwrap_or(per_s))) else {
            return Err(format!("`{per_s}` is no rate of stream `{stream}`"));
        };
        scenario = scenario
            .at_rate(stream, phase, rates)
            .ok_or_else(|| format!("it has no stream `{stream}` in `{phase}`"))?;
    }
    Ok(scenario)
}
