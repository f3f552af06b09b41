//! The `jwtbench` command: the list of verbs is in [`jwtbench::cli`].

fn main() -> std::process::ExitCode {
    jwtbench::cli::main(std::env::args_os())
}
