//! What can happen next, in the order at one instant, and what it does.

use super::super::link::Lane;
use super::super::{Ps, ps};
use super::{Due, Event, Fetcher, Run};
use migsim::host::destination::Nagle;

impl Run<'_> {
    /// Everything that can happen next, with time, rank and vCPU (or, among installations, the demand queue first).
    pub(super) fn candidates(&self) -> Vec<(Ps, u8, usize, Event)> {
        let mut all = Vec::new();
        all.extend(
            self.link
                .departure()
                .map(|(time, i)| (time, 0, 0, Event::Left(i))),
        );
        for (who, lane) in [(1, Lane::Demand), (2, Lane::Push(0))] {
            let next = self.link.next_acknowledgement(lane);
            all.extend(next.map(|time| (time, 0, who, Event::Acknowledgement(lane))));
        }
        for (i, receiver) in self.receivers.iter().enumerate() {
            all.extend(
                receiver
                    .arriving
                    .front()
                    .map(|&(time, _)| (time, 1, i, Event::Installed(i))),
            );
        }
        for (i, wake) in self.wakes.iter().enumerate() {
            all.push((wake.time, 2, wake.vcpu, Event::Wake(i)));
        }
        for (i, &time) in self.acks_under_way.iter().enumerate() {
            all.push((time, 3, 0, Event::Acknowledged(i)));
        }
        for (i, request) in self.requests_under_way.iter().enumerate() {
            all.push((request.time, 4, request.who(), Event::RequestArrives(i)));
        }
        for (i, request) in self.requests_unread.iter().enumerate() {
            all.push((request.time, 5, request.who(), Event::RequestRead(i)));
        }
        if let Some(time) = self.push_from.filter(|&time| time > self.now) {
            all.push((time, 6, 0, Event::PushBegins));
        }
        all.extend(
            self.pauses
                .first()
                .map(|&time| (time, 6, 1, Event::ConnectionLost)),
        );
        all.extend(self.recovers.map(|time| (time, 6, 2, Event::Recovered)));
        for v in 0..self.next.len() {
            let touch = self.next_touch(v).map(|touch| touch.g);
            let next = self.vcpus.next(self.now, v, touch);
            all.extend(next.map(|(time, turn)| (time, 7, v, Event::Turn(v, turn))));
        }
        if self.next_fetch < self.source.fetch_list.len() {
            for (i, fetcher) in self.fetchers.iter().enumerate() {
                if let Fetcher::Free(time) = *fetcher {
                    all.push((time, 8, 0, Event::Fetch(i)));
                }
            }
        }
        for (i, handler) in self.handlers.iter().enumerate() {
            all.push((handler.time, 9, handler.vcpu, Event::Handler(i)));
        }
        for (i, &time) in self.answers_under_way.iter().enumerate() {
            all.push((time, 10, 0, Event::RequestsAcknowledged(i)));
        }
        all.extend(
            self.requests_anew
                .map(|time| (time, 10, 1, Event::RequestedAnew)),
        );
        // The thread looks for room, and may go to sleep, when nothing else happens at this instant any more.
        if all.iter().all(|&(time, ..)| time > self.now) {
            all.extend(
                self.request_thread_time()
                    .map(|time| (time, 11, 0, Event::RequestThread)),
            );
            all.extend(self.thread_time().map(|time| (time, 12, 0, Event::Thread)));
        }
        all
    }

    pub(super) fn process(&mut self, event: Event) {
        let (now, latency) = (self.now, ps(self.input.settings.link.latency));
        match event {
            Event::Left(i) => {
                for message in self.link.leave(now, i) {
                    let own = self.input.settings.link.demand_channel.receiver_thread
                        && message.demand
                        && self.link.demand_lane() == Lane::Demand;
                    let receiver = &mut self.receivers[usize::from(!own)];
                    let arrived = now + latency;
                    let begun = if receiver.last_install < arrived {
                        arrived + ps(self.input.settings.destination.receive_wake)
                    } else {
                        receiver.last_install
                    };
                    receiver.last_install = begun + self.input.installing(message.counts, false);
                    let acknowledged = self.input.across(receiver.last_install);
                    self.link.acknowledge_message(acknowledged, &message);
                    receiver
                        .arriving
                        .push_back((receiver.last_install, message));
                }
                self.look_for_answer();
            }
            Event::Acknowledgement(lane) => self.link.acknowledged(now, lane),
            Event::Installed(i) => {
                let arriving = &mut self.receivers[i].arriving;
                let (_, message) = arriving.pop_front().expect("a page is arriving");
                self.installed[message.page as usize] = true;
                for v in 0..self.blocked.len() {
                    if self.blocked[v].is_some_and(|(page, _)| page == message.page) {
                        let time = now + ps(self.input.settings.destination.wake);
                        self.wakes.push(Due {
                            time,
                            vcpu: v,
                            page: message.page,
                            place: 0,
                        });
                    }
                }
                for fetcher in &mut self.fetchers {
                    if matches!(*fetcher, Fetcher::Waits(page) if page == message.page) {
                        *fetcher = Fetcher::Free(now + ps(self.input.settings.destination.wake));
                    }
                }
                if message.demand {
                    self.acks_under_way.push(self.input.across(now));
                }
                if self.installed.iter().all(|&is| is) {
                    self.result.all_installed = Some(now.max(self.source.resumed));
                }
            }
            Event::Wake(i) => self.wake(i),
            Event::Acknowledged(i) => {
                self.acks_under_way.remove(i);
                self.unacknowledged -= 1;
            }
            Event::RequestArrives(i) => {
                let request = self.requests_under_way.remove(i);
                self.request_arrives(request);
            }
            Event::RequestRead(i) => {
                let request = self.requests_unread.remove(i);
                self.request_read(request.page);
            }
            Event::Turn(v, None) => self.touch(v),
            Event::Turn(v, Some(turn)) => self.vcpus.turn(now, v, turn),
            Event::Fetch(i) => self.fetch(i),
            Event::Handler(i) => {
                // A page that came within the trap has woken its vCPU already; then there is nothing to do. The vCPU
                // may even have faulted again meanwhile: that fault has a handler of its own.
                // The specification lets the vCPU go on even before its trap would have ended.
                let Due { vcpu, page, .. } = self.handlers.remove(i);
                if self.installed[page as usize] {
                    return;
                }
                self.asked.insert(page, vcpu);
                if self.requests_anew.is_none() {
                    let request = Due {
                        time: now,
                        vcpu,
                        page,
                        place: 0,
                    };
                    if self.unanswered {
                        self.held.push(request);
                    } else {
                        self.unanswered = self.input.settings.destination.nagle != Nagle::Off;
                        self.send_request(request);
                    }
                }
            }
            Event::RequestsAcknowledged(i) => {
                self.answers_under_way.remove(i);
                self.unanswered = !self.held.is_empty();
                for (place, request) in std::mem::take(&mut self.held).into_iter().enumerate() {
                    self.send_request(Due { place, ..request });
                }
            }
            // Nothing to do but to look again what the thread can do now.
            Event::PushBegins => (),
            Event::ConnectionLost => self.connection_lost(),
            Event::Recovered => self.recovered(),
            Event::RequestedAnew => self.request_anew(),
            Event::RequestThread => self.request_thread_acts(),
            Event::Thread => self.thread_acts(),
        }
    }
}
