//! The inputs on which backends, whole libraries and our core differ. The module mints the inputs,
//! gives each to every column, and returns the answers. It formats nothing.

mod case;
mod claims;
mod column;
mod ecdsa;
mod ed25519;
mod header;
mod jwk;
mod mint;
mod rsa;
mod text;

use case::{DivergenceCase, Ruling, ruling};
use column::{Witness, witnesses};
use mint::InputMint;

use jwtbench_result::FindingTag;
use jwtbench_result::record::divergence::{
    ColumnKind, Divergence, DivergenceColumn, DivergenceGroup, DivergenceRow, Observed, Remark,
};

/// The text for an answer that has no ruling yet. A test refuses a report that contains it.
pub const UNEXPECTED: &str = "Not seen before; nobody has judged it yet.";

const UNSTABLE: Ruling = ruling(
    FindingTag::OutOfScope,
    "RFC 8032 §5.1.7",
    "The RFC knows single verification only; the library documents that batches may disagree on \
     points of small or mixed order, so nothing here but this report uses them.",
);

type Inputs = fn(&InputMint) -> Vec<DivergenceCase>;

/// The groups: the heading, what the inputs have in common, and the function that makes them.
const GROUPS: [(&str, &str, Inputs); 7] = [
    (
        "RSA keys (RS256)",
        "Each token is really signed under its key. Our seam hands a backend the exponent as a \
         number of 32 bits, so two inputs do not reach them.",
        rsa::cases,
    ),
    (
        "ECDSA (ES256)",
        "Signatures in other forms, and JWKs whose coordinates are not of full length; backends \
         take coordinates of full length only.",
        ecdsa::cases,
    ),
    (
        "Ed25519 (EdDSA)",
        "Keys that no honest issuer makes, and the published vectors of ed25519-speccheck (ePrint \
         2020/1244), which sign no token.",
        ed25519::cases,
    ),
    (
        "JWKs",
        "Each token is really signed by the key; what is odd is the JWK. Backends see no JWK.",
        jwk::cases,
    ),
    ("Headers", "Each token is really signed as it stands.", header::cases),
    (
        "Claims",
        "Each token is really signed as it stands. jsonwebtoken reads the wall clock itself, which \
         a repeatable report cannot have: its time checks are off, and our adapter judges the \
         `exp` and `nbf` that it returns, typed as numbers, by the library's own rule.",
        claims::cases,
    ),
    (
        "Text of the token",
        "Headers and payloads are signed as they stand; the rest is done to a good token.",
        text::cases,
    ),
];

/// Gives every input to every column. The same seed and versions give the same answers.
pub fn observe(seed: u64) -> Divergence {
    let mint = InputMint::new(seed);
    let witnesses = witnesses();
    let group = |(title, about, inputs): &(&str, &str, Inputs)| DivergenceGroup {
        title: (*title).into(),
        about: (*about).into(),
        rows: inputs(&mint).iter().map(|case| row(case, &witnesses, &mint)).collect(),
    };
    Divergence {
        seed,
        groups: GROUPS.iter().map(group).collect(),
        columns: witnesses.into_iter().map(|witness| witness.column).collect(),
    }
}

fn row(case: &DivergenceCase, witnesses: &[Witness], mint: &InputMint) -> DivergenceRow {
    let ask = |witness: &Witness| witness.ask(&case.exhibit, mint);
    let observed: Vec<Observed> = witnesses.iter().map(ask).collect();
    let mut rulings: Vec<(Ruling, Vec<String>)> = Vec::new();
    for (witness, observed) in witnesses.iter().zip(&observed) {
        if observed.satisfies(case.due) {
            continue;
        }
        let ruling = match observed {
            Observed::Unstable => UNSTABLE,
            _ => case.ruling(&witness.column),
        };
        let name = witness.column.name.clone();
        match rulings.iter_mut().find(|(known, _)| *known == ruling) {
            Some((_, columns)) => columns.push(name),
            None => rulings.push((ruling, vec![name])),
        }
    }
    let remark = |(ruling, columns): (Ruling, Vec<String>)| Remark {
        columns,
        tag: ruling.tag,
        source: ruling.source.into(),
        reason: ruling.reason.into(),
    };
    let remarks = rulings.into_iter().map(remark).collect();
    DivergenceRow { input: case.input.into(), due: case.due, observed, remarks }
}

impl DivergenceCase {
    fn ruling(&self, column: &DivergenceColumn) -> Ruling {
        let known = match column.kind {
            ColumnKind::Core => None,
            ColumnKind::Raw => self.raw,
            ColumnKind::Library => self.library,
        };
        known.unwrap_or(ruling(FindingTag::OurPolicy, "none", UNEXPECTED))
    }
}
