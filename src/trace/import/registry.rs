//! The importers, by name: what each reads, and what its recordings tell.
//!
//! Adding one is a file with its [`Importer`], a line in [`IMPORTERS`] and a test. The command line's help comes from
//! here; a test holds the table in docs/recording.md against it.

use std::io::Write;

use super::{ImportError, ImportOptions, ImportSummary, Input};

/// A format that can be imported.
#[derive(Debug)]
pub struct Importer {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads, in a line.
    pub reads: &'static str,
    /// What an access names: pages, or addresses of a process or the machine.
    pub places: &'static str,
    /// Which accesses it tells apart.
    pub ops: &'static str,
    /// Where times come from.
    pub time: &'static str,
    /// What becomes a vCPU.
    pub vcpu: &'static str,
    pub(super) read: Read,
}

/// Reads a recording and writes a trace.
pub(super) type Read =
    fn(Input<'_>, &ImportOptions, &mut dyn Write) -> Result<ImportSummary, ImportError>;

/// All importers, in the order of the command line's help.
pub const IMPORTERS: &[&Importer] = &[
    &super::csv::IMPORTER,
    #[cfg(feature = "parquet")]
    &super::parquet::IMPORTER,
    &super::qemu::IMPORTER,
    &super::kvm::IMPORTER,
    &super::damon::IMPORTER,
    &super::userfaultfd::IMPORTER,
    &super::qemu_postcopy::IMPORTER,
    &super::perf::IMPORTER,
    &super::lackey::IMPORTER,
    &super::drmemtrace::IMPORTER,
    &super::execlog::IMPORTER,
    &super::pin::IMPORTER,
    &super::champsim::IMPORTER,
    &super::dinero::IMPORTER,
];

impl Importer {
    /// The importer of this name.
    pub fn named(name: &str) -> Option<&'static Importer> {
        IMPORTERS
            .iter()
            .copied()
            .find(|importer| importer.name == name)
    }

    /// Imports a recording: writes it to `out` as a trace.
    ///
    /// # Errors
    /// [`ImportError`] names the place in the recording, and what was expected there.
    pub fn import(
        &self,
        input: Input<'_>,
        options: &ImportOptions,
        mut out: impl Write,
    ) -> Result<ImportSummary, ImportError> {
        (self.read)(input, options, &mut out)
    }
}
