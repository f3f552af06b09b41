//! `summary.md`: GitHub-flavoured Markdown for a CI step summary. The verdict comes first and what
//! is wrong next; details are collapsed. The compact table for the README is made here too.

mod capacity;
pub(crate) mod cell;
pub(crate) mod comparison;
pub(crate) mod divergence;
pub(crate) mod duel;
mod generator;
pub(crate) mod policy;
pub(crate) mod simulation;
pub(crate) mod simulation_change;

use cell::{code, plain, row};

use jwtbench_result::{Measurement, RunResult};

use crate::quantity;
use crate::subject::answer::{AnswerSentence, answers};
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::{Chapter, chapters};
use crate::subject::fault::fault;
use crate::subject::finding::{findings, tag_meaning, tag_name};
use crate::subject::ranking::{Ranking, RankingRow, Role, rankings};
use crate::subject::speed::response_p99;
use crate::subject::standing::{cache_policy, notes};
use crate::subject::state;
use crate::subject::summary::{Summary, warnings};
use crate::subject::unjudged::unjudged;

/// The result as a step summary.
pub fn markdown(result: &RunResult) -> String {
    let summary = Summary::of(result);
    let chapters = chapters(result);
    let mut out = String::new();
    for warning in warnings(result) {
        out.push_str(&format!("> [!WARNING]\n> **{warning}**\n\n"));
    }
    let mark = if summary.passed() { "✅" } else { "❌" };
    out.push_str(&format!("## {mark} jwtbench {}\n\n", summary.line()));
    write_trouble(result, &mut out);
    write_counts(&summary, &mut out);
    for line in unjudged(result) {
        out.push_str(&format!("{}\n\n", plain(&line)));
    }
    write_answers(result, &mut out);
    write_rankings(&chapters, &mut out);
    write_dynamic(result, &chapters, &mut out);
    capacity::write(result, &mut out);
    write_findings(result, &mut out);
    write_cache_policies(result, &mut out);
    generator::write(result, &mut out);
    write_origin(result, &mut out);
    out
}

/// The table for the README: for each algorithm, the contenders of the first hot-path scenario that
/// was measured with its bound. The table is empty when there is no such scenario.
pub fn ranking_table(result: &RunResult) -> String {
    let chapters = chapters(result);
    let ranked = chapters.iter().filter(|c| !c.dynamic).map(rankings);
    let has_rows = |ranking: &Ranking<'_>| ranking.rows.iter().any(|r| r.role == Role::Ranked);
    let is_shown = |rankings: &Vec<Ranking<'_>>| {
        rankings.iter().any(Ranking::has_bound) && rankings.iter().any(has_rows)
    };
    let Some(rankings) = ranked.into_iter().find(is_shown) else { return String::new() };
    let mut out = String::new();
    out.push_str("| algorithm | contender | p50 | throughput | to the bare signature check |\n");
    out.push_str("|---|---|--:|--:|--:|\n");
    for ranking in &rankings {
        for entry in ranking.rows.iter().filter(|r| r.role == Role::Ranked) {
            let contender = code(&entry.measurement.contender);
            let mut cells = vec![plain(ranking.algorithm), contender];
            match &entry.speed {
                Ok(speed) => cells.extend([
                    marked(quantity::nanoseconds(speed.p50_ns), entry.measurement),
                    quantity::rate(speed.throughput_per_s),
                    ratio(entry.to_bound),
                ]),
                Err(fault) => cells.extend([format!("**{}**", plain(fault)), dash(), dash()]),
            }
            out.push_str(&row(&cells));
        }
    }
    out
}

/// The answers alone, as a list for the README. The list is empty when there are none.
pub fn answer_list(result: &RunResult) -> String {
    let item =
        |answer: AnswerSentence| format!("- **{}**: {}.\n", plain(&answer.about), answer.says);
    answers(result).into_iter().map(item).collect()
}

fn write_answers(result: &RunResult, out: &mut String) {
    let list = answer_list(result);
    if !list.is_empty() {
        out.push_str(&format!("### Answers\n\n{list}\n"));
    }
}

fn write_trouble(result: &RunResult, out: &mut String) {
    let name = |m: &Measurement| {
        format!("{} {} {}", code(&m.scenario), code(&m.contender), plain(&m.algorithm))
    };
    let mut lines = Vec::new();
    for measurement in &result.measurements {
        if let Some(fault) = fault(measurement) {
            lines.push(format!("- {}: **{}**\n", name(measurement), plain(&fault)));
        }
    }
    for (measurement, missed) in result.missed() {
        let expected = code(&format!("{} {}", missed.key, missed.bound));
        let value = quantity::expected(&missed.key, missed.value);
        lines.push(format!("- {}: expected {expected}, was **{value}**\n", name(measurement)));
    }
    if !lines.is_empty() {
        out.push_str("### Wrong, missed or invalid\n\n");
        out.push_str(&lines.concat());
        out.push('\n');
    }
}

fn write_counts(summary: &Summary, out: &mut String) {
    out.push_str(
        "| judged | wrong | findings | exposed accepts | lockouts | late | expectations met | \
         missed |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let counts = [
        summary.judged,
        summary.wrong,
        summary.findings,
        summary.exposed_accepts,
        summary.lockouts,
        summary.late,
        summary.met,
        summary.missed,
    ];
    out.push_str(&row(&counts.map(quantity::count)));
    out.push('\n');
}

fn write_rankings(chapters: &[Chapter], out: &mut String) {
    let mut is_first = true;
    for chapter in chapters.iter().filter(|c| !c.dynamic) {
        let rankings = rankings(chapter);
        if rankings.is_empty() {
            continue;
        }
        let title = format!("{}: {}", plain(chapter.name), plain(chapter.title));
        if is_first {
            out.push_str(&format!("### {title}\n\n"));
        } else {
            out.push_str(&format!("<details><summary>{title}</summary>\n\n"));
        }
        for ranking in &rankings {
            write_ranking(ranking, out);
        }
        if chapter.measurements.iter().any(|trial| trial.state.is_some()) {
            write_states(chapter, out);
            out.push('\n');
        }
        write_legend(&[chapter], out);
        if !is_first {
            out.push_str("</details>\n\n");
        }
        is_first = false;
    }
}

fn write_ranking(ranking: &Ranking, out: &mut String) {
    let algorithm = plain(ranking.algorithm);
    out.push_str(&format!("| {algorithm} | p50 | p99 | throughput | to fastest core | to raw |\n"));
    out.push_str("|---|--:|--:|--:|--:|--:|\n");
    for entry in &ranking.rows {
        let mut cells = vec![label(entry)];
        match &entry.speed {
            Ok(speed) => cells.extend([
                marked(quantity::nanoseconds(speed.p50_ns), entry.measurement),
                quantity::nanoseconds(speed.p99_ns),
                quantity::rate(speed.throughput_per_s),
                ratio(entry.to_fastest),
                ratio(entry.to_bound),
            ]),
            Err(fault) => {
                cells.push(format!("**{}**", plain(fault)));
                cells.extend(std::iter::repeat_with(dash).take(4));
            }
        }
        out.push_str(&row(&cells));
    }
    out.push('\n');
}

fn label(entry: &RankingRow) -> String {
    let contender = code(&entry.measurement.contender);
    match entry.role {
        Role::Ranked => contender,
        Role::Bound => format!("{contender} *bound*"),
        Role::Floor => format!("{contender} *floor*"),
    }
}

fn write_cache_policies(result: &RunResult, out: &mut String) {
    let notes = notes(result);
    if notes.is_empty() {
        return;
    }
    out.push_str("### Cache policies\n\n");
    for note in notes {
        out.push_str(&format!("- {}\n", plain(&note)));
    }
    out.push('\n');
}

fn write_dynamic(result: &RunResult, chapters: &[Chapter], out: &mut String) {
    let dynamic: Vec<&Chapter> = chapters.iter().filter(|c| c.dynamic).collect();
    if dynamic.is_empty() {
        return;
    }
    out.push_str("### Dynamic scenarios\n\n");
    out.push_str(
        "| scenario | contender | algorithm | done | p99 response | lockouts | exposed | fetches | \
         wrong | expectations |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for measurement in dynamic.iter().flat_map(|c| &c.measurements) {
        out.push_str(&row(&dynamic_cells(result, measurement)));
    }
    dynamic.iter().for_each(|chapter| write_states(chapter, out));
    out.push('\n');
    write_legend(&dynamic, out);
}

/// Writes what state strategies did in the trials of a chapter.
fn write_states(chapter: &Chapter, out: &mut String) {
    for (trial, sentences) in state::of_trials(chapter.measurements.iter().copied()) {
        let of = |trial: &Measurement| {
            format!(" {} {}", code(&trial.contender), plain(&trial.algorithm))
        };
        let name = trial.map(of).unwrap_or_default();
        out.push_str(&format!("\n{}{name}: {}\n", code(chapter.name), plain(&sentences)));
    }
}

/// Writes what the letters beside the figures of these chapters mean.
fn write_legend<'c>(chapters: &[&'c Chapter<'c>], out: &mut String) {
    if let Some(legend) = legend(chapters.iter().flat_map(|c| c.measurements.iter().copied())) {
        out.push_str(&format!("{}\n\n", plain(&legend)));
    }
}

fn dynamic_cells(result: &RunResult, measurement: &Measurement) -> Vec<String> {
    let contender = code(&measurement.contender);
    let mut cells = vec![
        code(&measurement.scenario),
        match cache_policy(result, measurement) {
            None => contender,
            Some(policy) => format!("{contender} {}", plain(&policy)),
        },
        plain(&measurement.algorithm),
    ];
    if let Some(fault) = fault(measurement) {
        cells.push(format!("**{}**", plain(&fault)));
        cells.extend(std::iter::repeat_with(dash).take(6));
        return cells;
    }
    let verdicts = &measurement.verdicts;
    let p99 = response_p99(measurement).filter(|_| !measurement.virtual_time);
    let attempts = measurement.endpoint.as_ref().map(|e| e.attempts);
    let met = measurement.expectations.iter().filter(|e| e.met).count();
    let all = measurement.expectations.len();
    cells.extend([
        quantity::count(measurement.arrivals.done),
        p99.map_or_else(dash, |ns| marked(quantity::nanoseconds(ns), measurement)),
        quantity::count(verdicts.lockouts),
        quantity::count(verdicts.exposed_accepts),
        attempts.map_or_else(dash, quantity::count),
        quantity::count(verdicts.wrong),
        if met == all { format!("{met}/{all}") } else { format!("**{met}/{all}**") },
    ]);
    cells
}

fn write_findings(result: &RunResult, out: &mut String) {
    for group in findings(result) {
        let (tag, n) = (tag_name(group.tag), group.rows.len());
        let what = quantity::counted(n as u64, "finding");
        out.push_str(&format!(
            "<details><summary>Foreign libraries, {tag}: {what}</summary>\n\n{}\n\n",
            tag_meaning(group.tag)
        ));
        out.push_str("| class | due | got | contenders | why it is tagged so |\n");
        out.push_str("|---|---|---|---|---|\n");
        for finding in group.rows {
            let who: Vec<String> = finding.contenders.iter().map(|c| code(c)).collect();
            out.push_str(&row(&[
                code(finding.class),
                code(finding.due),
                code(finding.got),
                who.join(", "),
                plain(finding.reason),
            ]));
        }
        out.push_str("\n</details>\n\n");
    }
}

fn write_origin(result: &RunResult, out: &mut String) {
    let machine = &result.machine;
    out.push_str("<details><summary>Machine, command, versions</summary>\n\n");
    let mut rows = vec![
        ("command", code(&result.command)),
        ("seed", result.seed.to_string()),
        ("started", plain(&result.started_at)),
        ("CPU", format!("{}, {} cores", plain(&machine.cpu), machine.cores)),
        ("kernel", format!("{} {}", plain(&machine.kernel), plain(&machine.arch))),
        ("build", format!("{}, {}", plain(&machine.profile), plain(&machine.rustc))),
    ];
    if let Some(revision) = &machine.revision {
        rows.push(("revision", code(revision)));
    }
    if let Some(steal) = machine.steal {
        rows.push(("steal", quantity::share(steal)));
    }
    let versions: Vec<String> =
        result.versions.iter().map(|(name, v)| format!("{} {}", plain(name), plain(v))).collect();
    rows.push(("versions", versions.join("; ")));
    out.push_str("| | |\n|---|---|\n");
    for (name, value) in rows {
        out.push_str(&row(&[name.to_owned(), value]));
    }
    out.push_str("\n</details>\n");
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(dash, quantity::ratio)
}

fn dash() -> String {
    "–".to_owned()
}
