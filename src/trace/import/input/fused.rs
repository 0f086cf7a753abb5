//! Decoders that are not asked again behind their end or first error: some of them never return then.

use std::io::{self, ErrorKind, Read};

/// A decoder with its end.
pub(super) struct Fused<R> {
    decoder: R,
    end: Option<End>,
}

enum End {
    Whole,
    /// Whoever reads again is told again.
    Failed(io::Error),
}

impl<R> Fused<R> {
    pub(super) fn new(decoder: R) -> Self {
        Fused { decoder, end: None }
    }
}

impl<R: Read> Read for Fused<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.end {
            Some(End::Whole) => return Ok(0),
            Some(End::Failed(error)) => return Err(again(error)),
            None if buffer.is_empty() => return Ok(0),
            None => {}
        }
        let read = self.decoder.read(buffer);
        match &read {
            Ok(0) => self.end = Some(End::Whole),
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                self.end = Some(End::Failed(again(error)));
            }
            _ => {}
        }
        read
    }
}

fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
