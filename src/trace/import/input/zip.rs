//! Zip archives as a stream: the content of their files in a row, and of archives behind one another.
//!
//! ```text
//! "PK\3\4" | version flags method time | crc | sizes | lengths of name and extra | name extra | content
//! "PK\1\2" | 24 bytes | lengths of name, extra and comment | 12 bytes | name extra comment       the directory
//! "PK\5\6" | 16 bytes | length of comment | comment                                              its end
//! ```
//!
//! The directory is passed over: it says again what stands before the files. Files that follow one another have to be
//! parts of one recording, which drmemtrace calls `chunk.0000` and so on.

use std::io::{self, BufRead, ErrorKind, Read, Take};

use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;

/// The content of all files.
pub(super) struct ZipFiles<R> {
    /// `None` behind the end or an error.
    place: Option<Place<R>>,
    /// The name of the first file.
    first: Option<Vec<u8>>,
    /// The last archive's directory has not ended yet.
    open: bool,
}

enum Place<R> {
    Between(R),
    Within(File<R>),
}

struct File<R> {
    content: CrcReader<Content<R>>,
    /// `None`: it stands behind the content.
    crc: Option<u32>,
    /// Sizes behind the content have 8 bytes.
    is_large: bool,
}

enum Content<R> {
    Stored(Take<R>),
    Deflated(DeflateDecoder<R>),
}

impl<R: BufRead> ZipFiles<R> {
    pub(super) fn new(raw: R) -> Self {
        ZipFiles {
            place: Some(Place::Between(raw)),
            first: None,
            open: false,
        }
    }

    /// Moves to the next file that may have content; `None` at the end.
    fn next_file(&mut self, mut raw: R) -> io::Result<Option<Place<R>>> {
        loop {
            if raw.fill_buf()?.is_empty() {
                return match self.open {
                    true => Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "expected the end of a zip archive's directory",
                    )),
                    false => Ok(None),
                };
            }
            match &bytes::<4>(&mut raw)? {
                b"PK\x03\x04" => {
                    self.open = true;
                    let header = bytes::<26>(&mut raw)?;
                    let mut name = vec![0; short(&header, 22)];
                    raw.read_exact(&mut name)?;
                    let mut extra = vec![0; short(&header, 24)];
                    raw.read_exact(&mut extra)?;
                    // A folder has content, too, if only the end of what is deflated.
                    if !name.ends_with(b"/") {
                        self.check_name(name)?;
                    }
                    return File::new(raw, &header, &extra).map(|file| Some(Place::Within(file)));
                }
                b"PK\x01\x02" => {
                    let entry = bytes::<42>(&mut raw)?;
                    let rest = [24, 26, 28].map(|at| short(&entry, at) as u64);
                    pass_over(&mut raw, rest.iter().sum())?;
                }
                b"PK\x05\x06" => {
                    let end = bytes::<18>(&mut raw)?;
                    pass_over(&mut raw, short(&end, 16) as u64)?;
                    self.open = false;
                }
                b"PK\x06\x06" => {
                    let length = u64::from_le_bytes(bytes(&mut raw)?);
                    pass_over(&mut raw, length)?;
                }
                b"PK\x06\x07" => pass_over(&mut raw, 16)?,
                _ => return Err(damage("a part of a zip archive")),
            }
        }
    }

    fn check_name(&mut self, name: Vec<u8>) -> io::Result<()> {
        let is_part = |name: &[u8]| name.starts_with(b"chunk.");
        match &self.first {
            Some(first) if !is_part(first) || !is_part(&name) => Err(damage(&format!(
                "a zip archive of one file, or of drmemtrace's chunks (`unzip -p ARCHIVE FILE`); found `{}` and `{}`",
                first.escape_ascii(),
                name.escape_ascii()
            ))),
            _ => {
                self.first.get_or_insert(name);
                Ok(())
            }
        }
    }
}

impl<R: BufRead> File<R> {
    /// From what stands between a header's magic and its name.
    fn new(raw: R, header: &[u8; 26], extra: &[u8]) -> io::Result<Self> {
        const ENCRYPTED: usize = 1;
        const CRC_BEHIND: usize = 1 << 3;
        const LARGE_FILES: usize = 45;
        let (flags, method) = (short(header, 2), short(header, 4));
        let behind = flags & CRC_BEHIND != 0;
        let content = match method {
            _ if flags & ENCRYPTED != 0 => return Err(damage("no encryption in a zip archive")),
            // Where such a file ends, only the directory says.
            0 if behind => return Err(damage("a zip archive with sizes before what is stored")),
            0 => {
                let size = match word(header, 14) {
                    u32::MAX => large_size(extra).ok_or_else(|| damage("a zip64 size"))?,
                    size => size.into(),
                };
                Content::Stored(raw.take(size))
            }
            8 => Content::Deflated(DeflateDecoder::new(raw)),
            other => {
                let expected =
                    format!("method 0 (stored) or 8 (deflate) in a zip archive, found {other}");
                return Err(damage(&expected));
            }
        };
        Ok(File {
            content: CrcReader::new(content),
            crc: (!behind).then(|| word(header, 10)),
            is_large: !extra.is_empty() && short(header, 0) >= LARGE_FILES,
        })
    }

    /// Checks what was read, and returns what follows.
    fn end(self) -> io::Result<R> {
        let found = self.content.crc().sum();
        let mut raw = match self.content.into_inner() {
            Content::Stored(raw) => raw.into_inner(),
            Content::Deflated(decoder) => decoder.into_inner(),
        };
        let crc = match self.crc {
            Some(crc) => crc,
            None => {
                let mut word: [u8; 4] = bytes(&mut raw)?;
                if &word == b"PK\x07\x08" {
                    word = bytes(&mut raw)?;
                }
                pass_over(&mut raw, if self.is_large { 16 } else { 8 })?;
                u32::from_le_bytes(word)
            }
        };
        match crc == found {
            true => Ok(raw),
            false => Err(damage("the checksum of a file in a zip archive to hold")),
        }
    }
}

impl<R: BufRead> Read for ZipFiles<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let next = match self.place.take() {
                None => return Ok(0),
                Some(Place::Between(raw)) => self.next_file(raw),
                Some(Place::Within(mut file)) => {
                    let read = file.content.read(buffer);
                    if !matches!(read, Ok(0)) || buffer.is_empty() {
                        self.place = Some(Place::Within(file));
                        return read;
                    }
                    file.end().map(|raw| Some(Place::Between(raw)))
                }
            };
            self.place = next?;
        }
    }
}

impl<R: BufRead> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Content::Stored(raw) => raw.read(buffer),
            Content::Deflated(decoder) => decoder.read(buffer),
        }
    }
}

/// Size of what is stored, from a zip64 field of the header's extra ones: behind the size of what it was made of.
fn large_size(mut extra: &[u8]) -> Option<u64> {
    const ZIP64: [u8; 2] = [1, 0];
    loop {
        let (&id, rest) = extra.split_first_chunk::<2>()?;
        let (&length, rest) = rest.split_first_chunk::<2>()?;
        let (field, rest) = rest.split_at_checked(u16::from_le_bytes(length).into())?;
        if id == ZIP64 {
            return Some(u64::from_le_bytes(*field.get(8..)?.first_chunk()?));
        }
        extra = rest;
    }
}

fn bytes<const N: usize>(raw: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    raw.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn pass_over(raw: &mut impl Read, count: u64) -> io::Result<()> {
    let passed = io::copy(&mut raw.take(count), &mut io::sink())?;
    match passed == count {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn short<const N: usize>(header: &[u8; N], at: usize) -> usize {
    usize::from(header[at]) | usize::from(header[at + 1]) << 8
}

fn word<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    (short(header, at) | short(header, at + 2) << 16) as u32
}

fn damage(expected: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("expected {expected}"))
}
