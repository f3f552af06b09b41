//! What a command line changes about a scenario, checked as strictly as the file.

use std::time::Duration;

use super::{Arrivals, Scenario, ScenarioError};

/// Changes to a scenario's load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Measured time per round.
    pub duration: Option<Duration>,
    /// Arrivals per second over all streams; a closed loop becomes Poisson.
    pub rate: Option<f64>,
    /// Workers.
    pub workers: Option<u32>,
    /// Rounds.
    pub rounds: Option<u32>,
    /// Arrivals later than this are shed.
    pub shed_after: Option<Duration>,
}

impl Scenario {
    /// The scenario with these changes.
    ///
    /// # Errors
    /// If a phase or event would lie beyond the new end.
    pub fn with(mut self, overrides: &Overrides) -> Result<Scenario, ScenarioError> {
        if let Some(duration) = overrides.duration {
            let phases = self.phases.iter().map(|phase| phase.at);
            let last = phases.chain(self.events.iter().map(|event| event.at)).max();
            if let Some(last) = last.filter(|last| *last >= duration && !last.is_zero()) {
                let message = format!(
                    "--duration {} ends before the last phase or event, at {}; make it longer, or \
                     leave this scenario out",
                    humantime::format_duration(duration),
                    humantime::format_duration(last),
                );
                return Err(ScenarioError { path: self.path, line: None, message });
            }
            self.load.duration = duration;
        }
        if let Some(rate) = overrides.rate {
            self.set_rate(rate);
        }
        self.load.workers = overrides.workers.unwrap_or(self.load.workers);
        self.shed_after = overrides.shed_after.or(self.shed_after);
        if self.shed_after.is_some() && self.load.arrivals == Arrivals::Closed {
            let message = "nothing is late in a closed loop, so nothing can be shed; give a rate \
                           with --rate, or leave --shed-after out";
            return Err(ScenarioError { path: self.path, line: None, message: message.into() });
        }
        self.load.rounds = overrides.rounds.unwrap_or(self.load.rounds);
        Ok(self)
    }

    fn set_rate(&mut self, rate: f64) {
        if self.load.arrivals == Arrivals::Closed {
            self.load.arrivals = Arrivals::Poisson;
            let each = rate / self.streams.len() as f64;
            let settings = self.streams.iter_mut().flat_map(|stream| &mut stream.settings);
            settings.for_each(|setting| setting.rate = each);
            return;
        }
        // The busiest phase gets the rate; the others keep their proportion to it.
        let phases = 0..self.phases.len();
        let sum = |phase: usize| self.streams.iter().map(|s| s.settings[phase].rate).sum::<f64>();
        let busiest = phases.map(sum).fold(0.0, f64::max);
        self.scale_rates(rate / busiest);
    }

    fn scale_rates(&mut self, factor: f64) {
        let settings = self.streams.iter_mut().flat_map(|stream| &mut stream.settings);
        settings.for_each(|setting| setting.rate *= factor);
    }

    /// The scenario thinned to about `operations` arrivals at the most; a closed loop becomes that
    /// many evenly spaced ones.
    pub fn thinned(mut self, operations: f64) -> Scenario {
        if self.load.arrivals == Arrivals::Closed && self.is_in_turn() {
            // One turn, all of it at the first instant: what is due at an edge of time is exact.
            self.load.warmup = Duration::ZERO;
            return self;
        }
        if self.load.arrivals == Arrivals::Closed {
            let seconds = self.load.duration.as_secs_f64();
            self.load.warmup = Duration::ZERO;
            self.set_rate(operations / seconds);
            self.load.arrivals = Arrivals::Constant;
            return self;
        }
        let planned = self.planned();
        if planned > operations {
            self.scale_rates(operations / planned);
        }
        self
    }

    /// Arrivals to be expected, warm-up included.
    pub fn planned(&self) -> f64 {
        let end = self.load.duration;
        let mut sum = 0.0;
        for (index, phase) in self.phases.iter().enumerate() {
            let until = self.phases.get(index + 1).map_or(end, |next| next.at);
            let warmup = if index == 0 { self.load.warmup } else { Duration::ZERO };
            let seconds = (until - phase.at + warmup).as_secs_f64();
            sum += self.streams.iter().map(|s| s.settings[index].rate).sum::<f64>() * seconds;
        }
        sum
    }
}
