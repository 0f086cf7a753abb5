//! The source host: one migration thread that serves requests and pushes pages.

pub(crate) mod batch;
pub mod recorder;

use std::collections::VecDeque;

use serde::Deserialize;

use self::batch::{Batch, SendBuffer};
use crate::link::{Link, Message};
use crate::strategy::Strategy;
use crate::strategy::scan::Push;
use crate::time::SimTime;
use crate::units::Bytes;
use crate::vm::{PageId, PageSet};

/// Whether the migration thread pushes on while a demanded page is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DemandMode {
    /// It does (QEMU).
    Pipelined,
    /// It waits for the destination's acknowledgement first, as classical prototypes do.
    Synchronous,
}

/// `[source]`: what the migration thread does and how long it takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct SourceSettings {
    /// How the active push goes through memory once nothing better is known. Default `pivot`: QEMU.
    pub push: Push,
    /// The thread's work for a pushed page. Default 1 us, an assumption: it only has to stay below the page's
    /// transmission, so that the link is the bottleneck.
    pub push_service: SimTime,
    /// The thread's work for a demanded page. Default 5 us, an assumption: a look-up and a lock more than a push.
    pub demand_service: SimTime,
    /// The thread hands pages over while fewer bytes than this wait on the link. Default 256 KiB, of the order of a
    /// socket's send buffer.
    pub send_buffer: Bytes,
    /// Once `send_buffer` bytes wait, the thread sleeps until no more than this do. Default: `send_buffer`, so that it goes
    /// on as soon as there is room. Linux wakes a writer when two thirds of a socket's buffer or less are in use
    /// (`net/core/stream.c`, `sk_stream_write_space`; `include/net/sock.h`, `sk_stream_min_wspace`).
    pub send_resume: Option<Bytes>,
    /// Whether a request that arrives wakes a thread that sleeps until `send_resume`: it then writes what there is room for.
    /// Default `false`. `true` where requests come in on the socket that pages go out on: Linux wakes all who sleep on it
    /// (`net/core/stream.c`, `sk_stream_wait_memory`), and QEMU's return path is the main channel's.
    pub wake_on_request: bool,
    /// With `wake_on_request`: of all requests, so many in a hundred, evenly spread, are overtaken by the woken thread. It goes on
    /// before another thread has read them, and may sleep again without having seen them. Default 0.
    pub overtaken_percent: u8,
    /// How much later than it arrives an overtaken request is read. Default 0 s.
    pub overtaken_by: SimTime,
    /// Pages with content that the thread gathers before it writes them to the link, requested ones among them; zero pages
    /// wait with them. Default 0: none waits. QEMU gathers 32, as a write takes at most 64 pieces and a page is two of them
    /// (`migration/qemu-file.c`, `MAX_IOV_SIZE`). While it writes and waits for room, it serves no request. Requested pages
    /// with a channel of their own are not gathered (`migration/ram.c`, `ram_save_host_page`).
    pub write_batch: u32,
    /// The thread's work for a pushed zero page, all of whose bytes it has to look at. Default: `push_service`.
    pub zero_service: Option<SimTime>,
    /// Default `pipelined`: QEMU.
    pub demand_mode: DemandMode,
    /// What the first access to a page costs its vCPU while the recorder watches. Default 1 us, an assumption: one exit
    /// from the guest for a page made inaccessible.
    pub record_trap: SimTime,
}

impl Default for SourceSettings {
    fn default() -> Self {
        SourceSettings {
            push: Push::Pivot,
            push_service: SimTime::from_us(1),
            demand_service: SimTime::from_us(5),
            send_buffer: Bytes(256 << 10),
            send_resume: None,
            wake_on_request: false,
            overtaken_percent: 0,
            overtaken_by: SimTime::ZERO,
            write_batch: 0,
            zero_service: None,
            demand_mode: DemandMode::Pipelined,
            record_trap: SimTime::from_us(1),
        }
    }
}

impl SourceSettings {
    /// The thread's work for a pushed page.
    pub fn pushing(&self, zero: bool) -> SimTime {
        match self.zero_service {
            Some(service) if zero => service,
            _ => self.push_service,
        }
    }
}

/// The migration thread.
///
/// When it is free it takes a pending request first, else the strategy's next page, as soon as the link's queue has
/// room; it then serves the page for a while, and hands it to the link with its batch.
#[derive(Debug)]
pub struct MigrationThread<'a> {
    settings: &'a SourceSettings,
    zero_pages: &'a PageSet,
    unsent: PageSet,
    requests: VecDeque<PageId>,
    received: u64,
    serving: Option<Message>,
    batch: Batch,
    push_buffer: SendBuffer,
    demand_buffer: SendBuffer,
    /// When the thread has something to do or to look at again.
    next_action: SimTime,
    unacknowledged: u64,
    sent: u64,
    zero_sent: u64,
}

impl<'a> MigrationThread<'a> {
    /// A thread that starts to push the `unsent` pages at `start`.
    pub fn new(
        settings: &'a SourceSettings,
        unsent: PageSet,
        zero_pages: &'a PageSet,
        zero_page_bytes: u32,
        start: SimTime,
    ) -> Self {
        MigrationThread {
            settings,
            batch: Batch::new(settings, zero_page_bytes),
            push_buffer: SendBuffer::new(settings),
            demand_buffer: SendBuffer::new(settings),
            zero_pages,
            unsent,
            requests: VecDeque::new(),
            received: 0,
            serving: None,
            next_action: start,
            unacknowledged: 0,
            sent: 0,
            zero_sent: 0,
        }
    }

    /// When the thread acts next; [`SimTime::MAX`] while it waits for something to happen.
    pub fn next_action(&self) -> SimTime {
        self.next_action
    }

    /// Whether no page is being served or waits for its batch to be written.
    pub fn is_idle(&self) -> bool {
        self.serving.is_none() && self.batch.is_empty()
    }

    /// Pages sent with their content, and zero pages sent.
    pub fn pages_sent(&self) -> (u64, u64) {
        (self.sent, self.zero_sent)
    }

    /// Requests that have arrived, dropped ones included.
    pub fn requests_received(&self) -> u64 {
        self.received
    }

    /// Something has changed that the thread may have been waiting for.
    pub fn notify(&mut self, now: SimTime) {
        if self.serving.is_none() {
            self.next_action = now;
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
        strategy.requested(&Request {
            time: now,
            page,
            unsent,
        });
        if unsent {
            self.requests.push_back(page);
        }
        self.notify(now);
        unsent
    }

    /// The destination has acknowledged a demanded page.
    pub fn acknowledge(&mut self, now: SimTime) {
        self.unacknowledged -= 1;
        self.notify(now);
    }

    /// Hands over what is ready and takes up the next page, if there is one and the link has room. Returns the demanded
    /// pages that were handed over.
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
        self.next_action = SimTime::MAX;
        if let Some(message) = self.serving.take() {
            if link.own_channel(message.demanded) {
                hand_over(now, message, link, &mut handed);
            } else {
                self.batch.add(message);
            }
        }
        loop {
            while let Some(message) = self
                .batch
                .write(&mut self.push_buffer, link.occupancy(false))
            {
                hand_over(now, message, link, &mut handed);
            }
            if self.batch.is_being_written() {
                return Ok(handed);
            }
            if let Some((page, demanded)) = self.pick(link, strategy) {
                self.serve(now, page, demanded)?;
                return Ok(handed);
            }
            if self.batch.is_empty() {
                return Ok(handed);
            }
            self.batch.close();
        }
    }

    fn serve(&mut self, now: SimTime, page: PageId, demanded: bool) -> Result<(), NotUnsent> {
        if page >= self.unsent.pages() || !self.unsent.remove(page) {
            return Err(NotUnsent(page));
        }
        let settings = self.settings;
        let zero = self.zero_pages.contains(page);
        if zero {
            self.zero_sent += 1;
        } else {
            self.sent += 1;
        }
        self.serving = Some(Message {
            page,
            zero,
            demanded,
        });
        self.next_action = now
            + if demanded {
                settings.demand_service
            } else {
                settings.pushing(zero)
            };
        Ok(())
    }

    fn pick(&mut self, link: &Link, strategy: &mut dyn Strategy) -> Option<(PageId, bool)> {
        let demanded = !self.requests.is_empty();
        let buffer = if link.own_channel(demanded) {
            &mut self.demand_buffer
        } else {
            &mut self.push_buffer
        };
        if !buffer.has_room(link.occupancy(demanded)) {
            return None;
        }
        if let Some(page) = self.requests.pop_front() {
            self.unacknowledged += 1;
            return Some((page, true));
        }
        if self.settings.demand_mode == DemandMode::Synchronous && self.unacknowledged > 0 {
            return None;
        }
        Some((strategy.next_page(&self.unsent)?, false))
    }
}

fn hand_over(now: SimTime, message: Message, link: &mut Link, handed: &mut Vec<PageId>) {
    link.enqueue(now, message);
    if message.demanded {
        handed.push(message.page);
    }
}

/// A request that has reached the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was read, counted from the migration command.
    pub time: SimTime,
    /// For which page.
    pub page: PageId,
    /// Whether the page has not been sent yet.
    pub unsent: bool,
}

/// A strategy named a page that has been sent already or does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the strategy pushed page {0}, which is not there to be sent")]
pub struct NotUnsent(pub PageId);
