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

/// Events by how soon the source may hear of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// They happen there.
    AtSource,
    /// A latency later.
    Sends,
    /// A fault handler has to run before.
    Touches,
    /// Somebody has to be woken before.
    Wakes,
}

impl Event {
    fn reach(self) -> Reach {
        match self {
            Event::PageAcknowledged
            | Event::Requested(_)
            | Event::RequestRead(_)
            | Event::PushReleased
            | Event::ConnectionLost
            | Event::Recovered => Reach::AtSource,
            Event::Fetch
            | Event::FaultHandled { .. }
            | Event::RequestsAcknowledged
            | Event::RequestedAnew => Reach::Sends,
            Event::Wake { .. } | Event::Turn { .. } => Reach::Touches,
            Event::Installed { .. } => Reach::Wakes,
        }
    }
}

/// How soon the source may hear of what happens on the destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub(super) latency: SimTime,
    pub(super) fault_trap: SimTime,
    pub(super) wake: SimTime,
}

/// What is due, by its [`Reach`].
#[derive(Debug, Default)]
pub(super) struct Events {
    queues: [EventQueue<Event>; 4],
}

impl Events {
    pub(super) fn schedule(&mut self, time: SimTime, event: Event) {
        self.queues[event.reach() as usize].schedule(time, event);
    }

    /// When the next event is due; [`SimTime::MAX`] when none is pending.
    pub(super) fn next_time(&self) -> SimTime {
        let times = self.queues.iter().map(EventQueue::next_time);
        times.min().unwrap_or(SimTime::MAX)
    }

    /// Before when nothing happens at the source that has not been scheduled.
    pub(super) fn source_horizon(&self, delays: &Delays) -> SimTime {
        let next = |reach: Reach| self.queues[reach as usize].next_time();
        let touches = next(Reach::Touches) + delays.fault_trap;
        let wakes = next(Reach::Wakes) + delays.wake;
        let sends = next(Reach::Sends).min(touches).min(wakes);
        next(Reach::AtSource).min(sends + delays.latency)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(EventQueue::is_empty)
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
        for queue in &mut self.queues {
            queue.retain(stays);
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self) -> Option<(SimTime, Event)> {
        let time = self.next_time();
        let is_due = |queue: &&mut EventQueue<Event>| queue.next_time() == time;
        let due = self.queues.iter_mut().filter(is_due);
        due.min_by(|queue, other| queue.peek().cmp(&other.peek()))?
            .take()
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
