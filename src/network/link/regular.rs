//! When messages leave the link at constant distances, and how many.

use super::Link;
use crate::engine::Progression;
use crate::memory::Content;
use crate::network::channel::Channel;
use crate::units::SimTime;

/// What a step of the link must not go beyond.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Messages that leave one by one. With none, each step is a piece.
    pub most: u32,
    /// The channel for pushed pages holds no more bytes than these: somebody waits for that.
    pub push_level: Option<u64>,
    /// The same of that for demanded pages.
    pub demand_level: Option<u64>,
}

impl Default for Bounds {
    /// None.
    fn default() -> Self {
        Bounds {
            most: u32::MAX,
            push_level: None,
            demand_level: None,
        }
    }
}

/// Departures that are collected at most.
const COLLECTED: usize = 256;

impl Bounds {
    /// Whether the link has come to one, with so many departures collected.
    pub(super) fn are_reached(&self, push: &Channel, demand: &Channel, departures: usize) -> bool {
        let reached = |level: Option<u64>, channel: &Channel| {
            level.is_some_and(|level| channel.occupancy() <= level)
        };
        departures >= COLLECTED.min(self.most as usize)
            || reached(self.push_level, push)
            || reached(self.demand_level, demand)
    }
}

impl Link {
    /// Several messages that leave at constant distances, if it is known that they do.
    pub(super) fn regular_run(
        &self,
        until: SimTime,
        bounds: &Bounds,
    ) -> Option<(usize, Progression, u32)> {
        let demand = self.demand().wire.is_some();
        let (index, other, level) = if demand {
            (self.channels.len() - 1, self.push(), bounds.demand_level)
        } else {
            (0, self.demand(), bounds.push_level)
        };
        let channel = &self.channels[index];
        if !self.sends_whole_messages() || !other.is_empty() || self.acknowledgement.is_some() {
            return None;
        }
        let bytes = channel.wire.as_ref()?.bytes;
        if bytes == 0 {
            return None;
        }
        let first = self.next_departure;
        let transmission = self.capacity.transmission(bytes);
        let until = until.min(self.capacity.steady_until());
        // None takes less than its transmission.
        let soonest = Progression {
            first,
            step: transmission,
        };
        let most = soonest.count_until(until, bounds.most);
        let (count, step) = channel.regular_run(first, transmission, most);
        let left = Progression { first, step };
        let above = level.map_or(u64::MAX, |level| {
            channel
                .occupancy()
                .saturating_sub(level)
                .div_ceil(bytes)
                .max(1)
        });
        let count = left.count_until(until, count.min(most));
        let count = count.min(u32::try_from(above).unwrap_or(u32::MAX));
        (count > 1).then_some((index, left, count))
    }

    /// When pushed pages of a content leave from `now` on, as long as others join them in time, and how many are known
    /// to; `None` if that is not known.
    pub fn departures(&self, now: SimTime, content: Content) -> Option<(Progression, u32)> {
        let bytes = self.bytes(content);
        if !self.pushes_whole_pages() || bytes == 0 {
            return None;
        }
        let transmission = self.capacity.transmission(bytes);
        let push = self.push();
        let (left, count) = push.departures(now, self.next_departure, transmission, content)?;
        let count = left.count_until(self.capacity.steady_until(), count);
        (count > 0).then_some((left, count))
    }

    /// What the pushed page consists of that leaves next, and when; `None` if none is on its way out.
    pub fn next_to_leave(&self) -> Option<(Content, SimTime)> {
        let push = self.push();
        push.wire.as_ref().filter(|_| self.pushes_whole_pages())?;
        Some((push.next_content()?, self.next_departure))
    }

    /// Whether nothing leaves but pushed pages, each as a whole.
    fn pushes_whole_pages(&self) -> bool {
        self.sends_whole_messages() && self.acknowledgement.is_none() && self.demand().is_empty()
    }

    /// Whether a message is one piece, and goes on the wire when it begins.
    fn sends_whole_messages(&self) -> bool {
        self.settings.segment.0 == 0 && self.device_limit == 0 && !self.push().sends_parts()
    }

    /// A time before which a page does not leave that has this number, if it has been taken up. The link has come to
    /// `now`.
    pub fn earliest_departure(&self, number: Option<u64>, now: SimTime) -> SimTime {
        let queued = |number| {
            let pushed = self.push().unbegun_until(number);
            pushed.or_else(|| self.demand().unbegun_until(number))
        };
        let ahead = match number.and_then(queued) {
            Some(bytes) => bytes,
            // It gets behind all that is queued.
            None if !self.own_channel(true) => self.push().unbegun(),
            None => 0,
        };
        self.capacity.soonest(now, ahead)
    }
}
