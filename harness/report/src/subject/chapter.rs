//! The chapters of a result: one for each scenario, in the order of the run, with families kept
//! together.

use jwtbench_result::{Measurement, RunResult};

/// One scenario with what was measured under it.
pub struct Chapter<'a> {
    /// `family/name`.
    pub name: &'a str,
    /// The family.
    pub family: &'a str,
    /// The title in one line. It is the name if the result has no record of the scenario.
    pub title: &'a str,
    /// The author's prose; may be empty.
    pub analysis: &'a str,
    /// The scenario's TOML text; may be empty.
    pub text: &'a str,
    /// True if time matters to the scenario; false for a hot-path scenario, which is ranked.
    pub dynamic: bool,
    /// Its measurements, in the order of the result.
    pub measurements: Vec<&'a Measurement>,
}

impl Chapter<'_> {
    /// The part of the name after the family.
    pub fn stem(&self) -> &str {
        self.name.split_once('/').map_or(self.name, |(_, stem)| stem)
    }
}

/// All chapters that have a measurement. Families come in the order of their first scenario.
pub fn chapters(result: &RunResult) -> Vec<Chapter<'_>> {
    let mut chapters: Vec<Chapter> = result
        .scenarios
        .iter()
        .map(|record| Chapter {
            name: &record.name,
            family: &record.family,
            title: &record.title,
            analysis: &record.analysis,
            text: &record.text,
            dynamic: record.dynamic,
            measurements: Vec::new(),
        })
        .collect();
    for measurement in &result.measurements {
        match chapters.iter_mut().find(|c| c.name == measurement.scenario) {
            Some(chapter) => chapter.measurements.push(measurement),
            None => chapters.push(unrecorded(measurement)),
        }
    }
    chapters.retain(|c| !c.measurements.is_empty());
    let families = families(&chapters);
    chapters.sort_by_key(|c| families.iter().position(|f| *f == c.family));
    chapters
}

/// The families of `chapters`, each once, in order of appearance.
pub fn families<'a>(chapters: &[Chapter<'a>]) -> Vec<&'a str> {
    let mut families = Vec::new();
    for chapter in chapters {
        if !families.contains(&chapter.family) {
            families.push(chapter.family);
        }
    }
    families
}

fn unrecorded(measurement: &Measurement) -> Chapter<'_> {
    Chapter {
        name: &measurement.scenario,
        family: &measurement.family,
        title: &measurement.scenario,
        analysis: "",
        text: "",
        dynamic: measurement.timeline.is_some(),
        measurements: vec![measurement],
    }
}
