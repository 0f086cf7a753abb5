//! Files that appear whole or not at all: the one place that writes them.
//!
//! - A symbolic link is followed, and stays.
//! - A device, a pipe, and what an open descriptor stands for (`/dev/stdout`, `/dev/fd/3`) are written to as they are:
//!   a rename would replace them.
//! - A file keeps its mode and owner. One that is read-only is refused, for root too.
//! - Until a file is whole it has no name, where the file system can do that; else its temporary name goes when the
//!   process is told to stop.

mod draft;
mod place;
mod signals;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use draft::Draft;
use place::{Place, open_stream};

pub(crate) use place::same_file;
pub(crate) use signals::clean_up_on_signals;

use crate::message::say;

/// Writes a file, which appears under its name when it is complete and on the disk.
///
/// # Errors
///
/// Those of `write` and of the file system; then `path` is as it was, unless it is a device or a pipe.
pub(crate) fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let (path, was) = match Place::of(path)? {
        Place::Stream { path, descriptor } => return write(&mut open_stream(&path, descriptor)?),
        Place::File { path, was } => (path, was),
    };
    let mut draft = Draft::new(directory_of(&path))?;
    write(draft.file_mut())?;
    if let Some(was) = &was {
        draft.take_after(was)?;
        if place::names(was) > 1 {
            say!(
                "migsim: {} had other names (hard links); those keep the old content",
                path.display()
            );
        }
    }
    draft.file_mut().sync_all()?;
    draft.give_name(&path)?;
    Ok(sync_directory(&path)?)
}

/// Refuses a place that [`write_whole`] would refuse, before there is anything to write.
///
/// # Errors
///
/// Those of the file system, and a file that is read-only.
pub(crate) fn check_place(path: &Path) -> io::Result<()> {
    Place::of(path).map(|_| ())
}

/// Opens a device or a pipe; `None` for a file.
///
/// # Errors
///
/// As [`check_place`].
pub(crate) fn stream(path: &Path) -> io::Result<Option<File>> {
    match Place::of(path)? {
        Place::Stream { path, descriptor } => open_stream(&path, descriptor).map(Some),
        Place::File { .. } => Ok(None),
    }
}

/// Reads a file, a pipe or a device of at most so many bytes.
///
/// # Errors
///
/// Those of the file system, and [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A byte more than may be read tells what is too large from what just fits.
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let problem = format!("expected at most {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}

/// Makes a rename in a file's directory last.
///
/// # Errors
///
/// Those of the file system.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory_of(path))?.sync_all()?;
    }
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
