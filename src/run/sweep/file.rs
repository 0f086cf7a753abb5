//! Files of rows: appended durably, continued after a crash.
//!
//! While a sweep runs, its rows are in `OUT.partial`. Its first line says which part of which grid it holds (see
//! [`Manifest`]), the second names the columns, and every batch of rows is on the disk before the next is written. At
//! the end a shard's file gets its name as it is, while that of a whole sweep loses its first line: it is plain CSV.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{PointResult, Shard, Sweep};
use crate::file::{sync_directory, write_whole};

/// What a file of rows says about itself, in its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Fingerprint of the sweep.
    pub grid: String,
    /// Points of the whole grid.
    pub points: usize,
    /// One per strategy.
    pub rows_per_point: usize,
    /// Which part of the grid the file is for.
    pub shard: Shard,
}

/// How the first line begins.
const MARK: &str = "# migsim sweep ";
/// Longer first lines are no manifests.
const LONGEST_MANIFEST: u64 = 4_096;

impl Manifest {
    /// The first line of a file.
    pub fn line(&self) -> String {
        format!(
            "{MARK}{}\n",
            serde_json::json!({
                "grid": self.grid,
                "points": self.points,
                "rows_per_point": self.rows_per_point,
                "shard": self.shard,
            })
        )
    }
}

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
    /// The file is of something else.
    #[error("{}: {problem}", path.display())]
    OtherGrid {
        /// Which file.
        path: PathBuf,
        /// What it is of.
        problem: String,
    },
}

/// What a file of rows holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) manifest: Manifest,
    /// Where the header begins, and where the rows do.
    pub(super) header_start: u64,
    pub(super) rows_start: u64,
    /// Where the last complete point ends.
    pub(super) end: u64,
    /// Complete points.
    pub(super) points: usize,
}

impl Contents {
    /// Reads a file up to its end or its first damaged row: a process or machine that stopped may have left half a line,
    /// half a point, or what the file system puts into blocks that were never written.
    pub(super) fn read(path: &Path) -> Result<Self, RowFileError> {
        let io = |source| RowFileError::Io {
            path: path.to_owned(),
            source,
        };
        let no_manifest = || RowFileError::NoManifest(path.to_owned());
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let length = file.get_ref().metadata().map_err(io)?.len();
        let mut line = Vec::new();
        file.by_ref()
            .take(LONGEST_MANIFEST)
            .read_until(b'\n', &mut line)
            .map_err(io)?;
        let manifest: Manifest = line
            .strip_prefix(MARK.as_bytes())
            .filter(|_| line.ends_with(b"\n"))
            .and_then(|json| serde_json::from_slice(json).ok())
            .ok_or_else(no_manifest)?;
        let ends_with_newline = ends_with_newline(path).map_err(io)?;
        let header_start = line.len() as u64;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(file);
        let mut record = csv::ByteRecord::new();
        let mut contents = Contents {
            manifest,
            header_start,
            rows_start: header_start,
            end: header_start,
            points: 0,
        };
        let mut next = || {
            let read = reader.read_byte_record(&mut record).ok()?;
            let end = header_start + reader.position().byte();
            let whole = read && (end < length || ends_with_newline);
            whole.then_some((record.len(), end))
        };
        let Some((columns, end)) = next() else {
            return Ok(contents);
        };
        (contents.rows_start, contents.end) = (end, end);
        let mut rows = 0;
        while let Some((_, end)) = next().filter(|(fields, _)| *fields == columns) {
            rows += 1;
            if rows == contents.manifest.rows_per_point {
                rows = 0;
                contents.points += 1;
                contents.end = end;
            }
        }
        Ok(contents)
    }

    /// The points that the file is for.
    pub(super) fn wanted(&self) -> usize {
        self.manifest.shard.range(self.manifest.points).len()
    }
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The rows of a sweep or shard, on their way to a file.
#[derive(Debug)]
pub struct RowFile {
    out: PathBuf,
    partial: PathBuf,
    file: File,
    whole: bool,
    done: usize,
}

impl RowFile {
    /// Begins a file, or with `resume` goes on where an earlier process stopped.
    ///
    /// # Errors
    ///
    /// [`RowFileError`]: with `resume` when the rows that are there are of something else, without it when there are any.
    pub fn open(
        out: &Path,
        sweep: &Sweep,
        shard: Shard,
        resume: bool,
    ) -> Result<Self, RowFileError> {
        let mut partial = OsString::from(out);
        partial.push(".partial");
        let partial = PathBuf::from(partial);
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
        let kept = match Contents::read(&partial) {
            Ok(contents) => {
                same_grid(&partial, &contents.manifest, &manifest)?;
                let read = contents.rows_start - contents.header_start;
                (read == header.len() as u64).then_some(contents)
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
            whole: shard.count() == 1,
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
        let finished = if self.whole {
            write_whole(&self.out, |file| {
                let mut rows = BufReader::new(File::open(&self.partial)?);
                rows.read_until(b'\n', &mut Vec::new())?;
                io::copy(&mut rows, file).map(|_| ())
            })
            .and_then(|()| std::fs::remove_file(&self.partial))
        } else {
            std::fs::rename(&self.partial, &self.out).and_then(|()| sync_directory(&self.out))
        };
        finished.map_err(|source| RowFileError::Io {
            path: self.out,
            source,
        })
    }
}

/// Whether a file is nothing but a part of what it should begin with.
fn is_beginning(path: &Path, line: &str) -> bool {
    let length = std::fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len());
    length <= line.len() as u64
        && std::fs::read(path).is_ok_and(|bytes| line.as_bytes().starts_with(&bytes))
}

/// Whether `out` is a shard's finished file. (That of a whole sweep does not say what it is of.)
pub fn is_finished(out: &Path, sweep: &Sweep, shard: Shard) -> bool {
    Contents::read(out).is_ok_and(|contents| {
        contents.manifest == sweep.manifest(shard) && contents.points == contents.wanted()
    })
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
