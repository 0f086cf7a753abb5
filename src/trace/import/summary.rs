//! What an import took, and what it left out.

use std::io::ErrorKind;

use super::{ImportError, ImportOptions};

/// What an import took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Accesses to a page that the recording held, before compaction.
    pub accesses: u64,
    /// Lines or records that were skipped because they are not what they should be.
    pub skipped: u64,
    /// Why they were, in the order in which each reason first came; that the recording was cut comes first.
    pub reasons: Vec<Reason>,
    /// What else a user should know: what was passed over or dropped, and what may not be as it seems.
    pub notes: Vec<String>,
}

/// Why lines or records were skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// How many.
    pub count: u64,
    /// What was wrong with the first of them.
    pub first: String,
    /// What was expected: the same for all of them.
    expected: String,
}

/// What was skipped.
pub(super) struct Skipped {
    lenient: bool,
    count: u64,
    reasons: Vec<Reason>,
}

impl Skipped {
    /// Reasons that are told apart; later ones count with the last.
    const REASONS: usize = 16;

    pub(super) fn new(options: &ImportOptions) -> Self {
        Skipped {
            lenient: options.lenient,
            count: 0,
            reasons: Vec::new(),
        }
    }

    /// Notes what is wrong with one line or record; hands the error back if it is no such error, or not to be skipped.
    ///
    /// A compressed recording that was cut lacks its end, which is said first. One that is damaged has checksums that
    /// come last, so that nothing of it can be relied on.
    pub(super) fn note(&mut self, error: ImportError) -> Result<(), ImportError> {
        let expected = match &error {
            ImportError::Line { expected, .. }
            | ImportError::Field { expected, .. }
            | ImportError::Record { expected, .. } => expected.as_str(),
            ImportError::Damaged { source, .. } if source.kind() == ErrorKind::UnexpectedEof => {
                return self.note_cut(format!("{error}: {source}"), error);
            }
            _ => return Err(error),
        };
        if !self.lenient {
            return Err(error);
        }
        self.count += 1;
        // What was found differs from line to line.
        let expected = expected.split(", found ").next().unwrap_or_default();
        let full = self.reasons.len() == Self::REASONS;
        let mut known = self.reasons.iter_mut();
        let known = known.find(|reason| reason.expected == expected);
        match known {
            Some(reason) => reason.count += 1,
            None if full => {
                if let Some(last) = self.reasons.last_mut() {
                    last.count += 1;
                }
            }
            None => self.reasons.push(Reason {
                count: 1,
                first: error.to_string(),
                expected: expected.to_owned(),
            }),
        }
        Ok(())
    }

    fn note_cut(&mut self, first: String, error: ImportError) -> Result<(), ImportError> {
        if !self.lenient {
            return Err(error);
        }
        self.count += 1;
        let cut = Reason {
            count: 1,
            first,
            expected: String::new(),
        };
        self.reasons.insert(0, cut);
        Ok(())
    }

    /// What was wrong, where nothing else was found.
    pub(super) fn said(&self) -> impl Iterator<Item = String> {
        let reasons = self.reasons.iter();
        reasons.map(|reason| format!("skipped {}: {}", reason.count, reason.first))
    }

    pub(super) fn summary(self, accesses: u64, notes: Vec<String>) -> ImportSummary {
        ImportSummary {
            accesses,
            skipped: self.count,
            reasons: self.reasons,
            notes,
        }
    }
}
