//! The destination host: the receiving threads, vCPUs that replay their touch order and fault, threads that fetch the
//! pages of a plan, and the way of their requests back.

mod receiver;
mod vcpus;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use receiver::{Arrival, Receiver, ReceivingThread};

use crate::guest::touch_order::{TouchOrder, Toucher};
use crate::limits::{OutOfLimits, expect};
use crate::memory::{PageId, PageSet};
use crate::network::Span;
use crate::strategy::PlannedPage;
use crate::units::Bytes;
use crate::units::SimTime;

use self::vcpus::Vcpus;

/// What stands still while a page fault is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultBlocks {
    /// The vCPU that touched the page (userfaultfd).
    Vcpu,
    /// The whole VM, as in prototypes that suspend it on each fault.
    Vm,
}

/// Nagle's rule on requests, and when the source acknowledges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nagle {
    /// Requests go out at once.
    Off,
    /// The next piece of pushed pages that begins to go out carries the acknowledgement, and it counts when that piece
    /// has left; without any piece left to go, it leaves at once. Linux's delay, of up to 40 ms, is not modelled.
    DelayedAck,
    /// A packet of its own acknowledges each request when it arrives: the attribute `quickack` of a route on Linux. It
    /// goes out behind what the link has begun to send (under `priority`, demanded pages that overtake these delay it
    /// too) and takes no bandwidth.
    Quickack,
}

/// `[destination]`: the cost of a fault beyond the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct DestinationSettings {
    /// Time from the touch until the request is sent. Default 20 us, an assumption: an exit from the guest, the
    /// kernel's fault path and a wake-up of the thread that reads userfaultfd.
    pub fault_trap: SimTime,
    /// Time to put one page into place. Default 2 us, an assumption: one `UFFDIO_COPY` of 4 KiB.
    pub install: SimTime,
    /// TCP receive window of each channel: bytes in flight, not yet installed, or whose acknowledgement has not come
    /// back. While it is full, no further page starts on that channel; one that has started is finished. It opens one
    /// latency after a page is installed. So a long way carries a window a round trip, and a receiving thread that is
    /// slower than the link slows the source down. The core state keeps to it, too. Default 3 MiB: what Linux tunes
    /// it to on a long way. Of the 6 MiB of `net.ipv4.tcp_rmem`'s maximum (`net/ipv4/tcp.c`, `tcp_init`; 32 MiB from
    /// Linux 6.16 on), half is window (`net.ipv4.tcp_adv_win_scale` 1). The sender's 4 MiB of `net.ipv4.tcp_wmem`
    /// hold more.
    pub receive_buffer: Bytes,
    /// Time from an arrival at an idle receiving thread until it runs. What arrives meanwhile is installed in one go
    /// after it. So a vCPU in step with the stream faults once a burst, not once a page. Default 0: a thread that
    /// polls.
    pub receive_wake: SimTime,
    /// Whether requests follow Nagle's rule (RFC 896): while one is not acknowledged, later ones are held, to go out
    /// together. Default `off`. QEMU leaves the option `TCP_NODELAY` alone on its main channel, so there it is on.
    pub nagle: Nagle,
    /// Time from the installation until the waiting vCPU runs. Default 10 us, an assumption: a wake-up and an entry.
    pub wake: SimTime,
    /// What stands still during a fault. Default `vcpu`: userfaultfd.
    pub fault_blocks: FaultBlocks,
}

impl Default for DestinationSettings {
    fn default() -> Self {
        DestinationSettings {
            fault_trap: SimTime::from_us(20),
            install: SimTime::from_us(2),
            receive_buffer: Bytes(3 << 20),
            receive_wake: SimTime::ZERO,
            nagle: Nagle::Off,
            wake: SimTime::from_us(10),
            fault_blocks: FaultBlocks::Vcpu,
        }
    }
}

impl DestinationSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.receive_buffer.0 > 0,
            "destination.receive_buffer",
            "expected at least 1 byte",
        )
    }

    /// A stall as QEMU counts it: without what lies before its request and behind its page's installation
    /// (`migration/postcopy-ram.c`, `mark_postcopy_blocktime_begin`, `_end`).
    pub fn as_qemu_counts(&self, stall: &Stall) -> Stall {
        let from = (stall.from + self.fault_trap).min(stall.until);
        Stall {
            from,
            until: (stall.until - self.wake).max(from),
            ..*stall
        }
    }
}

/// One stall: a fault from the touch until the vCPU goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The vCPU that touched the page.
    pub vcpu: u16,
    /// The page.
    pub page: PageId,
    /// The touch.
    pub from: SimTime,
    /// The vCPU, or the VM, runs again.
    pub until: SimTime,
    /// Whether the page was still on the source, unsent, when the request reached it.
    pub requested: bool,
    /// How the page came.
    pub passage: Passage,
}

/// When a page that was waited for passed the stations of its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passage {
    /// Its request was read at the source; zero if the page had been sent before.
    pub requested_at: SimTime,
    /// A thread of the source handed it to the link.
    pub handed_at: SimTime,
    /// Its last bit reached the destination.
    pub arrived_at: SimTime,
}

/// What a touch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchOutcome {
    /// No missing page is touched.
    Nothing,
    /// The page is missing. `first` when nobody else waits for it already.
    Fault {
        /// Who touched it.
        by: Toucher,
        /// The missing page.
        page: PageId,
        /// Whether a request has to be made.
        first: bool,
    },
}

/// A page that somebody waits for.
#[derive(Debug)]
struct Awaited {
    page: PageId,
    fetchers: u32,
    vcpus: u32,
    /// It has left the link, so that it is known when it is in place.
    has_left: bool,
    requested: bool,
    passage: Passage,
}

/// Who goes on when a page has been installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Woken {
    /// vCPUs.
    pub vcpus: Vec<u16>,
    /// How many fetching threads.
    pub fetchers: u32,
}

/// The VM after its resume.
#[derive(Debug)]
pub struct Destination<'a> {
    missing: PageSet,
    vcpus: Vcpus<'a>,
    plan: &'a [PlannedPage],
    /// How many pages of the plan the fetching threads have passed.
    fetched: usize,
    /// By page.
    awaited: Vec<Awaited>,
    /// How many of them have not left the link.
    expected: usize,
    stalls: Vec<Stall>,
}

impl<'a> Destination<'a> {
    /// A VM that resumes at `resumed_at` without its `missing` pages, and a `plan` of which pages to fetch.
    pub fn new(
        missing: PageSet,
        order: &'a TouchOrder,
        plan: &'a [PlannedPage],
        resumed_at: SimTime,
        blocks: FaultBlocks,
    ) -> Self {
        Destination {
            missing,
            vcpus: Vcpus::new(order, resumed_at, blocks),
            plan,
            fetched: 0,
            awaited: Vec::new(),
            expected: 0,
            stalls: Vec::new(),
        }
    }

    /// The pages that are not there yet.
    pub fn missing(&self) -> &PageSet {
        &self.missing
    }

    /// Whether any vCPU waits for a page.
    pub fn is_blocked(&self) -> bool {
        self.vcpus.any_faulted()
    }

    /// All stalls, in the order in which they ended.
    pub fn into_stalls(self) -> Vec<Stall> {
        self.stalls
    }

    /// At the resume: calls `at` with every vCPU's first event.
    pub fn start(&mut self, now: SimTime, at: impl FnMut(SimTime, u16)) {
        self.vcpus.start(now, &self.missing, at);
    }

    /// After a vCPU has stopped or gone on: calls `at` with the events that have to be scheduled now.
    pub fn schedule(&mut self, now: SimTime, vcpu: u16, at: impl FnMut(SimTime, u16)) {
        self.vcpus.schedule(now, vcpu, &self.missing, at);
    }

    /// An event of the vCPU comes up: it touches a page, goes idle or is woken.
    pub fn turn(&mut self, now: SimTime, vcpu: u16) -> TouchOutcome {
        match self.vcpus.turn(now, vcpu, &self.missing) {
            Some(page) => self.wait(page, Toucher::Vcpu(vcpu)),
            None => TouchOutcome::Nothing,
        }
    }

    /// A fetching thread touches the next page of the plan that is missing; it is through the installed ones in no
    /// time.
    pub fn fetch(&mut self) -> TouchOutcome {
        while let Some(&PlannedPage { page, .. }) = self.plan.get(self.fetched) {
            let place = self.fetched as u32;
            self.fetched += 1;
            if self.missing.contains(page) {
                return self.wait(page, Toucher::Fetcher(place));
            }
        }
        TouchOutcome::Nothing
    }

    /// Whether the fetching threads have passed the plan's last page.
    pub fn has_passed_plan(&self) -> bool {
        self.fetched == self.plan.len()
    }

    fn wait(&mut self, page: PageId, by: Toucher) -> TouchOutcome {
        let place = self.place_of(page);
        let first = self
            .awaited
            .get(place)
            .is_none_or(|awaited| awaited.page != page);
        if first {
            self.expected += 1;
            let awaited = Awaited {
                page,
                fetchers: 0,
                vcpus: 0,
                has_left: false,
                requested: false,
                passage: Passage::default(),
            };
            self.awaited.insert(place, awaited);
        }
        let awaited = &mut self.awaited[place];
        match by {
            Toucher::Vcpu(_) => awaited.vcpus += 1,
            Toucher::Fetcher(_) => awaited.fetchers += 1,
        }
        TouchOutcome::Fault { by, page, first }
    }

    /// Where the page stands among the awaited ones, or would.
    fn place_of(&self, page: PageId) -> usize {
        self.awaited.partition_point(|awaited| awaited.page < page)
    }

    /// Whether somebody waits for a page that has not left the link.
    pub fn expects_any(&self) -> bool {
        self.expected > 0
    }

    /// The pages that somebody waits for and that have not left the link.
    pub fn expected(&self) -> impl Iterator<Item = PageId> {
        let awaited = self.awaited.iter();
        awaited
            .filter(|awaited| !awaited.has_left)
            .map(|awaited| awaited.page)
    }

    /// The first page from this one on that somebody waits for.
    pub fn next_awaited(&self, from: PageId) -> Option<PageId> {
        let next = self.awaited.get(self.place_of(from));
        next.map(|awaited| awaited.page)
    }

    /// An awaited page is known to have left the link, and arrives then. Its span, if it leaves only now, says where it
    /// has been.
    pub fn mark_left(&mut self, page: PageId, arrived_at: SimTime, span: Option<&Span>) {
        let place = self.place_of(page);
        let Some(awaited) = self.awaited.get_mut(place) else {
            return;
        };
        awaited.has_left = true;
        self.expected -= 1;
        awaited.passage.arrived_at = arrived_at;
        if let Some(span) = span
            && let Some(requested_at) = span.requested_at
        {
            awaited.requested = true;
            awaited.passage.requested_at = requested_at;
            awaited.passage.handed_at = span.handed.at(page - span.first);
        }
    }

    /// Pages are in place.
    pub fn install(&mut self, arrival: &Arrival) {
        self.missing.remove_run(arrival.first, arrival.count);
    }

    /// An awaited page is in place, and those who wait for it will run at `wake_at`. Returns them.
    pub fn release(&mut self, page: PageId, wake_at: SimTime) -> Woken {
        let place = self.place_of(page);
        if self
            .awaited
            .get(place)
            .is_none_or(|awaited| awaited.page != page)
        {
            return Woken::default();
        }
        let awaited = self.awaited.remove(place);
        let mut vcpus = Vec::new();
        if awaited.vcpus > 0 {
            for (vcpu, from) in self.vcpus.faulted_on(page) {
                vcpus.push(vcpu);
                self.stalls.push(Stall {
                    vcpu,
                    page,
                    from,
                    until: wake_at,
                    requested: awaited.requested,
                    passage: awaited.passage,
                });
            }
        }
        Woken {
            vcpus,
            fetchers: awaited.fetchers,
        }
    }

    /// A vCPU goes on after its fault.
    pub fn wake(&mut self, now: SimTime, vcpu: u16) {
        self.vcpus.go_on(now, vcpu);
    }
}
