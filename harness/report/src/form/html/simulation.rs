//! A simulation as one self-contained page: for each scenario the frontier and the tables, then
//! each policy in words.

use maud::{DOCTYPE, Markup, html as markup};

use jwtbench_result::simulation::{PolicyNote, Simulation, SimulationRow};

use crate::form::html::{analysis, head};
use crate::form::junit::printable;
use crate::form::markdown::policy::title;
use crate::form::svg::frontier::frontier;
use crate::form::svg::minutes::minutes;
use crate::form::svg::sweep::sweep;
use crate::subject::simulation::expected::{expected_lines, remarks, verdict_line};
use crate::subject::simulation::words::{better, words};
use crate::subject::simulation::{
    Column, columns, facts, is_of_state, marked, marks, phase_tables, runs, subject_title,
    subjects, verdict,
};

/// Renders the page.
pub fn simulation_html(simulation: &Simulation) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("jwtbench: {} in virtual time", subjects(simulation).to_lowercase())))
            body {
                div style="max-width:64rem;margin:0 auto;padding:0 1rem 4rem" {
                    h1 { (subjects(simulation)) " in virtual time" }
                    p.lead {
                        @if is_of_state(&simulation.rows) {
                            "How long a revoked token is accepted, how long good users are locked "
                            "out, and what the store has to bear, under each state strategy. "
                        } @else {
                            "How long a withdrawn key is trusted, how long good users are locked "
                            "out, and what the identity provider has to bear, under each "
                            "JWKS-cache policy. "
                        }
                        "Real tokens, the real verifier and key cache; no clock and no socket, so "
                        "the same command gives the same figures on every machine."
                    }
                    (verdict_banner(simulation))
                    p { code { (simulation.command) } }
                    (contents(simulation))
                    @for scenario in simulation.scenario_names() {
                        (section(simulation, scenario))
                    }
                    @if !simulation.policies.is_empty() {
                        h2 { (subjects(simulation)) ", one by one" }
                        @for note in &simulation.policies { (policy(simulation, note)) }
                    }
                }
            }
        }
    };
    printable(&page.into_string())
}

/// The table of contents: links to every section below it.
fn contents(simulation: &Simulation) -> Markup {
    let scenarios = simulation.scenario_names();
    let policies = simulation.policies.iter().map(|note| note.name.as_str()).collect();
    let link = |name: &str| {
        markup! { a href=(format!("#{name}")) { (marked(simulation, name)) } " " }
    };
    let lists: [(&str, Vec<&str>); 2] = [("Scenarios", scenarios), ("Policies", policies)];
    markup! {
        @for (heading, names) in lists.iter().filter(|(_, names)| names.len() > 1) {
            p.note { (heading) ": " @for name in names { (link(name)) } }
        }
        @for line in marks(simulation) { p.note { (line) } }
    }
}

fn section(simulation: &Simulation, scenario: &str) -> Markup {
    let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
    let note = simulation.scenarios.iter().find(|note| note.name == scenario);
    markup! {
        section {
            h2 id=(scenario) { (scenario) }
            @if let Some(note) = note {
                p { strong { (note.title) "." } }
                (analysis(&note.analysis))
            }
            (frontier(simulation, scenario))
            (sweep(simulation, scenario))
            (minutes(simulation, scenario))
            (table(simulation, &rows, &columns(&rows)))
            p.note {
                "Median / worst of " (runs(rows.iter().copied())) "; once where they are alike. "
                "fetches/h: for each instance and hour."
            }
            @for (heading, columns) in phase_tables(&rows) {
                h3 { (heading) }
                (table(simulation, &rows, &columns))
            }
            (expected(simulation, &rows))
            @for row in rows.iter().filter(|row| simulation.is_own(row)) {
                @if let Some(verdict) = verdict(simulation, row) {
                    p.prose { strong { (verdict) } }
                }
            }
        }
    }
}

fn verdict_banner(simulation: &Simulation) -> Markup {
    let (is_missed, line) = verdict_line(simulation);
    let ink = if is_missed { "color:var(--bad)" } else { "" };
    markup! { p.lead style=(ink) { strong { (line) } } }
}

/// The expectations that policies are held to, and whether they are met.
fn expected(simulation: &Simulation, rows: &[&SimulationRow]) -> Markup {
    let (lines, subject) = (expected_lines(rows), subject_title(rows));
    markup! {
        @for said in remarks(rows) {
            p.note { (said) }
        }
        @if !lines.is_empty() {
            div style="overflow-x:auto" {
                table {
                    thead {
                        tr {
                            @for head in ["expectation", "bound", "figure", subject, ""] {
                                th { (head) }
                            }
                        }
                    }
                    tbody {
                        @for line in &lines {
                            tr style=(if line.is_missed { "color:var(--bad)" } else { "" }) {
                                td { code { (line.key) } }
                                td { code { (line.bound) } }
                                td { (line.figure) }
                                td { (marked(simulation, line.subject)) }
                                td { (line.state) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn table(simulation: &Simulation, rows: &[&SimulationRow], columns: &[Column]) -> Markup {
    let is_known =
        |row: &SimulationRow| simulation.policies.iter().any(|note| note.name == row.subject());
    markup! {
        div style="overflow-x:auto" {
            table {
                thead {
                    tr {
                        th { (subject_title(rows)) }
                        @for column in columns { th.num { (column.title) } }
                    }
                }
                tbody {
                    @for (place, row) in rows.iter().enumerate() {
                        tr {
                            th scope="row" {
                                @if is_known(row) {
                                    a href=(format!("#{}", row.subject())) {
                                        (marked(simulation, row.subject()))
                                    }
                                } @else {
                                    (marked(simulation, row.subject()))
                                }
                            }
                            @for column in columns { td.num { (column.cells[place]) } }
                        }
                    }
                }
            }
        }
    }
}

/// The section on one policy over all scenarios.
fn policy(simulation: &Simulation, note: &PolicyNote) -> Markup {
    let rows = simulation.rows.iter().filter(|row| row.subject() == note.name);
    markup! {
        section {
            h3 id=(note.name) { (marked(simulation, &note.name)) }
            @if let Some(title) = &note.title { p { (title) "." } }
            @for (name, fact) in facts(note) { p.note { strong { (name) } ": " (fact) "." } }
            details {
                summary { "Its keys" }
                pre { @for key in &note.keys { (key) "\n" } }
            }
            dl {
                @for row in rows {
                    dt { (title(simulation, row)) }
                    dd {
                        (words(row).join(" "))
                        @if let Some(better) = better(simulation, row) { " " (better) }
                    }
                }
            }
        }
    }
}
