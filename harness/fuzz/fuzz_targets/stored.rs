//! Stored results, simulations, duels and histogram logs: changed as the input says, or taken from
//! it as they are, each is refused in words or rendered in every form.

#![no_main]

#[path = "../../engine/tests/engine/stored/case.rs"]
mod case;
// It needs no other part of the engine, which would be compiled for it alone.
#[path = "../../engine/src/session/load.rs"]
mod load;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = case::try_case(input);
});
