//! A row of a reference: its columns, and what no migration can be.

use csv::StringRecord;
use serde::Deserialize;

use super::super::report::{TWO_CLOCKS, carries};
use crate::scenario::{DeliveryKind, Scenario};
use crate::strategy::{self, Registry};

/// All columns: those that no reference goes without, those that may be missing, and those of `tools/qemu/migrate` that
/// nothing reads.
pub(super) const COLUMNS: [&str; 19] = [
    "workload",
    "link_mbit",
    "preempt",
    "total_time_ms",
    "postcopy_requests",
    "vcpu_blocktime_ms",
    "strategy",
    "record_window_ms",
    "fetch_outstanding",
    "delivery",
    "repetition",
    "downtime_ms",
    "planning_ms",
    "bytes_transferred",
    "normal_pages",
    "zero_pages",
    "first_pass_ms",
    "dirty_pages",
    "foreign_cpu_percent",
];

/// How many of them no reference goes without.
const REQUIRED: usize = 6;

/// No migration takes 115 days.
const MOST: f64 = 1e10;

/// The first column that is not there and has to be.
pub(super) fn missing(headers: &StringRecord) -> Option<&'static str> {
    let mut required = COLUMNS.into_iter().take(REQUIRED);
    required.find(|name| headers.iter().all(|header| header != *name))
}

/// Refuses a row that a reference would not be read with: columns, and their cells.
///
/// # Errors
///
/// The column, and what was expected there.
pub fn check_row(columns: &[(&str, String)], registry: &Registry) -> Result<(), String> {
    let headers: StringRecord = columns.iter().map(|(name, _)| *name).collect();
    let cells: StringRecord = columns.iter().map(|(_, cell)| cell.as_str()).collect();
    Row::parse(&cells, &headers, registry).map(drop)
}

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) workload: String,
    pub(super) link_mbit: u64,
    pub(super) preempt: u8,
    #[serde(default = "post_copy")]
    pub(super) strategy: String,
    #[serde(default)]
    pub(super) record_window_ms: u64,
    #[serde(default)]
    pub(super) fetch_outstanding: u16,
    pub(super) delivery: Option<DeliveryKind>,
    pub(super) repetition: Option<String>,
    pub(super) total_time_ms: f64,
    pub(super) postcopy_requests: f64,
    pub(super) vcpu_blocktime_ms: f64,
    pub(super) downtime_ms: Option<f64>,
    pub(super) planning_ms: Option<f64>,
    pub(super) bytes_transferred: Option<f64>,
}

fn post_copy() -> String {
    strategy::post_copy::ENTRY.name.to_owned()
}

impl Row {
    /// Reads a row, or says which column has what no migration can be.
    pub(super) fn parse(
        record: &StringRecord,
        headers: &StringRecord,
        registry: &Registry,
    ) -> Result<Self, String> {
        let row: Row = record
            .deserialize(Some(headers))
            .map_err(|error| in_column(&error, headers))?;
        match row.problem(registry) {
            Some(problem) => Err(problem),
            None => Ok(row),
        }
    }

    /// What no migration can be, in words.
    fn problem(&self, registry: &Registry) -> Option<String> {
        let name = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_+.".contains(c))
        };
        let within = |value: f64| (0.0..=MOST).contains(&value);
        let records = match registry.get(&self.strategy) {
            Ok(entry) => (entry.lead_in)(&Scenario::default().strategy_settings()).records(),
            Err(unknown) => return Some(format!("strategy: {unknown}")),
        };
        let problem = if !name(&self.workload) || self.workload.starts_with('.') {
            "workload: expected letters, digits, - and _"
        } else if !(1..=1_000_000).contains(&self.link_mbit) {
            "link_mbit: expected 1 to 1000000"
        } else if self.preempt > 1 {
            "preempt: expected 0 or 1"
        } else if records && !(1..=3_600_000).contains(&self.record_window_ms) {
            "record_window_ms: expected 1 to 3600000 for a strategy that records"
        } else if records && self.fetch_outstanding == 0 {
            "fetch_outstanding: expected 1 to 65535 for a strategy that records"
        } else if !records && (self.record_window_ms, self.fetch_outstanding) != (0, 0) {
            "record_window_ms, fetch_outstanding: expected 0 for a strategy that does not record"
        } else if records && self.delivery == Some(DeliveryKind::SourcePush) {
            "delivery: expected destination-fetch or fetch-then-push for a strategy that records"
        } else if !records && self.delivery.is_some_and(DeliveryKind::is_fetch) {
            "delivery: expected source-push for a strategy that does not record"
        } else if !within(self.total_time_ms) || self.total_time_ms == 0.0 {
            "total_time_ms: expected more than 0, and at most 1e10"
        } else if !within(self.vcpu_blocktime_ms) {
            "vcpu_blocktime_ms: expected 0 to 1e10"
        } else if !within(self.postcopy_requests) {
            "postcopy_requests: expected 0 to 1e10"
        } else if self.downtime_ms.is_some_and(|value| !within(value)) {
            "downtime_ms: expected nothing, or 0 to 1e10"
        } else if (self.downtime_ms).is_some_and(|ms| ms > TWO_CLOCKS * self.total_time_ms) {
            "downtime_ms: expected nothing, or at most total_time_ms"
        } else if (self.planning_ms).is_some_and(|ms| !(0.0..=3.6e6).contains(&ms)) {
            "planning_ms: expected nothing, or 0 to 3600000"
        } else if !(self.bytes_transferred)
            .is_none_or(|bytes| carries(self.link_mbit, self.total_time_ms, bytes))
        {
            "bytes_transferred: expected nothing, or what the link carries in total_time_ms"
        } else {
            return None;
        };
        Some(problem.to_owned())
    }
}

/// A row's error with the name of its column, where one is at fault.
fn in_column(error: &csv::Error, headers: &StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
        return error.to_string();
    };
    let column = err
        .field()
        .and_then(|index| headers.get(usize::try_from(index).ok()?));
    match column {
        Some(column) => {
            let expected = match column {
                "link_mbit" => "1 to 1000000",
                "preempt" => "0 or 1",
                "record_window_ms" | "fetch_outstanding" => "a whole number",
                _ => "a number",
            };
            format!("{column}: {}, expected {expected}", err.kind())
        }
        None => err.kind().to_string(),
    }
}
