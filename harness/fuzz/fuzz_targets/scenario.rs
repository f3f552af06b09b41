//! Any text as a scenario file: read or refused, without a panic.

#![no_main]

use std::path::Path;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::cache::Presets;
use jwtbench_scenario::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let presets = Presets::of(Source::Binary);
    let _ = Scenario::parse(Path::new("family/name.toml"), text, &presets);
});
