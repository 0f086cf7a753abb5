//! Predicted against measured: real QEMU migrations, and what the simulator makes of them.
//!
//! A reference file has a row per real migration; `tools/qemu/README.md` says how such files are made. Rows that differ only
//! in their repetition are a [`Group`]. Each group is simulated on the traces of its workload and with the same scenarios as all
//! others: only the link's rate and discipline and the strategy are the group's own. What is predicted is the
//! median over traces and scenarios, as what was measured is the median of the repetitions: a fault earlier or later is another
//! course of the migration, in a simulation as in reality, and a guest does not do the same twice.

mod errors;
mod goals;
mod reference;
pub mod report;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

pub use errors::{Gain, Order, Ranking, Summary, gains, median_difference, rankings, summary};
pub use goals::{GAINS_APART, Goal, Part, Worst, missed, parts};
pub use reference::{Group, Range, ReferenceError, Setting, read};

use crate::guest::recording::Preparation;
use crate::measure::Metrics;
use crate::network::Discipline;
use crate::run::guests::{SharedGuests, in_one_line};
use crate::scenario::Scenario;
use crate::strategy::Registry;
use crate::trace::{Trace, TraceError};
use crate::units::Bandwidth;
use crate::units::SimTime;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Total migration time, in seconds. What comes before a real command, recording and planning, is in
    /// neither side's.
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
            Quantity::Blocktime => "vCPU blocktime",
            Quantity::Requests => "requests",
        }
    }
}

/// Measured and predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Of the repetitions.
    pub measured: Range,
    /// By the simulator: the median over traces and scenarios.
    pub predicted: f64,
}

impl Pair {
    /// (predicted − median) / median; infinite where something is predicted and nothing was measured.
    pub fn error(&self) -> f64 {
        if self.predicted == self.measured.median {
            return 0.0;
        }
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
    /// Downtime as measured, in seconds, if it was: shown, but not judged, as most of it is suspending and resuming.
    pub measured_downtime: Option<Range>,
    /// Downtime by the simulator: the median, of two the lower.
    pub predicted_downtime: SimTime,
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
    #[error("{place}")]
    Trace {
        /// The group's first row.
        place: String,
        /// What is wrong with it.
        source: TraceError,
    },
    /// The scenario's switch position leaves no room for a record window.
    #[error(
        "{place}: a record window of {window}, expected at most the {start} that lie before the switch-over in the trace (the scenario's least trace.start)"
    )]
    NoRoom {
        /// The group's first row.
        place: String,
        /// W.
        window: SimTime,
        /// The position.
        start: SimTime,
    },
    /// A simulation failed.
    #[error("{place}: {problem}")]
    Simulation {
        /// The group's first row.
        place: String,
        /// What went wrong, with its causes.
        problem: String,
    },
}

/// Predicts every group of a reference by every one of the `scenarios`, on `traces/WORKLOAD.mtrace` and, if there are any, on
/// further recordings of the same guest, `WORKLOAD.2.mtrace` and so on; the verdicts come in the groups' order.
///
/// # Errors
///
/// [`ValidationError`], of the first group at fault.
///
/// # Panics
///
/// Without a scenario.
pub fn validate(
    groups: &[Group],
    scenarios: &[Scenario],
    traces: &Path,
    registry: &Registry,
) -> Result<Vec<Verdict>, ValidationError> {
    let mut opened: BTreeMap<&str, Vec<Trace>> = BTreeMap::new();
    for group in groups {
        let workload = group.setting.workload.as_str();
        if !opened.contains_key(workload) {
            let recordings =
                open_all(traces, workload).map_err(|source| ValidationError::Trace {
                    place: group.place.clone(),
                    source,
                })?;
            opened.insert(workload, recordings);
        }
    }
    let shared = SharedGuests::new();
    let results: Vec<Result<Verdict, ValidationError>> = groups
        .par_iter()
        .map(|group| {
            let predictions: Vec<Result<Metrics, ValidationError>> = opened
                [group.setting.workload.as_str()]
            .par_iter()
            .flat_map(|trace| scenarios.par_iter().map(move |scenario| (trace, scenario)))
            .map(|(trace, scenario)| predict(group, scenario, trace, &shared, registry))
            .collect();
            // In order, so that of several errors the first is returned.
            let predictions = predictions.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(verdict(group, &predictions))
        })
        .collect();
    results.into_iter().collect()
}

/// The recordings of a workload.
fn open_all(traces: &Path, workload: &str) -> Result<Vec<Trace>, TraceError> {
    let mut opened = vec![Trace::open(&traces.join(format!("{workload}.mtrace")))?];
    let further = (2..).map(|number| traces.join(format!("{workload}.{number}.mtrace")));
    for path in further.take_while(|path| path.exists()) {
        opened.push(Trace::open(&path)?);
    }
    Ok(opened)
}

fn verdict(group: &Group, predictions: &[Metrics]) -> Verdict {
    let before = preparation(group).length();
    let total = |metrics: &Metrics| {
        metrics.total_migration_time.map_or(f64::INFINITY, |total| {
            total.saturating_sub(before).as_secs_f64()
        })
    };
    let pair = |measured, quantity: &dyn Fn(&Metrics) -> f64| Pair {
        measured,
        predicted: errors::median(predictions.iter().map(quantity).collect())
            .expect("there is a scenario"),
    };
    let mut downtimes: Vec<SimTime> = predictions.iter().map(|run| run.downtime).collect();
    downtimes.sort_unstable();
    Verdict {
        setting: group.setting.clone(),
        repetitions: group.repetitions,
        pairs: [
            pair(group.total_time, &total),
            pair(group.blocktime, &|run| {
                run.qemu_vcpu_blocktime.as_secs_f64()
            }),
            pair(group.requests, &|run| run.requests as f64),
        ],
        measured_downtime: group.downtime,
        predicted_downtime: downtimes[(downtimes.len() - 1) / 2],
    }
}

/// What the VM did before the command, which is in the simulated total and not in the measured one.
fn preparation(group: &Group) -> Preparation {
    if !group.setting.is_planned() {
        return Preparation::default();
    }
    Preparation {
        window: group.setting.record_window,
        planning: group.planning,
    }
}

/// Simulates a group's setting. The scenario's `trace.start` is the switch position: there the record window of a strategy that
/// records ends, and the simulation begins W earlier; then the VM runs on while the plan is made.
fn predict(
    group: &Group,
    scenario: &Scenario,
    trace: &Trace,
    shared: &SharedGuests,
    registry: &Registry,
) -> Result<Metrics, ValidationError> {
    let scenario = scenario_of(group, scenario)?;
    let failed = |problem| ValidationError::Simulation {
        place: group.place.clone(),
        problem,
    };
    let entry =
        (registry.get(&group.setting.strategy)).map_err(|unknown| failed(unknown.to_string()))?;
    let comparison = (shared.comparison(&scenario, trace, &[entry])).map_err(failed)?;
    let run = (comparison.run(entry)).map_err(|error| failed(in_one_line(&error)))?;
    Ok(run.metrics)
}

/// The scenario with a group's setting.
fn scenario_of(group: &Group, scenario: &Scenario) -> Result<Scenario, ValidationError> {
    let setting = &group.setting;
    let start = scenario.trace.start;
    let mut scenario = scenario.clone();
    scenario.link.bandwidth = Bandwidth::from_bits_per_second(setting.link_mbit * 1_000_000)
        .unwrap_or(scenario.link.bandwidth);
    scenario.link.discipline = if setting.preempt {
        Discipline::Fair
    } else {
        Discipline::Fifo
    };
    if setting.is_planned() {
        let Preparation { window, planning } = preparation(group);
        if window > start {
            return Err(ValidationError::NoRoom {
                place: group.place.clone(),
                window,
                start,
            });
        }
        scenario.trace.start = start.saturating_sub(window);
        scenario.migration.record_window = window;
        scenario.migration.planning_time = planning;
        scenario.migration.delivery = setting.delivery;
        scenario.migration.fetch_outstanding = setting.fetch_outstanding;
    }
    Ok(scenario)
}
