//! The flags that `cargo bench` and `cargo test --benches` pass to every bench: those of criterion
//! and of libtest. Flags without a meaning here are ignored.

/// Flags of criterion and libtest that take the next argument as their value.
const WITH_VALUE: [&str; 24] = [
    "--baseline",
    "--baseline-lenient",
    "--color",
    "--colour",
    "--confidence-level",
    "--format",
    "--load-baseline",
    "--logfile",
    "--measurement-time",
    "--noise-threshold",
    "--nresamples",
    "--output-format",
    "--plotting-backend",
    "--profile-time",
    "--sample-size",
    "--save-baseline",
    "--shuffle-seed",
    "--significance-level",
    "--skip",
    "--test-threads",
    "--warm-up-time",
    "-Z",
    "-b",
    "-c",
];

/// The command line of a bench.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The task of the bench.
    pub task: Task,
    /// Positional arguments. The bench runs only items whose names contain one of them; without
    /// any, it runs all.
    pub filters: Vec<String>,
}

/// The task of the bench.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// One quick pass, for `cargo test --benches` and for runs by hand.
    #[default]
    Test,
    /// A measurement, for `cargo bench`.
    Measure,
    /// A list of the benchmarks.
    List,
}

impl Flags {
    /// Parses the arguments that follow the program name.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Flags {
        let mut filters = Vec::new();
        let (mut bench, mut test, mut list) = (false, false, false);
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => bench = true,
                "--test" => test = true,
                "--list" => list = true,
                flag if WITH_VALUE.contains(&flag) => _ = args.next(),
                flag if flag.starts_with('-') => {}
                _ => filters.push(arg),
            }
        }
        let task = match (list, bench && !test) {
            (true, _) => Task::List,
            (false, true) => Task::Measure,
            (false, false) => Task::Test,
        };
        Flags { task, filters }
    }

    /// Whether the filters select an item of this name.
    pub fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, task: Task, filters: &[&str], reason: &str) {
        let got = Flags::parse(args.split_whitespace().map(str::to_owned));
        let filters = filters.iter().map(ToString::to_string).collect();
        assert_eq!(got, Flags { task, filters }, "{reason}: {args}");
    }

    #[test]
    fn lets_every_flag_through() {
        check("", Task::Test, &[], "as cargo test --benches calls it");
        check("--bench", Task::Measure, &[], "as cargo bench calls it");
        check("--test --bench", Task::Test, &[], "criterion's test mode");
        check("--quick --noplot --bench", Task::Measure, &[], "criterion");
        check("--save-baseline x --bench", Task::Measure, &[], "a value");
        check("--save-baseline=x --bench", Task::Measure, &[], "in one");
        check("--color always -q --nocapture", Task::Test, &[], "libtest");
        check("--list --bench --format terse", Task::List, &[], "libtest");
        check("accept --bench", Task::Measure, &["accept"], "a filter");
        check("a -b x c --bench", Task::Measure, &["a", "c"], "two");
    }

    #[test]
    fn filters_by_part_of_the_name() {
        let flags = |args: &str| Flags::parse(args.split_whitespace().map(str::to_owned));
        assert!(flags("--bench").wants("hot-path/mix"), "all by default");
        assert!(flags("mix").wants("hot-path/mix"), "a part is enough");
        assert!(!flags("verify").wants("hot-path/mix"), "not another's");
    }
}
