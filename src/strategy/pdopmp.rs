//! Pre-record + PDoPMP: the PPS, widened by the pages that the trend of the recorded addresses points to.
//!
//! **A reconstruction.** The paper (Shan, Qiao and Lin, PDCAT 2017) publishes only its abstract: PDoPMP analyses the
//! trend of the trajectory of memory addresses in the PPS, to widen the predicted range of pages. Its formulas and
//! parameters are not public. What follows is ours: every assumption is a parameter of [`PdopmpSettings`], with its
//! reason.
//!
//! 1. [`streams`] separates each vCPU's interleaved trajectory into streams of neighbouring accesses.
//! 2. [`trend`] estimates each stream's direction, stride and velocity, or finds that it has none.
//! 3. [`forecast`] extrapolates a stream with a trend, widens the range of one without, and gives every page of the PPS
//!    and of the prediction a *predicted next-touch time*.
//! 4. The push order follows these times; a page without content comes last, as it hardly costs anything on demand.

pub mod forecast;
pub mod streams;
pub mod trend;

use serde::Deserialize;

use self::forecast::Forecast;
use super::push_order::PushOrder;
use super::scan::Push;
use super::{Build, Entry, Observation, Strategy};
use crate::source::Request;
use crate::vm::{PageId, PageSet};

/// `pre-record+pdopmp`.
pub const ENTRY: Entry = Entry {
    name: "pre-record+pdopmp",
    summary: "pre-record, widened by the trend of the addresses (a reconstruction from the paper's abstract)",
    build: Build::Causal(|scenario| {
        Box::new(Pdopmp {
            settings: scenario.pdopmp.clone(),
            push: scenario.source.push,
            pushes: PushOrder::new(Vec::new(), scenario.source.push),
            predicted: Vec::new(),
        })
    }),
};

/// `[pdopmp]`: the assumptions of the reconstruction. Per cent are whole numbers, so that no rounding of a fraction
/// can change an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PdopmpSettings {
    /// An access joins a stream that was last within so many host pages. Default 16 (64 KiB of 4 KiB pages): what
    /// allocators and page caches hand out in one piece, and less than the distance between two heaps.
    pub stream_gap: u32,
    /// Accesses below which a stream says nothing of a trend. Default 4: three steps in one direction happen by chance
    /// in one random walk of four, so fewer would be noise.
    pub min_points: u32,
    /// Least share of steps, less those the other way, in the main direction, in per cent. Default 60: four of five
    /// steps agree.
    pub min_consistency_percent: u32,
    /// Longest extrapolation of a trend, in per cent of the way that the stream has gone in the window. Default 400:
    /// most sweeps go on for longer than they were watched, but the error of the velocity grows with the way.
    pub reach_percent: u32,
    /// How far a stream without a trend is widened to each side, in per cent of its own range. Default 50: as many
    /// pages around it as in it.
    pub widen_percent: u32,
    /// Least share of a range's pages that was touched for the range to be filled and widened, in per cent. Default 25:
    /// sparser ranges would push more untouched pages than touched ones.
    pub min_density_percent: u32,
}

impl Default for PdopmpSettings {
    fn default() -> Self {
        PdopmpSettings {
            stream_gap: 16,
            min_points: 4,
            min_consistency_percent: 60,
            reach_percent: 400,
            widen_percent: 50,
            min_density_percent: 25,
        }
    }
}

/// The pages of the PPS and of the prediction in the order in which they are to be pushed.
pub fn plan(observed: &Observation<'_>, settings: &PdopmpSettings) -> Vec<Forecast> {
    let mut forecasts = forecast::forecast(observed, settings);
    forecasts.sort_unstable_by_key(|forecast| {
        (
            observed.zero_pages.contains(forecast.page),
            forecast.next_touch,
            forecast.page,
        )
    });
    forecasts
}

struct Pdopmp {
    settings: PdopmpSettings,
    push: Push,
    pushes: PushOrder,
    predicted: Vec<PageId>,
}

impl Strategy for Pdopmp {
    fn records(&self) -> bool {
        true
    }

    fn plan(&mut self, observed: &Observation<'_>) {
        let forecasts = plan(observed, &self.settings);
        self.predicted = forecasts
            .iter()
            .filter(|forecast| !forecast.recorded)
            .map(|forecast| forecast.page)
            .collect();
        let planned = forecasts.iter().map(|forecast| forecast.page).collect();
        self.pushes = PushOrder::new(planned, self.push);
    }

    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.pushes.next_page(unsent)
    }

    fn predicted(&self) -> &[PageId] {
        &self.predicted
    }
}
