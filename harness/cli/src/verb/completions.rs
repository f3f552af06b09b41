//! `completions` and `man`: descriptions of the command line for shells and for the manual.

use clap::{Arg, Args as ClapArgs, Command};
use clap_complete::Shell;

use crate::output::print;
use crate::{Exit, Failure, definition};

/// Print what a shell completes.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench completions bash > ~/.local/share/bash-completion/completions/jwtbench\n  \
    jwtbench completions zsh > ~/.zfunc/_jwtbench\n  \
    jwtbench completions fish > ~/.config/fish/completions/jwtbench.fish")]
pub struct Args {
    /// The shell
    #[arg(value_name = "bash|zsh|fish", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Runs the verb `completions`.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let shell = match args.shell.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        _ => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut offered(&definition()), "jwtbench", &mut text);
    print(&String::from_utf8_lossy(&text));
    Ok(Exit::Passed)
}

/// A command without the verbs and flags that are hidden: shells are told of all that there are.
fn offered(command: &Command) -> Command {
    let is_shown = |arg: &&Arg| !arg.is_hide_set();
    let mut shown = Command::new(command.get_name().to_owned())
        .args(command.get_arguments().filter(is_shown).cloned())
        .subcommands(command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(offered));
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    match command.get_version() {
        Some(version) => shown.version(version.to_owned()),
        None => shown,
    }
}

/// Runs the verb `man`, which prints one page with a section for each verb.
pub fn man() -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::Error(format!("cannot write the page: {error}"));
    let top = definition().disable_help_subcommand(true);
    let mut text = Vec::new();
    clap_mangen::Man::new(top.clone()).render(&mut text).map_err(failed)?;
    for verb in top.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("jwtbench {}", verb.get_name());
        let verb = verb.clone().bin_name(name.clone());
        text.extend(format!(".SH \"{}\"\n", name.to_uppercase()).into_bytes());
        let page = clap_mangen::Man::new(verb);
        page.render_synopsis_section(&mut text).map_err(failed)?;
        page.render_description_section(&mut text).map_err(failed)?;
        page.render_options_section(&mut text).map_err(failed)?;
        page.render_extra_section(&mut text).map_err(failed)?;
    }
    print(&String::from_utf8_lossy(&text));
    Ok(Exit::Passed)
}
