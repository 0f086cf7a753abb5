//! What happens in a migration.

use crate::guest::touch_order::Toucher;
use crate::memory::PageId;

/// Events that wait in the queue. Their order is the order at equal times; pages that leave the link and pages that are
/// installed come before all of them, the source's threads after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A page that somebody waits for is in place.
    Installed {
        page: PageId,
    },
    Wake {
        vcpu: u16,
    },
    PageAcknowledged,
    Requested(Request),
    RequestRead(Request),
    PushReleased,
    /// A vCPU touches a page, goes idle or is woken.
    Turn {
        vcpu: u16,
    },
    Fetch,
    FaultHandled {
        by: Toucher,
        page: PageId,
    },
    RequestsAcknowledged,
}

/// A request on its way. Those that are sent together keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// Among those that were sent together.
    pub(super) place: usize,
    pub(super) by: Toucher,
    pub(super) page: PageId,
}
