//! Every command line of the help texts and of the documents: parsed by the real definition of the
//! command line, its files looked for, and the quick ones run.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use jwtbench::scenario::library::Library;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const DOCUMENTS: [(&str, &str); 3] = [
    ("README.md", include_str!("../../README.md")),
    ("reports/README.md", include_str!("../../reports/README.md")),
    ("scenarios/README.md", include_str!("../../scenarios/README.md")),
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
const OWN: [&str; 17] = [
    "my-scenario.toml",
    "my.toml",
    "flood.toml",
    "mine.toml",
    "api.toml",
    "new.toml",
    "old.toml",
    "jwks.json",
    "tokens.txt",
    "main.json",
    "branch.json",
    "X/result.json",
    "reports/runs/A",
    "reports/runs/B",
    "reports/runs/X",
    "reports/runs/X/result.json",
    "../main/target/release/jwtbench",
];
/// Lines that end within seconds, and how: they are run, in this order.
const QUICK: [(&str, i32); 10] = [
    ("jwtbench list", 0),
    ("jwtbench list 'outage/*' --json", 0),
    ("jwtbench mint --out pack --algorithm PS256 --per-class 3", 0),
    ("jwtbench verify --policy api.toml --jwks jwks.json tokens.txt", 0),
    ("jwtbench verify --policy api.toml --jwks jwks.json --explain < tokens.txt", 0),
    ("jwtbench report --schema", 0),
    ("jwtbench report reports/simulation --format html", 0),
    ("jwtbench check rotation --policy api.toml", 0),
    ("jwtbench check flood.toml", 0),
    ("jwtbench diverge --json", 0),
];

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
    let top = jwtbench::cli::definition();
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
        if let Err(error) = jwtbench::cli::definition().try_get_matches_from(words) {
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
        let parsed = jwtbench::cli::definition().try_get_matches_from(words(text).0);
        assert!(parsed.is_err(), "{text}");
    }
}

/// Whether a word is the name of a preset after `--cache-policy`, a scenario or a file that is
/// there.
fn resolves(before: &str, word: &str, line: &Line, library: &Library) -> bool {
    let root = Path::new(ROOT);
    let presets = library.presets();
    match before {
        "--out" => true,
        "--cache-policy" | "--base-cache-policy" if !word.ends_with(".toml") => {
            word == "*" || presets.join(format!("{word}.toml")).is_file()
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
    let library = Library::find(Path::new(ROOT)).unwrap();
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

#[test]
fn what_is_not_there_is_missed() {
    let library = Library::find(Path::new(ROOT)).unwrap();
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

/// A folder like a checkout, with the files of a user's own.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["scenarios", "reports"] {
        symlink(Path::new(ROOT).join(name), folder.path().join(name)).unwrap();
    }
    let mint = ["mint", "--out", "own", "--algorithm", "ES256", "--per-class", "1", "--quiet"];
    let minted = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .current_dir(folder.path())
        .args(mint)
        .status()
        .unwrap();
    assert!(minted.success());
    let own = folder.path().join("own/ES256");
    fs::copy(own.join("jwks.json"), folder.path().join("jwks.json")).unwrap();
    fs::write(folder.path().join("api.toml"), "").unwrap();
    fs::write(folder.path().join("tokens.txt"), "not.a.token\n").unwrap();
    let (_, tutorial) = DOCUMENTS[2].1.split_once("```toml\n").unwrap();
    let flood = tutorial.split("```").next().unwrap();
    fs::write(folder.path().join("flood.toml"), flood).unwrap();
    folder
}

#[test]
fn the_quick_ones_run() {
    let lines: Vec<String> = all().into_iter().map(|line| line.text).collect();
    let folder = checkout();
    for (text, code) in QUICK {
        let is_there = lines.iter().any(|line| line.starts_with(text));
        assert!(is_there, "no document and no help has `{text}`; leave it out here");
        let (words, _) = words(text);
        let input = text.split_once("< ").map(|(_, name)| folder.path().join(name));
        let input = input.map_or_else(Stdio::null, |path| fs::File::open(path).unwrap().into());
        let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .current_dir(folder.path())
            .args(&words[1..])
            .stdin(input)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}: {said}");
    }
}
