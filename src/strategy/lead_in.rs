//! The lead-in: what happens on the source between the migration command and the suspension of the VM.
//!
//! It is independent of the [`Order`](super::Order), in which the pages follow that are missing at the resume: a
//! strategy is a pair of both, and any lead-in goes with any order.

use crate::units::{Bytes, SimTime};

/// What happens before the VM is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadIn {
    /// Nothing: it is suspended at once.
    Nothing,
    /// It runs on for the record window and is recorded; nothing is sent.
    Record,
    /// It runs on for the record window and is recorded, and memory is sent meanwhile, each page once.
    PushWhileRecording,
    /// Memory is sent in rounds while it runs on.
    Rounds(Rounds),
}

impl LeadIn {
    /// Whether accesses are recorded.
    pub fn records(&self) -> bool {
        match self {
            LeadIn::Nothing => false,
            LeadIn::Record | LeadIn::PushWhileRecording => true,
            LeadIn::Rounds(rounds) => rounds.tracking.records(),
        }
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

/// How the source learns what the VM does during a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tracking {
    /// By the hypervisor's dirty log, which costs nothing and is cleared in chunks (`source.dirty_log_chunk`). Pages go
    /// in order of their addresses.
    DirtyLog,
    /// In the same way; a recorder beside the hypervisor sees accesses, and slows nothing down.
    DirtyLogAndRecording,
    /// By a recorder, which traps accesses page by page (`source.record_trap`) and so knows for every page whether it
    /// was written after it was sent.
    Recorder {
        /// Whether pages that have been written go last, the oldest last write first; else all go in order of their
        /// addresses.
        cold_first: bool,
    },
}

impl Tracking {
    /// Whether accesses are recorded.
    pub fn records(self) -> bool {
        self != Tracking::DirtyLog
    }
}

/// Rounds in which memory is sent, and when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rounds {
    /// After so many rounds at the latest; none means that the VM is suspended at once.
    pub most: u32,
    /// After a round, when sending what is dirty would take no longer than this at the bandwidth measured of late.
    pub downtime_limit: SimTime,
    /// After a round, when no more than so much is dirty.
    pub remaining: Bytes,
    /// After a round that leaves no less dirty than it began with.
    pub local_minimum: bool,
    /// At this time after the migration command, in the midst of a round: what is unsent stays missing.
    pub time: Option<SimTime>,
    /// So long the source goes on with the next round before it switches over.
    pub iteration: SimTime,
    /// What becomes of the pages that are dirty then.
    pub remainder: Remainder,
    /// How accesses are watched meanwhile.
    pub tracking: Tracking,
}

impl Rounds {
    /// So many rounds over the dirty log, or fewer, if nothing is dirty.
    pub fn at_most(most: u32, remainder: Remainder) -> Self {
        Rounds {
            most,
            downtime_limit: SimTime::ZERO,
            remaining: Bytes(0),
            local_minimum: false,
            time: None,
            iteration: SimTime::ZERO,
            remainder,
            tracking: Tracking::DirtyLog,
        }
    }
}
