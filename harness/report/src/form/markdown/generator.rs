//! The part on generator and host in the step summary.

use jwtbench_result::RunResult;

use crate::subject::generator::Generator;

use super::cell::{plain, row};

/// Writes the part, if anything was recorded.
pub fn write(result: &RunResult, out: &mut String) {
    let Some(generator) = Generator::of(result) else { return };
    out.push_str(&format!("### Generator and host\n\n{}\n\n", plain(&generator.line())));
    for remark in &generator.remarks {
        out.push_str(&format!("- {}\n", plain(remark)));
    }
    if !generator.remarks.is_empty() {
        out.push('\n');
    }
    out.push_str("<details><summary>Clock, sleep and noise</summary>\n\n| | |\n|---|---|\n");
    for (name, value) in &generator.facts {
        out.push_str(&row(&[plain(name), plain(value)]));
    }
    out.push_str("\n</details>\n\n");
}
