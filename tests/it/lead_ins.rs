//! Lead-ins that send memory, on both simulators.

mod by_hand;

use crate::differential::case;
use crate::pair::Case;
use migsim::host::source::ZeroPageDetection;
use migsim::network::{Step, Steps};
use migsim::run::compare::compare;
use migsim::strategy::Registry;
use migsim::strategy::hybrid::LiveRecorder;
use migsim::units::{Bandwidth, Bytes, SimTime};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const STRATEGIES: [&str; 5] = [
    "pre-record",
    "pre-record+pdopmp",
    "hybrid",
    "hybrid+pre-record",
    "post-copy",
];

fn lead_ins() -> impl Strategy<Value = Case> {
    let time = |most_us: u64| (0..=most_us).prop_map(SimTime::from_us);
    let switch = (
        0u32..=5,
        proptest::option::weighted(0.3, time(400)),
        prop_oneof![3 => Just(0u64), 1 => 0u64..40_000],
        any::<bool>(),
        prop_oneof![2 => Just(SimTime::ZERO), 1 => time(200)],
        prop_oneof![Just(LiveRecorder::Source), Just(LiveRecorder::Beside)],
    );
    let log = (
        prop_oneof![Just(1u64), Just(8_192), Just(20_000), Just(1 << 30)],
        prop_oneof![2 => Just(SimTime::ZERO), 1 => (1u64..100).prop_map(SimTime::from_us)],
    );
    let connections = prop_oneof![Just(1u8), 2u8..=4];
    let detection = prop_oneof![
        1 => Just(ZeroPageDetection::None),
        2 => Just(ZeroPageDetection::Legacy),
        2 => Just(ZeroPageDetection::Multifd),
    ];
    let limit = proptest::option::weighted(0.3, (50u64..=2_000, 1u64..50));
    let sending = (connections, detection, limit);
    let parts = (case(), any::<bool>(), switch, log, sending);
    parts.prop_map(|(mut case, push, switch, log, sending)| {
        let (connections, detection, limit) = sending;
        let scenario = &mut case.scenario;
        if let Some((mbit, period_us)) = limit {
            scenario.source.max_bandwidth = Bandwidth::from_bits_per_second(mbit * 1_000_000);
            scenario.source.limiter_period = Some(SimTime::from_us(period_us));
        }
        scenario.source.zero_page_detection = detection;
        scenario.link.connections = connections;
        if connections > 1 {
            scenario.source.write_batch = 0;
        }
        // A round should not outlast many passes of the trace, each of whose accesses the reference makes.
        let least = Bandwidth::from_bits_per_second(1_000_000_000).expect("not zero");
        scenario.link.bandwidth = scenario.link.bandwidth.max(least);
        let steps = scenario.link.steps.all().iter().map(|step| Step {
            bandwidth: step.bandwidth.max(least),
            ..*step
        });
        scenario.link.steps = Steps::given(steps.collect());
        if let Some(load) = &mut scenario.link.background {
            load.mean_percent = load.mean_percent.min(40);
        }
        scenario.link.outages.truncate(1);
        for outage in &mut scenario.link.outages {
            outage.duration = outage.duration.min(SimTime::from_us(60));
        }
        scenario.migration.push_while_recording = push;
        (
            scenario.hybrid.rounds,
            scenario.hybrid.time,
            scenario.hybrid.remaining.0,
            scenario.hybrid.local_minimum,
            scenario.hybrid.iteration,
            scenario.hybrid.recorder,
        ) = switch;
        (
            scenario.source.dirty_log_chunk.0,
            scenario.source.dirty_log_interval,
        ) = log;
        scenario.migration.strategies = STRATEGIES.map(str::to_owned).to_vec();
        case
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree(case in lead_ins()) {
        for pair in case.run() {
            prop_assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
        }
    }
}

/// Equality over cases in which nothing happens would say little.
#[test]
fn random_cases_have_everything() {
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..300 {
        let case = lead_ins().new_tree(&mut runner).expect("a case").current();
        let trace = case.trace();
        let run = |case: &Case| {
            let runs = compare(&case.scenario, &trace, &Registry::standard());
            runs.expect("a sound case")
                .into_iter()
                .map(|run| run.metrics)
                .collect::<Vec<_>>()
        };
        let with = run(&case);
        let mut count = |what, happens| *seen.entry(what).or_default() += u32::from(happens);
        let mut matters = |what, change: fn(&mut Case)| {
            let mut other = case.clone();
            change(&mut other);
            count(what, run(&other) != with);
        };
        matters("push", |case| {
            case.scenario.migration.push_while_recording ^= true
        });
        matters("time", |case| case.scenario.hybrid.time = None);
        matters("remaining", |case| {
            case.scenario.hybrid.remaining = Bytes(0)
        });
        matters("local minimum", |case| {
            case.scenario.hybrid.local_minimum = false
        });
        matters("iteration", |case| {
            case.scenario.hybrid.iteration = SimTime::ZERO
        });
        matters("recorder", |case| {
            case.scenario.hybrid.recorder = LiveRecorder::Source
        });
        matters("chunk", |case| {
            case.scenario.source.dirty_log_chunk = Bytes(1 << 30)
        });
        matters("interval", |case| {
            case.scenario.source.dirty_log_interval = SimTime::ZERO
        });
        matters("limit", |case| case.scenario.source.max_bandwidth = None);
        matters("connections", |case| case.scenario.link.connections = 1);
        matters("detection", |case| {
            let detection = &mut case.scenario.source.zero_page_detection;
            if *detection == ZeroPageDetection::Legacy {
                *detection = ZeroPageDetection::Multifd;
            }
        });
        matters("trap", |case| {
            case.scenario.source.record_trap = SimTime::ZERO
        });
        for (index, names) in [
            ["pre-record: faults", "pre-record: repeated"],
            ["pdopmp: faults", "pdopmp: repeated"],
            ["hybrid: faults", "hybrid: repeated"],
            ["hybrid+pre-record: faults", "hybrid+pre-record: repeated"],
        ]
        .into_iter()
        .enumerate()
        {
            count(names[0], with[index].page_faults > 0);
            count(names[1], with[index].duplicate_pages_sent > 0);
        }
    }
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 5).collect();
    assert!(rare.is_empty(), "{rare:?} out of {seen:#?}");
}
