//! The state of a round over the issuer's own endpoints on loopback, over HTTP: introspection of
//! each token, or a status list that is polled. The harness is the issuer.

mod client;
mod issued;
mod server;
mod status_list;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::{Plan, random};
use jwtbench_verifier::state_check::StoreOp;
use jwtbench_verifier::state_strategy::{StateKey, StateStrategy};

use crate::judge::history::Telling;
use crate::jwks::front::Port;
use crate::real::clock::RealClock;
use crate::real::state_player::{PlayedState, StatePlayer};
use crate::real::store_round::{StoreRound, lock, runtime};
use crate::state::fleet::{Ring, StateFleet};
use crate::state::truth::StateTruth;
use crate::trial::{Trial, TrialError};

use client::IssuerClient;
use issued::IssuedTokens;
use server::IssuerServer;

/// The name of the store in a result.
const NAME: &str = "http";

/// The endpoints before the clock of a round starts.
pub(crate) struct OpenIssuer {
    port: Port,
    issued: Arc<IssuedTokens>,
    notify: Arc<Notify>,
}

/// The player of the issuer's endpoints.
pub(crate) struct HttpPlayer {
    round: StoreRound,
    server: IssuerServer,
    clients: Vec<Mutex<IssuerClient>>,
    issued: Arc<IssuedTokens>,
    notify: Arc<Notify>,
}

impl OpenIssuer {
    /// The endpoints of a trial under this strategy, at a free port of loopback.
    ///
    /// # Errors
    /// If the system gives no port.
    pub(crate) fn open(
        trial: &Trial<'_>,
        strategy: &StateStrategy,
    ) -> Result<OpenIssuer, TrialError> {
        let by_subject = match strategy.key {
            StateKey::JwtId | StateKey::Session | StateKey::Client => false,
            StateKey::Subject | StateKey::Version | StateKey::NotBefore => true,
        };
        let keys = trial.plan.corpus.tokens.iter().map(|token| match by_subject {
            true => &*token.facts.subject,
            false => &*token.facts.jwt_id,
        });
        let sizes = trial.plan.scenario.phases.iter().map(|phase| phase.store.list_size);
        let issued = Arc::new(IssuedTokens::new(&trial.truth(), keys, sizes));
        Ok(OpenIssuer { port: Port::claim(0)?, issued, notify: Arc::default() })
    }

    /// The function by which machines wake the player.
    pub(crate) fn ring(&self) -> Arc<Ring> {
        let notify = Arc::clone(&self.notify);
        Arc::new(move || notify.notify_one())
    }
}

impl HttpPlayer {
    /// A player for this fleet, whose machines notify it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn new(
        open: OpenIssuer,
        fleet: &Arc<StateFleet>,
        trial: &Trial<'_>,
        clock: RealClock,
    ) -> Result<HttpPlayer, TrialError> {
        let OpenIssuer { port, issued, notify } = open;
        let plan = trial.plan;
        let first = plan.scenario.phases[0].store.clone();
        let random = random::stream(plan.seed, &["issuer"]);
        let server = IssuerServer::start(port, (Arc::clone(&issued), clock), first, random)?;
        let client = |_| Mutex::new(IssuerClient::new(server.address(), &issued));
        let clients = (0..fleet.len()).map(client).collect();
        let round = StoreRound::new(fleet, trial, clock);
        Ok(HttpPlayer { round, server, clients, issued, notify })
    }
}

impl StatePlayer for HttpPlayer {
    fn play(&self, is_over: &AtomicBool) -> Result<(), TrialError> {
        let exchange = |op: StoreOp| {
            let client = lock(&self.clients[op.id.instance() as usize]).clone();
            client.exchange(op)
        };
        runtime()?.block_on(self.round.serve(is_over, &self.notify, exchange));
        Ok(())
    }

    fn set_store(&self, setting: &StoreSetting) {
        self.server.apply(setting);
    }

    fn restart(&self, share: f64, turn: u32) {
        for number in self.round.restart(share, turn) {
            // A process that restarts has no connection.
            *lock(&self.clients[number as usize]) =
                IssuerClient::new(self.server.address(), &self.issued);
        }
    }

    fn truth(&self) -> Arc<StateTruth> {
        Arc::clone(&self.round.truth)
    }

    fn finish(self: Box<Self>, plan: &Plan) -> PlayedState {
        // The issuer answers by what it has decided, at the instant of the answer.
        PlayedState { record: self.round.record(NAME.into(), plan), telling: Telling::default() }
    }
}
