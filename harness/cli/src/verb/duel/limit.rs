//! Parsers for the limits on a command line: blocks, metrics, percentages.

use jwtbench_result::duel::{DuelMetric, MIN_BLOCKS};

/// The most blocks of a duel.
const MAX_BLOCKS: u32 = 1000;

/// Reads a number of blocks.
pub fn blocks(text: &str) -> Result<u32, String> {
    let blocks: u32 = text.parse().map_err(|_| "not a whole number".to_owned())?;
    match blocks {
        MIN_BLOCKS..=MAX_BLOCKS => Ok(blocks),
        0..MIN_BLOCKS => Err(format!(
            "fewer than {MIN_BLOCKS} blocks cannot tell a difference from chance at 5 %; 16 is \
             usual"
        )),
        _ => Err(format!("at most {MAX_BLOCKS}")),
    }
}

/// Reads the name of a metric.
pub fn metric(name: &str) -> Result<DuelMetric, String> {
    let known = DuelMetric::ALL.map(DuelMetric::name).join(", ");
    DuelMetric::from_name(name).ok_or_else(|| format!("no metric `{name}`; known: {known}"))
}

/// Reads a percentage above 0 and at most 1000 as a fraction: `3%`, `2.5%`.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').ok_or("write a percentage, such as 3%")?;
    let number: f64 = number.trim().parse().map_err(|_| "not a number before the %".to_owned())?;
    let fits = number > 0.0 && number <= 1000.0;
    if fits { Ok(number / 100.0) } else { Err("above 0% and at most 1000%".into()) }
}

/// Reads a threshold, such as `p50=3%`, as a metric and a fraction.
pub fn threshold(text: &str) -> Result<(DuelMetric, f64), String> {
    let (name, share) = text.split_once('=').ok_or("write METRIC=PERCENT, such as p50=3%")?;
    Ok((metric(name)?, percent(share)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_or_refused_with_a_remedy() {
        assert_eq!(threshold("p50=3%"), Ok((DuelMetric::P50, 0.03)));
        assert_eq!(threshold("cpu=2.5%"), Ok((DuelMetric::Cpu, 0.025)));
        assert_eq!(blocks("6"), Ok(6));
        let rows = [
            (threshold("p50"), "METRIC=PERCENT"),
            (threshold("p95=3%"), "known: p50, p99, throughput, cpu"),
            (threshold("p50=3"), "such as 3%"),
            (threshold("p50=x%"), "not a number"),
            (threshold("p50=0%"), "above 0%"),
            (threshold("p50=-1%"), "above 0%"),
            (threshold("p50=NaN%"), "above 0%"),
            (threshold("p50=inf%"), "at most 1000%"),
        ];
        for (got, words) in rows {
            let message = got.expect_err(words);
            assert!(message.contains(words), "{message}");
        }
        for (text, words) in [("5", "16 is usual"), ("1001", "at most"), ("six", "whole number")] {
            let message = blocks(text).expect_err(words);
            assert!(message.contains(words), "{message}");
        }
    }
}
