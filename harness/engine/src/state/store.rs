//! The stores of the state of tokens over which a round in real time can run, and which scenarios
//! each can play.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use jwtbench_scenario::model::state::{DataLoss, StoreFault, StoreSetting};
use jwtbench_scenario::{Phase, Scenario};
use jwtbench_verifier::state_strategy::{Carrier, StateKey, StateStrategy};

/// The most bytes that a reader of a status list takes, once it is opened: the bits of 134 million
/// tokens.
pub(crate) const MAX_LIST: u64 = 1 << 24;
/// The most bytes to which a list opens that is really made.
const MOST_OPENED: u64 = 1_000_000_000;
/// The programs that speak the protocol, in the order in which they are looked for.
const SERVERS: [&str; 2] = ["valkey-server", "redis-server"];
/// The most entries that a store is given before a round.
const MOST_BEFORE: u64 = 100_000;
/// The port of a URL that names none.
const PORT: u16 = 6379;

/// The store of the state of tokens in a round in real time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateStore {
    /// The model of `[store]`, which the harness plays.
    #[default]
    Model,
    /// The issuer's own endpoints on loopback, over HTTP: introspection, or a status list.
    Http,
    /// A Valkey or Redis that is started for each round, and of which the harness makes the faults.
    Started,
    /// A Valkey or Redis that runs already, at this address. It has no faults.
    Running(SocketAddr),
}

impl fmt::Display for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateStore::Model => f.write_str("model"),
            StateStore::Http => f.write_str("http"),
            StateStore::Started => f.write_str("redis"),
            StateStore::Running(address) => write!(f, "redis://{address}"),
        }
    }
}

impl StateStore {
    /// The store that a command line names: `model`, `http`, `redis`, or `redis://HOST:PORT`. A
    /// host that is not on loopback is refused unless `may_leave`.
    ///
    /// # Errors
    /// If there is no such store, it cannot be had here, or it lies elsewhere.
    pub fn parse(text: &str, may_leave: bool) -> Result<StateStore, String> {
        let store = match (text, text.strip_prefix("redis://")) {
            ("model", _) => return Ok(StateStore::Model),
            ("http", _) => return Ok(StateStore::Http),
            ("redis", _) => StateStore::Started,
            (_, Some(rest)) => StateStore::Running(address(rest, may_leave)?),
            _ => return Err("known: model, http, redis, redis://HOST:PORT".into()),
        };
        if !cfg!(feature = "redis") {
            return Err(
                "this build has no client of Redis; install it with `--features redis`".into()
            );
        }
        if store == StateStore::Started && server().is_none() {
            let names = SERVERS.join(" or ");
            return Err(format!(
                "no {names} on PATH; install one, or name one that runs by its URL"
            ));
        }
        Ok(store)
    }

    /// Checks that the store can be what the scenario says of it.
    ///
    /// # Errors
    /// What it cannot be, and the remedy.
    pub fn check(self, scenario: &Scenario) -> Result<(), String> {
        let Some(state) = &scenario.state else {
            return Err("it has no [state], so that a store has no effect".into());
        };
        if self == StateStore::Model {
            return Ok(());
        }
        if state.revoked_before > MOST_BEFORE {
            return Err(format!(
                "[state] `revoked-before` is over {MOST_BEFORE}, which {self} would take seconds \
                 to be given and to clear; lower it, or use the model (--state-store model)"
            ));
        }
        let StateStrategy { carrier, key, .. } = state.strategy.strategy;
        let is_of_issuer = matches!(carrier, Carrier::Introspection | Carrier::StatusList);
        if carrier == Carrier::Memory || is_of_issuer != (self == StateStore::Http) {
            return Err(format!(
                "strategy {} has carrier \"{}\", which {self} is not; use {}",
                state.strategy.name,
                carrier.name(),
                if is_of_issuer { "--state-store http" } else { "--state-store model" }
            ));
        }
        if carrier == Carrier::StatusList && matches!(key, StateKey::Version | StateKey::NotBefore)
        {
            return Err(format!(
                "strategy {} has a status list of versions or instants, which a bit cannot say; \
                 use the model (--state-store model)",
                state.strategy.name,
            ));
        }
        let first = &scenario.phases[0].store;
        let found = scenario.phases.iter().find_map(|phase| Some((phase, self.odd(phase, first)?)));
        match found {
            None => Ok(()),
            Some((phase, what)) => Err(format!(
                "phase {} asks for what {self} does not have: a {what}; leave it out, or use the \
                 model (--state-store model)",
                phase.name
            )),
        }
    }

    /// What a phase asks for and a real store does not do. Its own latency and propagation stand
    /// in place of those of `[store]`.
    fn odd(self, phase: &Phase, first: &StoreSetting) -> Option<&'static str> {
        let StoreSetting {
            latency,
            jitter,
            capacity,
            replica_lag,
            fault,
            propagation,
            push_loss,
            links_down,
            links_silent,
            data_lost,
            published_every,
            list_lifetime,
            list_size,
            keyspace,
        } = &phase.store;
        let is_ours = self == StateStore::Http;
        let is_slow = !is_ours
            && (latency, jitter, propagation)
                != (&first.latency, &first.jitter, &first.propagation);
        let is_odd_fault = !is_ours && matches!(fault, StoreFault::Reset | StoreFault::Error);
        let has_fault = !is_ours && *fault != StoreFault::None || *data_lost != DataLoss::None;
        let of_list = !published_every.is_zero() || list_lifetime.is_some() || *list_size > 0;
        let found = [
            (is_slow, "change of latency"),
            (capacity.is_some(), "capacity of its own"),
            (!is_ours && *replica_lag != Duration::ZERO, "replica lag"),
            (is_odd_fault, "fault `reset` or `error`"),
            (*keyspace > 0, "keyspace of others"),
            (*push_loss > 0.0, "loss of messages"),
            (*links_down > 0.0 || *links_silent > 0.0, "link that fails alone"),
            (matches!(data_lost, DataLoss::Last(_) | DataLoss::Share(_)), "loss of a part"),
            (of_list && !is_ours, "published list"),
            (*list_size > MOST_OPENED, "list that opens to more than 1000000000 bytes"),
            (has_fault && self != StateStore::Started, "fault unless it is started for the round"),
        ];
        found.into_iter().find(|(is_odd, _)| *is_odd).map(|(_, what)| what)
    }
}

/// The program that is started, if there is one on PATH.
pub(crate) fn server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = SERVERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|file| file.is_file())
}

/// The address in the rest of a URL.
fn address(rest: &str, may_leave: bool) -> Result<SocketAddr, String> {
    if rest.contains('@') {
        return Err("a URL with a password would be kept in the result; leave it out".into());
    }
    let host = rest.trim_end_matches('/');
    let named = if host.contains(':') { host.to_owned() } else { format!("{host}:{PORT}") };
    let mut found = named.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    let address = found.next().ok_or_else(|| format!("{host}: no such host"))?;
    match address.ip().is_loopback() || may_leave {
        true => Ok(address),
        false => Err(format!("{host} is not on loopback; allow it with --allow-host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_have_names() {
        let parse = |text: &str, may_leave| StateStore::parse(text, may_leave);
        assert_eq!(parse("model", false), Ok(StateStore::Model));
        let faults = [
            ("memcached", "known: model, http, redis"),
            ("redis://me:secret@127.0.0.1", "a password"),
            ("redis://192.0.2.1:6379", "--allow-host"),
        ];
        for (text, expected) in faults {
            let fault = parse(text, false).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
        let named = parse("redis://127.0.0.1", false);
        match cfg!(feature = "redis") {
            true => assert_eq!(named.unwrap().to_string(), "redis://127.0.0.1:6379"),
            false => assert!(named.unwrap_err().contains("--features redis")),
        }
    }
}
