//! Predicted against measured: real QEMU migrations, and what the simulator makes of them.
//!
//! A reference file has a row per real migration; `traces/MIGRATIONS.md` says how such files are made. Rows that differ only
//! in their repetition are a [`Group`]. Each group is simulated once, on the trace of its workload and with one scenario for
//! all: only the link's rate and discipline and the strategy are the group's own ([`predict`]).

mod errors;
mod reference;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

pub use errors::{Gain, Summary, gains, summary};
pub use reference::{Group, Range, ReferenceError, Setting, read};

use crate::comparison::{ComparisonError, compare};
use crate::link::Discipline;
use crate::metrics::Metrics;
use crate::scenario::{Delivery, Scenario};
use crate::strategy::Registry;
use crate::time::SimTime;
use crate::trace::{Trace, TraceError};
use crate::units::Bandwidth;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Total migration time, in seconds. The record window is in neither side's: a real one is recorded before the command.
    TotalTime,
    /// Time that vCPUs were blocked by page faults, summed over vCPUs, in seconds: QEMU's `postcopy-vcpu-blocktime`.
    Blocktime,
    /// Requests for pages that came to the source: QEMU's `postcopy-requests`.
    Requests,
}

impl Quantity {
    /// All, in the order of reports.
    pub const ALL: [Quantity; 3] = [Quantity::TotalTime, Quantity::Blocktime, Quantity::Requests];

    /// For people.
    pub const fn description(self) -> &'static str {
        match self {
            Quantity::TotalTime => "total time",
            Quantity::Blocktime => "blocktime",
            Quantity::Requests => "requests",
        }
    }
}

/// Measured and predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Of the repetitions.
    pub measured: Range,
    /// By the simulator.
    pub predicted: f64,
}

impl Pair {
    /// (predicted − median) / median.
    pub fn error(&self) -> f64 {
        (self.predicted - self.measured.median) / self.measured.median
    }

    /// Whether the prediction lies within what the repetitions span.
    pub fn is_inside(&self) -> bool {
        (self.measured.low..=self.measured.high).contains(&self.predicted)
    }
}

/// A group with its prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What was migrated, and how.
    pub setting: Setting,
    /// How often.
    pub repetitions: usize,
    /// In the order of [`Quantity::ALL`].
    pub pairs: [Pair; 3],
}

impl Verdict {
    /// One quantity.
    pub fn pair(&self, quantity: Quantity) -> &Pair {
        &self.pairs[quantity as usize]
    }
}

/// Why a reference could not be validated.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// The reference file is not one.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A workload's trace could not be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The scenario's switch position leaves no room for a record window.
    #[error(
        "{workload}: a record window of {window} before the switch position {start} of the scenario's trace.start"
    )]
    NoRoom {
        /// The workload.
        workload: String,
        /// W.
        window: SimTime,
        /// The position.
        start: SimTime,
    },
    /// A simulation failed.
    #[error("{workload}, {strategy}")]
    Simulation {
        /// The workload.
        workload: String,
        /// The strategy.
        strategy: String,
        /// What went wrong.
        source: Box<ComparisonError>,
    },
}

/// Predicts every group of a reference, on `traces/WORKLOAD.mtrace`; the verdicts come in the groups' order.
///
/// # Errors
///
/// [`ValidationError`], of the first group at fault.
pub fn validate(
    groups: &[Group],
    scenario: &Scenario,
    traces: &Path,
    registry: &Registry,
) -> Result<Vec<Verdict>, ValidationError> {
    let mut opened: BTreeMap<&str, Trace> = BTreeMap::new();
    for group in groups {
        let workload = group.setting.workload.as_str();
        if !opened.contains_key(workload) {
            let trace = Trace::open(&traces.join(format!("{workload}.mtrace")))?;
            opened.insert(workload, trace);
        }
    }
    let results: Vec<Result<Verdict, ValidationError>> = groups
        .par_iter()
        .map(|group| {
            let trace = &opened[group.setting.workload.as_str()];
            let metrics = predict(&group.setting, scenario, trace, registry)?;
            Ok(verdict(group, &metrics))
        })
        .collect();
    results.into_iter().collect()
}

fn verdict(group: &Group, metrics: &Metrics) -> Verdict {
    let total = metrics.total_migration_time.unwrap_or(SimTime::MAX);
    let pair = |measured, predicted| Pair {
        measured,
        predicted,
    };
    Verdict {
        setting: group.setting.clone(),
        repetitions: group.repetitions,
        pairs: [
            pair(
                group.total_time,
                total
                    .saturating_sub(group.setting.record_window)
                    .as_secs_f64(),
            ),
            pair(group.blocktime, metrics.stall.as_secs_f64()),
            pair(group.requests, metrics.requests as f64),
        ],
    }
}

/// Simulates a setting. The scenario's `trace.start` is the switch position, so a record window begins that much earlier.
///
/// # Errors
///
/// [`ValidationError`] when there is no room for the window, or the simulation fails.
pub fn predict(
    setting: &Setting,
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
) -> Result<Metrics, ValidationError> {
    let (window, start) = (setting.record_window, scenario.trace.start);
    let mut scenario = scenario.clone();
    scenario.migration.strategies = vec![setting.strategy.clone()];
    scenario.link.bandwidth = Bandwidth::from_bits_per_second(setting.link_mbit * 1_000_000)
        .unwrap_or(scenario.link.bandwidth);
    scenario.link.discipline = if setting.preempt {
        Discipline::Fair
    } else {
        Discipline::Fifo
    };
    if window > SimTime::ZERO {
        if window > start {
            return Err(ValidationError::NoRoom {
                workload: setting.workload.clone(),
                window,
                start,
            });
        }
        scenario.trace.start = start.saturating_sub(window);
        scenario.migration.record_window = window;
        scenario.migration.delivery = Delivery::DestinationFetch;
        scenario.migration.fetch_outstanding = setting.fetch_outstanding;
    }
    let failed = |source| ValidationError::Simulation {
        workload: setting.workload.clone(),
        strategy: setting.strategy.clone(),
        source: Box::new(source),
    };
    let runs = compare(&scenario, trace, registry).map_err(failed)?;
    Ok(runs.into_iter().next().expect("one strategy").metrics)
}
