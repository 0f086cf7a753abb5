//! migsim with a strategy of one's own, `written-first`: every command knows it.
//! `cargo run --release -- compare --strategies post-copy,written-first`

use std::process::ExitCode;

use migsim::memory::{PageId, PageSet};
use migsim::strategy::push_order::PushOrder;
use migsim::strategy::scan::Push;
use migsim::strategy::{
    Entry, LeadIn, Observation, Order, PlannedPage, Registry, Request, Strategy,
};
use migsim::trace::Op;

/// Pages written in the record window first, the last write first; then a scan that follows requests.
struct WrittenFirst(PushOrder);

impl Strategy for WrittenFirst {
    fn plan(&mut self, observed: &Observation<'_>) {
        let mut seen = PageSet::empty(observed.memory.pages);
        let accesses = observed.recording.accesses.iter().rev();
        let writes = accesses.filter(|access| access.op == Op::Write);
        let pages = writes.filter(|write| seen.insert(write.page));
        let planned = pages.map(|write| PlannedPage::recorded(write.page));
        self.0 = PushOrder::new(planned.collect(), Push::Pivot);
    }

    fn requested(&mut self, request: &Request) {
        self.0.requested(request);
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.0.next_page(unsent)
    }

    fn planned(&self) -> &[PlannedPage] {
        self.0.planned()
    }
}

fn main() -> ExitCode {
    let mut registry = Registry::standard();
    registry.register(Entry {
        name: "written-first",
        summary: "the pages written last in the record window, then memory as post-copy",
        source: "this project",
        lead_in: |_| LeadIn::Record,
        order: Order::Causal(|_| Box::new(WrittenFirst(PushOrder::new(Vec::new(), Push::Pivot)))),
    });
    migsim::cli::main_with(registry)
}
