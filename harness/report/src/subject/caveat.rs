//! Caveats on a figure, each a letter beside it: something other than the contender affected it.
//! The letters are the same in every form.

use jwtbench_result::host::window::WindowVerdict;
use jwtbench_result::{Measurement, PhaseResult};

/// A reason to read a figure with care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caveat {
    /// The host disturbed a phase, or a round whose figures are included.
    Disturbed,
    /// The generator did not keep to its schedule in a phase.
    Late,
    /// The contender could not serve what arrived in a phase.
    Saturated,
}

impl Caveat {
    const ALL: [Caveat; 3] = [Caveat::Disturbed, Caveat::Late, Caveat::Saturated];

    /// The letter beside a figure.
    pub const fn letter(self) -> char {
        match self {
            Caveat::Disturbed => 'd',
            Caveat::Late => 'l',
            Caveat::Saturated => 's',
        }
    }

    /// What the letter means.
    const fn meaning(self) -> &'static str {
        match self {
            Caveat::Disturbed => "the host disturbed it, so it is neither gated nor ranked",
            Caveat::Late => {
                "the generator was late: responses are as if it had not been, by the recorded \
                 services"
            }
            Caveat::Saturated => "the contender could not serve what arrived",
        }
    }

    fn of_phase(phase: &PhaseResult) -> Option<Caveat> {
        match phase.verdict? {
            WindowVerdict::Ok => None,
            WindowVerdict::ContenderSaturated => Some(Caveat::Saturated),
            WindowVerdict::GeneratorLimited => Some(Caveat::Late),
            WindowVerdict::HostStolen => Some(Caveat::Disturbed),
        }
    }
}

/// The caveats on a measurement, each once.
pub fn caveats(measurement: &Measurement) -> Vec<Caveat> {
    let has = |caveat: &Caveat| match caveat {
        Caveat::Disturbed => measurement.is_disturbed(),
        _ => measurement.phases.iter().any(|phase| Caveat::of_phase(phase) == Some(*caveat)),
    };
    Caveat::ALL.into_iter().filter(has).collect()
}

/// The letters of a measurement. The text is empty for a figure without caveats.
pub fn letters(measurement: &Measurement) -> String {
    caveats(measurement).into_iter().map(Caveat::letter).collect()
}

/// A figure with the letters of its measurement.
pub fn marked(figure: String, measurement: &Measurement) -> String {
    match letters(measurement) {
        letters if letters.is_empty() => figure,
        letters => format!("{figure} {letters}"),
    }
}

/// What the letters beside these measurements mean; `None` if there are none.
pub fn legend<'m>(measurements: impl IntoIterator<Item = &'m Measurement>) -> Option<String> {
    let mut seen: Vec<Caveat> = measurements.into_iter().flat_map(caveats).collect();
    seen.sort_unstable();
    seen.dedup();
    let explain = |caveat: &Caveat| format!("{}: {}", caveat.letter(), caveat.meaning());
    let lines: Vec<String> = seen.iter().map(explain).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

#[cfg(test)]
mod tests {
    use jwtbench_result::Round;

    use super::*;

    fn measurement(verdicts: &[Option<WindowVerdict>], noisy: Option<&str>) -> Measurement {
        let phase = |verdict: &Option<WindowVerdict>| PhaseResult {
            verdict: *verdict,
            ..PhaseResult::default()
        };
        let phases = verdicts.iter().map(phase).collect();
        Measurement { phases, noisy: noisy.map(str::to_owned), ..Measurement::default() }
    }

    #[test]
    fn what_was_dropped_is_in_no_figure() {
        let round = |disturbed: bool, is_dropped: bool| {
            let why = disturbed.then(|| "steal".to_owned());
            Round {
                dropped: why.clone().filter(|_| is_dropped),
                disturbed: why,
                ..Round::default()
            }
        };
        let phase = |why: Option<&str>| PhaseResult {
            disturbed: why.map(str::to_owned),
            ..PhaseResult::default()
        };
        let rows: [(Vec<Round>, Vec<PhaseResult>, &str, &str); 5] = [
            (vec![round(false, false)], vec![phase(None)], "", "still"),
            (vec![round(true, true), round(false, false)], vec![phase(None)], "", "left out"),
            (vec![round(true, false), round(false, false)], vec![phase(None)], "d", "left in"),
            (vec![round(false, false)], vec![phase(Some("steal"))], "d", "a phase of it"),
            (vec![round(true, true), round(true, false)], Vec::new(), "d", "over the cap"),
        ];
        for (rounds, phases, expected, why) in rows {
            let measurement = Measurement { rounds, phases, ..Measurement::default() };
            assert_eq!(letters(&measurement), expected, "{why}");
        }
    }

    #[test]
    fn a_figure_carries_the_letters_of_its_phases() {
        use WindowVerdict::{ContenderSaturated, GeneratorLimited, HostStolen, Ok};
        type Row<'r> = (&'r [Option<WindowVerdict>], Option<&'r str>, &'r str, &'r str);
        let rows: [Row<'_>; 8] = [
            (&[], None, "", "nothing measured"),
            (&[None], None, "", "virtual time"),
            (&[Some(Ok), Some(Ok)], None, "", "all kept"),
            (&[Some(Ok), Some(GeneratorLimited)], None, "l", "one late phase is enough"),
            (&[Some(ContenderSaturated)], None, "s", "saturated"),
            (&[Some(HostStolen)], None, "d", "stolen"),
            (&[Some(Ok)], Some("3 of 5"), "d", "too many rounds"),
            (
                &[Some(GeneratorLimited), Some(HostStolen), Some(ContenderSaturated)],
                Some("3 of 5"),
                "dls",
                "all, each once",
            ),
        ];
        for (verdicts, noisy, expected, why) in rows {
            let measurement = measurement(verdicts, noisy);
            assert_eq!(letters(&measurement), expected, "{why}");
            let figure = marked("1 ms".to_owned(), &measurement);
            assert_eq!(figure, format!("1 ms {expected}").trim_end(), "{why}");
            let legend = legend([&measurement]).unwrap_or_default();
            let explained = legend.split("; ").filter(|line| !line.is_empty()).count();
            assert_eq!(explained, expected.len(), "{why}: {legend}");
        }
    }
}
