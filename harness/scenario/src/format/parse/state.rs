//! The parser of `[state]`, `[store]` and the `store` of a phase.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use jwtbench_verifier::rejection::Rejection;

use crate::format::cache::Presets;
use crate::format::grammar;
use crate::format::wire::{
    WireAfter, WireBalancing, WireLoss, WirePrices, WireStateTable, WireStore,
};
use crate::model::event::{Action, Event};
use crate::model::scenario::{SIMULATED, STATE};
use crate::model::state::{
    AfterRevocation, Balancing, DataLoss, StateSpec, StoreFault, StorePrices, StoreSetting,
};
use crate::{Arrivals, IssuerSpec, Load, Stream};

use super::{Checked, File, table_of};

/// The strategy of a scenario that names none.
const STRATEGY: &str = "default";
/// The most revocations per second.
const MOST_REVOCATIONS: f64 = 1e6;

/// The most holders of a subject.
const MOST_HOLDERS: u32 = 1000;
/// The most entries that a store has from the beginning.
const MOST_BEFORE: u64 = 5_000_000;
/// The most bytes to which a list opens.
const MAX_LIST_SIZE: u64 = 100_000_000_000;
/// The most keys that a store goes through.
const MAX_KEYSPACE: u64 = 1_000_000_000;

/// What the parser needs to know of a scenario to read its state.
pub(super) struct StateContext<'s> {
    pub(super) family: &'s str,
    pub(super) presets: &'s Presets,
    pub(super) issuer: &'s IssuerSpec,
    pub(super) load: &'s Load,
    pub(super) events: &'s [Event],
    /// Whether the scenario says something of a store.
    pub(super) has_store: bool,
}

/// The state of a scenario. The rates and holders of its streams become those of the tokens that
/// are drawn.
pub(super) fn state(
    file: &File<'_>,
    wire: Option<Spanned<WireStateTable>>,
    context: &StateContext<'_>,
    streams: &mut [Stream],
) -> Checked<Option<StateSpec>> {
    let StateContext { presets, issuer, load, .. } = *context;
    let Some(wire) = wire else {
        return without(file, context).map(|()| None);
    };
    let (at, table) = (Some(wire.span()), wire.into_inner());
    let fault = |message: &str| file.fault(at.clone(), format!("[state]: {message}"));
    if let Some(message) = misplaced(&table, context, streams).or_else(|| odd(&table, load)) {
        return fault(&message);
    }
    check_streams(file, streams)?;
    let name = table.strategy.as_deref().unwrap_or(STRATEGY);
    let strategy = presets.strategies().read(name);
    let strategy = match strategy {
        Ok(strategy) => strategy,
        Err(message) => return fault(&format!("strategy: {message}")),
    };
    let (revocations, sample) = (table.revocations.unwrap_or(0.0), table.sample.unwrap_or(1.0));
    let holders_per_subject = table.holders_per_subject;
    check_subjects(file, context.events, holders_per_subject, revocations > 0.0)?;
    thin_out(streams, sample);
    Ok(Some(StateSpec {
        strategy: strategy.named(),
        revocations_per_s: revocations * sample,
        revocations_until: table.revocations_until.map(|span| span.0),
        after_revocation: match table.after_revocation {
            Some(WireAfter::Stop) => AfterRevocation::Stops,
            Some(WireAfter::GoOn) | None => AfterRevocation::GoesOn,
        },
        revoked_before: table.revoked_before.unwrap_or(0),
        sample,
        balancing: match table.balancing {
            Some(WireBalancing::Sticky) => Balancing::Sticky,
            Some(WireBalancing::Random) | None => Balancing::Random,
        },
        holders_per_subject,
        token_lifetime: issuer.token_lifetime,
        prices: table.prices.map(prices),
    }))
}

fn prices(wire: WirePrices) -> StorePrices {
    let WirePrices { million_requests, gb_hour, least_gb } = wire;
    StorePrices { million_requests, gb_hour, least_gb }
}

/// What the table says that its family, or its load, does not have.
fn misplaced(
    table: &WireStateTable,
    context: &StateContext<'_>,
    streams: &[Stream],
) -> Option<String> {
    let StateContext { family, load, events, .. } = *context;
    let (key, place, remedy) = match family {
        SIMULATED => {
            return Some(
                "scenarios of family policy compare cache policies and know no state; move the \
                 file to a folder `state`"
                    .into(),
            );
        }
        STATE => (
            only_of_seconds(table, (load, events), streams)?,
            "scenarios that last seconds",
            "another folder than `state`",
        ),
        _ => (only_of_simulations(table, events)?, "simulations", "a folder `state`"),
    };
    Some(format!("{key} goes with {place}; leave it out, or move the file to {remedy}"))
}

fn is_price(WirePrices { million_requests, gb_hour, least_gb }: WirePrices) -> bool {
    let mut prices = [million_requests, gb_hour, least_gb].into_iter();
    prices.all(|price| price.is_finite() && price >= 0.0)
}

/// What is out of range in the table, or has no effect.
fn odd(table: &WireStateTable, load: &Load) -> Option<String> {
    let revocations = table.revocations.unwrap_or(0.0);
    let sample = table.sample.unwrap_or(1.0);
    let until = table.revocations_until.map(|span| span.0);
    let message = if !(0.0..=MOST_REVOCATIONS).contains(&revocations) {
        "`revocations` is a number per second, 0 to 1000000"
    } else if load.arrivals == Arrivals::Closed && revocations > 0.0 {
        "a closed loop uses the same tokens all the time, and nothing is revoked in it; write \
         `revoked-before`, or tokens of class `revoked`, or arrivals = \"poisson\""
    } else if table.revoked_before.is_some_and(|count| count > MOST_BEFORE) {
        "`revoked-before` is over 5000000; lower it"
    } else if !(sample > 0.0 && sample <= 1.0) {
        "`sample` is the share of tokens that is drawn, above 0 and at most 1"
    } else if until.is_some_and(|until| until > load.duration) {
        "`revocations-until` is after the end of the scenario; lower it"
    } else if table.holders_per_subject.is_some() && sample < 1.0 {
        "a `sample` of subjects is not modelled; leave out `sample`, or `holders-per-subject`"
    } else if table.prices.is_some_and(|prices| !is_price(prices)) {
        "`prices` are finite and at least 0"
    } else {
        return None;
    };
    Some(message.into())
}

/// Checks that a scenario without state needs none, and says nothing of one.
fn without(file: &File<'_>, context: &StateContext<'_>) -> Checked<()> {
    for event in context.events {
        let key = match event.action {
            Action::RestartInstances { .. } => "restart-instances",
            Action::ChangeSubjects { change, .. } => change.name(),
            Action::IssuerDown { .. } => "issuer-down",
            Action::RevokeTokens { .. } => "revoke-tokens",
            _ => continue,
        };
        let message = format!("`{key}` goes with [state]; leave it out, or write that table");
        return file.fault(None, message);
    }
    match (context.family == STATE, context.has_store) {
        (true, _) => file.fault(
            None,
            "a scenario of family state has a table [state]; write [state] with \
             strategy = \"default\"",
        ),
        (_, true) => {
            file.fault(None, "[store] and `store` go with [state]; leave them out, or write it")
        }
        _ => Ok(()),
    }
}

/// What a scenario that lasts seconds says of the state, although only a simulation has it. Workers
/// are its instances.
fn only_of_simulations(table: &WireStateTable, events: &[Event]) -> Option<String> {
    let keys = [
        ("sample", table.sample.is_some()),
        ("balancing", table.balancing.is_some()),
        ("holders-per-subject", table.holders_per_subject.is_some()),
        ("after-revocation", table.after_revocation.is_some()),
        ("prices", table.prices.is_some()),
    ];
    let of_event = |event: &Event| match event.action {
        Action::ChangeSubjects { change, .. } => Some(change.name()),
        Action::IssuerDown { .. } => Some("issuer-down"),
        _ => None,
    };
    let key = keys.into_iter().find(|(_, is_given)| *is_given).map(|(key, _)| key);
    key.or_else(|| events.iter().find_map(of_event)).map(|key| format!("`{key}`"))
}

/// What a simulation says of the state, although only a scenario that lasts seconds has it.
fn only_of_seconds(
    table: &WireStateTable,
    (load, events): (&Load, &[Event]),
    streams: &[Stream],
) -> Option<String> {
    if load.arrivals == Arrivals::Closed {
        return Some("a closed loop".into());
    }
    if table.revoked_before.is_some() {
        return Some("`revoked-before`".into());
    }
    let has_others =
        |event: &Event| matches!(event.action, Action::RevokeTokens { others: 1.., .. });
    if events.iter().any(has_others) {
        return Some("the `others` of `revoke-tokens`".into());
    }
    let settings = streams.iter().flat_map(|stream| &stream.settings);
    let mut classes = settings.flat_map(|setting| &setting.shares).map(|(class, _)| class);
    let revoked = classes.find(|class| class.row().due == Some(Rejection::Revoked))?;
    Some(format!("the class `{}`", revoked.name()))
}

/// Checks that holders share subjects exactly if events decide on subjects, and that nothing
/// revokes single tokens beside: what is known of a subject cannot tell its tokens apart.
fn check_subjects(
    file: &File<'_>,
    events: &[Event],
    holders_per_subject: Option<u32>,
    are_single_tokens_revoked: bool,
) -> Checked<()> {
    let is_single = |event: &Event| matches!(event.action, Action::RevokeTokens { .. });
    let of_subjects = events.iter().find_map(|event| match event.action {
        Action::ChangeSubjects { change, .. } => Some(change.name()),
        _ => None,
    });
    let message = match (holders_per_subject, of_subjects) {
        (None, None) => return Ok(()),
        (None, Some(key)) => format!(
            "[state]: an event `{key}` is about subjects that holders share; write \
             `holders-per-subject`, such as 3 for three devices of a person"
        ),
        (Some(_), None) => "[state]: `holders-per-subject` has no effect without an event \
                            `revoke-subject`, `bump-version` or `not-before`; leave it out"
            .into(),
        (Some(count), _) if !(1..=MOST_HOLDERS).contains(&count) => {
            format!("[state]: `holders-per-subject` is 1 to {MOST_HOLDERS}")
        }
        (Some(_), _) if are_single_tokens_revoked || events.iter().any(is_single) => {
            "[state]: where holders share a subject, `revocations` and `revoke-tokens` would be of \
             single tokens; leave them out, and revoke by subject"
                .into()
        }
        _ => return Ok(()),
    };
    file.fault(None, message)
}

/// Leaves this share of the tokens of each stream. What remains arrives as often as before.
fn thin_out(streams: &mut [Stream], sample: f64) {
    for stream in streams {
        let left = ((f64::from(stream.holders) * sample).round() as u32).max(1);
        let share = f64::from(left) / f64::from(stream.holders);
        stream.holders = left;
        for setting in &mut stream.settings {
            setting.rate.per_s *= share;
            setting.rate_to.per_s *= share;
        }
    }
}

/// Checks that no class of the streams needs what no strategy learns of from a store.
fn check_streams(file: &File<'_>, streams: &[Stream]) -> Checked<()> {
    let settings = streams.iter().flat_map(|stream| &stream.settings);
    let mut classes = settings.flat_map(|setting| &setting.shares).map(|(class, _)| class);
    match classes.find(|class| class.row().is_versioned) {
        None => Ok(()),
        Some(class) => file.fault(
            None,
            format!(
                "tokens of class `{}` are judged by fixed versions; in a scenario with [state] \
                 write `revocations`, an event, or tokens of class `revoked`",
                class.name()
            ),
        ),
    }
}

/// The store at the beginning: that of `[store]`.
pub(super) fn first(file: &File<'_>, wire: Option<Spanned<WireStore>>) -> Checked<StoreSetting> {
    let (at, table) = table_of(wire);
    if table.data_lost.is_some() {
        let message = "[store] `data-lost` has no effect, as the store is empty at the beginning; \
                       write it in the `store` of a [[phase]]";
        return file.fault(at, message);
    }
    setting(file, at, &table, &StoreSetting::default())
}

/// What is wrong with the sizes of a store.
fn too_many(wire: &WireStore) -> Option<String> {
    let sizes = [
        ("list-size", wire.list_size, MAX_LIST_SIZE, "bytes"),
        ("keyspace", wire.keyspace, MAX_KEYSPACE, "keys"),
    ];
    let mut sizes = sizes.into_iter();
    let (key, _, most, of) = sizes.find(|(_, size, most, _)| size.is_some_and(|it| it > *most))?;
    Some(format!("store: `{key}` is a number of {of}, at most {most}"))
}

/// A setting of the store. What it does not say is as in `base`, but for what was lost.
pub(super) fn setting(
    file: &File<'_>,
    at: Option<Range<usize>>,
    wire: &WireStore,
    base: &StoreSetting,
) -> Checked<StoreSetting> {
    let fault = |message: String| file.fault(at.clone(), message);
    let span = |given: Option<crate::format::wire::Span>, base: Duration| {
        given.map_or(base, |span| span.0)
    };
    let fault_of = match &wire.fault {
        None => base.fault,
        Some(name) => match StoreFault::ALL.into_iter().find(|known| known.name() == name) {
            Some(fault) => fault,
            None => {
                let known = StoreFault::ALL.map(StoreFault::name).join(", ");
                return fault(format!("store: unknown fault `{name}`; known: {known}"));
            }
        },
    };
    let shares = [
        ("push-loss", wire.push_loss),
        ("links-down", wire.links_down),
        ("links-silent", wire.links_silent),
    ];
    for (key, share) in shares {
        if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return fault(format!("store: `{key}` is a share, from 0 to 1; 0.001 is usual"));
        }
    }
    if wire.capacity.is_some_and(|per_s| !(1.0..=1e9).contains(&per_s)) {
        return fault("store: `capacity` is a number per second, 1 to 1000000000".into());
    }
    if let Some(message) = too_many(wire) {
        return fault(message);
    }
    let data_lost = match &wire.data_lost {
        None => DataLoss::None,
        Some(WireLoss::Percent(share)) if (0.0..=100.0).contains(share) => DataLoss::Share(*share),
        Some(WireLoss::Text(text)) if text == "all" => DataLoss::All,
        Some(WireLoss::Text(text)) => match grammar::duration(text) {
            Ok(last) => DataLoss::Last(last),
            Err(error) => return fault(format!("store: `data-lost`: {error}, or write \"all\"")),
        },
        Some(WireLoss::Percent(_)) => {
            return fault("store: `data-lost` is \"all\", a time, or 0 to 100 percent".into());
        }
    };
    let setting = StoreSetting {
        latency: span(wire.latency, base.latency),
        jitter: span(wire.jitter, base.jitter),
        capacity: wire.capacity.or(base.capacity),
        replica_lag: span(wire.replica_lag, base.replica_lag),
        fault: fault_of,
        propagation: span(wire.propagation, base.propagation),
        push_loss: wire.push_loss.unwrap_or(base.push_loss),
        links_down: wire.links_down.unwrap_or(base.links_down),
        links_silent: wire.links_silent.unwrap_or(base.links_silent),
        data_lost,
        published_every: span(wire.published_every, base.published_every),
        list_lifetime: wire.list_lifetime.map(|span| span.0).or(base.list_lifetime),
        list_size: wire.list_size.unwrap_or(base.list_size),
        keyspace: wire.keyspace.unwrap_or(base.keyspace),
    };
    if setting.jitter > setting.latency {
        return fault("store: `jitter` is more than its `latency`; lower it".into());
    }
    Ok(setting)
}
