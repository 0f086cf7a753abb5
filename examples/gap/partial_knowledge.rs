//! What a part of the clairvoyant's knowledge is worth: the touch order, cut down to some pages, to no order, or to how
//! many pages of a block are touched. None of these is proved to be the best use of what it knows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use migsim::guest::touch_order::TouchOrder;
use migsim::memory::{PageId, PageSet};
use migsim::strategy::Request;
use migsim::strategy::push_order::PushOrder;
use migsim::strategy::scan::Push;
use migsim::strategy::{
    Entry, LeadIn, Observation, Order, Parameters, PlannedPage, Registry, Strategy,
};

/// In which order recorded pages are touched, and nothing of others.
pub(crate) const RECORDED: &str = "recorded, true order";
/// In which order pages are touched that are no more than [`NEAR_PAGES`] from a recorded one.
pub(crate) const NEAR: &str = "within 16, true order";
/// Default of `pdopmp.stream_gap`.
const NEAR_PAGES: u32 = 16;
/// Which pages are touched at all, and nothing of when.
pub(crate) const SET: &str = "touched set, by address";

/// How many pages of each block are touched, and not which: whole blocks, of so many pages, are pushed.
pub(crate) const DENSEST_64: &str = "blocks of 64, densest first";
/// See [`DENSEST_64`].
pub(crate) const DENSEST_16: &str = "blocks of 16, densest first";
/// See [`DENSEST_64`].
pub(crate) const DENSEST_4: &str = "blocks of 4, densest first";

/// The strategies of the crate, and these.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::standard();
    let mut register = |name, order| {
        registry.register(Entry {
            name,
            summary: "partial knowledge of the future",
            source: "a yardstick of this example",
            lead_in: |_| LeadIn::Record,
            parameters: Parameters::NONE,
            order,
        });
    };
    register(
        RECORDED,
        Order::Oracle(|_, order| {
            let mut touched = order.first_touches().to_vec();
            touched.sort_unstable_by_key(|touch| (touch.offset, touch.page));
            let touched = touched.into_iter().map(|touch| touch.page);
            PartialKnowledge::boxed(touched.collect(), |page, pps| pps.contains(page))
        }),
    );
    register(
        NEAR,
        Order::Oracle(|_, order| {
            let mut touched = order.first_touches().to_vec();
            touched.sort_unstable_by_key(|touch| (touch.offset, touch.page));
            let touched = touched.into_iter().map(|touch| touch.page);
            PartialKnowledge::boxed(touched.collect(), |page, pps| {
                pps.nearest(page, NEAR_PAGES).is_some()
            })
        }),
    );
    register(
        SET,
        Order::Oracle(|_, order| {
            let mut touched = order.first_touches().to_vec();
            touched.sort_unstable_by_key(|touch| (touch.offset, touch.page));
            let touched = touched.into_iter().map(|touch| touch.page);
            let by_address: BTreeSet<PageId> = touched.collect();
            PartialKnowledge::boxed(by_address.into_iter().collect(), |_, _| true)
        }),
    );
    register(DENSEST_64, Order::Oracle(|_, order| densest::<64>(order)));
    register(DENSEST_16, Order::Oracle(|_, order| densest::<16>(order)));
    register(DENSEST_4, Order::Oracle(|_, order| densest::<4>(order)));
    registry
}

/// Blocks with touched pages; of equals the lowest comes first.
fn densest<const BLOCK: PageId>(order: &TouchOrder) -> Box<dyn Strategy> {
    let mut touched: BTreeMap<PageId, usize> = BTreeMap::new();
    for touch in order.first_touches() {
        *touched.entry(touch.page / BLOCK).or_default() += 1;
    }
    let mut blocks: Vec<(PageId, usize)> = touched.into_iter().collect();
    blocks.sort_by_key(|&(_, pages)| Reverse(pages));
    // Memory is whole blocks in all recordings.
    let pages = blocks
        .into_iter()
        .flat_map(|(block, _)| block * BLOCK..(block + 1) * BLOCK);
    PartialKnowledge::boxed(pages.collect(), |_, _| true)
}

/// Pushes those of some pages that it knows of, and then as post-copy does.
struct PartialKnowledge {
    pages: Vec<PageId>,
    knows: fn(PageId, &PageSet) -> bool,
    pushes: PushOrder,
}

impl PartialKnowledge {
    fn boxed(pages: Vec<PageId>, knows: fn(PageId, &PageSet) -> bool) -> Box<dyn Strategy> {
        Box::new(PartialKnowledge {
            pages,
            knows,
            pushes: PushOrder::new(Vec::new(), Push::Pivot),
        })
    }
}

impl Strategy for PartialKnowledge {
    fn plan(&mut self, observed: &Observation<'_>) {
        let mut pps = PageSet::empty(observed.memory.pages);
        for access in observed.recording.accesses.iter() {
            pps.insert(access.page);
        }
        let known = self.pages.iter().filter(|page| (self.knows)(**page, &pps));
        let planned = known.map(|page| PlannedPage::recorded(*page)).collect();
        self.pushes = PushOrder::new(planned, Push::Pivot);
    }

    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.pushes.next_page(unsent)
    }
}
