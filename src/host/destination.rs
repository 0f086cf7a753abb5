//! The destination host: the receiving threads, vCPUs that replay their touch order and fault, threads that fetch the
//! pages of a plan, and the way of their requests back.

mod receiver;
mod settings;
mod stall;
mod vcpus;

pub use receiver::{Arrival, InFlight, Receiver, ReceivingThread};
pub use settings::{DestinationSettings, FaultBlocks, Nagle};
pub use stall::{PageTimes, Stall};

use crate::guest::touch_order::{TouchOrder, Toucher};
use crate::memory::{PageId, PageSet};
use crate::network::Span;
use crate::strategy::PlannedPage;
use crate::units::SimTime;

use self::vcpus::Vcpus;

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
    times: PageTimes,
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
                times: PageTimes::default(),
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

    /// An awaited page is known to have left the link, and arrives then. Its span and its place there, if it leaves
    /// only now, say where it has been.
    pub fn mark_left(&mut self, page: PageId, arrived_at: SimTime, span: Option<(&Span, u32)>) {
        let index = self.place_of(page);
        let Some(awaited) = self.awaited.get_mut(index) else {
            return;
        };
        awaited.has_left = true;
        self.expected -= 1;
        awaited.times.arrived_at = arrived_at;
        if let Some((span, place)) = span
            && let Some(requested_at) = span.requested_at
        {
            awaited.requested = true;
            awaited.times.requested_at = requested_at;
            awaited.times.handed_at = span.handed.at(place);
        }
    }

    /// Pages are in place.
    pub fn install(&mut self, first: PageId, count: u32) {
        self.missing.remove_run(first, count);
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
                    times: awaited.times,
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
