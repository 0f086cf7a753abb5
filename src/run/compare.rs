//! Several strategies on one scenario and trace: what `compare` and `run` show, and what a point of a sweep is.

use rayon::prelude::*;

use super::comparison::{Comparison, counted, predicted};
use super::gap::rate_gaps;
use crate::guest::recording::Preparation;
use crate::measure::Metrics;
use crate::measure::explain::Explanation;
use crate::measure::page_map::PageMap;
use crate::migration::{MigrationError, Outcome, Probe, SwitchOver};
use crate::scenario::{FitError, Scenario};
use crate::strategy::{Entry, LeadIn, Registry, UnknownStrategy};
use crate::trace::Trace;
use crate::units::SimTime;

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// A strategy's name is not registered.
    #[error(transparent)]
    Strategy(#[from] UnknownStrategy),
    /// Scenario and trace do not fit together.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The given plan does not fit the VM, or there is none.
    #[error("plan.file: {0}")]
    GivenPlan(String),
    /// A run failed.
    #[error("{strategy}")]
    Run {
        /// Name of the strategy.
        strategy: String,
        /// What went wrong.
        source: MigrationError,
    },
    /// The record window or the touch order could not be made.
    #[error(transparent)]
    SwitchOver(#[from] MigrationError),
}

/// One strategy's run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of the strategy.
    pub strategy: &'static str,
    /// What it came to.
    pub metrics: Metrics,
    /// Share of the stall between post-copy's and the run's own bound that the strategy saves, where post-copy ran
    /// beside it and there is something to save.
    pub gap_closed: Option<f64>,
    /// Whether the guest touches nothing from its resume until the last page has come: there is nothing to compare.
    pub meets_no_access: bool,
}

/// Runs the scenario's strategies on a trace. The runs are independent, go in parallel, and come back in the scenario's
/// order whatever the number of threads.
///
/// # Errors
///
/// [`ComparisonError`]; the first in the order of strategies.
pub fn compare(
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
) -> Result<Vec<Run>, ComparisonError> {
    let entries = scenario
        .migration
        .strategies
        .iter()
        .map(|name| registry.get(name))
        .collect::<Result<Vec<&Entry>, _>>()?;
    let comparison = prepare(scenario, trace, &entries)?;
    let runs: Vec<Result<Run, ComparisonError>> = entries
        .par_iter()
        .map(|entry| comparison.run(entry))
        .collect();
    // In order, so that of several errors the first is returned.
    let mut runs = runs.into_iter().collect::<Result<Vec<Run>, _>>()?;
    rate_gaps(&mut runs.iter_mut().collect::<Vec<_>>());
    Ok(runs)
}

/// Runs one strategy and explains where its stall comes from.
///
/// # Errors
///
/// [`ComparisonError`].
pub fn explain(
    scenario: &Scenario,
    trace: &Trace,
    entry: &Entry,
) -> Result<Explanation, ComparisonError> {
    prepare(scenario, trace, &[entry])?.migrate(entry, &mut (), |switch_over, outcome, order| {
        Explanation::of(scenario, switch_over, &outcome, &predicted(order))
    })
}

/// One strategy's run, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// What it came to.
    pub run: Run,
    /// All that its metrics are made of.
    pub outcome: Outcome,
    /// What the VM did before its switch-over, if not pre-copy's rounds.
    pub preparation: Preparation,
    /// When the VM was suspended on the source.
    pub suspended_at: SimTime,
    /// When the source began to push what was missing then.
    pub push_began: SimTime,
    /// vCPUs of the VM.
    pub vcpus: u16,
}

/// Runs one strategy, which `probe` watches.
///
/// # Errors
///
/// [`ComparisonError`].
pub fn observe<P: Probe>(
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
    strategy: &str,
    probe: &mut P,
) -> Result<Observed, ComparisonError> {
    let entry = registry.get(strategy)?;
    let comparison = prepare(scenario, trace, &[entry])?;
    let mut observed =
        comparison.migrate(entry, probe, |switch_over, outcome, order| Observed {
            run: comparison.sum_up(entry, switch_over, &outcome, order),
            outcome,
            preparation: switch_over.preparation,
            suspended_at: switch_over.suspended_at,
            push_began: switch_over.core_state.push_begins(scenario),
            vcpus: trace.header().vcpus,
        })?;
    observed.run = counted(observed.run)?;
    Ok(observed)
}

/// Maps pages over time in one strategy's run.
///
/// # Errors
///
/// [`ComparisonError`].
pub fn page_map(
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
    strategy: &str,
) -> Result<PageMap, ComparisonError> {
    let entry = registry.get(strategy)?;
    let comparison = prepare(scenario, trace, &[entry])?;
    // Where the map ends is known once the migration has been run.
    let mut map = comparison.migrate(entry, &mut (), |switch_over, outcome, _| {
        let mut map = PageMap::new(switch_over, &outcome);
        map.add_guest(switch_over, &outcome, scenario.destination.fault_blocks);
        map
    })?;
    comparison.migrate(entry, &mut map, |_, _, _| ())?;
    Ok(map)
}

fn prepare<'a>(
    scenario: &'a Scenario,
    trace: &'a Trace,
    entries: &[&Entry],
) -> Result<Comparison<'a>, ComparisonError> {
    let replay = scenario.replay(trace)?;
    let switch_over = |replay: &_, lead_in: LeadIn| match lead_in {
        LeadIn::PushWhileRecording => SwitchOver::after_recorded_push(scenario, replay),
        _ => SwitchOver::prepare(scenario, replay, lead_in.records()),
    };
    Ok(Comparison::new(scenario, replay, entries, switch_over)?)
}
