//! How far from recorded pages new ones turn up: learnt from the recording itself.
//!
//! The window's first half is taken for the past and its second half for the future. For every distance (by powers of
//! two, upwards and downwards apart) it is counted how many of the pages at that distance from the past the future
//! touched first. That rate, taken low as long as it rests on few touches, says how long a page at this distance from
//! the whole recording will wait for its touch.

use crate::source::recorder::Recording;
use crate::time::SimTime;
use crate::vm::{PageId, PageSet};

/// Powers of two of distances that are told apart: up to 4,095 pages.
const POWERS: usize = 12;
const FARTHEST: u32 = (1 << POWERS) - 1;

/// Expected time until a page is touched, by its distance from the nearest recorded page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locality {
    waits: [SimTime; 2 * POWERS],
}

impl Locality {
    /// Learns from the accesses of a recording, apart from those to `swept` pages, whose trend says more.
    pub fn of(recording: &Recording, swept: &PageSet) -> Self {
        let half = SimTime::from_ps(recording.window.as_ps() / 2);
        let mut past = PageSet::empty(swept.pages());
        let mut future = PageSet::empty(swept.pages());
        for access in recording.accesses.iter() {
            if swept.contains(access.page) {
                continue;
            }
            if access.time < half {
                past.insert(access.page);
            } else if !past.contains(access.page) {
                future.insert(access.page);
            }
        }
        let mut present = [0u64; 2 * POWERS];
        let mut touched = [0u64; 2 * POWERS];
        neighbours(&past, |page, class| {
            present[class] += 1;
            touched[class] += u64::from(future.contains(page));
        });
        let waits = std::array::from_fn(|class| {
            // One standard deviation of a count, and one, below what was counted.
            let certain = touched[class].saturating_sub(touched[class].isqrt() + 1);
            (u128::from(half.as_ps()) * u128::from(present[class]))
                .checked_div(u128::from(certain))
                .map_or(SimTime::MAX, SimTime::from_wide_ps)
        });
        Locality { waits }
    }

    /// Every page around `centres` with the time after which it is expected.
    pub fn around(&self, centres: &PageSet, mut each: impl FnMut(PageId, SimTime)) {
        neighbours(centres, |page, class| each(page, self.waits[class]));
    }
}

/// Every page outside the set, as far as [`FARTHEST`] from it, with the class of its distance from the nearest one in it.
fn neighbours(set: &PageSet, mut each: impl FnMut(PageId, usize)) {
    let Some(last) = set.pages().checked_sub(1) else {
        return;
    };
    let mut visit = |page: PageId, below: Option<PageId>, above: Option<PageId>| {
        let up = below.map_or(u32::MAX, |below| page - below);
        let down = above.map_or(u32::MAX, |above| above - page);
        let power = up.min(down).ilog2() as usize;
        each(page, if up <= down { power } else { POWERS + power });
    };
    let mut below = None;
    for above in set.iter().map(Some).chain([None]) {
        // Between the two, what is near either; the middle of a wide gap is near neither.
        let from = below.map_or(0, |below: PageId| below + 1);
        let until = above.map_or(last + 1, |above: PageId| above);
        let near_below = below.map_or(from, |below| until.min(below.saturating_add(FARTHEST) + 1));
        let near_above = above.map_or(until, |above| from.max(above.saturating_sub(FARTHEST)));
        for page in from..near_below {
            visit(page, below, above);
        }
        for page in near_below.max(near_above)..until {
            visit(page, below, above);
        }
        below = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorder::Access;
    use crate::trace::Op;

    #[test]
    fn pages_beside_known_ones_are_expected_where_the_recording_found_them() {
        // Sixteen pages far apart in the first half, and in the second half the page above each of them.
        let access = |time_ms: u64, page| Access {
            time: SimTime::from_ms(time_ms),
            vcpu: 0,
            page,
            op: Op::Read,
        };
        let first = (0..16).map(|index| access(1, 100 * index));
        let second = (0..16).map(|index| access(6, 100 * index + 1));
        let recording = Recording {
            accesses: first.chain(second).collect(),
            window: SimTime::from_ms(10),
        };
        let locality = Locality::of(&recording, &PageSet::empty(2_000));
        let mut centres = PageSet::empty(2_000);
        centres.insert(1_000);
        let mut expected = Vec::new();
        locality.around(&centres, |page, wait| {
            if wait < SimTime::MAX {
                expected.push((page, wait));
            }
        });
        // Of 16 pages one above, 16 were touched in 5 ms; counted as 16 − 4 − 1 = 11. None elsewhere.
        assert_eq!(
            expected,
            [(1_001, SimTime::from_ps(5_000_000_000 * 16 / 11))]
        );
    }
}
