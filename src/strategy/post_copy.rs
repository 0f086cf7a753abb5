//! Post-copy: demand paging, and an active push through memory beside it (Hines and Gopalan, VEE 2009).

use super::lead_in::LeadIn;
use super::scan::{Push, Scan};
use super::{Entry, Neighbours, Order, Parameters, Strategy};
use crate::memory::{PageId, PageSet};
use crate::strategy::Request;

/// `post-copy`.
pub const ENTRY: Entry = Entry {
    name: "post-copy",
    summary: "demand paging and active push",
    source: "Hines and Gopalan, VEE 2009; QEMU",
    lead_in: |_| LeadIn::Nothing,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| active_push(settings.push)),
};

/// A scan of memory and nothing else.
pub fn active_push(push: Push) -> Box<dyn Strategy> {
    Box::new(PostCopy(Scan::new(push)))
}

struct PostCopy(Scan);

impl Strategy for PostCopy {
    fn requested(&mut self, request: &Request) {
        if request.unsent {
            self.0.pivot(request.page);
        }
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.0.next_page(unsent)
    }

    fn neighbours(&self, _page: PageId, most: u32) -> Neighbours {
        self.0.neighbours(most)
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        self.0.pass_neighbours(page, count);
    }
}
