//! Traces on their way out, as CSV and Parquet.

use std::io::{self, Write};

use super::{IdleSpan, Trace, TraceError};
use crate::memory::PageRun;

#[cfg(feature = "parquet")]
mod parquet;

#[cfg(feature = "parquet")]
pub use parquet::parquet;

/// What rows tell of their trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// The page behind the highest one.
    pub pages: u32,
    /// The vCPU behind the highest one.
    pub vcpus: u16,
    /// A nanosecond behind the last time.
    pub end_ns: u64,
}

/// Writes the records as `time_ns,vcpu,page,op` rows under that header line, by time, then vCPU.
///
/// # Errors
/// [`TraceError`] of a damaged trace; [`TraceError::Write`] when `out` refuses.
pub fn csv(trace: &Trace, out: impl Write) -> Result<Told, TraceError> {
    rows(trace, usize::MAX, out)
}

/// As [`csv()`], but only the first `count` records.
///
/// # Errors
/// As [`csv()`].
pub fn rows(trace: &Trace, count: usize, mut out: impl Write) -> Result<Told, TraceError> {
    let mut told = Told::default();
    out.write_all(b"time_ns,vcpu,page,op\n")
        .map_err(write_error)?;
    for record in trace.records().take(count) {
        let record = record?;
        let op = record.op.letter();
        writeln!(
            out,
            "{},{},{},{op}",
            record.time_ns, record.vcpu, record.page
        )
        .map_err(write_error)?;
        told.pages = told.pages.max(record.page + 1);
        told.vcpus = told.vcpus.max(record.vcpu + 1);
        told.end_ns = record.time_ns + 1;
    }
    out.flush().map_err(write_error)?;
    Ok(told)
}

/// Writes runs of zero pages as `first_page,page_count` rows under that header line.
///
/// # Errors
/// [`TraceError::Write`] when `out` refuses.
pub fn zero_pages(runs: &[PageRun], mut out: impl Write) -> Result<(), TraceError> {
    out.write_all(b"first_page,page_count\n")
        .map_err(write_error)?;
    for run in runs {
        writeln!(out, "{},{}", run.first, run.count).map_err(write_error)?;
    }
    out.flush().map_err(write_error)
}

/// Writes idle spans as `vcpu,from_ns,until_ns` rows under that header line.
///
/// # Errors
/// [`TraceError::Write`] when `out` refuses.
pub fn idle_spans(spans: &[IdleSpan], mut out: impl Write) -> Result<(), TraceError> {
    out.write_all(b"vcpu,from_ns,until_ns\n")
        .map_err(write_error)?;
    for span in spans {
        writeln!(out, "{},{},{}", span.vcpu, span.from_ns, span.until_ns).map_err(write_error)?;
    }
    out.flush().map_err(write_error)
}

fn write_error(source: io::Error) -> TraceError {
    TraceError::Write {
        name: "CSV".to_owned(),
        source,
    }
}
