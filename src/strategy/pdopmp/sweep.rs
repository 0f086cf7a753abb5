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
    let reach = u64::from(trend.way) * u64::from(settings.reach_percent) / 100;
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

/// Expects the pages ahead, as long as they were accessed before, and from the region's end on again from its beginning,
/// once around.
pub(super) fn continue_cycle(trend: &Trend, settings: &PdopmpSettings, draft: &mut Draft) {
    let rest = draft.window - trend.last_time;
    let beginning = beginning_of_region(trend, settings, &draft.pps);
    let mut page = trend.last;
    let mut ahead = 0;
    for _ in 0..draft.pps.count() {
        let next = trend
            .step_from(page, u64::from(trend.stride))
            .filter(|next| draft.pps.contains(*next));
        page = next.unwrap_or(beginning);
        ahead += u64::from(trend.stride);
        if page == trend.last || page == beginning && next.is_some() {
            break;
        }
        draft.anticipate(page, trend.time_for(ahead) - rest);
    }
}

/// Against the trend from its head, over recorded pages with gaps as small as a stream's: where such a region begins.
fn beginning_of_region(trend: &Trend, settings: &PdopmpSettings, pps: &PageSet) -> PageId {
    let mut beginning = trend.last;
    loop {
        let before = if trend.upwards {
            beginning
                .checked_sub(1)
                .and_then(|page| pps.last_until(page))
        } else {
            pps.first_from(beginning.saturating_add(1))
        };
        match before {
            Some(page) if page.abs_diff(beginning) <= settings.stream_gap => beginning = page,
            _ => return beginning,
        }
    }
}
