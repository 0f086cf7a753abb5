//! Hybrid + pre-record: the live round is recorded and sends cold memory first, and what is dirty after it follows in
//! the recording's order.
//!
//! This is the paper's idea, recording before the switch-over (Shan, Qiao and Lin, PDCAT 2017, abstract), in the place
//! where today's hypervisors wait anyway. It costs no time of its own. The order, for the pages that are missing:
//!
//! 1. those accessed in the record window, the latest access first; reads count, too;
//! 2. without those whose last access is part of a long sweep: the guest is not coming back to them soon, and a scan
//!    from
//!    the sweep's head serves it better;
//! 3. then the scan.
//!
//! A request draws the unsent pages around it forward, the nearest first: redis' faults come in clusters.

use super::hybrid::LiveRecorder;
use super::lead_in::{LeadIn, Rounds, Tracking};
use super::pdopmp::PdopmpSettings;
use super::pdopmp::streams::{Stream, separate};
use super::pdopmp::trend::Trend;
use super::pre_record::{PpsOrder, ordered_pps};
use super::push_order::PushOrder;
use super::scan::Push;
use super::{Entry, Observation, Order, Parameters, PlannedPage, Request, Strategy, hybrid};
use crate::memory::{PageId, PageMap, PageSet};
use crate::units::SimTime;

/// `hybrid+pre-record`.
pub const ENTRY: Entry = Entry {
    name: "hybrid+pre-record",
    summary: "a live round, recorded and cold memory first, then what is dirty in the recording's order",
    source: "migsim's own, after Shan, Qiao and Lin, PDCAT 2017 (its abstract)",
    lead_in: |settings| {
        LeadIn::Rounds(Rounds {
            tracking: match settings.hybrid.recorder {
                LiveRecorder::Source => Tracking::Recorder { cold_first: true },
                LiveRecorder::Beside => Tracking::DirtyLogAndRecording,
            },
            ..hybrid::rounds(settings)
        })
    },
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| Box::new(Remembered::new(settings.push))),
};

/// Points of a stream with a trend from which on its pages are left to the scan: 1 MiB of 4 KiB pages.
pub const SWEEP_POINTS: usize = 256;
/// Pages that a request draws forward.
pub const MOST_AROUND: usize = 32;
/// How far above a requested page they lie.
pub const REACH_ABOVE: u32 = 64;
/// How far below it.
pub const REACH_BELOW: u32 = 32;

/// The order of the recording, for what is left of a round.
pub struct Remembered {
    push: Push,
    pushes: PushOrder,
    requested: Option<PageId>,
    /// To be pushed from the end.
    around: Vec<PageId>,
}

impl Remembered {
    /// With a scan behind it.
    pub fn new(push: Push) -> Self {
        Remembered {
            push,
            pushes: PushOrder::new(Vec::new(), push),
            requested: None,
            around: Vec::new(),
        }
    }

    fn draw_around(&mut self, page: PageId, unsent: &PageSet) {
        let above = |distance| {
            page.checked_add(distance)
                .filter(|_| distance <= REACH_ABOVE)
        };
        let below = |distance| {
            page.checked_sub(distance)
                .filter(|_| distance <= REACH_BELOW)
        };
        self.around = (1..=REACH_ABOVE)
            .flat_map(|distance| [above(distance), below(distance)])
            .flatten()
            .filter(|near| unsent.contains(*near))
            .take(MOST_AROUND)
            .collect();
        self.around.reverse();
    }
}

impl Strategy for Remembered {
    fn plan(&mut self, observed: &Observation<'_>) {
        let sweeps = Sweeps::of(observed);
        let planned = ordered_pps(observed.recording, PpsOrder::Recency)
            .into_iter()
            .filter(|page| !sweeps.pages.contains(*page))
            .map(PlannedPage::recorded)
            .collect();
        self.pushes = PushOrder::new(planned, self.push).scanning_from(sweeps.head);
    }

    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
        if request.unsent {
            self.requested = Some(request.page);
        }
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        // Without an active push nothing is pushed around a request either.
        if let Some(page) = self.requested.take().filter(|_| self.push != Push::None) {
            self.draw_around(page, unsent);
        }
        while let Some(page) = self.around.pop() {
            if unsent.contains(page) {
                return Some(page);
            }
        }
        self.pushes.next_page(unsent)
    }

    fn planned(&self) -> &[PlannedPage] {
        self.pushes.planned()
    }
}

/// Long streams with a trend.
struct Sweeps {
    /// Pages whose last access is in one.
    pages: PageSet,
    /// Behind the last point of the longest.
    head: PageId,
}

impl Sweeps {
    fn of(observed: &Observation<'_>) -> Self {
        let settings = PdopmpSettings::default();
        let pages = observed.memory.pages;
        let streams = separate(&observed.recording.accesses, pages, settings.stream_gap);
        let mut sweeps = Sweeps {
            pages: PageSet::empty(pages),
            head: 0,
        };
        let mut longest = 0;
        let mut last_points: PageMap<(SimTime, bool)> = PageMap::default();
        for stream in streams.iter() {
            let is_sweep = is_sweep(stream, &settings);
            for point in stream.points {
                let last = last_points
                    .entry(point.page)
                    .or_insert((point.time, is_sweep));
                *last = (point.time, is_sweep).max(*last);
            }
            if is_sweep && stream.points.len() > longest {
                longest = stream.points.len();
                sweeps.head = stream.points[longest - 1].page.saturating_add(1);
            }
        }
        for (page, (_, is_sweep)) in last_points {
            if is_sweep {
                sweeps.pages.insert(page);
            }
        }
        sweeps
    }
}

fn is_sweep(stream: Stream<'_>, settings: &PdopmpSettings) -> bool {
    stream.points.len() >= SWEEP_POINTS && Trend::of(stream, settings).is_some()
}
