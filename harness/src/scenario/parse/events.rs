//! The `[[event]]` tables: what happens when, and in an order that makes sense.

use std::time::Duration;

use toml::Spanned;

use super::{Checked, File};
use crate::scenario::event::{Action, Event, Poison};
use crate::scenario::issuer::FIRST_KEY;
use crate::scenario::wire::{WireEvent, WireState};
use crate::scenario::{Load, Stream};

pub(super) fn events(
    file: &File<'_>,
    wire: &[Spanned<WireEvent>],
    load: &Load,
    streams: &[Stream],
) -> Checked<Vec<Event>> {
    let mut events = Vec::new();
    for given in wire {
        let span = Some(given.span());
        let event = given.get_ref();
        let action = action(file, given, streams)?;
        let times = event.times.unwrap_or(1);
        let every = event.every.map_or(Duration::ZERO, |every| every.0);
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
            events.push(Event { at: event.at.0 + every * turn, action: action.clone() });
        }
    }
    events.sort_by_key(|event| event.at);
    check_keys(file, &events)?;
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
    let state = event.state.map(|state| matches!(state, WireState::Up));
    actions.extend(state.map(|available| Action::State { available }));
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
        if others > 10_000_000 || (others == 0 && stream.is_none()) {
            return fault(
                "`revoke-tokens` needs a `stream` or `others` (at most 10 million)".into(),
            );
        }
        let lag = revoke.lag.map_or(Duration::ZERO, |span| span.0);
        actions.push(Action::RevokeTokens { stream, share, others, lag });
    }
    match actions.len() {
        1 => Ok(actions.remove(0)),
        _ => fault(
            "an event does exactly one of publish-key, sign-with, withdraw-key, revoke-tokens, \
             publish-set, evict, state"
                .into(),
        ),
    }
}

/// Keys are published before they sign or go.
fn check_keys(file: &File<'_>, events: &[Event]) -> Checked<()> {
    let mut published = vec![FIRST_KEY.to_owned()];
    let mut seen = published.clone();
    for event in events {
        let at = humantime::format_duration(event.at);
        match &event.action {
            Action::PublishKey { label, kid_of } => {
                if let Some(other) = kid_of.as_ref().filter(|other| !seen.contains(other)) {
                    return file.fault(None, format!("kid-of = \"{other}\" at {at}: no such key"));
                }
                published.push(label.clone());
                seen.push(label.clone());
            }
            Action::WithdrawKey(label) => {
                if !published.contains(label) {
                    let message = format!("withdraw-key = \"{label}\" at {at}: not published");
                    return file.fault(None, message);
                }
                published.retain(|known| known != label);
            }
            Action::SignWith(label) | Action::Evict(label) if !seen.contains(label) => {
                let message = format!("key \"{label}\" at {at}: never published before");
                return file.fault(None, message);
            }
            _ => {}
        }
    }
    Ok(())
}
