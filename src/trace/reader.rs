//! Opening a trace and decoding its blocks.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::columns::Columns;
use super::decoded::{self, DecodedBlocks};
use super::first_accesses::{self, FirstAccesses};
use super::format::{self, Block, BlockHeader, Codec, ContentHasher};
use super::open::Opening;
use super::records::{Cursor, Records, VcpuRecords};
use super::storage::{Source, Storage};
use super::{IdleSpan, Place, TraceError, TraceHeader};
use crate::memory::{PageRun, Ram};

/// An opened trace: what it says about itself, and the index by which its records are decoded on demand.
///
/// Threads may share it: every iterator reads through a file handle and buffers of its own.
pub struct Trace {
    pub(super) name: String,
    pub(super) storage: Storage,
    pub(super) header: TraceHeader,
    pub(super) zero_runs: Vec<PageRun>,
    /// By vCPU, then in time order.
    pub(super) blocks: Vec<Block>,
    pub(super) decoded: DecodedBlocks,
    pub(super) first_accesses: FirstAccesses,
    /// By vCPU, then in time order.
    pub(super) idle_spans: Vec<IdleSpan>,
    pub(super) duration_ns: u64,
    pub(super) record_count: u64,
    pub(super) stored_hash: [u8; 32],
    pub(super) content_hash: String,
}

impl Trace {
    /// Opens a file, and checks everything but the content of its blocks.
    ///
    /// # Errors
    /// [`TraceError`] names the file, the place and what was expected there.
    pub fn open(path: &Path) -> Result<Trace, TraceError> {
        let storage = Storage::File(path.to_owned());
        Opening::new(path.display().to_string(), storage)?.trace()
    }

    /// Opens a trace in memory; `name` is what errors and reports call it.
    ///
    /// # Errors
    /// As [`Trace::open`].
    pub fn from_bytes(name: &str, bytes: Cow<'static, [u8]>) -> Result<Trace, TraceError> {
        Opening::new(name.to_owned(), Storage::Memory(bytes))?.trace()
    }

    /// Opens a trace that was written to a file without a name, to be read by one iterator at a time.
    pub(super) fn from_nameless(name: &str, file: std::fs::File) -> Result<Trace, TraceError> {
        Opening::new(name.to_owned(), Storage::Nameless(file))?.trace()
    }

    /// The path or name that the trace was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name without directory and ending, as reports have it: the same wherever the file lies.
    pub fn stem(&self) -> &str {
        let stem = Path::new(self.name()).file_stem();
        stem.and_then(std::ffi::OsStr::to_str)
            .unwrap_or(self.name())
    }

    /// What the trace says about itself.
    pub fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// Pages that were all zero when the recording began: ascending, without overlap.
    pub fn zero_runs(&self) -> &[PageRun] {
        &self.zero_runs
    }

    /// When vCPUs were idle, as far as the recorder knew: by vCPU, then in time order, without overlap.
    pub fn idle_spans(&self) -> &[IdleSpan] {
        &self.idle_spans
    }

    /// Where a replay wraps around, in nanoseconds: later than every record, and a multiple of the compaction epoch.
    pub fn duration_ns(&self) -> u64 {
        self.duration_ns
    }

    /// Records of all vCPUs.
    pub fn record_count(&self) -> u64 {
        self.record_count
    }

    /// About as many bytes as the trace may come to hold in memory. Of a file that is less: what is compressed stays
    /// there.
    pub(crate) fn most_bytes(&self) -> u64 {
        // A record takes about three bytes in blocks.
        let compressed = self.record_count.saturating_mul(3);
        let decoded = self
            .record_count
            .saturating_mul(format::RECORD_BYTES as u64);
        let kept = decoded.min(decoded::MOST_BYTES as u64);
        let first = decoded.min(first_accesses::MOST_BYTES as u64);
        compressed + kept + first + size_of_val(self.idle_spans()) as u64
    }

    /// The first 16 hex digits of the content hash: equal for equal blocks in equal order, however they are compressed.
    ///
    /// It is read from the footer; only [`Trace::verify`] computes it anew.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The records of one vCPU from `from_ns` on, in time order. Seeks by the index; empty for an unknown vCPU.
    pub fn vcpu_records(&self, vcpu: u16, from_ns: u64) -> VcpuRecords<'_> {
        VcpuRecords::new(self, vcpu, from_ns)
    }

    /// The records of one vCPU within a time, and of those behind it some, among them each page's first; in time order.
    /// For a reader who looks for first accesses: there are far fewer of them.
    pub fn vcpu_first_accesses(&self, vcpu: u16, all_in_ns: Range<u64>) -> VcpuRecords<'_> {
        let cursor = Cursor::first(self, vcpu, all_in_ns, &self.first_accesses);
        VcpuRecords::of(self, cursor)
    }

    /// The records of all vCPUs, merged by time; at equal times by vCPU, then in the order of recording.
    pub fn records(&self) -> Records<'_> {
        Records::new(self)
    }

    /// Decodes everything, and compares it with checksums, index and content hash.
    ///
    /// # Errors
    /// [`TraceError`] names the first place that does not match.
    pub fn verify(&self) -> Result<(), TraceError> {
        // The preamble was written before the pages were known.
        let preamble = TraceHeader {
            pages: 0,
            vcpus: 0,
            ..self.header.clone()
        };
        let mut hasher = ContentHasher::new(&preamble, &self.zero_runs);
        let mut reader = BlockReader::new(self);
        let mut columns = Columns::default();
        let mut in_file_order: Vec<&Block> = self.blocks.iter().collect();
        in_file_order.sort_unstable_by_key(|block| block.offset);
        for block in in_file_order {
            reader.load(block, &mut columns)?;
            hasher.block(block.vcpu, block.count, block.first_tick, &reader.payload);
        }
        let (pages, vcpus) = (self.header.pages, self.header.vcpus);
        let hash = hasher.finish(pages, vcpus, self.duration_ns, &self.idle_spans);
        if hash != self.stored_hash {
            return Err(self.invalid(Place::Header, "content that matches the content hash"));
        }
        Ok(())
    }

    /// The idle spans of one vCPU.
    pub(crate) fn vcpu_idle_spans(&self, vcpu: u16) -> &[IdleSpan] {
        let start = self.idle_spans.partition_point(|span| span.vcpu < vcpu);
        let end = self.idle_spans.partition_point(|span| span.vcpu <= vcpu);
        self.idle_spans.get(start..end).unwrap_or_default()
    }

    /// The blocks of one vCPU.
    pub(super) fn vcpu_blocks(&self, vcpu: u16) -> Range<usize> {
        let start = self.blocks.partition_point(|block| block.vcpu < vcpu);
        let end = self.blocks.partition_point(|block| block.vcpu <= vcpu);
        start..end
    }

    fn invalid(&self, place: Place, expected: impl Into<String>) -> TraceError {
        TraceError::Invalid {
            name: self.name.clone(),
            place,
            expected: expected.into(),
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("name", &self.name)
            .field("header", &self.header)
            .field("duration_ns", &self.duration_ns)
            .field("record_count", &self.record_count)
            .field("content_hash", &self.content_hash)
            .finish_non_exhaustive()
    }
}

/// Loads blocks of a trace through buffers of its own.
pub(super) struct BlockReader<'a> {
    trace: &'a Trace,
    ram: Ram,
    source: Option<Source<'a>>,
    stored: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> BlockReader<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        BlockReader {
            trace,
            ram: Ram::new(&trace.header.ram),
            source: None,
            stored: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Replaces `columns` by those of a block, which may have been decoded before.
    pub(super) fn load_shared(
        &mut self,
        block: usize,
        columns: &mut Arc<Columns>,
    ) -> Result<(), TraceError> {
        if let Some(decoded) = self.trace.decoded.get(block) {
            *columns = decoded;
            return Ok(());
        }
        // Columns that nobody shares are filled anew.
        let mut own = Arc::try_unwrap(std::mem::take(columns)).unwrap_or_default();
        self.load(&self.trace.blocks[block], &mut own)?;
        *columns = Arc::new(own);
        self.trace.decoded.keep(block, columns);
        Ok(())
    }

    /// Replaces `columns` by those of `block`, checked against the index.
    pub(super) fn load(&mut self, block: &Block, columns: &mut Columns) -> Result<(), TraceError> {
        self.read(block).map_err(|source| TraceError::Read {
            name: self.trace.name.clone(),
            source,
        })?;
        self.decode(block, columns)
            .map_err(|expected| self.trace.invalid(Place::Block(block.offset), expected))
    }

    fn read(&mut self, block: &Block) -> io::Result<()> {
        let source = match &mut self.source {
            Some(source) => source,
            None => self.source.insert(self.trace.storage.source()?),
        };
        source.read_at(block.offset, block.bytes as usize, &mut self.stored)
    }

    fn decode(&mut self, block: &Block, columns: &mut Columns) -> Result<(), &'static str> {
        let (header, stored) =
            BlockHeader::decode(&self.stored).ok_or("a block with a valid checksum")?;
        if (header.vcpu, header.count, header.first_tick)
            != (block.vcpu, block.count, block.first_tick)
            || header.payload_bytes as usize != stored.len()
        {
            return Err("the block that the index names");
        }
        // The index was checked: at most 2 MiB.
        let length = block.count as usize * format::RECORD_BYTES;
        self.payload.resize(length, 0);
        let decoded = match header.codec {
            Codec::Raw if stored.len() == length => {
                self.payload.copy_from_slice(stored);
                length
            }
            Codec::Raw => stored.len(),
            Codec::Zstd => zstd::bulk::decompress_to_buffer(stored, self.payload.as_mut_slice())
                .map_err(|_| "a zstd frame of no more bytes than the records need")?,
        };
        if decoded != length {
            return Err("a payload of 8 bytes a record");
        }
        columns.read_payload(&self.payload);
        if columns.deltas.first() != Some(&0)
            || columns.span() != block.last_tick - block.first_tick
        {
            return Err("times between the first and the last that the index names");
        }
        if !columns.in_range(self.trace.header.pages) {
            return Err("pages of the VM, and r, w or x");
        }
        if !columns.in_ram(&self.ram) {
            return Err("pages of RAM");
        }
        Ok(())
    }
}
