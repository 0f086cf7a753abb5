//! `migsim completions`: completion scripts for shells.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::run::columns::{IDENTIFYING, METRICS};
use crate::scenario::axis::column_of;
use crate::scenario::keys::keys;
use crate::scenario::profile;
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
    let mut command = with_names(command, registry, arguments.shell);
    // By way of memory: the generator takes a closed pipe for a bug.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "migsim", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The command with names as values of its arguments. Only completions take them for all there is: the commands
/// themselves answer a wrong name with the nearest, and a scenario may be a file.
fn with_names(command: Command, registry: &Registry, shell: Shell) -> Command {
    let strategies: Vec<String> = registry
        .entries()
        .iter()
        .map(|entry| entry.name.to_owned())
        .collect();
    let own = parameters::keys(registry).into_iter().map(|(name, _)| name);
    let settings = keys().into_iter().map(|key| key.name).chain(own);
    let metrics: Vec<String> = METRICS
        .iter()
        .map(|metric| metric.name.to_owned())
        .collect();
    let identifying = IDENTIFYING.iter().map(|(name, _)| (*name).to_owned());
    let columns: Vec<String> = keys().iter().map(column_of).chain(identifying).collect();
    // Bash goes on with files where no name fits; the others would not.
    let profiles = profile::names().filter(|_| shell == Shell::Bash);
    let names: [(&str, Vec<String>); 8] = [
        ("scenario", profiles.map(str::to_owned).collect()),
        ("strategy", strategies.clone()),
        ("strategies", strategies),
        (
            "settings",
            settings.map(|name| format!("{name}=")).collect(),
        ),
        ("metrics", metrics.clone()),
        ("x", columns.clone()),
        ("y", metrics),
        ("by", columns),
    ];
    command.mut_subcommands(|own| {
        own.mut_args(|known| {
            let found = names
                .iter()
                .find(|(argument, names)| known.get_id() == argument && !names.is_empty());
            match found {
                Some((_, names)) => known.value_parser(PossibleValuesParser::new(names.clone())),
                None => known,
            }
        })
    })
}
