//! Which blocks of memory are in use: the scan behind the plan, which goes on learning from requests.
//!
//! Memory is divided into blocks, and each has a *heat*: what was recorded in it and what is requested from it, spread
//! over its neighbours. Once the plan is out, the hottest block that has unsent pages is pushed, from behind its last
//! request on; what has no heat is left to the ordinary scan. Requests count for more than recorded pages, so that the
//! push follows the guest to wherever it turns.
//!
//! A request for a page that is on its way already, shortly above the last such page, says that the guest sweeps at the
//! head of the push: it waits for what comes next, and the blocks ahead are warmed. (Requests do not say which vCPU is
//! behind them.) Such a guest faults on every single page that it reaches; therefore pages are pushed in short runs,
//! each from its last page to its first, and the guest faults once a run.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::PdopmpSettings;
use crate::memory::{PageId, PageSet};
use crate::strategy::scan::Scan;
use crate::strategy::{Neighbours, Request};

/// Blocks ahead of a guest at the head of the push that are warmed beside its own: its own may be nearly all sent.
const FOLLOWED_BLOCKS: usize = 2;

/// Heat of a weight of one, so that shares of it are whole numbers.
const UNIT: u64 = 1_000;

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    heat: u64,
    /// Heat by which it is ranked; 0 while it is not.
    ranked: u64,
    /// Pages are pushed from here on, and then those before.
    from: PageId,
    /// No page is unsent, and none will be again.
    exhausted: bool,
}

/// Pushes by heat.
#[derive(Debug, Clone)]
pub struct Heat {
    settings: PdopmpSettings,
    blocks: Vec<Block>,
    /// The blocks that have heat and are not exhausted; the hottest is the last, of equals the lowest.
    ranks: BTreeSet<(u64, Reverse<usize>)>,
    /// Blocks that have become warmer since they were ranked.
    warmed: Vec<usize>,
    /// Heat of a request.
    gain: u64,
    /// The last requested page that was on its way already.
    met: Option<PageId>,
    /// The block that is being pushed.
    current: Option<usize>,
    /// The rest of a run, to be pushed from the end.
    run: Vec<PageId>,
    scan: Scan,
}

impl Heat {
    /// Heat of the recorded pages, with a scan for what has none.
    pub fn of(recorded: &PageSet, settings: &PdopmpSettings, scan: Scan) -> Self {
        let block_pages = settings.block_pages.max(1);
        let blocks = (0..recorded.pages())
            .step_by(block_pages as usize)
            .map(|from| Block {
                from,
                ..Block::default()
            })
            .collect();
        let mut heat = Heat {
            settings: PdopmpSettings {
                block_pages,
                ..settings.clone()
            },
            blocks,
            ranks: BTreeSet::new(),
            warmed: Vec::new(),
            gain: UNIT.saturating_mul(settings.request_weight.into()),
            met: None,
            current: None,
            run: Vec::new(),
            scan,
        };
        let weight = UNIT * u64::from(settings.recorded_weight);
        for page in recorded.iter() {
            heat.warm_around(heat.block_of(page), weight);
        }
        heat
    }

    /// One page more has been recorded.
    pub fn recorded(&mut self, page: PageId) {
        let weight = UNIT * u64::from(self.settings.recorded_weight);
        // What is being pushed may no longer be the hottest.
        self.current = None;
        self.warm_around(self.block_of(page), weight);
    }

    /// See [`crate::strategy::Strategy::requested`].
    pub fn requested(&mut self, request: &Request) {
        let block = self.block_of(request.page);
        // What is being pushed may no longer be the hottest.
        self.current = None;
        if request.unsent {
            self.scan.pivot(request.page);
            self.blocks[block].from = request.page + 1;
            self.warm_around(block, self.gain);
            return;
        }
        let before = self.met.replace(request.page);
        if before.is_some_and(|before| self.leads_to(before, request.page)) {
            let weight = self
                .gain
                .saturating_mul(self.settings.in_flight_weight.into());
            for (ahead, distance) in (block..self.blocks.len()).zip(1..=1 + FOLLOWED_BLOCKS) {
                self.warm(ahead, weight / distance as u64);
            }
        }
    }

    /// Whether a page lies shortly above the one before: in its stream, or in the next run.
    fn leads_to(&self, before: PageId, page: PageId) -> bool {
        let most = self.settings.stream_gap.max(self.settings.run_pages);
        before < page && page - before <= most
    }

    /// See [`crate::strategy::Strategy::next_page`].
    pub fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        while let Some(page) = self.run.pop() {
            if unsent.contains(page) {
                return Some(page);
            }
        }
        let first = match self.next_of_hottest(unsent) {
            Some(page) => page,
            None => self.scan.next_page(unsent)?,
        };
        let last = first.saturating_add(self.settings.run_pages.max(1) - 1);
        self.run
            .extend((first..=last).take_while(|page| unsent.contains(*page)));
        self.run.pop()
    }

    /// See [`crate::strategy::Strategy::neighbours`].
    pub fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        Neighbours::among(self.run.iter().rev().copied(), page, most)
    }

    /// See [`crate::strategy::Strategy::pass_neighbours`].
    pub fn pass_neighbours(&mut self, count: u32) {
        self.run.truncate(self.run.len() - count as usize);
    }

    fn next_of_hottest(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.rank();
        loop {
            let hottest = || self.ranks.last().map(|(_, Reverse(block))| *block);
            let index = self.current.or_else(hottest)?;
            let first = index as PageId * self.settings.block_pages;
            let last = first.saturating_add(self.settings.block_pages - 1);
            let within = |from| unsent.first_between(from, last);
            let block = &mut self.blocks[index];
            let page = within(block.from).or_else(|| within(first));
            if page.is_some() {
                self.current = Some(index);
                return page;
            }
            self.current = None;
            block.exhausted = true;
            self.ranks.remove(&(block.ranked, Reverse(index)));
        }
    }

    fn block_of(&self, page: PageId) -> usize {
        (page / self.settings.block_pages) as usize
    }

    /// Warms a block, the one above it by a share, and the one below by half of that: programs go upwards more often.
    fn warm_around(&mut self, block: usize, heat: u64) {
        let above = share(heat, self.settings.spread_percent);
        self.warm(block, heat);
        if block + 1 < self.blocks.len() {
            self.warm(block + 1, above);
        }
        if let Some(below) = block.checked_sub(1) {
            self.warm(below, above / 2);
        }
    }

    fn warm(&mut self, index: usize, heat: u64) {
        let block = &mut self.blocks[index];
        if heat == 0 || block.exhausted {
            return;
        }
        if block.heat == block.ranked {
            self.warmed.push(index);
        }
        block.heat = block.heat.saturating_add(heat);
    }

    /// Gives the blocks that have become warmer their new ranks.
    fn rank(&mut self) {
        for index in self.warmed.drain(..) {
            let block = &mut self.blocks[index];
            self.ranks.remove(&(block.ranked, Reverse(index)));
            block.ranked = block.heat;
            self.ranks.insert((block.ranked, Reverse(index)));
        }
    }
}

fn share(heat: u64, percent: u32) -> u64 {
    heat.saturating_mul(percent.into()) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::scan::Push;
    use crate::units::SimTime;

    fn heat(recorded: &[PageId], settings: &PdopmpSettings) -> Heat {
        let mut pages = PageSet::empty(80);
        for page in recorded {
            pages.insert(*page);
        }
        let settings = PdopmpSettings {
            block_pages: 10,
            ..settings.clone()
        };
        Heat::of(&pages, &settings, Scan::new(Push::Pivot))
    }

    fn request(page: PageId, unsent: bool) -> Request {
        Request {
            time: SimTime::ZERO,
            page,
            unsent,
        }
    }

    fn push(heat: &mut Heat, unsent: &mut PageSet, pages: usize) -> Vec<PageId> {
        let next = || {
            let page = heat.next_page(unsent)?;
            unsent.remove(page);
            Some(page)
        };
        std::iter::from_fn(next).take(pages).collect()
    }

    #[test]
    fn the_hottest_block_comes_first_then_its_neighbours_then_the_scan() {
        let settings = PdopmpSettings {
            run_pages: 1,
            ..PdopmpSettings::default()
        };
        let mut heat = heat(&[41, 42, 43, 11], &settings);
        let mut unsent = PageSet::full(80);
        let order = push(&mut heat, &mut unsent, 80);
        let blocks: Vec<PageId> = order.iter().step_by(10).map(|page| page / 10).collect();
        // Heat: block 4 has 3, 1 has 1, 5 has 0.75, 3 has 0.375, 2 has 0.25, 0 has 0.125; 6 and 7 have none.
        assert_eq!(blocks, [4, 1, 5, 3, 2, 0, 6, 7]);
        assert_eq!(unsent.count(), 0);
    }

    #[test]
    fn a_request_draws_the_push_behind_it() {
        let settings = PdopmpSettings {
            run_pages: 1,
            ..PdopmpSettings::default()
        };
        let mut heat = heat(&[41, 42, 43], &settings);
        let mut unsent = PageSet::full(80);
        assert_eq!(push(&mut heat, &mut unsent, 2), [40, 41]);
        unsent.remove(75);
        heat.requested(&request(75, true));
        let order = push(&mut heat, &mut unsent, 10);
        assert_eq!(order, [76, 77, 78, 79, 70, 71, 72, 73, 74, 60]);
    }

    #[test]
    fn a_guest_at_the_head_of_the_push_draws_it_into_the_blocks_ahead() {
        let settings = PdopmpSettings::default();
        let mut heat = heat(&[41, 42, 43], &settings);
        let mut unsent = PageSet::full(80);
        for page in 0..20 {
            unsent.remove(page);
        }
        let is_followed = |mut heat: Heat, page| {
            heat.requested(&request(page, false));
            heat.next_page(&unsent) != Some(55)
        };
        assert!(!is_followed(heat.clone(), 3)); // the first one tells no direction
        heat.requested(&request(3, false));
        let followed = [2, 3, 4, 19, 20].map(|page| is_followed(heat.clone(), page));
        assert_eq!(followed, [false, false, true, true, false]);
        heat.requested(&request(15, false));
        let order = push(&mut heat, &mut unsent, 20);
        // Two runs, each from its end.
        assert_eq!(order[..3], [35, 34, 33]);
        assert_eq!(order[15..], [20, 51, 50, 49, 48]);
    }

    #[test]
    fn no_weight_overflows() {
        let settings = PdopmpSettings {
            request_weight: u32::MAX,
            in_flight_weight: u32::MAX,
            spread_percent: u32::MAX,
            recorded_weight: u32::MAX,
            ..PdopmpSettings::default()
        };
        let mut heat = heat(&[41], &settings);
        let mut unsent = PageSet::full(80);
        for page in 0..40 {
            unsent.remove(page);
            heat.requested(&request(page, page % 2 == 0));
        }
        assert_eq!(push(&mut heat, &mut unsent, 80).len(), 40);
    }
}
