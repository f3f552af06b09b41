//! Checks of a file that should hold a JWK set: what it holds instead, where its fault is, and
//! which private members it should never have published.

use serde_json::Value;

use jwtbench_report::shown;
use jwtbench_result::ObjectMembers;
use jwtbench_scenario::format::bounded_file;
use jwtbench_verifier::jwk::MAX_KID_BYTES;

/// The byte order mark of UTF-8, which a reader may ignore (RFC 8259 §8.1).
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Members that only the holder of a private or symmetric key may know (RFC 7518 §6.2.2, §6.3.2,
/// §6.4; RFC 8037 §2; RFC 9964 §4).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The most entries with private members that are reported one by one.
const MAX_SECRETS: usize = 8;

/// The content of a file without its byte order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BOM).unwrap_or(body)
}

/// A phrase that says what a file holds that is no JWK set, and what to do.
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
    if text.trim_start().starts_with('<') {
        return "is HTML or XML; fetch the issuer's `jwks_uri` itself".into();
    }
    if is_pem(text) && text.contains("PRIVATE KEY-----") {
        return "is a private key in PEM: whoever can read this file can sign; publish the public \
                key as a JWK, in {\"keys\":[…]}, and withdraw this one if others could read it"
            .into();
    }
    if is_pem(text) {
        return "is PEM; publish the key as a JWK, in {\"keys\":[…]}".into();
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

/// Whether a text is PEM, which may have words of its own before each part (RFC 7468 §2).
fn is_pem(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("-----BEGIN"))
}

/// The same phrase for a file that holds JSON.
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
    if members(text).named("keys").count() > 1 {
        let again = members(text).named("keys").nth(1).map(|keys| place(text, keys));
        return format!("has the member `keys` twice{}; take one out", again.unwrap_or_default());
    }
    match object.get("keys") {
        Some(Value::Array(_)) => "has an entry in `keys` that is no JSON object".into(),
        Some(other) => {
            let kind = kind(other);
            let place = at(text, "keys");
            format!("has {kind} in `keys`{place}; an array of keys is due (RFC 7517 section 5.1)")
        }
        None if has("kty") => "is a single key; wrap it as {\"keys\":[…]}".into(),
        None if has("jwks_uri") => {
            let place = at(text, "jwks_uri");
            format!("is a discovery document; fetch the set from its `jwks_uri`{place}")
        }
        None if has("error") => {
            let place = at(text, "error");
            format!("is an error of the issuer (`error`{place}), and no set; fetch it again")
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

/// The members of a JSON object, in the order of the text.
fn members(text: &str) -> ObjectMembers<'_> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The place of the value of the first member with this name, as a phrase; empty if there is none.
fn at(text: &str, name: &str) -> String {
    members(text).named(name).next().map(|value| place(text, value)).unwrap_or_default()
}

/// The place of a part of a text, as a phrase; lines and columns count from 1.
fn place(text: &str, part: &str) -> String {
    let at = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let (line, column) = bounded_file::line_and_column(text.as_bytes(), at);
    format!(" at line {line}, column {column}")
}

/// A sentence for each entry that contains private members. After `MAX_SECRETS` entries, one
/// sentence counts the rest. No value is shown.
pub fn published_secrets(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let root: Value = serde_json::from_str(&text).unwrap_or_default();
    // The file may also be no valid set: a single key, an array of keys, or a set with `keys`
    // twice.
    let members = members(&text);
    let lists = members.named("keys").filter_map(|keys| serde_json::from_str(keys).ok());
    let lists: Vec<Vec<Value>> = lists.collect();
    let is_key = |object: &serde_json::Map<String, Value>| {
        object.contains_key("kty") && !object.contains_key("keys")
    };
    let alone = root.as_object().is_some_and(is_key).then_some(&root).into_iter();
    let array = root.as_array().into_iter().flatten();
    let entries = alone.map(|key| (None, key)).chain(
        array
            .enumerate()
            .chain(lists.iter().flat_map(|list| list.iter().enumerate()))
            .map(|(place, entry)| (Some(place), entry)),
    );
    let secret = |(place, entry): (Option<usize>, &Value)| {
        let entry = entry.as_object()?;
        let names = PRIVATE.into_iter().filter(|name| entry.contains_key(*name));
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| {
            let kid =
                entry.get("kid").and_then(Value::as_str).filter(|kid| kid.len() <= MAX_KID_BYTES);
            let kid = kid.map(|kid| format!(" (kid `{}`)", shown::line(kid))).unwrap_or_default();
            let list = if root.is_array() { "the array" } else { "`keys`" };
            let entry = place.map_or("the key".into(), |place| format!("entry {place} of {list}"));
            format!(
                "{entry}{kid} holds {}, which is private: whoever can read this \
                 set can sign; withdraw the key (RFC 7517 section 9.2)",
                names.join(", ")
            )
        })
    };
    let mut told: Vec<String> = entries.filter_map(secret).collect();
    let more = told.len().saturating_sub(MAX_SECRETS);
    if more > 0 {
        told.truncate(MAX_SECRETS);
        told.push(format!("{more} more entries of `keys` hold private members"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_set_is_told_apart() {
        let rows: [(&[u8], &str); 25] = [
            (b"", "is empty"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"\xfe\xff\0{", "UTF-16"),
            (b"{\"keys\":\n [\"a\xff\"]}", "is no UTF-8 at line 2, column 5"),
            (b"  -----BEGIN PUBLIC KEY-----\n", "PEM"),
            (b"-----BEGIN EC PRIVATE KEY-----\n", "a private key in PEM: whoever can read"),
            (b"Bag Attributes\n    friendlyName: x\n-----BEGIN CERTIFICATE-----\n", "is PEM"),
            (
                b"Bag Attributes: <No Attributes>\r\n-----BEGIN ENCRYPTED PRIVATE KEY-----\r\n",
                "a private key in PEM",
            ),
            (b"{\"keys\":[{\"x5c\":[\"-----BEGIN CERTIFICATE-----\"]},]}", "trailing comma"),
            (b"<!doctype html>", "HTML"),
            (b"<pre>\n-----BEGIN CERTIFICATE-----\n</pre>", "HTML"),
            (b"{\"keys\":[{},\n]}", "is no JSON at line 2, column 1 (trailing comma)"),
            (
                b"{\"keys\":[{}]}\n<!-- x -->",
                "is no JSON at line 2, column 1 (trailing characters)",
            ),
            (b"[{\"kty\":\"EC\"}]", "JSON array"),
            (b"\"{\\\"keys\\\":[]}\"", "a JSON string that holds JSON"),
            (b"7", "no JSON object"),
            (b"{\"keys\":[{}],\n \"keys\":[{}]}", "`keys` twice at line 2, column 9; take"),
            (b"{\"keys\":null}", "has null in `keys` at line 1, column 9; an"),
            (b"{\"kty\":\"EC\"}", "single key"),
            (
                b"{\"issuer\":\"x\",\n\"jwks_uri\":\"y\"}",
                "a discovery document; fetch the set from its `jwks_uri` at line 2, column 12",
            ),
            (b"{\0\"\0", "UTF-16"),
            (b"\0\0\0{", "UTF-32"),
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
        let body = br#"{"keys":[{"kty":"EC","x":"a"},
            {"kty":"RSA","kid":"r","d":"secret","p":"secret"}]}"#;
        let said = published_secrets(body);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("entry 1 of `keys` (kid `r`) holds `d`, `p`"), "{said:?}");
        assert!(!said[0].contains("secret"), "{said:?}");
        let rows: [(&[u8], &str); 4] = [
            (br#"{"kty":"EC","d":"secret"}"#, "the key holds `d`"),
            (br#"[{"kty":"EC","d":"secret"}]"#, "entry 0 of the array holds `d`"),
            (br#"{"keys":[{"kty":"EC","d":"secret"}],"keys":[]}"#, "entry 0 of `keys` holds `d`"),
            (br#"{"keys":[{"kid":"a\njwtbench: fine","k":"secret"}]}"#, "holds `k`"),
        ];
        for (body, due) in rows {
            let said = published_secrets(body);
            assert!(said.len() == 1 && said[0].contains(due), "{said:?}");
            assert!(!said[0].contains("secret") && !said[0].contains('\n'), "{said:?}");
        }
        // A set may have members of its own (RFC 7517 section 5).
        assert!(published_secrets(br#"{"keys":[{"kty":"EC"}],"d":1}"#).is_empty());
        assert!(published_secrets(b"{}").is_empty() && published_secrets(b"<").is_empty());
    }
}
