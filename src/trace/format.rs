//! The bytes of the container, shared by reader and writer. [`crate::trace`] describes the whole.

mod limits;

pub(super) use limits::{
    MAX_BLOCKS, MAX_DURATION_NS, MAX_IDLE_SPANS, MAX_PAGES, MAX_PROVENANCE_BYTES, MAX_RAM_RANGES,
    MAX_ZERO_RUNS, block_capacity, check_header, check_idle_spans,
};

use super::{IdleSpan, TraceHeader};
use crate::memory::PageRun;

pub(super) const MAGIC: [u8; 8] = *b"\x8aMTRACE\n";
pub(super) const END_MAGIC: [u8; 8] = *b"\x8aMTREND\n";
pub(super) const VERSION: u32 = 1;
/// Of a trace with RAM ranges.
pub(super) const VERSION_WITH_RAM: u32 = 2;

/// Magic, version, page shift, tick, length of the provenance, compaction, number of zero runs.
pub(super) const PREAMBLE_BYTES: usize = 8 + 4 * 4 + 8 + 4;
pub(super) const PAGE_RUN_BYTES: usize = 4 + 4;
pub(super) const BLOCK_HEADER_BYTES: usize = 2 + 1 + 1 + 4 + 8 + 4 + 4;
/// Bytes of payload for one record before compression.
pub(super) const RECORD_BYTES: usize = 4 + 4;
pub(super) const INDEX_ENTRY_BYTES: usize = 4 + 8 + 8 + 4 + 2;
pub(super) const IDLE_SPAN_BYTES: usize = 2 + 8 + 8;
/// Pages, vCPUs, duration, record count, number of blocks; after the index and what is idle: hash and CRC.
pub(super) const FOOTER_FIXED_BYTES: usize = 4 + 4 + 8 + 8 + 4 + 32 + 4;
pub(super) const TRAILER_BYTES: usize = 8 + 8;

/// Takes integers off the front of a slice; `None` when it is too short.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The preamble with its checksum.
pub(super) fn encode_preamble(header: &TraceHeader, zero_runs: &[PageRun]) -> Vec<u8> {
    let runs = zero_runs.len() + header.ram.len();
    let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + runs * PAGE_RUN_BYTES);
    let version = match header.ram.is_empty() {
        true => VERSION,
        false => VERSION_WITH_RAM,
    };
    bytes.extend(MAGIC);
    bytes.extend(version.to_le_bytes());
    bytes.extend(header.page_size.trailing_zeros().to_le_bytes());
    bytes.extend(header.tick_ns.to_le_bytes());
    bytes.extend((header.provenance.len() as u32).to_le_bytes());
    bytes.extend(header.compaction_ns.to_le_bytes());
    bytes.extend((zero_runs.len() as u32).to_le_bytes());
    if version == VERSION_WITH_RAM {
        bytes.extend((header.ram.len() as u32).to_le_bytes());
    }
    bytes.extend(header.provenance.as_bytes());
    for run in zero_runs.iter().chain(&header.ram) {
        bytes.extend(run.first.to_le_bytes());
        bytes.extend(run.count.to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

/// How a block's payload is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Raw = 0,
    Zstd = 1,
}

/// What stands before a block's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) vcpu: u16,
    pub(super) codec: Codec,
    pub(super) count: u32,
    pub(super) first_tick: u64,
    pub(super) payload_bytes: u32,
}

impl BlockHeader {
    /// The header with the checksum over itself and `payload`.
    pub(super) fn encode(self, payload: &[u8]) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes[0..2].copy_from_slice(&self.vcpu.to_le_bytes());
        bytes[2] = self.codec as u8;
        bytes[4..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_tick.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.payload_bytes.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..20]), payload);
        bytes[20..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Takes a stored block apart; `None` unless checksum and fields are valid.
    pub(super) fn decode(block: &[u8]) -> Option<(BlockHeader, &[u8])> {
        let (bytes, payload) = block.split_at_checked(BLOCK_HEADER_BYTES)?;
        let mut fields = Fields(bytes);
        let vcpu = fields.u16()?;
        let codec = match fields.u8()? {
            0 => Codec::Raw,
            1 => Codec::Zstd,
            _ => return None,
        };
        let reserved = fields.u8()?;
        let header = BlockHeader {
            vcpu,
            codec,
            count: fields.u32()?,
            first_tick: fields.u64()?,
            payload_bytes: fields.u32()?,
        };
        let crc = crc32c::crc32c_append(crc32c::crc32c(bytes.get(..20)?), payload);
        (fields.u32()? == crc && reserved == 0).then_some((header, payload))
    }
}

/// Where a block lies and what it holds: an entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Not stored: blocks follow one another without gaps.
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) first_tick: u64,
    pub(super) last_tick: u64,
    pub(super) count: u32,
    pub(super) vcpu: u16,
}

/// What is known when the last record has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) pages: u32,
    pub(super) vcpus: u16,
    pub(super) duration_ns: u64,
    pub(super) record_count: u64,
    pub(super) blocks: Vec<Block>,
    /// By vCPU, then in time order.
    pub(super) idle_spans: Vec<IdleSpan>,
    pub(super) content_hash: [u8; 32],
}

impl Footer {
    /// Footer and trailer.
    pub(super) fn encode(&self) -> Vec<u8> {
        let length = FOOTER_FIXED_BYTES
            + self.blocks.len() * INDEX_ENTRY_BYTES
            + self.idle_spans.len() * IDLE_SPAN_BYTES;
        let mut bytes = Vec::with_capacity(length + TRAILER_BYTES);
        bytes.extend(self.pages.to_le_bytes());
        bytes.extend(u32::from(self.vcpus).to_le_bytes());
        bytes.extend(self.duration_ns.to_le_bytes());
        bytes.extend(self.record_count.to_le_bytes());
        bytes.extend((self.blocks.len() as u32).to_le_bytes());
        for block in &self.blocks {
            bytes.extend(block.bytes.to_le_bytes());
            bytes.extend(block.first_tick.to_le_bytes());
            bytes.extend(block.last_tick.to_le_bytes());
            bytes.extend(block.count.to_le_bytes());
            bytes.extend(block.vcpu.to_le_bytes());
        }
        for span in &self.idle_spans {
            bytes.extend(encode_idle_span(span));
        }
        bytes.extend(self.content_hash);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes.extend((length as u64).to_le_bytes());
        bytes.extend(END_MAGIC);
        bytes
    }

    /// Reads a footer without its trailer, of a file whose blocks begin at `offset`; `None` unless checksum and
    /// lengths are valid.
    pub(super) fn decode(bytes: &[u8], mut offset: u64) -> Option<Footer> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(content) {
            return None;
        }
        let mut fields = Fields(content);
        let pages = fields.u32()?;
        let vcpus = u16::try_from(fields.u32()?).ok()?;
        let duration_ns = fields.u64()?;
        let record_count = fields.u64()?;
        let block_count = fields.u32()? as usize;
        let index = fields.bytes(block_count.checked_mul(INDEX_ENTRY_BYTES)?)?;
        let blocks = index
            .as_chunks::<INDEX_ENTRY_BYTES>()
            .0
            .iter()
            .map(|entry| {
                let mut fields = Fields(entry);
                let (start, bytes) = (offset, fields.u32()?);
                offset = offset.checked_add(u64::from(bytes))?;
                Some(Block {
                    offset: start,
                    bytes,
                    first_tick: fields.u64()?,
                    last_tick: fields.u64()?,
                    count: fields.u32()?,
                    vcpu: fields.u16()?,
                })
            })
            .collect::<Option<_>>()?;
        let (idle_spans, content_hash) = fields.0.split_last_chunk()?;
        let (idle_spans, rest) = idle_spans.as_chunks::<IDLE_SPAN_BYTES>();
        let idle_spans = idle_spans
            .iter()
            .map(|entry| {
                let mut fields = Fields(entry);
                Some(IdleSpan {
                    vcpu: fields.u16()?,
                    from_ns: fields.u64()?,
                    until_ns: fields.u64()?,
                })
            })
            .collect::<Option<_>>()?;
        rest.is_empty().then_some(Footer {
            pages,
            vcpus,
            duration_ns,
            record_count,
            blocks,
            idle_spans,
            content_hash: *content_hash,
        })
    }
}

fn encode_idle_span(span: &IdleSpan) -> [u8; IDLE_SPAN_BYTES] {
    let mut bytes = [0; IDLE_SPAN_BYTES];
    bytes[0..2].copy_from_slice(&span.vcpu.to_le_bytes());
    bytes[2..10].copy_from_slice(&span.from_ns.to_le_bytes());
    bytes[10..].copy_from_slice(&span.until_ns.to_le_bytes());
    bytes
}

/// Hashes the decoded content in the order of the file.
pub(super) struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    pub(super) fn new(header: &TraceHeader, zero_runs: &[PageRun]) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The preamble is not compressed: its bytes are canonical, and hold the lengths of its parts.
        hasher.update(&encode_preamble(header, zero_runs));
        ContentHasher(hasher)
    }

    pub(super) fn block(&mut self, vcpu: u16, count: u32, first_tick: u64, payload: &[u8]) {
        self.0.update(&vcpu.to_le_bytes());
        self.0.update(&count.to_le_bytes());
        self.0.update(&first_tick.to_le_bytes());
        self.0.update(payload);
    }

    pub(super) fn finish(
        mut self,
        pages: u32,
        vcpus: u16,
        duration_ns: u64,
        idle_spans: &[IdleSpan],
    ) -> [u8; 32] {
        self.0.update(&pages.to_le_bytes());
        self.0.update(&vcpus.to_le_bytes());
        self.0.update(&duration_ns.to_le_bytes());
        // Traces without any have the hash that they had before there were such spans.
        if !idle_spans.is_empty() {
            self.0.update(&(idle_spans.len() as u32).to_le_bytes());
        }
        for span in idle_spans {
            self.0.update(&encode_idle_span(span));
        }
        *self.0.finalize().as_bytes()
    }
}
