//! The way of the pages from the link to their place on the destination.

use super::EventLoop;
use crate::host::destination::{Arrival, Receiver};
use crate::host::source::DemandMode;
use crate::memory::PageId;
use crate::migration::event::Event;
use crate::network::Departure;
use crate::units::SimTime;

/// The latest time that can be told from never.
pub(in crate::migration) const LAST: SimTime = SimTime::from_ps(u64::MAX - 1);

impl EventLoop<'_> {
    /// Pages leave the link, until `until` at the latest.
    pub(super) fn depart(&mut self, until: SimTime, most: u32) {
        let bounds = self.source.bounds(most);
        let mut departures = std::mem::take(&mut self.departures);
        if let Some(now) = self.link.step(until.min(LAST), &bounds, &mut departures) {
            for run in departures.chunk_by(Departure::is_continued_by) {
                self.pass(run);
            }
            departures.clear();
            self.source.notify_departure(now, &self.link);
            self.schedule_acknowledgement(now);
            if self.receiver.is_crowded() {
                // The link may be ahead of those who touch pages.
                self.install_until(now.min(self.queue.next_time()));
            }
        }
        self.departures = departures;
    }

    /// Pages that have left the link one behind the other pass on to their receiver.
    fn pass(&mut self, run: &[Departure]) {
        let Some(departure) = run.first() else {
            return;
        };
        let demanded = departure.span.demanded;
        let receiver = match self.demand_receiver.as_mut() {
            Some(own) if demanded => own,
            _ => &mut self.receiver,
        };
        let link = &mut self.link;
        receiver.departed(run, |from, count, installed| {
            link.acknowledge(departure, from, count, installed);
        });
        for Departure { span, .. } in run {
            if !self.destination.expects_any() {
                break;
            }
            let mut from = span.first;
            while let Some(page) = self.destination.next_awaited(from)
                && span.contains(page)
                && let Some((arrived_at, installed_at)) = receiver.find(page)
            {
                self.destination.mark_left(page, arrived_at, Some(span));
                self.queue.schedule(installed_at, Event::Installed { page });
                from = page + 1;
            }
        }
        if demanded && self.scenario.source.demand_mode == DemandMode::Synchronous {
            let arrival = self.scenario.link.arrival(receiver.busy_until());
            self.queue.schedule(arrival, Event::PageAcknowledged);
        }
    }

    pub(super) fn schedule_acknowledgement(&mut self, now: SimTime) {
        if self.link.acknowledgement_left(now) {
            let arrival = self.scenario.link.arrival(now);
            self.queue.schedule(arrival, Event::RequestsAcknowledged);
        }
    }

    pub(super) fn next_installation(&self) -> SimTime {
        let of = |receiver: Option<&Receiver>| {
            receiver.map_or(SimTime::MAX, Receiver::next_installation)
        };
        of(self.demand_receiver.as_ref()).min(self.receiver.next_installation())
    }

    /// The page is installed that is due at `now`; of two, the demanded one.
    pub(super) fn install_next(&mut self, now: SimTime) {
        let demand = self.demand_receiver.as_mut();
        let demanded = demand.and_then(|own| own.installed(now, 1));
        if let Some(arrival) = demanded.or_else(|| self.receiver.installed(now, 1)) {
            self.install(&arrival);
        }
    }

    /// All pages are installed that are due by then.
    pub(super) fn install_until(&mut self, until: SimTime) {
        while let Some(arrival) = self
            .demand_receiver
            .as_mut()
            .and_then(|own| own.installed(until, u32::MAX))
        {
            self.install(&arrival);
        }
        while let Some(arrival) = self.receiver.installed(until, u32::MAX) {
            self.install(&arrival);
        }
    }

    pub(super) fn install(&mut self, arrival: &Arrival) {
        let last = arrival.installed.at(arrival.count - 1);
        self.destination.install(arrival);
        self.installations
            .iter_mut()
            .for_each(|all| all.push(*arrival));
        self.installed_at = self.installed_at.max(last);
        if self.destination.missing().count() == 0 {
            self.completed_at = Some(self.installed_at);
        }
    }

    /// An awaited page is in place.
    pub(super) fn release(&mut self, now: SimTime, page: PageId) {
        let wake_at = now + self.scenario.destination.wake;
        let woken = self.destination.release(page, wake_at);
        for vcpu in woken.vcpus {
            self.queue.schedule(wake_at, Event::Wake { vcpu });
        }
        for _ in 0..woken.fetchers {
            self.queue.schedule(wake_at, Event::Fetch);
        }
    }
}
