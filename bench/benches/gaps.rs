//! Service times of operations that do not directly follow another one. Closed loops of one worker
//! take turns: back to back, after a gap that is spun, after the same gap slept, and after the
//! caches were evicted. The bench prints one table in Markdown, which `scripts/gaps` stores.

use std::hint::{black_box, spin_loop};
use std::time::Duration;

use jwtbench_bench::flags::{Flags, Task};
use jwtbench_bench::{ALGORITHMS, Line, Rig, SEED, plan};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::clock::{Stopwatch, pause, tighten_timer};
use jwtbench_scenario::issuer::signer::Signers;

/// The gap between arrivals in an open loop of 400 arrivals per second, a load of about 1 %.
const GAP: Duration = Duration::from_micros(2_500);
/// A size larger than the caches of one core and its share of the common cache.
const EVICTED_BYTES: usize = 64 << 20;
/// The size of a cache line.
const LINE_BYTES: usize = 64;
/// Operations in one turn of a loop. The loops take turns so that a change in the host's state
/// affects all of them alike.
const TURN: usize = 25;
/// Operations at the beginning of a turn that are not counted, because the previous loop still
/// affects them.
const UNCOUNTED: usize = 5;
/// The number of turns of each loop.
const TURNS: usize = 16;

/// The kind of gap between two operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    Spun,
    Slept,
    Evicted,
}

impl Gap {
    const ALL: [Gap; 4] = [Gap::None, Gap::Spun, Gap::Slept, Gap::Evicted];

    /// The heading of the gap's column.
    const fn name(self) -> &'static str {
        match self {
            Gap::None => "back to back",
            Gap::Spun => "gap spun",
            Gap::Slept => "gap slept",
            Gap::Evicted => "caches evicted",
        }
    }

    fn pass(self, memory: &mut [u8]) {
        match self {
            Gap::None => {}
            Gap::Slept => pause(GAP),
            Gap::Spun => {
                let stopwatch = Stopwatch::start();
                while stopwatch.elapsed() < GAP {
                    spin_loop();
                }
            }
            Gap::Evicted => {
                let lines = memory.iter_mut().step_by(LINE_BYTES);
                lines.for_each(|byte| *byte = black_box(*byte).wrapping_add(1));
            }
        }
    }
}

/// The service times of one loop in nanoseconds, in ascending order.
struct Services(Vec<u64>);

impl Services {
    fn at(&self, quantile: f64) -> f64 {
        let place = (self.0.len().saturating_sub(1)) as f64 * quantile;
        self.0.get(place as usize).map_or(f64::NAN, |ns| *ns as f64)
    }
}

/// Measures the service times of each loop; the loops take turns.
fn measure(line: &mut Line<'_>, turns: usize, memory: &mut [u8]) -> [Services; 4] {
    let mut services = Gap::ALL.map(|_| Services(Vec::with_capacity(turns * TURN)));
    for _ in 0..turns {
        for (gap, services) in Gap::ALL.into_iter().zip(&mut services) {
            for number in 0..TURN {
                gap.pass(memory);
                let stopwatch = Stopwatch::start();
                black_box(line.step());
                let took = stopwatch.elapsed();
                if number >= UNCOUNTED {
                    services.0.push(took.as_nanos() as u64);
                }
            }
        }
    }
    services.iter_mut().for_each(|services| services.0.sort_unstable());
    services
}

fn main() {
    let flags = Flags::parse(std::env::args().skip(1));
    let turns = match flags.task {
        Task::List => return println!("gaps: benchmark"),
        Task::Test => 1,
        Task::Measure => TURNS,
    };
    tighten_timer();
    let mut memory = vec![0; EVICTED_BYTES];
    let signers = Signers::new(SEED);
    let heads: Vec<&str> = Gap::ALL.iter().map(|gap| gap.name()).collect();
    println!("| service of a good token | {} |", heads.join(" | "));
    println!("|---|{}", "--:|".repeat(heads.len()));
    for name in ["core:ring", "core:aws-lc-rs"] {
        for algorithm in ALGORITHMS {
            let known = ContenderSpec::all().into_iter().find(|spec| spec.to_string() == name);
            let Some(spec) = known.filter(|spec| spec.supports(algorithm)) else { continue };
            let plan = plan("hot-path/accept", algorithm, &signers);
            let rig = Rig::new(&plan, spec);
            let mut line = rig.line("valid");
            line.assert_verdicts();
            let all = measure(&mut line, turns, &mut memory);
            line.assert_verdicts();
            let base = all[0].at(0.5);
            let cells = all.iter().map(|services| {
                let (p50, p90) = (services.at(0.5), services.at(0.9));
                format!("{:.1} µs ({:.2}×), p90 {:.1} µs", p50 / 1e3, p50 / base, p90 / 1e3)
            });
            println!("| {algorithm} `{name}` | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
}
