//! The source host: its migration thread pushes pages, and serves requests unless they have a thread of their own.

mod settings;
mod thread;

use std::collections::VecDeque;

pub use self::settings::{DemandMode, SourceSettings};
use self::thread::Thread;
use crate::memory::{PageId, PageSet};
use crate::network::socket::{Batch, SendBuffer};
use crate::network::{Link, Message};
use crate::strategy::{NotUnsent, Request, Strategy};
use crate::units::SimTime;

/// The migration thread, and the one that serves requests if they have one.
///
/// When it is free it takes a pending request first, else the strategy's next page, as soon as the link's queue has
/// room; it then serves the page for a while, and hands it to the link with its batch.
#[derive(Debug)]
pub struct SourceHost<'a> {
    settings: &'a SourceSettings,
    zero_pages: &'a PageSet,
    unsent: PageSet,
    requests: VecDeque<PageId>,
    received: u64,
    thread: Thread,
    /// Serves requests, if they do not wait for the other one.
    request_thread: Option<Thread>,
    batch: Batch,
    push_buffer: SendBuffer,
    demand_buffer: SendBuffer,
    /// Nothing is pushed until it is released.
    held: bool,
    unacknowledged: u64,
    sent: u64,
    zero_sent: u64,
}

impl<'a> SourceHost<'a> {
    /// A host that starts to push the `unsent` pages at `start`. `own_channel` is whether requested pages have one.
    pub fn new(
        settings: &'a SourceSettings,
        unsent: PageSet,
        zero_pages: &'a PageSet,
        zero_page_bytes: u32,
        own_channel: bool,
        start: SimTime,
    ) -> Self {
        SourceHost {
            settings,
            batch: Batch::new(settings.write_batch, zero_page_bytes),
            push_buffer: SendBuffer::new(settings.send_buffer, settings.send_resume),
            demand_buffer: SendBuffer::new(settings.send_buffer, settings.send_resume),
            zero_pages,
            unsent,
            requests: VecDeque::new(),
            received: 0,
            thread: Thread::idle_until(start),
            request_thread: (own_channel && settings.request_thread)
                .then(|| Thread::idle_until(SimTime::MAX)),
            held: false,
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

    /// Pages sent with their content, and zero pages sent.
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
        if !self.settings.wake_on_request {
            return SimTime::ZERO;
        }
        self.push_buffer.wake();
        self.notify(now);
        if self.request_thread.is_some() {
            return SimTime::ZERO;
        }
        // Of the first n requests, n times the share, rounded down.
        let overtaken = |requests| requests * u64::from(self.settings.overtaken_percent) / 100;
        if overtaken(self.received) > overtaken(self.received - 1) {
            self.settings.overtaken_by
        } else {
            SimTime::ZERO
        }
    }

    /// A request is read. Returns whether its page is still to be sent; if not, the request is dropped.
    pub fn request(&mut self, now: SimTime, page: PageId, strategy: &mut dyn Strategy) -> bool {
        let unsent = self.unsent.contains(page);
        if self.request_thread.is_none() {
            strategy.requested(&Request {
                time: now,
                page,
                unsent,
            });
        }
        if unsent {
            self.requests.push_back(page);
        }
        self.notify(now);
        unsent
    }

    /// The destination has acknowledged a demanded page.
    pub fn page_acknowledged(&mut self, now: SimTime) {
        self.unacknowledged -= 1;
        self.notify(now);
    }

    /// A thread that is due, the requests' own first, hands over what is ready and takes up the next page, if there is one and the
    /// link has room. Returns the pages that were handed over, unless they cannot have been requested.
    ///
    /// # Errors
    ///
    /// [`NotUnsent`] when the strategy names a page that it was told is not there to be sent.
    pub fn act(
        &mut self,
        now: SimTime,
        link: &mut Link,
        strategy: &mut dyn Strategy,
    ) -> Result<Vec<PageId>, NotUnsent> {
        let mut handed = Vec::new();
        let due = |thread: &mut Thread| thread.next_action <= now;
        if let Some(thread) = self.request_thread.take_if(due) {
            self.request_thread = Some(self.serve_requests(thread, now, link, &mut handed)?);
            return Ok(handed);
        }
        if let Some(message) = self.thread.finish() {
            if link.own_channel(message.demanded) {
                self.hand_over(now, message, link, &mut handed);
            } else {
                self.batch.add(message);
            }
        }
        loop {
            while let Some(message) = self
                .batch
                .write(&mut self.push_buffer, link.occupancy(false))
            {
                self.hand_over(now, message, link, &mut handed);
            }
            if self.batch.is_being_written() {
                return Ok(handed);
            }
            if let Some((page, demanded)) = self.pick(link, strategy) {
                let message = self.take(page, demanded)?;
                let service = if demanded {
                    self.settings.demand_service
                } else {
                    self.settings.pushing(message.zero)
                };
                self.thread.serve(message, now + service);
                return Ok(handed);
            }
            if self.batch.is_empty() {
                return Ok(handed);
            }
            self.batch.close();
        }
    }

    fn serve_requests(
        &mut self,
        mut thread: Thread,
        now: SimTime,
        link: &mut Link,
        handed: &mut Vec<PageId>,
    ) -> Result<Thread, NotUnsent> {
        if let Some(message) = thread.finish() {
            self.hand_over(now, message, link, handed);
        }
        while thread.serving.is_none()
            && !self.requests.is_empty()
            && self.demand_buffer.has_room(link.occupancy(true))
            && let Some(page) = self.requests.pop_front()
        {
            // The other thread may have pushed it meanwhile.
            if self.unsent.contains(page) {
                let message = self.take(page, true)?;
                thread.serve(message, now + self.settings.demand_service);
            }
        }
        Ok(thread)
    }

    /// A page is about to be served.
    fn take(&mut self, page: PageId, demanded: bool) -> Result<Message, NotUnsent> {
        if page >= self.unsent.pages() || !self.unsent.remove(page) {
            return Err(NotUnsent(page));
        }
        let zero = self.zero_pages.contains(page);
        self.sent += u64::from(!zero);
        self.zero_sent += u64::from(zero);
        self.unacknowledged += u64::from(demanded);
        Ok(Message {
            page,
            zero,
            demanded,
        })
    }

    fn pick(&mut self, link: &Link, strategy: &mut dyn Strategy) -> Option<(PageId, bool)> {
        let demanded = self.request_thread.is_none() && !self.requests.is_empty();
        let buffer = if link.own_channel(demanded) {
            &mut self.demand_buffer
        } else {
            &mut self.push_buffer
        };
        if !buffer.has_room(link.occupancy(demanded)) {
            return None;
        }
        if demanded {
            return Some((self.requests.pop_front()?, true));
        }
        let waits = self.settings.demand_mode == DemandMode::Synchronous && self.unacknowledged > 0;
        if self.held || waits {
            return None;
        }
        Some((strategy.next_page(&self.unsent)?, false))
    }

    fn hand_over(&self, now: SimTime, message: Message, link: &mut Link, handed: &mut Vec<PageId>) {
        link.enqueue(now, message);
        // With two threads, the one that pushes may be the first to get to a requested page.
        if message.demanded || self.request_thread.is_some() {
            handed.push(message.page);
        }
    }
}
