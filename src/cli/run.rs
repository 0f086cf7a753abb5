//! `migsim run`: one strategy, in detail.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::inputs::{InputArgs, Inputs, say_if_ended, say_if_idle};
use super::output::{Format, write_data};
use super::plot::Picture;
use super::progress;
use crate::figures::RECONSTRUCTION;
use crate::file::write_whole;
use crate::migration::Samples;
use crate::plot;
use crate::report::table::grouped;
use crate::report::verdict::convergence;
use crate::report::{comparison, details, qmp, timeline};
use crate::run::compare::{Run, observe, page_map};
use crate::run::row::row;
use crate::strategy::{Registry, pdopmp};

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

    /// Draw pages over time to this file: when each was recorded, pushed, touched and waited for; .svg; .png and
    /// .pdf where the program was built with the feature of that name
    #[arg(long, value_name = "FILE.svg")]
    page_map: Option<PathBuf>,

    /// How to show the result [default: csv or json by the name of --out, else table]
    #[arg(long, value_enum)]
    format: Option<RunFormat>,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The formats of all reports, and one for a single migration.
#[derive(Debug, Clone, Copy)]
enum RunFormat {
    Rows(Format),
    Qmp,
}

impl ValueEnum for RunFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            RunFormat::Rows(Format::Table),
            RunFormat::Rows(Format::Csv),
            RunFormat::Rows(Format::Json),
            RunFormat::Qmp,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            RunFormat::Rows(format) => format.to_possible_value(),
            RunFormat::Qmp => Some(PossibleValue::new("qmp").help("As QEMU's query-migrate")),
        }
    }
}

pub(super) fn run(arguments: RunArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let inputs = arguments
        .inputs
        .load(Some(std::slice::from_ref(&arguments.strategy)), registry)?;
    let outputs = [&arguments.timeline, &arguments.page_map, &arguments.out];
    inputs.check_outputs(outputs.into_iter().filter_map(Option::as_deref))?;
    let picture = Picture::by_name(arguments.page_map.as_deref())?;
    // A watched run goes page by page.
    let mut samples = arguments.timeline.is_some().then(Samples::new);
    let (scenario, trace, strategy) = (&inputs.scenario, &inputs.trace, &arguments.strategy);
    let observed = progress::while_working("simulating", || match &mut samples {
        Some(samples) => observe(scenario, trace, registry, strategy, samples),
        None => observe(scenario, trace, registry, strategy, &mut ()),
    })?;
    say_if_idle(std::slice::from_ref(&observed.run));
    if let (Some(path), Some(samples)) = (&arguments.timeline, samples) {
        let samples = samples.into_vec();
        write_whole(path, |file| {
            let mut out = BufWriter::new(file);
            timeline::write(scenario, &observed, &samples, &mut out)?;
            out.flush()
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &arguments.page_map {
        let svg = map_pages(&inputs, registry, &observed.run)?;
        write_data(Some(path), &picture.render(svg)?)?;
    }
    let replay = inputs.scenario.replay(&inputs.trace)?;
    say_if_ended(&replay, std::slice::from_ref(&observed.run));
    let out = arguments.out.as_deref();
    let format = arguments
        .format
        .unwrap_or_else(|| RunFormat::Rows(Format::by_name(out)));
    let data = match format {
        RunFormat::Rows(format) => {
            let rows = [row(&inputs.provenance, &observed.run)];
            format.render(&rows, out, |_| {
                let header = comparison::header(&inputs.scenario, &inputs.trace, &replay);
                let rounds = convergence(&inputs.scenario, &observed.run);
                let rounds = rounds.map_or_else(String::new, |text| format!("\n{text}\n"));
                format!("{header}\n{}{rounds}", details::details(&observed.run))
            })?
        }
        RunFormat::Qmp => {
            let mut data = Vec::new();
            qmp::write(&inputs.scenario, replay.memory(), &observed, &mut data)?;
            data
        }
    };
    write_data(out, &data)?;
    Ok(ExitCode::SUCCESS)
}

/// The picture of pages over time, with what came of it.
fn map_pages(inputs: &Inputs, registry: &Registry, run: &Run) -> anyhow::Result<String> {
    let map = progress::while_working("mapping pages", || {
        page_map(&inputs.scenario, &inputs.trace, registry, run.strategy)
    })?;
    let metrics = &run.metrics;
    let mut caption = vec![format!(
        "{} network faults and {} in flight; {} stall over all vCPUs, {} downtime.",
        metrics.network_faults, metrics.in_flight_faults, metrics.stall, metrics.downtime
    )];
    if map.sent_ahead > 0 {
        let pages = grouped(map.sent_ahead);
        caption.push(format!(
            "{pages} pages were sent ahead of the core state; they are not drawn."
        ));
    }
    if run.strategy.starts_with(pdopmp::ENTRY.name) {
        caption.push(RECONSTRUCTION.to_owned());
    }
    let title = format!(
        "{} on {}: pages over time",
        run.strategy, inputs.provenance.trace
    );
    Ok(plot::page_map::svg(&map, &title, &caption)?)
}
