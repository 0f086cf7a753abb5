//! Pre-copy, hybrid and stop-and-copy: cases worked out by hand, and what holds for all.
//!
//! In the cases worked out by hand a byte takes 1 ns on the wire; a page of 64 bytes and its header of 36 take 100 ns,
//! a zero page 9 ns, the core state 1000 ns; suspend 100, resume 200, latency 50, push service 2, demand service 3,
//! fault trap 5, install 4, wake 6 ns; the migration thread takes a page while less than 250 bytes are queued. Times in
//! comments are nanoseconds after the migration command.

use migsim::guest::replay::AtEnd;
use migsim::measure::Metrics;
use migsim::measure::explain::Parts;
use migsim::memory::PageRun;
use migsim::migration::RoundsOutcome;
use migsim::network::Discipline;
use migsim::run::compare::{compare, explain};
use migsim::scenario::Scenario;
use migsim::strategy::Registry;
use migsim::strategy::scan::Push;
use migsim::trace::{Op, Record, Trace, TraceHeader, TraceWriter};
use migsim::units::SimTime;
use migsim::units::{Bandwidth, Bytes};
use proptest::prelude::*;

const PAGE: u64 = 64;
const NO_WINDOW: Bytes = Bytes(u64::MAX);

fn ns(ns: u64) -> SimTime {
    SimTime::from_ns(ns)
}

fn access(time_ns: u64, page: u32, op: Op) -> Record {
    Record {
        time_ns,
        vcpu: 0,
        page,
        op,
    }
}

fn trace(pages: u32, zero: &[u32], records: &[Record], duration_ns: u64) -> Trace {
    let header = TraceHeader {
        page_size: PAGE,
        pages,
        ram: Vec::new(),
        vcpus: 1,
        tick_ns: 1,
        compaction_ns: 0,
        provenance: String::new(),
    };
    let zero = zero
        .iter()
        .map(|&first| PageRun { first, count: 1 })
        .collect();
    let mut writer = TraceWriter::new(Vec::new(), header, zero).expect("a valid header");
    for record in records {
        writer.push(*record).expect("a valid record");
    }
    let bytes = writer.finish(Some(duration_ns)).expect("in memory");
    Trace::from_bytes("case", bytes.into()).expect("a trace that was just written")
}

fn scenario(downtime_limit: SimTime, max_rounds: u32) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.trace.start = SimTime::ZERO;
    scenario.trace.at_end = AtEnd::Idle;
    scenario.vm.core_state = Bytes(1_000);
    scenario.vm.suspend = ns(100);
    scenario.vm.resume = ns(200);
    scenario.link.bandwidth = Bandwidth::from_bits_per_second(8_000_000_000).expect("not zero");
    scenario.link.latency = ns(50);
    scenario.link.mtu = 1_052;
    scenario.link.packet_overhead = 0;
    scenario.link.message_header = 36;
    scenario.source.push = Push::Linear;
    scenario.source.push_service = ns(2);
    scenario.source.zero_service = ns(2);
    scenario.source.demand_service = ns(3);
    scenario.source.send_buffer = Bytes(250);
    scenario.destination.fault_trap = ns(5);
    scenario.destination.install = ns(4);
    scenario.destination.zero_install = ns(4);
    scenario.destination.zero_load = ns(4);
    scenario.destination.wake = ns(6);
    scenario.migration.record_window = ns(1_000);
    scenario.migration.push_while_resuming = false;
    scenario.migration.downtime_limit = downtime_limit;
    scenario.migration.max_rounds = max_rounds;
    scenario
}

fn run(scenario: &Scenario, trace: &Trace, strategy: &str) -> Metrics {
    let mut scenario = scenario.clone();
    scenario.migration.strategies = vec![strategy.to_owned()];
    let runs = compare(&scenario, trace, &Registry::standard()).expect("a sound case");
    runs[0].metrics.clone()
}

/// Total time, downtime, bytes, pages sent, repetitions.
fn sent(metrics: &Metrics) -> (Option<SimTime>, SimTime, u64, u64, u64) {
    (
        metrics.total_migration_time,
        metrics.downtime,
        metrics.bytes_sent,
        metrics.pages_sent,
        metrics.duplicate_pages_sent,
    )
}

/// Rounds, and whether they converged.
fn converged(metrics: &Metrics) -> (Option<u32>, Option<bool>) {
    let rounds = metrics.rounds;
    (
        rounds.map(|own| own.rounds),
        rounds.and_then(|own| own.converged),
    )
}

#[test]
fn a_guest_that_writes_nothing_takes_one_round() {
    // Pages are picked at 0, 2 and 4 and leave at 102, 202 and 302; at 6 the round is over and nothing is dirty. The VM
    // is suspended from 6 to 106; the core state leaves the link behind the last page, at 1302, arrives at 1352, and
    // the VM runs at 1552.
    let trace = trace(3, &[], &[access(1, 0, Op::Read)], 1_000_000);
    let metrics = run(&scenario(SimTime::ZERO, 30), &trace, "pre-copy");
    assert_eq!(sent(&metrics), (Some(ns(1_552)), ns(1_546), 1_300, 3, 0));
    assert_eq!(metrics.page_faults, 0);
}

/// The dirty log knows the trace's pages, on hosts with huge pages, too.
#[test]
fn huge_pages_change_nothing_before_the_switch_over() {
    let writes: Vec<_> = (0..40)
        .map(|n| access(100 * n, 8 * (n as u32 % 4) + 1, Op::Write))
        .collect();
    let trace = trace(32, &[5], &writes, 1_000_000);
    for strategy in ["pre-copy", "stop-and-copy"] {
        let mut scenario = scenario(ns(101), 30);
        let small = run(&scenario, &trace, strategy);
        scenario.vm.host_page = Some(Bytes(8 * PAGE));
        assert_eq!(run(&scenario, &trace, strategy), small, "{strategy}");
    }
    // Post-copy needs whole host pages of those that are dirty: four of them, each of eight pages.
    let mut scenario = scenario(ns(101), 30);
    assert_eq!(run(&scenario, &trace, "hybrid").duplicate_pages_sent, 4);
    scenario.vm.host_page = Some(Bytes(8 * PAGE));
    assert_eq!(run(&scenario, &trace, "hybrid").duplicate_pages_sent, 32);
}

#[test]
fn a_page_that_is_written_in_the_round_is_sent_again() {
    let trace = trace(3, &[], &[access(3, 1, Op::Write)], 1_000_000);
    // After the first round 300 bytes have taken 302 ns, so the dirty page's 100 would take 100.67. That exceeds 100:
    // the page is picked when there is room, at 102, is handed over at 104 and leaves at 402. Nothing was written from
    // 6 to
    // 104. The core state leaves at 1402.
    let metrics = run(&scenario(ns(100), 30), &trace, "pre-copy");
    assert_eq!(
        sent(&metrics),
        (Some(ns(1_652)), ns(1_652 - 104), 1_400, 4, 1)
    );
    assert_eq!(converged(&metrics), (Some(2), Some(true)));
    // It does not exceed 101: the VM is suspended at 6, and the page goes over at 108 and leaves at 402 all the same.
    let metrics = run(&scenario(ns(101), 30), &trace, "pre-copy");
    assert_eq!(
        sent(&metrics),
        (Some(ns(1_652)), ns(1_652 - 6), 1_400, 4, 1)
    );
    assert_eq!(converged(&metrics), (Some(1), Some(true)));
}

#[test]
fn a_guest_that_writes_faster_than_the_link_is_suspended_after_the_last_round() {
    // All three pages are written every 10 ns. Rounds end at 6, 304, 604 and 904 with departures until 302, 602, 902
    // and 1202, as each page waits for another to leave. From 1004 on the remainder goes: handed over at 1006, 1104 and
    // 1204, the last leaves at 1502. The core state leaves at 2502, and the VM runs at 2752.
    let writes = [0, 1, 2].map(|page| access(u64::from(page), page, Op::Write));
    let trace = trace(3, &[], &writes, 10);
    let mut scenario = scenario(SimTime::ZERO, 4);
    scenario.trace.at_end = AtEnd::Wrap;
    let metrics = run(&scenario, &trace, "pre-copy");
    assert_eq!(
        sent(&metrics),
        (Some(ns(2_752)), ns(2_752 - 904), 2_500, 15, 12)
    );
    // The last round lasted 300 ns, in which 192 bytes became dirty. 1200 bytes have taken 1202 ns, so 300 take 300.5.
    let rounds = RoundsOutcome {
        rounds: 4,
        converged: Some(false),
        dirty_rate: 640_000_000,
        expected_downtime: SimTime::from_ps(300_500),
    };
    assert_eq!(metrics.rounds, Some(rounds));
    assert_eq!(metrics.page_faults, 0);
}

#[test]
fn hybrid_faults_on_what_was_written_in_its_round() {
    // The round ends at 6, as above; the core state leaves at 1302 and the VM runs at 1552 without page 1, which it
    // touches at 1562.
    let records = [access(3, 1, Op::Write), access(16, 1, Op::Read)];
    let trace = trace(3, &[], &records, 1_000_000);
    let mut scenario = scenario(SimTime::ZERO, 30);
    // Page 1 is pushed at once: picked at 1552, left 1654, installed 1708, which wakes the vCPU at 1714. The request
    // reaches the source at 1617 and is dropped.
    let metrics = run(&scenario, &trace, "hybrid");
    assert_eq!(sent(&metrics), (Some(ns(1_708)), ns(1_546), 1_400, 4, 1));
    // No limit ends its round.
    assert_eq!(converged(&metrics), (Some(1), None));
    assert_eq!((metrics.page_faults, metrics.in_flight_faults), (1, 1));
    assert_eq!(metrics.stall, ns(1_714 - 1_562));
    // On demand only: request at 1617, handed over 1620, left 1720, installed 1774, on at 1780.
    scenario.source.push = Push::None;
    let metrics = run(&scenario, &trace, "hybrid");
    assert_eq!(sent(&metrics), (Some(ns(1_774)), ns(1_546), 1_400, 4, 1));
    assert_eq!((metrics.page_faults, metrics.network_faults), (1, 1));
    assert_eq!(metrics.stall, ns(1_780 - 1_562));
    // What the stall is made of: trap and latencies, 1617 to 1620 at the source, the link, installation and wake-up.
    let registry = Registry::standard();
    let hybrid = registry.get("hybrid").expect("a standard strategy");
    let explained = explain(&scenario, &trace, hybrid).expect("a sound case");
    let parts = Parts {
        request_path: ns(5 + 50 + 50),
        demand_wait: ns(3),
        link: ns(100),
        in_flight: SimTime::ZERO,
        install: ns(4 + 6),
    };
    assert_eq!(explained.total().parts, parts);
}

#[test]
fn stop_and_copy_sends_everything_while_nothing_runs() {
    // From 100 on: page 0 is handed over at 102 and leaves at 202, the zero page 1 at 104 and 211, page 2 at 106 and
    // 311. The core state leaves at 1311, and the VM runs at 1561.
    let trace = trace(3, &[1], &[access(1, 0, Op::Write)], 1_000_000);
    let metrics = run(&scenario(SimTime::ZERO, 30), &trace, "stop-and-copy");
    assert_eq!(sent(&metrics), (Some(ns(1_561)), ns(1_561), 1_209, 2, 0));
    assert_eq!((metrics.zero_pages_sent, metrics.page_faults), (1, 0));
}

#[test]
fn a_zero_page_is_sent_with_its_content_once_it_was_written() {
    // Round 1 sends a zero page (picked at 0, handed over at 2, left at 11) and page 1 (4, 111). The write at 3 makes
    // page 0 dirty; it is handed over at 6 and leaves at 211. Nothing is written from 4 to 6.
    let trace = trace(2, &[0], &[access(3, 0, Op::Write)], 1_000_000);
    let metrics = run(&scenario(SimTime::ZERO, 30), &trace, "pre-copy");
    assert_eq!(
        sent(&metrics),
        (Some(ns(1_461)), ns(1_461 - 6), 1_209, 2, 1)
    );
    assert_eq!(metrics.zero_pages_sent, 1);
}

/// Small guests and hosts of all kinds.
fn case() -> impl Strategy<Value = (Scenario, Trace)> {
    let record = (0u64..4_000, 0u32..12, any::<bool>());
    (
        prop::collection::vec(record, 0..40),
        prop::collection::vec(0u32..12, 0..6),
        (1u64..=600, 0u64..=300, 0u64..=120, 0u64..=2_000),
        (0u64..=400, 0u32..=5, any::<bool>(), 0u32..=2),
        (0u64..=4, 0u32..=4, proptest::option::of(0u64..=300)),
        (
            prop_oneof![Just(50u64), 0u64..=2_000],
            prop_oneof![Just(NO_WINDOW), (1u64..=600).prop_map(Bytes)],
            prop_oneof![Just(0u64), 1_000u64..=1_200],
            prop_oneof![Just(0u64), 1u64..=600],
        ),
    )
        .prop_map(
            |(accesses, zero, costs, (limit, rounds, wrap, discipline), writing, network)| {
                let mut records: Vec<Record> = accesses
                    .into_iter()
                    .map(|(time, page, write)| {
                        access(time, page, if write { Op::Write } else { Op::Read })
                    })
                    .collect();
                records.sort_by_key(|record| record.time_ns);
                let zero: std::collections::BTreeSet<u32> = zero.into_iter().collect();
                let zero: Vec<u32> = zero.into_iter().collect();
                let mut scenario = scenario(ns(limit), rounds);
                let (buffer, service, install, core) = costs;
                scenario.source.send_buffer = Bytes(buffer);
                scenario.source.push_service = ns(service);
                scenario.source.demand_service = ns(service + 1);
                let (resume_quarters, write_batch, zero_service) = writing;
                scenario.source.send_resume = Some(Bytes(buffer * resume_quarters / 4));
                scenario.source.write_batch = write_batch;
                scenario.source.zero_service = ns(zero_service.unwrap_or(service));
                scenario.destination.install = ns(install);
                let (latency, window, segment, device_queue) = network;
                scenario.link.latency = ns(latency);
                scenario.destination.receive_buffer = window;
                scenario.link.segment = Bytes(segment);
                scenario.link.device_queue = Bytes(device_queue);
                scenario.vm.core_state = Bytes(core);
                scenario.link.discipline =
                    [Discipline::Fifo, Discipline::Fair, Discipline::Priority][discipline as usize];
                if wrap {
                    scenario.trace.at_end = AtEnd::Wrap;
                }
                (scenario, trace(12, &zero, &records, 5_000))
            },
        )
}

/// The same trace without its accesses of one kind.
fn without(trace: &Trace, op: Op) -> Trace {
    let records: Vec<Record> = trace
        .records()
        .map(|record| record.expect("a good trace"))
        .filter(|record| record.op != op)
        .collect();
    let zero: Vec<u32> = trace
        .zero_runs()
        .iter()
        .flat_map(|run| run.first..run.first + run.count)
        .collect();
    self::trace(12, &zero, &records, 5_000)
}

proptest! {
    #[test]
    fn every_page_arrives_and_pre_copy_never_faults((scenario, trace) in case()) {
        for strategy in ["pre-copy", "stop-and-copy", "hybrid"] {
            let metrics = run(&scenario, &trace, strategy);
            let sent = metrics.pages_sent + metrics.zero_pages_sent;
            prop_assert_eq!(sent - metrics.duplicate_pages_sent, 12, "{}", strategy);
            if strategy != "hybrid" {
                prop_assert_eq!((metrics.page_faults, metrics.stall), (0, SimTime::ZERO));
                prop_assert!(metrics.total_migration_time >= Some(metrics.downtime));
                prop_assert_eq!(metrics.residual_dependency, Some(SimTime::ZERO));
            }
            if strategy == "stop-and-copy" {
                prop_assert_eq!(metrics.total_migration_time, Some(metrics.downtime));
                prop_assert_eq!(metrics.duplicate_pages_sent, 0);
            }
        }
    }

    #[test]
    fn pre_copy_without_rounds_is_stop_and_copy((mut scenario, trace) in case()) {
        scenario.migration.max_rounds = 0;
        prop_assert_eq!(run(&scenario, &trace, "pre-copy"), run(&scenario, &trace, "stop-and-copy"));
    }

    /// Without writes one round is all, and nothing is left to fault on.
    #[test]
    fn hybrid_of_a_reading_guest_is_pre_copy((mut scenario, trace) in case()) {
        scenario.migration.max_rounds = scenario.migration.max_rounds.max(1);
        let trace = without(&trace, Op::Write);
        let [hybrid, pre_copy] = ["hybrid", "pre-copy"].map(|name| {
            let mut metrics = run(&scenario, &trace, name);
            // Only pre-copy has a limit to fit.
            metrics.rounds = metrics.rounds.map(|own| RoundsOutcome { converged: None, ..own });
            metrics
        });
        prop_assert_eq!(hybrid, pre_copy);
    }

    /// The rounds' transfer is the event loop's: pages take as long in a stop-and-copy as in the post-copy of a guest
    /// that does nothing.
    #[test]
    fn rounds_take_what_the_event_loop_takes((mut scenario, trace) in case()) {
        scenario.vm.core_state = Bytes(0);
        let idle = without(&without(&trace, Op::Write), Op::Read);
        let post_copy = run(&scenario, &idle, "post-copy");
        let pages = post_copy.total_migration_time.expect("all are pushed") - post_copy.downtime;
        let stopped = run(&scenario, &idle, "stop-and-copy").downtime;
        prop_assert_eq!(stopped, scenario.vm.suspend + pages + scenario.vm.resume);
    }

    /// The floor of total time. It holds where all pages cost the same and the thread goes on as soon as there is room
    /// (else the order of pages and requests decides when it sleeps, and the link may run dry), on one stream (a second
    /// queue is a second buffer) without a window (which the core state waits for behind the pages, not before them),
    /// and, for pre-copy, up to the suspension, during which pre-copy's last pages are transmitted.
    #[test]
    fn nothing_is_sooner_done_than_stop_and_copy((mut scenario, trace) in case()) {
        scenario.link.zero_page_bytes = (PAGE + 36) as u32;
        scenario.source.zero_service = scenario.source.push_service;
        scenario.destination.zero_load = scenario.destination.install;
        scenario.destination.zero_install = scenario.destination.install;
        scenario.source.send_resume = None;
        scenario.source.write_batch = 0;
        scenario.link.discipline = Discipline::Fifo;
        scenario.destination.receive_buffer = NO_WINDOW;
        scenario.migration.push_while_recording = false;
        let floor = run(&scenario, &trace, "stop-and-copy").total_migration_time;
        for strategy in ["post-copy", "pre-record", "pre-record+pdopmp", "leap", "clairvoyant"] {
            let total = run(&scenario, &trace, strategy).total_migration_time;
            prop_assert!(floor <= total, "{}: {:?} < {:?}", strategy, total, floor);
        }
        for strategy in ["pre-copy", "hybrid"] {
            let total = run(&scenario, &trace, strategy).total_migration_time;
            let most = total.map(|total| total + scenario.vm.suspend);
            prop_assert!(floor <= most, "{}: {:?} < {:?}", strategy, most, floor);
        }
    }
}
