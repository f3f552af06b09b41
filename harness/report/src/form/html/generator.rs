//! Generator and host on the page.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::subject::generator::Generator;

/// The part, below the machine's facts.
pub fn part(result: &RunResult) -> Markup {
    markup! {
        @if let Some(generator) = Generator::of(result) {
            h3 id="generator" { "Generator and host" }
            p.lead { (generator.line()) }
            @if !generator.remarks.is_empty() {
                ul {
                    @for remark in &generator.remarks { li { (remark) } }
                }
            }
            dl.facts {
                @for (name, value) in &generator.facts {
                    dt { (name) }
                    dd { (value) }
                }
            }
        }
    }
}
