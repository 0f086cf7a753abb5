//! Lines of text in bounded memory, with their numbers.

use std::io::ErrorKind;

use super::{ImportError, Input, Skipped};

/// A line of no sensible trace is longer; without a limit, a file without line ends would be read whole.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The non-empty lines of an input.
///
/// A line ends with LF, CR LF or, as on the Macs of old, CR.
pub(super) struct Lines<'a> {
    input: Input<'a>,
    buffer: Vec<u8>,
    number: u64,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
}

impl<'a> Lines<'a> {
    /// # Errors
    /// [`ImportError::Header`] when the input is no text.
    pub(super) fn new(mut input: Input<'a>) -> Result<Self, ImportError> {
        input.expect_text()?;
        Ok(Lines {
            input,
            buffer: Vec::new(),
            number: 0,
            after_cr: false,
        })
    }

    /// Moves to the next line that is not empty; `false` at the end.
    ///
    /// # Errors
    /// [`ImportError::Line`] for a line that is too long, behind which the next one can be read; [`ImportError::Damaged`]
    /// and [`ImportError::Read`] for what cannot be read, behind which nothing can.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let length = self.read_line()?;
            if length >= MAX_LINE_BYTES {
                return Err(self.error(format!("a line of less than {MAX_LINE_BYTES} bytes")));
            }
            if length == 0 || !self.line().is_empty() {
                return Ok(length > 0);
            }
        }
    }

    /// As [`Lines::advance`], past what may be skipped: lines that are too long, and the rest of a damaged archive.
    pub(super) fn advance_past(&mut self, skipped: &mut Skipped) -> Result<bool, ImportError> {
        loop {
            match self.advance() {
                Err(error @ ImportError::Line { .. }) => skipped.note(error)?,
                Err(error @ ImportError::Damaged { .. }) => {
                    skipped.note(error)?;
                    return Ok(false);
                }
                other => return other,
            }
        }
    }

    /// Reads a line, of which it keeps as many bytes as a line may have. Returns its length with its end; 0 at the end of
    /// the input.
    fn read_line(&mut self) -> Result<usize, ImportError> {
        let mut length = 0;
        loop {
            let bytes = match self.input.text.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.read_error(source)),
            };
            if std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
                self.input.text.consume(1);
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let taken = end.map_or(bytes.len(), |end| end + 1);
            let kept = taken.min(MAX_LINE_BYTES.saturating_sub(self.buffer.len()));
            self.buffer.extend_from_slice(&bytes[..kept]);
            self.after_cr = end.is_some_and(|end| bytes[end] == b'\r');
            length += taken;
            self.input.text.consume(taken);
            if end.is_some() || taken == 0 {
                return Ok(length);
            }
        }
    }

    /// What is read of a line that its end cuts short is not passed on: a number may lack its last digits.
    fn read_error(&self, source: std::io::Error) -> ImportError {
        let name = self.input.name.clone();
        let line = self.number;
        if self.input.is_damage(&source) {
            return ImportError::Damaged { name, line, source };
        }
        ImportError::Read {
            name,
            place: format!("line {line}"),
            source,
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
