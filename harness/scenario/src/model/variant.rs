//! The variants of a scenario that the verbs use. Each is as valid as the scenario from which it is
//! made.

use std::time::Duration;

use jwtbench_verifier::policy::PolicySpec;

use crate::format::cache::CacheSpec;
use crate::model::capacity::Rate;
use crate::model::event::Action;
use crate::token::class::Class;
use crate::{Load, Scenario, ScenarioParts, StreamSetting};

/// A key that is withdrawn later than its event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedKey {
    /// The label of the key.
    pub label: String,
    /// The instant of the event, on the scenario clock.
    pub at: Duration,
    /// The delay of the withdrawal.
    pub by: Duration,
}

impl Scenario {
    /// Converts the scenario into its parts.
    pub fn into_parts(self) -> ScenarioParts {
        self.0
    }

    /// The scenario with at most about this many operations, in one round. They are enough to judge
    /// every verdict.
    pub fn for_check(self, operations: f64) -> Scenario {
        let mut few = self.thinned(operations);
        few.0.load.rounds = 1;
        few
    }

    /// The scenario under a stored load. The duration of the load must suit the phases and events.
    pub fn under_load(mut self, load: Load) -> Scenario {
        self.0.load = load;
        self
    }

    /// The scenario with these rates of a stream at the beginning and the end of a phase. `None` if
    /// it has no such stream or phase.
    pub fn at_rate(
        mut self,
        stream: &str,
        phase: &str,
        (rate, rate_to): (Rate, Rate),
    ) -> Option<Scenario> {
        let place = self.phases.iter().position(|known| known.name == phase)?;
        let stream = self.0.streams.iter_mut().find(|known| known.name == stream)?;
        let setting = stream.settings.get_mut(place)?;
        (setting.rate, setting.rate_to) = (rate, rate_to);
        Some(self)
    }

    /// The scenario with one worker, so that all arrivals are in one order.
    pub fn single_worker(mut self) -> Scenario {
        self.0.load.workers = 1;
        self
    }

    /// The scenario without a warm-up.
    pub fn without_warmup(mut self) -> Scenario {
        self.0.load.warmup = Duration::ZERO;
        self
    }

    /// The scenario with this number of rounds of this length. It must be a closed loop, where no
    /// phase can lie beyond the end.
    pub fn in_rounds(mut self, duration: Duration, rounds: u32) -> Scenario {
        self.0.load.duration = duration;
        self.0.load.rounds = rounds;
        self
    }

    /// The scenario with this number of holders in each stream.
    pub fn with_holders(mut self, holders: u32) -> Scenario {
        for stream in &mut self.0.streams {
            stream.holders = holders;
        }
        self
    }

    /// The scenario with this key cache in place of its own.
    pub fn cached_by(mut self, cache: CacheSpec) -> Scenario {
        self.0.cache = cache;
        self
    }

    /// The scenario with this policy, for which its tokens are minted.
    pub fn minted_to(mut self, policy: &PolicySpec) -> Scenario {
        self.0.policy = policy.clone();
        self
    }

    /// The scenario in which the first stream sends these classes in turn, with equal shares, in
    /// the first phase.
    pub fn sending(mut self, classes: &[Class]) -> Scenario {
        let share = 100.0 / classes.len().max(1) as f64;
        let shares = classes.iter().map(|class| (*class, share)).collect();
        if let Some(setting) = self.0.streams.first_mut().and_then(|s| s.settings.first_mut()) {
            *setting = StreamSetting { shares, in_turn: true, ..setting.clone() };
        }
        self
    }

    /// The scenario with a further sentence at the end of its analysis.
    pub fn noting(mut self, sentence: &str) -> Scenario {
        self.0.analysis = format!("{} {sentence}", self.analysis);
        self
    }

    /// The scenario with its withdrawals delayed by this share of their `spread`, and the list of
    /// the delayed keys.
    pub fn moved(mut self, share: f64) -> (Scenario, Vec<DelayedKey>) {
        let mut delayed = Vec::new();
        for event in &mut self.0.events {
            if let Action::WithdrawKey(label) = &event.action {
                let (at, by) = (event.at, event.spread.mul_f64(share));
                delayed.push(DelayedKey { label: label.clone(), at, by });
                event.at += by;
            }
        }
        (self, delayed)
    }
}
