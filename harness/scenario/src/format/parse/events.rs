//! The parser of the `[[event]]` tables. It checks that their order makes sense.

use std::collections::HashSet;
use std::time::Duration;

use toml::Spanned;

use crate::format::wire::WireEvent;
use crate::issuer::FIRST_KEY;
use crate::model::event::{Action, Event, Poison, SubjectChange};
use crate::{Load, Phase, SIMULATED, Stream};

use super::{Checked, File};

/// The most events of a scenario, where each repetition of an event counts.
const MAX_EVENTS: usize = 200_000;
/// The most keys in all the key sets that the events publish one after the other. Each set is kept
/// in memory in the form in which it is served.
const MAX_PUBLISHED: usize = 500_000;
/// The most revocations of tokens that never arrive, over all events.
const MAX_OTHERS: u64 = 1_000_000;

pub(super) fn events(
    file: &File<'_>,
    wire: &[Spanned<WireEvent>],
    load: &Load,
    streams: &[Stream],
    phases: &[Phase],
    family: &str,
) -> Checked<Vec<Event>> {
    let (mut events, mut others) = (Vec::new(), 0);
    for given in wire {
        let span = Some(given.span());
        let event = given.get_ref();
        let action = action(file, given, streams)?;
        let times = event.times.unwrap_or(1);
        let every = event.every.map_or(Duration::ZERO, |every| every.0);
        let spread = event.spread.map_or(Duration::ZERO, |spread| spread.0);
        let may_spread = family == SIMULATED && matches!(action, Action::WithdrawKey(_));
        if !spread.is_zero() && !may_spread {
            return file.fault(
                span,
                "`spread` goes with `withdraw-key`, in scenarios of family policy; leave it out",
            );
        }
        if times == 0 || times > 1000 || (times > 1 && every.is_zero()) {
            return file.fault(span, "`times` is 1 to 1000, with `every` above zero if over 1");
        }
        let last = event.at.0 + every * (times - 1);
        if last >= load.duration {
            return file.fault(
                span,
                "the event happens after the end of the scenario; raise `duration` or lower `at`",
            );
        }
        for turn in 0..times {
            let at = event.at.0 + every * turn;
            events.push(Event { at, action: action.at_turn(turn), spread });
        }
        if let Action::RevokeTokens { others: more, .. } = action {
            others += more * u64::from(times);
        }
        if events.len() > MAX_EVENTS || others > MAX_OTHERS {
            let message = format!(
                "over {MAX_EVENTS} events, or over {MAX_OTHERS} tokens under `others`, up to here \
                 and repeated as `times` says; leave some out"
            );
            return file.fault(span, message);
        }
    }
    events.sort_by_key(|event| event.at);
    check_keys(file, &events)?;
    check_spreads(file, &events, load, phases)?;
    Ok(events)
}

fn action(file: &File<'_>, given: &Spanned<WireEvent>, streams: &[Stream]) -> Checked<Action> {
    let fault = |message: String| file.fault(Some(given.span()), message);
    let event = given.get_ref();
    let mut actions: Vec<Action> = Vec::new();
    if let Some(label) = event.publish_key.clone() {
        actions.push(Action::PublishKey { label, kid_of: event.kid_of.clone() });
    } else if event.kid_of.is_some() {
        return fault("`kid-of` goes with `publish-key`".into());
    }
    actions.extend(event.sign_with.clone().map(Action::SignWith));
    actions.extend(event.withdraw_key.clone().map(Action::WithdrawKey));
    actions.extend(event.evict.clone().map(Action::Evict));
    if let Some(share) = event.restart_instances {
        if !(share > 0.0 && share <= 100.0) {
            return fault("`restart-instances` is a percentage, above 0 and at most 100".into());
        }
        actions.push(Action::RestartInstances { share, turn: 0 });
    }
    if let Some(names) = &event.publish_set {
        let find = |name: &String| Poison::ALL.into_iter().find(|poison| poison.name() == name);
        let Some(poison) = names.iter().map(find).collect() else {
            let known = Poison::ALL.map(Poison::name).join(", ");
            return fault(format!("unknown entry in `publish-set`; known: {known}"));
        };
        actions.push(Action::PublishSet(poison));
    }
    if let Some(revoke) = &event.revoke_tokens {
        let stream = revoke.stream.clone();
        let is_known = |name: &String| streams.iter().any(|stream| stream.name == *name);
        if !stream.iter().all(is_known) {
            return fault("`revoke-tokens` names a stream that does not exist".into());
        }
        let share = revoke.share.unwrap_or(100.0);
        if !(0.0..=100.0).contains(&share) {
            return fault("`share` is a percentage: 0 to 100".into());
        }
        let others = revoke.others.unwrap_or(0);
        if others > MAX_OTHERS || (others == 0 && stream.is_none()) {
            return fault(format!(
                "`revoke-tokens` needs a `stream` or `others` (at most {MAX_OTHERS})"
            ));
        }
        if stream.is_none() && revoke.share.is_some() {
            return fault(
                "the `share` of `revoke-tokens` goes with a `stream`; leave it out".into(),
            );
        }
        actions.push(Action::RevokeTokens { stream, share, others });
    }
    if let Some(lasts) = event.issuer_down.map(|span| span.0) {
        if lasts.is_zero() {
            return fault("`issuer-down` is how long it lasts, above zero".into());
        }
        actions.push(Action::IssuerDown { lasts });
    }
    actions.extend(changes_of_subjects(file, given, streams)?);
    match actions.len() {
        1 => Ok(actions.remove(0)),
        _ => fault(
            "an event does exactly one of publish-key, sign-with, withdraw-key, revoke-tokens, \
             publish-set, evict, restart-instances, revoke-subject, bump-version, \
             not-before, issuer-down"
                .into(),
        ),
    }
}

/// The decisions on subjects.
fn changes_of_subjects(
    file: &File<'_>,
    given: &Spanned<WireEvent>,
    streams: &[Stream],
) -> Checked<Vec<Action>> {
    let event = given.get_ref();
    let mut actions = Vec::new();
    for change in SubjectChange::ALL {
        let wire = match change {
            SubjectChange::Revoked => &event.revoke_subject,
            SubjectChange::Version => &event.bump_version,
            SubjectChange::NotBefore => &event.not_before,
        };
        let Some(wire) = wire else { continue };
        let (stream, key) = (wire.stream.clone(), change.name());
        if !streams.iter().any(|known| known.name == stream) {
            let message = format!("`{key}` names a stream that does not exist: `{stream}`");
            return file.fault(Some(given.span()), message);
        }
        let share = wire.share.unwrap_or(100.0);
        if !(share > 0.0 && share <= 100.0) {
            let message = format!("`share` of `{key}` is a percentage, above 0 and at most 100");
            return file.fault(Some(given.span()), message);
        }
        actions.push(Action::ChangeSubjects { stream, share, change });
    }
    Ok(actions)
}

/// Checks that an event with a random time cannot come after the next event, the next phase or the
/// end.
fn check_spreads(file: &File<'_>, events: &[Event], load: &Load, phases: &[Phase]) -> Checked<()> {
    let phases = phases.iter().map(|phase| phase.at);
    let mut ends: Vec<Duration> = phases.chain([load.duration]).collect();
    ends.sort_unstable();
    for (place, event) in events.iter().enumerate().filter(|(_, event)| !event.spread.is_zero()) {
        // Events and ends are both sorted by time.
        let later = events.get(place + 1).map(|event| event.at);
        let end = ends.get(ends.partition_point(|end| *end <= event.at)).copied();
        let last = event.at + event.spread;
        if let Some(end) = later.into_iter().chain(end).min().filter(|end| *end <= last) {
            let [at, spread, end] = [event.at, event.spread, end].map(humantime::format_duration);
            let message = format!(
                "the event at {at} with spread = \"{spread}\" could come after what is at {end}; \
                 lower `spread`"
            );
            return file.fault(None, message);
        }
    }
    Ok(())
}

/// Checks that each key is published before it signs, is evicted or is withdrawn.
fn check_keys(file: &File<'_>, events: &[Event]) -> Checked<()> {
    let mut published = HashSet::from([FIRST_KEY]);
    let mut seen = published.clone();
    let mut kept = 0;
    for event in events {
        let at = humantime::format_duration(event.at);
        match &event.action {
            Action::PublishKey { label, kid_of } => {
                if let Some(other) = kid_of.as_ref().filter(|other| !seen.contains(other.as_str()))
                {
                    return file.fault(None, format!("kid-of = \"{other}\" at {at}: no such key"));
                }
                published.insert(label);
                seen.insert(label);
            }
            Action::WithdrawKey(label) => {
                let was_there = published.remove(label.as_str());
                if !was_there {
                    let message = format!("withdraw-key = \"{label}\" at {at}: not published");
                    return file.fault(None, message);
                }
            }
            Action::SignWith(label) | Action::Evict(label) if !seen.contains(label.as_str()) => {
                let message = format!("key \"{label}\" at {at}: never published before");
                return file.fault(None, message);
            }
            _ => {}
        }
        if event.action.changes_set() {
            kept += published.len();
        }
        if kept > MAX_PUBLISHED {
            let message = format!(
                "the key sets published up to {at} hold over {MAX_PUBLISHED} keys together; \
                 publish fewer keys, withdraw some before, or let fewer events change the set"
            );
            return file.fault(None, message);
        }
    }
    Ok(())
}
