//! Why a measurement has no figures to show. A wrong answer is shown as an error, never as a
//! number.

use jwtbench_result::Measurement;

use crate::quantity;

/// The most kinds of wrong verdict that are spelled out in one line.
const SPELLED_OUT: usize = 2;

/// One line on why the figures of this measurement do not count; `None` if they do.
pub fn fault(measurement: &Measurement) -> Option<String> {
    let wrong = wrong(measurement);
    match (&measurement.error, wrong) {
        (Some(error), Some(wrong)) => Some(format!("{}; {wrong}", one_line(error))),
        (Some(error), None) => Some(one_line(error)),
        (None, wrong) => wrong,
    }
}

fn wrong(measurement: &Measurement) -> Option<String> {
    let total = measurement.verdicts.wrong;
    if total == 0 {
        return None;
    }
    let kinds: Vec<String> = measurement
        .wrong
        .iter()
        .take(SPELLED_OUT)
        .map(|w| {
            let times = if w.count > 1 { format!(" ({}×)", w.count) } else { String::new() };
            format!("{} due {}, got {}{times}", w.class, w.due, w.got)
        })
        .collect();
    let rest = measurement.wrong.len().saturating_sub(SPELLED_OUT);
    let more = if rest > 0 { format!("; {rest} more") } else { String::new() };
    let head = quantity::counted(total, "wrong verdict");
    match kinds.is_empty() {
        true => Some(head),
        false => Some(format!("{head}: {}{more}", kinds.join("; "))),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
