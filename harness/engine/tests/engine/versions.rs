//! What contenders say of their versions is what is locked: a name and a number that no longer
//! belong together would credit a release with the figures of another.

use jwtbench_engine::contender::ContenderSpec;

/// A package of the lock file: name, version, and the packages that it uses, each with a version
/// where there are several.
struct Locked<'l> {
    name: &'l str,
    version: &'l str,
    uses: Vec<&'l str>,
}

fn locked() -> Vec<Locked<'static>> {
    let packages = include_str!("../../../../Cargo.lock").split("[[package]]").skip(1);
    packages.map(locked_package).collect()
}

fn locked_package(text: &'static str) -> Locked<'static> {
    let value = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        found.expect("a member").trim_matches('"')
    };
    let uses = text.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
    Locked { name: value("name"), version: value("version"), uses: uses.collect() }
}

/// Why what a contender says of its versions is not so.
fn fault(told: &str, locked: &[Locked<'_>]) -> Option<String> {
    let mut parts = told.split(", ").filter(|part| !part.starts_with("OpenSSL "));
    // A whole library stands first, and what it says besides is what it uses itself.
    let (name, version) = of_part(parts.next()?)?;
    let holds = |package: &&Locked<'_>| package.name == name && package.version == version;
    let Some(first) = locked.iter().find(holds) else {
        return Some(format!("{name} {version} is not locked"));
    };
    let wrong = parts.find(|part| {
        let Some((name, version)) = of_part(part) else { return true };
        let mut packages = locked.iter().filter(|package| package.name == name);
        let is_locked = packages.clone().any(|package| package.version == version);
        let is_used = first.uses.contains(&&*format!("{name} {version}"))
            || (first.uses.contains(&name) && packages.by_ref().count() == 1);
        let is_library = told.contains('(');
        !is_locked || (is_library && !is_used)
    });
    wrong.map(|part| format!("{name} {version} does not use {part}"))
}

/// Name and version; a feature in brackets is neither.
fn of_part(part: &str) -> Option<(&str, &str)> {
    let mut words = part.split(' ');
    Some((words.next()?, words.next()?))
}

#[test]
fn versions_are_those_of_the_lock_file() {
    let locked = locked();
    for spec in ContenderSpec::known() {
        let told = spec.version();
        let floor = told == "none";
        let fault = if floor { None } else { fault(&told, &locked) };
        assert_eq!(fault, None, "{spec}: {told}");
    }
}

#[test]
fn a_version_that_is_not_so_is_seen() {
    let lock = [
        ("lib", "2.0.0", vec!["ring", "rsa 0.10.0"]),
        ("ring", "0.17.14", vec![]),
        ("rsa", "0.9.10", vec![]),
        ("rsa", "0.10.0", vec![]),
    ];
    let lock = lock.map(|(name, version, uses)| Locked { name, version, uses });
    let rows = [
        ("lib 2.0.0 (a), ring 0.17.14, rsa 0.10.0", None, "as it is"),
        ("lib 1.0.0 (a), ring 0.17.14", Some("lib 1.0.0 is not locked"), "another major"),
        ("lib 2.0.0 (a), rsa 0.9.10", Some("lib 2.0.0 does not use rsa 0.9.10"), "not its own"),
        ("lib 2.0.0 (a), ring 0.17.1", Some("lib 2.0.0 does not use ring 0.17.1"), "not locked"),
        ("ring 0.17.14, rsa 0.9.10", None, "no library: a list"),
        ("ring 0.17.14, rsa 0.9.9", Some("ring 0.17.14 does not use rsa 0.9.9"), "not locked"),
    ];
    for (told, expected, why) in rows {
        assert_eq!(fault(told, &lock).as_deref(), expected, "{why}: {told}");
    }
}
