//! Pages that were planned, in their order, and then a scan of the rest.

use super::scan::{Push, Scan};
use super::{Neighbours, PlannedPage};
use crate::memory::{PageId, PageSet};
use crate::strategy::Request;

/// A planned order with a scan behind it.
#[derive(Debug, Clone)]
pub struct PushOrder {
    planned: Vec<PlannedPage>,
    /// How many of them have had their turn.
    passed: usize,
    scan: Scan,
    /// The last page was the scan's.
    scans: bool,
}

/// No plan, and the scan of QEMU.
impl Default for PushOrder {
    fn default() -> Self {
        PushOrder::new(Vec::new(), Push::Pivot)
    }
}

impl PushOrder {
    /// Pushes `planned` first, as far as it is unsent when its turn comes.
    pub fn new(planned: Vec<PlannedPage>, push: Push) -> Self {
        PushOrder {
            planned,
            passed: 0,
            scan: Scan::new(push),
            scans: false,
        }
    }

    /// Lets the scan begin at a page.
    pub fn scanning_from(mut self, page: PageId) -> Self {
        self.scan.start_from(page);
        self
    }

    /// See [`super::Strategy::planned`].
    pub fn planned(&self) -> &[PlannedPage] {
        &self.planned
    }

    /// See [`super::Strategy::requested`].
    pub fn requested(&mut self, request: &Request) {
        if request.unsent {
            self.scan.pivot(request.page);
        }
    }

    /// See [`super::Strategy::next_page`].
    pub fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        while let Some(planned) = self.planned.get(self.passed) {
            self.passed += 1;
            if unsent.contains(planned.page) {
                return Some(planned.page);
            }
        }
        self.scans = true;
        self.scan.next_page(unsent)
    }

    /// See [`super::Strategy::neighbours`].
    pub fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        if self.scans {
            return self.scan.neighbours(most);
        }
        let behind = self.planned[self.passed..].iter();
        Neighbours::among(behind.map(|planned| planned.page), page, most)
    }

    /// See [`super::Strategy::pass_neighbours`].
    pub fn pass_neighbours(&mut self, page: PageId, count: u32) {
        if self.scans {
            self.scan.pass_neighbours(page, count);
        } else {
            self.passed += count as usize;
        }
    }
}
