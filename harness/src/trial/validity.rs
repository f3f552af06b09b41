//! Which rounds and phases of a trial give figures: rounds that the host disturbed and phases in
//! which the generator was limited do not. Their verdicts and counts stand.

use crate::result::noise::{Noise, NoiseLog};
use crate::result::window::WindowVerdict;
use crate::scenario::plan::Plan;

use super::CourseRecord;

/// What is known of the rounds so far.
pub(super) struct Validity {
    log: NoiseLog,
    rounds: u32,
    dropped: u32,
    phases: Vec<PhaseValidity>,
}

#[derive(Clone, Default)]
struct PhaseValidity {
    /// Rounds in which the generator was limited.
    limited: u32,
    /// The gravest verdict of the rounds that give figures.
    gravest: Option<WindowVerdict>,
}

/// What one round gives.
pub(super) struct RoundVerdict {
    /// Phases that give no figures, by their place in the scenario.
    pub(super) without: Vec<u16>,
    /// Why the whole round is dropped.
    pub(super) dropped: Option<String>,
    /// What the host did.
    pub(super) noise: Option<Noise>,
}

impl Validity {
    /// Of a trial of this plan, before its first round.
    pub(super) fn new(plan: &Plan) -> Validity {
        let scenario = &plan.scenario;
        Validity {
            log: NoiseLog::new(scenario.load.rounds),
            rounds: 0,
            dropped: 0,
            phases: vec![PhaseValidity::default(); scenario.phases.len()],
        }
    }

    /// Judges a round; one in virtual time gives everything.
    pub(super) fn judge(&mut self, course: Option<&CourseRecord>) -> RoundVerdict {
        let Some(course) = course else {
            return RoundVerdict { without: Vec::new(), dropped: None, noise: None };
        };
        self.rounds += 1;
        let dropped = self.log.enter(&course.noise, &course.hiccups);
        let noise = Some(course.noise.clone());
        if dropped.is_some() {
            self.dropped += 1;
            let without = (0u16..).take(self.phases.len()).collect();
            return RoundVerdict { without, dropped, noise };
        }
        let mut without = Vec::new();
        for ((phase, known), verdict) in (0u16..).zip(&mut self.phases).zip(&course.phases) {
            if *verdict == WindowVerdict::GeneratorLimited {
                known.limited += 1;
                without.push(phase);
            } else {
                known.gravest = known.gravest.max(Some(*verdict));
            }
        }
        RoundVerdict { without, dropped, noise }
    }

    /// The verdict on a phase over all rounds, and why some of them give no figures.
    pub(super) fn phase(&self, phase: usize) -> (Option<WindowVerdict>, Option<String>) {
        let PhaseValidity { limited, gravest } = self.phases[phase].clone();
        if limited == 0 {
            return (gravest, None);
        }
        let kept = self.rounds - self.dropped;
        let limit = WindowVerdict::GeneratorLimited;
        let reason = format!(
            "{} in {limited} of {kept} rounds: the generator was late while workers were idle, so \
             those rounds give no latency",
            limit.name(),
        );
        (Some(gravest.unwrap_or(limit)), Some(reason))
    }

    /// What the host did over all rounds.
    pub(super) fn noise(&self) -> Option<Noise> {
        self.log.total()
    }

    /// Why the host disturbed too many rounds.
    pub(super) fn noisy(&self) -> Option<String> {
        self.log.verdict()
    }
}
