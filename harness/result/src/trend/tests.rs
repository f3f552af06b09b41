//! Tests of trends over artificial results: a planted step, noise alone, and results under
//! different conditions.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use super::*;
use crate::{Machine, Round, SCHEMA_VERSION};

/// A result of one trial and its bound, made on that day. Each round costs this many times the
/// bound.
pub(crate) fn result(day: u32, rounds: &[f64]) -> RunResult {
    let machine = Machine {
        cpu: "Example CPU".into(),
        cores: 2,
        arch: "x86_64".into(),
        profile: "release".into(),
        kernel: "linux 6.1".into(),
        revision: Some(format!("rev{day}")),
        ..Machine::default()
    };
    let round = |cost: &f64| Round {
        done: 1_000,
        throughput_per_s: 1e9 / (cost * 10_000.0),
        p50_ns: (cost * 10_000.0) as u64,
        p99_ns: (cost * 20_000.0) as u64,
        ..Round::default()
    };
    let trial = |contender: &str, rounds: Vec<Round>| {
        let mut trial = Measurement {
            scenario: "hot-path/accept".into(),
            contender: contender.into(),
            algorithm: "ES256".into(),
            cache_policy: "default".into(),
            plan_hash: "a1".repeat(32),
            corpus_hash: "b2".repeat(32),
            rounds,
            ..Measurement::default()
        };
        trial.verdicts.judged = 1_000;
        trial
    };
    let bound = trial("raw:ring", rounds.iter().map(|_| round(&1.0)).collect());
    RunResult {
        schema_version: SCHEMA_VERSION,
        command: "jwtbench run".into(),
        started_at: format!("2026-{:02}-{:02}T09:00:00Z", 1 + day / 28, 1 + day % 28),
        elapsed_s: 5.0,
        seed: 1,
        partial: false,
        machine,
        versions: [("core:ring", "0.17.14"), ("jwtbench", "0.1.0")]
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .into(),
        scenarios: Vec::new(),
        cache_policies: Vec::new(),
        measurements: vec![trial("core:ring", rounds.iter().map(round).collect()), bound],
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// The trend of one result a day, each with the figures that `cost` gives for its day, changed by
/// `spoil`.
fn trend(days: u32, cost: impl Fn(u32) -> f64, spoil: impl Fn(u32, &mut RunResult)) -> Trend {
    let mut stored = Vec::new();
    // The newest comes first, because the trend must sort by time itself.
    for day in (0..days).rev() {
        let mut result = result(day, &[cost(day), cost(day) * 1.01, cost(day) * 0.99]);
        spoil(day, &mut result);
        stored.push(Stored { path: format!("runs/{day}"), result });
    }
    Trend::of(stored, TrackedMetric::P50OverBound, &|_| true)
}

/// Noise of about two percent around 1, the same for the same seed.
fn noise(seed: u64) -> impl Fn(u32) -> f64 {
    move |day| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed * 1_000 + u64::from(day));
        let uniform = || rng.next_u64() as f64 / u64::MAX as f64;
        1.0 + 0.02 * (std::iter::repeat_with(uniform).take(6).sum::<f64>() / 3.0 - 1.0)
    }
}

fn found(trend: &Trend) -> Option<&ChangePoint> {
    match &trend.series.first()?.change {
        Change::Found(change) => Some(change),
        _ => None,
    }
}

#[test]
fn a_planted_step_is_found_where_it_is() {
    for (days, at, size) in [(12, 6, 1.2), (20, 5, 1.1), (30, 22, 0.9), (40, 20, 1.05)] {
        let noise = noise(days.into());
        let cost = |day| noise(day) * if day < at { 1.0 } else { size };
        let trend = trend(days, cost, |day, result| {
            if day >= at {
                result.versions.insert("core:ring".into(), "0.18.0".into());
            }
        });
        let change = found(&trend).unwrap_or_else(|| panic!("{size} at {at} of {days}: {trend:?}"));
        let near = (change.first_after as u32).abs_diff(at);
        assert!(near <= 1, "{size} at {at} of {days}: {change:?}");
        assert!((change.ratio / size - 1.0).abs() < 0.02, "{size}: {change:?}");
        assert!(change.p < 0.01 && change.p_adjusted == change.p, "one test: {change:?}");
        assert_eq!(change.is_better, size < 1.0, "less is better");
        assert_eq!(trend.results[0].started_at, "2026-01-01T09:00:00Z", "by time");
        if near == 0 {
            assert_eq!(change.other, ["core:ring: 0.17.14 became 0.18.0"]);
        }
    }
}

#[test]
fn noise_alone_has_no_change_at_the_level() {
    let is_found = |seed: &u64| found(&trend(15, noise(*seed + 77), |_, _| {})).is_some();
    let hits = (0..100u64).filter(is_found).count();
    // 5 are expected. 11 or more come about once in eighty times, and the seeds are fixed.
    assert!(hits <= 10, "{hits} of 100");
}

#[test]
fn too_few_results_cannot_tell() {
    for (days, tells) in [(0, false), (1, false), (7, false), (8, true)] {
        let trend = trend(days, |day| if day < days / 2 { 1.0 } else { 2.0 }, |_, _| {});
        assert_eq!(found(&trend).is_some(), tells, "{days} results");
        if let Some(series) = trend.series.first().filter(|_| !tells) {
            let Change::TooFew { figures, needed } = series.change else { panic!("{series:?}") };
            assert_eq!((figures, needed), (days as usize, Some(8)));
        }
    }
}

#[test]
fn what_does_not_stand_alone_is_left_out_of_the_test() {
    // Every second result was disturbed, and looks ten times as slow.
    let cost = |day: u32| if day % 2 == 1 { 10.0 } else { 1.0 + f64::from(day) * 1e-4 };
    let trend = trend(24, cost, |day, result| {
        match day {
            3 => result.measurements[0].verdicts.wrong = 1,
            5 => result.partial = true,
            7 => result.machine.profile = "debug".into(),
            // The bound counts too.
            9 => result.measurements[1].noisy = Some("3 of 3 rounds".into()),
            day if day % 2 == 1 => result.measurements[0].noisy = Some("3 of 3 rounds".into()),
            _ => {}
        }
    });
    let series = &trend.series[0];
    let points = &series.points;
    assert_eq!(points.len(), 24);
    let shown = |day: usize| points[day].figure.map(|figure| figure.value.round());
    assert_eq!((shown(1), shown(5), shown(9)), (Some(10.0), Some(10.0), Some(10.0)), "marked");
    assert_eq!((shown(3), shown(7)), (None, None), "no figure at all");
    assert_eq!(points.iter().filter(|point| point.counted().is_some()).count(), 12);
    let left_out = |unsound| trend.left_out.get(&unsound).copied().unwrap_or(0);
    assert_eq!(left_out(Unsound::Disturbed), 9, "{:?}", trend.left_out);
    assert_eq!([Unsound::Wrong, Unsound::Partial, Unsound::Debug].map(left_out), [1; 3]);
    let change = found(&trend);
    assert!(change.is_none_or(|change| change.ratio < 1.01), "a drift of its own: {change:?}");
}

#[test]
fn results_that_are_not_alike_are_drawn_apart() {
    let spoil = |day: u32, result: &mut RunResult| match day % 3 {
        1 => result.machine.cpu = "Other CPU".into(),
        2 => result.measurements.iter_mut().for_each(|m| m.plan_hash = "c3".repeat(32)),
        _ => {}
    };
    let trend = trend(12, |_| 1.5, spoil);
    assert_eq!(trend.series.len(), 3);
    assert!(trend.series.iter().all(|series| series.points.len() == 4), "{:?}", trend.series);
    let apart: Vec<String> = trend.series.iter().map(|series| series.apart.join(", ")).collect();
    assert_eq!(
        apart,
        [
            "machine Example CPU, 2 cores, x86_64, plan a1a1a1a1",
            "machine Other CPU, 2 cores, x86_64, plan a1a1a1a1",
            "machine Example CPU, 2 cores, x86_64, plan c3c3c3c3",
        ]
    );
    let alike = self::trend(12, |_| 1.5, |_, _| {});
    assert!(alike.series.len() == 1 && alike.series[0].apart.is_empty());
}

#[test]
fn a_result_takes_part_once_and_with_its_time() {
    let mut stored: Vec<Stored> = (0..3)
        .map(|day| Stored { path: format!("runs/{day}"), result: result(day, &[1.5]) })
        .collect();
    stored.push(Stored { path: "a copy".into(), ..stored[1].clone() });
    let mut timeless = stored[2].clone();
    timeless.result.started_at = "yesterday".into();
    stored.push(timeless);
    let trend = Trend::of(stored, TrackedMetric::P50, &|m| m.contender == "core:ring");
    assert_eq!((trend.results.len(), trend.series.len()), (3, 1));
    assert_eq!(
        trend.set_aside,
        ["a copy: the same result as runs/1", "runs/2: does not say when it was made"]
    );
}

#[test]
fn many_trials_at_once_need_more_results() {
    let many = |days: u32| {
        let of_day = |day: u32| {
            let mut all = result(day, &[]);
            all.measurements.clear();
            for number in 0..40u32 {
                let cost = if day < days / 2 { 1.0 } else { 1.5 } + f64::from(day) * 1e-3;
                let mut one = result(day, &[cost]);
                let scenario = format!("hot-path/{number}");
                one.measurements.iter_mut().for_each(|m| m.scenario.clone_from(&scenario));
                all.measurements.append(&mut one.measurements);
            }
            Stored { path: format!("runs/{day}"), result: all }
        };
        Trend::of((0..days).map(of_day).collect(), TrackedMetric::P50OverBound, &|_| true)
    };
    let few = many(8);
    assert_eq!((few.series.len(), few.tests()), (40, 40));
    let Change::TooFew { figures: 8, needed: Some(needed) } = few.series[0].change else {
        panic!("8 results cannot tell 40 trials: {:?}", few.series[0].change)
    };
    assert!(needed > 8 && needed < 20, "{needed}");
    assert!(found(&many(20)).is_some(), "20 can");
}
