//! How far from recorded pages new ones turn up: learnt from the recording itself.
//!
//! The window's first half is taken for the past and its second half for the future. For every distance (by powers of
//! two, upwards and downwards apart) it is counted how many of the pages at that distance from the past the future
//! touched first. That rate, taken low as long as it rests on few touches, says how long a page at this distance from
//! the whole recording will wait for its touch.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::guest::recording::Recording;
use crate::memory::{PageId, PageSet};
use crate::units::SimTime;

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
        neighbours(&past, |class, pages| {
            present[class] += u64::from(pages.end() - pages.start()) + 1;
        });
        for page in future.iter() {
            if let Some(near) = past.nearest(page, FARTHEST) {
                touched[class_of(near, page)] += 1;
            }
        }
        let waits = std::array::from_fn(|class| {
            // One standard deviation of a count, and one, below what was counted.
            let certain = touched[class].saturating_sub(touched[class].isqrt() + 1);
            (u128::from(half.as_ps()) * u128::from(present[class]))
                .checked_div(u128::from(certain))
                .map_or(SimTime::MAX, SimTime::from_wide_ps)
        });
        Locality { waits }
    }

    /// The `most` pages around `centres` that are expected first, with the time after which they are: none of the
    /// `known` ones, and none expected later than the horizon.
    pub fn soonest_around(
        &self,
        centres: &PageSet,
        known: &PageSet,
        horizon: SimTime,
        most: usize,
    ) -> Vec<(PageId, SimTime)> {
        let in_time = self.waits.iter().filter(|wait| **wait <= horizon);
        let waits: BTreeSet<SimTime> = in_time.copied().collect();
        let mut soonest = Vec::new();
        for wait in waits {
            if soonest.len() == most {
                break;
            }
            let mut around = Vec::new();
            neighbours(centres, |class, pages| {
                if self.waits[class] == wait {
                    around.push(pages);
                }
            });
            around.sort_unstable_by_key(|pages| *pages.start());
            let unknown = around.into_iter().flatten();
            let unknown = unknown.filter(|page| !known.contains(*page));
            soonest.extend(unknown.take(most - soonest.len()).map(|page| (page, wait)));
        }
        soonest
    }
}

/// The class of a page by the distance from the known page that is nearest to it.
fn class_of(near: PageId, page: PageId) -> usize {
    let power = page.abs_diff(near).ilog2() as usize;
    if page > near { power } else { POWERS + power }
}

/// The pages outside the set, as far as [`FARTHEST`] from it, by the class of their distance from the nearest one in it
/// (of two as near, the lower).
fn neighbours(set: &PageSet, mut each: impl FnMut(usize, RangeInclusive<PageId>)) {
    let mut visit = |class: usize, power: usize, nearest: PageId, farthest: PageId| {
        if nearest <= farthest {
            each(class + power, nearest..=farthest);
        }
    };
    let mut between = |below: Option<PageId>, above: Option<PageId>| {
        let end = set.pages().saturating_sub(1);
        for power in 0..POWERS {
            let (nearest, farthest) = (1 << power, (2 << power) - 1);
            if let Some(below) = below {
                let middle = above.map_or(end, |above| below + (above - below) / 2);
                let last = below.saturating_add(farthest).min(middle);
                visit(0, power, below.saturating_add(nearest), last);
            }
            if let Some(above) = above {
                let middle = below.map_or(0, |below| below + (above - below) / 2 + 1);
                let first = above.saturating_sub(farthest).max(middle);
                if let Some(last) = above.checked_sub(nearest) {
                    visit(POWERS, power, first, last);
                }
            }
        }
    };
    let mut below = None;
    for above in set.iter() {
        if below.is_none_or(|below: PageId| below + 1 < above) {
            between(below, Some(above));
        }
        below = Some(above);
    }
    between(below, None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::recording::Access;
    use crate::trace::Op;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn neighbours_are_those_of_every_page(pages in 1u32..10_000, picks in prop::collection::vec(0u32..10_000, 0..8)) {
            let mut set = PageSet::empty(pages);
            for pick in picks {
                set.insert(pick % pages);
            }
            let mut found = Vec::new();
            neighbours(&set, |class, around| found.extend(around.map(|page| (page, class))));
            found.sort_unstable();
            let expected: Vec<_> = (0..pages)
                .filter(|page| !set.contains(*page))
                .filter_map(|page| Some((page, class_of(set.nearest(page, FARTHEST)?, page))))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

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
        let expected = locality.soonest_around(&centres, &centres, SimTime::from_ms(100), 10);
        // Of 16 pages one above, 16 were touched in 5 ms; counted as 16 − 4 − 1 = 11. None elsewhere.
        assert_eq!(
            expected,
            [(1_001, SimTime::from_ps(5_000_000_000 * 16 / 11))]
        );
    }
}
