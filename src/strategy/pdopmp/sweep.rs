//! Where a stream with a trend goes on.

use super::trend::Trend;
use super::{Draft, PdopmpSettings};
use crate::strategy::Observation;
use crate::time::SimTime;
use crate::vm::{PageId, PageSet};

/// What is to be made of a stream with a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It has not moved for a while: where it was going no longer matters.
    Stopped,
    /// Too short to say anything of what lies behind it.
    Short,
    /// It goes where nobody has been in the window.
    OverNewGround,
    /// As before, and faster than the link: whatever is planned, the guest waits for the very next page, which a scan from
    /// the head pushes best.
    Followed,
    /// It comes to pages that were accessed before.
    Cyclic,
}

/// A recorder's epochs are up to 10 ms long: a shorter rest is none.
const SHORTEST_REST: SimTime = SimTime::from_ms(5);

/// The course of a stream; `is_sweep` when it is long.
pub fn course(trend: &Trend, is_sweep: bool, observed: &Observation<'_>, pps: &PageSet) -> Course {
    let stride = u64::from(trend.stride);
    let rest = observed.recording.window - trend.last_time;
    if rest > trend.time_for(4 * stride).max(SHORTEST_REST) {
        Course::Stopped
    } else if trend
        .page_ahead(stride)
        .is_some_and(|page| pps.contains(page))
    {
        if is_sweep {
            Course::Cyclic
        } else {
            Course::Short
        }
    } else if !is_sweep {
        Course::Short
    } else if trend.time_for(stride) < observed.page_time {
        Course::Followed
    } else {
        Course::OverNewGround
    }
}

/// Expects the pages ahead at the trend's velocity, as far as its reach.
pub(super) fn extrapolate(trend: &Trend, settings: &PdopmpSettings, draft: &mut Draft) {
    let reach = trend.reach(settings);
    let rest = draft.window - trend.last_time;
    let stride = u64::from(trend.stride);
    let mut ahead = stride;
    while ahead <= reach
        && let Some(page) = trend
            .page_ahead(ahead)
            .filter(|page| *page < draft.pps.pages())
    {
        if !draft.pps.contains(page) {
            draft.anticipate(page, trend.time_for(ahead) - rest);
        }
        ahead += stride;
    }
}

/// Expects the pages ahead, as long as they were accessed before, and from the region's end on again from its beginning:
/// once around for the longest sweep of a region, and as far as its reach for another.
pub(super) fn continue_cycle(
    trend: &Trend,
    settings: &PdopmpSettings,
    cycle: Cycle,
    draft: &mut Draft,
) {
    let reach = if cycle.is_longest {
        u64::MAX
    } else {
        trend.reach(settings)
    };
    let rest = draft.window - trend.last_time;
    let stride = u64::from(trend.stride);
    let mut page = trend.last;
    let mut ahead = stride;
    for _ in 0..draft.pps.count() {
        let next = trend
            .step_from(page, stride)
            .filter(|next| draft.pps.contains(*next));
        page = next.unwrap_or(cycle.beginning);
        let around = page == trend.last || page == cycle.beginning && next.is_some();
        if around || ahead > reach {
            break;
        }
        draft.anticipate(page, trend.time_for(ahead) - rest);
        ahead += stride;
    }
}

/// The PPS in regions, between which lie gaps wider than those within a stream. A region may be full of sweeps; were each
/// followed once around, planning would take pages times sweeps.
pub(super) struct Regions(Vec<Region>);

struct Region {
    first: PageId,
    last: PageId,
    /// Points of the longest cyclic sweep, and which it is.
    longest: (usize, usize),
}

/// What a cyclic sweep goes around.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cycle {
    beginning: PageId,
    /// Whether the sweep is the region's longest.
    is_longest: bool,
}

impl Regions {
    pub(super) fn of(pps: &PageSet, settings: &PdopmpSettings) -> Self {
        let mut regions: Vec<Region> = Vec::new();
        for page in pps.iter() {
            match regions.last_mut() {
                Some(region) if page - region.last <= settings.stream_gap => region.last = page,
                _ => regions.push(Region {
                    first: page,
                    last: page,
                    longest: (0, 0),
                }),
            }
        }
        Regions(regions)
    }

    /// The region of a recorded page.
    fn around(&self, page: PageId) -> usize {
        self.0.partition_point(|region| region.last < page)
    }

    /// A cyclic sweep, the how manieth and of how many points, goes through the region around its head.
    pub(super) fn swept(&mut self, trend: &Trend, sweep: usize, points: usize) {
        let region = self.around(trend.last);
        let longest = &mut self.0[region].longest;
        *longest = (*longest).max((points, sweep));
    }

    pub(super) fn cycle(&self, trend: &Trend, sweep: usize) -> Cycle {
        let region = &self.0[self.around(trend.last)];
        Cycle {
            beginning: if trend.upwards {
                region.first
            } else {
                region.last
            },
            is_longest: sweep == region.longest.1,
        }
    }
}
