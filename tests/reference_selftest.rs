//! The reference simulator against cases worked out by hand from the model's specification.
//!
//! Unless a case says otherwise: 1000 payload bytes a packet, no overhead and 8 Gbit/s, so that a byte takes 1 ns on
//! the wire; pages of 90 bytes with a header of 10 (100 ns), zero pages of 9 bytes (9 ns), a core state of 1000 bytes;
//! suspend 100, resume 200, latency 50, push service 2, demand service 3, fault trap 5, install 4, wake 6 ns. Then
//!
//! - R = 0 + 100 + 1000 + 50 + 200 = 1350 ns, which is the downtime, too;
//! - a fault on an idle link takes trap 5 + request 50 + service 3 + wire 100 + latency 50 + install 4 = 212 ns until
//!   the page is installed and 218 ns until the vCPU goes on.

mod reference;

use reference::{
    Access, Discipline, Input, Op, Order, Outcome, Push, RawRecord, Strategy, simulate,
};

fn ns(ns: u64) -> u64 {
    ns * 1000
}

fn rec(time_ns: u64, vcpu: u16, page: u32, op: Op) -> RawRecord {
    RawRecord {
        time_ns,
        vcpu,
        page,
        op,
    }
}

fn read(time_ns: u64, vcpu: u16, page: u32) -> RawRecord {
    rec(time_ns, vcpu, page, Op::Read)
}

/// Post-copy of a one-vCPU VM of `pages` pages without zero pages, pushed in address order.
fn base(pages: u32, records: &[RawRecord]) -> Input<'static> {
    Input {
        records: records.to_vec(),
        vcpus: 1,
        duration_ns: 1_000_000,
        compaction_ns: 0,
        start_ns: 0,
        scale_fp: 1000 << 20,
        wrap: false,
        trace_pages: pages,
        vm_pages: pages,
        zero: vec![false; pages as usize],
        pages,
        host_shift: 0,
        host_page_bytes: 90,
        core_state: 1000,
        suspend: ns(100),
        resume: ns(200),
        bandwidth: 8_000_000_000,
        latency: ns(50),
        mtu: 1052,
        packet_overhead: 0,
        message_header: 10,
        zero_page_bytes: 9,
        discipline: Discipline::Fifo,
        push: Push::Linear,
        push_service: ns(2),
        demand_service: ns(3),
        send_buffer: 250,
        synchronous: false,
        record_trap: ns(7),
        fault_trap: ns(5),
        install: ns(4),
        wake: ns(6),
        blocks_vm: false,
        record_window: 0,
        overlap_core: false,
        initially_installed: Vec::new(),
        strategy: Strategy::PostCopy,
    }
}

/// (page faults, requested, in flight)
fn faults(outcome: &Outcome) -> (u64, u64, u64) {
    (
        outcome.page_faults,
        outcome.requested_faults,
        outcome.in_flight_faults,
    )
}

#[test]
fn one_fault_on_an_idle_link() {
    let mut input = base(1, &[read(10, 0, 0)]);
    input.push = Push::None;
    // Touch at 1350 + 10 = 1360; handler 1365; request 1415; enqueued 1418; left 1518; arrived 1568; installed 1572;
    // the vCPU goes on at 1578.
    let expected = Outcome {
        total_migration_time: Some(ns(1572)),
        downtime: ns(1350),
        page_faults: 1,
        requested_faults: 1,
        in_flight_faults: 0,
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
    assert_eq!(simulate(&input), expected);
    // Nothing is recorded, so that overlapping the core state with the recording means nothing.
    input.overlap_core = true;
    input.record_window = ns(5000);
    assert_eq!(simulate(&input), expected);
}

#[test]
fn demand_page_behind_the_backlog() {
    // Pages 0, 1, 2 are picked at 1350, 1352, 1354 and enqueued at 1352, 1354, 1356 (occupancy 0, 100, 200 before the
    // picks are below 250; 300 afterwards is not). Page 3 is touched at 1360; its request arrives at 1415.
    let mut input = base(4, &[read(10, 0, 3)]);

    // fifo: room when page 0 has left, at 1452; picked then, enqueued 1455, behind page 1 (left 1552) and page 2
    // (1652); left 1752; arrived 1802; installed 1806; on at 1812; 1812 − 1360 = 452.
    let outcome = simulate(&input);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (1, 1, 0));
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(452), Some(ns(1806)))
    );

    // priority: picked at 1415, enqueued 1418, when page 0 has 1418 − 1352 = 66 ns done and 34 to go; left 1518, as on
    // an idle link: 218. Page 0 then leaves at 1552, page 1 at 1652, page 2 at 1752: installed 1806.
    input.discipline = Discipline::Priority;
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(218), Some(ns(1806)))
    );

    // fair: from 1418 both at half speed. Page 0's 34 take 68: left 1486, the demand page has 66 to go. Page 1 follows
    // at half speed; 66 take 132: demand page left 1618; arrived 1668; installed 1672; on at 1678: 318. Page 1 has 34
    // to go at full speed: left 1652; page 2 left 1752: installed 1806.
    input.discipline = Discipline::Fair;
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(318), Some(ns(1806)))
    );

    // 1 ps more of latency: R = 1350.001, so the touch is at 1360.001 and page 0 is enqueued at 1352.001. The demand
    // page is enqueued at 1418.002; page 0 has 66.001 done and 33.999 to go, at half speed 67.998: left 1486.000; then
    // 66.001 of the demand page at half speed: 132.002: left 1618.002; + 50.001 + 4 + 6 = 1678.003; less 1360.001.
    input.latency += 1;
    assert_eq!(simulate(&input).stall, 318_002);
}

#[test]
fn fair_shares_to_the_picosecond() {
    // Messages of 1 byte, 8 ps each = 16 half-units; nothing else takes time but the trap: R = 0. Room for two bytes, so
    // pages 0 and 1 are enqueued at 0 and page 2 waits. It is touched at 0.
    let mut input = base(3, &[read(0, 0, 2)]);
    input.discipline = Discipline::Fair;
    input.bandwidth = 1_000_000_000_000;
    (
        input.host_page_bytes,
        input.message_header,
        input.send_buffer,
    ) = (1, 0, 2);
    (input.core_state, input.suspend, input.resume, input.latency) = (0, 0, 0, 0);
    (
        input.push_service,
        input.demand_service,
        input.install,
        input.wake,
    ) = (0, 0, 0, 0);
    let mut check = |trap, stall, total| {
        input.fault_trap = trap;
        let outcome = simulate(&input);
        assert_eq!(
            (outcome.stall, outcome.total_migration_time),
            (stall, Some(total))
        );
    };
    // Demand page enqueued at 5. Page 0 has 16 − 10 = 6 to go at rate 1: left 11, the demand page has 10 to go: left
    // 21, page 1 has 6 to go at rate 2: left 24.
    check(5, 21, 24);
    // At 6: page 0 has 4 to go: left 10, demand page 12 to go: left 22; page 1 4 to go: left 24.
    check(6, 22, 24);
    // At 0, before the first push: page 0 and the demand page leave at 16 both; page 1 takes until 24.
    check(0, 16, 24);
    // At 8, when page 0 has just left: page 1 and the demand page share from 8 to 24.
    check(8, 24, 24);

    // At the same instant touch, handler and request come before the thread.
    input.fault_trap = 0;
    assert_eq!(simulate(&input).push_and_demand_order, [2, 0, 1]);

    // 6.99… → 7 ps a byte; page 1 is a zero page of 3 bytes (20.99… → 21 ps = 42 half-units). Room for four bytes would
    // let page 2 be pushed only with less than 4 queued: 1 + 3 are not less.
    input.bandwidth = 1_142_857_142_858;
    input.zero = vec![false, true, false];
    (input.zero_page_bytes, input.send_buffer) = (3, 4);
    // Demand page (14) enqueued at 4: page 0 has 14 − 8 = 6 to go: left 10; demand page 8 to go: left 18; page 1 has
    // 42 − 8 = 34 to go at rate 2: left 35.
    input.fault_trap = 4;
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (18, Some(35))
    );
}

#[test]
fn two_vcpus_on_one_page() {
    // As on an idle link for vCPU 0: blocked 1360 – 1578. vCPU 1 touches the page at 1370: blocked 1370 – 1578 = 208.
    let mut input = base(1, &[read(10, 0, 0), read(20, 1, 0)]);
    input.vcpus = 2;
    input.push = Push::None;
    let outcome = simulate(&input);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!((outcome.stall, outcome.vcpu_blocktime), (ns(426), ns(208)));
    assert_eq!(outcome.fault_latency_mean, ns(213));
    assert_eq!(
        (outcome.fault_latency_p50, outcome.fault_latency_p99),
        (ns(208), ns(218))
    );
    assert_eq!(outcome.fault_latency_max, ns(218));
    // Touching it only after the request has reached the source (1415), at 1450: 128 ns, and still "requested".
    input.records[1].time_ns = 100;
    let outcome = simulate(&input);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!(outcome.stall, ns(218 + 128));
}

#[test]
fn zero_pages() {
    // Page 0 is zero; page 1 was, but is written before the start position; page 2 is not. Overhead of 10 %.
    let mut input = base(3, &[rec(50, 0, 1, Op::Write), rec(60, 0, 0, Op::Read)]);
    input.start_ns = 100;
    input.zero = vec![true, true, false];
    // Enqueued at 1352, 1354, 1356; left at 1361, 1461, 1561; the last arrives 1611, is installed 1615.
    let outcome = simulate(&input);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (1, 2));
    assert_eq!(
        (outcome.bytes_sent, outcome.total_migration_time),
        (1209, Some(ns(1615)))
    );
    assert_eq!(outcome.page_faults, 0);
    // 1209 bytes with 100 bytes on every 1000: 1329.9, rounded up. The core state takes 1100: R = 1450; the pages leave
    // at 1452 + 9.9, + 110, + 110 = 1681.9; + 50 + 4 = 1735.9.
    input.packet_overhead = 100;
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.bytes_sent, outcome.total_migration_time),
        (1330, Some(1_735_900))
    );
}

#[test]
fn zero_host_pages() {
    // Two trace pages a host page: {0, 1} zero; {2, 3} not; {4, –} zero by its only page; nothing of the fourth: not.
    let mut input = base(4, &[]);
    input.host_shift = 1;
    input.trace_pages = 5;
    input.vm_pages = 5;
    input.zero = vec![true, true, true, false, true];
    let outcome = simulate(&input);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (2, 2));
    // A write during the recording window to trace page 1 makes host page 0 non-zero; the list then has it first.
    input.records = vec![rec(3, 0, 1, Op::Write), rec(4, 0, 4, Op::Execute)];
    input.strategy = Strategy::PreRecord(Order::Recency);
    input.record_window = ns(50);
    let outcome = simulate(&input);
    assert_eq!((outcome.zero_pages_sent, outcome.pages_sent), (1, 3));
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1, 3]);
}

#[test]
fn page_in_flight() {
    // Touched at R, before the thread acts at R: the page is picked at 1350, enqueued 1352, left 1452, arrived 1502,
    // installed 1506, on at 1512. The request arrives at 1405 and is dropped.
    let mut input = base(1, &[read(0, 0, 0)]);
    let outcome = simulate(&input);
    assert_eq!(faults(&outcome), (1, 0, 1));
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(162), Some(ns(1506)))
    );
    // Touched at 1504: installed before the handler acts at 1509; on at 1512.
    input.records[0].time_ns = 154;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 0, 1), ns(8)));
    // Touched at 1506, when it has just been installed: no fault.
    input.records[0].time_ns = 156;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((0, 0, 0), 0));
}

#[test]
fn faulting_again_before_the_first_handler() {
    // Trap 300. Page 0 is touched at R and installed at 1506 by the push; on at 1512. Page 5 is touched at offset 1:
    // 1350 + 1 + 162 = 1513. Page 0's handler at 1650 finds it installed. Page 5's acts at 1813; meanwhile the push
    // goes on: pages 0–5 leave at 1452, …, 1952; page 5 is installed at 2006, on at 2012: 499. The request of 1813
    // arrives at 1863; page 5 was picked when page 2 had left (1652): in flight.
    let mut input = base(6, &[read(0, 0, 0), read(1, 0, 5)]);
    input.fault_trap = ns(300);
    let outcome = simulate(&input);
    assert_eq!(faults(&outcome), (2, 0, 2));
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(162 + 499), Some(ns(2006)))
    );
}

#[test]
fn wrap_around() {
    // Command at 50 of 100: page 1 at 60 is touched at offset 10, page 0 at 10 on the next pass at offset 60.
    // Page 1: 1360 – 1578 (218). Page 0: 1350 + 60 + 218 = 1628, + 212: installed 1840, on at 1846.
    let mut input = base(2, &[read(10, 0, 0), read(60, 0, 1)]);
    (input.duration_ns, input.start_ns, input.wrap) = (100, 50, true);
    input.push = Push::None;
    let outcome = simulate(&input);
    assert_eq!(outcome.push_and_demand_order, [1, 0]);
    assert_eq!((faults(&outcome), outcome.stall), ((2, 2, 0), ns(436)));
    assert_eq!(outcome.total_migration_time, Some(ns(1840)));
    // Idle at the end instead: page 0 never comes.
    input.wrap = false;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 1, 0), ns(218)));
    assert_eq!(
        (outcome.total_migration_time, outcome.pages_sent),
        (None, 1)
    );
    // With wrap-around and a third page that nobody touches the run ends, too.
    input.wrap = true;
    input.pages = 3;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((2, 2, 0), ns(436)));
    assert_eq!(
        (outcome.total_migration_time, outcome.bytes_sent),
        (None, 1200)
    );
}

#[test]
fn window_longer_than_the_trace() {
    // Page 1 is recorded at 10 (trap 7): P = 500 − 7 = 493, R = 500 + 1350 = 1850.
    let mut input = base(2, &[read(10, 0, 1)]);
    input.duration_ns = 100;
    input.record_window = ns(500);
    input.strategy = Strategy::PreRecord(Order::FirstAccess);
    // Page 1 is enqueued at 1852, left 1952, installed 2006; page 0 leaves 2052: installed 2106.
    let outcome = simulate(&input);
    assert_eq!(outcome.push_and_demand_order, [1, 0]);
    assert_eq!((outcome.page_faults, outcome.pps_pages), (0, 1));
    assert_eq!(
        (outcome.downtime, outcome.total_migration_time),
        (ns(1350), Some(ns(2106)))
    );
    // With wrap-around it is recorded at 10, 117, 217, 317 and 417 (510 + 7 is not before 500) and touched next at
    // guest offset 510: o = 17, at 1867; the request finds it sent; on at 2012: 145.
    input.wrap = true;
    let plan = |log: &[Access]| {
        let times: Vec<u64> = log.iter().map(|access| access.time_ps).collect();
        assert_eq!(times, [10, 117, 217, 317, 417].map(ns));
        vec![1, 1, 77, 0] // repeated and unknown pages do no harm
    };
    input.strategy = Strategy::Planned(&plan);
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 0, 1), ns(145)));
    assert_eq!(outcome.push_and_demand_order, [1, 0]);
    assert_eq!(
        (outcome.pps_pages, outcome.total_migration_time),
        (1, Some(ns(2106)))
    );
}

/// vCPU 0: pages 0, 1, 0, 2, 3 at 0, 20, 40, 60, 80; vCPU 1: pages 0, 1 at 10, 30.
///
/// With a window of 100 and a trap of 30: vCPU 0 page 0 at 0 (delay 30); vCPU 1 page 0 at 10 (not first: no delay);
/// vCPU 1 page 1 at 30 (delay 30); vCPU 0 page 1 at 20 + 30 = 50 (not first); page 0 at 70; page 2 at 90 (delay 60);
/// page 3 at 80 + 60 = 140 is too late. P0 = max(100 − 60, 60) = 60; P1 = max(100 − 30, 30) = 70.
fn trapped() -> Input<'static> {
    let mut input = base(
        4,
        &[
            read(0, 0, 0),
            read(20, 0, 1),
            rec(40, 0, 0, Op::Write),
            rec(60, 0, 2, Op::Execute),
            read(80, 0, 3),
            read(10, 1, 0),
            read(30, 1, 1),
        ],
    );
    input.vcpus = 2;
    input.record_window = ns(100);
    input.record_trap = ns(30);
    input.push = Push::None;
    input
}

#[test]
fn recording_traps_shift_the_positions() {
    let mut input = trapped();
    let plan = |log: &[Access]| {
        let access = |time, vcpu, page, op| Access {
            time_ps: ns(time),
            vcpu,
            page,
            op,
        };
        assert_eq!(
            log,
            [
                access(0, 0, 0, Op::Read),
                access(10, 1, 0, Op::Read),
                access(30, 1, 1, Op::Read),
                access(50, 0, 1, Op::Read),
                access(70, 0, 0, Op::Write),
                access(90, 0, 2, Op::Execute),
            ]
        );
        vec![0, 1, 2]
    };
    input.strategy = Strategy::Planned(&plan);
    // R = 1450. Enqueued at 1452, 1454, 1456; left 1552, 1652, 1752; installed 1606, 1706, 1806. vCPU 0 has page 2 at
    // o = 0: blocked 1450 – 1812 (362), in flight (request at 1505, picked at 1454). Page 3 at o = 20: 1450 + 20 + 362 =
    // 1832, idle link: installed 2044, 218. vCPU 1 has nothing left to do.
    let outcome = simulate(&input);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (2, 1, 1));
    assert_eq!((outcome.stall, outcome.vcpu_blocktime), (ns(580), 0));
    assert_eq!((outcome.downtime, outcome.pps_pages), (ns(1350), 3));
    assert_eq!(outcome.total_migration_time, Some(ns(2044)));
    // Rounded to multiples of 25: P0 = 50 (60 + 12.5 → 2 · 25), P1 = 75. Page 2 at o = 10: 1460 – 1812 (352); page 3 at
    // o = 30: 1450 + 30 + 352 = 1832.
    input.compaction_ns = 25;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((2, 1, 1), ns(570)));
    assert_eq!(outcome.total_migration_time, Some(ns(2044)));
    // Rounded to multiples of 40: P0 = 80 (60 + 20 = 2 · 40), so that page 3 is touched at R. Its request arrives at 1505;
    // picked when page 0 has left, at 1552, enqueued 1555, left 1852, installed 1906, on at 1912: 462.
    input.compaction_ns = 40;
    let outcome = simulate(&input);
    assert_eq!((faults(&outcome), outcome.stall), ((1, 1, 0), ns(462)));
    // An access at the very end of the window is not recorded: page 2 comes at 90.
    input.strategy = Strategy::PreRecord(Order::Address);
    input.record_window = ns(90);
    assert_eq!(simulate(&input).pps_pages, 2);
    input.record_window += 1;
    assert_eq!(simulate(&input).pps_pages, 3);
}

#[test]
fn orders_of_the_pps() {
    let order = |order| {
        let mut input = trapped();
        input.strategy = Strategy::PreRecord(order);
        simulate(&input).push_and_demand_order
    };
    // Recorded: 0, 0, 1, 1, 0, 2; page 3 on demand.
    assert_eq!(order(Order::FirstAccess), [0, 1, 2, 3]);
    assert_eq!(order(Order::Recency), [2, 0, 1, 3]);
    assert_eq!(order(Order::Frequency), [0, 1, 2, 3]);
    // Pages 3, 1, 2, 1 recorded: one order each.
    let order = |order| {
        let records = [read(1, 0, 3), read(2, 0, 1), read(3, 0, 2), read(4, 0, 1)];
        let mut input = base(4, &records);
        input.record_window = ns(50);
        input.strategy = Strategy::PreRecord(order);
        simulate(&input).push_and_demand_order
    };
    assert_eq!(order(Order::FirstAccess), [3, 1, 2, 0]);
    assert_eq!(order(Order::Recency), [1, 2, 3, 0]);
    assert_eq!(order(Order::Frequency), [1, 3, 2, 0]);
    assert_eq!(order(Order::Address), [1, 2, 3, 0]);
}

#[test]
fn core_state_during_the_window() {
    // W' = max(100, 1000) = 1000; R = 1000 + 100 + 50 + 200 = 1350; downtime 350. All of the trace is recorded.
    let mut input = trapped();
    input.overlap_core = true;
    input.strategy = Strategy::PreRecord(Order::Address);
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.downtime, outcome.pps_pages, outcome.page_faults),
        (ns(350), 4, 0)
    );
    // Enqueued 1352, 1354, 1356, and (room at 1452) 1454; left 1452, …, 1752; installed 1806.
    assert_eq!(outcome.total_migration_time, Some(ns(1806)));
    // 4 pages and the core state.
    assert_eq!(outcome.bytes_sent, 1400);
}

#[test]
fn synchronous_demand_pages() {
    // Room for one message at a time. Page 0: enqueued 1352, left 1452. The request for page 2 arrives at 1415; picked
    // at 1452, enqueued 1455, left 1555, installed 1609, on at 1615: 255.
    let mut input = base(3, &[read(10, 0, 2)]);
    input.send_buffer = 100;
    // Pipelined: page 1 is picked at 1555, enqueued 1557, left 1657, installed 1711.
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(255), Some(ns(1711)))
    );
    // Synchronous: the acknowledgement leaves at 1609 and arrives at 1659; page 1 is enqueued 1661, left 1761,
    // installed 1815.
    input.synchronous = true;
    let outcome = simulate(&input);
    assert_eq!(
        (outcome.stall, outcome.total_migration_time),
        (ns(255), Some(ns(1815)))
    );
    assert_eq!(outcome.push_and_demand_order, [0, 2, 1]);
}

#[test]
fn scans_after_a_fault() {
    // One message at a time; page 0 is on the link when the request for page 3 arrives.
    let order = |push| {
        let mut input = base(7, &[read(10, 0, 3)]);
        input.send_buffer = 100;
        input.push = push;
        simulate(&input).push_and_demand_order
    };
    assert_eq!(order(Push::Linear), [0, 3, 1, 2, 4, 5, 6]);
    assert_eq!(order(Push::Pivot), [0, 3, 4, 5, 6, 1, 2]);
    assert_eq!(order(Push::Bubble), [0, 3, 4, 2, 5, 1, 6]);
    assert_eq!(order(Push::None), [3]);
}

#[test]
fn a_fault_pauses_the_vm() {
    // Both vCPUs touch at 1360, pages 0 and 1. vCPU 0 pauses the VM until 1578; vCPU 1's touch comes then and pauses it
    // until 1796 (installed 1790). Each pause counts for both.
    let mut input = base(2, &[read(10, 0, 0), read(10, 1, 1)]);
    input.vcpus = 2;
    input.push = Push::None;
    input.blocks_vm = true;
    let outcome = simulate(&input);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!((outcome.stall, outcome.vcpu_blocktime), (ns(872), ns(436)));
    assert_eq!(
        (outcome.fault_latency_mean, outcome.fault_latency_max),
        (ns(218), ns(218))
    );
    assert_eq!(outcome.total_migration_time, Some(ns(1790)));
    // One vCPU each: the two requests go out together; page 0 is enqueued at 1418, page 1 at 1421; left 1518 and 1618;
    // installed 1572 and 1672; stalls 218 and 318, both blocked for 218.
    input.blocks_vm = false;
    let outcome = simulate(&input);
    assert_eq!((outcome.stall, outcome.vcpu_blocktime), (ns(536), ns(218)));
    assert_eq!(outcome.total_migration_time, Some(ns(1672)));
}

#[test]
fn one_receiver_installs_in_turn() {
    // Left 1452 and 1552, arrived 1502 and 1602; install of 200: 1702, then 1702 + 200 = 1902.
    let mut input = base(2, &[]);
    input.install = ns(200);
    assert_eq!(simulate(&input).total_migration_time, Some(ns(1902)));
}

#[test]
fn clairvoyant_pushes_in_touch_order() {
    // Offsets: page 2 at 5 (vCPU 1; at 30 by vCPU 0), pages 0 and 3 at 10, page 1 at 10 − 50 + 90 = 50 on the second
    // pass, page 4 never.
    // The file's order across times does not matter: the records of each vCPU are sorted.
    let records = [
        read(60, 0, 3),
        read(80, 0, 2),
        read(60, 1, 0),
        read(55, 1, 2),
        read(10, 1, 1),
    ];
    let mut input = base(5, &records);
    (input.duration_ns, input.start_ns, input.wrap, input.vcpus) = (90, 50, true, 2);
    input.push = Push::None; // the strategy has its own
    input.strategy = Strategy::Clairvoyant;
    input.fault_trap = ns(100_000); // no request gets through before the push is over
    assert_eq!(simulate(&input).push_and_demand_order, [2, 0, 3, 1, 4]);
}

#[test]
fn recorder_slow_down() {
    // time_scale = 1/3: scale_fp = round(1000 · 2^20 / 3) = 349,525,333; scale(10) = (3,495,253,330 + 524,288) >> 20 =
    // 3,333.8… → 3333 ps. In flight: stall = 1512 − 1353.333 = 158.667.
    let mut input = base(1, &[read(10, 0, 0)]);
    input.scale_fp = 349_525_333;
    assert_eq!(simulate(&input).stall, 158_667);
}

#[test]
fn back_to_90_per_cent() {
    const MS: u64 = 1_000_000_000;
    // A handler of 50 ms makes a fault of 50 ms + 213 ns (218 without the trap of 5 ns), from 1360 ns on. f(t) is the
    // rest of it, so the guest is slow while more than 10 ms are left: x = 10 ns + 50 ms + 213 ns − 10 ms.
    let mut input = base(1, &[read(10, 0, 0)]);
    input.push = Push::None;
    input.fault_trap = 50 * MS;
    assert_eq!(simulate(&input).time_to_90pct_speed, 40 * MS + ns(223));
    // Two vCPUs, one of them blocked: 20 ms may be left. Both blocked on the page: 10 ms each.
    input.vcpus = 2;
    assert_eq!(simulate(&input).time_to_90pct_speed, 30 * MS + ns(223));
    input.records.push(read(10, 1, 0));
    assert_eq!(simulate(&input).time_to_90pct_speed, 40 * MS + ns(223));
    // In vm mode one pause counts for both.
    input.records.pop();
    input.blocks_vm = true;
    assert_eq!(simulate(&input).time_to_90pct_speed, 40 * MS + ns(223));

    // Fast at first, slow later: stalls of 6 ms + 213 ns from o = 150 ms and, 20 ms of running later, from o = 170 ms.
    // S = 6 ms + 213 ns; A = [150, 150 + S), B = [170 + S, 170 + 2S) after R. f first exceeds 10 ms while A is whole in
    // the window; the last time, when the rest of A and the whole of B come to 10 ms: A's end less 10 ms − S. Hence
    // x = 150 ms + S − (10 ms − S) = 140 ms + 2S = 152 ms + 426 ns.
    let mut input = base(2, &[read(150_000_000, 0, 0), read(170_000_000, 0, 1)]);
    input.duration_ns = 1_000_000_000;
    input.push = Push::None;
    input.fault_trap = 6 * MS;
    let outcome = simulate(&input);
    assert_eq!(outcome.stall, 12 * MS + ns(426));
    assert_eq!(outcome.time_to_90pct_speed, 152 * MS + ns(426));
    // Exactly 10 ms in 100 ms is fast enough.
    let mut input = base(1, &[read(10, 0, 0)]);
    input.push = Push::None;
    input.fault_trap = 10 * MS - ns(213);
    assert_eq!(simulate(&input).time_to_90pct_speed, 0);
    // One picosecond more is too much until one picosecond of the stall, which begins after 10 ns, has gone by.
    input.fault_trap += 1;
    assert_eq!(simulate(&input).time_to_90pct_speed, ns(10) + 1);
}

#[test]
fn downtime_and_resume() {
    assert_eq!(simulate(&base(1, &[])).downtime, ns(1350));
    // 8 · 10^12 / (3 · 10^12) = 2.67 ps a byte, rounded up a message.
    let mut input = base(1, &[]);
    input.bandwidth = 3_000_000_000_000;
    assert_eq!(
        (input.tx(0), input.tx(1), input.tx(2), input.tx(3)),
        (0, 3, 6, 8)
    );
}

/// Stalls of whole milliseconds on a grid of milliseconds, tried out one by one.
#[test]
fn back_to_90_per_cent_by_trial() {
    const MS: u64 = 1_000_000_000;
    for seed in 0..300 {
        let mut random = Random(seed);
        // Messages of no bytes and nothing that takes time but the trap: R = 0, and every stall is the trap.
        let trap = 1 + random.below(12);
        let mut records = Vec::new();
        let mut blocked: Vec<u64> = Vec::new(); // milliseconds in which the vCPU is blocked
        let mut offset = 0;
        for page in 0..1 + random.below(30) as u32 {
            let gap = random.pick(&[40, 40, 40, 150]);
            offset += random.below(gap);
            records.push(read(offset * 1_000_000, 0, page));
            let from = offset + u64::from(page) * trap;
            blocked.extend(from..from + trap);
        }
        let mut input = base(30, &records);
        input.duration_ns = 10_000_000_000;
        (input.host_page_bytes, input.message_header) = (0, 0);
        (input.core_state, input.suspend, input.resume, input.latency) = (0, 0, 0, 0);
        (
            input.push_service,
            input.demand_service,
            input.install,
            input.wake,
        ) = (0, 0, 0, 0);
        input.push = Push::None;
        input.fault_trap = trap * MS;
        if random.below(2) == 0 {
            (input.vcpus, input.blocks_vm) = (2, true); // both blocked at once, against twice the limit
        }
        // f is whole on the grid and changes by at most 1 ms from one point to the next, so that it comes down to the
        // limit on a point of the grid.
        let f = |t: u64| {
            blocked
                .iter()
                .filter(|&&ms| t <= ms && ms < t + 100)
                .count()
        };
        let last_bad = (0..5000).rev().find(|&t| f(t) > 10);
        let expected = last_bad.map_or(0, |t| (t + 1) * MS);
        assert_eq!(simulate(&input).time_to_90pct_speed, expected, "{input:?}");
    }
}

/// A small generator (SplitMix64), so that the cases are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

#[test]
fn what_holds_for_every_run() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let pages = 1 + random.below(12) as u32;
        let vcpus = 1 + random.below(3) as u16;
        let mut records = Vec::new();
        for _ in 0..random.below(40) {
            let op = random.pick(&[Op::Read, Op::Write, Op::Execute]);
            let page = random.below(u64::from(pages)) as u32;
            records.push(rec(
                random.below(600),
                random.below(u64::from(vcpus)) as u16,
                page,
                op,
            ));
        }
        let reversed = |log: &[Access]| log.iter().rev().map(|access| access.page).collect();
        let mut input = base(pages, &records);
        input.vcpus = vcpus;
        input.duration_ns = 600;
        input.compaction_ns = random.pick(&[0, 0, 20]);
        input.start_ns = random.pick(&[0, 200, 580]);
        input.scale_fp = random.pick(&[1000 << 20, 349_525_333]);
        input.wrap = random.below(2) == 0;
        input.zero = (0..pages).map(|_| random.below(3) == 0).collect();
        input.host_shift = random.below(2) as u32;
        input.latency = random.pick(&[0, ns(50), ns(300)]);
        input.discipline = random.pick(&[Discipline::Fifo, Discipline::Fair, Discipline::Priority]);
        input.push = random.pick(&[Push::Linear, Push::Pivot, Push::Bubble, Push::None]);
        input.push_service = random.pick(&[0, ns(2), ns(150)]);
        input.demand_service = random.pick(&[0, ns(3)]);
        input.send_buffer = random.pick(&[1, 100, 250, 100_000]);
        input.synchronous = random.below(2) == 0;
        input.fault_trap = random.pick(&[0, ns(5), ns(500)]);
        input.install = random.pick(&[0, ns(4), ns(200)]);
        input.wake = random.pick(&[0, ns(6)]);
        input.blocks_vm = random.below(3) == 0;
        input.record_window = random.pick(&[0, ns(100), ns(1000)]);
        input.overlap_core = random.below(3) == 0;
        input.strategy = random.pick(&[
            Strategy::PostCopy,
            Strategy::PreRecord(Order::Recency),
            Strategy::Planned(&reversed),
            Strategy::Clairvoyant,
        ]);

        let outcome = simulate(&input);
        let mut sent = outcome.push_and_demand_order.clone();
        sent.sort_unstable();
        sent.dedup();
        let messages = outcome.pages_sent + outcome.zero_pages_sent;
        assert_eq!(
            sent.len() as u64,
            messages,
            "no page is sent twice: {input:?}"
        );
        assert_eq!(
            outcome.total_migration_time.is_some(),
            messages == u64::from(pages)
        );
        assert_eq!(
            outcome.requested_faults + outcome.in_flight_faults,
            outcome.page_faults
        );
        assert!(
            outcome.vcpu_blocktime * u64::from(vcpus) <= outcome.stall,
            "{input:?}"
        );
        assert!(
            outcome.fault_latency_p50 <= outcome.fault_latency_p99,
            "{input:?}"
        );
        assert!(
            outcome.fault_latency_p99 <= outcome.fault_latency_max,
            "{input:?}"
        );
        let touches = if input.blocks_vm { 1 } else { u64::from(vcpus) };
        assert!(
            outcome.page_faults <= u64::from(pages) * touches,
            "{input:?}"
        );
        let pushes_all =
            input.push != Push::None || matches!(input.strategy, Strategy::Clairvoyant);
        assert!(!pushes_all || messages == u64::from(pages), "{input:?}");
        assert_eq!(outcome, simulate(&input), "the same again");
    }
}
