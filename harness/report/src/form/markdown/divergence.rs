//! `divergence.md`: the answers of backends, whole libraries and our core to inputs on which they
//! differ. Every answer that our contract does not demand has an explanation.

use jwtbench_result::FindingTag;
use jwtbench_result::record::divergence::{
    ColumnKind, Divergence, DivergenceColumn, DivergenceGroup, DivergenceRow, Observed, Remark,
};

use crate::form::markdown::cell::{code, row};
use crate::subject::finding::{tag_meaning, tag_name};

const INTRODUCTION: &str = "\
A difference is not a defect. The RFCs leave much open, a signature library serves more than \
JOSE, and a general JWT library leaves to its caller what only the caller can know. These tables \
say what was observed, in which versions, and how it is to be read; they rank nobody. They are \
here because a service that changes its library changes its verdicts, and should know which.

- `contract` is what our verifier has to answer: access tokens of RFC 9068, read strictly, keys \
checked when a set is loaded.
- `core:*` is that verifier over four backends, given tokens under JWK sets; one algorithm is \
allowed, the leeway is 0. Where all four answer alike there is one word.
- `raw:*` is a backend alone. It is given inputs that **our core would never hand it**: the core \
checks every key when it loads a set and withholds what the contract refuses. No backend claims \
to hold the rules of JOSE.
- `jsonwebtoken:*` is a whole library, configured as strictly as our adapter knows how. What it \
leaves to its caller nobody does here, so that it can be seen; a careful application does it.

Tokens are minted from keys made for the report out of its seed. No token, key or signature is \
printed.
";

/// The heading of the last section. The sections before it do not depend on the features of the
/// build.
const UPGRADE: &str = "
## What an upgrade changes

The major of jsonwebtoken before the one above, called alike by the same adapter.

";

const NO_UPGRADE: &str = "Not asked: this build has no `jsonwebtoken-11:*`. Build with `--features \
                          jsonwebtoken-11`.\n";

const VERDICTS: [(Observed, &str); 6] = [
    (Observed::Accept, "the token, or the signature, was accepted"),
    (
        Observed::Refuse,
        "it was refused; ring and jsonwebtoken check a key at each verification, aws-lc-rs in \
         part, so a refused key may show as this",
    ),
    (Observed::KeyRefused, "the key was refused before any signature was looked at"),
    (Observed::Panics, "the call panicked instead of returning an error"),
    (Observed::Unstable, "accepted in some batches and refused in others"),
    (
        Observed::NotSupported,
        "not asked: the input has no form that this column takes, or the CPU lacks what the \
         library needs",
    ),
];

/// Renders the report.
pub fn divergence(divergence: &Divergence) -> String {
    let mut out = String::from("# Where verifiers differ\n\n");
    out.push_str("<!-- Made by `jwtbench diverge --out reports/divergence.md`, built with ");
    out.push_str(
        "`--features jsonwebtoken-11`; a test holds it to what is observed. Do not edit. ",
    );
    out.push_str("-->\n\n");
    out.push_str(INTRODUCTION);
    let is_current = |column: &&DivergenceColumn| column.successor.is_none();
    out.push_str("\n## Columns\n\n");
    write_columns(divergence.columns.iter().filter(is_current), &mut out);
    write_legend(&mut out);
    for group in &divergence.groups {
        write_group(divergence, group, &mut out);
    }
    write_upgrade(divergence, &mut out);
    out
}

fn write_columns<'d>(columns: impl Iterator<Item = &'d DivergenceColumn>, out: &mut String) {
    out.push_str("| column | versions | called by |\n|---|---|---|\n");
    for column in columns {
        let cells = [code(&column.name), column.version.clone(), column.configuration.clone()];
        out.push_str(&row(&cells));
    }
}

fn write_legend(out: &mut String) {
    out.push_str("\n## Verdicts and tags\n\n");
    out.push_str("| verdict | means |\n|---|---|\n");
    for (observed, meaning) in VERDICTS {
        out.push_str(&row(&[observed.name().into(), meaning.into()]));
    }
    out.push_str("\nAnswers that differ from our contract are **bold** and tagged:\n\n");
    out.push_str("| tag | means |\n|---|---|\n");
    for tag in [
        FindingTag::BreaksMust,
        FindingTag::Permitted,
        FindingTag::OutOfScope,
        FindingTag::OurPolicy,
    ] {
        out.push_str(&row(&[format!("*{}*", tag_name(tag)), tag_meaning(tag).into()]));
    }
}

fn write_group(divergence: &Divergence, group: &DivergenceGroup, out: &mut String) {
    out.push_str(&format!("\n## {}\n\n{}\n\n", group.title, group.about));
    let shown = shown(divergence, group);
    let mut heads = vec!["input".to_owned(), "contract".into(), "`core:*`".into()];
    heads.extend(shown.iter().map(|place| code(&divergence.columns[*place].name)));
    heads.push("how to read it".into());
    out.push_str(&row(&heads));
    out.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
    for line in &group.rows {
        let mut cells = vec![line.input.clone(), line.due.name().into()];
        cells.push(core_cell(&divergence.columns, line));
        cells.extend(shown.iter().map(|place| cell(line.observed[*place], line.due)));
        let is_current = |name: &str| {
            let named = divergence.columns.iter().find(|column| column.name == name);
            named.is_some_and(|column| column.successor.is_none())
        };
        cells.push(remarks_cell(&line.remarks, is_current));
        out.push_str(&row(&cells));
    }
}

/// Writes former releases beside their successors, for the inputs on which the two answer
/// differently.
fn write_upgrade(divergence: &Divergence, out: &mut String) {
    out.push_str(UPGRADE);
    let (columns, former) = (&divergence.columns, divergence.former());
    if former.is_empty() {
        out.push_str(NO_UPGRADE);
        return;
    }
    write_columns(former.iter().map(|(place, _)| &columns[*place]), out);
    out.push_str("\nTo all other inputs they answer alike.\n\n");
    let successors = former.iter().map(|(_, successor)| *successor);
    let shown: Vec<usize> = former.iter().map(|(place, _)| *place).chain(successors).collect();
    let mut heads = vec!["of".to_owned(), "input".into(), "contract".into()];
    heads.extend(shown.iter().map(|place| code(&columns[*place].name)));
    heads.push("how to read the former".into());
    out.push_str(&row(&heads));
    out.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
    for group in &divergence.groups {
        for line in &group.rows {
            if former.iter().all(|(place, new)| line.observed[*place] == line.observed[*new]) {
                continue;
            }
            let mut cells = vec![group.title.clone(), line.input.clone(), line.due.name().into()];
            cells.extend(shown.iter().map(|place| cell(line.observed[*place], line.due)));
            let is_former = |name: &str| former.iter().any(|(at, _)| columns[*at].name == name);
            cells.push(remarks_cell(&line.remarks, is_former));
            out.push_str(&row(&cells));
        }
    }
}

/// The indices of the columns that have an answer in the group, without the core's and those of
/// former releases. A column that is never asked does not run on this CPU; it is shown where
/// another column of its kind is asked.
fn shown(divergence: &Divergence, group: &DivergenceGroup) -> Vec<usize> {
    let asked_in = |group: &DivergenceGroup, place: usize| {
        group.rows.iter().any(|row| row.observed[place] != Observed::NotSupported)
    };
    let never = |place| !divergence.groups.iter().any(|group| asked_in(group, place));
    let columns = &divergence.columns;
    let kind_asked = |kind| {
        let mut places = (0..columns.len()).filter(|place| columns[*place].kind == kind);
        places.any(|place| asked_in(group, place))
    };
    (0..columns.len())
        .filter(|place| columns[*place].kind != ColumnKind::Core)
        .filter(|place| columns[*place].successor.is_none())
        .filter(|place| {
            asked_in(group, *place) || (never(*place) && kind_asked(columns[*place].kind))
        })
        .collect()
}

fn cell(observed: Observed, due: Observed) -> String {
    match observed.satisfies(due) {
        true => observed.name().into(),
        false => format!("**{}**", observed.name()),
    }
}

/// The core's answer: one where all backends agree, otherwise the first backend's and those that
/// differ from it.
fn core_cell(columns: &[DivergenceColumn], line: &DivergenceRow) -> String {
    let cores = columns.iter().zip(&line.observed);
    let mut cores = cores
        .filter(|(column, observed)| {
            column.kind == ColumnKind::Core && **observed != Observed::NotSupported
        })
        .map(|(column, observed)| (column.name.trim_start_matches("core:"), *observed));
    let Some((_, first)) = cores.next() else {
        return Observed::NotSupported.name().into();
    };
    let others = cores.filter(|(_, observed)| *observed != first);
    let others = others.map(|(name, observed)| format!("; {name}: {}", cell(observed, line.due)));
    cell(first, line.due) + &others.collect::<String>()
}

/// The remarks on the columns that are shown.
fn remarks_cell(remarks: &[Remark], is_shown: impl Fn(&str) -> bool) -> String {
    let remark = |remark: &Remark| {
        let names = remark.columns.iter().filter(|name| is_shown(name));
        let columns: Vec<String> = names.map(|name| code(name)).collect();
        let (tag, source) = (tag_name(remark.tag), &remark.source);
        let text = format!("{}: *{tag}*, {source}. {}", columns.join(", "), remark.reason);
        (!columns.is_empty()).then_some(text)
    };
    let remarks: Vec<String> = remarks.iter().filter_map(remark).collect();
    remarks.join("<br>")
}
