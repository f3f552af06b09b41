//! Lines of text within a width, with or without colour. Knows nothing of results.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::shown;

use super::TerminalStyle;

/// The number of spaces between two columns of a table.
const GAP: usize = 2;
/// The most characters of a name that stay in one line of a table's first column.
const LABEL: usize = 40;

/// The meaning of a line, which is shown as a colour where colours are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// An ordinary line.
    Plain,
    /// A heading.
    Strong,
    /// A secondary line: bounds, floors, notes.
    Dim,
    /// A line on something that passed.
    Good,
    /// A line on something that is wrong, missed or in error.
    Bad,
    /// A line on figures that are not reliable.
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
pub struct TerminalText {
    out: String,
    style: TerminalStyle,
}

impl TerminalText {
    /// An empty text.
    pub fn new(style: TerminalStyle) -> Self {
        let width = style.width.max(80);
        TerminalText { out: String::new(), style: TerminalStyle { width, ..style } }
    }

    /// The width of a line in columns.
    pub fn width(&self) -> usize {
        self.style.width
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
        self.line(Paint::Strong, title);
    }

    /// Writes a line as it is. A line that is too wide is continued on further lines. Control
    /// characters are replaced.
    pub fn line(&mut self, paint: Paint, line: &str) {
        let line = line.trim_end();
        if line.chars().count() <= self.style.width {
            self.put(paint, line);
            return;
        }
        let words = line.trim_start_matches(' ');
        let indent = &line[..(line.len() - words.len()).min(self.style.width / 4)];
        self.wrapped(paint, indent, words);
    }

    /// Writes a paragraph, broken at spaces. The first line is indented by `indent` and the others
    /// by two columns more. A word that is wider than a line is broken, and nothing is ever left
    /// out.
    pub fn wrapped(&mut self, paint: Paint, indent: &str, paragraph: &str) {
        let width = self.style.width;
        let deeper = format!("{indent}  ");
        let room = width.saturating_sub(deeper.chars().count()).max(1);
        let mut line = indent.to_owned();
        let mut is_empty = true;
        let words = paragraph.split(' ').filter(|word| !word.is_empty());
        for word in words.flat_map(|word| chunks(word, room)) {
            let needed = line.chars().count() + 1 + word.chars().count();
            if !is_empty && needed > width {
                self.put(paint, &line);
                line.clone_from(&deeper);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(&word);
            is_empty = false;
        }
        self.put(paint, &line);
    }

    /// Writes a table without rules. The first `left` columns are aligned left and the others
    /// right. If the table is too wide, its first column is broken into several lines between
    /// words. If that is not enough, the other columns are continued in another table with the same
    /// labels. No figure is cut.
    pub fn table(&mut self, left: usize, head: &[&str], rows: &[(Paint, Vec<String>)]) {
        let labels = left.max(1);
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(at));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(head[at].chars().count()) + GAP
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let [of_labels, of_figures] =
            [&widths[1..labels.min(widths.len())], &widths[labels.min(widths.len())..]]
                .map(|widths| widths.iter().sum::<usize>());
        let first = widths.first().copied().unwrap_or(0);
        let free = self.style.width.saturating_sub(of_labels + of_figures);
        let names = rows.iter().filter_map(|(_, cells)| cells.first().map(String::as_str));
        let names = names.chain(head.first().copied());
        let words = names.flat_map(|cell| cell.split(' ')).map(|word| word.chars().count());
        let least = words.max().unwrap_or(0).min(LABEL) + GAP;
        let label = first.min(free.max(least));
        let room = self.style.width.saturating_sub(label + of_labels);
        for figures in blocks(head, &widths, labels, room) {
            let columns: Vec<usize> = (0..labels).chain(figures).collect();
            self.block(left, label - GAP.min(label), head, rows, &columns);
        }
    }

    /// Writes some columns of a table, the first of them no wider than `label`.
    fn block(
        &mut self,
        left: usize,
        label: usize,
        head: &[&str],
        rows: &[(Paint, Vec<String>)],
        columns: &[usize],
    ) {
        let most = self.style.width - GAP;
        let broken = |at: usize, cell: &str| {
            let width = if at == 0 { label } else { most };
            pieces(&shown::line(cell), width.max(1)).join("\n")
        };
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|at| broken(*at, head[*at])).collect::<Vec<_>>());
        let of_head = columns.iter().map(|at| lines_of(&broken(*at, head[*at]))).max();
        let mut paints = vec![Paint::Dim; of_head.unwrap_or(1)];
        for (paint, cells) in rows {
            let cell = |at: &usize| broken(*at, cells.get(*at).map_or("", String::as_str));
            let cells: Vec<String> = columns.iter().map(cell).collect();
            let height = cells.iter().map(|cell| lines_of(cell)).max().unwrap_or(1);
            paints.extend(std::iter::repeat_n(*paint, height));
            table.add_row(cells);
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            let alignment = if at < left { CellAlignment::Left } else { CellAlignment::Right };
            column.set_cell_alignment(alignment);
            column.set_padding((2, 0));
        }
        let lines: Vec<String> = table.lines().collect();
        for (line, paint) in lines.iter().zip(paints) {
            self.line(paint, line);
        }
    }

    fn put(&mut self, paint: Paint, line: &str) {
        let line = shown::line(line.trim_end());
        match paint.code().filter(|_| self.style.colour) {
            Some(code) => self.out.push_str(&format!("\u{1b}[{code}m{line}\u{1b}[0m\n")),
            None => self.out.push_str(&format!("{line}\n")),
        }
    }
}

/// A paragraph after a prefix, broken at spaces. Further lines are indented to the start of the
/// paragraph.
pub fn filled(prefix: &str, paragraph: &str, width: usize) -> String {
    let mut indent = prefix.chars().count();
    let (mut out, mut line) = (shown::line(prefix), String::new());
    if indent > width / 4 * 3 {
        // A prefix that leaves no room gets lines of its own.
        indent = width / 8;
        let names = chunks(out.trim_end(), width.max(1)).join("\n");
        out = format!("{names}\n{:indent$}", "");
    }
    let room = width.saturating_sub(indent).max(1);
    let words = paragraph.split(' ').filter(|word| !word.is_empty());
    for word in words.flat_map(|word| chunks(word, room)) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            out.push_str(&format!("{line}\n{:indent$}", ""));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shown::line(&word));
    }
    out.push_str(&line);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn lines_of(cell: &str) -> usize {
    cell.split('\n').count()
}

/// Splits the columns of figures into blocks, each no wider than `room`. A column without a heading
/// stays with the column before it.
fn blocks(head: &[&str], widths: &[usize], labels: usize, room: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0;
    let mut at = labels;
    while at < head.len() {
        let next = (at + 1..head.len()).find(|next| !head[*next].is_empty());
        let until = next.unwrap_or(head.len());
        let wide: usize = widths[at..until].iter().sum();
        if used > 0 && used + wide > room {
            blocks.push(Vec::new());
            used = 0;
        }
        used += wide;
        if let Some(block) = blocks.last_mut() {
            block.extend(at..until);
        }
        at = until;
    }
    blocks
}

/// Splits the text into pieces of at most `room` characters. If possible it is split after a space
/// or after a separator within a name.
fn pieces(text: &str, room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > room {
        let parts = |c: &char| " /:-,;_".contains(*c);
        let at = rest[..room].iter().rposition(parts).filter(|at| *at >= room / 3);
        let after = rest.split_off(at.map_or(room, |at| at + 1));
        pieces.push(rest.iter().collect::<String>().trim_end().to_owned());
        rest = after;
    }
    pieces.push(rest.into_iter().collect());
    pieces
}

/// Splits a word into chunks of `room` characters.
fn chunks(word: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(room).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(head: &[&str], rows: &[&[&str]]) -> String {
        let mut text = TerminalText::new(TerminalStyle { colour: false, width: 80 });
        let rows: Vec<(Paint, Vec<String>)> = rows
            .iter()
            .map(|cells| (Paint::Plain, cells.iter().map(|cell| (*cell).to_owned()).collect()))
            .collect();
        text.table(1, head, &rows);
        text.into_string()
    }

    #[test]
    fn a_table_that_is_too_wide_loses_nothing() {
        let name = "a-contender:with-a-name-of-forty-characters under a-preset-of-forty-characters";
        let figure = "456.78 ms";
        let few = shown(&["who", "p50", "p99", "says"], &[&[name, figure, figure, "REGRESSED"]]);
        let many = shown(
            &["who", "a", "b", "c", "d", "e", "f", "says"],
            &[&[name, figure, figure, figure, figure, figure, figure, "REGRESSED"]],
        );
        for (text, blocks) in [(&few, 1), (&many, 3)] {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(!text.contains('…') && text.contains("REGRESSED"), "{text}");
            assert_eq!(text.matches("who").count(), blocks, "{text}");
        }
        assert_eq!(many.matches(figure).count(), 6, "{many}");
    }

    #[test]
    fn lines_and_words_that_are_too_wide_go_on() {
        let mut text = TerminalText::new(TerminalStyle { colour: false, width: 80 });
        let word = "x".repeat(200);
        text.line(Paint::Plain, &format!("    before {word} after"));
        text.heading(&word);
        let text = text.into_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches('x').count(), 400, "{text}");
        assert_eq!(filled("  name  ", "one two three", 18), "  name  one two\n        three\n");
        assert_eq!(filled("  name  ", "", 18), "  name\n");
        let long = filled(&"n".repeat(90), "one two", 80);
        assert_eq!(long, format!("{}\n{}\n          one two\n", "n".repeat(80), "n".repeat(10)));
    }
}
