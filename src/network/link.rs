//! The link itself: which piece is on the wire, and when it will have left.

use std::collections::VecDeque;

use super::channel::{Channel, Piece};
use super::{Discipline, LinkSettings, Message};

use crate::units::Bytes;
use crate::units::SimTime;

/// The link, transmitting.
#[derive(Debug)]
pub struct Link {
    settings: LinkSettings,
    page_bytes: u64,
    zero_page_bytes: u64,
    /// Work of a page's message in half-picoseconds: two units pass per picosecond, one when two channels share evenly.
    page_work: u64,
    zero_page_work: u64,
    push: Channel,
    demand: Channel,
    /// Most bytes of a channel in the device queue; 0 without one.
    device_limit: u64,
    /// Pieces in the device queue; the first is on the wire.
    device: VecDeque<Piece>,
    /// With so many bytes of a channel untaken by the receiver, nothing more of it begins.
    window: u64,
    /// When the work left was last brought up to date.
    updated: SimTime,
    next_departure: SimTime,
    /// An acknowledgement goes out behind so many bytes of the channel for pushed pages and of that for demanded ones.
    acknowledgement: Option<(u64, u64)>,
}

impl Link {
    /// An idle link for pages of `host_page` bytes.
    pub fn new(settings: &LinkSettings, receive_buffer: Option<Bytes>, host_page: u64) -> Self {
        let page_bytes = settings.page_message(host_page);
        let zero_page_bytes = u64::from(settings.zero_page_bytes);
        Link {
            settings: settings.clone(),
            page_bytes,
            zero_page_bytes,
            page_work: work(settings, page_bytes),
            zero_page_work: work(settings, zero_page_bytes),
            push: Channel::default(),
            demand: Channel::default(),
            device_limit: match settings.discipline {
                Discipline::Fifo | Discipline::Fair => settings.device_queue.0,
                Discipline::Priority => 0,
            },
            device: VecDeque::new(),
            window: receive_buffer.map_or(u64::MAX, |bytes| bytes.0),
            updated: SimTime::ZERO,
            next_departure: SimTime::MAX,
            acknowledgement: None,
        }
    }

    /// Bytes of all messages handed to the link so far, before packet overhead.
    pub fn bytes_handed(&self) -> u64 {
        self.push.entered() + self.demand.entered()
    }

    /// Bytes of all messages that have not left, before packet overhead.
    pub fn queued_bytes(&self) -> u64 {
        self.push.occupancy() + self.demand.occupancy()
    }

    /// Whether nothing waits to be transmitted.
    pub fn is_idle(&self) -> bool {
        self.push.is_empty() && self.demand.is_empty()
    }

    /// Bytes waiting in the channel that such a page would join, those on the wire included.
    pub fn occupancy(&self, demanded: bool) -> u64 {
        if self.own_channel(demanded) {
            self.demand.occupancy()
        } else {
            self.push.occupancy()
        }
    }

    /// Whether such a page has a channel beside that of the pushed pages.
    pub fn own_channel(&self, demanded: bool) -> bool {
        demanded && self.settings.discipline != Discipline::Fifo
    }

    fn bytes(&self, message: Message) -> u64 {
        if message.zero {
            self.zero_page_bytes
        } else {
            self.page_bytes
        }
    }

    fn work(&self, bytes: u64) -> u64 {
        if bytes == self.page_bytes {
            self.page_work
        } else if bytes == self.zero_page_bytes {
            self.zero_page_work
        } else {
            work(&self.settings, bytes)
        }
    }

    fn channel(&mut self, demand: bool) -> &mut Channel {
        if demand {
            &mut self.demand
        } else {
            &mut self.push
        }
    }

    /// Work units per picosecond on the push and the demand channel's piece, where there is no device queue.
    fn rates(&self) -> (u64, u64) {
        match (self.push.wire.is_some(), self.demand.wire.is_some()) {
            (push, false) => (if push { 2 } else { 0 }, 0),
            (false, true) => (0, 2),
            (true, true) => match self.settings.discipline {
                Discipline::Fair => (1, 1),
                Discipline::Fifo | Discipline::Priority => (0, 2),
            },
        }
    }

    fn advance(&mut self, now: SimTime) {
        let elapsed = now.saturating_sub(self.updated).as_ps();
        if elapsed == 0 {
            return;
        }
        let (push_rate, demand_rate) = self.rates();
        for (piece, rate) in [
            (self.push.wire.as_mut(), push_rate),
            (self.demand.wire.as_mut(), demand_rate),
            (self.device.front_mut(), 2),
        ] {
            if let Some(piece) = piece {
                let done = elapsed.saturating_mul(rate);
                piece.work_left = piece.work_left.saturating_sub(done);
            }
        }
        self.updated = now;
    }

    /// Puts a message into its channel.
    pub fn enqueue(&mut self, now: SimTime, message: Message) {
        let (bytes, demand) = (self.bytes(message), self.own_channel(message.demanded));
        self.channel(demand).enter(message, bytes);
        if self.proceed(now, demand) {
            self.next_departure = self.departure();
        }
    }

    /// The receiver has taken a message out of its buffer.
    pub fn taken(&mut self, now: SimTime, message: Message) {
        if self.window == u64::MAX {
            return; // nothing ever waits for it
        }
        let (bytes, demand) = (self.bytes(message), self.own_channel(message.demanded));
        self.channel(demand).taken(bytes);
        if self.proceed(now, demand) {
            self.next_departure = self.departure();
        }
    }

    /// Lets a channel transmit, or hand to the device queue, what there is room for. Returns whether there was any.
    fn proceed(&mut self, now: SimTime, demand: bool) -> bool {
        let mut any = false;
        let (limit, segment, window) = (self.device_limit, self.settings.segment.0, self.window);
        while self.channel(demand).wire.is_none()
            && let Some(bytes) = self.channel(demand).next_piece(segment, window)
        {
            let there = self.channel(demand).under_way();
            if limit > 0 && there > 0 && there + bytes > limit {
                break;
            }
            any = true;
            self.advance(now);
            self.channel(demand).begin(bytes);
            let piece = Piece {
                demand,
                bytes,
                work_left: self.work(bytes),
            };
            if limit > 0 {
                self.device.push_back(piece);
            } else {
                self.channel(demand).wire = Some(piece);
            }
        }
        any
    }

    /// When the next piece will have left, if nothing else is enqueued before; [`SimTime::MAX`] on an idle link.
    pub fn next_departure(&self) -> SimTime {
        self.next_departure
    }

    fn departure(&self) -> SimTime {
        let due = |piece: Option<&Piece>, rate: u64| match piece {
            Some(piece) if rate > 0 => {
                self.updated + SimTime::from_ps(piece.work_left.div_ceil(rate))
            }
            _ => SimTime::MAX,
        };
        let (push_rate, demand_rate) = self.rates();
        due(self.push.wire.as_ref(), push_rate)
            .min(due(self.demand.wire.as_ref(), demand_rate))
            .min(due(self.device.front(), 2))
    }

    /// The piece that [`Link::next_departure`] named has been transmitted at `now`; of two, the demanded one. Calls `left`
    /// with every message that has left by that.
    pub fn depart(&mut self, now: SimTime, left: impl FnMut(Message)) {
        self.advance(now);
        let done = |wire: &mut Option<Piece>| wire.take_if(|piece| piece.work_left == 0);
        let Some(piece) = done(&mut self.demand.wire)
            .or_else(|| done(&mut self.push.wire))
            .or_else(|| self.device.pop_front())
        else {
            return;
        };
        self.channel(piece.demand).leave(piece.bytes, left);
        self.proceed(now, piece.demand);
        self.next_departure = self.departure();
    }

    /// What has come in on the socket of the pushed pages is acknowledged: `at_once`, behind all that has begun to go out; or with
    /// the next piece that begins there, or when none is left there.
    pub fn acknowledge_requests(&mut self, at_once: bool) {
        let (pushed, demanded) = (self.push.begun(), self.demand.begun());
        let behind = if at_once {
            (pushed, demanded)
        } else {
            (pushed + 1, 0)
        };
        self.acknowledgement.get_or_insert(behind);
    }

    /// Whether an acknowledgement has left since this was last asked.
    pub fn acknowledgement_left(&mut self) -> bool {
        let (push, demand) = (&self.push, &self.demand);
        self.acknowledgement
            .take_if(|(pushed, demanded)| push.has_left(*pushed) && demand.has_left(*demanded))
            .is_some()
    }
}

/// Half-picoseconds of the full bandwidth that so many bytes need.
fn work(settings: &LinkSettings, bytes: u64) -> u64 {
    settings.transmission(bytes).times(2).as_ps()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::PageId;

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
