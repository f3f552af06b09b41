//! How long the rest of a search for capacities takes: the planned time of every step to come, and
//! what steps of its kind took beyond that lately; a guess until one was taken. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// The overhead of a kind is the mean of so many of its latest steps: the next job's tokens may be
/// dearer to sign, and one slow step shall not decide.
const LATEST: usize = 4;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// A plan is drawn up and its tokens are signed.
    Sign,
    /// All contenders' closed rounds of the mix.
    Closed,
    /// All contenders' closed rounds of forged tokens.
    Forged,
    /// A model of one contender, and its limit.
    Model,
    /// One piece of a real open loop of one contender.
    Open,
    /// The curve and the card of one contender.
    Card,
}

impl SearchStep {
    /// In the order of their declaration, so that each stands at its own number.
    const ALL: [SearchStep; 6] = [
        SearchStep::Sign,
        SearchStep::Closed,
        SearchStep::Forged,
        SearchStep::Model,
        SearchStep::Open,
        SearchStep::Card,
    ];

    /// What a step takes beyond its planned time, until one was taken.
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
    /// The planned time of each that is to come.
    planned: VecDeque<Duration>,
    /// What the latest took beyond their planned time, in seconds; below 0 if they ended early.
    overheads: VecDeque<f64>,
}

impl StepTally {
    /// What a step takes beyond its planned time, in seconds.
    fn overhead(&self) -> f64 {
        if self.overheads.is_empty() {
            return self.step.guess().as_secs_f64();
        }
        self.overheads.iter().sum::<f64>() / self.overheads.len() as f64
    }

    /// What a step of this planned time takes.
    fn takes(&self, planned: Duration) -> Duration {
        Duration::from_secs_f64((planned.as_secs_f64() + self.overhead()).max(0.0))
    }
}

/// The steps to come.
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
    /// So many more steps of a kind, each of this planned time.
    pub fn plan(&mut self, step: SearchStep, count: u32, planned: Duration) {
        self.0[step as usize].planned.extend((0..count).map(|_| planned));
    }

    /// All steps to come.
    pub fn steps(&self) -> u64 {
        self.0.iter().map(|tally| tally.planned.len() as u64).sum()
    }

    /// What the next step of this kind takes.
    pub fn next(&self, step: SearchStep) -> Duration {
        let tally = &self.0[step as usize];
        tally.planned.front().map_or(Duration::ZERO, |planned| tally.takes(*planned))
    }

    /// What all steps to come take.
    pub fn left(&self) -> Duration {
        let takes =
            |tally: &StepTally| tally.planned.iter().map(|one| tally.takes(*one)).sum::<Duration>();
        self.0.iter().map(takes).sum()
    }

    /// The next step of this kind is over, and took so long.
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

    /// A job of a script: what signing takes under its algorithm, its contenders, and what each
    /// kind of step takes beyond its planned time.
    struct ScriptedJob {
        signs: Duration,
        contenders: u32,
        closed: Duration,
        model: Duration,
        /// Pieces take so much longer or shorter than planned, in turns; in milliseconds.
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

    /// The steps of a job in their order: kind, planned time, and what it takes.
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

    /// What is said at every tenth of a second of a script, beside what is true, in seconds.
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

    /// Within 30 %, and within a second where that is more: the second is what the last lines of a
    /// search are told to.
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
