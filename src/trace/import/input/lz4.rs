//! Lz4 as lz4(1) reads it: one frame after another, each with its end mark.
//!
//! The decoder takes the end of the file for the end of a frame, too. So it is watched where it meets that end. Legacy
//! frames have no end mark, and may end before any block.

use std::io::{self, BufRead, ErrorKind, Read};

use lz4_flex::frame::FrameDecoder;

/// The first byte of a legacy frame.
const LEGACY: u8 = 0x02;

/// Bytes of a block's length.
const LENGTH_BYTES: usize = 4;

/// The content of all frames.
pub(super) struct Lz4Frames<R: Read> {
    decoder: FrameDecoder<Watched<R>>,
    /// The frame's first byte; `None` between frames.
    frame: Option<u8>,
}

/// What a decoder reads.
struct Watched<R> {
    raw: R,
    /// How much was to be read where nothing was left.
    lacked: Option<usize>,
}

impl<R: BufRead> Lz4Frames<R> {
    pub(super) fn new(raw: R) -> Self {
        let raw = Watched { raw, lacked: None };
        Lz4Frames {
            decoder: FrameDecoder::new(raw),
            frame: None,
        }
    }
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.decoder.get_mut().raw.fill_buf()?.first() {
                    Some(&byte) => *self.frame.insert(byte),
                    None => return Ok(0),
                },
            };
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.decoder.get_ref().lacked {
                None => self.frame = None,
                Some(LENGTH_BYTES) if frame == LEGACY => return Ok(0),
                Some(_) => {
                    let expected = "expected the end mark of an lz4 frame";
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, expected));
                }
            }
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.lacked = Some(buffer.len());
        }
        Ok(read)
    }
}
