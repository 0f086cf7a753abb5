//! What is checked before a trace is open: everything but the content of its blocks.

use super::decoded::DecodedBlocks;
use super::first_accesses::FirstAccesses;
use super::format::{self, Block, Fields, Footer};
use super::reader::Trace;
use super::storage::Storage;
use super::{Place, TraceError, TraceHeader};
use crate::memory::PageRun;

/// A file on its way to becoming a [`Trace`].
pub(super) struct Opening {
    name: String,
    storage: Storage,
    length: u64,
}

impl Opening {
    pub(super) fn new(name: String, storage: Storage) -> Result<Self, TraceError> {
        match storage.source().and_then(|source| source.length()) {
            Ok(length) => Ok(Opening {
                name,
                storage,
                length,
            }),
            Err(source) => Err(TraceError::Read { name, source }),
        }
    }

    pub(super) fn trace(self) -> Result<Trace, TraceError> {
        let (mut header, zero_runs, blocks_start) = self.preamble()?;
        let (footer, blocks_end) = self.footer(blocks_start)?;
        header.pages = footer.pages;
        header.vcpus = footer.vcpus;
        if header.pages == 0 || header.vcpus == 0 {
            return Err(self.invalid(Place::Header, "at least 1 page and 1 vCPU"));
        }
        format::check_header(&header, &zero_runs)
            .map_err(|expected| self.invalid(Place::Header, expected))?;
        self.check_duration(&header, footer.duration_ns)?;
        format::check_idle_spans(&footer.idle_spans, header.vcpus, footer.duration_ns)
            .map_err(|expected| self.invalid(Place::Header, expected))?;
        let blocks = self.index(&header, &footer, blocks_start, blocks_end)?;
        let content_hash = footer
            .content_hash
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"));
        Ok(Trace {
            header,
            zero_runs,
            decoded: DecodedBlocks::new(blocks.len()),
            first_accesses: FirstAccesses::new(),
            blocks,
            idle_spans: footer.idle_spans,
            duration_ns: footer.duration_ns,
            record_count: footer.record_count,
            stored_hash: footer.content_hash,
            content_hash: content_hash.collect(),
            name: self.name,
            storage: self.storage,
        })
    }

    /// The header (without pages and vCPUs), the zero map, and where the blocks begin.
    fn preamble(&self) -> Result<(TraceHeader, Vec<PageRun>, u64), TraceError> {
        if self.length < format::MAGIC.len() as u64
            || self.read(0, format::MAGIC.len())? != format::MAGIC
        {
            return Err(TraceError::NotATrace {
                name: self.name.clone(),
            });
        }
        let damaged = || self.invalid(Place::Byte(0), "a whole preamble with a valid checksum");
        if self.length < (format::PREAMBLE_BYTES + format::TRAILER_BYTES) as u64 {
            return Err(damaged());
        }
        let fixed = self.read(0, format::PREAMBLE_BYTES)?;
        let mut fields = Fields(&fixed);
        let _magic: [u8; 8] = fields.array().ok_or_else(damaged)?;
        let version = fields.u32().ok_or_else(damaged)?;
        let has_ram = version == format::VERSION_WITH_RAM;
        if version != format::VERSION && !has_ram {
            return Err(TraceError::Version {
                name: self.name.clone(),
                found: version,
            });
        }
        let page_shift = fields.u32().ok_or_else(damaged)?;
        let tick_ns = fields.u32().ok_or_else(damaged)?;
        let provenance_bytes = fields.u32().ok_or_else(damaged)? as usize;
        let compaction_ns = fields.u64().ok_or_else(damaged)?;
        let zero_runs = fields.u32().ok_or_else(damaged)? as usize;
        let (ram_ranges, fixed_bytes) = if has_ram {
            let more = self.read(format::PREAMBLE_BYTES as u64, 4)?;
            let ranges = Fields(&more).u32().ok_or_else(damaged)? as usize;
            (ranges, format::PREAMBLE_BYTES + more.len())
        } else {
            (0, format::PREAMBLE_BYTES)
        };
        if provenance_bytes > format::MAX_PROVENANCE_BYTES
            || zero_runs > format::MAX_ZERO_RUNS
            || ram_ranges > format::MAX_RAM_RANGES
        {
            return Err(damaged());
        }
        let runs_bytes = (zero_runs + ram_ranges) * format::PAGE_RUN_BYTES;
        let length = fixed_bytes + provenance_bytes + runs_bytes + 4;
        if length as u64 > self.length {
            return Err(damaged());
        }
        let bytes = self.read(0, length)?;
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(content) {
            return Err(damaged());
        }
        let mut fields = Fields(content.get(fixed_bytes..).ok_or_else(damaged)?);
        let provenance = fields.bytes(provenance_bytes).ok_or_else(damaged)?;
        let provenance = String::from_utf8(provenance.to_owned()).map_err(|_| damaged())?;
        let mut runs = std::iter::from_fn(|| {
            Some(PageRun {
                first: fields.u32()?,
                count: fields.u32()?,
            })
        });
        let zero_runs = runs.by_ref().take(zero_runs).collect();
        let header = TraceHeader {
            page_size: 1_u64.checked_shl(page_shift).unwrap_or(0),
            pages: 0,
            ram: runs.collect(),
            vcpus: 0,
            tick_ns,
            compaction_ns,
            provenance,
        };
        Ok((header, zero_runs, length as u64))
    }

    /// The footer, and where it begins.
    fn footer(&self, blocks_start: u64) -> Result<(Footer, u64), TraceError> {
        let trailer_start = self.length.saturating_sub(format::TRAILER_BYTES as u64);
        let trailer = self.read(trailer_start, format::TRAILER_BYTES)?;
        let mut fields = Fields(&trailer);
        let length = fields.u64();
        let start = match (length, fields.array()) {
            (Some(length), Some(format::END_MAGIC)) => trailer_start.checked_sub(length),
            _ => {
                let expected = "the end of a trace (is the file cut short?)";
                return Err(self.invalid(Place::Byte(trailer_start), expected));
            }
        };
        let most = format::FOOTER_FIXED_BYTES
            + format::MAX_BLOCKS as usize * format::INDEX_ENTRY_BYTES
            + format::MAX_IDLE_SPANS * format::IDLE_SPAN_BYTES;
        let start = start
            .filter(|&start| start >= blocks_start && trailer_start - start <= most as u64)
            .ok_or_else(|| {
                self.invalid(Place::Byte(trailer_start), "a valid length of the footer")
            })?;
        let bytes = self.read(start, (trailer_start - start) as usize)?;
        let footer = Footer::decode(&bytes, blocks_start)
            .ok_or_else(|| self.invalid(Place::Byte(start), "a footer with a valid checksum"))?;
        Ok((footer, start))
    }

    fn check_duration(&self, header: &TraceHeader, duration_ns: u64) -> Result<(), TraceError> {
        let aligned = duration_ns.is_multiple_of(header.compaction_ns.max(1));
        if duration_ns == 0 || duration_ns > format::MAX_DURATION_NS || !aligned {
            return Err(self.invalid(
                Place::Header,
                format!("a duration that is a multiple of the compaction epoch, above 0 and at most {} ns; found {duration_ns} ns", format::MAX_DURATION_NS),
            ));
        }
        Ok(())
    }

    /// Checks the index, and sorts it by vCPU.
    fn index(
        &self,
        header: &TraceHeader,
        footer: &Footer,
        blocks_start: u64,
        blocks_end: u64,
    ) -> Result<Vec<Block>, TraceError> {
        let (mut end, mut records) = (blocks_start, 0_u64);
        for block in &footer.blocks {
            let smallest = format::BLOCK_HEADER_BYTES as u64;
            let largest = smallest + u64::from(block.count) * format::RECORD_BYTES as u64;
            let last_ns = block.last_tick.checked_mul(u64::from(header.tick_ns));
            let valid = (smallest + 1..=largest).contains(&u64::from(block.bytes))
                && block.vcpu < header.vcpus
                && (1..=format::block_capacity(block.vcpu)).contains(&block.count)
                && block.first_tick <= block.last_tick
                && last_ns.is_some_and(|last_ns| last_ns < footer.duration_ns);
            if !valid {
                return Err(self.invalid(Place::Block(block.offset), "a valid entry in the index"));
            }
            // Cannot overflow: there are at most 2^22 blocks of 2^32 bytes and 2^18 records.
            end = block.offset + u64::from(block.bytes);
            records += u64::from(block.count);
        }
        if end != blocks_end || records != footer.record_count {
            return Err(self.invalid(Place::Header, "an index of all blocks and records"));
        }
        let mut blocks = footer.blocks.clone();
        blocks.sort_by_key(|block| block.vcpu);
        for (before, after) in blocks.iter().zip(blocks.iter().skip(1)) {
            if before.vcpu == after.vcpu && before.last_tick > after.first_tick {
                return Err(self.invalid(Place::Block(after.offset), "blocks in time order"));
            }
        }
        Ok(blocks)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, TraceError> {
        let mut bytes = Vec::new();
        match self
            .storage
            .source()
            .and_then(|mut source| source.read_at(offset, length, &mut bytes))
        {
            Ok(()) => Ok(bytes),
            Err(source) => Err(TraceError::Read {
                name: self.name.clone(),
                source,
            }),
        }
    }

    fn invalid(&self, place: Place, expected: impl Into<String>) -> TraceError {
        TraceError::Invalid {
            name: self.name.clone(),
            place,
            expected: expected.into(),
        }
    }
}
