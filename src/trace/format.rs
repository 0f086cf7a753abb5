//! The bytes of the container, shared by reader and writer. [`crate::trace`] describes the whole.

use super::{IdleSpan, TraceHeader};
use crate::memory::{PageRun, Ram, pages_in};

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

/// Hard limits: what a reader allocates before it has checked the content is bounded by them.
pub(super) const MAX_BLOCK_RECORDS: u32 = 1 << 18;
pub(super) const MAX_BLOCKS: u32 = 1 << 22;
pub(super) const MAX_ZERO_RUNS: usize = 1 << 24;
pub(super) const MAX_RAM_RANGES: usize = 1 << 12;
pub(super) const MAX_IDLE_SPANS: usize = 1 << 22;
pub(super) const MAX_PROVENANCE_BYTES: usize = 1 << 16;
pub(super) const MAX_PAGES: u32 = 1 << 30;
pub(super) const MAX_PAGE_SIZE: u64 = 1 << 30;
/// Times fit [`crate::units::SimTime`], which counts picoseconds.
pub(super) const MAX_DURATION_NS: u64 = u64::MAX / 1_000;

/// Most records in a block of this vCPU.
///
/// A merged read holds a block of every vCPU at once, of 2 MiB each at full size. Blocks that shrink from the 64th vCPU
/// on bound that to 300 MB for any number of vCPUs.
pub(super) fn block_capacity(vcpu: u16) -> u32 {
    let step = u32::from(vcpu / 64);
    (MAX_BLOCK_RECORDS / (1 + step * step)).max(1)
}

/// What does not hold for this header and zero map, if anything: the rest of "expected …".
pub(super) fn check_header(header: &TraceHeader, zero_runs: &[PageRun]) -> Result<(), String> {
    if !header.page_size.is_power_of_two() || header.page_size > MAX_PAGE_SIZE {
        return Err(format!(
            "a page size that is a power of two up to 1 GiB, found {} bytes",
            header.page_size
        ));
    }
    if header.pages > MAX_PAGES {
        return Err(format!("at most 2^30 pages, found {}", header.pages));
    }
    if header.tick_ns == 0 {
        return Err("a tick of at least 1 ns".to_owned());
    }
    if header.compaction_ns > MAX_DURATION_NS {
        return Err(format!(
            "a compaction epoch of at most {MAX_DURATION_NS} ns"
        ));
    }
    if header.provenance.len() > MAX_PROVENANCE_BYTES {
        return Err(format!(
            "a provenance of at most {MAX_PROVENANCE_BYTES} bytes"
        ));
    }
    if zero_runs.len() > MAX_ZERO_RUNS {
        return Err(format!("at most {MAX_ZERO_RUNS} runs of zero pages"));
    }
    if header.ram.len() > MAX_RAM_RANGES {
        return Err(format!("at most {MAX_RAM_RANGES} RAM ranges"));
    }
    let pages = match header.pages {
        0 => MAX_PAGES,
        pages => pages,
    };
    check_runs("zero pages", zero_runs, pages)?;
    let ram_end = check_runs("pages of RAM", &header.ram, pages)?;
    if !header.ram.is_empty() && header.pages != 0 && ram_end != u64::from(header.pages) {
        return Err(format!(
            "as many pages as RAM ranges reach to, {ram_end}, found {}",
            header.pages
        ));
    }
    let in_ram = pages_in(&Ram::new(&header.ram).within(zero_runs));
    if in_ram != pages_in(zero_runs) {
        return Err("zero pages within RAM".to_owned());
    }
    Ok(())
}

/// Whether runs ascend, do not overlap and end within the memory. Returns where they end.
fn check_runs(what: &str, runs: &[PageRun], pages: u32) -> Result<u64, String> {
    let mut end = 0;
    for run in runs {
        if run.count == 0 || u64::from(run.first) < end {
            return Err(format!(
                "runs of {what} in ascending order, without overlap, of at least 1 page; found {} pages from {}",
                run.count, run.first
            ));
        }
        end = run.end();
    }
    if end > u64::from(pages) {
        return Err(format!(
            "{what} below page {pages}, found a run up to {}",
            end - 1
        ));
    }
    Ok(end)
}

/// What does not hold for these idle spans of a trace, if anything: the rest of "expected …".
pub(super) fn check_idle_spans(
    spans: &[IdleSpan],
    vcpus: u16,
    duration_ns: u64,
) -> Result<(), String> {
    if spans.len() > MAX_IDLE_SPANS {
        return Err(format!("at most {MAX_IDLE_SPANS} idle spans"));
    }
    let mut before = None;
    for span in spans {
        let follows = before.is_none_or(|before: &IdleSpan| {
            before.vcpu < span.vcpu || (before.vcpu == span.vcpu && before.until_ns <= span.from_ns)
        });
        let within = span.vcpu < vcpus && span.until_ns <= duration_ns;
        if span.from_ns >= span.until_ns || !follows || !within {
            return Err(format!(
                "idle spans by vCPU and time, without overlap, of at least 1 ns and within the trace; found {} ns to {} ns of vCPU {}",
                span.from_ns, span.until_ns, span.vcpu
            ));
        }
        before = Some(span);
    }
    Ok(())
}

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
