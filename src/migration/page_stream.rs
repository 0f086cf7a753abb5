//! Pages on their way before the core state: the migration thread while nothing is requested, the link and the receiver
//! of the push behind it.

use crate::engine::Progression;
use crate::host::destination::ReceivingThread;
use crate::host::source::Limiter;
use crate::memory::{Content, Contents, Memory, PageId, PageSet};
use crate::network::socket::{Batch, SendBuffer};
use crate::network::{Bounds, Departure, Link, Span};
use crate::scenario::Scenario;
use crate::strategy::lead_in::Rounds;
use crate::units::SimTime;

use super::event_loop::LAST;
use super::switch_over::CoreState;

/// What was sent before the resume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Pages with their content.
    pub pages: u64,
    /// Zero pages.
    pub zero_pages: u64,
    /// Both, when sent again.
    pub repeated: u64,
    /// Bytes of all their messages, before packet overhead.
    pub bytes: u64,
    /// Which pages were sent, once or more often; `None` if none was.
    pub sent: Option<PageSet>,
}

/// A connection's socket and the threads at its ends.
struct Connection {
    batch: Batch,
    buffer: SendBuffer,
    /// When the sending thread is through with its last page.
    free_at: SimTime,
    /// It has found the buffer full.
    sleeps: bool,
    receiving: ReceivingThread,
}

/// One page after the other, at the times that the event loop would find. The sending thread that is free first takes a
/// page when its socket has room, serves it and hands it over with its batch.
pub(super) struct PageStream<'a> {
    scenario: &'a Scenario,
    link: Link,
    connections: Vec<Connection>,
    /// The one whose thread takes the next page.
    next: usize,
    /// Of all of them together.
    limiter: Limiter,
    /// When the last message left the link.
    last_departure: SimTime,
    /// Bytes of a whole page's message.
    page_bytes: u64,
    /// When all messages have left, if nothing but the bandwidth holds them up.
    full_speed: SimTime,
    /// Bytes of the last message, and how long they take.
    last_cost: (u64, SimTime),
    /// Room for what leaves the link in a step.
    departures: Vec<Departure>,
    copied: Copied,
    sent: PageSet,
}

impl<'a> PageStream<'a> {
    /// A stream from the migration command on.
    pub(super) fn new(scenario: &'a Scenario, memory: Memory) -> Self {
        let (source, link) = (&scenario.source, &scenario.link);
        let connection = |_| Connection {
            batch: Batch::new(source.write_batch, link.zero_page_bytes),
            buffer: SendBuffer::new(source.send_buffer, source.send_resume),
            free_at: SimTime::ZERO,
            sleeps: false,
            receiving: ReceivingThread::new(&scenario.destination, SimTime::ZERO),
        };
        let window = scenario.destination.receive_buffer;
        PageStream {
            scenario,
            link: Link::new(link, window, &memory, link.connections),
            connections: (0..link.connections).map(connection).collect(),
            next: 0,
            limiter: Limiter::new(source.max_bandwidth, source.limiter_period(), SimTime::ZERO),
            last_departure: SimTime::ZERO,
            page_bytes: link
                .message_bytes(memory.page_size())
                .of(memory.whole_page()),
            full_speed: SimTime::ZERO,
            last_cost: (0, SimTime::ZERO),
            departures: Vec::new(),
            copied: Copied::default(),
            sent: PageSet::empty(memory.pages),
        }
    }

    /// When a thread can take the next page, if that is before `deadline`; those sleep whose sockets have no room.
    pub(super) fn ready(&mut self, deadline: SimTime) -> Option<SimTime> {
        loop {
            let awake =
                (0..self.connections.len()).filter(|index| !self.connections[*index].sleeps);
            let next = awake.min_by_key(|index| self.connections[*index].free_at);
            let free_at = next.map_or(SimTime::MAX, |index| self.connections[index].free_at);
            if self.go_on(free_at.min(deadline)) {
                continue; // its thread may be free earlier
            }
            let index = next.filter(|_| free_at < deadline)?;
            let connection = &mut self.connections[index];
            let has_room = connection.buffer.has_room(self.link.occupancy_on(index));
            let held_until = self.limiter.holds_until(free_at);
            if has_room && held_until.is_none() {
                self.next = index;
                return Some(free_at);
            }
            match held_until {
                _ if !connection.batch.is_empty() => self.close(),
                Some(end) if has_room => connection.free_at = end,
                _ => connection.sleeps = true,
            }
        }
    }

    /// Sends a page, once a thread is [ready](PageStream::ready).
    pub(super) fn push(&mut self, page: PageId, content: Content) {
        self.copied.pages += u64::from(content.pages);
        self.copied.zero_pages += u64::from(content.zeros);
        if !self.sent.insert(page) {
            self.copied.repeated += u64::from(content.parts());
        }
        let connection = &mut self.connections[self.next];
        self.limiter
            .count(connection.free_at, self.link.bytes(content));
        connection.free_at += self.scenario.source.pushing(content);
        let span = Span {
            first: page,
            count: 1,
            content,
            demanded: false,
            requested_at: None,
            handed: Progression::at_once(connection.free_at),
        };
        if connection.batch.holds_nothing_back() {
            self.hand_over(span);
        } else {
            connection.batch.add(span);
            self.write();
        }
    }

    /// A round is over, because its last page was sent, or because it was cut off at a time. Returns when that was.
    pub(super) fn end_round(&mut self, cut_at: Option<SimTime>) -> SimTime {
        if cut_at.is_none() {
            self.close();
        }
        let over = self.free_at().max(cut_at.unwrap_or_default());
        self.resume_at(over);
        self.close();
        over
    }

    /// The VM is suspended, which takes a while. Nothing is sent meanwhile, and nothing limits what follows.
    pub(super) fn pause(&mut self, suspended_at: SimTime, length: SimTime) {
        self.limiter = Limiter::new(None, SimTime::ZERO, suspended_at);
        let begun = self.free_at().max(suspended_at);
        self.resume_at(begun + length);
    }

    /// When the last thread is through with its page.
    fn free_at(&self) -> SimTime {
        let threads = self.connections.iter().map(|connection| connection.free_at);
        threads.max().unwrap_or_default()
    }

    /// No thread goes on before.
    fn resume_at(&mut self, time: SimTime) {
        for connection in &mut self.connections {
            connection.free_at = connection.free_at.max(time);
        }
    }

    /// Nothing more is to be sent for now: what has been gathered is written.
    fn close(&mut self) {
        self.connections[0].batch.close();
        self.write();
    }

    /// Sends pages in order of their addresses.
    pub(super) fn send(&mut self, pages: &PageSet, contents: &Contents) {
        for page in pages.iter() {
            self.ready(SimTime::MAX);
            self.push(page, contents.of(page));
        }
        self.close();
    }

    /// Sends the core state behind everything else, on the first connection. Returns its departure, and what was sent
    /// before.
    pub(super) fn send_core_state(mut self) -> (CoreState, Copied) {
        while self.advance(LAST, &Bounds::default()).is_some() {}
        let begun = self.free_at().max(self.last_departure);
        let (left_at, window) = (self.link).send_stream(begun, self.scenario.vm.core_state.0);
        let receivers = self
            .connections
            .iter()
            .map(|own| own.receiving.busy_until());
        let core_state = CoreState {
            left_at,
            window,
            installed_before: receivers.max().unwrap_or_default(),
        };
        let mut copied = self.copied;
        copied.bytes = self.link.bytes_handed();
        copied.sent = Some(self.sent).filter(|sent| sent.count() > 0);
        (core_state, copied)
    }

    /// Hands the batch over, if it is to be written. Only a single connection has one.
    fn write(&mut self) {
        while self.connections[0].batch.is_being_written() {
            self.go_on(self.connections[0].free_at);
            let (connection, link) = (&mut self.connections[0], &self.link);
            let (occupancy, bytes) = (link.occupancy_on(0), |content| link.bytes(content));
            match connection
                .batch
                .write(&mut connection.buffer, occupancy, bytes)
            {
                Some(mut span) => {
                    span.handed = Progression::at_once(connection.free_at);
                    self.hand_over(span);
                }
                None => {
                    connection.sleeps = true;
                    if !self.go_on(LAST) {
                        self.connections[0].free_at = SimTime::MAX;
                        return;
                    }
                }
            }
        }
    }

    fn hand_over(&mut self, message: Span) {
        let bytes = self.link.bytes(message.content);
        if self.last_cost.0 != bytes {
            self.last_cost = (bytes, self.scenario.link.transmission(bytes));
        }
        self.full_speed = self.full_speed.max(message.handed.first) + self.last_cost.1;
        self.link.announce_on(self.next, message);
    }

    /// The link goes on until `until`, or until a thread that sleeps finds room. Returns whether one does.
    fn go_on(&mut self, until: SimTime) -> bool {
        loop {
            let bounds = match &self.connections[..] {
                [only] => Bounds {
                    push_level: only.sleeps.then(|| only.buffer.level()),
                    ..Bounds::default()
                },
                // One piece after the other: each may make room for somebody.
                _ => Bounds {
                    most: 0,
                    ..Bounds::default()
                },
            };
            let Some(now) = self.advance(until, &bounds) else {
                if self.link.next_start().0 > until.min(LAST) {
                    return false;
                }
                self.link.start();
                continue;
            };
            let mut any = false;
            for (index, connection) in self.connections.iter_mut().enumerate() {
                let has_room = self.link.occupancy_on(index) <= connection.buffer.level();
                if connection.sleeps && has_room {
                    connection.sleeps = false;
                    connection.free_at = connection.free_at.max(now);
                    any = true;
                }
            }
            if any {
                return true;
            }
        }
    }

    /// Messages leave the link until `until` or a bound. Returns when the last of them did.
    fn advance(&mut self, until: SimTime, bounds: &Bounds) -> Option<SimTime> {
        let now = self
            .link
            .step(until.min(LAST), bounds, &mut self.departures)?;
        let (link, latency) = (&mut self.link, self.scenario.link.latency);
        for departure in self.departures.drain(..) {
            let Departure { span, left, .. } = departure;
            self.last_departure = left.at(span.count - 1);
            let receiving = &mut self.connections[departure.connection].receiving;
            receiving.install_all(
                left.delayed(latency),
                span.count,
                |from, count, installed| {
                    link.acknowledge(&departure, from, count, installed.delayed(latency));
                },
            );
        }
        Some(now)
    }

    /// Whether what is dirty fits the downtime limit.
    pub(super) fn is_within_limit(&self, rounds: &Rounds, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        dirty == 0
            || rounds.downtime_limit > SimTime::ZERO && self.fits(bytes, rounds.downtime_limit)
    }

    /// Whether the VM is to be suspended, now that a round is over which began with `before` dirty pages and leaves
    /// `dirty`.
    pub(super) fn is_enough(&self, rounds: &Rounds, before: u32, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        self.is_within_limit(rounds, dirty)
            || bytes <= rounds.remaining.0.into()
            || rounds.local_minimum && dirty >= before
    }

    /// How long sending so many dirty pages would take, as [`fits`](Self::fits) estimates it, rounded up; zero before
    /// anything was sent.
    pub(super) fn expected_downtime(&self, dirty: u32) -> SimTime {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        let work = bytes * u128::from(self.full_speed.as_ps());
        match u128::from(self.link.bytes_handed()) {
            0 => SimTime::ZERO,
            sent => SimTime::from_wide_ps(work.div_ceil(sent)),
        }
    }

    /// Whether sending so much would take no longer than `limit`, as a hypervisor estimates it: bytes of the pages over
    /// the bandwidth measured since the migration command. Neither suspend, resume nor core state are in it.
    fn fits(&self, bytes: u128, limit: SimTime) -> bool {
        bytes * u128::from(self.full_speed.as_ps())
            <= u128::from(limit.as_ps()) * u128::from(self.link.bytes_handed())
    }
}
