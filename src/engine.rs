//! The event queue.
//!
//! Events are ordered by time and, at equal times, by their own `Ord`: what happens first at an instant is part of the
//! model and never depends on who scheduled first. Two events equal in both are interchangeable, so a run is a pure
//! function of its inputs.
//!
//! Only events that need a decision go through the queue. Pages on the link and at the receiver are already in order
//! and wait in lanes of their own (see [`crate::network`], [`crate::host::destination`]), so that a page costs no heap operation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::SimTime;

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

    /// When the next event is due; [`SimTime::MAX`] when none is pending.
    pub fn next_time(&self) -> SimTime {
        self.pending
            .peek()
            .map_or(SimTime::MAX, |Reverse((time, _))| *time)
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
