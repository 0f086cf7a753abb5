//! Hybrid: a round of pre-copy, then post-copy of the pages that were written meanwhile (Sahni and Varma, *A Hybrid
//! Approach to Live Migration of Virtual Machines*, CCEM 2012).
//!
//! The list of those pages, which the destination needs to discard its copies of them, is not charged for: it is a bit
//! a page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lead_in::{LeadIn, Remainder, Rounds};
use super::{Entry, Order, Parameters, Settings, post_copy};
use crate::limits::{OutOfLimits, expect};
use crate::units::{Bytes, SimTime};

/// `hybrid`.
pub const ENTRY: Entry = Entry {
    name: "hybrid",
    summary: "one round of pre-copy, then post-copy of what is dirty",
    source: "Sahni and Varma, CCEM 2012; libvirt's --postcopy-after-precopy",
    lead_in: |settings| LeadIn::Rounds(rounds(settings)),
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| post_copy::active_push(settings.push)),
};

/// `[hybrid]`: when a live round gives way to post-copy, of `hybrid` and `hybrid+pre-record`. What comes first counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct HybridSettings {
    /// Switches after so many rounds. Default 1: libvirt's `--postcopy-after-precopy`. ganeti switches when QEMU's
    /// `dirty-sync-count` is 2, which is after one round, too.
    pub rounds: u32,
    /// Switches at this time after the migration command, in the midst of a round; what is unsent stays missing.
    /// Default: never. KubeVirt switches when a time is over.
    pub time: Option<SimTime>,
    /// Switches after a round that leaves no more than so much memory dirty. Default 0 bytes.
    pub remaining: Bytes,
    /// Switches after a round that leaves no less dirty than it began with: more rounds would not help. Default
    /// `false`.
    pub local_minimum: bool,
    /// How long the source goes on with the next round before it switches over. Default 0 s. QEMU looks for the command
    /// to switch over every 50 ms (`migration/ram.c`, `MAX_WAIT`).
    pub iteration: SimTime,
    /// Who records for `hybrid+pre-record`, and what its rounds go by. Default `source`.
    pub recorder: LiveRecorder,
}

/// Who records during live rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LiveRecorder {
    /// The source's recorder, which knows of every page whether it was written after it was sent: rounds send cold
    /// memory first.
    Source,
    /// One beside the hypervisor, which only orders what is missing after the rounds. Rounds go by the dirty log, as in
    /// `hybrid`: a stock QEMU.
    Beside,
}

impl Default for HybridSettings {
    fn default() -> Self {
        HybridSettings {
            rounds: 1,
            time: None,
            remaining: Bytes(0),
            local_minimum: false,
            iteration: SimTime::ZERO,
            recorder: LiveRecorder::Source,
        }
    }
}

impl HybridSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.rounds <= 1_000,
            "hybrid.rounds",
            "expected at most 1000 rounds",
        )
    }
}

/// Rounds over the dirty log, until a rule of the settings says switch.
pub fn rounds(settings: &Settings<'_>) -> Rounds {
    let hybrid = settings.hybrid;
    Rounds {
        time: hybrid.time,
        remaining: hybrid.remaining,
        local_minimum: hybrid.local_minimum,
        iteration: hybrid.iteration,
        ..Rounds::at_most(hybrid.rounds, Remainder::AfterResume)
    }
}
