//! The map of pages over time says what the migration did.

use migsim::host::destination::Arrival;
use migsim::measure::page_map::{COLUMNS, PageMap};
use migsim::migration::{Probe, Progress, SwitchOver, migrate_observed};
use migsim::run::compare::page_map;
use migsim::scenario::{Scenario, ScenarioSource};
use migsim::strategy::Registry;
use migsim::trace::Trace;
use migsim::units::SimTime;

/// 100 pages on a link that takes a while, so that there are faults.
fn scenario() -> (Scenario, Trace) {
    let text = "[trace]\nstart = \"1 ms\"\nworkload = { kind = \"uniform\", duration = \"1 s\", rate = 5000, working_set = \"256 KiB\" }\n\
                [vm]\nmemory = \"400 KiB\"\n[link]\nbandwidth = \"50 Mbit/s\"\n[source]\nsend_buffer = \"4 KiB\"\n[migration]\nrecord_window = \"5 ms\"\npush_while_recording = false\npush_while_resuming = false\n";
    let source = ScenarioSource::from_text("map", text).expect("a scenario");
    let scenario = source.scenario().expect("it fits");
    let trace = scenario.open_trace().expect("generated");
    (scenario, trace)
}

#[test]
fn every_page_is_on_the_map_and_nothing_before_its_time() {
    let (scenario, trace) = scenario();
    let map = page_map(&scenario, &trace, &Registry::standard(), "pre-record").expect("it runs");
    let mut rows: Vec<usize> = map
        .pushed
        .runs()
        .chain(map.demanded.runs())
        .map(|(row, _, _)| row)
        .collect();
    rows.sort_unstable();
    rows.dedup();
    // Each page has a row.
    assert!(rows.iter().copied().eq(0..100), "{rows:?}");
    let resumed = map.resumed_at.as_ps() as usize * COLUMNS / map.end.as_ps() as usize;
    let suspended = map.suspended_at.as_ps() as usize * COLUMNS / map.end.as_ps() as usize;
    for cells in [&map.pushed, &map.demanded, &map.touched, &map.waited] {
        assert!(cells.runs().count() > 0);
        assert!(cells.runs().all(|(_, column, _)| column >= resumed));
    }
    assert!(map.recorded.runs().count() > 0);
    assert!(
        map.recorded
            .runs()
            .all(|(_, column, _)| column <= suspended)
    );
    // What is touched and there was installed before.
    for (row, column, _) in map.touched.runs() {
        let mut installed = map.pushed.runs().chain(map.demanded.runs());
        assert!(
            installed.any(|(other, from, _)| other == row && from <= column),
            "row {row}, column {column}"
        );
    }
}

/// Takes pages one by one.
struct PageByPage(PageMap);

impl Probe for PageByPage {
    const LISTENS: bool = true;

    fn observe(&mut self, _: SimTime, _: impl FnOnce() -> Progress) {}

    fn installed(&mut self, arrival: &Arrival) {
        self.0.installed(arrival);
    }
}

#[test]
fn runs_of_pages_are_mapped_as_page_by_page() {
    let (scenario, trace) = scenario();
    let registry = Registry::standard();
    for name in ["post-copy", "clairvoyant"] {
        let whole = page_map(&scenario, &trace, &registry, name).expect("it runs");
        let replay = scenario.replay(&trace).expect("it fits");
        let switch_over = SwitchOver::prepare(&scenario, &replay, false).expect("a whole trace");
        let order = || match registry.get(name).expect("a strategy").order {
            migsim::strategy::Order::Causal(build) => build(&scenario.strategy_settings()),
            migsim::strategy::Order::Oracle(build) => {
                build(&scenario.strategy_settings(), &switch_over.touch_order)
            }
        };
        let outcome =
            migrate_observed(&scenario, &switch_over, order().as_mut(), &mut ()).expect("it runs");
        let mut single = PageByPage(PageMap::new(&switch_over, &outcome));
        migrate_observed(&scenario, &switch_over, order().as_mut(), &mut single).expect("it runs");
        assert_eq!(single.0.pushed, whole.pushed, "{name}");
        assert_eq!(single.0.demanded, whole.demanded, "{name}");
    }
}
