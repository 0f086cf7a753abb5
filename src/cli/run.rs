//! `migsim run`: one strategy, in detail.

use std::process::ExitCode;

use clap::Args;

use super::inputs::InputArgs;
use super::output::OutputArgs;
use super::progress;
use crate::comparison::{compare, replay};
use crate::report::{row, table};
use crate::strategy::Registry;

/// Run one strategy on one scenario and show everything about it
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// The strategy
    #[arg(long, value_name = "NAME")]
    strategy: String,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: RunArgs) -> anyhow::Result<ExitCode> {
    let inputs = arguments
        .inputs
        .load(Some(std::slice::from_ref(&arguments.strategy)))?;
    let runs = progress::while_working("simulating", || {
        compare(&inputs.scenario, &inputs.trace, &Registry::standard())
    })?;
    let rows: Vec<_> = runs
        .iter()
        .map(|run| row(&inputs.provenance, run))
        .collect();
    let replay = replay(&inputs.scenario, &inputs.trace)?;
    arguments.output.write(&rows, |_| {
        let header = table::header(&inputs.scenario, &inputs.trace, &replay);
        let details: String = runs.iter().map(table::details).collect();
        format!("{header}\n{details}")
    })?;
    Ok(ExitCode::SUCCESS)
}
