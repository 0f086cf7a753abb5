//! `migsim trace export`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::{check_named, write_file};
use crate::cli::output::check_outputs;
use crate::message::say;
use crate::trace::Trace;
use crate::trace::export::{self, Told};
use crate::trace::import::ImportOptions;
use crate::units::{Bytes, SimTime};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Format to write
    #[arg(long, value_enum)]
    to: Format,
    /// File for the zero pages, as `first_page,page_count` rows
    #[arg(long, value_name = "FILE")]
    zero_pages: Option<PathBuf>,
    /// File for the vCPUs' idle spans, as `vcpu,from_ns,until_ns` rows
    #[arg(long, value_name = "FILE")]
    idle_spans: Option<PathBuf>,
    /// The trace
    trace: PathBuf,
    /// The file to write; `-` for standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `time_ns,vcpu,page,op` rows
    Csv,
    /// The same columns
    #[cfg(feature = "parquet")]
    Parquet,
}

pub(super) fn run(args: &ExportArgs) -> Result<()> {
    for beside in [&args.zero_pages, &args.idle_spans].into_iter().flatten() {
        check_named(beside)?;
    }
    let trace = Trace::open(&args.trace)?;
    let outputs = [
        Some(&args.output),
        args.zero_pages.as_ref(),
        args.idle_spans.as_ref(),
    ];
    check_outputs(
        [args.trace.as_path()],
        outputs.into_iter().flatten().map(PathBuf::as_path),
    )?;
    let mut told = None;
    let mut write = |out: &mut (dyn Write + Send)| match args.to {
        Format::Csv => export::csv(&trace, out).map(|rows| told = Some(rows)),
        #[cfg(feature = "parquet")]
        Format::Parquet => export::parquet(&trace, out),
    };
    if args.output == Path::new("-") {
        write(&mut BufWriter::new(io::stdout()))?;
    } else {
        write_file(&args.output, |out| Ok(write(out)?))?;
    }
    if let Some(told) = told {
        say_what_lacks(&trace, told, args)?;
    }
    if let Some(path) = &args.zero_pages {
        write_file(path, |out| Ok(export::zero_pages(trace.zero_runs(), out)?))?;
    }
    if let Some(path) = &args.idle_spans {
        write_file(path, |out| Ok(export::idle_spans(trace.idle_spans(), out)?))?;
    }
    Ok(())
}

/// Says with which options rows become the same trace again, and what of it they cannot give back.
fn say_what_lacks(trace: &Trace, told: Told, args: &ExportArgs) -> Result<()> {
    let header = trace.header();
    let mut options = Vec::new();
    if header.page_size != ImportOptions::PAGE_SIZE {
        let page_size = toml::Value::try_from(Bytes(header.page_size))?;
        options.push(format!("--page-size {page_size}"));
    }
    let zero = trace
        .zero_runs()
        .last()
        .filter(|_| args.zero_pages.is_some());
    let pages = zero.map_or(0, |run| run.end()).max(told.pages.into());
    match header.ram_addresses() {
        Some(ram) => options.push(format!("--ram {ram}")),
        None if pages != u64::from(header.pages) => {
            options.push(format!("--pages {}", header.pages));
        }
        None => {}
    }
    let epoch_ns = header.compaction_ns;
    if epoch_ns > 0 {
        let epoch = toml::Value::try_from(SimTime::from_ns(epoch_ns))?;
        options.push(format!("--compaction {epoch}"));
    }
    if !options.is_empty() {
        let options = options.join(" ");
        say!("note: the rows do not say all of the trace: import them with {options}");
    }
    let idle = trace
        .idle_spans()
        .last()
        .filter(|_| args.idle_spans.is_some());
    let vcpus = idle.map_or(0, |span| span.vcpu + 1).max(told.vcpus);
    if vcpus < header.vcpus {
        let lost = header.vcpus - vcpus;
        say!("note: rows cannot tell that the trace has {lost} more vCPU(s), without accesses");
    }
    let end_ns = told.end_ns.next_multiple_of(epoch_ns.max(1));
    if end_ns < trace.duration_ns() {
        let rest = SimTime::from_ns(trace.duration_ns() - end_ns);
        say!("note: rows cannot tell that the trace goes on for {rest} behind its last access");
    }
    Ok(())
}
