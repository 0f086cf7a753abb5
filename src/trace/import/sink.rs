//! Where the records of every format go: through compaction, if it is asked for, into a trace.

use std::io::Write;

use super::late::Late;
use super::numbering::with_holes;
use super::{ImportError, ImportOptions, Refusal};
use crate::memory::{PageRun, Ram};
use crate::trace::compaction::Compaction;
use crate::trace::{IdleSpan, Record, TraceError, TraceHeader, TraceWriter};
use crate::units::SimTime;

/// Records that are compressed at zstd level 19, about half a million a second, the size that a repository may hold.
/// What comes after them is compressed at level 9, ten times as fast and some 5 % larger.
const THOROUGH_RECORDS: u64 = 1 << 24;
/// A recording of addresses that has more is compressed at level 9 from its first record on.
const THOROUGH_ADDRESSES: u64 = 1 << 20;
const FAST_LEVEL: i32 = 9;

pub(super) struct Sink<W: Write> {
    writer: TraceWriter<W>,
    ram: Ram,
    /// Accesses outside of it.
    outside: u64,
    compaction: Option<Compaction>,
    epoch_ns: u64,
    /// `None`: times are taken as they are.
    late: Option<Late>,
    /// Whether the recorder's clock is known to begin with the recording.
    from_start: bool,
    records: u64,
    accesses: u64,
    /// Times of the first and the last access, whether it stayed or not.
    first_ns: u64,
    last_ns: u64,
    /// By the recorder's clock.
    idle_spans: Vec<IdleSpan>,
    /// What that clock says at the time 0 of the records.
    clock_ns: u64,
    /// `None`: the trace ends with its last record.
    duration_ns: Option<u64>,
}

impl<W: Write> Sink<W> {
    /// A trace that is kept. What lies outside of its RAM is dropped and counted.
    pub(super) fn new(
        out: W,
        mut header: TraceHeader,
        zero_runs: Vec<PageRun>,
        compaction: Option<Compaction>,
    ) -> Result<Self, TraceError> {
        let epoch_ns = header.compaction_ns;
        let ram = Ram::new(&header.ram);
        let zero_runs = ram.within(&zero_runs).into_owned();
        header.ram = with_holes(header.ram);
        let writer = TraceWriter::new(out, header, zero_runs)?;
        Ok(Sink {
            ram,
            ..Self::with_writer(writer, epoch_ns, compaction)
        })
    }

    /// A trace that is read once and thrown away, with times from 0 on.
    pub(super) fn temporary(
        out: W,
        header: TraceHeader,
        compaction: Option<Compaction>,
    ) -> Result<Self, TraceError> {
        let epoch_ns = header.compaction_ns;
        let writer = TraceWriter::with_level(out, header, Vec::new(), 1)?;
        Ok(Sink {
            from_start: true,
            // Never thorough.
            records: THOROUGH_RECORDS,
            ..Self::with_writer(writer, epoch_ns, compaction)
        })
    }

    fn with_writer(writer: TraceWriter<W>, epoch_ns: u64, compaction: Option<Compaction>) -> Self {
        Sink {
            writer,
            ram: Ram::WITHOUT_HOLES,
            outside: 0,
            compaction,
            epoch_ns: epoch_ns.max(1),
            late: None,
            from_start: false,
            records: 0,
            accesses: 0,
            first_ns: u64::MAX,
            last_ns: 0,
            idle_spans: Vec::new(),
            clock_ns: 0,
            duration_ns: None,
        }
    }

    /// Says how many records of addresses will come.
    pub(super) fn expect_addresses(&mut self, records: u64) {
        if records > THOROUGH_ADDRESSES {
            self.writer.set_level(FAST_LEVEL);
            self.records = THOROUGH_RECORDS;
        }
    }

    /// When vCPUs were idle, by the recorder's clock.
    pub(super) fn set_idle_spans(&mut self, spans: Vec<IdleSpan>) {
        self.idle_spans = spans;
    }

    /// Says what the recorder's clock tells at the time 0 of the records.
    pub(super) fn set_clock(&mut self, clock_ns: u64) {
        self.clock_ns = clock_ns;
        self.writer.set_clock(clock_ns);
    }

    /// Takes times as they are, as those of a trace, which ends there.
    #[cfg(feature = "parquet")]
    pub(super) fn keep_times(&mut self, duration_ns: Option<u64>) {
        self.from_start = true;
        self.duration_ns = duration_ns.and_then(|ns| ns.checked_next_multiple_of(self.epoch_ns));
    }

    /// Takes an access. One that no trace may hold is refused, whether compaction would have kept it or not.
    pub(super) fn push(&mut self, record: Record) -> Result<(), Refusal> {
        if self.ram.place(record.page).is_none() {
            self.outside += 1;
            return Ok(());
        }
        if self.accesses == 0 && !self.from_start && record.time_ns >= Late::FROM_NS {
            let header = self.writer.header();
            self.late = Some(Late::new(record.time_ns, self.epoch_ns, header)?);
        }
        let mut stays = true;
        if let Some(compaction) = &mut self.compaction {
            // A record that is refused must not stand for those of its epoch.
            let passed = match &mut self.late {
                Some(late) => late.pass_over(record)?,
                None => {
                    self.writer.pass_over(record).map_err(refusal)?;
                    record
                }
            };
            stays = compaction
                .keeps(passed)
                .map_err(|limit| Refusal::Limit(limit.to_string()))?;
        }
        if stays {
            match &mut self.late {
                Some(late) => late.push(record)?,
                None => self.write(record)?,
            }
        }
        self.accesses += 1;
        self.last_ns = self.last_ns.max(record.time_ns);
        self.first_ns = self.first_ns.min(record.time_ns);
        Ok(())
    }

    fn write(&mut self, record: Record) -> Result<(), Refusal> {
        self.writer.push(record).map_err(refusal)?;
        self.records += 1;
        if self.records == THOROUGH_RECORDS {
            self.writer.set_level(FAST_LEVEL);
        }
        Ok(())
    }

    /// Accesses that were taken, whether they stayed or not.
    pub(super) fn accesses(&self) -> u64 {
        self.accesses
    }

    /// Completes the trace. Returns what it was written to, and what a user should know of its times.
    pub(super) fn finish(mut self) -> Result<(W, Vec<String>), ImportError> {
        let mut notes = Vec::new();
        match self.late.take() {
            Some(late) => {
                let start_ns = late.finish(self.first_ns, |record| {
                    self.write(record).map_err(|refusal| {
                        refusal.at(|expected| ImportError::Header {
                            name: "the recording".to_owned(),
                            expected,
                        })
                    })
                })?;
                // Beyond what a simulated time can be.
                notes.push(format!(
                    "times count from the first access, which came {} s behind 0",
                    start_ns / 1_000_000_000
                ));
                self.clock_ns = self.clock_ns.saturating_add(start_ns);
            }
            None => notes.extend(self.late_start()),
        }
        notes.extend(self.dropped());
        let end_ns = self.writer.duration(self.duration_ns)?;
        notes.extend(self.place_idle_spans(end_ns));
        self.writer.set_idle_spans(self.idle_spans);
        Ok((self.writer.finish(self.duration_ns)?, notes))
    }

    /// Gives idle spans the trace's times, and says how many of them are not within it.
    fn place_idle_spans(&mut self, end_ns: u64) -> Option<String> {
        let start_ns = self.clock_ns;
        let end_ns = start_ns.saturating_add(end_ns);
        let before = |from_ns| from_ns < start_ns && from_ns > 0;
        let behind = |until_ns| until_ns > end_ns && until_ns < u64::MAX;
        let spans = &mut self.idle_spans;
        let count = spans.len();
        let outside = (spans.iter())
            .filter(|span| before(span.from_ns) || behind(span.until_ns))
            .count();
        for span in spans.iter_mut() {
            span.from_ns = span.from_ns.saturating_sub(start_ns);
            span.until_ns = span.until_ns.saturating_sub(start_ns);
        }
        spans.retain(|span| span.from_ns < span.until_ns);
        (outside > 0).then(|| {
            format!(
                "{outside} of {count} idle spans lie outside the recording's time, {start_ns} ns to {end_ns} ns by its \
                 clock, as a whole or in part: what does is left out"
            )
        })
    }

    /// What was dropped.
    pub(super) fn dropped(&self) -> Option<String> {
        let outside = self.outside;
        (outside > 0).then(|| format!("{outside} accesses outside the RAM were dropped"))
    }

    /// A warning for a recording whose accesses begin later than they last: a migration at its start meets nothing.
    fn late_start(&self) -> Option<String> {
        const LATE_NS: u64 = 1_000_000_000;
        let late = self.accesses > 0
            && self.first_ns >= LATE_NS
            && self.first_ns > self.last_ns - self.first_ns;
        late.then(|| {
            format!(
                "the first access comes {} behind the recording's start and the last one {} later: \
                 `migsim trace slice --from \"{} ns\"` makes a trace that begins with the accesses",
                SimTime::from_ns(self.first_ns),
                SimTime::from_ns(self.last_ns - self.first_ns),
                self.first_ns / self.epoch_ns * self.epoch_ns
            )
        })
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

pub(super) fn refusal(error: TraceError) -> Refusal {
    match error {
        TraceError::Invalid { expected, .. } => Refusal::Line(expected),
        error => Refusal::Trace(error),
    }
}
