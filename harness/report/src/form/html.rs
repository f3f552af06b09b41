//! `index.html`: one self-contained page without network access, scripts or fonts. The verdict
//! comes first, then the families, each with its prose beside its data, then what holds for all of
//! them.

mod capacity;
mod conformance;
mod curve;
mod dynamic;
mod finding;
mod generator;
mod header;
mod hot_path;
mod ink;
mod machine;
mod prose;
pub(crate) mod simulation;
mod timeline;
mod trial;

use ink::Ink;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use jwtbench_result::{Measurement, RunResult};

use crate::form::junit::printable;
use crate::subject::answer::answers;
use crate::subject::chapter::{Chapter, chapters, families};
use crate::subject::fault::fault;
use crate::subject::standing;
use crate::subject::summary::warnings;

pub(crate) use prose::analysis;

const STYLE: &str = include_str!("html/style.css");
/// The content security policy of the page: it may load nothing from outside.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The head of a page, which carries the style of all pages.
pub(crate) fn head(title: &str) -> Markup {
    markup! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// The result as one HTML page.
pub fn html(result: &RunResult) -> String {
    let chapters = chapters(result);
    let ink = Ink::of(result);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("jwtbench report, {}", result.started_at)))
            body {
                @for warning in warnings(result) {
                    p.warning role="alert" { (warning) }
                }
                div.layout {
                    (contents(result, &chapters))
                    main {
                        (header::header(result))
                        (prose::answer_list(result))
                        (cache_policies(result))
                        (prose::guide())
                        @for family in families(&chapters) {
                            (section(result, family, &chapters, &ink))
                        }
                        (capacity::section(result, &ink))
                        (conformance::section(result))
                        (finding::section(result))
                        (machine::section(result, &chapters))
                    }
                }
            }
        }
    };
    printable(&page.into_string())
}

/// The notes on the cache policies.
fn cache_policies(result: &RunResult) -> Markup {
    markup! {
        @for note in standing::notes(result) { p.note { (note) } }
    }
}

/// The anchor of a chapter on the page.
fn chapter_anchor(chapter: &Chapter) -> String {
    format!("scenario-{}", slug(chapter.name))
}

/// The anchor of a trial of a dynamic scenario on the page.
fn trial_anchor(result: &RunResult, measurement: &Measurement) -> String {
    let at = result.measurements.iter().position(|m| std::ptr::eq(m, measurement));
    format!("trial-{}", at.unwrap_or_default())
}

fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn is_troubled(measurement: &Measurement) -> bool {
    fault(measurement).is_some() || measurement.expectations.iter().any(|e| !e.met)
}

fn section(result: &RunResult, family: &str, chapters: &[Chapter], ink: &Ink) -> Markup {
    markup! {
        section {
            h2 id=(format!("family-{}", slug(family))) { (family) }
            @for chapter in chapters.iter().filter(|c| c.family == family) {
                @if chapter.dynamic {
                    (dynamic::chapter(result, chapter, ink))
                } @else {
                    (hot_path::chapter(chapter, is_first_ranked(chapter, chapters), ink))
                }
            }
        }
    }
}

/// Whether a chapter is the first ranked one. That one is shown whole, and the others on demand.
fn is_first_ranked(chapter: &Chapter, chapters: &[Chapter]) -> bool {
    chapters.iter().find(|c| !c.dynamic).is_some_and(|first| first.name == chapter.name)
}

fn contents(result: &RunResult, chapters: &[Chapter]) -> Markup {
    let troubled = |chapter: &Chapter| chapter.measurements.iter().any(|m| is_troubled(m));
    markup! {
        nav aria-label="Contents" {
            details.contents open {
                summary { "Contents" }
                ul {
                    li { a href="#verdict" { "Verdict" } }
                    @if !answers(result).is_empty() {
                        li { a href="#answers" { "Answers" } }
                    }
                    li { a href="#guide" { "How to read this" } }
                }
                @for family in families(chapters) {
                    p { a href=(format!("#family-{}", slug(family))) { (family) } }
                    ul {
                        @for chapter in chapters.iter().filter(|c| c.family == family) {
                            li {
                                a href=(format!("#{}", chapter_anchor(chapter))) {
                                    (chapter.stem())
                                }
                                @if troubled(chapter) {
                                    span.dot title="wrong, missed or invalid" { " ●" }
                                }
                            }
                        }
                    }
                }
                p { "All of them" }
                ul {
                    @if !result.capacities.is_empty() || !result.rate_bases.is_empty() {
                        li { a href="#capacity" { "Capacity" } }
                    }
                    li { a href="#conformance" { "Conformance" } }
                    @if !result.measurements.iter().all(|m| m.findings.is_empty()) {
                        li { a href="#findings" { "Findings" } }
                    }
                    li { a href="#machine" { "Machine and noise" } }
                }
            }
        }
    }
}
