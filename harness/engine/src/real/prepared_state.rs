//! The state of a round before its clock starts: the machines of the workers, and a real store that
//! has been reached, if it is to be one.

use std::sync::Arc;

use crate::real::clock::RealClock;
use crate::real::http_player::{HttpPlayer, OpenIssuer};
#[cfg(feature = "redis")]
use crate::real::redis_player::{OpenStore, RedisPlayer};
use crate::real::state_player::{ModelPlayer, StatePlayer};
use crate::state::bell::Bell;
use crate::state::fleet::StateFleet;
use crate::state::store::StateStore;
use crate::trial::{Trial, TrialError};

/// The state of a round.
pub(crate) struct PreparedState {
    fleet: Arc<StateFleet>,
    /// Whoever plays the state is woken by this.
    waker: Waker,
}

enum Waker {
    Model(Arc<Bell>),
    Http(Box<OpenIssuer>),
    #[cfg(feature = "redis")]
    Redis(Box<OpenStore>),
}

impl PreparedState {
    /// The state of a trial's round over this store; `None` if the trial has none.
    ///
    /// # Errors
    /// If the store cannot be had.
    pub(crate) fn of(
        trial: &Trial<'_>,
        store: StateStore,
    ) -> Result<Option<PreparedState>, TrialError> {
        let Some(fleet) = trial.fleet() else {
            return Ok(None);
        };
        if store == StateStore::Http {
            let open = OpenIssuer::open(trial, fleet.strategy())?;
            let fleet = Arc::new(fleet.ringing(open.ring()));
            return Ok(Some(PreparedState { fleet, waker: Waker::Http(Box::new(open)) }));
        }
        #[cfg(feature = "redis")]
        if let Some(open) = OpenStore::open(store, (&fleet, &trial.truth().before))? {
            let fleet = Arc::new(fleet.ringing(open.ring()));
            return Ok(Some(PreparedState { fleet, waker: Waker::Redis(Box::new(open)) }));
        }
        #[cfg(not(feature = "redis"))]
        if store != StateStore::Model {
            return Err(TrialError::Store("this build has no client of Redis".into()));
        }
        let bell = Arc::new(Bell::default());
        let rung = Arc::clone(&bell);
        let fleet = Arc::new(fleet.ringing(Arc::new(move || rung.ring())));
        Ok(Some(PreparedState { fleet, waker: Waker::Model(bell) }))
    }

    /// The machines of the workers.
    pub(crate) fn fleet(&self) -> Arc<StateFleet> {
        Arc::clone(&self.fleet)
    }

    /// The player of the state. `fleet` are its machines.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn player<'s>(
        self,
        trial: &Trial<'_>,
        fleet: &'s StateFleet,
        clock: RealClock,
    ) -> Result<Box<dyn StatePlayer + 's>, TrialError> {
        Ok(match self.waker {
            Waker::Model(bell) => Box::new(ModelPlayer::new(trial.state_world(fleet), bell, clock)),
            Waker::Http(open) => Box::new(HttpPlayer::new(*open, &self.fleet, trial, clock)?),
            #[cfg(feature = "redis")]
            Waker::Redis(open) => Box::new(RedisPlayer::new(*open, &self.fleet, trial, clock)),
        })
    }
}
