//! Reading of stored results, simulations and duels of any origin. Their figures are checked to be
//! small enough for sums before any report sees them. Knows no file.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};

/// The largest magnitude of a figure: all JSON readers agree on integers up to it (RFC 8259,
/// section 6). In nanoseconds it is 104 days.
pub const MAX_FIGURE: u64 = (1 << 53) - 1;
/// The largest sum of the whole numbers of a file, so that no sum of them overflows.
const MAX_TOTAL: u128 = 1 << 62;
/// The keys whose value is an identifier of any 64 bits rather than a figure.
const NAMES: [&str; 1] = ["seed"];
/// The number of characters that a message shows of a longer key.
const SHOWN: usize = 120;

/// Reads a stored form.
///
/// # Errors
/// If the text is not JSON of this form, or if a figure in it is impossible. The message names the
/// key and the place.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let (mut key, mut total) = (String::new(), 0);
    FigureCheck { key: &mut key, total: &mut total, is_name: false }.deserialize(&mut reader)?;
    reader.end()?;
    serde_json::from_str(text)
}

/// A walk over all values below a key.
struct FigureCheck<'w> {
    /// The path of the key: `.measurements[3].verdicts.wrong`.
    key: &'w mut String,
    /// The sum of the whole numbers before it.
    total: &'w mut u128,
    /// Whether the value is an identifier, such as a seed.
    is_name: bool,
}

impl FigureCheck<'_> {
    fn refuse<E: Error>(&self, figure: impl fmt::Display, why: &str) -> E {
        let key: String = self.key.trim_start_matches('.').chars().take(SHOWN).collect();
        E::custom(format!("`{key}` is {figure}: {why}"))
    }

    fn enter<E: Error>(self, magnitude: u64, figure: impl fmt::Display) -> Result<(), E> {
        if self.is_name {
            return Ok(());
        }
        if magnitude > MAX_FIGURE {
            return Err(self.refuse(figure, &format!("no figure is beyond {MAX_FIGURE}")));
        }
        *self.total += u128::from(magnitude);
        match *self.total > MAX_TOTAL {
            true => Err(self.refuse(figure, "with those before it more than can be added up")),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for FigureCheck<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FigureCheck<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, figure: u64) -> Result<(), E> {
        self.enter(figure, figure)
    }

    fn visit_i64<E: Error>(self, figure: i64) -> Result<(), E> {
        self.enter(figure.unsigned_abs(), figure)
    }

    fn visit_f64<E: Error>(self, figure: f64) -> Result<(), E> {
        match figure.abs() <= MAX_FIGURE as f64 {
            true => Ok(()),
            false => {
                let why = format!("no figure is beyond {MAX_FIGURE}");
                Err(self.refuse(format!("{figure:e}"), &why))
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let length = self.key.len();
        for place in 0u64.. {
            self.key.push_str(&format!("[{place}]"));
            let below = FigureCheck { key: self.key, total: self.total, is_name: false };
            let is_there = values.next_element_seed(below)?.is_some();
            self.key.truncate(length);
            if !is_there {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let length = self.key.len();
        while let Some(name) = members.next_key::<String>()? {
            self.key.push('.');
            self.key.push_str(&name);
            let is_name = NAMES.contains(&name.as_str());
            members.next_value_seed(FigureCheck { key: self.key, total: self.total, is_name })?;
            self.key.truncate(length);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_figures_are_refused_by_key() {
        let most = MAX_FIGURE.to_string();
        let many = format!("{{\"a\":[{}]}}", vec![most.as_str(); 513].join(","));
        let rows = [
            (r#"{"a":[0,-1,1.5,null,true,"9e99"]}"#, Ok(()), "figures, and what is none"),
            (r#"{"seed":18446744073709551615}"#, Ok(()), "a seed is any 64 bits"),
            (r#"{"a":[{"seed":1},9007199254740991]}"#, Ok(()), "the greatest"),
            (r#"{"a":[{"b":9007199254740992}]}"#, Err("`a[0].b` is 9007199254740992"), "one more"),
            (r#"{"a":-9007199254740992}"#, Err("`a` is -9007199254740992"), "the same below 0"),
            (r#"{"a":{"b":1e300}}"#, Err("`a.b` is 1e300"), "a fraction"),
            (r#"{"a":18446744073709551616}"#, Err("`a` is 1.8446744073709552e19"), "past 64 bits"),
            (&many, Err("`a[512]` is 9007199254740991: with those"), "each possible, not all"),
            (r#"{"a":1}}"#, Err("trailing characters"), "something after the end"),
            (r#"{"a":1"#, Err("EOF"), "half of one"),
        ];
        for (text, due, why) in rows {
            match (from_json::<serde_json::Value>(text), due) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{why}: {error}");
                }
                (read, _) => panic!("{why}: {read:?}"),
            }
        }
    }
}
