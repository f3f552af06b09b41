//! The `jwtbench` command: the list of verbs is in [`jwtbench`].

fn main() -> std::process::ExitCode {
    jwtbench::main(std::env::args_os())
}
