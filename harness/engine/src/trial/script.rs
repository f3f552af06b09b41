//! The script of a trial: what happens while tokens arrive, in order. Phases begin, the issuer
//! changes its set, tokens are revoked, keys are evicted. It is the same in real and in virtual
//! time.

use std::time::Duration;

use jwtbench_scenario::model::endpoint::EndpointSetting;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::place::StreamPlace;
use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::judge::history::{Change, History, HolderRevocation};
use crate::jwks::endpoint::ServedCounts;
use crate::state::source::StateSource;

use super::{TrialError, other_jwt_id, others_end, token_end};

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
    Revoke(Revocation),
    /// The verifier's list now contains what was revoked this much earlier.
    List(Revocation, Duration),
    Evict(String),
    State(bool),
    /// So many percent of the instances restart, after those of so many turns before.
    Restart(f64, u32),
}

/// A revocation of tokens: those of the holders of a stream below a number, and those of others.
#[derive(Clone, Copy, Debug)]
struct Revocation {
    holders: Option<(StreamPlace, u32)>,
    others: u64,
    /// The place of the event in the scenario.
    event: usize,
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
    for (number, event) in scenario.events.iter().enumerate() {
        let what = match &event.action {
            Action::PublishKey { .. }
            | Action::SignWith(_)
            | Action::WithdrawKey(_)
            | Action::PublishSet(_) => {
                epoch += 1;
                ScriptStep::Epoch(epoch)
            }
            // The truth of a state has them.
            Action::RevokeTokens { .. } if scenario.state.is_some() => continue,
            Action::ChangeSubjects { .. } | Action::IssuerDown { .. } => continue,
            Action::RevokeTokens { stream, share, others, lag } => {
                let streams = &scenario.streams;
                let place = stream
                    .as_ref()
                    .and_then(|name| streams.iter().position(|stream| stream.name == *name));
                let holders = place.map(|place| {
                    let count = f64::from(streams[place].holders) * share / 100.0;
                    (StreamPlace(place as u16), count.ceil() as u32)
                });
                let revocation = Revocation { holders, others: *others, event: number };
                // A revocation that would be listed after the end is never listed.
                if !lag.is_zero() && event.at + *lag < scenario.load.duration {
                    let at = Tick::ZERO + event.at + *lag;
                    all.push(ScriptedEvent { at, what: ScriptStep::List(revocation, *lag) });
                }
                match lag.is_zero() {
                    true => ScriptStep::List(revocation, *lag),
                    false => ScriptStep::Revoke(revocation),
                }
            }
            Action::Evict(label) => ScriptStep::Evict(kid_of(plan, label)),
            Action::State { available } => ScriptStep::State(*available),
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
        state: Option<&StateSource>,
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
            ScriptStep::Revoke(Revocation { holders, .. }) => {
                if let Some((stream, below)) = *holders {
                    let change = Change { begin, end: begin };
                    let (issued_by, listed) = (event.at, Change::NEVER);
                    let revocation = HolderRevocation { stream, below, issued_by, change, listed };
                    self.history.revocations.push(revocation);
                }
            }
            ScriptStep::List(Revocation { holders, others, event: number }, lag) => {
                let issued_by = event.at - *lag;
                if let Some(state) = state {
                    let (batch, end) = (*number as u32, others_end(plan, begin));
                    let others = (0..*others).map(|number| (other_jwt_id(batch, number), end));
                    state.revoke(others, begin);
                    revoke_holders(plan, *holders, (issued_by, begin), state);
                }
                if let Some((stream, below)) = *holders {
                    let listed = Change { begin, end: surroundings.now() };
                    self.list(stream, below, (issued_by, *lag), listed);
                }
            }
            ScriptStep::Restart(share, turn) => surroundings.restart(*share, *turn),
            ScriptStep::Evict(kid) => surroundings.evict(kid),
            ScriptStep::State(available) => {
                if let Some(state) = state {
                    state.set_available(*available);
                    let change = Change { begin, end: surroundings.now() };
                    self.history.state.push((change, !available));
                }
            }
        }
        Ok(())
    }
}

impl ScriptRun {
    /// Adds revoked tokens to the verifier's list. Without a lag the issuer revokes them at the
    /// same instant.
    fn list(
        &mut self,
        stream: StreamPlace,
        below: u32,
        (issued_by, lag): (Tick, Duration),
        listed: Change,
    ) {
        let is_it = |known: &&mut HolderRevocation| {
            (known.stream, known.below, known.issued_by) == (stream, below, issued_by)
        };
        let mut revoked = self.history.revocations.iter_mut().rev();
        let known = if lag.is_zero() { None } else { revoked.find(is_it) };
        match known {
            Some(known) => known.listed = listed,
            None => {
                let change = listed;
                let revocation = HolderRevocation { stream, below, issued_by, change, listed };
                self.history.revocations.push(revocation);
            }
        }
    }
}

fn revoke_holders(
    plan: &Plan,
    holders: Option<(StreamPlace, u32)>,
    (issued_by, now): (Tick, Tick),
    state: &StateSource,
) {
    let Some((stream, below)) = holders else {
        return;
    };
    let change = Change { begin: issued_by, end: issued_by };
    let revocation = HolderRevocation { stream, below, issued_by, change, listed: change };
    let hit = plan.corpus.tokens.iter().filter(|token| revocation.hits(&token.facts));
    state.revoke(hit.map(|token| (token.facts.jwt_id.clone(), token_end(plan, &token.facts))), now);
}
