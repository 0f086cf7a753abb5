//! The source host: one migration thread that serves requests and pushes pages.

pub mod recorder;

use std::collections::VecDeque;

use serde::Deserialize;

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
            demand_mode: DemandMode::Pipelined,
            record_trap: SimTime::from_us(1),
        }
    }
}

/// The migration thread.
///
/// When it is free it takes a pending request first, else the strategy's next page, as soon as the link's queue has
/// room; it then serves the page for a while and hands it to the link.
#[derive(Debug)]
pub struct MigrationThread<'a> {
    settings: &'a SourceSettings,
    zero_pages: &'a PageSet,
    unsent: PageSet,
    requests: VecDeque<PageId>,
    received: u64,
    serving: Option<Message>,
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
        start: SimTime,
    ) -> Self {
        MigrationThread {
            settings,
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

    /// Whether no page is being served.
    pub fn is_idle(&self) -> bool {
        self.serving.is_none()
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

    /// A request has arrived. Returns whether its page is still to be sent; if not, the request is dropped.
    pub fn request(&mut self, now: SimTime, page: PageId, strategy: &mut dyn Strategy) -> bool {
        self.received += 1;
        let unsent = self.unsent.contains(page);
        strategy.requested(&Request {
            time: now,
            page,
            unsent,
        });
        if unsent {
            self.requests.push_back(page);
            self.notify(now);
        }
        unsent
    }

    /// The destination has acknowledged a demanded page.
    pub fn acknowledge(&mut self, now: SimTime) {
        self.unacknowledged -= 1;
        self.notify(now);
    }

    /// Hands over what was being served and takes up the next page, if there is one and the link has room. Returns the
    /// page that was handed over.
    ///
    /// # Errors
    ///
    /// [`NotUnsent`] when the strategy names a page that it was told is not there to be sent.
    pub fn act(
        &mut self,
        now: SimTime,
        link: &mut Link,
        strategy: &mut dyn Strategy,
    ) -> Result<Option<Message>, NotUnsent> {
        let handed = self.serving.take();
        if let Some(message) = handed {
            link.enqueue(now, message);
        }
        self.next_action = SimTime::MAX;
        let Some((page, demanded)) = self.pick(link, strategy) else {
            return Ok(handed);
        };
        if page >= self.unsent.pages() || !self.unsent.remove(page) {
            return Err(NotUnsent(page));
        }
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
                self.settings.demand_service
            } else {
                self.settings.push_service
            };
        Ok(handed)
    }

    fn pick(&mut self, link: &Link, strategy: &mut dyn Strategy) -> Option<(PageId, bool)> {
        let demanded = !self.requests.is_empty();
        if link.occupancy(demanded) >= self.settings.send_buffer.0 {
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

/// A request that has reached the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When, counted from the migration command.
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
