//! `migsim explain`: where a strategy's stall comes from.

use std::process::ExitCode;

use clap::Args;

use super::inputs::InputArgs;
use super::output::OutputArgs;
use super::progress;
use crate::report::{comparison, explanation};
use crate::run::compare;
use crate::strategy::Registry;

/// Run one strategy and break its faults and stall down by cause
///
/// A line a kind of page: what the strategy knew of the pages that were faulted on. The columns are what the stall went
/// into: the request's way (trap, latencies, what holds it up), the wait at the source until the page was handed to the
/// link, the link (what was queued before it, and its transmission), the rest of the way of a page that had been sent
/// already, and installation and wake-up.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// The strategy
    #[arg(long, value_name = "NAME")]
    strategy: String,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: ExplainArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let inputs = arguments.inputs.load(None, registry)?;
    inputs.check_outputs(arguments.output.file())?;
    let entry = registry.get(&arguments.strategy)?;
    let explained = progress::while_working("simulating", || {
        compare::explain(&inputs.scenario, &inputs.trace, entry)
    })?;
    let replay = inputs.scenario.replay(&inputs.trace)?;
    let rows = explanation::rows(&inputs.provenance, entry.name, &explained);
    arguments.output.write(&rows, |view| {
        let header = comparison::header(&inputs.scenario, &inputs.trace, &replay);
        let table = explanation::table(entry.name, &explained, view);
        format!("{header}\n{table}")
    })?;
    Ok(ExitCode::SUCCESS)
}
