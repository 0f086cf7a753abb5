//! From a row of results back to the scenario that made it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::columns::STRATEGY;
use super::rows::{Rows, RowsError};
use crate::scenario::{PATHS, ScenarioError, ScenarioSource};

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
    /// There is no such row, or it lacks something.
    #[error(transparent)]
    Rows(#[from] RowsError),
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
        let rows = Rows::read(path)?;
        let count = rows.records().len();
        let record = match row {
            None if count != 1 => None,
            row => row.unwrap_or(1).checked_sub(1),
        };
        let record = record
            .and_then(|place| rows.records().get(place))
            .ok_or_else(|| {
                rows.wrong(format!(
                    "{count} rows, expected the number of one: FILE.csv:ROW, from 1"
                ))
            })?;
        let cell = |name: &str| rows.column(name).map(|column| record[column].to_owned());
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
            _ => Err(rows
                .wrong(format!("settings: `{settings}` is not a TOML table"))
                .into()),
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
        for [section, key] in PATHS {
            let section = settings.get_mut(section).and_then(Value::as_table_mut);
            if let (Some(base), Some(Value::String(file))) =
                (base, section.and_then(|keys| keys.get_mut(key)))
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
