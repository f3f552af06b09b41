//! `--scenarios`: the folder of scenarios and presets.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::catalogue::source::Source;

use crate::Failure;
use crate::output::tell;

/// The environment variable that names the folder if the flag is absent.
const VARIABLE: &str = "JWTBENCH_SCENARIOS";

/// Where scenarios and presets come from.
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct OriginArgs {
    /// Scenarios and presets of this folder instead of those in the binary [in a checkout: its own]
    /// [env: JWTBENCH_SCENARIOS]
    #[arg(long = "scenarios", id = "scenarios-folder", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl OriginArgs {
    /// The folder that the flag or the variable names. An empty variable names none.
    pub fn folder(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        self.folder.clone().or_else(|| variable().map(PathBuf::from))
    }

    /// The catalogue of the named folder, else of the enclosing checkout, else of the shipped
    /// files. Unless `is_quiet`, the folder is printed on stderr.
    pub fn library(&self, is_quiet: bool) -> Result<Catalogue, Failure> {
        let library = match &self.folder() {
            Some(folder) => Catalogue::open(folder)?,
            None => {
                let here = std::env::current_dir()
                    .map_err(|error| Failure::Error(format!("no current folder: {error}")))?;
                Catalogue::find(&here)
            }
        };
        if let Source::Folder(folder) = library.source()
            && !is_quiet
        {
            tell(format!("scenarios of {}", folder.display()));
        }
        Ok(library)
    }
}
