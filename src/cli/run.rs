//! `migsim run`: one strategy, in detail.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::inputs::InputArgs;
use super::output::OutputArgs;
use super::progress;
use crate::comparison::{compare, observe, replay};
use crate::report::file::write_whole;
use crate::report::{row, table, timeline};
use crate::strategy::Registry;

/// Run one strategy on one scenario and show everything about it
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// The strategy
    #[arg(long, value_name = "NAME")]
    strategy: String,

    /// Write how the migration went to this file, as a trace for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE.json")]
    timeline: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: RunArgs) -> anyhow::Result<ExitCode> {
    let inputs = arguments
        .inputs
        .load(Some(std::slice::from_ref(&arguments.strategy)))?;
    let registry = Registry::standard();
    let runs = match &arguments.timeline {
        Some(path) => {
            let observed = progress::while_working("simulating", || {
                observe(
                    &inputs.scenario,
                    &inputs.trace,
                    &registry,
                    &arguments.strategy,
                )
            })?;
            write_whole(path, |file| {
                let mut out = BufWriter::new(file);
                timeline::write(&inputs.scenario, &observed, &mut out)?;
                out.flush()
            })
            .with_context(|| format!("cannot write {}", path.display()))?;
            vec![observed.run]
        }
        None => progress::while_working("simulating", || {
            compare(&inputs.scenario, &inputs.trace, &registry)
        })?,
    };
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
