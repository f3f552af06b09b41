//! Which rounds and phases of a trial the host disturbed. Such rounds give no figures, up to a cap;
//! what is left is marked, and its latencies are no matter of expectations. That the generator was
//! limited is a mark too, and takes no figure away. Verdicts and counts always stand.

use jwtbench_result::host::noise::{Noise, NoiseLog};
use jwtbench_result::host::window::WindowVerdict;
use jwtbench_scenario::model::place::PhasePlace;
use jwtbench_scenario::plan::Plan;

use super::CourseRecord;

/// What is known of the rounds so far.
pub(crate) struct Validity {
    log: NoiseLog,
    /// Rounds that give figures.
    kept: u32,
    phases: Vec<PhaseValidity>,
}

/// A phase in the rounds that give figures.
#[derive(Clone, Default)]
struct PhaseValidity {
    /// The gravest verdict.
    gravest: Option<WindowVerdict>,
    /// Rounds in which the host disturbed it.
    disturbed: u32,
    /// Why, in the first of them.
    reason: Option<String>,
}

/// What one round gives.
#[derive(Default)]
pub(crate) struct RoundVerdict {
    /// Phases whose latencies are not to be judged, by their place in the scenario.
    pub(crate) unsound: Vec<PhasePlace>,
    /// Why the host disturbed the whole round, if it did.
    pub(crate) disturbed: Option<String>,
    /// Whether its figures are left out.
    pub(crate) is_dropped: bool,
    /// What the host did.
    pub(crate) noise: Option<Noise>,
}

impl Validity {
    /// Of a trial of this plan, before its first round.
    pub(crate) fn new(plan: &Plan) -> Validity {
        let scenario = &plan.scenario;
        Validity {
            log: NoiseLog::new(scenario.load.rounds),
            kept: 0,
            phases: vec![PhaseValidity::default(); scenario.phases.len()],
        }
    }

    /// Judges a round; one in virtual time gives everything.
    pub(crate) fn judge(&mut self, course: Option<&CourseRecord>) -> RoundVerdict {
        let Some(course) = course else {
            return RoundVerdict::default();
        };
        let entry = self.log.enter(&course.noise, &course.hiccups, &course.windows);
        let mut unsound = Vec::new();
        self.kept += u32::from(!entry.is_dropped);
        for ((place, known), phase) in
            (0u16..).map(PhasePlace).zip(&mut self.phases).zip(&course.phases)
        {
            let reason = entry.disturbed.as_ref().or(phase.disturbed.as_ref());
            if reason.is_some() {
                unsound.push(place);
            }
            if entry.is_dropped {
                continue;
            }
            known.gravest = known.gravest.max(Some(phase.verdict));
            known.disturbed += u32::from(reason.is_some());
            known.reason = known.reason.take().or(reason.cloned());
        }
        let (disturbed, is_dropped) = (entry.disturbed, entry.is_dropped);
        RoundVerdict { unsound, disturbed, is_dropped, noise: Some(course.noise.clone()) }
    }

    /// The verdict on a phase over all rounds that give figures, and why the host disturbed it;
    /// `None` in virtual time.
    pub(crate) fn phase(&self, phase: usize) -> (Option<WindowVerdict>, Option<String>) {
        let PhaseValidity { gravest, disturbed, reason } = &self.phases[phase];
        let told = reason.as_ref().map(|reason| match self.kept {
            1 => reason.clone(),
            rounds => format!("{disturbed} of {rounds} rounds, the first of them by {reason}"),
        });
        (*gravest, told)
    }

    /// What the host did over all rounds.
    pub(crate) fn noise(&self) -> Option<Noise> {
        self.log.total()
    }

    /// Why the host disturbed too many rounds.
    pub(crate) fn noisy(&self) -> Option<String> {
        self.log.verdict()
    }
}
