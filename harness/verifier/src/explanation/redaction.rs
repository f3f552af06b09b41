//! The form in which untrusted text is shown. Control characters are replaced, and long texts are
//! cut. A text that contains secrets is withheld.

use memchr::memmem;

use crate::claims::MAX_DEPTH;
use crate::json::{self, Names};

/// The most characters of a text that are shown.
const MAX_CHARS: usize = 64;
/// The most texts of a list that are shown.
const MAX_TEXTS: usize = 4;
/// The length in bytes from which a part of the token must not be shown.
const MAX_LEAK: usize = 16;
/// The shortest hidden text, in bytes, that is also searched for inside other texts.
const MIN_HIDDEN: usize = 8;

/// The filter for texts about one token. The default is between nobody: it withholds
/// nothing.
#[derive(Default)]
pub(super) struct Redaction<'a> {
    token: &'a [u8],
    /// The values of `sub` and `jti`.
    hidden: Vec<String>,
}

impl<'a> Redaction<'a> {
    pub(super) fn new(token: &'a [u8], payload: Option<&[u8]>) -> Redaction<'a> {
        let text = |name| {
            let [member] = json::read_object(payload?, MAX_DEPTH, &Names::new([name]))?;
            json::text(member?).map(String::from)
        };
        let hidden = ["sub", "jti"].into_iter().filter_map(text);
        Redaction { token, hidden: hidden.filter(|text| !text.is_empty()).collect() }
    }

    /// A text of the token between backticks, or a note that it is withheld.
    pub(super) fn show(&self, text: &str) -> String {
        let shown = quote(text);
        let is_hidden = self.hidden.iter().any(|hidden| text == hidden || is_within(hidden, text));
        if is_hidden || self.leaks(&shown) {
            return "(withheld)".into();
        }
        shown
    }

    /// Whether a text from the verifier's side contains something that must not be shown.
    pub(super) fn hides(&self, text: &str) -> bool {
        self.hidden.iter().any(|hidden| is_within(hidden, text)) || self.leaks(text)
    }

    /// Whether a text contains a part of the token.
    fn leaks(&self, text: &str) -> bool {
        let of_token = |part: &[u8]| memmem::find(self.token, part).is_some();
        text.as_bytes().windows(MAX_LEAK).any(of_token)
    }

    /// Describes where a text of the token first differs from an expected text that looks the same
    /// when shown. They can look the same because both are cut, contain invisible characters, or
    /// contain letters that resemble others. The result is empty if the shown texts are different.
    pub(super) fn told_apart(
        &self,
        theirs: &[impl AsRef<str>],
        ours: &[impl AsRef<str>],
    ) -> String {
        let Some(Difference { whole, character, theirs, ours }) = difference(theirs, ours) else {
            return String::new();
        };
        if !self.show(whole).starts_with('`') {
            return String::new();
        }
        let theirs = match self.show(theirs) {
            shown if shown.starts_with('`') => named(theirs, shown),
            withheld => withheld,
        };
        let ours = named(ours, quote(ours));
        format!("; they differ from character {character} on: {theirs} and {ours}")
    }

    /// A list of texts of the token.
    pub(super) fn show_all(&self, texts: &[String]) -> String {
        joined(texts, |text| self.show(text))
    }
}

/// Whether a text contains a hidden text that is long enough to be searched for.
fn is_within(hidden: &str, text: &str) -> bool {
    hidden.len() >= MIN_HIDDEN && text.contains(hidden)
}

/// A list of texts from the verifier's side.
pub(super) fn list(texts: &[String]) -> String {
    joined(texts, |text| quote(text))
}

fn joined(texts: &[String], show: impl Fn(&String) -> String) -> String {
    let mut shown: Vec<String> = texts.iter().take(MAX_TEXTS).map(show).collect();
    if texts.len() > MAX_TEXTS {
        shown.push(format!("{} more", texts.len() - MAX_TEXTS));
    }
    shown.join(", ")
}

/// The shown form of a text: its first characters, with unsafe ones replaced.
fn seen(text: &str) -> String {
    let plain = |c: char| if is_treacherous(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(MAX_CHARS).map(plain).collect()
}

/// Two texts that are shown alike, and where they part.
struct Difference<'t> {
    /// The whole of theirs.
    whole: &'t str,
    /// The first character that differs, from 1.
    character: usize,
    /// Theirs from there on.
    theirs: &'t str,
    /// Ours from there on.
    ours: &'t str,
}

/// Whether two different texts are shown alike, or look alike.
pub(super) fn is_alike(theirs: &str, ours: &str) -> bool {
    theirs != ours
        && !(is_shown_as_it_is(theirs) && is_shown_as_it_is(ours))
        && (seen(theirs) == seen(ours) || may_look_alike(theirs, ours))
}

/// The first two texts that are shown alike and are not the same.
fn difference<'t>(
    theirs: &'t [impl AsRef<str>],
    ours: &'t [impl AsRef<str>],
) -> Option<Difference<'t>> {
    let ours = || ours.iter().map(AsRef::as_ref);
    let mut pairs = theirs.iter().flat_map(|whole| ours().map(move |ours| (whole.as_ref(), ours)));
    let (whole, ours) = pairs.find(|(theirs, ours)| is_alike(theirs, ours))?;
    let rest = |text: &'t str, from: usize| {
        let at = text.char_indices().nth(from).map_or(text.len(), |(at, _)| at);
        &text[at..]
    };
    let same = whole.chars().zip(ours.chars()).take_while(|(a, b)| a == b).count();
    let (theirs, ours) = (rest(whole, same), rest(ours, same));
    Some(Difference { whole, character: same + 1, theirs, ours })
}

/// Where a text that is not shown first differs from one of ours that it looks like, by the number
/// of the character alone.
pub(super) fn hidden_difference(theirs: &[impl AsRef<str>], ours: &[impl AsRef<str>]) -> String {
    let difference = difference(theirs, ours);
    let told = |Difference { character, .. }| {
        format!("; what is there looks alike and differs from character {character} on")
    };
    difference.map(told).unwrap_or_default()
}

/// Whether nothing of a text is cut, replaced, or like another letter.
fn is_shown_as_it_is(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'`';
    text.len() <= MAX_CHARS && text.bytes().all(is_plain)
}

/// Whether letters beyond ASCII may make two different texts look the same. Such a letter may
/// belong to another alphabet, or have two forms (composed, or with a combining mark). This is the
/// case if the ASCII characters of one text occur in the other in the same order, and neither text
/// is much longer.
fn may_look_alike(theirs: &str, ours: &str) -> bool {
    let ascii = |text: &str| text.chars().filter(char::is_ascii).collect::<String>();
    let beyond = |text: &str| text.chars().filter(|c| !c.is_ascii()).count();
    let [their_ascii, our_ascii] = [theirs, ours].map(ascii);
    let is_within = |short: &str, long: &str| {
        let mut long = long.chars();
        short.chars().all(|sought| long.any(|c| c == sought))
    };
    let missing = their_ascii.len().abs_diff(our_ascii.len());
    beyond(theirs).max(beyond(ours)) > 0
        && missing <= beyond(theirs) + beyond(ours)
        && (is_within(&their_ascii, &our_ascii) || is_within(&our_ascii, &their_ascii))
}

/// The shown form of the rest of a text. If its first character may be invisible or resemble
/// another, its code point is given.
fn named(rest: &str, shown: String) -> String {
    match rest.chars().next() {
        None => "nothing".into(),
        Some(first) if is_treacherous(first) || !first.is_ascii() => {
            format!("U+{:04X} and then {}", u32::from(first), quote(&rest[first.len_utf8()..]))
        }
        Some(_) => shown,
    }
}

/// The text between backticks, so that a reader cannot take it for a text of the tool.
pub(super) fn quote(text: &str) -> String {
    let cut = seen(text);
    match text.chars().count() {
        length if length > MAX_CHARS => format!("`{cut}…` (cut from {length} characters)"),
        _ => format!("`{cut}`"),
    }
}

/// Whether a character is unsafe to show: a control character, an invisible one, one that changes
/// the writing direction, or a backtick.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || c == '`'
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, reason: &str) {
        let payload = br#"{"sub":"alice","jti":"0f1e2d3c-4b5a"}"#;
        let redaction = Redaction::new(b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln", Some(payload));
        assert_eq!(redaction.show(text), expected, "{reason}");
    }

    #[test]
    fn shows_what_may_be_seen() {
        check("key-1", "`key-1`", "plain");
        check("", "``", "empty");
        check("a\nb\0c\u{1b}[31m", "`a\u{fffd}b\u{fffd}c\u{fffd}[31m`", "control characters");
        check("a\u{202e}b\u{200b}", "`a\u{fffd}b\u{fffd}`", "turned and hidden");
        check("x` is `y", "`x\u{fffd} is \u{fffd}y`", "our own quotes");
        let cut = format!("`{}…` (cut from 65 characters)", "ü".repeat(64));
        check(&"ü".repeat(65), &cut, "cut, and marked");
        check(&"u".repeat(64), &format!("`{}`", "u".repeat(64)), "just not cut");
        check("alice", "(withheld)", "the subject");
        check("alice-web", "`alice-web`", "too short a subject to search for");
        check("x-0f1e2d3c-4b5a-x", "(withheld)", "the token's identifier inside");
        check("x eyJhbGciOiJFUzI1", "(withheld)", "a part of the token");
        check("eyJhbGciOiJFUzI", "`eyJhbGciOiJFUzI`", "15 characters of it");
    }

    #[test]
    fn texts_that_look_alike_are_told_apart() {
        let redaction = Redaction::new(b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln", None);
        let long = "https://issuer.example/".to_owned() + &"1".repeat(50);
        let slash = long.clone() + "/";
        let token = long.clone() + "eyJhbGciOiJFUzI1NiJ9";
        let rows = [
            ("key-1", "key-2", "", "seen at once"),
            ("key-1", "key-1", "", "no difference"),
            (
                &*slash,
                &*long,
                "; they differ from character 74 on: `/` and nothing",
                "one goes on beyond what is shown",
            ),
            (&*long, &*slash, "; they differ from character 74 on: nothing and `/`", "the other"),
            (
                "api\u{200b}",
                "api\u{200d}",
                "; they differ from character 4 on: U+200B and then `` and U+200D and then ``",
                "characters that nobody sees",
            ),
            (
                "ap\u{456}",
                "api",
                "; they differ from character 3 on: U+0456 and then `` and `i`",
                "a letter of another alphabet",
            ),
            (
                "cafe\u{301}",
                "caf\u{e9}",
                "; they differ from character 4 on: `e\u{301}` and U+00E9 and then ``",
                "one letter in two forms",
            ),
            ("b\u{fc}cher", "papers", "", "another word"),
            (
                &*token,
                &*long,
                "; they differ from character 74 on: (withheld) and nothing",
                "a part of the token stays hidden",
            ),
        ];
        for (theirs, ours, expected, why) in rows {
            let [theirs, ours] = [theirs, ours].map(|text| vec![text.to_owned()]);
            assert_eq!(redaction.told_apart(&theirs, &ours), expected, "{why}");
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let texts: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(String::from).to_vec();
        assert_eq!(list(&texts), "`a`, `b`, `c`, `d`, 2 more");
        assert_eq!(list(&texts[..2]), "`a`, `b`");
    }
}
