//! `migsim man`: the help as man pages.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_mangen::Man;

use crate::file::write_whole;

/// Write a man page for each command to a directory
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The directory, such as ~/.local/share/man/man1
    directory: PathBuf,
}

pub(super) fn run(arguments: ManArgs, mut command: Command) -> Result<ExitCode> {
    let directory = &arguments.directory;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    command.build();
    write(&command, directory)?;
    Ok(ExitCode::SUCCESS)
}

/// The page of a command, and those of its own commands: `migsim-trace-import.1`.
fn write(command: &Command, directory: &Path) -> Result<()> {
    let man = Man::new(command.clone());
    let path = directory.join(man.get_filename());
    let mut page = Vec::new();
    man.render(&mut page)?;
    write_whole(&path, |file| file.write_all(&page))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let own = command.get_subcommands();
    own.filter(|own| own.get_name() != "help" && !own.is_hide_set())
        .try_for_each(|own| write(own, directory))
}
