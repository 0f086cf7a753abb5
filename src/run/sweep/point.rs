//! One point of a grid.

use super::Sweep;
use crate::run::columns::{ERROR, METRICS};
use crate::run::compare::Run;
use crate::run::gap::rate_gaps;
use crate::run::guests::{SharedGuests, in_one_line};
use crate::run::notes::{end_note, start_note};
use crate::run::row::{Provenance, Row, Value};
use crate::scenario::Scenario;

/// What a point came to.
#[derive(Debug, Clone, PartialEq)]
pub struct PointResult {
    /// Its number in the grid.
    pub point: usize,
    /// What its runs have in common. Without a trace, neither name nor hash.
    pub provenance: Provenance,
    /// A run, or what went wrong, for each of the strategies in their order.
    pub runs: Vec<Result<Run, String>>,
    /// Where they are not of what the scenario says.
    pub notes: Vec<String>,
}

impl PointResult {
    pub(super) fn of(sweep: &Sweep, shared: &SharedGuests, point: usize) -> Self {
        let mut result = PointResult {
            point,
            provenance: Provenance {
                scenario: sweep.name().to_owned(),
                ..Provenance::default()
            },
            runs: Vec::new(),
            notes: Vec::new(),
        };
        let scenario = sweep.scenario(point).map_err(|error| in_one_line(&error));
        let runs = scenario.and_then(|scenario| result.simulate(sweep, shared, &scenario));
        result.runs = runs.unwrap_or_else(|error| vec![Err(error); sweep.strategies().len()]);
        result
    }

    /// What identifies the rows of a point, as its result would say.
    pub(super) fn identity(sweep: &Sweep, shared: &SharedGuests, point: usize) -> Provenance {
        let of_scenario = |scenario: &Scenario| Provenance::of(sweep.name(), scenario);
        match sweep.scenario(point) {
            Ok(scenario) => match shared.trace(&scenario) {
                Ok(trace) => of_scenario(&scenario).with_trace(&scenario, &trace),
                Err(_) => of_scenario(&scenario),
            },
            Err(_) => Provenance {
                scenario: sweep.name().to_owned(),
                ..Provenance::default()
            },
        }
    }

    fn simulate(
        &mut self,
        sweep: &Sweep,
        shared: &SharedGuests,
        scenario: &Scenario,
    ) -> Result<Vec<Result<Run, String>>, String> {
        let provenance = Provenance::of(sweep.name(), scenario);
        self.provenance = provenance.clone();
        let trace = shared.trace(scenario)?;
        self.provenance = provenance.with_trace(scenario, &trace);
        let registered = |name: &String| sweep.registry.get(name).ok();
        let entries: Vec<_> = sweep.strategies().iter().filter_map(registered).collect();
        let comparison = shared.comparison(scenario, &trace, &entries)?;
        let mut runs: Vec<Result<Run, String>> = sweep
            .strategies()
            .iter()
            .map(|name| {
                let entry = sweep
                    .registry
                    .get(name)
                    .map_err(|error| in_one_line(&error))?;
                comparison.run(entry).map_err(|error| in_one_line(&error))
            })
            .collect();
        rate_gaps(&mut runs.iter_mut().flatten().collect::<Vec<_>>());
        let start = start_note(scenario, &trace).map_err(|error| in_one_line(&error))?;
        let end = end_note(comparison.replay(), runs.iter().flatten());
        self.notes.extend(start.into_iter().chain(end));
        Ok(runs)
    }

    /// A row per strategy, with the columns of [`Sweep::columns`].
    pub fn rows(&self, sweep: &Sweep) -> Vec<Row> {
        let rows = sweep.strategies().iter().zip(&self.runs);
        rows.map(|(strategy, run)| self.row(sweep, strategy, run))
            .collect()
    }

    fn row(&self, sweep: &Sweep, strategy: &str, run: &Result<Run, String>) -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        let axes = sweep.axes().iter().zip(sweep.parameters(self.point));
        let axes = axes.map(|(axis, value)| (axis.column().into(), text(&value.cell)));
        let mut row = self.provenance.columns(strategy, axes.collect());
        row.extend(METRICS.iter().map(|column| {
            let value = run.as_ref().map_or(Value::Missing, column.value);
            (column.name.into(), value)
        }));
        let error = run.as_ref().err();
        let error = error.map_or(Value::Missing, |error| text(error));
        row.push((ERROR.into(), error));
        row
    }
}
