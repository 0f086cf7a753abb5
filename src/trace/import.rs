//! Traces from other formats: one file a format.
//!
//! Importers read a recording once, in bounded memory, and stop at the first line that is not what it should be, or
//! skip and count such lines ([`ImportOptions::lenient`]).
//!
//! | format | holds | time | vCPU |
//! |---|---|---|---|
//! | [`Format::Csv`], [`Format::Parquet`] | page numbers | recorded | recorded |
//! | [`Format::Qemu`] | page numbers | recorded | recorded |
//! | [`Format::Lackey`], [`Format::Pin`], [`Format::Dinero`] | addresses | by number of records | one |
//! | [`Format::Execlog`] | addresses | by number of records | recorded |
//! | [`Format::Drmemtrace`] | addresses | µs, records between them | a thread each |
//! | [`Format::Perf`] | addresses | recorded | a thread each |
//! | [`Format::Damon`] | address ranges | aggregation intervals | a target each |
//!
//! # From addresses to pages
//!
//! Tools that trace a process give virtual addresses, which are spread over 2^47 bytes or more; a VM's memory is compact.
//! One rule turns the former into the latter ([`Addresses::Virtual`]): **memory consists of the regions of 512 pages
//! (2 MiB of 4 KiB pages; what one page table maps) in which anything was accessed, aligned, in order of address, without
//! the space between them.** So neighbouring pages stay neighbours, a huge page stays one, distances within a heap or a
//! stack stay what they were, and what lies far apart does not come next to each other except at a region's very border.
//! Several processes follow one another, in the order of their appearance. The pages of a region that were never accessed
//! are declared zero: the recording knows nothing of them, and a migration should not pay for them.
//!
//! At most 65,536 regions are taken (128 GiB of 4 KiB pages). The numbers are known only at the end of the recording: until
//! then records are kept in a temporary file (compressed, in the system's temporary directory, `TMPDIR`), never the text.
//!
//! Addresses that are physical already ([`Addresses::Physical`]) are divided by the page size, and nothing else.

use std::io::{self, BufRead, BufReader, Cursor, Read, Write};

use super::{PageRun, TraceError, TraceHeader};

mod accesses;
mod addresses;
mod csv;
mod damon;
mod dinero;
mod drmemtrace;
mod execlog;
mod lackey;
mod lines;
mod parquet;
mod perf;
mod pin;
mod qemu;
mod shield;
mod sink;
mod text;

pub use csv::zero_pages;

/// A recording to import: plain, or compressed with zstd or gzip, which its first bytes tell.
pub struct Input<'a> {
    name: String,
    text: Box<dyn BufRead + 'a>,
}

impl<'a> Input<'a> {
    /// `name` is what errors call it.
    ///
    /// # Errors
    /// [`ImportError::Read`] when the first bytes cannot be read.
    pub fn new(name: impl Into<String>, mut raw: impl Read + 'a) -> Result<Self, ImportError> {
        const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        let name = name.into();
        let mut magic = Vec::new();
        let text = (&mut raw).take(4).read_to_end(&mut magic).and_then(|_| {
            let (zstd, gzip) = (magic == ZSTD, magic.starts_with(&GZIP));
            let whole = BufReader::new(Cursor::new(magic).chain(raw));
            let text: Box<dyn BufRead + 'a> = if zstd {
                Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?))
            } else if gzip {
                Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole)))
            } else {
                Box::new(whole)
            };
            Ok(text)
        });
        match text {
            Ok(text) => Ok(Input { name, text }),
            Err(source) => Err(ImportError::Read {
                name,
                place: "line 1".to_owned(),
                source,
            }),
        }
    }
}

/// Formats that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `time_ns,vcpu,page,op` rows.
    Csv,
    /// The same columns as CSV.
    Parquet,
    /// The recorder plugin for QEMU (`traces/recorder`).
    Qemu,
    /// Valgrind: `--tool=lackey --trace-mem=yes`.
    Lackey,
    /// DynamoRIO: the text of drmemtrace's `view` tool.
    Drmemtrace,
    /// QEMU's `execlog` plugin.
    Execlog,
    /// Intel Pin: `pinatrace`.
    Pin,
    /// Dinero III and IV: `din`, traditional and extended.
    Dinero,
    /// `perf script` of page faults.
    Perf,
    /// DAMON: `damo report raw`, later `damo report access --raw_form`.
    Damon,
}

/// What the addresses of a recording are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// Of processes: made compact, see [`crate::trace::import`].
    #[default]
    Virtual,
    /// Of the machine: divided by the page size.
    Physical,
}

/// What the recording itself does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Bytes in a page. `None`: what the recording says, else 4 KiB.
    pub page_size: Option<u64>,
    /// Pages of the VM. `None`: what the recording says, else as many as the highest page that was accessed or is zero
    /// tells.
    pub pages: Option<u32>,
    /// Epoch of the recorder's compaction in nanoseconds; 0 when it recorded every access. `None`: what the recording
    /// says, else 0.
    pub compaction_ns: Option<u64>,
    /// Epoch of a compaction on the way in, in nanoseconds ([`crate::trace::compaction`]); 0 for none.
    pub compact_ns: u64,
    /// Pages that were all zero when the recording began; not for formats with virtual addresses.
    pub zero_runs: Vec<PageRun>,
    /// Where the recording comes from, in words.
    pub provenance: String,
    /// What the addresses are, where the format has addresses.
    pub addresses: Addresses,
    /// Nanoseconds from one record to the next where the format has no clock, or only a coarse one.
    pub time_per_record_ns: u64,
    /// Skip what is not as it should be, instead of stopping there.
    pub lenient: bool,
}

impl Default for ImportOptions {
    /// Everything recorded, nothing skipped, and a nanosecond from one record to the next: of the order of what a core
    /// does.
    fn default() -> Self {
        ImportOptions {
            page_size: None,
            pages: None,
            compaction_ns: None,
            compact_ns: 0,
            zero_runs: Vec::new(),
            provenance: String::new(),
            addresses: Addresses::Virtual,
            time_per_record_ns: 1,
            lenient: false,
        }
    }
}

impl ImportOptions {
    /// Bytes in a page of a recording that does not say.
    pub const PAGE_SIZE: u64 = 4096;

    /// Times in nanoseconds, and as many vCPUs as the records name.
    fn header(&self) -> TraceHeader {
        TraceHeader {
            page_size: self.page_size.unwrap_or(Self::PAGE_SIZE),
            pages: self.pages.unwrap_or(0),
            vcpus: 0,
            tick_ns: 1,
            compaction_ns: self.compaction_ns.unwrap_or(0),
            provenance: self.provenance.clone(),
        }
    }
}

/// What an import took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Accesses to a page that the recording held, before compaction.
    pub accesses: u64,
    /// Lines or records that were skipped.
    pub skipped: u64,
    /// What was wrong with the first of them.
    pub examples: Vec<String>,
}

/// Imports a recording: writes it to `out` as a trace.
///
/// # Errors
/// [`ImportError`] names the place in the recording, and what was expected there.
pub fn import(
    format: Format,
    input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    match format {
        Format::Csv => csv::import(input, options, out),
        Format::Parquet => parquet::import(input, options, out),
        Format::Qemu => qemu::import(input, options, out),
        Format::Lackey => text::import(&mut lackey::Lackey, input, options, out),
        Format::Drmemtrace => text::import(&mut drmemtrace::View::default(), input, options, out),
        Format::Execlog => text::import(&mut execlog::Execlog, input, options, out),
        Format::Pin => text::import(&mut pin::Pinatrace, input, options, out),
        Format::Dinero => text::import(&mut dinero::Dinero, input, options, out),
        Format::Perf => text::import(&mut perf::PageFaults::default(), input, options, out),
        Format::Damon => text::import(&mut damon::Damon::default(), input, options, out),
    }
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read or decompressed.
    #[error("cannot read {name} at {place}")]
    Read {
        /// The input.
        name: String,
        /// The line or byte, of the decompressed content.
        place: String,
        /// The reason.
        source: io::Error,
    },
    /// The input does not begin as its format does.
    #[error("{name}: expected {expected}")]
    Header {
        /// The input.
        name: String,
        /// What should have been there, and what was.
        expected: String,
    },
    /// A line is not what it should be.
    #[error("{name}: line {line}: expected {expected}")]
    Line {
        /// The input.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What should have been there, and what was.
        expected: String,
    },
    /// A field is not what it should be.
    #[error("{name}: line {line}, column {column} ({field}): expected {expected}")]
    Field {
        /// The input.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1, in fields.
        column: usize,
        /// The name of the column.
        field: &'static str,
        /// What should have been there, and what was.
        expected: String,
    },
    /// A record of a binary format is not what it should be.
    #[error("{name}: record {record}: expected {expected}")]
    Record {
        /// The input.
        name: String,
        /// The record, from 0.
        record: u64,
        /// What should have been there, and what was.
        expected: String,
    },
    /// More than an import can hold in bounded memory.
    #[error("{name}: expected {expected}")]
    Limit {
        /// The input.
        name: String,
        /// The limit.
        expected: String,
    },
    /// The temporary file failed.
    #[error("cannot keep records in a temporary file")]
    Temporary(#[source] io::Error),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// Why a line or record was not taken, by whoever does not know which one it is.
enum Refusal {
    /// It is wrong: what was expected.
    Line(String),
    /// It needs more than a limit allows, and so may others.
    Limit(String),
    /// The trace cannot be written.
    Trace(TraceError),
}

impl Refusal {
    /// `at` makes the error of a wrong line.
    fn at(self, name: &str, at: impl FnOnce(String) -> ImportError) -> ImportError {
        match self {
            Refusal::Line(expected) => at(expected),
            Refusal::Limit(expected) => ImportError::Limit {
                name: name.to_owned(),
                expected,
            },
            Refusal::Trace(error) => error.into(),
        }
    }
}

/// What was skipped.
struct Skipped {
    lenient: bool,
    count: u64,
    examples: Vec<String>,
}

impl Skipped {
    /// Enough to see what is wrong.
    const EXAMPLES: usize = 3;

    fn new(options: &ImportOptions) -> Self {
        Skipped {
            lenient: options.lenient,
            count: 0,
            examples: Vec::new(),
        }
    }

    /// Notes what is wrong with one line or record; hands the error back if it is no such error, or not to be skipped.
    fn note(&mut self, error: ImportError) -> Result<(), ImportError> {
        let of_one = matches!(
            error,
            ImportError::Line { .. } | ImportError::Field { .. } | ImportError::Record { .. }
        );
        if !self.lenient || !of_one {
            return Err(error);
        }
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(error.to_string());
        }
        Ok(())
    }

    fn summary(self, accesses: u64) -> ImportSummary {
        ImportSummary {
            accesses,
            skipped: self.count,
            examples: self.examples,
        }
    }
}

/// What an error shows of a field or line: its beginning, whatever its bytes.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{}{dots}", shown.escape_ascii())
}
