//! What a comparison gates on: the primary metric, and by how much each figure may change. It is
//! parsed once and knows no result.

use std::fmt;

use serde::Serialize;

use crate::Round;

/// A figure of a round that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComparedMetric {
    /// Median service time of accepted tokens.
    P50,
    /// 99th percentile of the service time of accepted tokens.
    P99,
    /// Completed operations per second of active worker time.
    Throughput,
    /// CPU time of the workers per operation; closed loops only.
    Cpu,
}

impl ComparedMetric {
    /// All metrics, in the order of every table.
    pub const ALL: [ComparedMetric; 4] =
        [ComparedMetric::P50, ComparedMetric::P99, ComparedMetric::Throughput, ComparedMetric::Cpu];

    /// The name in options and tables.
    pub const fn name(self) -> &'static str {
        match self {
            ComparedMetric::P50 => "p50",
            ComparedMetric::P99 => "p99",
            ComparedMetric::Throughput => "throughput",
            ComparedMetric::Cpu => "cpu",
        }
    }

    /// Whether a higher value is better.
    pub const fn is_gain(self) -> bool {
        matches!(self, ComparedMetric::Throughput)
    }

    /// The figure of a round; `None` if the round has none.
    pub fn of(self, round: &Round) -> Option<f64> {
        let figure = match self {
            ComparedMetric::P50 => round.p50_ns as f64,
            ComparedMetric::P99 => round.p99_ns as f64,
            ComparedMetric::Throughput => round.throughput_per_s,
            ComparedMetric::Cpu => round.cpu_ns_per_op?,
        };
        Some(figure).filter(|figure| figure.is_finite() && *figure > 0.0)
    }
}

impl fmt::Display for ComparedMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The metric that decides a trial, and the limits on changes, as fractions of the base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// The metric that decides, over the bound that took turns with the trial.
    pub primary: ComparedMetric,
    /// A change of the primary metric beyond this counts if the statistics are sure of it.
    pub soft: f64,
    /// A rise of the primary metric beyond this is a regression, even if the statistics are not
    /// sure.
    pub hard: f64,
    /// The hard limit for p99. There is no other gate on p99, because tails change with the host.
    pub p99: f64,
    /// The hard limit for throughput.
    pub throughput: f64,
    /// The hard limit for the p50 of a trial without a bound beside it. Two sessions of one build
    /// have differed there by 103 %.
    pub bare: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            primary: ComparedMetric::P50,
            soft: 0.05,
            hard: 0.25,
            p99: 1.0,
            throughput: 1.0,
            bare: 2.0,
        }
    }
}

/// The figures that have a limit and no threshold.
const LIMITED: [&str; 3] = ["p99", "throughput", "bare"];

impl Thresholds {
    /// Applies an option such as `p50=5%`, `p50=5%|25%` or `p99=|100%`. `bare` is the p50 of trials
    /// without a bound beside them.
    ///
    /// # Errors
    /// Describes what is wrong with the text, and the right form.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let form = "write METRIC=SOFT%, METRIC=SOFT%|HARD% or METRIC=|HARD%";
        let (name, limits) = text.split_once('=').ok_or(form)?;
        let name = name.trim();
        let (soft, hard) = match limits.split_once('|') {
            Some((soft, hard)) => (soft.trim(), Some(share(hard, form)?)),
            None => (limits.trim(), None),
        };
        if soft.is_empty() && hard.is_none() {
            return Err(form.into());
        }
        let soft = (!soft.is_empty()).then(|| share(soft, form)).transpose()?;
        if LIMITED.contains(&name) {
            return self.limit(name, soft, hard);
        }
        if name != self.primary.name() {
            return Err(match name {
                "p50" | "cpu" => format!("{name} is not the primary metric; add --primary {name}"),
                _ => format!("unknown metric `{name}`; known: p50, cpu, p99, throughput, bare"),
            });
        }
        self.soft = soft.unwrap_or(self.soft);
        self.hard = hard.unwrap_or(self.hard.max(self.soft));
        if self.hard < self.soft {
            return Err(
                "the hard limit is below the soft one; raise it, or lower the soft one".into()
            );
        }
        Ok(())
    }

    fn limit(&mut self, name: &str, soft: Option<f64>, hard: Option<f64>) -> Result<(), String> {
        let (None, Some(hard)) = (soft, hard) else {
            return Err(format!("{name} is gated by a limit alone: write {name}=|100%"));
        };
        *match name {
            "p99" => &mut self.p99,
            "throughput" => &mut self.throughput,
            _ => &mut self.bare,
        } = hard;
        Ok(())
    }
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

    /// The soft and the hard limit, or the text of the refusal.
    type Read<'a> = Result<(f64, f64), &'a str>;

    #[test]
    fn a_threshold_is_read_or_refused() {
        let rows: [(&str, Read<'_>); 15] = [
            ("p50=3%", Ok((0.03, 0.25))),
            ("p50=50%", Ok((0.5, 0.5))),
            ("p50=5%|20%", Ok((0.05, 0.2))),
            ("p50=|20%", Ok((0.05, 0.2))),
            ("p50=0%", Ok((0.0, 0.25))),
            ("p50", Err("METRIC=SOFT%")),
            ("p50=", Err("METRIC=SOFT%")),
            ("p50=5", Err("no percentage")),
            ("p50=x%", Err("no percentage")),
            ("p50=-1%", Err("between")),
            ("p50=NaN%", Err("between")),
            ("p95=5%", Err("unknown metric `p95`; known: p50")),
            ("cpu=5%", Err("add --primary cpu")),
            ("p99=5%", Err("a limit alone: write p99=|100%")),
            ("p50=20%|5%", Err("below the soft")),
        ];
        for (text, expected) in rows {
            let mut thresholds = Thresholds::default();
            match (thresholds.set(text), expected) {
                (Ok(()), Ok((soft, hard))) => {
                    assert_eq!((thresholds.soft, thresholds.hard), (soft, hard), "{text}");
                }
                (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn figures_with_a_limit_alone_take_one() {
        let mut thresholds = Thresholds::default();
        for text in ["p99=|50%", "throughput=|60%", "bare=|70%"] {
            thresholds.set(text).expect("a limit");
        }
        let Thresholds { p99, throughput, bare, .. } = thresholds;
        assert_eq!((p99, throughput, bare), (0.5, 0.6, 0.7));
        let mut by_cpu = Thresholds { primary: ComparedMetric::Cpu, ..Thresholds::default() };
        by_cpu.set("cpu=4%").expect("the primary metric");
        assert_eq!(by_cpu.soft, 0.04);
        assert!(by_cpu.set("p50=4%").is_err_and(|why| why.contains("--primary p50")));
    }
}
