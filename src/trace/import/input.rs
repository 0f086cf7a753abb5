//! What an import reads: a plain or compressed recording, told by its first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use lzma_rust2::XzReader;

use super::ImportError;

mod fused;
mod gzip;
mod kind;
mod lz4;
mod zip;

use fused::Fused;
use gzip::GzipMembers;
use lz4::Lz4Frames;
use zip::ZipFiles;

/// Memory that an `.xz` file may ask for, in KiB: the largest preset of xz (`-9`) needs 65 MiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// A recording to import: plain, or compressed with zstd, gzip, zip, xz or lz4, which its first bytes tell.
pub struct Input<'a> {
    /// What errors call it.
    pub(super) name: String,
    /// The decompressed content.
    pub(super) text: Box<dyn BufRead + 'a>,
    compressed: bool,
}

impl<'a> Input<'a> {
    /// `name` is what errors call it.
    ///
    /// # Errors
    /// [`ImportError::Read`] when the first bytes cannot be read, [`ImportError::Header`] when they are those of an
    /// archive that is not read.
    pub fn new(name: impl Into<String>, mut raw: impl Read + 'a) -> Result<Self, ImportError> {
        const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
        /// A frame that is skipped, as parallel compressors put in front. Its lowest four bits are free.
        const SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
        const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
        const ZIP: &[u8] = b"PK\x03\x04";
        const XZ: &[u8] = b"\xfd7zXZ\0";
        const LZ4: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
        const LZ4_LEGACY: &[u8] = &[0x02, 0x21, 0x4c, 0x18];
        let name = name.into();
        let mut head = Vec::new();
        let read = (&mut raw).take(kind::HEAD_BYTES).read_to_end(&mut head);
        let failed = |source| ImportError::Read {
            name: name.clone(),
            place: "line 1".to_owned(),
            source,
        };
        read.map_err(failed)?;
        if let Some(expected) = kind::archive(&head) {
            return Err(ImportError::Header { name, expected });
        }
        let is = |magic| head.starts_with(magic);
        let skippable = head.get(1..4) == Some(SKIPPABLE) && head[0] & 0xf0 == 0x50;
        let (zstd, gzip, zip) = (is(ZSTD) || skippable, is(GZIP), is(ZIP));
        let (xz, lz4) = (is(XZ), is(LZ4) || is(LZ4_LEGACY));
        let whole = BufReader::new(Cursor::new(head).chain(raw));
        let decoder: Box<dyn Read + 'a> = if zstd {
            Box::new(zstd::Decoder::with_buffer(whole).map_err(failed)?)
        } else if gzip {
            Box::new(GzipMembers::new(whole))
        } else if zip {
            Box::new(ZipFiles::new(whole))
        } else if xz {
            Box::new(XzReader::new_mem_limit(whole, true, XZ_MEMORY_KIB))
        } else if lz4 {
            Box::new(Lz4Frames::new(whole))
        } else {
            let text = Box::new(whole);
            let compressed = false;
            return Ok(Input {
                name,
                text,
                compressed,
            });
        };
        Ok(Input {
            name,
            text: Box::new(BufReader::new(Fused::new(decoder))),
            compressed: true,
        })
    }

    /// Makes sure that the content is text, and not what another program reads.
    ///
    /// # Errors
    /// [`ImportError::Header`] names what it is instead.
    pub(super) fn expect_text(&mut self) -> Result<(), ImportError> {
        // What cannot be read is told where it is read.
        let head = self.text.fill_buf().unwrap_or_default();
        match kind::not_text(head) {
            None => Ok(()),
            Some(expected) => Err(ImportError::Header {
                name: self.name.clone(),
                expected,
            }),
        }
    }

    /// The content's beginning, as far as it is at hand: at least one byte, unless it is empty.
    pub(super) fn beginning(&mut self) -> io::Result<&[u8]> {
        self.text.fill_buf()
    }

    /// Whether an error means that a compressed file is damaged or cut short, and not that it cannot be read.
    pub(super) fn is_damage(&self, error: &io::Error) -> bool {
        let asks_too_much = error.kind() == io::ErrorKind::OutOfMemory
            || error.to_string().contains("too much memory");
        self.compressed && error.raw_os_error().is_none() && !asks_too_much
    }
}
