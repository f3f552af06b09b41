//! The command line: one file for each verb, all in the same order: `Args`, then `run`. It is the
//! only place that knows the user's terminal, folders and signals.
//!
//! # Map
//!
//! - What does a verb do? The file of its name in `verb/`.
//! - Which flags do many verbs have? `flag`: contenders, algorithms and scenarios (`filter`,
//!   `fit`), where they come from (`origin`), what is put in their place (`replacement`).
//! - Where are the user's own tokens, policies and key sets handled? `own`.
//! - Which exit codes are there? `exit`. What do `compare` and `replay` gate? `gate`.
//! - Where are results written, and what if the disk is full? `output`, with the early copy of
//!   finished rows (`part`), the lock against other processes (`lock`), and the contents of a
//!   folder (`stored`).
//! - What measures a verb's scenarios? `job`, a client of the engine's session.
//! - What ends a command early? `interruption`. What is shown while it runs? `progress`.

mod exit;
mod flag;
mod gate;
mod interruption;
mod job;
mod machine;
mod output;
mod own;
mod progress;
mod verb;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use jwtbench_scenario::format::nearest::nearest;

pub use exit::{Exit, Failure};
pub use interruption::stop_on_signal;
pub use machine::describe;

/// Which JWT crypto backend, JWKS-cache policy and revocation strategy hold up, before production
/// finds out: every number comes with the verdict that proves the work was done right.
#[derive(Parser)]
#[command(
    name = "jwtbench",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a verb, `run` is meant.\n\n\
                  Examples:\n  \
                  jwtbench                                  the canonical workload\n  \
                  jwtbench run 'rotation/*' --algorithm ES256\n  \
                  jwtbench run hot-path/accept --contender core:ring --contender core:graviola\n  \
                  jwtbench check                            every verdict once, in virtual time\n  \
                  jwtbench simulate                         cache policies over hours\n  \
                  jwtbench compare reports/runs/A reports/runs/B\n  \
                  jwtbench replay reports/runs/A            the same plans again, compared\n  \
                  jwtbench diverge                          where backends and libraries differ\n  \
                  jwtbench duel core:ring core:aws-lc-rs    which one, and how sure\n  \
                  jwtbench report reports/runs/X/result.jsonl --out again\n  \
                  jwtbench verify --policy api.toml --jwks jwks.json tokens.txt\n\n\
                  Exit codes: 0 passed, 1 error or nothing judged, 2 usage or configuration,\n\
                  3 regression, 4 wrong verdict, 5 expectation missed, 6 unproven under --strict,\n\
                  130 and 143 interrupted. Where several hold: 4, 130 or 143, 1, 3, 5, 6."
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: verb::run::Args,
}

#[derive(Subcommand)]
enum Verb {
    /// Measure scenarios in real time and write the result with its reports.
    Run(verb::run::Args),
    /// Judge every scenario once with few tokens, in virtual time; times are not judged.
    Check(verb::check::Args),
    /// Hold one stored result against another, and say how sure each change is.
    Compare(verb::compare::Args),
    /// Print what a shell completes: bash, zsh or fish.
    Completions(verb::completions::Args),
    /// Ask backends and libraries side by side on the inputs where they differ.
    Diverge(verb::diverge::Args),
    /// Compare two contenders, configurations or builds in lock step, and say how sure it is.
    Duel(Box<verb::duel::Args>),
    /// Serve the rounds of one side of a duel between builds.
    #[command(hide = true)]
    DuelArm(verb::duel::ServeArgs),
    /// Judge tokens behind a pipe, as an `exec:` contender does.
    #[command(hide = true)]
    ExecPeer(verb::exec_peer::Args),
    /// Serve a scenario's JWKS endpoint in real time to a verifier in another process.
    Endpoint(verb::endpoint::Args),
    /// Show scenarios, contenders, cache policies and token classes.
    List(verb::list::Args),
    /// Print the manual page.
    Man,
    /// Write a conformance pack for any language: key set, policy, tokens with the verdict due.
    Mint(verb::mint::Args),
    /// Run a stored result's plans again, or a simulation's scenarios, and hold new against old.
    Replay(verb::replay::Args),
    /// Render a stored result again, in any form.
    Report(verb::report::Args),
    /// Put cache policies through days of production in virtual time, and compare them.
    Simulate(verb::simulate::Args),
    /// Answer questions on samples, to be held against another program.
    #[command(hide = true)]
    Statistics(verb::statistics::Args),
    /// Show one metric over stored results, with the point where it changed.
    Trend(verb::trend::Args),
    /// Judge tokens, one a line, under a policy file and a JWK set.
    Verify(verb::verify::Args),
}

/// The command line as it is defined: verbs, flags and help texts.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the command line and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Err(error) = interruption::outlive_file_limits() {
        output::tell(format!("cannot listen for SIGXFSZ: {error}"));
    }
    let command = command_line(&args);
    let first = args.get(1).map(|word| word.to_string_lossy().into_owned());
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // If the terminal is gone, there is no place for the message.
            _ = error.print();
            return Exit::Usage.into();
        }
        // Not an error: help, or the version.
        Err(text) => {
            let is_coloured = std::io::stdout().is_terminal();
            let text = text.render();
            output::print(&match is_coloured {
                true => text.ansi().to_string(),
                false => text.to_string(),
            });
            return heard(Exit::Passed).into();
        }
    };
    let ended = match cli.verb {
        None => verb::run::run(cli.run, command).map_err(|failure| or_a_verb(failure, first)),
        Some(Verb::Run(args)) => verb::run::run(args, command),
        Some(Verb::Check(args)) => verb::check::run(args, command),
        Some(Verb::Compare(args)) => verb::compare::run(args),
        Some(Verb::Completions(args)) => verb::completions::run(args),
        Some(Verb::Diverge(args)) => verb::diverge::run(args),
        Some(Verb::Duel(args)) => verb::duel::run(*args, command),
        Some(Verb::DuelArm(args)) => verb::duel::serve(args),
        Some(Verb::ExecPeer(args)) => verb::exec_peer::run(&args),
        Some(Verb::Endpoint(args)) => verb::endpoint::run(&args),
        Some(Verb::List(args)) => verb::list::run(args),
        Some(Verb::Man) => verb::completions::man(),
        Some(Verb::Mint(args)) => verb::mint::run(args),
        Some(Verb::Replay(args)) => verb::replay::run(args, command),
        Some(Verb::Report(args)) => verb::report::run(args),
        Some(Verb::Simulate(args)) => verb::simulate::run(args, command),
        Some(Verb::Statistics(verb::statistics::Args)) => verb::statistics::run(),
        Some(Verb::Trend(args)) => verb::trend::run(args),
        Some(Verb::Verify(args)) => verb::verify::run(args),
    };
    let exit = ended.unwrap_or_else(|failure| {
        output::tell(&failure);
        failure.exit()
    });
    let exit = heard(exit);
    match interruption::interrupted() {
        // A wrong verdict outranks even an interruption.
        Some(code) if exit != Exit::Wrong => ExitCode::from(code),
        _ => exit.into(),
    }
}

/// What is no scenario may be a verb that is spelt nearly so.
fn or_a_verb(failure: Failure, first: Option<String>) -> Failure {
    let top = definition();
    let verbs = top.get_subcommands().filter(|verb| !verb.is_hide_set());
    let verbs = verbs.map(clap::Command::get_name).chain(["help"]);
    let meant = first.as_deref().and_then(|word| nearest(word, verbs));
    match (failure, meant) {
        (Failure::Usage(message), Some(verb)) if message.starts_with("no scenario matches") => {
            Failure::Usage(format!("{message}; or did you mean the verb `{verb}`?"))
        }
        (failure, _) => failure,
    }
}

/// The exit of a command after its output was printed. If standard output could not be written,
/// this is reported, so that incomplete output is not taken for complete.
fn heard(exit: Exit) -> Exit {
    let Some(error) = output::unwritten() else {
        return exit;
    };
    output::tell(format!("cannot write to standard output: {error}"));
    match exit {
        Exit::Wrong | Exit::Usage => exit,
        _ => Exit::Error,
    }
}

/// The command as it could be typed again, without the path of the binary.
fn command_line(args: &[OsString]) -> String {
    typed(args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()))
}

/// A command of these words as it could be typed.
fn typed(words: impl Iterator<Item = String>) -> String {
    let quote = |word: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%".contains(c);
        match !word.is_empty() && word.chars().all(plain) {
            true => word,
            // Only a word with a null byte cannot be quoted, and no argument has one.
            false => shlex::try_quote(&word).map_or_else(|_| word.clone(), Into::into),
        }
    };
    let words = std::iter::once("jwtbench".to_owned()).chain(words.map(quote));
    words.collect::<Vec<String>>().join(" ")
}
