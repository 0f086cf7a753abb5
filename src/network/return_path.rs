//! The way of requests back to the source.

use crate::guest::touch_order::Toucher;
use crate::memory::PageId;
use crate::units::SimTime;

/// The destination's end of the socket that requests go out on.
#[derive(Debug, Default)]
pub struct ReturnPath {
    nagle: bool,
    unacknowledged: bool,
    held: Vec<(Toucher, PageId)>,
    /// When those arrive that wait for the end of an outage, and how many they are.
    behind_outage: (SimTime, usize),
}

impl ReturnPath {
    /// A socket with nothing under way; `nagle` is whether it follows Nagle's rule.
    pub fn new(nagle: bool) -> Self {
        ReturnPath {
            nagle,
            ..ReturnPath::default()
        }
    }

    /// A request for a page is written. Returns whether it goes out at once; if not, it is held.
    pub fn send(&mut self, by: Toucher, page: PageId) -> bool {
        if self.unacknowledged {
            self.held.push((by, page));
            return false;
        }
        self.unacknowledged = self.nagle;
        true
    }

    /// A request goes out at the end of an outage, and arrives at a time. Returns its place among those that do.
    pub fn place_behind_outage(&mut self, arrival: SimTime) -> usize {
        if self.behind_outage.0 != arrival {
            self.behind_outage = (arrival, 0);
        }
        self.behind_outage.1 += 1;
        self.behind_outage.1 - 1
    }

    /// What went out has been acknowledged. Returns the requests that were held, which go out now.
    pub fn acknowledged(&mut self) -> Vec<(Toucher, PageId)> {
        self.unacknowledged = !self.held.is_empty();
        std::mem::take(&mut self.held)
    }
}
