//! `--state-store`: the store of the state of tokens over which scenarios with `[state]` run.

use clap::Args;

use jwtbench_engine::state::store::StateStore;
use jwtbench_scenario::Scenario;

use crate::Failure;

/// The flags.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreArgs {
    /// The store behind [state]: model, http (introspection or a status list, over loopback),
    /// redis (a Valkey or Redis that is started for each round), or redis://HOST:PORT of one that
    /// runs [default: model]
    #[arg(long, value_name = "STORE")]
    pub state_store: Option<String>,
    /// Let --state-store name a host that is not on loopback
    #[arg(long, requires = "state_store")]
    allow_host: bool,
}

impl StoreArgs {
    /// The store, which can be what these scenarios say of it.
    ///
    /// # Errors
    /// If there is no such store, or it cannot be that.
    pub fn store<'s>(
        &self,
        scenarios: impl Iterator<Item = &'s Scenario>,
    ) -> Result<StateStore, Failure> {
        let Some(given) = &self.state_store else {
            return Ok(StateStore::Model);
        };
        let fault = |why: String| Failure::Usage(format!("--state-store {given}: {why}"));
        let store = StateStore::parse(given, self.allow_host).map_err(fault)?;
        for scenario in scenarios {
            let named = |why| fault(format!("{}: {why}", scenario.name));
            store.check(scenario).map_err(named)?;
        }
        Ok(store)
    }
}
