//! What strategies that are compared share, and the run of one of them.

use super::columns::METRICS;
use super::compare::{ComparisonError, Run};
use super::row::Value;
use crate::guest::replay::Replay;
use crate::measure::Metrics;
use crate::memory::PageId;
use crate::migration::{MigrationError, Outcome, Probe, SwitchOver, migrate_observed};
use crate::scenario::Scenario;
use crate::strategy::lead_in::{LeadIn, Rounds, Tracking};
use crate::strategy::{Entry, Order, Strategy};
use crate::units::SimTime;

/// Strategies on one scenario and trace, with what their runs share: the guest up to the switch-over.
pub(crate) struct Comparison<'a> {
    scenario: &'a Scenario,
    replay: Replay<'a>,
    unrecorded: SwitchOver,
    /// If any strategy wants it: a long window of a busy guest is a lot to record.
    recorded: Option<SwitchOver>,
    /// The same, with a push meanwhile.
    pushed: Option<SwitchOver>,
}

impl<'a> Comparison<'a> {
    /// Replays the guest up to the switch-over by `prepare`: by each lead-in that the strategies share.
    pub(super) fn new<E: Send>(
        scenario: &'a Scenario,
        replay: Replay<'a>,
        entries: &[&Entry],
        prepare: impl Fn(&Replay<'a>, LeadIn) -> Result<SwitchOver, E> + Sync,
    ) -> Result<Self, E> {
        let settings = scenario.strategy_settings();
        let if_wanted = |lead_in| {
            let mut lead_ins = entries.iter().map(|entry| (entry.lead_in)(&settings));
            let wanted = lead_ins.any(|own| own == lead_in);
            wanted.then(|| prepare(&replay, lead_in)).transpose()
        };
        let (unrecorded, (recorded, pushed)) = rayon::join(
            || prepare(&replay, LeadIn::Nothing),
            || {
                rayon::join(
                    || if_wanted(LeadIn::Record),
                    || if_wanted(LeadIn::PushWhileRecording),
                )
            },
        );
        Ok(Comparison {
            scenario,
            unrecorded: unrecorded?,
            recorded: recorded?,
            pushed: pushed?,
            replay,
        })
    }

    pub(crate) fn replay(&self) -> &Replay<'a> {
        &self.replay
    }

    /// Migrates the VM by a strategy while `probe` watches, and lets `look` make something of what comes out.
    pub(super) fn migrate<T>(
        &self,
        entry: &Entry,
        probe: &mut impl Probe,
        look: impl FnOnce(&SwitchOver, Outcome, &dyn Strategy) -> T,
    ) -> Result<T, ComparisonError> {
        let failed = |source| ComparisonError::Run {
            strategy: entry.name.to_owned(),
            source,
        };
        let settings = self.scenario.strategy_settings();
        settings
            .plan
            .fits(entry, self.replay.memory())
            .map_err(ComparisonError::GivenPlan)?;
        let in_rounds;
        let switch_over = match (entry.lead_in)(&settings) {
            LeadIn::Nothing => &self.unrecorded,
            LeadIn::Record => self.recorded.as_ref().unwrap_or(&self.unrecorded),
            LeadIn::PushWhileRecording => self.pushed.as_ref().unwrap_or(&self.unrecorded),
            LeadIn::Rounds(rounds) => {
                in_rounds = self.in_rounds(rounds).map_err(failed)?;
                &in_rounds
            }
        };
        let mut order = match entry.order {
            Order::Causal(build) => build(&settings),
            Order::Oracle(build) => build(&settings, &self.unrecorded.touch_order),
        };
        let outcome =
            migrate_observed(self.scenario, switch_over, order.as_mut(), probe).map_err(failed)?;
        Ok(look(switch_over, outcome, order.as_ref()))
    }

    fn in_rounds(&self, rounds: Rounds) -> Result<SwitchOver, MigrationError> {
        match rounds.tracking {
            Tracking::DirtyLog | Tracking::DirtyLogAndRecording => {
                SwitchOver::after_rounds(self.scenario, &self.replay, rounds)
            }
            Tracking::Recorder { cold_first } => {
                SwitchOver::after_recorded_rounds(self.scenario, &self.replay, rounds, cold_first)
            }
        }
    }

    pub(crate) fn run(&self, entry: &Entry) -> Result<Run, ComparisonError> {
        let run = self.migrate(entry, &mut (), |switch_over, outcome, order| {
            self.sum_up(entry, switch_over, &outcome, order)
        })?;
        counted(run)
    }

    pub(super) fn sum_up(
        &self,
        entry: &Entry,
        switch_over: &SwitchOver,
        outcome: &Outcome,
        order: &dyn Strategy,
    ) -> Run {
        Run {
            strategy: entry.name,
            metrics: Metrics::of(self.scenario, switch_over, outcome, &predicted(order)),
            gap_closed: None,
            meets_no_access: meets_no_access(switch_over, outcome),
        }
    }
}

/// Refuses a run with a sum beyond what can be counted: a saturated number is no result.
pub(super) fn counted(run: Run) -> Result<Run, ComparisonError> {
    let beyond = METRICS.iter().any(|column| {
        matches!(
            (column.value)(&run),
            Value::Time(SimTime::MAX) | Value::Count(u64::MAX)
        )
    });
    if beyond {
        return Err(ComparisonError::Run {
            strategy: run.strategy.to_owned(),
            source: MigrationError::TooLong,
        });
    }
    Ok(run)
}

/// Whether the guest touches nothing from its resume until the last page has come.
fn meets_no_access(switch_over: &SwitchOver, outcome: &Outcome) -> bool {
    let resumed_at = switch_over.suspended_at + switch_over.downtime;
    let vcpus = switch_over.touch_order.vcpus().iter();
    let first = vcpus
        .filter_map(|vcpu| vcpu.touches.first())
        .map(|touch| touch.offset);
    match (outcome.completed_at, first.min()) {
        (Some(completed_at), _) if completed_at <= resumed_at => false,
        (Some(completed_at), Some(first)) => resumed_at + first > completed_at,
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

/// The pages of a plan that were not recorded.
pub(super) fn predicted(order: &dyn Strategy) -> Vec<PageId> {
    let planned = order.planned().iter();
    planned
        .filter(|planned| !planned.recorded)
        .map(|planned| planned.page)
        .collect()
}
