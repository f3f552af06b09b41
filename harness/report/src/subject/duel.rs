//! A duel in words, the same in every form: the figures, the verdict, its meaning and what to do
//! next. Pure; does no statistics itself.

pub(crate) mod mark;

use jwtbench_result::Wrong;
use jwtbench_result::duel::{
    Arm, ArmSetting, DuelMetric, DuelResult, Duels, LIMIT, MetricVerdict, WrongArm,
};
use jwtbench_result::statistics::{Decision, Estimate};

use crate::quantity;
use crate::subject::standing;

/// The verdict in words: `RS256 REGRESSED: A takes 31 % more time than B.`
pub(crate) fn verdict(duel: &DuelResult) -> String {
    format!("{} {}: {}.", duel.algorithm, duel.verdict, duel.reason)
}

/// A sentence on the planned duels that are missing because the command was cut short.
pub(crate) fn missing(duels: &Duels) -> Option<String> {
    let names = duels.missing.join(", ");
    (!names.is_empty()).then(|| {
        format!("CUT SHORT: a partial result, without {names}, which did not run to its end")
    })
}

/// A and B by name, each with the settings in which they differ.
pub(crate) fn sides(duel: &DuelResult) -> [String; 2] {
    let (mine, theirs) = (&duel.candidate_setting, &duel.base_setting);
    let side = |name: &str, setting: &ArmSetting, other: &ArmSetting| {
        let mut marks: Vec<String> = Vec::new();
        if setting.cache_policy != other.cache_policy {
            let cache_policy = standing::marked(&duel.cache_policies, &setting.cache_policy);
            marks.push(format!("cache policy {cache_policy}"));
        }
        if let Some(strategy) = &setting.state_strategy
            && setting.state_strategy != other.state_strategy
        {
            marks.push(format!("state strategy {strategy}"));
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

/// The conditions of the duel: scenario, blocks and seed. A cache policy that both arms share is
/// named if it needs a mark.
pub(crate) fn circumstances(duel: &DuelResult) -> String {
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

pub(crate) fn cells(metric: &MetricVerdict) -> [String; 9] {
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

/// The notes on what the columns mean.
pub(crate) fn notes(duels: &[DuelResult]) -> Vec<String> {
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

/// The threshold and p of each metric that decides, in one line.
pub(crate) fn sureness(duel: &DuelResult) -> String {
    let one = |metric: &MetricVerdict| {
        let p = metric.p_holm.map_or_else(String::new, |p| format!(", p (Holm) {p:.4}"));
        format!("{}: threshold {}{p}", metric.metric, percent(metric.threshold))
    };
    let gated = duel.metrics.iter().filter(|metric| metric.gated);
    format!("{}.", gated.map(one).collect::<Vec<String>>().join("; "))
}

pub(crate) fn control(duel: &DuelResult) -> Option<String> {
    let control = duel.control.as_ref()?;
    let Estimate { estimate, low, high } = control.ratio;
    let said = if control.moved { "favoured an arm" } else { "treated both arms alike" };
    Some(format!("Control kernel A/B {estimate:.3} [{low:.3}, {high:.3}]: the host {said}."))
}

pub(crate) fn wrong(duel: &DuelResult) -> Vec<String> {
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

/// The lines on what the verdict means and what to do next.
pub(crate) fn advice(duel: &DuelResult) -> Vec<String> {
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
