//! A file that is to hold a JWK set: what it holds instead, where its fault is, and what should
//! never have been published.

use serde_json::Value;

use jwtbench_result::ObjectMembers;
use jwtbench_scenario::bounded_file;

/// The byte order mark of UTF-8, which a reader may ignore (RFC 8259 §8.1).
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Members that only the holder of a private or symmetric key has (RFC 7518 §6.2.2, §6.3.2, §6.4;
/// RFC 8037 §2; RFC 9964 §4).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The text of a file without its byte order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BOM).unwrap_or(body)
}

/// What a file that is no JWK set holds, and what to do.
pub fn instead(body: &[u8]) -> String {
    match body {
        [] => return "is empty; fetch the set again".into(),
        [0x1f, 0x8b, ..] => return "is compressed with gzip; unpack it (gunzip)".into(),
        _ => {}
    }
    if let Some(fault) = bounded_file::encoding_fault(body) {
        return format!("{fault}; save it as UTF-8, or fetch the set again (RFC 8259 section 8.1)");
    }
    let text = &*String::from_utf8_lossy(body);
    if text.trim_start().starts_with("-----BEGIN") {
        return "is PEM; publish the key as a JWK, in {\"keys\":[…]}".into();
    }
    if text.trim_start().starts_with('<') {
        return "is HTML or XML; fetch the issuer's `jwks_uri` itself".into();
    }
    match serde_json::from_str(text) {
        Ok(value) => of_value(&value, text),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            format!("is no JSON at line {line}, column {column} ({reason}); fetch the set again")
        }
    }
}

/// JSON that is no set.
fn of_value(value: &Value, text: &str) -> String {
    let object = match value {
        Value::Object(object) => object,
        Value::Array(_) => return "is a JSON array; wrap it as {\"keys\":[…]}".into(),
        Value::String(inner) if serde_json::from_str::<Value>(inner).is_ok() => {
            return "is a JSON string that holds JSON; save what is in the string".into();
        }
        _ => return "is no JSON object; save what the issuer's JWKS endpoint serves".into(),
    };
    let has = |name: &str| object.contains_key(name);
    let is_certificate =
        |value: &Value| value.as_str().is_some_and(|text| text.starts_with("-----BEGIN"));
    if times(text, "keys") > 1 {
        return "has the member `keys` twice; take one out".into();
    }
    match object.get("keys") {
        Some(Value::Array(_)) => "has an entry in `keys` that is no JSON object".into(),
        Some(other) => {
            let kind = kind(other);
            format!("has {kind} in `keys`; an array of keys is due (RFC 7517 section 5.1)")
        }
        None if has("kty") => "is a single key; wrap it as {\"keys\":[…]}".into(),
        None if has("jwks_uri") => {
            "is a discovery document; fetch the set from its `jwks_uri`".into()
        }
        None if has("error") => {
            "is an error of the issuer (`error`), and no set; fetch it again".into()
        }
        None if !object.is_empty() && object.values().all(is_certificate) => {
            "maps kids to X.509 certificates; take the issuer's JWK set instead".into()
        }
        None => {
            "is a JSON object without `keys`; save what the issuer's JWKS endpoint serves".into()
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How often an object of JSON has a member of this name at its top level.
fn times(text: &str, name: &str) -> usize {
    let members = serde_json::from_str::<ObjectMembers<'_>>(text);
    members.map_or(0, |members| members.names().filter(|known| *known == name).count())
}

/// A sentence for each entry that tells what only its holder may know. Values are not shown.
pub fn published_secrets(body: &[u8]) -> Vec<String> {
    let set: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = set["keys"].as_array().into_iter().flatten();
    let secret = |(place, entry): (usize, &Value)| {
        let entry = entry.as_object()?;
        let names = PRIVATE.into_iter().filter(|name| entry.contains_key(*name));
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| {
            format!(
                "entry {place} of `keys` holds {}, which is private: whoever can read this set can \
                 sign; withdraw the key (RFC 7517 section 9.2)",
                names.join(", ")
            )
        })
    };
    entries.enumerate().filter_map(secret).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_set_is_told_apart() {
        let rows: [(&[u8], &str); 18] = [
            (b"", "is empty"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"\xfe\xff\0{", "UTF-16"),
            (b"{\"keys\":\n [\"a\xff\"]}", "is no UTF-8 at line 2, column 5"),
            (b"  -----BEGIN PUBLIC KEY-----\n", "PEM"),
            (b"<!doctype html>", "HTML"),
            (b"{\"keys\":[{},\n]}", "is no JSON at line 2, column 1 (trailing comma)"),
            (
                b"{\"keys\":[{}]}\n<!-- x -->",
                "is no JSON at line 2, column 1 (trailing characters)",
            ),
            (b"[{\"kty\":\"EC\"}]", "JSON array"),
            (b"\"{\\\"keys\\\":[]}\"", "a JSON string that holds JSON"),
            (b"7", "no JSON object"),
            (b"{\"keys\":[{}],\"keys\":[{}]}", "`keys` twice"),
            (b"{\"keys\":null}", "has null in `keys`"),
            (b"{\"kty\":\"EC\"}", "single key"),
            (b"{\"issuer\":\"x\",\"jwks_uri\":\"y\"}", "discovery document"),
            (b"{\"error\":\"invalid_request\"}", "an error of the issuer"),
            (b"{\"e1\":\"-----BEGIN CERTIFICATE-----\"}", "X.509"),
        ];
        for (body, expected) in rows {
            let said = instead(body);
            assert!(said.contains(expected), "{}: {said}", String::from_utf8_lossy(body));
        }
        assert_eq!(without_mark(b"\xef\xbb\xbf{}"), b"{}");
    }

    #[test]
    fn private_members_are_named_and_not_shown() {
        let body = br#"{"keys":[{"kty":"EC","x":"a"},{"kty":"RSA","d":"secret","p":"secret"}]}"#;
        let said = published_secrets(body);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("entry 1 of `keys` holds `d`, `p`"), "{said:?}");
        assert!(!said[0].contains("secret"), "{said:?}");
        assert!(published_secrets(b"{}").is_empty() && published_secrets(b"<").is_empty());
    }
}
