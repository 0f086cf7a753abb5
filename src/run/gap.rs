//! The share of the gap between post-copy and the bound that a strategy closes.

use super::compare::Run;
use crate::strategy::{clairvoyant, post_copy};

/// Rates each run against post-copy and clairvoyant, if both are among the runs of one scenario.
pub(crate) fn rate_gaps(runs: &mut [&mut Run]) {
    let stall_of = |name: &str| {
        runs.iter()
            .find(|run| run.strategy == name)
            .map(|run| run.metrics.stall.as_secs_f64())
    };
    let (Some(worst), Some(best)) = (
        stall_of(post_copy::ENTRY.name),
        stall_of(clairvoyant::ENTRY.name),
    ) else {
        return;
    };
    if worst <= best {
        return;
    }
    for run in runs {
        run.gap_closed = Some((worst - run.metrics.stall.as_secs_f64()) / (worst - best));
    }
}
