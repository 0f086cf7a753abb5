//! What travels on the link.

use crate::engine::Progression;
use crate::memory::Content;
use crate::units::SimTime;

/// Bytes of messages, before packet overhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageBytes {
    /// Of a page with content, of the trace's size.
    pub page: u64,
    /// Of a zero page.
    pub zero_page: u64,
}

impl MessageBytes {
    /// Of a host page.
    pub fn of(self, content: Content) -> u64 {
        u64::from(content.pages) * self.page + u64::from(content.zeros) * self.zero_page
    }
}

/// A run of pages on their way to the destination, which carries its own times: pages of the same content, wherever
/// they lie, that the source handed to the link at equally spaced times. Each is a message of its own; a demanded page
/// is a run of one. The source knows by their numbers which pages they are. Before the resume nobody asks, and numbers
/// mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Number of the first page in the [order of sending](crate::memory::PageSequence).
    pub first: u64,
    /// How many pages.
    pub count: u32,
    /// What each consists of.
    pub content: Content,
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
        self.first += u64::from(count);
        self.count -= count;
        self.handed = self.handed.after(count);
        front
    }

    /// Which of them has a number, if one has.
    pub fn place_of(&self, number: u64) -> Option<u32> {
        let place = number.checked_sub(self.first)?;
        (place < self.count.into()).then_some(place as u32)
    }
}

/// Messages that have left the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Which.
    pub span: Span,
    /// On which of the link's channels.
    pub connection: usize,
    /// When each left.
    pub left: Progression,
    /// Bytes of the first, then the only one, that were acknowledged as they came in.
    pub ahead: u64,
}

impl Departure {
    /// Whether pushed pages of the same content leave behind these as regularly, on the same channel.
    pub fn is_continued_by(&self, next: &Departure) -> bool {
        let (span, behind) = (&self.span, &next.span);
        self.connection == next.connection
            && span.content == behind.content
            && !span.demanded
            && !behind.demanded
            && self.ahead.max(next.ahead) == 0
            && next.left == self.left.after(span.count)
    }
}
