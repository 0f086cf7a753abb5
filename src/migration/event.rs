//! What happens in a migration.

use crate::engine::EventQueue;
use crate::guest::touch_order::Toucher;
use crate::memory::PageId;
use crate::units::SimTime;

/// Events that wait in the queue. Their order is the order at equal times; pages that leave the link and pages that are
/// installed come before all of them, the source's threads after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A page that somebody waits for is in place.
    Installed {
        page: PageId,
    },
    Wake {
        vcpu: u16,
    },
    PageAcknowledged,
    Requested(Request),
    RequestRead(Request),
    PushReleased,
    /// Both hosts give the connection up.
    ConnectionLost,
    /// The source goes on over a new one.
    Recovered,
    /// A vCPU touches a page, goes idle or is woken.
    Turn {
        vcpu: u16,
    },
    Fetch,
    FaultHandled {
        by: Toucher,
        page: PageId,
    },
    RequestsAcknowledged,
    /// The destination goes on over a new connection.
    RequestedAnew,
}

impl Event {
    fn is_at_source(self) -> bool {
        matches!(
            self,
            Event::PageAcknowledged
                | Event::Requested(_)
                | Event::RequestRead(_)
                | Event::PushReleased
                | Event::ConnectionLost
                | Event::Recovered
        )
    }
}

/// What is due, by the host that it happens on.
#[derive(Debug, Default)]
pub(super) struct Events {
    at_source: EventQueue<Event>,
    at_destination: EventQueue<Event>,
}

impl Events {
    pub(super) fn schedule(&mut self, time: SimTime, event: Event) {
        let queue = if event.is_at_source() {
            &mut self.at_source
        } else {
            &mut self.at_destination
        };
        queue.schedule(time, event);
    }

    /// When the next event is due; [`SimTime::MAX`] when none is pending.
    pub(super) fn next_time(&self) -> SimTime {
        self.at_source
            .next_time()
            .min(self.at_destination.next_time())
    }

    /// Before when nothing happens at the source: what happens on the destination gets there after `latency` at least.
    pub(super) fn source_horizon(&self, latency: SimTime) -> SimTime {
        let from_destination = self.at_destination.next_time() + latency;
        self.at_source.next_time().min(from_destination)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at_source.is_empty() && self.at_destination.is_empty()
    }

    /// What was on its way over a connection that is given up will not come.
    pub(super) fn lose_connection(&mut self) {
        let stays = |event: &Event| {
            !matches!(
                event,
                Event::PageAcknowledged
                    | Event::Requested(_)
                    | Event::RequestRead(_)
                    | Event::RequestsAcknowledged
                    | Event::Recovered
            )
        };
        self.at_source.retain(stays);
        self.at_destination.retain(stays);
    }

    /// Takes the next event.
    pub(super) fn take(&mut self) -> Option<(SimTime, Event)> {
        match (self.at_source.peek(), self.at_destination.peek()) {
            (Some(source), Some(destination)) if source <= destination => self.at_source.take(),
            (Some(_), None) => self.at_source.take(),
            _ => self.at_destination.take(),
        }
    }
}

/// A request on its way. Those that are sent together keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// Among those that were sent together.
    pub(super) place: usize,
    pub(super) by: Toucher,
    pub(super) page: PageId,
}
