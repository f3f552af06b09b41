//! The part on generator and host of the page.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::subject::generator::Generator;

/// Renders the part, which stands below the facts on the machine.
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
