//! What the source's threads wait for when they do nothing.

use super::SourceHost;
use super::thread::Thread;
use crate::network::{Bounds, Link};
use crate::units::SimTime;

/// What a thread with nothing to do waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// Somebody notifies it.
    Notice,
    /// A buffer has room: that of demanded pages, or of pushed ones.
    Room { demand: bool },
    /// Something has left: the strategy may name a page then.
    Departure,
    /// The rate limiter's next period.
    Period(SimTime),
}

impl SourceHost<'_> {
    /// Where the link has to stop, as a thread waits for room there.
    pub fn bounds(&self, most: u32) -> Bounds {
        let mut bounds = Bounds {
            most,
            ..Bounds::default()
        };
        let is_free = |thread: &Thread| thread.serving.is_none();
        if is_free(&self.thread) {
            match self.waits {
                WaitsFor::Notice | WaitsFor::Period(_) => {}
                WaitsFor::Room { demand: false } => {
                    bounds.push_level = Some(self.push_buffer.level());
                }
                WaitsFor::Room { demand: true } => {
                    bounds.demand_level = Some(self.demand_buffer.level());
                }
                WaitsFor::Departure => {
                    (bounds.push_level, bounds.demand_level) = (Some(u64::MAX), Some(u64::MAX));
                }
            }
        }
        if self.request_thread.as_ref().is_some_and(is_free) && !self.requests.is_empty() {
            bounds.demand_level = Some(self.demand_buffer.level());
        }
        bounds
    }

    /// Something has left the link: is it what a thread has been waiting for?
    pub fn notify_departure(&mut self, now: SimTime, link: &Link) {
        let bounds = self.bounds(u32::MAX);
        let reached = |level: Option<u64>, occupancy| level.is_some_and(|level| occupancy <= level);
        if reached(bounds.push_level, link.occupancy(false))
            || reached(bounds.demand_level, link.occupancy(true))
        {
            self.notify(now);
        }
    }
}
