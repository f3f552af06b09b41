//! Tells the harness which compiler built it: a result names it.

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("--version").output();
    let version = version.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo:rustc-env=JWTBENCH_RUSTC={version}");
    println!("cargo:rerun-if-changed=build.rs");
}
