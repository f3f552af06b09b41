//! Rates that are shares of a capacity: the closed loop that finds the capacity, and the scenario
//! once the capacity is known. This module is pure and measures nothing itself.

use std::time::Duration;

use crate::format::grammar;
use crate::token::class::Class;
use crate::{Arrivals, Phase, Scenario, Stream, StreamSetting};

/// The capacity that is assumed in virtual time, and until a run has measured one. In arrivals per
/// second.
pub const NOMINAL: f64 = 10_000.0;
/// The name of the stream in a closed loop that finds a capacity.
const STREAM: &str = "capacity";
/// The measured time of one round of that loop.
const ROUND: Duration = Duration::from_millis(200);
/// The warm-up of that loop.
const WARMUP: Duration = Duration::from_millis(50);
/// The number of rounds of that loop. The median of the rounds is used.
const ROUNDS: u32 = 3;

/// A rate of arrivals, either absolute or a share of a capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// The arrivals per second.
    pub per_s: f64,
    /// The share of capacity (1 is all of it) from which `per_s` was computed. `None` if the rate
    /// was given as a number.
    pub share: Option<f64>,
}

impl Rate {
    /// A rate given as a number per second.
    pub const fn per_second(per_s: f64) -> Rate {
        Rate { per_s, share: None }
    }

    /// A share of a capacity that is not known yet. [`NOMINAL`] is assumed.
    pub fn of_capacity(share: f64) -> Rate {
        Rate { per_s: share * NOMINAL, share: Some(share) }
    }

    /// The same rate once the capacity, in operations per second, is known.
    pub fn resolved(self, capacity: f64) -> Rate {
        Rate { per_s: self.share.map_or(self.per_s, |share| share * capacity), ..self }
    }

    /// The rate that lies at `part` (0 to 1) of the way to `other`. It is a share if both rates
    /// are.
    pub fn towards(self, other: Rate, part: f64) -> Rate {
        let between = |from: f64, to: f64| from + (to - from) * part;
        let shares = self.share.zip(other.share);
        Rate {
            per_s: between(self.per_s, other.per_s),
            share: shares.map(|(from, to)| between(from, to)),
        }
    }

    /// Reads a rate per second such as `200k`, or a share of capacity such as `70%`.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let Some(percent) = text.strip_suffix('%').map(str::trim_end) else {
            let fault = |message| format!("{message}, or as a share of capacity such as \"70%\"");
            return grammar::rate(text).map(Rate::per_second).map_err(fault);
        };
        let is_plain = percent.starts_with(|c: char| c.is_ascii_digit());
        match percent.parse::<f64>() {
            Ok(percent) if is_plain && percent > 0.0 && percent <= 200.0 => {
                Ok(Rate::of_capacity(percent / 100.0))
            }
            Ok(percent) if is_plain => Err(format!(
                "{percent} % of capacity is not above 0 and at most 200; \"70%\" is usual"
            )),
            _ => Err(format!(
                "`{text}` is no rate per second and no share of capacity; write it like 200k or \
                 \"70%\""
            )),
        }
    }
}

/// One relative rate of a stream in a phase, with its computed value.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved<'s> {
    /// The name of the phase.
    pub phase: &'s str,
    /// The name of the stream.
    pub stream: &'s str,
    /// The rate at the beginning of the phase.
    pub rate: Rate,
    /// The rate at the end of the phase.
    pub rate_to: Rate,
}

impl StreamSetting {
    fn is_relative(&self) -> bool {
        !self.shares.is_empty() && (self.rate.share.is_some() || self.rate_to.share.is_some())
    }
}

impl Scenario {
    /// Whether any rate is a share of a capacity.
    pub fn has_relative_rates(&self) -> bool {
        self.resolved_rates().next().is_some()
    }

    /// The scenario with relative rates computed for this capacity, in operations per second.
    pub fn resolved(mut self, capacity: f64) -> Scenario {
        for setting in self.0.streams.iter_mut().flat_map(|stream| &mut stream.settings) {
            setting.rate = setting.rate.resolved(capacity);
            setting.rate_to = setting.rate_to.resolved(capacity);
        }
        self
    }

    /// The scenario with relative rates computed and kept as absolute rates, so that no calibration
    /// is needed.
    pub fn settled(self, capacity: f64) -> Scenario {
        let mut settled = self.resolved(capacity);
        for setting in settled.0.streams.iter_mut().flat_map(|stream| &mut stream.settings) {
            setting.rate = Rate::per_second(setting.rate.per_s);
            setting.rate_to = Rate::per_second(setting.rate_to.per_s);
        }
        settled
    }

    /// The relative rates with their current values, phase by phase.
    pub fn resolved_rates(&self) -> impl Iterator<Item = Resolved<'_>> {
        self.phases.iter().enumerate().flat_map(move |(index, phase)| {
            let relative = self.streams.iter().filter(move |s| s.settings[index].is_relative());
            relative.map(move |stream| {
                let StreamSetting { rate, rate_to, .. } = stream.settings[index];
                Resolved { phase: &phase.name, stream: &stream.name, rate, rate_to }
            })
        })
    }

    /// The closed loop that finds the capacity, or `None` if no rate is relative. Its mix is that
    /// of the streams with relative rates in the first phase that has one, each weighted by its
    /// share. It has no events and no faults.
    pub fn calibration(&self) -> Option<Scenario> {
        let relative = |phase: usize| {
            self.streams.iter().filter(move |stream| stream.settings[phase].is_relative())
        };
        let phase = (0..self.phases.len()).find(|phase| relative(*phase).next().is_some())?;
        let mut mix: Vec<(Class, f64)> = Vec::new();
        for stream in relative(phase) {
            let StreamSetting { rate, rate_to, shares, .. } = &stream.settings[phase];
            let weight = rate.share.into_iter().chain(rate_to.share).fold(0.0, f64::max);
            mix.extend(shares.iter().map(|(class, share)| (*class, share * weight)));
        }
        Some(self.closed(&mix))
    }

    /// The scenario as a closed loop of this mix of classes. The weights need not sum to 100. The
    /// result has one stream and one phase, and no events, faults or expectations.
    pub fn closed(&self, mix: &[(Class, f64)]) -> Scenario {
        let sum: f64 = mix.iter().map(|(_, weight)| weight).sum();
        let mut shares: Vec<(Class, f64)> = Vec::new();
        for (class, weight) in mix {
            let share = weight * 100.0 / sum;
            match shares.iter_mut().find(|(known, _)| known == class) {
                Some((_, known)) => *known += share,
                None => shares.push((*class, share)),
            }
        }
        shares.sort_by_key(|(class, _)| *class);
        let largest = self.streams.iter().max_by_key(|stream| stream.holders);
        let (holders, reuse) = largest.map_or_else(Default::default, |s| (s.holders, s.reuse));
        let setting = StreamSetting { shares, ..StreamSetting::default() };
        let mut closed = self.clone();
        closed.0.load.arrivals = Arrivals::Closed;
        closed.0.load.duration = ROUND;
        closed.0.load.warmup = WARMUP;
        closed.0.load.rounds = ROUNDS;
        let (name, holders) = (STREAM.into(), holders.max(1));
        closed.0.streams = vec![Stream { name, holders, reuse, settings: vec![setting] }];
        closed.0.phases = vec![Phase {
            name: "start".into(),
            at: Duration::ZERO,
            endpoint: crate::model::endpoint::EndpointSetting::default(),
            skew: jwtbench_verifier::wall_clock::Skew::None,
            store: crate::model::state::StoreSetting::default(),
        }];
        closed.0.cache.start = crate::format::cache::Start::Warm;
        closed.0.events.clear();
        closed.0.expectations.clear();
        closed
    }

    /// The mix of all streams in the first phase. Each stream is weighted by its rate; in a closed
    /// loop all have the same weight.
    pub fn mix(&self) -> Vec<(Class, f64)> {
        let is_closed = self.load.arrivals == Arrivals::Closed;
        let mut mix = Vec::new();
        for setting in self.streams.iter().map(|stream| &stream.settings[0]) {
            let weight = if is_closed { 1.0 } else { setting.rate.per_s };
            mix.extend(setting.shares.iter().map(|(class, share)| (*class, share * weight)));
        }
        mix
    }

    /// The scenario as an open loop of one mix, with Poisson arrivals at `per_s` per second for
    /// `duration`.
    pub fn open(&self, mix: &[(Class, f64)], per_s: f64, duration: Duration) -> Scenario {
        let mut open = self.closed(mix);
        open.0.load.arrivals = Arrivals::Poisson;
        open.0.load.duration = duration;
        open.0.load.rounds = 1;
        let settings = open.0.streams.iter_mut().flat_map(|stream| &mut stream.settings);
        settings.for_each(|setting| {
            setting.rate = Rate::per_second(per_s);
            setting.rate_to = setting.rate;
        });
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_capacity_are_read_strictly() {
        let rows = [
            ("70%", Ok(0.7), "usual"),
            ("200%", Ok(2.0), "the most"),
            ("0.5 %", Ok(0.005), "a space"),
            ("0%", Err("above 0"), "nothing arrives"),
            ("201%", Err("at most 200"), "twice is overload enough"),
            ("1e9%", Err("at most 200"), "far too much"),
            ("abc%", Err("no rate"), "no number"),
            ("%", Err("no rate"), "no number"),
            ("70x", Err("no rate"), "no such scale"),
            ("0k", Err("above 0 and at most 10M"), "nothing arrives"),
            ("-5%", Err("no rate"), "negative"),
            ("+5%", Err("no rate"), "a sign"),
            ("NaN%", Err("no rate"), "no number at all"),
            ("inf%", Err("no rate"), "nor this"),
            ("70%%", Err("no rate"), "twice"),
        ];
        for (text, expected, reason) in rows {
            match (Rate::parse(text), expected) {
                (Ok(rate), Ok(share)) => {
                    assert!((rate.share.unwrap_or(0.0) - share).abs() < 1e-12, "{reason}: {text}");
                    assert!((rate.per_s - share * NOMINAL).abs() < 1e-6, "{reason}: {text}");
                }
                (Err(said), Err(word)) => assert!(said.contains(word), "{reason}: {said}"),
                (got, _) => panic!("{reason}: {text} gave {got:?}"),
            }
        }
    }

    #[test]
    fn a_text_without_a_percent_sign_is_a_rate_per_second() {
        assert_eq!(Rate::parse("200k"), Ok(Rate::per_second(200_000.0)));
        assert_eq!(Rate::parse("70"), Ok(Rate::per_second(70.0)));
    }

    #[test]
    fn a_rate_between_two_shares_is_a_share() {
        let (low, high) = (Rate::of_capacity(0.2), Rate::of_capacity(0.6));
        let half = low.towards(high, 0.5);
        assert!((half.share.unwrap_or(0.0) - 0.4).abs() < 1e-12);
        assert!((half.resolved(50_000.0).per_s - 20_000.0).abs() < 1e-6);
        let mixed = low.towards(Rate::per_second(4000.0), 0.5);
        assert_eq!(mixed, Rate::per_second(3000.0), "a number stays what it is");
        assert_eq!(mixed.resolved(1e6), mixed, "and no capacity changes it");
    }
}
