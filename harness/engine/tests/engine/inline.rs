//! Scenarios written in a test, read as a file is.

use std::path::Path;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::Catalogue;

/// The scenario of this text, under the name `test/inline`.
pub fn scenario(text: &str) -> Scenario {
    let path = Path::new("test/inline.toml");
    Scenario::parse(path, text, &catalogue().presets()).unwrap_or_else(|error| panic!("{error}"))
}

/// The scenarios and presets of this project.
pub fn catalogue() -> Catalogue {
    Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
}
