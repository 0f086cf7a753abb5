//! A run as a row: what identifies it, and a column a metric.

use std::borrow::Cow;
use std::fmt;

use self::Value::{Count, Fraction, Missing, Text, Time};
use crate::measure::Share;
use crate::run::compare::Run;
use crate::units::SimTime;

/// A cell of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A name.
    Text(String),
    /// A number of things or bytes.
    Count(u64),
    /// A time, in seconds.
    Time(SimTime),
    /// A fraction, of six decimals in files.
    Fraction(f64),
    /// Not known, or never.
    Missing,
}

impl Value {
    fn share(share: Share) -> Self {
        share.fraction().map_or(Value::Missing, Value::Fraction)
    }
}

/// As files hold it: plain numbers, seconds with all their digits, nothing for what is missing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Count(count) => write!(f, "{count}"),
            Value::Time(time) => f.write_str(&time.to_decimal_seconds()),
            Value::Fraction(fraction) => write!(f, "{fraction:.6}"),
            Value::Missing => Ok(()),
        }
    }
}

/// What identifies a run beside its strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the trace.
    pub trace: String,
    /// The trace's content hash.
    pub trace_hash: String,
    /// Seed of the synthetic workload, if it is one.
    pub seed: Option<u64>,
}

impl Provenance {
    /// The columns that identify a run.
    pub(crate) fn columns(&self, strategy: &str) -> [(&'static str, Value); 6] {
        [
            ("scenario", Text(self.scenario.clone())),
            ("trace", Text(self.trace.clone())),
            ("trace_hash", Text(self.trace_hash.clone())),
            ("strategy", Text(strategy.to_owned())),
            ("seed", self.seed.map_or(Missing, Count)),
            ("version", Text(env!("CARGO_PKG_VERSION").to_owned())),
        ]
    }
}

/// A row: columns with their values, in the order of the file.
pub type Row = Vec<(Cow<'static, str>, Value)>;

/// A column of the metrics: its name, and how a run's value is found.
pub type MetricColumn = (&'static str, fn(&Run) -> Value);

/// The columns of the metrics, in the order of the file.
pub const METRICS: [MetricColumn; 22] = [
    ("total_migration_time_s", |run| {
        run.metrics.total_migration_time.map_or(Missing, Time)
    }),
    ("downtime_s", |run| Time(run.metrics.downtime)),
    ("page_faults", |run| Count(run.metrics.page_faults)),
    ("network_faults", |run| Count(run.metrics.network_faults)),
    ("in_flight_faults", |run| {
        Count(run.metrics.in_flight_faults)
    }),
    ("requests", |run| Count(run.metrics.requests)),
    ("stall_s", |run| Time(run.metrics.stall)),
    ("all_vcpus_blocked_s", |run| {
        Time(run.metrics.all_vcpus_blocked)
    }),
    ("fault_latency_mean_s", |run| {
        Time(run.metrics.fault_latency_mean)
    }),
    ("fault_latency_p50_s", |run| {
        Time(run.metrics.fault_latency_p50)
    }),
    ("fault_latency_p99_s", |run| {
        Time(run.metrics.fault_latency_p99)
    }),
    ("fault_latency_max_s", |run| {
        Time(run.metrics.fault_latency_max)
    }),
    ("bytes_sent", |run| Count(run.metrics.bytes_sent)),
    ("pages_sent", |run| Count(run.metrics.pages_sent)),
    ("zero_pages_sent", |run| Count(run.metrics.zero_pages_sent)),
    ("duplicate_pages_sent", |run| {
        Count(run.metrics.duplicate_pages_sent)
    }),
    ("pps_pages", |run| Count(run.metrics.pps_pages)),
    ("predicted_pages", |run| Count(run.metrics.predicted_pages)),
    ("prediction_precision", |run| {
        Value::share(run.metrics.prediction_precision)
    }),
    ("prediction_coverage", |run| {
        Value::share(run.metrics.prediction_coverage)
    }),
    ("gap_closed", |run| run.gap_closed.map_or(Missing, Fraction)),
    ("time_to_90pct_speed_s", |run| {
        Time(run.metrics.time_to_90pct_speed)
    }),
];

/// A run as a row, with all columns of the metrics.
pub fn row(provenance: &Provenance, run: &Run) -> Row {
    let metrics = METRICS.map(|(column, of)| (column, of(run)));
    provenance
        .columns(run.strategy)
        .into_iter()
        .chain(metrics)
        .map(|(column, value)| (column.into(), value))
        .collect()
}
