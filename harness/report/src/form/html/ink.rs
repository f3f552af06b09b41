//! Colours and dashes, the same on the whole page. A colour stands for a backend, a dash for a kind
//! of contender, and each code of a verdict has a colour of its own. Colours are in `style.css`.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::subject::ranking::backend;

/// The number of colours for backends in `style.css`.
const BACKEND_COLOURS: usize = 6;
/// The codes with a colour of their own, in the order in which they are stacked.
const CODES: [&str; 8] = [
    "ACCEPT",
    "JWT_EXPIRED",
    "JWT_BAD_SIGNATURE",
    "JWT_MALFORMED",
    "JWT_OVERSIZED",
    "JWT_REVOKED",
    "JWT_UNKNOWN_KID",
    "JWT_KEYS_UNAVAILABLE",
];

/// The assignment of colours and dashes for one result.
pub struct Ink<'a> {
    backends: Vec<&'a str>,
}

impl<'a> Ink<'a> {
    /// Assigns the colours to backends in the order of the result.
    pub fn of(result: &'a RunResult) -> Self {
        let mut backends = Vec::new();
        for measurement in &result.measurements {
            let name = backend(&measurement.contender);
            if !matches!(name, "null" | "") && !backends.contains(&name) {
                backends.push(name);
            }
        }
        Ink { backends }
    }

    /// The CSS classes of a contender.
    pub fn contender(&self, contender: &str) -> String {
        let kind = match contender.split_once(':').map_or("", |(kind, _)| kind) {
            "core" => "solid",
            "raw" => "dotted",
            _ => "dashed",
        };
        match self.backends.iter().position(|b| *b == backend(contender)) {
            Some(at) => format!("ink ink-{} {kind}", at % BACKEND_COLOURS),
            None => format!("ink ink-none {kind}"),
        }
    }

    /// A short sample of a contender's line.
    pub fn sample(&self, contender: &str) -> Markup {
        markup! {
            svg.sample viewBox="0 0 22 10" aria-hidden="true" {
                path class=(self.contender(contender)) d="M0 5H22" {}
            }
        }
    }
}

/// The CSS class of a verdict's code.
pub fn code_class(code: &str) -> String {
    match CODES.iter().position(|c| *c == code) {
        Some(at) => format!("code-{at}"),
        None => {
            let sum: usize = code.bytes().map(usize::from).sum();
            format!("code-other-{}", sum % 3)
        }
    }
}

/// The place of a code in a stack: accepted tokens are at the bottom, and unavailable keys are on
/// top.
pub fn code_layer(code: &str) -> usize {
    let others = CODES.len() - 3;
    match CODES.iter().position(|c| *c == code) {
        Some(at) if at <= others => at * 2,
        Some(at) => at * 2 + 1,
        None => others * 2 + 1,
    }
}
