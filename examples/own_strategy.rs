//! A strategy of one's own, from outside the crate: the pages that were accessed most often in the record window, then
//! memory from its end downwards.
//!
//! Run it by `cargo run --release --example own_strategy`.

use std::collections::VecDeque;

use migsim::comparison::{Run, compare};
use migsim::report::table;
use migsim::scenario::Scenario;
use migsim::strategy::pre_record::{PpsOrder, ordered_pps};
use migsim::strategy::{Build, Entry, Observation, Registry, Strategy};
use migsim::trace::Trace;
use migsim::vm::{PageId, PageSet};

struct HotThenDownwards(VecDeque<PageId>);

impl Strategy for HotThenDownwards {
    fn records(&self) -> bool {
        true
    }

    fn plan(&mut self, observed: &Observation<'_>) {
        self.0 = ordered_pps(observed.recording, PpsOrder::Frequency).into();
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        while let Some(page) = self.0.pop_front() {
            if unsent.contains(page) {
                return Some(page); // The others went out on demand.
            }
        }
        unsent.last_until(PageId::MAX)
    }
}

const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/sort.mtrace");

pub(crate) fn runs() -> Result<Vec<Run>, Box<dyn std::error::Error>> {
    let mut registry = Registry::standard();
    registry.register(Entry {
        name: "hot-then-downwards",
        summary: "the most often accessed pages, then memory downwards",
        build: Build::Causal(|_| Box::new(HotThenDownwards(VecDeque::new()))),
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
    print!("{}", table::comparison(&runs()?, false));
    Ok(())
}
