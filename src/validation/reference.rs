//! The reference file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::errors::median;
use crate::time::SimTime;

/// What was migrated, and how. Rows with the same setting are repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its trace is `WORKLOAD.mtrace`.
    pub workload: String,
    /// Rate of the link.
    pub link_mbit: u64,
    /// Whether requested pages had a channel of their own (QEMU's `postcopy-preempt`).
    pub preempt: bool,
    /// Name of the strategy.
    pub strategy: String,
    /// How long the guest was recorded for a plan; zero without one.
    pub record_window: SimTime,
    /// Pages that were fetched at once; zero without a plan.
    pub fetch_outstanding: u16,
}

/// Least, median and most of the repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The most.
    pub high: f64,
}

impl Range {
    /// `None` of no values.
    fn of(values: Vec<f64>) -> Option<Self> {
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
                (low.min(value), high.max(value))
            });
        let median = median(values)?;
        Some(Range { low, median, high })
    }
}

/// Repetitions of one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they share.
    pub setting: Setting,
    /// How many there are.
    pub repetitions: usize,
    /// Total migration time in seconds.
    pub total_time: Range,
    /// vCPU blocktime in seconds.
    pub blocktime: Range,
    /// Requests for pages.
    pub requests: Range,
}

/// A reference file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReferenceError {
    place: String,
    problem: String,
}

#[derive(Debug, Deserialize)]
struct Row {
    workload: String,
    link_mbit: u64,
    preempt: u8,
    #[serde(default = "post_copy")]
    strategy: String,
    #[serde(default)]
    record_window_ms: u64,
    #[serde(default)]
    fetch_outstanding: u16,
    total_time_ms: f64,
    postcopy_requests: f64,
    vcpu_blocktime_ms: f64,
}

fn post_copy() -> String {
    "post-copy".to_owned()
}

impl Row {
    /// What no migration can be, in words.
    fn problem(&self) -> Option<&'static str> {
        let name = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_+.".contains(c))
        };
        let number = |value: f64| value.is_finite() && value > 0.0;
        if !name(&self.workload) || self.workload.starts_with('.') {
            Some("workload: expected letters, digits, - and _")
        } else if !(1..=1_000_000).contains(&self.link_mbit) {
            Some("link_mbit: expected 1 to 1000000")
        } else if self.preempt > 1 {
            Some("preempt: expected 0 or 1")
        } else if self.record_window_ms > 3_600_000 {
            Some("record_window_ms: expected at most 3600000")
        } else if self.record_window_ms > 0 && !(1..=65_535).contains(&self.fetch_outstanding) {
            Some("fetch_outstanding: expected 1 to 65535 where record_window_ms is not 0")
        } else if !number(self.total_time_ms) || !number(self.vcpu_blocktime_ms) {
            Some("total_time_ms, vcpu_blocktime_ms: expected more than 0")
        } else if !number(self.postcopy_requests) {
            Some("postcopy_requests: expected more than 0")
        } else {
            None
        }
    }
}

/// Larger files are no references.
const LARGEST: u64 = 64 << 20;

/// Reads a reference file, as `traces/MIGRATIONS.md` describes it. `strategy`, `record_window_ms` and `fetch_outstanding` may be
/// missing, which is post-copy. The groups come in the order of their first rows.
///
/// # Errors
///
/// [`ReferenceError`] with the file, the line and what was expected.
pub fn read(path: &Path) -> Result<Vec<Group>, ReferenceError> {
    let fail = |line: Option<u64>, problem: String| ReferenceError {
        place: match line {
            Some(line) => format!("{}:{line}", path.display()),
            None => path.display().to_string(),
        },
        problem,
    };
    let file = File::open(path).map_err(|error| fail(None, error.to_string()))?;
    let mut reader = csv::Reader::from_reader(file.take(LARGEST));
    let headers = reader
        .headers()
        .map_err(|error| fail(Some(1), error.to_string()))?
        .clone();
    let mut groups: Vec<(Setting, Vec<Row>)> = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| fail(None, error.to_string()))?
    {
        let line = record.position().map(csv::Position::line);
        let row: Row = record
            .deserialize(Some(&headers))
            .map_err(|error| fail(line, in_column(&error, &headers)))?;
        if let Some(problem) = row.problem() {
            return Err(fail(line, problem.to_owned()));
        }
        let setting = Setting {
            workload: row.workload.clone(),
            link_mbit: row.link_mbit,
            preempt: row.preempt == 1,
            strategy: row.strategy.clone(),
            record_window: SimTime::from_ms(row.record_window_ms),
            fetch_outstanding: row.fetch_outstanding,
        };
        match groups.iter_mut().find(|(known, _)| *known == setting) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((setting, vec![row])),
        }
    }
    if groups.is_empty() {
        return Err(fail(
            None,
            "expected at least one measured migration".to_owned(),
        ));
    }
    let range = |rows: &[Row], of: fn(&Row) -> f64| Range::of(rows.iter().map(of).collect());
    let group = |(setting, rows): (Setting, Vec<Row>)| {
        Some(Group {
            setting,
            repetitions: rows.len(),
            total_time: range(&rows, |row| row.total_time_ms / 1e3)?,
            blocktime: range(&rows, |row| row.vcpu_blocktime_ms / 1e3)?,
            requests: range(&rows, |row| row.postcopy_requests)?,
        })
    };
    Ok(groups.into_iter().filter_map(group).collect())
}

/// A row's error with the name of its column, where one is at fault.
fn in_column(error: &csv::Error, headers: &csv::StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
        return error.to_string();
    };
    let column = err
        .field()
        .and_then(|index| headers.get(usize::try_from(index).ok()?));
    match column {
        Some(column) => format!("{column}: {}", err.kind()),
        None => err.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_median_in_it() {
        let range = |values: &[f64]| Range::of(values.to_vec()).expect("some values");
        let of = |low, median, high| Range { low, median, high };
        assert_eq!(range(&[3.0, 1.0, 2.0]), of(1.0, 2.0, 3.0));
        assert_eq!(range(&[4.0, 1.0]), of(1.0, 2.5, 4.0));
        assert_eq!(range(&[7.0]), of(7.0, 7.0, 7.0));
    }
}
