//! Ed25519 where implementations are known to differ: points of small order and encodings that are
//! not canonical. The family of C2SP's CCTV (`ed25519vectors`), made here from its definition, and
//! the cases of ed25519-speccheck (ePrint 2020/1244).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use jwtbench_verifier::jwk::SkipKind;
use serde::Deserialize;
use sha2::{Digest as _, Sha512};

use crate::vectors::{ACCEPTED, Case, Group, REFUSED, Tally, check, load};

/// A point as A or R: its discrete logarithm but for a component of small order, and one of its
/// encodings.
#[derive(Clone, Copy)]
struct Encoded {
    /// Zero for a point of small order.
    scalar: Scalar,
    torsion: EdwardsPoint,
    bytes: [u8; 32],
}

impl Encoded {
    fn of(scalar: Scalar, torsion: EdwardsPoint) -> Encoded {
        let bytes = (EdwardsPoint::mul_base(&scalar) + torsion).compress().to_bytes();
        Encoded { scalar, torsion, bytes }
    }

    fn canonical(self) -> [u8; 32] {
        Encoded::of(self.scalar, self.torsion).bytes
    }

    fn is_canonical(self) -> bool {
        self.bytes == self.canonical()
    }
}

/// Every encoding of a y that is not reduced, and of an x of zero with its sign set: what RFC 8032
/// §5.1.3 does not allow.
fn encodings_not_canonical() -> Vec<[u8; 32]> {
    let y = |low: u8, rest: u8, top: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (low, top);
        bytes
    };
    let unreduced = (0xed..=0xff).flat_map(|low| [0x7f, 0xff].map(|top| y(low, 0xff, top)));
    unreduced.chain([y(1, 0, 0x80), y(0xec, 0xff, 0xff)]).collect()
}

/// The eight points of small order in all their encodings.
fn small_order() -> Vec<Encoded> {
    let mut all: Vec<Encoded> =
        EIGHT_TORSION.iter().map(|torsion| Encoded::of(Scalar::ZERO, *torsion)).collect();
    for bytes in encodings_not_canonical() {
        let torsion = CompressedEdwardsY(bytes).decompress();
        if let Some(torsion) = torsion.filter(EdwardsPoint::is_small_order) {
            all.push(Encoded { scalar: Scalar::ZERO, torsion, bytes });
        }
    }
    all
}

/// The point of this logarithm plus each point of small order, the identity too.
fn mixed_order(scalar: u64) -> Vec<Encoded> {
    let scalar = Scalar::from(scalar).invert();
    EIGHT_TORSION.iter().map(|torsion| Encoded::of(scalar, *torsion)).collect()
}

/// RFC 8032 §5.1.6: the hash of R, A and the message.
fn challenge(r: [u8; 32], a: [u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// A message and its signature by A with R, if there is one: the components of small order shall
/// cancel each other out or shall not. `reencoded` hashes the canonical encodings.
fn sign(a: Encoded, r: Encoded, residue: bool, reencoded: bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let (in_r, in_a) = if reencoded { (r.canonical(), a.canonical()) } else { (r.bytes, a.bytes) };
    (0..256).find_map(|number| {
        let message = format!("ed25519vectors {number}").into_bytes();
        let k = challenge(in_r, in_a, &message);
        let left = r.torsion + a.torsion * k;
        let s = r.scalar + k * a.scalar;
        let signature = [r.bytes, s.to_bytes()].concat();
        ((left != EdwardsPoint::identity()) == residue).then_some((message, signature))
    })
}

fn jwk(x: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(x);
    format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"{x}"}}"#)
}

#[test]
fn keys_of_small_order_or_not_canonical_are_not_loaded() {
    let small = small_order();
    assert_eq!(small.len(), 8 + 6, "as published");
    for point in small {
        let kind = if point.is_canonical() { SkipKind::WeakKey } else { SkipKind::InvalidKey };
        assert_eq!(load(&jwk(&point.bytes)).err(), Some(kind), "{:02x?}", point.bytes);
    }
    let not_canonical = encodings_not_canonical();
    assert_eq!(not_canonical.len(), 19 * 2 + 2);
    for bytes in not_canonical {
        assert_eq!(load(&jwk(&bytes)).err(), Some(SkipKind::InvalidKey), "{bytes:02x?}");
    }
}

/// Of the keys that are loaded, the eight with a component of small order (or none) beside that of
/// prime order: the equation without cofactor decides, over the bytes of R.
#[test]
fn signatures_follow_one_equation() {
    let mut groups = Vec::new();
    let mut id = 0;
    for a in mixed_order(3) {
        let mut cases = Vec::new();
        for r in small_order().into_iter().chain(mixed_order(5)) {
            let forms: &[bool] = if r.is_canonical() { &[false] } else { &[false, true] };
            for (reencoded, residue) in
                forms.iter().flat_map(|form| [(*form, false), (*form, true)])
            {
                id += 1;
                let Some((message, signature)) = sign(a, r, residue, reencoded) else {
                    continue;
                };
                let due = if residue || !r.is_canonical() { REFUSED } else { ACCEPTED };
                cases.push(Case { id, message, signature, due });
            }
        }
        groups.push(Group { jwk: jwk(&a.bytes), cases });
    }
    check("CCTV ed25519", &groups, Tally { accepted: 86, refused: 302, weak: 0 });
}

/// The ten cases of ed25519-speccheck whose R or A is a point.
#[test]
fn ed25519_speccheck() {
    #[derive(Deserialize)]
    struct Vector {
        message: String,
        pub_key: String,
        signature: String,
        expected: String,
        why: String,
    }
    let text = include_str!("ed25519_speccheck.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).expect("the cases");
    assert_eq!(vectors.len(), 10, "as many as there are");
    for vector in &vectors {
        let due = if vector.expected == "accepted" { ACCEPTED } else { REFUSED };
        let (message, signature) = (hex(&vector.message), hex(&vector.signature));
        let groups = [Group {
            jwk: jwk(&hex(&vector.pub_key)),
            cases: vec![Case { id: 1, message, signature, due }],
        }];
        let one = |what| usize::from(vector.expected == what);
        let (accepted, refused, weak) = (one("accepted"), one("refused"), one("weak-key"));
        check(&vector.why, &groups, Tally { accepted, refused, weak });
    }
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}
