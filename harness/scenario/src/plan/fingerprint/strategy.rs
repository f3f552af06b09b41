//! The fingerprint of a state strategy.

use jwtbench_verifier::state_strategy::{
    Adopt, AnswerCache, Asks, Breaker, Carrier, ColdStart, Feed, LastWord, Lookup,
    LookupCoalescing, OnGap, OnOutage, Poll, PollScope, Prune, Push, StateFilter, StateKey,
    StateStrategy, StoreTimeouts,
};

use crate::model::state::NamedStrategy;

use super::{Fingerprint, Fingerprinted};

/// The version, which changes whenever the written values of a strategy change.
const VERSION: u32 = 1;

/// SHA-256 of a state strategy and of the lifetime that it gives to tokens, in hex. Its name does
/// not count.
pub fn state_strategy_hash(strategy: &NamedStrategy) -> String {
    let NamedStrategy { name: _, strategy, token_lifetime, text: _ } = strategy;
    let mut to = Fingerprint::new("state-strategy", VERSION);
    to.field("strategy", strategy);
    to.field("token-lifetime", token_lifetime);
    to.finish()
}

impl Fingerprinted for StateStrategy {
    fn write(&self, to: &mut Fingerprint) {
        let StateStrategy {
            carrier,
            key,
            feed,
            lookup,
            filter,
            asks,
            on_outage: outage,
            max_waits,
            prune,
        } = self;
        to.field("carrier", carrier);
        to.field("key", key);
        to.field("feed", feed);
        to.field("lookup", lookup);
        to.field("filter", filter);
        to.field("asks", asks);
        to.field("on-failure", outage);
        to.field("max-waits", max_waits);
        to.field("prune", prune);
    }
}

impl Fingerprinted for Carrier {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(self.name());
    }
}

impl Fingerprinted for StateKey {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            StateKey::JwtId => "jti",
            StateKey::Session => "session",
            StateKey::Subject => "subject",
            StateKey::Client => "client",
            StateKey::Version => "version",
            StateKey::NotBefore => "not-before",
        });
    }
}

impl Fingerprinted for Feed {
    fn write(&self, to: &mut Fingerprint) {
        let Feed { poll, push, max_stale, cold_start, adopt } = self;
        to.field("poll", poll);
        to.field("push", push);
        to.field("stale-up-to", max_stale);
        to.field("cold-start", cold_start);
        to.field("adopt", adopt);
    }
}

impl Fingerprinted for Poll {
    fn write(&self, to: &mut Fingerprint) {
        let Poll { interval, jitter, scope, retry, timeouts } = self;
        to.field("interval", interval);
        to.field("jitter", jitter);
        to.field("scope", scope);
        to.field("retry", retry);
        to.field("timeouts", timeouts);
    }
}

impl Fingerprinted for PollScope {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            PollScope::Full => "full",
            PollScope::Delta => "delta",
        });
    }
}

impl Fingerprinted for Push {
    fn write(&self, to: &mut Fingerprint) {
        let Push { replays, heartbeat, on_gap } = self;
        to.field("replays", replays);
        to.field("heartbeat", heartbeat);
        to.field("on-gap", on_gap);
    }
}

impl Fingerprinted for OnGap {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            OnGap::Keep => "keep",
            OnGap::Flush => "flush",
            OnGap::Resync => "resync",
        });
    }
}

impl Fingerprinted for ColdStart {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            ColdStart::Open => to.variant("open"),
            ColdStart::Closed => to.variant("closed"),
            ColdStart::Wait(most) => to.field("wait", most),
        }
    }
}

impl Fingerprinted for Adopt {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Adopt::Merge => "merge",
            Adopt::Replace => "replace",
        });
    }
}

impl Fingerprinted for Lookup {
    fn write(&self, to: &mut Fingerprint) {
        let Lookup { cache, coalescing, timeouts, retries, retry_delay, breaker } = self;
        to.field("cache", cache);
        to.field("coalescing", coalescing);
        to.field("timeouts", timeouts);
        to.field("retries", retries);
        to.field("retry-delay", retry_delay);
        to.field("breaker", breaker);
    }
}

impl Fingerprinted for AnswerCache {
    fn write(&self, to: &mut Fingerprint) {
        let AnswerCache { positive, negative, caps_at_expiry, entries, stale_if_error, tracking } =
            self;
        to.field("positive", positive);
        to.field("negative", negative);
        to.field("capped-at-exp", caps_at_expiry);
        to.field("entries", entries);
        to.field("stale-if-error", stale_if_error);
        to.field("tracking", tracking);
    }
}

impl Fingerprinted for LookupCoalescing {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            LookupCoalescing::None => to.variant("none"),
            LookupCoalescing::PerKey => to.variant("per-key"),
            LookupCoalescing::Batch { window, most } => {
                to.field("batch", window);
                to.field("most", most);
            }
        }
    }
}

impl Fingerprinted for StoreTimeouts {
    fn write(&self, to: &mut Fingerprint) {
        let StoreTimeouts { connect, answer } = self;
        to.field("connect", connect);
        to.field("answer", answer);
    }
}

impl Fingerprinted for Breaker {
    fn write(&self, to: &mut Fingerprint) {
        let Breaker { failures, open_for } = self;
        to.field("failures", failures);
        to.field("open-for", open_for);
    }
}

impl Fingerprinted for StateFilter {
    fn write(&self, to: &mut Fingerprint) {
        let StateFilter { false_positives, last_word } = self;
        to.field("false-positives", false_positives);
        to.variant(match last_word {
            LastWord::List => "list",
            LastWord::Store => "store",
            LastWord::Filter => "filter",
        });
    }
}

impl Fingerprinted for Asks {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Asks::Needed => "needed",
            Asks::Every => "every",
        });
    }
}

impl Fingerprinted for OnOutage {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            OnOutage::Open => to.variant("open"),
            OnOutage::Closed(status) => to.field("closed", &u32::from(*status)),
        }
    }
}

impl Fingerprinted for Prune {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Prune::AtExpiry => to.variant("at-expiry"),
            Prune::After(span) => to.field("after", span),
            Prune::Never => to.variant("never"),
        }
    }
}
