//! The house rules that a scan of the source text can hold: who may import whom, crypto and clock
//! only where named, sizes, headers. An offence names file and line.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use source::{Source, mask};

use jwtbench_scenario::token::class::Class;

/// Files may be this long, in lines.
const MAX_FILE: usize = 500;
/// Functions may be this long, in lines.
const MAX_FUNCTION: usize = 70;
/// Lines may be this wide, in characters.
const MAX_COLUMNS: usize = 100;
/// A file opens with at most this many lines of `//!`.
const MAX_HEADER: usize = 6;
/// So many lines of `//!` a package has on its front page at the most.
const MAX_FRONT: usize = 40;

/// Every file, read once.
static ALL: LazyLock<Vec<Source>> = LazyLock::new(source::all);

/// Sizes that are over, reported and not yet mended: path, what, reason. An exception that is
/// needed no longer is an offence itself.
const OVERSIZED: [(&str, &str, &str); 0] = [];

/// What the rule finds in the files that `applies` picks is nothing.
fn check(applies: fn(&Source) -> bool, rule: fn(&Source) -> Vec<String>, why: &str) {
    let sources: Vec<&Source> = ALL.iter().filter(|source| applies(source)).collect();
    assert!(!sources.is_empty(), "a rule about no file");
    let offences: Vec<String> = sources.into_iter().flat_map(rule).collect();
    assert!(offences.is_empty(), "{why}:\n  {}", offences.join("\n  "));
}

/// Crates that sign or verify.
const CRYPTO: [&str; 15] = [
    "ring",
    "aws_lc_rs",
    "graviola",
    "rsa",
    "rsa_signer",
    "p256",
    "p384",
    "ed25519_dalek",
    "ml_dsa",
    "openssl",
    "rscrypto",
    "josekit",
    "jsonwebtoken",
    "jsonwebtoken_11",
    "jwt_simple",
];

/// Whole libraries, each with its file among the contenders.
const LIBRARIES: [(&str, &str); 4] = [
    ("josekit", "josekit.rs"),
    ("jsonwebtoken", "jsonwebtoken/major_12.rs"),
    ("jsonwebtoken_11", "jsonwebtoken/major_11.rs"),
    ("jwt_simple", "jwt_simple.rs"),
];

/// Where they may be used. `draft.rs` needs an HMAC for the class of RS/HS confusion: no signature
/// of the issuer, and nothing that a verifier could be fooled to trust.
fn may_use(path: &str, name: &str) -> bool {
    if let Some((_, file)) = LIBRARIES.iter().find(|(library, _)| *library == name) {
        return path == format!("harness/engine/src/contender/{file}");
    }
    match path {
        "harness/verifier/src/key_check.rs" => ["p256", "p384", "ed25519_dalek"].contains(&name),
        "harness/scenario/src/issuer/signer.rs" => name != "rsa",
        "harness/scenario/src/issuer/signer/public_form.rs" => {
            ["p256", "rsa_signer"].contains(&name)
        }
        "harness/scenario/src/issuer/signer/prime_candidates.rs" => name == "rsa_signer",
        "harness/scenario/src/token/draft.rs" => name == "aws_lc_rs",
        _ if name == "rsa_signer" => false,
        path => path.starts_with("harness/verifier/src/backend/"),
    }
}

#[test]
fn crypto_only_where_named() {
    let rule = |source: &Source| {
        let foreign = CRYPTO.iter().filter(|name| !may_use(&source.path, name));
        let used = foreign.flat_map(|name| source.crate_uses(name));
        used.collect()
    };
    check(Source::is_product, rule, "a signature crate out of its place");
}

#[test]
fn the_clock_is_read_in_one_place() {
    let applies =
        |source: &Source| source.is_product() && source.path != "harness/engine/src/real/clock.rs";
    // The threads of the fetcher, of the endpoint and of a real store have tokio's timers.
    let rule = |source: &Source| {
        let names: &[&str] = match has_tokio(source) {
            true => &["SystemTime", "std::time::Instant", "std::thread::sleep"],
            false => &["SystemTime", "Instant", "sleep", "sleep_until", "Timestamp"],
        };
        names.iter().flat_map(|name| source.words(name)).collect()
    };
    check(applies, rule, "a clock outside real/clock.rs");
}

/// Whether tokio may be used: for keys that travel, and for what is asked over a network.
fn has_tokio(source: &Source) -> bool {
    let stores = ["redis_player", "http_player", "store_round"];
    let is_store = |name| source.path.starts_with(&format!("harness/engine/src/real/{name}"));
    source.layer() == "jwks" || stores.into_iter().any(is_store)
}

#[test]
fn tokio_only_where_something_travels() {
    let applies = |source: &Source| source.is_product() && !has_tokio(source);
    let rule = |source: &Source| source.crate_uses("tokio").collect();
    check(applies, rule, "tokio outside jwks/ and the stores that are asked over a network");
}

/// There it goes through `report::shown`, whoever's file it comes from.
#[test]
fn what_is_said_leaves_in_one_place() {
    let applies =
        |source: &Source| source.is_product() && !source.path.ends_with("cli/src/output.rs");
    let rule = |source: &Source| {
        let names = ["println", "eprintln", "eprint"];
        names.iter().flat_map(|name| source.words(name)).collect()
    };
    check(applies, rule, "printed past cli/output.rs: use its `print` or `tell`");
}

#[test]
fn entropy_only_in_cli() {
    let applies = |source: &Source| source.is_product() && source.layer() != "cli";
    let rule = |source: &Source| {
        let names = ["OsRng", "getrandom", "thread_rng", "from_entropy", "SysRng"];
        names.iter().flat_map(|name| source.words(name)).collect()
    };
    check(applies, rule, "entropy outside cli");
}

#[test]
fn the_verifier_knows_no_network_clock_or_file() {
    let applies = |source: &Source| source.path.starts_with("harness/verifier/src/");
    let rule = |source: &Source| {
        let names = ["std::net", "std::fs", "std::thread", "std::env", "std::process"];
        let words = names.iter().flat_map(|name| source.words(name));
        words.chain(source.crate_uses("rand_chacha")).collect()
    };
    check(applies, rule, "the verifier is told what it knows");
}

/// Layers inside the engine, and those that each may import. Between packages Cargo holds it.
const LAYERS: [(&str, &[&str]); 10] = [
    ("judge", &["state"]),
    ("jwks", &[]),
    ("state", &[]),
    ("contender", &["jwks", "state"]),
    ("trial", &["judge", "jwks", "state", "contender"]),
    ("real", &["judge", "jwks", "state", "contender", "trial"]),
    ("virtual_time", &["judge", "jwks", "state", "contender", "trial"]),
    ("simulation", &["judge", "jwks", "state", "contender", "trial", "virtual_time"]),
    (
        "session",
        &["judge", "jwks", "state", "contender", "trial", "real", "virtual_time", "simulation"],
    ),
    ("divergence", &["jwks", "contender"]),
];

#[test]
fn imports_go_one_way() {
    let applies = |source: &Source| {
        source.path.starts_with("harness/engine/src/") && !source.layer().is_empty()
    };
    let rule = |source: &Source| {
        let own = source.layer();
        let (_, allowed) = LAYERS
            .iter()
            .find(|(layer, _)| *layer == own)
            .unwrap_or_else(|| panic!("{}: `{own}` is no layer of the design", source.path));
        let imports = source.crate_imports().into_iter();
        imports
            .filter(|(_, layer)| layer != own && !allowed.contains(&layer.as_str()))
            .map(|(line, layer)| format!("{}:{line}: {own} → {layer}", source.path))
            .collect()
    };
    check(applies, rule, "an import against the way data flows");
}

/// What is due is never computed by the verifier, so `scenario` knows its types and not its doings.
#[test]
fn the_verifier_is_imported_only_where_it_may_be() {
    let applies = |source: &Source| source.layer() == "scenario";
    let rule = |source: &Source| {
        let doings = ["verifier", "backend", "prepared_keys", "compact", "header", "claims"];
        let words =
            doings.iter().flat_map(|name| source.words(&format!("jwtbench_verifier::{name}")));
        words.collect()
    };
    check(applies, rule, "too much of the verifier");
}

/// A stored result is read and shown without C, cryptography, a runtime or a command line.
#[test]
fn a_result_is_read_without_c_and_cryptography() {
    let lock = include_str!("../../../../Cargo.lock");
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let mut quoted = package.split('"').skip(1).step_by(2);
        let name = quoted.next().expect("a package has a name");
        let needs = package.split_once("dependencies = [").map_or("", |(_, list)| list);
        let needs = needs.split('"').skip(1).step_by(2);
        let needs = needs.filter_map(|need| need.split(' ').next());
        packages.entry(name).or_default().extend(needs);
    }
    let (mut open, mut needed) = (vec!["jwtbench-report"], BTreeSet::new());
    while let Some(name) = open.pop() {
        if needed.insert(name) {
            open.extend(packages[name].iter());
        }
    }
    assert!(needed.contains("jwtbench-result") && needed.contains("serde_json"));
    let crypto = CRYPTO.iter().map(|name| name.replace('_', "-"));
    let others = ["sha2", "cc", "cmake", "tokio", "hyper", "clap", "toml"].map(str::to_owned);
    let found: Vec<String> = crypto
        .chain(others)
        .chain(["verifier", "scenario", "engine"].map(|name| format!("jwtbench-{name}")))
        .filter(|name| needed.contains(name.as_str()))
        .collect();
    assert!(found.is_empty(), "needed to read a result: {found:?}");
}

/// What is said of a subject knows none of the forms that it is said in.
#[test]
fn subjects_know_no_form() {
    let applies = |source: &Source| source.path.starts_with("harness/report/src/subject");
    let rule = |source: &Source| source.words("crate::form");
    check(applies, rule, "a form in a subject's words");
}

/// A name says which type is meant, whatever the file. Verbs are alike, and so are the files of the
/// backends: there the same name is the same thing of another one.
#[test]
fn type_names_are_unique() {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut twice = Vec::new();
    let is_alike = |source: &Source, name: &str| {
        source.path.contains("/verifier/src/backend/")
            || (source.layer() == "cli" && name == "Args")
    };
    let is_product = |source: &&Source| source.is_product() && !source.path.ends_with("/tests.rs");
    for source in ALL.iter().filter(is_product) {
        for (line, name) in source.types() {
            let place = format!("{}:{line}", source.path);
            match known.get(&name) {
                // Of two in one file only one is compiled.
                Some(first) if first.starts_with(&format!("{}:", source.path)) => {}
                Some(first) if !is_alike(source, &name) => {
                    twice.push(format!("{place}: {name}, {first}"))
                }
                Some(_) => {}
                None => _ = known.insert(name, place),
            }
        }
    }
    assert!(known.len() > 500, "only {} types are found", known.len());
    assert!(twice.is_empty(), "two types of one name:\n  {}", twice.join("\n  "));
}

/// What is called as a class is, and is none: file, word, what it is.
const NO_CLASSES: [(&str, &str, &str); 3] = [
    (
        "harness/scenario/src/plan/fingerprint/cache_policy.rs",
        "unknown-kid",
        "a key of a cache policy",
    ),
    ("harness/scenario/src/token/draft.rs", "other-issuer", "the label of a key"),
    ("harness/scenario/src/token/own.rs", "own", "the family of the user's own tokens"),
];

/// A property of a class is a column of the table, so that adding a class is adding a row.
#[test]
fn classes_are_named_in_their_table_alone() {
    let applies = |source: &Source| {
        source.is_product()
            && !source.path.starts_with("harness/verifier/")
            && !source.path.contains("/class_table")
            && !source.path.ends_with("/tests.rs")
    };
    let rule = |source: &Source| {
        let is_known =
            |name: &str| NO_CLASSES.iter().any(|known| (known.0, known.1) == (&*source.path, name));
        let names = Class::all().chain([Class::own()]).map(|class| class.name());
        let named = names.filter(|name| !is_known(name) && has_literal(source, name));
        named.map(|name| format!("{}: {name}", source.path)).collect()
    };
    check(applies, rule, "a class named outside the class table: make its property a column");
    for (path, word, _) in NO_CLASSES {
        let is_needed = ALL.iter().any(|source| source.path == path && has_literal(source, word));
        assert!(is_needed, "{path} does not say `{word}`: the exception is needed no longer");
    }
}

/// Whether code outside of tests has this word in quotes.
fn has_literal(source: &Source, word: &str) -> bool {
    let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    let quoted = format!("\"{word}\"");
    code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&quoted))
}

#[test]
fn nothing_unsafe_and_nothing_half_done() {
    let rule = |source: &Source| {
        let words = ["unsafe", "todo", "unimplemented", "dbg"];
        let words = words.iter().flat_map(|name| source.words(name));
        let fixme = concat!("FIX", "ME");
        words.chain(source.text_lines(fixme)).collect()
    };
    check(|_| true, rule, "unsafe or unfinished");
}

/// What is over its size in a file: what, and the offence.
fn oversized(source: &Source) -> Vec<(String, String)> {
    let path = &source.path;
    let mut offences = Vec::new();
    let lines = source.text.lines().count();
    if lines > MAX_FILE {
        offences.push(("lines".into(), format!("{path}: {lines} lines")));
    }
    for (line, name, length) in source.functions() {
        if length > MAX_FUNCTION {
            let offence = format!("{path}:{line}: fn {name}: {length} lines");
            offences.push((format!("fn {name}"), offence));
        }
    }
    for (number, line) in (1..).zip(source.text.lines()) {
        let columns = line.chars().count();
        if columns > MAX_COLUMNS {
            offences.push(("columns".into(), format!("{path}:{number}: {columns} columns")));
        }
    }
    offences
}

fn is_excepted(path: &str, what: &str) -> bool {
    let mut exceptions = OVERSIZED.iter();
    exceptions.any(|(known, kind, _)| *known == path && *kind == what)
}

#[test]
fn files_functions_and_lines_have_a_size() {
    check(
        |_| true,
        |source| {
            let offences = oversized(source).into_iter();
            let fresh = offences.filter(|(what, _)| !is_excepted(&source.path, what));
            fresh.map(|(_, offence)| offence).collect()
        },
        "too long",
    );
    for (path, kind, reason) in OVERSIZED {
        let source = ALL.iter().find(|source| source.path == path);
        let still = source.is_some_and(|s| oversized(s).iter().any(|(what, _)| what == kind));
        assert!(still, "{path}: {kind} fit now; take the exception away ({reason})");
    }
}

#[test]
fn every_file_says_what_it_is() {
    let rule = |source: &Source| {
        let header = source.text.lines().take_while(|line| line.starts_with("//!"));
        let count = header.count();
        // The front page of a package holds a map of it.
        let most = if source.path.ends_with("src/lib.rs") { MAX_FRONT } else { MAX_HEADER };
        let fine = (1..=most).contains(&count);
        let offence = format!("{}: {count} lines of //!", source.path);
        if fine { vec![] } else { vec![offence] }
    };
    check(|_| true, rule, "a header of one to six lines, a front page of up to forty");
}

#[test]
fn names_are_nouns_that_say_something() {
    let rule = |source: &Source| {
        let empty = ["common", "utils", "util", "helpers", "manager", "types", "misc"];
        let stem = source.path.rsplit('/').next().unwrap_or_default();
        let stem = stem.trim_end_matches(".rs");
        let mut offences: Vec<String> = Vec::new();
        if empty.contains(&stem) {
            offences.push(format!("{}: `{stem}` names nothing", source.path));
        }
        let functions = source.functions().into_iter();
        offences.extend(
            functions
                .filter(|(_, name, _)| name.starts_with("get_"))
                .map(|(line, name, _)| format!("{}:{line}: fn {name}", source.path)),
        );
        offences
    };
    check(|_| true, rule, "a name without meaning");
}

fn snippet(path: &str, text: &str) -> Source {
    Source::new(path.into(), text.into())
}

/// The scan itself: what it must see, and what it must not take for an offence.
#[test]
fn the_scan_sees_code_and_nothing_else() {
    let rows = [
        ("use ring::signature;", 1, "a use"),
        ("let key = ring::signature::x();", 1, "a path"),
        ("use {ring::a, std::fmt};", 1, "in a group"),
        ("use ::ring::a;", 1, "from the root"),
        ("use ring as other;", 1, "under another name"),
        ("use super::ring as other;", 0, "a module of our own"),
        ("mod ring;\nlet b = ring::Ring;", 0, "a module of our own"),
        ("use super::ring::Ring;", 0, "a module of our own"),
        ("use crate::backend::ring::Ring;", 0, "a module of our own"),
        ("// ring::signature", 0, "a comment"),
        ("/* ring::a /* ring::b */ */", 0, "a nested comment"),
        ("let s = \"ring::signature\";", 0, "a string"),
        ("let s = r#\"a\" ring::b\"#;", 0, "a raw string"),
        ("let s = \"\\\" ring::b\";", 0, "an escaped quote"),
        ("let q = '\"'; ring::a();", 1, "a quote as a char"),
        ("fn f<'a>(x: &'a str) { ring::a(); }", 1, "lifetimes are no chars"),
        ("let spring = string::x();", 0, "a longer name"),
        ("let x = b'\\''; ring::a();", 1, "a byte char"),
    ];
    for (text, count, why) in rows {
        let source = snippet("harness/engine/src/trial.rs", text);
        assert_eq!(source.crate_uses("ring").count(), count, "{why}: {text}");
    }
}

#[test]
fn the_scan_sees_imports_in_every_form() {
    let rows: [(&str, &str, &[&str], &str); 9] = [
        ("report/a.rs", "use crate::cli::x;", &["cli"], "plain"),
        ("report/a.rs", "use crate::{cli::x, result};", &["cli", "result"], "a group"),
        ("report/a.rs", "use crate::{a::{b, c}, d};", &["a", "d"], "nested"),
        ("report/a.rs", "pub(crate) fn f() {}", &[], "a visibility"),
        ("report/a.rs", "let x = crate::cli::main();", &["cli"], "a path"),
        ("report/a.rs", "use super::b;", &[], "a sibling"),
        ("report/a.rs", "use super::super::cli;", &["super::super"], "around the corner"),
        ("report/b/a.rs", "use super::super::c;", &[], "an aunt"),
        ("report.rs", "use super::cli;", &["super"], "around the corner"),
    ];
    for (path, text, expected, why) in rows {
        let source = snippet(&format!("harness/engine/src/{path}"), text);
        let layers: Vec<String> = source.crate_imports().into_iter().map(|(_, l)| l).collect();
        assert_eq!(layers, expected, "{why}: {text}");
    }
}

#[test]
fn the_scan_measures_functions() {
    let long = format!("fn a() {{\n{}}}\n", "    x();\n".repeat(70));
    let rows = [
        ("fn a() {}", vec![1], "one line"),
        (&long, vec![72], "all its lines"),
        ("fn a(\n) -> [u8; 2]\nwhere\n{\n}", vec![5], "with its signature"),
        ("trait T {\n    fn a();\n    fn b() {\n    }\n}", vec![2], "one has no body"),
        ("fn a() {\n    let s = \"}\";\n}", vec![3], "a brace in a string"),
        ("fn a() {\n    let c = '}';\n}", vec![3], "a brace as a char"),
        ("fn a() {\n    fn b() {\n    }\n}", vec![4, 2], "one in another"),
        ("let f: fn(u8) -> u8 = g;", vec![], "a type"),
    ];
    for (text, expected, why) in rows {
        let source = snippet("harness/engine/src/trial.rs", text);
        let lengths: Vec<usize> = source.functions().into_iter().map(|(.., l)| l).collect();
        assert_eq!(lengths, expected, "{why}: {text}");
    }
    assert_eq!(mask("a // b\nc"), "a     \nc", "comments leave their place");
}
