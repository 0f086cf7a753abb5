//! Where the stall comes from: each fault by what was known of its page, and by what its time went into.

use crate::host::destination::{FaultBlocks, Stall};
use crate::memory::{PageId, PageSet};
use crate::migration::{Outcome, SwitchOver};
use crate::network::LinkSettings;
use crate::scenario::Scenario;
use crate::units::SimTime;

/// What a strategy knew of a page that was faulted on. The first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// It has no content: it hardly takes time, whenever it is sent.
    Zero,
    /// It is in the PPS, and yet was not pushed in time.
    Recorded,
    /// It was predicted, and yet was not pushed in time.
    Predicted,
    /// It was not named, but lies within [`NEAR`] pages of one in the PPS.
    NearRecorded,
    /// Nothing pointed to it.
    Unnamed,
}

/// How many pages apart is near. 16 pages of 4 KiB are the 64 KiB that allocators and page caches hand out in one
/// piece.
pub const NEAR: PageId = 16;

impl PageKind {
    /// All, in the order of the report.
    pub const ALL: [PageKind; 5] = [
        PageKind::Recorded,
        PageKind::Predicted,
        PageKind::NearRecorded,
        PageKind::Unnamed,
        PageKind::Zero,
    ];

    /// For people.
    pub const fn description(self) -> &'static str {
        match self {
            PageKind::Recorded => "recorded, pushed late",
            PageKind::Predicted => "predicted, pushed late",
            PageKind::NearRecorded => "not named, near the PPS",
            PageKind::Unnamed => "not named",
            PageKind::Zero => "zero page",
        }
    }

    /// For files.
    pub const fn name(self) -> &'static str {
        match self {
            PageKind::Recorded => "recorded",
            PageKind::Predicted => "predicted",
            PageKind::NearRecorded => "near-recorded",
            PageKind::Unnamed => "unnamed",
            PageKind::Zero => "zero",
        }
    }
}

/// What stalls are made of. The parts add up to the stall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// Of a requested page: trap, the request's latency and what held it up before it was read at the source (`nagle`,
    /// `overtaken_by`), and the page's latency. No push order shortens it.
    pub request_path: SimTime,
    /// Of a requested page: from the request's reading at the source until the page is handed to the link, behind other
    /// requests and until there is room.
    pub demand_wait: SimTime,
    /// Of a requested page: behind what the link has to transmit before it, and its own transmission.
    pub link: SimTime,
    /// Of a page that was on its way when its request came, or would have come: until it has arrived.
    pub in_flight: SimTime,
    /// From the arrival on: installation and wake-up, and what the receiver has to install before it.
    pub install: SimTime,
}

impl Parts {
    fn of(stall: &Stall, link: &LinkSettings) -> Self {
        let times = &stall.times;
        // A vCPU that joins others who wait for the page has no part in what was over before.
        let clamp = |time: SimTime| time.clamp(stall.from, stall.until);
        let arrived = clamp(times.arrived_at);
        let install = stall.until - arrived;
        if !stall.requested {
            return Parts {
                in_flight: arrived - stall.from,
                install,
                ..Parts::default()
            };
        }
        let requested = clamp(times.requested_at);
        let handed = clamp(times.handed_at);
        let departed = clamp(times.arrived_at - link.latency);
        Parts {
            request_path: (requested - stall.from) + (arrived - departed),
            demand_wait: handed - requested,
            link: departed - handed,
            in_flight: SimTime::ZERO,
            install,
        }
    }

    fn add(&mut self, other: Parts, times: u64) {
        self.request_path += other.request_path.times(times);
        self.demand_wait += other.demand_wait.times(times);
        self.link += other.link.times(times);
        self.in_flight += other.in_flight.times(times);
        self.install += other.install.times(times);
    }

    /// The stall.
    pub fn total(&self) -> SimTime {
        self.request_path + self.demand_wait + self.link + self.in_flight + self.install
    }
}

/// Faults of one kind, in sum over the vCPUs that they block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// How many of them found their page unsent when the request was read at the source.
    pub network: u64,
    /// What their stall is made of.
    pub parts: Parts,
}

impl Faults {
    fn add(&mut self, other: &Faults) {
        self.count += other.count;
        self.network += other.network;
        self.parts.add(other.parts, 1);
    }
}

/// A run's faults by what was known of their pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// In the order of [`PageKind::ALL`].
    pub kinds: Vec<(PageKind, Faults)>,
}

impl Explanation {
    /// Takes a run apart. `predicted` are the strategy's predicted pages.
    pub fn of(
        scenario: &Scenario,
        switch_over: &SwitchOver,
        outcome: &Outcome,
        predicted: &[PageId],
    ) -> Self {
        let blocked_vcpus = match scenario.destination.fault_blocks {
            FaultBlocks::Vcpu => 1,
            FaultBlocks::Vm => switch_over.touch_order.vcpus().len() as u64,
        };
        let plan = Plan::new(switch_over, predicted);
        let mut kinds: Vec<(PageKind, Faults)> = PageKind::ALL
            .map(|knowledge| (knowledge, Faults::default()))
            .to_vec();
        for stall in &outcome.stalls {
            let knowledge = plan.kind_of(stall.page);
            for (_, faults) in kinds.iter_mut().filter(|(kind, _)| *kind == knowledge) {
                faults.count += 1;
                faults.network += u64::from(stall.requested);
                faults
                    .parts
                    .add(Parts::of(stall, &scenario.link), blocked_vcpus);
            }
        }
        Explanation { kinds }
    }

    /// All kinds together.
    pub fn total(&self) -> Faults {
        let mut total = Faults::default();
        for (_, faults) in &self.kinds {
            total.add(faults);
        }
        total
    }
}

/// What a strategy knew at the switch-over.
struct Plan<'a> {
    zero_pages: &'a PageSet,
    recorded: PageSet,
    predicted: PageSet,
}

impl<'a> Plan<'a> {
    fn new(switch_over: &'a SwitchOver, predicted: &[PageId]) -> Self {
        let pages = switch_over.memory.pages;
        Plan {
            zero_pages: switch_over.contents.zero_pages(),
            recorded: switch_over.recording.pages(pages),
            predicted: PageSet::of(pages, predicted.iter().copied()),
        }
    }

    fn kind_of(&self, page: PageId) -> PageKind {
        let near = || {
            let nearest = self.recorded.first_from(page.saturating_sub(NEAR));
            nearest.is_some_and(|nearest| nearest <= page.saturating_add(NEAR))
        };
        if self.zero_pages.contains(page) {
            PageKind::Zero
        } else if self.recorded.contains(page) {
            PageKind::Recorded
        } else if self.predicted.contains(page) {
            PageKind::Predicted
        } else if near() {
            PageKind::NearRecorded
        } else {
            PageKind::Unnamed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::destination::PageTimes;

    const fn ns(ns: u64) -> SimTime {
        SimTime::from_ns(ns)
    }

    /// A page whose request reached the source at 55; handed over at 58, left at 158, arrived at 208, installed at 212,
    /// and its waiters run at 218.
    fn stall(from: u64, requested: bool) -> Stall {
        Stall {
            vcpu: 0,
            page: 0,
            from: ns(from),
            until: ns(218),
            requested,
            times: PageTimes {
                requested_at: ns(if requested { 55 } else { 0 }),
                handed_at: ns(if requested { 58 } else { 0 }),
                arrived_at: ns(208),
            },
        }
    }

    #[test]
    fn a_stall_is_its_stations() {
        let link = LinkSettings {
            latency: ns(50),
            ..LinkSettings::default()
        };
        let parts = |from, requested| Parts::of(&stall(from, requested), &link);
        let first = Parts {
            request_path: ns(55 + 50),
            demand_wait: ns(3),
            link: ns(100),
            in_flight: ns(0),
            install: ns(10),
        };
        assert_eq!(parts(0, true), first);
        // Another vCPU joins while the page is transmitted.
        let joined = Parts {
            request_path: ns(50),
            demand_wait: ns(0),
            link: ns(18),
            ..first
        };
        assert_eq!(parts(140, true), joined);
        let in_flight = Parts {
            in_flight: ns(208),
            install: ns(10),
            ..Parts::default()
        };
        assert_eq!(parts(0, false), in_flight);
        // The page waits for its installation already.
        assert_eq!(parts(210, false).install, ns(8));
        assert_eq!(parts(210, false).total(), ns(8));
    }

    #[test]
    fn a_page_is_of_the_first_kind_that_applies() {
        let mut zero_pages = PageSet::empty(200);
        let mut recorded = PageSet::empty(200);
        for page in [100, 101] {
            recorded.insert(page);
        }
        zero_pages.insert(101);
        let plan = Plan {
            zero_pages: &zero_pages,
            recorded,
            predicted: PageSet::of(200, [102, 150]),
        };
        for (page, knowledge) in [
            (100, PageKind::Recorded),
            (101, PageKind::Zero),
            (102, PageKind::Predicted),
            (150, PageKind::Predicted),
            (84, PageKind::NearRecorded),
            (117, PageKind::NearRecorded),
            (83, PageKind::Unnamed),
            (118, PageKind::Unnamed),
            (0, PageKind::Unnamed),
        ] {
            assert_eq!(plan.kind_of(page), knowledge, "page {page}");
        }
    }
}
