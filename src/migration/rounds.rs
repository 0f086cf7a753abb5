//! Rounds in which memory is sent while the VM runs: which comes next, and how they went.

use crate::strategy::lead_in::{Remainder, Rounds};
use crate::units::SimTime;

/// How the rounds went, as a hypervisor reports it when they are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundsOutcome {
    /// Rounds while the VM ran on.
    pub rounds: u32,
    /// Whether what was dirty after the last round fitted the downtime limit; `None` where no limit ends the rounds.
    pub converged: Option<bool>,
    /// Bytes of the pages that the guest wrote in a second of the last round (QEMU's `dirty-pages-rate`, times the
    /// page).
    pub dirty_rate: u64,
    /// How long sending what was dirty would take at the bandwidth of the last 100 ms (QEMU's `expected-downtime`).
    pub expected_downtime: SimTime,
}

impl RoundsOutcome {
    /// Before the first round.
    pub(super) fn before(rounds: &Rounds) -> Self {
        let limited = rounds.remainder == Remainder::WhileSuspended && rounds.most > 0;
        RoundsOutcome {
            rounds: 0,
            converged: limited.then_some(false),
            dirty_rate: 0,
            expected_downtime: SimTime::ZERO,
        }
    }

    /// One round more, of a length, in which the guest wrote so many bytes of pages.
    pub(super) fn add(&mut self, length: SimTime, written: u64) {
        self.rounds += 1;
        let second = u128::from(SimTime::from_ms(1_000).as_ps());
        let rate = (u128::from(written) * second).checked_div(u128::from(length.as_ps()));
        // Rounded down; zero in no time.
        self.dirty_rate = u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX);
    }
}

/// Which round comes next.
pub(super) struct Schedule<'a> {
    rounds: &'a Rounds,
    /// When the next one is cut off.
    deadline: SimTime,
    /// Rounds that are over.
    over: u32,
    /// The rule that ends the rounds has been met; the source goes on until it looks for the command to switch over.
    is_switching: bool,
    is_done: bool,
}

impl<'a> Schedule<'a> {
    /// At the migration command.
    pub(super) fn new(rounds: &'a Rounds) -> Self {
        Schedule {
            rounds,
            deadline: rounds.time.unwrap_or(SimTime::MAX),
            over: 0,
            is_switching: false,
            is_done: rounds.most == 0,
        }
    }

    /// When the next round is cut off, if there is one.
    pub(super) fn next(&self) -> Option<SimTime> {
        (!self.is_done).then_some(self.deadline)
    }

    /// Whether the next round is what is sent before the command to switch over is found.
    pub(super) fn is_switching(&self) -> bool {
        self.is_switching
    }

    /// A round is over at a time; it was cut off, or what it left dirty is little enough.
    pub(super) fn round_is_over(&mut self, at: SimTime, is_cut: bool, is_enough: bool) {
        self.over += 1;
        let is_last = is_enough || self.over == self.rounds.most;
        self.is_done =
            is_cut || self.is_switching || is_last && self.rounds.iteration == SimTime::ZERO;
        if is_last && !self.is_done {
            self.is_switching = true;
            self.deadline = self.deadline.min(at + self.rounds.iteration);
        }
    }
}
