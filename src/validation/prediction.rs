//! Simulations of measured settings: recordings of their workloads, and the median over recordings and scenarios.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::{Group, Pair, ValidationError, Verdict, errors};
use crate::guest::recording::Preparation;
use crate::measure::Metrics;
use crate::network::Discipline;
use crate::run::guests::{SharedGuests, in_one_line};
use crate::scenario::{Delivery, Scenario};
use crate::strategy::Registry;
use crate::strategy::lead_in::LeadIn;
use crate::trace::{Trace, TraceError};
use crate::units::Bandwidth;
use crate::units::SimTime;

/// A reference's groups with the recordings of their workloads. What guests do there is found once and kept for further
/// scenarios.
pub struct Predictor<'a> {
    groups: &'a [Group],
    recordings: BTreeMap<&'a str, Vec<Trace>>,
    guests: SharedGuests,
    registry: &'a Registry,
}

impl<'a> Predictor<'a> {
    /// Opens `traces/WORKLOAD.mtrace` of each group and, if there are any, further recordings of the same guest,
    /// `WORKLOAD.2.mtrace` and so on; numbers may be missing among them.
    ///
    /// # Errors
    ///
    /// [`ValidationError::Trace`] of the first group at fault.
    pub fn open(
        groups: &'a [Group],
        traces: &Path,
        registry: &'a Registry,
    ) -> Result<Self, ValidationError> {
        let mut recordings = BTreeMap::new();
        for group in groups {
            let workload = group.setting.workload.as_str();
            if !recordings.contains_key(workload) {
                let opened =
                    open_all(traces, workload).map_err(|source| ValidationError::Trace {
                        place: group.place.clone(),
                        source,
                    })?;
                recordings.insert(workload, opened);
            }
        }
        Ok(Predictor {
            groups,
            recordings,
            guests: SharedGuests::new(),
            registry,
        })
    }

    /// Predicts every group whose workload is `wanted` by every one of the `scenarios`; the verdicts come in the
    /// groups' order. Without a scenario there are none.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] of the first group at fault.
    pub fn verdicts(
        &self,
        scenarios: &[Scenario],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Verdict>, ValidationError> {
        let groups = self.groups.iter();
        let groups: Vec<&Group> = groups
            .filter(|group| wanted(&group.setting.workload))
            .collect();
        let results: Vec<Result<Option<Verdict>, ValidationError>> = groups
            .par_iter()
            .map(|group| {
                let predictions: Vec<Result<Metrics, ValidationError>> = self.recordings
                    [group.setting.workload.as_str()]
                .par_iter()
                .flat_map(|trace| scenarios.par_iter().map(move |scenario| (trace, scenario)))
                .map(|(trace, scenario)| {
                    predict(group, scenario, trace, &self.guests, self.registry)
                })
                .collect();
                // In order, so that of several errors the first is returned.
                let predictions = predictions.into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(verdict(group, &predictions))
            })
            .collect();
        results.into_iter().filter_map(Result::transpose).collect()
    }
}

/// The recordings of a workload.
fn open_all(traces: &Path, workload: &str) -> Result<Vec<Trace>, TraceError> {
    let mut opened = vec![Trace::open(&traces.join(format!("{workload}.mtrace")))?];
    let directory = if traces == Path::new("") {
        Path::new(".")
    } else {
        traces
    };
    let unreadable = |source| TraceError::Read {
        name: directory.display().to_string(),
        source,
    };
    let mut further = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let number = name.to_str().and_then(|name| number_of(name, workload));
        further.extend(number.map(|number| (number, name)));
    }
    further.sort_unstable();
    for (_, name) in further {
        opened.push(Trace::open(&traces.join(name))?);
    }
    Ok(opened)
}

/// Which of a workload's further recordings a file is.
fn number_of(name: &str, workload: &str) -> Option<u32> {
    let number = name.strip_prefix(workload)?.strip_prefix('.')?;
    let number = number.strip_suffix(".mtrace")?.parse().ok()?;
    (number > 1).then_some(number)
}

/// The median of the predictions against the group's; none without a prediction.
fn verdict(group: &Group, predictions: &[Metrics]) -> Option<Verdict> {
    let total = |metrics: &Metrics| {
        (metrics.total_migration_time).map_or(f64::INFINITY, SimTime::as_secs_f64)
    };
    let pair = |measured, quantity: &dyn Fn(&Metrics) -> f64| {
        let predicted = errors::median(predictions.iter().map(quantity).collect())?;
        Some(Pair {
            measured,
            predicted,
        })
    };
    let mut downtimes: Vec<SimTime> = predictions.iter().map(|run| run.downtime).collect();
    downtimes.sort_unstable();
    Some(Verdict {
        setting: group.setting.clone(),
        repetitions: group.repetitions,
        simulations: predictions.len(),
        pairs: [
            pair(group.total_time, &total)?,
            pair(group.blocktime, &|run| {
                run.qemu_vcpu_blocktime.as_secs_f64()
            })?,
            pair(group.requests, &|run| run.requests as f64)?,
        ],
        measured_downtime: group.downtime,
        predicted_downtime: *downtimes.get(downtimes.len().checked_sub(1)? / 2)?,
    })
}

/// Simulates a group's setting. The scenario's `trace.start` is the switch position from a standing start: there the
/// record window of a strategy that records ends, and the simulation begins W earlier; then the VM runs on while the
/// plan is made. Neither is in the measured total time. With live rounds, `trace.start` is that of the command.
fn predict(
    group: &Group,
    scenario: &Scenario,
    trace: &Trace,
    shared: &SharedGuests,
    registry: &Registry,
) -> Result<Metrics, ValidationError> {
    // The position in the trace is that of the suspension, whatever the VM did while the migration was set up.
    let setup = scenario.migration.setup_time;
    let failed = |problem| ValidationError::Simulation {
        place: group.place.clone(),
        problem,
    };
    let entry =
        (registry.get(&group.setting.strategy)).map_err(|unknown| failed(unknown.to_string()))?;
    let preparation = match (entry.lead_in)(&scenario.strategy_settings()) {
        LeadIn::Record | LeadIn::PushWhileRecording if group.setting.is_planned() => Preparation {
            window: group.setting.record_window,
            planning: group.planning,
        },
        _ => Preparation::default(),
    };
    let scenario = scenario_of(group, scenario, preparation)?;
    let comparison = (shared.comparison(&scenario, trace, &[entry])).map_err(failed)?;
    let run = (comparison.run(entry)).map_err(|error| failed(in_one_line(&error)))?;
    Ok(Metrics {
        total_migration_time: (run.metrics.total_migration_time)
            .map(|total| total.saturating_sub(preparation.length()) + setup),
        ..run.metrics
    })
}

/// The scenario with a group's setting, which begins so much earlier.
fn scenario_of(
    group: &Group,
    scenario: &Scenario,
    preparation: Preparation,
) -> Result<Scenario, ValidationError> {
    let setting = &group.setting;
    let start = scenario.trace.start;
    let mut scenario = scenario.clone();
    scenario.migration.setup_time = SimTime::ZERO;
    scenario.link.bandwidth = Bandwidth::from_bits_per_second(setting.link_mbit * 1_000_000)
        .unwrap_or(scenario.link.bandwidth);
    scenario.link.discipline = if setting.preempt {
        Discipline::Fair
    } else {
        Discipline::Fifo
    };
    if setting.is_planned() {
        let Preparation { window, planning } = preparation;
        if window > start {
            return Err(ValidationError::NoRoom {
                place: group.place.clone(),
                window,
                start,
            });
        }
        scenario.trace.start = start.saturating_sub(window);
        scenario.migration.record_window = setting.record_window;
        scenario.migration.planning_time = planning;
        scenario.migration.delivery = Delivery::new(setting.delivery, setting.fetch_outstanding);
    }
    Ok(scenario)
}
