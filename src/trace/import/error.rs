//! Why an import stops, or skips a line.

use std::io;

use crate::trace::TraceError;

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
        "{name}: line {line}: expected the rest of the compressed recording, found its end or damage"
    )]
    Damaged {
        /// The input.
        name: String,
        /// The line of the decompressed content, from 1.
        line: u64,
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
    pub(super) fn at(self, name: &str, at: impl FnOnce(String) -> ImportError) -> ImportError {
        match self {
            Refusal::Line(expected) => at(expected),
            Refusal::Limit(expected) => ImportError::Limit {
                name: name.to_owned(),
                expected,
            },
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
