//! Inputs with RSA keys of unusual size and form (RFC 7518 §3.3 and §6.3). Each comes with a token
//! that the key really signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rayon::prelude::*;
use serde_json::{Value, json};

use jwtbench_result::FindingTag::{BreaksMust, OurPolicy, OutOfScope, Permitted};
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Ruling, ruling};
use super::mint::InputMint;

/// The usual public exponent.
const E: u64 = 65537;

/// The keys: modulus size in bits and public exponent.
const KEYS: [(usize, u64); 11] = [
    (8192, E),
    (512, E),
    (1024, E),
    (2041, E),
    (2047, E),
    (2049, E),
    (2056, E),
    (2080, E),
    (2048, 3),
    (2048, 17),
    (2048, WIDE),
];

/// The least prime above 2³², used as a public exponent.
const WIDE: u64 = 4_294_967_311;

const TOO_SHORT: Ruling = ruling(
    BreaksMust,
    "RFC 7518 §3.3",
    "A key of 2048 bits or more MUST be used with RS256; the library leaves the size to its \
     provider.",
);
const TOO_SHORT_RAW: Ruling = ruling(
    OutOfScope,
    "RFC 7518 §3.3",
    "The bound is that of JOSE; a signature library serves other protocols too and leaves the \
     exact bit to its caller.",
);
const SIZE_REFUSED: Ruling = ruling(
    Permitted,
    "RFC 7518 §3.3",
    "There is a least size, and no list of sizes that a verifier has to serve.",
);
const UNUSUAL_SIZE: Ruling = ruling(
    OurPolicy,
    "RFC 7518 §3.3",
    "There is a least size, and no list of sizes that a verifier has to serve; our contract takes \
     whole 64-bit words only, as not every backend verifies under other sizes.",
);
const SMALL_EXPONENT: Ruling = ruling(
    OurPolicy,
    "RFC 7518 §6.3.1.2",
    "No RFC for JOSE bounds `e`; our contract asks for 65537 or more, as FIPS 186-5 does.",
);
const WIDE_EXPONENT: Ruling = ruling(
    OurPolicy,
    "RFC 7518 §6.3.1.2",
    "No RFC for JOSE bounds `e`; our contract stops at 32 bits, so that all backends agree.",
);
const NOT_MINIMAL: Ruling = ruling(
    Permitted,
    "RFC 7518 §2 and §6.3.1",
    "The issuer MUST use the fewest octets, so to refuse such a key is as right as to strip it, \
     which is what our core does before a backend sees it.",
);

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    // The keys are made on all cores, the slowest first.
    KEYS.par_iter().for_each(|(bits, e)| _ = mint.signers().rsa(*bits, *e));
    let exhibit = |bits, e| {
        let key = mint.signers().rsa(bits, e);
        mint.exhibit(key.public_jwk(), &mint.draft(&key))
    };
    let short = |input, bits| {
        let case = DivergenceCase::refused(input, exhibit(bits, E));
        case.library(TOO_SHORT).raw(TOO_SHORT_RAW)
    };
    let unusual = |input, bits| {
        let case = DivergenceCase::refused(input, exhibit(bits, E));
        case.library(UNUSUAL_SIZE).raw(UNUSUAL_SIZE)
    };
    let odd_exponent = |input, e, ruling| {
        let case = DivergenceCase::refused(input, exhibit(2048, e));
        case.library(ruling).raw(ruling)
    };
    let padded = |member, input| {
        let key = mint.key(Algorithm::RS256);
        let jwk = with_leading_zero(key.public_jwk(), member);
        let mut exhibit = mint.exhibit(&jwk, &mint.draft(&key));
        if member == "e" {
            // Backends take the exponent as a number, which has no leading zeros.
            exhibit.raw = None;
        }
        DivergenceCase::accepted(input, exhibit).library(NOT_MINIMAL).raw(NOT_MINIMAL)
    };
    vec![
        DivergenceCase::accepted(
            "nothing odd: 2048 bits, exponent 65537",
            mint.good(Algorithm::RS256),
        ),
        short("modulus of 512 bits", 512),
        short("modulus of 1024 bits", 1024),
        short("modulus of 2041 bits: 256 bytes, 7 bits short", 2041),
        short("modulus of 2047 bits: 256 bytes, 1 bit short", 2047),
        unusual("modulus of 2049 bits: no whole number of bytes", 2049),
        unusual("modulus of 2056 bits: whole bytes, no whole 64-bit words", 2056),
        unusual("modulus of 2080 bits: whole 32-bit words, no whole 64-bit words", 2080),
        DivergenceCase::accepted("modulus of 8192 bits", exhibit(8192, E)).library(SIZE_REFUSED),
        odd_exponent("2048 bits, exponent 3", 3, SMALL_EXPONENT),
        odd_exponent("2048 bits, exponent 17", 17, SMALL_EXPONENT),
        odd_exponent("2048 bits, exponent just over 2³²", WIDE, WIDE_EXPONENT),
        padded("n", "2048 bits, a leading zero byte in `n`"),
        padded("e", "2048 bits, a leading zero byte in `e`"),
    ]
}

fn with_leading_zero(jwk: &Value, member: &str) -> Value {
    let mut jwk = jwk.clone();
    let text = jwk[member].as_str().unwrap_or_default();
    let integer = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    jwk[member] = json!(URL_SAFE_NO_PAD.encode([&[0], &integer[..]].concat()));
    jwk
}
