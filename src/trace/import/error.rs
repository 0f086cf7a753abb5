//! Why an import stops, or skips a line.

use std::io;

use crate::trace::{Place, TraceError};

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
    /// A compressed input is damaged or cut short: what comes before can be read, and nothing behind it.
    #[error(
        "{name}: {place}: expected the rest of the compressed recording, found its end or damage"
    )]
    Damaged {
        /// The input.
        name: String,
        /// The line or record of the decompressed content.
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
    /// More than an import can hold in bounded memory, from this line or record on.
    #[error(transparent)]
    Limit(Box<ImportError>),
    /// An option of the import cannot be so for any trace.
    #[error("{option}: expected {expected}")]
    Option {
        /// Its name on the command line.
        option: &'static str,
        /// What should have been given, and what was.
        expected: String,
    },
    /// The temporary file failed.
    #[error("cannot keep records in a temporary file in {} (TMPDIR)", std::env::temp_dir().display())]
    Temporary(#[source] io::Error),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl ImportError {
    /// What does not hold for the trace as a whole is said of the recording, as nobody knows the trace yet.
    pub(super) fn of_recording(self, name: String) -> Self {
        match self {
            ImportError::Trace(TraceError::Invalid {
                place: Place::Header,
                expected,
                ..
            }) => ImportError::Header { name, expected },
            other => other,
        }
    }
}

/// Why a line or record was not taken, by whoever does not know which one it is.
pub(super) enum Refusal {
    /// It is wrong: what was expected.
    Line(String),
    /// It needs more than a limit allows, and so may others.
    Limit(String),
    /// The trace cannot be written.
    Trace(TraceError),
    /// The temporary file failed.
    Temporary(io::Error),
}

impl Refusal {
    /// `at` makes the error of a wrong line.
    pub(super) fn at(self, at: impl FnOnce(String) -> ImportError) -> ImportError {
        match self {
            Refusal::Line(expected) => at(expected),
            Refusal::Limit(expected) => ImportError::Limit(Box::new(at(expected))),
            Refusal::Trace(error) => error.into(),
            Refusal::Temporary(error) => ImportError::Temporary(error),
        }
    }
}

/// What an error shows of a field or line: its beginning, whatever its bytes.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{}{dots}", shown.escape_ascii())
}
