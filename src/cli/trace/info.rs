//! What `migsim trace info` shows.

mod json;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use super::plot;
use crate::cli::output::check_outputs;
use crate::trace::Trace;
use crate::trace::statistics::Statistics;
use crate::units::SimTime;

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// The trace
    trace: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t = InfoFormat::Table)]
    format: InfoFormat,
    /// Length of the windows of the working-set curve [default: a 60th of the trace, in whole compaction epochs]
    #[arg(long, value_name = "TIME")]
    window: Option<SimTime>,
    /// Draw working set, dirty set and accesses over memory into this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum InfoFormat {
    Table,
    Json,
}

/// The text for standard output.
pub(super) fn run(args: &InfoArgs) -> Result<String> {
    let trace = Trace::open(&args.trace)?;
    let metadata = std::fs::metadata(&args.trace);
    let file_bytes = metadata
        .with_context(|| format!("cannot read {}", args.trace.display()))?
        .len();
    let window_ns = match args.window {
        Some(window) => window.as_ps() / 1_000,
        None => Statistics::default_window_ns(&trace),
    };
    let epoch_ns = trace.header().compaction_ns.max(1);
    ensure!(
        window_ns.is_multiple_of(epoch_ns),
        "--window: expected a multiple of the trace's compaction epoch of {}, within which pages are missing",
        SimTime::from_ns(epoch_ns)
    );
    let statistics = Statistics::of(&trace, window_ns)?.with_context(|| {
        format!(
            "--window: expected a length above 0, and at most {} windows",
            Statistics::MAX_WINDOWS
        )
    })?;
    if let Some(path) = &args.plot {
        check_outputs([args.trace.as_path()], [path.as_path()])?;
        let svg = plot::svg(&trace, &statistics)?;
        super::write_file(path, |out| Ok(out.write_all(svg.as_bytes())?))?;
    }
    match args.format {
        InfoFormat::Table => table::table(&trace, file_bytes, &statistics),
        InfoFormat::Json => json::json(&trace, file_bytes, &statistics),
    }
}

fn zero_pages(trace: &Trace) -> u64 {
    trace
        .zero_runs()
        .iter()
        .map(|run| u64::from(run.count))
        .sum()
}

fn idle(trace: &Trace) -> SimTime {
    let lengths = trace.idle_spans().iter();
    let lengths = lengths.map(|span| SimTime::from_ns(span.until_ns - span.from_ns));
    lengths.fold(SimTime::ZERO, |sum, length| sum + length)
}

/// 0 for a trace without records.
fn bits_per_record(trace: &Trace, file_bytes: u64) -> f64 {
    file_bytes as f64 * 8.0 / trace.record_count().max(1) as f64
}
