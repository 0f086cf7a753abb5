//! A connection that is given up in a long outage, and a new one behind it.
//!
//! QEMU's post-copy then pauses on both sides (`postcopy-paused`), and is told of a new connection (`migrate-recover`,
//! and `migrate` with `resume`). The source asks which pages have been received (`migration/savevm.c`,
//! `qemu_savevm_send_recv_bitmap`), the destination answers with a bit for each (`migration/ram.c`,
//! `ramblock_recv_bitmap_send`), and the source takes all others for unsent (`ram_dirty_bitmap_reload`). Then it says
//! that it goes on (`postcopy_resume_handshake`); the destination acknowledges that, and requests anew what is still
//! waited for (`migration/savevm.c`, `loadvm_postcopy_handle_resume`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LinkSettings, Outage};
use crate::limits::{OutOfLimits, expect};
use crate::units::SimTime;

/// `[link.recovery]`: post-copy gives a connection up, and goes on over a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a section with keys")]
pub struct RecoverySettings {
    /// How long an outage lasts until post-copy pauses (QEMU: `postcopy-paused`). What has not left the source's host
    /// is lost then. An outage that is no longer, or that begins before the resume, is a standstill. Default: no
    /// section, and every outage is one.
    pub timeout: SimTime,
    /// From the outage's end until a new connection stands (QEMU: `migrate-recover`). Default: no section.
    pub reconnect: SimTime,
}

impl RecoverySettings {
    pub(super) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.timeout > SimTime::ZERO,
            "link.recovery.timeout",
            "expected more than 0",
        )
    }
}

/// When post-copy goes on behind a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The destination requests anew what is still waited for.
    pub at_destination: SimTime,
    /// The source sends again.
    pub at_source: SimTime,
}

impl LinkSettings {
    /// When post-copy that resumed at a time pauses.
    pub fn pauses(&self, resumed_at: SimTime) -> impl Iterator<Item = SimTime> {
        let timeout = self.recovery.as_ref().map(|recovery| recovery.timeout);
        let long = move |outage: &&Outage| {
            outage.at >= resumed_at && timeout.is_some_and(|timeout| outage.duration > timeout)
        };
        let pauses = self.outages.iter().filter(long);
        pauses.map(move |outage| outage.at + timeout.unwrap_or_default())
    }

    /// When post-copy of so many pages goes on that paused at a time within an outage.
    pub fn recovery(&self, paused_at: SimTime, pages: u64) -> Recovery {
        let over = self.outage(paused_at).map_or(paused_at, Outage::end);
        let reconnect = self.recovery.as_ref().map(|recovery| recovery.reconnect);
        let asked = self.arrival(over + reconnect.unwrap_or_default());
        // The way back is as fast as the way there.
        let answered = self.left(asked, pages.div_ceil(8)) + self.latency;
        let at_destination = self.arrival(answered);
        Recovery {
            at_destination,
            at_source: self.arrival(at_destination),
        }
    }
}
