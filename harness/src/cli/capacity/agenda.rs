//! How long the rest of a search for capacities takes: of each kind of step what the same kind took
//! before, and a guess until it was taken once. Pure.

use std::time::Duration;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// A plan is drawn up and its tokens are signed.
    Sign,
    /// All contenders' closed rounds of the mix.
    Closed,
    /// All contenders' closed rounds of forged tokens.
    Forged,
    /// A model of one contender: its curve and its limits.
    Model,
    /// One real open loop of one contender.
    Open,
}

/// The steps of one kind.
#[derive(Clone, Copy, Debug)]
struct StepTally {
    step: SearchStep,
    left: u32,
    taken: u32,
    guess: Duration,
    took: Duration,
}

impl StepTally {
    /// What one takes, to the best of what is known.
    fn each(&self) -> Duration {
        if self.taken == 0 { self.guess } else { self.took / self.taken }
    }
}

/// The steps to come.
#[derive(Clone, Debug)]
pub struct Agenda(Vec<StepTally>);

impl Agenda {
    /// So many steps of each kind, each taking about so long.
    pub fn new(steps: &[(SearchStep, u32, Duration)]) -> Agenda {
        let kind = |(step, left, guess): &(SearchStep, u32, Duration)| StepTally {
            step: *step,
            left: *left,
            taken: 0,
            guess: *guess,
            took: Duration::ZERO,
        };
        Agenda(steps.iter().map(kind).collect())
    }

    /// All steps.
    pub fn steps(&self) -> u64 {
        self.0.iter().map(|kind| u64::from(kind.left)).sum()
    }

    /// What a step of this kind takes, to the best of what is known.
    pub fn each(&self, step: SearchStep) -> Duration {
        self.kind(step).map_or(Duration::ZERO, StepTally::each)
    }

    /// What all steps to come take.
    pub fn left(&self) -> Duration {
        self.0.iter().map(|kind| kind.each() * kind.left).sum()
    }

    /// A step is over, and took so long.
    pub fn over(&mut self, step: SearchStep, took: Duration) {
        if let Some(kind) = self.0.iter_mut().find(|kind| kind.step == step) {
            kind.left = kind.left.saturating_sub(1);
            kind.taken += 1;
            kind.took += took;
        }
    }

    fn kind(&self, step: SearchStep) -> Option<&StepTally> {
        self.0.iter().find(|kind| kind.step == step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Rounds last as long as was said and a tenth more; what was guessed is wrong by half and by
    /// double.
    #[test]
    fn the_time_left_is_true_within_three_tenths() {
        let contenders = 3;
        let steps = [
            (SearchStep::Sign, 2 + 2 * contenders, MS(300), MS(150)),
            (SearchStep::Closed, 1, MS(4500), MS(4950)),
            (SearchStep::Forged, 1, MS(4500), MS(4950)),
            (SearchStep::Model, contenders, MS(500), MS(1000)),
            (SearchStep::Open, 2 * contenders, MS(2050), MS(2255)),
        ];
        let mut agenda = Agenda::new(&steps.map(|(step, count, guess, _)| (step, count, guess)));
        assert_eq!(agenda.steps(), 19);
        let mut truth: Duration = steps.iter().map(|(_, count, _, takes)| *takes * *count).sum();
        for (step, count, _, takes) in steps {
            for _ in 0..count {
                let said = agenda.left().as_secs_f64() / truth.as_secs_f64();
                assert!((0.7..=1.3).contains(&said), "{step:?}: {said}");
                agenda.over(step, takes);
                truth -= takes;
            }
        }
        assert_eq!((agenda.left(), agenda.steps()), (Duration::ZERO, 0), "nothing is left");
    }

    #[test]
    fn what_a_kind_took_replaces_the_guess() {
        let mut agenda = Agenda::new(&[(SearchStep::Open, 4, MS(100))]);
        assert_eq!((agenda.left(), agenda.each(SearchStep::Open)), (MS(400), MS(100)));
        agenda.over(SearchStep::Open, MS(200));
        assert_eq!(agenda.left(), MS(600), "three at what the first took");
        agenda.over(SearchStep::Open, MS(400));
        assert_eq!(agenda.left(), MS(600), "two at the mean of both");
        agenda.over(SearchStep::Model, MS(9000));
        assert_eq!(agenda.left(), MS(600), "a kind that is not on it changes nothing");
        assert_eq!(agenda.each(SearchStep::Model), Duration::ZERO);
        (0..3).for_each(|_| agenda.over(SearchStep::Open, MS(300)));
        assert_eq!(agenda.left(), Duration::ZERO, "never less than nothing");
    }
}
