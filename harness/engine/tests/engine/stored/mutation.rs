//! Changes to a JSON value that keep it near to what a reader takes: figures at their extremes,
//! texts that mean something to a terminal or to HTML, members that are gone, doubled or swapped.
//! All of it follows from a script of bytes.

use serde_json::{Number, Value};

/// Bytes that decide, read from the first on; zeros follow the last.
pub struct Script<'b>(pub &'b [u8]);

impl Script<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A place among so many, of which there is one at least.
    pub fn below(&mut self, count: usize) -> usize {
        let drawn = u16::from_be_bytes([self.byte(), self.byte()]);
        usize::from(drawn) % count.max(1)
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// The figures that are tried.
const WHOLE: [i128; 16] = [
    0,
    1,
    -1,
    2,
    999,
    1 << 20,
    u32::MAX as i128,
    1_000_000_000,
    1_000_000_000_000_000,
    (1 << 53) - 1,
    -(1 << 53) + 1,
    1 << 53,
    i64::MAX as i128,
    i64::MIN as i128,
    u64::MAX as i128,
    -1_000_000_000,
];
const FRACTIONS: [f64; 12] = [
    0.5,
    -0.5,
    0.0,
    -0.0,
    5e-324,
    1e-9,
    1.0000001,
    9.007199254740991e15,
    -9.007199254740991e15,
    1e300,
    0.999999999999,
    1e15,
];
/// The texts that are tried.
const TEXTS: [&str; 20] = [
    "",
    "\u{1b}[31mred\u{7}\r\n\t\u{9b}2J",
    "éééééééééééééééééééééééééé",
    "../../../tmp/x",
    "/",
    "<script>alert(1)</script>&\"'",
    "a|b`c`*d*[e](f)\n# g",
    "]]>\u{0}\u{fffe}",
    "ACCEPT",
    "UnknownKid",
    "core:ring",
    "raw:ring",
    "0.7 x capacity",
    "1e300",
    "-1",
    "2026-02-30T99:99:99Z",
    "9999-12-31T23:59:59Z",
    "debug",
    "release",
    "a-name-of-forty-characters-and-no-fewer-x",
];

/// Changes the value in some places, as the script says.
pub fn mutate(value: &mut Value, script: &mut Script<'_>) {
    for _ in 0..=script.byte() % 6 {
        let donor = descend(value, script).clone();
        change(descend(value, script), donor, script);
    }
}

/// Somewhere in the value: down through members drawn at random, so that what is near to the top
/// is as likely as what there are thousands of.
fn descend<'v>(value: &'v mut Value, script: &mut Script<'_>) -> &'v mut Value {
    let mut at = value;
    loop {
        let is_leaf = match &*at {
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => true,
        };
        if is_leaf || script.byte() < 24 {
            return at;
        }
        at = match at {
            Value::Array(items) => {
                let place = script.below(items.len());
                &mut items[place]
            }
            Value::Object(members) => {
                let place = script.below(members.len());
                members.values_mut().nth(place).expect("the place is below their number")
            }
            leaf => return leaf,
        };
    }
}

fn change(at: &mut Value, donor: Value, script: &mut Script<'_>) {
    match script.byte() {
        0..8 => *at = Value::Null,
        8..14 => *at = donor,
        14..18 => *at = Value::Bool(true),
        _ => match at {
            Value::Null => *at = figure(script),
            Value::Bool(known) => *known = !*known,
            Value::Number(_) => *at = figure(script),
            Value::String(text) => rewrite(text, script),
            Value::Array(items) => rearrange(items, donor, script),
            Value::Object(members) => {
                let place = script.below(members.len());
                let Some(name) = members.keys().nth(place).cloned() else { return };
                match script.byte() % 4 {
                    0 => drop(members.remove(&name)),
                    1 => drop(members.insert(name, donor)),
                    2 => drop(members.insert(script.pick(&TEXTS).to_owned(), donor)),
                    _ => {
                        let taken = members.remove(&name).unwrap_or_default();
                        members.insert(script.pick(&TEXTS).to_owned(), taken);
                    }
                }
            }
        },
    }
}

fn figure(script: &mut Script<'_>) -> Value {
    if script.byte() < 160 {
        let number = script.pick(&WHOLE);
        let whole = u64::try_from(number).map(Number::from);
        return Value::Number(whole.unwrap_or_else(|_| Number::from(number as i64)));
    }
    Number::from_f64(script.pick(&FRACTIONS)).map_or(Value::Null, Value::Number)
}

fn rewrite(text: &mut String, script: &mut Script<'_>) {
    match script.byte() % 8 {
        0 => *text = "long ".repeat(2_000),
        1 => *text = "x".repeat(3_000),
        2 => text.push_str(script.pick(&TEXTS)),
        3 => drop(text.pop()),
        _ => *text = script.pick(&TEXTS).to_owned(),
    }
}

fn rearrange(items: &mut Vec<Value>, donor: Value, script: &mut Script<'_>) {
    let place = script.below(items.len());
    match script.byte() % 7 {
        0 => items.clear(),
        1 => items.truncate(1),
        2 => items.reverse(),
        3 if !items.is_empty() => drop(items.remove(place)),
        4 if !items.is_empty() => items.push(items[place].clone()),
        5 if items.len() < 200 => items.extend_from_within(..),
        _ => items.push(donor),
    }
}
