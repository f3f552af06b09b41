//! The cache policies that are simulated in a scenario: the requested ones, or that of the
//! scenario's own `[cache]` beside the presets. Some of them are held to the scenario's
//! expectations.

use jwtbench_engine::simulation::{Simulated, expected};
use jwtbench_result::simulation::PolicyNote;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{CacheSpec, Presets, Start, load_preset};
use jwtbench_scenario::model::expectation::{BoundSubject, binding};
use jwtbench_verifier::cache_policy::CachePolicy;

use crate::Failure;

/// The name of the policy of a scenario's `[cache]` if it differs from every preset.
pub(super) const OWN_CACHE: &str = "[cache]";

/// A policy that the command names.
pub(super) struct NamedPolicy {
    pub(super) name: String,
    pub(super) policy: CachePolicy,
    /// The content of a cache at the beginning, if the file of the policy gives it.
    pub(super) start: Option<Start>,
}

impl NamedPolicy {
    /// The policy as it begins in a scenario.
    fn spec(&self, scenario: &Scenario) -> CacheSpec {
        let NamedPolicy { name, policy, start } = self;
        let start = start.unwrap_or(scenario.cache.start);
        CacheSpec { name: name.clone(), policy: policy.clone(), start }
    }
}

/// The policies of one scenario.
pub(super) struct Lineup<'s> {
    scenario: &'s Scenario,
    /// The policies, in the order of their rows.
    pub(super) specs: Vec<CacheSpec>,
    /// The names of the policies that are held to the scenario's expectations.
    gated: Vec<String>,
}

impl<'s> Lineup<'s> {
    /// The lineup of the policies that the command names, in place of the scenario's own. `all`
    /// holds these and those that they are compared with.
    pub(super) fn named(
        scenario: &'s Scenario,
        all: &[NamedPolicy],
        named: Vec<String>,
    ) -> Lineup<'s> {
        let specs = all.iter().map(|one| one.spec(scenario)).collect();
        Lineup { scenario, specs, gated: named }
    }

    /// The lineup of the scenario's own policy and those that it is compared with.
    pub(super) fn own(
        scenario: &'s Scenario,
        others: &[NamedPolicy],
        presets: &Presets,
    ) -> Lineup<'s> {
        let own = own(scenario, presets);
        let name = own.name.clone();
        let is_there = others.iter().any(|spec| spec.name == name);
        let others = others.iter().map(|one| one.spec(scenario));
        let specs = Some(own).filter(|_| !is_there).into_iter().chain(others);
        Lineup { scenario, specs: specs.collect(), gated: vec![name] }
    }

    /// The one policy under which the strategies of a scenario with state are compared.
    ///
    /// # Errors
    /// If the command names several.
    pub(super) fn one(&self) -> Result<&CacheSpec, Failure> {
        let [name] = self.gated.as_slice() else {
            let message = format!(
                "{}: its state strategies are compared under one cache policy; name one with \
                 --cache-policy, or none",
                self.scenario.name
            );
            return Err(Failure::Usage(message));
        };
        let found = self.specs.iter().find(|spec| spec.name == *name);
        found.ok_or_else(|| Failure::Usage(format!("no cache policy `{name}`")))
    }

    /// Whether the policy of this name is held to the expectations.
    pub(super) fn is_gated(&self, name: &str) -> bool {
        self.gated.iter().any(|gated| gated == name)
    }

    /// Judges each row by the expectations that bind its policy.
    pub(super) fn judge(&self, simulated: &mut Simulated) {
        for (row, figures) in simulated.rows.iter_mut().zip(&simulated.figures) {
            row.is_gated = self.is_gated(&row.cache_policy);
            let name = match row.cache_policy.as_str() {
                OWN_CACHE => &self.scenario.cache.name,
                name => name,
            };
            let bound = BoundSubject { policy: name, strategy: None, is_of_scenario: row.is_gated };
            let bound = binding(&self.scenario.expectations, bound);
            (row.expectations, row.unjudged) = expected::judge(&bound, figures);
        }
    }
}

/// The policy of the scenario's `[cache]`. Its name is that of its preset if it equals the preset,
/// and [`OWN_CACHE`] otherwise.
fn own(scenario: &Scenario, presets: &Presets) -> CacheSpec {
    let spec = &scenario.cache;
    let is_preset = load_preset(presets, &spec.name).is_ok_and(|policy| policy == spec.policy);
    let name = if is_preset { spec.name.clone() } else { OWN_CACHE.into() };
    CacheSpec { name, ..spec.clone() }
}

/// A note with the `[cache]` keys of the scenarios that have a policy of their own.
pub(super) fn own_cache_note<'s>(scenarios: impl Iterator<Item = &'s Scenario>) -> PolicyNote {
    let mut keys = Vec::new();
    for scenario in scenarios {
        keys.push(format!("# {}", scenario.name));
        let table = scenario.text.lines().skip_while(|line| line.trim() != "[cache]").skip(1);
        let table = table.take_while(|line| !line.trim_start().starts_with('['));
        keys.extend(table.filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    let title = Some("The policy of the scenario's own `[cache]`".to_owned());
    PolicyNote { name: OWN_CACHE.into(), title, keys, ..PolicyNote::default() }
}
