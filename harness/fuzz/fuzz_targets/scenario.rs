//! Any text as a scenario file: read or refused, without a panic.

#![no_main]

use std::path::Path;

use jwtbench::scenario::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let presets = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/cache-policies"));
    let _ = Scenario::parse(Path::new("family/name.toml"), text, presets);
});
