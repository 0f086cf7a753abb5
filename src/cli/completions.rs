//! `migsim completions`: completion scripts for shells.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: CompletionsArgs, mut command: Command) -> anyhow::Result<ExitCode> {
    // By way of memory: the generator takes a closed pipe for a bug.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "migsim", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
