//! A scenario in the variants that verbs ask for. Each is as valid as the scenario that it is made
//! of.

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
    /// Its label.
    pub label: String,
    /// When the event says so.
    pub at: Duration,
    /// How much later it is.
    pub by: Duration,
}

impl Scenario {
    /// What it holds, to be taken apart.
    pub fn into_parts(self) -> ScenarioParts {
        self.0
    }

    /// With about so many operations at the most, in one round: enough to judge every verdict.
    pub fn for_check(self, operations: f64) -> Scenario {
        let mut few = self.thinned(operations);
        few.0.load.rounds = 1;
        few
    }

    /// Under a stored load, whose duration is the scenario's own or has been given to it.
    pub fn under_load(mut self, load: Load) -> Scenario {
        self.0.load = load;
        self
    }

    /// With the rates of a stream at the beginning and at the end of a phase; `None` if it has no
    /// such stream or phase.
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

    /// With one worker, so that all arrivals are in one order.
    pub fn single_worker(mut self) -> Scenario {
        self.0.load.workers = 1;
        self
    }

    /// With its measured time from the first instant.
    pub fn without_warmup(mut self) -> Scenario {
        self.0.load.warmup = Duration::ZERO;
        self
    }

    /// With rounds of this length, and so many of them. A closed loop has no phase that could lie
    /// beyond its end.
    pub fn in_rounds(mut self, duration: Duration, rounds: u32) -> Scenario {
        self.0.load.duration = duration;
        self.0.load.rounds = rounds;
        self
    }

    /// With so many holders in each stream.
    pub fn with_holders(mut self, holders: u32) -> Scenario {
        for stream in &mut self.0.streams {
            stream.holders = holders;
        }
        self
    }

    /// With a key cache of this policy, of no preset and of no file.
    pub fn cached_by(mut self, cache: CacheSpec) -> Scenario {
        self.0.cache = cache;
        self
    }

    /// With tokens minted to this policy.
    pub fn minted_to(mut self, policy: &PolicySpec) -> Scenario {
        self.0.policy = policy.clone();
        self
    }

    /// With these classes in turn, all of them alike, in its first stream at its beginning.
    pub fn sending(mut self, classes: &[Class]) -> Scenario {
        let share = 100.0 / classes.len().max(1) as f64;
        let shares = classes.iter().map(|class| (*class, share)).collect();
        if let Some(setting) = self.0.streams.first_mut().and_then(|s| s.settings.first_mut()) {
            *setting = StreamSetting { shares, in_turn: true, ..setting.clone() };
        }
        self
    }

    /// With another sentence at the end of its analysis.
    pub fn noting(mut self, sentence: &str) -> Scenario {
        self.0.analysis = format!("{} {sentence}", self.analysis);
        self
    }

    /// With what moves in it moved by this share of how far it may, and the keys that are withdrawn
    /// later for it.
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
