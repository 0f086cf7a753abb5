//! Pre-copy: memory is sent in rounds while the VM runs on at the source (Clark et al., *Live Migration of Virtual
//! Machines*, NSDI 2005).
//!
//! ```text
//! 0  all pages   written since 0   written since 1                 R
//! ├── round 1 ──┼─── round 2 ───┼─ … ─┼─ suspend · remainder · core state · latency · resume ─┤
//!                                     ├────────────────── downtime ──────────────────────────┤
//! ```
//!
//! A round sends the pages that were written during the round before, the first one all pages; it is over when the
//! migration thread has handed its last page to the link. The guest is not slowed down by the logging of its writes. A
//! page counts as zero as long as the guest has not written it.
//!
//! On a compacted trace a round's beginning and end, as far as the guest is concerned, are the nearest boundaries of the
//! recorder's epochs, between which the sets of written pages are exact. Rounds adjoin there, so no write is lost.

use std::collections::VecDeque;

use super::{MigrationError, SwitchOver};
use crate::engine::Progression;
use crate::guest::recording::{Preparation, Recording};
use crate::guest::replay::Replay;
use crate::guest::touch_order::TouchOrder;
use crate::host::destination::ReceivingThread;
use crate::memory::PageSet;
use crate::network::Span;
use crate::network::socket::{Batch, SendBuffer};
use crate::scenario::Scenario;
use crate::strategy::lead_in::{Remainder, Rounds};
use crate::units::SimTime;

/// What was sent before the resume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Pages with their content.
    pub pages: u64,
    /// Zero pages.
    pub zero_pages: u64,
    /// Both, when sent again.
    pub repeated: u64,
    /// Bytes of all their messages, before packet overhead.
    pub bytes: u64,
}

impl Copied {
    /// Whether anything was sent. If so, every page was: the first round leaves none out.
    pub fn any(&self) -> bool {
        self.pages + self.zero_pages > 0
    }
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

impl SwitchOver {
    /// Runs the VM on the source for the rounds of pre-copy and suspends it.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or simulated time runs out.
    pub fn after_rounds(
        scenario: &Scenario,
        replay: &Replay<'_>,
        rounds: Rounds,
    ) -> Result<Self, MigrationError> {
        let (vm, link) = (&scenario.vm, &scenario.link);
        let memory = replay.memory();
        let at = |position| vec![position; usize::from(replay.vcpus())];
        let mut position = SimTime::ZERO;
        let mut zero_pages = replay.zero_pages(&at(position))?;
        let mut dirty = PageSet::full(memory.pages);
        let mut stream = PageStream::new(scenario, memory.host_page);
        let limited = rounds.remainder == Remainder::WhileSuspended && rounds.most > 0;
        let mut done = RoundsOutcome {
            rounds: 0,
            converged: limited.then_some(false),
            dirty_rate: 0,
            expected_downtime: SimTime::ZERO,
        };
        for round in 0..rounds.most {
            stream.send(&dirty, &zero_pages, round > 0);
            let reached = replay.nearest_boundary(stream.free_at);
            dirty = replay.written(position, reached)?;
            done.rounds += 1;
            done.dirty_rate = bytes_per_second(
                u64::from(dirty.count()) * memory.host_page,
                reached - position,
            );
            position = reached;
            for page in dirty.iter() {
                zero_pages.remove(page);
            }
            if stream.fits(&dirty, rounds.downtime_limit) {
                done.converged = limited.then_some(true);
                break;
            }
        }
        done.expected_downtime = stream.expected_downtime(&dirty);
        let suspended_at = stream.free_at;
        stream.free_at += vm.suspend;
        let missing = match rounds.remainder {
            Remainder::AfterResume => dirty,
            Remainder::WhileSuspended => {
                stream.send(&dirty, &zero_pages, rounds.most > 0);
                PageSet::empty(memory.pages)
            }
        };
        let core_left =
            stream.free_at.max(stream.last_departure) + link.transmission(vm.core_state.0);
        let resumed_at = (core_left + link.latency).max(stream.receiving.busy_until()) + vm.resume;
        if resumed_at == SimTime::MAX || !replay.reaches(position) {
            return Err(MigrationError::TooLong);
        }
        Ok(SwitchOver {
            recorded: false,
            preparation: Preparation::default(),
            suspended_at,
            downtime: resumed_at - suspended_at,
            recording: Recording::default(),
            touch_order: TouchOrder::after(replay, &at(position))?,
            zero_pages,
            memory,
            missing,
            copied: stream.copied,
            rounds: Some(done),
        })
    }
}

/// Rounded down; zero in no time.
fn bytes_per_second(bytes: u64, time: SimTime) -> u64 {
    let second = u128::from(SimTime::from_ms(1_000).as_ps());
    let rate = (u128::from(bytes) * second).checked_div(u128::from(time.as_ps()));
    u64::try_from(rate.unwrap_or_default()).unwrap_or(u64::MAX)
}

/// Migration thread, link and receiver while nothing is requested: one page after the other, at the times that the event
/// loop would find. The thread takes a page when the link's queue has room, serves it and hands it over with its batch;
/// the link transmits in that order, without segments; the receiver installs in that order, and never slows the link down.
struct PageStream<'a> {
    scenario: &'a Scenario,
    batch: Batch,
    buffer: SendBuffer,
    page: MessageCost,
    zero_page: MessageCost,
    /// When the thread is through with the last page.
    free_at: SimTime,
    /// Departure and bytes of the messages on the link, as far as the thread has had to look.
    queue: VecDeque<(SimTime, u64)>,
    queued_bytes: u64,
    last_departure: SimTime,
    receiving: ReceivingThread,
    copied: Copied,
}

#[derive(Clone, Copy)]
struct MessageCost {
    bytes: u64,
    transmission: SimTime,
}

impl<'a> PageStream<'a> {
    fn new(scenario: &'a Scenario, host_page: u64) -> Self {
        let link = &scenario.link;
        let cost = |bytes| MessageCost {
            bytes,
            transmission: link.transmission(bytes),
        };
        PageStream {
            scenario,
            batch: Batch::new(scenario.source.write_batch, link.zero_page_bytes),
            buffer: SendBuffer::new(scenario.source.send_buffer, scenario.source.send_resume),
            page: cost(link.page_message(host_page)),
            zero_page: cost(u64::from(link.zero_page_bytes)),
            free_at: SimTime::ZERO,
            queue: VecDeque::new(),
            queued_bytes: 0,
            last_departure: SimTime::ZERO,
            receiving: ReceivingThread::new(&scenario.destination),
            copied: Copied::default(),
        }
    }

    fn send(&mut self, pages: &PageSet, zero_pages: &PageSet, again: bool) {
        for page in pages.iter() {
            let zero = zero_pages.contains(page);
            if zero {
                self.copied.zero_pages += 1;
            } else {
                self.copied.pages += 1;
            }
            self.push(Span {
                first: page,
                count: 1,
                zero,
                demanded: false,
                requested_at: None,
                handed: Progression::default(),
            });
        }
        self.batch.close();
        self.write();
        if again {
            self.copied.repeated += u64::from(pages.count());
        }
    }

    fn push(&mut self, message: Span) {
        self.forget_departed();
        while !self.buffer.has_room(self.queued_bytes) {
            if self.batch.is_empty() {
                self.pass_departure();
            } else {
                self.batch.close();
                self.write();
            }
        }
        self.free_at += self.scenario.source.pushing(message.zero);
        self.batch.add(message);
        self.write();
    }

    /// Hands the batch over, if it is to be written.
    fn write(&mut self) {
        self.forget_departed();
        while self.batch.is_being_written() {
            let bytes = |zero| {
                if zero {
                    self.zero_page.bytes
                } else {
                    self.page.bytes
                }
            };
            match self.batch.write(&mut self.buffer, self.queued_bytes, bytes) {
                Some(message) => self.hand_over(message),
                None => self.pass_departure(),
            }
        }
    }

    fn hand_over(&mut self, message: Span) {
        let cost = if message.zero {
            self.zero_page
        } else {
            self.page
        };
        self.last_departure = self.last_departure.max(self.free_at) + cost.transmission;
        self.queue.push_back((self.last_departure, cost.bytes));
        self.queued_bytes += cost.bytes;
        self.copied.bytes = self.copied.bytes.saturating_add(cost.bytes);
        let arrival = self.last_departure + self.scenario.link.latency;
        self.receiving.install(arrival);
    }

    fn forget_departed(&mut self) {
        while self
            .queue
            .front()
            .is_some_and(|(departure, _)| *departure <= self.free_at)
        {
            self.pass_departure();
        }
    }

    /// The next message leaves, until when the thread sleeps if it has not left yet.
    fn pass_departure(&mut self) {
        if let Some((departure, bytes)) = self.queue.pop_front() {
            self.queued_bytes -= bytes;
            self.free_at = self.free_at.max(departure);
        }
    }

    /// How long sending `dirty` would take, as [`fits`](Self::fits) estimates it, rounded up; zero before anything was sent.
    fn expected_downtime(&self, dirty: &PageSet) -> SimTime {
        let work = u128::from(dirty.count())
            * u128::from(self.page.bytes)
            * u128::from(self.last_departure.as_ps());
        match u128::from(self.copied.bytes) {
            0 => SimTime::ZERO,
            sent => SimTime::from_wide_ps(work.div_ceil(sent)),
        }
    }

    /// Whether sending `dirty` would take no longer than `limit`, as a hypervisor estimates it: bytes of the pages over
    /// the bandwidth measured since the migration command. Neither suspend, resume nor core state are in it.
    fn fits(&self, dirty: &PageSet, limit: SimTime) -> bool {
        let dirty_bytes = u128::from(dirty.count()) * u128::from(self.page.bytes);
        dirty_bytes * u128::from(self.last_departure.as_ps())
            <= u128::from(limit.as_ps()) * u128::from(self.copied.bytes)
    }
}
