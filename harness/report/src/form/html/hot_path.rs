//! A hot-path chapter on the page: its prose beside the medians of all algorithms, then for each
//! algorithm the ranking with bars and the latency curves.

use maud::{Markup, html as markup};

use crate::quantity;
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::Chapter;
use crate::subject::ranking::{Ranking, RankingRow, Role, rankings};
use crate::subject::speed::Speed;
use crate::subject::state;

use super::ink::Ink;
use super::{chapter_anchor, curve, prose};

/// Renders the chapter. If `is_open` is set, all its rankings are unfolded.
pub fn chapter(chapter: &Chapter, is_open: bool, ink: &Ink) -> Markup {
    let rankings = rankings(chapter);
    markup! {
        article id=(chapter_anchor(chapter)) {
            h3 { (chapter.title) " " code { (chapter.name) } }
            div.beside {
                (prose::analysis(chapter.analysis))
                (medians(&rankings, ink))
            }
            @if rankings.is_empty() {
                p.note { "Ran in virtual time: judged, not timed." }
            }
            @for (trial, sentences) in state::of_trials(chapter.measurements.iter().copied()) {
                p.note {
                    @if let Some(trial) = trial {
                        (trial.contender) " " (trial.algorithm) ": "
                    }
                    (sentences)
                }
            }
            @if let Some(legend) = legend(chapter.measurements.iter().copied()) {
                p.note { (legend) }
            }
            @for ranking in &rankings {
                details.ranking open[is_open] {
                    summary { (headline(ranking)) }
                    div.split {
                        (table(ranking, ink))
                        (curve::plot(ranking, ink))
                    }
                }
            }
            @if !chapter.text.is_empty() {
                details.source {
                    summary { "Scenario file" }
                    pre { code { (chapter.text) } }
                }
            }
        }
    }
}

fn headline(ranking: &Ranking) -> Markup {
    let faults = ranking.rows.iter().filter(|r| r.speed.is_err()).count();
    markup! {
        strong { (ranking.algorithm) }
        @if let Some((row, Ok(speed))) = ranking.fastest().map(|r| (r, &r.speed)) {
            " fastest " code { (row.measurement.contender) } " "
            span.num { (quantity::nanoseconds(speed.p50_ns)) }
            @if let Some(ratio) = row.to_bound {
                ", " span.num { (quantity::ratio(ratio)) } " its bare signature check"
            }
        }
        @if faults > 0 {
            " " span.pill.bad { (quantity::counted(faults as u64, "error")) }
        }
    }
}

/// A table of contenders by algorithms with the medians of the ranked contenders.
fn medians(rankings: &[Ranking], ink: &Ink) -> Markup {
    let mut contenders: Vec<&str> = Vec::new();
    for row in rankings.iter().flat_map(|r| &r.rows).filter(|r| r.role == Role::Ranked) {
        if !contenders.contains(&row.measurement.contender.as_str()) {
            contenders.push(&row.measurement.contender);
        }
    }
    let find = |ranking: &'_ Ranking, contender: &str| -> Option<Markup> {
        ranking.rows.iter().find(|r| r.measurement.contender == contender).map(median)
    };
    markup! {
        div.scroll {
            table.medians {
                caption { "Median service time, and its ratio to the fastest core" }
                thead {
                    tr {
                        th scope="col" { "contender" }
                        @for ranking in rankings { th.num scope="col" { (ranking.algorithm) } }
                    }
                }
                tbody {
                    @for contender in contenders {
                        tr {
                            th scope="row" { (ink.sample(contender)) (contender) }
                            @for ranking in rankings {
                                td.num { (find(ranking, contender).unwrap_or(markup! { "–" })) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn median(row: &RankingRow) -> Markup {
    let is_best = row.to_fastest.is_some_and(|r| r <= 1.0);
    markup! {
        @match &row.speed {
            Err(fault) => span.pill.bad title=(fault) { "error" },
            Ok(speed) => {
                span class=[is_best.then_some("best")] {
                    (marked(quantity::nanoseconds(speed.p50_ns), row.measurement))
                }
                @if let Some(ratio) = row.to_fastest {
                    span.ratio { (quantity::ratio(ratio)) }
                }
            },
        }
    }
}

fn table(ranking: &Ranking, ink: &Ink) -> Markup {
    let speeds = ranking.rows.iter().filter_map(|r| r.speed.as_ref().ok());
    let longest = speeds.map(|s| s.p99_ns).fold(1.0, f64::max);
    let groups = [
        (Role::Ranked, None),
        (Role::Bound, Some("Bound: the bare signature check")),
        (Role::Floor, Some("Floors: the core without a signature check; the harness alone")),
    ];
    markup! {
        div.scroll {
            table.bars {
                thead {
                    tr {
                        th scope="col" { "contender" }
                        th.bar scope="col" title="bar: median; pale: 99th percentile" { "service" }
                        th.num scope="col" { "p50" }
                        th.num scope="col" { "p99" }
                        th.num scope="col" title="spread of the rounds' medians" { "±" }
                        th.num scope="col" { "throughput" }
                        th.num scope="col" title="p50 against the fastest core" { "to fastest" }
                        th.num scope="col" title="p50 against raw: on the same backend" { "to raw" }
                    }
                }
                @for (role, title) in groups {
                    @let rows: Vec<&RankingRow> =
                        ranking.rows.iter().filter(|r| r.role == role).collect();
                    @if !rows.is_empty() {
                        tbody class=[title.map(|_| "apart")] {
                            @if let Some(title) = title {
                                tr.group { th colspan="8" scope="rowgroup" { (title) } }
                            }
                            @for row in rows { (line(row, longest, ink)) }
                        }
                    }
                }
            }
        }
    }
}

fn line(row: &RankingRow, longest: f64, ink: &Ink) -> Markup {
    let contender = &row.measurement.contender;
    let ratio = |r: Option<f64>| r.map_or_else(|| "–".to_owned(), quantity::ratio);
    markup! {
        tr {
            th scope="row" { (ink.sample(contender)) (contender) }
            @match &row.speed {
                Err(fault) => td.fault colspan="7" { (fault) },
                Ok(speed) => {
                    td.bar { (bar(speed, longest, contender, ink)) }
                    td.num.main {
                        (marked(quantity::nanoseconds(speed.p50_ns), row.measurement))
                    }
                    td.num { (quantity::nanoseconds(speed.p99_ns)) }
                    td.num.faint { (speed.spread.map_or_else(|| "–".to_owned(), quantity::share)) }
                    td.num { (quantity::rate(speed.throughput_per_s)) }
                    td.num { (ratio(row.to_fastest)) }
                    td.num { (ratio(row.to_bound)) }
                },
            }
        }
    }
}

fn bar(speed: &Speed, longest: f64, contender: &str, ink: &Ink) -> Markup {
    let percent = |ns: f64| format!("width:{:.1}%", (ns / longest * 100.0).clamp(0.0, 100.0));
    markup! {
        span class=(format!("track {}", ink.contender(contender))) {
            span.tail style=(percent(speed.p99_ns)) {}
            span.head style=(percent(speed.p50_ns)) {}
        }
    }
}
