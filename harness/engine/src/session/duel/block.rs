//! The noise of the host during a block of a duel, made of what its rounds recorded. If arms are
//! processes of their own, each counts the others as foreign processes. Their CPU time is known
//! here.

use jwtbench_result::duel::BlockNoise;
use jwtbench_result::host::noise::Noise;

use crate::real::host::CpuUse;

use super::arm::{ArmRound, RoundRunner};

/// A block that is under way.
pub(super) struct BlockWatch {
    /// Processes other than this one that run arms.
    processes: Vec<u32>,
    begun: CpuUse,
    rounds: Vec<Noise>,
    hiccups: Vec<u64>,
}

impl BlockWatch {
    /// Starts a block, before its first round.
    pub(super) fn start(arms: &[Box<dyn RoundRunner + '_>; 3]) -> BlockWatch {
        let processes: Vec<u32> = arms.iter().filter_map(|arm| arm.process()).collect();
        let begun = CpuUse::read(&processes);
        BlockWatch { processes, begun, rounds: Vec::new(), hiccups: Vec::new() }
    }

    /// Enters a round of the block.
    pub(super) fn enter(&mut self, round: &mut ArmRound) {
        self.rounds.extend(round.noise.take());
        self.hiccups.append(&mut round.hiccups);
    }

    /// Ends the block, and returns its noise.
    pub(super) fn finish(self, block: u32) -> BlockNoise {
        let noise = Noise::over(&self.rounds, &self.hiccups).unwrap_or_default();
        if self.processes.is_empty() {
            return BlockNoise::of(block, noise);
        }
        let host = CpuUse::read(&self.processes).since(self.begun);
        // The waits of threads are not known across processes.
        let foreign_pressure = None;
        let noise = Noise { steal: host.steal, others: host.others, foreign_pressure, ..noise };
        BlockNoise::of(block, noise)
    }
}
