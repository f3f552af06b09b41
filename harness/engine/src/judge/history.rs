//! What the issuer did, and when it really took effect: the truth by which outcomes are judged.
//! Between the beginning and the end of a change, either state may have been seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jwtbench_scenario::issuer::IssuerTimeline;
use jwtbench_scenario::model::place::TokenPlace;
use jwtbench_scenario::token::corpus::Facts;
use jwtbench_verifier::tick::Tick;

use crate::state::truth::StateTruth;

/// The changes of one trial, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Changes of the published set, in order: one for each epoch after the first.
    pub epochs: Vec<Change>,
    /// The revocations of a state that instances learn of by a strategy.
    pub truth: Option<Arc<StateTruth>>,
    /// When machines were given what the truth says.
    pub telling: Telling,
}

/// When machines under a state strategy were given what the issuer had decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// By the settings of the store, and this much later at most.
    Late(Duration),
    /// At these instants, which a real store and its links took. A token without one may not have
    /// been told of.
    At(HashMap<TokenPlace, Tick>),
}

impl Default for Telling {
    /// In virtual time nothing is late.
    fn default() -> Telling {
        Telling::Late(Duration::ZERO)
    }
}

/// A change that takes some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before this instant the old state held.
    pub begin: Tick,
    /// From this instant the new state holds.
    pub end: Tick,
}

/// Whether something holds over a span of time, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It holds at every instant.
    Always,
    /// It holds at some instants, or this is not known.
    Sometimes,
    /// It holds at no instant.
    Never,
}

impl History {
    /// Whether the issuer published the key that signed this token.
    pub fn published(
        &self,
        timeline: &IssuerTimeline,
        facts: &Facts,
        from: Tick,
        to: Tick,
    ) -> Over {
        let Some(thumbprint) = facts.signed_by else {
            return Over::Never;
        };
        let (mut any, mut all) = (false, true);
        // Changes are in order, and epochs that were over before `from` cannot be seen.
        let first = self.epochs.partition_point(|change| change.end <= from);
        for (index, epoch) in timeline.epochs().iter().enumerate().skip(first) {
            // An epoch whose change was not made has not begun.
            let begin = match index.checked_sub(1) {
                None => Tick::MIN,
                Some(change) => self.epochs.get(change).map_or(Tick::MAX, |change| change.begin),
            };
            let end = self.epochs.get(index).map_or(Tick::MAX, |change| change.end);
            if begin > to {
                break;
            }
            if end <= from {
                continue;
            }
            let found = epoch.published.iter().any(|key| key.thumbprint == thumbprint);
            any |= found;
            all &= found;
        }
        match (any, all) {
            (true, true) => Over::Always,
            (true, false) => Over::Sometimes,
            (false, _) => Over::Never,
        }
    }

    /// Whether the issuer ever published the key that signed this token.
    pub fn is_issuers(&self, timeline: &IssuerTimeline, facts: &Facts) -> bool {
        let published = timeline.epochs().iter().flat_map(|epoch| &epoch.published);
        facts
            .signed_by
            .is_some_and(|thumbprint| published.into_iter().any(|key| key.thumbprint == thumbprint))
    }
}
