//! Post-copy's pause when the connection is given up, and its recovery over a new one.

use std::collections::BTreeMap;

use super::super::event::{Event, Request};
use super::EventLoop;
use crate::guest::touch_order::Toucher;
use crate::host::destination::Nagle;
use crate::memory::PageId;
use crate::network::ReturnPath;
use crate::units::SimTime;

/// What the destination keeps for a recovery.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    /// No connection stands.
    pub(super) paused: bool,
    /// Pages that were requested, or would have been.
    requested: BTreeMap<PageId, Toucher>,
}

impl EventLoop<'_> {
    pub(super) fn schedule_pauses(&mut self) {
        for pause in self.scenario.link.pauses(self.resumed_at) {
            self.queue.schedule(pause, Event::ConnectionLost);
        }
    }

    /// A fault handler has a missing page to request. Returns whether there is a connection for that.
    pub(super) fn remember_request(&mut self, by: Toucher, page: PageId) -> bool {
        if self.scenario.link.recovery.is_some() {
            self.outstanding.requested.insert(page, by);
        }
        !self.outstanding.paused
    }

    /// Both hosts give the connection up. What has not left the source is as if it had never been sent.
    pub(super) fn lose_connection(&mut self, now: SimTime) {
        if std::mem::replace(&mut self.outstanding.paused, true) {
            return; // not a connection yet
        }
        self.queue.lose_connection();
        self.return_path = ReturnPath::new(self.scenario.destination.nagle != Nagle::Off);
        self.source.lose_connection(self.link.lose());
        let pages = self.switch_over.memory.trace_pages;
        let recovery = self.scenario.link.recovery(now, pages);
        self.queue.schedule(recovery.at_source, Event::Recovered);
        (self.queue).schedule(recovery.at_destination, Event::RequestedAnew);
    }

    /// The destination requests anew what is waited for and has not left the source, in the order of addresses.
    pub(super) fn request_anew(&mut self, now: SimTime) {
        self.outstanding.paused = false;
        let requested = &self.outstanding.requested;
        let expected = self.destination.expected();
        let by = |page| Some((page, *requested.get(&page)?));
        let again: Vec<(PageId, Toucher)> = expected.filter_map(by).collect();
        let goes_out = |&(page, by): &(PageId, Toucher)| self.return_path.send(by, page);
        let sent: Vec<_> = again.into_iter().filter(goes_out).collect();
        for (place, (page, by)) in sent.into_iter().enumerate() {
            self.send_request(now, Request { place, by, page });
        }
    }
}
