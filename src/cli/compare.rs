//! `migsim compare`: strategies side by side.

use std::process::ExitCode;

use clap::Args;

use super::inputs::{InputArgs, say_if_ended, say_if_idle};
use super::output::OutputArgs;
use super::progress;
use crate::report::comparison;
use crate::run::compare::compare;
use crate::run::row::row;
use crate::strategy::Registry;

/// Run several strategies on one scenario and show them side by side
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// Strategies to compare, instead of the scenario's
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    strategies: Option<Vec<String>>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: CompareArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let inputs = arguments
        .inputs
        .load(arguments.strategies.as_deref(), registry)?;
    inputs.check_outputs(arguments.output.file())?;
    let runs = progress::while_working("simulating", || {
        compare(&inputs.scenario, &inputs.trace, registry)
    })?;
    say_if_idle(&runs);
    let rows: Vec<_> = runs
        .iter()
        .map(|run| row(&inputs.provenance, run))
        .collect();
    let replay = inputs.scenario.replay(&inputs.trace)?;
    say_if_ended(&replay, &runs);
    arguments.output.write(&rows, |view| {
        let header = comparison::header(&inputs.scenario, &inputs.trace, &replay);
        format!(
            "{header}\n{}",
            comparison::comparison(&inputs.scenario, replay.vcpus(), &runs, view)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
