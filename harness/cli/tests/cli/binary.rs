//! The binary, as the tests of the command line call it: in the checkout or in a folder of their
//! own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output};

/// The root of the checkout.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The binary, to be run in this folder.
pub fn command_in(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwtbench"));
    command.current_dir(folder);
    command
}

/// What comes of a command in the root of the checkout.
pub fn jwtbench(args: &[&str]) -> Output {
    command_in(Path::new(ROOT)).args(args).output().expect("the binary runs")
}

/// The same of a command in which `@name` is a file of this folder.
pub fn jwtbench_on(folder: &Path, args: &[&str]) -> Output {
    let named = |arg: &&str| match arg.strip_prefix('@') {
        Some(file) => folder.join(file).display().to_string(),
        None => (*arg).to_owned(),
    };
    let args: Vec<String> = args.iter().map(named).collect();
    command_in(Path::new(ROOT)).args(args).output().expect("the binary runs")
}

/// Writes the scenario of this name, which is family and file, below a folder, and gives its path.
pub fn scenario_file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(format!("{name}.toml"));
    fs::create_dir_all(path.parent().expect("a family")).expect("a folder is made");
    fs::write(&path, text).expect("a file is written");
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// Sends a signal, such as `INT`.
pub fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success(), "{signal} is sent");
}

/// The exit code is this one, and standard output or standard error holds these words.
pub fn check(output: &Output, code: i32, words: &[&str], reason: &str) {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    check_text(&all, output, code, words, reason);
}

/// The same where standard error has to hold them.
pub fn check_stderr(output: &Output, code: i32, words: &[&str], reason: &str) {
    check_text(&output.stderr, output, code, words, reason);
}

fn check_text(text: &[u8], output: &Output, code: i32, words: &[&str], reason: &str) {
    let text = String::from_utf8_lossy(text);
    // Lines are broken to a width.
    let said = text.split_whitespace().collect::<Vec<&str>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{reason}: {said}");
    for word in words {
        assert!(said.contains(word), "{reason}: `{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{reason}: {said}");
}
