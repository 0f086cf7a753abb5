//! Leap: post-copy, and a prefetch along the majority trend of the fault stream.
//!
//! After H. Al Maruf and M. Chowdhury, *Effectively Prefetching Remote Memory with Leap*, USENIX ATC 2020. Leap
//! prefetches for a memory that is paged out over a network; post-copy's source sees the same problem from the other
//! end. As there:
//!
//! - The history holds the last [`HISTORY`] differences between consecutive pages. Its trend is the strict majority of
//!   the latest [`SHORTEST`] of them; if there is none, of twice as many, up to all (Boyer–Moore vote, then a count).
//! - A fault prefetches a window of pages: the hits of the last window and one more, rounded up to a power of two; one
//!   page without hits if the fault follows the trend, else none; at most [`WIDEST`]; never less than half of the
//!   window before. The pages lie along the trend, or, where none is found, around the fault at the stride of the last
//!   one.
//!
//! What differs, as the source knows no more than the requests that reach it:
//!
//! - Leap counts a hit in the swap cache; here a touch of a page that has arrived is invisible. A prefetched page
//!   counts
//!   as a hit when a request shows that the guest came by it: when the stream goes on behind it along the stride, or
//!   when it is requested itself. Such pages enter the history too, as they do in Leap; without them a stride of 1
//!   would look like one of 9 as soon as eight pages are prefetched.
//! - Leap keeps a history per process. A request does not tell its vCPU or process, so there is one for the VM.
//! - Post-copy has to bring every page in the end: behind the prefetched pages goes the scan that `source.push` names.

use std::collections::VecDeque;

use super::lead_in::LeadIn;
use super::scan::{Push, Scan};
use super::{Entry, Neighbours, Order, Parameters, Strategy};
use crate::memory::{PageId, PageSet};
use crate::strategy::Request;

/// `leap`.
pub const ENTRY: Entry = Entry {
    name: "leap",
    summary: "post-copy, and a prefetch along the majority trend of the faults",
    source: "Al Maruf and Chowdhury, USENIX ATC 2020",
    lead_in: |_| LeadIn::Nothing,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| Box::new(Leap::new(settings.push))),
};

/// Differences in the history (the paper's `Hsize`).
pub const HISTORY: usize = 32;
/// Differences in which a trend is looked for first (the paper's `Hsize / Nsplit`).
pub const SHORTEST: usize = 8;
/// Pages prefetched at most for one fault (the paper's `PWsizemax`).
pub const WIDEST: usize = 8;

/// The latest differences between consecutive pages, latest first.
#[derive(Debug, Default)]
struct History(VecDeque<i64>);

impl History {
    fn push(&mut self, difference: i64) {
        self.0.truncate(HISTORY - 1);
        self.0.push_front(difference);
    }

    /// The majority of the latest 8, 16 or 32 differences, the first that has one.
    fn trend(&self) -> Option<i64> {
        let mut length = SHORTEST;
        while length <= self.0.len() {
            if let Some(majority) = majority(self.0.iter().take(length).copied()) {
                return Some(majority);
            }
            length *= 2;
        }
        None
    }
}

/// The value that more than half of the values have (Boyer and Moore).
fn majority(values: impl Iterator<Item = i64> + Clone) -> Option<i64> {
    let (mut candidate, mut votes) = (None, 0usize);
    for value in values.clone() {
        if votes == 0 {
            candidate = Some(value);
        }
        if candidate == Some(value) {
            votes += 1;
        } else {
            votes -= 1;
        }
    }
    let count = values.clone().filter(|value| candidate == Some(*value));
    (2 * count.count() > values.count())
        .then_some(candidate)
        .flatten()
}

struct Leap {
    scan: Scan,
    /// The last page was the scan's.
    scans: bool,
    history: History,
    last: Option<PageId>,
    /// The latest trend that was found.
    stride: Option<i64>,
    /// Pages still to be pushed ahead of the scan.
    prefetch: VecDeque<PageId>,
    /// Pages of the last prefetch that have not turned out to be hits.
    window: Vec<PageId>,
    window_size: usize,
    hits: usize,
}

impl Leap {
    fn new(push: Push) -> Self {
        Leap {
            scan: Scan::new(push),
            scans: false,
            history: History::default(),
            last: None,
            stride: None,
            prefetch: VecDeque::new(),
            window: Vec::new(),
            window_size: 0,
            hits: 0,
        }
    }

    /// Enters a request into the history. Returns whether it follows the trend.
    fn observe(&mut self, page: PageId) -> bool {
        let Some(last) = self.last.replace(page) else {
            return false;
        };
        let way = i64::from(page) - i64::from(last);
        let Some(step) = self.step(last, way) else {
            self.history.push(way);
            return false;
        };
        let before = self.window.len();
        self.window.retain(|&prefetched| {
            let passed = (i64::from(prefetched) - i64::from(last)) / step;
            !(1..=way / step).contains(&passed)
        });
        self.hits += before - self.window.len();
        for _ in 0..way / step {
            self.history.push(step);
        }
        Some(step) == self.stride
    }

    /// The stride, forwards or backwards, if it leads over `way` by prefetched pages alone.
    fn step(&self, last: PageId, way: i64) -> Option<i64> {
        let stride = self.stride?;
        let step = if (way > 0) == (stride > 0) {
            stride
        } else {
            -stride
        };
        let by_prefetched_pages = way % step == 0
            && (1..way / step).all(|count| {
                u32::try_from(i64::from(last) + count * step)
                    .is_ok_and(|page| self.window.contains(&page))
            });
        by_prefetched_pages.then_some(step)
    }

    fn next_window_size(&mut self, follows_trend: bool) -> usize {
        let wanted = match std::mem::take(&mut self.hits) {
            0 => usize::from(follows_trend),
            hits => (hits + 1).next_power_of_two(),
        };
        wanted.min(WIDEST).max(self.window_size / 2)
    }

    fn prefetch_for(&mut self, page: PageId, follows_trend: bool) {
        let trend = self.history.trend();
        self.stride = trend.or(self.stride);
        self.window_size = self.next_window_size(follows_trend);
        let stride = self.stride.unwrap_or(1);
        let size = self.window_size as i64;
        let pages = (1..=size).map(|index| match trend {
            Some(_) => index,
            // 1, −1, 2, −2, …: to both sides.
            None if index % 2 == 1 => (index + 1) / 2,
            None => -index / 2,
        });
        self.window = pages
            .filter_map(|steps| PageId::try_from(i64::from(page) + steps * stride).ok())
            .collect();
        self.prefetch.extend(&self.window);
    }
}

impl Strategy for Leap {
    fn requested(&mut self, request: &Request) {
        let follows_trend = self.observe(request.page);
        // A page on its way is what a page in the swap cache is to Leap: an access, but no reason to prefetch.
        if request.unsent {
            self.scan.pivot(request.page);
            self.prefetch_for(request.page, follows_trend);
        }
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        while let Some(page) = self.prefetch.pop_front() {
            if unsent.contains(page) {
                self.scans = false;
                return Some(page);
            }
        }
        self.scans = true;
        self.scan.next_page(unsent)
    }

    fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        if self.scans {
            self.scan.neighbours(most)
        } else {
            Neighbours::among(self.prefetch.iter().copied(), page, most)
        }
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        if self.scans {
            self.scan.pass_neighbours(page, count);
        } else {
            self.prefetch.drain(..count as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    #[test]
    fn a_majority_is_more_than_half() {
        let majority = |values: &[i64]| majority(values.iter().copied());
        assert_eq!(majority(&[]), None);
        assert_eq!(majority(&[1, 2]), None);
        assert_eq!(majority(&[72, -3, -3, -3]), Some(-3));
        assert_eq!(majority(&[2, 2, 2, 4, -41, -39, 2, 2]), Some(2));
        assert_eq!(majority(&[72, -3, -3, -3, -3, -58, 2, 2]), None);
    }

    #[test]
    fn the_trend_is_the_shortest_windows() {
        let mut history = History::default();
        for difference in [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7] {
            history.push(difference);
        }
        assert_eq!(history.trend(), Some(7));
        // Latest eight: four times 3, four times 7. Latest sixteen are not there yet.
        for difference in [3, 3, 3, 3] {
            history.push(difference);
        }
        assert_eq!(history.trend(), None);
        history.push(3);
        assert_eq!(history.trend(), Some(3));
    }

    /// Serves touches of a large memory, in which everything that is pushed is there at once and the scan pushes
    /// nothing. Returns each fault and how many pages were prefetched for it.
    fn faults(touches: impl IntoIterator<Item = PageId>) -> Vec<(PageId, u32)> {
        let mut leap = Leap::new(Push::None);
        let mut unsent = PageSet::full(4_096);
        let mut faults = Vec::new();
        for page in touches {
            if !unsent.remove(page) {
                continue;
            }
            leap.requested(&Request {
                time: SimTime::ZERO,
                page,
                unsent: true,
            });
            let before = unsent.count();
            while let Some(page) = leap.next_page(&unsent) {
                unsent.remove(page);
            }
            faults.push((page, before - unsent.count()));
        }
        faults
    }

    #[test]
    fn windows_grow_along_a_stride() {
        // Nine faults make eight differences of 3. The ninth is the first with a trend, but no trend was known when it
        // came, so it does not follow one. The tenth does: one page. Its hit: two. Then 4, 8 and always 8.
        let touched = faults((0..80).map(|step| 3 * step));
        let steps: Vec<u32> = touched.iter().map(|(page, _)| page / 3).collect();
        assert_eq!(
            steps,
            [
                0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 19, 28, 37, 46, 55, 64, 73
            ]
        );
        // Backwards it is the same.
        let backwards = faults((0..80).map(|step| 4_000 - 3 * step));
        assert_eq!(backwards.len(), touched.len());
    }

    #[test]
    fn no_stride_no_prefetch() {
        // The squares of 0…49: differences 1, 3, 5, … without a majority.
        let touched = faults((0..50).map(|step| step * step));
        assert_eq!(touched.len(), 50);
        assert!(touched.iter().all(|(_, prefetched)| *prefetched == 0));
    }

    #[test]
    fn windows_shrink_by_halves_after_the_stride_ends() {
        // The fault at step 37 prefetches eight pages. What follows lies apart from them, without hits.
        let sweep = (0..38).map(|step| 3 * step);
        let touched = faults(sweep.chain([2_000, 2_500, 2_600, 3_000]));
        let prefetched: Vec<u32> = touched.iter().map(|(_, prefetched)| *prefetched).collect();
        assert_eq!(prefetched[prefetched.len() - 5..], [8, 4, 2, 1, 0]);
    }
}
