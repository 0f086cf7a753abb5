//! Traces from other formats: one file a format.
//!
//! Importers read line by line and write through [`TraceWriter`], in bounded memory, and stop at the first line that
//! is not what it should be.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::{PageRun, TraceError, TraceHeader, TraceWriter};

mod csv;
mod lines;

pub use csv::{csv, zero_pages};

/// Text to import: plain, or compressed with zstd or gzip, which its first bytes tell.
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
                line: 1,
                source,
            }),
        }
    }
}

/// What the text itself does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Bytes in a page.
    pub page_size: u64,
    /// Pages of the VM; `None`: as many as the highest page that was accessed or is zero tells.
    pub pages: Option<u32>,
    /// Epoch of the recorder's compaction in nanoseconds; 0 when it recorded every access.
    pub compaction_ns: u64,
    /// Pages that were all zero when the recording began.
    pub zero_runs: Vec<PageRun>,
    /// Where the recording comes from, in words.
    pub provenance: String,
}

impl ImportOptions {
    /// Times in nanoseconds, and as many vCPUs as the records name.
    fn header(&self) -> TraceHeader {
        TraceHeader {
            page_size: self.page_size,
            pages: self.pages.unwrap_or(0),
            vcpus: 0,
            tick_ns: 1,
            compaction_ns: self.compaction_ns,
            provenance: self.provenance.clone(),
        }
    }
}

/// What an import took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportSummary {
    /// Records written.
    pub records: u64,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read or decompressed.
    #[error("cannot read {name} at line {line}")]
    Read {
        /// The input.
        name: String,
        /// The line, from 1, of the decompressed text.
        line: u64,
        /// The reason.
        source: io::Error,
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
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// Records that are compressed at zstd level 19, about half a million a second, the size that a repository may hold.
/// What comes after them is compressed at level 9, ten times as fast and some 5 % larger.
const THOROUGH_RECORDS: u64 = 1 << 24;
const FAST_LEVEL: i32 = 9;

/// Turns to the fast level when a trace has become a large one.
fn choose_level<W: io::Write>(writer: &mut TraceWriter<W>, records: u64) {
    if records == THOROUGH_RECORDS {
        writer.set_level(FAST_LEVEL);
    }
}
