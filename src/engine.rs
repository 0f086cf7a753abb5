//! The event queue, and times in arithmetic progression.
//!
//! Events are ordered by time and, at equal times, by their own `Ord`: what happens first at an instant is part of the
//! model and never depends on who scheduled first. Two events equal in both are interchangeable, so a run is a pure
//! function of its inputs.
//!
//! Only events that need a decision go through the queue. Between two of them pages pass the hosts and the link at
//! regular times, and a whole run of them is computed at once as a [`Progression`] (see [`crate::migration`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::SimTime;

/// Equally spaced times: `first`, `first + step`, `first + 2 step`, …
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progression {
    /// The first time.
    pub first: SimTime,
    /// From one to the next; zero where all are the same.
    pub step: SimTime,
}

impl Progression {
    /// All at one time.
    pub fn at_once(time: SimTime) -> Self {
        Progression {
            first: time,
            step: SimTime::ZERO,
        }
    }

    /// The time number `index`, counted from 0.
    pub fn at(self, index: u32) -> SimTime {
        self.first + self.step.times(index.into())
    }

    /// The progression without its first `count` times.
    pub fn after(self, count: u32) -> Self {
        Progression {
            first: self.at(count),
            step: self.step,
        }
    }

    /// Every time later by `delay`.
    pub fn delayed(self, delay: SimTime) -> Self {
        Progression {
            first: self.first + delay,
            step: self.step,
        }
    }

    /// How many of the first `count` times lie before `end`.
    pub fn count_before(self, end: SimTime, count: u32) -> u32 {
        if self.first >= end {
            return 0;
        }
        let within = (end - self.first).as_ps() - 1;
        match within.checked_div(self.step.as_ps()) {
            Some(steps) => steps.saturating_add(1).min(count.into()) as u32,
            None => count,
        }
    }

    /// How many of the first `count` times, from the first on, are not before those of `other`, the first of which is
    /// not.
    pub fn count_not_before(self, other: Self, count: u32) -> u32 {
        let lag = other.step.saturating_sub(self.step).as_ps();
        match (self.first - other.first).as_ps().checked_div(lag) {
            Some(more) => more.saturating_add(1).min(count.into()) as u32,
            None => count,
        }
    }

    /// How many of the first `count` times are not later than `end`, which is not [`SimTime::MAX`].
    pub fn count_until(self, end: SimTime, count: u32) -> u32 {
        self.count_before(end + SimTime::from_ps(1), count)
    }
}

/// A priority queue of pending events: `O(log n)` to schedule and to take, `O(1)` to look at the next one.
#[derive(Debug)]
pub struct EventQueue<E> {
    pending: BinaryHeap<Reverse<(SimTime, E)>>,
}

impl<E: Ord + Copy> EventQueue<E> {
    /// A queue with nothing pending.
    pub fn new() -> Self {
        EventQueue {
            pending: BinaryHeap::new(),
        }
    }

    /// Adds an event.
    pub fn schedule(&mut self, time: SimTime, event: E) {
        self.pending.push(Reverse((time, event)));
    }

    /// Keeps some of the events.
    pub fn retain(&mut self, mut keep: impl FnMut(&E) -> bool) {
        self.pending.retain(|Reverse((_, event))| keep(event));
    }

    /// The next event, and when it is due.
    pub fn peek(&self) -> Option<&(SimTime, E)> {
        self.pending.peek().map(|Reverse(next)| next)
    }

    /// When the next event is due; [`SimTime::MAX`] when none is pending.
    pub fn next_time(&self) -> SimTime {
        self.peek().map_or(SimTime::MAX, |(time, _)| *time)
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes the next event.
    pub fn take(&mut self) -> Option<(SimTime, E)> {
        self.pending.pop().map(|Reverse(entry)| entry)
    }
}

impl<E: Ord + Copy> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_until() {
        let ps = SimTime::from_ps;
        let times = Progression {
            first: ps(10),
            step: ps(3),
        };
        let before = [10, 11, 13, 14, 100].map(|end| times.count_before(ps(end), 4));
        assert_eq!(before, [0, 1, 1, 2, 4]);
        let until = [9, 10, 12, 13, 100].map(|end| times.count_until(ps(end), 4));
        assert_eq!(until, [0, 1, 1, 2, 4]);
        assert_eq!(times.after(2).at(1), ps(19));
        assert_eq!(Progression::at_once(ps(5)).count_before(ps(6), 7), 7);
    }

    #[test]
    fn order_is_by_time_then_by_event() {
        let mut queue = EventQueue::new();
        for (time, event) in [(2, 'a'), (1, 'c'), (1, 'b'), (2, 'a')] {
            queue.schedule(SimTime::from_ps(time), event);
        }
        assert_eq!(queue.next_time(), SimTime::from_ps(1));
        let order: Vec<_> = std::iter::from_fn(|| queue.take())
            .map(|(time, event)| (time.as_ps(), event))
            .collect();
        assert_eq!(order, [(1, 'b'), (1, 'c'), (2, 'a'), (2, 'a')]);
        assert_eq!(queue.next_time(), SimTime::MAX);
    }
}
