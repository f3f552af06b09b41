//! Every command line of the help texts and of the documents: parsed by the real definition of the
//! command line, its files looked for, and the quick ones run.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use jwtbench_scenario::catalogue::Catalogue;

use crate::binary::{ROOT, command_in};

const DOCUMENTS: [(&str, &str); 11] = [
    ("README.md", include_str!("../../../../README.md")),
    ("CONTRIBUTING.md", include_str!("../../../../CONTRIBUTING.md")),
    ("CHANGELOG.md", include_str!("../../../../CHANGELOG.md")),
    ("harness/ARCHITECTURE.md", include_str!("../../../ARCHITECTURE.md")),
    ("reports/README.md", include_str!("../../../../reports/README.md")),
    ("reports/METHOD.md", include_str!("../../../../reports/METHOD.md")),
    ("reports/METRICS.md", include_str!("../../../../reports/METRICS.md")),
    ("reports/BIAS.md", include_str!("../../../../reports/BIAS.md")),
    ("scenarios/README.md", include_str!("../../../../scenarios/README.md")),
    ("scenarios/FORMAT.md", include_str!("../../../../scenarios/FORMAT.md")),
    ("reports/CI.md", include_str!("../../../../reports/CI.md")),
];
/// What stands for a word of the user's in a sentence, and a word that fits.
const PLACEHOLDERS: [(&str, &str); 13] = [
    ("A", "core:ring"),
    ("B", "core:ring"),
    ("SCENARIO", "hot-path/accept"),
    ("PATH", "scenarios/hot-path/accept.toml"),
    ("FOLDER", "reports/reference"),
    ("RESULT", "reports/reference"),
    ("BASE", "reports/reference"),
    ("CANDIDATE", "reports/reference"),
    ("OLD", "reports/reference"),
    ("FORM", "html"),
    ("FILE", "api.toml"),
    ("DIR", "out"),
    ("NAME", "default"),
];
/// Files that are clearly the user's own.
const OWN: [&str; 21] = [
    "my-scenario.toml",
    "my-policy.toml",
    "my.toml",
    "flood.toml",
    "mine.toml",
    "ours.toml",
    "api.toml",
    "new.toml",
    "old.toml",
    "jwks.json",
    "tokens.txt",
    "proofs.txt",
    "certificates.txt",
    "main.json",
    "branch.json",
    "X/result.jsonl",
    "reports/runs/A",
    "reports/runs/B",
    "reports/runs/X",
    "reports/runs/X/result.jsonl",
    "../main/target/release/jwtbench",
];
/// Whole lines that take more than ten seconds.
const LONG: [&str; 10] = [
    "jwtbench",
    "jwtbench run",
    "jwtbench check",
    "jwtbench simulate",
    "jwtbench simulate state",
    "jwtbench diverge",
    "jwtbench simulate policy/withdrawal",
    "jwtbench simulate policy/withdrawal --json",
    "jwtbench mint --out pack",
    "jwtbench replay RESULT",
];
/// Lines that are not run either, by how they begin, and why. All others end within ten seconds.
const NOT_RUN: [(&str, &str); 39] = [
    ("jwtbench compare sim-before", "needs simulations of the user's own"),
    ("jwtbench run hot-path/accept --contender 'exec:", "needs a verifier of the user's own"),
    ("jwtbench check conformance --contender", "needs a verifier of the user's own"),
    ("jwtbench run --full", "long"),
    ("jwtbench run revocation/store-down --state-strategy redis-get", "needs another feature"),
    ("jwtbench run revocation/store-down --state-strategy spring-opaque-like", "long"),
    ("jwtbench simulate 'state/fleet-*'", "long"),
    ("jwtbench simulate --fleet ours.toml", "needs a fleet of the user's own"),
    ("jwtbench run --capacity", "long"),
    ("jwtbench run unknown-kid", "long"),
    ("jwtbench run 'rotation/*'", "long"),
    ("jwtbench run 'outage/*'", "long"),
    ("jwtbench run 'hot-path/accept*'", "long"),
    ("jwtbench run hot-path/accept --rate", "long"),
    ("jwtbench run hot-path/accept --algorithm EdDSA", "needs the feature rscrypto"),
    ("jwtbench run --out reports/reference", "long"),
    ("jwtbench run --tokens", "long: every contender in real time"),
    ("jwtbench run my", "long: every contender in real time"),
    ("jwtbench run flood.toml", "long: every contender in real time"),
    ("jwtbench run PATH", "long"),
    ("jwtbench check 'hot-path/*'", "long"),
    ("jwtbench check rotation --cache-policy '*'", "long"),
    ("jwtbench diverge --out reports/divergence.md", "writes over what is committed"),
    ("jwtbench duel core:ring", "long"),
    ("jwtbench duel A", "long"),
    ("jwtbench duel jsonwebtoken:aws-lc-rs", "needs the feature jsonwebtoken-11"),
    ("jwtbench endpoint", "serves until it is interrupted"),
    ("jwtbench replay reports/state", "long"),
    ("jwtbench verify --policy api.toml --jwks jwks.json --proofs", "needs proofs"),
    ("jwtbench verify --policy api.toml --jwks jwks.json --certificates", "needs certificates"),
    ("jwtbench replay X --contender", "needs a result with two contenders"),
    ("jwtbench replay RESULT --tokens", "needs a result of the user's own tokens"),
    ("jwtbench report X/result.jsonl --scenario", "needs a result of family rotation"),
    ("jwtbench report DIR --force", "writes over what it reads"),
    ("jwtbench simulate --", "long: every preset in every scenario"),
    ("jwtbench simulate policy/outage --sweep", "long"),
    ("jwtbench simulate my-scenario.toml", "long: every preset"),
    ("jwtbench simulate PATH", "long: every preset"),
    ("jwtbench trend reports/runs", "needs results of a release build"),
];
/// What a replay under another policy may end with: its outcome may be worse, or miss a bound.
const REPLAYED: [i32; 3] = [0, 3, 5];

/// A command line as a document has it.
struct Line {
    origin: String,
    text: String,
    words: Vec<String>,
    /// Files that earlier lines of its block write.
    made: BTreeSet<String>,
}

/// The words of a command as a shell would have them, up to a pipe or a comment; and the file that
/// its output goes to.
fn words(text: &str) -> (Vec<String>, Option<String>) {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty())),
            (_, c) => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    let end = words.iter().position(|word| ["|", ">", ">>", "<", "#", "&&"].contains(&&**word));
    let to = end.filter(|end| words[*end] == ">").and_then(|end| words.get(end + 1).cloned());
    words.truncate(end.unwrap_or(words.len()));
    (words, to)
}

/// The command without what is said about it: two spaces part them.
fn without_remark(line: &str) -> &str {
    line.trim().split("  ").next().unwrap_or_default()
}

fn block(origin: &str, lines: impl Iterator<Item = String>, all: &mut Vec<Line>) {
    let mut made = BTreeSet::new();
    for text in lines {
        let text = without_remark(&text).replace("cargo run --release -- ", "jwtbench ");
        if text != "jwtbench" && !text.starts_with("jwtbench ") {
            continue;
        }
        let (words, to) = words(&text);
        all.push(Line { origin: origin.into(), text, words: words.clone(), made: made.clone() });
        let out = words.iter().position(|word| word == "--out");
        made.extend(out.and_then(|at| words.get(at + 1).cloned()).into_iter().chain(to));
    }
}

fn in_help(all: &mut Vec<Line>) {
    let top = jwtbench::definition();
    let verbs = top.get_subcommands().map(|verb| (format!("{} --help", verb.get_name()), verb));
    for (origin, verb) in std::iter::once(("--help".to_owned(), &top)).chain(verbs) {
        let text = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        block(&origin, text.lines().map(str::to_owned), all);
    }
}

fn in_documents(all: &mut Vec<Line>) {
    for (name, text) in DOCUMENTS {
        for (place, part) in text.split("```").enumerate() {
            if place % 2 == 1 {
                block(name, part.replace("\\\n", " ").lines().map(str::to_owned), all);
                continue;
            }
            let spans = part.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " "));
            // A verb alone is the name of a verb.
            let is_line =
                |span: &String| span.starts_with("jwtbench ") && span.split(' ').count() > 2;
            let spans = spans.filter(is_line);
            spans.for_each(|span| block(name, std::iter::once(span), all));
        }
    }
}

fn all() -> Vec<Line> {
    let mut all = Vec::new();
    in_help(&mut all);
    in_documents(&mut all);
    filled_in(all)
}

/// With words that fit for what stands for them.
fn filled_in(mut all: Vec<Line>) -> Vec<Line> {
    for word in all.iter_mut().flat_map(|line| &mut line.words) {
        if let Some((_, fits)) = PLACEHOLDERS.iter().find(|(name, _)| name == word) {
            *word = (*fits).into();
        }
    }
    all
}

#[test]
fn every_command_line_parses() {
    let all = all();
    assert!(all.len() > 60, "only {} command lines are found", all.len());
    for Line { origin, text, words, .. } in &all {
        if let Err(error) = jwtbench::definition().try_get_matches_from(words) {
            panic!("{origin}: {text}\n{error}");
        }
    }
}

#[test]
fn a_command_line_that_is_wrong_does_not_parse() {
    let rows = [
        "jwtbench replay X --cache-polcy default",
        "jwtbench run --tokens tokens.txt --policy api.toml",
        "jwtbench replay X --tokens tokens.txt",
        "jwtbench check hot-path/mix --out x",
        "jwtbench report X --format FORM",
        "jwtbench duel core:ring",
    ];
    for text in rows {
        let parsed = jwtbench::definition().try_get_matches_from(words(text).0);
        assert!(parsed.is_err(), "{text}");
    }
}

/// Whether a word is the name of a preset after `--cache-policy`, a scenario or a file that is
/// there.
fn resolves(before: &str, word: &str, line: &Line, library: &Catalogue) -> bool {
    let root = Path::new(ROOT);
    let presets = library.presets();
    match before {
        "--out" => true,
        "--cache-policy" | "--base-cache-policy" if !word.ends_with(".toml") => {
            word == "*" || presets.names().contains(&word.to_owned())
        }
        _ if OWN.contains(&word) || line.made.contains(word) => true,
        _ if root.join(word).exists() => true,
        _ => !word.ends_with(".toml") && library.select(&[word.to_owned()]).is_ok(),
    }
}

/// Whether a word names something that must be there.
fn names(verb: &str, before: &str, word: &str) -> bool {
    let takes = ["--policy", "--base-policy", "--jwks", "--tokens", "--scenario", "--base-binary"];
    let is_flag = |word: &str| word.starts_with('-');
    let alone = ["--full", "--json", "--explain", "--strict", "--force", "--markdown"];
    let is_positional = !is_flag(before) || alone.contains(&before);
    let of_scenarios = ["run", "check", "simulate", "list", "endpoint", "report", "replay"];
    let scenario = is_positional && of_scenarios.contains(&verb) && word != verb;
    let is_file = [".toml", ".json", ".txt"].iter().any(|end| word.ends_with(end));
    let is_path = word.contains('/') && !word.contains(':');
    let named = takes.contains(&before) || before.ends_with("cache-policy");
    !is_flag(word) && before != "--out" && (named || is_file || (scenario && is_path))
}

#[test]
fn every_file_and_scenario_of_a_command_line_is_there() {
    let library = Catalogue::find(Path::new(ROOT));
    let mut seen = 0;
    for line in all() {
        let verb = line.words.get(1).cloned().unwrap_or_default();
        for pair in line.words.windows(2) {
            let [before, word] = pair else { continue };
            if names(&verb, before, word) {
                seen += 1;
                let (origin, text) = (&line.origin, &line.text);
                assert!(resolves(before, word, &line, &library), "{origin}: {text}: no {word}");
            }
        }
    }
    assert!(seen > 50, "only {seen} names are found");
}

/// What a newcomer reads first is a shop window; each question has a document of its own.
#[test]
fn readme_is_short() {
    let lines = DOCUMENTS[0].1.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines, over 150");
}

/// README quotes rows of the tables that `jwtbench simulate` makes.
#[test]
fn the_rows_of_readme_are_those_of_the_tables() {
    let quotes = [
        ("withdrawal", "reports/simulation", "policy/withdrawal"),
        ("state", "reports/state", "state/fleet-small"),
    ];
    for (name, folder, scenario) in quotes {
        are_of_table(name, folder, scenario);
    }
}

fn are_of_table(name: &str, folder: &str, scenario: &str) {
    let (_, readme) = DOCUMENTS[0].1.split_once(&format!("<!-- {name}: begin -->")).unwrap();
    let (quoted, _) = readme.split_once(&format!("<!-- {name}: end -->")).unwrap();
    let tables = fs::read_to_string(Path::new(ROOT).join(folder).join("simulation.md")).unwrap();
    let (_, table) = tables.split_once(&format!("\n## {scenario}\n")).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let quoted: Vec<&str> = quoted.lines().filter(|line| !line.is_empty()).collect();
    assert!(quoted.len() > 4, "heading and rows: {quoted:?}");
    for line in quoted {
        assert!(table.lines().any(|row| row == line), "not in {folder}: {line}");
    }
}

/// The figures of the three decisions stand in README after the name of their scenario.
#[test]
fn the_decisions_of_readme_are_those_of_the_tables() {
    let rows = [
        ("state/steady", "default", ["5ms", "0.04"]),
        ("state/steady", "redis-get", ["0", "1"]),
        ("state/steady", "poll-full", ["29s / 1m 6s", "29s / 1m 6s"]),
        ("state/rights-change", "version-claim", ["5ms / 10m", "5ms / 10m"]),
        ("state/rights-change", "firebase-like", ["0", "10m"]),
        ("state/rights-change", "short-5m", ["2m 50s / 5m 29s", "2m 50s / 5m 29s"]),
        ("state/log-out-a-subject", "default", ["5ms", "5ms"]),
        ("state/log-out-a-subject", "version-claim", ["5ms", "5ms"]),
        ("state/log-out-a-subject", "subject-list", ["5ms", "8.1s / 8.7s"]),
    ];
    let tables = Path::new(ROOT).join("reports/decisions/simulation.md");
    let tables = fs::read_to_string(tables).unwrap();
    for (scenario, strategy, cells) in rows {
        let (_, said) = DOCUMENTS[0].1.split_once(&format!("(`{scenario}`):")).unwrap();
        let said = said.split("**").next().unwrap();
        let (_, table) = tables.split_once(&format!("\n## {scenario}\n")).unwrap();
        let row = table.lines().find(|line| line.starts_with(&format!("| {strategy} |"))).unwrap();
        for cell in cells {
            assert!(row.contains(&format!("| {cell} |")), "{scenario}: {cell} is not in {row}");
            assert!(said.replace('\n', " ").contains(cell), "{scenario}: {cell} is not in {said}");
        }
    }
}

#[test]
fn what_is_not_there_is_missed() {
    let library = Catalogue::find(Path::new(ROOT));
    let rows = [
        ("replay", "--cache-policy", "no-stale"),
        ("run", "run", "outage/no-such"),
        ("run", "run", "no-such.toml"),
        ("verify", "--jwks", "other-jwks.json"),
        ("report", "report", "reports/no-such"),
        ("duel", "--scenario", "hot-path/no-such"),
    ];
    let made = BTreeSet::new();
    let line = Line { origin: String::new(), text: String::new(), words: Vec::new(), made };
    for (verb, before, word) in rows {
        assert!(names(verb, before, word), "{verb} {before} {word}");
        assert!(!resolves(before, word, &line, &library), "{verb} {before} {word}");
    }
}

fn jwtbench(folder: &Path, arguments: &[&str], input: Stdio) -> (Option<i32>, String) {
    let output = command_in(folder).args(arguments).stdin(input).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A folder like a checkout, with the files and results of a user's own.
fn checkout() -> tempfile::TempDir {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    symlink(Path::new(ROOT).join("scenarios"), folder.join("scenarios")).unwrap();
    fs::create_dir_all(folder.join("reports/runs")).unwrap();
    for name in ["reference", "simulation"] {
        let from = Path::new(ROOT).join("reports").join(name);
        symlink(from, folder.join("reports").join(name)).unwrap();
    }
    let mint = ["mint", "--out", "own", "--algorithm", "ES256", "--per-class", "1", "--quiet"];
    assert_eq!(jwtbench(folder, &mint, Stdio::null()), (Some(0), String::new()));
    fs::copy(folder.join("own/ES256/jwks.json"), folder.join("jwks.json")).unwrap();
    fs::write(folder.join("api.toml"), "").unwrap();
    fs::write(folder.join("mine.toml"), "ttl = \"10m\"\n").unwrap();
    fs::write(folder.join("tokens.txt"), "not.a.token\n").unwrap();
    let tutorial = DOCUMENTS.iter().find(|(name, _)| *name == "scenarios/README.md").unwrap().1;
    let (_, tutorial) = tutorial.split_once("```toml\n").unwrap();
    let flood = tutorial.split("```").next().unwrap();
    fs::write(folder.join("flood.toml"), flood).unwrap();
    let one = ["--contender", "core:ring", "--algorithm", "ES256", "--quiet", "--out", "X"];
    let run = ["run", "flood.toml"].into_iter().chain(one);
    let (code, said) = jwtbench(folder, &run.collect::<Vec<_>>(), Stdio::null());
    assert_eq!(code, Some(0), "{said}");
    for name in ["reports/runs/A", "reports/runs/B", "reports/runs/X", "old", "new"] {
        symlink(folder.join("X"), folder.join(name)).unwrap();
    }
    for name in ["main.json", "branch.json"] {
        symlink(folder.join("X/result.jsonl"), folder.join(name)).unwrap();
    }
    temporary
}

fn is_run(text: &str) -> bool {
    !LONG.contains(&text) && !NOT_RUN.iter().any(|(begin, _)| text.starts_with(begin))
}

#[test]
fn what_is_not_run_is_there() {
    let lines: Vec<String> = all().into_iter().map(|line| line.text).collect();
    let long = LONG.into_iter().filter(|long| !lines.iter().any(|line| line == long));
    let begins = NOT_RUN.into_iter().map(|(begin, _)| begin);
    let begins = begins.filter(|begin| !lines.iter().any(|line| line.starts_with(begin)));
    let gone: Vec<&str> = long.chain(begins).collect();
    assert_eq!(gone, <[&str; 0]>::default(), "no document and no help has them; leave them out");
}

#[test]
fn the_quick_ones_of_the_help_run() {
    let mut all = Vec::new();
    in_help(&mut all);
    run_each(&filled_in(all), 16);
}

#[test]
fn the_quick_ones_of_the_documents_run() {
    let (mut help, mut all) = (Vec::new(), Vec::new());
    in_help(&mut help);
    in_documents(&mut all);
    all.retain(|line| !help.iter().any(|known| known.text == line.text));
    run_each(&filled_in(all), 9);
}

/// Runs each of the lines once, at least so many.
fn run_each(lines: &[Line], least: usize) {
    let folder = checkout();
    let mut seen = BTreeSet::new();
    for Line { text, words, origin, .. } in lines {
        if !is_run(text) || !seen.insert(text) {
            continue;
        }
        let input = text.split_once("< ").map(|(_, name)| folder.path().join(name));
        let input = input.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let (code, said) = jwtbench(folder.path(), &arguments, input);
        let is_replay = words[1] == "replay";
        let is_fine = code.is_some_and(|code| code == 0 || is_replay && REPLAYED.contains(&code));
        assert!(is_fine, "{origin}: {text} ended with {code:?}: {said}");
    }
    assert!(seen.len() >= least, "only {seen:?} ran");
}
