//! The changes that a command line makes to a scenario. They are checked as strictly as the file.

use std::time::Duration;

use crate::format::policy_file::PolicyFile;
use crate::model::capacity::Rate;
use crate::token::fit;
use crate::{Arrivals, InstanceAges, Instances, Scenario, ScenarioError};

/// Changes to a scenario's load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    /// The measured time per round.
    pub duration: Option<Duration>,
    /// The arrivals per second over all streams. A closed loop becomes a Poisson process.
    pub rate: Option<f64>,
    /// The number of workers.
    pub workers: Option<u32>,
    /// The number of rounds.
    pub rounds: Option<u32>,
    /// The delay beyond which an arrival is shed.
    pub shed_after: Option<Duration>,
    /// The number of instances of the verifier.
    pub instances: Option<u32>,
    /// The ages of the instances' caches at the beginning.
    pub instance_ages: Option<InstanceAges>,
}

/// The tables of a scenario that the command line replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Whether `[cache]` was replaced.
    pub cache: bool,
    /// Whether `[policy]` was replaced.
    pub policy: bool,
}

impl Scenario {
    /// The scenario with this policy in place of its whole `[policy]` table. Its tokens are minted
    /// to fit the policy. If the policy names algorithms, they replace those of the scenario.
    ///
    /// # Errors
    /// If the policy leaves out a setting that a class of the scenario's tokens needs, or checks
    /// something that no minted token can satisfy.
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
    /// If a phase or an event would lie beyond the new end. Also if late arrivals are to be shed in
    /// a closed loop.
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
        // The busiest phase gets the given rate. The other phases keep their proportion to it.
        let phases = 0..self.phases.len();
        let sum = |phase: usize| {
            let settings = || self.streams.iter().map(|stream| &stream.settings[phase]);
            let begin: f64 = settings().map(|setting| setting.rate.per_s).sum();
            begin.max(settings().map(|setting| setting.rate_to.per_s).sum())
        };
        let busiest = phases.map(sum).fold(0.0, f64::max);
        self.scale_rates(rate / busiest);
    }

    /// Multiplies all rates by a factor. The scaled rates are no longer shares of a capacity.
    fn scale_rates(&mut self, factor: f64) {
        let scaled = |rate: Rate| Rate::per_second(rate.per_s * factor);
        for setting in self.0.streams.iter_mut().flat_map(|stream| &mut stream.settings) {
            setting.rate = scaled(setting.rate);
            setting.rate_to = scaled(setting.rate_to);
        }
    }

    /// The scenario thinned to at most about `operations` arrivals. A closed loop becomes that many
    /// evenly spaced arrivals. A closed loop whose classes take turns only loses its warm-up.
    pub fn thinned(mut self, operations: f64) -> Scenario {
        if self.load.arrivals == Arrivals::Closed && self.is_in_turn() {
            // There is one turn, and all its arrivals are at the first instant. This keeps tokens
            // at the limit of a time claim exact.
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

    /// The number of arrivals to be expected, including those of the warm-up.
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
