//! A quick set of scenarios through `run`, in process, with one comparison report: what CI runs.
//! Ends with the exit code of the result: non-zero on a wrong verdict or a missed expectation.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jwtbench::Exit;
use jwtbench_report::{self as report, TerminalStyle};
use jwtbench_result::{RunResult, StoredForm};

use jwtbench_bench::flags::{Flags, Task};
use jwtbench_bench::shipped;

/// Crossed with every contender and algorithm, one round each.
const HOT_PATH: [&str; 4] =
    ["hot-path/accept", "hot-path/mix", "hot-path/reject-claims", "hot-path/reject-signature"];

/// On one contender and one algorithm, as they last seconds.
const DYNAMIC: [&str; 2] = ["outage/refused", "rotation/planned-overlap"];

fn main() -> ExitCode {
    let flags = Flags::parse(std::env::args().skip(1));
    match flags.task {
        Task::List => {
            let quick = HOT_PATH.iter().chain(&DYNAMIC);
            quick.for_each(|name| println!("{name}: benchmark"));
            ExitCode::SUCCESS
        }
        Task::Test => test(&flags),
        Task::Measure => measure(&flags),
    }
}

/// One pass over one scenario: every verdict once, nothing measured.
fn test(flags: &Flags) -> ExitCode {
    if !flags.wants(HOT_PATH[0]) {
        return ExitCode::SUCCESS;
    }
    jwtbench(&["check", HOT_PATH[0], "--algorithm", "EdDSA", "--quiet"])
}

fn measure(flags: &Flags) -> ExitCode {
    let (dynamic, hot_path) = chosen(flags);
    if dynamic.is_empty() && hot_path.is_empty() {
        println!("scenarios: none has {} in its name", flags.filters.join(" or "));
        return ExitCode::SUCCESS;
    }
    let folder = folder();
    // A result of an earlier run must not be taken for one of this.
    _ = fs::remove_dir_all(&folder);
    let every: &[&str] = &["--rounds", "1"];
    let one: &[&str] = &["--contender", "core:aws-lc-rs", "--algorithm", "ES256"];
    let mut whole: Option<RunResult> = None;
    for (part, names, extent) in [("hot-path", hot_path, every), ("dynamic", dynamic, one)] {
        if names.is_empty() {
            continue;
        }
        let out = folder.join(part);
        // A path in a Cargo target folder of this machine; jwtbench shows it as it is.
        let out = out.to_string_lossy();
        let mut args = vec!["run", "--quiet", "--force", "--out", &out];
        args.extend_from_slice(extent);
        args.extend(names.iter().map(String::as_str));
        let ended = jwtbench(&args);
        match RunResult::read(&Path::new(&*out).join("result.jsonl")) {
            Ok(result) => join(&mut whole, result),
            // The run has said what was wrong.
            Err(_) => return ended,
        }
    }
    whole.map_or(ExitCode::SUCCESS, |result| show(&result, &folder))
}

/// The quick set; with filters, every shipped scenario that they fit. Dynamic ones come first.
fn chosen(flags: &Flags) -> (Vec<String>, Vec<String>) {
    let is_quick = |name: &str| HOT_PATH.contains(&name) || DYNAMIC.contains(&name);
    let mut scenarios = shipped();
    scenarios.retain(|scenario| match flags.filters.is_empty() {
        true => is_quick(&scenario.name),
        false => flags.wants(&scenario.name),
    });
    let (dynamic, hot_path): (Vec<_>, Vec<_>) =
        scenarios.into_iter().partition(|scenario| scenario.is_dynamic());
    let names = |scenarios: Vec<jwtbench_scenario::Scenario>| {
        scenarios.into_iter().map(|scenario| scenario.name).collect()
    };
    (names(dynamic), names(hot_path))
}

/// `target/jwtbench/bench`, wherever the target folder is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("jwtbench/bench")
}

fn jwtbench(args: &[&str]) -> ExitCode {
    jwtbench::main(["jwtbench"].iter().chain(args).map(OsString::from))
}

/// Both parts come from one machine and one build: one result.
fn join(whole: &mut Option<RunResult>, mut part: RunResult) {
    let Some(whole) = whole else {
        part.command = "cargo bench --bench scenarios".into();
        *whole = Some(part);
        return;
    };
    whole.elapsed_s += part.elapsed_s;
    whole.partial |= part.partial;
    whole.versions.append(&mut part.versions);
    whole.scenarios.append(&mut part.scenarios);
    whole.measurements.append(&mut part.measurements);
    whole.rate_bases.append(&mut part.rate_bases);
}

fn show(result: &RunResult, folder: &Path) -> ExitCode {
    let lines = result.to_lines().expect("a result that was read can be written");
    let files = [
        ("result.jsonl", lines),
        ("summary.md", report::markdown(result)),
        ("index.html", report::html(result)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        if let Err(error) = fs::write(&path, text) {
            eprintln!("scenarios: cannot write {}: {error}", path.display());
            return Exit::Error.into();
        }
    }
    let style = TerminalStyle { colour: false, width: 100 };
    println!("{}", report::terminal(result, style));
    println!("Report   {}", folder.join("index.html").display());
    Exit::of(result).into()
}
