//! The network link from source to destination.
//!
//! A link transmits *messages* (a page, a zero page, the core state). Messages wait in up to two queues, one for
//! pushed pages and one for demanded pages; the [`Discipline`] says who shares the bandwidth with whom. The link is
//! work-conserving, and the only thing that it decides is when a message has left. Between the queues and the wire there may
//! be a [device queue](LinkSettings::device_queue) of their own.

mod settings;

use std::collections::VecDeque;

use serde::Deserialize;

pub use settings::{LinkSettings, SMALLEST_MTU};

use crate::time::SimTime;
use crate::units::Bytes;
use crate::vm::PageId;

/// How demanded pages share the link with the backlog of pushed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// One stream: a demanded page waits behind everything queued (QEMU's default).
    Fifo,
    /// A channel of its own that shares the bandwidth equally (QEMU's `postcopy-preempt`).
    Fair,
    /// A channel of its own that takes the whole bandwidth while it has something to send: an ideal.
    Priority,
}

/// A page on its way to the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Which page.
    pub page: PageId,
    /// Whether its content is all zeros, so that a mark is sent instead.
    pub zero: bool,
    /// Whether a request asked for it.
    pub demanded: bool,
}

/// Messages that wait; if the queue is one that transmits, the first is on the wire.
#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// Work left on the front message, in half-picoseconds of the full bandwidth.
    work_left: u64,
}

/// A sender's channel.
#[derive(Debug, Default)]
struct Channel {
    queue: Queue,
    /// Bytes of all its messages not yet completely transmitted.
    occupancy: u64,
    /// Those of them that are in the device queue.
    in_device: u64,
    /// Whether the first message is being transmitted, where there is no device queue.
    transmitting: bool,
    /// Bytes that are or were transmitted and that the receiver has not taken yet.
    untaken: u64,
    /// Bytes that have been transmitted of the piece that has not left yet.
    in_segment: u64,
    /// Messages that end in that piece.
    held: Vec<Message>,
}

impl Channel {
    fn leave_in_segments(
        &mut self,
        message: Message,
        bytes: u64,
        segment: u64,
        mut left: impl FnMut(Message),
    ) {
        self.in_segment += bytes;
        if self.in_segment > segment {
            self.held.drain(..).for_each(&mut left);
        }
        self.held.push(message);
        let nothing_follows = !self.transmitting && self.in_device == 0;
        if nothing_follows || self.in_segment.is_multiple_of(segment.max(1)) {
            self.held.drain(..).for_each(left);
        }
        self.in_segment = match (nothing_follows, segment) {
            (true, _) | (_, 0) => 0,
            _ => self.in_segment % segment,
        };
    }
}

/// The link, transmitting.
#[derive(Debug)]
pub struct Link {
    discipline: Discipline,
    page_bytes: u64,
    zero_page_bytes: u64,
    /// Work of a message in half-picoseconds: two units pass per picosecond, one when two queues share evenly.
    page_work: u64,
    zero_page_work: u64,
    push: Channel,
    demand: Channel,
    /// Most bytes of a channel in the device queue; 0 without one.
    device_limit: u64,
    device: Queue,
    /// Bytes of a piece that leaves as one; 0 without.
    segment: u64,
    /// Most bytes of a channel that the receiver leaves untaken; a message may exceed it.
    window: u64,
    /// When `work_left` was last brought up to date.
    updated: SimTime,
    bytes_handed: u64,
}

impl Link {
    /// An idle link for pages of `host_page` bytes.
    pub fn new(settings: &LinkSettings, receive_buffer: Option<Bytes>, host_page: u64) -> Self {
        let page_bytes = settings.page_message(host_page);
        let zero_page_bytes = u64::from(settings.zero_page_bytes);
        let work = |bytes| settings.transmission(bytes).times(2).as_ps();
        Link {
            discipline: settings.discipline,
            page_bytes,
            zero_page_bytes,
            page_work: work(page_bytes),
            zero_page_work: work(zero_page_bytes),
            push: Channel::default(),
            demand: Channel::default(),
            device_limit: match settings.discipline {
                Discipline::Fair => settings.device_queue.0,
                Discipline::Fifo | Discipline::Priority => 0,
            },
            device: Queue::default(),
            segment: settings.segment.0,
            window: receive_buffer.map_or(u64::MAX, |bytes| bytes.0),
            updated: SimTime::ZERO,
            bytes_handed: 0,
        }
    }

    /// Bytes of all messages handed to the link so far, before packet overhead.
    pub fn bytes_handed(&self) -> u64 {
        self.bytes_handed
    }

    /// Bytes of all messages that have not left completely, before packet overhead.
    pub fn queued_bytes(&self) -> u64 {
        self.push.occupancy + self.demand.occupancy
    }

    /// Whether nothing waits to be transmitted.
    pub fn is_idle(&self) -> bool {
        [&self.push.queue, &self.demand.queue, &self.device]
            .iter()
            .all(|queue| queue.messages.is_empty())
    }

    /// Bytes waiting in the channel that such a page would join, the message on the wire included.
    pub fn occupancy(&self, demanded: bool) -> u64 {
        if self.own_channel(demanded) {
            self.demand.occupancy
        } else {
            self.push.occupancy
        }
    }

    /// Whether such a page has a channel beside that of the pushed pages.
    pub fn own_channel(&self, demanded: bool) -> bool {
        demanded && self.discipline != Discipline::Fifo
    }

    fn bytes(&self, message: Message) -> u64 {
        if message.zero {
            self.zero_page_bytes
        } else {
            self.page_bytes
        }
    }

    fn work(&self, message: Message) -> u64 {
        if message.zero {
            self.zero_page_work
        } else {
            self.page_work
        }
    }

    fn channel(&mut self, demanded: bool) -> &mut Channel {
        if self.own_channel(demanded) {
            &mut self.demand
        } else {
            &mut self.push
        }
    }

    /// Work units per picosecond of the push and the demand queue's front, where there is no device queue.
    fn rates(&self) -> (u64, u64) {
        match (self.push.transmitting, self.demand.transmitting) {
            (push, false) => (if push { 2 } else { 0 }, 0),
            (false, true) => (0, 2),
            (true, true) => match self.discipline {
                Discipline::Fair => (1, 1),
                Discipline::Fifo | Discipline::Priority => (0, 2),
            },
        }
    }

    /// The queues that transmit, and the rates of their fronts.
    fn transmitting(&mut self) -> [(&mut Queue, u64); 2] {
        if self.device_limit > 0 {
            return [(&mut self.device, 2), (&mut self.demand.queue, 0)];
        }
        let (push, demand) = self.rates();
        [
            (&mut self.push.queue, push),
            (&mut self.demand.queue, demand),
        ]
    }

    fn advance(&mut self, now: SimTime) {
        let elapsed = now.saturating_sub(self.updated).as_ps();
        for (queue, rate) in self.transmitting() {
            queue.work_left = queue.work_left.saturating_sub(elapsed.saturating_mul(rate));
        }
        self.updated = now;
    }

    /// Puts a message into its channel's queue.
    pub fn enqueue(&mut self, now: SimTime, message: Message) {
        self.advance(now);
        let (bytes, work) = (self.bytes(message), self.work(message));
        let channel = self.channel(message.demanded);
        if channel.queue.messages.is_empty() {
            channel.queue.work_left = work;
        }
        channel.queue.messages.push_back(message);
        channel.occupancy += bytes;
        self.bytes_handed += bytes;
        self.proceed(message.demanded);
    }

    /// The receiver has taken a message out of its buffer.
    pub fn taken(&mut self, now: SimTime, message: Message) {
        self.advance(now);
        let bytes = self.bytes(message);
        self.channel(message.demanded).untaken -= bytes;
        self.proceed(message.demanded);
    }

    /// Lets a channel transmit, or hand to the device queue, what there is room for.
    fn proceed(&mut self, demanded: bool) {
        while let Some(&message) = self.channel(demanded).queue.messages.front() {
            let (bytes, work) = (self.bytes(message), self.work(message));
            let (limit, window) = (self.device_limit, self.window);
            let channel = self.channel(demanded);
            let full = channel.in_device > 0 && channel.in_device + bytes > limit;
            if channel.transmitting || channel.untaken >= window || (limit > 0 && full) {
                return;
            }
            channel.untaken += bytes;
            if limit == 0 {
                channel.transmitting = true;
                return;
            }
            channel.in_device += bytes;
            channel.queue.messages.pop_front();
            if self.device.messages.is_empty() {
                self.device.work_left = work;
            }
            self.device.messages.push_back(message);
        }
    }

    /// When the next message will have left, if nothing else is enqueued before; [`SimTime::MAX`] on an idle link.
    pub fn next_departure(&self) -> SimTime {
        let due = |queue: &Queue, rate: u64| {
            if queue.messages.is_empty() || rate == 0 {
                SimTime::MAX
            } else {
                self.updated + SimTime::from_ps(queue.work_left.div_ceil(rate))
            }
        };
        if self.device_limit > 0 {
            return due(&self.device, 2);
        }
        let (push_rate, demand_rate) = self.rates();
        due(&self.push.queue, push_rate).min(due(&self.demand.queue, demand_rate))
    }

    /// The message that [`Link::next_departure`] named has been transmitted at `now`; of two, the demanded one. Calls `left`
    /// with every message that has left by that.
    pub fn depart(&mut self, now: SimTime, left: impl FnMut(Message)) {
        self.advance(now);
        let (_, demand_rate) = self.rates();
        let demand_done = demand_rate > 0 && self.demand.queue.work_left == 0;
        let queue = if self.device_limit > 0 {
            &mut self.device
        } else if demand_done {
            &mut self.demand.queue
        } else {
            &mut self.push.queue
        };
        let Some(message) = queue.messages.pop_front() else {
            return;
        };
        let next = queue.messages.front().copied();
        let (bytes, work) = (self.bytes(message), next.map_or(0, |next| self.work(next)));
        if self.device_limit > 0 {
            self.device.work_left = work;
            self.channel(message.demanded).in_device -= bytes;
        } else {
            let channel = self.channel(message.demanded);
            channel.queue.work_left = work;
            channel.transmitting = false;
        }
        self.channel(message.demanded).occupancy -= bytes;
        self.proceed(message.demanded);
        let segment = self.segment;
        self.channel(message.demanded)
            .leave_in_segments(message, bytes, segment, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(discipline: Discipline) -> LinkSettings {
        LinkSettings {
            discipline,
            ..LinkSettings::default()
        }
    }

    fn message(page: PageId, demanded: bool) -> Message {
        Message {
            page,
            zero: false,
            demanded,
        }
    }

    /// Departures of one pushed page, enqueued at 0, and one demanded page, enqueued half-way through it.
    fn departures(discipline: Discipline) -> Vec<(PageId, u64)> {
        let mut link = Link::new(&settings(discipline), None, 4_096);
        link.enqueue(SimTime::ZERO, message(0, false));
        link.enqueue(SimTime::from_ps(17_000_000), message(1, true));
        let mut seen = Vec::new();
        while link.next_departure() < SimTime::MAX {
            let now = link.next_departure();
            link.depart(now, |left| seen.push((left.page, now.as_ps())));
        }
        seen
    }

    #[test]
    fn a_page_takes_its_bits_and_the_packets_share() {
        // 4,104 bytes of stream at 1514/1448 wire bytes each and 8 ns a byte: 4,104 · 8 · 1514 / 1448 = 34,328.486… ns.
        assert_eq!(
            settings(Discipline::Fifo).transmission(4_104),
            SimTime::from_ps(34_328_487)
        );
        assert_eq!(settings(Discipline::Fifo).wire_bytes(1_448), 1_514);
    }

    #[test]
    fn disciplines_share_differently() {
        // One page needs P = 34,328,487 ps. The demanded one comes at 17,000,000.
        // fifo: P, then 2 P.
        assert_eq!(
            departures(Discipline::Fifo),
            [(0, 34_328_487), (1, 68_656_974)]
        );
        // fair: the pushed page has 17,328,487 left at half speed, so it leaves at 17,000,000 + 34,656,974; by then the
        // demanded one has had 17,328,487 and goes on alone with 17,000,000: 51,656,974 + 17,000,000.
        assert_eq!(
            departures(Discipline::Fair),
            [(0, 51_656_974), (1, 68_656_974)]
        );
        // priority: the demanded page goes at once, the pushed one stands still for P.
        assert_eq!(
            departures(Discipline::Priority),
            [(1, 51_328_487), (0, 68_656_974)]
        );
    }
}
