//! Records on demand: one decoded block per vCPU at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;
use std::sync::Arc;

use super::columns::{self, Columns};
use super::first_accesses::{FirstAccesses, Milestone, Parts};
use super::reader::BlockReader;
use super::{Op, Record, Trace, TraceError};

/// The records of one vCPU in time order; see [`Trace::vcpu_records`]. It ends after an error.
pub struct VcpuRecords<'a> {
    reader: BlockReader<'a>,
    cursor: Cursor<'a>,
}

impl<'a> VcpuRecords<'a> {
    pub(super) fn new(trace: &'a Trace, vcpu: u16, from_ns: u64) -> Self {
        Self::of(trace, Cursor::new(trace, vcpu, from_ns))
    }

    pub(super) fn of(trace: &'a Trace, cursor: Cursor<'a>) -> Self {
        VcpuRecords {
            reader: BlockReader::new(trace),
            cursor,
        }
    }
}

impl VcpuRecords<'_> {
    /// The next record, but of those before `until_ns` only one that is `wanted`, by its page and how it is accessed.
    pub fn next_wanted(
        &mut self,
        until_ns: u64,
        wanted: impl Fn(u32, Op) -> bool,
    ) -> Option<Result<Record, TraceError>> {
        self.cursor.next_wanted(&mut self.reader, until_ns, wanted)
    }
}

impl Iterator for VcpuRecords<'_> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(&mut self.reader)
    }
}

/// The records of all vCPUs by time, then vCPU; see [`Trace::records`]. It ends after an error.
pub struct Records<'a> {
    reader: BlockReader<'a>,
    cursors: Vec<Cursor<'a>>,
    /// The time of each cursor's next record, which the index gives without decoding a block.
    next: BinaryHeap<Reverse<(u64, u16)>>,
}

impl<'a> Records<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        let cursors: Vec<_> = (0..trace.header().vcpus)
            .map(|vcpu| Cursor::new(trace, vcpu, 0))
            .collect();
        let next = cursors
            .iter()
            .filter_map(|cursor| Some(Reverse((cursor.next_time_ns()?, cursor.vcpu))))
            .collect();
        Records {
            reader: BlockReader::new(trace),
            cursors,
            next,
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut next = self.next.peek_mut()?;
        let Reverse((_, vcpu)) = *next;
        let cursor = self.cursors.get_mut(usize::from(vcpu))?;
        let record = cursor.next(&mut self.reader)?;
        if record.is_err() {
            drop(next);
            self.next.clear();
        } else if let Some(time_ns) = cursor.next_time_ns() {
            *next = Reverse((time_ns, vcpu));
        } else {
            PeekMut::pop(next);
        }
        Some(record)
    }
}

/// A position in one vCPU's blocks, or in what is kept of first accesses behind them.
pub(super) struct Cursor<'a> {
    trace: &'a Trace,
    vcpu: u16,
    tick_ns: u64,
    from_tick: u64,
    /// Records of the first block that are left out.
    left_out: usize,
    /// The blocks ahead.
    blocks: Range<usize>,
    /// Where first accesses take the place of records.
    stop: Milestone,
    first_accesses: Parts,
    /// How many of their parts have been loaded.
    loaded: usize,
    /// To be asked behind the records before a tick.
    asked: Option<(u64, &'a FirstAccesses)>,
    columns: Arc<Columns>,
    /// The next record in `columns`, the end of those that count, and the tick of the record before.
    position: usize,
    end: usize,
    tick: u64,
}

impl<'a> Cursor<'a> {
    fn new(trace: &'a Trace, vcpu: u16, from_ns: u64) -> Self {
        let tick_ns = u64::from(trace.header().tick_ns);
        let from_tick = from_ns.div_ceil(tick_ns);
        let blocks = trace.vcpu_blocks(vcpu);
        let passed =
            trace.blocks[blocks.clone()].partition_point(|block| block.last_tick < from_tick);
        Cursor {
            trace,
            vcpu,
            tick_ns,
            from_tick,
            left_out: 0,
            blocks: blocks.start + passed..blocks.end,
            stop: Milestone::of_block(blocks.end),
            first_accesses: Arc::default(),
            loaded: 0,
            asked: None,
            columns: Arc::default(),
            position: 0,
            end: 0,
            tick: 0,
        }
    }

    /// All records from a time until another one, and on until it is known which are the first ones, and then these.
    pub(super) fn first(
        trace: &'a Trace,
        vcpu: u16,
        all_in_ns: Range<u64>,
        first_accesses: &'a FirstAccesses,
    ) -> Self {
        let cursor = Cursor::new(trace, vcpu, all_in_ns.start);
        let until_tick = all_in_ns.end.div_ceil(cursor.tick_ns);
        Cursor {
            asked: Some((until_tick, first_accesses)),
            ..cursor
        }
    }

    /// All records from a milestone on, until first accesses are known, if they are, and then these.
    pub(super) fn between(
        trace: &'a Trace,
        vcpu: u16,
        from: Milestone,
        known: Option<(Milestone, Parts)>,
    ) -> Self {
        let mut cursor = Cursor::new(trace, vcpu, 0);
        cursor.blocks.start = from.block;
        cursor.left_out = from.record();
        if let Some((stop, parts)) = known {
            cursor.stop_at(stop, parts);
        }
        cursor
    }

    fn stop_at(&mut self, stop: Milestone, first_accesses: Parts) {
        (self.stop, self.first_accesses) = (stop, first_accesses);
        self.blocks.end = stop.block + usize::from(stop.record() > 0);
    }

    /// When the next record is; exact for a cursor that began at 0.
    fn next_time_ns(&self) -> Option<u64> {
        let tick = match self.columns.deltas.get(self.position) {
            Some(&delta) => self.tick + u64::from(delta),
            None => self.trace.blocks[self.blocks.clone()].first()?.first_tick,
        };
        Some(tick * self.tick_ns)
    }

    #[inline]
    fn next(&mut self, reader: &mut BlockReader<'_>) -> Option<Result<Record, TraceError>> {
        self.next_wanted(reader, 0, |_, _| true)
    }

    /// The next record, but of those before `until_ns` only one that is `wanted`.
    #[inline]
    fn next_wanted(
        &mut self,
        reader: &mut BlockReader<'_>,
        until_ns: u64,
        wanted: impl Fn(u32, Op) -> bool,
    ) -> Option<Result<Record, TraceError>> {
        let until_tick = until_ns.div_ceil(self.tick_ns);
        loop {
            // Sums and products are exact: the block was checked against the index, and that against the duration.
            let ahead = self.position..self.end;
            let columns = (
                self.columns.deltas.get(ahead.clone()).unwrap_or_default(),
                self.columns.accesses.get(ahead).unwrap_or_default(),
            );
            for (&delta, &access) in columns.0.iter().zip(columns.1) {
                self.position += 1;
                self.tick += u64::from(delta);
                let (page, op) = columns::unpack(access);
                if self.tick >= until_tick || wanted(page, op) {
                    return Some(Ok(Record {
                        time_ns: self.tick * self.tick_ns,
                        vcpu: self.vcpu,
                        page,
                        op,
                    }));
                }
            }
            if let Err(error) = self.load_next(reader)? {
                self.blocks = 0..0;
                self.first_accesses = Arc::default();
                return Some(Err(error));
            }
        }
    }

    /// `None` when there is no further block, and no first access behind them.
    fn load_next(&mut self, reader: &mut BlockReader<'_>) -> Option<Result<(), TraceError>> {
        let Some(block) = self.blocks.next() else {
            let part = self.first_accesses.get(self.loaded)?;
            self.loaded += 1;
            self.columns = Arc::clone(&part.columns);
            (self.position, self.end) = (0, self.columns.len());
            self.tick = part.first_tick;
            return Some(Ok(()));
        };
        if let Err(error) = reader.load_shared(block, &mut self.columns) {
            self.columns = Arc::default();
            return Some(Err(error));
        }
        (self.position, self.end) = (0, self.columns.len());
        self.tick = self.trace.blocks[block].first_tick;
        // Only the first block holds records before the start.
        let left_out = std::mem::take(&mut self.left_out);
        while let Some(&delta) = self.columns.deltas.get(self.position) {
            let tick = self.tick + u64::from(delta);
            if tick >= self.from_tick && self.position >= left_out {
                break;
            }
            (self.position, self.tick) = (self.position + 1, tick);
        }
        self.ask(block);
        if block == self.stop.block {
            self.end = self.stop.record();
        }
        Some(Ok(()))
    }

    /// Has first accesses take over behind a block's records of the time of which all are wanted.
    fn ask(&mut self, block: usize) {
        let Some((until_tick, first_accesses)) = self.asked else {
            return;
        };
        let (mut all, mut tick) = (self.position, self.tick);
        while let Some(&delta) = self.columns.deltas.get(all)
            && tick + u64::from(delta) < until_tick
        {
            (all, tick) = (all + 1, tick + u64::from(delta));
        }
        if all == self.end {
            return; // the next block may hold more
        }
        self.asked = None;
        let from = Milestone::after(block, all, self.end);
        if from.block < self.stop.block
            && let Some((stop, parts)) = first_accesses.from(self.trace, self.vcpu, from)
        {
            self.stop_at(stop, parts);
        }
    }
}
