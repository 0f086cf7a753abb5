//! How the migration thread takes up pages that nobody has requested.

use super::{Ahead, SourceHost};
use crate::engine::Progression;
use crate::memory::{Content, PageId};
use crate::network::{Link, Span};
use crate::strategy::{NotUnsent, Strategy};
use crate::units::SimTime;

/// Runs of neighbouring pages that are taken up at once, so that the room for them is bounded.
const MOST_STRETCHES: usize = 1 << 16;

impl SourceHost<'_> {
    /// Takes up a page that the strategy has named, and those that follow it as far as the thread is sure to take them
    /// up at one pace. All but the last are served by the time that it is taken up.
    pub(super) fn push_from(
        &mut self,
        mut page: PageId,
        now: SimTime,
        ahead: Ahead,
        link: &mut Link,
        strategy: &mut dyn Strategy,
    ) -> Result<(), NotUnsent> {
        let content = self.contents.of(page);
        let service = self.pushing.of(content);
        let (pace, most) = self.pace(now, content, service, ahead, link);
        let taken_up = Progression {
            first: now,
            step: pace,
        };
        let (first, stretches) = (self.sequence.next_number(), self.sequence.stretches());
        let mut taken = 0;
        let other = loop {
            if !self.unsent.contains(page) {
                return Err(NotUnsent(page));
            }
            let of_page = self.contents.of(page);
            if of_page != content {
                break Some((page, of_page));
            }
            let mut count = 1;
            let room = most - taken - 1;
            let next = strategy.neighbours(page, room);
            if next.count > 0 {
                count = self.alike(page, 1 + next.count.min(room), next.downwards);
                strategy.pass_neighbours(page, count - 1);
            }
            self.take(page, count, next.downwards, content);
            taken += count;
            if taken == most || self.sequence.stretches() - stretches > MOST_STRETCHES {
                break None;
            }
            match strategy.next_page(&self.unsent) {
                Some(next) => page = next,
                None => break None,
            }
        };
        let requested_at = (self.request_thread.as_ref()).and_then(|_| self.requested_at(page));
        let mut span = Span {
            first,
            count: taken,
            content,
            demanded: false,
            requested_at,
            handed: taken_up.delayed(service),
        };
        self.limiter
            .count(now, u64::from(taken) * link.bytes(content));
        // The first of another content ends it.
        let served = taken - u32::from(other.is_none());
        if served > 0 {
            let served = span.split_off_front(served);
            if self.batch.holds_nothing_back() {
                link.announce(served);
            } else {
                self.batch.add(served);
            }
        }
        if let Some((page, content)) = other {
            let service = self.pushing.of(content);
            span = Span {
                first: self.sequence.next_number(),
                count: 1,
                content,
                handed: taken_up.after(taken).delayed(service),
                ..span
            };
            self.take(page, 1, false, content);
            self.limiter.count(now, link.bytes(content));
        }
        self.thread.serve(span, span.handed.first);
        Ok(())
    }

    /// How many pages, from one on and at most `most`, are unsent and consist of the same.
    fn alike(&self, page: PageId, most: u32, downwards: bool) -> u32 {
        if downwards {
            let unsent = self.unsent.run_length_until(page, most);
            self.contents.run_alike_until(page, unsent)
        } else {
            let unsent = self.unsent.run_length(page, most);
            self.contents.run_alike(page, unsent)
        }
    }

    /// Pages from one on, upwards or downwards, are no more to be sent.
    pub(super) fn take(&mut self, first: PageId, count: u32, downwards: bool, content: Content) {
        let lowest = if downwards {
            first - (count - 1)
        } else {
            first
        };
        self.unsent.remove_run(lowest, count);
        self.sequence.push(first, count, downwards);
        self.count_sent(content, count);
    }
}
