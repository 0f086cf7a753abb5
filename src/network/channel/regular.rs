//! Messages of a channel that leave at constant distances.

use super::{Channel, Departure, Span};
use crate::engine::Progression;
use crate::memory::Content;
use crate::units::SimTime;

impl Channel {
    /// How many messages leave at constant distances, the first at `now`, if each takes `transmission` and each begins
    /// as soon as it has arrived, the one before it has left and the window is open; and that distance. They are of one
    /// content, at most so many, and no more than are known to.
    pub(in crate::network) fn regular_run(
        &self,
        now: SimTime,
        transmission: SimTime,
        most: u32,
    ) -> (u32, SimTime) {
        let Some(span) = self.queue.front() else {
            return (0, transmission);
        };
        let bytes = self.bytes(span.content);
        let message = (span.content, bytes);
        let open = |begin, most| self.window.open_run(self.whole, message, now, begin, most);
        match self.waiting(now, transmission, most.saturating_sub(1)) {
            0 => {
                let arrivals = span.handed.after(1);
                if arrivals.step >= transmission
                    && arrivals.first + transmission == now + arrivals.step
                {
                    (1 + open(arrivals, span.count - 1), arrivals.step)
                } else {
                    (1, transmission)
                }
            }
            behind => {
                let begin = Progression {
                    first: now,
                    step: transmission,
                };
                let (count, step) = match open(begin, behind) {
                    0 => self.paced_run(now, transmission, bytes, behind),
                    count => (count, transmission),
                };
                (1 + count, step)
            }
        }
    }

    /// How many messages behind the one that leaves at `now`, of its content and at most so many, arrive while those
    /// before them leave, if each takes `transmission`.
    fn waiting(&self, now: SimTime, transmission: SimTime, most: u32) -> u32 {
        let mut begin = Progression {
            first: now,
            step: transmission,
        };
        let (mut count, mut leading) = (0, None);
        for span in &self.queue {
            let (arrivals, of) = match leading {
                None => (span.handed.after(1), span.count - 1),
                Some(leading) if leading == span.content => (span.handed, span.count),
                Some(_) => break,
            };
            leading = Some(span.content);
            let of = of.min(most - count);
            if of > 0 && arrivals.first > begin.first {
                break;
            }
            let there = begin.count_not_before(arrivals, of);
            count += there;
            if there < of || count == most {
                break;
            }
            begin = begin.after(there);
        }
        count
    }

    /// How many messages begin with one acknowledgement each, from now on and as regularly as the last one, which
    /// leaves at `now`.
    fn paced_run(
        &self,
        now: SimTime,
        transmission: SimTime,
        bytes: u64,
        most: u32,
    ) -> (u32, SimTime) {
        match self.window.next_openings(self.whole, bytes) {
            Some((begin, count))
                if begin.step >= transmission && begin.first + transmission == now + begin.step =>
            {
                (count.min(most), begin.step)
            }
            _ => (0, transmission),
        }
    }

    /// When the next messages leave, and how many of a content are known to leave at that constant distance, if others
    /// join them. `next_departure` is when the one on the wire leaves; without one, another has just left.
    pub(in crate::network) fn departures(
        &self,
        now: SimTime,
        next_departure: SimTime,
        transmission: SimTime,
        content: Content,
    ) -> Option<(Progression, u32)> {
        let (bytes, most) = (self.bytes(content), self.leading(content));
        let (left, count) = if self.wire.is_none() {
            let (count, step) = self.paced_run(now, transmission, bytes, most);
            let first = now + step;
            (Progression { first, step }, count)
        } else {
            let begin = Progression {
                first: next_departure,
                step: transmission,
            };
            let open =
                self.window
                    .open_run(self.whole, (content, bytes), next_departure, begin, most);
            (begin, open.saturating_add(1).min(most))
        };
        (count > 0).then_some((left, count))
    }

    /// The first `count` messages have passed, whole and one by one, and have `left` at these times.
    pub(in crate::network) fn pass(
        &mut self,
        mut count: u32,
        mut left: Progression,
        departures: &mut Vec<Departure>,
    ) {
        while let Some(front) = self.queue.front()
            && count > 0
        {
            let here = count.min(front.count);
            departures.push(Departure {
                span: self.pass_front(here),
                connection: self.index,
                left,
                ahead: 0,
            });
            left = left.after(here);
            count -= here;
        }
        self.wire = None;
    }

    fn pass_front(&mut self, count: u32) -> Span {
        let Span {
            count: of, content, ..
        } = self.queue[0];
        let each = self.bytes(content);
        if self.arriving.span == 0 && self.arriving.index < count {
            let more = count - self.arriving.index;
            self.arrived += u64::from(more) * each;
            self.arriving.go_on(more, of);
        }
        if self.next.span == 0 && self.next.index < count {
            let more = count - self.next.index;
            self.whole += u64::from(more) * each;
            self.begun = self.whole;
            self.next.go_on(more, of);
        }
        self.left += u64::from(count) * each;
        self.take_front(count)
    }
}
