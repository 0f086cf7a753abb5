//! The source host: its migration thread pushes pages, and serves requests unless they have a thread of their own.
//!
//! While nothing is requested, the thread serves pages of one content at constant distances: one behind the other as
//! long as there is surely room, or, with its buffer full, one whenever one leaves the link. It takes up as many as
//! that at once.

mod ahead;
mod limiter;
mod push;
mod recovery;
mod requests;
mod settings;
mod thread;
mod waits;
mod wake_on_request;

use std::collections::{BTreeSet, VecDeque};

pub use self::ahead::Ahead;
pub use self::limiter::Limiter;
pub use self::settings::{DemandMode, SourceSettings, ZeroPageDetection};
use self::thread::Thread;
use self::waits::WaitsFor;
pub use self::wake_on_request::{Overtaken, WakeOnRequest};
use crate::host::PageWork;
use crate::memory::{Content, Contents, PageId, PageSequence, PageSet};
use crate::network::socket::{Batch, SendBuffer};
use crate::network::{Link, LinkSettings};
use crate::strategy::{NotUnsent, Request, Strategy};
use crate::units::SimTime;

/// The migration thread, and the one that serves requests if they have one.
///
/// When it is free it takes a pending request first, else the strategy's next page, as soon as the link's queue has
/// room; it then serves the page for a while, and hands it to the link with its batch.
#[derive(Debug)]
pub struct SourceHost<'a> {
    settings: &'a SourceSettings,
    /// Bytes of a page of the trace.
    page_size: u64,
    /// The work for pushed pages.
    pushing: PageWork,
    contents: &'a Contents,
    unsent: PageSet,
    /// Pages in the order in which they were taken up.
    sequence: PageSequence,
    /// Pages to be served, and when each request was read.
    requests: VecDeque<(PageId, SimTime)>,
    received: u64,
    thread: Thread,
    /// Serves requests, if they do not wait for the other one.
    request_thread: Option<Thread>,
    batch: Batch,
    limiter: Limiter,
    push_buffer: SendBuffer,
    demand_buffer: SendBuffer,
    /// What the migration thread waits for, if it does nothing.
    waits: WaitsFor,
    /// Nothing is pushed until it is released.
    held: bool,
    /// There is no connection.
    paused: bool,
    /// Pages that were lost with a connection, and go first behind requested ones.
    lost: BTreeSet<PageId>,
    unacknowledged: u64,
    sent: u64,
    zero_sent: u64,
}

impl<'a> SourceHost<'a> {
    /// A host that starts to push the `unsent` pages of a memory at `start`. `serves_apart` is whether requests have a
    /// thread of their own.
    pub fn new(
        settings: &'a SourceSettings,
        unsent: PageSet,
        contents: &'a Contents,
        link: &LinkSettings,
        serves_apart: bool,
        start: SimTime,
    ) -> Self {
        let page_size = contents.memory().page_size();
        let message = link.large_message(contents.memory());
        let buffer =
            || SendBuffer::new(settings.send_buffer, settings.send_resume).holding(message);
        SourceHost {
            settings,
            page_size,
            pushing: settings.pushing(page_size),
            batch: Batch::new(settings.write_batch, link.zero_page_bytes),
            limiter: Limiter::new(
                settings.max_postcopy_bandwidth,
                settings.limiter_period(),
                start,
            ),
            push_buffer: buffer(),
            demand_buffer: buffer(),
            contents,
            unsent,
            sequence: PageSequence::default(),
            requests: VecDeque::new(),
            received: 0,
            thread: Thread::idle_until(start),
            request_thread: serves_apart.then(|| Thread::idle_until(SimTime::MAX)),
            waits: WaitsFor::Notice,
            held: false,
            paused: false,
            lost: BTreeSet::new(),
            unacknowledged: 0,
            sent: 0,
            zero_sent: 0,
        }
    }

    /// When a thread acts next; [`SimTime::MAX`] while they wait for something to happen.
    pub fn next_action(&self) -> SimTime {
        let next = self.thread.next_action;
        let requests = self.request_thread.as_ref();
        requests.map_or(next, |thread| next.min(thread.next_action))
    }

    /// Whether no page is being served or waits for its batch to be written.
    pub fn is_idle(&self) -> bool {
        self.thread.serving.is_none()
            && self.batch.is_empty()
            && (self.request_thread.as_ref()).is_none_or(|thread| thread.serving.is_none())
    }

    /// Nothing is pushed from now on.
    pub fn hold_push(&mut self) {
        self.held = true;
    }

    /// The push begins.
    pub fn release_push(&mut self, now: SimTime) {
        self.held = false;
        self.notify(now);
    }

    /// Pages that have not been taken up.
    pub fn unsent(&self) -> &PageSet {
        &self.unsent
    }

    /// The pages that have been taken up, in that order.
    pub fn sequence(&self) -> &PageSequence {
        &self.sequence
    }

    /// Under which number a page has been taken up, if it has.
    pub fn number_of(&self, page: PageId) -> Option<u64> {
        if self.unsent.contains(page) {
            return None;
        }
        self.sequence.find(page)
    }

    /// No page that has left this host is asked for any more that comes before this number; with none, no page at all.
    pub fn forget_before(&mut self, number: Option<u64>) {
        let threads = [Some(&self.thread), self.request_thread.as_ref()];
        let served = threads.into_iter().flatten().filter_map(|thread| {
            let span = thread.serving?;
            Some(span.first)
        });
        let here = served.chain(self.batch.first_number()).chain(number);
        let first = here.min().unwrap_or(self.sequence.next_number());
        self.sequence.forget_before(first);
    }

    /// Pages of the trace's size that were sent with their content, and as zero pages.
    pub fn pages_sent(&self) -> (u64, u64) {
        (self.sent, self.zero_sent)
    }

    /// Requests that have arrived, dropped ones included.
    pub fn requests_received(&self) -> u64 {
        self.received
    }

    /// Something has changed that a thread may have been waiting for.
    pub fn notify(&mut self, now: SimTime) {
        self.thread.notify(now);
        if let Some(thread) = &mut self.request_thread {
            thread.notify(now);
        }
    }

    /// A request has arrived, and wakes the thread. Returns after how long it is read.
    pub fn request_arrived(&mut self, now: SimTime) -> SimTime {
        self.received += 1;
        let Some(overtaken) = self.settings.wake_on_request.0 else {
            return SimTime::ZERO;
        };
        self.push_buffer.wake();
        self.notify(now);
        if self.request_thread.is_some() {
            return SimTime::ZERO;
        }
        // Of the first n requests, n times the share, rounded down.
        let share = u64::from(overtaken.overtaken_percent);
        let overtaken_of = |requests| requests * share / 100;
        if overtaken_of(self.received) > overtaken_of(self.received - 1) {
            overtaken.overtaken_by
        } else {
            SimTime::ZERO
        }
    }

    /// A request is read. If its page has been sent, the request is dropped.
    pub fn request(&mut self, now: SimTime, page: PageId, strategy: &mut dyn Strategy) {
        let unsent = self.unsent.contains(page);
        if self.request_thread.is_none() {
            strategy.requested(&Request {
                time: now,
                page,
                unsent,
            });
        }
        if unsent {
            self.requests.push_back((page, now));
        }
        self.notify(now);
    }

    /// The destination has acknowledged a demanded page.
    pub fn page_acknowledged(&mut self, now: SimTime) {
        self.unacknowledged -= 1;
        self.notify(now);
    }

    /// Whether the migration thread waits for an acknowledgement, or will.
    pub fn expects_acknowledgement(&self) -> bool {
        self.settings.demand_mode == DemandMode::Synchronous && self.unacknowledged > 0
    }

    /// A thread that is due, the requests' own first, hands over what is ready and takes up the next pages, if there
    /// are any and the link has room.
    ///
    /// # Errors
    ///
    /// [`NotUnsent`] when the strategy names a page that it was told is not there to be sent.
    pub fn act(
        &mut self,
        now: SimTime,
        ahead: Ahead,
        link: &mut Link,
        strategy: &mut dyn Strategy,
    ) -> Result<(), NotUnsent> {
        let due = |thread: &mut Thread| thread.next_action <= now;
        if let Some(thread) = self.request_thread.take_if(due) {
            self.request_thread = Some(self.serve_requests(thread, now, link));
            return Ok(());
        }
        if let Some(span) = self.thread.finish() {
            if link.own_channel(span.demanded) {
                link.enqueue(span, now);
            } else {
                self.batch.add(span);
            }
        }
        let waits = loop {
            while let Some(span) =
                self.batch
                    .write(&mut self.push_buffer, link.occupancy(false), |content| {
                        link.bytes(content)
                    })
            {
                link.enqueue(span, now);
            }
            if self.batch.is_being_written() {
                break WaitsFor::Room { demand: false };
            }
            let Err(waits) = self.take_up(now, ahead, link, strategy)? else {
                return Ok(());
            };
            if self.batch.is_empty() {
                break waits;
            }
            self.batch.close();
        };
        if let WaitsFor::Period(end) = waits {
            self.thread.next_action = end;
        }
        self.waits = waits;
        Ok(())
    }

    /// The thread takes up the next page to serve, and with it those behind that it is sure to serve next; or says what
    /// it waits for.
    fn take_up(
        &mut self,
        now: SimTime,
        ahead: Ahead,
        link: &mut Link,
        strategy: &mut dyn Strategy,
    ) -> Result<Result<(), WaitsFor>, NotUnsent> {
        if self.paused {
            return Ok(Err(WaitsFor::Notice));
        }
        let demanded = self.request_thread.is_none() && !self.requests.is_empty();
        let demand = link.own_channel(demanded);
        let buffer = if demand {
            &mut self.demand_buffer
        } else {
            &mut self.push_buffer
        };
        let has_room = buffer.has_room(link.occupancy(demanded));
        let room_at = if has_room {
            Some(now)
        } else {
            self.room_at(ahead, link)
        };
        let Some(now) = room_at else {
            return Ok(Err(WaitsFor::Room { demand }));
        };
        if demanded && let Some((page, requested_at)) = self.requests.pop_front() {
            let demanded = self.take_demanded(page, requested_at, now, link);
            let service = self.serving(demanded.content);
            self.thread.serve(demanded, now + service);
            return Ok(Ok(()));
        }
        if self.held || self.expects_acknowledgement() {
            return Ok(Err(WaitsFor::Notice));
        }
        if self.unsent.count() == 0 {
            return Ok(Err(WaitsFor::Notice));
        }
        if let Some(end) = self.limiter.holds_until(now) {
            return Ok(Err(WaitsFor::Period(end)));
        }
        if !has_room {
            self.push_buffer.wake(); // by then
        }
        if let Some(page) = self.next_lost() {
            let one = Ahead { most: 1, ..ahead };
            self.push_from(page, now, one, link, strategy)?;
            return Ok(Ok(()));
        }
        let Some(page) = strategy.next_page(&self.unsent) else {
            return Ok(Err(WaitsFor::Departure));
        };
        self.push_from(page, now, ahead, link, strategy)?;
        Ok(Ok(()))
    }

    fn count_sent(&mut self, content: Content, count: u32) {
        self.sent += u64::from(count) * u64::from(content.pages);
        self.zero_sent += u64::from(count) * u64::from(content.zeros);
    }
}
