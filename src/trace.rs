//! Recorded memory-access traces: the `.mtrace` container, importers, exporters and synthetic workloads.
//!
//! A trace holds, per vCPU, page accesses in time order and, if the recorder knew, when it was idle; and the pages that were all
//! zero when the recording began.
//! The container (version 1) is written by appending only and read block by block, in bounded memory:
//!
//! | part | content (integers are little-endian) |
//! |---|---|
//! | preamble | magic, version, page size, tick, compaction, provenance, zero-page runs, CRC32C |
//! | blocks | of one vCPU each, in the order in which they filled: header, CRC32C, payload |
//! | footer | pages, vCPUs, duration, record count, index of the blocks, idle spans if any, content hash, CRC32C |
//! | trailer | length of the footer, magic |
//!
//! What a recorder knows only at its end (pages, vCPUs, duration) stands in the footer, so a pipe can be imported.
//!
//! A block's payload is two columns of `u32`: ticks since the record before, then `page * 4 + op`. Each column is stored
//! as four byte planes (all lowest bytes first, all highest bytes last) and compressed with zstd where that helps.
//! Measured on the three QEMU recordings with zstd -19, byte planes are 14 % (sort), 24 % (sequential) and 24 % (random)
//! smaller than plain columns, and compress in half the time.
//!
//! The content hash is BLAKE3 of the decoded content: the same records in the same order have the same hash, whatever
//! version and level of zstd compressed them.

use std::fmt;
use std::io;

pub mod check;
mod columns;
pub mod compaction;
mod decoded;
pub mod export;
mod format;
pub mod import;
mod interner;
mod open;
mod reader;
mod records;
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
    /// Pages of the VM's memory, up to 2^30.
    pub pages: u32,
    /// vCPUs of the VM.
    pub vcpus: u16,
    /// Resolution of the times, in nanoseconds.
    pub tick_ns: u32,
    /// Epoch of the recorder's compaction in nanoseconds: only the first access and the first write of a page in each
    /// epoch were recorded. 0: every access was.
    pub compaction_ns: u64,
    /// Where the recording comes from, in words.
    pub provenance: String,
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
    /// What holds for the trace as a whole: header, zero pages, duration.
    Header,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(offset) => write!(f, "byte {offset}"),
            Place::Block(offset) => write!(f, "block at byte {offset}"),
            Place::Record(number) => write!(f, "record {number}"),
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
        "{name}: format version {found} at byte 8: expected version {}",
        format::VERSION
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
