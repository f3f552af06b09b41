//! The expectations of a scenario. Each has a checked key and a checked bound; they are judged
//! elsewhere, against the result.

mod binding;
mod simulated;

use std::fmt;

use crate::format::grammar;

pub use binding::{Binding, BoundSubject, binding};
pub use simulated::{End, SIMULATED_METRICS, SimulatedMetric};

/// An expectation of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The cache policies to which it applies.
    pub binding: Binding,
    /// The key, as written.
    pub key: String,
    /// The bound, as written.
    pub bound: String,
    /// The figure that is checked.
    pub subject: Subject,
    /// The condition that must hold.
    pub limit: Limit,
}

/// The subject of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The phase, or `None` for all.
    pub phase: Option<String>,
    /// The metric in that phase.
    pub metric: ExpectedMetric,
}

/// A metric of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedMetric {
    /// A metric of the endpoint.
    Endpoint(EndpointMetric),
    /// A metric of operations.
    Operations {
        /// The stream, or `None` for all.
        stream: Option<String>,
        /// The token class or rejection code, or `None` for all.
        which: Option<String>,
        /// The figure.
        figure: BoundFigure,
    },
    /// A metric of a simulation.
    Simulated {
        /// The stream, or `None` for all.
        stream: Option<String>,
        /// The metric.
        metric: &'static SimulatedMetric,
        /// The summary over all runs.
        end: End,
    },
}

impl ExpectedMetric {
    /// Whether `simulate` judges it. No other verb judges such an expectation.
    pub fn is_simulated(&self) -> bool {
        matches!(self, ExpectedMetric::Simulated { .. })
    }
}

/// A figure of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointMetric {
    /// The fetch attempts, counted at the client.
    Attempts,
    /// The requests served.
    Served,
    /// The attempts that failed.
    Failures,
    /// The highest number of requests in flight at once.
    MaxInFlight,
}

/// A figure of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundFigure {
    /// The number of operations.
    Count,
    /// The number of good tokens refused.
    Lockouts,
    /// The number of accepts of withdrawn keys or revoked tokens.
    ExposedAccepts,
    /// The number of good tokens accepted after the deadline.
    Late,
    /// The number of verdicts from the verdict cache.
    Remembered,
    /// A latency, in nanoseconds.
    Latency(Channel, Quantile),
}

/// One of the three latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The time from the intended start to the end.
    Response,
    /// The time from the actual start to the end.
    Service,
    /// The time from the intended start to the actual start.
    Lateness,
}

/// A statistic of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// The mean.
    Mean,
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 99th percentile.
    P99,
    /// The 99.9th percentile.
    P999,
    /// The maximum.
    Max,
}

/// The condition that a figure must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The comparison.
    pub comparison: Relation,
    /// The number: a count, nanoseconds (seconds of a simulation), or a factor.
    pub number: f64,
    /// The phase whose same figure is multiplied by the factor; `None` if the number is not a
    /// factor.
    pub of_phase: Option<String>,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Relation {
    /// Whether the comparison of `value` with `bound` holds.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Relation::Less => value < bound,
            Relation::AtMost => value <= bound,
            Relation::Equal => value == bound,
            Relation::AtLeast => value >= bound,
            Relation::More => value > bound,
        }
    }
}

/// The names that a key may use.
pub struct KnownNames<'a> {
    /// The names of the phases.
    pub phases: &'a [&'a str],
    /// The names of the streams.
    pub streams: &'a [&'a str],
}

/// The fault of a key or a bound, with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidExpectation(pub String);

impl fmt::Display for InvalidExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Expectation {
    /// Parses one expectation.
    ///
    /// # Errors
    /// The fault, with the valid names.
    pub fn parse(
        binding: Binding,
        key: &str,
        bound: &str,
        names: &KnownNames<'_>,
    ) -> Result<Expectation, InvalidExpectation> {
        let subject = Subject::parse(key, names)?;
        let limit = Limit::parse(bound, &subject, names)?;
        let (key, bound) = (key.into(), bound.into());
        Ok(Expectation { binding, key, bound, subject, limit })
    }
}

fn fault<T>(message: String) -> Result<T, InvalidExpectation> {
    Err(InvalidExpectation(message))
}

/// Looks up a name: `all` gives `None`, and a known name gives itself.
fn pick(kind: &str, name: &str, known: &[&str]) -> Result<Option<String>, InvalidExpectation> {
    if name == "all" {
        Ok(None)
    } else if known.contains(&name) {
        Ok(Some(name.into()))
    } else {
        fault(format!("unknown {kind} `{name}`; known: all, {}", known.join(", ")))
    }
}

impl Subject {
    /// The name of its metric of a simulation in a phase, `phase.stream.metric`. It is the same for
    /// the median and the worst run.
    pub fn simulated_in(&self, phase: Option<&str>) -> Option<String> {
        let ExpectedMetric::Simulated { stream, metric, .. } = &self.metric else {
            return None;
        };
        let [phase, stream] = [phase, stream.as_deref()].map(|name| name.unwrap_or("all"));
        Some(format!("{phase}.{stream}.{}", metric.key()))
    }

    fn parse(key: &str, names: &KnownNames<'_>) -> Result<Subject, InvalidExpectation> {
        let words: Vec<&str> = key.split('.').collect();
        let metric = match words.as_slice() {
            [_, "endpoint", figure] => ExpectedMetric::Endpoint(EndpointMetric::parse(figure)?),
            [phase, stream, name, end @ ("median" | "worst" | "mean")] => {
                let of_stream = pick("stream", stream, names.streams)?;
                let metric = SimulatedMetric::parse(name, *phase != "all", *stream != "all")?;
                let end = match *end {
                    "worst" => End::Worst,
                    "mean" if metric.has_mean => End::Mean,
                    "mean" => {
                        return fault(format!("`{name}` has no mean; write `median` or `worst`"));
                    }
                    _ => End::Median,
                };
                ExpectedMetric::Simulated { stream: of_stream, metric, end }
            }
            [_, stream, which, figure @ ..] if !figure.is_empty() => ExpectedMetric::Operations {
                stream: pick("stream", stream, names.streams)?,
                which: which_tokens(which)?,
                figure: BoundFigure::parse(figure)?,
            },
            _ => {
                return fault(
                    "a key is <phase|all>.<stream|all>.<class|code|all>.<metric>, \
                     <phase|all>.endpoint.<metric> or, of a simulation, \
                     <phase|all>.<stream|all>.<metric>.<median|worst|mean>"
                        .into(),
                );
            }
        };
        Ok(Subject { phase: pick("phase", words[0], names.phases)?, metric })
    }
}

fn which_tokens(name: &str) -> Result<Option<String>, InvalidExpectation> {
    let is_code =
        name == "ACCEPT" || jwtbench_verifier::rejection::Rejection::from_code(name).is_some();
    if name == "all" {
        Ok(None)
    } else if is_code || crate::token::class::Class::find(name).is_some() {
        Ok(Some(name.into()))
    } else {
        fault(format!("unknown class or code `{name}`; `jwtbench list` shows the classes"))
    }
}

impl EndpointMetric {
    fn parse(name: &str) -> Result<EndpointMetric, InvalidExpectation> {
        Ok(match name {
            "attempts" => EndpointMetric::Attempts,
            "served" => EndpointMetric::Served,
            "failures" => EndpointMetric::Failures,
            "max_in_flight" => EndpointMetric::MaxInFlight,
            _ => {
                return fault(format!(
                    "unknown endpoint metric `{name}`; known: attempts, served, failures, \
                     max_in_flight"
                ));
            }
        })
    }
}

impl BoundFigure {
    fn parse(words: &[&str]) -> Result<BoundFigure, InvalidExpectation> {
        Ok(match words {
            ["count"] => BoundFigure::Count,
            ["lockouts"] => BoundFigure::Lockouts,
            ["exposed_accepts"] => BoundFigure::ExposedAccepts,
            ["late"] => BoundFigure::Late,
            ["remembered"] => BoundFigure::Remembered,
            [channel, quantile] => {
                let channel = match *channel {
                    "response" => Channel::Response,
                    "service" => Channel::Service,
                    "lateness" => Channel::Lateness,
                    other => {
                        return fault(format!(
                            "unknown latency `{other}`; known: response, service, lateness"
                        ));
                    }
                };
                BoundFigure::Latency(channel, Quantile::parse(quantile)?)
            }
            _ => {
                return fault(format!(
                    "unknown metric `{}`; known: count, lockouts, exposed_accepts, late, \
                     remembered, response.p99 and the like",
                    words.join(".")
                ));
            }
        })
    }
}

impl Quantile {
    fn parse(name: &str) -> Result<Quantile, InvalidExpectation> {
        Ok(match name {
            "mean" => Quantile::Mean,
            "p50" => Quantile::P50,
            "p90" => Quantile::P90,
            "p99" => Quantile::P99,
            "p999" => Quantile::P999,
            "max" => Quantile::Max,
            _ => {
                return fault(format!(
                    "unknown quantile `{name}`; known: mean, p50, p90, p99, p999, max"
                ));
            }
        })
    }
}

impl Limit {
    fn parse(
        bound: &str,
        subject: &Subject,
        names: &KnownNames<'_>,
    ) -> Result<Limit, InvalidExpectation> {
        let form = || {
            InvalidExpectation(format!(
                "`{bound}` is no bound; write \"<= 3\", \"== 0\", \"< 1ms\" or \"< 3 x start\""
            ))
        };
        let (sign, rest) = bound.split_once(' ').ok_or_else(form)?;
        let comparison = match sign {
            "<" => Relation::Less,
            "<=" => Relation::AtMost,
            "==" => Relation::Equal,
            ">=" => Relation::AtLeast,
            ">" => Relation::More,
            _ => return Err(form()),
        };
        if let Some((factor, phase)) = rest.split_once(" x ") {
            let number = number(factor).ok_or_else(form)?;
            let of_phase = pick("phase", phase.trim(), names.phases)?;
            let Some(of_phase) = of_phase else {
                return fault("a factor is of one phase, not of all".into());
            };
            if let ExpectedMetric::Simulated { metric, .. } = &subject.metric {
                SimulatedMetric::parse(metric.key(), true, false)?;
            }
            return Ok(Limit { comparison, number, of_phase: Some(of_phase) });
        }
        let unit_ns = match &subject.metric {
            ExpectedMetric::Operations { figure: BoundFigure::Latency(..), .. } => Some(1.0),
            ExpectedMetric::Simulated { metric, .. } if metric.is_span() => Some(1e9),
            _ => None,
        };
        let number = match unit_ns {
            None => number(rest).ok_or_else(form)?,
            Some(unit_ns) => span_ns(rest)? / unit_ns,
        };
        Ok(Limit { comparison, number, of_phase: None })
    }
}

/// A duration in nanoseconds.
fn span_ns(text: &str) -> Result<f64, InvalidExpectation> {
    let span = grammar::duration(text.trim()).map_err(InvalidExpectation)?;
    Ok(span.as_nanos() as f64)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: KnownNames<'static> =
        KnownNames { phases: &["start", "flood"], streams: &["users", "attacker"] };

    fn check(key: &str, bound: &str, expected: Result<(f64, Option<&str>), &str>) {
        let got = Expectation::parse(Binding::Scenario, key, bound, &NAMES);
        match (got, expected) {
            (Ok(got), Ok((number, phase))) => {
                assert_eq!(got.limit.number, number, "{key} {bound}");
                assert_eq!(got.limit.of_phase.as_deref(), phase, "{key} {bound}");
            }
            (Err(InvalidExpectation(message)), Err(part)) => {
                assert!(message.contains(part), "{key} {bound}: {message}");
            }
            (got, _) => panic!("{key} {bound}: {got:?}"),
        }
    }

    #[test]
    fn reads_keys_and_bounds() {
        check("all.users.valid.lockouts", "<= 2", Ok((2.0, None)));
        check("flood.users.ACCEPT.response.p99", "< 3 x start", Ok((3.0, Some("start"))));
        check("flood.users.ACCEPT.response.p99", "< 1ms", Ok((1e6, None)));
        check("flood.endpoint.attempts", "<= 3", Ok((3.0, None)));
        check("all.all.JWT_EXPIRED.count", "> 0", Ok((0.0, None)));
        check("flod.endpoint.attempts", "<= 3", Err("unknown phase `flod`"));
        check("all.user.valid.lockouts", "<= 2", Err("unknown stream `user`"));
        check("all.users.vald.lockouts", "<= 2", Err("unknown class or code `vald`"));
        check("all.users.valid.lockout", "<= 2", Err("unknown metric `lockout`"));
        check("all.users.valid.response.p98", "< 1ms", Err("unknown quantile `p98`"));
        check("all.endpoint.fetches", "<= 2", Err("unknown endpoint metric"));
        check("all.users.lockouts", "<= 2", Err("a key is"));
        check("all.users.valid.lockouts", "2", Err("no bound"));
        check("all.users.valid.lockouts", "=< 2", Err("no bound"));
        check("all.users.valid.lockouts", "<= -1", Err("no bound"));
        check("all.users.valid.response.p50", "< 3", Err("is no duration"));
        check("all.users.valid.lockouts", "<= 2 x all", Err("one phase"));
    }

    #[test]
    fn reads_keys_of_simulations() {
        check("all.all.exposure.worst", "<= 1h 5m", Ok((3900.0, None)));
        check("all.all.exposure.median", "< 250ms", Ok((0.25, None)));
        check("flood.users.lockout.worst", "== 0s", Ok((0.0, None)));
        check("flood.all.attempts_per_hour.median", "<= 14.5", Ok((14.5, None)));
        check("flood.all.attempts_per_hour.median", "<= 3 x start", Ok((3.0, Some("start"))));
        check("all.all.herd.worst", "<= 3", Ok((3.0, None)));
        check("all.all.exposure.worst", "<= 3", Err("no duration"));
        check("all.all.herd.worst", "<= 3s", Err("no bound"));
        check("all.all.exposure.best", "<= 3s", Err("unknown class or code `exposure`"));
        check("all.all.exposure_s.worst", "<= 3s", Err("known: exposure, lockout"));
        check("all.all.lockouts.worst", "<= 3", Err("unknown metric of a simulation"));
        check("flood.all.exposure.worst", "<= 3s", Err("no single phase"));
        check("all.users.exposure.worst", "<= 3s", Err("no single stream"));
        check("all.user.lockout.worst", "<= 3s", Err("unknown stream `user`"));
        check("flod.all.lockout.worst", "<= 3s", Err("unknown phase `flod`"));
        check("all.all.exposure.worst", "<= 3 x flood", Err("no single phase"));
        check("all.users.valid.lockouts.worst", "<= 3", Err("unknown latency `lockouts`"));
        check("all.endpoint.attempts.worst", "<= 3", Err("unknown stream `endpoint`"));
        check("all.all.state_exposure.mean", "<= 3s", Ok((3.0, None)));
        check("all.all.store_peak_per_s.worst", "<= 300", Ok((300.0, None)));
        check("all.all.exposure.mean", "<= 3s", Err("`exposure` has no mean"));
    }
}
