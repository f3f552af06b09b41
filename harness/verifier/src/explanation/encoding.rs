//! Why a text is no strict base64url or holds an escape that is no character, and what may stand
//! around a token that does not belong to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr;

/// The fault that makes a text invalid as strict base64url (RFC 7515 §2); `None` if it is valid.
pub(super) fn base64_fault(text: &[u8]) -> Option<String> {
    URL_SAFE_NO_PAD.decode(text).err()?;
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let Some(at) = text.iter().position(|byte| !is_known(byte)) else {
        let fault = match text.len() % 4 {
            1 => "no bytes have its length",
            _ => "its last character holds stray bits",
        };
        return Some(fault.into());
    };
    let (byte, number) = (text[at], at + 1);
    Some(match byte {
        b'=' => format!("`=` as character {number}; base64url has no padding"),
        b'+' | b'/' => {
            format!("`{}` as character {number}; that is another alphabet", char::from(byte))
        }
        b' ' | b'\t' | b'\r' | b'\n' => format!("white space as character {number}"),
        b'`' | 0..=0x20 | 0x7f.. => format!("byte 0x{byte:02x} as character {number}"),
        _ => format!("`{}` as character {number}", char::from(byte)),
    })
}

/// A hint about text around a token and its remedy; empty if no known case applies.
pub(super) fn wrapping(token: &[u8]) -> &'static str {
    let begins = |name: &str| {
        token.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    match token {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, ..] | [_, 0, 0, ..] => "; this is UTF-32, save it as UTF-8",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..] => {
            "; this is UTF-16, save it as UTF-8"
        }
        _ if begins("bearer ") || begins("authorization:") => {
            "; leave out what stands before the token"
        }
        [b'{', ..] => "; only the compact form is taken, alone on its line (RFC 7515 section 7.1)",
        [b'"' | b'\'', ..] => "; leave out the quotation marks",
        [b' ' | b'\t' | b'\r', ..] | [.., b' ' | b'\t' | b'\r'] => "; leave out the white space",
        _ => "",
    }
}

/// The first escape that is no Unicode character, and where it stands, in JSON that is whole
/// otherwise: half of a surrogate pair (RFC 8259 §8.2).
pub(super) fn half_pair(json: &str) -> Option<(usize, &str)> {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(next) = memchr(b'\\', &json.as_bytes()[at..]) {
        at += next;
        at += match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => return Some((at, &json[at..at + 6])),
            _ => 2,
        };
    }
    None
}

/// That a value of JSON cannot be read for such an escape; `None` if it has none.
pub(super) fn escape_fault(what: &str, json: &str) -> Option<String> {
    let (_, escape) = half_pair(json)?;
    Some(format!("{what} holds the escape `{escape}`, which is no Unicode character"))
}

/// Where a byte of a text stands: line and column, from 1, the latter in characters.
pub fn line_and_column(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, String::from_utf8_lossy(&before[begin..]).chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_apart() {
        let rows: [(&[u8], Option<&str>); 10] = [
            (b"", None),
            (b"AAAA", None),
            (b"AA==", Some("`=` as character 3; base64url has no padding")),
            (b"A+/A", Some("`+` as character 2; that is another alphabet")),
            (b"AA\nAA", Some("white space as character 3")),
            (b"AA\0A", Some("byte 0x00 as character 3")),
            (b"A`AA", Some("byte 0x60 as character 2")),
            (b"\xffAA", Some("byte 0xff as character 1")),
            (b"\"AAA", Some("`\"` as character 1")),
            (b"AAAAA", Some("no bytes have its length")),
        ];
        for (text, due) in rows {
            assert_eq!(base64_fault(text).as_deref(), due, "{text:?}");
        }
        assert_eq!(base64_fault(b"AB").as_deref(), Some("its last character holds stray bits"));
    }

    #[test]
    fn half_of_a_pair_is_found() {
        let rows = [
            (r#""a""#, None),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud800""#, None),
            (r#""\n\u0041""#, None),
            (r#""\ud800""#, Some((1, r"\ud800"))),
            (r#""\uDC00\ud800""#, Some((1, r"\uDC00"))),
            (r#""\ud800\ud83d\ude00""#, Some((1, r"\ud800"))),
            (r#"["a","\ud800\u0041"]"#, Some((6, r"\ud800"))),
            (r#""\\\ud800""#, Some((3, r"\ud800"))),
        ];
        for (json, due) in rows {
            assert_eq!(half_pair(json), due, "{json}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(json).is_err(), due.is_some());
        }
    }

    #[test]
    fn what_stands_around_is_told() {
        let rows: [(&[u8], &str); 12] = [
            (b"eyJ.e30.c2ln", ""),
            (b"Bearer eyJ.e30.c2ln", "before the token"),
            (b"authorization: bearer eyJ", "before the token"),
            (b"{\"token\":\"eyJ\"}", "compact form"),
            (b"\"eyJ.e30.c2ln\"", "quotation marks"),
            (b" eyJ", "white space"),
            (b"eyJ ", "white space"),
            (b"\xff\xfee\0", "UTF-16"),
            (b"\0e\0y", "UTF-16"),
            (b"\xff\xfe\0\0e\0\0\0", "UTF-32"),
            (b"\0\0\0e", "UTF-32"),
            (b"e\0\0\0y\0\0\0", "UTF-32"),
        ];
        for (token, due) in rows {
            let said = wrapping(token);
            assert!(said.contains(due) && said.is_empty() == due.is_empty(), "{token:?}: {said}");
        }
    }
}
