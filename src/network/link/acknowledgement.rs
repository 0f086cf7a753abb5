//! Acknowledgements: of pages, which open windows, and of requests, which go out with the pages.

use super::Link;
use crate::engine::Progression;
use crate::network::message::Departure;
use crate::units::SimTime;

impl Link {
    /// Of messages that have left, so many from this one on are installed at these times. Their acknowledgements are
    /// back a latency later, or than an outage ends.
    pub fn acknowledge(
        &mut self,
        departure: &Departure,
        from: u32,
        count: u32,
        installed: Progression,
    ) {
        let (settings, left) = (&self.settings, departure.left.after(from));
        for (index, channel) in self.channels.iter_mut().enumerate() {
            if index != departure.connection {
                channel.window.forget_echo();
                continue;
            }
            let content = departure.span.content;
            let message = (content, channel.bytes(content) - departure.ahead);
            settings.go_out(installed, count, |from, count, sent| {
                let at = sent.delayed(settings.latency);
                (channel.window).acknowledge(message, count, left.after(from), at);
            });
        }
    }

    /// What has come in on the socket of the pushed pages is acknowledged: `at_once`, behind all that has begun to go
    /// out; or with the next piece that begins there, or when none is left there.
    pub fn acknowledge_requests(&mut self, at_once: bool) {
        let (pushed, demanded) = (self.push().begun(), self.demand().begun());
        let behind = if at_once {
            (pushed, demanded)
        } else {
            (pushed + 1, 0)
        };
        self.acknowledgement.get_or_insert(behind);
    }

    /// Whether an acknowledgement has yet to leave.
    pub fn has_acknowledgement(&self) -> bool {
        self.acknowledgement.is_some()
    }

    /// Whether an acknowledgement has left by `now`, since this was last asked.
    pub fn acknowledgement_left(&mut self, now: SimTime) -> bool {
        let Some((pushed, demanded)) = self.acknowledgement else {
            return false;
        };
        for channel in &mut self.channels {
            channel.arrive_before(now);
        }
        let left = self.push().has_left(pushed) && self.demand().has_left(demanded);
        if left {
            self.acknowledgement = None;
        }
        left
    }
}
