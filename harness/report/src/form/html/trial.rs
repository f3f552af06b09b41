//! One trial of a dynamic scenario on the page: its timeline, expectations, causes, endpoint and
//! phases.

use maud::{Markup, html as markup};

use jwtbench_result::host::window::WindowVerdict;
use jwtbench_result::{Count, EndpointCounts, HistogramSummary, Measurement, PhaseResult};

use crate::quantity;
use crate::subject::fault::fault;
use crate::subject::state;

use super::timeline::timeline;

/// Renders the trial. If `is_light` is set, its timeline has figures per bin.
pub fn trial(measurement: &Measurement, is_light: bool) -> Markup {
    markup! {
        @if let Some(fault) = fault(measurement) {
            p.fault { strong { "No valid figures: " } (fault) }
        }
        @if measurement.virtual_time {
            p.note { "Ran in virtual time: counts hold, times are no measurements." }
        }
        @if let Some(sentences) = state::sentences(measurement) {
            p { (sentences) }
        }
        @if let Some(record) = &measurement.timeline {
            (timeline(record, &disturbed(measurement), is_light))
        }
        div.cards {
            (expectations(measurement))
            (causes("Lockouts by code given", &measurement.lockout_causes))
            (causes("Exposed accepts by cause", &measurement.exposure_causes))
            (causes("Key cache", &measurement.key_cache))
            @if let Some(age) = measurement.set_age_max_ns { (set_age(age)) }
            @if let Some(hits) = measurement.verdict_cache_hits {
                (verdict_cache(hits, measurement.arrivals.done))
            }
            (arrivals(measurement))
        }
        (endpoint(measurement))
        (phases(measurement))
    }
}

/// The spans that the host disturbed in any round that was not dropped, on the scenario clock in
/// nanoseconds.
fn disturbed(measurement: &Measurement) -> Vec<(i64, i64)> {
    let rounds = measurement.rounds.iter().filter(|round| round.dropped.is_none());
    let windows = rounds.flat_map(|round| &round.windows).filter(|w| w.disturbed.is_some());
    windows.map(|window| (window.start_ns, window.end_ns)).collect()
}

/// A badge that says whether the trial is valid, and how many of its expectations are met.
pub fn badge(measurement: &Measurement) -> Markup {
    let all = measurement.expectations.len();
    let met = measurement.expectations.iter().filter(|e| e.met).count();
    markup! {
        @if fault(measurement).is_some() {
            span.pill.bad { "error" }
        } @else if all == 0 {
            span.faint { "–" }
        } @else {
            span class=(if met == all { "pill good" } else { "pill bad" }) {
                (met) " of " (all) " met"
            }
        }
    }
}

fn expectations(measurement: &Measurement) -> Markup {
    markup! {
        @if !measurement.expectations.is_empty() {
            div.card.wide {
                h4 { "Expectations" }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th scope="col" { "metric" }
                                th scope="col" { "bound" }
                                th.num scope="col" { "was" }
                                th scope="col" { "" }
                            }
                        }
                        tbody {
                            @for expected in &measurement.expectations {
                                tr {
                                    td { code { (expected.key) } }
                                    td.nobreak { code { (expected.bound) } }
                                    td.num {
                                        (quantity::expected(&expected.key, expected.value))
                                    }
                                    td {
                                        @if expected.met {
                                            span.pill.good { "met" }
                                        } @else {
                                            span.pill.bad { "missed" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn causes(title: &str, counts: &[Count]) -> Markup {
    markup! {
        @if counts.iter().any(|c| c.count > 0) {
            div.card {
                h4 { (title) }
                dl.counts {
                    @for cause in counts.iter().filter(|c| c.count > 0) {
                        dt { (cause.name) }
                        dd.num { (quantity::count(cause.count)) }
                    }
                }
            }
        }
    }
}

fn set_age(age_ns: u64) -> Markup {
    markup! {
        div.card {
            h4 { "Key set" }
            dl.counts {
                dt { "highest age" }
                dd.num { (quantity::nanoseconds(age_ns as f64)) }
            }
        }
    }
}

fn verdict_cache(hits: u64, done: u64) -> Markup {
    markup! {
        div.card {
            h4 { "Verdict cache" }
            dl.counts {
                dt { "hits" }
                dd.num { (quantity::count(hits)) }
                dt { "of all verdicts" }
                dd.num { (quantity::share(hits as f64 / done.max(1) as f64)) }
            }
        }
    }
}

fn arrivals(measurement: &Measurement) -> Markup {
    let arrivals = &measurement.arrivals;
    let counts = [
        ("planned", arrivals.planned),
        ("done", arrivals.done),
        ("shed", arrivals.shed),
        ("unfinished", arrivals.unfinished),
        ("workers", measurement.workers.into()),
    ];
    markup! {
        div.card {
            h4 { "Arrivals" }
            dl.counts {
                @for (name, count) in counts {
                    dt { (name) }
                    dd.num { (quantity::count(count)) }
                }
            }
        }
    }
}

fn endpoint(measurement: &Measurement) -> Markup {
    let phases = measurement.phases.iter();
    let mut rows: Vec<(&str, &EndpointCounts)> =
        phases.filter_map(|p| Some((p.name.as_str(), p.endpoint.as_ref()?))).collect();
    rows.extend(measurement.endpoint.as_ref().map(|total| ("whole trial", total)));
    markup! {
        @if !rows.is_empty() {
            details {
                summary { "JWKS endpoint by phase" }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th scope="col" { "phase" }
                                @for name in
                                    ["attempts", "served", "failures", "most in flight", "sent"] {
                                    th.num scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for (name, counts) in rows {
                                tr {
                                    th scope="row" { (name) }
                                    td.num { (quantity::count(counts.attempts)) }
                                    td.num { (quantity::count(counts.served)) }
                                    td.num { (quantity::count(counts.failures)) }
                                    td.num { (quantity::count(counts.max_in_flight)) }
                                    td.num { (quantity::bytes(counts.bytes as f64)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn phases(measurement: &Measurement) -> Markup {
    markup! {
        @if !measurement.phases.is_empty() {
            details {
                summary { "Latency by phase, stream, class and code" }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th scope="col" { "stream" }
                                th scope="col" { "class" }
                                th scope="col" { "code" }
                                @for name in
                                    [
                                        "count", "response p50", "p99", "max", "service p50",
                                        "p99", "lateness p50", "p99",
                                    ] {
                                    th.num scope="col" { (name) }
                                }
                            }
                        }
                        @for phase in &measurement.phases { (phase_rows(phase)) }
                    }
                }
            }
        }
    }
}

fn phase_rows(phase: &PhaseResult) -> Markup {
    let span = |ns: i64| quantity::nanoseconds(ns as f64);
    let time = |ns: u64| quantity::nanoseconds(ns as f64);
    let figures = |of: &HistogramSummary| [time(of.p50_ns), time(of.p99_ns)];
    markup! {
        tbody {
            tr.group {
                th colspan="11" scope="rowgroup" {
                    (phase.name) " "
                    span.faint {
                        (span(phase.start_ns)) " to " (span(phase.end_ns)) ": "
                        (quantity::counted(phase.lockouts, "lockout")) ", "
                        (quantity::counted(phase.exposed_accepts, "exposed accept")) ", "
                        (quantity::count(phase.late)) " late"
                    }
                    @if let Some(verdict) = phase.verdict {
                        @if verdict == WindowVerdict::Ok {
                            span.faint { ", " (verdict.name()) }
                        } @else {
                            ", " strong { (verdict.name()) }
                        }
                    }
                    @if let Some(reason) = &phase.disturbed {
                        ", " strong { "disturbed by the host: " (reason) }
                    }
                }
            }
            @for row in &phase.outcomes {
                tr {
                    td { (row.stream) }
                    td { (row.class) }
                    td { code { (row.code) } }
                    td.num { (quantity::count(row.count)) }
                    @if let Some(latency) = &row.latency {
                        @for figure in figures(&latency.response) { td.num { (figure) } }
                        td.num { (time(latency.response.max_ns)) }
                        @for figure in figures(&latency.service) { td.num { (figure) } }
                        @for figure in figures(&latency.lateness) { td.num.faint { (figure) } }
                    } @else {
                        td.faint colspan="7" { "no latency" }
                    }
                }
            }
        }
    }
}
