//! The link itself: which piece is on the wire, and when it will have left.
//!
//! While one channel sends whole messages and nothing else is to be heeded, those of one span leave at constant
//! distances and are taken in one step. Where two channels share the bandwidth, or messages go in pieces, each step is
//! a piece.

mod acknowledgement;
mod regular;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::regular::Bounds;
use super::capacity::Capacity;
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
    /// Work is counted in half-picoseconds of it: two units pass per picosecond, one when two channels share evenly.
    capacity: Capacity,
    /// One for each connection, then that for demanded pages.
    channels: Vec<Channel>,
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
    /// An idle link for pages of a memory, with so many connections for pushed ones.
    pub fn new(
        settings: &LinkSettings,
        receive_buffer: Bytes,
        memory: &Memory,
        connections: u8,
    ) -> Self {
        let sizes = settings.message_bytes(memory.page_size());
        let whole = memory.whole_page();
        let connections = usize::from(connections);
        let part = settings.part(receive_buffer, sizes.of(whole));
        let channel = |index| Channel::new(index, sizes, part, settings.window(receive_buffer));
        Link {
            settings: settings.clone(),
            capacity: Capacity::new(
                settings,
                [whole, whole.emptied()].map(|page| sizes.of(page)),
            ),
            channels: (0..=connections).map(channel).collect(),
            device_limit: match settings.discipline {
                // Connections take turns: a piece of each at a time.
                _ if connections > 1 => settings.device_queue.0.max(1),
                Discipline::Fifo | Discipline::Fair => settings.device_queue.0,
                Discipline::Priority => 0,
            },
            device: VecDeque::new(),
            updated: SimTime::ZERO,
            next_departure: SimTime::MAX,
            acknowledgement: None,
        }
    }

    /// The same link, whose first connection has been used: this is its window.
    pub fn with_window(mut self, window: Window) -> Self {
        self.channels[0].window = window;
        self
    }

    /// Bytes of all messages handed to the link so far, before packet overhead.
    pub fn bytes_handed(&self) -> u64 {
        self.channels.iter().map(Channel::entered).sum()
    }

    /// Bytes of all messages that have not left, before packet overhead.
    pub fn queued_bytes(&self) -> u64 {
        self.channels.iter().map(Channel::occupancy).sum()
    }

    /// The lowest number of the pages that have not left.
    pub fn first_number(&self) -> Option<u64> {
        let first = self.channels.iter().filter_map(Channel::first_number);
        first.min()
    }

    /// Whether nothing waits to be transmitted.
    pub fn is_idle(&self) -> bool {
        self.channels.iter().all(Channel::is_empty)
    }

    /// Bytes waiting in the channel that such a page would join, those on the wire included.
    pub fn occupancy(&self, demanded: bool) -> u64 {
        self.channels[self.index(demanded)].occupancy()
    }

    /// Whether such a page has a channel beside that of the pushed pages.
    pub fn own_channel(&self, demanded: bool) -> bool {
        demanded && self.settings.discipline != Discipline::Fifo
    }

    /// Bytes of a message.
    pub fn bytes(&self, content: Content) -> u64 {
        self.channels[0].bytes(content)
    }

    /// Which channel such a page joins, if it is not of another connection.
    fn index(&self, demanded: bool) -> usize {
        if self.own_channel(demanded) {
            self.channels.len() - 1
        } else {
            0
        }
    }

    fn push(&self) -> &Channel {
        &self.channels[0]
    }

    fn demand(&self) -> &Channel {
        &self.channels[self.channels.len() - 1]
    }

    /// Work units per picosecond on a channel's piece, where there is no device queue.
    fn rate(&self, index: usize) -> u64 {
        let alone = self.push().wire.is_none() || self.demand().wire.is_none();
        match self.settings.discipline {
            _ if alone => 2,
            Discipline::Fair => 1,
            Discipline::Fifo | Discipline::Priority if index == 0 => 0,
            Discipline::Fifo | Discipline::Priority => 2,
        }
    }

    fn advance(&mut self, now: SimTime) {
        if now <= self.updated {
            return;
        }
        let time = (self.updated, now);
        for index in 0..self.channels.len() {
            let rate = self.rate(index);
            if let Some(piece) = &mut self.channels[index].wire {
                self.capacity.pass(piece, rate, time);
            }
        }
        // A change is one for those that wait, too.
        let changes = now >= self.capacity.changes_at();
        let concerned = if changes { self.device.len() } else { 1 };
        for (place, piece) in self.device.iter_mut().take(concerned).enumerate() {
            let rate = if place == 0 { 2 } else { 0 };
            self.capacity.pass(piece, rate, time);
        }
        self.come_to(now);
    }

    fn come_to(&mut self, now: SimTime) {
        self.updated = now;
        self.capacity.come_to(now);
    }

    /// Messages will be handed over at their times, which the link has not come to yet.
    pub fn announce(&mut self, span: Span) {
        let index = self.index(span.demanded);
        self.channels[index].enter(span);
    }

    /// A message will be handed over on a connection.
    pub fn announce_on(&mut self, connection: usize, span: Span) {
        self.channels[connection].enter(span);
    }

    /// Bytes waiting on a connection, those on the wire included.
    pub fn occupancy_on(&self, connection: usize) -> u64 {
        self.channels[connection].occupancy()
    }

    /// Messages are handed over now, all at once.
    pub fn enqueue(&mut self, mut span: Span, now: SimTime) {
        span.handed = Progression::at_once(now);
        self.announce(span);
        loop {
            let (start, index) = self.next_start();
            if start > now {
                break;
            }
            self.begin(start, index);
        }
        let index = self.index(span.demanded);
        self.channels[index].arrive_before(now + SimTime::from_ps(1));
    }

    /// Whether some channel begins nothing before more of it has been acknowledged.
    fn is_closed(&self) -> bool {
        self.channels.iter().any(Channel::is_closed)
    }

    /// Sends so many bytes of a stream, which begins at `start` behind all pushed pages of the first connection, has
    /// the link for itself and is taken as it arrives. Returns when they have left, and the connection's window behind
    /// them.
    pub fn send_stream(&self, start: SimTime, bytes: u64) -> (SimTime, Window) {
        self.push().send_stream(&self.settings, start, bytes)
    }

    /// All connections are given up. Returns what has not left: nobody has sent it any more.
    pub fn lose(&mut self) -> Vec<Span> {
        self.device.clear();
        self.acknowledgement = None;
        let lost = self.channels.iter_mut().flat_map(Channel::lose).collect();
        self.next_departure = SimTime::MAX;
        lost
    }

    /// Lets a channel transmit, or hand to the device queue, what there is room for.
    fn proceed(&mut self, now: SimTime, index: usize) {
        let (limit, segment) = (self.device_limit, self.settings.segment.0);
        self.channels[index].window.receive(now);
        while let channel = &self.channels[index]
            && channel.wire.is_none()
            && !channel.is_closed()
            && let Some(bytes) = channel.next_piece(segment)
            && channel.device_has_room(bytes, limit)
        {
            self.advance(now);
            let piece = Piece {
                index,
                bytes,
                work_left: self.capacity.work(bytes),
            };
            let channel = &mut self.channels[index];
            channel.begin(bytes);
            if limit > 0 {
                self.device.push_back(piece);
            } else {
                channel.wire = Some(piece);
            }
        }
        self.next_departure = self.departure();
    }

    /// When the next piece will have left, if nothing else is handed over before; [`SimTime::MAX`] on an idle link.
    pub fn next_departure(&self) -> SimTime {
        self.next_departure
    }

    /// A message is handed over that begins at once, or a window opens.
    pub fn start(&mut self) {
        let (start, index) = self.next_start();
        self.begin(start, index);
    }

    fn begin(&mut self, now: SimTime, index: usize) {
        self.channels[index].arrive_for_start(now);
        self.proceed(now, index);
    }

    /// When a message is handed over that begins at once, or a window opens; [`SimTime::MAX`] if neither happens. And
    /// on which channel; of several, the demanded pages' first.
    pub fn next_start(&self) -> (SimTime, usize) {
        let (segment, limit) = (self.settings.segment.0, self.device_limit);
        let mut next = (SimTime::MAX, 0);
        let last = self.channels.len() - 1;
        for index in std::iter::once(last).chain(0..last) {
            let start = self.channels[index].next_start(segment, limit);
            if start < next.0 {
                next = (start, index);
            }
        }
        // A window may have opened before what closed it had left.
        (next.0.max(self.updated), next.1)
    }

    fn departure(&self) -> SimTime {
        let due = |piece: &Piece, rate: u64| match rate {
            0 => SimTime::MAX,
            rate => self.capacity.departure(piece, rate, self.updated),
        };
        let on_wires = self
            .channels
            .iter()
            .enumerate()
            .filter_map(|(index, channel)| {
                let piece = channel.wire.as_ref()?;
                Some(due(piece, self.rate(index)))
            });
        let in_device = self.device.front().map(|piece| due(piece, 2));
        on_wires.chain(in_device).min().unwrap_or(SimTime::MAX)
    }

    /// Goes on until `until`, or until somebody has to look at it: a bound is reached, an acknowledgement may have
    /// left, a window is closed and what has left decides when it opens. What leaves is added to `departures`. Returns
    /// when the last of it left; `None` if nothing did. What is handed over at `until` comes later.
    pub fn step(
        &mut self,
        until: SimTime,
        bounds: &Bounds,
        departures: &mut Vec<Departure>,
    ) -> Option<SimTime> {
        let mut last = None;
        loop {
            let (start, index) = self.next_start();
            if start < self.next_departure {
                if start >= until {
                    return last;
                }
                self.begin(start, index);
                continue;
            }
            if self.next_departure > until || self.next_departure == SimTime::MAX {
                return last;
            }
            let now = match self.regular_run(until, bounds) {
                Some((connection, left, count)) => {
                    let (channel, now) = (&mut self.channels[connection], left.at(count - 1));
                    channel.pass(count, left, departures);
                    channel.arrive_before(now);
                    channel.leave(0, now, departures);
                    self.come_to(now);
                    self.go_on(now, connection)
                }
                None => self.depart(self.next_departure, departures),
            };
            last = Some(now);
            if self.acknowledgement.is_some()
                || self.is_closed()
                || self.has_sent_parts(departures)
                || bounds.are_reached(self.push(), self.demand(), departures.len())
            {
                return last;
            }
        }
    }

    /// Whether the last message has left of which parts are acknowledged: those behind it are acknowledged after it.
    fn has_sent_parts(&self, departures: &[Departure]) -> bool {
        self.push().sends_parts() && !departures.is_empty()
    }

    /// The piece that is due at `now` has been transmitted; of two, the demanded one.
    fn depart(&mut self, now: SimTime, departures: &mut Vec<Departure>) -> SimTime {
        self.advance(now);
        let done = |channel: &mut Channel| channel.wire.take_if(|piece| piece.work_left == 0);
        let piece =
            (self.channels.iter_mut().rev().find_map(done)).or_else(|| self.device.pop_front());
        let Some(piece) = piece else {
            return now;
        };
        let channel = &mut self.channels[piece.index];
        channel.arrive_before(now);
        channel.leave(piece.bytes, now, departures);
        channel.acknowledge_parts(now, &self.settings);
        self.go_on(now, piece.index)
    }

    /// Something of a channel has left at `now`.
    fn go_on(&mut self, now: SimTime, index: usize) -> SimTime {
        self.channels[index].arrive_before(now);
        self.proceed(now, index);
        now
    }
}
