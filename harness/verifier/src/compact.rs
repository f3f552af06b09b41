//! The parts of a compact JWS (RFC 7515 §7.1), found without decoding them.

use memchr::memchr_iter;

use crate::rejection::Rejection;

/// The three parts of one token, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compact<'a> {
    /// The encoded header.
    pub header: &'a [u8],
    /// The encoded payload.
    pub payload: &'a [u8],
    /// The encoded signature.
    pub signature: &'a [u8],
    /// The signing input: `header.payload` as transmitted (RFC 7515 §5.2).
    pub signing_input: &'a [u8],
}

impl<'a> Compact<'a> {
    /// Splits a token. The length is checked first, and the search stops after five dots.
    ///
    /// # Errors
    /// `JWT_MISSING`, `JWT_OVERSIZED`, `JWT_ENCRYPTED` (five parts) or `JWT_MALFORMED`.
    pub fn split(token: &'a [u8], max_bytes: usize) -> Result<Compact<'a>, Rejection> {
        if token.is_empty() {
            return Err(Rejection::Missing);
        }
        if token.len() > max_bytes {
            return Err(Rejection::Oversized);
        }
        let mut dots = memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else {
            return Err(Rejection::Malformed);
        };
        if dots.next().is_some() {
            let five = dots.next().is_some() && dots.next().is_none();
            return Err(if five { Rejection::Encrypted } else { Rejection::Malformed });
        }
        Ok(Compact {
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
            signing_input: &token[..second],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, expected: Result<[&str; 3], Rejection>, reason: &str) {
        let got = Compact::split(token.as_bytes(), 40);
        let parts = got.map(|c| [c.header, c.payload, c.signature].map(<[u8]>::to_vec));
        let expected = expected.map(|parts| parts.map(|part| part.as_bytes().to_vec()));
        assert_eq!(parts, expected, "{reason}");
    }

    #[test]
    fn splits_only_three_parts() {
        check("a.b.c", Ok(["a", "b", "c"]), "three parts");
        check("a..", Ok(["a", "", ""]), "empty parts are still parts");
        check("", Err(Rejection::Missing), "no token");
        check("abc", Err(Rejection::Malformed), "no dot");
        check("a.b", Err(Rejection::Malformed), "two parts");
        check("a.b.c.d", Err(Rejection::Malformed), "four parts");
        check("a.b.c.d.e", Err(Rejection::Encrypted), "a JWE");
        check("a.b.c.d.e.f", Err(Rejection::Malformed), "six parts");
        check(&".".repeat(40), Err(Rejection::Malformed), "many dots");
        check(&".".repeat(41), Err(Rejection::Oversized), "length before form");
        check(&"x".repeat(41), Err(Rejection::Oversized), "length before form");
    }
}
