//! Schedules over all workers are what they claim to be: exponential gaps, or even ones.

use super::{LOAD, plan};

/// Arrivals of all workers as (instant, worker), in order.
fn union(text: &str) -> Vec<(i64, usize)> {
    let plan = plan(text);
    let mut all: Vec<(i64, usize)> = Vec::new();
    for (worker, schedule) in plan.schedules.iter().enumerate() {
        all.extend(schedule.iter().map(|arrival| (arrival.at.0, worker)));
    }
    all.sort_unstable();
    all
}

fn gaps(arrivals: &[(i64, usize)]) -> Vec<f64> {
    arrivals.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64).collect()
}

/// The Kolmogorov-Smirnov distance of gaps from an exponential distribution of this mean.
fn distance(mut gaps: Vec<f64>, mean: f64) -> f64 {
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let off = |(rank, gap): (usize, &f64)| {
        let expected = 1.0 - libm::exp(-gap / mean);
        let (below, above) = (rank as f64 / count, (rank + 1) as f64 / count);
        (expected - below).abs().max((above - expected).abs())
    };
    gaps.iter().enumerate().map(off).fold(0.0, f64::max)
}

/// Critical distance at the 1 % level for a known mean: 1.628 / √n (Smirnov, 1948).
fn critical(count: usize) -> f64 {
    1.628 / (count as f64).sqrt()
}

/// One worker's gaps have the mean of its own share; those of all have the mean of the whole.
#[test]
fn poisson_workers_superpose_to_one_process() {
    let rows = [("poisson", 1, true), ("poisson", 2, true), ("poisson", 7, true)];
    let evenly = [("constant", 1, false), ("constant", 2, false), ("constant", 7, false)];
    for (arrivals, workers, is_poisson) in rows.into_iter().chain(evenly) {
        let text = LOAD
            .replace("poisson", arrivals)
            .replace("workers = 1", &format!("workers = {workers}"))
            .replace("rate = 2000", "rate = 20000");
        let gaps = gaps(&union(&text));
        assert!((9_500..11_500).contains(&gaps.len()), "{} gaps in 520 ms", gaps.len());
        let (count, distance) = (gaps.len(), distance(gaps, 50_000.0));
        let is_near = distance < critical(count);
        assert_eq!(is_near, is_poisson, "{arrivals}, {workers} workers: {distance}");
    }
}

/// Two workers on one random stream would come in pairs: the test above must see that.
#[test]
fn the_distance_sees_workers_that_share_a_random_stream() {
    let one = union(&LOAD.replace("rate = 2000", "rate = 10000"));
    let twice: Vec<(i64, usize)> = one.iter().flat_map(|(at, _)| [(*at, 0), (*at, 1)]).collect();
    let gaps = gaps(&twice);
    let count = gaps.len();
    assert!(distance(gaps, 50_000.0) > critical(count));
}

#[test]
fn constant_workers_take_turns() {
    let text = LOAD.replace("poisson", "constant").replace("workers = 1", "workers = 3");
    let arrivals = union(&text);
    assert!(gaps(&arrivals).iter().all(|gap| (gap - 500_000.0).abs() <= 1.0), "evenly spaced");
    let in_turn = arrivals.windows(2).all(|pair| pair[1].1 == (pair[0].1 + 1) % 3);
    assert!(in_turn, "one after the other");
}
