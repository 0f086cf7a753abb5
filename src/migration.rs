//! One migration: the phases, and the event loop that joins source, link and destination.
//!
//! ```text
//! 0            W                       D                    R                            end
//! ├─ recorded ─┼─ suspend · core state ─┼─ latency · resume ─┼─ vCPUs run ────────────────┤
//!              ├───────────────── downtime ──────────────────┤
//!                                      ├─ pages: pushed, from R on demanded, too ─────────┤
//! ```
//!
//! What comes before the core state's departure D is [`SwitchOver`]'s, pre-copy's rounds are [`pre_copy`]'s, and what
//! follows is an event loop's.
//!
//! What happens first at one instant: a piece leaves the link, a page is installed (a demanded one first), a vCPU
//! wakes, an acknowledgement and then a request reaches the source, a request is read, a push is released, a vCPU
//! touches a page, goes idle or is woken, then a fetching thread, a fault handler sends its request, requests are
//! acknowledged, the thread of requests acts, the migration thread acts. Several of one kind go by vCPU number, those
//! of fetching threads behind them by the plan.

mod event;
mod event_loop;
mod live_guest;
mod page_stream;
pub mod pre_copy;
mod progress;
mod recorded_push;
mod recorded_rounds;
mod rounds;
mod switch_over;

pub use progress::{MOST_SAMPLES, Probe, Progress, Sample, Samples};
pub use rounds::RoundsOutcome;
pub use switch_over::{Copied, CoreState, GuestCourse, SwitchOver};

use self::event_loop::EventLoop;
use crate::guest::recording::RecordError;
use crate::host::destination::Stall;
use crate::scenario::Scenario;
use crate::strategy::NotUnsent;
use crate::strategy::Strategy;
use crate::strategy::post_copy::active_push;
use crate::trace::TraceError;
use crate::units::SimTime;

/// Why a migration could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The trace could not be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The record window could not be replayed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A strategy broke its contract.
    #[error(transparent)]
    Strategy(#[from] NotUnsent),
    /// Simulated time ran out.
    #[error("the migration takes longer than 213 days; expected a faster link or a smaller memory")]
    TooLong,
}

/// What a migration came to, before it is summed up as [`crate::measure::Metrics`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When the VM resumed on the destination.
    pub resumed_at: SimTime,
    /// When the VM ran on the destination and all pages were there; `None` if some never are (`push = "none"`).
    pub completed_at: Option<SimTime>,
    /// All stalls, in the order in which they ended.
    pub stalls: Vec<Stall>,
    /// Requests that reached the source.
    pub requests: u64,
    /// Pages of the trace's size that were sent with their content, repetitions included.
    pub pages_sent: u64,
    /// Those sent as zero pages.
    pub zero_pages_sent: u64,
    /// Pages sent more than once: their repetitions.
    pub duplicate_pages_sent: u64,
    /// Bytes of all pages' messages, before packet overhead.
    pub page_bytes: u64,
}

/// Migrates the VM from its core state's departure on.
///
/// # Errors
///
/// [`MigrationError`] when the strategy misbehaves or simulated time runs out.
pub fn migrate(
    scenario: &Scenario,
    switch_over: &SwitchOver,
    strategy: &mut dyn Strategy,
) -> Result<Outcome, MigrationError> {
    migrate_observed(scenario, switch_over, strategy, &mut ())
}

/// Migrates the VM while `probe` watches.
///
/// # Errors
///
/// As [`migrate`].
pub fn migrate_observed(
    scenario: &Scenario,
    switch_over: &SwitchOver,
    strategy: &mut dyn Strategy,
    probe: &mut impl Probe,
) -> Result<Outcome, MigrationError> {
    let resumed_at = switch_over.suspended_at + switch_over.downtime;
    let whole = switch_over.memory.whole_page();
    let sizes = scenario.link.message_bytes(switch_over.memory.page_size());
    let (slowest, _) = scenario.link.range_from(switch_over.core_state.left_at);
    let largest = (sizes.of(whole).max(sizes.of(whole.emptied()))).max(scenario.link.segment.0);
    let longest = scenario.link.transmission(largest, slowest);
    // The link counts a piece's work in half-picoseconds.
    if resumed_at == SimTime::MAX || longest.as_ps() > u64::MAX / 2 {
        return Err(MigrationError::TooLong);
    }
    strategy.plan(&switch_over.observation(&scenario.link));
    let planned = switch_over.recorded || !strategy.planned().is_empty();
    if scenario.migration.delivery.kind().is_fetch() && planned {
        let mut scan = active_push(scenario.source.push);
        EventLoop::new(scenario, switch_over, strategy.planned()).run(scan.as_mut(), probe)
    } else {
        EventLoop::new(scenario, switch_over, &[]).run(strategy, probe)
    }
}
