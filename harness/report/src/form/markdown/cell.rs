//! Text that comes from a result, made safe for a GitHub-flavoured table: it can neither leave its
//! cell nor become HTML, a link or a mention.

use crate::shown::is_unshown;

/// Plain text in which everything that Markdown reads as markup is escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '@' => out.push_str("&#64;"),
            c if is_unshown(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// An author's prose. Its Markdown stays; HTML, mentions and characters that control a terminal are
/// made harmless.
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '@' => out.push_str("&#64;"),
            '\n' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A code span. GitHub honours `\|` inside one, so a pipe cannot end the cell.
pub fn code(text: &str) -> String {
    let mut out = String::from("`");
    for c in text.chars() {
        match c {
            '`' => out.push('\''),
            '|' => out.push_str("\\|"),
            c if is_unshown(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('`');
    out
}

/// One row of a table.
pub fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
