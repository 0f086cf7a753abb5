//! What an import took, and what it left out.

use super::{ImportError, ImportOptions};

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

/// What was skipped.
pub(super) struct Skipped {
    lenient: bool,
    count: u64,
    examples: Vec<String>,
}

impl Skipped {
    /// Enough to see what is wrong.
    const EXAMPLES: usize = 3;

    pub(super) fn new(options: &ImportOptions) -> Self {
        Skipped {
            lenient: options.lenient,
            count: 0,
            examples: Vec::new(),
        }
    }

    /// Notes what is wrong with one line or record; hands the error back if it is no such error, or not to be skipped.
    pub(super) fn note(&mut self, error: ImportError) -> Result<(), ImportError> {
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

    pub(super) fn summary(self, accesses: u64) -> ImportSummary {
        ImportSummary {
            accesses,
            skipped: self.count,
            examples: self.examples,
        }
    }
}
