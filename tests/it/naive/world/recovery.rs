//! A connection that is given up, and a new one.

use super::super::link::Message;
use super::super::ps;
use super::{Due, Run};
use migsim::host::destination::Nagle;

impl Run<'_> {
    pub(super) fn connection_lost(&mut self) {
        self.pauses.remove(0);
        if self.requests_anew.is_some() {
            return; // there is none
        }
        for under_way in [
            &mut self.requests_under_way,
            &mut self.requests_unread,
            &mut self.held,
        ] {
            under_way.clear();
        }
        self.acks_under_way.clear();
        self.answers_under_way.clear();
        self.unanswered = false;
        // What has left arrives, and nobody acknowledges it.
        for receiver in &mut self.receivers {
            for (_, message) in &mut receiver.arriving {
                message.demand = false;
            }
        }
        for page in self.requests.drain(..) {
            self.result.requested[page as usize] = false;
        }
        self.unacknowledged = 0;
        self.writing = false;
        self.asleep.iter().for_each(|asleep| asleep.set(false));
        let served = [self.serving.take(), self.serving_request.take()];
        let served = served.into_iter().flatten().map(|(_, message)| message);
        let lost = self.link.lose().into_iter();
        let lost: Vec<Message> = lost.chain(self.gathered.drain(..)).chain(served).collect();
        for message in lost {
            // As if it had never been taken.
            self.sent[message.page as usize] = false;
            self.result.requested[message.page as usize] = false;
            self.result.order.retain(|page| *page != message.page);
            self.result.message_bytes -= u128::from(message.bytes);
            self.lost.insert(message.page);
        }
        let (_, end) = self.input.outage(self.now).expect("an outage");
        let link = &self.input.settings.link;
        let reconnect = link
            .recovery
            .as_ref()
            .map(|recovery| ps(recovery.reconnect));
        let asked = (self.input).across(end + reconnect.expect("a recovery"));
        let bitmap = u64::from(self.input.vm_pages()).div_ceil(8);
        let answered = self.input.out_alone(asked, bitmap) + ps(link.latency);
        let anew = self.input.across(answered);
        self.requests_anew = Some(anew);
        self.recovers = Some(self.input.across(anew));
    }

    pub(super) fn recovered(&mut self) {
        self.recovers = None;
        self.period = (self.now, 0);
    }

    /// What is still waited for and not on its way, by address.
    pub(super) fn request_anew(&mut self) {
        self.requests_anew = None;
        let mut place = 0;
        for (page, vcpu) in self.asked.clone() {
            let mut arriving = self.receivers.iter().flat_map(|own| &own.arriving);
            let has_left = arriving.any(|(_, message)| message.page == page);
            if self.installed[page as usize] || has_left {
                continue;
            }
            let request = Due {
                time: self.now,
                vcpu,
                page,
                place,
            };
            if self.unanswered {
                self.held.push(Due {
                    place: 0,
                    ..request
                });
            } else {
                self.unanswered = self.input.settings.destination.nagle != Nagle::Off;
                self.send_request(request);
            }
            place += 1;
        }
    }
}
