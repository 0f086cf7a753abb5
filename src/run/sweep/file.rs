//! Files of rows: appended durably, continued after a crash.
//!
//! While a sweep runs, its rows are in `OUT.partial`. Its first line says which part of which grid it holds (see
//! [`Manifest`]), the second names the columns, and every batch of rows is on the disk before the next is written. At
//! the end a shard's file gets its name as it is, while that of a whole sweep loses its first line: it is plain CSV.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::contents::{Contents, MARK, Manifest, failed_in_whole_grid};
use super::{PointResult, Shard, Sweep};
use crate::file::{sync_directory, write_whole};

/// Why a file of rows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RowFileError {
    /// The file system says no.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An earlier sweep has left its rows.
    #[error("{} is left from an unfinished sweep; continue it with --resume, or remove it", .0.display())]
    Unfinished(PathBuf),
    /// Another process is writing to it.
    #[error("{} is being written to by another sweep", .0.display())]
    Busy(PathBuf),
    /// The file has no manifest.
    #[error("{}:1: expected the first line of a sweep's part, `{MARK}…`", .0.display())]
    NoManifest(PathBuf),
    /// The file holds rows of other points, or damaged ones.
    #[error("{}: {problem}, expected the rows of shard {shard}", path.display())]
    OtherRows {
        /// Which file.
        path: PathBuf,
        /// What it is for.
        shard: Shard,
        /// What it holds.
        problem: &'static str,
    },
    /// There is something else, and no rows to go on with.
    #[error("{}: expected the rows of this sweep, or no file, to resume; found another file", .0.display())]
    OtherFile(PathBuf),
    /// The file is of something else.
    #[error("{}: {problem}", path.display())]
    OtherGrid {
        /// Which file.
        path: PathBuf,
        /// What it is of.
        problem: String,
    },
}

/// The rows of a sweep or shard, on their way to a file.
#[derive(Debug)]
pub struct RowFile {
    out: PathBuf,
    partial: PathBuf,
    file: File,
    shard: Shard,
    done: usize,
}

impl RowFile {
    /// Begins a file, or with `resume` goes on where an earlier process stopped.
    ///
    /// # Errors
    ///
    /// [`RowFileError`]: with `resume` when the rows that are there are of something else, without it when there are
    /// any.
    pub fn open(
        out: &Path,
        sweep: &Sweep,
        shard: Shard,
        resume: bool,
    ) -> Result<Self, RowFileError> {
        let partial = partial(out);
        let io = |source| RowFileError::Io {
            path: partial.clone(),
            source,
        };
        if partial.exists() && !resume {
            return Err(RowFileError::Unfinished(partial));
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial)
            .map_err(io)?;
        // A file system without locks only loses this check.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(RowFileError::Busy(partial));
        }
        let manifest = sweep.manifest(shard);
        let header = header_line(sweep);
        let kept = match Contents::read(&partial, Some(sweep)) {
            Ok(contents) => {
                same_grid(&partial, &contents.manifest, &manifest)?;
                (contents.rows_start > contents.header_start).then_some(contents)
            }
            // It stopped before the first line was complete.
            Err(RowFileError::NoManifest(_)) if is_beginning(&partial, &manifest.line()) => None,
            Err(error) => return Err(error),
        };
        if let Some(contents) = &kept {
            file.set_len(contents.end).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
        } else {
            file.set_len(0).map_err(io)?;
            file.write_all(&[manifest.line().into_bytes(), header].concat())
                .map_err(io)?;
        }
        file.sync_all().map_err(io)?;
        sync_directory(&partial).map_err(io)?;
        Ok(RowFile {
            out: out.to_owned(),
            partial,
            file,
            shard,
            done: kept.map_or(0, |contents| contents.points),
        })
    }

    /// Points that were there already.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Appends the rows of some points. When this returns they are on the disk.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn append(&mut self, sweep: &Sweep, results: &[PointResult]) -> Result<(), RowFileError> {
        let rows = rows(sweep, results);
        self.file
            .write_all(&rows)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| RowFileError::Io {
                path: self.partial.clone(),
                source,
            })
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn finish(self) -> Result<(), RowFileError> {
        let finished = write_whole(&self.out, |file| {
            let mut rows = BufReader::new(File::open(&self.partial)?);
            if self.shard == Shard::WHOLE {
                rows.read_until(b'\n', &mut Vec::new())?;
            }
            io::copy(&mut rows, file).map(|_| ())
        })
        .and_then(|()| std::fs::remove_file(&self.partial));
        finished.map_err(|source| RowFileError::Io {
            path: self.out,
            source,
        })
    }

    /// Leaves no rows behind.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn discard(self) -> Result<(), RowFileError> {
        std::fs::remove_file(&self.partial).map_err(|source| RowFileError::Io {
            path: self.partial,
            source,
        })
    }
}

/// Where the rows are until all are there.
pub fn partial(out: &Path) -> PathBuf {
    let mut partial = OsString::from(out);
    partial.push(".partial");
    PathBuf::from(partial)
}

/// Whether a file is nothing but a part of what it should begin with.
fn is_beginning(path: &Path, line: &str) -> bool {
    let length = std::fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len());
    length <= line.len() as u64
        && std::fs::read(path).is_ok_and(|bytes| line.as_bytes().starts_with(&bytes))
}

/// How many rows are of failed runs in `out`, if it is the finished file of this shard, which need not be run again.
/// That of a whole sweep says so by its rows.
///
/// # Errors
///
/// [`RowFileError`] when it is a shard's file of something else, which is not to be replaced.
pub fn failed_if_finished(
    out: &Path,
    sweep: &Sweep,
    shard: Shard,
) -> Result<Option<usize>, RowFileError> {
    if !out.is_file() {
        return Ok(None);
    }
    if shard == Shard::WHOLE {
        let failed = failed_in_whole_grid(out, sweep).map_err(|source| RowFileError::Io {
            path: out.to_owned(),
            source,
        })?;
        // Rows of this sweep that were begun are to take the place of what is there.
        return if failed.is_some() || partial(out).exists() {
            Ok(failed)
        } else {
            Err(RowFileError::OtherFile(out.to_owned()))
        };
    }
    let contents = Contents::read(out, Some(sweep))?;
    same_grid(out, &contents.manifest, &sweep.manifest(shard))?;
    Ok(contents.is_finished().then_some(contents.failed))
}

/// Says what two manifests differ in.
pub(super) fn same_grid(
    path: &Path,
    found: &Manifest,
    expected: &Manifest,
) -> Result<(), RowFileError> {
    let problem = if found.grid != expected.grid {
        "its rows are of another sweep: scenario, axes, traces or the version of migsim differ"
            .to_owned()
    } else if found.shard != expected.shard {
        format!("it is shard {}, expected {}", found.shard, expected.shard)
    } else if found != expected {
        "its first line contradicts the scenario".to_owned()
    } else {
        return Ok(());
    };
    Err(RowFileError::OtherGrid {
        path: path.to_owned(),
        problem,
    })
}

/// The names of the columns, as a line of CSV.
pub fn header_line(sweep: &Sweep) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(sweep.columns());
    writer.into_inner().unwrap_or_default()
}

/// The rows of some points, as lines of CSV.
pub fn rows(sweep: &Sweep, results: &[PointResult]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in results.iter().flat_map(|result| result.rows(sweep)) {
        let _ = writer.write_record(row.iter().map(|(_, value)| value.to_string()));
    }
    writer.into_inner().unwrap_or_default()
}
