//! Gzip as gzip(1) reads it: one member after another, and zeros behind the last one ignored (as tapes pad files).

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The content of all members.
pub(super) struct GzipMembers<R> {
    /// `None` only while members change.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    pub(super) fn new(raw: R) -> Self {
        GzipMembers {
            member: Some(GzDecoder::new(raw)),
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            // The end of a member.
            let Some(mut raw) = self.member.take().map(GzDecoder::into_inner) else {
                break;
            };
            if skip_zeros(&mut raw)? {
                self.member = Some(GzDecoder::new(raw));
            }
        }
        Ok(0)
    }
}

/// Passes over zeros; whether anything comes after them.
fn skip_zeros(raw: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = raw.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let (all, any) = (zeros == bytes.len(), zeros > 0);
        raw.consume(zeros);
        if !all || !any {
            return Ok(!all);
        }
    }
}
