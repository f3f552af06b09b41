//! Streams that nobody good sends: what they are made of, and the scenario without them.

pub(super) use crate::scenario::class::Flood;
use crate::scenario::{Scenario, Stream, StreamSetting};

impl Flood {
    pub(super) const ALL: [Flood; 2] = [Flood::UnknownKid, Flood::BadSignature];

    /// The metric of the fetches that it causes.
    pub(super) const fn metric(self) -> &'static str {
        match self {
            Flood::UnknownKid => "amplification_unknown_kid",
            Flood::BadSignature => "amplification_bad_signature",
        }
    }

    /// Whether a stream sends nothing else.
    pub(super) fn is_of(self, stream: &Stream) -> bool {
        let settings = stream.settings.iter();
        let mut classes = settings.flat_map(|setting| &setting.shares).peekable();
        classes.peek().is_some() && classes.all(|(class, _)| class.row().flood == Some(self))
    }

    /// Whether the scenario has one.
    pub(super) fn is_in(self, scenario: &Scenario) -> bool {
        scenario.streams.iter().any(|stream| self.is_of(stream))
    }

    /// The same scenario with those streams silent.
    pub(super) fn silenced(self, scenario: &Scenario) -> Scenario {
        let mut quiet = scenario.clone();
        for stream in quiet.streams.iter_mut().filter(|stream| self.is_of(stream)) {
            stream.settings.fill(StreamSetting::default());
        }
        quiet
    }
}
