//! One sender's channel: what waits in its socket, and how it goes out in pieces.

mod in_window;
mod regular;

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::message::{Departure, MessageBytes, Span};
use super::window::Window;
use crate::engine::Progression;
use crate::memory::Content;
use crate::units::SimTime;

/// Bytes of a channel that go out together.
#[derive(Debug)]
pub(super) struct Piece {
    /// Of which channel.
    pub(super) index: usize,
    /// How many.
    pub(super) bytes: u64,
    /// Half-picoseconds of the full bandwidth that it still needs.
    pub(super) work_left: u64,
}

/// A message in the queue: which span, and which of its pages. The end is the place behind the last span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    span: usize,
    index: u32,
}

impl Place {
    /// Goes on by `count` messages of a span that has `of`.
    fn go_on(&mut self, count: u32, of: u32) {
        self.index += count;
        if self.index == of {
            *self = Place {
                span: self.span + 1,
                index: 0,
            };
        }
    }

    /// The first span's first `count` messages are gone, and it with them if it is `emptied`.
    fn shift(&mut self, count: u32, emptied: bool) {
        if self.span == 0 {
            // A message of no bytes leaves with the one before it, begun or not.
            self.index = self.index.saturating_sub(count);
        } else if emptied {
            self.span -= 1;
        }
    }
}

/// A channel. Its bytes are counted from its first one on.
///
/// The source may be ahead of the link: spans hold messages that are handed over later than the link has come. Those
/// that it has come to have *arrived*.
#[derive(Debug)]
pub(super) struct Channel {
    /// Among the link's channels.
    index: usize,
    sizes: MessageBytes,
    /// Messages that have not left.
    queue: VecDeque<Span>,
    /// How many they are.
    messages: u64,
    /// How many at the end are like the last.
    alike: u64,
    /// The first that has not arrived.
    arriving: Place,
    /// The first that has not begun to its last byte.
    next: Place,
    /// Bytes that were put in.
    entered: u64,
    /// Bytes that have arrived.
    arrived: u64,
    /// Bytes that have gone into the device queue, or on the wire where there is none.
    begun: u64,
    /// Bytes that have left.
    left: u64,
    /// Bytes up to the end of the last message that has begun as a whole.
    whole: u64,
    /// Bytes up to the end of the last message that has left.
    gone: u64,
    /// Bytes of the first message in the queue that have been acknowledged ahead of it.
    ahead: u64,
    /// Messages are larger than these pieces, and count against the window piece by piece; 0 if as a whole.
    part: u64,
    pub(super) window: Window,
    /// What is on the wire, where there is no device queue.
    pub(super) wire: Option<Piece>,
}

impl Channel {
    pub(super) fn new(index: usize, sizes: MessageBytes, part: u64, window: Window) -> Self {
        Channel {
            index,
            sizes,
            queue: VecDeque::new(),
            messages: 0,
            alike: 0,
            arriving: Place::default(),
            next: Place::default(),
            entered: 0,
            arrived: 0,
            begun: 0,
            left: 0,
            whole: 0,
            gone: 0,
            ahead: 0,
            part,
            window,
            wire: None,
        }
    }

    /// Bytes of a message.
    pub(super) fn bytes(&self, content: Content) -> u64 {
        self.sizes.of(content)
    }

    /// Bytes that were put in.
    pub(super) fn entered(&self) -> u64 {
        self.entered
    }

    /// Bytes that have not left.
    pub(super) fn occupancy(&self) -> u64 {
        self.entered - self.left
    }

    /// Bytes that have begun and not left.
    pub(super) fn under_way(&self) -> u64 {
        self.begun - self.left
    }

    /// The number of the page that leaves next.
    pub(super) fn first_number(&self) -> Option<u64> {
        self.queue.front().map(|span| span.first)
    }

    /// What the page consists of that leaves next.
    pub(super) fn next_content(&self) -> Option<Content> {
        self.queue.front().map(|span| span.content)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many messages leave before any of another content; [`u32::MAX`] if all that it holds, and it holds some,
    /// have this one.
    pub(super) fn leading(&self, content: Content) -> u32 {
        if self.ends_with(content) && self.alike == self.messages {
            return u32::MAX;
        }
        let leading = self.queue.iter().take_while(|span| span.content == content);
        leading.map(|span| span.count).sum()
    }

    fn ends_with(&self, content: Content) -> bool {
        let last = self.queue.back();
        last.is_some_and(|last| last.content == content)
    }

    pub(super) fn enter(&mut self, span: Span) {
        self.entered += u64::from(span.count) * self.bytes(span.content);
        if !self.ends_with(span.content) {
            self.alike = 0;
        }
        self.alike += u64::from(span.count);
        self.messages += u64::from(span.count);
        self.queue.push_back(span);
    }

    /// The message that arrives next.
    fn next_arrival(&self) -> Option<(SimTime, u64)> {
        let span = self.queue.get(self.arriving.span)?;
        let time = span.handed.at(self.arriving.index);
        Some((time, self.bytes(span.content)))
    }

    /// When something begins although nothing leaves before: a message arrives, or the window opens for one that waits;
    /// [`SimTime::MAX`] if nothing does as things are.
    pub(super) fn next_start(&self, segment: u64, device_limit: u64) -> SimTime {
        if self.wire.is_some() {
            return SimTime::MAX;
        }
        let waiting = self.next_piece(segment);
        let Some((time, bytes)) = waiting.map_or_else(
            || {
                let (time, bytes) = self.next_arrival()?;
                let piece = if segment == 0 { self.part } else { segment };
                Some((time, cut(bytes, piece)))
            },
            |bytes| Some((SimTime::ZERO, bytes)),
        ) else {
            return SimTime::MAX;
        };
        if self.device_has_room(bytes, device_limit) {
            time.max(self.window.opens_at(self.counted()))
        } else {
            SimTime::MAX
        }
    }

    /// Whether a piece may join what is in the device queue.
    pub(super) fn device_has_room(&self, piece: u64, limit: u64) -> bool {
        let there = self.under_way();
        limit == 0 || there == 0 || there + piece <= limit
    }

    /// What was handed over before `now` has arrived, and if nothing waits, the next message arrives.
    pub(super) fn arrive_for_start(&mut self, now: SimTime) {
        self.arrive_before(now);
        if self.next == self.arriving
            && let Some(&Span { content, count, .. }) = self.queue.get(self.arriving.span)
        {
            self.arrived += self.bytes(content);
            self.arriving.go_on(1, count);
        }
    }

    /// What was handed over before `now` has arrived.
    pub(super) fn arrive_before(&mut self, now: SimTime) {
        while let Some(span) = self.queue.get(self.arriving.span) {
            let (index, of) = (self.arriving.index, span.count);
            let count = span.handed.after(index).count_before(now, of - index);
            if count == 0 {
                return;
            }
            self.arrived += u64::from(count) * self.bytes(span.content);
            self.arriving.go_on(count, of);
        }
    }

    /// Bytes of the piece that waits to begin, if any: what waits, up to a `segment`, or without segments one message
    /// or a part of it.
    pub(super) fn next_piece(&self, segment: u64) -> Option<u64> {
        if self.next == self.arriving {
            return None;
        }
        Some(if segment == 0 {
            let message = self.bytes(self.queue.get(self.next.span)?.content);
            cut(self.whole + message - self.begun, self.part)
        } else {
            (self.arrived - self.begun).min(segment)
        })
    }

    pub(super) fn begin(&mut self, bytes: u64) {
        self.begun += bytes;
        while self.next != self.arriving {
            let Span {
                count: of, content, ..
            } = self.queue[self.next.span];
            let there = self.arrived_of(self.next.span, of) - self.next.index;
            let count = fitting(self.begun - self.whole, self.bytes(content), there);
            if count == 0 {
                return;
            }
            self.whole += u64::from(count) * self.bytes(content);
            self.next.go_on(count, of);
        }
    }

    /// How many messages of a span, which has `of`, have arrived.
    fn arrived_of(&self, span: usize, of: u32) -> u32 {
        if span == self.arriving.span {
            self.arriving.index
        } else {
            of
        }
    }

    /// A piece has left at `now`, and with it the messages that end in it, and those of no bytes behind it.
    pub(super) fn leave(&mut self, bytes: u64, now: SimTime, departures: &mut Vec<Departure>) {
        self.left += bytes;
        while let Some(&Span {
            count: of, content, ..
        }) = self.queue.front()
        {
            let there = self.arrived_of(0, of);
            let most = if self.ahead > 0 { there.min(1) } else { there };
            let count = fitting(self.left - self.gone, self.bytes(content), most);
            if count == 0 {
                return;
            }
            departures.push(Departure {
                span: self.take_front(count),
                connection: self.index,
                left: Progression::at_once(now),
                ahead: std::mem::take(&mut self.ahead),
            });
        }
    }

    fn take_front(&mut self, count: u32) -> Span {
        let front = &mut self.queue[0];
        let span = front.split_off_front(count);
        let emptied = front.count == 0;
        if emptied {
            self.queue.pop_front();
        }
        self.next.shift(count, emptied);
        self.arriving.shift(count, emptied);
        self.gone += u64::from(count) * self.bytes(span.content);
        self.messages -= u64::from(count);
        self.alike = self.alike.min(self.messages);
        span
    }

    /// The connection is given up. Returns what has not left.
    pub(super) fn lose(&mut self) -> VecDeque<Span> {
        let lost = std::mem::take(&mut self.queue);
        (self.messages, self.alike) = (0, 0);
        (self.arriving, self.next) = (Place::default(), Place::default());
        // Of a message that was cut nothing counts.
        for bytes in [
            &mut self.entered,
            &mut self.arrived,
            &mut self.begun,
            &mut self.left,
            &mut self.whole,
        ] {
            *bytes = self.gone;
        }
        self.ahead = 0;
        self.window.reopen(self.gone);
        self.wire = None;
        lost
    }

    /// Bytes that have to begin before the page of a number has left, if it is there.
    pub(super) fn unbegun_until(&self, number: u64) -> Option<u64> {
        let mut bytes = 0;
        for (place, span) in self.queue.iter().enumerate() {
            let begun = match place.cmp(&self.next.span) {
                Ordering::Less => span.count,
                Ordering::Equal => self.next.index,
                Ordering::Greater => 0,
            };
            let wanted = span.place_of(number);
            let count = wanted.map_or(span.count, |wanted| wanted + 1);
            bytes += u64::from(count.saturating_sub(begun)) * self.bytes(span.content);
            if wanted.is_some() {
                return Some(bytes.saturating_sub(self.begun - self.whole));
            }
        }
        None
    }

    /// Bytes that have not begun.
    pub(super) fn unbegun(&self) -> u64 {
        self.entered - self.begun
    }

    /// Bytes that have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Whether all bytes up to this count have left, or nothing has arrived that could.
    pub(super) fn has_left(&self, count: u64) -> bool {
        self.left >= count || self.arrived == self.left
    }
}

/// Bytes of the first piece of so many; `piece` is 0 if they go together.
fn cut(bytes: u64, piece: u64) -> u64 {
    if piece == 0 { bytes } else { bytes.min(piece) }
}

/// How many messages of `each` bytes, at most `most`, are in so many bytes.
fn fitting(bytes: u64, each: u64, most: u32) -> u32 {
    match bytes.checked_div(each) {
        Some(count) => count.min(most.into()) as u32,
        None => most,
    }
}
