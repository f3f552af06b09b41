//! Progress on a terminal; nothing when piped, in CI, or told to be quiet.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::scenario::plan::Minting;

/// What a person sees of a long run.
pub struct Progress {
    trials: ProgressBar,
    is_shown: bool,
}

impl Progress {
    /// Progress over `steps` rounds.
    pub fn new(steps: u64, quiet: bool) -> Progress {
        let is_shown =
            !quiet && std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let trials = ProgressBar::with_draw_target(Some(steps), target(is_shown));
        trials.set_style(style("{bar:24} {pos}/{len} {elapsed_precise} {wide_msg}"));
        trials.enable_steady_tick(Duration::from_millis(200));
        Progress { trials, is_shown }
    }

    /// What is being done now.
    pub fn say(&self, message: String) {
        self.trials.set_message(message);
    }

    /// One round is done.
    pub fn step(&self) {
        self.trials.inc(1);
    }

    /// Rounds that will not be run.
    pub fn skip(&self, rounds: u64) {
        self.trials.inc(rounds);
    }

    /// The ear of a mint: a bar of its own while tokens are signed.
    pub fn minting(&self) -> impl Fn(Minting) + Sync + use<> {
        let bar = ProgressBar::with_draw_target(Some(0), target(self.is_shown));
        bar.set_style(style("{bar:24} {pos}/{len} tokens signed {wide_msg}"));
        move |minting| match minting {
            Minting::Begin(count) => bar.set_length(count),
            Minting::One => {
                bar.inc(1);
                if bar.position() == bar.length().unwrap_or(0) {
                    bar.finish_and_clear();
                }
            }
        }
    }

    /// The end.
    pub fn finish(&self) {
        self.trials.finish_and_clear();
    }
}

fn target(is_shown: bool) -> ProgressDrawTarget {
    if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
