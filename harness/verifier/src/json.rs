//! The shared reading of JSON for header and claims. Members are kept raw until they are needed,
//! strings are borrowed if possible, and the nesting is limited. A duplicate of a member that is
//! read is refused.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use memchr::{memchr, memchr2, memchr3_iter};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value as text, complete and valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    text: &'a str,
    /// Whether it is a string without escapes.
    is_plain: bool,
}

impl<'a> Raw<'a> {
    /// The text of the value.
    pub(crate) fn get(self) -> &'a str {
        self.text
    }
}

/// The values of the members that are read, in the order of the list of names.
pub(crate) type Members<'a, const N: usize> = [Option<Raw<'a>>; N];

/// The number of kinds into which names are hashed.
const KINDS: usize = 32;

/// The kind of a name, computed from its length and first byte.
const fn kind(name: &[u8]) -> usize {
    let first = if let [first, ..] = name { *first as usize } else { 0 };
    (name.len() + 7 * first) % KINDS
}

/// The names of at most 32 members. A name is found by its kind.
#[derive(Clone, Debug)]
pub(crate) struct Names<S, L> {
    names: L,
    each: PhantomData<S>,
    /// The places of the names of each kind, one bit per place.
    by_kind: [u32; KINDS],
    /// The places of names that may occur twice, one bit per place. A member that occurs twice
    /// counts as absent.
    excused: u32,
}

impl<const N: usize> Names<&'static str, [&'static str; N]> {
    /// The table of these names, computed at compile time.
    pub(crate) const fn fixed(names: [&'static str; N]) -> Self {
        let mut by_kind = [0; KINDS];
        let mut place = 0;
        while place < N {
            by_kind[kind(names[place].as_bytes())] |= 1 << place;
            place += 1;
        }
        Names { names, each: PhantomData, by_kind, excused: 0 }
    }
}

impl<S: AsRef<str>, L: AsRef<[S]>> Names<S, L> {
    /// The table of these names.
    pub(crate) fn new(names: L) -> Names<S, L> {
        let mut by_kind = [0; KINDS];
        for (place, name) in names.as_ref().iter().enumerate().take(32) {
            by_kind[kind(name.as_ref().as_bytes())] |= 1 << place;
        }
        Names { names, each: PhantomData, by_kind, excused: 0 }
    }

    /// The table in which the names in these places may occur twice. A member that occurs twice
    /// counts as absent.
    pub(crate) fn excusing(mut self, places: impl IntoIterator<Item = usize>) -> Names<S, L> {
        self.excused = places.into_iter().fold(0, |all, place| all | 1 << place);
        self
    }

    /// The name at a place.
    pub(crate) fn name(&self, place: usize) -> &S {
        &self.names.as_ref()[place]
    }

    /// The place of a name.
    fn place(&self, name: &str) -> Option<usize> {
        let mut places = self.by_kind[kind(name.as_bytes())];
        while places != 0 {
            let place = places.trailing_zeros() as usize;
            if self.names.as_ref()[place].as_ref() == name {
                return Some(place);
            }
            places &= places - 1;
        }
        None
    }
}

/// Reads one JSON object of at most `max_depth` levels and keeps the members called `names`. `None`
/// if it is not such an object, or if a name in `names` occurs twice (escaped or not) and is not
/// excused.
pub(crate) fn read_object<'a, const N: usize, S: AsRef<str>, L: AsRef<[S]>>(
    bytes: &'a [u8],
    max_depth: usize,
    names: &Names<S, L>,
) -> Option<Members<'a, N>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = look_over(bytes, max_depth)?;
    let place = |name: &str| names.place(name);
    let mut members = [None; N];
    match read(text, &place, is_plain, &mut members)? {
        0 => Some(members),
        repeated => without(members, repeated, names.excused),
    }
}

/// The members without those that occurred twice; `None` if one of these is not excused.
#[cold]
fn without<const N: usize>(
    mut members: [Option<Raw<'_>>; N],
    repeated: u32,
    excused: u32,
) -> Option<[Option<Raw<'_>>; N]> {
    let places = (0..N).filter(|place| repeated >> place & 1 == 1);
    places.for_each(|place| members[place] = None);
    (repeated & !excused == 0).then_some(members)
}

/// Reads members into their places. Returns the places of those that occurred twice, one bit per
/// place; `None` if the text cannot be read.
fn read<'a>(
    text: &'a str,
    place: &dyn Fn(&str) -> Option<usize>,
    is_plain: bool,
    members: &mut [Option<Raw<'a>>],
) -> Option<u32> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut repeated = 0;
    let object = Object { text, place, is_plain, members, repeated: &mut repeated };
    object.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(repeated)
}

/// A visitor that writes members into their places, so that nothing large is moved. A name that
/// occurs twice is only noted, because an error would be allocated on the heap.
struct Object<'m, 'a> {
    /// The text that is read.
    text: &'a str,
    place: &'m dyn Fn(&str) -> Option<usize>,
    /// Whether no string in the text has an escape.
    is_plain: bool,
    members: &'m mut [Option<Raw<'a>>],
    repeated: &'m mut u32,
}

#[cold]
fn note(repeated: &mut u32, place: usize) {
    *repeated |= 1 << place;
}

impl<'a> DeserializeSeed<'a> for Object<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'_>>()? {
            let value = match self.is_plain && is_string_next(self.text, &name) {
                // The parser needs far fewer steps for a string than for a raw value.
                true => quoted(self.text, map.next_value()?),
                false => Raw { text: map.next_value::<&RawValue>()?.get(), is_plain: false },
            };
            let Some(at) = (self.place)(&name.0) else { continue };
            let Some(member) = self.members.get_mut(at) else { continue };
            if member.replace(value).is_some() {
                note(self.repeated, at);
            }
        }
        Ok(())
    }
}

/// Whether the value after this name begins as a string. Only the usual spacing is recognised.
fn is_string_next(text: &str, name: &Text<'_>) -> bool {
    let Cow::Borrowed(name) = name.0 else {
        return false;
    };
    // A borrowed name is a part of the text, and its closing quote follows it.
    let behind = name.as_ptr() as usize - text.as_ptr() as usize + name.len() + 1;
    let rest = &text.as_bytes()[behind.min(text.len())..];
    matches!(rest, [b':', b'"', ..] | [b':', b' ', b'"', ..])
}

/// The raw value of a string in the text, with its quotes.
fn quoted<'a>(text: &'a str, inner: &'a str) -> Raw<'a> {
    let start = inner.as_ptr() as usize - text.as_ptr() as usize;
    Raw { text: &text[start - 1..=start + inner.len()], is_plain: true }
}

/// A JSON string, borrowed unless it has escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'a> Visitor<'a> for TextVisitor {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// The string value of a member; `None` if it is not a string. A string without a backslash is its
/// own value, because its validity was checked when it was kept raw.
pub(crate) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if raw.is_plain || memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// Calls `each` with the strings of a member that is a string or an array of strings, one after the
/// other. `None` if it is anything else.
pub(crate) fn each_text<'a>(raw: Raw<'a>, each: impl FnMut(Cow<'a, str>)) -> Option<()> {
    struct Each<F>(F);
    impl<'a, F: FnMut(Cow<'a, str>)> Visitor<'a> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of strings")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
            while let Some(Text(text)) = seq.next_element()? {
                (self.0)(text);
            }
            Ok(())
        }
    }
    let mut each = each;
    // An array is tried first. Reading it as a string would allocate an error on the heap.
    if raw.get().starts_with('[') {
        return serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Each(each)).ok();
    }
    each(text(raw)?);
    Some(())
}

/// Whether a text has no escapes; `None` if a value nests deeper than `max`. Most texts have few
/// brackets and no escapes, and need no closer check.
fn look_over(bytes: &[u8], max: usize) -> Option<bool> {
    let mut brackets = 0;
    for at in memchr3_iter(b'{', b'[', b'\\', bytes) {
        brackets += 1;
        if bytes[at] == b'\\' || brackets > max {
            let is_plain = memchr(b'\\', &bytes[at..]).is_none();
            return is_within_depth(bytes, max).then_some(is_plain);
        }
    }
    Some(true)
}

/// Whether no value nests deeper than `max` (a flat object is one level).
pub(crate) fn is_within_depth(bytes: &[u8], max: usize) -> bool {
    let (mut depth, mut rest) = (0usize, bytes);
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'"' => rest = behind_string(rest),
            b'{' | b'[' if depth == max => return false,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// The bytes after the end of the string that the given bytes begin inside.
fn behind_string(mut bytes: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', bytes) {
        let is_end = bytes[at] == b'"';
        bytes = bytes.get(at + 1 + usize::from(!is_end)..).unwrap_or_default();
        if is_end {
            return bytes;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<[Option<&str>; 2]>, reason: &str) {
        let got = read_object::<2, _, _>(json.as_bytes(), 3, &Names::new(["a", "b"]));
        let got = got.map(|members| members.map(|member| member.map(|raw| raw.get())));
        assert_eq!(got, expected, "{reason}: {json}");
    }

    #[test]
    fn keeps_members_and_refuses_the_rest() {
        check(r#"{"a":1,"x":[],"b":"t"}"#, Some([Some("1"), Some(r#""t""#)]), "members kept raw");
        check(r#" {"a" : 1 } "#, Some([Some("1"), None]), "white space around tokens is JSON");
        check(
            r#"{"x":1,"x":2}"#,
            Some([None, None]),
            "duplicates of what is not read do not count",
        );
        check(r#"{"a":[[1]]}"#, Some([Some("[[1]]"), None]), "three levels");
        check(r#"{"a":1,"x":"[\"[[\\"}"#, Some([Some("1"), None]), "nor behind escaped quotes");
        check(r#"{"x":"\"[\\","a":[[[1]]]}"#, None, "four levels behind them");
        check(r#"{"x":["[[[\"#, None, "cut off behind a backslash");
        check(r#"{"x":"[[[[{{{{"}"#, Some([None, None]), "brackets in strings are no levels");
        check(
            r#"{"a": "t","x":"\/","b":"u"}"#,
            Some([Some(r#""t""#), Some(r#""u""#)]),
            "elsewhere",
        );
        check(r#"{"a":"\ud800"}"#, Some([Some(r#""\ud800""#), None]), "half a pair stays raw");
        check("{\"a\"\n:\t\"t\" }", Some([Some(r#""t""#), None]), "white space around a text");
        check(
            r#"{"a":"\"t","b":""}"#,
            Some([Some(r#""\"t""#), Some(r#""""#)]),
            "an escape, nothing",
        );
        check("{\"a\":\"\n\"}", None, "a control character in a text");
        check("{\"a\"\u{a0}:\"t\"}", None, "white space of Unicode is none of JSON's");
        check("{\"a\":\u{2003}\"t\"}", None, "nor before a value");
        check(r#"{"a""t"}"#, None, "no colon");
        check(r#"{"a":"t""b":"t"}"#, None, "no comma");
        check(r#"{"a":"t"#, None, "cut off in a text");
        check(r#"{"a":"t","a":"t"}"#, None, "duplicate texts");
        check(r#"{"a":1,"a":1}"#, None, "duplicate");
        check(r#"{"a":1,"\u0061":1}"#, None, "duplicate, escaped");
        check(r#"{"a":[[[1]]]}"#, None, "four levels");
        check(r#"{"a":1}{"#, None, "trailing garbage");
        check("{\"a\":1}\0", None, "trailing NUL");
        check(r#"{"a":1,}"#, None, "trailing comma");
        check(r#"[1]"#, None, "no object");
        check(r#""a""#, None, "no object");
        check("", None, "nothing");
        check(r#"{"a":"#, None, "cut off");
        let names = Names::new(["a", "b"]);
        assert!(read_object::<2, _, _>(b"{\"a\":\"\xff\"}", 3, &names).is_none(), "not UTF-8");
    }

    #[test]
    fn what_is_excused_may_stand_twice_and_says_nothing() {
        let names = Names::new(["a", "b"]).excusing([1]);
        let read = |json: &str| {
            let members = read_object::<2, _, _>(json.as_bytes(), 3, &names)?;
            Some(members.map(|member| member.map(|raw| raw.get().to_owned())))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(r#"{"a":1,"b":2}"#), Some([text("1"), text("2")]), "once");
        assert_eq!(read(r#"{"a":1,"b":2,"b":2}"#), Some([text("1"), None]), "twice");
        assert_eq!(read(r#"{"b":2,"\u0062":3,"b":4}"#), Some([None, None]), "three times");
        assert_eq!(read(r#"{"a":1,"a":1,"b":2,"b":2}"#), None, "another that is not excused");
    }
}
