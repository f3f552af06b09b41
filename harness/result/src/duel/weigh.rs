//! From samples to verdicts: a pure function, so that an old duel can be weighed again. Blocks are
//! the unit. A block is left out only for what the host did, never for what an arm did.

use std::collections::BTreeMap;

use crate::host::noise::MAX_DROPPED;
use crate::statistics::{
    ALPHA, Bootstrap, Decision, Estimate, MetricEvidence, SignFlip, blocks_for_alpha,
    blocks_needed, decide, deviation, holm, median, minimum_effect, sign_flip,
};

use super::sentence::sum_up;
use super::{Arm, BlockNoise, DuelMetric, KernelCheck, MIN_BLOCKS, MetricVerdict, Ratios, Sample};

/// The least difference of the control kernel's ratio from 1 at which the host favoured an arm. The
/// kernel's interval of [`CONTROL_LEVEL`] must exclude 1 too.
pub const CONTROL_ROOM: f64 = 0.01;
/// The factor of cost from which a metric is a regression even if the verdict does not depend on
/// it.
pub const LIMIT: f64 = 2.0;
/// The level of the control kernel's interval: chance makes one duel in a thousand invalid. At 95 %
/// it would be one in twenty.
pub const CONTROL_LEVEL: f64 = 0.999;

/// The rules by which samples are weighed.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The thresholds that differ from the default, as fractions.
    pub thresholds: BTreeMap<DuelMetric, f64>,
    /// The metrics that the verdict depends on.
    pub gates: Vec<DuelMetric>,
    /// The factor of cost from which any other metric is a regression; `None` for never.
    pub limit: Option<f64>,
    /// The seed of resampling.
    pub seed: u64,
}

/// The result of weighing samples.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The verdict of all gated metrics together.
    pub verdict: Decision,
    /// Why, in a sentence.
    pub reason: String,
    /// The plain ratios; `None` if there is not a single whole block.
    pub ratio: Option<Ratios>,
    /// The verdict on each metric.
    pub metrics: Vec<MetricVerdict>,
    /// The control kernel.
    pub control: KernelCheck,
    /// The number of blocks left out.
    pub dropped: u32,
}

/// The log differences of one metric over blocks, and its medians over the rounds of A and B.
struct Differences {
    metric: DuelMetric,
    medians: [f64; 2],
    candidate: Vec<f64>,
    again: Vec<f64>,
}

/// The blocks that the host disturbed.
struct Disturbed<'n> {
    blocks: Vec<&'n BlockNoise>,
    fought: usize,
    may_drop: usize,
}

impl<'n> Disturbed<'n> {
    /// Collects the disturbed blocks of all `fought` blocks.
    fn of(noise: &'n [BlockNoise], fought: usize) -> Disturbed<'n> {
        let blocks = noise.iter().filter(|block| block.disturbed.is_some()).collect();
        Disturbed { blocks, fought, may_drop: (fought as f64 * MAX_DROPPED) as usize }
    }

    fn are_too_many(&self) -> bool {
        self.blocks.len() > self.may_drop
    }

    /// Whether this block is left out: it is disturbed, and the disturbed blocks are few enough to
    /// be left out.
    fn leaves_out(&self, block: u32) -> bool {
        !self.are_too_many() && self.blocks.iter().any(|disturbed| disturbed.block == block)
    }

    fn fault(&self) -> Option<String> {
        let first = self.blocks.first().filter(|_| self.are_too_many())?;
        let (count, fought, may_drop) = (self.blocks.len(), self.fought, self.may_drop);
        let reason = first.disturbed.as_deref().unwrap_or_default();
        Some(format!(
            "the host disturbed {count} of {fought} blocks, the first of them by {reason}; at most \
             {may_drop} may be left out: duel again when the host is quieter"
        ))
    }
}

/// Weighs the samples of a duel. A block without a record in `noise` counts as undisturbed.
pub fn weigh(samples: &[Sample], noise: &[BlockNoise], rules: &Rules) -> Weighed {
    let mut blocks: BTreeMap<u32, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        blocks.entry(sample.block).or_default().push(sample);
    }
    let fought = blocks.len();
    let disturbed = Disturbed::of(noise, fought);
    blocks.retain(|block, _| !disturbed.leaves_out(*block));
    let dropped = fought - blocks.len();
    let blocks: Vec<Vec<&Sample>> = blocks.into_values().collect();
    let control = control(&blocks, rules.seed);
    let differences =
        DuelMetric::ALL.into_iter().filter_map(|metric| Differences::of(metric, &blocks));
    let mut metrics = judge(differences.collect(), rules);
    let ratio = ratios(&metrics);
    let fault = disturbed.fault();
    let fault = fault.or_else(|| fault_of(blocks.len(), &control, &metrics, rules));
    if fault.is_some() {
        metrics.iter_mut().for_each(|metric| metric.decision = Decision::Invalid);
    }
    let (verdict, reason) =
        fault.map_or_else(|| sum_up(&metrics, rules.limit), |fault| (Decision::Invalid, fault));
    Weighed { verdict, reason, ratio, metrics, control, dropped: dropped as u32 }
}

/// The mean logarithm of `cost` over an arm's rounds of a block.
fn level(block: &[&Sample], arm: Arm, cost: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let rounds: Vec<f64> = block
        .iter()
        .filter(|sample| sample.arm == arm)
        .map(|sample| cost(sample).map(f64::ln))
        .collect::<Option<_>>()?;
    Some(rounds.iter().sum::<f64>() / rounds.len() as f64)
}

fn difference(block: &[&Sample], arm: Arm, cost: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    Some(level(block, arm, &cost)? - level(block, Arm::Base, &cost)?)
}

impl Differences {
    /// The differences of a metric; `None` if some round has no figure.
    fn of(metric: DuelMetric, blocks: &[Vec<&Sample>]) -> Option<Differences> {
        let cost = |sample: &Sample| metric.cost(&sample.reading);
        let over = |arm| {
            let each = blocks.iter().map(|block| difference(block, arm, cost));
            each.collect::<Option<Vec<f64>>>()
        };
        let (candidate, again) = (over(Arm::Candidate)?, over(Arm::Again)?);
        let median_of = |arm| {
            let rounds = blocks.iter().flatten().filter(|sample| sample.arm == arm);
            let figures = rounds.filter_map(|sample| metric.figure(&sample.reading));
            median(&figures.collect::<Vec<f64>>())
        };
        let medians = [Arm::Candidate, Arm::Base].map(median_of);
        (!candidate.is_empty()).then_some(Differences { metric, medians, candidate, again })
    }
}

fn control(blocks: &[Vec<&Sample>], seed: u64) -> KernelCheck {
    let cost = |sample: &Sample| Some(sample.reading.control_ns.max(1) as f64);
    let over = blocks.iter().filter_map(|block| difference(block, Arm::Candidate, cost));
    let resampled = Bootstrap::new(&over.collect::<Vec<f64>>(), seed);
    let ratio = resampled.estimate(0.95);
    let moved = resampled.estimate(CONTROL_LEVEL).excludes_one()
        && ratio.estimate.ln().abs() >= CONTROL_ROOM.ln_1p();
    KernelCheck { ratio, moved }
}

fn judge(differences: Vec<Differences>, rules: &Rules) -> Vec<MetricVerdict> {
    let is_gated = |metric: &DuelMetric| rules.gates.contains(metric);
    let tests: Vec<SignFlip> =
        differences.iter().map(|d| sign_flip(&d.candidate, rules.seed)).collect();
    let gated: Vec<usize> =
        (0..differences.len()).filter(|at| is_gated(&differences[*at].metric)).collect();
    let adjusted = holm(&gated.iter().map(|at| tests[*at].p).collect::<Vec<f64>>());
    let holm_of = |at: usize| gated.iter().position(|gate| *gate == at).map(|gate| adjusted[gate]);
    let verdict = |(at, difference): (usize, Differences)| {
        let metric = difference.metric;
        let bootstrap = Bootstrap::new(&difference.candidate, rules.seed);
        let same = Bootstrap::new(&difference.again, rules.seed);
        let mut verdict = MetricVerdict {
            metric,
            gated: is_gated(&metric),
            candidate: difference.medians[0],
            base: difference.medians[1],
            cost: bootstrap.estimate(0.95),
            cost_90: bootstrap.estimate(0.90),
            test: tests[at],
            p_holm: holm_of(at),
            threshold: rules.thresholds.get(&metric).copied().unwrap_or(metric.threshold()),
            floor: same.reach(0.95),
            same: same.estimate(0.95),
            minimum_effect: 0.0,
            blocks_needed: 0,
            decision: Decision::Inconclusive,
        };
        let spread = deviation(&difference.candidate);
        let blocks = difference.candidate.len();
        verdict.minimum_effect = minimum_effect(spread, blocks);
        verdict.blocks_needed = needed(&verdict, spread, blocks, gated.len());
        verdict.decision = decide(&MetricEvidence {
            wide: verdict.cost,
            narrow: verdict.cost_90,
            p: verdict.p_holm.unwrap_or(tests[at].p),
            threshold: verdict.threshold,
            floor: verdict.floor,
        });
        verdict
    };
    differences.into_iter().enumerate().map(verdict).collect()
}

/// The number of blocks that would separate this effect, with its spread, from the threshold. It is
/// enough for the test at its share of the error rate, and enough to bring the floor down to the
/// threshold.
fn needed(verdict: &MetricVerdict, spread: f64, blocks: usize, gates: usize) -> u32 {
    let effect = verdict.cost.estimate.ln().abs();
    let gap = (effect - verdict.threshold.ln_1p()).abs().exp_m1();
    let over = verdict.floor / verdict.threshold;
    let for_floor = if over > 1.0 { (over * over * blocks as f64).ceil() as u32 } else { 0 };
    let least = blocks_for_alpha(ALPHA, gates).max(MIN_BLOCKS);
    blocks_needed(spread, gap).max(for_floor).max(least)
}

fn ratios(metrics: &[MetricVerdict]) -> Option<Ratios> {
    let cost = |metric: DuelMetric| Some(metrics.iter().find(|m| m.metric == metric)?.cost);
    Some(Ratios {
        p50: cost(DuelMetric::P50)?,
        p99: cost(DuelMetric::P99)?,
        throughput: cost(DuelMetric::Throughput)?.inverse(),
        cpu: cost(DuelMetric::Cpu),
    })
}

/// The reason why the undisturbed blocks prove nothing; `None` if they do.
fn fault_of(
    left: usize,
    control: &KernelCheck,
    metrics: &[MetricVerdict],
    rules: &Rules,
) -> Option<String> {
    if left < MIN_BLOCKS as usize {
        return Some(format!(
            "{left} blocks are left, {MIN_BLOCKS} are the least; duel again with more --blocks"
        ));
    }
    if control.moved {
        let Estimate { estimate, low, high } = control.ratio;
        return Some(format!(
            "the control kernel ran at {estimate:.3} [{low:.3}, {high:.3}] times its time beside \
             the candidate: the host favoured an arm; duel again, with more --blocks"
        ));
    }
    let has_figure = |gate: &&DuelMetric| metrics.iter().any(|metric| metric.metric == **gate);
    let missing = rules.gates.iter().find(|gate| !has_figure(gate))?;
    Some(format!("{missing} has no figure in some round; make rounds longer (--duration)"))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{RngCore as _, SeedableRng as _};

    use super::super::{Reading, SLOTS, lineup};
    use super::*;
    use crate::host::noise::Noise;

    /// What a test plants: the candidate's cost relative to the base, and the noise of rounds.
    struct Planted {
        blocks: u32,
        cost: f64,
        noise: f64,
        control: f64,
        /// The number of first blocks that the host disturbs.
        disturbed: u32,
    }

    const PLAIN: Planted =
        Planted { blocks: 16, cost: 1.0, noise: 0.002, control: 1.0, disturbed: 0 };

    /// The rounds on a host that gets slower all the time, by one percent per block.
    fn samples(planted: &Planted) -> Vec<Sample> {
        let mut samples = Vec::new();
        for (block, arms) in (0u32..).zip(lineup(planted.blocks, 1)) {
            for (slot, arm) in (0u32..).zip(arms) {
                let place = block * SLOTS as u32 + slot;
                let drift = 1.0 + f64::from(place) * 0.01 / SLOTS as f64;
                let wobble = 1.0 + planted.noise * f64::from(place * 7919 % 13).sin();
                let is_candidate = arm == Arm::Candidate;
                let cost = if is_candidate { planted.cost } else { 1.0 } * drift * wobble;
                let control = if is_candidate { planted.control } else { 1.0 };
                let reading = Reading {
                    done: 1000,
                    p50_ns: (1e6 * cost) as u64,
                    p99_ns: (2e6 * cost) as u64,
                    throughput_per_s: 1e3 / cost,
                    cpu_ns_per_op: Some(1e6 * cost),
                    control_ns: (1e6 * control * wobble) as u64,
                };
                samples.push(Sample { block, slot, arm, reading });
            }
        }
        samples
    }

    fn rules() -> Rules {
        Rules { thresholds: BTreeMap::new(), gates: DuelMetric::ALL.to_vec(), limit: None, seed: 1 }
    }

    /// The noise of the planted blocks, the first of which the host disturbed.
    fn noise(planted: &Planted) -> Vec<BlockNoise> {
        let block = |block: u32| {
            let others = Some(if block < planted.disturbed { 0.5 } else { 0.0 });
            BlockNoise::of(block, Noise { others, ..Noise::default() })
        };
        (0..planted.blocks).map(block).collect()
    }

    fn weighed(planted: &Planted) -> Weighed {
        weigh(&samples(planted), &noise(planted), &rules())
    }

    #[test]
    fn samples_become_a_verdict() {
        use Decision::{Equivalent, Improved, Inconclusive, Invalid, Regressed};
        let rows = [
            (PLAIN, Equivalent, "base against base, whatever the drift"),
            (Planted { cost: 1.05, ..PLAIN }, Regressed, "5 % slower"),
            (Planted { cost: 0.95, ..PLAIN }, Improved, "5 % faster"),
            (Planted { cost: 1.01, ..PLAIN }, Equivalent, "1 % is below the threshold"),
            (Planted { cost: 1.05, noise: 0.3, ..PLAIN }, Inconclusive, "noise hides it"),
            (Planted { cost: 1.5, blocks: 6, ..PLAIN }, Inconclusive, "6 blocks, four gates"),
            (Planted { cost: 1.5, blocks: 8, ..PLAIN }, Regressed, "8 blocks pass Holm"),
            (Planted { cost: 1.5, blocks: 5, ..PLAIN }, Invalid, "too few"),
            (Planted { cost: 1.5, blocks: 0, ..PLAIN }, Invalid, "none"),
            (Planted { cost: 1.5, control: 1.02, ..PLAIN }, Invalid, "the host moved too"),
            (Planted { cost: 1.5, disturbed: 3, ..PLAIN }, Regressed, "3 of 16 left out"),
            (Planted { cost: 1.5, disturbed: 4, ..PLAIN }, Invalid, "4 of 16 are too many"),
            (Planted { disturbed: 16, ..PLAIN }, Invalid, "a neighbour is never equality"),
            (Planted { disturbed: 1, blocks: 6, ..PLAIN }, Invalid, "5 are left"),
        ];
        for (planted, expected, why) in rows {
            let weighed = weighed(&planted);
            assert_eq!(weighed.verdict, expected, "{why}: {}", weighed.reason);
            let is_invalid = |metric: &MetricVerdict| metric.decision == Invalid;
            let invalid = weighed.metrics.iter().all(is_invalid) && expected == Invalid;
            assert!(invalid || !weighed.metrics.iter().any(is_invalid), "{why}");
        }
    }

    /// The first blocks are disturbed, and the candidate is slow in these alone.
    #[test]
    fn a_disturbed_block_is_left_out_until_too_many_are() {
        let rows = [
            (0, 0, 1.0, "nothing disturbed"),
            (3, 3, 1.0, "a fifth of them, and what they said is gone"),
            (4, 0, 1.0, "one more: all stay in, and the median with them"),
            (16, 0, 3.0, "all of them: a figure all the same"),
        ];
        for (disturbed, dropped, ratio, why) in rows {
            let planted = Planted { disturbed, noise: 0.0, ..PLAIN };
            let mut samples = samples(&planted);
            let slow =
                |sample: &&mut Sample| sample.block < disturbed && sample.arm == Arm::Candidate;
            samples.iter_mut().filter(slow).for_each(|sample| sample.reading.p50_ns *= 3);
            let weighed = weigh(&samples, &noise(&planted), &rules());
            assert_eq!(weighed.dropped, dropped, "{why}");
            let p50 = weighed.ratio.expect("figures").p50;
            assert!((p50.estimate - ratio).abs() < 0.01, "{why}: {p50:?}");
            let is_invalid = weighed.verdict == Decision::Invalid;
            assert_eq!(is_invalid, disturbed > 3, "{why}: {}", weighed.reason);
            let words =
                format!("the host disturbed {disturbed} of 16 blocks, the first of them by");
            assert_eq!(weighed.reason.contains(&words), is_invalid, "{why}: {}", weighed.reason);
        }
    }

    /// Rounds with seeded log-normal noise about a true ratio, without drift.
    fn drawn(ratio: f64, noise: f64, seed: u64) -> Vec<Sample> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut unit = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
        let mut samples = samples(&PLAIN);
        for sample in &mut samples {
            let angle = std::f64::consts::TAU * unit();
            let normal = (-2.0 * unit().ln()).sqrt() * libm::cos(angle);
            let cost = if sample.arm == Arm::Candidate { ratio } else { 1.0 };
            sample.reading.p50_ns = (1e6 * cost * (noise * normal).exp()) as u64;
            sample.reading.cpu_ns_per_op = None;
        }
        samples
    }

    /// The verdicts of duels on a true ratio. `scripts/statistics` tests the same at length, with
    /// its own draws and samples.
    #[test]
    fn noise_is_never_equality_and_seldom_a_change() {
        use Decision::{Equivalent, Improved, Inconclusive, Regressed};
        /// The true ratio, the noise, the verdicts, the range for the number of duels that give one
        /// of them, and the reason.
        type Row<'r> = (f64, f64, &'r [Decision], [u64; 2], &'r str);
        const DUELS: u64 = 20;
        let rows: [Row<'_>; 4] = [
            (1.10, 0.15, &[Equivalent], [0, 1], "10 % under a noise of 15 % is not equal"),
            (1.00, 0.15, &[Regressed, Improved], [0, 1], "noise is no change"),
            (1.00, 0.15, &[Inconclusive], [19, 20], "and noise is not equality"),
            (1.00, 0.005, &[Equivalent], [19, 20], "a quiet host tells equals"),
        ];
        for (ratio, noise, of, [least, most], why) in rows {
            let says = |seed: u64| {
                let rules = Rules { gates: vec![DuelMetric::P50], seed, ..rules() };
                weigh(&drawn(ratio, noise, seed), &[], &rules).verdict
            };
            let hits = (0..DUELS).filter(|seed| of.contains(&says(*seed))).count() as u64;
            assert!((least..=most).contains(&hits), "{why}: {hits} of {DUELS}");
        }
    }

    #[test]
    fn a_ratio_is_of_the_candidate_over_the_base() {
        let weighed = weighed(&Planted { cost: 1.25, ..PLAIN });
        let ratio = weighed.ratio.expect("figures");
        let near = |got: f64, expected: f64| (got - expected).abs() < 0.005;
        assert!(near(ratio.p50.estimate, 1.25) && near(ratio.p99.estimate, 1.25), "{ratio:?}");
        assert!(near(ratio.throughput.estimate, 0.8), "the plain ratio: {ratio:?}");
        assert!(near(ratio.cpu.expect("cpu").estimate, 1.25), "{ratio:?}");
        let throughput = &weighed.metrics[2];
        assert!(near(throughput.cost.estimate, 1.25), "the cost: {throughput:?}");
        assert!(throughput.floor < 0.01 && near(throughput.same.estimate, 1.0));
    }

    #[test]
    fn a_metric_without_figures_is_no_gate_that_passes() {
        let mut without = samples(&Planted { cost: 1.0, ..PLAIN });
        without.iter_mut().for_each(|sample| sample.reading.cpu_ns_per_op = None);
        let weighed = weigh(&without, &[], &rules());
        assert_eq!(weighed.verdict, Decision::Invalid);
        assert!(weighed.reason.starts_with("cpu has no figure"), "{}", weighed.reason);
        let gates = vec![DuelMetric::P50, DuelMetric::P99];
        let weighed = weigh(&without, &[], &Rules { gates, ..rules() });
        assert_eq!(weighed.verdict, Decision::Equivalent, "an open loop gates latency alone");
        assert_eq!(weighed.metrics.iter().filter(|metric| metric.gated).count(), 2);
        without[3].reading.done = 0;
        assert_eq!(weigh(&without, &[], &rules()).verdict, Decision::Invalid, "an empty round");
    }

    #[test]
    fn blocks_needed_grow_with_the_noise_and_near_the_threshold() {
        let needed = |cost: f64, noise: f64| {
            weighed(&Planted { cost, noise, ..PLAIN }).metrics[0].blocks_needed
        };
        assert_eq!(needed(1.0, 0.002), 8, "the least for four gates");
        assert!(needed(1.0, 0.3) > 16, "noise");
        assert!(needed(1.0299, 0.05) > needed(1.0, 0.05), "at the edge of the threshold");
    }
}
