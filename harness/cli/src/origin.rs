//! `--scenarios`: where scenarios and presets come from.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::source::Source;

use super::Failure;
use super::output::tell;

/// Where scenarios and presets come from.
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct OriginArgs {
    /// Scenarios and presets of this folder instead of those in the binary [in a checkout: its own]
    #[arg(
        long = "scenarios",
        id = "scenarios-folder",
        value_name = "DIR",
        env = "JWTBENCH_SCENARIOS",
        hide_env_values = true
    )]
    folder: Option<PathBuf>,
}

impl OriginArgs {
    /// The folder that was named.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The folder that was named, or that of the checkout around, or what was shipped. Says on
    /// stderr which folder it is, unless it is to be quiet.
    pub fn library(&self, is_quiet: bool) -> Result<Catalogue, Failure> {
        let library = match &self.folder {
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
