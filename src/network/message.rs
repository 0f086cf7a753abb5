//! What travels on the link.

use crate::engine::Progression;
use crate::memory::PageId;
use crate::units::SimTime;

/// A run of pages on their way to the destination, which carries its own times: consecutive pages of one kind that the
/// source handed to the link at equally spaced times. Each is a message of its own; a demanded page is a run of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first page.
    pub first: PageId,
    /// How many pages.
    pub count: u32,
    /// Whether their content is all zeros, so that a mark is sent instead.
    pub zero: bool,
    /// Whether a request asked for it.
    pub demanded: bool,
    /// When its request was read at the source, if that was before it was taken up.
    pub requested_at: Option<SimTime>,
    /// When each was handed to the link.
    pub handed: Progression,
}

impl Span {
    /// Takes the first `count` messages off.
    pub fn split_off_front(&mut self, count: u32) -> Span {
        let front = Span { count, ..*self };
        self.first += count;
        self.count -= count;
        self.handed = self.handed.after(count);
        front
    }

    /// Whether the page is among them.
    pub fn contains(&self, page: PageId) -> bool {
        page.checked_sub(self.first)
            .is_some_and(|index| index < self.count)
    }
}

/// Messages that have left the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Which.
    pub span: Span,
    /// When each left.
    pub left: Progression,
}
