//! Traces from other formats: one file a format.
//!
//! Importers read a recording once, in bounded memory, and stop at the first line that is not what it should be, or
//! skip and count such lines ([`ImportOptions::lenient`]).
//!
//! | format | holds | time | vCPU |
//! |---|---|---|---|
//! | [`Format::Csv`], Parquet | page numbers | recorded | recorded |
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

use std::io::{BufRead, BufReader, Cursor, Read, Write};

mod accesses;
mod addresses;
mod csv;
mod damon;
mod dinero;
mod drmemtrace;
mod error;
mod execlog;
mod lackey;
mod lines;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod perf;
mod pin;
mod qemu;
#[cfg(feature = "parquet")]
mod shield;
mod sink;
mod summary;
mod text;
mod turns;

pub use csv::{idle_spans, zero_pages};
pub use error::ImportError;
pub use options::{Addresses, Format, ImportOptions};
pub use qemu::Recording as QemuRecording;
pub use summary::ImportSummary;

use error::{Refusal, excerpt};
use summary::Skipped;

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
        #[cfg(feature = "parquet")]
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
