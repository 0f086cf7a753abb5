//! `migsim trace import`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::{addresses, check_named, line, progress, whole_ns, write_file};
use crate::cli::output::check_outputs;
use crate::message::say;
use crate::trace::Trace;
use crate::trace::import::{
    self, Addresses, IMPORTERS, ImportError, ImportOptions, ImportSummary, Importer, Input,
};
use crate::units::{AddressRanges, Bytes, SimTime};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Format of the recording
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    from: &'static Importer,
    /// Pages of the VM [default: what the recording says, or its highest page]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pages: Option<u32>,
    /// Size of a page [default: what the recording says, or 4 KiB]
    #[arg(long, value_name = "SIZE")]
    page_size: Option<Bytes>,
    /// Pages that were all zero at the start, as `first_page,page_count` rows
    #[arg(long, value_name = "FILE")]
    zero_pages: Option<PathBuf>,
    /// When vCPUs were idle, as `vcpu,from_ns,until_ns` rows, by vCPU and time
    #[arg(long, value_name = "FILE")]
    idle_spans: Option<PathBuf>,
    /// Epoch in which the recorder kept only the first access and the first write of a page; 0 if it kept all [default:
    /// what the recording says, or 0]
    #[arg(long, value_name = "TIME")]
    compaction: Option<SimTime>,
    /// Keep only the first access, write and fetch of each page in each epoch of this length
    #[arg(long, value_name = "TIME", default_value = "0")]
    compact: SimTime,
    /// Time from one record to the next, where the format has no clock or a coarse one [default: 1 ns]
    #[arg(long, value_name = "TIME")]
    time_per_record: Option<SimTime>,
    /// What the recording's addresses are: `virtual` (of processes: regions of 512 pages, in order, without the space
    /// between them), `physical` (of the machine: divided by the page size), or where a process maps the machine's
    /// memory, as `0x7f3c00000000` or, with its length, `0x7f3c00000000+4GiB` [default: as the format has them, else
    /// virtual]
    #[arg(long, value_name = "KIND", value_parser = addresses::addresses)]
    addresses: Option<Addresses>,
    /// Physical addresses that are RAM, such as `0-3GiB,4GiB-5GiB`; what lies outside is dropped and counted
    #[arg(long, value_name = "RANGES")]
    ram: Option<AddressRanges>,
    /// Skip lines that are not as they should be, and what a cut archive lacks; say how many, and why
    #[arg(long)]
    lenient: bool,
    /// Where the recording comes from, in words
    #[arg(long, value_name = "TEXT", default_value = "")]
    provenance: String,
    /// The recording: plain, zstd, gzip, zip, xz or lz4; `-` for standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The trace to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

pub(super) fn run(args: &ImportArgs) -> Result<()> {
    check_named(&args.output)?;
    let beside_it = [&args.zero_pages, &args.idle_spans];
    let beside_it = beside_it.into_iter().filter_map(Option::as_deref);
    let inputs = std::iter::once(args.input.as_path()).chain(beside_it);
    check_outputs(inputs, [args.output.as_path()])?;
    let zero_runs = companion(args.zero_pages.as_deref(), import::zero_pages)?;
    let idle_spans = companion(args.idle_spans.as_deref(), import::idle_spans)?;
    let compaction = args.compaction.map(|time| whole_ns("--compaction", time));
    let options = ImportOptions {
        page_size: args.page_size.map(|size| size.0),
        pages: args.pages,
        compaction_ns: compaction.transpose()?,
        compact_ns: whole_ns("--compact", args.compact)?,
        zero_runs,
        idle_spans,
        provenance: args.provenance.clone(),
        addresses: args.addresses,
        ram: args.ram.clone().map_or_else(Vec::new, |ranges| ranges.0),
        time_per_record_ns: match args.time_per_record {
            Some(time) => whole_ns("--time-per-record", time)?,
            None => ImportOptions::default().time_per_record_ns,
        },
        lenient: args.lenient,
    };
    let input = open_recording(&args.input)?;
    let mut summary = ImportSummary::default();
    write_file(&args.output, |out| {
        summary = args.from.import(input, &options, out)?;
        Ok(())
    })?;
    if args.time_per_record.is_none() && !args.from.has_clock() {
        say!(
            "note: the format has no clock: its records are 1 ns apart; `--time-per-record` says otherwise"
        );
    }
    report(&summary);
    if args.output.is_file() {
        say_silent_vcpus(&Trace::open(&args.output)?);
    }
    line::say_line(&args.output)
}

/// A vCPU without accesses never waits: there is no time then in which all do.
fn say_silent_vcpus(trace: &Trace) {
    let vcpus = trace.header().vcpus;
    let is_silent = |vcpu: &u16| trace.vcpu_records(*vcpu, 0).next().is_none();
    let silent: Vec<String> = (0..vcpus)
        .filter(is_silent)
        .map(|vcpu| vcpu.to_string())
        .collect();
    if silent.is_empty() {
        return;
    }
    let most = 8;
    let named = silent[..silent.len().min(most)].join(", ");
    let more = if silent.len() > most { ", …" } else { "" };
    say!(
        "note: {} of {vcpus} vCPUs have no accesses ({named}{more}) and never wait: all vCPUs never wait at once",
        silent.len()
    );
}

/// The rows of a file beside the recording, if there is one.
fn companion<T>(
    path: Option<&Path>,
    read: impl FnOnce(Input<'_>) -> Result<Vec<T>, ImportError>,
) -> Result<Vec<T>> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(read(Input::new(path.display().to_string(), file)?)?)
}

fn open_recording(path: &Path) -> Result<Input<'static>> {
    let (name, raw, length): (_, Box<dyn Read>, _) = if path == Path::new("-") {
        (
            "standard input".to_owned(),
            Box::new(io::stdin().lock()),
            None,
        )
    } else {
        let context = || format!("cannot open {}", path.display());
        let file = File::open(path).with_context(context)?;
        let metadata = file.metadata().with_context(context)?;
        let length = metadata.is_file().then_some(metadata.len());
        (path.display().to_string(), Box::new(file), length)
    };
    Ok(Input::new(name, progress::Progress::new(raw, length))?)
}

/// The importers by name.
fn formats() -> impl TypedValueParser<Value = &'static Importer> {
    let value =
        |importer: &&'static Importer| PossibleValue::new(importer.name).help(importer.reads);
    PossibleValuesParser::new(IMPORTERS.iter().map(value)).try_map(|name| {
        let known = Importer::named(&name);
        known.ok_or_else(|| format!("`{name}` is not a format"))
    })
}

/// Says what was left out, and what may not be as it seems.
fn report(summary: &ImportSummary) {
    for note in &summary.notes {
        say!("note: {note}");
    }
    for reason in &summary.reasons {
        say!("skipped {}: {}", reason.count, reason.first);
    }
    if summary.skipped > 0 {
        let (skipped, accesses) = (summary.skipped, summary.accesses);
        say!("skipped {skipped} lines or records in all, took {accesses} accesses");
    }
}
