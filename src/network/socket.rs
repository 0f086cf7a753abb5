//! How served pages get to the link: gathered, and written in one go to a buffer that may be full.

use std::collections::VecDeque;

use super::{Link, Span};
use crate::engine::Progression;
use crate::memory::Content;
use crate::units::{Bytes, SimTime};

/// Bytes of zero pages' marks that close a batch without any content: QEMU's `IO_BUF_SIZE` (`migration/qemu-file.c`).
const MARKS: u64 = 32 << 10;

/// A buffer that a writer fills up, and that takes more only once it has been emptied to a mark.
#[derive(Debug)]
pub(crate) struct SendBuffer {
    size: u64,
    resume: u64,
    full: bool,
}

impl SendBuffer {
    /// A buffer of `size` bytes; once full, it takes more from `resume` bytes on.
    pub(crate) fn new(size: Bytes, resume: Option<Bytes>) -> Self {
        SendBuffer {
            size: size.0.max(1), // an empty one has room for a page
            resume: resume.unwrap_or(size).0,
            full: false,
        }
    }

    /// The same, with room for a message of so many bytes behind another: large pages go through it in pieces, so that
    /// the writer deals with the next while one leaves.
    pub(crate) fn holding(self, message: u64) -> Self {
        if message < self.size {
            return self;
        }
        SendBuffer {
            size: message + 1,
            resume: message,
            ..self
        }
    }

    /// The writer is woken, whatever there is room for.
    pub(crate) fn wake(&mut self) {
        self.full = false;
    }

    /// Whether there is room, with `occupancy` bytes in it.
    pub(crate) fn has_room(&mut self, occupancy: u64) -> bool {
        if self.full && occupancy > self.resume {
            return false;
        }
        self.full = occupancy >= self.size;
        !self.full
    }

    /// How many messages of `each` bytes find room one after the other, if none leaves; there is room for the first.
    pub(crate) fn room(&self, occupancy: u64, each: u64) -> u32 {
        let below = self.size.saturating_sub(1).saturating_sub(occupancy);
        let more = below.checked_div(each).unwrap_or(u64::MAX);
        u32::try_from(more.saturating_add(1)).unwrap_or(u32::MAX)
    }

    /// There is room, once it was full, from so many bytes on.
    pub(crate) fn level(&self) -> u64 {
        self.resume.min(self.size - 1)
    }
}

/// Pages that have been served and not handed to the link yet.
#[derive(Debug)]
pub(crate) struct Batch {
    spans: VecDeque<Span>,
    most_pages: u64,
    zero_page_bytes: u64,
    pages: u64,
    marks: u64,
    /// It is being written; nothing else is done until it is.
    writing: bool,
}

impl Batch {
    pub(crate) fn new(most_pages: u32, zero_page_bytes: u32) -> Self {
        Batch {
            spans: VecDeque::new(),
            most_pages: most_pages.into(),
            zero_page_bytes: zero_page_bytes.into(),
            pages: 0,
            marks: 0,
            writing: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn is_being_written(&self) -> bool {
        self.writing
    }

    /// The number of the first page.
    pub(crate) fn first_number(&self) -> Option<u64> {
        self.spans.front().map(|span| span.first)
    }

    /// Whether a page is written as soon as it is served.
    pub(crate) fn holds_nothing_back(&self) -> bool {
        self.most_pages == 0
    }

    /// How many host pages of a content complete the batch, at least one.
    pub(crate) fn room(&self, content: Content) -> u32 {
        let room = |left: u64, each: u64| match each {
            0 => u64::MAX, // marks of no bytes never complete it
            each => left.div_ceil(each),
        };
        let by_pages = room(self.most_pages - self.pages, content.pages.into());
        let by_marks = room(MARKS - self.marks, self.marks_of(content));
        u32::try_from(by_pages.min(by_marks)).unwrap_or(u32::MAX)
    }

    fn marks_of(&self, content: Content) -> u64 {
        u64::from(content.zeros) * self.zero_page_bytes
    }

    /// Adds pages, the last of which may complete the batch.
    pub(crate) fn add(&mut self, span: Span) {
        self.pages += u64::from(span.count) * u64::from(span.content.pages);
        self.marks += u64::from(span.count) * self.marks_of(span.content);
        self.spans.push_back(span);
        self.writing = self.pages >= self.most_pages || self.marks >= MARKS;
    }

    /// The socket is gone. Returns what was for it.
    pub(crate) fn lose(&mut self) -> VecDeque<Span> {
        (self.pages, self.marks, self.writing) = (0, 0, false);
        std::mem::take(&mut self.spans)
    }

    /// Nothing more is to be had: it is written as it is.
    pub(crate) fn close(&mut self) {
        self.writing = !self.spans.is_empty();
    }

    /// The next pages of a batch that is being written, as many of a span as the buffer, with `occupancy` bytes in it,
    /// has room for.
    pub(crate) fn write(
        &mut self,
        buffer: &mut SendBuffer,
        occupancy: u64,
        bytes: impl Fn(Content) -> u64,
    ) -> Option<Span> {
        if !self.writing || !buffer.has_room(occupancy) {
            return None;
        }
        let span = self.spans.front_mut()?;
        let written =
            span.split_off_front(span.count.min(buffer.room(occupancy, bytes(span.content))));
        if span.count == 0 {
            self.spans.pop_front();
        }
        if self.spans.is_empty() {
            (self.pages, self.marks, self.writing) = (0, 0, false);
        }
        Some(written)
    }
}

/// At which distance a thread takes up pages of a content from `now` on, each of which it serves for `service`, and how
/// many surely, if nothing else happens: one behind the other as long as there is room, or one whenever one leaves the
/// link.
pub(crate) fn pace(
    batch: &Batch,
    buffer: &SendBuffer,
    link: &Link,
    now: SimTime,
    content: Content,
    service: SimTime,
) -> (SimTime, u32) {
    if !batch.holds_nothing_back() {
        return (service, batch.room(content));
    }
    let occupancy = link.occupancy(false);
    let room = buffer.room(occupancy, link.bytes(content));
    let Some((left, count)) = link.departures(now, content) else {
        return (service, room);
    };
    // With room for one, and a page that leaves before the next is looked for, each that leaves makes room for the
    // next.
    let is_steady = room == 1 && occupancy <= buffer.level() && left.first == now + left.step;
    if is_steady && left.step > service {
        return (left.step, count.saturating_add(1));
    }
    // Another is there when the first has left, or comes too seldom to fill the buffer.
    let goes_on =
        occupancy > link.bytes(content) || now + service <= left.first || service >= left.step;
    if goes_on {
        (service, room_meanwhile(room, now, service, left, count))
    } else {
        (service, room)
    }
}

/// How many messages find room one behind the other, one each `service` from `now` on, where there is room for so many
/// and `count` of them leave meanwhile.
///
/// Number `i` finds it as long as no more than `room - 1` of the `i` before it are still there. By then
/// `(now + i * service - first) / step + 1`, rounded down, have left. If that is less often than they come, number `i`
/// is the first without room where `i * (step - service)` exceeds `now + room * step - first`.
fn room_meanwhile(room: u32, now: SimTime, service: SimTime, left: Progression, count: u32) -> u32 {
    let most = room.saturating_add(count);
    let behind = left.step.saturating_sub(service).as_ps();
    let lead = (now + left.step.times(room.into())).saturating_sub(left.first);
    match lead.as_ps().checked_div(behind) {
        Some(found) => found.saturating_add(1).min(most.into()) as u32,
        None => most,
    }
}

/// When one page leaves that makes room for one while others wait behind it, if that is the next that leaves and there
/// is no room before: what it consists of, and when.
pub(crate) fn next_room(
    batch: &Batch,
    buffer: &SendBuffer,
    link: &Link,
) -> Option<(Content, SimTime)> {
    if !batch.holds_nothing_back() {
        return None;
    }
    let (content, at) = link.next_to_leave()?;
    let bytes = link.bytes(content);
    let occupancy = link.occupancy(false) - bytes;
    (occupancy > 0 && occupancy <= buffer.level() && buffer.room(occupancy, bytes) == 1)
        .then_some((content, at))
}
