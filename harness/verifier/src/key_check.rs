//! The checks of a public key before any backend sees it, so that all backends agree. They are the
//! key rules of the contract, and do not depend on JSON.

use ed25519_dalek::VerifyingKey;

use crate::jwk::{KeyMaterial, SkipKind};

/// The accepted sizes of an RSA modulus, in bits.
pub(crate) const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The step of the accepted lengths of an RSA modulus, in bits. graviola writes the padded message
/// in whole 64-bit words, so with any other modulus it refuses valid signatures.
pub(crate) const MODULUS_STEP: usize = 64;

/// The least accepted RSA exponent. The greatest is the largest odd number of 32 bits.
pub(crate) const MIN_EXPONENT: u32 = 65537;

/// The length of an ML-DSA-44 public key in bytes (FIPS 204 §4, table 2).
pub(crate) const ML_DSA_44_BYTES: usize = 1312;

/// Checks an RSA key given as big-endian integers (RFC 7518 §6.3.1). Leading zeros are allowed.
///
/// # Errors
/// Returns [`SkipKind::InvalidKey`] if the modulus is zero or even. Returns [`SkipKind::WeakKey`]
/// if the modulus is outside 2048 to 8192 bits, or the exponent is even or outside 65537 ≤ e < 2³².
/// Returns [`SkipKind::UnusualSize`] if the length of the modulus is not a multiple of 64 bits.
pub fn rsa(n: &[u8], e: &[u8]) -> Result<KeyMaterial, SkipKind> {
    let n = strip_leading_zeros(n);
    let (Some(first), Some(last)) = (n.first(), n.last()) else {
        return Err(SkipKind::InvalidKey);
    };
    if last % 2 == 0 {
        return Err(SkipKind::InvalidKey);
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    let e = exponent(e).ok_or(SkipKind::WeakKey)?;
    if !MODULUS_BITS.contains(&bits) || e < MIN_EXPONENT || e % 2 == 0 {
        return Err(SkipKind::WeakKey);
    }
    if !bits.is_multiple_of(MODULUS_STEP) {
        return Err(SkipKind::UnusualSize);
    }
    Ok(KeyMaterial::Rsa { n: n.to_vec(), e })
}

/// Checks an ML-DSA-44 public key (RFC 9964 §3). Every byte string of its length encodes a key
/// (FIPS 204, algorithm 23).
///
/// # Errors
/// [`SkipKind::InvalidKey`] if it has another length.
pub fn ml_dsa_44(encoded: &[u8]) -> Result<KeyMaterial, SkipKind> {
    match encoded.len() {
        ML_DSA_44_BYTES => Ok(KeyMaterial::MlDsa44(encoded.to_vec())),
        _ => Err(SkipKind::InvalidKey),
    }
}

/// Checks the coordinates of a P-256 point (RFC 7518 §6.2.1), 32 bytes each.
///
/// # Errors
/// [`SkipKind::InvalidKey`] if a coordinate has another length or the point is not on the curve.
pub fn p256(x: &[u8], y: &[u8]) -> Result<KeyMaterial, SkipKind> {
    let point = uncompressed::<65>(x, y)?;
    p256::PublicKey::from_sec1_bytes(&point).map_err(|_| SkipKind::InvalidKey)?;
    Ok(KeyMaterial::P256(point))
}

/// Checks the coordinates of a P-384 point (RFC 7518 §6.2.1), 48 bytes each.
///
/// # Errors
/// [`SkipKind::InvalidKey`] if a coordinate has another length or the point is not on the curve.
pub fn p384(x: &[u8], y: &[u8]) -> Result<KeyMaterial, SkipKind> {
    let point = uncompressed::<97>(x, y)?;
    p384::PublicKey::from_sec1_bytes(&point).map_err(|_| SkipKind::InvalidKey)?;
    Ok(KeyMaterial::P384(point))
}

/// Checks an encoded Ed25519 point (RFC 8032 §5.1.3), 32 bytes.
///
/// # Errors
/// Returns [`SkipKind::InvalidKey`] if it has another length, is not a point, or is not the
/// canonical encoding of its point. Returns [`SkipKind::WeakKey`] if the point is of small order.
pub fn ed25519(x: &[u8]) -> Result<KeyMaterial, SkipKind> {
    let encoded: [u8; 32] = x.try_into().map_err(|_| SkipKind::InvalidKey)?;
    let key = VerifyingKey::from_bytes(&encoded).map_err(|_| SkipKind::InvalidKey)?;
    // dalek also decodes these.
    if !is_canonical_point(&encoded) {
        return Err(SkipKind::InvalidKey);
    }
    if key.is_weak() {
        return Err(SkipKind::WeakKey);
    }
    Ok(KeyMaterial::Ed25519(encoded))
}

/// Whether the text of a point is the one that encoding it gives (RFC 8032 §5.1.3): y is below p =
/// 2²⁵⁵ - 19, and the sign of x is not set where x is 0, which is so for y = 1 and y = -1. Encoding
/// the point again would take as long as decoding it.
fn is_canonical_point(encoded: &[u8; 32]) -> bool {
    const ONE: [u8; 32] = edwards_y(1, 0, 0);
    const MINUS_ONE: [u8; 32] = edwards_y(0xec, 0xff, 0x7f);
    let mut y = *encoded;
    y[31] &= 0x7f;
    let is_signed = encoded[31] != y[31];
    let is_below_p = y[0] < 0xed || y[31] < 0x7f || y[1..31].iter().any(|byte| *byte < 0xff);
    is_below_p && !(is_signed && (y == ONE || y == MINUS_ONE))
}

/// The little-endian number with this lowest byte, this highest one, and these between them.
const fn edwards_y(lowest: u8, between: u8, highest: u8) -> [u8; 32] {
    let mut y = [between; 32];
    y[0] = lowest;
    y[31] = highest;
    y
}

/// A big-endian integer without leading zeros.
pub(crate) fn strip_leading_zeros(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    &integer[zeros..]
}

/// The value of an exponent, if it fits in 32 bits.
pub(crate) fn exponent(e: &[u8]) -> Option<u32> {
    let e = strip_leading_zeros(e);
    if e.len() > 4 {
        return None;
    }
    Some(e.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// The uncompressed SEC 1 point, `N` bytes, if both coordinates have full length.
fn uncompressed<const N: usize>(x: &[u8], y: &[u8]) -> Result<[u8; N], SkipKind> {
    if x.len() != N / 2 || y.len() != N / 2 {
        return Err(SkipKind::InvalidKey);
    }
    let mut point = [4; N];
    point[1..=N / 2].copy_from_slice(x);
    point[N / 2 + 1..].copy_from_slice(y);
    Ok(point)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    const G256_X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    const G256_Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    const G384_X: &str = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38\
                          5502f25dbf55296c3a545e3872760ab7";
    const G384_Y: &str = "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0\
                          0a60b1ce1d7e819d7a431d7c90ea0e5f";
    /// The y of the point of P-256 whose x is zero.
    const Y256_OF_0: &str = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
    const P256: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    /// The y of the point of P-384 whose x is zero.
    const Y384_OF_0: &str = "c306610fb0ae5a159cf45c06069f22a6c5eb3641c602d42dea2c4b4f75550793\
                             406d80d2b91ad54f9048bd487af1ade1";
    const P384: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
                        ffffffff0000000000000000ffffffff";
    const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    const WEAK: Result<KeyMaterial, SkipKind> = Err(SkipKind::WeakKey);
    const UNUSUAL: Result<KeyMaterial, SkipKind> = Err(SkipKind::UnusualSize);
    const INVALID: Result<KeyMaterial, SkipKind> = Err(SkipKind::InvalidKey);
    const E: [u8; 3] = [1, 0, 1];

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
        (0..text.len()).step_by(2).map(byte).collect()
    }

    fn check(
        input: Result<KeyMaterial, SkipKind>,
        expected: Result<KeyMaterial, SkipKind>,
        why: &str,
    ) {
        assert_eq!(input, expected, "{why}");
    }

    /// An odd modulus of this many bits.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut n = vec![0xa5; bits.div_ceil(8)];
        n[0] = 0xff >> (n.len() * 8 - bits);
        n
    }

    #[test]
    fn rsa_moduli() {
        let accepted = |bits| {
            let n = modulus(bits);
            Ok(KeyMaterial::Rsa { n, e: 65537 })
        };
        let padded = |bits, zeros| [vec![0; zeros], modulus(bits)].concat();
        let mut even = modulus(2048);
        even[255] = 0xa4;
        let rows = [
            (modulus(2048), accepted(2048), "the least size"),
            (modulus(2112), accepted(2112), "the next size"),
            (modulus(8192), accepted(8192), "the greatest size"),
            (padded(2048, 1), accepted(2048), "one leading zero, as a DER integer has"),
            (padded(3072, 9), accepted(3072), "many leading zeros"),
            (modulus(2049), UNUSUAL, "one bit more than the least"),
            (modulus(2056), UNUSUAL, "whole bytes, no whole words"),
            (modulus(2111), UNUSUAL, "one bit short in as many words"),
            (modulus(3000), UNUSUAL, "a round number"),
            (modulus(8191), UNUSUAL, "one bit less than the greatest"),
            (padded(2056, 7), UNUSUAL, "leading zeros do not fill the word"),
            (modulus(2047), WEAK, "one bit short in as many bytes"),
            (padded(2047, 1), WEAK, "leading zeros do not lengthen it"),
            (modulus(2041), WEAK, "256 bytes, yet 7 bits short"),
            (modulus(1024), WEAK, "half the size"),
            (modulus(8193), WEAK, "one bit too long"),
            (modulus(16384), WEAK, "twice the size"),
            (vec![1], WEAK, "one"),
            (even, INVALID, "even, hence no product of odd primes"),
            (vec![], INVALID, "empty"),
            (vec![0; 256], INVALID, "zero at full length"),
        ];
        for (n, expected, why) in rows {
            check(rsa(&n, &E), expected, why);
        }
        check(rsa(&modulus(2056), &[3]), WEAK, "a weak exponent is said first");
    }

    #[test]
    fn rsa_exponents() {
        let accepted = |e| {
            let n = modulus(2048);
            Ok(KeyMaterial::Rsa { n, e })
        };
        let rows: [(&[u8], _, _); 14] = [
            (&[1, 0, 1], accepted(65537), "the usual exponent, the least accepted"),
            (&[0, 0, 0, 1, 0, 1], accepted(65537), "leading zeros"),
            (&[1, 0, 3], accepted(65539), "the next odd one"),
            (&[0xff; 4], accepted(u32::MAX), "the greatest"),
            (&[3], WEAK, "3: small exponents have forgeries"),
            (&[17], WEAK, "17"),
            (&[1], WEAK, "1: the signature is the message"),
            (&[0xff, 0xff], WEAK, "65535: one step below the bound"),
            (&[1, 0, 0], WEAK, "65536: even and below the bound"),
            (&[1, 0, 2], WEAK, "65538: even"),
            (&[1, 0, 0, 0, 1], WEAK, "33 bits"),
            (&[1, 0, 0, 0, 0, 0, 1, 0, 1], WEAK, "72 bits"),
            (&[], WEAK, "empty"),
            (&[0, 0, 0], WEAK, "zero"),
        ];
        for (e, expected, why) in rows {
            check(rsa(&modulus(2048), e), expected, why);
        }
    }

    #[test]
    fn p256_points() {
        let (x, y) = (hex(G256_X), hex(G256_Y));
        let (zero, p, y_of_0) = (hex(ZERO), hex(P256), hex(Y256_OF_0));
        let last_bit = |bytes: &[u8]| [&bytes[..31], &[bytes[31] ^ 1]].concat();
        let padded = |bytes: &[u8]| [&[0], bytes].concat();
        let accepted = |x: &[u8], y: &[u8]| {
            let point = [&[4], x, y].concat();
            Ok(KeyMaterial::P256(point.try_into().expect("full length")))
        };
        let rows = [
            (&x, &y, accepted(&x, &y), "the generator"),
            (&zero, &y_of_0, accepted(&zero, &y_of_0), "an x of zero is a coordinate"),
            (&y, &x, INVALID, "coordinates swapped"),
            (&x, &last_bit(&y), INVALID, "y off by one bit"),
            (&last_bit(&x), &y, INVALID, "x off by one bit"),
            (&x, &x, INVALID, "x twice"),
            (&zero, &zero, INVALID, "the point at infinity as zeros"),
            (&vec![], &vec![], INVALID, "the point at infinity as nothing"),
            (&p, &y_of_0, INVALID, "x not reduced"),
            (&x[1..].to_vec(), &y, INVALID, "x short of its first byte"),
            (&x, &y[..31].to_vec(), INVALID, "y short of its last byte"),
            (&zero[1..].to_vec(), &y_of_0, INVALID, "x stripped of a zero"),
            (&padded(&x), &y, INVALID, "x padded with a zero"),
            (&padded(&x), &y[1..].to_vec(), INVALID, "right only in sum"),
            (&x, &vec![], INVALID, "no y: not to be taken as compressed"),
            (&hex(G384_X), &hex(G384_Y), INVALID, "a point of P-384"),
        ];
        for (x, y, expected, why) in rows {
            check(p256(x, y), expected, why);
        }
    }

    #[test]
    fn p384_points() {
        let (x, y) = (hex(G384_X), hex(G384_Y));
        let (zero, y_of_0) = (vec![0; 48], hex(Y384_OF_0));
        let p = hex(P384);
        let last_bit = |bytes: &[u8]| [&bytes[..47], &[bytes[47] ^ 1]].concat();
        let accepted = |x: &[u8], y: &[u8]| {
            let point = [&[4], x, y].concat();
            Ok(KeyMaterial::P384(point.try_into().expect("full length")))
        };
        let rows = [
            (&x, &y, accepted(&x, &y), "the generator"),
            (&zero, &y_of_0, accepted(&zero, &y_of_0), "an x of zero is a coordinate"),
            (&y, &x, INVALID, "coordinates swapped"),
            (&x, &last_bit(&y), INVALID, "y off by one bit"),
            (&zero, &zero, INVALID, "the point at infinity as zeros"),
            (&vec![], &vec![], INVALID, "the point at infinity as nothing"),
            (&p, &y_of_0, INVALID, "x not reduced"),
            (&x, &y[1..].to_vec(), INVALID, "y short of its first byte"),
            (&x[..47].to_vec(), &y, INVALID, "x short of its last byte"),
            (&hex(G256_X), &hex(G256_Y), INVALID, "a point of P-256"),
        ];
        for (x, y, expected, why) in rows {
            check(p384(x, y), expected, why);
        }
    }

    #[test]
    fn ed25519_points() {
        use SkipKind::{InvalidKey, WeakKey};
        let rows = [
            (RFC_8032_1, None, "RFC 8032 §7.1, TEST 1"),
            (MIXED_ORDER, None, "of mixed order, not of small order"),
            (ORDER_1, Some(WeakKey), "order 1, the identity"),
            (ORDER_2, Some(WeakKey), "order 2"),
            (ORDER_4, Some(WeakKey), "order 4"),
            (&negated(ORDER_4), Some(WeakKey), "order 4, negated"),
            (ORDER_8_A, Some(WeakKey), "order 8"),
            (&negated(ORDER_8_A), Some(WeakKey), "order 8, negated"),
            (ORDER_8_B, Some(WeakKey), "order 8, another y"),
            (&negated(ORDER_8_B), Some(WeakKey), "order 8, all four"),
            (&negated(ORDER_1), Some(InvalidKey), "y = 1, x = 0 signed"),
            (&negated(ORDER_2), Some(InvalidKey), "y = -1, x = 0 signed"),
            (&p_plus(0), Some(InvalidKey), "y = p, of order 4"),
            (&negated(&p_plus(0)), Some(InvalidKey), "y = p, negated"),
            (&p_plus(1), Some(InvalidKey), "y = p + 1, the identity"),
            (&negated(&p_plus(1)), Some(InvalidKey), "y = p + 1, signed"),
            (&p_plus(3), Some(InvalidKey), "y = p + 3, of great order"),
            (&negated(&p_plus(3)), Some(InvalidKey), "y = p + 3, negated"),
            (&p_plus(18), Some(InvalidKey), "y = p + 18, the greatest"),
            (&small(2), Some(InvalidKey), "y = 2 is not on the curve"),
            (&RFC_8032_1[..62], Some(InvalidKey), "31 bytes"),
            (&format!("{RFC_8032_1}00"), Some(InvalidKey), "33 bytes"),
            ("", Some(InvalidKey), "empty"),
        ];
        for (x, refused, why) in rows {
            let x = hex(x);
            let accepted = || KeyMaterial::Ed25519(x.as_slice().try_into().expect("full length"));
            let expected = refused.map_or_else(|| Ok(accepted()), Err);
            check(ed25519(&x), expected, why);
        }
    }

    const RFC_8032_1: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    /// What is told of the text of a point is what encoding the point shows.
    #[test]
    fn a_canonical_point_is_encoded_as_it_was() {
        let edges = [1, 18, 0xec, 0xed, 0xee, 0xff].map(|low| edwards_y(low, 0xff, 0x7f));
        let small = [0, 1, 2, 3, 4].map(|low| edwards_y(low, 0, 0));
        let random = (0..2_000u32).map(|number| Sha256::digest(number.to_be_bytes()).into());
        let mut decoded = 0;
        for mut encoded in edges.into_iter().chain(small).chain(random) {
            for sign in [0, 0x80] {
                encoded[31] ^= sign;
                if let Ok(key) = VerifyingKey::from_bytes(&encoded) {
                    let again = key.to_edwards().compress().to_bytes();
                    assert_eq!(is_canonical_point(&encoded), again == encoded, "{encoded:x?}");
                    decoded += 1;
                }
            }
        }
        assert!(decoded > 1_000, "only {decoded} are points");
    }

    /// The key of cases 3 to 5 of ed25519-speccheck (ePrint 2020/1244).
    const MIXED_ORDER: &str = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";
    const ORDER_1: &str = "0100000000000000000000000000000000000000000000000000000000000000";
    const ORDER_2: &str = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    const ORDER_4: &str = ZERO;
    const ORDER_8_A: &str = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    const ORDER_8_B: &str = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";

    /// The same y with the sign bit of x set.
    fn negated(point: &str) -> String {
        let last = u8::from_str_radix(&point[62..], 16).expect("hex");
        format!("{}{:02x}", &point[..62], last | 0x80)
    }

    /// The encoding of y = p + `offset`, where p = 2²⁵⁵ - 19.
    fn p_plus(offset: u8) -> String {
        format!("{:02x}{}7f", 0xed + offset, "ff".repeat(30))
    }

    /// The encoding of a small y.
    fn small(y: u8) -> String {
        format!("{y:02x}{}", "00".repeat(31))
    }
}
