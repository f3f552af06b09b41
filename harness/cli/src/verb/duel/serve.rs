//! `duel-arm`: serves one side of a duel of builds to another process. It prints what it would run,
//! then runs rounds as standard input requests them, at once or turn by turn. Each answer is a line
//! of JSON. The verb is hidden.

use std::io::{BufRead as _, Write as _};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde::{Deserialize, Serialize};

use jwtbench_engine::real::turns::TurnOrder;
use jwtbench_engine::real::{Control, calibrate};
use jwtbench_engine::session::{ArmRound, LocalArm, RoundRunner as _, Session};

use crate::interruption::stop_on_signal;
use crate::machine::profile;
use crate::{Exit, Failure};

use super::side::DuelSideArgs;

/// Serve the rounds of one side of a duel.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    side: DuelSideArgs,
}

/// The first line of the output.
#[derive(Serialize, Deserialize)]
pub struct Handshake {
    /// The SHA-256 of the plan that it would run, in hex.
    pub plan_hash: String,
    /// The SHA-256 of the corpus, in hex.
    pub corpus_hash: String,
    /// The build profile: `release` or `debug`.
    pub profile: String,
    /// Whether it can run rounds turn by turn; builds before 0.2 cannot.
    #[serde(default)]
    pub takes_turns: bool,
}

/// The answer at the end of a turn.
#[derive(Serialize, Deserialize)]
pub struct TurnOver;

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let (side, algorithm) = args.side.side("this")?;
    let stop = stop_on_signal()?;
    let plan = Session::new(args.side.seed, stop, &()).plan(&side.scenario, algorithm)?;
    let mut arm = LocalArm::new(&side, &plan, Control::new(stop), Some(calibrate()))?;
    let handshake = Handshake {
        plan_hash: plan.hash.clone(),
        corpus_hash: plan.corpus.hash.clone(),
        profile: profile().into(),
        takes_turns: arm.members().is_some(),
    };
    answer(&handshake)?;
    let mut lines = std::io::stdin().lock().lines();
    // The service ends when the peer closes standard input.
    while let Some(Ok(line)) = lines.next() {
        let round = match Turns::read(&line) {
            Some(turns) => turns.serve(&mut arm, &mut lines)?,
            None => arm.round(None)?,
        };
        answer(&round)?;
    }
    Ok(Exit::Passed)
}

/// A request for a round turn by turn.
struct Turns {
    turns: usize,
    length: Duration,
    shift: usize,
}

/// The lane of the peer.
const PEER: usize = 0;
/// The lane of the arm.
const ARM: usize = 1;

impl Turns {
    /// Parses `turns COUNT MICROSECONDS SHIFT`; `None` for any other line.
    fn read(line: &str) -> Option<Turns> {
        let mut words = line.strip_prefix("turns ")?.split(' ').map(|word| word.parse::<usize>());
        let mut next = || words.next()?.ok();
        let (turns, length, shift) = (next()?, next()?, next()?);
        Some(Turns { turns, length: Duration::from_micros(length as u64), shift })
    }

    /// Runs the round: the arm works when the peer asks for a turn, and the peer is notified when
    /// each turn is over.
    fn serve(
        &self,
        arm: &mut LocalArm<'_>,
        lines: &mut impl Iterator<Item = std::io::Result<String>>,
    ) -> Result<ArmRound, Failure> {
        let order = (0..self.turns).flat_map(|_| [PEER, ARM]).chain([PEER]);
        let turn_order = TurnOrder::new(order.collect(), self.length);
        let lane = turn_order.lane(ARM, arm.members().unwrap_or(1), self.shift);
        let never = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let round = scope.spawn(move || arm.round(Some(&lane)));
            let peer = turn_order.lane(PEER, 1, 0);
            let mut own_turns = peer.turns_of(0);
            for _ in 0..self.turns {
                own_turns.wait(&never);
                if lines.next().is_none_or(|line| line.is_err()) {
                    break;
                }
                own_turns.pass();
                own_turns.wait(&never);
                answer(&TurnOver)?;
            }
            drop(peer);
            let round = round.join();
            Ok(round.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
        })
    }
}

fn answer(value: &impl Serialize) -> Result<(), Failure> {
    let fault = |error: String| Failure::Error(format!("cannot answer the duel: {error}"));
    let json = serde_json::to_string(value).map_err(|error| fault(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{json}").and_then(|()| out.flush()).map_err(|error| fault(error.to_string()))
}
