//! A plan for a real migration is what a simulation of the same would push.

use migsim::guest::recording::{Access, Recording};
use migsim::memory::{PageId, PageSet};
use migsim::migration::SwitchOver;
use migsim::plan::{PlanError, of_recording, of_trace};
use migsim::scenario::Scenario;
use migsim::strategy::pre_record::{PpsOrder, ordered_pps};
use migsim::strategy::{
    Entry, LeadIn, Observation, Order, Parameters, PlannedPage, Registry, Strategy as Planner,
    pdopmp,
};
use migsim::trace::import::Input;
use migsim::trace::{Op, Trace};
use migsim::units::SimTime;
use proptest::prelude::*;

const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/sort.mtrace");

fn entry(name: &str) -> Entry {
    *Registry::standard().get(name).expect("a standard strategy")
}

#[test]
fn the_plan_of_a_trace_is_the_simulation_s() {
    let trace = Trace::open(TRACE.as_ref()).expect("a trace in the repository");
    let scenario = Scenario::default();
    let replay = scenario.replay(&trace).expect("it fits");
    let switch_over = SwitchOver::prepare(&scenario, &replay, true).expect("a whole trace");

    let plan = of_trace(&scenario, &trace, &entry("pre-record")).expect("a plan");
    let expected = ordered_pps(&switch_over.recording, PpsOrder::Recency);
    assert!(expected.len() > 100);
    assert!(
        plan.pages
            .iter()
            .all(|page| page.recorded && page.next_touch.is_none())
    );
    assert!(plan.pages.iter().map(|page| page.page).eq(expected));

    let plan = of_trace(&scenario, &trace, &entry("pre-record+pdopmp")).expect("a plan");
    let forecasts =
        pdopmp::plan(&switch_over.observation(&scenario.link), &scenario.pdopmp).forecasts;
    let expected = forecasts.iter().map(|forecast| PlannedPage {
        page: forecast.page,
        recorded: forecast.recorded,
        next_touch: Some(forecast.next_touch),
    });
    assert!(plan.pages.iter().any(|page| !page.recorded));
    assert!(plan.pages.iter().copied().eq(expected));
}

/// Names pages twice, and one that the VM does not have.
struct Careless;

impl Planner for Careless {
    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        unsent.first_from(0)
    }

    fn planned(&self) -> &[PlannedPage] {
        const fn page(page: PageId) -> PlannedPage {
            PlannedPage {
                page,
                recorded: false,
                next_touch: None,
            }
        }
        const PAGES: [PlannedPage; 6] = [
            page(3),
            page(1),
            page(3),
            page(64),
            page(PageId::MAX),
            page(2),
        ];
        &PAGES
    }

    fn plan(&mut self, _: &Observation<'_>) {}
}

/// A recording of 64 pages and 3 vCPUs, whose chunks are in any order.
fn recording(accesses: &[(u64, u16, u32)]) -> Vec<u8> {
    let mut bytes = b"MIGSIMQ1".to_vec();
    bytes.extend_from_slice(&4096u32.to_le_bytes());
    bytes.extend_from_slice(&3u32.to_le_bytes());
    for number in [64u64, 1_000, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for (time_ns, vcpu, page) in accesses {
        bytes.extend_from_slice(&time_ns.to_le_bytes());
        bytes.extend_from_slice(&page.to_le_bytes());
        bytes.extend_from_slice(&vcpu.to_le_bytes());
        bytes.extend_from_slice(&[1, 0]);
    }
    bytes
}

fn planned(window: SimTime, bytes: &[u8], entry: &Entry) -> Vec<PageId> {
    let mut scenario = Scenario::default();
    scenario.migration.record_window = window;
    let input = Input::new("guest.migq", bytes).expect("in memory");
    let plan = of_recording(&scenario, input, entry).expect("a plan");
    plan.pages.iter().map(|page| page.page).collect()
}

#[test]
fn a_strategy_is_not_trusted() {
    let careless = Entry {
        name: "careless",
        summary: "",
        source: "",
        lead_in: |_| LeadIn::Record,
        parameters: Parameters::NONE,
        order: Order::Causal(|_| Box::new(Careless)),
    };
    let window = SimTime::from_ms(1);
    assert_eq!(planned(window, &recording(&[]), &careless), [3, 1, 2]);
}

#[test]
fn strategies_without_a_recording_have_no_plan() {
    let trace = Trace::open(TRACE.as_ref()).expect("a trace in the repository");
    for name in [
        "post-copy",
        "leap",
        "clairvoyant",
        "hybrid",
        "pre-copy",
        "stop-and-copy",
    ] {
        let refused = of_trace(&Scenario::default(), &trace, &entry(name));
        assert!(matches!(refused, Err(PlanError::NoPlan(named)) if named == name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Streamed in any order of vCPUs, and pruned on the way, it is the last window of the sorted whole.
    #[test]
    fn the_last_window_of_a_stream(
        accesses in prop::collection::vec((0u64..5_000, 0u16..3, 0u32..64), 0..300),
        repeat in prop::sample::select(vec![1usize, 700]),
        window_us in 0u64..6_000,
    ) {
        let accesses: Vec<_> = (0..repeat)
            .flat_map(|_| accesses.iter().map(|&(us, vcpu, page)| (us * 1_000, vcpu, page)))
            .collect();
        let window = SimTime::from_us(window_us);
        let last = accesses.iter().map(|access| access.0).max().unwrap_or(0);
        let mut sorted = accesses.clone();
        sorted.retain(|access| access.0 + window_us * 1_000 >= last);
        sorted.sort_by_key(|access| (access.0, access.1));
        let expected = Recording {
            accesses: sorted
                .into_iter()
                .map(|(time_ns, vcpu, page)| Access {
                    time: SimTime::from_ns(time_ns),
                    vcpu,
                    page,
                    op: Op::Write,
                })
                .collect(),
            window,
        };
        let pages = planned(window, &recording(&accesses), &entry("pre-record"));
        prop_assert_eq!(pages, ordered_pps(&expected, PpsOrder::Recency));
    }
}
