//! Stalls, and how QEMU counts them.

use super::DestinationSettings;
use crate::memory::PageId;
use crate::units::SimTime;

/// One stall: a fault from the touch until the vCPU goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The vCPU that touched the page.
    pub vcpu: u16,
    /// The page.
    pub page: PageId,
    /// The touch.
    pub from: SimTime,
    /// The vCPU, or the VM, runs again.
    pub until: SimTime,
    /// Whether the page was still on the source, unsent, when the request reached it.
    pub requested: bool,
    /// When the page passed the stations of its way.
    pub times: PageTimes,
}

/// When a page that was waited for passed the stations of its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageTimes {
    /// Its request was read at the source; zero if the page had been sent before.
    pub requested_at: SimTime,
    /// A thread of the source handed it to the link.
    pub handed_at: SimTime,
    /// Its last bit reached the destination.
    pub arrived_at: SimTime,
}

impl DestinationSettings {
    /// A stall as QEMU counts it: without what lies before its request and behind its page's installation
    /// (`migration/postcopy-ram.c`, `mark_postcopy_blocktime_begin`, `_end`).
    pub fn as_qemu_counts(&self, stall: &Stall) -> Stall {
        let from = (stall.from + self.fault_trap).min(stall.until);
        Stall {
            from,
            until: (stall.until - self.wake).max(from),
            ..*stall
        }
    }
}
