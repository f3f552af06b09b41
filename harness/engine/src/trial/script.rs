//! The script of a trial: what happens while tokens arrive, in order. Phases begin, the issuer
//! changes its set, keys are evicted, instances restart. It is the same in real and in virtual
//! time. What the issuer decides on tokens is the truth of a state, and no part of it.

use jwtbench_scenario::model::endpoint::EndpointSetting;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::judge::history::{Change, History};
use crate::jwks::endpoint::ServedCounts;

use super::TrialError;

/// An event of the script.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedEvent {
    /// The instant of the event.
    pub(crate) at: Tick,
    what: ScriptStep,
}

#[derive(Clone, Debug)]
enum ScriptStep {
    Phase(usize),
    Epoch(usize),
    Evict(String),
    /// So many percent of the instances restart, after those of so many turns before.
    Restart(f64, u32),
}

/// The target of scripted events.
pub(crate) trait ScriptTarget {
    /// Makes the endpoint serve this key set from now on.
    fn publish(&mut self, body: &[u8]);
    /// Puts this setting of the endpoint in force from now on.
    fn apply(&mut self, setting: &EndpointSetting) -> Result<(), TrialError>;
    /// Puts this setting of the store of the state in force from now on, if there is a state.
    fn set_store(&mut self, _: &StoreSetting) {}
    /// Restarts this share of the instances, in percent, if there is a state.
    fn restart(&mut self, _share: f64, _turn: u32) {}
    /// Makes the key caches drop everything under this kid.
    fn evict(&mut self, kid: &str);
    /// The endpoint's counts so far.
    fn served(&self) -> ServedCounts;
    /// The present time.
    fn now(&self) -> Tick;
}

/// The scripted events of a plan, in order. At one instant, phases come first.
pub(crate) fn scripted_events(plan: &Plan) -> Vec<ScriptedEvent> {
    let scenario = &plan.scenario;
    let mut all: Vec<ScriptedEvent> = Vec::new();
    for (index, phase) in scenario.phases.iter().enumerate().skip(1) {
        all.push(ScriptedEvent { at: Tick::ZERO + phase.at, what: ScriptStep::Phase(index) });
    }
    let mut epoch = 0;
    for event in &scenario.events {
        let what = match &event.action {
            Action::PublishKey { .. }
            | Action::SignWith(_)
            | Action::WithdrawKey(_)
            | Action::PublishSet(_) => {
                epoch += 1;
                ScriptStep::Epoch(epoch)
            }
            // The truth of a state has them.
            Action::RevokeTokens { .. }
            | Action::ChangeSubjects { .. }
            | Action::IssuerDown { .. } => continue,
            Action::Evict(label) => ScriptStep::Evict(kid_of(plan, label)),
            Action::RestartInstances { share, turn } => ScriptStep::Restart(*share, *turn),
        };
        all.push(ScriptedEvent { at: Tick::ZERO + event.at, what });
    }
    all.sort_by_key(|event| event.at);
    all
}

/// The kid under which a key was last published.
fn kid_of(plan: &Plan, label: &str) -> String {
    let epochs = plan.timeline.epochs().iter().rev();
    let mut published = epochs.flat_map(|epoch| &epoch.published);
    published.find(|key| key.label == label).map(|key| key.kid.clone()).unwrap_or_default()
}

/// The state of a script that runs.
#[derive(Default)]
pub(crate) struct ScriptRun {
    /// The history for the judge.
    pub(crate) history: History,
    /// The endpoint's counts at the start of each phase but the first.
    pub(crate) served: Vec<ServedCounts>,
}

impl ScriptRun {
    /// Applies an event, and notes when it took effect.
    pub(crate) fn apply(
        &mut self,
        event: &ScriptedEvent,
        plan: &Plan,
        surroundings: &mut dyn ScriptTarget,
    ) -> Result<(), TrialError> {
        let begin = surroundings.now();
        match &event.what {
            ScriptStep::Phase(index) => {
                self.served.push(surroundings.served());
                let phase = &plan.scenario.phases[*index];
                surroundings.apply(&phase.endpoint)?;
                surroundings.set_store(&phase.store);
            }
            ScriptStep::Epoch(index) => {
                surroundings.publish(&plan.timeline.epochs()[*index].body);
                self.history.epochs.push(Change { begin, end: surroundings.now() });
            }
            ScriptStep::Restart(share, turn) => surroundings.restart(*share, *turn),
            ScriptStep::Evict(kid) => surroundings.evict(kid),
        }
        Ok(())
    }
}
