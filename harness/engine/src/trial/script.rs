//! What happens to a trial while tokens arrive, in order: phases begin, the issuer changes its set,
//! tokens are revoked, keys evicted. The same in real and in virtual time.

use std::time::Duration;

use jwtbench_scenario::model::endpoint::EndpointSetting;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::place::StreamPlace;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::revocation::Revocations;
use jwtbench_verifier::tick::Tick;

use crate::judge::history::{Change, History, HolderRevocation};
use crate::jwks::endpoint::ServedCounts;

use super::{TrialError, other_jwt_id};

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedEvent {
    /// When.
    pub(crate) at: Tick,
    what: ScriptStep,
}

#[derive(Clone, Debug)]
enum ScriptStep {
    Phase(usize),
    Epoch(usize),
    Revoke(Revocation),
    /// The verifier's list has what was revoked so much earlier.
    List(Revocation, Duration),
    Evict(String),
    State(bool),
}

/// Tokens that are revoked: of the holders of a stream below a number, and of others.
#[derive(Clone, Copy, Debug)]
struct Revocation {
    holders: Option<(StreamPlace, u32)>,
    others: u64,
    /// The place of its event.
    event: usize,
}

/// Where scripted events take hold.
pub(crate) trait ScriptTarget {
    /// The endpoint serves this key set from now on.
    fn publish(&mut self, body: &[u8]);
    /// The endpoint behaves so from now on.
    fn apply(&mut self, setting: &EndpointSetting) -> Result<(), TrialError>;
    /// The key cache drops everything under this kid.
    fn evict(&mut self, kid: &str);
    /// What the endpoint counted so far.
    fn served(&self) -> ServedCounts;
    /// The time.
    fn now(&self) -> Tick;
}

/// The scripted events of a plan, in order. At one instant phases come first.
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
                // A list that would have it after the end never has it.
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

/// What has happened so far.
#[derive(Default)]
pub(crate) struct ScriptRun {
    /// For the judges.
    pub(crate) history: History,
    /// The endpoint's counts at the start of each phase but the first.
    pub(crate) served: Vec<ServedCounts>,
}

impl ScriptRun {
    /// Lets it happen, and notes when it took hold.
    pub(crate) fn apply(
        &mut self,
        event: &ScriptedEvent,
        plan: &Plan,
        revocations: Option<&Revocations>,
        surroundings: &mut dyn ScriptTarget,
    ) -> Result<(), TrialError> {
        let begin = surroundings.now();
        match &event.what {
            ScriptStep::Phase(index) => {
                self.served.push(surroundings.served());
                surroundings.apply(&plan.scenario.phases[*index].endpoint)?;
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
                if let Some(revocations) = revocations {
                    let name = format!("event{number:03}");
                    revocations.revoke((0..*others).map(|number| other_jwt_id(&name, number)));
                    revoke_holders(plan, *holders, issued_by, revocations);
                }
                if let Some((stream, below)) = *holders {
                    let listed = Change { begin, end: surroundings.now() };
                    self.list(stream, below, (issued_by, *lag), listed);
                }
            }
            ScriptStep::Evict(kid) => surroundings.evict(kid),
            ScriptStep::State(available) => {
                if let Some(revocations) = revocations {
                    revocations.set_available(*available);
                    let change = Change { begin, end: surroundings.now() };
                    self.history.state.push((change, !available));
                }
            }
        }
        Ok(())
    }
}

impl ScriptRun {
    /// The verifier's list has what was revoked before; without a lag the issuer revokes it now.
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
    issued_by: Tick,
    revocations: &Revocations,
) {
    let Some((stream, below)) = holders else {
        return;
    };
    let change = Change { begin: issued_by, end: issued_by };
    let revocation = HolderRevocation { stream, below, issued_by, change, listed: change };
    let hit = plan.corpus.tokens.iter().filter(|token| revocation.hits(&token.facts));
    revocations.revoke(hit.map(|token| token.facts.jwt_id.clone()));
}
