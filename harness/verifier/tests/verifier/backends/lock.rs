//! What the lock file of the workspace says of a package.

/// The version of a package: the newest that the verifier names, else the only one. It names an
/// older one where its tests sign with that.
pub fn version(name: &str) -> &'static str {
    let lock = include_str!("../../../../../Cargo.lock");
    let package = |name: &str| {
        let header = format!("\nname = \"{name}\"\n");
        let mut found = lock.split("[[package]]").filter(move |text| text.contains(&header));
        (found.next().expect("the package"), found.next().is_none())
    };
    let (verifier, _) = package("jwtbench-verifier");
    let named = format!(" \"{name} ");
    let versions = verifier.lines().filter_map(|line| line.strip_prefix(&named));
    let newest = versions.map(|line| line.trim_end_matches("\",")).max_by_key(|version| {
        let numbers = version.split('.').map(|number| number.parse().expect("a number"));
        numbers.collect::<Vec<u32>>()
    });
    if let Some(version) = newest {
        return version;
    }
    let (text, only) = package(name);
    assert!(only, "several versions of {name}");
    let version = text.lines().find_map(|line| line.strip_prefix("version = \""));
    version.expect("a version").trim_end_matches('"')
}
