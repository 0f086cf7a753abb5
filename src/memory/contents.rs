//! Which pages have content. A host page is sent as the pages of the trace's size that it consists of, its *parts*:
//! those with content whole, the others as zero pages (QEMU: `migration/ram.c`, `ram_save_host_page`,
//! `save_zero_page`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Memory, PageId, PageRun, PageSet};

/// What a host page consists of, in pages of the trace's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    /// Pages with content.
    pub pages: u32,
    /// Zero pages.
    pub zeros: u32,
}

impl Content {
    /// Whether nothing of it has content.
    pub fn is_zero(self) -> bool {
        self.pages == 0
    }

    /// The same without any content.
    pub fn emptied(self) -> Content {
        Content {
            pages: 0,
            zeros: self.parts(),
        }
    }

    /// Both kinds.
    pub fn parts(self) -> u32 {
        self.pages + self.zeros
    }
}

/// Pages without content beside those that a trace says are zero.
#[derive(Debug, Clone, Default)]
pub struct Free {
    /// Those of the trace's memory that it never touches, by their places, in ascending order.
    pub untouched: Arc<[PageRun]>,
    /// How many of those beyond the trace's memory, at the very top.
    pub beyond: u64,
}

/// What each host page consists of, as long as the guest writes nothing or [tells](Contents::write).
#[derive(Debug, Clone)]
pub struct Contents {
    memory: Memory,
    /// Host pages without any content.
    zero: PageSet,
    /// Host pages with some, and how many of their parts are zero.
    mixed: BTreeMap<PageId, u32>,
    /// Which parts are zero, where a host page has several.
    zero_parts: PageSet,
}

impl Contents {
    /// Memory of which these runs are zero: of pages of the trace's size, in ascending order. Others are not, but for
    /// those that are free.
    pub fn new(memory: Memory, zero_runs: &[PageRun], free: &Free) -> Self {
        let ends = [zero_runs, &free.untouched].map(|runs| runs.last().map_or(0, |run| run.end()));
        let end = ends[0].max(ends[1]).min(memory.trace_pages);
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        let mut contents = Contents {
            memory,
            zero: PageSet::empty(memory.pages),
            mixed: BTreeMap::new(),
            zero_parts: PageSet::empty(if memory.host_shift == 0 { 0 } else { end }),
        };
        for run in zero_runs.iter().chain(&*free.untouched) {
            let run_end = run.end().min(end.into()) as u32;
            let count = run_end.saturating_sub(run.first);
            if memory.host_shift > 0 && count > 0 {
                contents.zero_parts.insert_run(run.first, count);
            }
            contents.add_zeros(run.first.into(), run_end.into());
        }
        let pages = memory.trace_pages;
        contents.add_zeros(pages - free.beyond.min(pages), pages);
        contents
    }

    /// How memory is divided.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Parts that were not zero before are.
    fn add_zeros(&mut self, mut from: u64, end: u64) {
        let shift = self.memory.host_shift;
        while from < end {
            let host = (from >> shift) as PageId;
            let whole = (end >> shift).saturating_sub(host.into()) as u32;
            if from == u64::from(host) << shift && whole > 0 {
                self.zero.insert_run(host, whole);
                from += u64::from(whole) << shift;
                continue;
            }
            let until = ((u64::from(host) + 1) << shift).min(end);
            let before = self.mixed.remove(&host).unwrap_or(0);
            let zeros = before + (until - from) as u32;
            if zeros == self.memory.parts_of(host) {
                self.zero.insert(host);
            } else {
                self.mixed.insert(host, zeros);
            }
            from = until;
        }
    }

    /// Whether a page of the trace's size is zero, so that writing to it changes what its host page consists of.
    pub fn is_zero_part(&self, part: u32) -> bool {
        let parts = if self.memory.host_shift == 0 {
            &self.zero
        } else {
            &self.zero_parts
        };
        parts.contains(part)
    }

    /// The guest has written a page of the trace's size.
    pub fn write(&mut self, part: u32) {
        let shift = self.memory.host_shift;
        if shift == 0 {
            self.zero.remove(part);
        } else if self.zero_parts.contains(part) {
            self.zero_parts.remove(part);
            let host = part >> shift;
            let zeros = if self.zero.remove(host) {
                self.memory.parts_of(host)
            } else {
                self.mixed.remove(&host).unwrap_or(1)
            };
            if zeros > 1 {
                self.mixed.insert(host, zeros - 1);
            }
        }
    }

    /// What a host page consists of.
    pub fn of(&self, page: PageId) -> Content {
        let parts = self.memory.parts_of(page);
        let zeros = if self.zero.contains(page) {
            parts
        } else {
            self.mixed.get(&page).copied().unwrap_or(0)
        };
        Content {
            pages: parts - zeros,
            zeros,
        }
    }

    /// How many host pages from `page` on, at most `most`, surely consist of the same as it.
    pub fn run_alike(&self, page: PageId, most: u32) -> u32 {
        if self.mixed.contains_key(&page) {
            return most.min(1);
        }
        let next_mixed = self.mixed.range(page..).next().map(|(mixed, _)| *mixed);
        let filled = u32::try_from(self.memory.filled_pages()).unwrap_or(u32::MAX);
        let end = next_mixed.map_or(filled, |mixed| mixed.min(filled));
        // The last page, filled in part, is a run of its own.
        let most = most.min(end.saturating_sub(page).max(1));
        self.zero.run_length(page, most)
    }

    /// The same from `page` on downwards.
    pub fn run_alike_until(&self, page: PageId, most: u32) -> u32 {
        if self.mixed.contains_key(&page) || u64::from(page) >= self.memory.filled_pages() {
            return most.min(1);
        }
        let next_mixed = self.mixed.range(..page).next_back();
        let most = most.min(page - next_mixed.map_or(0, |(mixed, _)| mixed + 1) + 1);
        self.zero.run_length_until(page, most)
    }

    /// The host pages without any content.
    pub fn zero_pages(&self) -> &PageSet {
        &self.zero
    }

    /// Whether anything is zero.
    pub fn has_zeros(&self) -> bool {
        self.zero.count() > 0 || !self.mixed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_host_page_consists_of_its_parts(
            host_shift in 0u32..4,
            mut zero in prop::collection::vec(any::<bool>(), 1..60),
            beyond in 0u32..20,
            free in 0u32..20,
            writes in prop::collection::vec(0usize..60, 0..60),
        ) {
            let trace_pages = zero.len() as u32 + beyond;
            let memory = Memory {
                pages: trace_pages.div_ceil(1 << host_shift),
                host_page: 4_096 << host_shift,
                host_shift,
                trace_pages: trace_pages.into(),
            };
            let runs: Vec<PageRun> = (0..)
                .zip(&zero)
                .filter(|(_, zero)| **zero)
                .map(|(first, _)| PageRun { first, count: 1 })
                .collect();
            let untouched: Vec<_> = runs.iter().copied().filter(|run| run.first % 3 == 0).collect();
            let (free, untouched) = (free.min(beyond), Arc::from(untouched));
            let runs: Vec<_> = runs.into_iter().filter(|run| run.first % 3 != 0).collect();
            let of_trace = zero.len();
            let mut contents = Contents::new(memory, &runs, &Free { untouched, beyond: free.into() });
            for write in writes {
                let write = write % of_trace;
                zero[write] = false;
                contents.write(write as u32);
            }
            zero.resize((trace_pages - free) as usize, false);
            zero.resize(trace_pages as usize, true);
            for (page, parts) in (0..).zip(zero.chunks(1 << host_shift)) {
                let zeros = parts.iter().filter(|zero| **zero).count() as u32;
                let expected = Content { pages: parts.len() as u32 - zeros, zeros };
                prop_assert_eq!(contents.of(page), expected);
                prop_assert_eq!(contents.zero_pages().contains(page), expected.is_zero());
                let run = contents.run_alike(page, 5);
                prop_assert!((1..=5).contains(&run));
                let run_down = contents.run_alike_until(page, 5);
                prop_assert!((1..=5).contains(&run_down));
                for alike in page - (run_down - 1)..page + run {
                    prop_assert_eq!(contents.of(alike), expected);
                }
            }
            prop_assert_eq!(contents.has_zeros(), zero.contains(&true));
            for step in 1..3 {
                let some = PageSet::of(memory.pages, (0..memory.pages).step_by(step));
                let parts = some.iter().map(|page| u64::from(memory.parts_of(page)));
                prop_assert_eq!(memory.parts_in(&some), parts.sum::<u64>());
            }
        }
    }

    #[test]
    fn runs_do_not_split_pages_of_one_kind() {
        let memory = Memory {
            pages: 1_000,
            host_page: 8_192,
            host_shift: 1,
            trace_pages: 1_999,
        };
        let zero = PageRun {
            first: 401,
            count: 400,
        };
        let contents = Contents::new(memory, &[zero], &Free::default());
        // 401 and 800 are halves of their host pages; the last host page has but one part.
        let runs = [0, 200, 201, 400, 401, 999].map(|page| contents.run_alike(page, 1_000));
        assert_eq!(runs, [200, 1, 199, 1, 598, 1]);
        let down = [199, 200, 399, 400, 998, 999].map(|page| contents.run_alike_until(page, 1_000));
        assert_eq!(down, [200, 1, 199, 1, 598, 1]);
    }
}
