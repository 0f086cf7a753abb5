//! What an importer is: a name, what it reads, and what its recordings tell.

use std::io::Write;

use super::{Addresses, IMPORTERS, ImportError, ImportOptions, ImportSummary, Input};

/// Where times come from, if the recording has none.
pub(super) const BY_RECORDS: &str = "by number of records";

/// What an access names where it is no address.
pub(super) const PAGES: &str = "pages";

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

impl Importer {
    /// The importer of this name.
    pub fn named(name: &str) -> Option<&'static Importer> {
        IMPORTERS
            .iter()
            .copied()
            .find(|importer| importer.name == name)
    }

    /// Whether recordings say when accesses came; else their order makes the times.
    pub fn has_clock(&self) -> bool {
        self.time != BY_RECORDS
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
        let of_processes = !matches!(options.addresses, None | Some(Addresses::Physical));
        if of_processes && self.places == PAGES {
            return Err(ImportError::Header {
                name: input.name,
                expected: format!(
                    "no addresses of processes, since {} has numbers of pages",
                    self.name
                ),
            });
        }
        options.check()?;
        let name = input.name.clone();
        (self.read)(input, options, &mut out).map_err(|error| error.of_recording(name))
    }
}
