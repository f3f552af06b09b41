//! Lines of any length, read in bounded memory: only the beginning of a line over the limit is
//! kept.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A reader of the lines of a source.
pub struct Lines<R> {
    source: BufReader<R>,
    limit: usize,
    kept: Vec<u8>,
    has_begun: bool,
}

/// One line, without its line end (LF or CR LF).
#[derive(Debug, PartialEq, Eq)]
pub struct TokenLine<'a> {
    /// The bytes of the line. For a line over the limit, this is a beginning that is itself over
    /// the limit.
    pub token: &'a [u8],
    /// The whole length of the line in bytes.
    pub length: usize,
}

impl<R: Read> Lines<R> {
    /// Creates a reader that keeps lines of up to `limit` bytes whole.
    pub fn new(source: BufReader<R>, limit: usize) -> Lines<R> {
        Lines { source, limit, kept: Vec::new(), has_begun: false }
    }

    /// Whether the next line must be read from the source, which may block.
    pub fn may_block(&self) -> bool {
        self.source.buffer().is_empty()
    }

    /// The next line; `None` at the end of the source. The last line needs no line end.
    pub fn next(&mut self) -> io::Result<Option<TokenLine<'_>>> {
        self.kept.clear();
        // One byte over the limit shows that the line is too long; another one may be a CR.
        let room = self.limit.saturating_add(2);
        let (mut length, mut last) = (0usize, 0u8);
        loop {
            let buffer = match self.source.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let keep = part.len().min(room - self.kept.len());
            self.kept.extend_from_slice(&part[..keep]);
            last = part.last().copied().unwrap_or(last);
            length += part.len();
            let used = part.len() + usize::from(end.is_some());
            self.source.consume(used);
            if end.is_some() {
                break;
            }
        }
        if last == b'\r' {
            length -= 1;
            self.kept.truncate(length);
        }
        // A byte order mark belongs to the file, not to its first line.
        if !std::mem::replace(&mut self.has_begun, true) && self.kept.starts_with(BOM) {
            self.kept.drain(..BOM.len());
            length -= BOM.len();
        }
        Ok(Some(TokenLine { token: &self.kept, length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks lines with a limit of four bytes, read with buffers of several sizes.
    fn check(text: &str, expected: &[(&str, usize)], reason: &str) {
        for capacity in [1, 3, 64] {
            let source = BufReader::with_capacity(capacity, text.as_bytes());
            let mut lines = Lines::new(source, 4);
            let mut got = Vec::new();
            while let Some(line) = lines.next().expect("a text in memory") {
                got.push((String::from_utf8_lossy(line.token).into_owned(), line.length));
            }
            let got: Vec<(&str, usize)> = got.iter().map(|(t, l)| (t.as_str(), *l)).collect();
            assert_eq!(got, expected, "{reason}, {capacity} bytes at a time");
        }
    }

    #[test]
    fn a_line_is_its_bytes_without_its_end() {
        check("", &[], "nothing");
        check("\n", &[("", 0)], "an empty line");
        check("a\nb\n", &[("a", 1), ("b", 1)], "two");
        check("a\nb", &[("a", 1), ("b", 1)], "the last without an end");
        check("a\r\nb\r\n", &[("a", 1), ("b", 1)], "CR LF");
        check("a\r\r\n", &[("a\r", 2)], "only one CR belongs to the end");
        check("a\rb\n", &[("a\rb", 3)], "a CR inside");
        check("\r\n\n", &[("", 0), ("", 0)], "empty lines of both kinds");
        check(" a \n", &[(" a ", 3)], "white space is kept");
        check("a\r", &[("a", 1)], "a CR at the end of all");
        check("\u{feff}a\nb\n", &[("a", 1), ("b", 1)], "a byte order mark");
        check("a\n\u{feff}\n", &[("a", 1), ("\u{feff}", 3)], "what looks like one later on");
    }

    #[test]
    fn a_long_line_is_drained() {
        check("abcd\r\ne\n", &[("abcd", 4), ("e", 1)], "just short enough");
        check("abcde\r\nf\n", &[("abcde", 5), ("f", 1)], "one byte over");
        check("abcdefgh\ni\n", &[("abcdef", 8), ("i", 1)], "more is not kept");
        check("abcde\rfg\r\ni\n", &[("abcde\r", 8), ("i", 1)], "a CR where it is cut");
    }
}
