//! Strict base64url (RFC 7515 §2). It uses the vector instructions of the CPU if there are any.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;

use crate::rejection::Rejection;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Decoder = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Decoder = base64::engine::GeneralPurpose;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static DECODER: LazyLock<Decoder> =
    LazyLock::new(|| Decoder::new(&base64::alphabet::URL_SAFE, NO_PAD));

/// Decodes into the beginning of `room`. Padding, stray trailing bits and other characters are
/// refused.
///
/// # Errors
/// `JWT_MALFORMED` if the text is not strict base64url, or decodes to more than `room` holds.
pub(crate) fn decode<'a>(encoded: &[u8], room: &'a mut [u8]) -> Result<&'a [u8], Rejection> {
    let length = DECODER.decode_slice(encoded, room).map_err(|_| Rejection::Malformed)?;
    Ok(&room[..length])
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// The lengths cover whole vectors and every length of the rest.
    const LENGTHS: std::ops::Range<usize> = 0..200;

    #[test]
    fn agrees_with_the_scalar_engine() {
        let mut room = [0; 256];
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for length in LENGTHS {
            let good: Vec<u8> = (0..length).map(|at| alphabet[at * 7 % 64]).collect();
            let mut texts = vec![good.clone()];
            for at in [0, length / 2, length.saturating_sub(1)] {
                for odd in [b'=', b'+', b'/', b' ', b'\n', b'.', 0, 0x80, 0xff] {
                    let mut text = good.clone();
                    if let Some(byte) = text.get_mut(at) {
                        *byte = odd;
                    }
                    texts.push(text);
                }
            }
            for text in texts {
                let due = URL_SAFE_NO_PAD.decode(&text).map_err(|_| Rejection::Malformed);
                let got = decode(&text, &mut room).map(<[u8]>::to_vec);
                assert_eq!(got, due, "{length} bytes: {:?}", String::from_utf8_lossy(&text));
            }
        }
    }
}
