//! The rounds and phases of a trial that the host disturbed. Disturbed rounds give no figures, up
//! to a cap. What is kept beyond the cap is marked, and expectations do not judge its latencies. A
//! limited generator is marked too, and removes no figure. Verdicts and counts always stay.

use jwtbench_result::host::noise::{Noise, NoiseLog};
use jwtbench_result::host::window::WindowVerdict;
use jwtbench_scenario::model::place::PhasePlace;
use jwtbench_scenario::plan::Plan;

use super::CourseRecord;

/// The validity of the rounds so far.
pub(crate) struct Validity {
    log: NoiseLog,
    /// The number of rounds that give figures.
    kept: u32,
    phases: Vec<PhaseValidity>,
}

/// The validity of a phase in the rounds that give figures.
#[derive(Clone, Default)]
struct PhaseValidity {
    /// The gravest verdict.
    gravest: Option<WindowVerdict>,
    /// The number of rounds in which the host disturbed the phase.
    disturbed: u32,
    /// The reason in the first of those rounds.
    reason: Option<String>,
}

/// The verdict on one round.
#[derive(Default)]
pub(crate) struct RoundVerdict {
    /// Phases whose latencies are not to be judged, by their place in the scenario.
    pub(crate) unsound: Vec<PhasePlace>,
    /// The reason, if the host disturbed the whole round.
    pub(crate) disturbed: Option<String>,
    /// Whether its figures are left out.
    pub(crate) is_dropped: bool,
    /// The noise of the host.
    pub(crate) noise: Option<Noise>,
}

impl Validity {
    /// The validity of a trial of this plan, before its first round.
    pub(crate) fn new(plan: &Plan) -> Validity {
        let scenario = &plan.scenario;
        Validity {
            log: NoiseLog::new(scenario.load.rounds),
            kept: 0,
            phases: vec![PhaseValidity::default(); scenario.phases.len()],
        }
    }

    /// Judges a round. A round in virtual time has no course and is always valid.
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

    /// The verdict on a phase over all rounds that give figures, and the reason if the host
    /// disturbed it. The verdict is `None` in virtual time.
    pub(crate) fn phase(&self, phase: usize) -> (Option<WindowVerdict>, Option<String>) {
        let PhaseValidity { gravest, disturbed, reason } = &self.phases[phase];
        let told = reason.as_ref().map(|reason| match self.kept {
            1 => reason.clone(),
            rounds => format!("{disturbed} of {rounds} rounds, the first of them by {reason}"),
        });
        (*gravest, told)
    }

    /// The noise of the host over all rounds.
    pub(crate) fn noise(&self) -> Option<Noise> {
        self.log.total()
    }

    /// The reason, if the host disturbed too many rounds.
    pub(crate) fn noisy(&self) -> Option<String> {
        self.log.verdict()
    }
}
