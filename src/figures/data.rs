//! A figure's sweep, and its rows in groups.

use std::path::Path;

use super::FigureError;
use super::words::{MEASURES, guest, measures};
use crate::plot::Spread;
use crate::report::csv;
use crate::run::columns::METRICS;
use crate::run::row::Row;
use crate::run::sweep::{PointResult, Sweep};
use crate::scenario::ScenarioSource;
use crate::strategy::Registry;

/// The metrics that figures draw and claims judge.
const METRICS_KEPT: [&str; 7] = [
    "total_migration_time_s",
    "downtime_s",
    "page_faults",
    "network_faults",
    "in_flight_faults",
    "stall_s",
    "prediction_coverage",
];

/// A point's rows in the table behind a figure: the settings are those of its scenario and the axes.
pub(super) fn table_rows(result: &PointResult, sweep: &Sweep) -> Vec<Row> {
    let is_kept = |name: &str| {
        let is_metric = METRICS.iter().any(|metric| metric.name == name);
        name != "settings" && (!is_metric || METRICS_KEPT.contains(&name))
    };
    let mut rows = result.rows(sweep);
    for row in &mut rows {
        row.retain(|(name, _)| is_kept(name));
    }
    rows
}

/// What a figure's sweep came to.
pub(super) struct Data {
    pub(super) strategies: Vec<String>,
    pub(super) csv: Vec<u8>,
    /// In the order of the grid.
    pub(super) groups: Vec<Group>,
}

/// Points that differ only in what error bars are over.
pub(super) struct Group {
    /// What the axes of the groups stand at.
    pub(super) label: Vec<String>,
    /// Measures, per run, per strategy.
    runs: Vec<Vec<[f64; MEASURES]>>,
}

impl Data {
    /// Runs a scenario's grid. Points with the same values of the axes `groups` are one group.
    pub(super) fn run(
        name: &str,
        scenario: &str,
        groups: &[&str],
        jobs: usize,
    ) -> Result<Self, FigureError> {
        let sweep = sweep(name, scenario)?;
        let mut data = Data {
            strategies: sweep.strategies().to_vec(),
            csv: Vec::new(),
            groups: Vec::new(),
        };
        let mut rows = Vec::new();
        let delivered = sweep.run(0..sweep.points(), jobs, |batch| {
            for result in batch {
                rows.extend(table_rows(&result, &sweep));
                data.add(&sweep, groups, &result)?;
            }
            Ok::<(), FigureError>(())
        });
        delivered.map_err(|error| match error {
            crate::run::sweep::RunError::Threads(error) => FigureError::Threads(error.to_string()),
            crate::run::sweep::RunError::Delivery(error) => error,
        })?;
        csv::write(&rows, &mut data.csv)?;
        Ok(data)
    }

    fn add(
        &mut self,
        sweep: &Sweep,
        groups: &[&str],
        result: &PointResult,
    ) -> Result<(), FigureError> {
        let label = label(sweep, groups, result);
        let place = self.groups.iter().position(|group| group.label == label);
        let place = place.unwrap_or_else(|| {
            self.groups.push(Group {
                label,
                runs: vec![Vec::new(); sweep.strategies().len()],
            });
            self.groups.len() - 1
        });
        for (runs, run) in self.groups[place].runs.iter_mut().zip(&result.runs) {
            let run = run.as_ref().map_err(|problem| FigureError::Point {
                point: result.point,
                problem: problem.clone(),
            })?;
            runs.push(measures(run));
        }
        Ok(())
    }
}

impl Group {
    /// A metric of a strategy: the mean of the group's points, and its extremes.
    pub(super) fn spread(&self, strategy: usize, metric: usize) -> Spread {
        let values = || self.runs[strategy].iter().map(|run| run[metric]);
        Spread {
            mean: values().sum::<f64>() / self.runs[strategy].len() as f64,
            low: values().fold(f64::INFINITY, f64::min),
            high: values().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// Points in the group.
    pub(super) fn points(&self) -> usize {
        self.runs.first().map_or(0, Vec::len)
    }
}

/// Where the recordings are, seen from a checkout's directory.
const RECORDINGS: &str = "traces";

/// Where they are, seen from a figure's scenario.
const BESIDE_SCENARIO: &str = "\"../../traces/";

/// Whether what a scenario needs is at hand: some need the recordings of a checkout.
pub(super) fn is_available(scenario: &str) -> bool {
    !scenario.contains(BESIDE_SCENARIO) || Path::new(RECORDINGS).is_dir()
}

/// The sweep of a figure's scenario.
pub(super) fn sweep(name: &str, scenario: &str) -> Result<Sweep, FigureError> {
    let scenario = scenario.replace(BESIDE_SCENARIO, &format!("\"{RECORDINGS}/"));
    let source = ScenarioSource::from_text(name, &scenario)?;
    Ok(Sweep::new(source, Registry::standard())?)
}

/// What axes stand at in a point, in words.
fn label(sweep: &Sweep, groups: &[&str], result: &PointResult) -> Vec<String> {
    let values = sweep.parameters(result.point);
    let of = |key: &&str| {
        let mut axes = sweep.axes().iter().zip(&values);
        let value = axes.find(|(axis, _)| axis.key == **key);
        match value.map(|(_, value)| (&value.value, &value.cell)) {
            Some(_) if *key == "trace.file" => guest(&result.provenance.trace),
            // As it was written, with its unit.
            Some((toml::Value::String(text), _)) => text.clone(),
            Some((toml::Value::Table(table), _)) if *key == "link" => network(table),
            Some((toml::Value::Table(_), _)) | None => guest(&result.provenance.trace),
            Some((_, cell)) => cell.clone(),
        }
    };
    groups.iter().map(of).collect()
}

/// A link's section in words: what it sets.
fn network(link: &toml::Table) -> String {
    let words: Vec<&str> = ["bandwidth", "latency"]
        .iter()
        .filter_map(|key| link.get(*key)?.as_str())
        .collect();
    words.join(", ")
}
