//! Where the records of every format go: through compaction, if it is asked for, into a trace.

use std::io::Write;

use super::{ImportOptions, Refusal};
use crate::memory::PageRun;
use crate::trace::compaction::Compaction;
use crate::trace::{IdleSpan, Record, TraceError, TraceHeader, TraceWriter};

/// Records that are compressed at zstd level 19, about half a million a second, the size that a repository may hold.
/// What comes after them is compressed at level 9, ten times as fast and some 5 % larger.
const THOROUGH_RECORDS: u64 = 1 << 24;
const FAST_LEVEL: i32 = 9;

pub(super) struct Sink<W: Write> {
    writer: TraceWriter<W>,
    compaction: Option<Compaction>,
    records: u64,
    accesses: u64,
}

impl<W: Write> Sink<W> {
    /// A trace that is kept.
    pub(super) fn new(
        out: W,
        header: TraceHeader,
        zero_runs: Vec<PageRun>,
        compaction: Option<Compaction>,
    ) -> Result<Self, TraceError> {
        Ok(Sink {
            writer: TraceWriter::new(out, header, zero_runs)?,
            compaction,
            records: 0,
            accesses: 0,
        })
    }

    /// A trace that is read once and thrown away.
    pub(super) fn temporary(
        out: W,
        header: TraceHeader,
        compaction: Option<Compaction>,
    ) -> Result<Self, TraceError> {
        Ok(Sink {
            writer: TraceWriter::with_level(out, header, Vec::new(), 1)?,
            compaction,
            // Never thorough.
            records: THOROUGH_RECORDS,
            accesses: 0,
        })
    }

    pub(super) fn set_idle_spans(&mut self, spans: Vec<IdleSpan>) {
        self.writer.set_idle_spans(spans);
    }

    pub(super) fn push(&mut self, record: Record) -> Result<(), Refusal> {
        self.accesses += 1;
        let refuse = |error| match error {
            TraceError::Invalid { expected, .. } => Refusal::Line(expected),
            error => Refusal::Trace(error),
        };
        if let Some(compaction) = &mut self.compaction {
            // A record that is refused must not stand for those of its epoch.
            self.writer.pass_over(record).map_err(refuse)?;
            let kept = compaction.keeps(record);
            if !kept.map_err(|limit| Refusal::Limit(limit.to_string()))? {
                return Ok(());
            }
        }
        self.writer.push(record).map_err(refuse)?;
        self.records += 1;
        if self.records == THOROUGH_RECORDS {
            self.writer.set_level(FAST_LEVEL);
        }
        Ok(())
    }

    /// Accesses that came, whether they stayed or not.
    pub(super) fn accesses(&self) -> u64 {
        self.accesses
    }

    pub(super) fn finish(self) -> Result<W, TraceError> {
        self.writer.finish(None)
    }
}

/// The compaction that the options ask for, and the epoch of the trace that comes out.
///
/// `recorded_ns` is the epoch with which the recorder has compacted, or 0. Its epochs have to fit into the new ones:
/// what it dropped in one of its own would else be missing in one of the new ones.
pub(super) fn compaction(
    options: &ImportOptions,
    recorded_ns: u64,
) -> Result<(Option<Compaction>, u64), String> {
    match Compaction::new(options.compact_ns) {
        None => Ok((None, recorded_ns)),
        Some(compaction) if recorded_ns == 0 || options.compact_ns.is_multiple_of(recorded_ns) => {
            Ok((Some(compaction), options.compact_ns))
        }
        Some(_) => Err(format!(
            "a compaction by a multiple of the {recorded_ns} ns with which the recorder has compacted, found {} ns",
            options.compact_ns
        )),
    }
}
