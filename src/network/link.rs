//! The link itself: which piece is on the wire, and when it will have left.
//!
//! While one channel sends whole messages and nothing else is to be heeded, those of one span leave at constant distances and
//! are taken in one step. Where two channels share the bandwidth, or messages go in pieces, each step is a piece.

mod regular;

use std::collections::VecDeque;

pub use self::regular::Bounds;
use super::channel::{Channel, Piece};
use super::message::{Departure, Span};
use super::window::Window;
use super::{Discipline, LinkSettings};
use crate::engine::Progression;
use crate::memory::{Content, Memory};
use crate::units::Bytes;
use crate::units::SimTime;

/// The link, transmitting.
#[derive(Debug)]
pub struct Link {
    settings: LinkSettings,
    page_bytes: u64,
    zero_page_bytes: u64,
    /// Work of a whole page's message in half-picoseconds: two units pass per picosecond, one when two channels share evenly.
    page_work: u64,
    zero_page_work: u64,
    push: Channel,
    demand: Channel,
    /// Most bytes of a channel in the device queue; 0 without one.
    device_limit: u64,
    /// Pieces in the device queue; the first is on the wire.
    device: VecDeque<Piece>,
    /// When the work left was last brought up to date.
    updated: SimTime,
    next_departure: SimTime,
    /// An acknowledgement goes out behind so many bytes of the channel for pushed pages and of that for demanded ones.
    acknowledgement: Option<(u64, u64)>,
}

impl Link {
    /// An idle link for pages of a memory.
    pub fn new(settings: &LinkSettings, receive_buffer: Bytes, memory: &Memory) -> Self {
        let sizes = settings.message_bytes(memory.page_size());
        let whole = memory.whole_page();
        let (page_bytes, zero_page_bytes) = (sizes.of(whole), sizes.of(whole.emptied()));
        let channel = || Channel::new(sizes, Window::new(receive_buffer));
        Link {
            settings: settings.clone(),
            page_bytes,
            zero_page_bytes,
            page_work: work(settings, page_bytes),
            zero_page_work: work(settings, zero_page_bytes),
            push: channel(),
            demand: channel(),
            device_limit: match settings.discipline {
                Discipline::Fifo | Discipline::Fair => settings.device_queue.0,
                Discipline::Priority => 0,
            },
            device: VecDeque::new(),
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

    /// Bytes of a message.
    pub fn bytes(&self, content: Content) -> u64 {
        self.push.bytes(content)
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

    /// Messages will be handed over at their times, which the link has not come to yet.
    pub fn announce(&mut self, span: Span) {
        let demand = self.own_channel(span.demanded);
        self.channel(demand).enter(span);
    }

    /// Messages are handed over now, all at once.
    pub fn enqueue(&mut self, mut span: Span, now: SimTime) {
        span.handed = Progression::at_once(now);
        self.announce(span);
        loop {
            let (start, demand) = self.next_start();
            if start > now {
                break;
            }
            self.begin(start, demand);
        }
        let demand = self.own_channel(span.demanded);
        self.channel(demand)
            .arrive_before(now + SimTime::from_ps(1));
    }

    /// Whether some channel begins nothing before more of it has been acknowledged.
    fn is_closed(&self) -> bool {
        self.push.is_closed() || self.demand.is_closed()
    }

    /// When so many bytes of a stream have left, which begins at `start` behind all pushed pages, has the link for itself and is taken
    /// as it arrives.
    pub fn stream_left(&self, start: SimTime, bytes: u64) -> SimTime {
        self.push.stream_left(&self.settings, start, bytes)
    }

    /// The messages that left next are acknowledged at these times.
    pub fn acknowledge(&mut self, count: u32, content: Content, demanded: bool, at: Progression) {
        let demand = self.own_channel(demanded);
        let channel = self.channel(demand);
        channel
            .window
            .acknowledge(channel.bytes(content), count, at);
    }

    /// Lets a channel transmit, or hand to the device queue, what there is room for.
    fn proceed(&mut self, now: SimTime, demand: bool) {
        let mut any = false;
        let (limit, segment) = (self.device_limit, self.settings.segment.0);
        self.channel(demand).window.receive(now);
        while self.channel(demand).wire.is_none()
            && !self.channel(demand).is_closed()
            && let Some(bytes) = self.channel(demand).next_piece(segment)
            && self.channel(demand).device_has_room(bytes, limit)
        {
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
        if any {
            self.next_departure = self.departure();
        }
    }

    /// When the next piece will have left, if nothing else is handed over before; [`SimTime::MAX`] on an idle link.
    pub fn next_departure(&self) -> SimTime {
        self.next_departure
    }

    /// A message is handed over that begins at once, or a window opens.
    pub fn start(&mut self) {
        let (start, demand) = self.next_start();
        self.begin(start, demand);
    }

    fn begin(&mut self, now: SimTime, demand: bool) {
        self.channel(demand).arrive_for_start(now);
        self.proceed(now, demand);
    }

    /// When a message is handed over that begins at once, or a window opens; [`SimTime::MAX`] if neither happens. And whether on the
    /// demanded pages' channel.
    pub fn next_start(&self) -> (SimTime, bool) {
        let (segment, limit) = (self.settings.segment.0, self.device_limit);
        let push = self.push.next_start(segment, limit);
        let demand = self.demand.next_start(segment, limit);
        // A window may have opened before what closed it had left.
        if demand <= push {
            (demand.max(self.updated), true)
        } else {
            (push.max(self.updated), false)
        }
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

    /// Goes on until `until`, or until somebody has to look at it: a bound is reached, an acknowledgement may have left, a window is
    /// closed and what has left decides when it opens. What leaves is added to `departures`. Returns when the last of it left; `None` if nothing did. What is handed
    /// over at `until` comes later.
    pub fn step(
        &mut self,
        until: SimTime,
        bounds: &Bounds,
        departures: &mut Vec<Departure>,
    ) -> Option<SimTime> {
        let mut last = None;
        loop {
            let (start, demand) = self.next_start();
            if start < self.next_departure {
                if start >= until {
                    return last;
                }
                self.begin(start, demand);
                continue;
            }
            if self.next_departure > until || self.next_departure == SimTime::MAX {
                return last;
            }
            let now = match self.regular_run(until, bounds) {
                Some((demand, left, count)) => {
                    let span = self.channel(demand).pass(count);
                    departures.push(Departure { span, left });
                    self.updated = left.at(count - 1);
                    self.go_on(self.updated, demand)
                }
                None => self.depart(self.next_departure, departures),
            };
            last = Some(now);
            if self.acknowledgement.is_some()
                || self.is_closed()
                || bounds.are_reached(&self.push, &self.demand, departures.len())
            {
                return last;
            }
        }
    }

    /// The piece that is due at `now` has been transmitted; of two, the demanded one.
    fn depart(&mut self, now: SimTime, departures: &mut Vec<Departure>) -> SimTime {
        self.advance(now);
        let done = |wire: &mut Option<Piece>| wire.take_if(|piece| piece.work_left == 0);
        let piece = done(&mut self.demand.wire)
            .or_else(|| done(&mut self.push.wire))
            .or_else(|| self.device.pop_front());
        let Some(piece) = piece else {
            return now;
        };
        let channel = self.channel(piece.demand);
        channel.arrive_before(now);
        channel.leave(piece.bytes, now, departures);
        self.go_on(now, piece.demand)
    }

    /// Something of a channel has left at `now`.
    fn go_on(&mut self, now: SimTime, demand: bool) -> SimTime {
        self.channel(demand).arrive_before(now);
        self.proceed(now, demand);
        self.next_departure = self.departure();
        now
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

    /// Whether an acknowledgement has yet to leave.
    pub fn has_acknowledgement(&self) -> bool {
        self.acknowledgement.is_some()
    }

    /// Whether an acknowledgement has left by `now`, since this was last asked.
    pub fn acknowledgement_left(&mut self, now: SimTime) -> bool {
        let Some((pushed, demanded)) = self.acknowledgement else {
            return false;
        };
        self.push.arrive_before(now);
        self.demand.arrive_before(now);
        let left = self.push.has_left(pushed) && self.demand.has_left(demanded);
        if left {
            self.acknowledgement = None;
        }
        left
    }
}

/// Half-picoseconds of the full bandwidth that so many bytes need.
fn work(settings: &LinkSettings, bytes: u64) -> u64 {
    settings.transmission(bytes).times(2).as_ps()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Progression;
    use crate::memory::PageId;

    const PAGE: Memory = Memory {
        pages: 2,
        host_page: 4_096,
        host_shift: 0,
        trace_pages: 2,
    };

    fn settings(discipline: Discipline) -> LinkSettings {
        LinkSettings {
            discipline,
            ..LinkSettings::default()
        }
    }

    fn message(page: PageId, demanded: bool, handed_at: SimTime) -> Span {
        Span {
            first: page,
            count: 1,
            content: PAGE.whole_page(),
            demanded,
            requested_at: None,
            handed: Progression::at_once(handed_at),
        }
    }

    /// Departures of one pushed page, enqueued at 0, and one demanded page, enqueued half-way through it.
    fn departures(discipline: Discipline) -> Vec<(PageId, u64)> {
        let mut link = Link::new(&settings(discipline), Bytes(u64::MAX), &PAGE);
        link.announce(message(0, false, SimTime::ZERO));
        link.announce(message(1, true, SimTime::from_ps(17_000_000)));
        let mut seen = Vec::new();
        while link
            .step(SimTime::from_us(1_000), &Bounds::default(), &mut seen)
            .is_some()
        {}
        let seen = seen
            .iter()
            .map(|departure| (departure.span.first, departure.left.first.as_ps()));
        seen.collect()
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
