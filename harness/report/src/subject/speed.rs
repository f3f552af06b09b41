//! How fast a contender served its tokens: the figures that a ranking consists of. Percentiles come
//! from one histogram or one curve and are never averaged.

use jwtbench_result::{CurvePoint, Measurement, OutcomeRow};

/// The figures on service times of accepted tokens (of all tokens if none was accepted).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Median, in nanoseconds.
    pub p50_ns: f64,
    /// 99th percentile, in nanoseconds.
    pub p99_ns: f64,
    /// Completed operations per second over all workers.
    pub throughput_per_s: f64,
    /// (highest - lowest) / median of the rounds' medians; `None` with fewer than two rounds.
    pub spread: Option<f64>,
}

/// The speed of a measurement; `None` when nothing was recorded.
pub fn speed(measurement: &Measurement) -> Option<Speed> {
    let (p50_ns, p99_ns) = from_only_row(measurement)
        .or_else(|| from_curve(&measurement.service_curve))
        .or_else(|| from_rounds(measurement))
        .or_else(|| from_commonest_row(measurement))?;
    Some(Speed {
        p50_ns,
        p99_ns,
        throughput_per_s: measurement.throughput_per_s,
        spread: spread(measurement),
    })
}

/// The 99th percentile of the response of accepted tokens, in nanoseconds.
pub fn response_p99(measurement: &Measurement) -> Option<f64> {
    match accepted(measurement)[..] {
        [only] => only.latency.as_ref().map(|latency| latency.response.p99_ns as f64),
        _ => at_quantile(&measurement.response_curve, 0.99),
    }
}

/// The latency at a quantile, interpolated between two points on the log-percentile axis. Beyond
/// the last point it is that of the last point.
pub fn at_quantile(curve: &[CurvePoint], quantile: f64) -> Option<f64> {
    let place = |q: f64| -libm::log10((1.0 - q).max(1e-9));
    let wanted = place(quantile);
    let after = curve.iter().position(|p| place(p.quantile) >= wanted - 1e-9);
    let (Some(after), Some(last)) = (after, curve.last()) else {
        return curve.last().map(|p| p.ns as f64);
    };
    let right = curve.get(after).unwrap_or(last);
    let left = if after == 0 { right } else { curve.get(after - 1).unwrap_or(right) };
    let width = place(right.quantile) - place(left.quantile);
    let part = if width > 0.0 { (wanted - place(left.quantile)) / width } else { 1.0 };
    let (low, high) = (left.ns as f64, right.ns as f64);
    Some(low + (high - low) * part.clamp(0.0, 1.0))
}

fn from_only_row(measurement: &Measurement) -> Option<(f64, f64)> {
    let mut rows = accepted(measurement);
    if rows.is_empty() {
        rows = measurement.phases.iter().flat_map(|p| &p.outcomes).collect();
    }
    match rows[..] {
        [only] => of_row(only),
        _ => None,
    }
}

fn from_curve(curve: &[CurvePoint]) -> Option<(f64, f64)> {
    Some((at_quantile(curve, 0.5)?, at_quantile(curve, 0.99)?))
}

/// The figures of the median round. Each round is one histogram, and no two are mixed.
fn from_rounds(measurement: &Measurement) -> Option<(f64, f64)> {
    let mut rounds: Vec<_> = measurement.rounds.iter().filter(|r| r.p50_ns > 0).collect();
    rounds.sort_by_key(|r| r.p50_ns);
    let middle = rounds.get(rounds.len() / 2)?;
    Some((middle.p50_ns as f64, middle.p99_ns as f64))
}

fn from_commonest_row(measurement: &Measurement) -> Option<(f64, f64)> {
    let rows = measurement.phases.iter().flat_map(|p| &p.outcomes);
    rows.max_by_key(|r| r.count).and_then(of_row)
}

fn of_row(row: &OutcomeRow) -> Option<(f64, f64)> {
    let service = &row.latency.as_ref()?.service;
    Some((service.p50_ns as f64, service.p99_ns as f64))
}

fn accepted(measurement: &Measurement) -> Vec<&OutcomeRow> {
    let rows = measurement.phases.iter().flat_map(|p| &p.outcomes);
    rows.filter(|r| r.code == "ACCEPT").collect()
}

fn spread(measurement: &Measurement) -> Option<f64> {
    let mut medians: Vec<u64> = measurement.rounds.iter().map(|r| r.p50_ns).collect();
    medians.retain(|ns| *ns > 0);
    medians.sort_unstable();
    match medians[..] {
        [low, .., high] => Some((high - low) as f64 / medians[medians.len() / 2] as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_read_between_points() {
        let curve = [
            CurvePoint { quantile: 0.0, ns: 100 },
            CurvePoint { quantile: 0.9, ns: 200 },
            CurvePoint { quantile: 0.99, ns: 400 },
        ];
        assert_eq!(at_quantile(&curve, 0.9), Some(200.0));
        assert_eq!(at_quantile(&curve, 0.99), Some(400.0));
        assert_eq!(at_quantile(&curve, 0.9999), Some(400.0), "no invention past the last point");
        let median = at_quantile(&curve, 0.5).unwrap_or_default();
        assert!((130.0..131.0).contains(&median), "{median}");
        assert_eq!(at_quantile(&[], 0.5), None);
    }
}
