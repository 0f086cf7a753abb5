//! Lines of text in bounded memory, with their numbers.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use super::{ImportError, Input, Skipped};

/// A line of no sensible trace is longer; without a limit, a file without line ends would be read whole.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Bytes that are read at once: two lines of the greatest length.
const BUFFER_BYTES: usize = 2 * MAX_LINE_BYTES;

/// A line that is too long is passed over as far as this: what goes on is no text, and may never end.
const MAX_PASSED_BYTES: u64 = 1 << 28;

/// The non-empty lines of an input.
///
/// A line ends with LF, CR LF or, as on the Macs of old, CR.
pub(super) struct Lines<'a> {
    input: Input<'a>,
    buffer: Vec<u8>,
    /// Where the line is in the buffer.
    line: Range<usize>,
    /// Where the next one begins.
    next: usize,
    /// Bytes in the buffer.
    filled: usize,
    number: u64,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The last line was too long: its rest is still to come.
    is_cut: bool,
    /// The input's last line has no end.
    ends_within: bool,
}

impl<'a> Lines<'a> {
    /// # Errors
    /// [`ImportError::Header`] when the input is no text.
    pub(super) fn new(mut input: Input<'a>) -> Result<Self, ImportError> {
        input.expect_text()?;
        Ok(Lines {
            input,
            buffer: vec![0; BUFFER_BYTES],
            line: 0..0,
            next: 0,
            filled: 0,
            number: 0,
            after_cr: false,
            is_cut: false,
            ends_within: false,
        })
    }

    /// Moves to the next line that is not empty; `false` at the end.
    ///
    /// # Errors
    /// [`ImportError::Line`] for a line that is too long, behind which the next one can be read;
    /// [`ImportError::Limit`] where that one never comes; [`ImportError::Damaged`] and [`ImportError::Read`] for what
    /// cannot be read, behind which nothing can.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            if std::mem::take(&mut self.is_cut) {
                self.pass_rest()?;
            }
            self.number += 1;
            match self.read_line()? {
                None => return Ok(false),
                Some(length) if length >= MAX_LINE_BYTES => {
                    return Err(self.error(format!("a line of less than {MAX_LINE_BYTES} bytes")));
                }
                Some(_) if self.line().is_empty() => {}
                Some(_) => return Ok(true),
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

    /// Moves to the next line. Returns its length, or that of its beginning as soon as it is too long; `None` at the
    /// end of the input.
    fn read_line(&mut self) -> Result<Option<usize>, ImportError> {
        let mut searched = self.next;
        loop {
            if std::mem::take(&mut self.after_cr) {
                if self.next == self.filled && self.fill()? == 0 {
                    return Ok(None);
                }
                self.next += usize::from(self.buffer[self.next] == b'\n');
                searched = self.next;
            }
            if self.find_end(searched) {
                return Ok(Some(self.line.len()));
            }
            let held = self.filled - self.next;
            if held >= MAX_LINE_BYTES {
                self.next = self.filled;
                self.is_cut = true;
                return Ok(Some(held));
            }
            if self.fill()? == 0 {
                self.line = self.next..self.filled;
                self.next = self.filled;
                self.ends_within |= held > 0;
                return Ok((held > 0).then_some(held));
            }
            searched = self.next + held;
        }
    }

    /// Passes over the rest of a line that is too long.
    fn pass_rest(&mut self) -> Result<(), ImportError> {
        let mut passed = 0;
        while !self.find_end(self.next) {
            passed += (self.filled - self.next) as u64;
            self.next = self.filled;
            if passed > MAX_PASSED_BYTES {
                let expected = format!("the line to end within {MAX_PASSED_BYTES} bytes");
                return Err(ImportError::Limit(Box::new(self.error(expected))));
            }
            if self.fill()? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether a line ends in what is held from `searched` on: then it is the line, and the next one begins behind it.
    fn find_end(&mut self, searched: usize) -> bool {
        let Some(end) = memchr::memchr2(b'\n', b'\r', &self.buffer[searched..self.filled]) else {
            return false;
        };
        let end = searched + end;
        self.line = self.next..end;
        self.after_cr = self.buffer[end] == b'\r';
        self.next = end + 1;
        true
    }

    /// Reads on behind what is held from `next` on. Returns how much, 0 at the end.
    fn fill(&mut self) -> Result<usize, ImportError> {
        self.buffer.copy_within(self.next..self.filled, 0);
        self.filled -= self.next;
        self.next = 0;
        self.line = 0..0;
        loop {
            match self.input.text.read(&mut self.buffer[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.read_error(source)),
            }
        }
    }

    /// What is read of a line that its end cuts short is not passed on: a number may lack its last digits.
    fn read_error(&self, source: std::io::Error) -> ImportError {
        let name = self.input.name.clone();
        let place = format!("line {}", self.number);
        match self.input.is_damage(&source) {
            true => ImportError::Damaged {
                name,
                place,
                source,
            },
            false => ImportError::Read {
                name,
                place,
                source,
            },
        }
    }

    /// The current line, without white space around it, and without the byte order mark of some spreadsheets.
    pub(super) fn line(&self) -> &[u8] {
        self.indented_line().trim_ascii_start()
    }

    /// As [`Lines::line`], with the white space in front of it.
    pub(super) fn indented_line(&self) -> &[u8] {
        let line = &self.buffer[self.line.clone()];
        let line = match self.number {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        line.trim_ascii_end()
    }

    /// A warning, if a recorder may have been stopped within the last line: a number may lack digits.
    pub(super) fn note_of_cut_end(&self) -> Option<String> {
        self.ends_within.then(|| {
            format!(
                "line {}, the last one, has no line end: it may be cut short",
                self.number - 1
            )
        })
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
