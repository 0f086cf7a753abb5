//! What happens in random cases: equality over cases in which nothing happens would say little.

use super::case;
use super::cases::{NO_WINDOW, UNDRAWN};
use crate::any_key;
use migsim::host::destination::{FaultBlocks, Nagle};
use migsim::host::source::{DemandMode, WakeOnRequest};
use migsim::measure::Metrics;
use migsim::network::Steps;
use migsim::run::compare::compare;
use migsim::scenario::Scenario;
use migsim::scenario::keys::Key;
use migsim::strategy::Registry;
use migsim::trace::Trace;
use migsim::units::Bytes;
use migsim::units::SimTime;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

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
