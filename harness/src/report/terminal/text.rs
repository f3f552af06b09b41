//! Lines of text within a width, with or without colour. Knows nothing of results.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::TerminalStyle;
use crate::report::shown;

/// What a line stands for; a colour where colours are allowed, nothing otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// An ordinary line.
    Plain,
    /// A heading.
    Strong,
    /// Secondary: bounds, floors, notes.
    Dim,
    /// Passed.
    Good,
    /// Wrong, missed or in error.
    Bad,
    /// Figures not to be relied on.
    Warning,
}

impl Paint {
    fn code(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Strong => Some("1"),
            Paint::Dim => Some("2"),
            Paint::Good => Some("1;32"),
            Paint::Bad => Some("1;31"),
            Paint::Warning => Some("1;33"),
        }
    }
}

/// The text under construction.
pub struct Text {
    out: String,
    style: TerminalStyle,
}

impl Text {
    /// An empty text.
    pub fn new(style: TerminalStyle) -> Self {
        let width = style.width.max(80);
        Text { out: String::new(), style: TerminalStyle { width, ..style } }
    }

    /// The text, ending in a line feed.
    pub fn into_string(self) -> String {
        self.out
    }

    /// A heading with an empty line before it.
    pub fn heading(&mut self, title: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let title = self.cut(title);
        self.line(Paint::Strong, &title);
    }

    /// One line as it is, cut to the width. Control characters are replaced.
    pub fn line(&mut self, paint: Paint, line: &str) {
        let line = self.cut(line.trim_end());
        match paint.code().filter(|_| self.style.colour) {
            Some(code) => self.out.push_str(&format!("\u{1b}[{code}m{line}\u{1b}[0m\n")),
            None => self.out.push_str(&format!("{line}\n")),
        }
    }

    /// A paragraph broken at spaces, each line after `indent`, further ones two deeper.
    pub fn wrapped(&mut self, paint: Paint, indent: &str, paragraph: &str) {
        let mut line = indent.to_owned();
        let mut is_empty = true;
        for word in paragraph.split(' ').filter(|w| !w.is_empty()) {
            let width = line.chars().count() + 1 + word.chars().count();
            if !is_empty && width > self.style.width {
                self.line(paint, &line);
                line = format!("{indent}  ");
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(paint, &line);
    }

    /// A table without rules: the first `left` columns to the left, the rest to the right.
    pub fn table(&mut self, left: usize, head: &[&str], rows: &[(Paint, Vec<String>)]) {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(head.to_vec());
        for (_, cells) in rows {
            table.add_row(cells.iter().map(|c| shown::line(c)).collect::<Vec<_>>());
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            let alignment = if at < left { CellAlignment::Left } else { CellAlignment::Right };
            column.set_cell_alignment(alignment);
            column.set_padding((2, 0));
        }
        let paints = std::iter::once(Paint::Dim).chain(rows.iter().map(|(paint, _)| *paint));
        let lines: Vec<String> = table.lines().collect();
        for (line, paint) in lines.iter().zip(paints) {
            self.line(paint, line);
        }
    }

    fn cut(&self, line: &str) -> String {
        let line = shown::line(line);
        if line.chars().count() <= self.style.width {
            return line;
        }
        let mut cut: String = line.chars().take(self.style.width - 1).collect();
        cut.push('…');
        cut
    }
}
