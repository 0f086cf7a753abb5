//! What `migsim trace info` shows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::plot;
use crate::cli::output::check_outputs;
use crate::message::say;
use crate::trace::Trace;
use crate::trace::statistics::{Statistics, Window};
use crate::units::Bytes;
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
        InfoFormat::Table => table(&trace, &statistics),
        InfoFormat::Json => json(&trace, &statistics),
    }
}

/// Says what was written; a device or a pipe cannot be read again.
pub(super) fn say_line(written: &Path) -> Result<()> {
    if written.is_file() {
        say!("{}", line(&Trace::open(written)?));
    }
    Ok(())
}

/// The trace in one line.
pub(super) fn line(trace: &Trace) -> String {
    let header = trace.header();
    format!(
        "{}: {} records in {}, {} vCPU(s), {} pages of {}{}",
        trace.name(),
        trace.record_count(),
        SimTime::from_ns(trace.duration_ns()),
        header.vcpus,
        header.memory_pages(),
        Bytes(header.page_size),
        header
            .ram_addresses()
            .map_or_else(String::new, |ram| format!(" at {ram}")),
    )
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

fn file_bytes(trace: &Trace) -> Result<u64> {
    let name = trace.name();
    let metadata = std::fs::metadata(name).with_context(|| format!("cannot read {name}"))?;
    Ok(metadata.len())
}

/// 0 for a trace without records.
fn bits_per_record(trace: &Trace, file_bytes: u64) -> f64 {
    file_bytes as f64 * 8.0 / trace.record_count().max(1) as f64
}

fn table(trace: &Trace, statistics: &Statistics) -> Result<String> {
    let header = trace.header();
    let file_bytes = file_bytes(trace)?;
    let share =
        |count: u64, of: u64| format!("{count} ({:.1} %)", 100.0 * count as f64 / of.max(1) as f64);
    let records = trace.record_count();
    let pages = header.memory_pages();
    let ram = header.ram_addresses();
    let memory = Bytes(pages * header.page_size);
    let window = SimTime::from_ns(statistics.window_ns);
    let compaction = match header.compaction_ns {
        0 => "none".to_owned(),
        epoch_ns => SimTime::from_ns(epoch_ns).to_string(),
    };
    // A window's pages, as memory in each and as a rate.
    let per_window = |pages: fn(&Window) -> u32| {
        let (mean, largest) = statistics.mean_and_largest(pages);
        let bytes = |pages: f64| Bytes((pages * header.page_size as f64) as u64);
        let (mean, largest) = (bytes(mean), bytes(largest.into()));
        let rate = Bytes((mean.0 as f64 / window.as_secs_f64()) as u64);
        (
            format!("mean {mean}, largest {largest}"),
            format!("{rate} a second"),
        )
    };
    let (working_set, _) = per_window(|window| window.touched_pages);
    let (dirty_set, dirty_rate) = per_window(|window| window.written_pages);
    let curve = |pages: fn(&Window) -> u32| {
        sparkline(statistics.windows.iter().map(|window| pages(window).into()))
    };
    // A hostile file shall not send commands to a terminal.
    let provenance = header.provenance.replace(char::is_control, " ");
    let slow_down = header.slow_down().map(|factor| {
        let scale = 1.0 / factor;
        let text = format!(
            "{factor} times slower than without its recorder: trace.time_scale = {scale:.4} undoes it"
        );
        ("slow-down", text)
    });
    let mut rows = vec![
        ("vCPUs", header.vcpus.to_string()),
        (
            "pages",
            format!("{pages} of {} ({memory})", Bytes(header.page_size)),
        ),
        (
            "RAM",
            ram.map_or_else(|| "without holes".to_owned(), |ram| ram.to_string()),
        ),
        (
            "duration",
            SimTime::from_ns(trace.duration_ns()).to_string(),
        ),
    ];
    rows.extend(slow_down);
    rows.extend([
        ("records", records.to_string()),
        ("  reads", share(statistics.reads, records)),
        ("  writes", share(statistics.writes, records)),
        ("  fetches", share(statistics.executes, records)),
        ("touched pages", share(statistics.touched_pages, pages)),
        ("written pages", share(statistics.written_pages, pages)),
        ("zero pages at the start", share(zero_pages(trace), pages)),
        (
            "idle",
            format!(
                "{} times, {} of all vCPUs",
                trace.idle_spans().len(),
                idle(trace)
            ),
        ),
        ("working set", format!("{working_set} in {window}")),
        ("", curve(|window| window.touched_pages)),
        (
            "dirty set",
            format!("{dirty_set} in {window}: {dirty_rate}"),
        ),
        ("", curve(|window| window.written_pages)),
        (
            "records over memory",
            format!(
                "parts of {}",
                Bytes(u64::from(statistics.part_pages) * header.page_size)
            ),
        ),
        ("", sparkline(statistics.parts.iter().copied())),
        ("tick", SimTime::from_ns(header.tick_ns.into()).to_string()),
        ("compaction", compaction),
        (
            "file",
            format!(
                "{}, {:.2} bits a record",
                Bytes(file_bytes),
                bits_per_record(trace, file_bytes)
            ),
        ),
        ("content hash", trace.content_hash().to_owned()),
        ("provenance", provenance),
    ]);
    let line = |(name, value): &(&str, String)| format!("{name:<25}{value}");
    let lines: Vec<_> = rows.iter().map(line).collect();
    Ok(lines.join("\n"))
}

/// A bar for each value, for the largest of each group where there are many.
fn sparkline(values: impl Iterator<Item = u64>) -> String {
    const MOST: usize = 64;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<_> = values.collect();
    let largest = values.iter().copied().max().unwrap_or(0).max(1);
    let group = values.len().div_ceil(MOST).max(1);
    let bar = |values: &[u64]| {
        let value = values.iter().copied().max().unwrap_or(0);
        // Rounded up: what is not zero is seen.
        let height = (u128::from(value) * 8).div_ceil(u128::from(largest));
        BARS.get(height as usize).copied().unwrap_or(' ')
    };
    values.chunks(group).map(bar).collect()
}

fn json(trace: &Trace, statistics: &Statistics) -> Result<String> {
    let header = trace.header();
    let file_bytes = file_bytes(trace)?;
    let seconds = |ns: u64| SimTime::from_ns(ns).as_secs_f64();
    let curve =
        |pages: fn(&Window) -> u32| -> Vec<u32> { statistics.windows.iter().map(pages).collect() };
    let dirty_pages: u64 = statistics
        .windows
        .iter()
        .map(|window| u64::from(window.written_pages))
        .sum();
    let covered = seconds(statistics.window_ns) * statistics.windows.len() as f64;
    let value = json!({
        "trace": trace.name(),
        "content_hash": trace.content_hash(),
        "vcpus": header.vcpus,
        "pages": header.memory_pages(),
        "ram": header.ram_addresses().map(|ram| ram.to_string()),
        "page_size_bytes": header.page_size,
        "duration_s": seconds(trace.duration_ns()),
        "records": trace.record_count(),
        "reads": statistics.reads,
        "writes": statistics.writes,
        "executes": statistics.executes,
        "touched_pages": statistics.touched_pages,
        "written_pages": statistics.written_pages,
        "zero_pages": zero_pages(trace),
        "idle_spans": trace.idle_spans().len(),
        "idle_s": idle(trace).as_secs_f64(),
        "window_s": seconds(statistics.window_ns),
        "working_set_pages": curve(|window| window.touched_pages),
        "dirty_set_pages": curve(|window| window.written_pages),
        "dirty_pages_per_s": dirty_pages as f64 / covered,
        "part_pages": statistics.part_pages,
        "part_records": statistics.parts,
        "tick_s": seconds(header.tick_ns.into()),
        "compaction_s": seconds(header.compaction_ns),
        "file_bytes": file_bytes,
        "bits_per_record": bits_per_record(trace, file_bytes),
        "slow_down": header.slow_down(),
        "provenance": header.provenance,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
