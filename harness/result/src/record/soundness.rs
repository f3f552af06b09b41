//! Whether the figures of a trial may be given to a program that reads no remarks, and otherwise
//! the reason. Pure.

use serde::Serialize;

use crate::{Measurement, RunResult};

/// The reason why the figures of a trial do not stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unsound {
    /// A verdict was not the one due.
    Wrong,
    /// The trial failed.
    Failed,
    /// No verdict was judged.
    Unjudged,
    /// A fault was planted on purpose.
    Planted,
    /// Virtual time measures nothing.
    Virtual,
    /// A debug build's times say nothing.
    Debug,
    /// The run was interrupted.
    Partial,
    /// The host disturbed the trial.
    Disturbed,
}

impl Unsound {
    /// The most severe reason that applies to a trial; `None` if its figures stand alone.
    pub fn of(result: &RunResult, trial: &Measurement) -> Option<Unsound> {
        let rules = [
            (Unsound::Wrong, trial.verdicts.wrong > 0),
            (Unsound::Failed, trial.error.is_some()),
            (Unsound::Unjudged, trial.verdicts.judged == 0),
            (Unsound::Planted, trial.planted.is_some()),
            (Unsound::Virtual, trial.virtual_time),
            (Unsound::Debug, result.machine.profile != "release"),
            (Unsound::Partial, result.partial),
            (Unsound::Disturbed, trial.is_disturbed()),
        ];
        rules.into_iter().find(|(_, holds)| *holds).map(|(unsound, _)| unsound)
    }

    /// The words that follow "trials" or "figures" in a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Unsound::Wrong => "with a wrong verdict",
            Unsound::Failed => "without valid figures",
            Unsound::Unjudged => "without a verdict that was judged",
            Unsound::Planted => "with a fault that was planted",
            Unsound::Virtual => "in virtual time",
            Unsound::Debug => "of a debug build",
            Unsound::Partial => "of a run that was cut short",
            Unsound::Disturbed => "that the host disturbed",
        }
    }

    /// Whether the figures are shown nevertheless, with a mark.
    pub const fn is_shown(self) -> bool {
        matches!(self, Unsound::Partial | Unsound::Disturbed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Round;
    use crate::host::noise::Noise;

    #[test]
    fn a_figure_stands_alone_or_has_a_reason_not_to() {
        type Spoil = fn(&mut RunResult);
        let rows: [(Spoil, Option<Unsound>, &str); 11] = [
            (|_| {}, None, "as it should be"),
            (|r| r.measurements[0].verdicts.wrong = 1, Some(Unsound::Wrong), "one is enough"),
            (|r| r.measurements[0].error = Some("x".into()), Some(Unsound::Failed), "an error"),
            (|r| r.measurements[0].verdicts.judged = 0, Some(Unsound::Unjudged), "no verdict"),
            (|r| r.measurements[0].planted = Some("x".into()), Some(Unsound::Planted), "planted"),
            (|r| r.measurements[0].virtual_time = true, Some(Unsound::Virtual), "no clock"),
            (|r| r.machine.profile = "debug".into(), Some(Unsound::Debug), "a debug build"),
            (|r| r.partial = true, Some(Unsound::Partial), "interrupted"),
            (|r| r.measurements[0].noisy = Some("x".into()), Some(Unsound::Disturbed), "noisy"),
            (|r| disturb(r, None), Some(Unsound::Disturbed), "a round that was kept"),
            (|r| disturb(r, Some("x")), None, "a round that was dropped"),
        ];
        for (spoil, expected, why) in rows {
            let mut result = sound();
            spoil(&mut result);
            assert_eq!(Unsound::of(&result, &result.measurements[0]), expected, "{why}");
        }
    }

    fn disturb(result: &mut RunResult, dropped: Option<&str>) {
        let dropped = dropped.map(str::to_owned);
        let noise = Some(Noise::default());
        let round = Round { disturbed: Some("x".into()), dropped, noise, ..Round::default() };
        result.measurements[0].rounds.push(round);
    }

    fn sound() -> RunResult {
        let mut result = crate::trend::tests::result(0, &[1.0]);
        result.measurements.truncate(1);
        result
    }
}
