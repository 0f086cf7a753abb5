//! What a file of rows holds: its first line, and how many whole points that are as they should be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Terminator, Writer};
use serde::{Deserialize, Serialize};

use super::identity::{Digest, Identity};
use super::{MOST_POINTS, PointResult, RowFileError, Shard, Sweep};
use crate::run::guests::SharedGuests;

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
    /// What the identities of that part's rows come to.
    pub identities: String,
}

/// How the first line begins.
pub(super) const MARK: &str = "# migsim sweep ";
/// Longer first lines are no manifests.
const LONGEST_MANIFEST: u64 = 4_096;

impl Manifest {
    /// The first line of a file.
    pub fn line(&self) -> String {
        format!("{MARK}{}\n", serde_json::json!(self))
    }

    /// Rows of the whole part.
    pub(crate) fn rows(&self) -> usize {
        self.shard.range(self.points).len() * self.rows_per_point
    }

    /// Reads a first line; its numbers are not to be trusted.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let json = line.strip_prefix(MARK.as_bytes())?.strip_suffix(b"\n")?;
        let manifest: Manifest = serde_json::from_slice(json).ok()?;
        let rows = manifest.points.checked_mul(manifest.rows_per_point)?;
        (manifest.points <= MOST_POINTS && manifest.rows_per_point > 0 && rows > 0)
            .then_some(manifest)
    }
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
    /// Bytes that are not of the header or a complete point.
    pub(super) rest: u64,
    /// Whether the rows of all points are there, and each is the row of its place.
    pub(super) is_whole: bool,
    /// Rows of runs that failed, in complete points.
    pub(super) failed: usize,
    /// The names of the columns, if they are those of a sweep.
    pub(super) header: ByteRecord,
}

impl Contents {
    /// Reads a file up to its end or the first row that is not as it was written: a process or machine that stopped may
    /// have left half a line, half a point, or what the file system puts into blocks that were never written. With the
    /// grid at hand, a row that belongs elsewhere ends it too.
    pub(super) fn read(path: &Path, grid: Option<&Sweep>) -> Result<Self, RowFileError> {
        let io = |source| RowFileError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let metadata = file.get_ref().metadata().map_err(io)?;
        if !metadata.is_file() {
            // It is read again, and from a place in it on.
            return Err(io(io::Error::other("expected a regular file")));
        }
        let length = metadata.len();
        let mut line = Vec::new();
        file.by_ref()
            .take(LONGEST_MANIFEST)
            .read_until(b'\n', &mut line)
            .map_err(io)?;
        let manifest =
            Manifest::parse(&line).ok_or_else(|| RowFileError::NoManifest(path.to_owned()))?;
        let header_start = line.len() as u64;
        let mut contents = Contents {
            header_start,
            rows_start: header_start,
            end: header_start,
            points: 0,
            rest: 0,
            is_whole: false,
            failed: 0,
            header: ByteRecord::new(),
            manifest,
        };
        contents.read_rows(file, grid).map_err(io)?;
        contents.rest = length.saturating_sub(contents.end);
        Ok(contents)
    }

    fn read_rows(&mut self, rows: impl Read, grid: Option<&Sweep>) -> io::Result<()> {
        let mut rows = Rows::new(rows, self.header_start);
        let Some(header) = rows.next()? else {
            return Ok(());
        };
        let of_this_grid = grid.is_none_or(|grid| {
            header
                .iter()
                .eq(grid.columns().iter().map(String::as_bytes))
        });
        let Some(identity) = Identity::of(&header).filter(|_| of_this_grid) else {
            return Ok(());
        };
        (self.rows_start, self.end) = (rows.end, rows.end);
        self.header = header.clone();
        let mut digest = Digest::new();
        for point in self.manifest.shard.range(self.manifest.points) {
            let mut failed = 0;
            for row in 0..self.manifest.rows_per_point {
                let found = rows.next()?.filter(|row| row.len() == header.len());
                let Some(found) = found.filter(|row| identity.has_metrics(row)) else {
                    return Ok(());
                };
                let cells = identity.cells(&found);
                if grid.is_some_and(|grid| !is_at(grid, point, row, &cells)) {
                    return Ok(());
                }
                digest.add(cells);
                failed += usize::from(identity.has_error(&found));
            }
            self.failed += failed;
            self.points += 1;
            self.end = rows.end;
        }
        self.is_whole = digest.finish() == self.manifest.identities;
        Ok(())
    }

    /// The points that the file is for.
    pub(super) fn wanted(&self) -> usize {
        self.manifest.shard.range(self.manifest.points).len()
    }

    /// Whether the file holds its part of the grid and nothing else.
    pub(super) fn is_finished(&self) -> bool {
        self.points == self.wanted() && self.is_whole && self.rest == 0
    }
}

/// Whether these cells are the identity of a row at its place in the grid.
fn is_at(grid: &Sweep, point: usize, row: usize, cells: &[&[u8]]) -> bool {
    let strategy = grid.strategies().get(row);
    strategy.is_some_and(|strategy| {
        let expected = grid.identity(point, strategy);
        cells
            .iter()
            .copied()
            .eq(expected.iter().map(String::as_bytes))
    })
}

/// How many rows are of failed runs in a file without a manifest, if it holds the whole grid and nothing else: each row
/// names its scenario, settings and trace.
pub(super) fn failed_in_whole_grid(path: &Path, grid: &Sweep) -> io::Result<Option<usize>> {
    let mut rows = Rows::new(BufReader::new(File::open(path)?), 0);
    let columns = grid.columns();
    let Some(header) = rows.next()? else {
        return Ok(None);
    };
    let Some(identity) = Identity::of(&header) else {
        return Ok(None);
    };
    if !header.iter().eq(columns.iter().map(String::as_bytes)) {
        return Ok(None);
    }
    let shared = SharedGuests::new();
    let mut failed = 0;
    for point in 0..grid.points() {
        let result = PointResult {
            point,
            provenance: PointResult::identity(grid, &shared, point),
            runs: vec![Err(String::new()); grid.strategies().len()],
            notes: Vec::new(),
        };
        for expected in result.rows(grid) {
            let Some(found) = rows.next()?.filter(|row| row.len() == header.len()) else {
                return Ok(None);
            };
            let mut named = found.iter().zip(&expected).take(identity.metrics.start);
            let is_row = named.all(|(cell, (_, value))| cell == value.to_string().as_bytes());
            if !is_row || !identity.has_metrics(&found) {
                return Ok(None);
            }
            failed += usize::from(identity.has_error(&found));
        }
    }
    Ok(rows.next()?.is_none().then_some(failed))
}

/// The lines of a file, as long as they are as a sweep writes them.
struct Rows<R> {
    reader: csv::Reader<R>,
    start: u64,
    /// Where the last line ends.
    end: u64,
}

impl<R: Read> Rows<R> {
    fn new(rows: R, start: u64) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // So a carriage return is part of a field, where no row has one.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(rows);
        Rows {
            reader,
            start,
            end: start,
        }
    }

    /// The next line, if it is whole and written as the program writes it.
    fn next(&mut self) -> io::Result<Option<ByteRecord>> {
        let mut record = ByteRecord::new();
        if !self
            .reader
            .read_byte_record(&mut record)
            .map_err(io::Error::from)?
        {
            return Ok(None);
        }
        let end = self.start + self.reader.position().byte();
        let length = end - self.end;
        self.end = end;
        let mut writer = Writer::from_writer(Vec::new());
        writer.write_byte_record(&record).map_err(io::Error::from)?;
        let written = writer.into_inner().map_err(|error| error.into_error())?;
        let is_text = record
            .iter()
            .flatten()
            .all(|byte| *byte >= b' ' || *byte == b'\n');
        Ok((length == written.len() as u64 && is_text).then_some(record))
    }
}
