//! Words that several figures have in common.

use crate::run::compare::Run;
use crate::units::SimTime;

/// What is below every figure.
pub(crate) const RECONSTRUCTION: &str = "PDoPMP is a reconstruction from the abstract of Shan, Qiao and Lin (PDCAT 2017); no figure or number is the paper's.";

/// A metric that figures show.
pub(super) struct FigureMetric {
    /// With its unit.
    pub(super) label: &'static str,
    pub(super) of: fn(&Run) -> f64,
    /// In tables.
    pub(super) decimals: usize,
}

/// Measures of a run: those that figures show, in their order, and behind them what the claims need as well.
pub(super) const MEASURES: usize = FIGURE_METRICS.len() + 2;
pub(super) const ALL_FAULTS: usize = 0;
pub(super) const TOTAL_TIME: usize = 2;
pub(super) const DOWNTIME: usize = 3;
pub(super) const NETWORK_FAULTS: usize = FIGURE_METRICS.len();
pub(super) const COVERAGE: usize = FIGURE_METRICS.len() + 1;

/// A run's measures.
pub(super) fn measures(run: &Run) -> [f64; MEASURES] {
    let metrics = &run.metrics;
    std::array::from_fn(|place| match place {
        NETWORK_FAULTS => metrics.network_faults as f64,
        COVERAGE => metrics.prediction_coverage.fraction().unwrap_or_default(),
        shown => (FIGURE_METRICS[shown].of)(run),
    })
}

/// The metrics of the claims, and the stall that a guest feels.
pub(super) const FIGURE_METRICS: [FigureMetric; 4] = [
    FigureMetric {
        label: "Page faults",
        of: |run| run.metrics.page_faults as f64,
        decimals: 0,
    },
    FigureMetric {
        label: "Stall of all vCPUs in s",
        of: |run| run.metrics.stall.as_secs_f64(),
        decimals: 3,
    },
    FigureMetric {
        label: "Total migration time in s",
        of: |run| {
            let time = run.metrics.total_migration_time;
            time.map_or(f64::INFINITY, SimTime::as_secs_f64)
        },
        decimals: 3,
    },
    FigureMetric {
        label: "Downtime in ms",
        of: |run| run.metrics.downtime.as_secs_f64() * 1e3,
        decimals: 2,
    },
];

/// Place of the stall among them.
pub(super) const STALL: usize = 1;

/// The guest as figures call it.
pub(super) fn guest(trace: &str) -> String {
    trace.strip_prefix("synthetic ").unwrap_or(trace).to_owned()
}
