//! What to know of a run's numbers beside them: where they are not of what the scenario says.

use crate::guest::replay::Replay;
use crate::run::compare::Run;
use crate::scenario::{FitError, Scenario};
use crate::trace::Trace;
use crate::units::SimTime;

/// Where the migration cannot begin at `trace.start`.
pub(crate) fn start_note(scenario: &Scenario, trace: &Trace) -> Result<Option<String>, FitError> {
    let used = SimTime::from_ns(scenario.trace.start_in(trace)?);
    Ok((used != scenario.trace.start).then(|| {
        format!(
            "trace.start is taken as {used}: the trace is exact only every {}",
            SimTime::from_ns(trace.header().compaction_ns)
        )
    }))
}

/// Where the VM is still on the source when its trace has ended: what is recorded or dirty there is not what the guest
/// would have done.
pub(crate) fn end_note<'a>(
    replay: &Replay<'_>,
    runs: impl IntoIterator<Item = &'a Run>,
) -> Option<String> {
    let left = replay.until_end();
    let is_late = |run: &&Run| {
        let metrics = &run.metrics;
        let after = metrics.downtime + metrics.residual_dependency.unwrap_or_default();
        (metrics.total_migration_time).is_some_and(|total| total.saturating_sub(after) > left)
    };
    let late = runs.into_iter().filter(is_late);
    let late: Vec<_> = late.map(|run| run.strategy).collect();
    (!late.is_empty()).then(|| {
        format!(
            "the trace ends {left} after the migration command, before {} suspend{} the VM; the guest {} then \
             (trace.at_end)",
            late.join(", "),
            if late.len() == 1 { "s" } else { "" },
            if replay.wraps() {
                "begins it anew"
            } else {
                "accesses nothing more"
            }
        )
    })
}
