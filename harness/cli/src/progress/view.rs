//! The layout of progress: pure functions from figures to lines that fit. They use no colour, so
//! `NO_COLOR` needs no handling.

use std::time::Duration;

use jwtbench_engine::real::live_view::LiveFigures;
use jwtbench_report::quantity;

/// The most lines that are drawn; the rest is left out.
const MAX_LINES: usize = 6;
/// The separator between two items of a line.
const BETWEEN: &str = " · ";

/// The state that progress shows.
#[derive(Clone, Debug, Default)]
pub struct ProgressView {
    /// The number of finished rounds.
    pub done: u64,
    /// The number of all rounds.
    pub steps: u64,
    /// The current work.
    pub message: String,
    /// The remaining time; `None` if it is not known.
    pub left: Option<Duration>,
    /// The figures of the current round.
    pub look: Option<LiveFigures>,
}

impl ProgressView {
    /// The view as lines of at most `width` columns.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for group in [self.head(), self.round()] {
            let mut line = String::new();
            for item in group {
                let joined = line.chars().count() + BETWEEN.chars().count() + item.chars().count();
                if line.is_empty() {
                    line = cut(&item, width);
                } else if joined <= width {
                    line = line + BETWEEN + &item;
                } else {
                    lines.push(std::mem::replace(&mut line, cut(&item, width)));
                }
            }
            lines.extend(Some(line).filter(|line| !line.is_empty()));
        }
        lines.truncate(MAX_LINES);
        lines
    }

    /// The view as one line of any width.
    pub fn line(&self) -> String {
        self.head().into_iter().chain(self.round()).collect::<Vec<_>>().join(BETWEEN)
    }

    fn head(&self) -> Vec<String> {
        let mut items = vec![format!("{}/{}", self.done.min(self.steps), self.steps)];
        items.extend(self.left.map(|left| format!("{} left", clock(left))));
        items.extend(Some(self.message.clone()).filter(|message| !message.is_empty()));
        items
    }

    fn round(&self) -> Vec<String> {
        let Some(look) = &self.look else { return Vec::new() };
        let (at, length) = (look.at.as_secs_f64(), look.length.as_secs_f64());
        let achieved = quantity::rate(look.achieved_per_s);
        let mut items = vec![
            format!("{} {at:.1}/{length:.1} s", look.phase),
            match look.offered_per_s {
                Some(offered) => format!("{achieved} of {}", quantity::rate(offered)),
                None => achieved,
            },
        ];
        if let (Some(p50), Some(p99)) = (look.p50_ns, look.p99_ns) {
            let [p50, p99] = [p50, p99].map(|ns| quantity::nanoseconds(ns as f64));
            items.push(format!("p50 {p50}, p99 {p99}"));
        }
        items.extend(look.fetches.map(|fetches| match fetches {
            1 => "1 fetch".to_owned(),
            n => format!("{} fetches", quantity::count(n)),
        }));
        let verdict = |(code, count): &(&str, u64)| format!("{code} {}", quantity::count(*count));
        items.extend(look.verdicts.iter().map(verdict));
        items
    }
}

/// The text cut to at most `width` characters. If some are missing, the last one is an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(Some('…')).take(width).collect()
}

/// The remaining time, such as `under 1 s`, `5.7 s`, `42 s`, `1:20 min` or `2:05 h`: just fine
/// enough to be right within a twentieth. It is never zero, because the command is not yet done.
fn clock(left: Duration) -> String {
    match left.as_millis() {
        0..1_000 => return "under 1 s".to_owned(),
        1_000..9_950 => return format!("{:.1} s", left.as_secs_f64()),
        _ => {}
    }
    let seconds = left.as_secs_f64().round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> ProgressView {
        ProgressView {
            done: 12,
            steps: 48,
            message: "unknown-kid/beside-good-traffic ES256 core:aws-lc-rs".into(),
            left: Some(Duration::from_millis(80_100)),
            look: Some(LiveFigures {
                phase: "flood".into(),
                at: Duration::from_millis(4_210),
                length: Duration::from_secs(12),
                offered_per_s: Some(4_000.0),
                achieved_per_s: 3_998.2,
                p50_ns: Some(24_100),
                p99_ns: Some(1_240_000),
                verdicts: vec![("ACCEPT", 12_345), ("JWT_UNKNOWN_KID", 2_900)],
                fetches: Some(1),
            }),
        }
    }

    #[test]
    fn every_width_shows_what_fits_and_wraps_nothing() {
        for width in [1, 10, 20, 39, 79, 119] {
            let lines = view().lines(width);
            assert!(lines.len() <= MAX_LINES, "{width}: {lines:?}");
            for line in &lines {
                let fits = line.chars().count() <= width;
                assert!(fits && !line.is_empty() && !line.contains('\n'), "{width}: {line}");
            }
        }
    }

    #[test]
    fn nothing_is_lost_at_eighty_and_at_forty_columns() {
        let expected = [
            "12/48 · 1:20 min left · unknown-kid/beside-good-traffic ES256 core:aws-lc-rs",
            "flood 4.2/12.0 s · 4.00 k/s of 4.00 k/s · p50 24.1 µs, p99 1.24 ms · 1 fetch",
            "ACCEPT 12,345 · JWT_UNKNOWN_KID 2,900",
        ];
        assert_eq!(view().lines(79), expected);
        let narrow = view().lines(39).join("|");
        for part in ["1:20 min left", "flood 4.2/12.0 s", "p99 1.24 ms", "ACCEPT 12,345", "1 fetch"]
        {
            assert!(narrow.contains(part), "{part} is not in {narrow}");
        }
        assert_eq!(view().line(), expected.join(" · "), "piped, one line");
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let mut view = view();
        view.left = None;
        view.look = Some(LiveFigures { phase: "warm-up".into(), ..LiveFigures::default() });
        assert_eq!(view.lines(79).last().unwrap(), "warm-up 0.0/0.0 s · 0.00 /s");
        view.look = None;
        assert_eq!(ProgressView { message: String::new(), ..view }.lines(79), ["12/48"]);
    }

    #[test]
    fn time_left_takes_the_unit_that_fits() {
        let rows = [
            (0, "under 1 s"),
            (999, "under 1 s"),
            (1_000, "1.0 s"),
            (5_740, "5.7 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (59_499, "59 s"),
            (59_500, "1:00 min"),
            (7_500_000, "2:05 h"),
        ];
        for (millis, text) in rows {
            assert_eq!(clock(Duration::from_millis(millis)), text);
        }
    }
}
