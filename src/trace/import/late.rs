//! Recordings with the times of a clock that began long before them, such as a machine's uptime or the epoch of Unix.
//!
//! Their times count from the first access. Which access is the first of all vCPUs is known only at the end: until then
//! records wait in a temporary trace.

use std::fs::File;
use std::io::BufWriter;

use super::sink::refusal;
use super::{ImportError, Refusal};
use crate::trace::{Record, Trace, TraceHeader, TraceWriter};

/// How much earlier than the recording's first access that of another vCPU may be.
pub(super) const SLACK_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// No clock has come so far: beyond it are negative numbers, taken for others.
const END_NS: u64 = 1 << 63;

/// The records so far.
pub(super) struct Late {
    /// What the temporary trace's times count from: a multiple of the epoch.
    base_ns: u64,
    epoch_ns: u64,
    temporary: TraceWriter<BufWriter<File>>,
}

impl Late {
    /// From this time of the first access on: no recorder waits for so long.
    pub(super) const FROM_NS: u64 = 3_600 * 1_000_000_000;

    /// The first access comes at `first_ns`; epochs of compaction are `epoch_ns` long, at least 1. What the trace that
    /// is `kept` cannot hold is refused here already, where its line is known.
    pub(super) fn new(first_ns: u64, epoch_ns: u64, kept: &TraceHeader) -> Result<Self, Refusal> {
        if first_ns >= END_NS {
            return Err(Refusal::Line(format!(
                "a time below {END_NS} ns, found {first_ns} ns"
            )));
        }
        let file = tempfile::tempfile().map_err(Refusal::Temporary)?;
        let header = TraceHeader {
            page_size: 1,
            pages: kept.pages,
            ram: Vec::new(),
            vcpus: kept.vcpus,
            tick_ns: 1,
            compaction_ns: 0,
            provenance: String::new(),
        };
        let temporary = TraceWriter::with_level(BufWriter::new(file), header, Vec::new(), 1);
        let mut temporary = temporary.map_err(refusal)?;
        let base_ns = first_ns.saturating_sub(SLACK_NS) / epoch_ns * epoch_ns;
        temporary.set_clock(base_ns);
        Ok(Late {
            base_ns,
            epoch_ns,
            temporary,
        })
    }

    /// The record with the time that it has here.
    fn since_base(&self, record: Record) -> Result<Record, Refusal> {
        let time_ns = record.time_ns.checked_sub(self.base_ns).ok_or_else(|| {
            Refusal::Line(format!(
                "a time of at most 24 h before the first record's, found {} ns",
                record.time_ns
            ))
        })?;
        Ok(Record { time_ns, ..record })
    }

    /// Checks a record as [`Late::push`] does, and leaves it out.
    pub(super) fn pass_over(&mut self, record: Record) -> Result<Record, Refusal> {
        let record = self.since_base(record)?;
        self.temporary.pass_over(record).map_err(refusal)?;
        Ok(record)
    }

    pub(super) fn push(&mut self, record: Record) -> Result<(), Refusal> {
        let record = self.since_base(record)?;
        self.temporary.push(record).map_err(refusal)
    }

    /// Passes the records on, with times that count from the epoch of the first access, which came at `first_ns`.
    /// Returns the beginning of that epoch.
    pub(super) fn finish(
        self,
        first_ns: u64,
        mut to: impl FnMut(Record) -> Result<(), ImportError>,
    ) -> Result<u64, ImportError> {
        let start_ns = first_ns / self.epoch_ns * self.epoch_ns;
        let before_ns = start_ns - self.base_ns;
        let file = self.temporary.finish(None)?.into_inner();
        let file = file.map_err(|error| ImportError::Temporary(error.into_error()))?;
        let records = Trace::from_nameless("the recording", file)?;
        for record in records.records() {
            let record = record?;
            let time_ns = record.time_ns - before_ns;
            to(Record { time_ns, ..record })?;
        }
        Ok(start_ns)
    }
}
