//! Records on demand: one decoded block per vCPU at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;
use std::sync::Arc;

use super::columns::{self, Columns};
use super::reader::BlockReader;
use super::{Op, Record, Trace, TraceError};

/// The records of one vCPU in time order; see [`Trace::vcpu_records`]. It ends after an error.
pub struct VcpuRecords<'a> {
    reader: BlockReader<'a>,
    cursor: Cursor<'a>,
}

impl<'a> VcpuRecords<'a> {
    pub(super) fn new(trace: &'a Trace, vcpu: u16, from_ns: u64) -> Self {
        VcpuRecords {
            reader: BlockReader::new(trace),
            cursor: Cursor::new(trace, vcpu, from_ns),
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

/// A position in one vCPU's blocks.
struct Cursor<'a> {
    trace: &'a Trace,
    vcpu: u16,
    tick_ns: u64,
    from_tick: u64,
    /// The blocks ahead.
    blocks: Range<usize>,
    columns: Arc<Columns>,
    /// The next record in `columns`, and the tick of the one before it.
    position: usize,
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
            blocks: blocks.start + passed..blocks.end,
            columns: Arc::default(),
            position: 0,
            tick: 0,
        }
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
            while let (Some(&delta), Some(&access)) = (
                self.columns.deltas.get(self.position),
                self.columns.accesses.get(self.position),
            ) {
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
                return Some(Err(error));
            }
        }
    }

    /// `None` when there is no further block.
    fn load_next(&mut self, reader: &mut BlockReader<'_>) -> Option<Result<(), TraceError>> {
        let block = self.blocks.next()?;
        if let Err(error) = reader.load_shared(block, &mut self.columns) {
            self.columns = Arc::default();
            return Some(Err(error));
        }
        (self.position, self.tick) = (0, self.trace.blocks[block].first_tick);
        // Only the first block holds records before the start.
        while let Some(&delta) = self.columns.deltas.get(self.position) {
            let tick = self.tick + u64::from(delta);
            if tick >= self.from_tick {
                break;
            }
            (self.position, self.tick) = (self.position + 1, tick);
        }
        Some(Ok(()))
    }
}
