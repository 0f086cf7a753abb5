//! Words that several figures have in common.

use crate::run::compare::Run;
use crate::units::SimTime;

/// What is below every figure.
pub(crate) const RECONSTRUCTION: &str = "PDoPMP is a reconstruction from the abstract of Shan, Qiao and Lin (PDCAT 2017); no figure or number is the paper's.";

/// A metric that figures show.
pub(super) struct Shown {
    /// With its unit.
    pub(super) label: &'static str,
    pub(super) of: fn(&Run) -> f64,
    /// In tables.
    pub(super) decimals: usize,
}

/// The metrics of the claims, and the stall that a guest feels.
pub(super) const SHOWN: [Shown; 4] = [
    Shown {
        label: "Page faults",
        of: |run| run.metrics.page_faults as f64,
        decimals: 0,
    },
    Shown {
        label: "Stall of all vCPUs in s",
        of: |run| run.metrics.stall.as_secs_f64(),
        decimals: 3,
    },
    Shown {
        label: "Total migration time in s",
        of: |run| {
            let time = run.metrics.total_migration_time;
            time.map_or(f64::INFINITY, SimTime::as_secs_f64)
        },
        decimals: 3,
    },
    Shown {
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

/// Breaks a text into lines.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
