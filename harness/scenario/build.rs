//! Puts every scenario and preset into this package.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Err(error) = ship() {
        println!("cargo::error=scenarios: {error}");
    }
}

/// Writes `FILES`, the path and the text of every TOML file in the folders of `scenarios`.
fn ship() -> std::io::Result<()> {
    let of = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_default());
    let root = of("CARGO_MANIFEST_DIR").join("scenarios");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = "/// Path below `scenarios/` and text.\n\
                     pub(super) static FILES: &[(&str, &str)] = &[\n"
        .to_owned();
    for folder in entries(&root)?.iter().filter(|path| path.is_dir()) {
        println!("cargo:rerun-if-changed={}", folder.display());
        let is_toml = |path: &&PathBuf| path.extension().is_some_and(|end| end == "toml");
        for file in entries(folder)?.iter().filter(is_toml) {
            let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy();
            let text = file.canonicalize()?;
            let _ =
                writeln!(files, "    ({name:?}, include_str!({:?})),", text.display().to_string());
        }
    }
    std::fs::write(of("OUT_DIR").join("shipped.rs"), files + "];\n")
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
