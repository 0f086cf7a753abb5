//! The lead-in: what happens on the source between the migration command and the suspension of the VM.
//!
//! It is independent of the [`Order`](super::Order), in which the pages follow that are missing at the resume: a strategy
//! is a pair of both, and any lead-in goes with any order.

use crate::units::SimTime;

/// What happens before the VM is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadIn {
    /// Nothing: it is suspended at once.
    Nothing,
    /// It runs on for the record window and is recorded; nothing is sent.
    Record,
    /// Memory is sent in rounds while it runs on.
    Rounds(Rounds),
}

impl LeadIn {
    /// Whether accesses are recorded.
    pub fn records(&self) -> bool {
        matches!(self, LeadIn::Record)
    }
}

/// When the pages follow that are still dirty after the last round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remainder {
    /// Before the core state, while no vCPU runs.
    WhileSuspended,
    /// After the resume, on demand and by a strategy's order.
    AfterResume,
}

/// Rounds of pre-copy, and when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rounds {
    /// After so many rounds at the latest; none means that the VM is suspended at once.
    pub most: u32,
    /// Earlier, when sending what is dirty would take no longer than this at the bandwidth measured so far.
    pub downtime_limit: SimTime,
    /// What becomes of the pages that are dirty then.
    pub remainder: Remainder,
}
