//! Pre-record + PDoPMP: the PPS, widened by the pages that the trend of the recorded addresses points to.
//!
//! **A reconstruction.** The paper (Shan, Qiao and Lin, PDCAT 2017) publishes only its abstract: PDoPMP analyses the
//! trend of the trajectory of memory addresses in the PPS, to widen the predicted range of pages. Its formulas and
//! parameters are not public. What follows is ours: every assumption is a parameter of [`PdopmpSettings`], with its
//! reason.
//!
//! 1. [`streams`] separates each vCPU's interleaved trajectory into streams of neighbouring accesses.
//! 2. [`trend`] estimates each stream's direction, stride and velocity, or finds that it has none.
//! 3. [`sweep`] continues a stream with a trend: ahead at its velocity, and if it has been there before, around its
//!    cycle, or as far as its reach where a longer sweep goes around. What a sweep over new ground has left behind is
//!    not urgent, and one that outruns the link is left to the scan, which starts at its head.
//! 4. [`locality`], on demand (`most_per_recorded`), learns from the recording itself how far from known pages new ones
//!    turn up, and predicts the pages around the rest of the PPS.
//! 5. Every page of the PPS and of the prediction has a *predicted next-touch time*, and the push order follows it.
//!    A request for an unsent page draws the planned pages right behind it forward, as it draws post-copy's scan:
//!    [`plan_push`].
//! 6. Behind the plan the memory in use is scanned first: [`heat`] spreads from the PPS, and goes on learning from
//!    requests.
//!
//! | of the abstract | here |
//! |---|---|
//! | "analyse the trend of the trajectory of memory addresses" | 1 to 3 |
//! | "widen the predicted range of pages" | what 3 predicts ahead of a trend, and 6 around all of the PPS |
//! | nothing: ours | 5, and that 6 learns from requests |

pub mod heat;
pub mod locality;
pub mod plan_push;
mod settings;
pub mod streams;
pub mod sweep;
pub mod trend;

pub use self::settings::PdopmpSettings;

use self::heat::Heat;
use self::locality::Locality;
use self::plan_push::PlanPush;
use self::streams::{Point, Stream, separate};
use self::sweep::{Course, Regions};
use self::trend::Trend;
use super::scan::{Push, Scan};
use super::{Entry, Neighbours, Observation, Order, Parameters, PlannedPage, Strategy, pre_record};
use crate::memory::{PageId, PageMap, PageSet};
use crate::strategy::Request;
use crate::units::SimTime;

/// `pre-record+pdopmp`.
pub const ENTRY: Entry = Entry {
    name: "pre-record+pdopmp",
    summary: "pre-record, widened by the trend of the addresses (a reconstruction from the paper's abstract)",
    source: "Shan, Qiao and Lin, PDCAT 2017: a reconstruction from the abstract",
    lead_in: pre_record::lead_in,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| {
        Box::new(Pdopmp {
            settings: settings.pdopmp.clone(),
            push: settings.push,
            planned: None,
            heat: None,
            is_planned: false,
        })
    }),
};

/// The same under the name that it had while `pre-record+pdopmp` did not learn from requests.
pub const FORMER: Entry = Entry {
    name: "pre-record+pdopmp-online",
    summary: "the former name of pre-record+pdopmp as it is now",
    ..ENTRY
};

/// A page that is expected to be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The page.
    pub page: PageId,
    /// When, counted from the switch-over.
    pub next_touch: SimTime,
    /// Whether it is in the PPS, and not predicted.
    pub recorded: bool,
}

/// What is to be pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Pages of the PPS and of the prediction in the order in which they are to be pushed.
    pub forecasts: Vec<Forecast>,
    /// Where the scan behind them starts.
    pub scan_from: PageId,
}

impl Plan {
    /// The pages, in order, with the reasons.
    pub fn pages(&self) -> Vec<PlannedPage> {
        let page = |forecast: &Forecast| PlannedPage {
            page: forecast.page,
            recorded: forecast.recorded,
            next_touch: Some(forecast.next_touch),
        };
        self.forecasts.iter().map(page).collect()
    }
}

/// Plans the push from a recording.
pub fn plan(observed: &Observation<'_>, settings: &PdopmpSettings) -> Plan {
    let mut draft = Draft::new(observed);
    let streams = separate(
        &observed.recording.accesses,
        observed.memory.pages,
        settings.stream_gap,
    );
    let sweeps: Vec<(Stream<'_>, Trend)> = streams
        .iter()
        .filter_map(|stream| Some((stream, Trend::of(stream, settings)?)))
        .collect();
    let mut swept = PageSet::empty(observed.memory.pages);
    let is_sweep = |stream: &Stream<'_>| stream.points.len() >= settings.sweep_points as usize;
    for (stream, _) in sweeps.iter().filter(|(stream, _)| is_sweep(stream)) {
        for point in stream.points {
            swept.insert(point.page);
        }
    }
    let courses: Vec<Course> = sweeps
        .iter()
        .map(|(stream, trend)| sweep::course(trend, is_sweep(stream), observed, &draft.pps))
        .collect();
    let mut regions = Regions::of(&draft.pps, settings);
    for (index, (stream, trend)) in sweeps.iter().enumerate() {
        if courses[index] == Course::Cyclic {
            regions.note(trend, index, stream.points.len());
        }
    }
    let mut longest_followed = 0;
    for (index, (stream, trend)) in sweeps.iter().enumerate() {
        match courses[index] {
            Course::Stopped => {}
            Course::Followed => {
                draft.forget(stream);
                if stream.points.len() > longest_followed {
                    longest_followed = stream.points.len();
                    draft.scan_from = trend.last.saturating_add(1);
                }
            }
            Course::OverNewGround => {
                draft.forget(stream);
                sweep::extrapolate(trend, settings, &mut draft);
            }
            Course::Short => sweep::extrapolate(trend, settings, &mut draft),
            Course::Cyclic => {
                let cycle = regions.cycle(trend, index);
                sweep::continue_cycle(trend, settings, cycle, &mut draft);
                draft.postpone(stream);
            }
        }
    }
    let locality = Locality::of(observed.recording, &swept);
    draft.predict_around(&locality, &swept, settings);
    draft.finish()
}

/// Forecasts in the making.
struct Draft {
    next_touches: PageMap<SimTime>,
    pps: PageSet,
    window: SimTime,
    scan_from: PageId,
}

impl Draft {
    /// Every recorded page is taken to be touched again after as long as it has rested: recency, as a time.
    fn new(observed: &Observation<'_>) -> Self {
        let window = observed.recording.window;
        let mut pps = PageSet::empty(observed.memory.pages);
        let mut last_accesses = Vec::new();
        // Backwards: each page's last access comes first.
        for access in observed.recording.accesses.iter().rev() {
            if pps.insert(access.page) {
                last_accesses.push((access.page, window - access.time));
            }
        }
        Draft {
            next_touches: last_accesses.into_iter().collect(),
            pps,
            window,
            scan_from: 0,
        }
    }

    /// A page is expected at a time, or earlier if something else says so; a recorded one at this time in any case.
    fn anticipate(&mut self, page: PageId, time: SimTime) {
        let recorded = self.pps.contains(page);
        self.next_touches
            .entry(page)
            .and_modify(|next_touch| {
                if recorded || time < *next_touch {
                    *next_touch = time;
                }
            })
            .or_insert(time);
    }

    /// The stream's pages that nothing else has touched since.
    fn untouched_since(&self, stream: &Stream<'_>) -> Vec<PageId> {
        let untouched = |point: &&Point| {
            self.next_touches.get(&point.page) == Some(&(self.window - point.time))
        };
        let points = stream.points.iter().filter(untouched);
        points.map(|point| point.page).collect()
    }

    /// Leaves a sweep's pages to the scan.
    fn forget(&mut self, stream: &Stream<'_>) {
        for page in self.untouched_since(stream) {
            self.next_touches.remove(&page);
        }
    }

    /// A cyclic sweep comes back to what it has just passed only after a whole cycle: first to what it passed first.
    fn postpone(&mut self, stream: &Stream<'_>) {
        let window = self.window;
        for page in self.untouched_since(stream) {
            if let Some(next_touch) = self.next_touches.get_mut(&page) {
                *next_touch = (*next_touch).max(window - *next_touch);
            }
        }
    }

    fn predict_around(&mut self, locality: &Locality, swept: &PageSet, settings: &PdopmpSettings) {
        let horizon = self.window.times(settings.horizon_windows.into());
        let mut centres = self.pps.clone();
        for page in swept.iter() {
            centres.remove(page);
        }
        let most = u64::from(self.pps.count()) * u64::from(settings.most_per_recorded);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        for (page, wait) in locality.soonest_around(&centres, &self.pps, horizon, most) {
            self.anticipate(page, wait);
        }
    }

    fn finish(self) -> Plan {
        let mut forecasts: Vec<Forecast> = self
            .next_touches
            .iter()
            .map(|(&page, &next_touch)| Forecast {
                page,
                next_touch,
                recorded: self.pps.contains(page),
            })
            .collect();
        forecasts.sort_unstable_by_key(|forecast| (forecast.next_touch, forecast.page));
        Plan {
            forecasts,
            scan_from: self.scan_from,
        }
    }
}

struct Pdopmp {
    settings: PdopmpSettings,
    push: Push,
    planned: Option<PlanPush>,
    /// The scan behind the plan; without it that is the plan's own.
    heat: Option<Heat>,
    /// The last page was the plan's.
    is_planned: bool,
}

impl Strategy for Pdopmp {
    fn plan(&mut self, observed: &Observation<'_>) {
        let settings = &self.settings;
        let plan = plan(observed, settings);
        let pages = observed.memory.pages;
        let is_warm = settings.recorded_weight > 0 || settings.request_weight > 0;
        // Without an active push there is none by heat either.
        self.heat = (is_warm && self.push != Push::None).then(|| {
            let mut scan = Scan::new(self.push);
            scan.start_from(plan.scan_from);
            Heat::of(&observed.recording.pages(pages), settings, scan)
        });
        let scan = if self.heat.is_some() {
            Push::None
        } else {
            self.push
        };
        self.planned = Some(PlanPush::of(&plan, pages, settings, scan));
    }

    fn requested(&mut self, request: &Request) {
        if let Some(planned) = &mut self.planned {
            planned.requested(request);
        }
        if let Some(heat) = &mut self.heat {
            heat.requested(request);
        }
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        let planned = self.planned.as_mut();
        let planned = planned.and_then(|planned| planned.next_page(unsent));
        self.is_planned = planned.is_some();
        planned.or_else(|| self.heat.as_mut()?.next_page(unsent))
    }

    fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        match (&self.planned, &self.heat) {
            (Some(planned), _) if self.is_planned => planned.neighbours(page, most),
            (_, Some(heat)) => heat.neighbours(page, most),
            _ => Neighbours::NONE,
        }
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        match (&mut self.planned, &mut self.heat) {
            (Some(planned), _) if self.is_planned => planned.pass_neighbours(page, count),
            (_, Some(heat)) => heat.pass_neighbours(count),
            _ => {}
        }
    }

    fn planned(&self) -> &[PlannedPage] {
        self.planned.as_ref().map_or(&[], PlanPush::planned)
    }
}
