//! What changed, in sentences for readers: which tokens are accepted or refused how often, and how
//! often before. Knows the figures alone.

use crate::comparison::pairing::Pair;
use crate::record::outcome::OutcomeKind;

use super::{OutcomeFigure, OutcomeSentence, OutcomeVerdict};

/// Whether a cause concerns a token and not a key.
fn is_of_token(cause: &str) -> bool {
    cause.starts_with("state-")
}

/// The sentences on all changes, worse before better. Figures that are not gated have a sentence if
/// they differ.
pub(super) fn all(pair: &Pair<'_>, figures: &[OutcomeFigure]) -> Vec<OutcomeSentence> {
    let a_round = if pair.0.rounds.len() > 1 { " a round" } else { "" };
    let teller = Teller { pair, figures, a_round };
    let mut sentences = teller.exposures();
    sentences.extend(teller.lockouts());
    sentences.extend(teller.told(OutcomeKind::Late, "good tokens are accepted late"));
    sentences.extend(teller.told(OutcomeKind::Fetches, "the issuer is asked for its keys"));
    sentences.sort_by_key(|sentence| sentence.verdict);
    sentences
}

struct Teller<'f> {
    pair: &'f Pair<'f>,
    figures: &'f [OutcomeFigure],
    a_round: &'static str,
}

impl Teller<'_> {
    fn of(&self, kind: OutcomeKind) -> impl Iterator<Item = &OutcomeFigure> {
        self.figures.iter().filter(move |figure| figure.key.kind == kind)
    }

    fn exposures(&self) -> Vec<OutcomeSentence> {
        let classes: Vec<&OutcomeFigure> =
            self.of(OutcomeKind::ExposedByClass).filter(|figure| is_told(figure)).collect();
        let mut causes = self.parts(OutcomeKind::ExposedByCause);
        if self.of(OutcomeKind::ExposedByClass).count() > 1 {
            causes = format!("all classes: {causes}");
        }
        let mut sentences: Vec<OutcomeSentence> = match classes.is_empty() {
            true => {
                let whole = self.of(OutcomeKind::ExposedAccepts).filter(|figure| is_told(figure));
                let subject = self.subject(None);
                whole.map(|figure| self.sentence(figure, &subject, &causes)).collect()
            }
            false => {
                let sentence = |figure: &&OutcomeFigure| {
                    let subject = self.subject(figure.key.of.as_deref());
                    self.sentence(figure, &subject, &causes)
                };
                classes.iter().map(sentence).collect()
            }
        };
        if sentences.iter().all(|sentence| sentence.verdict != OutcomeVerdict::Worse) {
            let worse = self.of(OutcomeKind::ExposedByCause);
            let worse = worse.filter(|figure| figure.verdict == OutcomeVerdict::Worse);
            sentences.extend(worse.map(|figure| {
                let cause = figure.key.of.as_deref().unwrap_or_default();
                let subject = format!("{}, cause {cause},", self.subject(None));
                self.sentence(figure, &subject, "")
            }));
        }
        sentences
    }

    /// The subject of a sentence on exposed accepts: what is accepted and should not be.
    fn subject(&self, class: Option<&str>) -> String {
        let causes = || self.of(OutcomeKind::ExposedByCause).filter_map(|f| f.key.of.as_deref());
        let only_class = || {
            let mut classes =
                self.of(OutcomeKind::ExposedByClass).filter_map(|f| f.key.of.as_deref());
            classes.next().filter(|_| classes.next().is_none())
        };
        let (one, other) = *self.pair;
        let exposed = || one.exposed_classes.iter().chain(&other.exposed_classes);
        let is_stolen = |name: &str| exposed().any(|class| class.is_stolen && class.name == name);
        let subject = if class.or_else(only_class).is_some_and(is_stolen) {
            "a stolen key is accepted"
        } else if !causes().any(is_of_token) {
            "a withdrawn key is accepted"
        } else if causes().all(is_of_token) {
            "a revoked token is accepted"
        } else {
            "a withdrawn key or a revoked token is accepted"
        };
        subject.to_owned()
    }

    fn lockouts(&self) -> Vec<OutcomeSentence> {
        let codes = self.parts(OutcomeKind::LockoutsByCode);
        let whole = self.of(OutcomeKind::Lockouts).filter(|figure| is_told(figure));
        let mut sentences: Vec<OutcomeSentence> =
            whole.map(|figure| self.sentence(figure, "good tokens are refused", &codes)).collect();
        let is_worse = |sentence: &OutcomeSentence| sentence.verdict == OutcomeVerdict::Worse;
        if !sentences.iter().any(is_worse) {
            let logged_out = self.of(OutcomeKind::LoggedOut);
            let logged_out = logged_out.filter(|f| f.verdict == OutcomeVerdict::Worse);
            sentences.extend(logged_out.map(|figure| {
                self.sentence(figure, "good users are told that their token is bad", &codes)
            }));
        }
        sentences
    }

    fn told(&self, kind: OutcomeKind, subject: &str) -> Vec<OutcomeSentence> {
        let told = self.of(kind).filter(|figure| is_told(figure));
        told.map(|figure| self.sentence(figure, subject, "")).collect()
    }

    fn sentence(&self, figure: &OutcomeFigure, subject: &str, parts: &str) -> OutcomeSentence {
        let OutcomeFigure { base, candidate, seeds, limit, verdict, .. } = figure;
        let times = if number(*candidate) == "1" { "time" } else { "times" };
        let mut text = format!(
            "{subject} {} {times}{} instead of {}",
            number(*candidate),
            self.a_round,
            number(*base)
        );
        let range =
            seeds.filter(|_| limit.is_some()).map(|seeds| match (seeds.lowest, seeds.highest) {
                (one, other) if one == other => format!("16 seeds of the base: {one}"),
                (lowest, highest) => format!("16 seeds of the base: {lowest} to {highest}"),
            });
        let remarks: Vec<&str> = [parts, range.as_deref().unwrap_or_default()]
            .into_iter()
            .filter(|r| !r.is_empty())
            .collect();
        if !remarks.is_empty() {
            text += &format!(" ({})", remarks.join("; "));
        }
        OutcomeSentence { verdict: *verdict, text }
    }

    /// The parts of a count: `ttl 429 instead of 56, stale 3`.
    fn parts(&self, kind: OutcomeKind) -> String {
        let parts = self.of(kind).map(|figure| {
            let name = figure.key.of.as_deref().unwrap_or_default();
            let (base, candidate) = (number(figure.base), number(figure.candidate));
            match base == candidate {
                true => format!("{name} {candidate}"),
                false => format!("{name} {candidate} instead of {base}"),
            }
        });
        parts.collect::<Vec<String>>().join(", ")
    }
}

/// Whether a figure deserves a sentence of its own.
fn is_told(figure: &OutcomeFigure) -> bool {
    match figure.verdict {
        OutcomeVerdict::Worse | OutcomeVerdict::Better => true,
        OutcomeVerdict::NotGated => number(figure.base) != number(figure.candidate),
        OutcomeVerdict::Unchanged => false,
    }
}

/// A count per round with at most one decimal.
pub(super) fn number(count: f64) -> String {
    let rounded = (count * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}
