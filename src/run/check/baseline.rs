//! Baselines: the rows of a sweep without what may change between releases, as a file.

use std::collections::HashMap;

use crate::run::columns::{ERROR, METRICS, Unit, metric};
use crate::run::sweep::{PointResult, Sweep};

/// Columns that are part of a row and not of a baseline. The scenario may be renamed, and a release is not a
/// regression. Axes and trace tell rows apart; what the settings are is for the scenario's file to say, and a key that
/// is new there or set by `--set` is no regression while the numbers stay.
const LEFT_OUT: [&str; 4] = ["scenario", "scenario_hash", "settings", "version"];

/// Columns that are compared beside the metrics; the rest tells rows apart.
const COMPARED: [&str; 2] = ["trace_hash", ERROR];

/// The rows of a sweep, as a baseline keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    pub(super) columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A file that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not CSV.
    #[error("not a baseline")]
    Csv(#[from] csv::Error),
    /// It has no rows.
    #[error("not a baseline: expected a header and a row a run")]
    Empty,
    /// Two columns have one name.
    #[error("not a baseline: two columns are {0}, expected one")]
    TwoColumns(String),
    /// A metric has what no run comes to.
    #[error("row {row}: {column}: `{cell}`, expected {expected} or nothing")]
    NoValue {
        /// Which row, counted from 1.
        row: usize,
        /// The metric.
        column: String,
        /// What it has.
        cell: String,
        /// What a run comes to.
        expected: &'static str,
    },
    /// It says two things of one run.
    #[error("rows {first} and {second} are one run ({run}) and differ, expected a row a run")]
    Twice {
        /// One of the rows, counted from 1.
        first: usize,
        /// The other.
        second: usize,
        /// Which run.
        run: String,
    },
}

impl Baseline {
    /// What a sweep comes to.
    pub fn of(sweep: &Sweep, results: &[PointResult]) -> Self {
        let kept = |column: &str| !LEFT_OUT.contains(&column);
        let mut columns = sweep.columns();
        columns.retain(|column| kept(column));
        let rows = results
            .iter()
            .flat_map(|result| result.rows(sweep))
            .map(|row| {
                row.into_iter()
                    .filter(|(column, _)| kept(column))
                    .map(|(_, value)| value.to_string())
                    .collect()
            })
            .collect();
        Baseline { columns, rows }
    }

    /// Reads a baseline's file.
    ///
    /// # Errors
    ///
    /// [`BaselineError`] when it is not CSV, or two of its rows contradict each other.
    pub fn parse(text: &[u8]) -> Result<Self, BaselineError> {
        let mut reader = csv::Reader::from_reader(text);
        let fields = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let columns: Vec<String> = fields(reader.headers()?);
        let twice = |(index, column): (usize, &String)| columns[..index].contains(column);
        if let Some(index) = columns.iter().enumerate().position(twice) {
            return Err(BaselineError::TwoColumns(columns[index].clone()));
        }
        let rows = reader
            .records()
            .map(|record| Ok(fields(&record?)))
            .collect::<Result<_, csv::Error>>()?;
        let baseline = Baseline { columns, rows };
        if baseline.rows.is_empty() {
            return Err(BaselineError::Empty);
        }
        baseline.check_values()?;
        baseline.check_rows()?;
        Ok(baseline)
    }

    /// Everything is close to an infinite number, and nothing to one that is none.
    fn check_values(&self) -> Result<(), BaselineError> {
        for (row, cells) in (1..).zip(&self.rows) {
            let cells = self.columns.iter().zip(cells);
            for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
                let (is_value, expected) = match metric(column).map(|metric| metric.unit) {
                    None => (true, ""),
                    Some(Unit::Flag) => (cell.parse::<bool>().is_ok(), "true, false"),
                    Some(_) => (cell.parse().is_ok_and(f64::is_finite), "a number"),
                };
                if !is_value {
                    return Err(BaselineError::NoValue {
                        row,
                        column: column.clone(),
                        cell: cell.clone(),
                        expected,
                    });
                }
            }
        }
        Ok(())
    }

    fn check_rows(&self) -> Result<(), BaselineError> {
        let mut seen = HashMap::new();
        for (index, (point, values)) in self.by_point().into_iter().enumerate() {
            let second = index + 1;
            let run = in_words(&point);
            let (first, before) = seen
                .entry(point)
                .or_insert_with(|| (second, values.clone()));
            if *before != values {
                let first = *first;
                return Err(BaselineError::Twice { first, second, run });
            }
        }
        Ok(())
    }

    /// The baseline's file.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            // Writing to memory cannot fail.
            let _ = writer.write_record(row);
        }
        writer.into_inner().unwrap_or_default()
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.rows.len()
    }

    /// Number of metrics of each run.
    pub fn metrics(&self) -> usize {
        self.columns
            .iter()
            .filter(|column| is_metric(column))
            .count()
    }

    /// The runs that failed, in words, with their errors.
    pub fn failed(&self) -> Vec<(String, &str)> {
        let rows = self.by_point().into_iter();
        rows.filter_map(|(point, values)| {
            let error = values.get(ERROR).filter(|error| !error.is_empty())?;
            Some((in_words(&point), *error))
        })
        .collect()
    }

    /// The rows in order: what tells them apart, and the values that are compared.
    pub(super) fn by_point(&self) -> Vec<(Cells<'_>, Values<'_>)> {
        self.rows
            .iter()
            .map(|row| {
                let cells = self.columns.iter().zip(row);
                let cells = cells.map(|(column, cell)| (column.as_str(), cell.as_str()));
                let (values, point): (Vec<_>, Vec<_>) =
                    cells.partition(|(column, _)| is_compared(column));
                (point, values.into_iter().collect())
            })
            .collect()
    }
}

/// Columns with their cells.
pub(super) type Cells<'a> = Vec<(&'a str, &'a str)>;
pub(super) type Values<'a> = HashMap<&'a str, &'a str>;

/// A run for people: the trace, the strategy, and the axes by name.
pub(super) fn in_words(point: &Cells<'_>) -> String {
    let words = point.iter().filter(|(_, cell)| !cell.is_empty());
    // A section's table is too long; the trace and the seed tell most of them apart.
    let words = words.filter(|(column, _)| !column.starts_with('['));
    words
        .map(|(column, cell)| match *column {
            "trace" | "strategy" => (*cell).to_owned(),
            _ => format!("{} {cell}", column.rsplit('.').next().unwrap_or(column)),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn is_metric(column: &str) -> bool {
    METRICS.iter().any(|metric| metric.name == column)
}

pub(super) fn is_compared(column: &str) -> bool {
    is_metric(column) || COMPARED.contains(&column)
}
