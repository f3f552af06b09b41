//! A duel as text for a terminal and as Markdown: the figures, the verdict, what it means and what
//! to do next. Pure; weighs nothing itself.

use crate::result::Wrong;
use crate::result::duel::{Arm, DuelResult, Metric, MetricVerdict, Setting, WrongArm};
use crate::result::statistics::{Decision, Estimate};

use super::TerminalStyle;
use super::markdown::cell::{code, plain, row};
use super::terminal::text::{Paint, Text};

/// The columns of both forms.
const HEAD: [&str; 7] =
    ["metric", "cost A/B", "95 % interval", "p (Holm)", "floor", "threshold", "says"];

/// The duel for a terminal or a pipe.
pub fn duel_terminal(duel: &DuelResult, style: TerminalStyle) -> String {
    let mut text = Text::new(style);
    if duel.machine.profile == "debug" {
        text.wrapped(Paint::Warning, "", "!! a debug build: its times mean nothing");
    }
    let [candidate, base] = sides(duel);
    text.line(Paint::Strong, &format!("Duel  A {candidate}"));
    text.line(Paint::Strong, &format!("      B {base}"));
    text.wrapped(Paint::Dim, "      ", &circumstances(duel));
    if duel.wrong.is_empty() {
        text.line(Paint::Plain, "");
        let rows: Vec<(Paint, Vec<String>)> = duel
            .metrics
            .iter()
            .map(|metric| (paint(metric.decision, metric.gated), cells(metric).to_vec()))
            .collect();
        text.table(1, &HEAD, &rows);
        text.line(Paint::Plain, "");
        for note in notes(duel) {
            text.wrapped(Paint::Dim, "  ", &note);
        }
    }
    for line in wrong(duel) {
        text.wrapped(Paint::Bad, "  ", &line);
    }
    let verdict = format!("{}: {}.", duel.verdict, duel.reason);
    text.line(Paint::Plain, "");
    text.wrapped(paint(duel.verdict, true), "", &verdict);
    for line in advice(duel) {
        text.wrapped(Paint::Plain, "  ", &line);
    }
    text.into_string()
}

/// The duel as Markdown, fit for a CI step summary.
pub fn duel_markdown(duel: &DuelResult) -> String {
    let [candidate, base] = sides(duel);
    let mut out = String::new();
    if duel.machine.profile == "debug" {
        out.push_str("> [!WARNING]\n> **A debug build: its times mean nothing.**\n\n");
    }
    out.push_str(&format!("## jwtbench duel: {}\n\n", duel.verdict));
    out.push_str(&format!("A {}, the candidate, against B {}.\n", code(&candidate), code(&base)));
    out.push_str(&format!("{}\n\n", plain(&circumstances(duel))));
    out.push_str(&format!("**{}: {}.**\n\n", duel.verdict, plain(&duel.reason)));
    for line in wrong(duel).iter().chain(&advice(duel)) {
        out.push_str(&format!("- {}\n", plain(line)));
    }
    if duel.wrong.is_empty() {
        out.push('\n');
        out.push_str(&row(&HEAD.map(str::to_owned)));
        out.push_str("|---|---:|---:|---:|---:|---:|---|\n");
        for metric in &duel.metrics {
            out.push_str(&row(&cells(metric)));
        }
        out.push('\n');
        for note in notes(duel) {
            out.push_str(&format!("{}\n", plain(&note)));
        }
    }
    let machine = &duel.machine;
    out.push_str(&format!(
        "\nPlan {}, corpus {}, {}, {}. Made with {}\n",
        code(&duel.plan_hash[..duel.plan_hash.len().min(12)]),
        code(&duel.corpus_hash[..duel.corpus_hash.len().min(12)]),
        plain(&machine.cpu),
        plain(&machine.kernel),
        code(&duel.command),
    ));
    out
}

/// A and B by name, with what tells them apart.
fn sides(duel: &DuelResult) -> [String; 2] {
    let (mine, theirs) = (&duel.candidate_setting, &duel.base_setting);
    let side = |name: &str, setting: &Setting, other: &Setting| {
        let mut marks: Vec<String> = Vec::new();
        if setting.cache_policy != other.cache_policy {
            marks.push(format!("cache policy {}", setting.cache_policy));
        }
        if setting.policy != other.policy {
            marks.push(format!("policy {}", setting.policy));
        }
        if setting.build != other.build {
            marks.push(format!("build {}", setting.build));
        }
        if setting.planted > 0.0 {
            marks.push(format!("planted {}", percent(setting.planted)));
        }
        let marks = marks.join(", ");
        if marks.is_empty() { name.to_owned() } else { format!("{name} ({marks})") }
    };
    [side(&duel.candidate, mine, theirs), side(&duel.base, theirs, mine)]
}

fn circumstances(duel: &DuelResult) -> String {
    let dropped = match duel.dropped_blocks {
        0 => String::new(),
        blocks => format!(", {blocks} of them left out for stolen time"),
    };
    format!(
        "{}, {}; {} blocks of A B B A or B A A B in seeded order{dropped}; seed {}.",
        duel.scenario, duel.algorithm, duel.blocks, duel.seed
    )
}

fn cells(metric: &MetricVerdict) -> [String; 7] {
    let Estimate { estimate, low, high } = metric.cost;
    let name = metric.metric.name();
    [
        if metric.gated { name.to_owned() } else { format!("({name})") },
        format!("{estimate:.3}"),
        format!("[{low:.3}, {high:.3}]"),
        metric.p_holm.map_or_else(|| "–".to_owned(), |p| format!("{p:.4}")),
        percent(metric.floor),
        percent(metric.threshold),
        metric.decision.to_string(),
    ]
}

fn notes(duel: &DuelResult) -> Vec<String> {
    let mut notes = vec![
        "Cost above 1: A is worse. Of the throughput this is the time per operation. The floor is \
         what B against itself showed in the same blocks."
            .to_owned(),
    ];
    if duel.metrics.iter().any(|metric| !metric.gated) {
        notes.push("A metric in brackets is shown and not judged by.".to_owned());
    }
    if let Some(control) = &duel.control {
        let Estimate { estimate, low, high } = control.ratio;
        let said = if control.moved { "favoured an arm" } else { "treated both arms alike" };
        notes.push(format!(
            "Control kernel A/B {estimate:.3} [{low:.3}, {high:.3}]: the host {said}."
        ));
    }
    notes
}

fn wrong(duel: &DuelResult) -> Vec<String> {
    let line = |WrongArm { arm, wrong }: &WrongArm| {
        let who = match arm {
            Arm::Candidate => &duel.candidate,
            Arm::Base | Arm::Again => &duel.base,
        };
        let Wrong { class, due, got, count } = wrong;
        format!("{who}: {class}: due {due}, got {got}, {count} times")
    };
    duel.wrong.iter().map(line).collect()
}

/// What the verdict means, and what to do next.
fn advice(duel: &DuelResult) -> Vec<String> {
    if !duel.wrong.is_empty() {
        let next = "Mend the verdicts first; `jwtbench check` shows them by scenario.";
        return vec![next.to_owned()];
    }
    let mut lines = match duel.verdict {
        Decision::Regressed => vec![
            "The difference is larger than chance and than this host's own noise. Run it again \
             with another --seed to see it twice before you act on it."
                .to_owned(),
        ],
        Decision::Improved => vec![
            "The difference is larger than chance and than this host's own noise, and no gated \
             metric got worse by as much."
                .to_owned(),
        ],
        Decision::Equivalent => vec![
            "This is a finding, not the lack of one: with 90 % of the resampled blocks the ratio \
             stays within the threshold."
                .to_owned(),
        ],
        Decision::Inconclusive => {
            vec!["No evidence of a difference, and none of equality.".to_owned()]
        }
        Decision::Invalid => vec!["Read no figure above as a result.".to_owned()],
    };
    let undecided = |metric: &&MetricVerdict| metric.gated && is_undecided(metric);
    lines.extend(duel.metrics.iter().filter(undecided).map(|m| doubt(m, duel)));
    lines
}

fn is_undecided(metric: &MetricVerdict) -> bool {
    metric.decision == Decision::Inconclusive
}

fn doubt(metric: &MetricVerdict, duel: &DuelResult) -> String {
    let name = metric.metric.name();
    let least = percent(metric.minimum_effect.max(metric.delta()));
    let is_noisy = metric.floor > metric.threshold;
    let why = if is_noisy { " (this host's noise, the floor, is above the threshold)" } else { "" };
    let next = match metric.blocks_needed {
        blocks if blocks > 1000 => "no practical number of blocks would settle it".to_owned(),
        blocks if blocks <= duel.blocks => {
            format!("it is close: try --blocks {}", (duel.blocks * 2).min(1000))
        }
        blocks => format!("about --blocks {blocks} would settle it"),
    };
    let other = if metric.metric == Metric::P99 { ", or a longer --duration" } else { "" };
    format!("{name}: the smallest effect it could have seen is {least}{why}; {next}{other}.")
}

/// A fraction as a percentage: `0.4 %`, `12 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn paint(decision: Decision, gated: bool) -> Paint {
    match decision {
        _ if !gated => Paint::Dim,
        Decision::Regressed => Paint::Bad,
        Decision::Improved | Decision::Equivalent => Paint::Good,
        Decision::Inconclusive | Decision::Invalid => Paint::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Machine;
    use crate::result::duel::{Control, DUEL_SCHEMA_VERSION};
    use crate::result::statistics::SignFlip;

    fn metric(metric: Metric, cost: f64, decision: Decision) -> MetricVerdict {
        let ratio = Estimate { estimate: cost, low: cost - 0.01, high: cost + 0.01 };
        MetricVerdict {
            metric,
            gated: metric != Metric::Cpu,
            cost: ratio,
            cost_90: ratio,
            test: SignFlip { p: 0.01, exact: true },
            p_holm: (metric != Metric::Cpu).then_some(0.03),
            threshold: metric.threshold(),
            floor: 0.004,
            same: Estimate { estimate: 1.0, low: 0.996, high: 1.004 },
            minimum_effect: 0.05,
            blocks_needed: 40,
            decision,
        }
    }

    fn duel(verdict: Decision, wrong: Vec<WrongArm>) -> DuelResult {
        let setting = Setting {
            cache_policy: "default".into(),
            policy: "scenario".into(),
            build: "this".into(),
            planted: 0.0,
        };
        DuelResult {
            schema_version: DUEL_SCHEMA_VERSION,
            command: "jwtbench duel `a` b".into(),
            started_at: String::new(),
            elapsed_s: 1.0,
            seed: 1,
            base: "core:ring".into(),
            candidate: "core:aws-lc-rs".into(),
            base_setting: Setting { policy: "old|.toml".into(), ..setting.clone() },
            candidate_setting: Setting { policy: "new<b>.toml".into(), ..setting },
            algorithm: "ES256".into(),
            scenario: "hot-path/accept".into(),
            plan_hash: "ab".repeat(32),
            corpus_hash: "cd".repeat(32),
            machine: Machine::default(),
            versions: Default::default(),
            verdict,
            reason: "because".into(),
            ratio: None,
            metrics: vec![
                metric(Metric::P50, 1.05, verdict),
                metric(Metric::P99, 1.02, Decision::Inconclusive),
                metric(Metric::Cpu, 1.05, Decision::Equivalent),
            ],
            control: Some(Control {
                ratio: Estimate { estimate: 1.0, low: 0.999, high: 1.001 },
                moved: verdict == Decision::Invalid,
            }),
            blocks: 16,
            in_turns: true,
            dropped_blocks: 1,
            wrong,
            samples: Vec::new(),
        }
    }

    /// Every verdict in both forms: what it says, and words it must not lack.
    #[test]
    fn a_duel_says_what_it_means_and_what_to_do() {
        let rows = [
            (Decision::Regressed, "another --seed"),
            (Decision::Improved, "no gated metric got worse"),
            (Decision::Equivalent, "a finding"),
            (Decision::Inconclusive, "none of equality"),
            (Decision::Invalid, "Read no figure"),
        ];
        for (verdict, words) in rows {
            let duel = duel(verdict, Vec::new());
            let text = duel_terminal(&duel, TerminalStyle { colour: false, width: 80 });
            let flat = text.split_whitespace().collect::<Vec<&str>>().join(" ");
            let markdown = duel_markdown(&duel);
            for form in [&flat, &markdown] {
                assert!(form.contains(&format!("{verdict}: because.")), "{form}");
                assert!(form.contains(words), "{verdict}: {form}");
                assert!(form.contains("p99: the smallest effect it could have seen is 10 %"));
                assert!(form.contains("about --blocks 40 would settle it"), "{form}");
                assert!(form.contains("(cpu)"), "shown, not judged by");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(!text.contains('\u{1b}'), "no colour where there shall be none");
            let favoured = verdict == Decision::Invalid;
            assert_eq!(flat.contains("favoured an arm"), favoured, "{flat}");
        }
    }

    #[test]
    fn noise_above_the_threshold_is_named() {
        for (floor, is_named) in [(0.32, true), (0.101, true), (0.10, false), (0.02, false)] {
            let mut duel = duel(Decision::Inconclusive, Vec::new());
            duel.metrics[1].floor = floor;
            let markdown = duel_markdown(&duel);
            let named = markdown.contains("(this host's noise, the floor, is above the threshold)");
            assert_eq!(named, is_named, "{floor}: {markdown}");
        }
    }

    #[test]
    fn names_of_files_stay_text() {
        let markdown = duel_markdown(&duel(Decision::Equivalent, Vec::new()));
        assert!(markdown.contains("`core:ring (policy old\\|.toml)`"), "{markdown}");
        assert!(markdown.contains("`jwtbench duel 'a' b`"), "{markdown}");
    }

    #[test]
    fn a_wrong_verdict_stands_without_figures() {
        let wrong =
            Wrong { class: "valid".into(), due: "ACCEPT".into(), got: "expired".into(), count: 3 };
        let duel = duel(Decision::Invalid, vec![WrongArm { arm: Arm::Candidate, wrong }]);
        let style = TerminalStyle { colour: false, width: 80 };
        for form in [duel_terminal(&duel, style), duel_markdown(&duel)] {
            assert!(form.contains("valid: due ACCEPT, got expired, 3 times"), "{form}");
            assert!(!form.contains("1.050") && !form.contains("95 % interval"), "{form}");
        }
    }
}
