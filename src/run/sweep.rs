//! Sweeps: a scenario's strategies on every point of a grid of its keys.
//!
//! ```toml
//! [sweep]
//! "migration.record_window" = ["100 ms", "500 ms"]
//! "link.bandwidth" = { from = "100 Mbit/s", to = "10 Gbit/s", count = 5, scale = "log" }
//! ```
//!
//! Every combination is a point, the last axis changing fastest. Points are numbered in that order and so are the rows,
//! whatever the number of threads; a point that fails has its error in its rows, and the others go on.
//!
//! A section can be an axis too, and then takes whole tables: `trace = [{}, { workload = { kind = "zipf" } }]`.
//!
//! Runs are cheap and what comes before them is not: opening or generating a trace, and replaying it up to the
//! switch-over and beyond. Points that agree on what these depend on share them.

mod contents;
mod file;
mod identity;
mod merge;
mod point;
mod run;
mod shard;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use crate::scenario::axis::{Axis, AxisValue, MOST_POINTS};
pub use contents::Manifest;
pub use file::{RowFile, RowFileError, failed_if_finished, header_line, partial, rows};
pub use merge::{Coverage, Failed, MergeError, coverage, merge};
pub use point::PointResult;
pub use run::RunError;
pub use shard::{Shard, ShardError, array};

use crate::run::columns::{ERROR, IDENTIFYING, METRICS, STRATEGY};
use crate::scenario::{Scenario, ScenarioError, ScenarioSource};
use crate::strategy::Registry;

/// A scenario and the grid over it.
#[derive(Debug)]
pub struct Sweep {
    source: ScenarioSource,
    axes: Vec<Axis>,
    strategies: Vec<String>,
    registry: Registry,
    points: usize,
    fingerprint: String,
    files: BTreeSet<PathBuf>,
}

/// The key that a sweep gets its strategies from; it has no axis.
const STRATEGIES: &str = "migration.strategies";

impl Sweep {
    /// The grid of a scenario's axes; without any, of the one point that the scenario is.
    ///
    /// Every axis is tried out value by value, the other axes standing at their first, so that a misspelt key or a bad
    /// unit comes up here and not after hours.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] with file, line, key and what was expected.
    pub fn new(source: ScenarioSource, registry: Registry) -> Result<Self, ScenarioError> {
        let mut axes = Vec::new();
        let mut points = 1_usize;
        for written in source.axes() {
            let fail = |problem| source.axis_error(written, problem);
            if written.key == STRATEGIES {
                return Err(fail(format!(
                    "expected the strategies in {STRATEGIES}: every point runs all of them"
                )));
            }
            let axis = Axis::new(&written.key, &written.values).map_err(fail)?;
            points = points
                .checked_mul(axis.values.len())
                .filter(|points| *points <= MOST_POINTS)
                .ok_or_else(|| fail(format!("expected a grid of at most {MOST_POINTS} points")))?;
            axes.push(axis);
        }
        let mut sweep = Sweep {
            source,
            axes,
            strategies: Vec::new(),
            registry,
            points,
            fingerprint: String::new(),
            files: BTreeSet::new(),
        };
        let traces = sweep.check_axes()?;
        sweep.fingerprint = sweep.fingerprint_with(&traces);
        Ok(sweep)
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The axes, the last of them the fastest.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The strategies that run on every point.
    pub fn strategies(&self) -> &[String] {
        &self.strategies
    }

    /// The files that it is read from: scenarios, traces, and others that those name.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// What the results depend on, in one word: the scenario, its axes, the content of the traces, and the version of
    /// migsim.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the axes stand at in a point, in the order of the axes.
    pub fn parameters(&self, point: usize) -> Vec<&AxisValue> {
        let mut rest = point;
        let mut values: Vec<&AxisValue> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let value = &axis.values[rest % axis.values.len()];
                rest /= axis.values.len();
                value
            })
            .collect();
        values.reverse();
        values
    }

    /// The scenario of a point.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when the values do not fit together.
    pub fn scenario(&self, point: usize) -> Result<Scenario, ScenarioError> {
        self.source(point)?.scenario_for(&self.registry)
    }

    /// The scenario of a point, so that keys can still be put.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when a key cannot be one.
    pub fn source(&self, point: usize) -> Result<ScenarioSource, ScenarioError> {
        let mut source = self.source.clone();
        let mut values: Vec<_> = self.axes.iter().zip(self.parameters(point)).collect();
        // A section comes before its keys.
        values.sort_by_key(|(axis, _)| axis.key.matches('.').count());
        for (axis, value) in values {
            source.put(&axis.key, value.value.clone())?;
        }
        Ok(source)
    }

    /// Name of the scenario.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// Names of a row's columns.
    pub fn columns(&self) -> Vec<String> {
        let axes = || self.axes.iter().map(Axis::column);
        let identifying = IDENTIFYING.iter().flat_map(|(name, _)| {
            let own = std::iter::once((*name).to_owned());
            own.chain(axes().filter(move |_| *name == STRATEGY))
        });
        identifying
            .chain(METRICS.iter().map(|column| column.name.to_owned()))
            .chain([ERROR.to_owned()])
            .collect()
    }

    /// What a file of these points' rows says about itself.
    pub fn manifest(&self, shard: Shard) -> Manifest {
        Manifest {
            grid: self.fingerprint.clone(),
            points: self.points,
            rows_per_point: self.strategies.len(),
            shard,
            identities: self.digest(shard.range(self.points)),
        }
    }

    /// Runs `points` on `jobs` threads. Results come in order and in batches, as soon as they can.
    ///
    /// # Errors
    ///
    /// [`RunError::Threads`] when there can be no threads; otherwise the first error of `deliver`, which ends the
    /// sweep.
    pub fn run<E>(
        &self,
        points: Range<usize>,
        jobs: usize,
        deliver: impl FnMut(Vec<PointResult>) -> Result<(), E>,
    ) -> Result<(), RunError<E>> {
        run::run(self, points, jobs, deliver)
    }

    /// Checks the strategies and every axis. Returns the traces' files with what identifies their content.
    fn check_axes(&mut self) -> Result<BTreeMap<PathBuf, String>, ScenarioError> {
        let first = self
            .scenario(0)
            .or_else(|error| Err(self.in_axis(error)?))?;
        for name in &first.migration.strategies {
            if let Err(unknown) = self.registry.get(name) {
                return Err(self.source.key_error(STRATEGIES, unknown.to_string()));
            }
        }
        self.strategies.clone_from(&first.migration.strategies);
        let (mut traces, mut files) = (BTreeMap::new(), BTreeSet::new());
        files.extend(self.source.files().iter().cloned());
        let mut read = |scenario: &Scenario| {
            identify(scenario, &mut traces);
            files.extend(scenario.files().map(Path::to_owned));
        };
        read(&first);
        let mut stride = self.points;
        for (axis, written) in self.axes.iter().zip(self.source.axes()) {
            stride /= axis.values.len();
            for (index, value) in axis.values.iter().enumerate() {
                let scenario = self.scenario(index * stride).map_err(|error| {
                    let problem = format!("{}: {}", value.cell, error.problem());
                    self.source.axis_error(written, problem)
                })?;
                read(&scenario);
            }
        }
        self.files = files;
        Ok(traces)
    }

    /// Names the axis whose first value makes the first point impossible.
    fn in_axis(&self, error: ScenarioError) -> Result<ScenarioError, ScenarioError> {
        if let Err(without_axes) = self.source.scenario_for(&self.registry)
            && without_axes == error
        {
            return Err(error);
        }
        for (axis, written) in self.axes.iter().zip(self.source.axes()) {
            let Some(value) = axis.values.first() else {
                continue;
            };
            let mut source = self.source.clone();
            source.put(&axis.key, value.value.clone())?;
            if let Err(error) = source.scenario_for(&self.registry) {
                let problem = format!("{}: {}", value.cell, error.problem());
                return Ok(self.source.axis_error(written, problem));
            }
        }
        Ok(error)
    }

    fn fingerprint_with(&self, traces: &BTreeMap<PathBuf, String>) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        add(env!("CARGO_PKG_VERSION"));
        add(self.source.name());
        add(&self.source.settings());
        for axis in &self.axes {
            add(&axis.key);
            add(&axis.values.len().to_string());
            axis.values.iter().for_each(|value| {
                [&value.cell, &value.value.to_string()]
                    .into_iter()
                    .for_each(|text| add(text))
            });
        }
        traces.values().for_each(|identity| add(identity));
        hasher.finalize().to_hex().chars().take(32).collect()
    }
}

/// A synthetic trace is identified by the scenario; any other one by its content, once a file.
fn identify(scenario: &Scenario, traces: &mut BTreeMap<PathBuf, String>) {
    if scenario.trace.workload.is_some() {
        return;
    }
    let file = scenario.trace.file.clone().unwrap_or_default();
    traces.entry(file).or_insert_with(|| {
        scenario.open_trace().map_or_else(
            |_| "unreadable".to_owned(),
            |trace| trace.content_hash().to_owned(),
        )
    });
}
