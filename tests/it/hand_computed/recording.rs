//! Strategies that record: the window, the plan, and who delivers it.

use migsim::guest::replay::AtEnd;
use migsim::guest::replay::TimeScale;
use migsim::scenario::Delivery;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::trace::Op;
use migsim::units::SimTime;

use super::{
    Case, base, bits_per_second, faults, ns, on_demand, read, record, simulate, simulate_as, takes,
};

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
    let recorded = crate::pair::as_recorded(&case.recorded_switch_over(&case.trace()));
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
    case.scenario.migration.delivery = Delivery::DestinationFetch(fetchers);
    case.scenario.source.record_trap = SimTime::ZERO;
    case.scenario.pre_record.order = PpsOrder::FirstAccess;
    case
}

#[test]
fn the_destination_fetches_the_plan() {
    // One thread. Page 2: touched 1450, request 1505, enqueued 1508, left 1608, installed 1662; the thread goes on at
    // 1668 with page 1: request 1723, enqueued 1726, left 1826, installed 1880. The vCPU touches page 0 at 1480:
    // request 1535, enqueued 1538, left 1708, installed 1762, on at 1768: 288.
    let outcome = simulate_as("pre-record", &fetched(1, 0));
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 3));
    takes(&outcome, ns(288), ns(1880));
    // Two threads: both requests at 1505, in the plan's order, enqueued at 1508 and 1511. Page 0 waits behind both:
    // left 1808, installed 1862, on at 1868: 388.
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
    // Pushed: 0, 1, 2, enqueued at 1452, 1454, 1456; left 1552, 1652, 1752. The request for page 2 comes at 1505, too
    // late; page 1 is there, at 1706, when the thread goes on. Page 0: 1480 – 1612.
    let mut case = fetched(1, 0);
    case.scenario.source.push = Push::Linear;
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 0, 1), 2));
    takes(&outcome, ns(132), ns(1806));
}

#[test]
fn a_push_that_waits_for_the_plan() {
    // The thread comes to page 1, the plan's last, at 1668; the source hears of it at 1718, and pushes page 1, enqueued
    // at 1720, before its request comes at 1723: left 1820, installed 1874. Until then all is as without any push.
    let mut case = fetched(1, 0);
    case.scenario.source.push = Push::Linear;
    case.scenario.migration.delivery = Delivery::FetchThenPush(1);
    case.scenario.source.limiter_period = Some(SimTime::ZERO);
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [2, 0, 1]);
    assert_eq!((faults(&outcome), outcome.requests), ((1, 1, 0), 3));
    takes(&outcome, ns(288), ns(1874));
    // With periods of 100 from the suspension at 100 on, the push begins at 1800, and page 1 goes at its request.
    case.scenario.source.limiter_period = Some(SimTime::from_ns(100));
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
    let recorded = crate::pair::as_recorded(&case.recorded_switch_over(&case.trace()));
    let access = |time, vcpu, page, op| crate::naive::Access {
        time_ps: ns(time),
        vcpu,
        page,
        op,
    };
    assert_eq!(
        recorded,
        [
            access(0, 0, 0, crate::naive::Op::Read),
            access(10, 1, 0, crate::naive::Op::Read),
            access(30, 1, 1, crate::naive::Op::Read),
            access(50, 0, 1, crate::naive::Op::Read),
            access(70, 0, 0, crate::naive::Op::Write),
            access(90, 0, 2, crate::naive::Op::Execute),
        ]
    );
    // Pushed: 0, 1, 2. R = 1450. Enqueued at 1452, 1454, 1456; left 1552, 1652, 1752; installed 1606, 1706, 1806. vCPU
    // 0 has page 2 at o = 0: blocked 1450 – 1812 (362), in flight (request at 1505, picked at 1454). Page 3 at o = 20:
    // 1450 + 20 + 362 = 1832, idle link: installed 2044, 218. vCPU 1 has nothing left to do.
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [0, 1, 2, 3]);
    assert_eq!(faults(&outcome), (2, 1, 1));
    assert_eq!((outcome.downtime, outcome.pps_pages), (ns(1350), 3));
    assert_eq!(outcome.all_vcpus_blocked, 0);
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
    // Suspend 100 + core state 1000 + latency 50 + resume 200 = 1350 for all, whatever the window.
    for window in [0, 5000] {
        let mut case = trapped();
        case.scenario.migration.record_window = SimTime::from_ns(window);
        for strategy in [
            "post-copy",
            "pre-record",
            "pre-record+pdopmp",
            "clairvoyant",
        ] {
            let outcome = simulate_as(strategy, &case);
            assert_eq!(outcome.downtime, ns(1350), "{strategy}, {window}");
        }
    }
    // 8 · 10^12 / (3 · 10^12) = 2.67 ps a byte, rounded up a message: 1000 bytes take 2667 ps.
    let mut case = base(1, &[]);
    case.scenario.link.bandwidth = bits_per_second(3_000_000_000_000);
    assert_eq!(simulate(&case).downtime, ns(350) + 2667);
}

#[test]
fn a_planner_beside_the_hypervisor() {
    // W = 50, planning 20, no trap: page 0 is recorded, page 1 touched at 60 is not, and the VM is suspended at 70. R =
    // 1420: pages 0 and 1 leave at 1522 and 1622; installed 1676.
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
fn a_migration_is_set_up_while_the_vm_runs() {
    // The VM runs on until 70, so that page 0 is touched on the source and page 1 at R + 30. All else is 70 later than
    // at once: R = 1420, and the pages leave at 1522 and 1622; the second is installed at 1676.
    let mut case = base(2, &[read(60, 0, 0), read(100, 0, 1)]);
    case.scenario.migration.setup_time = SimTime::from_ns(70);
    let outcome = simulate(&case);
    assert_eq!((outcome.downtime, outcome.page_faults), (ns(1350), 1));
    // Touched at 1450, on again at 1676 + 6.
    takes(&outcome, ns(1682 - 1450), ns(1676));
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
