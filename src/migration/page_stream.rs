//! Pages on their way before the core state: the migration thread while nothing is requested, the link and the receiver
//! of the push behind it.

mod estimate;
mod run;

use crate::engine::Progression;
use crate::host::PageWork;
use crate::host::destination::ReceivingThread;
use crate::host::source::{Limiter, ZeroPageDetection};
use crate::memory::{Content, Contents, Memory, PageId, PageSet};
use crate::network::socket::{Batch, SendBuffer, pace};
use crate::network::{Bounds, Capacity, Departure, Link, Span};
use crate::scenario::Scenario;
use crate::units::SimTime;

use self::estimate::MeasuredBandwidth;
use self::run::Run;
use super::Copied;
use super::event_loop::LAST;
use super::switch_over::CoreState;

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

/// Pages that leave one after the other, at the times that the event loop would find. The sending thread that is free
/// first takes a page when its socket has room, serves it and hands it over with its batch. A single thread takes up
/// whole runs of them: see [`pace`].
pub(super) struct PageStream<'a> {
    scenario: &'a Scenario,
    link: Link,
    connections: Vec<Connection>,
    /// What a page costs its thread.
    pushing: PageWork,
    /// The one whose thread takes the next page, and when.
    next: usize,
    ready_at: SimTime,
    /// What it has taken up and not handed over. The link has come to the run's beginning.
    run: Run,
    /// Of all of them together.
    limiter: Limiter,
    /// When the last message left the link.
    last_departure: SimTime,
    /// Bytes of a whole page's message.
    page_bytes: u64,
    measured: MeasuredBandwidth,
    /// Room for what leaves the link in a step.
    departures: Vec<Departure>,
    copied: Copied,
    sent: PageSet,
}

impl<'a> PageStream<'a> {
    /// A stream from the migration command on.
    pub(super) fn new(scenario: &'a Scenario, memory: Memory) -> Self {
        let (source, link, destination) = (&scenario.source, &scenario.link, &scenario.destination);
        let loading = destination.loading(memory.page_size());
        let connection = |_| Connection {
            batch: Batch::new(source.write_batch, link.zero_page_bytes),
            buffer: SendBuffer::new(source.send_buffer, source.send_resume)
                .holding(link.large_message(&memory)),
            free_at: SimTime::ZERO,
            sleeps: false,
            receiving: ReceivingThread::new(destination.receive_wake, loading, SimTime::ZERO),
        };
        let window = destination.receive_buffer;
        let (sizes, whole) = (link.message_bytes(memory.page_size()), memory.whole_page());
        PageStream {
            scenario,
            link: Link::new(link, window, &memory, link.connections),
            connections: (0..link.connections).map(connection).collect(),
            pushing: source.pushing(memory.page_size()),
            next: 0,
            ready_at: SimTime::ZERO,
            run: Run::default(),
            limiter: Limiter::new(source.max_bandwidth, source.limiter_period(), SimTime::ZERO),
            last_departure: SimTime::ZERO,
            page_bytes: sizes.of(whole),
            measured: MeasuredBandwidth::new(Capacity::new(
                link,
                [whole, whole.emptied()].map(|page| sizes.of(page)),
            )),
            departures: Vec::new(),
            copied: Copied::default(),
            sent: PageSet::empty(memory.pages),
        }
    }

    /// When a thread can take the next page, if that is before `deadline`; those sleep whose sockets have no room.
    pub(super) fn ready(&mut self, deadline: SimTime) -> Option<SimTime> {
        if self.run.taken < self.run.most && self.run.next_time() < deadline {
            self.ready_at = self.run.next_time();
            return Some(self.ready_at);
        }
        self.end_run();
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
                (self.next, self.ready_at) = (index, free_at);
                return Some(free_at);
            }
            match held_until {
                _ if !connection.batch.is_empty() => self.close(),
                Some(end) if has_room => connection.free_at = end,
                _ => connection.sleeps = true,
            }
        }
    }

    /// At which times the thread that is [ready](PageStream::ready) takes up the next pages if they are of this
    /// content, and how many surely.
    pub(super) fn times(&mut self, content: Content) -> (Progression, u32) {
        if self.run.content != content || self.run.taken == self.run.most {
            self.begin_run(content);
        }
        let run = &self.run;
        (run.times.after(run.taken), run.most - run.taken)
    }

    fn begin_run(&mut self, content: Content) {
        if self.run.taken > 0 {
            self.end_run();
            // The thread is ready for another content, too.
            self.connections[self.next].free_at = self.ready_at;
            self.go_on(self.ready_at);
        }
        let service = self.pushing.of(content);
        let (step, most) = match &self.connections[..] {
            [only] => pace(
                &only.batch,
                &only.buffer,
                &self.link,
                self.ready_at,
                content,
                service,
            ),
            // The thread that is free first takes the next page: another one.
            _ => (service, 1),
        };
        let times = Progression {
            first: self.ready_at,
            step,
        };
        let bytes = self.link.bytes(content);
        let (in_period, end) = self.limiter.room(self.ready_at, bytes);
        self.run = Run {
            content,
            times,
            taken: 0,
            most: times.count_before(end, most.min(in_period)).max(1),
        };
    }

    /// What has been taken up is handed over, or joins the batch.
    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.taken == 0 {
            return;
        }
        let detection = self.scenario.source.zero_page_detection;
        let handed = run.times.delayed(self.pushing.of(run.content));
        let through_at = handed.at(run.taken - 1);
        if run.content.is_zero() && detection == ZeroPageDetection::Legacy {
            self.resume_at(through_at);
        }
        let connection = &mut self.connections[self.next];
        connection.free_at = through_at;
        let span = Span {
            first: 0,
            count: run.taken,
            content: run.content,
            demanded: false,
            requested_at: None,
            handed,
        };
        if connection.batch.holds_nothing_back() {
            self.hand_over(span);
        } else {
            connection.batch.add(span);
            self.write();
        }
    }

    /// Takes up pages, consecutive ones and no more than have [times](PageStream::times).
    pub(super) fn push(&mut self, page: PageId, count: u32, content: Content) {
        self.times(content);
        self.run.taken += count;
        let bytes = u64::from(count) * self.link.bytes(content);
        self.limiter.count(self.run.times.first, bytes);
        self.copied.pages += u64::from(count) * u64::from(content.pages);
        self.copied.zero_pages += u64::from(count) * u64::from(content.zeros);
        let before = self.sent.count();
        self.sent.insert_run(page, count);
        let repeated = count - (self.sent.count() - before);
        self.copied.repeated += u64::from(repeated) * u64::from(content.parts());
    }

    /// A round is over, because its last page was sent, or because it was cut off at a time. Returns when that was.
    pub(super) fn end_round(&mut self, cut_at: Option<SimTime>) -> SimTime {
        self.end_run();
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
        let mut next = pages.first_from(0);
        while let Some(page) = next {
            if self.ready(SimTime::MAX).is_none() {
                self.resume_at(SimTime::MAX);
                return;
            }
            let content = contents.of(page);
            let (_, most) = self.times(content);
            let count = contents.run_alike(page, pages.run_length(page, most));
            self.push(page, count, content);
            next = pages.first_from(page + count);
        }
        self.end_run();
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

    fn hand_over(&mut self, span: Span) {
        let bytes = self.link.bytes(span.content);
        self.measured.hand_over(span.handed, span.count, bytes);
        self.link.announce_on(self.next, span);
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
                span.content,
                |from, count, installed| {
                    link.acknowledge(&departure, from, count, installed);
                },
            );
        }
        Some(now)
    }
}
