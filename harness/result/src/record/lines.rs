//! A stored result as lines of JSON, so that a diff of two results is readable. A header holds the
//! members that are not lists of objects. Then each row of a list has a line, under the name of the
//! list. Knows text alone: it turns an object into lines, and lines into an object.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The member that identifies a header and names the kind of the result.
const OF: &str = "of";
/// The member of a header with the number of lines that follow, so that missing lines are noticed.
const LINES: &str = "lines";

/// The members of an object as raw JSON, including repeated ones.
#[derive(Default)]
pub struct ObjectMembers<'j>(Vec<(String, &'j RawValue)>);

impl<'j> ObjectMembers<'j> {
    /// The values of the members of this name as raw JSON.
    pub fn named(&self, sought: &str) -> impl Iterator<Item = &'j str> {
        let of_name = self.0.iter().filter(move |(name, _)| name == sought);
        of_name.map(|(_, value)| value.get())
    }
}

impl<'de> Deserialize<'de> for ObjectMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMembers<'de>, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = ObjectMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ObjectMembers<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(ObjectMembers(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Splits an object in compact JSON, which is a result of this kind, into lines. Its rows keep
/// their order.
///
/// # Errors
/// If the text is no JSON object.
pub fn split(of: &str, json: &str) -> Result<String, serde_json::Error> {
    let ObjectMembers(members) = serde_json::from_str(json)?;
    let (mut rest, mut rows) = (String::new(), Vec::new());
    for (name, value) in &members {
        let name = serde_json::to_string(name)?;
        match objects(value) {
            Some(list) => rows.extend(list.iter().map(|row| format!("{{{name}:{row}}}\n"))),
            None => rest.push_str(&format!(",{name}:{value}")),
        }
    }
    let (of, count) = (serde_json::to_string(of)?, rows.len());
    Ok(format!("{{\"{OF}\":{of},\"{LINES}\":{count}{rest}}}\n{}", rows.concat()))
}

/// The elements of a list of objects; `None` for any other value and for an empty list.
fn objects(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !value.get().starts_with('[') {
        return None;
    }
    let list: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    let are_objects = !list.is_empty() && list.iter().all(|element| is_object(element));
    are_objects.then_some(list)
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Joins lines into the object that they were made of. A text that does not begin with a header is
/// an object already.
///
/// # Errors
/// If the header is of another kind, if a line is no row, or if lines are missing.
pub fn join<'t>(of: &str, text: &'t str) -> Result<Cow<'t, str>, serde_json::Error> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(ObjectMembers(header)) = serde_json::from_str(first) else {
        return Ok(Cow::Borrowed(text));
    };
    let Some((_, kind)) = header.iter().find(|(name, _)| name == OF) else {
        return Ok(Cow::Borrowed(text));
    };
    let kind: String = serde_json::from_str(kind.get())?;
    if kind != of {
        return Err(serde_json::Error::custom(format!("it is a {kind}, and no {of}")));
    }
    let mut lists: Vec<(String, Vec<&RawValue>)> = Vec::new();
    for (number, line) in (2..).zip(rest.lines()) {
        let fault = |what: &str| serde_json::Error::custom(format!("line {number}: {what}"));
        let ObjectMembers(mut row) =
            serde_json::from_str(line).map_err(|error| fault(&error.to_string()))?;
        let (Some((name, value)), true) = (row.pop(), row.is_empty()) else {
            return Err(fault("a row has one member, the name of its list"));
        };
        if !is_object(value) || header.iter().any(|(known, _)| *known == name) {
            return Err(fault("no row of a list"));
        }
        match lists.iter_mut().find(|(known, _)| *known == name) {
            Some((_, list)) => list.push(value),
            None => lists.push((name, vec![value])),
        }
    }
    let count = header.iter().find(|(name, _)| name == LINES).map(|(_, count)| count.get());
    let found: usize = lists.iter().map(|(_, list)| list.len()).sum();
    match count.and_then(|count| count.parse::<usize>().ok()) {
        Some(due) if due == found => object(&header, &lists).map(Cow::Owned),
        due => {
            let due = due.map_or("no number".into(), |due| due.to_string());
            let fault = format!("its header says {due} of lines, and {found} follow");
            Err(serde_json::Error::custom(fault))
        }
    }
}

/// Makes one object of a header and its lists.
fn object(
    header: &[(String, &RawValue)],
    lists: &[(String, Vec<&RawValue>)],
) -> Result<String, serde_json::Error> {
    let mut members = Vec::new();
    for (name, value) in header.iter().filter(|(name, _)| name != OF && name != LINES) {
        members.push(format!("{}:{value}", serde_json::to_string(name)?));
    }
    for (name, list) in lists {
        let rows: Vec<&str> = list.iter().map(|row| row.get()).collect();
        members.push(format!("{}:[{}]", serde_json::to_string(name)?, rows.join(",")));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_object_becomes_lines_and_lines_an_object() {
        let json = concat!(
            r#"{"schema_version":2,"names":["a","b"],"rows":[{"b":1,"a":[{}]},{"b":2}],"#,
            r#""none":[],"others":[{"x":"\n"}]}"#
        );
        let lines = split("run", json).unwrap();
        let due = [
            r#"{"of":"run","lines":3,"schema_version":2,"names":["a","b"],"none":[]}"#,
            r#"{"rows":{"b":1,"a":[{}]}}"#,
            r#"{"rows":{"b":2}}"#,
            r#"{"others":{"x":"\n"}}"#,
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), due);
        assert!(lines.ends_with("}\n"), "the last line has its end");
        assert_eq!(value(&join("run", &lines).unwrap()), value(json));
        assert_eq!(join("run", json).unwrap(), json, "an object stays as it is");
        assert_eq!(join("run", "no JSON").unwrap(), "no JSON", "who reads it says what is wrong");
        assert!(split("run", "[1]").is_err());
    }

    #[test]
    fn a_line_that_is_no_row_is_named() {
        let header = r#"{"of":"run","lines":2,"seed":1}"#;
        let rows = [
            (r#"{"a":{}"#, "line 3: EOF", "cut off"),
            ("", "line 3: EOF", "an empty line"),
            ("7", "line 3: invalid type", "no object"),
            (r#"{"a":{},"b":{}}"#, "line 3: a row has one member", "two lists"),
            ("{}", "line 3: a row has one member", "no list"),
            (r#"{"a":7}"#, "line 3: no row of a list", "no object in it"),
            (r#"{"seed":{}}"#, "line 3: no row of a list", "what stands in the header"),
        ];
        for (line, expected, why) in rows {
            let text = format!("{header}\n{{\"a\":{{}}}}\n{line}\n");
            let error = join("run", &text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{why}: {error}");
        }
        let rows = [
            ("", "its header says 2 of lines, and 1 follow", "cut at the end of a line"),
            ("{\"a\":{}}\n{\"a\":{}}\n", "its header says 2 of lines, and 3 follow", "doubled"),
        ];
        for (more, expected, why) in rows {
            let text = format!("{header}\n{{\"a\":{{}}}}\n{more}");
            assert_eq!(join("run", &text).unwrap_err().to_string(), expected, "{why}");
        }
        let error = join("run", "{\"of\":\"run\"}\n").unwrap_err().to_string();
        assert!(error.contains("says no number"), "{error}");
        let error = join("duel", header).unwrap_err().to_string();
        assert_eq!(error, "it is a run, and no duel");
    }
}
