//! A strategy of one's own, from outside the crate: the pages that were accessed most often in the record window, then
//! memory from its end downwards.
//!
//! Run it by `cargo run --release --example own_strategy`.

use migsim::memory::{PageId, PageSet};
use migsim::report::comparison::comparison;
use migsim::report::table::View;
use migsim::run::compare::{Run, compare};
use migsim::scenario::Scenario;
use migsim::strategy::pre_record::{PpsOrder, ordered_pps};
use migsim::strategy::{
    Entry, LeadIn, Observation, Order, Parameters, PlannedPage, Registry, Strategy,
};
use migsim::trace::Trace;

#[derive(Default)]
struct HotThenDownwards {
    planned: Vec<PlannedPage>,
    passed: usize,
}

impl Strategy for HotThenDownwards {
    fn plan(&mut self, observed: &Observation<'_>) {
        let pages = ordered_pps(observed.recording, PpsOrder::Frequency);
        self.planned = pages.into_iter().map(PlannedPage::recorded).collect();
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        while let Some(planned) = self.planned.get(self.passed) {
            self.passed += 1;
            if unsent.contains(planned.page) {
                return Some(planned.page); // The others went out on demand.
            }
        }
        unsent.last_until(PageId::MAX)
    }

    /// For a destination that fetches by the plan, and for `migsim::plan`.
    fn planned(&self) -> &[PlannedPage] {
        &self.planned
    }
}

const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/sort.mtrace");

pub(crate) fn runs() -> Result<Vec<Run>, Box<dyn std::error::Error>> {
    let mut registry = Registry::standard();
    registry.register(Entry {
        name: "hot-then-downwards",
        summary: "the most often accessed pages, then memory downwards",
        source: "an example",
        lead_in: |_| LeadIn::Record,
        parameters: Parameters::NONE,
        order: Order::Causal(|_| Box::new(HotThenDownwards::default())),
    });
    let mut scenario = Scenario::default();
    scenario.migration.strategies = vec!["post-copy".into(), "hot-then-downwards".into()];
    Ok(compare(
        &scenario,
        &Trace::open(TRACE.as_ref())?,
        &registry,
    )?)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs = runs()?;
    print!(
        "{}",
        comparison(&Scenario::default(), 1, &runs, View::PLAIN)
    );
    Ok(())
}
