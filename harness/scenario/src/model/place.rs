//! The places of things in their lists, each a type of its own: a stream is never taken for a phase.

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
    /// For indexing.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl PhasePlace {
    /// The phase of an arrival during the warm-up, which is none of the scenario's.
    pub const WARMUP: PhasePlace = PhasePlace(u16::MAX);

    /// For indexing; out of bounds for the warm-up.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether an arrival in it counts for conformance only.
    pub fn is_warmup(self) -> bool {
        self == PhasePlace::WARMUP
    }
}

impl TokenPlace {
    /// For indexing.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl WorkerPlace {
    /// For indexing.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
