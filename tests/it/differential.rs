//! The engine against the naive reference simulator: every metric, to the picosecond, over random small scenarios.

use crate::any_key;
use crate::pair::{Case, Pair, as_outcome, is_too_short};
use migsim::guest::replay::{AtEnd, TimeScale};
use migsim::host::destination::{FaultBlocks, Nagle};
use migsim::host::source::{DemandMode, Overtaken, WakeOnRequest};
use migsim::measure::Metrics;
use migsim::migration::{SwitchOver, migrate};
use migsim::network::{
    BackgroundSettings, CongestionControl, Discipline, LossSettings, Outage, RecoverySettings,
    Step, Steps,
};
use migsim::run::compare::{compare, explain, observe};
use migsim::scenario::keys::Key;
use migsim::scenario::{Delivery, Scenario, ScenarioSource};
use migsim::strategy::post_copy::active_push;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::strategy::{Registry, plan};
use migsim::trace::{IdleSpan, Op, Record, Trace};
use migsim::units::SimTime;
use migsim::units::{Bandwidth, Bytes};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::sync::LazyLock;

const PAGE_SIZE: u64 = 4_096;

/// More than any case sends.
const NO_WINDOW: Bytes = Bytes(1 << 50);

/// Spans that often coincide, so that ties and zero costs are common.
fn span(most_us: u64) -> impl Strategy<Value = SimTime> {
    prop_oneof![
        2 => Just(SimTime::ZERO),
        3 => (0..=most_us).prop_map(SimTime::from_us),
        2 => (0..=most_us * 1_000_000).prop_map(SimTime::from_ps),
    ]
}

/// A trace of at most so many pages, and a VM of at most so many more.
fn trace_part(most_pages: u32, most_more: u64) -> impl Strategy<Value = Case> {
    (1u16..=3, 1..=most_pages, 0u32..=2, 0u64..=2).prop_flat_map(
        move |(vcpus, trace_pages, host_shift, compaction)| {
            let compaction_ns = [0, 0, 20_000][compaction as usize];
            let record =
                (0u64..200, 0..vcpus, 0..trace_pages, 0u8..3).prop_map(|(time, vcpu, page, op)| {
                    Record {
                        // Whole microseconds, so that touches coincide.
                        time_ns: time * 1_000,
                        vcpu,
                        page,
                        op: [Op::Read, Op::Write, Op::Execute][usize::from(op)],
                    }
                });
            (
                prop::collection::vec(record, 0..60),
                zero_pages(trace_pages as usize),
                0u64..=4,
                prop_oneof![3 => Just(1.0), 1 => Just(0.25), 1 => Just(3.7)],
                0..=most_more,
                0u64..=9,
                any::<bool>(),
                prop_oneof![
                    Just(Vec::new()),
                    prop::collection::vec((0..vcpus, 0u64..200, 1u64..60), 0..9)
                ],
                (holes(trace_pages), any::<bool>(), 0u64..20),
            )
                .prop_map(
                    move |(
                        mut records,
                        zero,
                        slack,
                        scale_factor,
                        extra_pages,
                        start,
                        wrap,
                        idle,
                        (holes, by_scenario, free),
                    )| {
                        records.sort_by_key(|record| (record.time_ns, record.vcpu));
                        let duration_ns = 200_000 + 20_000 * slack;
                        let mut scenario = Scenario::default();
                        // `lead_ins` draws it.
                        scenario.migration.push_while_recording = false;
                        let strategies = [
                            "post-copy",
                            "pre-record",
                            "pre-record+pdopmp",
                            "clairvoyant",
                        ];
                        scenario.migration.strategies = strategies.map(str::to_owned).to_vec();
                        scenario.trace.start = SimTime::from_us(20 * start);
                        scenario.trace.at_end = if wrap { AtEnd::Wrap } else { AtEnd::Idle };
                        scenario.trace.time_scale =
                            TimeScale::from_factor(scale_factor).expect("within limits");
                        scenario.vm.memory =
                            Some(Bytes((u64::from(trace_pages) + extra_pages) * PAGE_SIZE));
                        scenario.vm.host_page = Some(Bytes(PAGE_SIZE << host_shift));
                        let touched = |page: &u32| records.iter().any(|r| r.page == *page);
                        let in_trace =
                            (0..trace_pages).filter(|page| !zero[*page as usize] && !touched(page));
                        // Mostly none is free.
                        let most = in_trace.count() as u64 + extra_pages;
                        scenario.vm.free = Bytes(free.saturating_sub(10).min(most) * PAGE_SIZE);
                        Case {
                            records,
                            idle: idle_spans(idle, duration_ns),
                            vcpus,
                            page_size: PAGE_SIZE,
                            trace_pages,
                            ram: Vec::new(),
                            zero,
                            compaction_ns,
                            duration_ns,
                            scale_factor,
                            host_shift,
                            scenario,
                        }
                        .with_holes(&holes, by_scenario)
                    },
                )
        },
    )
}

/// Before which page of RAM how many pages are none; mostly no hole.
fn holes(pages: u32) -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((0..pages, 1u32..9), 1..4)
    ]
}

/// Any pages, or runs of them.
fn zero_pages(pages: usize) -> impl Strategy<Value = Vec<bool>> {
    let runs = prop::collection::vec((any::<bool>(), 1..=pages), 1..12).prop_map(move |runs| {
        let runs = runs.into_iter();
        let mut zero: Vec<bool> = runs.flat_map(|(zero, count)| vec![zero; count]).collect();
        zero.resize(pages, false);
        zero
    });
    prop_oneof![prop::collection::vec(any::<bool>(), pages), runs]
}

/// Spans from (vCPU, from, length) in microseconds, without those that overlap one before.
fn idle_spans(mut spans: Vec<(u16, u64, u64)>, duration_ns: u64) -> Vec<IdleSpan> {
    spans.sort_unstable();
    let mut kept: Vec<IdleSpan> = Vec::new();
    for (vcpu, from_us, us) in spans {
        let span = IdleSpan {
            vcpu,
            from_ns: from_us * 1_000,
            until_ns: ((from_us + us) * 1_000).min(duration_ns),
        };
        let follows = |before: &IdleSpan| before.vcpu < vcpu || before.until_ns <= span.from_ns;
        if kept.last().is_none_or(follows) && span.from_ns < span.until_ns {
            kept.push(span);
        }
    }
    kept
}

fn in_order(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| step.at);
    steps.dedup_by_key(|step| step.at);
    steps
}

fn load() -> impl Strategy<Value = BackgroundSettings> {
    (1u8..=60, 100u64..=1_000, any::<u32>()).prop_map(|(mean_percent, period, seed)| {
        BackgroundSettings {
            mean_percent,
            period: SimTime::from_us(period),
            seed: seed.into(),
        }
    })
}

/// Mostly none. The gaps between them may be short.
fn outages() -> impl Strategy<Value = Vec<Outage>> {
    let outage = (1u64..700, 1u64..500);
    let apart = prop::collection::vec(outage, 1..5).prop_map(|apart| {
        let mut end = 0;
        let mut outages = Vec::new();
        for (gap, length) in apart {
            outages.push(Outage {
                at: SimTime::from_us(end + gap),
                duration: SimTime::from_us(length),
            });
            end += gap + length;
        }
        outages
    });
    prop_oneof![3 => Just(Vec::new()), 1 => apart]
}

/// In whole microseconds, as rows hold no picoseconds.
fn step() -> impl Strategy<Value = Step> {
    let megabits = prop_oneof![Just(200u64), 300u64..=3_000, Just(10_000)];
    (0u64..2_000, megabits).prop_map(|(at, mbit)| Step {
        at: SimTime::from_us(at),
        bandwidth: Bandwidth::from_bits_per_second(mbit * 1_000_000).expect("not zero"),
    })
}

type HostCosts = (
    (
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
    ),
    (SimTime, SimTime, u64, bool, SimTime, SimTime),
);

fn host_costs() -> impl Strategy<Value = HostCosts> {
    (
        (
            span(30),
            span(30),
            span(20),
            span(20),
            span(20),
            span(20),
            span(10),
        ),
        (
            span(30),
            span(400),
            0u64..=20_000,
            any::<bool>(),
            span(30),
            span(200),
        ),
    )
}

/// A VM of a few pages, where everything happens at once.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    with_any_key(drawn_case())
}

/// A VM of so many pages that nothing happens for long, and bytes that buffers hold at most.
pub(crate) fn large_case() -> impl Strategy<Value = Case> {
    with_any_key(case_of(trace_part(700, 700), 700_000))
}

fn drawn_case() -> impl Strategy<Value = Case> {
    case_of(trace_part(24, 3), 60_000)
}

/// Keys that a case does not draw itself.
static UNDRAWN: LazyLock<Vec<Key>> = LazyLock::new(|| any_key::undrawn(&drawn_case().boxed()));

fn with_any_key(case: impl Strategy<Value = Case>) -> impl Strategy<Value = Case> {
    (case, any_key::draws(&UNDRAWN)).prop_map(|(case, values)| Case {
        scenario: any_key::with_values(&case.scenario, &UNDRAWN, &values),
        ..case
    })
}

fn case_of(trace: impl Strategy<Value = Case>, most_bytes: u64) -> impl Strategy<Value = Case> {
    let link = (
        prop_oneof![Just(50u64), Just(200), Just(1_000), Just(10_000)],
        // The longer ones hold hundreds of pages.
        prop_oneof![3 => span(60), 1 => span(4_000)],
        prop_oneof![Just(1_500u32), Just(9_000), Just(68)],
        0u32..=2,
        0u32..=12,
        0u32..=12,
        prop_oneof![2 => Just(None), 1 => (1u32..=10_000, 0usize..3).prop_map(Some)],
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(step(), 1..6)],
        (
            proptest::option::weighted(0.2, load()),
            outages(),
            proptest::option::of((1u64..200, 0u64..100)),
        ),
    );
    let source = (
        0usize..4,
        span(20),
        span(20),
        prop_oneof![1u64..=9, 4_000..=most_bytes],
        any::<bool>(),
        0usize..4,
        // Fetching threads; 0: the source pushes.
        prop_oneof![3 => Just(0u16), 2 => 1u16..=5],
    );
    let sending = (
        prop_oneof![Just(None), (0u64..=4).prop_map(Some)],
        prop_oneof![3 => 0u32..=4, 1 => 5u32..=40],
        proptest::option::of(span(20)),
        prop_oneof![Just(0u64), Just(1), 4_000u64..=30_000],
        prop_oneof![Just(0u64), 1u64..=30_000],
        (
            any::<bool>(),
            0u8..=100,
            span(30),
            any::<bool>(),
            any::<bool>(),
        ),
        proptest::option::of(prop_oneof![1u64..=10, 4_000..=most_bytes]),
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            prop_oneof![Just(SimTime::ZERO), span(200)],
            prop_oneof![2 => Just(None), 1 => (1u64..=2_000).prop_map(Some)],
            any::<bool>(),
        ),
    );
    let parts = (trace, link, source, sending, host_costs());
    parts.prop_map(|(mut case, link, source, sending, costs)| {
        let scenario = &mut case.scenario;
        let (mbit, latency, mtu, discipline, message_header, zero_page_bytes, loss, steps, others) =
            link;
        scenario.link.bandwidth =
            Bandwidth::from_bits_per_second(mbit * 1_000_000).expect("not zero");
        scenario.link.steps = Steps::given(in_order(steps));
        let (background, outages, recovery) = others;
        (scenario.link.background, scenario.link.outages) = (background, outages);
        scenario.link.recovery = recovery.map(|(timeout, reconnect)| RecoverySettings {
            timeout: SimTime::from_us(timeout),
            reconnect: SimTime::from_us(reconnect),
        });
        scenario.link.latency = latency;
        scenario.link.mtu = mtu;
        scenario.link.discipline =
            [Discipline::Fifo, Discipline::Fair, Discipline::Priority][discipline as usize];
        scenario.link.loss = loss.map(|(per_million, control)| LossSettings {
            per_million,
            congestion_control: [
                CongestionControl::Reno,
                CongestionControl::Cubic,
                CongestionControl::Bbr,
            ][control],
        });
        scenario.link.message_header = message_header;
        scenario.link.zero_page_bytes = zero_page_bytes;
        let (push, push_service, demand_service, send_buffer, synchronous, order, fetchers) =
            source;
        scenario.source.push = [Push::Pivot, Push::Linear, Push::Bubble, Push::None][push];
        scenario.source.push_service = push_service;
        scenario.source.demand_service = demand_service;
        scenario.source.send_buffer = Bytes(send_buffer);
        let (
            resume_quarters,
            write_batch,
            zero_service,
            device_queue,
            segment,
            (wake_on_request, overtaken_percent, overtaken_by, nagle, receiver_thread),
            receive,
            (request_thread, quickack, push_after, limiter_period, limit, push_while_resuming),
        ) = sending;
        scenario.migration.push_while_resuming = push_while_resuming;
        scenario.source.send_resume = resume_quarters.map(|n| Bytes(send_buffer * n / 4));
        scenario.source.write_batch = write_batch;
        scenario.source.zero_service = zero_service;
        scenario.link.demand_channel.request_thread = request_thread;
        scenario.source.max_postcopy_bandwidth =
            limit.and_then(|mbit: u64| Bandwidth::from_bits_per_second(mbit * 1_000_000));
        if scenario.link.discipline != Discipline::Priority {
            scenario.link.device_queue = Bytes(device_queue);
        }
        scenario.destination.receive_buffer = receive.map_or(NO_WINDOW, Bytes);
        // At least a packet's payload.
        let least = if segment == 0 { 0 } else { mtu - 52 };
        scenario.link.segment = Bytes(segment.max(least.into()));
        scenario.destination.nagle = match (nagle, quickack) {
            (false, _) => Nagle::Off,
            (true, false) => Nagle::DelayedAck,
            (true, true) => Nagle::Quickack,
        };
        scenario.link.demand_channel.receiver_thread = receiver_thread;
        scenario.source.wake_on_request = WakeOnRequest(wake_on_request.then_some(Overtaken {
            overtaken_percent,
            overtaken_by,
        }));
        if synchronous {
            scenario.source.demand_mode = DemandMode::Synchronous;
        }
        scenario.migration.delivery = match (fetchers, push_after) {
            (0, _) => Delivery::SourcePush,
            (_, false) => Delivery::DestinationFetch(fetchers),
            (_, true) => Delivery::FetchThenPush(fetchers),
        };
        scenario.source.limiter_period = match (limit, scenario.migration.delivery) {
            (Some(_), _) => Some(limiter_period.max(SimTime::from_ns(100))),
            (None, Delivery::FetchThenPush(_)) => Some(limiter_period),
            (None, _) => None,
        };
        scenario.pre_record.order = [
            PpsOrder::FirstAccess,
            PpsOrder::Recency,
            PpsOrder::Frequency,
            PpsOrder::Address,
        ][order];
        let (
            (suspend, resume, fault_trap, install, receive_wake, wake, record_trap),
            (planning_cost, record_window, core_state, blocks_vm, planning_time, setup_time),
        ) = costs;
        scenario.vm.suspend = suspend;
        scenario.vm.resume = resume;
        // Not so many windows that a recorder would watch for longer than the trace is.
        let most = receive.map_or(u64::MAX, |window| 20 * window);
        scenario.vm.core_state = Bytes(core_state.min(most));
        scenario.destination.fault_trap = fault_trap;
        scenario.destination.install = install;
        scenario.destination.receive_wake = receive_wake;
        scenario.destination.wake = wake;
        scenario.source.record_trap = record_trap;
        scenario.migration.record_window = record_window;
        scenario.migration.planning_cost = planning_cost;
        scenario.migration.planning_time = planning_time;
        scenario.migration.setup_time = setup_time;
        if blocks_vm {
            scenario.destination.fault_blocks = FaultBlocks::Vm;
        }
        case
    })
}

/// Runs post-copy both ways on a VM that resumes with the pages that `there` picks in place, as pre-copy leaves it.
fn run_with_pages_in_place(case: &Case, there: impl Fn(u32) -> bool) -> Pair {
    let trace = case.trace();
    let replay = case
        .scenario
        .replay(&trace)
        .expect("the case fits its trace");
    let mut switch_over =
        SwitchOver::prepare(&case.scenario, &replay, false).expect("the trace is whole");
    let mut input = case.input(
        crate::naive::LeadIn::Nothing,
        crate::naive::Strategy::PostCopy,
    );
    for page in 0..input.pages() {
        if there(page) {
            switch_over.missing.remove(page);
        }
        input.initially_installed.push(there(page));
    }
    let mut order = active_push(case.scenario.source.push);
    let outcome = migrate(&case.scenario, &switch_over, order.as_mut()).expect("a sound case");
    let metrics = Metrics::of(&case.scenario, &switch_over, &outcome, &[]);
    let expected = crate::naive::simulate(&input);
    Pair {
        strategy: "post-copy",
        engine: as_outcome(&metrics, expected.push_and_demand_order.clone()),
        reference: expected,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree(case in case()) {
        for pair in case.run() {
            prop_assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
        }
    }

    #[test]
    fn engine_and_reference_agree_on_a_vm_that_is_partly_there(
        case in case(),
        picks in prop::collection::vec(any::<bool>(), 1..40),
        all in prop::bool::weighted(0.1),
    ) {
        let pair = run_with_pages_in_place(&case, |page| all || picks[page as usize % picks.len()]);
        prop_assert_eq!(pair.engine, pair.reference);
    }

    /// Whoever watches page after page sees what is computed in runs.
    #[test]
    fn watching_changes_nothing(case in case()) {
        assert_watching_changes_nothing(&case)?;
    }

    /// What a stall is made of adds up to it, for every strategy.
    #[test]
    fn settings_of_rows_read_as_the_same(case in case()) {
        // Rows hold whole nanoseconds, as scenarios' files do: once through them, nothing is lost any more.
        let again = |settings: &toml::Table| {
            let source = ScenarioSource::from_text("row", &settings.to_string());
            source.and_then(|source| source.scenario())
        };
        let written = case.scenario.settings();
        let scenario = again(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(scenario.settings(), written);
    }

    #[test]
    fn explanations_add_up(mut case in case()) {
        let trace = case.trace();
        let registry = Registry::standard();
        // A given plan needs a file.
        let entries = || registry.entries().iter().filter(|entry| entry.name != plan::ENTRY.name);
        case.scenario.migration.strategies = entries().map(|entry| entry.name.to_owned()).collect();
        let runs = match compare(&case.scenario, &trace, &registry) {
            Err(error) if is_too_short(&error) => return Ok(()),
            runs => runs.expect("a sound case"),
        };
        for (run, entry) in runs.iter().zip(entries()) {
            let explained = explain(&case.scenario, &trace, entry).expect("a sound case").total();
            let metrics = &run.metrics;
            prop_assert_eq!(
                (explained.parts.total(), explained.count, explained.network),
                (metrics.stall, metrics.page_faults, metrics.network_faults),
                "{}",
                run.strategy
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree_on_a_large_vm(case in large_case()) {
        for pair in case.run() {
            prop_assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
        }
    }

    #[test]
    fn watching_a_large_vm_changes_nothing(case in large_case()) {
        assert_watching_changes_nothing(&case)?;
    }
}

fn assert_watching_changes_nothing(case: &Case) -> Result<(), TestCaseError> {
    let trace = case.trace();
    let registry = Registry::standard();
    let mut scenario = case.scenario.clone();
    let entries = registry.entries().iter();
    let entries = entries.filter(|entry| entry.name != plan::ENTRY.name);
    let names = entries.map(|entry| entry.name.to_owned());
    scenario.migration.strategies = names.collect();
    let runs = match compare(&scenario, &trace, &registry) {
        Err(error) if is_too_short(&error) => {
            return Err(TestCaseError::reject("the trace is too short"));
        }
        runs => runs.expect("a sound case"),
    };
    for run in runs {
        let watched = observe(&scenario, &trace, &registry, run.strategy).expect("a sound case");
        prop_assert_eq!(run.metrics, watched.run.metrics, "{}", run.strategy);
    }
    Ok(())
}

/// A mechanism, and how it is taken away.
type Removal = (&'static str, fn(&mut Scenario));

const WITHOUT: [Removal; 19] = [
    ("push_while_resuming", |scenario| {
        scenario.migration.push_while_resuming = false;
    }),
    ("send_resume", |scenario| scenario.source.send_resume = None),
    ("wake_on_request", |scenario| {
        scenario.source.wake_on_request = WakeOnRequest(None);
    }),
    ("overtaken_percent", |scenario| {
        if let Some(overtaken) = &mut scenario.source.wake_on_request.0 {
            overtaken.overtaken_percent = 0;
        }
    }),
    ("write_batch", |scenario| scenario.source.write_batch = 0),
    ("request_thread", |scenario| {
        scenario.link.demand_channel.request_thread = false;
    }),
    ("quickack", |scenario| {
        if scenario.destination.nagle == Nagle::Quickack {
            scenario.destination.nagle = Nagle::DelayedAck;
        }
    }),
    ("limiter_period", |scenario| {
        scenario.source.limiter_period = Some(SimTime::ZERO);
    }),
    ("device_queue", |scenario| {
        scenario.link.device_queue = Bytes(0);
    }),
    ("max_postcopy_bandwidth", |scenario| {
        scenario.source.max_postcopy_bandwidth = None;
    }),
    ("loss", |scenario| scenario.link.loss = None),
    ("steps", |scenario| scenario.link.steps = Steps::default()),
    ("background", |scenario| scenario.link.background = None),
    ("outages", |scenario| scenario.link.outages.clear()),
    ("recovery", |scenario| scenario.link.recovery = None),
    ("segment", |scenario| scenario.link.segment = Bytes(0)),
    ("receive_buffer", |scenario| {
        scenario.destination.receive_buffer = NO_WINDOW;
    }),
    ("receiver_thread", |scenario| {
        scenario.link.demand_channel.receiver_thread = false;
    }),
    ("nagle", |scenario| scenario.destination.nagle = Nagle::Off),
];

/// A mechanism is seldom decisive, and then several at once.
const MATTERS: &str = " matters";

/// Equality over cases in which nothing happens would say little.
#[test]
fn random_cases_have_everything() {
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    let mut count =
        |what: String, happens: bool| *seen.entry(what).or_default() += u32::from(happens);
    for _ in 0..400 {
        let case = case().new_tree(&mut runner).expect("a case").current();
        let scenario = &case.scenario;
        let trace = case.trace();
        let metrics = |scenario: &Scenario, trace: &Trace| -> Vec<Metrics> {
            let runs = compare(scenario, trace, &Registry::standard()).expect("a sound case");
            runs.into_iter().map(|run| run.metrics).collect()
        };
        let with = metrics(scenario, &trace);
        let mut never_idle = case.clone();
        never_idle.idle.clear();
        let matters = metrics(scenario, &never_idle.trace()) != with;
        let blocks = scenario.destination.fault_blocks;
        count(format!("idle, {blocks:?}{MATTERS}"), matters);
        for (mechanism, remove) in WITHOUT {
            let mut without = scenario.clone();
            remove(&mut without);
            let matters = metrics(&without, &trace) != with;
            count(format!("{mechanism}{MATTERS}"), matters);
        }
        for Key { name, .. } in UNDRAWN.iter() {
            let without = any_key::without(scenario, name);
            let matters = without != *scenario && metrics(&without, &trace) != with;
            count(format!("{name}{MATTERS}"), matters);
        }
        for pair in case.run() {
            let (strategy, outcome) = (pair.strategy, pair.engine);
            let faults = outcome.page_faults > 0;
            for (what, happens) in [
                ("network faults", outcome.network_faults > 0),
                ("faults in flight", outcome.in_flight_faults > 0),
                (
                    "both kinds of faults",
                    outcome.network_faults > 0 && outcome.in_flight_faults > 0,
                ),
                ("five faults", outcome.page_faults >= 5),
                ("stalls", outcome.stall > 0),
                (
                    "stalls of different lengths",
                    outcome.fault_latency_p50 < outcome.fault_latency_max,
                ),
                (
                    "all vCPUs of several blocked",
                    case.vcpus > 1 && outcome.all_vcpus_blocked > 0,
                ),
                ("a slow guest", outcome.time_to_90pct_speed > 0),
                (
                    "zero pages",
                    outcome.zero_pages_sent > 0 && outcome.pages_sent > 0,
                ),
                (
                    "faults that block the VM",
                    faults && scenario.destination.fault_blocks == FaultBlocks::Vm,
                ),
                (
                    "faults in synchronous mode",
                    faults && scenario.source.demand_mode == DemandMode::Synchronous,
                ),
                (
                    "an end of all pages",
                    outcome.total_migration_time.is_some(),
                ),
            ] {
                count(format!("{strategy}: {what}"), happens);
            }
            count(format!("{:?}: faults", scenario.link.discipline), faults);
            count(format!("{:?}: faults", scenario.source.push), faults);
            if strategy.starts_with("pre-record") {
                let delivery = scenario.migration.delivery.kind();
                count(format!("{delivery:?}: {strategy}: faults"), faults);
                if delivery.is_fetch() {
                    let fetched = outcome.requests > outcome.page_faults;
                    count(format!("{strategy}: more requests than faults"), fetched);
                }
            }
            count(format!("{:?}: faults", scenario.trace.at_end), faults);
            count(
                format!("{:?}: a PPS of three", scenario.pre_record.order),
                outcome.pps_pages >= 3,
            );
            count(
                "larger host pages".to_owned(),
                faults && case.host_shift > 0,
            );
            count(
                "free memory".to_owned(),
                faults && scenario.vm.free > Bytes(0),
            );
            count("holes in RAM".to_owned(), faults && case.ram.len() > 1);
            count(
                "compacted traces".to_owned(),
                faults && case.compaction_ns > 0,
            );
            count(
                "migrations that leave pages".to_owned(),
                outcome.total_migration_time.is_none(),
            );
        }
    }
    let enough = |what: &str| if what.ends_with(MATTERS) { 5 } else { 20 };
    let rare: Vec<_> = seen
        .iter()
        .filter(|(what, times)| **times < enough(what))
        .collect();
    assert!(rare.is_empty(), "{rare:?} out of {seen:#?}");
}
