//! Writing a trace by appending.

use std::io::Write;

use super::columns::{self, Columns};
use super::format::{self, Block, BlockHeader, Codec, ContentHasher, Footer};
use super::{IdleSpan, Place, Record, TraceError, TraceHeader};
use crate::memory::{PageRun, Ram};

/// The highest vCPU: the number of vCPUs has to fit `u16` as well.
const LAST_VCPU: u16 = u16::MAX - 1;

/// Writes a trace in one pass and bounded memory: a block of each vCPU is held until it is full.
pub struct TraceWriter<W: Write> {
    out: W,
    level: i32,
    header: TraceHeader,
    ram: Ram,
    /// As known at the end: the header's, or enough for all records and zero pages.
    pages: u32,
    vcpus: u16,
    filling: Vec<Filling>,
    last_ns: Option<u64>,
    /// What the recorder's clock says at time 0; errors show times as it told them.
    clock_ns: u64,
    record_count: u64,
    position: u64,
    blocks: Vec<Block>,
    idle_spans: Vec<IdleSpan>,
    hasher: ContentHasher,
    payload: Vec<u8>,
}

/// The block of one vCPU that is being filled.
#[derive(Default)]
struct Filling {
    first_tick: u64,
    /// Of the last record, also after its block has been written.
    last_tick: u64,
    /// Of the last record that came, whether it was kept or passed over.
    seen_tick: u64,
    columns: Columns,
}

impl<W: Write> TraceWriter<W> {
    /// Writes the header and the zero map, and compresses at zstd level 19, for traces that are kept.
    ///
    /// `header.pages` or `header.vcpus` of 0 means not known yet: [`TraceWriter::finish`] then takes the smallest
    /// number that holds all records, zero pages, RAM ranges and idle spans.
    ///
    /// # Errors
    /// [`TraceError::Invalid`] for a header or zero map that no trace can have, [`TraceError::Write`].
    pub fn new(out: W, header: TraceHeader, zero_runs: Vec<PageRun>) -> Result<Self, TraceError> {
        Self::with_level(out, header, zero_runs, 19)
    }

    /// As [`TraceWriter::new`] at another zstd level: 1 is for traces that live only in memory.
    ///
    /// # Errors
    /// As [`TraceWriter::new`].
    pub fn with_level(
        out: W,
        header: TraceHeader,
        zero_runs: Vec<PageRun>,
        level: i32,
    ) -> Result<Self, TraceError> {
        format::check_header(&header, &zero_runs)
            .map_err(|expected| invalid(Place::Header, expected))?;
        let runs = zero_runs.iter().chain(&header.ram);
        let runs_end = runs.map(|run| run.end()).max().unwrap_or(0);
        // What the writer learns only later is not part of the preamble.
        let preamble = TraceHeader {
            pages: 0,
            vcpus: 0,
            ..header.clone()
        };
        let mut writer = TraceWriter {
            out,
            level,
            pages: header.pages.max(runs_end as u32),
            vcpus: header.vcpus,
            ram: Ram::new(&header.ram),
            header,
            filling: Vec::new(),
            last_ns: None,
            clock_ns: 0,
            record_count: 0,
            position: 0,
            blocks: Vec::new(),
            idle_spans: Vec::new(),
            hasher: ContentHasher::new(&preamble, &zero_runs),
            payload: Vec::new(),
        };
        writer.write(&format::encode_preamble(&preamble, &zero_runs))?;
        Ok(writer)
    }

    /// Uses another zstd level from the next block on.
    pub fn set_level(&mut self, level: i32) {
        self.level = level;
    }

    /// What it was made with.
    pub(super) fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// Says what the recorder's clock tells at time 0.
    pub(super) fn set_clock(&mut self, clock_ns: u64) {
        self.clock_ns = clock_ns;
    }

    /// Appends a record. The records of one vCPU come in time order (equal times keep their order); vCPUs may be
    /// interleaved in any way.
    ///
    /// # Errors
    /// [`TraceError::Invalid`] for a record out of order or out of range, which leaves the writer as it was;
    /// [`TraceError::Write`].
    pub fn push(&mut self, record: Record) -> Result<(), TraceError> {
        let tick = self.see(record)?;
        let vcpu = usize::from(record.vcpu);
        let Some(filling) = self.filling.get(vcpu) else {
            return Ok(());
        };
        let full = filling.columns.len() >= format::block_capacity(record.vcpu) as usize;
        let gap = tick - filling.last_tick;
        if !filling.columns.deltas.is_empty() && (full || u32::try_from(gap).is_err()) {
            self.write_block(record.vcpu)?;
        }
        if let Some(filling) = self.filling.get_mut(vcpu) {
            let delta = if filling.columns.deltas.is_empty() {
                filling.first_tick = tick;
                0
            } else {
                gap as u32
            };
            filling.columns.deltas.push(delta);
            filling
                .columns
                .accesses
                .push(columns::pack(record.page, record.op));
            filling.last_tick = tick;
        }
        self.pages = self.pages.max(record.page + 1);
        self.vcpus = self.vcpus.max(record.vcpu + 1);
        self.last_ns = self.last_ns.max(Some(record.time_ns));
        self.record_count += 1;
        Ok(())
    }

    /// Checks a record as [`TraceWriter::push`] does, and leaves it out: what comes later must not be earlier than it.
    ///
    /// # Errors
    /// [`TraceError::Invalid`].
    pub(super) fn pass_over(&mut self, record: Record) -> Result<(), TraceError> {
        self.see(record).map(|_| ())
    }

    /// The tick of a record that fits in.
    fn see(&mut self, record: Record) -> Result<u64, TraceError> {
        let tick = self.check(record)?;
        let vcpu = usize::from(record.vcpu);
        if vcpu >= self.filling.len() {
            self.filling.resize_with(vcpu + 1, Filling::default);
        }
        if let Some(filling) = self.filling.get_mut(vcpu) {
            filling.seen_tick = tick;
        }
        Ok(tick)
    }

    /// Says when vCPUs were idle: by vCPU, then in time order, without overlap. What lies behind the end of the trace
    /// is left out.
    pub fn set_idle_spans(&mut self, spans: Vec<IdleSpan>) {
        self.idle_spans = spans;
    }

    /// Writes what is left, and the footer. `duration_ns` is where a replay wraps around; by default one tick after
    /// the last record, rounded up to a multiple of the compaction epoch.
    ///
    /// # Errors
    /// [`TraceError::Invalid`] for a duration that does not exceed every record's time or is no multiple of the
    /// compaction epoch, for a trace without pages and for idle spans that no trace can have; [`TraceError::Write`].
    pub fn finish(mut self, duration_ns: Option<u64>) -> Result<W, TraceError> {
        let duration_ns = self.duration(duration_ns)?;
        let mut idle_spans = std::mem::take(&mut self.idle_spans);
        for span in &mut idle_spans {
            span.until_ns = span.until_ns.min(duration_ns);
        }
        idle_spans.retain(|span| span.from_ns < duration_ns);
        if self.header.vcpus == 0 {
            let idle = idle_spans
                .last()
                .map_or(0, |span| span.vcpu.min(LAST_VCPU) + 1);
            self.vcpus = self.vcpus.max(idle);
        }
        if self.pages == 0 {
            return Err(invalid(
                Place::Header,
                "a record or the number of pages".to_owned(),
            ));
        }
        for vcpu in 0..self.filling.len() {
            self.write_block(vcpu as u16)?;
        }
        let vcpus = self.vcpus.max(1);
        format::check_idle_spans(&idle_spans, vcpus, duration_ns)
            .map_err(|expected| invalid(Place::Header, expected))?;
        let footer = Footer {
            pages: self.pages,
            vcpus,
            duration_ns,
            record_count: self.record_count,
            blocks: std::mem::take(&mut self.blocks),
            content_hash: self
                .hasher
                .finish(self.pages, vcpus, duration_ns, &idle_spans),
            idle_spans,
        };
        let written = self
            .out
            .write_all(&footer.encode())
            .and_then(|()| self.out.flush());
        written.map_err(write_error)?;
        Ok(self.out)
    }

    /// The record's tick, if the record fits in.
    fn check(&self, record: Record) -> Result<u64, TraceError> {
        let refuse = |expected: String| Err(invalid(Place::Record(self.record_count), expected));
        let last_vcpu = match self.header.vcpus {
            0 => LAST_VCPU,
            vcpus => vcpus - 1,
        };
        if record.vcpu > last_vcpu {
            return refuse(format!("a vCPU up to {last_vcpu}, found {}", record.vcpu));
        }
        let last_page = match self.header.pages {
            0 => format::MAX_PAGES - 1,
            pages => pages - 1,
        };
        if record.page > last_page {
            return refuse(format!("a page up to {last_page}, found {}", record.page));
        }
        if self.ram.place(record.page).is_none() {
            return refuse(format!(
                "a page of RAM, found {} in a hole between its ranges",
                record.page
            ));
        }
        let tick_ns = u64::from(self.header.tick_ns);
        if !record.time_ns.is_multiple_of(tick_ns) {
            return refuse(format!(
                "a time in whole ticks of {tick_ns} ns, found {} ns",
                record.time_ns
            ));
        }
        if record.time_ns >= format::MAX_DURATION_NS {
            return refuse(format!(
                "a time below {} ns, found {} ns",
                format::MAX_DURATION_NS,
                record.time_ns
            ));
        }
        let tick = record.time_ns / tick_ns;
        let before = self
            .filling
            .get(usize::from(record.vcpu))
            .map_or(0, |filling| filling.seen_tick);
        if tick < before {
            return refuse(format!(
                "times of vCPU {} in ascending order, found {} ns after {} ns",
                record.vcpu,
                record.time_ns.saturating_add(self.clock_ns),
                (before * tick_ns).saturating_add(self.clock_ns)
            ));
        }
        Ok(tick)
    }

    /// Where the trace ends, if this duration is given or none.
    pub(super) fn duration(&self, given: Option<u64>) -> Result<u64, TraceError> {
        let epoch_ns = self.header.compaction_ns.max(1);
        let after_last = self
            .last_ns
            .map_or(1, |last| last.saturating_add(self.header.tick_ns.into()));
        let duration_ns = match given {
            Some(given) => given,
            None => after_last
                .checked_next_multiple_of(epoch_ns)
                .unwrap_or(u64::MAX),
        };
        if self.last_ns.is_some_and(|last| duration_ns <= last)
            || duration_ns == 0
            || duration_ns > format::MAX_DURATION_NS
            || !duration_ns.is_multiple_of(epoch_ns)
        {
            return Err(invalid(
                Place::Header,
                format!(
                    "a duration after the last record, at most {} ns and a multiple of the compaction epoch of {epoch_ns} ns, found {duration_ns} ns",
                    format::MAX_DURATION_NS
                ),
            ));
        }
        Ok(duration_ns)
    }

    fn write_block(&mut self, vcpu: u16) -> Result<(), TraceError> {
        let Some(filling) = self.filling.get_mut(usize::from(vcpu)) else {
            return Ok(());
        };
        let count = filling.columns.len() as u32;
        if count == 0 {
            return Ok(());
        }
        if self.blocks.len() == format::MAX_BLOCKS as usize {
            return Err(invalid(
                Place::Record(self.record_count),
                format!("at most {} blocks", format::MAX_BLOCKS),
            ));
        }
        let (first_tick, last_tick) = (filling.first_tick, filling.last_tick);
        let mut payload = std::mem::take(&mut self.payload);
        filling.columns.to_payload(&mut payload);
        filling.columns.clear();
        self.hasher.block(vcpu, count, first_tick, &payload);
        let compressed = zstd::bulk::compress(&payload, self.level).map_err(write_error)?;
        let (codec, stored) = if compressed.len() < payload.len() {
            (Codec::Zstd, &compressed)
        } else {
            (Codec::Raw, &payload)
        };
        let header = BlockHeader {
            vcpu,
            codec,
            count,
            first_tick,
            payload_bytes: stored.len() as u32,
        };
        self.blocks.push(Block {
            offset: self.position,
            bytes: (format::BLOCK_HEADER_BYTES + stored.len()) as u32,
            first_tick,
            last_tick,
            count,
            vcpu,
        });
        self.write(&header.encode(stored))?;
        self.write(stored)?;
        self.payload = payload;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        self.out.write_all(bytes).map_err(write_error)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn write_error(source: std::io::Error) -> TraceError {
    TraceError::Write {
        name: NAME.to_owned(),
        source,
    }
}

fn invalid(place: Place, expected: String) -> TraceError {
    TraceError::Invalid {
        name: NAME.to_owned(),
        place,
        expected,
    }
}

/// A writer does not know where its bytes go; its caller does.
const NAME: &str = "trace being written";
