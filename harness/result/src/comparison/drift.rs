//! The differences between the verdicts of two runs, class by class. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{ClassVerdicts, Count, Measurement};

/// The verdicts on one class, where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Token class.
    pub class: String,
    /// Whether timing does not decide these verdicts. If so, the same tokens were judged
    /// differently.
    pub steady: bool,
    /// The base's verdicts: tokens by code, or codes alone if timing decides them.
    pub base: String,
    /// The candidate's verdicts, in the same form.
    pub candidate: String,
}

/// The drift from one measurement of a plan to another.
pub(super) fn drift(base: &Measurement, candidate: &Measurement) -> Vec<Drift> {
    let mut drifts = Vec::new();
    // A library gives no codes, so it is compared with a contender of ours by accept or refuse
    // only.
    let ours = ["core:", "batch:", "raw:", "null:"];
    let is_ours = |name: &str| ours.iter().any(|kind| name.starts_with(kind));
    let is_foreign = |side: &Measurement| !is_ours(&side.contender);
    let is_coarse = is_foreign(base) != is_foreign(candidate);
    if let (Some(one), Some(other)) = (&base.verdict_stream, &candidate.verdict_stream)
        && one.missing + other.missing == 0
        && one.hash != other.hash
    {
        let classes = |rows: &[ClassVerdicts]| -> BTreeMap<String, ClassVerdicts> {
            let row = |row: &ClassVerdicts| if is_coarse { coarse(row) } else { row.clone() };
            rows.iter().map(|known| (known.class.clone(), row(known))).collect()
        };
        let (one, other) = (classes(&one.classes), classes(&other.classes));
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for class in names {
            let (one, other) = (one.get(class), other.get(class));
            if one != other {
                let [base, candidate] = [one, other].map(tokens);
                drifts.push(Drift { class: class.clone(), steady: true, base, candidate });
            }
        }
    }
    let known: BTreeSet<String> = drifts.iter().map(|drift| drift.class.clone()).collect();
    let (one, other) = (codes(base, is_coarse), codes(candidate, is_coarse));
    let names: BTreeSet<&str> = one.keys().chain(other.keys()).copied().collect();
    for class in names.into_iter().filter(|class| !known.contains(*class)) {
        let (one, other) = (one.get(class), other.get(class));
        if one != other {
            let [base, candidate] = [one, other].map(|codes| match codes {
                Some(codes) => codes.iter().copied().collect::<Vec<&str>>().join(", "),
                None => "no verdict".into(),
            });
            drifts.push(Drift { class: class.into(), steady: false, base, candidate });
        }
    }
    drifts
}

/// The verdicts on a class, reduced to accept or refuse.
fn coarse(row: &ClassVerdicts) -> ClassVerdicts {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for code in &row.codes {
        *counts.entry(acceptance(&code.name)).or_default() += code.count;
    }
    let codes = counts.into_iter().map(|(name, count)| Count { name: name.into(), count });
    ClassVerdicts { class: row.class.clone(), hash: String::new(), codes: codes.collect() }
}

fn acceptance(code: &str) -> &str {
    if ["ACCEPT", ""].contains(&code) { code } else { "REFUSE" }
}

fn tokens(row: Option<&ClassVerdicts>) -> String {
    let Some(row) = row else {
        return "no verdict".into();
    };
    let codes = row.codes.iter().map(|code| format!("{} {}", code.count, code.name));
    codes.collect::<Vec<String>>().join(", ")
}

/// The codes given, by class.
fn codes(measurement: &Measurement, is_coarse: bool) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cell in &measurement.conformance {
        codes.entry(&cell.class).or_default().insert(match is_coarse {
            true => acceptance(&cell.got),
            false => &cell.got,
        });
    }
    codes
}
