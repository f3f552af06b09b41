//! State strategies in files of their own: a preset by name, or a user's file. Every fault names
//! the file, line, key and remedy.

mod check;
mod wire;

use std::path::Path;
use std::time::Duration;

use jwtbench_verifier::state_strategy::StateStrategy;

use crate::catalogue::source::Source;
use crate::format::bounded_file;
use crate::format::cache::About;
use crate::format::nearest::did_you_mean;
use crate::format::parse::{Checked, File};
use crate::format::policy_file::place;
use crate::model::state::NamedStrategy;

use wire::WireStrategy;

/// What to do about a key that there is not.
const REMEDY: &str = "scenarios/FORMAT.md lists the keys of a state strategy";

/// The folder of the strategies within a source.
pub(crate) const STRATEGIES: &str = "state-strategies";

/// A state strategy that was read from a file of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct StatePreset {
    /// The stem of the file.
    pub name: String,
    /// The strategy.
    pub strategy: StateStrategy,
    /// The lifetime that it gives to tokens; `None` to leave that to the scenario.
    pub token_lifetime: Option<Duration>,
    /// The description in the file, if it has one.
    pub about: Option<About>,
    /// The whole text of the file.
    pub text: String,
}

impl StatePreset {
    /// The strategy with its name.
    pub fn named(self) -> NamedStrategy {
        let StatePreset { name, strategy, token_lifetime, text, about: _ } = self;
        NamedStrategy { name, strategy, token_lifetime, text }
    }
}

/// The strategies of a source of scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePresets(Source);

impl StatePresets {
    /// The strategies of this source.
    pub fn of(source: Source) -> StatePresets {
        StatePresets(source)
    }

    /// The names of the strategies, sorted. The list is empty if they cannot be read.
    pub fn names(&self) -> Vec<String> {
        self.0.stems(STRATEGIES).unwrap_or_default()
    }

    /// A strategy by name.
    ///
    /// # Errors
    /// If there is no such strategy, or its first fault, with its key.
    pub fn read(&self, name: &str) -> Result<StatePreset, String> {
        let path = self.0.path(STRATEGIES, name);
        let Ok(text) = self.0.read(STRATEGIES, name) else {
            let known = self.names();
            let meant = did_you_mean(name, known.iter().map(String::as_str));
            return Err(format!("no state strategy `{name}`{meant}; known: {}", known.join(", ")));
        };
        parse(&path, &text).map_err(|fault| fault.to_string())
    }

    /// The strategy that `--state-strategy` names. The name of a user's own file ends in `.toml`;
    /// any other name is that of a preset.
    ///
    /// # Errors
    /// If there is no such strategy, or it has a fault, or the user's file has the name of a
    /// preset.
    pub fn read_named(&self, given: &str) -> Result<StatePreset, String> {
        let path = Path::new(given);
        if !given.ends_with(".toml") {
            return self.read(given).map_err(|fault| {
                format!("--state-strategy {given}: {fault}, or the path of a .toml file")
            });
        }
        let text = bounded_file::read_to_string(path, bounded_file::POLICY).map_err(|error| {
            format!("{given}: cannot be read ({error}); name a state strategy, in TOML")
        })?;
        let preset = parse(path, &text).map_err(|fault| fault.to_string())?;
        let name = &preset.name;
        if self.names().contains(name) && !self.0.is_file(STRATEGIES, name, path) {
            return Err(format!("{given}: a strategy is called `{name}` already; rename the file"));
        }
        Ok(preset)
    }
}

/// Parses the text of the strategy at `path`.
///
/// # Errors
/// The first fault, with its line and key.
pub fn parse(path: &Path, text: &str) -> Checked<StatePreset> {
    let file = File { path, text };
    let mut wire: WireStrategy = match toml::from_str(text) {
        Ok(wire) => wire,
        Err(error) => return file.unreadable(&error, REMEDY),
    };
    let (about, token_lifetime) = (wire.take_about(), wire.token_lifetime());
    let strategy = match wire.resolve() {
        Ok(strategy) => strategy,
        Err(fault) => {
            let key = fault.split('`').nth(1).unwrap_or_default();
            return file.fault(place(text, key), fault);
        }
    };
    let stem = path.file_stem().unwrap_or_default();
    let name = stem.to_string_lossy().into_owned();
    Ok(StatePreset { name, strategy, token_lifetime, about, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StatePreset, String> {
        parse(Path::new("mine.toml"), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn every_shipped_strategy_is_valid_and_says_what_it_is() {
        let presets = StatePresets::of(Source::Binary);
        let names = presets.names();
        assert!(names.len() >= 25 && names.contains(&"default".to_owned()), "{names:?}");
        for name in names {
            let preset = presets.read(&name).unwrap_or_else(|fault| panic!("{fault}"));
            let about = preset.about.unwrap_or_else(|| panic!("{name} has no `about`"));
            let is_like = name.ends_with("-like");
            assert!(!is_like || about.source.is_some(), "{name} names no source");
            assert!(!is_like || about.checked.is_some(), "{name} does not say what was checked");
        }
    }

    /// The text of a strategy, what is said of it, and why.
    const FAULTS: &[(&str, &str, &str)] = &[
        ("", "`carrier` is missing; write \"none\"", "nothing"),
        ("carrier = \"smoke\"", "`carrier`: unknown variant `smoke`, expected one of", "a word"),
        ("carrier = \"poll\"", "`poll-interval` is missing", "what it needs"),
        ("carrier = \"push\"", "`push-delivery` is missing", "what it needs"),
        (
            "carrier = \"ask\"\npoll-interval = \"5s\"",
            "mine.toml:2: `poll-interval` has no effect under carrier \"ask\"",
            "no effect",
        ),
        (
            "carrier = \"poll\"\npoll-interval = \"5s\"\ncache = \"5s\"",
            "mine.toml:3: `cache` has no effect under carrier \"poll\"",
            "no effect",
        ),
        (
            "carrier = \"ask\"\nnegative-cache = \"5s\"",
            "`negative-cache` has no effect without `cache`",
            "beside another",
        ),
        (
            "carrier = \"ask\"\ncoalescing = \"batch\"",
            "write `batch-window` and `batch-size`",
            "a batch of nothing",
        ),
        ("carrier = \"ask\"\nbreaker-failures = 0", "`breaker-failures` is 0", "never closed"),
        (
            "carrier = \"poll\"\npoll-interval = \"0s\"",
            "`poll-interval` is 0s, which is not in 1ms..=400d",
            "no time",
        ),
        (
            "carrier = \"push\"\npush-delivery = \"at-most-once\"",
            "`cold-start` must be \"open\"",
            "a cold start without an end",
        ),
        (
            "carrier = \"push\"\npush-delivery = \"replay\"\non-gap = \"resync\"",
            "`on-gap` is \"resync\", and there is no list",
            "nothing to ask for",
        ),
        ("carrier = \"none\"\nkey = \"jti\"", "`key` has no effect", "nobody looks"),
        (
            "carrier = \"memory\"\nstale-up-to = \"5m\"",
            "`stale-up-to` has no effect",
            "it is never stale",
        ),
        ("carrier = \"ask\"\nmax-waits = 0", "`max-waits` is 0", "nobody may wait"),
        ("carrier = \"ask\"\nretries = 101", "at most 100", "without an end"),
        (
            "carrier = \"memory\"\nkey = \"version\"\nfilter = 0.1\n\
                 filter-last-word = \"none\"",
            "a filter knows no version",
            "a level",
        ),
        (
            "carrier = \"memory\"\nfilter = 1.5",
            "`filter` is 1.5, which is no share",
            "more than all",
        ),
        (
            "carrier = \"ask\"\ncache = \"exp\"\ncache-capped-at-exp = false",
            "`cache-capped-at-exp` is false, and `cache` ends with the token",
            "for ever",
        ),
        (
            "carrier = \"ask\"\ncache = \"5s\"\ntracking = \"resync\"",
            "`tracking` is \"resync\"",
            "no list",
        ),
        ("carrier = \"none\"\npol = 1", "unknown field `pol`", "a slip"),
        (
            "carrier = \"none\"\non-failure = \"closed-500\"",
            "expected one of `open`, `closed-503`, `closed-401`, `closed-403`",
            "a status that it never has",
        ),
    ];

    #[test]
    fn faults_name_the_key_and_the_remedy() {
        for (text, expected, reason) in FAULTS {
            let fault = read(text).expect_err(reason);
            assert!(fault.contains("mine.toml"), "{reason}: no file in {fault}");
            assert!(fault.contains(expected), "{reason}: `{expected}` is not in: {fault}");
        }
    }

    #[test]
    fn words_and_spans_become_values() {
        use jwtbench_verifier::state_strategy::{ColdStart, LastWord, OnOutage, Prune};
        let text = "carrier = \"push-and-poll\"\nkey = \"session\"\npush-delivery = \"replay\"\n\
                    heartbeat = \"2s\"\npoll-interval = \"5s\"\nstale-up-to = \"forever\"\n\
                    cold-start = \"1s\"\non-failure = \"closed-401\"\nprune = \"1h\"\n\
                    filter = 0.01\nfilter-last-word = \"store\"\nretries = 2\n\
                    token-lifetime = \"5m\"\n";
        let StatePreset { name, strategy, token_lifetime, .. } = read(text).unwrap();
        let feed = strategy.feed.unwrap();
        assert_eq!(name, "mine");
        assert_eq!(token_lifetime, Some(Duration::from_secs(300)));
        assert_eq!(feed.max_stale, Duration::MAX);
        assert_eq!(feed.cold_start, ColdStart::Wait(Duration::from_secs(1)));
        assert_eq!(feed.push.unwrap().heartbeat, Some(Duration::from_secs(2)));
        assert_eq!(strategy.on_outage, OnOutage::Closed(401));
        assert_eq!(strategy.prune, Prune::After(Duration::from_secs(3600)));
        assert_eq!(strategy.filter.unwrap().last_word, LastWord::Store);
        assert_eq!(strategy.lookup.unwrap().retries, 2, "the store has the last word");
    }

    #[test]
    fn a_file_may_not_have_the_name_of_a_strategy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.toml");
        std::fs::write(&path, "carrier = \"none\"\n").unwrap();
        let presets = StatePresets::of(Source::Binary);
        let fault = presets.read_named(path.to_str().unwrap()).unwrap_err();
        assert!(fault.contains("is called `default` already"), "{fault}");
        let fault = presets.read_named("krakend-lik").unwrap_err();
        assert!(fault.contains("krakend-like"), "{fault}");
    }
}
