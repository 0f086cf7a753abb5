//! Traces from other formats: one file a format.
//!
//! Importers read a recording once, in bounded memory, and stop at the first line that is not what it should be, or
//! skip and count such lines ([`ImportOptions::lenient`]).
//!
//! Each format is an [`Importer`], listed in [`IMPORTERS`] with what its recordings tell.
//!
//! # From addresses to pages
//!
//! Tools that trace a process give virtual addresses, which are spread over 2^47 bytes or more; a VM's memory is
//! compact. One rule turns the former into the latter ([`Addresses::Virtual`]): **memory consists of the regions of 512
//! pages (2 MiB of 4 KiB pages; what one page table maps) in which anything was accessed, aligned, in order of address,
//! without the space between them.** So neighbouring pages stay neighbours, a huge page stays one, distances within a
//! heap or a stack stay what they were, and what lies far apart does not come next to each other except at a region's
//! very border. Several processes follow one another, in the order of their appearance. The pages of a region that were
//! never accessed are declared zero: the recording knows nothing of them, and a migration should not pay for them.
//!
//! At most 65,536 regions are taken (128 GiB of 4 KiB pages). The numbers are known only at the end of the recording:
//! until then records are kept in a temporary file (compressed, in the system's temporary directory, `TMPDIR`), never
//! the text.
//!
//! Addresses that are physical already ([`Addresses::Physical`]) are divided by the page size. What lies outside the
//! machine's RAM, where that is known ([`ImportOptions::ram`]), is dropped and counted, and the trace has the ranges
//! ([`TraceHeader::ram`](super::TraceHeader::ram)). Addresses in the process that runs the machine
//! ([`Addresses::Mapping`]) count from where it maps the machine's memory.

mod accesses;
mod addresses;
mod binary;
mod champsim;
mod csv;
mod damon;
mod dinero;
mod drmemtrace;
mod error;
mod execlog;
mod importer;
mod input;
mod intervals;
mod kvm;
mod lackey;
mod late;
mod lines;
mod numbering;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod perf;
mod pin;
mod qemu;
mod qemu_postcopy;
#[cfg(test)]
mod sample;
#[cfg(feature = "parquet")]
mod shield;
mod sink;
mod summary;
mod text;
mod tracepoint;
mod turns;
mod userfaultfd;

pub use csv::{idle_spans, zero_pages};
pub use error::ImportError;
pub use importer::Importer;
pub use input::Input;
pub use options::{Addresses, ImportOptions};
pub use qemu::Recording as QemuRecording;
pub use summary::{ImportSummary, Reason};

use error::{Refusal, excerpt};
use summary::Skipped;

/// All importers, in the order of the command line's help. Adding one is its file, `mod` and a line here, and its row
/// in the table of docs/recording.md, which a test holds against this list.
pub const IMPORTERS: &[&Importer] = &[
    &csv::IMPORTER,
    #[cfg(feature = "parquet")]
    &parquet::IMPORTER,
    &qemu::IMPORTER,
    &kvm::IMPORTER,
    &damon::IMPORTER,
    &userfaultfd::IMPORTER,
    &qemu_postcopy::IMPORTER,
    &perf::IMPORTER,
    &lackey::IMPORTER,
    &drmemtrace::IMPORTER,
    &execlog::IMPORTER,
    &pin::IMPORTER,
    &champsim::IMPORTER,
    &dinero::IMPORTER,
];
