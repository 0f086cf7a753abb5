//! Cases worked out by hand from the model, each on the engine and on the reference simulator.
//!
//! Unless a case says otherwise: 1000 payload bytes a packet, no overhead and 8 Gbit/s, so that a byte takes 1 ns on
//! the wire; pages of 64 bytes with a header of 36 (100 ns), zero pages of 9 bytes (9 ns), a core state of 1000 bytes;
//! suspend 100, resume 200, latency 50, push service 2, demand service 3, fault trap 5, install 4, wake 6, record trap
//! 7 ns; pushed in address order, while less than 250 bytes wait. Then
//!
//! - R = 0 + 100 + 1000 + 50 + 200 = 1350 ns, which is the downtime, too, and when the push begins;
//! - a fault on an idle link takes trap 5 + request 50 + service 3 + wire 100 + latency 50 + install 4 = 212 ns until
//!   the page is installed and 218 ns until the vCPU goes on.
//!
//! Times in comments are nanoseconds after the migration command.

mod bound;
mod capacity;
mod link;
mod recording;
mod resuming;
mod vcpus;

use crate::naive::Outcome;
use crate::pair::Case;
use migsim::guest::replay::AtEnd;
use migsim::host::source::{DemandMode, ZeroPageDetection};
use migsim::network::Discipline;
use migsim::scenario::Scenario;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::trace::{Op, Record};
use migsim::units::SimTime;
use migsim::units::{Bandwidth, Bytes};

const PAGE: u64 = 64;

/// Picoseconds of so many nanoseconds, as outcomes have them.
pub(crate) fn ns(ns: u64) -> u64 {
    ns * 1000
}

pub(crate) fn record(time_ns: u64, vcpu: u16, page: u32, op: Op) -> Record {
    Record {
        time_ns,
        vcpu,
        page,
        op,
    }
}

pub(crate) fn read(time_ns: u64, vcpu: u16, page: u32) -> Record {
    record(time_ns, vcpu, page, Op::Read)
}

/// Post-copy of a VM of `pages` pages, none of them zero, that does nothing any more when the trace has ended.
pub(crate) fn base(pages: u32, records: &[Record]) -> Case {
    let mut scenario = Scenario::default();
    scenario.trace.start = SimTime::ZERO;
    scenario.trace.at_end = AtEnd::Idle;
    scenario.vm.memory = Some(Bytes(u64::from(pages) * PAGE));
    scenario.vm.core_state = Bytes(1000);
    scenario.vm.suspend = SimTime::from_ns(100);
    scenario.vm.resume = SimTime::from_ns(200);
    scenario.link.bandwidth = bits_per_second(8_000_000_000);
    scenario.link.latency = SimTime::from_ns(50);
    scenario.link.mtu = 1052;
    scenario.link.packet_overhead = 0;
    scenario.link.message_header = 36;
    scenario.link.zero_page_bytes = 9;
    scenario.source.push = Push::Linear;
    scenario.source.push_service = SimTime::from_ns(2);
    scenario.source.zero_service = SimTime::from_ns(2);
    scenario.source.demand_service = SimTime::from_ns(3);
    scenario.source.send_buffer = Bytes(250);
    scenario.source.record_trap = SimTime::from_ns(7);
    scenario.destination.fault_trap = SimTime::from_ns(5);
    scenario.destination.install = SimTime::from_ns(4);
    scenario.destination.zero_install = SimTime::from_ns(4);
    scenario.destination.zero_load = SimTime::from_ns(4);
    scenario.destination.wake = SimTime::from_ns(6);
    scenario.migration.strategies = vec!["post-copy".to_owned()];
    scenario.migration.record_window = SimTime::ZERO;
    scenario.migration.push_while_recording = false;
    scenario.migration.push_while_resuming = false;
    let last = records.iter().map(|record| record.vcpu).max();
    Case {
        records: records.to_vec(),
        idle: Vec::new(),
        vcpus: last.unwrap_or(0) + 1,
        page_size: PAGE,
        trace_pages: pages,
        ram: Vec::new(),
        zero: vec![false; pages as usize],
        compaction_ns: 0,
        duration_ns: 1_000_000,
        scale_factor: 1.0,
        host_shift: 0,
        scenario,
    }
}

/// As [`base`], without any push.
fn on_demand(pages: u32, records: &[Record]) -> Case {
    let mut case = base(pages, records);
    case.scenario.source.push = Push::None;
    case
}

fn bits_per_second(bits: u64) -> Bandwidth {
    Bandwidth::from_bits_per_second(bits).expect("not zero")
}

/// The outcome of post-copy, on which both agree.
fn simulate(case: &Case) -> Outcome {
    simulate_as("post-copy", case)
}

pub(crate) fn simulate_as(strategy: &str, case: &Case) -> Outcome {
    let mut case = case.clone();
    case.scenario.migration.strategies = vec![strategy.to_owned()];
    let pair = case.run().remove(0);
    assert_eq!(pair.engine, pair.reference, "{}", pair.strategy);
    pair.engine
}

/// (page faults, requested, in flight)
fn faults(outcome: &Outcome) -> (u64, u64, u64) {
    (
        outcome.page_faults,
        outcome.network_faults,
        outcome.in_flight_faults,
    )
}

/// Asserts the sum of the stalls and the total migration time, in picoseconds.
fn takes(outcome: &Outcome, stall: u64, total: u64) {
    let found = (outcome.stall, outcome.total_migration_time);
    assert_eq!(found, (stall, Some(total)));
}

#[test]
fn one_fault_on_an_idle_link() {
    // Touch at 1350 + 10 = 1360; handler 1365; request 1415; enqueued 1418; left 1518; arrived 1568; installed 1572;
    // the vCPU goes on at 1578.
    let case = on_demand(1, &[read(10, 0, 0)]);
    let expected = Outcome {
        total_migration_time: Some(ns(1572)),
        downtime: ns(1350),
        residual_dependency: Some(ns(222)), // from 1350 to 1572
        page_faults: 1,
        network_faults: 1,
        in_flight_faults: 0,
        requests: 1,
        stall: ns(218),
        stall_bound: ns(2 + 100 + 50 + 4 - 10) - 1, // pushed at once
        all_vcpus_blocked: ns(218),
        interruption: ns(1350 + 218),
        longest_interruption: ns(1350), // the guest runs for 10 ns before its touch
        fault_latency_mean: ns(218),
        fault_latency_p50: ns(218),
        fault_latency_p99: ns(218),
        fault_latency_max: ns(218),
        bytes_sent: 1100,
        pages_sent: 1,
        zero_pages_sent: 0,
        duplicate_pages_sent: 0,
        pps_pages: 0,
        time_to_90pct_speed: 0, // 218 ns blocked is below 10 % of any 100 ms
        push_and_demand_order: vec![0],
    };
    assert_eq!(simulate(&case), expected);
}

#[test]
fn zero_pages() {
    // Page 0 is zero; page 1 was, but is written before the start position; page 2 is not.
    let records = [record(50, 0, 1, Op::Write), record(60, 0, 0, Op::Read)];
    let mut case = base(3, &records);
    case.scenario.trace.start = SimTime::from_ns(100);
    case.zero = vec![true, true, false];
    // Enqueued at 1352, 1354, 1356; left at 1361, 1461, 1561; the last arrives 1611, is installed 1615.
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (1, 2));
    assert_eq!(outcome.bytes_sent, 1209);
    takes(&outcome, 0, ns(1615));
    // Sent whole, they leave at 1452, 1552 and 1652.
    let mut whole = case.clone();
    whole.scenario.source.zero_page_detection = ZeroPageDetection::None;
    let outcome = simulate(&whole);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (0, 3));
    assert_eq!(outcome.bytes_sent, 1300);
    takes(&outcome, 0, ns(1706));
    // 1209 bytes with 100 bytes on every 1000: 1329.9, rounded up. The core state takes 1100: R = 1450; the pages leave
    // at 1452 + 9.9, + 110, + 110 = 1681.9; + 50 + 4 = 1735.9.
    case.scenario.link.packet_overhead = 100;
    let outcome = simulate(&case);
    assert_eq!(outcome.bytes_sent, 1330);
    takes(&outcome, 0, 1_735_900);
}

#[test]
fn a_fault_on_a_zero_page() {
    // As on an idle link, with 9 ns on the wire: 218 − 91 = 127.
    let mut case = on_demand(1, &[read(10, 0, 0)]);
    case.zero = vec![true];
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(127), ns(1481));
}

#[test]
fn host_pages_larger_than_the_trace_s() {
    // Two pages a host page: {0, 1} zero; of {2, 3} the first; {4} is filled by one page only, and that is zero.
    let mut case = base(5, &[]);
    case.host_shift = 1;
    case.scenario.vm.host_page = Some(Bytes(2 * PAGE));
    case.zero = vec![true, true, true, false, true];
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (4, 1));
    // Left at 1350 + 2 · 2 + 18 = 1372, + 9 + 100 = 1481, + 9 = 1490; installed 1544.
    takes(&outcome, 0, ns(1544));
    // With two pages more than the trace's, which are not zero: {4, 5} and {6}.
    case.scenario.vm.memory = Some(Bytes(7 * PAGE));
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (4, 3));
    // A write during the recording window to page 1 gives it content, but not page 0; an execution changes nothing.
    case.scenario.vm.memory = Some(Bytes(5 * PAGE));
    case.records = vec![record(3, 0, 1, Op::Write), record(4, 0, 4, Op::Execute)];
    case.scenario.pre_record.order = PpsOrder::Recency;
    case.scenario.migration.record_window = SimTime::from_ns(50);
    let outcome = simulate_as("pre-record", &case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (3, 2));
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);

    // Pages 2 and 3 are one host page of 2 · 100 ns, and a push and an installation more: one fault of 218 + 100 + 2 +
    // 4, and no second one.
    let mut case = on_demand(4, &[read(10, 0, 2), read(20, 0, 3)]);
    case.host_shift = 1;
    case.scenario.vm.host_page = Some(Bytes(2 * PAGE));
    let outcome = simulate(&case);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 1, 0), ns(324)));
}

/// Pages of RAM at 2, 5 and 6, of which 2 and 6 are one range's last and another's: as three pages from 0 on.
#[test]
fn holes_are_neither_sent_nor_numbered() {
    let records = [read(10, 0, 2), read(400, 0, 1)];
    let mut plain = base(3, &records);
    plain.zero[0] = true;
    let expected = simulate(&plain);
    assert_eq!((expected.zero_pages_sent, expected.pages_sent), (1, 2));
    for by_scenario in [false, true] {
        let case = plain.clone().with_holes(&[(0, 2), (1, 2)], by_scenario);
        let ram: Vec<_> = case.ram.iter().map(|run| (run.first, run.count)).collect();
        assert_eq!((ram, case.records[0].page), (vec![(2, 1), (5, 2)], 6));
        assert_eq!(simulate(&case), expected);
    }
}

/// Of pages that are neither zero nor touched the highest are free: beyond the trace's memory, then page 3 and not page
/// 1.
#[test]
fn free_memory_has_no_content() {
    let mut case = base(4, &[read(10, 0, 2)]);
    case.zero[0] = true;
    case.scenario.vm.memory = Some(Bytes(5 * PAGE));
    case.scenario.vm.free = Bytes(2 * PAGE);
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (3, 2));
    // Left at 1352 + 9 = 1361, + 100, + 100 = 1561, + 9, + 9 = 1579; page 4 installed 50 + 4 later.
    assert_eq!(outcome.total_migration_time, Some(1_633_000));
}

#[test]
fn a_page_in_flight() {
    // Touched at R, before the thread acts at R: the page is picked at 1350, enqueued 1352, left 1452, arrived 1502,
    // installed 1506, on at 1512. The request arrives at 1405 and is dropped.
    let mut case = base(1, &[read(0, 0, 0)]);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (1, 0, 1));
    takes(&outcome, ns(162), ns(1506));
    // Touched at 1504: installed before the handler acts at 1509; on at 1512.
    case.records[0].time_ns = 154;
    let outcome = simulate(&case);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 0, 1), ns(8)));
    // Touched at 1506, when it has just been installed: no fault.
    case.records[0].time_ns = 156;
    let outcome = simulate(&case);
    assert_eq!((faults(&outcome), outcome.stall), ((0, 0, 0), 0));
}

#[test]
fn no_push_at_all() {
    // Pages 0 and 2 are touched and fetched: on at 1578, and 1350 + 20 + 218 = 1588 + 218. Page 1 stays behind, so the
    // migration never ends; the run does, also when the guest goes round for ever.
    let mut case = on_demand(3, &[read(10, 0, 0), read(20, 0, 2)]);
    for at_end in [AtEnd::Idle, AtEnd::Wrap] {
        case.scenario.trace.at_end = at_end;
        let outcome = simulate(&case);
        assert_eq!((faults(&outcome), outcome.stall), ((2, 2, 0), ns(436)));
        assert_eq!(outcome.total_migration_time, None);
        assert_eq!(outcome.residual_dependency, None);
        assert_eq!((outcome.bytes_sent, outcome.pages_sent), (1200, 2));
    }
    // A guest that touches nothing gets nothing.
    let outcome = simulate(&on_demand(3, &[]));
    assert_eq!((outcome.bytes_sent, outcome.pages_sent), (1000, 0));
}

#[test]
fn synchronous_demand_pages() {
    // Room for one message at a time. Page 0: enqueued 1352, left 1452. The request for page 2 arrives at 1415; picked
    // at 1452, enqueued 1455, left 1555, installed 1609, on at 1615: 255.
    let mut case = base(3, &[read(10, 0, 2)]);
    case.scenario.source.send_buffer = Bytes(100);
    // Pipelined: page 1 is picked at 1555, enqueued 1557, left 1657, installed 1711.
    takes(&simulate(&case), ns(255), ns(1711));
    // Synchronous: the acknowledgement leaves at 1609 and arrives at 1659; page 1 is enqueued 1661, left 1761,
    // installed 1815.
    case.scenario.source.demand_mode = DemandMode::Synchronous;
    let outcome = simulate(&case);
    takes(&outcome, ns(255), ns(1815));
    assert_eq!(outcome.push_and_demand_order, [0, 2, 1]);
}

#[test]
fn a_thread_for_requests() {
    // A push takes 500. Page 3, touched at 1360, is requested at 1415, enqueued 1418, left 1518, installed 1572, on at
    // 1578: 218. Pages 0, 1 and 2 enqueued at 1850, 2350, 2850: left 2950, installed 3004.
    let mut case = base(4, &[read(10, 0, 3)]);
    case.scenario.source.push_service = SimTime::from_ns(500);
    case.scenario.link.discipline = Discipline::Fair;
    case.scenario.link.demand_channel.request_thread = true;
    takes(&simulate(&case), ns(218), ns(3004));
    // One thread for both: served behind page 0, enqueued 1853. At half speed page 0 leaves at 2047, and page 3, 97 of
    // it, at 2050: installed behind page 0 at 2105, on at 2111: 751. Pages 1 and 2 enqueued at 2353, 2853.
    case.scenario.link.demand_channel.request_thread = false;
    takes(&simulate(&case), ns(751), ns(3007));
    // In one queue, too.
    case.scenario.link.demand_channel.request_thread = true;
    case.scenario.link.discipline = Discipline::Fifo;
    let one_queue = simulate(&case);
    case.scenario.link.demand_channel.request_thread = false;
    assert_eq!(one_queue, simulate(&case));
}
