//! Pages that were planned, in their order, and then a scan of the rest.

use super::scan::{Push, Scan};
use crate::source::Request;
use crate::vm::{PageId, PageSet};

/// A planned order with a scan behind it.
#[derive(Debug, Clone)]
pub struct PushOrder {
    planned: std::vec::IntoIter<PageId>,
    scan: Scan,
}

impl PushOrder {
    /// Pushes `planned` first, as far as it is unsent when its turn comes.
    pub fn new(planned: Vec<PageId>, push: Push) -> Self {
        PushOrder {
            planned: planned.into_iter(),
            scan: Scan::new(push),
        }
    }

    /// Lets the scan begin at a page.
    pub fn scanning_from(mut self, page: PageId) -> Self {
        self.scan.start_from(page);
        self
    }

    /// See [`super::Strategy::requested`].
    pub fn requested(&mut self, request: &Request) {
        if request.unsent {
            self.scan.pivot(request.page);
        }
    }

    /// See [`super::Strategy::next_page`].
    pub fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.planned
            .find(|&page| unsent.contains(page))
            .or_else(|| self.scan.next_page(unsent))
    }
}
