//! How entries are written in a store: as a value under a key, and as a message.

use jwtbench_verifier::state_check::{Knowledge, StateEntry};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

/// A message to the instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Something was decided.
    Entry(StateEntry),
    /// Nothing was, up to this instant.
    Heartbeat(Tick),
}

/// What is known, as a value: `r`, `v5`, `n` with nanoseconds since 1970.
pub(super) fn value(knowledge: Knowledge) -> String {
    match knowledge {
        Knowledge::Clear => String::new(),
        Knowledge::Revoked => "r".into(),
        Knowledge::Version(version) => format!("v{version}"),
        Knowledge::NotBefore(at) => format!("n{}", at.0),
    }
}

/// The knowledge of a value; `None` if it is none.
pub(super) fn knowledge(value: &str) -> Option<Knowledge> {
    Some(match (value, value.get(1..)) {
        ("", _) => Knowledge::Clear,
        ("r", _) => Knowledge::Revoked,
        (text, Some(rest)) if text.starts_with('v') => Knowledge::Version(rest.parse().ok()?),
        (text, Some(rest)) if text.starts_with('n') => {
            Knowledge::NotBefore(UnixTime(rest.parse().ok()?))
        }
        _ => return None,
    })
}

impl Message {
    /// The message as text: value, end and key, or `h` and an instant.
    pub(super) fn text(&self) -> String {
        match self {
            Message::Entry(StateEntry { key, knowledge, end }) => {
                format!("{} {} {key}", value(*knowledge), end.0)
            }
            Message::Heartbeat(at) => format!("h {}", at.0),
        }
    }

    /// The message of a text; `None` if it is none.
    pub(super) fn read(text: &str) -> Option<Message> {
        let (first, rest) = text.split_once(' ')?;
        if first == "h" {
            return Some(Message::Heartbeat(Tick(rest.parse().ok()?)));
        }
        let (end, key) = rest.split_once(' ')?;
        let (knowledge, end) = (knowledge(first)?, Tick(end.parse().ok()?));
        Some(Message::Entry(StateEntry { key: key.into(), knowledge, end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let entry = |key: &str, knowledge| {
            Message::Entry(StateEntry { key: key.into(), knowledge, end: Tick(7) })
        };
        let messages = [
            entry("a b", Knowledge::Revoked),
            entry("5", Knowledge::Version(12)),
            entry("", Knowledge::NotBefore(UnixTime(-3))),
            Message::Heartbeat(Tick(-9)),
        ];
        for message in messages {
            assert_eq!(Message::read(&message.text()), Some(message));
        }
        for text in ["", "r", "r 1", "x 1 key", "h soon", "v 1 key"] {
            assert_eq!(Message::read(text), None, "{text}");
        }
    }
}
