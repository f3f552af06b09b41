//! The time for which a withdrawn key is trusted, exact to the nanosecond. The key caches are asked
//! without effect, before and after everything that may change their answer. Between two such
//! instants the time is found by bisection.

use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::key_cache::Answer;
use jwtbench_verifier::tick::Tick;

use crate::jwks::caches::Caches;

/// A probe of one withdrawn key, from its withdrawal on.
pub(super) struct TrustProbe {
    algorithm: Algorithm,
    kid: String,
    thumbprint: Thumbprint,
    /// The first instant at which the endpoint omits the key.
    withdrawn: Tick,
    looked: Tick,
    is_trusted: bool,
    last: Option<Tick>,
}

impl TrustProbe {
    /// Probes of every key that the plan withdraws.
    pub(super) fn all(plan: &Plan) -> Vec<TrustProbe> {
        let one = |at: Tick, label: &str| {
            let mut before = plan.timeline.epochs().iter().rev();
            let key = before.find_map(|epoch| {
                let earlier = epoch.at < at || epoch.at == Tick::MIN;
                let key = epoch.published.iter().find(|key| key.label == label);
                key.filter(|_| earlier)
            })?;
            Some(TrustProbe {
                algorithm: plan.algorithm,
                kid: key.kid.clone(),
                thumbprint: key.thumbprint,
                withdrawn: at,
                looked: at,
                is_trusted: false,
                last: None,
            })
        };
        let events = plan.scenario.events.iter();
        let peeks = events.filter_map(|event| match &event.action {
            Action::WithdrawKey(label) => one(Tick::ZERO + event.at, label),
            _ => None,
        });
        peeks.collect()
    }

    /// Whether any of the caches trusts the key.
    fn trusts(&self, caches: &Caches, now: Tick) -> bool {
        let is_mine = |answer| match answer {
            Answer::Use(view) => view
                .keys
                .find(Some(&self.kid), self.algorithm)
                .is_ok_and(|key| key.jwk.thumbprint == self.thumbprint),
            Answer::Wait | Answer::Refuse { .. } => false,
        };
        caches.peek(&self.kid, now).any(is_mine)
    }

    /// Looks just before something happens at `now`. Since the last look only time has passed.
    pub(super) fn before(&mut self, caches: &Caches, now: Tick) {
        if !self.is_trusted || now <= self.looked {
            return;
        }
        let (mut yes, mut no) = (self.looked.0, now.0);
        if self.trusts(caches, Tick(no - 1)) {
            (self.last, self.looked) = (Some(now), now);
            return;
        }
        while no - yes > 1 {
            let middle = yes + (no - yes) / 2;
            match self.trusts(caches, Tick(middle)) {
                true => yes = middle,
                false => no = middle,
            }
        }
        self.last = Some(Tick(no));
        self.is_trusted = false;
    }

    /// Looks after something has happened at `now`.
    pub(super) fn after(&mut self, caches: &Caches, now: Tick) {
        if now < self.withdrawn || now < self.looked {
            return;
        }
        self.looked = now;
        self.is_trusted = self.trusts(caches, now);
        if self.is_trusted {
            self.last = Some(now);
        }
    }

    /// The key's thumbprint.
    pub(super) fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The time for which the key was trusted, in seconds, up to the last exposed accept at least;
    /// `None` if it is still trusted at the horizon.
    pub(super) fn exposure(&self, exposed: Option<Tick>) -> Option<f64> {
        let last = self.last.max(exposed);
        let span = last.map_or(0.0, |last| last.since(self.withdrawn).as_secs_f64());
        (!self.is_trusted).then_some(span)
    }
}
