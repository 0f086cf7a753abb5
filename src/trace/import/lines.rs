//! Lines of text in bounded memory, with their numbers.

use std::io::{BufRead, Read};

use super::{ImportError, Input};

/// A line of no sensible trace is longer; without a limit, a file without line ends would be read whole.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// The non-empty lines of an input.
pub(super) struct Lines<'a> {
    input: Input<'a>,
    buffer: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Lines {
            input,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// Moves to the next line that is not empty; `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let mut limited = (&mut self.input.text).take(MAX_LINE_BYTES);
            let length = limited
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| ImportError::Read {
                    name: self.input.name.clone(),
                    place: format!("line {}", self.number),
                    source,
                })?;
            if length as u64 == MAX_LINE_BYTES {
                return Err(self.error(format!("a line of less than {MAX_LINE_BYTES} bytes")));
            }
            if length == 0 || !self.line().is_empty() {
                return Ok(length > 0);
            }
        }
    }

    /// The current line, without white space around it, and without the byte order mark of some spreadsheets.
    pub(super) fn line(&self) -> &[u8] {
        let line = match self.number {
            1 => self
                .buffer
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(&self.buffer),
            _ => &self.buffer,
        };
        line.trim_ascii()
    }

    /// What errors call the input.
    pub(super) fn name(&self) -> &str {
        &self.input.name
    }

    /// An error at the current line.
    pub(super) fn error(&self, expected: impl Into<String>) -> ImportError {
        ImportError::Line {
            name: self.input.name.clone(),
            line: self.number,
            expected: expected.into(),
        }
    }

    /// An error at a column, from 0, of the current line.
    pub(super) fn field_error(
        &self,
        column: usize,
        field: &'static str,
        expected: impl Into<String>,
    ) -> ImportError {
        ImportError::Field {
            name: self.input.name.clone(),
            line: self.number,
            column: column + 1,
            field,
            expected: expected.into(),
        }
    }
}
