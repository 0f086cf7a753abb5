//! What a part of the clairvoyant's knowledge is worth: the touch order, cut down to some pages or to no order. None of these
//! is proved to be the best use of what it knows.

use std::collections::BTreeSet;

use migsim::source::Request;
use migsim::strategy::push_order::PushOrder;
use migsim::strategy::scan::Push;
use migsim::strategy::{Build, Entry, Observation, PlannedPage, Registry, Strategy};
use migsim::vm::{PageId, PageSet};

/// In which order recorded pages are touched, and nothing of others.
pub(crate) const RECORDED: &str = "recorded, true order";
/// In which order pages are touched that are no more than [`NEAR_PAGES`] from a recorded one.
pub(crate) const NEAR: &str = "within 16, true order";
/// Default of `pdopmp.stream_gap`.
const NEAR_PAGES: u32 = 16;
/// Which pages are touched at all, and nothing of when.
pub(crate) const SET: &str = "touched set, by address";

/// The strategies of the crate, and these.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::standard();
    let mut register = |name, build| {
        registry.register(Entry {
            name,
            summary: "partial knowledge of the future",
            build,
        });
    };
    register(
        RECORDED,
        Build::Oracle(|_, order| {
            let touched = order.first_touches().into_iter().map(|touch| touch.page);
            PartialKnowledge::boxed(touched.collect(), |page, pps| pps.contains(page))
        }),
    );
    register(
        NEAR,
        Build::Oracle(|_, order| {
            let touched = order.first_touches().into_iter().map(|touch| touch.page);
            PartialKnowledge::boxed(touched.collect(), |page, pps| {
                pps.nearest(page, NEAR_PAGES).is_some()
            })
        }),
    );
    register(
        SET,
        Build::Oracle(|_, order| {
            let touched = order.first_touches().into_iter().map(|touch| touch.page);
            let by_address: BTreeSet<PageId> = touched.collect();
            PartialKnowledge::boxed(by_address.into_iter().collect(), |_, _| true)
        }),
    );
    registry
}

/// Pushes those of the touched pages that it knows of, and then as post-copy does.
struct PartialKnowledge {
    touched: Vec<PageId>,
    knows: fn(PageId, &PageSet) -> bool,
    pushes: PushOrder,
}

impl PartialKnowledge {
    fn boxed(touched: Vec<PageId>, knows: fn(PageId, &PageSet) -> bool) -> Box<dyn Strategy> {
        Box::new(PartialKnowledge {
            touched,
            knows,
            pushes: PushOrder::new(Vec::new(), Push::Pivot),
        })
    }
}

impl Strategy for PartialKnowledge {
    fn records(&self) -> bool {
        true
    }

    fn plan(&mut self, observed: &Observation<'_>) {
        let mut pps = PageSet::empty(observed.memory.pages);
        for access in observed.recording.accesses.iter() {
            pps.insert(access.page);
        }
        let known = self
            .touched
            .iter()
            .filter(|page| (self.knows)(**page, &pps));
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
