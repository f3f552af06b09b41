//! Percentile tables (`.hgrm`) as every HdrHistogram library prints them, one for each series of a
//! result. They need the whole histograms.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use jwtbench_result::RunResult;
use jwtbench_result::latency::histogram_log::Series;

use crate::subject::fault::fault;
use crate::subject::summary::warnings;

/// The number of steps per halving of the distance to 100 %, as in the HdrHistogram libraries.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
/// The divisor from nanoseconds, which are recorded, to microseconds, which are printed.
const NS_PER_US: f64 = 1e3;
/// The number of sub-buckets at 3 significant digits, as the format's footer counts them: the
/// smallest power of two above 2 × 10³.
const SUB_BUCKETS: u32 = 2048;

/// One table and its file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PercentileTable {
    /// The file name: the tag with the ending `.hgrm`.
    pub file: String,
    /// The text of the table, comments included.
    pub text: String,
}

/// The tables of a result, in the order of the result. A trial whose figures do not count has no
/// table.
pub fn percentile_tables(result: &RunResult) -> Vec<PercentileTable> {
    let marks: String = warnings(result).iter().map(|w| format!("#[Warning: {w}]\n")).collect();
    let mut tables: Vec<PercentileTable> = Vec::new();
    // Two equal trials have the same tags, so the second one gets a number.
    let mut stems: BTreeMap<String, u32> = BTreeMap::new();
    for measurement in result.measurements.iter().filter(|m| fault(m).is_none()) {
        for series in Series::of(measurement) {
            let Some(whole) = &series.row.whole else { continue };
            let table = table(&whole.histogram(series.kind));
            let text = format!("#[Tag: {series}]\n#[Values in microseconds]\n{marks}{table}");
            let stem = file_stem(&series);
            let number = stems.entry(stem.clone()).and_modify(|number| *number += 1).or_insert(1);
            let more = if *number > 1 { format!("_{number}") } else { String::new() };
            tables.push(PercentileTable { file: format!("{stem}{more}.hgrm"), text });
        }
    }
    tables
}

/// All tables of a result in one text, with an empty line between them.
pub fn hgrm(result: &RunResult) -> String {
    let tables: Vec<String> = percentile_tables(result).into_iter().map(|t| t.text).collect();
    tables.join("\n")
}

fn file_stem(series: &Series<'_>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '-' };
    let parts = series.parts().map(|(_, value)| value.chars().map(plain).collect::<String>());
    parts.join("_")
}

fn table(histogram: &Histogram<u64>) -> String {
    let mut out =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", HEAD);
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / NS_PER_US;
        let quantile = step.quantile_iterated_to();
        out.push_str(&format!("{value:12.3} {quantile:.12} {total:10}"));
        if quantile < 1.0 {
            out.push_str(&format!(" {:14.2}", 1.0 / (1.0 - quantile)));
        }
        out.push('\n');
    }
    let [mean, deviation, max] =
        [histogram.mean(), histogram.stdev(), histogram.max() as f64].map(|ns| ns / NS_PER_US);
    let (count, buckets) = (histogram.len(), histogram.buckets());
    out.push_str(&format!("#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n"));
    out.push_str(&format!("#[Max     = {max:12.3}, Total count    = {count:12}]\n"));
    out.push_str(&format!("#[Buckets = {buckets:12}, SubBuckets     = {SUB_BUCKETS:12}]\n"));
    out
}

/// The heading of the last column.
const HEAD: &str = "1/(1-Percentile)";
