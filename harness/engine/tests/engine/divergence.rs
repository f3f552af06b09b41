//! The committed divergence report is what is observed today, and everything in it has a reason.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use jwtbench_engine::divergence::{UNEXPECTED, observe};
use jwtbench_report as report;
use jwtbench_result::FindingTag;
use jwtbench_result::record::divergence::{ColumnKind, Divergence, DivergenceRow, Observed};
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::graviola;
use jwtbench_verifier::jwk::Entry;

const SEED: u64 = 1;
const REFRESH: &str = "refresh with `cargo run --features jsonwebtoken-11 -- diverge --out \
                       reports/divergence.md`, and read the change: a verdict of a library is \
                       another one now";
/// The section about former releases, which only a build with them can make.
const UPGRADE: &str = "## What an upgrade changes";

static TODAY: LazyLock<Divergence> = LazyLock::new(|| observe(SEED));

#[test]
fn the_committed_report_is_what_is_observed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/divergence.md");
    let kept = fs::read_to_string(path).expect("reports/divergence.md");
    let today = report::divergence(&TODAY);
    let has_former = cfg!(feature = "jsonwebtoken-11");
    let compared = |page: &str| {
        let (common, upgrade) = page.split_once(UPGRADE).expect("the section");
        common.to_owned() + if has_former { upgrade } else { "" }
    };
    let (kept, today) = (compared(&kept), compared(&today));
    if graviola::is_supported() {
        assert!(kept == today, "{}\n{REFRESH}", first_difference(&kept, &today));
        return;
    }
    // Without graviola its cells are empty, and a remark may be about it: only the others count.
    assert_eq!(kept.lines().count(), today.lines().count(), "{REFRESH}");
    for (kept, today) in kept.lines().zip(today.lines()) {
        let (kept, today) = (cells(kept), cells(today));
        assert_eq!(kept.len(), today.len(), "{REFRESH}");
        let verdicts = kept.len().saturating_sub(2);
        for (kept, today) in kept.iter().zip(&today).take(verdicts) {
            let of_graviola = *today == "not supported" || kept.contains("graviola");
            assert!(of_graviola || kept == today, "{kept}\n{today}\n{REFRESH}");
        }
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

fn first_difference(kept: &str, today: &str) -> String {
    let mut lines = kept.lines().zip(today.lines());
    let differing = lines.find(|(kept, today)| kept != today);
    let (kept, today) = differing.unwrap_or(("fewer lines", "or more"));
    format!("kept:  {kept}\ntoday: {today}")
}

#[test]
fn every_answer_that_differs_has_a_reason() {
    for row in rows() {
        let remarks: Vec<&str> = row.remarks.iter().map(|remark| &*remark.reason).collect();
        assert!(!remarks.contains(&UNEXPECTED), "{}: {:?}", row.input, row.remarks);
        assert_eq!(row.is_agreed(), remarks.is_empty(), "{}", row.input);
        for remark in &row.remarks {
            assert!(remark.source.starts_with("RFC "), "{}: {}", row.input, remark.source);
            assert!(remark.reason.ends_with('.'), "{}: {}", row.input, remark.reason);
        }
    }
}

/// Our core is right on every input, but for keys that an adapter withholds from its backend; and
/// it never panics.
#[test]
fn the_core_is_right() {
    for row in rows() {
        for (column, observed) in TODAY.columns.iter().zip(&row.observed) {
            let withheld = column.name == "core:graviola" && *observed == Observed::KeyRefused;
            let right = observed.satisfies(row.due) || withheld;
            let is_core = column.kind == ColumnKind::Core;
            assert!(!is_core || right, "{}: {}: {observed:?}", column.name, row.input);
        }
    }
}

/// A MUST of JOSE binds those who read tokens, not a signature library.
#[test]
fn no_backend_alone_is_held_to_jose() {
    for remark in rows().flat_map(|row| &row.remarks) {
        let is_raw = remark.columns.iter().any(|name| name.starts_with("raw:"));
        let jose = ["RFC 75", "RFC 8725", "RFC 9068"];
        let is_jose = jose.iter().any(|rfc| remark.source.starts_with(rfc));
        let breaks = remark.tag == FindingTag::BreaksMust;
        assert!(!(is_raw && is_jose && breaks), "{remark:?}");
    }
}

#[test]
fn the_report_prints_no_token_key_or_signature() {
    let report = report::divergence(&TODAY);
    let is_encoded = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    for word in report.split(|c: char| !is_encoded(c)) {
        let long = word.len() > 40 && !word.starts_with("---");
        assert!(!long, "{word}");
    }
    assert!(!report.contains("eyJ"), "the beginning of a token");
}

/// What a row says of a key is so: its size, its exponent, and its thumbprint (RFC 7638).
#[test]
fn rsa_keys_are_what_they_are_called() {
    let signers = Signers::new(SEED);
    for (bits, e) in [(512, 3), (1024, 4_294_967_311), (2041, 65537), (8192, 65537)] {
        let key = signers.rsa(bits, e);
        let number = |member: &str| {
            let text = key.public_jwk()[member].as_str().expect("a text");
            URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let (n, exponent) = (number("n"), number("e"));
        assert_eq!(n.len() * 8 - n[0].leading_zeros() as usize, bits);
        let value = exponent.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        assert_eq!(value, e, "{bits}");
        let parsed = Entry::parse(&key.public_jwk().to_string(), &[Algorithm::RS256]);
        match parsed {
            Ok(Entry::Fits(_, jwk)) => assert_eq!(jwk.thumbprint, key.thumbprint()),
            _ => assert!(bits < 2048, "{bits}: {parsed:?}"),
        }
    }
}

/// Rows where nobody could have been asked prove nothing.
#[test]
fn every_input_reaches_somebody() {
    let speccheck = rows().filter(|row| row.input.starts_with("speccheck")).count();
    assert_eq!(speccheck, 12, "the vectors of ed25519-speccheck");
    for row in rows() {
        let asked = row.observed.iter().filter(|o| **o != Observed::NotSupported).count();
        assert!(asked >= 5, "{}: {asked} columns", row.input);
    }
}

fn rows() -> impl Iterator<Item = &'static DivergenceRow> {
    TODAY.groups.iter().flat_map(|group| &group.rows)
}
