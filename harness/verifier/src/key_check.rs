//! What a public key must be before any backend sees it, so that all backends agree: the key rules
//! of the contract. Knows nothing of JSON.

use ed25519_dalek::VerifyingKey;

use crate::jwk::{KeyMaterial, SkipKind};

/// The accepted sizes of an RSA modulus, in bits.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The least accepted RSA exponent; the greatest is what 32 bits hold.
const MIN_EXPONENT: u32 = 65537;

/// Checks an RSA key given as big-endian integers (RFC 7518 §6.3.1), leading zeros allowed.
///
/// # Errors
/// [`SkipKind::InvalidKey`] if the modulus is zero or even, [`SkipKind::WeakKey`] if the modulus
/// is outside 2048 to 8192 bits or the exponent is even or outside 65537 ≤ e < 2³².
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
    Ok(KeyMaterial::Rsa { n: n.to_vec(), e })
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
/// [`SkipKind::InvalidKey`] if it has another length, is no point, or is not the one encoding of
/// its point; [`SkipKind::WeakKey`] if the point is of small order.
pub fn ed25519(x: &[u8]) -> Result<KeyMaterial, SkipKind> {
    let encoded: [u8; 32] = x.try_into().map_err(|_| SkipKind::InvalidKey)?;
    let key = VerifyingKey::from_bytes(&encoded).map_err(|_| SkipKind::InvalidKey)?;
    // dalek decodes y ≥ p and x = 0 with the sign bit set; to encode again tells them apart.
    if key.to_edwards().compress().to_bytes() != encoded {
        return Err(SkipKind::InvalidKey);
    }
    if key.is_weak() {
        return Err(SkipKind::WeakKey);
    }
    Ok(KeyMaterial::Ed25519(encoded))
}

fn strip_leading_zeros(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    &integer[zeros..]
}

/// The value, if 32 bits hold it.
fn exponent(e: &[u8]) -> Option<u32> {
    let e = strip_leading_zeros(e);
    if e.len() > 4 {
        return None;
    }
    Some(
        e.iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)),
    )
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
