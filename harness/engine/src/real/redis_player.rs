//! The state of a round over a real store, Valkey or Redis: a thread that makes the requests of the
//! machines, and takes what the store sends. The faults are those of the server's process.

mod client;
mod codec;
mod issuer;
mod keys;
mod link;
mod server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::{Client, RedisError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use jwtbench_scenario::model::place::TokenPlace;
use jwtbench_scenario::model::state::{StoreFault, StoreSetting};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::state_check::{StateEntry, StoreOp};
use jwtbench_verifier::tick::Tick;

use crate::judge::history::Telling;
use crate::real::clock::RealClock;
use crate::real::state_player::{PlayedState, StatePlayer};
use crate::real::store_round::{StoreRound, lock, runtime};
use crate::state::fleet::{Ring, StateFleet};
use crate::state::store::StateStore;
use crate::state::truth::StateTruth;
use crate::trial::{Trial, TrialError};

use client::Connection;
use issuer::PushWay;
use keys::Keys;
use server::Server;

/// The longest time that a store which works may take to be told, and to be cleared.
const LONGEST_TELLING: Duration = Duration::from_secs(1);
const LONGEST_CLEARING: Duration = Duration::from_secs(2);

/// A store that is reached, before the clock of the round starts.
pub(crate) struct OpenStore {
    server: Option<Server>,
    client: Client,
    keys: Keys,
    way: PushWay,
    name: String,
    notify: Arc<Notify>,
}

/// What the tasks of a round share.
pub(super) struct RedisRound {
    base: StoreRound,
    client: Client,
    keys: Keys,
    way: PushWay,
    /// The last instant at which the store, or an instance, was given what is known of a key.
    told: Mutex<HashMap<Box<str>, Tick>>,
}

/// The player of a real store.
pub(crate) struct RedisPlayer {
    round: Arc<RedisRound>,
    server: Mutex<Option<Server>>,
    /// Whether the store has a fault by the script.
    is_faulty: AtomicBool,
    /// The first fault of the server itself.
    fault: Mutex<Option<TrialError>>,
    restarts: Vec<watch::Sender<u32>>,
    notify: Arc<Notify>,
    name: String,
}

impl OpenStore {
    /// Starts a store, or reaches one that runs, and gives it what it has from the beginning. It is
    /// `None` for the model.
    ///
    /// # Errors
    /// If it cannot be started, or does not answer.
    pub(crate) fn open(
        store: StateStore,
        (fleet, before): (&StateFleet, &[StateEntry]),
    ) -> Result<Option<OpenStore>, TrialError> {
        let server = match store {
            StateStore::Model | StateStore::Http => return Ok(None),
            StateStore::Running(_) => None,
            StateStore::Started => {
                let program = crate::state::store::server();
                let missing = || TrialError::Store("no server on PATH; install one".into());
                Some(Server::start(program.ok_or_else(missing)?)?)
            }
        };
        let address = match (&server, store) {
            (Some(server), _) => server.address(),
            (None, StateStore::Running(address)) => address,
            (None, _) => return Ok(None),
        };
        let fault = |error: RedisError| {
            TrialError::Store(format!("the store at {address} does not answer: {error}"))
        };
        let client = Client::open(url(address)).map_err(fault)?;
        let name = version(&client).map_err(fault)?;
        let way = match fleet.strategy().push() {
            None => PushWay::None,
            Some(push) if push.replays => PushWay::Stream,
            Some(_) => PushWay::Channel,
        };
        let keys = Keys::new();
        issuer::fill(&client, (&keys, way), before).map_err(fault)?;
        Ok(Some(OpenStore { server, client, keys, way, name, notify: Arc::default() }))
    }

    /// The function by which machines wake the player.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        let notify = Arc::clone(&self.notify);
        Arc::new(move || notify.notify_one())
    }
}

fn url(address: SocketAddr) -> String {
    format!("redis://{address}/")
}

/// The name of the software behind a store, with its version.
fn version(client: &Client) -> Result<String, RedisError> {
    let runtime = runtime()?;
    let info: String = runtime.block_on(async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("INFO").arg("server").query_async(&mut connection).await
    })?;
    let line = |key: &str| info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let found = line("valkey_version").map(|version| format!("valkey {version}"));
    let redis = || format!("redis {}", line("redis_version").unwrap_or("of no known version"));
    Ok(found.unwrap_or_else(redis).trim().to_owned())
}

impl RedisPlayer {
    /// A player for this fleet, whose machines notify it.
    pub(crate) fn new(
        store: OpenStore,
        fleet: &Arc<StateFleet>,
        trial: &Trial<'_>,
        clock: RealClock,
    ) -> RedisPlayer {
        let OpenStore { mut server, client, keys, way, name, notify } = store;
        let plan = trial.plan;
        let round = RedisRound {
            base: StoreRound::new(fleet, trial, clock),
            client,
            keys,
            way,
            told: Mutex::default(),
        };
        let begun = server.as_mut().map_or(Ok(()), |one| one.apply(&plan.scenario.phases[0].store));
        RedisPlayer {
            round: Arc::new(round),
            server: Mutex::new(server),
            is_faulty: AtomicBool::new(plan.scenario.phases[0].store.fault != StoreFault::None),
            fault: Mutex::new(begun.err()),
            restarts: (0..fleet.len()).map(|_| watch::channel(0).0).collect(),
            notify,
            name,
        }
    }

    /// Makes requests, and tells machines of the time, until the round is over.
    async fn serve(&self, is_over: &AtomicBool) {
        let round = &self.round;
        let mut tasks = JoinSet::new();
        let announced = Arc::clone(round);
        tasks.spawn(async move { issuer::announce(&announced).await });
        for (instance, restarts) in (0u32..).zip(&self.restarts) {
            let (round, restarts) = (Arc::clone(round), restarts.subscribe());
            if round.way != PushWay::None {
                tasks.spawn(async move { link::listen(&round, instance, restarts).await });
            }
        }
        let connections: Vec<Connection> =
            self.restarts.iter().map(|_| Connection::new(&round.client)).collect();
        let exchange = |op: StoreOp| {
            let connection = connections[op.id.instance() as usize].clone();
            let round = Arc::clone(round);
            async move { connection.exchange(&op, &round.keys).await }
        };
        round.base.serve(is_over, &self.notify, exchange).await;
        // Nobody writes any more.
        tasks.shutdown().await;
        let is_cleared = round.clear().await;
        // A store that works by the script, and does not, has made the round another one.
        let is_as_planned = is_cleared && round.is_told_of_all();
        if !self.is_faulty.load(Ordering::Relaxed) && !is_as_planned {
            let name = &self.name;
            let message = format!("{name} went away during the round, or was too slow to be told");
            self.note(Err(TrialError::Store(message)));
        }
    }

    /// Notes a fault of the server, unless there is one already.
    fn note(&self, done: Result<(), TrialError>) {
        if let Err(error) = done {
            lock(&self.fault).get_or_insert(error);
        }
    }
}

impl RedisRound {
    /// Notes that the store or an instance has just been given what is known of a key.
    fn note_told(&self, key: &str) {
        let now = self.base.clock.now();
        lock(&self.told).entry(key.into()).and_modify(|at| *at = now.max(*at)).or_insert(now);
    }

    /// The instants at which tokens had been told of.
    fn told(&self) -> HashMap<TokenPlace, Tick> {
        let told = lock(&self.told);
        let revocations = self.base.truth.revocations.iter();
        revocations.filter_map(|one| Some((one.token, *told.get(&one.entry.key)?))).collect()
    }

    /// Whether the store has been told of everything that was decided some time ago.
    fn is_told_of_all(&self) -> bool {
        let (now, told) = (self.base.clock.now(), self.told());
        let mut due =
            self.base.truth.revocations.iter().filter(|one| one.at + LONGEST_TELLING < now);
        due.all(|one| told.contains_key(&one.token))
    }

    /// Removes what the round has written; returns whether the store did that in time.
    async fn clear(&self) -> bool {
        let removed = async {
            let mut connection = self.client.get_multiplexed_async_connection().await?;
            let mut command = redis::cmd("SCAN");
            command.cursor_arg(0).arg("MATCH").arg(self.keys.all()).arg("COUNT").arg(1000);
            let mut found = command.iter_async::<String>(&mut connection).await?;
            let mut names = Vec::new();
            while let Some(name) = found.next_item().await {
                names.push(name?);
            }
            drop(found);
            for names in names.chunks(1000) {
                let mut command = redis::cmd("UNLINK");
                command.arg(names);
                let _: i64 = command.query_async(&mut connection).await?;
            }
            Ok::<(), RedisError>(())
        };
        matches!(timeout(LONGEST_CLEARING, removed).await, Ok(Ok(())))
    }
}

impl StatePlayer for RedisPlayer {
    fn play(&self, is_over: &AtomicBool) -> Result<(), TrialError> {
        runtime()?.block_on(self.serve(is_over));
        lock(&self.fault).take().map_or(Ok(()), Err)
    }

    fn set_store(&self, setting: &StoreSetting) {
        self.is_faulty.store(setting.fault != StoreFault::None, Ordering::Relaxed);
        if let Some(server) = &mut *lock(&self.server) {
            self.note(server.apply(setting));
        }
    }

    fn restart(&self, share: f64, turn: u32) {
        for number in self.round.base.restart(share, turn) {
            self.restarts[number as usize].send_modify(|count| *count += 1);
        }
    }

    fn truth(&self) -> Arc<StateTruth> {
        Arc::clone(&self.round.base.truth)
    }

    fn finish(self: Box<Self>, plan: &Plan) -> PlayedState {
        let round = &self.round;
        let record = round.base.record(self.name.clone(), plan);
        PlayedState { record, telling: Telling::At(round.told()) }
    }
}
