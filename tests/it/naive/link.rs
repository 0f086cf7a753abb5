//! The link: a push queue and a demand queue that share the bandwidth.

use super::{Input, PageCounts, Ps, ps};
use migsim::host::destination::Nagle;
use migsim::network::Discipline;
use std::cell::Cell;

/// A page on its way.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) page: u32,
    pub(super) counts: PageCounts,
    pub(super) bytes: u64,
    /// All of it has started, or is out.
    pub(super) started: Cell<bool>,
    /// Sent because it was requested.
    pub(super) demand: bool,
    /// Else the push queue that it goes into.
    pub(super) connection: usize,
    /// Bytes of it that were acknowledged before it had left.
    pub(super) ahead: u64,
}

/// Which queue: of requested pages, or of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Demand,
    Push(usize),
}

/// A queue as a stream of bytes, counted from its first.
#[derive(Debug, Default)]
struct Stream {
    /// Every message that was ever put in, with the count of bytes at its end.
    messages: Vec<(u64, Message)>,
    /// How many of them are out.
    out: usize,
    /// Counts of bytes: under way before the first, put in, started, out, and of messages whose acknowledgement has
    /// come in, those from before among them.
    before: u64,
    put: u64,
    started: u64,
    gone: u64,
    acknowledged: u64,
    /// Bytes of the first message that is not out which were acknowledged as parts.
    ahead: u64,
    /// When those of others come in, which have left.
    acknowledgements: Vec<(Ps, u64)>,
}

/// Bytes that go together, with the half-units of work that they still need.
#[derive(Debug, Clone, Copy)]
struct Piece {
    lane: Lane,
    bytes: u64,
    work: u128,
}

pub(super) struct Link<'a> {
    input: &'a Input<'a>,
    demand: Stream,
    pushes: Vec<Stream>,
    /// What has started and is not out, in that order: through the device's queue if there is one, else one of each
    /// lane.
    pieces: Vec<Piece>,
    /// The time at which the work was last brought up to date.
    updated: Ps,
    /// Received requests are acknowledged once so many bytes of the push queue, and of the demand queue, are out.
    acknowledging: Option<(u64, u64)>,
}

impl<'a> Link<'a> {
    pub(super) fn new(input: &'a Input<'a>, connections: usize) -> Self {
        Link {
            input,
            demand: Stream::default(),
            pushes: (0..connections).map(|_| Stream::default()).collect(),
            pieces: Vec::new(),
            updated: 0,
            acknowledging: None,
        }
    }

    /// The same at a later time, behind bytes of the first connection: when they are acknowledged, and how many.
    pub(super) fn behind(mut self, now: Ps, under_way: &[(Ps, u64)]) -> Self {
        self.updated = now;
        let stream = &mut self.pushes[0];
        for &(at, bytes) in under_way {
            stream.before += bytes;
            if at <= now {
                stream.acknowledged += bytes;
            } else {
                stream.acknowledgements.push((at, bytes));
            }
        }
        self
    }

    /// The queue that demand pages use.
    pub(super) fn demand_lane(&self) -> Lane {
        match self.input.settings.link.discipline {
            Discipline::Fifo => Lane::Push(0),
            Discipline::Fair | Discipline::Priority => Lane::Demand,
        }
    }

    fn lane(&self, lane: Lane) -> &Stream {
        match lane {
            Lane::Demand => &self.demand,
            Lane::Push(i) => &self.pushes[i],
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut Stream {
        match lane {
            Lane::Demand => &mut self.demand,
            Lane::Push(i) => &mut self.pushes[i],
        }
    }

    /// Bytes of a queue in the device's, if pieces pass through that. Several connections have a piece each in turn.
    fn device_queue(&self) -> Option<u64> {
        let several = self.pushes.len() > 1;
        let size = match self.input.settings.link.discipline {
            Discipline::Priority if !several => 0,
            _ => self.input.settings.link.device_queue.0,
        };
        (size > 0 || several).then_some(size)
    }

    /// Pieces pass through the device's queue.
    fn has_device(&self) -> bool {
        self.device_queue().is_some()
    }

    fn lane_of(&self, message: &Message) -> Lane {
        if message.demand {
            self.demand_lane()
        } else {
            Lane::Push(message.connection)
        }
    }

    /// What of `lane` would go together if it started now.
    fn next_piece(&self, lane: Lane) -> Option<u64> {
        let stream = self.lane(lane);
        // Messages that are neither out nor started to their end. One of no bytes is started with the bytes before it
        // only as part of their piece; behind it, it is a piece of its own.
        let next = stream.messages[stream.out..]
            .iter()
            .find(|(end, message)| *end > stream.started || !message.started.get())?;
        Some(if self.input.settings.link.segment.0 == 0 {
            (next.0 - stream.started).min(self.input.part().unwrap_or(u64::MAX))
        } else {
            (stream.put - stream.started).min(self.input.settings.link.segment.0)
        })
    }

    /// Starts what may start.
    fn start(&mut self, lane: Lane) {
        while let Some(bytes) = self.next_piece(lane) {
            let stream = self.lane(lane);
            let whole = stream.messages.iter().filter(|(_, m)| m.started.get());
            let whole: u64 = whole.map(|(_, message)| message.bytes).sum();
            let due = stream
                .acknowledgements
                .iter()
                .filter(|(at, _)| *at <= self.updated);
            let due: u64 = due.map(|(_, bytes)| bytes).sum();
            let counted = match self.input.part() {
                Some(_) => stream.started,
                None => whole,
            };
            let under_way = stream.before + counted - stream.acknowledged - due;
            if under_way >= self.input.window() {
                return;
            }
            let there = stream.started - stream.gone;
            let room = if let Some(size) = self.device_queue() {
                there == 0 || there + bytes <= size
            } else {
                self.pieces.iter().all(|piece| piece.lane != lane)
            };
            if !room {
                return;
            }
            let bandwidth = self.input.bandwidth_at(self.updated);
            let work = 2 * self.input.tx(bytes, bandwidth);
            self.pieces.push(Piece { lane, bytes, work });
            let stream = self.lane_mut(lane);
            stream.started += bytes;
            for (end, message) in &stream.messages {
                if *end <= stream.started {
                    message.started.set(true);
                }
            }
        }
    }

    /// A message has left, and its sender will learn that it is installed.
    pub(super) fn acknowledge_message(&mut self, at: Ps, message: &Message) {
        if message.bytes == 0 {
            return; // nobody waits for it
        }
        let lane = self.lane_of(message);
        let stream = self.lane_mut(lane);
        let bytes = message.bytes - message.ahead;
        stream.acknowledgements.push((at, bytes));
    }

    /// When the next acknowledgement of a lane comes in.
    pub(super) fn next_acknowledgement(&self, lane: Lane) -> Option<Ps> {
        let times = self.lane(lane).acknowledgements.iter();
        times.map(|(at, _)| *at).min()
    }

    /// What of a lane has left and was not acknowledged: when it will be, and its bytes.
    pub(super) fn unacknowledged(&self, lane: Lane) -> &[(Ps, u64)] {
        &self.lane(lane).acknowledgements
    }

    /// Acknowledgements of a lane come in.
    pub(super) fn acknowledged(&mut self, now: Ps, lane: Lane) {
        self.update(now);
        let stream = self.lane_mut(lane);
        for (_, bytes) in stream.acknowledgements.extract_if(.., |(at, _)| *at <= now) {
            stream.acknowledged += bytes;
        }
        self.start(lane);
    }

    /// Half-units per picosecond that a piece gets.
    fn rate(&self, i: usize) -> u128 {
        if self.has_device() {
            return if i == 0 { 2 } else { 0 };
        }
        let alone = self.pieces.len() == 1;
        match (
            alone,
            self.input.settings.link.discipline,
            self.pieces[i].lane,
        ) {
            (true, _, _) => 2,
            (false, Discipline::Priority, Lane::Demand) => 2,
            (false, Discipline::Priority, Lane::Push(_)) => 0,
            (false, _, _) => 1,
        }
    }

    pub(super) fn occupancy(&self, lane: Lane) -> u64 {
        self.lane(lane).put - self.lane(lane).gone
    }

    pub(super) fn is_empty(&self, lane: Lane) -> bool {
        self.lane(lane).out == self.lane(lane).messages.len()
    }

    /// When the next piece is out, if nothing changes before, and which: of two at once, the demand queue's.
    pub(super) fn departure(&self) -> Option<(Ps, usize)> {
        let of = |i: usize| {
            let rate = self.rate(i);
            let Piece { bytes, work, .. } = self.pieces[i];
            (rate > 0).then(|| (self.input.out(self.updated, bytes, work, rate), i))
        };
        (0..self.pieces.len())
            .filter_map(of)
            .min_by_key(|&(time, i)| (time, self.pieces[i].lane))
    }

    fn update(&mut self, now: Ps) {
        while let Some(change) = self.input.next_change(self.updated)
            && change <= now
        {
            if self.input.outage(self.updated).is_none() {
                self.update_between_changes(change);
            }
            for piece in &mut self.pieces {
                piece.work = self.input.at_change(piece.bytes, piece.work, change);
            }
            self.updated = change;
        }
        if self.input.outage(self.updated).is_none() {
            self.update_between_changes(now);
        }
        self.updated = now;
    }

    fn update_between_changes(&mut self, now: Ps) {
        let elapsed = now - self.updated;
        let done: Vec<u128> = (0..self.pieces.len())
            .map(|i| elapsed * self.rate(i))
            .collect();
        for (piece, done) in self.pieces.iter_mut().zip(done) {
            piece.work = piece.work.saturating_sub(done);
        }
        self.updated = now;
    }

    pub(super) fn enqueue(&mut self, now: Ps, message: Message) {
        self.update(now);
        let lane = self.lane_of(&message);
        let stream = self.lane_mut(lane);
        stream.put += message.bytes;
        stream.messages.push((stream.put, message));
        self.start(lane);
    }

    /// A piece is out. Returns the messages that are by that.
    pub(super) fn leave(&mut self, now: Ps, i: usize) -> Vec<Message> {
        self.update(now);
        let Piece { lane, bytes, work } = self.pieces.remove(i);
        assert_eq!(work, 0, "a piece is out completely");
        let stream = self.lane_mut(lane);
        stream.gone += bytes;
        let out = stream
            .messages
            .iter()
            .take_while(|(end, _)| *end <= stream.gone)
            .count();
        let messages = &stream.messages[stream.out..out];
        let mut left: Vec<_> = messages
            .iter()
            .map(|(_, message)| message.clone())
            .collect();
        if let Some(first) = left.first_mut() {
            first.ahead = std::mem::take(&mut stream.ahead);
        }
        stream.out = out;
        self.acknowledge_part(now, lane);
        self.start(lane);
        left
    }

    /// What has left of the message that is leaving is acknowledged a round trip later, if it goes in parts.
    fn acknowledge_part(&mut self, now: Ps, lane: Lane) {
        if self.input.part().is_none() {
            return;
        }
        let back = self
            .input
            .across(now + ps(self.input.settings.link.latency));
        let stream = self.lane_mut(lane);
        let complete = match stream.out {
            0 => 0,
            out => stream.messages[out - 1].0,
        };
        let bytes = stream.gone - complete - stream.ahead;
        if bytes > 0 {
            let before = stream.acknowledgements.iter().map(|(at, _)| *at);
            let at = before.fold(back, Ps::max);
            stream.acknowledgements.push((at, bytes));
            stream.ahead += bytes;
        }
    }

    /// Everything is lost that is not out.
    pub(super) fn lose(&mut self) -> Vec<Message> {
        let mut lost = Vec::new();
        for stream in self.pushes.iter_mut().chain([&mut self.demand]) {
            let queued = stream.messages.drain(..).skip(stream.out);
            lost.extend(queued.map(|(_, message)| message));
        }
        let connections = self.pushes.len();
        *self = Link {
            updated: self.updated,
            ..Link::new(self.input, connections)
        };
        lost
    }

    /// Requests have come in. The acknowledgement is a packet behind what has started, or goes with the next piece of
    /// the push queue that starts.
    pub(super) fn acknowledge(&mut self) {
        if self.acknowledging.is_none() {
            self.acknowledging = Some(
                if self.input.settings.destination.nagle == Nagle::Quickack {
                    (self.pushes[0].started, self.demand.started)
                } else {
                    (self.pushes[0].started + 1, 0)
                },
            );
        }
    }

    /// Whether the acknowledgement is out; then there is none any more. Nothing waits for an empty push queue.
    pub(super) fn has_acknowledged(&mut self) -> bool {
        let out = self.acknowledging.is_some_and(|(push, demand)| {
            let push_is_out =
                self.pushes[0].gone >= push || self.pushes[0].put == self.pushes[0].gone;
            push_is_out && self.demand.gone >= demand
        });
        if out {
            self.acknowledging = None;
        }
        out
    }
}
