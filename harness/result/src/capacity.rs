//! Capacity: the rate that a closed loop reaches, the response times below it, and the highest rate
//! that holds an objective. These are modelled from recorded services, and shown beside
//! measurements of real open loops.

mod model;
mod slo;

#[cfg(test)]
pub(crate) use model::unit_gaps;
pub use model::{Model, Responses, Service};
pub use slo::Slo;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The loads of the curve, as shares of capacity.
const LOADS: [f64; 12] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98];
/// The range of measured over modelled response within which the model counts as confirmed.
const AGREEMENT: std::ops::RangeInclusive<f64> = 0.8..=1.25;
/// The advice for a busy host.
const AGAIN: &str = "run it again on a quiet machine";
/// The rate of the mix beside which forged tokens arrive, as a share of the mix's limit.
const BESIDE_FORGED: f64 = 0.5;

/// The capacity of one contender on one mix of tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// `family/name` of the scenario whose mix it is.
    pub scenario: String,
    /// `kind:name`, such as `core:ring`.
    pub contender: String,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// Workers, one thread each, each with a queue of its own.
    pub workers: u32,
    /// Operations per second of a closed loop, over all workers: the median of its rounds.
    pub capacity_per_s: f64,
    /// Null, or why the capacity is INVALID: the host disturbed too many rounds of the closed loop.
    pub disturbed: Option<String>,
    /// Mean service in the closed loop, in nanoseconds.
    pub mean_service_ns: f64,
    /// The objective, such as `p99 < 1ms`.
    pub slo: String,
    /// Response times by load, modelled.
    pub curve: Vec<LoadPoint>,
    /// The highest rate that holds the objective, per second over all workers, modelled; null if
    /// not even a hundredth of the capacity does.
    pub limit_per_s: Option<f64>,
    /// Real open loops beside the model.
    pub checks: Vec<LoadCheck>,
    /// What it means for a plan.
    pub card: CapacityCard,
}

/// Response times at one load, modelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadPoint {
    /// Share of capacity, 0..=1.
    pub load: f64,
    /// Arrivals per second over all workers.
    pub rate_per_s: f64,
    /// Response times of accepted tokens (of all where none was accepted).
    pub response: LoadFigures,
}

/// Response times, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadFigures {
    /// Median.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// The percentile of the objective.
    pub slo_ns: u64,
}

/// One real open loop beside the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadCheck {
    /// Share of capacity.
    pub load: f64,
    /// Arrivals per second over all workers, planned.
    pub rate_per_s: f64,
    /// Operations with a verdict.
    pub done: u64,
    /// Operations without one.
    pub unfinished: u64,
    /// Wrong verdicts.
    pub wrong: u64,
    /// What the model says.
    pub modelled: LoadFigures,
    /// What was measured, from the intended starts.
    pub measured: LoadFigures,
    /// Measured over modelled response at the percentile of the objective: 1 is agreement.
    pub disagreement: f64,
    /// Whether the measured responses hold the objective.
    pub holds: bool,
    /// Null, or why it is INVALID: the host disturbed too many of its pieces.
    pub disturbed: Option<String>,
}

/// What a capacity means for a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityCard {
    /// The rate asked for, per second.
    pub for_rate_per_s: Option<f64>,
    /// Cores that hold the objective at that rate, one worker and one queue on each.
    pub cores: Option<u64>,
    /// Why there is no number of cores although a rate was asked for, in a sentence.
    pub no_cores: Option<String>,
    /// CPU time of a million verifications in the closed loop, in seconds, by the clocks of the
    /// workers' threads; null where threads have none.
    pub cpu_s_per_million: Option<f64>,
    /// Bytes of tokens per second at capacity.
    pub token_bytes_per_s: f64,
    /// What an attacker needs; null where the objective has no limit or nothing forged was run.
    pub forged: Option<ForgedLimit>,
}

/// Forged tokens beside the mix, at one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForgedLimit {
    /// Operations per second of the mix: half of its limit.
    pub mix_per_s: f64,
    /// Forged tokens per second (class `bad-signature`) that push the mix over the objective.
    pub forged_per_s: f64,
    /// Null, or why it is INVALID: the host disturbed too many rounds of the closed loop of forged
    /// tokens.
    pub disturbed: Option<String>,
}

/// The capacity that relative rates of a scenario are shares of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateBasis {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// The contender that was calibrated. All contenders got the same load.
    pub contender: String,
    /// Operations per second of a closed loop of the same mix, over all workers.
    pub capacity_per_s: f64,
    /// Null, or why it is INVALID: the host disturbed too many rounds of that loop.
    pub disturbed: Option<String>,
    /// The rates worked out.
    pub rates: Vec<ResolvedRate>,
}

/// A relative rate, worked out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedRate {
    /// The phase.
    pub phase: String,
    /// The stream.
    pub stream: String,
    /// Arrivals per second at the beginning of the phase.
    pub rate_per_s: f64,
    /// Arrivals per second at its end.
    pub rate_to_per_s: f64,
}

/// The recording of a closed loop.
#[derive(Clone, Debug, Default)]
pub struct Saturated {
    /// Operations per second over all workers.
    pub capacity_per_s: f64,
    /// CPU time of an operation in nanoseconds, by the clocks of the workers' threads; `None` if
    /// threads have none.
    pub cpu_ns_per_op: Option<f64>,
    /// Mean size of its tokens, in bytes.
    pub token_bytes_mean: f64,
    /// The services of each worker, in the order in which they happened.
    pub services: Vec<Vec<Service>>,
    /// The reason, if the host disturbed too many of its rounds.
    pub disturbed: Option<String>,
}

/// The model's response times at a rate, which is per second over all workers.
pub fn figures(model: &Model, slo: &Slo, rate: f64) -> LoadFigures {
    let mut responses = model.responses(rate);
    LoadFigures {
        p50_ns: responses.at(0.5),
        p99_ns: responses.at(0.99),
        slo_ns: responses.at(slo.quantile),
    }
}

/// The modelled response times at each load of the curve.
pub fn curve(model: &Model, slo: &Slo, capacity: f64) -> Vec<LoadPoint> {
    let point = |load: f64| {
        let rate_per_s = load * capacity;
        LoadPoint { load, rate_per_s, response: figures(model, slo, rate_per_s) }
    };
    LOADS.into_iter().map(point).collect()
}

impl LoadCheck {
    /// Whether the measured response agrees with the model, within [`AGREEMENT`].
    pub fn agrees(&self) -> bool {
        AGREEMENT.contains(&self.disagreement)
    }

    /// The reason why this loop allows no number of cores; `None` if it allows one.
    fn fault(&self) -> Option<String> {
        let load = self.load * 100.0;
        if self.wrong > 0 {
            return Some(format!("the open loop at {load:.0} % gave wrong verdicts"));
        }
        if self.disturbed.is_some() {
            return Some(format!("the host disturbed the open loop at {load:.0} %; {AGAIN}"));
        }
        if self.agrees() {
            return None;
        }
        if self.measured.slo_ns == 0 {
            return Some(format!("the open loop at {load:.0} % gave no response times"));
        }
        let (low, high) = (AGREEMENT.start(), AGREEMENT.end());
        Some(format!(
            "the open loop at {load:.0} % measured {:.2} times what the model says, and outside \
             {low} to {high} the model does not hold: services depend on the load, or the host was \
             busy; {AGAIN}, or with a longer --duration",
            self.disagreement
        ))
    }
}

impl CapacityCard {
    /// The card of a contender with this limit, which is per second over all workers.
    pub fn of(
        saturated: &Saturated,
        model: &Model,
        slo: &Slo,
        limit: Option<f64>,
        forged: Option<&Saturated>,
    ) -> CapacityCard {
        let each = limit.map(|limit| limit / saturated.services.len().max(1) as f64);
        let forged = each.and_then(|each| {
            let mix_per_s = each * BESIDE_FORGED;
            let forged = forged?;
            let forged_per_s = model.forged_limit(slo, mix_per_s, &forged.services.concat())?;
            Some(ForgedLimit { mix_per_s, forged_per_s, disturbed: forged.disturbed.clone() })
        });
        CapacityCard {
            cpu_s_per_million: saturated.cpu_ns_per_op.map(|ns| ns / 1e3),
            token_bytes_per_s: saturated.capacity_per_s * saturated.token_bytes_mean,
            forged,
            ..CapacityCard::default()
        }
    }

    /// The card with the number of cores for a rate. There is no number if the host disturbed a
    /// loop or if the real open loops disagree with the model.
    pub fn with_cores(
        self,
        for_rate: Option<f64>,
        limit: Option<f64>,
        saturated: &Saturated,
        checks: &[LoadCheck],
    ) -> CapacityCard {
        let Some(rate) = for_rate else {
            return self;
        };
        let no_cores = match limit {
            None => Some("services alone are longer than the objective allows".to_owned()),
            Some(_) if saturated.disturbed.is_some() => {
                Some(format!("the host disturbed the closed loop; {AGAIN}"))
            }
            Some(_) => checks.iter().find_map(LoadCheck::fault),
        };
        let workers = saturated.services.len().max(1) as f64;
        let each = limit.filter(|_| no_cores.is_none()).map(|limit| limit / workers);
        CapacityCard {
            for_rate_per_s: for_rate,
            cores: each.map(|each| (rate / each).ceil() as u64),
            no_cores,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
