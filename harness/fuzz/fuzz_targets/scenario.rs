//! Any text as a scenario file: read or refused, without a panic.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::Presets;
use jwtbench_scenario::catalogue::source::Source;

fuzz_target!(|text: &str| {
    let presets = Presets::of(Source::Binary);
    let _ = Scenario::parse(Path::new("family/name.toml"), text, &presets);
});
