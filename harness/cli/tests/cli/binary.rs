//! The binary, as most tests of the command line call it: in the checkout.

use std::process::{Command, Output};

/// What comes of a command in the root of the checkout.
pub fn jwtbench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwtbench"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).args(args);
    command.output().expect("the binary runs")
}

/// The exit code is this one, and standard output or standard error holds these words.
pub fn check(output: &Output, code: i32, words: &[&str], reason: &str) {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    // Lines are broken to a width.
    let said = format!("{out}{err}").split_whitespace().collect::<Vec<&str>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{reason}: {said}");
    for word in words {
        assert!(said.contains(word), "{reason}: `{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{reason}: {said}");
}
