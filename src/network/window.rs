//! TCP's receive window: how many bytes of a channel may be on their way, and when it opens again.
//!
//! A byte counts against the window from its departure's beginning until the acknowledgement has come back that the
//! receiving thread took it: its page's installation, and one latency more. When that is follows from the departure
//! alone, so the receiver tells it for a whole span at once. A large page's message goes in parts, each of which but
//! the last is taken as it arrives.

use std::collections::VecDeque;

use super::LinkSettings;
use crate::engine::Progression;
use crate::memory::Content;
use crate::units::{Bytes, SimTime};

/// Acknowledgements of messages of one size.
#[derive(Debug, Clone, Copy)]
struct Acknowledgements {
    bytes: u64,
    count: u32,
    at: Progression,
}

impl Acknowledgements {
    /// Takes up others behind its own, if they go on as these do.
    fn join(&mut self, next: &Acknowledgements) -> bool {
        let gap = next.at.first.saturating_sub(self.at.at(self.count - 1));
        let goes_on = self.bytes == next.bytes
            && (self.count == 1 || self.at.step == gap)
            && (next.count == 1 || next.at.step == gap);
        if goes_on {
            self.at.step = gap;
            self.count += next.count;
        }
        goes_on
    }
}

/// How acknowledgements follow messages that leave at constant distances, if the receiving thread keeps up with them.
#[derive(Debug, Clone, Copy)]
struct Echo {
    content: Content,
    step: SimTime,
    /// From each departure to its acknowledgement.
    delay: SimTime,
    /// When the next message leaves, if it does as regularly.
    next: SimTime,
}

/// The window of a channel, as its sender knows it.
#[derive(Debug, Clone)]
pub struct Window {
    size: u64,
    /// Bytes that were under way when the channel began to count.
    before: u64,
    /// Bytes acknowledged so far, those among them.
    acknowledged: u64,
    /// What will be, as far as its messages have left.
    due: VecDeque<Acknowledgements>,
    echo: Option<Echo>,
}

impl Window {
    /// A window of so many bytes; all that there are are no limit.
    pub(super) fn new(size: Bytes) -> Self {
        Window {
            size: size.0,
            before: 0,
            acknowledged: 0,
            due: VecDeque::new(),
            echo: None,
        }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.size < u64::MAX
    }

    /// Messages of a content and so many bytes each have `left`, and are acknowledged at these times; they follow all
    /// others.
    pub(super) fn acknowledge(
        &mut self,
        (content, bytes): (Content, u64),
        count: u32,
        left: Progression,
        at: Progression,
    ) {
        if !self.is_limited() || bytes == 0 {
            return;
        }
        let next = Acknowledgements { bytes, count, at };
        if !self.due.back_mut().is_some_and(|last| last.join(&next)) {
            self.due.push_back(next);
        }
        let delay = at.first.saturating_sub(left.first);
        let goes_on =
            |echo: &Echo| (echo.content, echo.delay, echo.next) == (content, delay, left.first);
        let step = match self.echo.filter(goes_on) {
            _ if count > 1 => Some(left.step).filter(|step| *step == at.step),
            before => before.map(|echo| echo.step),
        };
        self.echo = step.map(|step| Echo {
            content,
            step,
            delay,
            next: left.at(count - 1) + step,
        });
    }

    /// A part of a message has left, comes in, and is acknowledged then, behind all others.
    pub(super) fn acknowledge_part(&mut self, bytes: u64, left: SimTime, at: SimTime) {
        let last = self.due.back().map(|due| due.at.at(due.count - 1));
        let at = Progression::at_once(at.max(last.unwrap_or_default()));
        let message = (Content::default(), bytes);
        self.acknowledge(message, 1, Progression::at_once(left), at);
        self.forget_echo();
    }

    /// A new connection has the window, behind so many bytes of those before.
    pub(super) fn reopen(&mut self, begun: u64) {
        *self = Window {
            acknowledged: begun,
            ..Window::new(Bytes(self.size))
        };
    }

    /// Others have come to the receiving thread.
    pub(super) fn forget_echo(&mut self) {
        self.echo = None;
    }

    /// Whether messages of a content and so many bytes that leave every `step`, the one under way at `leaves`, find
    /// the window open from `since` on, as the receiving thread goes on as it does.
    fn stays_open(
        &self,
        (content, bytes): (Content, u64),
        step: SimTime,
        leaves: SimTime,
        since: SimTime,
    ) -> bool {
        self.echo.is_some_and(|echo| {
            let last = self.due.back().map(|due| due.at.at(due.count - 1));
            let under_way = echo.delay.as_ps().checked_div(echo.step.as_ps());
            (echo.content, echo.step, echo.next) == (content, step, leaves)
                && last.is_none_or(|last| last <= since)
                // Of this run only: all others have been acknowledged by then.
                && under_way.is_some_and(|count| {
                    u128::from(count + 1) * u128::from(bytes) < u128::from(self.size)
                })
        })
    }

    /// Acknowledgements come in that are due by `now`.
    pub(super) fn receive(&mut self, now: SimTime) {
        while let Some(due) = self.due.front_mut() {
            let count = due.at.count_until(now, due.count);
            self.acknowledged += u64::from(count) * due.bytes;
            due.count -= count;
            due.at = due.at.after(count);
            if due.count > 0 {
                return;
            }
            self.due.pop_front();
        }
    }

    /// Bytes under way, after so many that have begun.
    fn under_way(&self, begun: u64) -> u64 {
        self.before + begun - self.acknowledged
    }

    /// Whether a message may begin after so many bytes of others.
    pub(super) fn is_open(&self, begun: u64) -> bool {
        self.under_way(begun) < self.size
    }

    /// When it is open: zero if it is, [`SimTime::MAX`] if that depends on messages that have not left.
    pub(super) fn opens_at(&self, begun: u64) -> SimTime {
        let mut under_way = self.under_way(begun);
        if under_way < self.size {
            return SimTime::ZERO;
        }
        for due in &self.due {
            let missing = under_way - self.size + 1;
            let index = missing.div_ceil(due.bytes) - 1;
            if index < u64::from(due.count) {
                return due.at.at(index as u32);
            }
            under_way -= u64::from(due.count) * due.bytes;
        }
        SimTime::MAX
    }

    /// How many messages of a content and so many bytes find the window open, if they begin at these times behind
    /// `begun` bytes of others, of which the last `leaves` a step before them; at most so many, and no more than are
    /// known to.
    pub(super) fn open_run(
        &self,
        begun: u64,
        (content, bytes): (Content, u64),
        leaves: SimTime,
        begin: Progression,
        most: u32,
    ) -> u32 {
        let open = self
            .size
            .saturating_sub(self.under_way(begun))
            .div_ceil(bytes);
        let mut count = u32::try_from(open).unwrap_or(u32::MAX).min(most);
        // From then on each acknowledgement lets one message begin.
        for due in &self.due {
            if count == most || due.bytes != bytes || due.at.first > begin.at(count) {
                break;
            }
            let in_time = begin.after(count).count_not_before(due.at, due.count);
            count = count.saturating_add(in_time).min(most);
            if in_time < due.count {
                break;
            }
        }
        if self.stays_open((content, bytes), begin.step, leaves, begin.at(count)) {
            return most;
        }
        count
    }

    /// When each of the next messages of so many bytes begins in a closed window, if each begins with an
    /// acknowledgement; and how many.
    pub(super) fn next_openings(&self, begun: u64, bytes: u64) -> Option<(Progression, u32)> {
        let next = self.due.front()?;
        (next.bytes == bytes && self.opens_at(begun) == next.at.first)
            .then_some((next.at, next.count))
    }

    /// Sends so many bytes of a stream that begins at `start` behind `begun` bytes of messages, all of which have left.
    /// It has the link for itself, is taken as it arrives, and acknowledged as a whole. Returns when it has left, and
    /// the window of a channel that begins behind it.
    pub(super) fn send_stream(
        mut self,
        settings: &LinkSettings,
        start: SimTime,
        begun: u64,
        bytes: u64,
    ) -> (SimTime, Window) {
        let left = self.stream_left(settings, start, begun, bytes);
        self.before = self.under_way(begun) + bytes;
        self.acknowledged = 0;
        let back = settings.arrival(left + settings.latency);
        self.acknowledge_part(bytes, left, back);
        (left, self)
    }

    /// When so many bytes of a stream have left.
    fn stream_left(
        &self,
        settings: &LinkSettings,
        start: SimTime,
        begun: u64,
        bytes: u64,
    ) -> SimTime {
        // Held up by what was begun before; without that the stream's own acknowledgements.
        let behind_others = |bytes: u64| {
            let mut left = settings.left(start, bytes);
            let mut under_way = self.under_way(begun);
            for due in &self.due {
                for index in 0..due.count {
                    let open = self.size.saturating_sub(under_way);
                    if open >= bytes {
                        return left;
                    }
                    left = left.max(settings.left(due.at.at(index), bytes - open));
                    under_way -= due.bytes;
                }
            }
            left
        };
        let round_trip = settings.latency.times(2);
        let rounds = bytes.saturating_sub(1) / self.size;
        // Each window's worth leaves when the one before is acknowledged, or when the link has come to it. A window
        // that others hold up is the first or the second.
        let after =
            |rounds: u64| behind_others(bytes - rounds * self.size) + round_trip.times(rounds);
        let held_up = after(rounds).max(after(rounds.saturating_sub(1)));
        let left = held_up.max(after(0));
        if rounds == 0 || !settings.changes_within(start, left) {
            return left;
        }
        // Window by window, as the bandwidth may be another for each.
        let next = |before: SimTime| {
            let acknowledged = settings.arrival(before + settings.latency);
            acknowledged.max(settings.left(before, self.size))
        };
        let first = behind_others(bytes - rounds * self.size);
        let second = next(first).max(behind_others(bytes - (rounds - 1) * self.size));
        (1..rounds).fold(second, |before, _| next(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(size: u64, due: &[(u64, u32, u64, u64)]) -> Window {
        let mut window = Window::new(Bytes(size));
        for &(bytes, count, first, step) in due {
            let at = Progression {
                first: SimTime::from_ps(first),
                step: SimTime::from_ps(step),
            };
            window.acknowledge(
                (Content::default(), bytes),
                count,
                Progression::default(),
                at,
            );
        }
        window
    }

    #[test]
    fn it_opens_with_the_acknowledgement_that_makes_room() {
        // 50 of 40 bytes are under way: the second acknowledgement leaves 30.
        let window = window(40, &[(10, 3, 100, 7)]);
        assert_eq!(window.opens_at(39), SimTime::ZERO);
        assert_eq!(window.opens_at(50), SimTime::from_ps(107));
        assert_eq!(window.opens_at(70), SimTime::MAX);
        assert_eq!(
            window.next_openings(49, 10).map(|(_, count)| count),
            Some(3)
        );
        assert_eq!(window.next_openings(50, 10), None);
    }

    #[test]
    fn acknowledgements_that_go_on_are_one() {
        let due = [
            (10, 1, 100, 0),
            (10, 2, 110, 10),
            (10, 1, 131, 0),
            (20, 1, 142, 0),
        ];
        let window = window(1_000, &due);
        let joined =
            |due: &Acknowledgements| (due.count, due.at.first.as_ps(), due.at.step.as_ps());
        let joined: Vec<_> = window.due.iter().map(joined).collect();
        assert_eq!(joined, [(3, 100, 10), (1, 131, 0), (1, 142, 0)]);
    }

    #[test]
    fn a_run_ends_where_an_acknowledgement_is_late() {
        // Two fit; acknowledgements at 100, 110, 120 let messages 2, 3, 4 begin, which would at 101, 106, 111.
        let window = window(40, &[(10, 3, 100, 10)]);
        let begin = Progression {
            first: SimTime::from_ps(91),
            step: SimTime::from_ps(5),
        };
        let message = (Content::default(), 10);
        assert_eq!(window.open_run(20, message, SimTime::ZERO, begin, 100), 3);
        assert_eq!(window.open_run(20, message, SimTime::ZERO, begin, 1), 1);
    }

    #[test]
    fn a_stream_takes_a_window_a_round_trip() {
        // 10 ns a byte, and 1 us each way.
        let settings = LinkSettings {
            bandwidth: crate::units::Bandwidth::from_bits_per_second(800_000_000)
                .expect("not zero"),
            latency: SimTime::from_us(1),
            packet_overhead: 0,
            ..LinkSettings::default()
        };
        let left = |window: &Window, bytes| window.stream_left(&settings, SimTime::ZERO, 0, bytes);
        // 100 bytes are sent in 1 us, and acknowledged after 2: two rounds, and 50 bytes.
        assert_eq!(left(&window(100, &[]), 250), SimTime::from_ns(4_500));
        // 1,000 are sent in 10 us: nothing waits.
        assert_eq!(left(&window(1_000, &[]), 2_500), SimTime::from_us(25));
    }
}
