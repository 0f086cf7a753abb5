//! Predicted against measured: real QEMU migrations, and what the simulator makes of them.
//!
//! A reference file has a row per real migration; `tools/qemu/README.md` says how such files are made. Rows that differ
//! only in their repetition are a [`Group`]. Each group is simulated on the traces of its workload and with the same
//! scenarios as all others: only the link's rate and discipline and the strategy are the group's own. What is predicted
//! is the median over traces and scenarios, as what was measured is the median of the repetitions: a fault earlier or
//! later is another course of the migration, in a simulation as in reality, and a guest does not do the same twice.

pub mod calibration;
mod errors;
mod goals;
mod prediction;
mod reference;
pub mod report;

pub use errors::{Gain, Order, Ranking, Summary, gains, median_difference, rankings, summary};
pub use goals::{ErrorBound, GAINS_APART, Goal, GroupErrors, errors_by_group, missed};
pub use prediction::Predictor;
pub use reference::{Group, Range, Reference, ReferenceError, Setting, check_row, read};

use crate::trace::TraceError;
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
    /// How many simulations the predictions are the median of.
    pub simulations: usize,
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
