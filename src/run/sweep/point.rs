//! One point of a grid.

use super::Sweep;
use crate::run::columns::METRICS;
use crate::run::compare::Run;
use crate::run::gap::rate_gaps;
use crate::run::guests::{SharedGuests, in_one_line};
use crate::run::row::{Provenance, Row, Value};
use crate::scenario::Scenario;
use crate::trace::synthetic::Workload;

/// What a point came to.
#[derive(Debug, Clone, PartialEq)]
pub struct PointResult {
    /// Its number in the grid.
    pub point: usize,
    /// What its runs have in common. Without a trace, neither name nor hash.
    pub provenance: Provenance,
    /// A run, or what went wrong, for each of the strategies in their order.
    pub runs: Vec<Result<Run, String>>,
}

impl PointResult {
    pub(super) fn of(sweep: &Sweep, shared: &SharedGuests, point: usize) -> Self {
        let mut result = PointResult {
            point,
            provenance: Provenance {
                scenario: sweep.name().to_owned(),
                trace: String::new(),
                trace_hash: String::new(),
                seed: None,
            },
            runs: Vec::new(),
        };
        let scenario = sweep.scenario(point).map_err(|error| in_one_line(&error));
        let runs = scenario.and_then(|scenario| result.simulate(sweep, shared, &scenario));
        result.runs = runs.unwrap_or_else(|error| vec![Err(error); sweep.strategies().len()]);
        result
    }

    fn simulate(
        &mut self,
        sweep: &Sweep,
        shared: &SharedGuests,
        scenario: &Scenario,
    ) -> Result<Vec<Result<Run, String>>, String> {
        self.provenance.seed = scenario.trace.workload.as_ref().map(Workload::seed);
        let trace = shared.trace(scenario)?;
        trace.stem().clone_into(&mut self.provenance.trace);
        trace
            .content_hash()
            .clone_into(&mut self.provenance.trace_hash);
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
        Ok(runs)
    }

    /// A row per strategy, with the columns of [`Sweep::columns`].
    pub fn rows(&self, sweep: &Sweep) -> Vec<Row> {
        let parameters = sweep.parameters(self.point);
        let rows = sweep.strategies().iter().zip(&self.runs);
        rows.map(|(strategy, run)| self.row(sweep, strategy, run, &parameters))
            .collect()
    }

    fn row(
        &self,
        sweep: &Sweep,
        strategy: &str,
        run: &Result<Run, String>,
        parameters: &[&super::AxisValue],
    ) -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        let provenance = &self.provenance;
        let mut values = vec![
            text(&provenance.scenario),
            text(&provenance.trace),
            text(&provenance.trace_hash),
            text(strategy),
        ];
        values.extend(parameters.iter().map(|value| text(&value.cell)));
        values.push(provenance.seed.map_or(Value::Missing, Value::Count));
        values.push(text(env!("CARGO_PKG_VERSION")));
        match run {
            Ok(run) => {
                values.extend(METRICS.iter().map(|column| (column.value)(run)));
                values.push(Value::Missing);
            }
            Err(error) => {
                values.extend(METRICS.iter().map(|_| Value::Missing));
                values.push(text(error));
            }
        }
        sweep
            .columns()
            .into_iter()
            .map(Into::into)
            .zip(values)
            .collect()
    }
}
