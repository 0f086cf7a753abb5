//! A run as a row: what identifies it, then its metrics ([`super::columns`]).

use std::borrow::Cow;
use std::fmt;

use self::Value::{Count, Missing, Text};
use super::columns::{METRICS, STRATEGY};
use crate::measure::Share;
use crate::run::compare::Run;
use crate::scenario::Scenario;
use crate::trace::Trace;
use crate::trace::synthetic::Workload;
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

/// What identifies a run beside its strategy. Of what cannot be opened, neither name nor hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// Name of the scenario.
    pub scenario: String,
    /// [`Scenario::hash`].
    pub scenario_hash: String,
    /// Name of the trace.
    pub trace: String,
    /// The trace's content hash.
    pub trace_hash: String,
    /// Seed of the synthetic workload, if it is one.
    pub seed: Option<u64>,
    /// [`Scenario::settings`] as an inline table.
    pub settings: String,
}

impl Provenance {
    /// Of a scenario whose trace is not opened yet.
    pub(crate) fn of(name: &str, scenario: &Scenario) -> Self {
        Provenance {
            scenario: name.to_owned(),
            seed: scenario.trace.workload.as_ref().map(Workload::seed),
            settings: toml::Value::Table(scenario.settings()).to_string(),
            ..Provenance::default()
        }
    }

    /// The same with the trace.
    pub(crate) fn with_trace(self, scenario: &Scenario, trace: &Trace) -> Self {
        Provenance {
            scenario_hash: scenario.hash(trace),
            trace: trace.stem().to_owned(),
            trace_hash: trace.content_hash().to_owned(),
            ..self
        }
    }

    /// The columns of [`IDENTIFYING`](super::columns::IDENTIFYING), and between them those of the axes.
    pub(crate) fn columns(&self, strategy: &str, axes: Row) -> Row {
        let text = |name: &'static str, text: &str| (name.into(), Text(text.to_owned()));
        let mut row = vec![
            text("scenario", &self.scenario),
            text("scenario_hash", &self.scenario_hash),
            text("trace", &self.trace),
            text("trace_hash", &self.trace_hash),
            text(STRATEGY, strategy),
        ];
        row.extend(axes);
        row.extend([
            ("seed".into(), self.seed.map_or(Missing, Count)),
            text("settings", &self.settings),
            text("version", env!("CARGO_PKG_VERSION")),
        ]);
        row
    }
}

/// A row: columns with their values, in the order of the file.
pub type Row = Vec<(Cow<'static, str>, Value)>;

/// A run as a row, with all columns of the metrics.
pub fn row(provenance: &Provenance, run: &Run) -> Row {
    let mut row = provenance.columns(run.strategy, Vec::new());
    row.extend(
        METRICS
            .iter()
            .map(|column| (column.name.into(), (column.value)(run))),
    );
    row
}
