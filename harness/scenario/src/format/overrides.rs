//! What a command line changes about a scenario, checked as strictly as the file.

use std::time::Duration;

use crate::format::policy_file::PolicyFile;
use crate::model::capacity::Rate;
use crate::token::fit;
use crate::{Arrivals, InstanceAges, Instances, Scenario, ScenarioError};

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
    /// Instances of the verifier.
    pub instances: Option<u32>,
    /// How old their caches are at the beginning.
    pub instance_ages: Option<InstanceAges>,
}

/// Which tables of a scenario a command line put others in the place of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// `[cache]`.
    pub cache: bool,
    /// `[policy]`.
    pub policy: bool,
}

impl Scenario {
    /// The scenario under this policy in place of its whole `[policy]`: its tokens are minted to
    /// it, for the algorithms that it allows where it names any.
    ///
    /// # Errors
    /// If the policy leaves out what a class of the scenario's tokens needs, or no token can say
    /// what it looks at.
    pub fn judged_by(mut self, file: &PolicyFile) -> Result<Scenario, ScenarioError> {
        let fault = |message| ScenarioError { path: file.path.clone(), line: None, message };
        fit::check_names(&file.spec).map_err(fault)?;
        fit::check_events(&self.events, &file.spec).map_err(fault)?;
        for class in self.classes() {
            if let Err(remedy) = fit::check_class(class, &file.spec) {
                let message = format!(
                    "{} has tokens of class `{}`, which means nothing unless the policy has \
                     {remedy}",
                    self.name,
                    class.name()
                );
                return Err(fault(message));
            }
        }
        if file.names_algorithms {
            self.0.algorithms = file.spec.algorithms.clone();
        }
        self.0.policy = file.spec.clone();
        self.0.replaced.policy = true;
        Ok(self)
    }

    /// The scenario with these changes.
    ///
    /// # Errors
    /// If a phase or event would lie beyond the new end.
    pub fn with(mut self, overrides: &Overrides) -> Result<Scenario, ScenarioError> {
        if let Some(duration) = overrides.duration {
            let phases = self.phases.iter().map(|phase| phase.at);
            let last = phases.chain(self.events.iter().map(|event| event.at + event.spread)).max();
            if let Some(last) = last.filter(|last| *last >= duration && !last.is_zero()) {
                let message = format!(
                    "a duration of {} ends before the last phase or event, at {}; make it longer, \
                     or leave this scenario out",
                    humantime::format_duration(duration),
                    humantime::format_duration(last),
                );
                return Err(ScenarioError { path: self.0.path, line: None, message });
            }
            self.0.load.duration = duration;
        }
        if let Some(rate) = overrides.rate {
            self.set_rate(rate);
        }
        self.0.load.workers = overrides.workers.unwrap_or(self.load.workers);
        self.0.shed_after = overrides.shed_after.or(self.shed_after);
        if self.shed_after.is_some() && self.load.arrivals == Arrivals::Closed {
            let message = "nothing is late in a closed loop, so nothing can be shed; give a rate \
                           with --rate, or leave --shed-after out";
            return Err(ScenarioError { path: self.0.path, line: None, message: message.into() });
        }
        self.0.load.rounds = overrides.rounds.unwrap_or(self.load.rounds);
        let Instances { count, ages } = &mut self.0.instances;
        *count = overrides.instances.unwrap_or(*count);
        *ages = overrides.instance_ages.unwrap_or(*ages);
        Ok(self)
    }

    fn set_rate(&mut self, rate: f64) {
        if self.load.arrivals == Arrivals::Closed {
            self.0.load.arrivals = Arrivals::Poisson;
            let each = Rate::per_second(rate / self.streams.len() as f64);
            let settings = self.0.streams.iter_mut().flat_map(|stream| &mut stream.settings);
            settings.for_each(|setting| (setting.rate, setting.rate_to) = (each, each));
            return;
        }
        // The busiest instant gets the rate; the others keep their proportion to it.
        let phases = 0..self.phases.len();
        let sum = |phase: usize| {
            let settings = || self.streams.iter().map(|stream| &stream.settings[phase]);
            let begin: f64 = settings().map(|setting| setting.rate.per_s).sum();
            begin.max(settings().map(|setting| setting.rate_to.per_s).sum())
        };
        let busiest = phases.map(sum).fold(0.0, f64::max);
        self.scale_rates(rate / busiest);
    }

    /// Scaled rates are no shares of a capacity any more.
    fn scale_rates(&mut self, factor: f64) {
        let scaled = |rate: Rate| Rate::per_second(rate.per_s * factor);
        for setting in self.0.streams.iter_mut().flat_map(|stream| &mut stream.settings) {
            setting.rate = scaled(setting.rate);
            setting.rate_to = scaled(setting.rate_to);
        }
    }

    /// The scenario thinned to about `operations` arrivals at the most; a closed loop becomes that
    /// many evenly spaced ones.
    pub fn thinned(mut self, operations: f64) -> Scenario {
        if self.load.arrivals == Arrivals::Closed && self.is_in_turn() {
            // One turn, all of it at the first instant: what is due at an edge of time is exact.
            self.0.load.warmup = Duration::ZERO;
            return self;
        }
        if self.load.arrivals == Arrivals::Closed {
            let seconds = self.load.duration.as_secs_f64();
            self.0.load.warmup = Duration::ZERO;
            self.set_rate(operations / seconds);
            self.0.load.arrivals = Arrivals::Constant;
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
            let (span, warmup) = ((until - phase.at).as_secs_f64(), warmup.as_secs_f64());
            for setting in self.streams.iter().map(|stream| &stream.settings[index]) {
                let (from, to) = (setting.rate.per_s, setting.rate_to.per_s);
                sum += (from + to) / 2.0 * span + from * warmup;
            }
        }
        sum
    }
}
