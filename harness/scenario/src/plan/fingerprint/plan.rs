//! The fingerprint of a plan: its load, phases, events, streams, corpus and every arrival. The
//! policy and the cache policy have their own fingerprints. Expectations and prose have none.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::wall_clock::Skew;

use crate::model::endpoint::{EndpointSetting, Fault};
use crate::model::event::{Action, Event, Poison};
use crate::plan::Arrival;
use crate::plan::flow::{Drawn, Flow};
use crate::token::corpus::{Corpus, TokenRef};
use crate::{Arrivals, Load, Phase, Scenario, ScenarioParts, Stream};

use super::{Fingerprint, Fingerprinted};

/// The version, which changes whenever the written values of a plan change.
const VERSION: u32 = 2;

/// SHA-256 of a plan, in hex. `names` are the tokens of the corpus, in its order.
///
/// A state strategy may give tokens another lifetime, so where there is a state, which tokens are
/// issued is no part of a plan with arrivals. Its [`issuance_hash`] and the corpus are compared
/// apart.
pub(crate) fn plan_hash(
    scenario: &Scenario,
    algorithm: Algorithm,
    schedules: &[Vec<Arrival>],
    names: &[TokenRef],
    corpus: &Corpus,
) -> String {
    let mut to = Fingerprint::new("plan", VERSION);
    to.field("algorithm", &algorithm);
    to.field("scenario", scenario);
    let is_issued_apart = scenario.state.is_some() && !schedules.is_empty();
    if is_issued_apart {
        to.field("rsa-bits", &scenario.issuer.rsa_bits);
    } else {
        to.field("corpus", &corpus.hash);
    }
    for schedule in schedules {
        to.field("worker", &schedule.len());
        for arrival in schedule {
            // A plan has up to 20 million arrivals, so they are written without tags. The fields
            // have a fixed order, the numbers a fixed width, and the name of the class is written
            // with its length.
            let Arrival { at, stream, phase: _, token } = arrival;
            let TokenRef { class, stream: _, ordinal, issue } = &names[token.index()];
            to.bytes(&at.0.to_be_bytes());
            to.bytes(&stream.0.to_be_bytes());
            to.variant(class.name());
            to.bytes(&ordinal.0.to_be_bytes());
            if !is_issued_apart {
                to.bytes(&issue.to_be_bytes());
            }
        }
    }
    to.finish()
}

/// SHA-256 of the tokens that are issued under a state strategy, and of their lifetime, in hex.
pub(crate) fn issuance_hash(scenario: &Scenario, corpus: &Corpus) -> String {
    let mut to = Fingerprint::new("issuance", VERSION);
    to.field("token-lifetime", &scenario.issuer.token_lifetime);
    to.field("corpus", &corpus.hash);
    to.finish()
}

/// SHA-256 of the arrivals of a simulation and of everything that happens in it, in hex. Neither
/// the policies nor the lifetime of tokens are part of it.
pub fn flow_hash(scenario: &Scenario, algorithm: Algorithm, seed: u64) -> String {
    let mut to = Fingerprint::new("flow", VERSION);
    to.field("algorithm", &algorithm);
    to.field("scenario", scenario);
    for Drawn { at, stream, phase: _, token } in Flow::new(scenario, algorithm, seed) {
        let TokenRef { class, stream: _, ordinal, issue: _ } = token;
        to.bytes(&at.0.to_be_bytes());
        to.bytes(&stream.0.to_be_bytes());
        to.variant(class.name());
        to.bytes(&ordinal.0.to_be_bytes());
    }
    to.finish()
}

/// Writes the parts of a scenario that do not follow from the corpus and the arrivals.
impl Fingerprinted for Scenario {
    fn write(&self, to: &mut Fingerprint) {
        let ScenarioParts {
            load,
            shed_after,
            streams,
            phases,
            events,
            state,
            // These have hashes of their own.
            policy: _,
            own_algorithms: _,
            cache: _,
            // The corpus already reflects the size of the keys and the lifetime of the tokens.
            issuer: _,
            // These are the number of instances in a simulation, and the swept values of the cache
            // policy.
            instances: _,
            sweep: _,
            // The arrivals already reflect the resolved rates.
            capacity_of: _,
            // These are names, prose and expectations.
            name: _,
            family: _,
            path: _,
            text: _,
            title: _,
            analysis: _,
            canonical: _,
            algorithms: _,
            replaced: _,
            expectations: _,
        } = &**self;
        to.field("load", load);
        to.field("shed-after", shed_after);
        to.field("phases", phases);
        to.field("events", events);
        to.field("streams", streams);
        if let Some(state) = state {
            to.field("state", state);
            for phase in phases {
                to.field("store", &phase.store);
            }
        }
    }
}

impl Fingerprinted for Load {
    fn write(&self, to: &mut Fingerprint) {
        let Load { arrivals, workers, warmup, duration, rounds, deadline } = self;
        to.field("arrivals", arrivals);
        to.field("workers", workers);
        to.field("warmup", warmup);
        to.field("duration", duration);
        to.field("rounds", rounds);
        to.field("deadline", deadline);
    }
}

impl Fingerprinted for Arrivals {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Arrivals::Closed => "closed",
            Arrivals::Constant => "constant",
            Arrivals::Poisson => "poisson",
            Arrivals::Ramp => "ramp",
        });
    }
}

impl Fingerprinted for Stream {
    fn write(&self, to: &mut Fingerprint) {
        // The arrivals already reflect the holders, their reuse and the settings.
        let Stream { name, holders: _, reuse: _, settings: _ } = self;
        to.field("name", name);
    }
}

impl Fingerprinted for Phase {
    fn write(&self, to: &mut Fingerprint) {
        // A store is written only beside a state.
        let Phase { name, at, endpoint, skew, store: _ } = self;
        to.field("name", name);
        to.field("at", at);
        to.field("endpoint", endpoint);
        to.field("skew", skew);
    }
}

impl Fingerprinted for Skew {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Skew::None => to.variant("none"),
            Skew::Ahead(by) => to.field("ahead", by),
            Skew::Behind(by) => to.field("behind", by),
        }
    }
}

impl Fingerprinted for EndpointSetting {
    fn write(&self, to: &mut Fingerprint) {
        let EndpointSetting { latency, jitter, max_age, fault } = self;
        to.field("latency", latency);
        to.field("jitter", jitter);
        to.field("max-age", max_age);
        to.field("fault", fault);
    }
}

impl Fingerprinted for Fault {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Fault::None => to.variant("none"),
            Fault::Status { status, retry_after } => {
                to.field("status", &u32::from(*status));
                to.field("retry-after", retry_after);
            }
            Fault::Refused => to.variant("refused"),
            Fault::Silent => to.variant("silent"),
            Fault::Reset => to.variant("reset"),
            Fault::SlowDrip { interval } => to.field("slow-drip", interval),
            Fault::Truncated => to.variant("truncated"),
            Fault::MalformedJson => to.variant("malformed-json"),
            Fault::Html => to.variant("html"),
            Fault::EmptyKeys => to.variant("empty-keys"),
            Fault::Redirect => to.variant("redirect"),
            Fault::HugeBody { bytes } => to.field("huge-body", bytes),
        }
    }
}

impl Fingerprinted for Event {
    fn write(&self, to: &mut Fingerprint) {
        let Event { at, action, spread } = self;
        to.field("at", at);
        to.field("action", action);
        to.field("spread", spread);
    }
}

impl Fingerprinted for Action {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Action::PublishKey { label, kid_of } => {
                to.field("publish-key", label);
                to.field("kid-of", kid_of);
            }
            Action::SignWith(label) => to.field("sign-with", label),
            Action::WithdrawKey(label) => to.field("withdraw-key", label),
            Action::RevokeTokens { stream, share, others } => {
                to.field("revoke-tokens", stream);
                to.field("share", share);
                to.field("others", others);
            }
            Action::ChangeSubjects { stream, share, change } => {
                to.field(change.name(), stream);
                to.field("share", share);
            }
            Action::IssuerDown { lasts } => to.field("issuer-down", lasts),
            Action::PublishSet(poison) => to.field("publish-set", poison),
            Action::Evict(label) => to.field("evict", label),
            Action::RestartInstances { share, turn } => {
                to.field("restart-instances", share);
                if *turn > 0 {
                    to.field("turn", turn);
                }
            }
        }
    }
}

impl Fingerprinted for Poison {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(self.name());
    }
}
