//! `migsim plan`.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use super::output::check_outputs;
use crate::file::write_whole;
use crate::message::say;
use crate::plan::{Plan, of_recording, of_trace};
use crate::scenario::{Scenario, ScenarioSource};
use crate::strategy::{Entry, Registry};
use crate::trace::Trace;
use crate::trace::import::Input;
use crate::units::SimTime;

/// Write which pages a strategy would send first, for a real migration
///
/// The strategy sees the accesses of a record window that ends at the switch-over. Of a trace (.mtrace) that window
/// begins at --at, and the plan is that of a simulation with the same settings. A recording of the recorder plugin for
/// QEMU (--from qemu) ends at the switch-over: its last record window counts, or all of it, if it is no longer.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// The trace or recording; with --from qemu, `-` is standard input
    trace: PathBuf,

    /// A strategy that records
    #[arg(long, value_name = "NAME")]
    strategy: String,

    /// How long the VM was recorded before the switch-over
    #[arg(long, value_name = "TIME")]
    record_window: SimTime,

    /// Where in the trace the record window begins [default: the scenario's trace.start, 2 s]
    #[arg(long, value_name = "TIME", conflicts_with = "from")]
    at: Option<SimTime>,

    /// What the input is, if not a trace
    #[arg(long, value_enum)]
    from: Option<From>,

    /// Set one key of the scenario, such as pre-record.order=frequency
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// How to write the plan
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,

    /// Write to this file instead of standard output; it appears whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// A recording of the recorder plugin for QEMU
    Qemu,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `page,why,next_touch_ns,page_bytes` rows
    Csv,
    /// For the fetcher plugin for QEMU
    Binary,
}

pub(super) fn run(arguments: PlanArgs, registry: &Registry) -> Result<ExitCode> {
    let entry = registry.get(&arguments.strategy)?;
    let scenario = scenario(&arguments, registry)?;
    let inputs = std::iter::once(arguments.trace.as_path()).chain(scenario.files());
    check_outputs(inputs, arguments.out.as_deref())?;
    let plan = plan(&arguments, &scenario, entry)?;
    if plan.pages.is_empty() {
        say!("migsim: the guest accesses no page in the record window: the plan has none");
    }
    let write = |out: &mut dyn Write| match arguments.format {
        Format::Csv => plan.write_csv(out),
        Format::Binary => plan.write_binary(out),
    };
    match &arguments.out {
        Some(path) => write_whole(path, |file| write(file))
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn scenario(arguments: &PlanArgs, registry: &Registry) -> Result<Scenario> {
    let mut source = ScenarioSource::embedded();
    for assignment in &arguments.settings {
        source.set(assignment)?;
    }
    let own = [
        ("trace.file", "TRACE"),
        ("trace.workload", "TRACE"),
        ("migration.record_window", "--record-window"),
        ("trace.start", "--at"),
    ];
    for (key, argument) in own {
        ensure!(
            source.value(key).is_none() || (argument == "--at" && arguments.at.is_none()),
            "--set {key}: expected another key, as {argument} says this"
        );
    }
    let mut scenario = source.scenario_for(registry)?;
    scenario.migration.record_window = arguments.record_window;
    if let Some(at) = arguments.at {
        scenario.trace.start = at;
    }
    Ok(scenario)
}

fn plan(arguments: &PlanArgs, scenario: &Scenario, entry: &Entry) -> Result<Plan> {
    match arguments.from {
        Some(From::Qemu) => Ok(of_recording(scenario, recording(&arguments.trace)?, entry)?),
        None => of_trace_at(scenario, &arguments.trace, entry),
    }
}

fn of_trace_at(scenario: &Scenario, path: &Path, entry: &Entry) -> Result<Plan> {
    ensure!(
        path != Path::new("-"),
        "standard input is read as a recording only, expected --from qemu with `-`"
    );
    Ok(of_trace(scenario, &Trace::open(path)?, entry)?)
}

fn recording(path: &Path) -> Result<Input<'static>> {
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    Ok(Input::new(name, raw)?)
}
