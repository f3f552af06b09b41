//! The gate of two simulations: what changed, and how the command ends.

use jwtbench_report::{shown, simulation_change, simulation_change_markdown};
use jwtbench_result::simulation::{Simulation, SimulationChange};

use super::{Allow, Gate, Primary};
use crate::output::stored::StoredFile;
use crate::output::{print, terminal_style};
use crate::{Exit, Failure};

impl Gate {
    /// Compares two stored simulations, as [`hold_simulations`](Self::hold_simulations) does.
    pub fn hold_stored(&self, [base, candidate]: [&StoredFile; 2]) -> Result<Exit, Failure> {
        let canonical = |stored: &StoredFile| stored.path.canonicalize().ok();
        if canonical(base).is_some() && canonical(base) == canonical(candidate) {
            return Err(Failure::Usage(format!(
                "{} would be compared with itself; name two simulations",
                base.path.display()
            )));
        }
        self.hold_simulations([&base.simulation()?, &candidate.simulation()?])
    }

    /// Compares two simulations, prints what changed, and returns how the command ends.
    pub fn hold_simulations(&self, [base, candidate]: [&Simulation; 2]) -> Result<Exit, Failure> {
        self.refuse_what_has_no_effect()?;
        let allowed: Vec<_> = self.allow.iter().map(|allow| (*allow).into()).collect();
        let change = SimulationChange::of(base, candidate, &allowed).map_err(super::unlike)?;
        print(&match (self.json, self.markdown) {
            (true, _) => shown::json(&serde_json::to_string(&change).unwrap_or_default()) + "\n",
            (_, true) => simulation_change_markdown(&change),
            _ => simulation_change(&change, terminal_style()),
        });
        Ok(if change.is_wrong() {
            Exit::Wrong
        } else if change.rows.is_empty() {
            Exit::Error
        } else if change.worse().next().is_some() {
            Exit::Regressed
        } else if change.newly_misses() {
            Exit::Missed
        } else if self.strict && change.has_gaps() {
            Exit::Unproven
        } else {
            Exit::Passed
        })
    }

    /// Refuses flags that are about times.
    pub fn refuse_what_has_no_effect(&self) -> Result<(), Failure> {
        let flag = if !self.threshold.is_empty() {
            "--threshold"
        } else if self.primary != Primary::default() {
            "--primary"
        } else if self.allow.contains(&Allow::Machine) {
            "--allow machine"
        } else if self.allow.contains(&Allow::Version) {
            "--allow version"
        } else {
            return Ok(());
        };
        Err(Failure::Usage(format!(
            "{flag} has no effect on simulations, whose figures are the same on every machine; \
             leave it out"
        )))
    }
}
