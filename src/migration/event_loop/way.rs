//! The way of the pages from the link to their place on the destination.

use super::EventLoop;
use crate::host::destination::{Arrival, InFlight, Receiver};
use crate::host::source::DemandMode;
use crate::memory::{PageId, Stretch};
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
            if self.receiver.is_crowded() || self.source.sequence().is_long() {
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
            for stretch in self.source.sequence().range(span.first, span.count) {
                let mut from = stretch.lowest();
                while let Some(page) = self.destination.next_awaited(from)
                    && let Some(number) = stretch.number_of(page)
                    && let Some(place) = span.place_of(number)
                    && let Some((arrived_at, installed_at)) = receiver.find(number)
                {
                    (self.destination).mark_left(page, arrived_at, Some((span, place)));
                    self.queue.schedule(installed_at, Event::Installed { page });
                    from = page + 1;
                }
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
        if let Some(pages) = demanded.or_else(|| self.receiver.installed(now, 1)) {
            self.install(&pages);
        }
    }

    /// All pages are installed that are due by then.
    pub(super) fn install_until(&mut self, until: SimTime) {
        while let Some(pages) = self
            .demand_receiver
            .as_mut()
            .and_then(|own| own.installed(until, u32::MAX))
        {
            self.install(&pages);
        }
        while let Some(pages) = self.receiver.installed(until, u32::MAX) {
            self.install(&pages);
        }
        if self.source.sequence().is_long() {
            self.forget_installed();
        }
    }

    fn install(&mut self, pages: &InFlight) {
        let span = &pages.span;
        for stretch in self.source.sequence().range(span.first, span.count) {
            self.destination.install(stretch.lowest(), stretch.count);
            if let Some(installations) = &mut self.installations {
                installations.extend(consecutive(pages, stretch));
            }
        }
        let last = pages.installed.at(span.count - 1);
        self.installed_at = self.installed_at.max(last);
        if self.destination.missing().count() == 0 {
            self.completed_at = Some(self.installed_at);
        }
    }

    /// Nobody asks for the numbers of pages that are in place.
    fn forget_installed(&mut self) {
        let receivers = self.demand_receiver.iter().chain([&self.receiver]);
        let on_their_way = receivers.filter_map(Receiver::first_number);
        let queued = self.link.first_number().into_iter();
        self.source.forget_before(queued.chain(on_their_way).min());
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

/// A stretch of pages that are in place, as runs upwards.
fn consecutive(pages: &InFlight, stretch: Stretch) -> impl Iterator<Item = Arrival> + '_ {
    let runs = if stretch.downwards { stretch.count } else { 1 };
    let count = stretch.count / runs;
    let from = (stretch.number - pages.span.first) as u32;
    (0..runs).map(move |run| Arrival {
        first: if stretch.downwards {
            stretch.first - run
        } else {
            stretch.first
        },
        count,
        content: pages.span.content,
        demanded: pages.span.demanded,
        arrived: pages.arrived.after(from + run),
        installed: pages.installed.after(from + run),
    })
}
