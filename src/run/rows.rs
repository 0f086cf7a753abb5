//! Rows as a file holds them: a header, and cells of text.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use crate::file::read_bounded;
use crate::nearest::nearest;
use crate::run::columns::{ERROR, STRATEGY};
use crate::run::sweep::Manifest;

/// Larger files are not read as a whole.
const LARGEST_FILE: u64 = 256 << 20;

/// Rows of `compare`, `run` or `sweep`, of a shard too.
#[derive(Debug, Clone)]
pub struct Rows {
    path: PathBuf,
    header: StringRecord,
    records: Vec<StringRecord>,
    /// Rows of the whole part of a sweep, if the file says so.
    expected: Option<usize>,
}

/// Rows that cannot be used; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// It cannot be read.
    #[error("cannot read {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// The file is no CSV.
    #[error("{}", .0.display())]
    Csv(PathBuf, #[source] csv::Error),
    /// It lacks something, or something in it is not what was expected.
    #[error("{}: {}", .0.display(), .1)]
    Content(PathBuf, String),
}

impl Rows {
    /// Reads a file of at most 256 MiB.
    ///
    /// # Errors
    ///
    /// [`RowsError`] when it cannot be read, or is no CSV.
    pub fn read(path: &Path) -> Result<Self, RowsError> {
        let bytes = read_bounded(path, LARGEST_FILE);
        let bytes = bytes.map_err(|error| RowsError::Io(path.to_owned(), error))?;
        let csv = |error| RowsError::Csv(path.to_owned(), error);
        let (manifest, rows) = split(&bytes);
        let mut reader = csv::Reader::from_reader(rows);
        let rows = Rows {
            path: path.to_owned(),
            header: reader.headers().map_err(csv)?.clone(),
            records: reader.records().collect::<Result<_, _>>().map_err(csv)?,
            expected: Manifest::parse(manifest).map(|manifest| manifest.rows()),
        };
        rows.check_header()?;
        Ok(rows)
    }

    fn check_header(&self) -> Result<(), RowsError> {
        let mut seen = BTreeSet::new();
        let again = self.columns().find(|name| !seen.insert(*name));
        let problem = match (self.header.len(), again) {
            (0, _) => "expected a header and rows, found nothing".to_owned(),
            (1, _) if self.header[0].contains([';', '\t']) => {
                format!(
                    "expected columns with commas between them, found `{}`",
                    &self.header[0]
                )
            }
            (_, Some(name)) => format!("column `{name}` is there twice"),
            _ => return Ok(()),
        };
        Err(self.wrong(problem))
    }

    /// The rows, with a cell for each column.
    pub fn records(&self) -> &[StringRecord] {
        &self.records
    }

    /// The same, if they are no part of a sweep or all of one.
    ///
    /// # Errors
    ///
    /// [`RowsError::Content`] when some are still to come.
    pub fn finished(self) -> Result<Self, RowsError> {
        match self.expected {
            Some(expected) if expected != self.records.len() => Err(self.wrong(format!(
                "{} rows of an unfinished sweep, expected {expected}: `migsim sweep --resume` goes on with it",
                self.records.len()
            ))),
            _ => Ok(self),
        }
    }

    /// The rows of runs that failed, and the others.
    pub fn split_failed(self) -> (Self, Self) {
        let column = self.columns().position(|column| column == ERROR);
        // Elsewhere an error may be a number.
        let failed = |row: &StringRecord| {
            let cell = column.and_then(|column| row.get(column));
            cell.is_some_and(|cell| !cell.is_empty() && cell.parse::<f64>().is_err())
        };
        let with = |records| Rows {
            path: self.path.clone(),
            header: self.header.clone(),
            records,
            expected: self.expected,
        };
        let (bad, good) = self.records.iter().cloned().partition(failed);
        (with(bad), with(good))
    }

    /// Names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// The strategies of the rows.
    pub fn strategies(&self) -> BTreeSet<&str> {
        let place = self.columns().position(|column| column == STRATEGY);
        let cell = |row| place.and_then(|place| StringRecord::get(row, place));
        self.records.iter().filter_map(cell).collect()
    }

    /// The rows of these strategies only, or with none named all.
    ///
    /// # Errors
    ///
    /// [`RowsError::Content`] when there is none of one of them.
    pub fn of_strategies(mut self, names: &[String]) -> Result<Self, RowsError> {
        if names.is_empty() {
            return Ok(self);
        }
        let (place, known) = (self.column(STRATEGY)?, self.strategies());
        if let Some(name) = names.iter().find(|name| !known.contains(name.as_str())) {
            let known = Vec::from_iter(known).join(", ");
            return Err(self.wrong(format!("no rows of `{name}`, expected one of {known}")));
        }
        self.records.retain(|row| {
            let name = row.get(place).unwrap_or_default();
            names.iter().any(|wanted| wanted == name)
        });
        Ok(self)
    }

    /// The place of a column.
    ///
    /// # Errors
    ///
    /// [`RowsError::Content`] with the nearest name.
    pub fn column(&self, name: &str) -> Result<usize, RowsError> {
        self.columns()
            .position(|column| column == name)
            .ok_or_else(|| {
                let meant =
                    nearest(name, self.columns()).map(|meant| format!("; did you mean `{meant}`?"));
                self.wrong(format!("no column `{name}`{}", meant.unwrap_or_default()))
            })
    }

    /// An error in what the file holds.
    pub fn wrong(&self, problem: String) -> RowsError {
        RowsError::Content(self.path.clone(), problem)
    }
}

/// A shard's file has a line about itself before its header.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if bytes.starts_with(b"#") => bytes.split_at(end + 1),
        _ => (&[], bytes),
    }
}
