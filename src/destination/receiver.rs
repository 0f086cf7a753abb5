//! The receiving thread.

use std::collections::VecDeque;

use crate::link::Message;
use crate::time::SimTime;

/// A page that has left the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The page.
    pub message: Message,
    /// Its last bit reaches the destination.
    pub arrived_at: SimTime,
    /// It is in place.
    pub installed_at: SimTime,
}

/// The receiving thread: pages arrive in the order in which they left and are installed one by one.
#[derive(Debug)]
pub struct Receiver {
    latency: SimTime,
    install: SimTime,
    lane: VecDeque<Delivery>,
    busy_until: SimTime,
}

impl Receiver {
    /// A receiver with nothing on its way, `latency` behind the link's far end.
    pub fn new(latency: SimTime, install: SimTime) -> Self {
        Receiver {
            latency,
            install,
            lane: VecDeque::new(),
            busy_until: SimTime::ZERO,
        }
    }

    /// A message has left the link at `now`.
    pub fn departed(&mut self, now: SimTime, message: Message) {
        let arrived_at = now + self.latency;
        self.busy_until = self.busy_until.max(arrived_at) + self.install;
        self.lane.push_back(Delivery {
            message,
            arrived_at,
            installed_at: self.busy_until,
        });
    }

    /// When the next page is installed; [`SimTime::MAX`] with none on its way.
    pub fn next_installation(&self) -> SimTime {
        self.lane
            .front()
            .map_or(SimTime::MAX, |delivery| delivery.installed_at)
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.lane.is_empty()
    }

    /// Takes the page that is installed next.
    pub fn installed(&mut self) -> Option<Delivery> {
        self.lane.pop_front()
    }
}
