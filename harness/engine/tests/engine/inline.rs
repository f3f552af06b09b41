//! Scenarios written in a test, read as a file is.

use std::path::Path;

use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::Catalogue;

/// The scenario of this text, under the name `test/inline`.
pub fn scenario(text: &str) -> Scenario {
    let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
    let path = Path::new("test/inline.toml");
    Scenario::parse(path, text, &library.presets()).unwrap_or_else(|error| panic!("{error}"))
}
