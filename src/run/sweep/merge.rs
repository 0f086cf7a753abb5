//! Shards, put together or found wanting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use super::contents::Contents;
use super::file::same_grid;
use super::{Manifest, RowFileError, Shard, Sweep};
use crate::file::write_whole;

/// Why shards do not make a whole.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] RowFileError),
    /// Files of different sweeps, or of a sweep cut in different ways.
    #[error("{} and {} are not parts of the same sweep: {problem}", first.display(), second.display())]
    Different {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// What differs.
        problem: &'static str,
    },
    /// Files with other columns.
    #[error("{}:2: column {column} is `{found}`, expected `{expected}` as in {}", path.display(), first.display())]
    Columns {
        /// One of them.
        first: PathBuf,
        /// The other.
        path: PathBuf,
        /// Which column, from 1.
        column: usize,
        /// Its name there; nothing where it has fewer.
        found: String,
        /// Its name in the first.
        expected: String,
    },
    /// The same shard twice.
    #[error("{} and {} are both shard {shard}", first.display(), second.display())]
    Twice {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Which.
        shard: Shard,
    },
    /// Not all is there.
    #[error("incomplete: {0}; `migsim sweep missing` says more")]
    Incomplete(String),
    /// Nothing was given.
    #[error("expected the files of at least one shard")]
    Nothing,
}

/// The files of one sweep's shards, by shard.
struct Parts<'a> {
    kind: Manifest,
    by_shard: BTreeMap<Shard, (&'a Path, Contents)>,
}

impl<'a> Parts<'a> {
    /// With the grid at hand, its rows are held against it.
    fn read(files: &'a [PathBuf], grid: Option<&Sweep>) -> Result<Self, MergeError> {
        let mut parts: Option<(&Path, Parts<'a>)> = None;
        for path in files {
            let contents = Contents::read(path, grid)?;
            let manifest = contents.manifest.clone();
            if let Some(grid) = grid {
                same_grid(path, &manifest, &grid.manifest(manifest.shard))?;
            }
            if contents.points == contents.wanted() && !contents.is_finished() {
                let problem = if contents.is_whole {
                    "there is something behind its last row"
                } else {
                    "it holds rows that belong elsewhere"
                };
                return Err(MergeError::File(RowFileError::OtherRows {
                    path: path.clone(),
                    shard: manifest.shard,
                    problem,
                }));
            }
            let (first, parts) = parts.get_or_insert_with(|| {
                let by_shard = BTreeMap::new();
                (
                    path,
                    Parts {
                        kind: manifest.clone(),
                        by_shard,
                    },
                )
            });
            let different = |problem| MergeError::Different {
                first: first.to_owned(),
                second: path.clone(),
                problem,
            };
            if manifest.shard.count() != parts.kind.shard.count() {
                return Err(different("it was cut into another number of shards"));
            }
            let shard = manifest.shard;
            let same_kind = Manifest {
                shard: parts.kind.shard,
                identities: parts.kind.identities.clone(),
                ..manifest
            };
            if same_kind != parts.kind {
                return Err(different(
                    "scenario, axes, traces or the version of migsim differ",
                ));
            }
            parts.check_header(path, &contents)?;
            if let Some((other, _)) = parts.by_shard.insert(shard, (path, contents)) {
                return Err(MergeError::Twice {
                    first: other.to_owned(),
                    second: path.clone(),
                    shard,
                });
            }
        }
        parts.map(|(_, parts)| parts).ok_or(MergeError::Nothing)
    }

    /// A column under another name would put its numbers under the first file's.
    fn check_header(&self, path: &Path, contents: &Contents) -> Result<(), MergeError> {
        let with_header = |(_, part): &&(&Path, Contents)| !part.header.is_empty();
        let Some((first, part)) = self.by_shard.values().find(with_header) else {
            return Ok(());
        };
        let (expected, found) = (&part.header, &contents.header);
        let columns = if found.is_empty() {
            0
        } else {
            expected.len().max(found.len())
        };
        let Some(place) = (0..columns).find(|&place| expected.get(place) != found.get(place))
        else {
            return Ok(());
        };
        let name = |header: &ByteRecord| {
            let name = header.get(place).unwrap_or_default();
            String::from_utf8_lossy(name).into_owned()
        };
        Err(MergeError::Columns {
            first: (*first).to_owned(),
            path: path.to_owned(),
            column: place + 1,
            found: name(found),
            expected: name(expected),
        })
    }

    fn failed(&self) -> Failed {
        let parts = self.by_shard.values().map(|(_, contents)| contents);
        let rows = |contents: &Contents| contents.points * self.kind.rows_per_point;
        Failed {
            failed: parts.clone().map(|contents| contents.failed).sum(),
            rows: parts.map(rows).sum(),
        }
    }

    fn coverage(&self) -> Vec<Coverage> {
        let points = self.kind.points;
        self.kind
            .shard
            .all()
            .map(|shard| Coverage {
                shard,
                points: shard.range(points),
                done: self
                    .by_shard
                    .get(&shard)
                    .map(|(_, contents)| contents.points),
            })
            .collect()
    }
}

/// How much of a shard is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Which.
    pub shard: Shard,
    /// Its points.
    pub points: std::ops::Range<usize>,
    /// How many of them are there, from the first on; `None` without a file.
    pub done: Option<usize>,
}

impl Coverage {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.done == Some(self.points.len())
    }
}

/// Rows of runs that failed, among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// How many.
    pub failed: usize,
    /// Of how many rows.
    pub rows: usize,
}

/// How much of a sweep is there in these files, and what of it failed.
///
/// # Errors
///
/// [`MergeError`] when the files are not shards of this one sweep.
pub fn coverage(sweep: &Sweep, files: &[PathBuf]) -> Result<(Vec<Coverage>, Failed), MergeError> {
    let parts = Parts::read(files, Some(sweep))?;
    Ok((parts.coverage(), parts.failed()))
}

/// Puts all shards of a sweep together: `out` is what the sweep writes in one piece, byte for byte. Returns what of it
/// failed.
///
/// # Errors
///
/// [`MergeError`] when shards are missing, incomplete or of different sweeps; `out` is not written then.
pub fn merge(out: &Path, files: &[PathBuf]) -> Result<Failed, MergeError> {
    let parts = Parts::read(files, None)?;
    let wanting: Vec<String> = parts
        .coverage()
        .iter()
        .filter(|coverage| !coverage.is_complete())
        .map(|coverage| match coverage.done {
            None => format!("shard {} is missing", coverage.shard),
            Some(done) => format!(
                "shard {} has {done} of {} points",
                coverage.shard,
                coverage.points.len()
            ),
        })
        .collect();
    if !wanting.is_empty() {
        return Err(MergeError::Incomplete(wanting.join(", ")));
    }
    write_whole(out, |file| {
        let mut header_written = false;
        for (path, contents) in parts.by_shard.values() {
            let start = if header_written {
                contents.rows_start
            } else {
                contents.header_start
            };
            header_written = true;
            let mut rows = File::open(path)?;
            rows.seek(SeekFrom::Start(start))?;
            io::copy(&mut rows.take(contents.end - start), file)?;
        }
        file.flush()
    })
    .map_err(|source| RowFileError::Io {
        path: out.to_owned(),
        source,
    })?;
    Ok(parts.failed())
}
