//! The reference file.

mod row;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

pub use self::row::check_row;
use self::row::{COLUMNS, Row, missing};
use super::errors::median;
use crate::nearest::nearest;
use crate::scenario::DeliveryKind;
use crate::strategy::Registry;
use crate::units::SimTime;

/// What was migrated, and how. Rows with the same setting are repetitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// How a plan's pages came; the default of [`MigrationSettings`](crate::scenario::MigrationSettings) without one.
    pub delivery: DeliveryKind,
}

impl Setting {
    /// Whether a plan was fetched.
    pub fn is_planned(&self) -> bool {
        self.record_window > SimTime::ZERO
    }

    /// Whether the workload is among these.
    pub fn is_one_of(&self, workloads: &[String]) -> bool {
        workloads.contains(&self.workload)
    }
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
    /// File and line of the first, for errors.
    pub place: String,
    /// How many there are.
    pub repetitions: usize,
    /// Total migration time in seconds.
    pub total_time: Range,
    /// vCPU blocktime in seconds.
    pub blocktime: Range,
    /// Requests for pages.
    pub requests: Range,
    /// From the end of the recording to the migration command, while the plan was made: the median of the repetitions
    /// that say so, in whole microseconds; else 0.
    pub planning: SimTime,
    /// Downtime in seconds, of the repetitions that have it.
    pub downtime: Option<Range>,
}

/// A reference file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReferenceError {
    place: String,
    problem: String,
}

/// Larger files are no references.
const LARGEST: u64 = 64 << 20;

/// What a reference file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// What was measured, in the order of the groups' first rows.
    pub groups: Vec<Group>,
    /// Columns that no reference is known to have, each with the one that was probably meant.
    pub unknown: Vec<(String, Option<&'static str>)>,
}

/// Reads a reference file, as `tools/qemu/README.md` describes it. `strategy`, `record_window_ms` and
/// `fetch_outstanding` may be missing, which is post-copy; `delivery`, which is `destination-fetch` of a strategy that
/// records; `downtime_ms` and `planning_ms`.
///
/// # Errors
///
/// [`ReferenceError`] with the file, the line and what was expected.
pub fn read(path: &Path, registry: &Registry) -> Result<Reference, ReferenceError> {
    let fail = |line: Option<u64>, problem: String| ReferenceError {
        place: match line {
            Some(line) => format!("{}:{line}", path.display()),
            None => path.display().to_string(),
        },
        problem,
    };
    let misread = |error: csv::Error| {
        let line = error.position().map(csv::Position::line);
        fail(line, unreadable(&error))
    };
    let file = File::open(path).map_err(|error| fail(None, error.to_string()))?;
    // A byte more than may be read tells a file that is too large from one that just fits.
    let mut reader = csv::Reader::from_reader(file.take(LARGEST + 1));
    let headers = reader.headers().map_err(misread)?.clone();
    if let Some(missing) = missing(&headers) {
        return Err(fail(Some(1), format!("expected a column {missing}")));
    }
    let mut groups: Vec<(Setting, String, Vec<Row>)> = Vec::new();
    let mut places: BTreeMap<Setting, usize> = BTreeMap::new();
    let mut repetitions: HashMap<(usize, String), u64> = HashMap::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(misread)? {
        let line = record.position().map(csv::Position::line);
        let row = Row::parse(&record, &headers, registry).map_err(|problem| fail(line, problem))?;
        let setting = Setting {
            workload: row.workload.clone(),
            link_mbit: row.link_mbit,
            preempt: row.preempt == 1,
            strategy: row.strategy.clone(),
            record_window: SimTime::from_ms(row.record_window_ms),
            fetch_outstanding: row.fetch_outstanding,
            delivery: row.delivery.unwrap_or(if row.record_window_ms > 0 {
                DeliveryKind::DestinationFetch
            } else {
                DeliveryKind::SourcePush
            }),
        };
        let index = *places.entry(setting.clone()).or_insert(groups.len());
        if let (Some(repetition), Some(line)) = (&row.repetition, line) {
            let earlier = repetitions.insert((index, repetition.clone()), line);
            if let Some(earlier) = earlier {
                let problem = format!(
                    "repetition: {repetition} of this setting is on line {earlier}, expected each once"
                );
                return Err(fail(Some(line), problem));
            }
        }
        match groups.get_mut(index) {
            Some((_, _, rows)) => rows.push(row),
            None => {
                let place = fail(line, String::new()).place;
                groups.push((setting, place, vec![row]));
            }
        }
    }
    if reader.position().byte() > LARGEST {
        let problem = format!("expected a reference of at most {LARGEST} bytes");
        return Err(fail(None, problem));
    }
    if groups.is_empty() {
        return Err(fail(
            None,
            "expected at least one measured migration".to_owned(),
        ));
    }
    let range = |rows: &[Row], of: fn(&Row) -> f64| Range::of(rows.iter().map(of).collect());
    let group = |(setting, place, rows): (Setting, String, Vec<Row>)| {
        let some = |of: fn(&Row) -> Option<f64>| {
            Range::of(rows.iter().filter_map(of).map(|ms| ms / 1e3).collect())
        };
        let planning = some(|row| row.planning_ms).map_or(0.0, |range| range.median);
        Some(Group {
            setting,
            place,
            repetitions: rows.len(),
            total_time: range(&rows, |row| row.total_time_ms / 1e3)?,
            blocktime: range(&rows, |row| row.vcpu_blocktime_ms / 1e3)?,
            requests: range(&rows, |row| row.postcopy_requests)?,
            planning: SimTime::from_us((planning * 1e6).round() as u64),
            downtime: some(|row| row.downtime_ms),
        })
    };
    Ok(Reference {
        groups: groups.into_iter().filter_map(group).collect(),
        unknown: unknown(&headers),
    })
}

fn unknown(headers: &StringRecord) -> Vec<(String, Option<&'static str>)> {
    let is_there = |name: &str| headers.iter().any(|header| header == name);
    let known = || COLUMNS.into_iter();
    let unknown = headers
        .iter()
        .filter(|header| known().all(|name| name != *header));
    unknown
        .map(|header| {
            (
                header.to_owned(),
                nearest(header, known().filter(|name| !is_there(name))),
            )
        })
        .collect()
}

/// A line that is not a row.
fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} columns, expected the header's {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "expected UTF-8".to_owned(),
        _ => error.to_string(),
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
