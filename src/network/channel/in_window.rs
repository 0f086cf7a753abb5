//! How a channel keeps to its window: message by message, or where they are large part by part.

use super::Channel;
use crate::network::LinkSettings;
use crate::network::window::Window;
use crate::units::SimTime;

impl Channel {
    /// Whether nothing begins before more has been acknowledged.
    pub(in crate::network) fn is_closed(&self) -> bool {
        !self.window.is_open(self.counted())
    }

    /// Bytes that count against the window, if they are not acknowledged.
    pub(super) fn counted(&self) -> u64 {
        if self.part == 0 {
            self.whole
        } else {
            self.begun
        }
    }

    /// Whether messages count against the window part by part.
    pub(in crate::network) fn sends_parts(&self) -> bool {
        self.part > 0
    }

    /// What has left of a message that has not as a whole comes in, and is acknowledged.
    pub(in crate::network) fn acknowledge_parts(&mut self, now: SimTime, settings: &LinkSettings) {
        let bytes = self.left - self.gone - self.ahead;
        if self.part > 0 && bytes > 0 {
            let back = settings.arrival(now + settings.latency);
            self.window.acknowledge_part(bytes, now, back);
            self.ahead += bytes;
        }
    }

    /// Sends so many bytes of a stream that begins at `start`, behind all messages. Returns when they have left, and
    /// the window behind them.
    pub(in crate::network) fn send_stream(
        &self,
        settings: &LinkSettings,
        start: SimTime,
        bytes: u64,
    ) -> (SimTime, Window) {
        let window = self.window.clone();
        window.send_stream(settings, start, self.counted(), bytes)
    }
}
