//! The selection of the expectations that bind a cache policy or a state strategy. Those of its own
//! table replace the others, key by key.

use super::Expectation;

/// The table of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `[expect]`: the cache policy of the scenario's `[cache]`, or the one used in its place.
    Scenario,
    /// `[expect.all]`: every cache policy.
    Every,
    /// `[expect.NAME]`: the cache policy of this name.
    Named(String),
    /// `[expect.state-strategy.NAME]`: the state strategy of this name.
    Strategy(String),
}

impl Binding {
    /// The precedence with which the table binds these; `None` if it does not.
    fn strength(&self, bound: BoundSubject<'_>) -> Option<u8> {
        let BoundSubject { policy, strategy, is_of_scenario } = bound;
        match self {
            Binding::Strategy(name) => (Some(name.as_str()) == strategy).then_some(3),
            Binding::Named(name) => (name == policy).then_some(2),
            Binding::Scenario => is_of_scenario.then_some(1),
            Binding::Every => Some(0),
        }
    }
}

/// What is bound by expectations.
#[derive(Clone, Copy, Debug)]
pub struct BoundSubject<'n> {
    /// The cache policy.
    pub policy: &'n str,
    /// The state strategy, in a scenario with state.
    pub strategy: Option<&'n str>,
    /// Whether it is what the scenario names in `[cache]` or `[state]`, or what is used in its
    /// place.
    pub is_of_scenario: bool,
}

/// The expectations that bind these, in their order.
pub fn binding<'e>(all: &'e [Expectation], bound: BoundSubject<'_>) -> Vec<&'e Expectation> {
    let strength = |one: &Expectation| one.binding.strength(bound);
    let is_replaced = |one: &Expectation| {
        let mut same = all.iter().filter(|other| other.key == one.key);
        same.any(|other| strength(other) > strength(one))
    };
    all.iter().filter(|one| strength(one).is_some() && !is_replaced(one)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::KnownNames;
    use super::*;

    const KEY: &str = "all.users.valid.lockouts";
    const OTHER: &str = "all.users.valid.late";

    #[test]
    fn tables_replace_each_other_key_by_key() {
        let names = KnownNames { phases: &["start"], streams: &["users"] };
        let mine = || Binding::Named("mine".into());
        let all = [
            (Binding::Scenario, KEY, "<= 1"),
            (Binding::Scenario, OTHER, "<= 2"),
            (Binding::Every, KEY, "<= 3"),
            (Binding::Every, "all.users.valid.count", "<= 4"),
            (mine(), OTHER, "<= 5"),
        ];
        let one = |(binding, key, bound): (Binding, &str, &str)| {
            Expectation::parse(binding, key, bound, &names).unwrap()
        };
        let all = all.map(one);
        let rows: [(&str, bool, &[&str], &str); 5] = [
            ("default", true, &["<= 1", "<= 2", "<= 4"], "[expect] stands before [expect.all]"),
            ("mine", true, &["<= 1", "<= 4", "<= 5"], "its own table replaces one key"),
            ("mine", false, &["<= 3", "<= 4", "<= 5"], "for comparison: nothing of [expect]"),
            ("other", false, &["<= 3", "<= 4"], "every policy"),
            ("Mine", false, &["<= 3", "<= 4"], "another name is another policy"),
        ];
        for (policy, is_of_scenario, expected, reason) in rows {
            let found = binding(&all, BoundSubject { policy, strategy: None, is_of_scenario });
            let bounds: Vec<&str> = found.iter().map(|one| &*one.bound).collect();
            assert_eq!(bounds, expected, "{reason}");
        }
    }
}
