//! The answers to a reader's main questions, in sentences: which backend suits which algorithm, by
//! how much and how surely, what another algorithm costs, and what a verdict cache saves. Knows no
//! form.

use jwtbench_result::comparison::ratios_by_round;
use jwtbench_result::statistics::median;
use jwtbench_result::{Measurement, RunResult};

use crate::quantity::{nanoseconds, ratio};
use crate::subject::chapter::{Chapter, chapters};
use crate::subject::ranking::{Ranking, RankingRow, Role, rankings};

/// One answer: a sentence and its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerSentence {
    /// The subject: an algorithm, a change of algorithm or a way to save time.
    pub about: String,
    /// The sentence, with contenders and scenarios between backticks.
    pub says: String,
}

/// The answers of a result. They come from its first hot-path scenario that was measured with its
/// bound, and there are none without such a scenario.
pub fn answers(result: &RunResult) -> Vec<AnswerSentence> {
    let chapters = chapters(result);
    let hot_paths = chapters.iter().filter(|chapter| !chapter.dynamic).map(rankings);
    let says_something = |rankings: &Vec<Ranking<'_>>| {
        rankings.iter().any(Ranking::has_bound) && rankings.iter().any(|one| fastest(one).is_some())
    };
    let Some(rankings) = hot_paths.into_iter().find(says_something) else {
        return Vec::new();
    };
    let mut answers: Vec<AnswerSentence> = rankings.iter().filter_map(fastest).collect();
    answers.extend(rankings.iter().filter_map(library));
    answers.extend(changes(&rankings));
    answers.extend(remembered(&rankings, &chapters));
    answers
}

/// The cores of a ranking that have figures, fastest first.
fn cores<'r, 'a>(ranking: &'r Ranking<'a>) -> impl Iterator<Item = &'r RankingRow<'a>> {
    ranking.rows.iter().filter(|row| {
        row.role == Role::Ranked
            && row.speed.is_ok()
            && row.measurement.contender.starts_with("core:")
    })
}

fn median_ns(row: &RankingRow<'_>) -> f64 {
    row.speed.as_ref().map_or(f64::NAN, |speed| speed.p50_ns)
}

/// The fastest backend, and how far ahead it is.
fn fastest(ranking: &Ranking<'_>) -> Option<AnswerSentence> {
    let mut cores = cores(ranking);
    let first = cores.next()?;
    let mut says = format!("{}, {} at the median", name(first), nanoseconds(median_ns(first)));
    if let Some(bound) = first.to_bound {
        says.push_str(&format!(", {} the bare signature check", ratio(bound)));
    }
    if let Some(next) = cores.next() {
        says.push_str(&format!("; next {}, {}", name(next), times(next, first, "that")));
    }
    Some(AnswerSentence { about: ranking.algorithm.to_owned(), says })
}

/// A contender's name between backticks. A stored result may hold any text, so unusual characters
/// are replaced.
fn name(row: &RankingRow<'_>) -> String {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || ":-_.".contains(c);
    let usual = row.measurement.contender.chars().map(|c| if is_usual(c) { c } else { '?' });
    format!("`{}`", usual.collect::<String>())
}

/// The cost of one contender over the other, and the lowest and highest ratio over the rounds.
/// Rounds of one number are paired, because they share the state of the host.
fn times(one: &RankingRow<'_>, other: &RankingRow<'_>, of: &str) -> String {
    let paired = ratios_by_round(one.measurement, other.measurement);
    if paired.len() < 2 {
        return format!("{} of {of}", ratio(median_ns(one) / median_ns(other)));
    }
    let low = paired.iter().copied().fold(f64::INFINITY, f64::min);
    let high = paired.iter().copied().fold(0.0, f64::max);
    let tie = if low <= 1.0 && high >= 1.0 { ": a tie" } else { "" };
    let (middle, rounds) = (ratio(median(&paired)), paired.len());
    format!("{middle} of {of} ({} to {} over {rounds} rounds{tie})", ratio(low), ratio(high))
}

/// The time of a whole library over that of the core on the same backend, and over that of the
/// fastest core.
fn library(ranking: &Ranking<'_>) -> Option<AnswerSentence> {
    let row = |name: &str| {
        let found = ranking.rows.iter().find(|row| row.measurement.contender == name);
        found.filter(|row| row.speed.is_ok())
    };
    let (theirs, ours) = (row("jsonwebtoken:aws-lc-rs")?, row("core:aws-lc-rs")?);
    let mut says = format!("{} takes {}", name(theirs), times(theirs, ours, &name(ours)));
    let first = cores(ranking).next()?;
    if first.measurement.contender != ours.measurement.contender {
        says.push_str(&format!(", and {}", times(theirs, first, &name(first))));
    }
    Some(AnswerSentence { about: format!("{}, a whole library", ranking.algorithm), says })
}

/// The cost of changing from the first algorithm to another, each on its fastest core.
fn changes(rankings: &[Ranking<'_>]) -> Vec<AnswerSentence> {
    let Some((first, others)) = rankings.split_first() else {
        return Vec::new();
    };
    let Some(from) = cores(first).next() else {
        return Vec::new();
    };
    let change = |ranking: &Ranking<'_>| {
        let to = cores(ranking).next()?;
        let (before, after) = (median_ns(from), median_ns(to));
        let bytes = to.measurement.token_bytes_mean - from.measurement.token_bytes_mean;
        let more = |amount: f64| if amount < 0.0 { "less" } else { "more" };
        Some(AnswerSentence {
            about: format!("{} to {}", first.algorithm, ranking.algorithm),
            says: format!(
                "{:.0} bytes {} a token, {} {} a verification ({})",
                bytes.abs(),
                more(bytes),
                nanoseconds((after - before).abs()),
                more(after - before),
                ratio(after / before)
            ),
        })
    };
    others.iter().filter_map(change).collect()
}

/// What a verdict cache saves. It is `None` unless the scenario that consists of hits only was
/// measured.
fn remembered(rankings: &[Ranking<'_>], chapters: &[Chapter<'_>]) -> Option<AnswerSentence> {
    let repeat = chapters.iter().find(|chapter| chapter.name == "verdict-cache/repeat")?;
    let (ranking, hit) = rankings.iter().find_map(|ranking| {
        let name = &cores(ranking).next()?.measurement.contender;
        let is_it = |m: &&&Measurement| {
            m.algorithm == ranking.algorithm && m.contender == *name && m.error.is_none()
        };
        Some((ranking, crate::subject::speed::speed(repeat.measurements.iter().find(is_it)?)?))
    })?;
    let first = cores(ranking).next()?;
    Some(AnswerSentence {
        about: format!("{}, a verdict cache", ranking.algorithm),
        says: format!(
            "a hit takes {}, 1/{:.0} of {}; what it costs once a key is withdrawn, the scenarios \
             of `verdict-cache` tell",
            nanoseconds(hit.p50_ns),
            median_ns(first) / hit.p50_ns,
            name(first)
        ),
    })
}
