//! A thread that serves pages one after the other.

use crate::network::Span;
use crate::units::SimTime;

/// A thread of the source.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) serving: Option<Span>,
    /// When it has something to do or to look at again.
    pub(super) next_action: SimTime,
}

impl Thread {
    pub(super) fn idle_until(next_action: SimTime) -> Self {
        Thread {
            serving: None,
            next_action,
        }
    }

    pub(super) fn notify(&mut self, now: SimTime) {
        if self.serving.is_none() {
            self.next_action = now;
        }
    }

    pub(super) fn serve(&mut self, page: Span, until: SimTime) {
        self.serving = Some(page);
        self.next_action = until;
    }

    /// It acts: what it has served, if anything. It waits then, unless it takes up something else.
    pub(super) fn finish(&mut self) -> Option<Span> {
        self.next_action = SimTime::MAX;
        self.serving.take()
    }
}
