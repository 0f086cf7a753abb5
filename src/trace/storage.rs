//! Where the bytes of a trace are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

pub(super) enum Storage {
    Memory(Cow<'static, [u8]>),
    File(PathBuf),
    /// A file without a name. Its readers share a position, so that only one may read at a time.
    Nameless(File),
}

/// Bytes that can be read at an offset.
pub(super) enum Source<'a> {
    Memory(&'a [u8]),
    File(File),
    Nameless(&'a File),
}

impl Storage {
    pub(super) fn source(&self) -> io::Result<Source<'_>> {
        Ok(match self {
            Storage::Memory(bytes) => Source::Memory(bytes),
            Storage::Nameless(file) => Source::Nameless(file),
            Storage::File(path) => {
                // Before the file is opened, which for a pipe would wait for a writer.
                if !path.metadata()?.is_file() {
                    return Err(io::Error::other(
                        "not a regular file (a trace is read by seeking)",
                    ));
                }
                Source::File(File::open(path)?)
            }
        })
    }
}

impl Source<'_> {
    pub(super) fn length(&self) -> io::Result<u64> {
        match self {
            Source::Memory(bytes) => Ok(bytes.len() as u64),
            Source::File(file) => Ok(file.metadata()?.len()),
            Source::Nameless(file) => Ok(file.metadata()?.len()),
        }
    }

    /// Replaces `buffer` by `length` bytes, which the caller has checked against the file's length or a limit.
    pub(super) fn read_at(
        &mut self,
        offset: u64,
        length: usize,
        buffer: &mut Vec<u8>,
    ) -> io::Result<()> {
        buffer.resize(length, 0);
        match self {
            Source::Memory(bytes) => {
                let found = usize::try_from(offset)
                    .ok()
                    .and_then(|offset| bytes.get(offset..offset.checked_add(length)?));
                buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
            Source::File(file) => {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(buffer)?;
            }
            Source::Nameless(file) => {
                file.seek(SeekFrom::Start(offset))?;
                file.read_exact(buffer)?;
            }
        }
        Ok(())
    }
}
