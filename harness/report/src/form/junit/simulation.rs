//! A simulation as JUnit XML for CI: a suite for each scenario and a case for each expectation. An
//! expectation is skipped, with the reason, if it gates nothing or if only `run` can judge it.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use jwtbench_result::simulation::{Simulation, SimulationExpectation, SimulationRow};

use crate::form::junit::printable;
use crate::subject::simulation::expected::simulation_expectation;

/// What came of an expectation.
enum ExpectationEnd {
    Met,
    Missed(String),
    Skipped(String),
    Interrupted,
}

/// The case of one expectation of one policy.
struct ExpectationCase {
    name: String,
    held: ExpectationEnd,
}

/// The simulation as one document.
pub fn simulation_junit(simulation: &Simulation) -> String {
    let mut bytes = Vec::new();
    let mut writer = Writer::new_with_indent(&mut bytes, b' ', 2);
    write(simulation, &mut writer).expect("memory takes it");
    let text = String::from_utf8(bytes).expect("XML of text");
    text + "\n"
}

fn cases(row: &SimulationRow) -> Vec<ExpectationCase> {
    let judged = row.expectations.iter().map(|one| {
        let SimulationExpectation { key, bound, met, .. } = one;
        let said = simulation_expectation(row, one);
        let held = match (row.is_gated, met) {
            (true, true) => ExpectationEnd::Met,
            (true, false) => ExpectationEnd::Missed(said),
            (false, _) => ExpectationEnd::Skipped(format!("there to be compared with: {said}")),
        };
        ExpectationCase { name: format!("{} {key} {bound}", row.subject()), held }
    });
    let unjudged = row.unjudged.iter().filter(|_| row.is_gated).map(|key| {
        let held = ExpectationEnd::Skipped("not judged here, `jwtbench run` judges it".into());
        ExpectationCase { name: format!("{} {key}", row.subject()), held }
    });
    judged.chain(unjudged).collect()
}

fn write(simulation: &Simulation, writer: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = simulation.scenario_names().into_iter().map(|name| {
        let cases: Vec<ExpectationCase> = simulation.of_scenario(name).flat_map(cases).collect();
        (name, cases)
    });
    let mut suites: Vec<(&str, Vec<ExpectationCase>)> = suites.collect();
    if simulation.partial {
        let case = ExpectationCase { name: "every row".into(), held: ExpectationEnd::Interrupted };
        suites.push(("jwtbench simulate", vec![case]));
    }
    let all: Vec<&ExpectationCase> = suites.iter().flat_map(|(_, cases)| cases).collect();
    let [tests, failures, _] = counts(&all);
    writer
        .create_element("testsuites")
        .with_attribute(("name", "jwtbench simulate"))
        .with_attribute(("tests", tests.as_str()))
        .with_attribute(("failures", failures.as_str()))
        .with_attribute(("errors", errors(&all)))
        .write_inner_content(|writer| {
            suites.iter().try_for_each(|(name, cases)| write_suite(name, cases, writer))
        })?;
    Ok(())
}

fn write_suite(
    name: &str,
    cases: &[ExpectationCase],
    writer: &mut Writer<&mut Vec<u8>>,
) -> io::Result<()> {
    let all: Vec<&ExpectationCase> = cases.iter().collect();
    let [tests, failures, skipped] = counts(&all);
    writer
        .create_element("testsuite")
        .with_attribute(("name", printable(name).as_str()))
        .with_attribute(("tests", tests.as_str()))
        .with_attribute(("failures", failures.as_str()))
        .with_attribute(("errors", errors(&all)))
        .with_attribute(("skipped", skipped.as_str()))
        .write_inner_content(|writer| {
            cases.iter().try_for_each(|case| write_case(name, case, writer))
        })?;
    Ok(())
}

fn write_case(
    suite: &str,
    case: &ExpectationCase,
    writer: &mut Writer<&mut Vec<u8>>,
) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", printable(&case.name).as_str()))
        .with_attribute(("classname", printable(suite).as_str()))
        .with_attribute(("time", "0.000"));
    let (name, message) = match &case.held {
        ExpectationEnd::Met => return element.write_empty().map(|_| ()),
        ExpectationEnd::Missed(said) => ("failure", said.as_str()),
        ExpectationEnd::Skipped(reason) => ("skipped", reason.as_str()),
        ExpectationEnd::Interrupted => ("error", "partial result: the simulation was cut short"),
    };
    element.write_inner_content(|writer| {
        let ending = writer.create_element(name);
        ending.with_attribute(("message", printable(message).as_str())).write_empty()?;
        Ok(())
    })?;
    Ok(())
}

/// The numbers of cases, failures and skipped cases.
fn counts(cases: &[&ExpectationCase]) -> [String; 3] {
    let count =
        |is: fn(&ExpectationEnd) -> bool| cases.iter().filter(|case| is(&case.held)).count();
    let failures = count(|held| matches!(held, ExpectationEnd::Missed(_)));
    let skipped = count(|held| matches!(held, ExpectationEnd::Skipped(_)));
    [cases.len(), failures, skipped].map(|count| count.to_string())
}

/// The number of errors: 1 if rows are missing, else 0.
fn errors(cases: &[&ExpectationCase]) -> &'static str {
    if cases.iter().any(|case| matches!(case.held, ExpectationEnd::Interrupted)) {
        "1"
    } else {
        "0"
    }
}
