//! Streams that nobody good sends: what they are made of, and the scenario without them.

use crate::{Scenario, Stream, StreamSetting};

pub use crate::token::class::Flood;

impl Flood {
    /// Both.
    pub const ALL: [Flood; 2] = [Flood::UnknownKid, Flood::BadSignature];

    /// Whether a stream sends nothing else.
    pub fn is_of(self, stream: &Stream) -> bool {
        let settings = stream.settings.iter();
        let mut classes = settings.flat_map(|setting| &setting.shares).peekable();
        classes.peek().is_some() && classes.all(|(class, _)| class.row().flood == Some(self))
    }

    /// Whether the scenario has one.
    pub fn is_in(self, scenario: &Scenario) -> bool {
        scenario.streams.iter().any(|stream| self.is_of(stream))
    }

    /// The same scenario with those streams silent.
    pub fn silenced(self, scenario: &Scenario) -> Scenario {
        let mut quiet = scenario.clone();
        for stream in quiet.0.streams.iter_mut().filter(|stream| self.is_of(stream)) {
            stream.settings.fill(StreamSetting::default());
        }
        quiet
    }
}
