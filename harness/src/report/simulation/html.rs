//! A simulation as one self-contained page: per scenario the frontier, the table, and a paragraph
//! for each policy.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::frontier::frontier;
use super::minutes::minutes;
use super::sweep::sweep;
use super::{columns, range, title, verdict, words};
use crate::report::html::{CONTENT_POLICY, STYLE};
use crate::result::simulation::Simulation;

/// The page. `own` names the user's policies.
pub fn simulation_html(simulation: &Simulation, own: &[String], command: &str) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
                title { "jwtbench: cache policies in virtual time" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                div style="max-width:64rem;margin:0 auto;padding:0 1rem 4rem" {
                    h1 { "Cache policies in virtual time" }
                    p.lead {
                        "How long a withdrawn key is trusted, how long good users are locked out, "
                        "and what the identity provider has to bear, under each JWKS-cache policy. "
                        "Real tokens, the real verifier and key cache; no clock and no socket, so "
                        "the same command gives the same figures on every machine."
                    }
                    p { code { (command) } }
                    @for scenario in simulation.scenarios() {
                        (section(simulation, scenario, own))
                    }
                }
            }
        }
    };
    page.into_string()
}

fn section(simulation: &Simulation, scenario: &str, own: &[String]) -> Markup {
    let rows = || simulation.of_scenario(scenario);
    let names = columns(rows());
    markup! {
        section {
            h2 { (scenario) }
            (frontier(simulation, scenario, own))
            (sweep(simulation, scenario))
            (minutes(simulation, scenario))
            div style="overflow-x:auto" {
                table {
                    thead {
                        tr {
                            th { "cache policy" }
                            @for name in &names { th.num { (title(name)) } }
                            th.num { "attempts" }
                        }
                    }
                    tbody {
                        @for row in rows() {
                            tr {
                                th scope="row" { (row.cache_policy) }
                                @for name in &names {
                                    td.num { (range(name, row.metric(name))) }
                                }
                                td.num { (row.counts.attempts) }
                            }
                        }
                    }
                }
            }
            p.note { "Median / worst over all cache ages; once where they are alike." }
            @for row in rows() {
                @let said = words(row);
                @if !said.is_empty() {
                    h4 { (row.cache_policy) }
                    p.prose {
                        (said.join(" "))
                        @if let Some(verdict) = verdict(simulation, row)
                            && own.contains(&row.cache_policy) {
                            " " strong { (verdict) }
                        }
                    }
                }
            }
        }
    }
}
