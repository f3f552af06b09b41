//! The subjects of a scenario whose holders share them, and what the issuer decides on subjects.
//! This module is pure.

use std::collections::{BTreeSet, HashMap};

use rand_chacha::ChaCha8Rng;

use jwtbench_verifier::tick::Tick;

use crate::Scenario;
use crate::model::event::{Action, SubjectChange};
use crate::model::place::StreamPlace;
use crate::plan::random::{self, unit};
use crate::token::corpus::Holder;

/// The subjects of a scenario.
#[derive(Clone, Debug)]
pub struct Subjects {
    holders_per_subject: u32,
    /// The instants of all changes, in order. Each raises the authorization version that the issuer
    /// writes into tokens, whomever it concerns.
    instants: Vec<Tick>,
    /// The changes of each subject that has any, in order of time.
    changes: HashMap<SubjectPlace, Vec<(Tick, SubjectChange)>>,
}

/// A subject: its stream, and its number within the stream.
pub type SubjectPlace = (StreamPlace, u32);

impl Subjects {
    /// The subjects of a scenario, with those that the seed draws for each change; `None` if each
    /// token has a subject of its own.
    pub fn of(scenario: &Scenario, seed: u64) -> Option<Subjects> {
        let holders_per_subject = scenario.state.as_ref()?.holders_per_subject?;
        let mut changes = HashMap::<SubjectPlace, Vec<_>>::new();
        let mut instants = Vec::new();
        for (number, event) in scenario.events.iter().enumerate() {
            let Action::ChangeSubjects { stream: name, share, change } = &event.action else {
                continue;
            };
            let named = (0u16..).zip(&scenario.streams).find(|(_, stream)| stream.name == *name);
            let Some((place, stream)) = named else {
                continue;
            };
            instants.push(Tick::ZERO + event.at);
            let all = stream.holders.div_ceil(holders_per_subject);
            let count = (f64::from(all) * share / 100.0).ceil() as u32;
            let mut rng = random::stream(seed, &["subjects", &number.to_string()]);
            for subject in draw(count.min(all), all, &mut rng) {
                let own = changes.entry((StreamPlace(place), subject)).or_default();
                own.push((Tick::ZERO + event.at, *change));
            }
        }
        Some(Subjects { holders_per_subject, instants, changes })
    }

    /// The subject of a holder.
    pub fn of_holder(&self, holder: Holder) -> SubjectPlace {
        (holder.stream, holder.number / self.holders_per_subject)
    }

    /// The authorization version in a token that is issued at an instant: 1, and 1 more for each
    /// change before, whomever it concerns. It is the least one that a change at an earlier instant
    /// requires of its subjects.
    pub fn version(&self, issued: Tick) -> u64 {
        1 + self.instants.partition_point(|at| *at < issued) as u64
    }

    /// Whether the subject of a token was revoked before the token would have been issued, so that
    /// nobody got it.
    pub fn is_gone(&self, holder: Holder) -> bool {
        let mut before = self.changes_of(holder).iter().filter(|(at, _)| *at < holder.issued);
        before.any(|(_, change)| *change == SubjectChange::Revoked)
    }

    /// The instant of the first change that makes the token of a holder void. A token that is
    /// issued at that instant is void as well.
    pub fn void_at(&self, holder: Holder) -> Option<Tick> {
        let mut later = self.changes_of(holder).iter().filter(|(at, _)| *at >= holder.issued);
        later.next().map(|(at, _)| *at)
    }

    fn changes_of(&self, holder: Holder) -> &[(Tick, SubjectChange)] {
        self.changes.get(&self.of_holder(holder)).map_or(&[], Vec::as_slice)
    }
}

/// Draws so many different numbers below `below`, each set of them with the same chance. Source:
/// Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", CACM 30(9), 1987).
fn draw(count: u32, below: u32, rng: &mut ChaCha8Rng) -> BTreeSet<u32> {
    let mut drawn = BTreeSet::new();
    for last in below - count..below {
        let one = (unit(rng) * f64::from(last + 1)) as u32;
        let is_new = drawn.insert(one);
        if !is_new {
            drawn.insert(last);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_numbers_differ_and_are_equally_likely() {
        let mut rng = random::stream(1, &["test"]);
        for (count, below) in [(0, 5), (1, 1), (5, 5), (3, 1000)] {
            let drawn = draw(count, below, &mut rng);
            assert_eq!(drawn.len(), count as usize, "{count} of {below}");
            assert!(drawn.iter().all(|one| *one < below), "{drawn:?}");
        }
        // Each of ten numbers comes 3,000 times on average, with a deviation of 46.
        let mut counts = [0u32; 10];
        for _ in 0..10_000 {
            for one in draw(3, 10, &mut rng) {
                counts[one as usize] += 1;
            }
        }
        assert!(counts.iter().all(|count| (2770..=3230).contains(count)), "{counts:?}");
    }

    #[test]
    fn versions_rise_with_each_change() {
        let users = StreamPlace(0);
        let [first, second] = [10, 20].map(|second| Tick(second * 1_000_000_000));
        let changes = vec![(first, SubjectChange::Version), (second, SubjectChange::Revoked)];
        let changes = HashMap::from([((users, 1), changes)]);
        let instants = vec![first, second];
        let subjects = Subjects { holders_per_subject: 3, instants, changes };
        let holder = |number, issued| Holder { stream: users, number, issued };
        let after = |at: Tick| Tick(at.0 + 1);
        let rows = [
            (holder(3, Tick(-5)), 1, Some(first), false, "before everything"),
            (holder(5, first), 1, Some(first), false, "at the instant of the first change"),
            (holder(4, after(first)), 2, Some(second), false, "just after it"),
            (holder(4, after(second)), 3, None, true, "after the subject was revoked"),
            (holder(2, after(second)), 3, None, false, "the subject before"),
            (holder(6, after(first)), 2, None, false, "the subject after"),
            (Holder { stream: StreamPlace(1), ..holder(4, first) }, 1, None, false, "elsewhere"),
        ];
        for (holder, version, void_at, is_gone, reason) in rows {
            assert_eq!(subjects.version(holder.issued), version, "{reason}");
            assert_eq!(subjects.void_at(holder), void_at, "{reason}");
            assert_eq!(subjects.is_gone(holder), is_gone, "{reason}");
        }
    }
}
