//! Floods, which are streams of unwanted tokens: the test whether a stream is one, and the scenario
//! without them.

use crate::{Scenario, Stream, StreamSetting};

pub use crate::token::class::Flood;

impl Flood {
    /// Both kinds of flood.
    pub const ALL: [Flood; 2] = [Flood::UnknownKid, Flood::BadSignature];

    /// Whether a stream sends only tokens of this flood.
    pub fn is_of(self, stream: &Stream) -> bool {
        let settings = stream.settings.iter();
        let mut classes = settings.flat_map(|setting| &setting.shares).peekable();
        classes.peek().is_some() && classes.all(|(class, _)| class.row().flood == Some(self))
    }

    /// Whether the scenario has such a stream.
    pub fn is_in(self, scenario: &Scenario) -> bool {
        scenario.streams.iter().any(|stream| self.is_of(stream))
    }

    /// The scenario with such streams silent.
    pub fn silenced(self, scenario: &Scenario) -> Scenario {
        let mut quiet = scenario.clone();
        for stream in quiet.0.streams.iter_mut().filter(|stream| self.is_of(stream)) {
            stream.settings.fill(StreamSetting::default());
        }
        quiet
    }
}
