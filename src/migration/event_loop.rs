//! What follows the core state: one event after the other, until the VM runs on the destination and has all pages.

mod recovery;
mod way;

use self::recovery::Outstanding;
pub(super) use self::way::LAST;
use super::event::{Delays, Event, Events, Request};
use super::{MigrationError, Outcome, Probe, Progress, SwitchOver};
use crate::host::destination::{
    Arrival, Destination, Nagle, Receiver, ReceivingThread, TouchOutcome,
};
use crate::host::source::{Ahead, SourceHost};
use crate::network::{Departure, Link, ReturnPath};
use crate::scenario::{DeliveryKind, Scenario};
use crate::strategy::{PlannedPage, Strategy};
use crate::units::SimTime;

pub(super) struct EventLoop<'a> {
    scenario: &'a Scenario,
    switch_over: &'a SwitchOver,
    suspended_at: SimTime,
    resumed_at: SimTime,
    completed_at: Option<SimTime>,
    /// No page that somebody waits for leaves the link before.
    expected_from: SimTime,
    /// The last installation so far.
    installed_at: SimTime,
    /// Until the plan has been asked for.
    push_held: bool,
    queue: Events,
    source: SourceHost<'a>,
    link: Link,
    receiver: Receiver,
    /// That of the demanded pages' channel, if it has one.
    demand_receiver: Option<Receiver>,
    destination: Destination<'a>,
    return_path: ReturnPath,
    outstanding: Outstanding,
    /// Room for what leaves the link in a step.
    departures: Vec<Departure>,
    /// What has been installed in a step, for those who want to know.
    installations: Option<Vec<Arrival>>,
}

impl<'a> EventLoop<'a> {
    /// At the core state's departure. The destination fetches the pages of the plan `fetched`.
    pub(super) fn new(
        scenario: &'a Scenario,
        switch_over: &'a SwitchOver,
        fetched: &'a [PlannedPage],
    ) -> Self {
        let resumed_at = switch_over.suspended_at + switch_over.downtime;
        let missing = &switch_over.missing;
        let order = &switch_over.touch_order;
        let core_state = &switch_over.core_state;
        let destination = &scenario.destination;
        let installing = destination.installing(switch_over.memory.page_size());
        let receiver = |busy_until| {
            let thread = ReceivingThread::new(destination.receive_wake, installing, busy_until);
            Receiver::new(scenario.link.latency, thread)
        };
        let link = Link::new(
            &scenario.link,
            scenario.destination.receive_buffer,
            &switch_over.memory,
            1,
        )
        .with_window(core_state.window.clone());
        let own_channel = link.own_channel(true);
        let threads = scenario.link.demand_channel;
        let mut this = EventLoop {
            scenario,
            switch_over,
            suspended_at: switch_over.suspended_at,
            resumed_at,
            completed_at: (missing.count() == 0).then_some(resumed_at),
            expected_from: resumed_at,
            installed_at: resumed_at,
            push_held: !fetched.is_empty()
                && scenario.migration.delivery.kind() == DeliveryKind::FetchThenPush,
            queue: Events::default(),
            source: SourceHost::new(
                &scenario.source,
                missing.clone(),
                &switch_over.contents,
                &scenario.link,
                own_channel && threads.request_thread,
                core_state.push_begins(scenario),
            ),
            link,
            receiver: receiver(core_state.installed_before),
            demand_receiver: (own_channel && threads.receiver_thread)
                .then(|| receiver(SimTime::ZERO)),
            destination: Destination::new(
                missing.clone(),
                order,
                fetched,
                resumed_at,
                scenario.destination.fault_blocks,
            ),
            return_path: ReturnPath::new(scenario.destination.nagle != Nagle::Off),
            outstanding: Outstanding::default(),
            departures: Vec::new(),
            installations: None,
        };
        this.destination.start(resumed_at, |due, vcpu| {
            this.queue.schedule(due, Event::Turn { vcpu });
        });
        this.schedule_pauses();
        if this.push_held {
            this.source.hold_push();
        }
        if !fetched.is_empty() {
            for _ in 0..scenario.migration.delivery.outstanding().unwrap_or(0) {
                this.queue.schedule(resumed_at, Event::Fetch);
            }
        }
        this
    }

    /// Runs until all pages are there and no vCPU waits.
    pub(super) fn run<P: Probe>(
        mut self,
        strategy: &mut dyn Strategy,
        probe: &mut P,
    ) -> Result<Outcome, MigrationError> {
        // Who watches wants to see page after page.
        let most = if P::WATCHES { 1 } else { u32::MAX };
        let delays = Delays {
            latency: self.scenario.link.latency,
            fault_trap: self.scenario.destination.fault_trap,
            wake: self.scenario.destination.wake,
        };
        // Whoever watches wants both hosts at one time.
        let quiet_until = |queue: &Events| {
            if P::WATCHES {
                queue.next_time()
            } else {
                queue.source_horizon(&delays)
            }
        };
        self.installations = P::LISTENS.then(Vec::new);
        while !self.is_over() {
            let event = self.queue.next_time();
            let departure = self.link.next_departure();
            let (start, _) = self.link.next_start();
            let action = self.source.next_action();
            let installation = if P::WATCHES {
                self.next_installation()
            } else {
                SimTime::MAX
            };
            let pipeline = departure.min(start).min(installation);
            let now = pipeline.min(event).min(action);
            if now == SimTime::MAX {
                self.install_until(LAST);
                self.check_finished()?;
                break;
            }
            if departure == now {
                let quiet = quiet_until(&self.queue);
                let until = quiet.min(action).min(installation);
                let until = self.horizon(now, until);
                self.depart(until, most);
            } else if installation == now {
                self.install_next(now);
            } else if start == now {
                self.link.start();
                continue;
            } else if event == now {
                self.install_until(now);
                if self.is_over() {
                    break;
                }
                self.handle_next_event(strategy);
            } else {
                let quiet = quiet_until(&self.queue);
                let ahead = Ahead {
                    horizon: self.horizon(now, quiet),
                    most,
                };
                self.source.act(now, ahead, &mut self.link, strategy)?;
            }
            probe.observe(now, || self.progress());
            self.report_installations(probe);
        }
        self.report_installations(probe);
        Ok(self.outcome())
    }

    fn report_installations<P: Probe>(&mut self, probe: &mut P) {
        if !P::LISTENS {
            return;
        }
        let installations = self.installations.iter_mut();
        for arrival in installations.flat_map(|all| all.drain(..)) {
            probe.installed(&arrival);
        }
    }

    fn is_over(&self) -> bool {
        self.completed_at.is_some() && !self.destination.is_blocked()
    }

    /// Until when, at most `until`, nothing happens to the source and the link but what is known: what leaves the link
    /// from `now` on comes back to them, if at all, a round trip later.
    fn horizon(&mut self, now: SimTime, until: SimTime) -> SimTime {
        let (latency, destination) = (self.scenario.link.latency, &self.scenario.destination);
        let heard_of = if self.source.expects_acknowledgement() || self.link.has_acknowledgement() {
            now + latency
        } else if self.destination.expects_any() {
            if self.expected_from <= now {
                let pages = self.destination.expected();
                let numbers = pages.map(|page| self.source.number_of(page));
                let earliest = numbers.map(|number| self.link.earliest_departure(number, now));
                self.expected_from = earliest.min().unwrap_or(now);
            }
            let install = destination.install.min(destination.zero_install);
            self.expected_from + latency + install + destination.wake
        } else {
            return until;
        };
        until.min(heard_of + latency)
    }

    fn progress(&self) -> Progress {
        let queued_bytes = self.link.queued_bytes();
        Progress {
            installed: {
                let missing = self.destination.missing();
                missing.pages() - missing.count()
            },
            queued_bytes,
            transmitted_bytes: self.link.bytes_handed() - queued_bytes,
        }
    }

    /// Nothing is due any more: because all is done, or because it is due beyond the end of simulated time?
    fn check_finished(&self) -> Result<(), MigrationError> {
        let done = self.queue.is_empty()
            && self.link.is_idle()
            && self.next_installation() == SimTime::MAX
            && self.source.is_idle();
        if done {
            Ok(())
        } else {
            Err(MigrationError::TooLong)
        }
    }

    fn handle_next_event(&mut self, strategy: &mut dyn Strategy) {
        let Some((now, event)) = self.queue.take() else {
            return;
        };
        match event {
            Event::Installed { page } => self.release(now, page),
            Event::Wake { vcpu } => {
                self.destination.wake(now, vcpu);
                self.schedule_turns(now, vcpu);
            }
            Event::PageAcknowledged => self.source.page_acknowledged(now),
            Event::Requested(request) => {
                if self.scenario.destination.nagle != Nagle::Off && request.place == 0 {
                    self.link
                        .acknowledge_requests(self.scenario.destination.nagle == Nagle::Quickack);
                    self.schedule_acknowledgement(now);
                }
                let read = now + self.source.request_arrived(now);
                if read == now && self.queue.next_time() > now {
                    self.source.request(now, request.page, strategy);
                } else {
                    self.queue.schedule(read, Event::RequestRead(request));
                }
            }
            Event::RequestRead(Request { page, .. }) => self.source.request(now, page, strategy),
            Event::PushReleased => self.source.release_push(now),
            Event::ConnectionLost => self.lose_connection(now),
            Event::Recovered => self.source.recover(now),
            Event::RequestedAnew => self.request_anew(now),
            Event::Turn { vcpu } => {
                let outcome = self.destination.turn(now, vcpu);
                self.handle_fault(now, outcome);
                self.schedule_turns(now, vcpu);
            }
            Event::Fetch => {
                let outcome = self.destination.fetch();
                if self.push_held && self.destination.has_passed_plan() {
                    self.push_held = false;
                    self.queue
                        .schedule(self.push_begins(now), Event::PushReleased);
                }
                self.handle_fault(now, outcome);
            }
            Event::FaultHandled { by, page } => {
                if self.destination.missing().contains(page)
                    && self.remember_request(by, page)
                    && self.return_path.send(by, page)
                {
                    self.send_request(now, Request { place: 0, by, page });
                }
            }
            Event::RequestsAcknowledged => {
                let held = self.return_path.acknowledged();
                for (place, (by, page)) in held.into_iter().enumerate() {
                    self.send_request(now, Request { place, by, page });
                }
            }
        }
    }

    fn send_request(&mut self, now: SimTime, mut request: Request) {
        let arrival = self.scenario.link.arrival(now);
        if arrival > now + self.scenario.link.latency {
            request.place = self.return_path.place_behind_outage(arrival);
        }
        self.queue.schedule(arrival, Event::Requested(request));
    }

    /// When a push begins that is released at `now` on the destination.
    fn push_begins(&self, now: SimTime) -> SimTime {
        let arrival = self.scenario.link.arrival(now);
        let period = self.scenario.source.limiter_period().as_ps();
        if period == 0 {
            return arrival;
        }
        let since = (arrival - self.suspended_at).as_ps();
        let beginning = since.checked_next_multiple_of(period);
        self.suspended_at + beginning.map_or(SimTime::MAX, SimTime::from_ps)
    }

    fn schedule_turns(&mut self, now: SimTime, vcpu: u16) {
        self.destination.schedule(now, vcpu, |due, vcpu| {
            self.queue.schedule(due, Event::Turn { vcpu });
        });
    }

    fn handle_fault(&mut self, now: SimTime, outcome: TouchOutcome) {
        if let TouchOutcome::Fault {
            by,
            page,
            first: true,
        } = outcome
        {
            let number = self.source.number_of(page);
            let receivers = self.demand_receiver.iter().chain([&self.receiver]);
            let on_its_way = |number| receivers.filter_map(|own| own.find(number)).next();
            if let Some((arrived_at, installed_at)) = number.and_then(on_its_way) {
                self.destination.mark_left(page, arrived_at, None);
                self.queue.schedule(installed_at, Event::Installed { page });
            } else {
                let earliest = self.link.earliest_departure(number, now);
                self.expected_from = self.expected_from.min(earliest);
            }
            let handled = now + self.scenario.destination.fault_trap;
            self.queue
                .schedule(handled, Event::FaultHandled { by, page });
        }
    }

    /// Of the pages sent since the resume, those that had been sent before, in pages of the trace's size.
    fn sent_before(&self) -> u64 {
        let Some(before) = &self.switch_over.copied.sent else {
            return 0;
        };
        let memory = &self.switch_over.memory;
        let mut again = self.switch_over.missing.clone();
        again.remove_all(self.source.unsent());
        if before.pages() == memory.pages {
            again.retain(before);
            return memory.parts_in(&again);
        }
        let mut again = again.refined(memory.host_shift, before.pages());
        again.retain(before);
        again.count().into()
    }

    fn outcome(self) -> Outcome {
        let (pages_sent, zero_pages_sent) = self.source.pages_sent();
        let copied = &self.switch_over.copied;
        Outcome {
            resumed_at: self.resumed_at,
            completed_at: self.completed_at,
            requests: self.source.requests_received(),
            pages_sent: copied.pages + pages_sent,
            zero_pages_sent: copied.zero_pages + zero_pages_sent,
            duplicate_pages_sent: copied.repeated + self.sent_before(),
            page_bytes: copied.bytes.saturating_add(self.link.bytes_handed()),
            stalls: self.destination.into_stalls(),
        }
    }
}
