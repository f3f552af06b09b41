//! Stored forms that somebody or something has changed: each is refused in words or rendered, and
//! never ends the program. Seeded, so that every run tries the same.

mod case;

use std::time::{Duration, Instant};

use case::{CAPACITY, DUEL, LOG, RUN, SIMULATION, try_case};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use jwtbench_engine::session::load;

/// Cases of one test; their scripts are as long as a case reads.
const CASES: u64 = 500;
const SCRIPT: usize = 96;
/// What one case may take on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(20);

/// Tries the cases of a seed: some are refused, and some are rendered.
fn try_many(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut rendered, mut faults) = (0, Vec::new());
    for number in 0..CASES {
        let mut script = [0; SCRIPT];
        random.fill_bytes(&mut script);
        // Neither JSON nor a log, but a script.
        script[0] &= 0x1f;
        let begun = Instant::now();
        let Ok(forms) = std::panic::catch_unwind(|| try_case(&script)) else {
            faults.push(format!("case {number}: panicked, as above"));
            continue;
        };
        if begun.elapsed() > LONGEST {
            faults.push(format!("case {number}: took {:?}", begun.elapsed()));
        }
        rendered += u64::from(!forms.is_empty());
        // A picture of nothing is no picture.
        for (_, text) in forms.iter().filter(|(name, text)| *name == "xml" && !text.is_empty()) {
            if let Err(error) = roxmltree::Document::parse(text) {
                faults.push(format!("case {number}: no XML: {error}"));
            }
        }
    }
    assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    assert!((CASES / 10..CASES).contains(&rendered), "{rendered} of {CASES} were rendered");
}

#[test]
fn changed_forms_are_refused_or_rendered_1() {
    try_many(1);
}

#[test]
fn changed_forms_are_refused_or_rendered_2() {
    try_many(2);
}

#[test]
fn changed_forms_are_refused_or_rendered_3() {
    try_many(3);
}

#[test]
fn changed_forms_are_refused_or_rendered_4() {
    try_many(4);
}

/// What was not changed is rendered: or the cases would try nothing.
#[test]
fn the_real_ones_are_rendered() {
    for text in [RUN, CAPACITY, SIMULATION, DUEL] {
        assert!(!try_case(text.as_bytes()).is_empty(), "{}", &text[..80]);
    }
    assert!(!try_case(LOG).is_empty(), "the log");
}

/// They stay small, and name nobody's machine.
#[test]
fn the_real_ones_are_small() {
    let size: usize = [RUN, CAPACITY, SIMULATION, DUEL].map(str::len).iter().sum();
    assert!(size + LOG.len() < 300_000, "{size} and {}", LOG.len());
}
