//! Tells the binary which compiler built it and from which revision: a result names both.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the revision stands for, from the package's folder.
const SOURCES: [&str; 17] = [
    "build.rs",
    "Cargo.toml",
    "src",
    "../engine/Cargo.toml",
    "../engine/src",
    "../report/Cargo.toml",
    "../report/src",
    "../result/Cargo.toml",
    "../result/src",
    "../scenario/Cargo.toml",
    "../scenario/build.rs",
    "../scenario/src",
    "../verifier/Cargo.toml",
    "../verifier/src",
    "../../Cargo.lock",
    "../../Cargo.toml",
    "../../scenarios",
];

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo:rustc-env=JWTBENCH_RUSTC={version}");
    println!("cargo:rerun-if-changed=build.rs");
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let revision = packaged(&package).or_else(|| checked_out(&package));
    println!("cargo:rustc-env=JWTBENCH_REVISION={}", revision.as_deref().unwrap_or("unknown"));
}

/// The revision that `cargo package` noted: `{"git":{"sha1":"…","dirty":true}}`.
fn packaged(package: &Path) -> Option<String> {
    let mut note = std::fs::read_to_string(package.join(".cargo_vcs_info.json")).ok()?;
    note.retain(|c| !c.is_whitespace());
    let (_, rest) = note.split_once("\"sha1\":\"")?;
    let revision = rest.get(..12).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some(marked(revision, note.contains("\"dirty\":true")))
}

/// The revision of the checkout that this package is a part of. A checkout of something else around
/// it does not count, and nothing that a checkout is set up to run is run.
fn checked_out(package: &Path) -> Option<String> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(package).arg("--no-optional-locks");
        command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(args);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        let output = command.output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    git(&["ls-files", "--error-unmatch", "--", "Cargo.toml"])?;
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    if let Some(gone) = SOURCES.iter().find(|path| !package.join(path).exists()) {
        println!("cargo::error=build.rs: {gone} is not there: the revision would not cover it");
    }
    let logs = ["HEAD", "logs/HEAD"].map(|name| git(&["rev-parse", "--git-path", name]));
    let watched = logs.iter().flatten().map(String::as_str).chain(SOURCES);
    // A path that is not there would have this run at every build.
    for path in watched.map(|path| package.join(path)).filter(|path| path.exists()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    let sources = SOURCES.into_iter().filter(|path| package.join(path).exists());
    let status: Vec<&str> = ["status", "--porcelain", "--"].into_iter().chain(sources).collect();
    Some(marked(&revision, !git(&status)?.is_empty()))
}

fn marked(revision: &str, has_changes: bool) -> String {
    format!("{revision}{}", if has_changes { "+" } else { "" })
}
