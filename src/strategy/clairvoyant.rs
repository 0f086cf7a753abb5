//! A yardstick: it knows the touch order and pushes by it.

use super::lead_in::LeadIn;
use super::push_order::PushOrder;
use super::scan::Push;
use super::{Entry, Neighbours, Order, Parameters, PlannedPage, Strategy};
use crate::memory::{PageId, PageSet};

/// `clairvoyant`.
pub const ENTRY: Entry = Entry {
    name: "clairvoyant",
    summary: "knows the touch order: a yardstick, not an algorithm",
    source: "a yardstick to measure others against",
    lead_in: |_| LeadIn::Nothing,
    parameters: Parameters::NONE,
    order: Order::Oracle(|_, order| {
        let mut touched = order.first_touches().to_vec();
        touched.sort_unstable_by_key(|touch| (touch.offset, touch.page));
        let touched = touched
            .iter()
            .map(|touch| PlannedPage {
                page: touch.page,
                recorded: false,
                next_touch: Some(touch.offset),
            })
            .collect();
        Box::new(Clairvoyant(PushOrder::new(touched, Push::Linear)))
    }),
};

struct Clairvoyant(PushOrder);

impl Strategy for Clairvoyant {
    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.0.next_page(unsent)
    }

    fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        self.0.neighbours(page, most)
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        self.0.pass_neighbours(page, count);
    }
}
