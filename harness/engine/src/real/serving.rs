//! The endpoint of a plan alone, in real time and for another process. Key sets and faults change
//! on the scenario clock, and nothing is verified here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jwtbench_scenario::model::endpoint::EndpointSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use crate::jwks::endpoint::{Endpoint, EndpointError, ServedCounts};
use crate::real::clock::{RealClock, unix_now};
use crate::trial::TrialError;
use crate::trial::script::{ScriptRun, ScriptTarget, scripted_events};

/// The endpoint of a plan, which another process uses.
pub struct Serving<'p> {
    plan: &'p Plan,
    endpoint: Endpoint,
    /// The scenario clock, once tick 0 is known.
    clock: Arc<OnceLock<RealClock>>,
}

/// A request that arrived at the endpoint.
pub struct ArrivedRequest {
    /// The instant at which its head had been read, on the scenario clock; `None` before tick 0 is
    /// known.
    pub at: Option<Tick>,
    /// The same instant by the wall clock.
    pub wall: UnixTime,
    /// The request's first line (RFC 9112 §3): method, target and version. Bytes that are not UTF-8
    /// are replaced.
    pub line: String,
}

struct Outside<'s> {
    endpoint: &'s Endpoint,
    clock: RealClock,
}

impl ScriptTarget for Outside<'_> {
    fn publish(&mut self, body: &[u8]) {
        self.endpoint.publish(Arc::from(body));
    }

    fn apply(&mut self, setting: &EndpointSetting) -> Result<(), TrialError> {
        Ok(self.endpoint.apply(setting.clone())?)
    }

    /// The key cache belongs to another process and cannot be reached.
    fn evict(&mut self, _kid: &str) {}

    fn served(&self) -> ServedCounts {
        self.endpoint.counts()
    }

    fn now(&self) -> Tick {
        self.clock.now()
    }
}

impl<'p> Serving<'p> {
    /// Opens the endpoint on this port, or on any free one, as the scenario begins. `tell` is
    /// called at every request and must not block.
    ///
    /// # Errors
    /// If the port is in use or cannot be listened on.
    pub fn open(
        plan: &'p Plan,
        port: Option<u16>,
        tell: impl Fn(ArrivedRequest) + Send + Sync + 'static,
    ) -> Result<Serving<'p>, EndpointError> {
        let endpoint = Endpoint::start(port, plan.seed)?;
        let clock = Arc::new(OnceLock::<RealClock>::new());
        let known = Arc::clone(&clock);
        endpoint.watch(Box::new(move |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            let at = known.get().map(|clock| clock.now());
            tell(ArrivedRequest { at, wall: unix_now(), line });
        }));
        endpoint.publish(Arc::from(plan.timeline.epochs()[0].body.as_slice()));
        endpoint.apply(plan.scenario.phases[0].endpoint.clone())?;
        Ok(Serving { plan, endpoint, clock })
    }

    /// The URL of the key set.
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// Applies the scripted events until the scenario is over or `stop` is set. Tick 0 is at
    /// `begin` by the wall clock.
    ///
    /// # Errors
    /// If the endpoint does not answer.
    pub fn follow(&self, begin: UnixTime, stop: &AtomicBool) -> Result<(), TrialError> {
        let lead = u64::try_from(begin.0 - unix_now().0).unwrap_or(0);
        let clock = RealClock::starting_in(Duration::from_nanos(lead));
        _ = self.clock.set(clock);
        let mut outside = Outside { endpoint: &self.endpoint, clock };
        let mut script_run = ScriptRun::default();
        for event in &scripted_events(self.plan) {
            if !wait(clock, event.at, stop) {
                return Ok(());
            }
            script_run.apply(event, self.plan, &mut outside)?;
        }
        wait(clock, Tick::ZERO + self.plan.scenario.load.duration, stop);
        Ok(())
    }

    /// The endpoint's counts so far.
    pub fn counts(&self) -> ServedCounts {
        self.endpoint.counts()
    }
}

/// Waits until an instant, or until `stop` is set; returns whether it is not.
fn wait(clock: RealClock, until: Tick, stop: &AtomicBool) -> bool {
    while clock.now() < until && !stop.load(Ordering::Relaxed) {
        clock.approach(until);
    }
    !stop.load(Ordering::Relaxed)
}
