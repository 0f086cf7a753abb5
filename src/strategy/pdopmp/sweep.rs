//! Where a stream with a trend goes on.

use super::trend::Trend;
use super::{Draft, PdopmpSettings};
use crate::memory::{PageId, PageSet};
use crate::strategy::Observation;
use crate::units::SimTime;

/// What is to be made of a stream with a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It has not moved for a while, or the destination has what it comes to: where it was going no longer matters.
    Stopped,
    /// Too short to say anything of what lies behind it.
    Short,
    /// It goes where nobody has been in the window.
    OverNewGround,
    /// As before, and faster than the link: whatever is planned, the guest waits for the very next page, which a scan
    /// from the head pushes best.
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
    let ahead = trend.page_ahead(stride);
    let is_there = |page: PageId| page < pps.pages() && !observed.missing.contains(page);
    if rest > trend.time_for(4 * stride).max(SHORTEST_REST) || ahead.is_some_and(is_there) {
        Course::Stopped
    } else if ahead.is_some_and(|page| pps.contains(page)) {
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

/// Expects the pages ahead, as long as they were accessed before, and from the region's end on again from its
/// beginning: once around for the longest sweep of a region, and as far as its reach for another.
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
    let mut around = false;
    let mut ahead = stride;
    while ahead <= reach {
        let next = trend
            .step_from(page, stride)
            .filter(|next| draft.pps.contains(*next));
        page = match next {
            Some(next) => next,
            None if around => break,
            None => {
                around = true;
                cycle.beginning
            }
        };
        if around && trend.is_at_or_ahead(page) {
            break;
        }
        draft.anticipate(page, trend.time_for(ahead) - rest);
        ahead += stride;
    }
}

/// The PPS in regions, between which lie gaps wider than those within a stream. A region may be full of sweeps; were
/// each followed once around, planning would take pages times sweeps.
pub(super) struct Regions(Vec<Region>);

struct Region {
    first: PageId,
    last: PageId,
    /// Points and number of the longest cyclic sweep.
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
    fn index_of(&self, page: PageId) -> usize {
        self.0.partition_point(|region| region.last < page)
    }

    /// Takes note of a cyclic sweep, by its number.
    pub(super) fn note(&mut self, trend: &Trend, sweep: usize, points: usize) {
        let region = self.index_of(trend.last);
        let longest = &mut self.0[region].longest;
        *longest = (*longest).max((points, sweep));
    }

    /// What the sweep of this number goes around, once all are noted.
    pub(super) fn cycle(&self, trend: &Trend, sweep: usize) -> Cycle {
        let region = &self.0[self.index_of(trend.last)];
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

#[cfg(test)]
mod tests {
    use super::super::streams::separate;
    use super::*;
    use crate::guest::recording::{Access, Recording};
    use crate::memory::Memory;
    use crate::trace::Op;

    /// The next touches, in microseconds, of pages that were accessed one a microsecond, after all sweeps were
    /// followed.
    fn next_touches(pages: &[PageId], settings: &PdopmpSettings) -> Vec<(PageId, u64)> {
        let access = |(index, page): (usize, &PageId)| Access {
            time: SimTime::from_us(index as u64),
            vcpu: 0,
            page: *page,
            op: Op::Read,
        };
        let recording = Recording {
            accesses: pages.iter().enumerate().map(access).collect(),
            window: SimTime::from_us(pages.len() as u64),
        };
        let zero_pages = PageSet::empty(1_000);
        let mut draft = Draft::new(&Observation {
            recording: &recording,
            memory: Memory {
                pages: 1_000,
                host_page: 4_096,
                host_shift: 0,
                trace_pages: 1_000,
            },
            zero_pages: &zero_pages,
            missing: &PageSet::full(1_000),
            page_time: SimTime::from_us(30),
        });
        let mut regions = Regions::of(&draft.pps, settings);
        let streams = separate(&recording.accesses, 1_000, settings.stream_gap);
        let sweeps: Vec<_> = streams
            .iter()
            .filter_map(|stream| Some((Trend::of(stream, settings)?, stream.points.len())))
            .collect();
        for (sweep, (trend, points)) in sweeps.iter().enumerate() {
            regions.note(trend, sweep, *points);
        }
        for (sweep, (trend, _)) in sweeps.iter().enumerate() {
            continue_cycle(trend, settings, regions.cycle(trend, sweep), &mut draft);
        }
        let mut touches: Vec<_> = draft
            .next_touches
            .into_iter()
            .map(|(page, time)| (page, time.as_ps() / 1_000_000))
            .collect();
        touches.sort_unstable();
        touches
    }

    #[test]
    fn the_longest_sweep_of_a_region_goes_once_around() {
        // 100 to 139, and of the next round 100 to 103; the second sweep has 4 points.
        let settings = PdopmpSettings {
            reach_percent: 200,
            stream_gap: 8,
            ..PdopmpSettings::default()
        };
        let pages: Vec<PageId> = (100..140).chain(100..104).collect();
        let touches = next_touches(&pages, &settings);
        // The first was at 139 5 us before the end: a step of 1 us later at 100, and so on until 138.
        assert_eq!(touches[38..], [(138, 34), (139, 5)]);
        // The second, at 103, is followed for 200 % of its way of 3 pages: 104 after 1 us, less the rest of 1 us.
        assert_eq!(
            touches[4..10],
            [(104, 0), (105, 1), (106, 2), (107, 3), (108, 4), (109, 5)]
        );
        assert_eq!(touches[10], (110, 6));
    }

    #[test]
    fn a_cycle_with_a_hole_is_followed_once() {
        // By twos over odd pages, with one even page that is never met again.
        let pages: Vec<PageId> = [200].into_iter().chain((201..260).step_by(2)).collect();
        let touches = next_touches(&pages, &PdopmpSettings::default());
        assert_eq!(touches.len(), 31);
        // From 259 to the region's beginning, whose next even page was not accessed.
        assert_eq!(touches[0].0, 200);
        assert!(
            touches[1..]
                .iter()
                .zip(1..)
                .all(|(touch, index)| touch.1 == 31 - index),
            "{touches:?}"
        );
    }
}
