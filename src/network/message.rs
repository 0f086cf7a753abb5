//! What travels on the link.

use crate::memory::PageId;

/// A page on its way to the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which page.
    pub page: PageId,
    /// Whether its content is all zeros, so that a mark is sent instead.
    pub zero: bool,
    /// Whether a request asked for it.
    pub demanded: bool,
}
