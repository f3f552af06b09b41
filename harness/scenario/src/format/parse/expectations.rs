//! The parser of the `[expect]` tables: the keys, the bounds and the names of policies. A fault
//! names its line.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::format::wire::WireExpect;
use crate::model::expectation::{Binding, Expectation, KnownNames};
use crate::{Phase, Scenario, Stream};

use super::{Checked, File};

/// The name of the tables of state strategies.
const STATE_STRATEGY: &str = "state-strategy";

/// The expectations in the tables.
pub(super) fn expectations(
    file: &File<'_>,
    wire: &BTreeMap<Spanned<String>, WireExpect>,
    phases: &[Phase],
    streams: &[Stream],
) -> Checked<Vec<Expectation>> {
    let phases: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
    let streams: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let names = KnownNames { phases: &phases, streams: &streams };
    let mut expectations = Vec::new();
    for (key, given) in wire {
        let name = key.get_ref();
        // Searches for the key of a bound from the beginning of its table, so that the fault names
        // the right line.
        let place = |key_text: &str| {
            let from = key.span().start;
            let quoted = format!("\"{key_text}\"");
            let found = file.text.get(from..).and_then(|rest| rest.find(&quoted));
            found.map_or(key.span(), |at| from + at..from + at + quoted.len())
        };
        let mut parse = |binding: Binding, key_text: &str, bound: &str| {
            match Expectation::parse(binding, key_text, bound, &names) {
                Ok(expectation) => expectations.push(expectation),
                Err(error) => {
                    let message = format!("[expect] `{key_text}`: {error}");
                    return file.fault(Some(place(key_text)), message);
                }
            }
            Ok(())
        };
        match given {
            WireExpect::Bound(bound) => parse(Binding::Scenario, name, bound)?,
            WireExpect::Policy(bounds) => {
                for (key_text, bound) in bounds {
                    let binding = match name.as_str() {
                        "all" => Binding::Every,
                        name => Binding::Named(name.into()),
                    };
                    parse(binding, key_text, bound)?;
                }
            }
            WireExpect::Strategies(tables) if name == STATE_STRATEGY => {
                for (strategy, bounds) in tables {
                    for (key_text, bound) in bounds {
                        parse(Binding::Strategy(strategy.clone()), key_text, bound)?;
                    }
                }
            }
            WireExpect::Strategies(_) => {
                let message = format!(
                    "[expect.{name}]: tables stand in [expect.NAME] and \
                     [expect.{STATE_STRATEGY}.NAME]; write one of these"
                );
                return file.fault(Some(key.span()), message);
            }
        }
    }
    Ok(expectations)
}

impl Scenario {
    /// Checks that each policy and each strategy that an `[expect]` table names is one of the known
    /// ones.
    ///
    /// # Errors
    /// The first unknown one, together with the known ones.
    pub fn check_bindings(&self, known: &[String], strategies: &[String]) -> Checked<()> {
        self.check_strategies(strategies)?;
        let mut named = self.expectations.iter().filter_map(|one| match &one.binding {
            Binding::Named(name) => Some(name),
            Binding::Scenario | Binding::Every | Binding::Strategy(_) => None,
        });
        let Some(name) = named.find(|name| !known.contains(name)) else {
            return Ok(());
        };
        let at = self.text.find(&format!("[expect.{name}]"));
        let file = File { path: &self.path, text: &self.text };
        let known = known.join(", ");
        let message = format!(
            "[expect.{name}]: no such cache policy; known: all, {known}; a policy in a file of \
             yours is known by its name where --cache-policy names the file"
        );
        file.fault(at.map(|at| at..at), message)
    }

    fn check_strategies(&self, known: &[String]) -> Checked<()> {
        let mut named = self.expectations.iter().filter_map(|one| match &one.binding {
            Binding::Strategy(name) => Some(name),
            _ => None,
        });
        let unknown = match &self.state {
            Some(_) => named.find(|name| !known.contains(name)),
            None => named.next(),
        };
        let Some(name) = unknown else {
            return Ok(());
        };
        let at = self.text.find(&format!("[expect.{STATE_STRATEGY}.{name}]"));
        let file = File { path: &self.path, text: &self.text };
        let message = match &self.state {
            Some(_) => format!(
                "[expect.{STATE_STRATEGY}.{name}]: no such state strategy; known: {}; a strategy \
                 in a file of yours is known by its name where --state-strategy names the file",
                known.join(", ")
            ),
            None => format!(
                "[expect.{STATE_STRATEGY}.{name}] goes with [state]; leave it out, or write it"
            ),
        };
        file.fault(at.map(|at| at..at), message)
    }
}
