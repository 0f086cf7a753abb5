//! What `migsim trace info` shows.

use anyhow::{Context, Result};
use serde_json::json;

use crate::time::SimTime;
use crate::trace::{Op, Trace, TraceError};
use crate::units::Bytes;

/// Counts over all records.
#[derive(Default)]
struct Counts {
    reads: u64,
    writes: u64,
    executes: u64,
    touched_pages: u64,
    written_pages: u64,
}

impl Counts {
    fn of(trace: &Trace) -> Result<Counts, TraceError> {
        let pages = trace.header().pages as usize;
        let (mut touched, mut written) = (vec![false; pages], vec![false; pages]);
        let mut counts = Counts::default();
        for vcpu in 0..trace.header().vcpus {
            for record in trace.vcpu_records(vcpu, 0) {
                let record = record?;
                let page = record.page as usize;
                if let Some(touched) = touched.get_mut(page) {
                    counts.touched_pages += u64::from(!std::mem::replace(touched, true));
                }
                match record.op {
                    Op::Read => counts.reads += 1,
                    Op::Execute => counts.executes += 1,
                    Op::Write => {
                        counts.writes += 1;
                        if let Some(written) = written.get_mut(page) {
                            counts.written_pages += u64::from(!std::mem::replace(written, true));
                        }
                    }
                }
            }
        }
        Ok(counts)
    }
}

fn zero_pages(trace: &Trace) -> u64 {
    trace
        .zero_runs()
        .iter()
        .map(|run| u64::from(run.count))
        .sum()
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

/// The trace in one line.
pub(super) fn line(trace: &Trace) -> String {
    let header = trace.header();
    format!(
        "{}: {} records in {}, {} vCPU(s), {} pages of {}",
        trace.name(),
        trace.record_count(),
        SimTime::from_ns(trace.duration_ns()),
        header.vcpus,
        header.pages,
        Bytes(header.page_size),
    )
}

pub(super) fn table(trace: &Trace) -> Result<String> {
    let header = trace.header();
    let counts = Counts::of(trace)?;
    let file_bytes = file_bytes(trace)?;
    let share =
        |count: u64, of: u64| format!("{count} ({:.1} %)", 100.0 * count as f64 / of.max(1) as f64);
    let records = trace.record_count();
    let pages = u64::from(header.pages);
    let memory = Bytes(pages * header.page_size);
    let compaction = match header.compaction_ns {
        0 => "none".to_owned(),
        epoch_ns => SimTime::from_ns(epoch_ns).to_string(),
    };
    // A hostile file shall not send commands to a terminal.
    let provenance = header.provenance.replace(char::is_control, " ");
    let rows = [
        ("vCPUs", header.vcpus.to_string()),
        (
            "pages",
            format!("{pages} of {} ({memory})", Bytes(header.page_size)),
        ),
        (
            "duration",
            SimTime::from_ns(trace.duration_ns()).to_string(),
        ),
        ("records", records.to_string()),
        ("  reads", share(counts.reads, records)),
        ("  writes", share(counts.writes, records)),
        ("  executes", share(counts.executes, records)),
        ("touched pages", share(counts.touched_pages, pages)),
        ("written pages", share(counts.written_pages, pages)),
        ("zero pages at the start", share(zero_pages(trace), pages)),
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
    ];
    let line = |(name, value): (&str, String)| format!("{name:<25}{value}");
    Ok(rows.map(line).join("\n"))
}

pub(super) fn json(trace: &Trace) -> Result<String> {
    let header = trace.header();
    let counts = Counts::of(trace)?;
    let file_bytes = file_bytes(trace)?;
    let seconds = |ns: u64| SimTime::from_ns(ns).as_secs_f64();
    let value = json!({
        "trace": trace.name(),
        "content_hash": trace.content_hash(),
        "vcpus": header.vcpus,
        "pages": header.pages,
        "page_size_bytes": header.page_size,
        "duration_s": seconds(trace.duration_ns()),
        "records": trace.record_count(),
        "reads": counts.reads,
        "writes": counts.writes,
        "executes": counts.executes,
        "touched_pages": counts.touched_pages,
        "written_pages": counts.written_pages,
        "zero_pages": zero_pages(trace),
        "tick_s": seconds(header.tick_ns.into()),
        "compaction_s": seconds(header.compaction_ns),
        "file_bytes": file_bytes,
        "bits_per_record": bits_per_record(trace, file_bytes),
        "provenance": header.provenance,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
