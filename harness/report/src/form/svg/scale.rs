//! Scales of the plots: the place of a value in user units, and the ticks that get a label. Pure.

use maud::{Markup, html as markup};

/// A linear or logarithmic scale onto a span of user units.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// A linear scale from 0 to a round number at or above `high`.
    pub fn linear(high: f64, from: f64, to: f64) -> Self {
        Scale { low: 0.0, high: round_up(high), from, to, log: false }
    }

    /// A linear scale between exact ends.
    pub fn exact(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Scale { low, high, from, to, log: false }
    }

    /// A logarithmic scale around `low..=high`, widened a little on both sides.
    pub fn log(low: f64, high: f64, from: f64, to: f64) -> Self {
        let low = low.max(1.0);
        Scale { low: low / 1.25, high: high.max(low) * 1.25, from, to, log: true }
    }

    /// The place of `value` in user units. A value outside the scale is placed at its nearer end.
    pub fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = match self.log {
            true => libm::log10(value / self.low) / libm::log10(self.high / self.low),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + (self.to - self.from) * part
    }

    /// Whether `value` lies on the scale, give or take the rounding error of an end.
    pub fn reaches(&self, value: f64) -> bool {
        let slack = (self.high - self.low) * 0.005;
        (self.low - slack..=self.high + slack).contains(&value)
    }

    /// The values that get a label: about six at most.
    pub fn ticks(&self) -> Vec<f64> {
        if !self.log {
            let step = round_up((self.high - self.low) / 5.0);
            let first = (self.low / step).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            return (first..=last).map(|n| n as f64 * step).collect();
        }
        let decades = libm::log10(self.high / self.low);
        let multiples: &[f64] = match decades {
            d if d <= 0.6 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            d if d <= 2.2 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let exponents = libm::log10(self.low).floor() as i32..=libm::log10(self.high).ceil() as i32;
        let all =
            exponents.flat_map(|e| multiples.iter().map(move |m| m * libm::pow(10.0, e.into())));
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }
}

/// A coordinate with at most one decimal, which keeps files small.
pub fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Horizontal grid lines from `left` to `right`, each at its height with its label before it.
pub fn levels(lines: impl IntoIterator<Item = (f64, String)>, (left, right): (f64, f64)) -> Markup {
    markup! {
        @for (at, label) in lines {
            @let at = coordinate(at);
            path d=(format!("M{left} {at}H{right}")) {}
            text x=(left - 6.0) y=(at) dy="4" text-anchor="end" { (label) }
        }
    }
}

/// Vertical grid lines from `top` to `bottom`, each at its place with its label below it.
pub fn uprights(
    lines: impl IntoIterator<Item = (f64, String)>,
    (top, bottom): (f64, f64),
) -> Markup {
    markup! {
        @for (at, label) in lines {
            @let at = coordinate(at);
            path d=(format!("M{at} {top}V{bottom}")) {}
            text x=(at) y=(bottom + 16.0) text-anchor="middle" { (label) }
        }
    }
}

/// The smallest number at or above `value` that is 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = libm::pow(10.0, libm::log10(value).floor());
    let multiples = [1.0, 2.0, 5.0, 10.0];
    let fits = multiples.iter().find(|m| **m * power >= value * 0.999_999);
    fits.unwrap_or(&10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_scales_end_at_round_numbers() {
        let scale = Scale::linear(430.0, 100.0, 0.0);
        assert_eq!(scale.at(0.0), 100.0);
        assert_eq!(scale.at(500.0), 0.0);
        assert_eq!(scale.at(900.0), 0.0, "clamped");
        assert_eq!(scale.ticks(), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
    }

    #[test]
    fn log_scales_have_few_ticks_inside() {
        for (low, high) in [(10_000.0, 14_000.0), (30.0, 4e6), (5e4, 9e8), (7.0, 7.0)] {
            let scale = Scale::log(low, high, 0.0, 1.0);
            let ticks = scale.ticks();
            assert!(ticks.len() <= 9, "{low}..{high}: {ticks:?}");
            assert!(ticks.iter().all(|t| (0.0..=1.0).contains(&scale.at(*t))));
        }
        assert_eq!(Scale::log(10.0, 1000.0, 0.0, 2.0).at(100.0), 1.0);
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!(coordinate(12.04), "12");
        assert_eq!(coordinate(12.36), "12.4");
    }
}
