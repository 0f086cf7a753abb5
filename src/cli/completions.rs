//! `migsim completions`: completion scripts for shells.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::scenario::keys::keys;
use crate::strategy::{Registry, parameters};

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(
    arguments: CompletionsArgs,
    registry: &Registry,
    command: Command,
) -> anyhow::Result<ExitCode> {
    let mut command = with_names(command, registry);
    // By way of memory: the generator takes a closed pipe for a bug.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "migsim", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The command with the names of strategies and keys as values. Only completions take them for all there is: the commands
/// themselves answer a wrong name with the nearest.
fn with_names(command: Command, registry: &Registry) -> Command {
    let strategies: Vec<&str> = registry.entries().iter().map(|entry| entry.name).collect();
    let own = parameters::keys(registry).into_iter().map(|(name, _)| name);
    let names = keys().into_iter().map(|key| key.name).chain(own);
    let settings: Vec<String> = names.map(|name| format!("{name}=")).collect();
    let with = |command: Command, argument: &str, names: Vec<String>| {
        command.mut_args(|known| {
            if known.get_id() == argument {
                known.value_parser(PossibleValuesParser::new(names.clone()))
            } else {
                known
            }
        })
    };
    command.mut_subcommands(|own| {
        let names = || strategies.iter().map(|name| (*name).to_owned()).collect();
        let own = with(own, "strategy", names());
        let own = with(own, "strategies", names());
        with(own, "settings", settings.clone())
    })
}
