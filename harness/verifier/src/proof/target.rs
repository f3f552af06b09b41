//! The URL of a request as a proof names it: without query and fragment, normalised by RFC 3986
//! §6.2.2 (case, percent-encoding, dot segments) and §6.2.3 (default port, empty path).

use std::fmt;

/// A normalised `http` or `https` URL without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target(String);

impl Target {
    /// The target of a request by its URL, whose query and fragment do not count. `None` if it is
    /// not an absolute URL by RFC 3986, of `http` or `https`, without user information.
    pub fn parse(url: &str) -> Option<Target> {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let rest_is_ascii = url[end..].bytes().all(|byte| byte.is_ascii_graphic());
        if !rest_is_ascii {
            return None;
        }
        let (scheme, rest) = url[..end].split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        let path_start = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_start);
        let (host, port) = host_and_port(authority)?;
        let port = port.trim_start_matches('0');
        let port = match port {
            "" => String::new(),
            own if own == default_port => String::new(),
            own => format!(":{own}"),
        };
        let path = without_dots(&percent_normal(path, is_path)?);
        Some(Target(format!("{scheme}://{host}{port}{path}")))
    }

    /// Whether the `htu` of a proof names this target. It has neither query nor fragment (RFC 9449
    /// §4.2).
    pub fn is_named_by(&self, htu: &str) -> bool {
        !htu.contains(['?', '#']) && Target::parse(htu).as_ref() == Some(self)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host in lower case, and the digits of the port.
fn host_and_port(authority: &str) -> Option<(String, &str)> {
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (address, rest) = inside.split_once(']')?;
            let is_address = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
            if address.is_empty() || !address.bytes().all(is_address) {
                return None;
            }
            let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
            (format!("[{}]", address.to_ascii_lowercase()), port)
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            let host = percent_normal(host, is_host)?;
            // An encoded character keeps its upper-case digits.
            (lower_but_encoded(&host), port)
        }
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let fits =
        port.trim_start_matches('0').parse::<u16>().is_ok() || port.bytes().all(|b| b == b'0');
    (!host.is_empty() && is_number && fits).then_some((host, port))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_host(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=".contains(&byte)
}

fn is_path(byte: u8) -> bool {
    is_host(byte) || b":@/".contains(&byte)
}

/// The text with encoded unreserved characters decoded, and the digits of others in upper case.
/// `None` if a character is not allowed, or a percent sign begins no encoding.
fn percent_normal(text: &str, is_allowed: impl Fn(u8) -> bool) -> Option<String> {
    let mut normal = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !is_allowed(byte) {
                return None;
            }
            normal.push(char::from(byte));
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
        match u8::try_from(value).ok().filter(|decoded| is_unreserved(*decoded)) {
            Some(decoded) => normal.push(char::from(decoded)),
            None => normal.push_str(&format!("%{value:02X}")),
        }
    }
    Some(normal)
}

/// Lower case, but for the two digits after a percent sign.
fn lower_but_encoded(host: &str) -> String {
    let mut encoded = 0;
    let lower = host.chars().map(|c| {
        if c == '%' {
            encoded = 3;
        }
        let is_encoded = encoded > 0;
        encoded -= i32::from(is_encoded);
        if is_encoded { c } else { c.to_ascii_lowercase() }
    });
    lower.collect()
}

/// The path without its dot segments (RFC 3986 §5.2.4). An empty path is `/`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        // A dot segment at the end leaves the folder that it names.
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(url: &str) -> Option<String> {
        Target::parse(url).map(|target| target.to_string())
    }

    #[test]
    fn urls_are_normalised() {
        let rows = [
            ("https://api.example/x", "https://api.example/x"),
            ("HTTPS://API.Example/x", "https://api.example/x"),
            ("https://api.example:443/x", "https://api.example/x"),
            ("https://api.example:/x", "https://api.example/x"),
            ("https://api.example:0443/x", "https://api.example/x"),
            ("http://api.example:80", "http://api.example/"),
            ("https://api.example:8443/x", "https://api.example:8443/x"),
            ("https://api.example", "https://api.example/"),
            ("https://api.example?a=b", "https://api.example/"),
            ("https://api.example/x?a=/../b#c", "https://api.example/x"),
            ("https://api.example/%7Eme/%2fa", "https://api.example/~me/%2Fa"),
            ("https://api.example/%41%c3%a9", "https://api.example/A%C3%A9"),
            ("https://api.example/a/./b/../c", "https://api.example/a/c"),
            ("https://api.example/a/%2e%2E/c", "https://api.example/c"),
            ("https://api.example/a/..", "https://api.example/"),
            ("https://api.example/a/b/..", "https://api.example/a/"),
            ("https://api.example/../../a/.", "https://api.example/a/"),
            ("https://api.example/a//b", "https://api.example/a//b"),
            ("https://api.example/a/", "https://api.example/a/"),
            ("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"),
            ("https://ex%41mple%C3%A9/x", "https://example%C3%A9/x"),
        ];
        for (url, expected) in rows {
            assert_eq!(normal(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_request_is_none() {
        let rows = [
            "",
            "/x",
            "api.example/x",
            "ftp://api.example/x",
            "https:/api.example",
            "https:///x",
            "https://me@api.example/x",
            "https://api.example:x/",
            "https://api.example:65536/",
            "https://api.example/%",
            "https://api.example/%4",
            "https://api.example/%zz",
            "https://api.example/a b",
            "https://api.example/\u{e9}",
            "https://api.example/a\\b",
            "https://[::1/x",
            "https://[zz]/x",
            "https://[]/x",
            "https://api.example/x?a b",
            " https://api.example/x",
            "https://api.example/x\n",
        ];
        for url in rows {
            assert_eq!(normal(url), None, "{url:?}");
        }
    }

    #[test]
    fn a_proof_names_the_url_without_its_query() {
        let target = Target::parse("https://api.example/a?b=c#d").unwrap();
        for htu in ["https://api.example/a", "HTTPS://API.EXAMPLE:443/%61"] {
            assert!(target.is_named_by(htu), "{htu}");
        }
        let others = [
            "https://api.example/a?b=c",
            "https://api.example/a#d",
            "http://api.example/a",
            "https://api.example/A",
            "https://api.example/a/",
            "https://api.example/%2Fa",
            "https://other.example/a",
            "https://api.example:444/a",
            "",
        ];
        for htu in others {
            assert!(!target.is_named_by(htu), "{htu}");
        }
    }
}
