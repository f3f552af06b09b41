//! The `[expect]` tables: keys and bounds, each with its line where one is at fault, and the
//! policies that they name.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::format::wire::WireExpect;
use crate::model::expectation::{Binding, Expectation, KnownNames};
use crate::{Phase, Scenario, Stream};

use super::{Checked, File};

/// What the tables hold.
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
        // The key of a bound in a table is looked for from the table on, so that its line is named.
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
        }
    }
    Ok(expectations)
}

impl Scenario {
    /// Makes sure that each policy which a table of `[expect]` names is one of these.
    ///
    /// # Errors
    /// The first that is not, with those that would do.
    pub fn check_bindings(&self, known: &[String]) -> Checked<()> {
        let mut named = self.expectations.iter().filter_map(|one| match &one.binding {
            Binding::Named(name) => Some(name),
            Binding::Scenario | Binding::Every => None,
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
}
