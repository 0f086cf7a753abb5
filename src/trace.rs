//! Recorded memory-access traces: the `.mtrace` container, importers, exporters and synthetic workloads.
//!
//! A trace holds, per vCPU, page accesses in time order and, if the recorder knew, when it was idle; and the pages that
//! were all zero when the recording began. The container is written by appending only and read block by block, in
//! bounded memory. Integers are little-endian, and each `crc` is a CRC32C of its part:
//!
//! ```text
//! preamble  magic "\x8aMTRACE\n" u64 │ version u32 │ page shift u32 │ tick ns u32 │ provenance bytes u32
//!           compaction ns u64 │ zero runs u32 │ version 2: RAM ranges u32
//!           provenance │ zero runs: first u32, count u32 │ version 2: RAM ranges: first u32, count u32 │ crc u32
//! block     vCPU u16 │ codec u8 │ 0 u8 │ records u32 │ first tick u64 │ payload bytes u32 │ crc u32 │ payload
//! …         of one vCPU each, in the order in which they filled
//! footer    pages u32 │ vCPUs u32 │ duration ns u64 │ records u64 │ blocks u32
//!           index, for each block: bytes u32, first tick u64, last tick u64, records u32, vCPU u16
//!           idle spans, if any: vCPU u16, from ns u64, until ns u64 │ content hash 32 bytes │ crc u32
//! trailer   bytes of the footer u64 │ magic "\x8aMTREND\n" u64
//! ```
//!
//! Version 2 has RAM ranges: pages outside of them are holes, which no access and no zero page lies in. A trace without
//! ranges is written as version 1, so older programs read it and its hash stays.
//!
//! What a recorder knows only at its end (pages, vCPUs, duration) stands in the footer, so a pipe can be imported.
//!
//! A block's payload is two columns of `u32`: ticks since the record before, then `page * 4 + op`. Each column is
//! stored as four byte planes (all lowest bytes first, all highest bytes last) and compressed with zstd where that
//! helps. Measured on the three QEMU recordings with zstd -19, byte planes are 14 % (sort), 24 % (sequential) and 24 %
//! (random) smaller than plain columns, and compress in half the time.
//!
//! The content hash is BLAKE3 of the decoded content: the same records in the same order, that of vCPUs among each
//! other included, have the same hash, whatever version and level of zstd compressed them.

use std::fmt;
use std::io;

use crate::memory::{PageRun, pages_in};
use crate::units::{AddressRange, AddressRanges, SimTime};

pub mod check;
mod columns;
pub mod compaction;
mod decoded;
pub mod export;
mod first_accesses;
mod format;
pub mod import;
mod interner;
mod open;
mod reader;
mod records;
#[cfg(feature = "parquet")]
mod rows_hash;
pub mod slice;
pub mod statistics;
mod storage;
pub mod synthetic;
mod writer;

pub use reader::Trace;
pub use records::{Records, VcpuRecords};
pub use writer::TraceWriter;

/// What an access did to its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Op {
    /// A load.
    Read = 0,
    /// A store.
    Write = 1,
    /// An instruction fetch.
    Execute = 2,
}

impl Op {
    /// `r`, `w` or `x`, as CSV has it.
    pub const fn letter(self) -> char {
        match self {
            Op::Read => 'r',
            Op::Write => 'w',
            Op::Execute => 'x',
        }
    }

    /// The inverse of [`Op::letter`].
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'r' => Some(Op::Read),
            'w' => Some(Op::Write),
            'x' => Some(Op::Execute),
            _ => None,
        }
    }
}

/// One access of one vCPU to one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Guest time since the recording's start, in nanoseconds.
    pub time_ns: u64,
    /// The vCPU, from 0.
    pub vcpu: u16,
    /// The page, from 0, in units of [`TraceHeader::page_size`].
    pub page: u32,
    /// What the access did.
    pub op: Op,
}

/// A time in which a vCPU had nothing to do, from going idle until it was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdleSpan {
    /// The vCPU, from 0.
    pub vcpu: u16,
    /// Its beginning, in nanoseconds since the recording's start.
    pub from_ns: u64,
    /// The nanosecond after its last.
    pub until_ns: u64,
}

/// What a trace says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceHeader {
    /// Bytes in a page: a power of two, up to 1 GiB.
    pub page_size: u64,
    /// Pages of the VM's memory, up to 2^30; with `ram`, the page after its last.
    pub pages: u32,
    /// Which pages are RAM: ascending, without overlap, at most 4,096 ranges. Empty: all pages are.
    pub ram: Vec<PageRun>,
    /// vCPUs of the VM.
    pub vcpus: u16,
    /// Resolution of the times, in nanoseconds.
    pub tick_ns: u32,
    /// Epoch of the recorder's compaction in nanoseconds: only the first access and the first write of a page in each
    /// epoch were recorded. 0: every access was.
    pub compaction_ns: u64,
    /// Where the recording comes from, in words. A recorder that knows how much it slowed the guest down says
    /// `slow-down 23.4`.
    pub provenance: String,
}

impl TraceHeader {
    /// Pages of the VM's memory: those of RAM.
    pub fn memory_pages(&self) -> u64 {
        match self.ram[..] {
            [] => self.pages.into(),
            _ => pages_in(&self.ram),
        }
    }

    /// How many times slower than without its recorder the guest ran, if the provenance says so: `slow-down 23.4`.
    pub fn slow_down(&self) -> Option<f64> {
        let (_, rest) = self.provenance.split_once("slow-down ")?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let factor = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
        factor
            .parse()
            .ok()
            .filter(|factor| (1.0..=1e6).contains(factor))
    }

    /// The addresses of RAM, if there are holes.
    pub fn ram_addresses(&self) -> Option<AddressRanges> {
        let address = |page: u64| page * self.page_size;
        let range = |run: &PageRun| AddressRange {
            start: address(run.first.into()),
            end: Some(address(run.end())),
        };
        (!self.ram.is_empty()).then(|| AddressRanges(self.ram.iter().map(range).collect()))
    }
}

/// The place of an error within a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An offset in the file.
    Byte(u64),
    /// A block, found at this offset in the file.
    Block(u64),
    /// A record, counted from 0 in the order of writing.
    Record(u64),
    /// An access of a vCPU at a time in nanoseconds.
    Access {
        /// The vCPU.
        vcpu: u16,
        /// When.
        time_ns: u64,
    },
    /// What holds for the trace as a whole: header, zero pages, duration.
    Header,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(offset) => write!(f, "byte {offset}"),
            Place::Block(offset) => write!(f, "block at byte {offset}"),
            Place::Record(number) => write!(f, "record {number}"),
            Place::Access { vcpu, time_ns } => {
                write!(f, "access of vCPU {vcpu} at {}", SimTime::from_ns(*time_ns))
            }
            Place::Header => f.write_str("header"),
        }
    }
}

/// Why a trace cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system refused a read.
    #[error("cannot read {name}")]
    Read {
        /// The trace.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// The operating system refused a write.
    #[error("cannot write {name}")]
    Write {
        /// What was being written.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{name}: not a trace: expected the magic bytes of an .mtrace file at byte 0; `migsim trace import` makes one of other formats"
    )]
    NotATrace {
        /// The file.
        name: String,
    },
    /// The file is of a later format.
    #[error(
        "{name}: format version {found} at byte 8: expected version {} or {}",
        format::VERSION,
        format::VERSION_WITH_RAM
    )]
    Version {
        /// The trace.
        name: String,
        /// The version that it claims.
        found: u32,
    },
    /// The trace is damaged, or was about to be written so.
    #[error("{name}: {place}: expected {expected}")]
    Invalid {
        /// The trace.
        name: String,
        /// Where.
        place: Place,
        /// What should have been there.
        expected: String,
    },
}
