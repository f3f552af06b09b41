//! The severity of a foreign library's deviation from our contract, by token class, with the
//! reason. A finding says how a library differs, not that it is bad.

use jwtbench_result::FindingTag;
use jwtbench_scenario::token::class::{Class, Deviation, DeviationKind, Stage};

/// The tag and the reason for a library that accepted a token of this class, or refused a good one.
pub fn classify(class: Class, accepted: bool) -> (FindingTag, &'static str) {
    use FindingTag::{BreaksMust, OurPolicy, OutOfScope};
    if !accepted {
        return (OurPolicy, "Our contract accepts this token; the library is stricter.");
    }
    let row = class.row();
    if let Some(Deviation { kind, reason }) = row.deviation {
        return (tag(kind), reason);
    }
    match row.stage {
        Stage::Key | Stage::SignatureText | Stage::Signature => {
            (BreaksMust, "RFC 7515 §5.2: the signature is not valid under the issuer's key.")
        }
        Stage::Time => (OutOfScope, "A time check that the library does not offer."),
        Stage::Purpose | Stage::State | Stage::Request => {
            (OutOfScope, "A check that the library leaves to the application.")
        }
        Stage::Good | Stage::Open | Stage::Claims => {
            (OurPolicy, "Our contract refuses this token.")
        }
    }
}

fn tag(kind: DeviationKind) -> FindingTag {
    match kind {
        DeviationKind::BreaksMust => FindingTag::BreaksMust,
        DeviationKind::Permitted => FindingTag::Permitted,
        DeviationKind::OutOfScope => FindingTag::OutOfScope,
        DeviationKind::OurPolicy => FindingTag::OurPolicy,
    }
}
