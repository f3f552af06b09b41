//! The parts of a plan's fingerprint that concern state: revocations and the store. The strategy is
//! no part of a plan.

use crate::model::state::{
    AfterRevocation, Balancing, DataLoss, StateSpec, StoreFault, StoreSetting,
};

use super::{Fingerprint, Fingerprinted};

impl Fingerprinted for StateSpec {
    fn write(&self, to: &mut Fingerprint) {
        let StateSpec {
            revocations_per_s,
            revocations_until,
            after_revocation,
            revoked_before,
            sample,
            balancing,
            holders_per_subject,
            // This is compared apart, as a cache policy is.
            strategy: _,
            // The corpus already reflects the lifetime of tokens.
            token_lifetime: _,
            // A price changes no arrival and no verdict.
            prices: _,
        } = self;
        to.field("revocations", revocations_per_s);
        to.field("revocations-until", revocations_until);
        to.field("after-revocation", after_revocation);
        to.field("revoked-before", revoked_before);
        to.field("sample", sample);
        to.field("balancing", balancing);
        if let Some(count) = holders_per_subject {
            to.field("holders-per-subject", count);
        }
    }
}

impl Fingerprinted for AfterRevocation {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            AfterRevocation::GoesOn => "goes-on",
            AfterRevocation::Stops => "stops",
        });
    }
}

impl Fingerprinted for Balancing {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Balancing::Random => "random",
            Balancing::Sticky => "sticky",
        });
    }
}

impl Fingerprinted for StoreSetting {
    fn write(&self, to: &mut Fingerprint) {
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
        } = self;
        to.field("latency", latency);
        to.field("jitter", jitter);
        to.field("capacity", capacity);
        to.field("replica-lag", replica_lag);
        to.field("fault", fault);
        to.field("propagation", propagation);
        to.field("push-loss", push_loss);
        to.field("links-down", links_down);
        to.field("links-silent", links_silent);
        to.field("data-lost", data_lost);
        to.field("published-every", published_every);
        to.field("list-lifetime", list_lifetime);
        // Later than the rest: what does not have it is as it was.
        if *list_size > 0 {
            to.field("list-size", list_size);
        }
        if *keyspace > 0 {
            to.field("keyspace", keyspace);
        }
    }
}

impl Fingerprinted for StoreFault {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(self.name());
    }
}

impl Fingerprinted for DataLoss {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            DataLoss::None => to.variant("none"),
            DataLoss::All => to.variant("all"),
            DataLoss::Last(last) => to.field("last", last),
            DataLoss::Share(share) => to.field("share", share),
        }
    }
}
