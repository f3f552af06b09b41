//! What may be shown of a text. This is the one place that removes characters that control a
//! terminal, end a line or change the direction of writing. Names, titles and kids come from files
//! of any origin.

/// Whether `c` is a control character, a line separator, or a character that changes the direction
/// of writing.
pub fn is_unshown(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line. Each such character is replaced by U+FFFD, and so are line feeds.
pub fn line(text: &str) -> String {
    text.chars().map(plain).collect()
}

/// A text of several lines, treated as by [`line()`], except that line feeds and tabs stay.
/// Carriage returns are dropped, because some files have one before each line feed.
pub fn lines(text: &str) -> String {
    let kept = |c: char| if matches!(c, '\n' | '\t') { c } else { plain(c) };
    text.chars().filter(|c| *c != '\r').map(kept).collect()
}

/// The same as [`lines`], except that the codes that set a colour (`ESC [ … m`) stay.
pub fn painted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, code) = rest.split_at(at);
        out.push_str(&lines(before));
        let length = colour(code);
        match length {
            0 => out.push(char::REPLACEMENT_CHARACTER),
            length => out.push_str(&code[..length]),
        }
        rest = &code[length.max(1)..];
    }
    out + &lines(rest)
}

/// A JSON text. A character that JSON allows but that may not be shown is escaped, so that nothing
/// is lost.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Between values these are white space.
            '\n' | '\r' | '\t' => out.push(c),
            c if is_unshown(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn plain(c: char) -> char {
    if is_unshown(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// The length of the colour code at the start of a text; 0 if there is none.
fn colour(text: &str) -> usize {
    let Some(code) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let digits = code.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    if code.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a\u{1b}[31mb\u{9b}2Jc\0\r\nd\te\u{202e}f\u{7f}";

    #[test]
    fn nothing_that_drives_a_terminal_is_left() {
        let due = "a\u{fffd}[31mb\u{fffd}2Jc\u{fffd}\u{fffd}\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}";
        assert_eq!(line(ODD), due);
        assert_eq!(lines(ODD), "a\u{fffd}[31mb\u{fffd}2Jc\u{fffd}\nd\te\u{fffd}f\u{fffd}");
        assert_eq!(painted(ODD), "a\u{1b}[31mb\u{fffd}2Jc\u{fffd}\nd\te\u{fffd}f\u{fffd}");
        let rows = [
            ("\u{1b}", "\u{fffd}"),
            ("\u{1b}[", "\u{fffd}["),
            ("\u{1b}[1;3", "\u{fffd}[1;3"),
            ("\u{1b}]0;x\u{7}y", "\u{fffd}]0;x\u{fffd}y"),
            ("\u{1b}[2Jx", "\u{fffd}[2Jx"),
            ("\u{1b}\u{1b}[mü", "\u{fffd}\u{1b}[mü"),
        ];
        for (text, due) in rows {
            assert_eq!(painted(text), due, "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a": ODD, "ü": ["\u{9b}", 1.5] });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let shown = json(&text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
        assert!(!shown.contains(|c| is_unshown(c) && c != '\n'), "{shown:?}");
    }
}
