//! Duels as Markdown, fit for a CI step summary.

use jwtbench_result::duel::{DuelResult, Duels};

use crate::form::markdown::cell::{code, plain, row};
use crate::subject::duel::{
    advice, cells, circumstances, control, mark, missing, notes, sides, verdict, wrong,
};
use crate::subject::standing;

/// The columns of the table. A terminal has no room for p and threshold, so it shows them in a
/// note.
const HEAD: [&str; 9] =
    ["metric", "A", "B", "cost A/B", "95 % interval", "p (Holm)", "floor", "threshold", "says"];

/// Duels of the same two arms over several algorithms as Markdown, for a CI step summary.
pub fn duel_markdown(all: &Duels) -> String {
    let (duels, mut out) = (&all.duels, String::new());
    let Some(first) = duels.first() else {
        return out;
    };
    let [candidate, base] = sides(first);
    if first.machine.profile == "debug" {
        out.push_str("> [!WARNING]\n> **A debug build: its times mean nothing.**\n\n");
    }
    if let Some(line) = missing(all) {
        out.push_str(&format!("> [!WARNING]\n> **{}.**\n\n", plain(&line)));
    }
    let title = |duel: &DuelResult| format!("{} {}", duel.algorithm, duel.verdict);
    let titles = duels.iter().map(title).collect::<Vec<String>>().join(", ");
    out.push_str(&format!("## jwtbench duel: {}\n\n", plain(&titles)));
    out.push_str(&format!("A {}, the candidate, against B {}.\n", code(&candidate), code(&base)));
    out.push_str(&format!("{}\n\n", plain(&circumstances(first))));
    for line in standing::marks(&first.cache_policies) {
        out.push_str(&format!("{}\n\n", plain(&line)));
    }
    for duel in duels {
        out.push_str(&format!("- **{}**\n", plain(&verdict(duel))));
        for line in wrong(duel).iter().chain(&advice(duel)) {
            out.push_str(&format!("  - {}\n", plain(line)));
        }
    }
    for duel in duels.iter().filter(|duel| duel.wrong.is_empty()) {
        out.push_str(&format!(
            "\n### {}{}\n\n",
            plain(&duel.algorithm),
            mark::of_figures(&duel.noise, duel.dropped_blocks)
        ));
        out.push_str(&row(&HEAD.map(str::to_owned)));
        out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---|\n");
        for metric in &duel.metrics {
            out.push_str(&row(&cells(metric)));
        }
        let marks: Vec<String> = mark::of_blocks(&duel.noise)
            .iter()
            .map(|line| format!("- {}\n", plain(line)))
            .collect();
        if !marks.is_empty() {
            out.push_str(&format!("\n{}", marks.concat()));
        }
        if let Some(line) = control(duel) {
            out.push_str(&format!("\n{}\n", plain(&line)));
        }
    }
    if duels.iter().any(|duel| duel.wrong.is_empty()) {
        let notes = notes(duels).join(" ");
        out.push_str(&format!("\n{}\n", plain(&notes)));
    }
    for duel in duels {
        out.push_str(&format!(
            "\n{}: plan {}, corpus {}.",
            plain(&duel.algorithm),
            code(&beginning(&duel.plan_hash)),
            code(&beginning(&duel.corpus_hash)),
        ));
    }
    let machine = &first.machine;
    out.push_str(&format!(
        " {}, {}. Made with {}\n",
        plain(&machine.cpu),
        plain(&machine.kernel),
        code(&first.command),
    ));
    out
}

/// The beginning of a hash.
fn beginning(hash: &str) -> String {
    hash.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use jwtbench_result::duel::{
        Arm, ArmSetting, BlockNoise, DUEL_SCHEMA_VERSION, DuelMetric, KernelCheck, MetricVerdict,
        WrongArm,
    };
    use jwtbench_result::host::noise::Noise;
    use jwtbench_result::statistics::{Decision, Estimate, SignFlip};
    use jwtbench_result::{Machine, Wrong};

    use crate::TerminalStyle;
    use crate::form::terminal::duel::duel_terminal;

    use super::*;

    fn metric(metric: DuelMetric, cost: f64, decision: Decision) -> MetricVerdict {
        let ratio = Estimate { estimate: cost, low: cost - 0.01, high: cost + 0.01 };
        MetricVerdict {
            metric,
            gated: metric != DuelMetric::Cpu,
            candidate: 18_300.0,
            base: 17_100.0,
            cost: ratio,
            cost_90: ratio,
            test: SignFlip { p: 0.01, exact: true },
            p_holm: (metric != DuelMetric::Cpu).then_some(0.03),
            threshold: metric.threshold(),
            floor: 0.004,
            same: Estimate { estimate: 1.0, low: 0.996, high: 1.004 },
            minimum_effect: 0.05,
            blocks_needed: 40,
            decision,
        }
    }

    fn block(block: u32, others: f64) -> BlockNoise {
        BlockNoise::of(block, Noise { others: Some(others), ..Noise::default() })
    }

    fn duel(verdict: Decision, wrong: Vec<WrongArm>) -> DuelResult {
        let setting = ArmSetting {
            state_strategy: None,
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
            base_setting: ArmSetting { policy: "old|.toml".into(), ..setting.clone() },
            candidate_setting: ArmSetting { policy: "new<b>.toml".into(), ..setting },
            cache_policies: Vec::new(),
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
                metric(DuelMetric::P50, 1.05, verdict),
                metric(DuelMetric::P99, 1.02, Decision::Inconclusive),
                metric(DuelMetric::Cpu, 1.05, Decision::Equivalent),
            ],
            control: Some(KernelCheck {
                ratio: Estimate { estimate: 1.0, low: 0.999, high: 1.001 },
                moved: verdict == Decision::Invalid,
            }),
            blocks: 16,
            in_turns: true,
            dropped_blocks: 1,
            noise: vec![block(2, 0.0), block(3, 0.5)],
            wrong,
            samples: Vec::new(),
        }
    }

    /// Every verdict in both forms: its sentence, and the words that it must contain.
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
            let duels = Duels::new(vec![duel]);
            let text = duel_terminal(&duels, TerminalStyle { colour: false, width: 80 });
            let flat = text.split_whitespace().collect::<Vec<&str>>().join(" ");
            let markdown = duel_markdown(&duels);
            for form in [&flat, &markdown] {
                assert!(form.contains(&format!("{verdict}: because.")), "{form}");
                assert!(form.contains(words), "{verdict}: {form}");
                assert!(form.contains("p99: the smallest effect it could have seen is 10 %"));
                assert!(form.contains("about --blocks 40 would settle it"), "{form}");
                assert!(form.contains("(cpu)"), "shown, not judged by");
                let marks = ["ES256: 1 of 2 blocks left out", "d block 4: CPU time of other"];
                assert!(marks.iter().all(|mark| form.contains(mark)), "{form}");
                assert!(form.contains("18.3 µs") && form.contains("17.1 µs"), "{form}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(!text.contains('…'), "nothing is cut: {text}");
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
            let markdown = duel_markdown(&Duels::new(vec![duel]));
            let named = markdown.contains("(this host's noise, the floor, is above the threshold)");
            assert_eq!(named, is_named, "{floor}: {markdown}");
        }
    }

    #[test]
    fn verdicts_of_several_algorithms_come_before_their_figures() {
        let named = |algorithm: &str, verdict| DuelResult {
            algorithm: algorithm.into(),
            ..duel(verdict, Vec::new())
        };
        let duels = vec![named("RS256", Decision::Regressed), named("EdDSA", Decision::Equivalent)];
        let duels = Duels::new(duels);
        let style = TerminalStyle { colour: false, width: 80 };
        for form in [duel_terminal(&duels, style), duel_markdown(&duels)] {
            let verdicts = ["RS256 REGRESSED: because.", "EdDSA EQUIVALENT: because."];
            let places = verdicts.map(|words| form.find(words).expect(words));
            let figures = form.find("95 % interval").expect("figures");
            assert!(places[0] < places[1] && places[1] < figures, "{form}");
            assert_eq!(form.matches("does not decide").count(), 1, "a note is said once: {form}");
            assert_eq!(form.matches("core:ring").count(), 1, "and so are the sides: {form}");
        }
        let none = Duels::new(Vec::new());
        assert_eq!(duel_terminal(&none, style) + &duel_markdown(&none), "", "nothing was fought");
    }

    #[test]
    fn names_of_files_stay_text() {
        let markdown = duel_markdown(&Duels::new(vec![duel(Decision::Equivalent, Vec::new())]));
        assert!(markdown.contains("`core:ring (policy old\\|.toml)`"), "{markdown}");
        assert!(markdown.contains("`jwtbench duel 'a' b`"), "{markdown}");
    }

    #[test]
    fn a_wrong_verdict_stands_without_figures() {
        let wrong =
            Wrong { class: "valid".into(), due: "ACCEPT".into(), got: "expired".into(), count: 3 };
        let duel = duel(Decision::Invalid, vec![WrongArm { arm: Arm::Candidate, wrong }]);
        let style = TerminalStyle { colour: false, width: 80 };
        let duels = Duels::new(vec![duel]);
        for form in [duel_terminal(&duels, style), duel_markdown(&duels)] {
            assert!(form.contains("valid: due ACCEPT, got expired, 3 times"), "{form}");
            assert!(!form.contains("1.050") && !form.contains("95 % interval"), "{form}");
        }
    }

    #[test]
    fn duels_that_are_missing_are_named() {
        let planned = ["ES256", "EdDSA", "RS256"].map(str::to_owned);
        let duels = Duels::new(vec![duel(Decision::Improved, Vec::new())]).of_planned(&planned);
        let style = TerminalStyle { colour: false, width: 80 };
        for form in [duel_terminal(&duels, style), duel_markdown(&duels)] {
            assert!(form.contains("CUT SHORT: a partial result, without EdDSA, RS256"), "{form}");
        }
        let stored = serde_json::to_string(&duels).expect("JSON");
        let read: Duels = serde_json::from_str(&stored).expect("duels");
        assert_eq!(read.missing, ["EdDSA", "RS256"]);
    }
}
