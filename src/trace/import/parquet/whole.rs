//! A Parquet file as its decoder reads it: within its end.
//!
//! The decoder passes over what it does not know, and takes an end of the file for nothing to pass over: a damaged
//! header may have it count to 2^31 there, a system call each.

use std::fs::File;
use std::io::{self, BufReader, Read};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Reads at the end that are no error: a reader may look whether there is more.
const MOST_AT_END: u32 = 1_000;

/// A file beyond whose end nothing is read.
pub(super) struct WholeFile(pub(super) File);

/// From a place on.
pub(super) struct FromPlace {
    file: BufReader<File>,
    at_end: u32,
}

impl Length for WholeFile {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for WholeFile {
    type T = FromPlace;

    fn get_read(&self, start: u64) -> Result<FromPlace> {
        let file = self.0.get_read(start)?;
        Ok(FromPlace { file, at_end: 0 })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // Room is made for so many.
        if start.saturating_add(length as u64) > Length::len(self) {
            let problem = format!("{length} bytes from {start} on go beyond the file's end");
            return Err(ParquetError::EOF(problem));
        }
        self.0.get_bytes(start, length)
    }
}

impl Read for FromPlace {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.at_end += 1;
            if self.at_end > MOST_AT_END {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(count)
    }
}
