//! A ranking as a standalone SVG for a README: a bar for each contender and algorithm, with the
//! bare signature check marked on it. The picture is readable in light and dark themes.

use maud::{Markup, PreEscaped, html as markup};

use jwtbench_result::RunResult;

use crate::form::junit::printable;
use crate::quantity;
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::chapters;
use crate::subject::ranking::{Ranking, RankingRow, Role, rankings};

const WIDTH: f64 = 760.0;
const NAMES: f64 = 190.0;
const FIGURES: f64 = 150.0;
const ROW: f64 = 20.0;
const GAP: f64 = 34.0;
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1d2430}.head{font-weight:600}\
    .core{fill:#1f63c9}.other{fill:#98a2b0}.bound{stroke:#c2571a;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#dfe4ec}.core{fill:#72aaff}.other{fill:#6d7683}\
    .bound{stroke:#f0985a}}";

/// Draws the rankings of the first scenario that was measured with its bound. The text is empty if
/// there is none.
pub fn picture(result: &RunResult) -> String {
    let chapters = chapters(result);
    let ranked = chapters.iter().filter(|chapter| !chapter.dynamic);
    let found = ranked.map(|chapter| (chapter.title, rankings(chapter))).find(|(_, rankings)| {
        let has_bars = rankings.iter().flat_map(bars).next().is_some();
        has_bars && rankings.iter().any(Ranking::has_bound)
    });
    let Some((title, rankings)) = found else {
        return String::new();
    };
    let mut top = 44.0;
    let mut groups = Vec::new();
    for ranking in &rankings {
        groups.push(group(ranking, top));
        top += bars(ranking).count() as f64 * ROW + GAP;
    }
    let height = top - 8.0;
    let shown = rankings.iter().flat_map(bars).map(|row| row.measurement);
    let picture = markup! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}"))
            role="img" aria-label=(title) {
            style { (PreEscaped(STYLE)) }
            text.head x="0" y="14" { (title) ": median time, in each algorithm to its own scale" }
            @for group in &groups { (group) }
            path.bound d=(format!("M0 {}v12", height - 14.0)) {}
            text x="8" y=(height - 4.0) {
                "bare signature check of the same backend"
                @if let Some(legend) = legend(shown) { "; " (legend) }
            }
        }
    };
    printable(&picture.into_string()) + "\n"
}

fn bars<'r, 'a>(ranking: &'r Ranking<'a>) -> impl Iterator<Item = &'r RankingRow<'a>> {
    ranking.rows.iter().filter(|row| row.role == Role::Ranked && row.speed.is_ok())
}

fn group(ranking: &Ranking<'_>, top: f64) -> Markup {
    let median = |row: &RankingRow<'_>| row.speed.as_ref().map_or(0.0, |speed| speed.p50_ns);
    let slowest = bars(ranking).map(median).fold(1.0, f64::max);
    let width = |ns: f64| (WIDTH - NAMES - FIGURES) * ns / slowest;
    markup! {
        text.head x="0" y=(top - 6.0) { (ranking.algorithm) }
        @for (index, row) in bars(ranking).enumerate() {
            @let y = top + index as f64 * ROW;
            @let is_core = row.measurement.contender.starts_with("core:");
            @let class = if is_core { "core" } else { "other" };
            text x="0" y=(y + 13.0) { (row.measurement.contender) }
            rect class=(class) x=(NAMES) y=(y + 3.0) height="13" rx="2"
                width=(format!("{:.1}", width(median(row)))) {}
            @if let Some(ratio) = row.to_bound {
                @let x = NAMES + width(median(row) / ratio);
                path.bound d=(format!("M{x:.1} {}v17", y + 1.0)) {}
            }
            text x=(format!("{:.1}", NAMES + width(median(row)).max(0.0) + 8.0)) y=(y + 13.0) {
                (marked(quantity::nanoseconds(median(row)), row.measurement))
                @if let Some(ratio) = row.to_bound { " · " (quantity::ratio(ratio)) }
            }
        }
    }
}
