//! The places of streams, phases, tokens and workers in their lists. Each has its own type, so that
//! a stream cannot be taken for a phase.

/// The place of a stream in its scenario, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPlace(pub u16);

/// The place of a phase in its scenario, from 0, or [`PhasePlace::WARMUP`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhasePlace(pub u16);

/// The place of a token in its corpus, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenPlace(pub u32);

/// The place of a worker in its trial, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerPlace(pub u32);

/// The number of a token within its class, from 0: a variant of the class, or a holder of a class
/// that is reissued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub u32);

impl StreamPlace {
    /// The index in a list of streams.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl PhasePlace {
    /// The place that stands for the warm-up, which is not a phase of the scenario.
    pub const WARMUP: PhasePlace = PhasePlace(u16::MAX);

    /// The index in a list of phases. It is out of bounds for the warm-up.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it is the warm-up, whose arrivals count for conformance only.
    pub fn is_warmup(self) -> bool {
        self == PhasePlace::WARMUP
    }
}

impl TokenPlace {
    /// The index in a list of tokens.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl WorkerPlace {
    /// The index in a list of workers.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
