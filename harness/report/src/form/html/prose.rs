//! Prose on the page: the paragraph on how to read it, and the author's `analysis`. The analysis
//! may have paragraphs, `code` and **emphasis**; everything else in it is plain text.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::subject::answer::answers;

/// The prose of a scenario.
pub fn analysis(text: &str) -> Markup {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty());
    markup! {
        div.prose {
            @for paragraph in paragraphs {
                p { (inline(paragraph)) }
            }
        }
    }
}

/// The answers in short, which most readers look for.
pub fn answer_list(result: &RunResult) -> Markup {
    let answers = answers(result);
    markup! {
        @if !answers.is_empty() {
            section.guide {
                h2 id="answers" { "Answers" }
                dl {
                    @for answer in &answers {
                        dt { (answer.about) }
                        dd { (inline(&answer.says)) "." }
                    }
                }
            }
        }
    }
}

/// The paragraph on how to read the page.
pub fn guide() -> Markup {
    markup! {
        section.guide {
            h2 id="guide" { "How to read this" }
            dl {
                dt { "Response, service" }
                dd {
                    "Response runs from the instant at which an operation was meant to start, so "
                    "waiting counts; service runs from its actual start. Users feel response; "
                    "contenders are ranked by service, median first."
                }
                dt { "Conformance, outcome" }
                dd {
                    "Conformance asks whether the contender was right about the keys it held. A "
                    "breach is " em { "wrong" } " and its row shows the error instead of figures. "
                    "Outcome asks whether users were served: a " em { "lockout" } " refuses a good "
                    "token, an " em { "exposed accept" } " takes one whose key was withdrawn or "
                    "that was revoked, " em { "late" } " is accepted after the deadline. Some are "
                    "unavoidable by nature; the scenario's expectations judge them."
                }
                dt { "Bound and floors" }
                dd {
                    code { "raw:" } " is the bare signature check with a prepared key: the bound, "
                    "no verifier on that backend can be faster. " code { "core:null" } " is the "
                    "verifier over a backend that accepts any signature: what the core itself "
                    "costs. " code { "null:" } " answers ACCEPT without looking: what the harness "
                    "costs. None of them is a choice, so none is ranked."
                }
                dt { "Differences" }
                dd {
                    "± is how far the medians of a trial's rounds lie apart. Believe no difference "
                    "between contenders that is smaller."
                }
            }
        }
    }
}

/// Renders text with `code` and **emphasis**. An unpaired mark stays as it is.
fn inline(text: &str) -> Markup {
    let spans: Vec<&str> = text.split('`').collect();
    let is_paired = spans.len() % 2 == 1;
    markup! {
        @if is_paired {
            @for (at, span) in spans.iter().enumerate() {
                @if at % 2 == 1 { code { (span) } } @else { (emphasised(span)) }
            }
        } @else {
            (emphasised(text))
        }
    }
}

fn emphasised(text: &str) -> Markup {
    let spans: Vec<&str> = text.split("**").collect();
    let is_paired = spans.len() % 2 == 1;
    markup! {
        @if is_paired {
            @for (at, span) in spans.iter().enumerate() {
                @if at % 2 == 1 { strong { (span) } } @else { (span) }
            }
        } @else {
            (text)
        }
    }
}
