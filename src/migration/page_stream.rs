//! Pages on their way before the resume: the migration thread while nothing is requested, the link and the receiver of the push
//! after the resume.

use crate::engine::Progression;
use crate::host::destination::ReceivingThread;
use crate::memory::{Content, Contents, Memory, PageId, PageSet};
use crate::network::socket::{Batch, SendBuffer};
use crate::network::{Bounds, Departure, Link, Span};
use crate::scenario::Scenario;
use crate::strategy::lead_in::{Remainder, Rounds};
use crate::units::SimTime;

use super::event_loop::LAST;

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

/// How the rounds went, as a hypervisor reports it when they are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundsOutcome {
    /// Rounds while the VM ran on.
    pub rounds: u32,
    /// Whether what was dirty after the last round fitted the downtime limit; `None` where no limit ends the rounds.
    pub converged: Option<bool>,
    /// Bytes of the pages that the guest wrote in a second of the last round (QEMU's `dirty-pages-rate`, times the page).
    pub dirty_rate: u64,
    /// How long sending what was dirty would take at the bandwidth measured so far (QEMU's `expected-downtime`).
    pub expected_downtime: SimTime,
}

impl RoundsOutcome {
    /// Before the first round.
    pub(super) fn before(rounds: &Rounds) -> Self {
        let limited = rounds.remainder == Remainder::WhileSuspended && rounds.most > 0;
        RoundsOutcome {
            rounds: 0,
            converged: limited.then_some(false),
            dirty_rate: 0,
            expected_downtime: SimTime::ZERO,
        }
    }

    /// One round more, of a length, in which the guest wrote so many bytes of pages.
    pub(super) fn add(&mut self, length: SimTime, written: u64) {
        self.rounds += 1;
        let second = u128::from(SimTime::from_ms(1_000).as_ps());
        let rate = (u128::from(written) * second).checked_div(u128::from(length.as_ps()));
        // Rounded down; zero in no time.
        self.dirty_rate = u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX);
    }
}

/// One page after the other, at the times that the event loop would find. The thread takes a page when the link's queue has room,
/// serves it and hands it over with its batch.
pub(super) struct PageStream<'a> {
    scenario: &'a Scenario,
    batch: Batch,
    buffer: SendBuffer,
    link: Link,
    /// Bytes of a whole page's message.
    page_bytes: u64,
    /// When all messages have left, if nothing but the bandwidth holds them up.
    full_speed: SimTime,
    /// Bytes of the last message, and how long they take.
    last_cost: (u64, SimTime),
    receiving: ReceivingThread,
    /// When the thread is through with the last page.
    pub(super) free_at: SimTime,
    /// When the last message left the link.
    last_departure: SimTime,
    /// Room for what leaves the link in a step.
    departures: Vec<Departure>,
    copied: Copied,
    sent: PageSet,
}

impl<'a> PageStream<'a> {
    /// A stream from the migration command on.
    pub(super) fn new(scenario: &'a Scenario, memory: Memory) -> Self {
        let (source, link) = (&scenario.source, &scenario.link);
        PageStream {
            scenario,
            batch: Batch::new(source.write_batch, link.zero_page_bytes),
            buffer: SendBuffer::new(source.send_buffer, source.send_resume),
            link: Link::new(&scenario.link, scenario.destination.receive_buffer, &memory),
            page_bytes: link
                .message_bytes(memory.page_size())
                .of(memory.whole_page()),
            full_speed: SimTime::ZERO,
            last_cost: (0, SimTime::ZERO),
            receiving: ReceivingThread::new(&scenario.destination),
            free_at: SimTime::ZERO,
            last_departure: SimTime::ZERO,
            departures: Vec::new(),
            copied: Copied::default(),
            sent: PageSet::empty(memory.pages),
        }
    }

    /// When the thread can take the next page, if that is before `deadline`; it sleeps while there is no room.
    pub(super) fn ready(&mut self, deadline: SimTime) -> Option<SimTime> {
        self.catch_up();
        while !self.buffer.has_room(self.link.occupancy(false)) {
            if !self.batch.is_empty() {
                self.close();
            } else if !self.wait_for_room(deadline) {
                return None;
            }
        }
        (self.free_at < deadline).then_some(self.free_at)
    }

    /// Sends a page, once the thread is [ready](PageStream::ready).
    pub(super) fn push(&mut self, page: PageId, content: Content) {
        self.copied.pages += u64::from(content.pages);
        self.copied.zero_pages += u64::from(content.zeros);
        if !self.sent.insert(page) {
            self.copied.repeated += u64::from(content.parts());
        }
        self.free_at += self.scenario.source.pushing(content);
        self.batch.add(Span {
            first: page,
            count: 1,
            content,
            demanded: false,
            requested_at: None,
            handed: Progression::default(),
        });
        self.write();
    }

    /// A round is over, because its last page was sent, or because it was cut off at a time. Returns when that was.
    pub(super) fn end_round(&mut self, cut_at: Option<SimTime>) -> SimTime {
        let Some(deadline) = cut_at else {
            self.close();
            return self.free_at;
        };
        self.free_at = self.free_at.max(deadline);
        let over = self.free_at;
        self.close();
        over
    }

    /// Nothing more is to be sent for now: what has been gathered is written.
    fn close(&mut self) {
        self.batch.close();
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

    /// Sends the core state behind everything else. Returns when the VM resumes, and what was sent before.
    pub(super) fn send_core_state(mut self) -> (SimTime, Copied) {
        let (vm, link) = (&self.scenario.vm, &self.scenario.link);
        self.advance(LAST, &Bounds::default());
        let begun = self.free_at.max(self.last_departure);
        let left = self.link.stream_left(begun, vm.core_state.0);
        let resumed_at = (left + link.latency).max(self.receiving.busy_until()) + vm.resume;
        let mut copied = self.copied;
        copied.bytes = self.link.bytes_handed();
        copied.sent = Some(self.sent).filter(|sent| sent.count() > 0);
        (resumed_at, copied)
    }

    /// Hands the batch over, if it is to be written.
    fn write(&mut self) {
        self.catch_up();
        while self.batch.is_being_written() {
            let link = &self.link;
            let bytes = |content| link.bytes(content);
            match self
                .batch
                .write(&mut self.buffer, link.occupancy(false), bytes)
            {
                Some(message) => self.hand_over(message),
                None => {
                    self.wait_for_room(SimTime::MAX);
                }
            }
        }
    }

    fn hand_over(&mut self, message: Span) {
        let bytes = self.link.bytes(message.content);
        if self.last_cost.0 != bytes {
            self.last_cost = (bytes, self.scenario.link.transmission(bytes));
        }
        self.full_speed = self.full_speed.max(self.free_at) + self.last_cost.1;
        self.link.enqueue(message, self.free_at);
    }

    /// The link comes as far as the thread.
    fn catch_up(&mut self) {
        self.advance(self.free_at, &Bounds::default());
        while self.link.next_start().0 <= self.free_at {
            self.link.start();
            self.advance(self.free_at, &Bounds::default());
        }
    }

    /// The thread sleeps until there may be room, if that is before `deadline`. Returns whether it is.
    fn wait_for_room(&mut self, deadline: SimTime) -> bool {
        let bounds = Bounds {
            push_level: Some(self.buffer.level()),
            ..Bounds::default()
        };
        let until = deadline.saturating_sub(SimTime::from_ps(1)).min(LAST);
        let left = self.advance(until, &bounds);
        self.free_at = self.free_at.max(left.unwrap_or(deadline));
        left.is_some()
    }

    /// Messages leave the link until `until` or a bound. Returns when a bound was reached.
    fn advance(&mut self, until: SimTime, bounds: &Bounds) -> Option<SimTime> {
        while let Some(now) = self.link.step(until, bounds, &mut self.departures) {
            for departure in self.departures.drain(..) {
                let Departure { span, left } = departure;
                self.last_departure = left.at(span.count - 1);
                let (link, latency) = (&mut self.link, self.scenario.link.latency);
                let arrived = left.delayed(latency);
                self.receiving
                    .install_all(arrived, span.count, |count, installed| {
                        link.acknowledge(count, span.content, false, installed.delayed(latency));
                    });
            }
            if bounds
                .push_level
                .is_some_and(|level| self.link.occupancy(false) <= level)
            {
                return Some(now);
            }
        }
        None
    }

    /// Whether what is dirty fits the downtime limit.
    pub(super) fn is_within_limit(&self, rounds: &Rounds, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        dirty == 0
            || rounds.downtime_limit > SimTime::ZERO && self.fits(bytes, rounds.downtime_limit)
    }

    /// Whether the VM is to be suspended, now that a round is over which began with `before` dirty pages and leaves `dirty`.
    pub(super) fn is_enough(&self, rounds: &Rounds, before: u32, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        self.is_within_limit(rounds, dirty)
            || bytes <= rounds.remaining.0.into()
            || rounds.local_minimum && dirty >= before
    }

    /// How long sending so many dirty pages would take, as [`fits`](Self::fits) estimates it, rounded up; zero before anything was
    /// sent.
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
