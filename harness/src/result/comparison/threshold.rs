//! What a comparison gates on: metrics, and by how much each may move. Parsed once; knows no
//! result.

use std::fmt;

use serde::Serialize;

use crate::result::Round;

/// A figure of a round that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Median service time of accepted tokens.
    P50,
    /// 99th percentile of the same.
    P99,
    /// Completed operations per second of active worker time.
    Throughput,
    /// CPU time of the workers per operation; closed loops only.
    Cpu,
}

impl Metric {
    /// All, in the order of every table.
    pub const ALL: [Metric; 4] = [Metric::P50, Metric::P99, Metric::Throughput, Metric::Cpu];

    /// As it is spelt in options and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Metric::P50 => "p50",
            Metric::P99 => "p99",
            Metric::Throughput => "throughput",
            Metric::Cpu => "cpu",
        }
    }

    /// Whether more of it is better.
    pub const fn is_gain(self) -> bool {
        matches!(self, Metric::Throughput)
    }

    /// The figure of a round; `None` if the round has none.
    pub fn of(self, round: &Round) -> Option<f64> {
        let figure = match self {
            Metric::P50 => round.p50_ns as f64,
            Metric::P99 => round.p99_ns as f64,
            Metric::Throughput => round.throughput_per_s,
            Metric::Cpu => round.cpu_ns_per_op?,
        };
        Some(figure).filter(|figure| figure.is_finite() && *figure > 0.0)
    }

    /// How far sessions of the same build lie apart on a shared virtual machine, as a fraction:
    /// declared, not measured here. Tails move more than medians.
    const fn session_floor(self) -> f64 {
        match self {
            Metric::P50 | Metric::Throughput | Metric::Cpu => 0.10,
            Metric::P99 => 0.25,
        }
    }

    const fn soft(self) -> f64 {
        match self {
            Metric::P50 | Metric::Throughput | Metric::Cpu => 0.03,
            Metric::P99 => 0.10,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one metric may move by, as fractions of the base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// A change beyond it counts if the statistics are sure of it.
    pub soft: f64,
    /// A point estimate beyond it is a regression, sure or not.
    pub hard: Option<f64>,
    /// What two sessions of the same build may differ by.
    pub session_floor: f64,
}

/// The thresholds of every metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds([Threshold; 4]);

impl Default for Thresholds {
    fn default() -> Thresholds {
        let threshold = |metric: Metric| Threshold {
            soft: metric.soft(),
            hard: None,
            session_floor: metric.session_floor(),
        };
        Thresholds(Metric::ALL.map(threshold))
    }
}

impl Thresholds {
    /// Those of one metric.
    pub fn of(&self, metric: Metric) -> Threshold {
        self.0[metric as usize]
    }

    /// Takes over an option such as `p50=3%`, `p50=3%|10%` or `p99=|50%`.
    ///
    /// # Errors
    /// What is wrong with it, and what would do.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let form = "write METRIC=SOFT%, METRIC=SOFT%|HARD% or METRIC=|HARD%";
        let (metric, limits) = named(text, form)?;
        let (soft, hard) = match limits.split_once('|') {
            Some((soft, hard)) => (soft, Some(hard)),
            None => (limits, None),
        };
        let threshold = &mut self.0[metric as usize];
        if !soft.trim().is_empty() {
            threshold.soft = share(soft, form)?;
        } else if hard.is_none() {
            return Err(form.into());
        }
        threshold.hard = hard.map(|hard| share(hard, form)).transpose()?;
        match threshold.hard {
            Some(hard) if hard < threshold.soft => {
                Err("the hard limit is below the soft one; raise it, or lower the soft one".into())
            }
            _ => Ok(()),
        }
    }

    /// Takes over an option such as `p50=2%`: a floor measured on a quieter machine.
    ///
    /// # Errors
    /// What is wrong with it, and what would do.
    pub fn set_session_floor(&mut self, text: &str) -> Result<(), String> {
        let form = "write METRIC=PERCENT%, such as p50=2%";
        let (metric, floor) = named(text, form)?;
        self.0[metric as usize].session_floor = share(floor, form)?;
        Ok(())
    }
}

fn named<'t>(text: &'t str, form: &str) -> Result<(Metric, &'t str), String> {
    let (name, rest) = text.split_once('=').ok_or(form)?;
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name.trim());
    let known = || format!("unknown metric `{name}`; known: p50, p99, throughput, cpu");
    Ok((metric.ok_or_else(known)?, rest))
}

fn share(text: &str, form: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let percent: f64 = number.ok_or_else(|| format!("`{text}` is no percentage; {form}"))?;
    let bounds = 0.0..=1000.0;
    if !bounds.contains(&percent) {
        return Err(format!("`{text}` is not between 0% and 1000%"));
    }
    Ok(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Soft and hard limit, or what the refusal says.
    type Read<'a> = Result<(f64, Option<f64>), &'a str>;

    #[test]
    fn a_threshold_is_read_or_refused() {
        let rows: [(&str, Read<'_>); 12] = [
            ("p50=5%", Ok((0.05, None))),
            ("p50=5%|20%", Ok((0.05, Some(0.2)))),
            ("p50=|20%", Ok((0.03, Some(0.2)))),
            ("p50=0%", Ok((0.0, None))),
            ("p50", Err("METRIC=SOFT%")),
            ("p50=", Err("METRIC=SOFT%")),
            ("p50=5", Err("no percentage")),
            ("p50=x%", Err("no percentage")),
            ("p50=-1%", Err("between")),
            ("p50=NaN%", Err("between")),
            ("p95=5%", Err("unknown metric `p95`; known: p50")),
            ("p50=20%|5%", Err("below the soft")),
        ];
        for (text, expected) in rows {
            let mut thresholds = Thresholds::default();
            match (thresholds.set(text), expected) {
                (Ok(()), Ok((soft, hard))) => {
                    let got = thresholds.of(Metric::P50);
                    assert_eq!((got.soft, got.hard), (soft, hard), "{text}");
                }
                (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_session_floor_is_read_or_refused() {
        let mut thresholds = Thresholds::default();
        thresholds.set_session_floor("p99=7%").expect("a floor");
        assert_eq!(thresholds.of(Metric::P99).session_floor, 0.07);
        for text in ["p99", "p99=7", "p98=7%", "=7%"] {
            assert!(thresholds.set_session_floor(text).is_err(), "{text}");
        }
    }
}
