//! The receiving thread.

use std::collections::VecDeque;

use super::DestinationSettings;
use crate::network::Message;
use crate::units::SimTime;

/// The receiving thread's time: it sleeps until something arrives, and then installs one page after the other.
#[derive(Debug)]
pub struct ReceivingThread {
    wake: SimTime,
    install: SimTime,
    busy_until: SimTime,
}

impl ReceivingThread {
    /// A thread that sleeps.
    pub fn new(settings: &DestinationSettings) -> Self {
        ReceivingThread {
            wake: settings.receive_wake,
            install: settings.install,
            busy_until: SimTime::ZERO,
        }
    }

    /// When a page that arrives behind all others so far is in place.
    pub fn install(&mut self, arrived_at: SimTime) -> SimTime {
        let begun = if arrived_at > self.busy_until {
            arrived_at + self.wake
        } else {
            self.busy_until
        };
        self.busy_until = begun + self.install;
        self.busy_until
    }

    /// When the last page so far is in place.
    pub fn busy_until(&self) -> SimTime {
        self.busy_until
    }
}

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
    thread: ReceivingThread,
    lane: VecDeque<Delivery>,
}

impl Receiver {
    /// A receiver with nothing on its way, `latency` behind the link's far end.
    pub fn new(latency: SimTime, settings: &DestinationSettings) -> Self {
        Receiver {
            latency,
            thread: ReceivingThread::new(settings),
            lane: VecDeque::new(),
        }
    }

    /// A message has left the link at `now`.
    pub fn departed(&mut self, now: SimTime, message: Message) {
        let arrived_at = now + self.latency;
        self.lane.push_back(Delivery {
            message,
            arrived_at,
            installed_at: self.thread.install(arrived_at),
        });
    }

    /// When the next page is installed; [`SimTime::MAX`] with none on its way.
    pub fn next_installation(&self) -> SimTime {
        self.lane
            .front()
            .map_or(SimTime::MAX, |delivery| delivery.installed_at)
    }

    /// Takes the page that is installed next.
    pub fn installed(&mut self) -> Option<Delivery> {
        self.lane.pop_front()
    }
}
