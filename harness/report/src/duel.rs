//! A duel as text for a terminal and as Markdown: the figures, the verdict, what it means and what
//! to do next. Pure; weighs nothing itself.

mod mark;

use jwtbench_result::Wrong;
use jwtbench_result::duel::{
    Arm, ArmSetting, DuelMetric, DuelResult, LIMIT, MetricVerdict, WrongArm,
};
use jwtbench_result::statistics::{Decision, Estimate};

use super::TerminalStyle;
use super::markdown::cell::{code, plain, row};
use super::quantity;
use super::standing;
use super::terminal::text::{Paint, TerminalText};

/// The columns of a page. A terminal has no room for p and threshold, which are in a note there.
const HEAD: [&str; 9] =
    ["metric", "A", "B", "cost A/B", "95 % interval", "p (Holm)", "floor", "threshold", "says"];
/// Those that a terminal has room for, and their heads there.
const NARROW: [(usize, &str); 7] = [
    (0, "metric"),
    (1, "A"),
    (2, "B"),
    (3, "cost"),
    (4, "95 % interval"),
    (6, "floor"),
    (8, "says"),
];

/// Duels of the same two over several algorithms, for a terminal or a pipe: every verdict, then
/// the figures.
pub fn duel_terminal(duels: &[DuelResult], style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    let Some(first) = duels.first() else {
        return text.into_string();
    };
    if first.machine.profile == "debug" {
        text.wrapped(Paint::Warning, "", "!! a debug build: its times mean nothing");
    }
    let [candidate, base] = sides(first);
    text.line(Paint::Strong, &format!("Duel  A {candidate}"));
    text.line(Paint::Strong, &format!("      B {base}"));
    text.wrapped(Paint::Dim, "      ", &circumstances(first));
    for line in standing::marks(&first.cache_policies) {
        text.wrapped(Paint::Dim, "      ", &line);
    }
    for duel in duels {
        text.line(Paint::Plain, "");
        text.wrapped(paint(duel.verdict, true), "", &verdict(duel));
        for line in wrong(duel) {
            text.wrapped(Paint::Bad, "  ", &line);
        }
        for line in advice(duel) {
            text.wrapped(Paint::Plain, "  ", &line);
        }
    }
    let head = NARROW.map(|(_, head)| head);
    for duel in duels.iter().filter(|duel| duel.wrong.is_empty()) {
        text.heading(&format!(
            "{}{}",
            duel.algorithm,
            mark::of_figures(&duel.noise, duel.dropped_blocks)
        ));
        let cells = |metric: &MetricVerdict| {
            let cells = cells(metric);
            (paint(metric.decision, metric.gated), NARROW.map(|(at, _)| cells[at].clone()).to_vec())
        };
        text.table(1, &head, &duel.metrics.iter().map(cells).collect::<Vec<_>>());
        for line in mark::of_blocks(&duel.noise) {
            text.wrapped(Paint::Warning, "  ", &line);
        }
        text.wrapped(Paint::Dim, "  ", &sureness(duel));
        if let Some(line) = control(duel) {
            text.wrapped(Paint::Dim, "  ", &line);
        }
    }
    if duels.iter().any(|duel| duel.wrong.is_empty()) {
        text.line(Paint::Plain, "");
        for note in notes(duels) {
            text.wrapped(Paint::Dim, "  ", &note);
        }
    }
    text.into_string()
}

/// Duels of the same two over several algorithms as Markdown, fit for a CI step summary.
pub fn duel_markdown(duels: &[DuelResult]) -> String {
    let mut out = String::new();
    let Some(first) = duels.first() else {
        return out;
    };
    let [candidate, base] = sides(first);
    if first.machine.profile == "debug" {
        out.push_str("> [!WARNING]\n> **A debug build: its times mean nothing.**\n\n");
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

/// The verdict in words: `RS256 REGRESSED: A takes 31 % more time than B.`
fn verdict(duel: &DuelResult) -> String {
    format!("{} {}: {}.", duel.algorithm, duel.verdict, duel.reason)
}

/// A and B by name, with what tells them apart.
fn sides(duel: &DuelResult) -> [String; 2] {
    let (mine, theirs) = (&duel.candidate_setting, &duel.base_setting);
    let side = |name: &str, setting: &ArmSetting, other: &ArmSetting| {
        let mut marks: Vec<String> = Vec::new();
        if setting.cache_policy != other.cache_policy {
            let cache_policy = standing::marked(&duel.cache_policies, &setting.cache_policy);
            marks.push(format!("cache policy {cache_policy}"));
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

/// What the duel was fought over. A cache policy that both have is named where it needs a mark.
fn circumstances(duel: &DuelResult) -> String {
    let (mine, theirs) = (&duel.candidate_setting.cache_policy, &duel.base_setting.cache_policy);
    let marked = standing::marked(&duel.cache_policies, mine);
    let under = match mine == theirs && marked != *mine {
        true => format!(" under {marked}"),
        false => String::new(),
    };
    format!(
        "{}{under}; {} blocks of A B B A or B A A B in seeded order; seed {}.",
        duel.scenario, duel.blocks, duel.seed
    )
}

fn cells(metric: &MetricVerdict) -> [String; 9] {
    let absolute = |figure: f64| match metric.metric {
        _ if figure <= 0.0 => "–".to_owned(),
        DuelMetric::Throughput => quantity::rate(figure),
        DuelMetric::P50 | DuelMetric::P99 | DuelMetric::Cpu => quantity::nanoseconds(figure),
    };
    let Estimate { estimate, low, high } = metric.cost;
    let name = metric.metric.name();
    [
        if metric.gated { name.to_owned() } else { format!("({name})") },
        absolute(metric.candidate),
        absolute(metric.base),
        format!("{estimate:.3}"),
        format!("[{low:.3}, {high:.3}]"),
        metric.p_holm.map_or_else(|| "–".to_owned(), |p| format!("{p:.4}")),
        percent(metric.floor),
        percent(metric.threshold),
        metric.decision.to_string(),
    ]
}

/// What the columns mean, said once.
fn notes(duels: &[DuelResult]) -> Vec<String> {
    let mut notes = vec![
        "A and B are medians over rounds. Cost is A's over B's: above 1, A is worse; of the \
         throughput it is the time per operation. The floor is what B against itself showed in \
         the same blocks."
            .to_owned(),
    ];
    if duels.iter().flat_map(|duel| &duel.metrics).any(|metric| !metric.gated) {
        notes.push(format!(
            "A metric in brackets is shown and does not decide, unless A costs {LIMIT} times as \
             much; --gate chooses what decides."
        ));
    }
    notes
}

/// Threshold and p of each metric that decides, in a line.
fn sureness(duel: &DuelResult) -> String {
    let one = |metric: &MetricVerdict| {
        let p = metric.p_holm.map_or_else(String::new, |p| format!(", p (Holm) {p:.4}"));
        format!("{}: threshold {}{p}", metric.metric, percent(metric.threshold))
    };
    let gated = duel.metrics.iter().filter(|metric| metric.gated);
    format!("{}.", gated.map(one).collect::<Vec<String>>().join("; "))
}

fn control(duel: &DuelResult) -> Option<String> {
    let control = duel.control.as_ref()?;
    let Estimate { estimate, low, high } = control.ratio;
    let said = if control.moved { "favoured an arm" } else { "treated both arms alike" };
    Some(format!("Control kernel A/B {estimate:.3} [{low:.3}, {high:.3}]: the host {said}."))
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
    let other = if metric.metric == DuelMetric::P99 { ", or a longer --duration" } else { "" };
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
    use jwtbench_result::Machine;
    use jwtbench_result::duel::{BlockNoise, DUEL_SCHEMA_VERSION, KernelCheck};
    use jwtbench_result::host::noise::Noise;
    use jwtbench_result::statistics::SignFlip;

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
            let duels = [duel];
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
            let markdown = duel_markdown(&[duel]);
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
        let duels = [named("RS256", Decision::Regressed), named("EdDSA", Decision::Equivalent)];
        let style = TerminalStyle { colour: false, width: 80 };
        for form in [duel_terminal(&duels, style), duel_markdown(&duels)] {
            let verdicts = ["RS256 REGRESSED: because.", "EdDSA EQUIVALENT: because."];
            let places = verdicts.map(|words| form.find(words).expect(words));
            let figures = form.find("95 % interval").expect("figures");
            assert!(places[0] < places[1] && places[1] < figures, "{form}");
            assert_eq!(form.matches("does not decide").count(), 1, "a note is said once: {form}");
            assert_eq!(form.matches("core:ring").count(), 1, "and so are the sides: {form}");
        }
        assert_eq!(duel_terminal(&[], style) + &duel_markdown(&[]), "", "nothing was fought");
    }

    #[test]
    fn names_of_files_stay_text() {
        let markdown = duel_markdown(&[duel(Decision::Equivalent, Vec::new())]);
        assert!(markdown.contains("`core:ring (policy old\\|.toml)`"), "{markdown}");
        assert!(markdown.contains("`jwtbench duel 'a' b`"), "{markdown}");
    }

    #[test]
    fn a_wrong_verdict_stands_without_figures() {
        let wrong =
            Wrong { class: "valid".into(), due: "ACCEPT".into(), got: "expired".into(), count: 3 };
        let duel = duel(Decision::Invalid, vec![WrongArm { arm: Arm::Candidate, wrong }]);
        let style = TerminalStyle { colour: false, width: 80 };
        let duels = [duel];
        for form in [duel_terminal(&duels, style), duel_markdown(&duels)] {
            assert!(form.contains("valid: due ACCEPT, got expired, 3 times"), "{form}");
            assert!(!form.contains("1.050") && !form.contains("95 % interval"), "{form}");
        }
    }
}
