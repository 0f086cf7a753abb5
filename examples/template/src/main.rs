//! migsim with a strategy of one's own, `written-first`: every command knows it and its parameter.
//! `cargo run --release -- compare --strategies post-copy,written-first --set strategy.written-first.then_read=true`

use migsim::memory::{PageId, PageSet};
use migsim::strategy::push_order::PushOrder;
use migsim::strategy::scan::Push;
use migsim::strategy::{
    Entry, LeadIn, Observation, Order, Parameters, PlannedPage, Registry, Request, Strategy,
};
use migsim::trace::Op;
use std::process::ExitCode;

/// Pages written in the record window first, the last write first; with `then_read`, those only read; then a scan.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenFirst {
    then_read: bool,
    #[serde(skip)]
    pushes: PushOrder,
}

impl Strategy for WrittenFirst {
    fn plan(&mut self, observed: &Observation<'_>) {
        let mut seen = PageSet::empty(observed.memory.pages);
        let mut accesses: Vec<_> = observed.recording.accesses.iter().rev().collect();
        accesses.retain(|access| self.then_read || access.op == Op::Write);
        accesses.sort_by_key(|access| access.op != Op::Write);
        accesses.retain(|access| seen.insert(access.page));
        let planned = accesses
            .iter()
            .map(|access| PlannedPage::recorded(access.page));
        self.pushes = PushOrder::new(planned.collect(), Push::Pivot);
    }
    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
    }
    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.pushes.next_page(unsent)
    }
    fn planned(&self) -> &[PlannedPage] {
        self.pushes.planned()
    }
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::standard();
    registry.register(Entry {
        name: "written-first",
        summary: "the pages written last in the record window, then memory as post-copy",
        source: "this project",
        lead_in: |_| LeadIn::Record,
        parameters: Parameters::of::<WrittenFirst>(),
        order: Order::Causal(|all| Box::new(all.parameters::<WrittenFirst>("written-first"))),
    });
    registry
}

fn main() -> ExitCode {
    migsim::cli::main_with(registry())
}
