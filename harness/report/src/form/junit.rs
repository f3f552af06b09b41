//! JUnit XML for CI: a suite for each scenario and a case for each trial, with what was wrong or
//! missed and its figures. The document uses only what the schemas of Ant and Jenkins have in
//! common.

pub(crate) mod simulation;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use jwtbench_result::{Measurement, RunResult};

use crate::quantity;
use crate::shown::is_unshown;
use crate::subject::caveat::legend;
use crate::subject::fault::fault;
use crate::subject::standing;
use crate::subject::summary::warnings;

/// Whether a case passed, and what the document says if it did not.
enum CaseEnd {
    Passed,
    /// The name of the element, its type, its first line and the other lines.
    NotPassed(&'static str, &'static str, String, String),
}

/// One case of a suite.
struct TrialCase {
    name: String,
    seconds: f64,
    end_of: CaseEnd,
    notes: String,
}

impl TrialCase {
    fn is(&self, element: &str) -> bool {
        matches!(&self.end_of, CaseEnd::NotPassed(name, ..) if *name == element)
    }
}

/// The result as one document.
pub fn junit(result: &RunResult) -> String {
    let mut bytes = Vec::new();
    let mut writer = Writer::new_with_indent(&mut bytes, b' ', 2);
    write(result, &mut writer).expect("memory takes it");
    let text = String::from_utf8(bytes).expect("XML of text");
    text + "\n"
}

/// The suites: scenarios in the order of the run, each with its cases.
fn suites(result: &RunResult) -> Vec<(&str, Vec<TrialCase>)> {
    let mut suites: Vec<(&str, Vec<TrialCase>)> =
        result.scenarios.iter().map(|scenario| (scenario.name.as_str(), Vec::new())).collect();
    for measurement in &result.measurements {
        let known = suites.iter().position(|(name, _)| *name == measurement.scenario);
        let index = known.unwrap_or(suites.len());
        if known.is_none() {
            suites.push((&measurement.scenario, Vec::new()));
        }
        suites[index].1.push(case(result, measurement));
    }
    for (_, cases) in suites.iter_mut().filter(|(_, cases)| cases.is_empty() && result.partial) {
        let reason = "the run was cut short before it began".to_owned();
        cases.push(TrialCase {
            name: "not measured".into(),
            seconds: 0.0,
            end_of: CaseEnd::NotPassed("error", "partial result", reason, String::new()),
            notes: String::new(),
        });
    }
    suites.retain(|(_, cases)| !cases.is_empty());
    suites
}

fn case(result: &RunResult, measurement: &Measurement) -> TrialCase {
    let Measurement { contender, algorithm, cache_policy, .. } = measurement;
    let policy = match cache_policy.as_str() {
        "" | "default" => String::new(),
        other => format!(" {other}"),
    };
    let standing = standing::standing(result, cache_policy).sentence();
    let standing = standing.map(|said| format!("\ncache policy {cache_policy}: {said}"));
    // This is time on the scenario clock. The measured time of a round ends with its last phase.
    let round = measurement.phases.last().map_or(0, |phase| phase.end_ns);
    let seconds = round as f64 / 1e9 * measurement.rounds.len() as f64;
    TrialCase {
        name: format!("{contender} {algorithm}{policy}"),
        seconds: if measurement.virtual_time { 0.0 } else { seconds.max(0.0) },
        end_of: end_of(measurement),
        notes: notes(measurement) + &standing.unwrap_or_default(),
    }
}

fn end_of(measurement: &Measurement) -> CaseEnd {
    let wrong = measurement.wrong.iter().map(|wrong| {
        let times = quantity::counted(wrong.count, "time");
        format!("{}: due {}, got {} ({times})", wrong.class, wrong.due, wrong.got)
    });
    let missed: Vec<String> = measurement
        .expectations
        .iter()
        .filter(|expectation| !expectation.met)
        .map(|missed| {
            let value = quantity::expected(&missed.key, missed.value);
            format!("expected {} {}, was {value}", missed.key, missed.bound)
        })
        .collect();
    let first = fault(measurement).or_else(|| missed.first().cloned());
    let Some(first) = first else { return CaseEnd::Passed };
    let (element, kind) = match (measurement.verdicts.wrong, &measurement.error) {
        (0, None) => ("failure", "expectation missed"),
        (0, Some(_)) => ("error", "no valid figures"),
        _ => ("failure", "wrong verdict"),
    };
    let all: Vec<String> = wrong.chain(missed).collect();
    CaseEnd::NotPassed(element, kind, first, all.join("\n"))
}

fn notes(measurement: &Measurement) -> String {
    let (verdicts, arrivals) = (&measurement.verdicts, &measurement.arrivals);
    let met = measurement.expectations.iter().filter(|e| e.met).count();
    let mut caveats: String =
        legend([measurement]).map(|legend| format!("\n{legend}")).unwrap_or_default();
    if !measurement.unjudged.is_empty() {
        caveats.push_str(&format!("\nnot judged: {}", measurement.unjudged.join(", ")));
    }
    if let Some(noisy) = &measurement.noisy {
        caveats.push_str(&format!("\nINVALID (noisy): {noisy}"));
    }
    format!(
        "planned {}, done {}, shed {}, unfinished {}\njudged {}, wrong {}, exposed accepts {}, \
         lockouts {}, late {}\nexpectations met {met} of {}, not judged {}; findings {}{caveats}",
        arrivals.planned,
        arrivals.done,
        arrivals.shed,
        arrivals.unfinished,
        verdicts.judged,
        verdicts.wrong,
        verdicts.exposed_accepts,
        verdicts.lockouts,
        verdicts.late,
        measurement.expectations.len(),
        measurement.unjudged.len(),
        measurement.findings.len(),
    )
}

fn write(result: &RunResult, writer: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let suites = suites(result);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let [tests, failures, errors, _] = counts(all());
    writer
        .create_element("testsuites")
        .with_attribute(("name", "jwtbench"))
        .with_attribute(("tests", tests.as_str()))
        .with_attribute(("failures", failures.as_str()))
        .with_attribute(("errors", errors.as_str()))
        .with_attribute(("time", seconds(all()).as_str()))
        .write_inner_content(|writer| {
            suites.iter().try_for_each(|(name, cases)| write_suite(result, name, cases, writer))
        })?;
    Ok(())
}

fn write_suite(
    result: &RunResult,
    name: &str,
    cases: &[TrialCase],
    writer: &mut Writer<&mut Vec<u8>>,
) -> io::Result<()> {
    let [tests, failures, errors, skipped] = counts(cases.iter());
    let mut properties = vec![
        ("seed", result.seed.to_string()),
        ("build", printable(&result.machine.profile)),
        ("cpu", printable(&result.machine.cpu)),
    ];
    properties.extend(warnings(result).iter().map(|warning| ("warning", printable(warning))));
    writer
        .create_element("testsuite")
        .with_attribute(("name", printable(name).as_str()))
        .with_attribute(("tests", tests.as_str()))
        .with_attribute(("failures", failures.as_str()))
        .with_attribute(("errors", errors.as_str()))
        .with_attribute(("skipped", skipped.as_str()))
        .with_attribute(("time", seconds(cases.iter()).as_str()))
        .with_attribute(("timestamp", printable(result.started_at.trim_end_matches('Z')).as_str()))
        .write_inner_content(|writer| {
            writer.create_element("properties").write_inner_content(|writer| {
                for (name, value) in &properties {
                    let property =
                        writer.create_element("property").with_attribute(("name", *name));
                    property.with_attribute(("value", value.as_str())).write_empty()?;
                }
                Ok(())
            })?;
            cases.iter().try_for_each(|case| write_case(name, case, writer))
        })?;
    Ok(())
}

fn write_case(suite: &str, case: &TrialCase, writer: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", printable(&case.name).as_str()))
        .with_attribute(("classname", printable(suite).as_str()))
        .with_attribute(("time", format!("{:.3}", case.seconds).as_str()));
    element.write_inner_content(|writer| {
        if let CaseEnd::NotPassed(name, kind, first, all) = &case.end_of {
            writer
                .create_element(*name)
                .with_attribute(("type", *kind))
                .with_attribute(("message", printable(first).as_str()))
                .write_text_content(BytesText::new(&printable(all)))?;
        }
        if !case.notes.is_empty() {
            let notes = printable(&case.notes);
            writer.create_element("system-out").write_text_content(BytesText::new(&notes))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// The numbers of cases, failures, errors and skipped cases.
fn counts<'c>(cases: impl Iterator<Item = &'c TrialCase> + Clone) -> [String; 4] {
    let count = |element: &str| cases.clone().filter(|case| case.is(element)).count().to_string();
    [cases.clone().count().to_string(), count("failure"), count("error"), count("skipped")]
}

/// The sum of the cases' seconds, written as the schemas demand.
fn seconds<'c>(cases: impl Iterator<Item = &'c TrialCase>) -> String {
    format!("{:.3}", cases.map(|case| case.seconds).sum::<f64>())
}

/// The text without the characters that XML cannot hold (XML 1.0, section 2.2) and without those
/// that control a terminal.
pub(crate) fn printable(text: &str) -> String {
    let is_held = |c: &char| !is_unshown(*c) || *c == '\n';
    text.chars().filter(|c| is_held(c) && !['\u{fffe}', '\u{ffff}'].contains(c)).collect()
}
