//! From a row of results back to the scenario that made it.

use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::columns::STRATEGY;
use crate::file::read_bounded;
use crate::scenario::{ScenarioError, ScenarioSource};

/// Larger files are not read for one row.
const LARGEST_FILE: u64 = 1 << 30;

/// Sections whose key `file` is a path.
const PATHS_IN: [&str; 2] = ["trace", "plan"];

/// What a row says of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the strategy.
    pub strategy: String,
    /// Hash of the scenario; empty where the run's trace could not be opened.
    pub scenario_hash: String,
    /// Version of migsim that made the row.
    pub version: String,
    /// Keys that differ from their defaults.
    pub settings: Table,
}

/// A row that tells no scenario.
#[derive(Debug, thiserror::Error)]
pub enum FromRowError {
    /// It cannot be read.
    #[error("cannot read {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// The file is no CSV.
    #[error("{}", .0.display())]
    Csv(PathBuf, #[source] csv::Error),
    /// There is no such row, or it lacks something.
    #[error("{}: {}", .0.display(), .1)]
    Row(PathBuf, String),
    /// Its settings are no scenario.
    #[error("{}", .0.display())]
    Settings(PathBuf, #[source] ScenarioError),
}

impl Origin {
    /// Reads the `row`-th row of a file, from 1; without a number its only one.
    ///
    /// # Errors
    ///
    /// [`FromRowError`] names the file and what was expected.
    pub fn read(path: &Path, row: Option<usize>) -> Result<Self, FromRowError> {
        let wrong = |problem: String| FromRowError::Row(path.to_owned(), problem);
        let csv = |error| FromRowError::Csv(path.to_owned(), error);
        let bytes = read_bounded(path, LARGEST_FILE);
        let bytes = bytes.map_err(|error| FromRowError::Io(path.to_owned(), error))?;
        let mut reader = csv::Reader::from_reader(without_manifest(&bytes));
        let header = reader.headers().map_err(csv)?.clone();
        let records: Vec<_> = match row {
            Some(row) => reader
                .records()
                .skip(row.saturating_sub(1))
                .take(1)
                .collect(),
            None => reader.records().take(2).collect(),
        };
        let mut records = records.into_iter();
        let (Some(record), None, false) = (records.next(), records.next(), row == Some(0)) else {
            return Err(wrong(match row {
                Some(row) => format!("no row {row}, expected the number of a row, from 1"),
                None => "expected one row, or its number: FILE.csv:ROW, from 1".to_owned(),
            }));
        };
        let record = record.map_err(csv)?;
        let cell = |name: &str| {
            let column = header.iter().position(|column| column == name);
            let cell = column.and_then(|column| record.get(column));
            cell.map(str::to_owned).ok_or_else(|| {
                wrong(format!(
                    "no column `{name}`, expected rows of migsim 0.2.0 or later"
                ))
            })
        };
        let settings = cell("settings")?;
        let table = format!("settings = {settings}").parse::<Table>();
        let table = table.ok().filter(|table| table.len() == 1);
        match table.and_then(|mut table| table.remove("settings")) {
            Some(Value::Table(settings)) => Ok(Origin {
                scenario: cell("scenario")?,
                strategy: cell(STRATEGY)?,
                scenario_hash: cell("scenario_hash")?,
                version: cell("version")?,
                settings,
            }),
            _ => Err(wrong(format!("settings: `{settings}` is not a TOML table"))),
        }
    }

    /// The scenario as a file's text. Its paths stay as they are, relative to the current directory, or with a `base`
    /// start there.
    ///
    /// # Errors
    ///
    /// [`FromRowError`] when the settings are not what a scenario holds.
    pub fn text(&self, path: &Path, base: Option<&Path>) -> Result<String, FromRowError> {
        let mut settings = self.settings.clone();
        for section in PATHS_IN {
            let section = settings.get_mut(section).and_then(Value::as_table_mut);
            if let (Some(base), Some(Value::String(file))) =
                (base, section.and_then(|keys| keys.get_mut("file")))
            {
                *file = base.join(&*file).to_string_lossy().into_owned();
            }
        }
        let text = format!(
            "# {} in scenario {}, by migsim {}; scenario_hash {}\n\n{settings}",
            self.strategy.escape_debug(),
            self.scenario.escape_debug(),
            self.version.escape_debug(),
            self.scenario_hash.escape_debug(),
        );
        ScenarioSource::from_text("settings", &text)
            .map_err(|error| FromRowError::Settings(path.to_owned(), error))?;
        Ok(text)
    }
}

/// A shard's file has a line about itself before its header.
fn without_manifest(bytes: &[u8]) -> &[u8] {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if bytes.starts_with(b"#") => &bytes[end + 1..],
        _ => bytes,
    }
}
