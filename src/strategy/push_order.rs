//! Pages that were planned, in their order, and then a scan of the rest.

use super::PlannedPage;
use super::scan::{Push, Scan};
use crate::memory::{PageId, PageSet};
use crate::strategy::Request;

/// A planned order with a scan behind it.
#[derive(Debug, Clone)]
pub struct PushOrder {
    planned: Vec<PlannedPage>,
    /// How many of them have had their turn.
    passed: usize,
    scan: Scan,
}

impl PushOrder {
    /// Pushes `planned` first, as far as it is unsent when its turn comes.
    pub fn new(planned: Vec<PlannedPage>, push: Push) -> Self {
        PushOrder {
            planned,
            passed: 0,
            scan: Scan::new(push),
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
        self.scan.next_page(unsent)
    }
}
