//! The remaining time of a search for capacities: the planned time of every remaining step, plus
//! the recent overhead of steps of its kind, which is a guess until one such step is over. The code
//! is pure.

use std::collections::VecDeque;
use std::time::Duration;

/// The number of latest steps whose mean is the overhead of a kind. The next job's tokens may be
/// slower to sign, and a single slow step should not decide.
const LATEST: usize = 4;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// Drawing up a plan and signing its tokens.
    Sign,
    /// The closed rounds of the mix, for all contenders.
    Closed,
    /// The closed rounds of forged tokens, for all contenders that judge tokens.
    Forged,
    /// The model of one contender, and its limit.
    Model,
    /// One piece of a real open loop of one contender.
    Open,
    /// The curve and the card of one contender.
    Card,
}

impl SearchStep {
    /// All kinds in the order of declaration, so that each one's index is its discriminant.
    const ALL: [SearchStep; 6] = [
        SearchStep::Sign,
        SearchStep::Closed,
        SearchStep::Forged,
        SearchStep::Model,
        SearchStep::Open,
        SearchStep::Card,
    ];

    /// The assumed overhead of a step until one step of its kind is over.
    const fn guess(self) -> Duration {
        Duration::from_millis(match self {
            SearchStep::Sign => 150,
            SearchStep::Closed | SearchStep::Forged => 200,
            SearchStep::Model => 300,
            SearchStep::Open => 20,
            SearchStep::Card => 400,
        })
    }
}

/// The steps of one kind.
#[derive(Clone, Debug)]
struct StepTally {
    step: SearchStep,
    /// The planned time of each remaining step.
    planned: VecDeque<Duration>,
    /// The overheads of the latest steps in seconds; a step that ended early has a negative one.
    overheads: VecDeque<f64>,
}

impl StepTally {
    /// The time that a step takes beyond its planned time, in seconds.
    fn overhead(&self) -> f64 {
        if self.overheads.is_empty() {
            return self.step.guess().as_secs_f64();
        }
        self.overheads.iter().sum::<f64>() / self.overheads.len() as f64
    }

    /// The expected time of a step with this planned time.
    fn takes(&self, planned: Duration) -> Duration {
        Duration::from_secs_f64((planned.as_secs_f64() + self.overhead()).max(0.0))
    }
}

/// The remaining steps of a search.
#[derive(Clone, Debug)]
pub struct Agenda(Vec<StepTally>);

impl Default for Agenda {
    fn default() -> Agenda {
        let empty = |step| StepTally {
            step,
            planned: VecDeque::new(),
            overheads: VecDeque::with_capacity(LATEST),
        };
        Agenda(SearchStep::ALL.map(empty).into())
    }
}

impl Agenda {
    /// Adds `count` steps of a kind, each with this planned time.
    pub fn plan(&mut self, step: SearchStep, count: u32, planned: Duration) {
        self.0[step as usize].planned.extend((0..count).map(|_| planned));
    }

    /// The number of remaining steps.
    pub fn steps(&self) -> u64 {
        self.0.iter().map(|tally| tally.planned.len() as u64).sum()
    }

    /// The expected time of the next step of this kind.
    pub fn next(&self, step: SearchStep) -> Duration {
        let tally = &self.0[step as usize];
        tally.planned.front().map_or(Duration::ZERO, |planned| tally.takes(*planned))
    }

    /// The expected time of all remaining steps.
    pub fn left(&self) -> Duration {
        let takes =
            |tally: &StepTally| tally.planned.iter().map(|one| tally.takes(*one)).sum::<Duration>();
        self.0.iter().map(takes).sum()
    }

    /// Records that the next step of this kind is over, and how long it took.
    pub fn over(&mut self, step: SearchStep, took: Duration) {
        let tally = &mut self.0[step as usize];
        let Some(planned) = tally.planned.pop_front() else {
            return;
        };
        if tally.overheads.len() == LATEST {
            tally.overheads.pop_front();
        }
        tally.overheads.push_back(took.as_secs_f64() - planned.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A job of a scripted search: its number of contenders, and the time of signing and of each
    /// kind of step beyond the planned time.
    struct ScriptedJob {
        signs: Duration,
        contenders: u32,
        closed: Duration,
        model: Duration,
        /// The deviations of the pieces from their planned time in milliseconds, alternating.
        open: [i64; 2],
        card: Duration,
    }

    const JOB: ScriptedJob = ScriptedJob {
        signs: ms(150),
        contenders: 2,
        closed: ms(150),
        model: ms(250),
        open: [15, 25],
        card: ms(350),
    };
    const ROUNDS: Duration = ms(1650);
    const PIECE: Duration = ms(510);
    const PIECES: u32 = 4;

    /// The steps of a job in order: kind, planned time and actual time.
    fn steps(job: &ScriptedJob) -> Vec<(SearchStep, Duration, Duration)> {
        let all = job.contenders;
        let sign = (SearchStep::Sign, ms(0), job.signs);
        let rounds = ROUNDS * all;
        let mut steps = vec![sign, (SearchStep::Closed, rounds, rounds + job.closed)];
        steps.extend([sign, (SearchStep::Forged, rounds, rounds + job.closed)]);
        steps.extend((0..all).map(|_| (SearchStep::Model, ms(0), job.model)));
        for _ in 0..2 {
            steps.extend((0..all).map(|_| sign));
            steps.extend((0..all * PIECES).map(|at| {
                let takes = 510 + job.open[at as usize % 2];
                (SearchStep::Open, PIECE, ms(takes.unsigned_abs()))
            }));
        }
        steps.extend((0..all).map(|_| (SearchStep::Card, ms(0), job.card)));
        steps
    }

    /// The predicted and the true remaining time of a script at every tenth of a second, in
    /// seconds.
    fn told(jobs: &[ScriptedJob]) -> Vec<(f64, f64)> {
        let script: Vec<_> = jobs.iter().flat_map(steps).collect();
        let mut agenda = Agenda::default();
        script.iter().for_each(|(step, planned, _)| agenda.plan(*step, 1, *planned));
        assert_eq!(agenda.steps(), script.len() as u64);
        let mut truth: Duration = script.iter().map(|(_, _, takes)| *takes).sum();
        let mut told = Vec::new();
        for (step, _, takes) in script {
            let next = agenda.next(step);
            let rest = agenda.left().saturating_sub(next);
            let mut elapsed = Duration::ZERO;
            while elapsed < takes {
                let said = rest + next.saturating_sub(elapsed);
                told.push((said.as_secs_f64(), (truth - elapsed).as_secs_f64()));
                elapsed += ms(100);
            }
            agenda.over(step, takes);
            truth -= takes;
        }
        assert_eq!((agenda.left(), agenda.steps()), (ms(0), 0), "nothing is left");
        told
    }

    /// The prediction is within 30 % of the true time, or within one second where that is more,
    /// since the end of a search is predicted only to the second.
    #[test]
    fn the_time_left_is_true_within_three_tenths() {
        let job = |signs| ScriptedJob { signs: ms(signs), ..JOB };
        let rows = [
            (vec![JOB], "as guessed"),
            (vec![ScriptedJob { contenders: 1, ..JOB }], "one contender"),
            (vec![ScriptedJob { contenders: 8, ..JOB }], "many contenders"),
            (vec![job(700), job(150), job(40)], "signing is dear, then cheap"),
            (vec![job(40), job(150), job(700)], "signing is cheap, then dear"),
            (
                vec![ScriptedJob { contenders: 6, ..JOB }, ScriptedJob { contenders: 2, ..JOB }],
                "fewer contenders support the next algorithm",
            ),
            (
                vec![ScriptedJob { model: ms(700), card: ms(800), ..JOB }],
                "a slow processor: models take far longer than guessed",
            ),
            (vec![ScriptedJob { model: ms(60), card: ms(80), signs: ms(20), ..JOB }], "a fast one"),
            (vec![ScriptedJob { open: [-60, -30], ..JOB }], "pieces end early"),
            (vec![ScriptedJob { open: [0, 300], ..JOB }], "every other piece is late"),
            (vec![ScriptedJob { closed: ms(700), ..JOB }], "closed loops take a fifth longer"),
        ];
        for (jobs, why) in rows {
            for (said, truth) in told(&jobs) {
                let off = (said - truth).abs();
                assert!(off <= (0.3 * truth).max(1.0), "{why}: said {said:.1}, true {truth:.1}");
            }
        }
    }

    #[test]
    fn what_the_latest_steps_took_replaces_the_guess() {
        let mut agenda = Agenda::default();
        agenda.plan(SearchStep::Open, 9, ms(100));
        assert_eq!(agenda.next(SearchStep::Open), ms(120), "planned and guessed");
        assert_eq!(agenda.left(), ms(9 * 120));
        agenda.over(SearchStep::Open, ms(200));
        assert_eq!(agenda.left(), ms(8 * 200), "eight at what the first took");
        agenda.over(SearchStep::Open, ms(400));
        assert_eq!(agenda.left(), ms(7 * 300), "seven at the mean of both");
        (0..LATEST).for_each(|_| agenda.over(SearchStep::Open, ms(150)));
        assert_eq!(agenda.left(), ms(3 * 150), "what was long ago is forgotten");
        agenda.over(SearchStep::Model, ms(9000));
        assert_eq!(agenda.left(), ms(3 * 150), "a step that was not planned changes nothing");
        assert_eq!(agenda.next(SearchStep::Model), Duration::ZERO);
        (0..9).for_each(|_| agenda.over(SearchStep::Open, ms(0)));
        assert_eq!((agenda.left(), agenda.steps()), (ms(0), 0), "never less than nothing");
    }
}
