//! A run as a row: what identifies it, then its metrics ([`super::columns`]).

use std::borrow::Cow;
use std::fmt;

use self::Value::{Count, Missing, Text};
use super::columns::METRICS;
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
    /// Whether something is so: `true` or `false`.
    Flag(bool),
    /// Not known, or never.
    Missing,
}

impl Value {
    pub(super) fn share(share: Share) -> Self {
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
            Value::Flag(flag) => write!(f, "{flag}"),
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

/// A run as a row, with all columns of the metrics.
pub fn row(provenance: &Provenance, run: &Run) -> Row {
    let metrics = METRICS
        .iter()
        .map(|column| (column.name, (column.value)(run)));
    provenance
        .columns(run.strategy)
        .into_iter()
        .chain(metrics)
        .map(|(column, value)| (column.into(), value))
        .collect()
}
