//! Cases worked out by hand from the model, each on the engine and on the reference simulator.
//!
//! Unless a case says otherwise: 1000 payload bytes a packet, no overhead and 8 Gbit/s, so that a byte takes 1 ns on
//! the wire; pages of 64 bytes with a header of 36 (100 ns), zero pages of 9 bytes (9 ns), a core state of 1000 bytes;
//! suspend 100, resume 200, latency 50, push service 2, demand service 3, fault trap 5, install 4, wake 6, record trap
//! 7 ns; pushed in address order, while less than 250 bytes wait. Then
//!
//! - R = 0 + 100 + 1000 + 50 + 200 = 1350 ns, which is the downtime, too;
//! - a fault on an idle link takes trap 5 + request 50 + service 3 + wire 100 + latency 50 + install 4 = 212 ns until
//!   the page is installed and 218 ns until the vCPU goes on.
//!
//! Times in comments are nanoseconds after the migration command.

mod both;
mod reference;

use both::Case;
use migsim::destination::FaultBlocks;
use migsim::link::Discipline;
use migsim::scenario::{Delivery, Scenario};
use migsim::source::DemandMode;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::time::SimTime;
use migsim::trace::replay::{AtEnd, TimeScale};
use migsim::trace::{Op, Record};
use migsim::units::{Bandwidth, Bytes};
use reference::Outcome;

const PAGE: u64 = 64;

/// Picoseconds of so many nanoseconds, as outcomes have them.
fn ns(ns: u64) -> u64 {
    ns * 1000
}

fn record(time_ns: u64, vcpu: u16, page: u32, op: Op) -> Record {
    Record {
        time_ns,
        vcpu,
        page,
        op,
    }
}

fn read(time_ns: u64, vcpu: u16, page: u32) -> Record {
    record(time_ns, vcpu, page, Op::Read)
}

/// Post-copy of a VM of `pages` pages, none of them zero, that does nothing any more when the trace has ended.
fn base(pages: u32, records: &[Record]) -> Case {
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
    scenario.source.demand_service = SimTime::from_ns(3);
    scenario.source.send_buffer = Bytes(250);
    scenario.source.record_trap = SimTime::from_ns(7);
    scenario.destination.fault_trap = SimTime::from_ns(5);
    scenario.destination.install = SimTime::from_ns(4);
    scenario.destination.wake = SimTime::from_ns(6);
    scenario.migration.strategies = vec!["post-copy".to_owned()];
    scenario.migration.record_window = SimTime::ZERO;
    let last = records.iter().map(|record| record.vcpu).max();
    Case {
        records: records.to_vec(),
        idle: Vec::new(),
        vcpus: last.unwrap_or(0) + 1,
        page_size: PAGE,
        trace_pages: pages,
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

fn simulate_as(strategy: &str, case: &Case) -> Outcome {
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
        outcome.requested_faults,
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
    let mut case = on_demand(1, &[read(10, 0, 0)]);
    let expected = Outcome {
        total_migration_time: Some(ns(1572)),
        downtime: ns(1350),
        page_faults: 1,
        requested_faults: 1,
        in_flight_faults: 0,
        requests: 1,
        stall: ns(218),
        vcpu_blocktime: ns(218),
        fault_latency_mean: ns(218),
        fault_latency_p50: ns(218),
        fault_latency_p99: ns(218),
        fault_latency_max: ns(218),
        bytes_sent: 1100,
        pages_sent: 1,
        zero_pages_sent: 0,
        pps_pages: 0,
        time_to_90pct_speed: 0, // 218 ns blocked is below 10 % of any 100 ms
        push_and_demand_order: vec![0],
    };
    assert_eq!(simulate(&case), expected);
    // Nothing is recorded, so that overlapping the core state with the recording means nothing.
    case.scenario.migration.overlap_core = true;
    case.scenario.migration.record_window = SimTime::from_ns(5000);
    assert_eq!(simulate(&case), expected);
}

/// Pages 0, 1, 2 are picked at 1350, 1352, 1354 and enqueued at 1352, 1354, 1356 (0, 100, 200 bytes wait before the picks:
/// less than 250; afterwards 300 do). Page 3 is touched at 1360; its request arrives at 1415.
fn behind_a_full_send_buffer(discipline: Discipline) -> Case {
    let mut case = base(4, &[read(10, 0, 3)]);
    case.scenario.link.discipline = discipline;
    case
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_fifo() {
    // Room when page 0 has left, at 1452; picked then, enqueued 1455, behind page 1 (left 1552) and page 2 (1652); left
    // 1752; arrived 1802; installed 1806; on at 1812; 1812 − 1360 = 452.
    let outcome = simulate(&behind_a_full_send_buffer(Discipline::Fifo));
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(452), ns(1806));
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_priority() {
    // Picked at 1415, enqueued 1418, when page 0 has 1418 − 1352 = 66 done and 34 to go; left 1518, as on an idle link:
    // 218. Page 0 then leaves at 1552, page 1 at 1652, page 2 at 1752: installed 1806.
    let outcome = simulate(&behind_a_full_send_buffer(Discipline::Priority));
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(218), ns(1806));
}

#[test]
fn a_fault_behind_a_full_send_buffer_under_fair() {
    // From 1418 both at half speed. Page 0's 34 take 68: left 1486, the demand page has 66 to go. Page 1 follows at half
    // speed; 66 take 132: demand page left 1618; arrived 1668; installed 1672; on at 1678: 318. Page 1 has 34 to go at
    // full speed: left 1652; page 2 left 1752: installed 1806.
    let mut case = behind_a_full_send_buffer(Discipline::Fair);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(318), ns(1806));

    // 1 ps more of latency: R = 1350.001, so the touch is at 1360.001 and page 0 is enqueued at 1352.001. The demand
    // page is enqueued at 1418.002; page 0 has 66.001 done and 33.999 to go, at half speed 67.998: left 1486.000; then
    // 66.001 of the demand page at half speed: 132.002: left 1618.002; + 50.001 + 4 + 6 = 1678.003; less 1360.001.
    case.scenario.link.latency += SimTime::from_ps(1);
    assert_eq!(simulate(&case).stall, 318_002);
}

#[test]
fn fair_shares_to_the_picosecond() {
    // Messages of 1 byte, 8 ps each = 16 half-units; nothing else takes time but the trap: R = 0. Room for two bytes, so
    // pages 0 and 1 are enqueued at 0 and page 2 waits. It is touched at 0.
    let mut case = base(3, &[read(0, 0, 2)]);
    case.page_size = 1;
    let scenario = &mut case.scenario;
    scenario.vm.memory = Some(Bytes(3));
    scenario.link.message_header = 0;
    scenario.source.send_buffer = Bytes(2);
    scenario.link.discipline = Discipline::Fair;
    scenario.link.bandwidth = bits_per_second(1_000_000_000_000);
    scenario.vm.core_state = Bytes(0);
    for cost in [
        &mut scenario.vm.suspend,
        &mut scenario.vm.resume,
        &mut scenario.link.latency,
        &mut scenario.source.push_service,
        &mut scenario.source.demand_service,
        &mut scenario.destination.install,
        &mut scenario.destination.wake,
    ] {
        *cost = SimTime::ZERO;
    }
    let outcome = |case: &Case, trap| {
        let mut case = case.clone();
        case.scenario.destination.fault_trap = SimTime::from_ps(trap);
        simulate(&case)
    };
    // Demand page enqueued at 5 ps. Page 0 has 16 − 10 = 6 to go at rate 1: left 11, the demand page has 10 to go: left
    // 21, page 1 has 6 to go at rate 2: left 24.
    takes(&outcome(&case, 5), 21, 24);
    // At 6: page 0 has 4 to go: left 10, demand page 12 to go: left 22; page 1 4 to go: left 24.
    takes(&outcome(&case, 6), 22, 24);
    // At 8, when page 0 has just left: page 1 and the demand page share from 8 to 24.
    takes(&outcome(&case, 8), 24, 24);
    // At 0 touch, handler and request come before the thread: page 0 and the demand page leave at 16 both; page 1 takes
    // until 24.
    let at_once = outcome(&case, 0);
    takes(&at_once, 16, 24);
    assert_eq!(at_once.push_and_demand_order, [2, 0, 1]);

    // 6.99… → 7 ps a byte; page 1 is a zero page of 3 bytes (20.99… → 21 ps = 42 half-units). Room for four bytes would
    // let page 2 be pushed only with less than 4 queued: 1 + 3 are not less.
    case.scenario.link.bandwidth = bits_per_second(1_142_857_142_858);
    case.zero = vec![false, true, false];
    case.scenario.link.zero_page_bytes = 3;
    case.scenario.source.send_buffer = Bytes(4);
    // Demand page (14) enqueued at 4: page 0 has 14 − 8 = 6 to go: left 10; demand page 8 to go: left 18; page 1 has
    // 42 − 8 = 34 to go at rate 2: left 35.
    takes(&outcome(&case, 4), 18, 35);
}

#[test]
fn two_vcpus_on_one_page() {
    // As on an idle link for vCPU 0: blocked 1360 – 1578. vCPU 1 touches the page at 1370: blocked 1370 – 1578 = 208.
    let mut case = on_demand(1, &[read(10, 0, 0), read(20, 1, 0)]);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!((outcome.stall, outcome.vcpu_blocktime), (ns(426), ns(208)));
    assert_eq!(outcome.fault_latency_mean, ns(213));
    assert_eq!(outcome.fault_latency_p50, ns(208));
    assert_eq!(outcome.fault_latency_p99, ns(218));
    assert_eq!(outcome.fault_latency_max, ns(218));
    assert_eq!(outcome.pages_sent, 1); // asked for once
    // Touching it only after the request has reached the source (1415), at 1450: 128 ns, and still "requested".
    case.records[1].time_ns = 100;
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!(outcome.stall, ns(218 + 128));
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
    // Two pages a host page: {0, 1} zero; {2, 3} not; {4} zero by its only page.
    let mut case = base(5, &[]);
    case.host_shift = 1;
    case.scenario.vm.host_page = Some(Bytes(2 * PAGE));
    case.zero = vec![true, true, true, false, true];
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (2, 1));
    // Left at 1352 + 9 = 1361, + 128 + 36 = 1525, + 9 = 1534; installed 1588.
    takes(&outcome, 0, ns(1588));
    // With two pages more than the trace's: {4, 5} and {6} are not zero.
    case.scenario.vm.memory = Some(Bytes(7 * PAGE));
    let outcome = simulate(&case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (1, 3));
    // A write during the recording window to page 1 makes host page 0 non-zero; an execution changes nothing.
    case.scenario.vm.memory = Some(Bytes(5 * PAGE));
    case.records = vec![record(3, 0, 1, Op::Write), record(4, 0, 4, Op::Execute)];
    case.scenario.pre_record.order = PpsOrder::Recency;
    case.scenario.migration.record_window = SimTime::from_ns(50);
    let outcome = simulate_as("pre-record", &case);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (1, 2));
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);

    // Pages 2 and 3 are one host page of 164 ns: one fault of 218 + 64, and no second one.
    let mut case = on_demand(4, &[read(10, 0, 2), read(20, 0, 3)]);
    case.host_shift = 1;
    case.scenario.vm.host_page = Some(Bytes(2 * PAGE));
    let outcome = simulate(&case);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 1, 0), ns(282)));
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
fn faulting_again_before_the_first_handler() {
    // Trap 300. Page 0 is touched at R and installed at 1506 by the push; on at 1512. Page 5 is touched at offset 1:
    // 1350 + 1 + 162 = 1513. Page 0's handler at 1650 finds it installed. Page 5's acts at 1813; meanwhile the push
    // goes on: pages 0–5 leave at 1452, …, 1952; page 5 is installed at 2006, on at 2012: 499. The request of 1813
    // arrives at 1863; page 5 was picked when page 2 had left (1652): in flight.
    let mut case = base(6, &[read(0, 0, 0), read(1, 0, 5)]);
    case.scenario.destination.fault_trap = SimTime::from_ns(300);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 0, 2));
    takes(&outcome, ns(162 + 499), ns(2006));
}

#[test]
fn wrap_around() {
    // Command at 50 of 100: page 1 at 60 is touched at offset 10, page 0 at 10 on the next pass at offset 60.
    // Page 1: 1360 – 1578 (218). Page 0: 1350 + 60 + 218 = 1628, + 212: installed 1840, on at 1846.
    let mut case = on_demand(2, &[read(10, 0, 0), read(60, 0, 1)]);
    case.duration_ns = 100;
    case.scenario.trace.start = SimTime::from_ns(50);
    case.scenario.trace.at_end = AtEnd::Wrap;
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [1, 0]);
    assert_eq!(faults(&outcome), (2, 2, 0));
    takes(&outcome, ns(436), ns(1840));
    // Idle at the end instead: page 0 never comes.
    case.scenario.trace.at_end = AtEnd::Idle;
    let outcome = simulate(&case);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 1, 0), ns(218)));
    assert_eq!(outcome.total_migration_time, None);
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
        assert_eq!((outcome.bytes_sent, outcome.pages_sent), (1200, 2));
    }
    // A guest that touches nothing gets nothing.
    let outcome = simulate(&on_demand(3, &[]));
    assert_eq!((outcome.bytes_sent, outcome.pages_sent), (1000, 0));
}

#[test]
fn a_window_longer_than_the_trace() {
    // Page 1 is recorded at 10 (trap 7): P = 500 − 7 = 493, R = 500 + 1350 = 1850.
    let mut case = base(2, &[read(10, 0, 1)]);
    case.duration_ns = 100;
    case.scenario.migration.record_window = SimTime::from_ns(500);
    // Page 1 is enqueued at 1852, left 1952, installed 2006; page 0 leaves 2052: installed 2106.
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [1, 0]);
    assert_eq!((outcome.pps_pages, outcome.downtime), (1, ns(1350)));
    assert_eq!(faults(&outcome), (0, 0, 0));
    takes(&outcome, 0, ns(2106));
    // With wrap-around it is recorded at 10, 117, 217, 317 and 417 (510 + 7 is not before 500) and touched next at
    // guest offset 510: o = 17, at 1867; the request finds it sent; on at 2012: 145.
    case.scenario.trace.at_end = AtEnd::Wrap;
    let recorded = both::as_recorded(&case.recorded_switch_over(&case.trace()));
    let times: Vec<u64> = recorded.iter().map(|access| access.time_ps).collect();
    assert_eq!(times, [10, 117, 217, 317, 417].map(ns));
    for strategy in ["pre-record", "pre-record+pdopmp"] {
        let outcome = simulate_as(strategy, &case);
        assert_eq!(outcome.push_and_demand_order, [1, 0]);
        assert_eq!((faults(&outcome), outcome.pps_pages), ((1, 0, 1), 1));
        takes(&outcome, ns(145), ns(2106));
    }
}

/// Pages 2 and 1 are recorded, in that order; page `touched` is touched 30 after the switch position, R = 1450.
fn fetched(fetchers: u16, touched: u32) -> Case {
    let mut case = on_demand(3, &[read(10, 0, 2), read(20, 0, 1), read(130, 0, touched)]);
    case.scenario.migration.record_window = SimTime::from_ns(100);
    case.scenario.migration.delivery = Delivery::DestinationFetch;
    case.scenario.migration.fetch_outstanding = fetchers;
    case.scenario.source.record_trap = SimTime::ZERO;
    case.scenario.pre_record.order = PpsOrder::FirstAccess;
    case
}

#[test]
fn the_destination_fetches_the_plan() {
    // One thread. Page 2: touched 1450, request 1505, enqueued 1508, left 1608, installed 1662; the thread goes on at 1668
    // with page 1: request 1723, enqueued 1726, left 1826, installed 1880. The vCPU touches page 0 at 1480: request 1535,
    // enqueued 1538, left 1708, installed 1762, on at 1768: 288.
    let outcome = simulate_as("pre-record", &fetched(1, 0));
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 3));
    takes(&outcome, ns(288), ns(1880));
    // Two threads: both requests at 1505, in the plan's order, enqueued at 1508 and 1511. Page 0 waits behind both: left
    // 1808, installed 1862, on at 1868: 388.
    let outcome = simulate_as("pre-record", &fetched(2, 0));
    assert_eq!(outcome.push_and_demand_order, [2, 1, 0]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 3));
    takes(&outcome, ns(388), ns(1862));
    // More threads than pages change nothing.
    assert_eq!(simulate_as("pre-record", &fetched(9, 0)), outcome);
}

#[test]
fn a_page_that_is_fetched_already_is_not_requested_again() {
    // The vCPU joins the thread that waits for page 2: 1480 – 1668.
    let outcome = simulate_as("pre-record", &fetched(1, 2));
    assert_eq!(outcome.push_and_demand_order, [2, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 2));
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(188), None)
    );
    // The other way round: page 1 is touched at 1480 and installed at 1762, when the thread is at it since 1668.
    let outcome = simulate_as("pre-record", &fetched(1, 1));
    assert_eq!(outcome.push_and_demand_order, [2, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 2));
    assert_eq!(outcome.stall, ns(288));
}

#[test]
fn a_source_that_knows_no_plan_scans() {
    // Pushed: 0, 1, 2, enqueued at 1452, 1454, 1456; left 1552, 1652, 1752. The request for page 2 comes at 1505, too late;
    // page 1 is there, at 1706, when the thread goes on. Page 0: 1480 – 1612.
    let mut case = fetched(1, 0);
    case.scenario.source.push = Push::Linear;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 0, 1), 2));
    takes(&outcome, ns(132), ns(1806));
}

#[test]
fn a_push_that_waits_for_the_plan() {
    // The thread comes to page 1, the plan's last, at 1668; the source hears of it at 1718, and pushes page 1, enqueued at 1720,
    // before its request comes at 1723: left 1820, installed 1874. Until then all is as without any push.
    let mut case = fetched(1, 0);
    case.scenario.source.push = Push::Linear;
    case.scenario.migration.delivery = Delivery::FetchThenPush;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 3));
    takes(&outcome, ns(288), ns(1874));
    // With periods of 100 from the suspension at 100 on, the push begins at 1800, and page 1 goes at its request.
    case.scenario.source.limiter_period = SimTime::from_ns(100);
    takes(&simulate_as("pre-record", &case), ns(288), ns(1880));
}

/// vCPU 0: pages 0, 1, 0, 2, 3 at 0, 20, 40, 60, 80; vCPU 1: pages 0, 1 at 10, 30.
///
/// With a window of 100 and a trap of 30: vCPU 0 page 0 at 0 (delay 30); vCPU 1 page 0 at 10 (not first: no delay);
/// vCPU 1 page 1 at 30 (delay 30); vCPU 0 page 1 at 20 + 30 = 50 (not first); page 0 at 70; page 2 at 90 (delay 60);
/// page 3 at 80 + 60 = 140 is too late. P0 = max(100 − 60, 60) = 60; P1 = max(100 − 30, 30) = 70.
fn trapped() -> Case {
    let records = [
        read(0, 0, 0),
        read(10, 1, 0),
        read(20, 0, 1),
        read(30, 1, 1),
        record(40, 0, 0, Op::Write),
        record(60, 0, 2, Op::Execute),
        read(80, 0, 3),
    ];
    let mut case = on_demand(4, &records);
    case.scenario.migration.record_window = SimTime::from_ns(100);
    case.scenario.source.record_trap = SimTime::from_ns(30);
    case.scenario.pre_record.order = PpsOrder::FirstAccess;
    case
}

#[test]
fn recording_traps_shift_the_positions() {
    let mut case = trapped();
    let recorded = both::as_recorded(&case.recorded_switch_over(&case.trace()));
    let access = |time, vcpu, page, op| reference::Access {
        time_ps: ns(time),
        vcpu,
        page,
        op,
    };
    assert_eq!(
        recorded,
        [
            access(0, 0, 0, reference::Op::Read),
            access(10, 1, 0, reference::Op::Read),
            access(30, 1, 1, reference::Op::Read),
            access(50, 0, 1, reference::Op::Read),
            access(70, 0, 0, reference::Op::Write),
            access(90, 0, 2, reference::Op::Execute),
        ]
    );
    // Pushed: 0, 1, 2. R = 1450. Enqueued at 1452, 1454, 1456; left 1552, 1652, 1752; installed 1606, 1706, 1806. vCPU 0
    // has page 2 at o = 0: blocked 1450 – 1812 (362), in flight (request at 1505, picked at 1454). Page 3 at o = 20:
    // 1450 + 20 + 362 = 1832, idle link: installed 2044, 218. vCPU 1 has nothing left to do.
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (2, 1, 1));
    assert_eq!((outcome.downtime, outcome.pps_pages), (ns(1350), 3));
    assert_eq!(outcome.vcpu_blocktime, 0);
    takes(&outcome, ns(580), ns(2044));
    // Rounded to multiples of 25: P0 = 50 (60 + 12 → 2 · 25), P1 = 75. Page 2 at o = 10: 1460 – 1812 (352); page 3 at
    // o = 30: 1450 + 30 + 352 = 1832.
    case.compaction_ns = 25;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(faults(&outcome), (2, 1, 1));
    takes(&outcome, ns(570), ns(2044));
    // Rounded to multiples of 40: P0 = 80 (60 + 20 = 2 · 40), so that page 3 is touched at R. Its request arrives at
    // 1505; picked when page 0 has left, at 1552, enqueued 1555, left 1852, installed 1906, on at 1912: 462.
    case.compaction_ns = 40;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(faults(&outcome), (1, 1, 0));
    takes(&outcome, ns(462), ns(1906));
    // An access at the very end of the window is not recorded: page 2 comes at 90.
    case.scenario.migration.record_window = SimTime::from_ns(90);
    assert_eq!(simulate_as("pre-record", &case).pps_pages, 2);
    case.scenario.migration.record_window += SimTime::from_ps(1);
    assert_eq!(simulate_as("pre-record", &case).pps_pages, 3);
}

#[test]
fn downtime_of_each_strategy() {
    // Suspend 100 + core state 1000 + latency 50 + resume 200 = 1350 for all, whatever the window. Where the core state
    // goes out during the window, it is 350 for those who record.
    for (overlap, window, recording) in [
        (false, 0, 1350),
        (false, 5000, 1350),
        (true, 5000, 350),
        (true, 0, 350),
    ] {
        let mut case = trapped();
        case.scenario.migration.overlap_core = overlap;
        case.scenario.migration.record_window = SimTime::from_ns(window);
        for (strategy, downtime) in [
            ("post-copy", 1350),
            ("pre-record", recording),
            ("pre-record+pdopmp", recording),
            ("clairvoyant", 1350),
        ] {
            let outcome = simulate_as(strategy, &case);
            assert_eq!(
                outcome.downtime,
                ns(downtime),
                "{strategy}, {overlap}, {window}"
            );
        }
    }
    // 8 · 10^12 / (3 · 10^12) = 2.67 ps a byte, rounded up a message: 1000 bytes take 2667 ps.
    let mut case = base(1, &[]);
    case.scenario.link.bandwidth = bits_per_second(3_000_000_000_000);
    assert_eq!(simulate(&case).downtime, ns(350) + 2667);
}

#[test]
fn core_state_during_the_window() {
    // W' = max(100, 1000) = 1000; R = 1000 + 100 + 50 + 200 = 1350. All of the trace is recorded.
    let mut case = trapped();
    case.scenario.migration.overlap_core = true;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.pps_pages, 4);
    assert_eq!(faults(&outcome), (0, 0, 0));
    // Enqueued 1352, 1354, 1356, and (room at 1452) 1454; left 1452, …, 1752; installed 1806.
    takes(&outcome, 0, ns(1806));
    // 4 pages and the core state.
    assert_eq!(outcome.bytes_sent, 1400);
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
fn a_fault_pauses_the_vm() {
    // Both vCPUs touch at 1360, pages 0 and 1. vCPU 0 pauses the VM until 1578; vCPU 1's touch comes then and pauses it
    // until 1796 (installed 1790). Each pause counts for both.
    let mut case = on_demand(2, &[read(10, 0, 0), read(10, 1, 1)]);
    case.scenario.destination.fault_blocks = FaultBlocks::Vm;
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!(outcome.vcpu_blocktime, ns(436));
    assert_eq!(outcome.fault_latency_mean, ns(218));
    assert_eq!(outcome.fault_latency_max, ns(218));
    takes(&outcome, ns(872), ns(1790));
    // One vCPU each: the two requests go out together; page 0 is enqueued at 1418, page 1 at 1421; left 1518 and 1618;
    // installed 1572 and 1672; stalls 218 and 318, both blocked for 218.
    case.scenario.destination.fault_blocks = FaultBlocks::Vcpu;
    let outcome = simulate(&case);
    assert_eq!(outcome.vcpu_blocktime, ns(218));
    takes(&outcome, ns(536), ns(1672));
}

#[test]
fn one_receiver_installs_in_turn() {
    // Left 1452 and 1552, arrived 1502 and 1602; install of 200: 1702, then 1702 + 200 = 1902.
    let mut case = base(2, &[]);
    case.scenario.destination.install = SimTime::from_ns(200);
    takes(&simulate(&case), 0, ns(1902));
}

#[test]
fn a_receiver_for_each_channel() {
    // Install 200. Page 0 left 1452, arrived 1502, installed 1702; page 1 left 1552, arrived 1602, installed 1902. Page 5,
    // touched at 1500, is requested at 1555, enqueued 1558 and goes before page 2: left 1658, arrived 1708. Its own receiver
    // installs it by 1908, on at 1914: 414. Pages 2, 3 and 4 are installed at 2102, 2302, 2502.
    let mut case = base(6, &[read(150, 0, 5)]);
    case.scenario.link.discipline = Discipline::Priority;
    case.scenario.destination.install = SimTime::from_ns(200);
    case.scenario.destination.receiver_per_channel = true;
    takes(&simulate(&case), ns(414), ns(2502));
    // Of one receiver it is the third page: installed 2102, on at 2108; then the other three.
    case.scenario.destination.receiver_per_channel = false;
    takes(&simulate(&case), ns(608), ns(2702));
}

#[test]
fn pieces_go_as_a_whole() {
    // One page in the device. Page 0 begins alone and leaves at 1452; by then pages 1, 2 and 3 wait, and two of them are a
    // piece of 200 bytes: left 1652, arrived 1702, installed 1706 and 1710. Page 1, touched at 1550: on at 1712, 162.
    // Page 3 left 1752, installed 1806.
    let mut case = base(4, &[read(200, 0, 1)]);
    case.scenario.source.send_buffer = Bytes(1000);
    case.scenario.link.device_queue = Bytes(100);
    case.scenario.link.segment = Bytes(200);
    takes(&simulate(&case), ns(162), ns(1806));
    // One by one, page 1 left 1552, installed 1606, on at 1612.
    case.scenario.link.segment = Bytes(0);
    takes(&simulate(&case), ns(62), ns(1806));
}

#[test]
fn requests_that_wait_for_an_acknowledgement() {
    // Latency 200: R = 1500. Page 0, touched at 1510, is requested at 1515: arrived 1715, enqueued 1718, left 1818, installed
    // 2022, on at 2028: 518. The idle source acknowledges at 1715, which arrives at 1915. Page 1, touched at 1520, is held at
    // 1525 until then: arrived 2115, enqueued 2118, left 2218, installed 2422, on at 2428: 908.
    let mut case = on_demand(2, &[read(10, 0, 0), read(20, 1, 1)]);
    case.scenario.link.latency = SimTime::from_ns(200);
    case.scenario.destination.nagle = true;
    takes(&simulate(&case), ns(518 + 908), ns(2422));
    // Not held: arrived 1725, left behind page 0 at 1918, installed 2122, on at 2128: 608.
    case.scenario.destination.nagle = false;
    takes(&simulate(&case), ns(518 + 608), ns(2122));
}

#[test]
fn what_is_sent_together_is_acknowledged_once() {
    // As above, and page 2, touched at 1525, held at 1530. Pages 1 and 2 are requested at 1915: arrived 2115, enqueued 2118 and
    // 2121, left 2218 and 2318, installed 2422 and 2522, on at 2428 and 2528: 908 and 1003. Page 3, touched at 2200, held at
    // 2205 until they are acknowledged at 2315: arrived 2515, enqueued 2518, left 2618, installed 2822, on at 2828: 628.
    // Page 4, touched at 2320, held at 2325 until that is acknowledged at 2715: arrived 2915, enqueued 2918, left 3018,
    // installed 3222, on at 3228: 908.
    let mut case = on_demand(
        5,
        &[
            read(10, 0, 0),
            read(20, 1, 1),
            read(25, 2, 2),
            read(700, 3, 3),
            read(820, 4, 4),
        ],
    );
    case.scenario.link.latency = SimTime::from_ns(200);
    case.scenario.destination.nagle = true;
    takes(&simulate(&case), ns(518 + 908 + 1003 + 628 + 908), ns(3222));
}

#[test]
fn an_acknowledgement_at_once_waits_behind_what_is_under_way() {
    // Latency 20: R = 1320. Page 0, touched at 1330, is requested at 1335: arrived 1355, acknowledged at once on the idle link, enqueued
    // 1358, left 1458, on at 1488: 158. Page 1, a zero page, touched at 1380, is requested at 1385: arrived 1405, enqueued 1408, left
    // behind page 0 at 1467, installed 1491, on at 1497: 117. Page 2, touched at 1390, is held at 1395. Page 1's request is
    // acknowledged behind page 0: left 1458, at 1478. Arrived 1498, enqueued 1501, left 1601, installed 1625, on at 1631: 241.
    let mut case = on_demand(3, &[read(10, 0, 0), read(60, 1, 1), read(70, 2, 2)]);
    case.zero = vec![false, true, false];
    case.scenario.link.discipline = Discipline::Fair;
    case.scenario.link.latency = SimTime::from_ns(20);
    case.scenario.destination.nagle = true;
    case.scenario.source.quickack = true;
    takes(&simulate(&case), ns(158 + 117 + 241), ns(1625));
    // No pushed page carries it, so that it leaves as it is due, at 1405, and is there at 1425: page 2 arrived 1445, enqueued 1448,
    // left behind page 1 at 1567, installed 1591, on at 1597: 207.
    case.scenario.source.quickack = false;
    takes(&simulate(&case), ns(158 + 117 + 207), ns(1591));
}

#[test]
fn an_acknowledgement_goes_with_pushed_pages() {
    // On the wire: pages 0, 1 and 2 from 1352, 1452 and 1552. Page 7, touched at 1360, is requested at 1415, served when there
    // is room at 1452, and on the wire from 1652: left 1752, on at 1812: 452. Its request is acknowledged with page 1, the next
    // to begin at 1415, which has left at 1552: at 1602. Page 6, touched at 1370, is held at 1375 until then: arrived 1652,
    // served at once, on the wire behind page 3 from 1852: on at 2012: 642. Pages 4 and 5 follow: left 2152, installed 2206.
    let mut case = base(8, &[read(10, 0, 7), read(20, 1, 6)]);
    case.scenario.destination.nagle = true;
    let outcome = simulate(&case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 7, 3, 6, 4, 5]);
    takes(&outcome, ns(452 + 642), ns(2206));
    // Acknowledged at once, behind page 0, which leaves at 1452: at 1502. It arrives at 1552, as there is room: on at 1912.
    case.scenario.source.quickack = true;
    takes(&simulate(&case), ns(452 + 542), ns(2206));
    // Not held, it arrives at 1425 and is served at 1552 all the same.
    case.scenario.destination.nagle = false;
    takes(&simulate(&case), ns(452 + 542), ns(2206));
}

#[test]
fn a_thread_for_requests() {
    // A push takes 500. Page 3, touched at 1360, is requested at 1415, enqueued 1418, left 1518, installed 1572, on at 1578: 218.
    // Pages 0, 1 and 2 enqueued at 1850, 2350, 2850: left 2950, installed 3004.
    let mut case = base(4, &[read(10, 0, 3)]);
    case.scenario.source.push_service = SimTime::from_ns(500);
    case.scenario.link.discipline = Discipline::Fair;
    case.scenario.source.request_thread = true;
    takes(&simulate(&case), ns(218), ns(3004));
    // One thread for both: served behind page 0, enqueued 1853. At half speed page 0 leaves at 2047, and page 3, 97 of it, at
    // 2050: installed behind page 0 at 2105, on at 2111: 751. Pages 1 and 2 enqueued at 2353, 2853.
    case.scenario.source.request_thread = false;
    takes(&simulate(&case), ns(751), ns(3007));
    // In one queue, too.
    case.scenario.source.request_thread = true;
    case.scenario.link.discipline = Discipline::Fifo;
    let one_queue = simulate(&case);
    case.scenario.source.request_thread = false;
    assert_eq!(one_queue, simulate(&case));
}

#[test]
fn a_planner_beside_the_hypervisor() {
    // W = 50, planning 20, no trap: page 0 is recorded, page 1 touched at 60 is not, and the VM is suspended at 70. R = 1420:
    // pages 0 and 1 leave at 1522 and 1622; installed 1676.
    let mut case = base(2, &[read(10, 0, 0), read(60, 0, 1)]);
    case.scenario.source.record_trap = SimTime::ZERO;
    case.scenario.migration.record_window = SimTime::from_ns(50);
    case.scenario.migration.planning_time = SimTime::from_ns(20);
    let outcome = simulate_as("pre-record", &case);
    assert_eq!((outcome.pps_pages, outcome.downtime), (1, ns(1350)));
    assert_eq!(faults(&outcome), (0, 0, 0));
    takes(&outcome, 0, ns(1676));
}

#[test]
fn a_clairvoyant_avoids_the_fault() {
    // Page 3 is touched at 1350 + 156 = 1506. Pushed in address order it comes fourth: enqueued 1454, left 1752,
    // installed 1806, on at 1812: 306. Pushed first it is installed at 1506, just in time.
    let case = base(4, &[read(156, 0, 3)]);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (1, 0, 1));
    takes(&outcome, ns(306), ns(1806));
    let outcome = simulate_as("clairvoyant", &case);
    assert_eq!(outcome.push_and_demand_order, [3, 0, 1, 2]);
    assert_eq!(faults(&outcome), (0, 0, 0));
    takes(&outcome, 0, ns(1806));
}

#[test]
fn a_recorder_that_slows_the_guest_down() {
    // time_scale = 1/3: scale_fp = round(1000 · 2^20 / 3) = 349,525,333; scale(10) = (3,495,253,330 + 524,288) >> 20 =
    // 3,333.8… → 3333 ps. In flight: stall = 1512 − 1353.333 = 158.667.
    let mut case = base(1, &[read(10, 0, 0)]);
    case.scale_factor = 1.0 / 3.0;
    case.scenario.trace.time_scale =
        TimeScale::from_factor(case.scale_factor).expect("within limits");
    assert_eq!(simulate(&case).stall, 158_667);
}

#[test]
fn back_to_90_per_cent() {
    const MS: u64 = 1_000_000_000;
    let speed_after = |case: &Case| simulate(case).time_to_90pct_speed;
    // A handler of 50 ms makes a fault of 50 ms + 213 ns (218 without the trap of 5 ns), from 1360 ns on. f(t) is the
    // rest of it, so the guest is slow while more than 10 ms are left: x = 10 ns + 50 ms + 213 ns − 10 ms.
    let mut case = on_demand(1, &[read(10, 0, 0)]);
    case.scenario.destination.fault_trap = SimTime::from_ms(50);
    assert_eq!(speed_after(&case), 40 * MS + ns(223));
    // Two vCPUs, one of them blocked: 20 ms may be left. Both blocked on the page: 10 ms each.
    case.vcpus = 2;
    assert_eq!(speed_after(&case), 30 * MS + ns(223));
    case.records.push(read(10, 1, 0));
    assert_eq!(speed_after(&case), 40 * MS + ns(223));
    // In vm mode one pause counts for both.
    case.records.pop();
    case.scenario.destination.fault_blocks = FaultBlocks::Vm;
    assert_eq!(speed_after(&case), 40 * MS + ns(223));

    // Fast at first, slow later: stalls of 6 ms + 213 ns from o = 150 ms and, 20 ms of running later, from o = 170 ms.
    // S = 6 ms + 213 ns; A = [150, 150 + S), B = [170 + S, 170 + 2S) after R. f first exceeds 10 ms while A is whole in
    // the window; the last time, when the rest of A and the whole of B come to 10 ms: A's end less 10 ms − S. Hence
    // x = 150 ms + S − (10 ms − S) = 140 ms + 2S = 152 ms + 426 ns.
    let mut case = on_demand(2, &[read(150_000_000, 0, 0), read(170_000_000, 0, 1)]);
    case.duration_ns = 1_000_000_000;
    case.scenario.destination.fault_trap = SimTime::from_ms(6);
    let outcome = simulate(&case);
    assert_eq!(outcome.stall, 12 * MS + ns(426));
    assert_eq!(outcome.time_to_90pct_speed, 152 * MS + ns(426));
    // Exactly 10 ms in 100 ms is fast enough.
    let mut case = on_demand(1, &[read(10, 0, 0)]);
    case.scenario.destination.fault_trap = SimTime::from_ms(10) - SimTime::from_ns(213);
    assert_eq!(speed_after(&case), 0);
    // One picosecond more is too much until one picosecond of the stall, which begins after 10 ns, has gone by.
    case.scenario.destination.fault_trap += SimTime::from_ps(1);
    assert_eq!(speed_after(&case), ns(10) + 1);
}
