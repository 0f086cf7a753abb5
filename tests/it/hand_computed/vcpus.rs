//! vCPUs: on their own, together, and idle.

use migsim::guest::replay::AtEnd;
use migsim::host::destination::FaultBlocks;
use migsim::trace::IdleSpan;
use migsim::units::SimTime;

use super::{Case, base, faults, ns, on_demand, read, simulate, takes};

#[test]
fn two_vcpus_on_one_page() {
    // As on an idle link for vCPU 0: blocked 1360 – 1578. vCPU 1 touches the page at 1370: blocked 1370 – 1578 = 208.
    let mut case = on_demand(1, &[read(10, 0, 0), read(20, 1, 0)]);
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!(
        (outcome.stall, outcome.all_vcpus_blocked),
        (ns(426), ns(208))
    );
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
    // The first block begins with the resume, and is one interruption with the downtime.
    assert_eq!(outcome.interruption, ns(1350 + 162 + 499));
    assert_eq!(outcome.longest_interruption, ns(1350 + 162));
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
fn a_fault_pauses_the_vm() {
    // Both vCPUs touch at 1360, pages 0 and 1. vCPU 0 pauses the VM until 1578; vCPU 1's touch comes then and pauses it
    // until 1796 (installed 1790). Each pause counts for both.
    let mut case = on_demand(2, &[read(10, 0, 0), read(10, 1, 1)]);
    case.scenario.destination.fault_blocks = FaultBlocks::Vm;
    let outcome = simulate(&case);
    assert_eq!(faults(&outcome), (2, 2, 0));
    assert_eq!(outcome.all_vcpus_blocked, ns(436));
    assert_eq!(outcome.fault_latency_mean, ns(218));
    assert_eq!(outcome.fault_latency_max, ns(218));
    takes(&outcome, ns(872), ns(1790));
    // One vCPU each: the two requests go out together; page 0 is enqueued at 1418, page 1 at 1421; left 1518 and 1618;
    // installed 1572 and 1672; stalls 218 and 318, both blocked for 218.
    case.scenario.destination.fault_blocks = FaultBlocks::Vcpu;
    let outcome = simulate(&case);
    assert_eq!(outcome.all_vcpus_blocked, ns(218));
    takes(&outcome, ns(536), ns(1672));
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

/// `vcpu` had nothing to do from one time until another, in nanoseconds.
fn idle(vcpu: u16, from_ns: u64, until_ns: u64) -> IdleSpan {
    IdleSpan {
        vcpu,
        from_ns,
        until_ns,
    }
}

/// Page 0 is touched by vCPU 0 at 10, page 1 by vCPU 1 at 30.
fn one_page_each() -> Case {
    on_demand(2, &[read(10, 0, 0), read(30, 1, 1)])
}

#[test]
fn a_vcpu_that_another_wakes_waits_for_it() {
    // vCPU 1 goes idle at 1355. vCPU 0 faults at 1360, at 10 of its own time, goes on at 1578, and is at 20 at 1588:
    // there it wakes vCPU 1, which touches its page 10 later, at 1598; installed 1810.
    let mut case = one_page_each();
    case.idle = vec![idle(1, 5, 20)];
    takes(&simulate(&case), ns(436), ns(1810));
    // A third one, which touches nothing, is at 20 at 1370. The touch is at 1380; the request arrives at 1435, behind
    // the other's; enqueued 1438, left 1618, installed 1672, on at 1678: 298.
    case.vcpus = 3;
    takes(&simulate(&case), ns(516), ns(1672));
}

#[test]
fn a_vcpu_that_nobody_wakes_has_a_timer() {
    // vCPU 0 was idle as well when vCPU 1 was woken: that sleeps for 15, until 1370, and touches its page at 1380.
    let mut case = one_page_each();
    case.idle = vec![idle(0, 15, 25), idle(1, 5, 20)];
    takes(&simulate(&case), ns(516), ns(1672));
    // Its own stall does not shorten the sleep: touches at 1353 and, 218 later, 1350 + 30 + 218 = 1598.
    let mut case = on_demand(2, &[read(3, 0, 0), read(30, 0, 1)]);
    case.idle = vec![idle(0, 5, 20)];
    takes(&simulate(&case), ns(436), ns(1810));
    // A touch in the midst of it comes at its end, at 1370; installed 1582.
    let mut case = on_demand(1, &[read(10, 0, 0)]);
    case.idle = vec![idle(0, 5, 20)];
    takes(&simulate(&case), ns(218), ns(1582));
}

#[test]
fn timers_stand_still_with_the_vm() {
    // vCPU 1 sleeps from 1355. vCPU 0 faults at 1360; from 1578 on the sleep has 10 to go. The touch is at 1598, and
    // each of the two stalls counts for both.
    let mut case = one_page_each();
    case.idle = vec![idle(0, 15, 25), idle(1, 5, 20)];
    case.scenario.destination.fault_blocks = FaultBlocks::Vm;
    takes(&simulate(&case), ns(872), ns(1810));
    // Woken by vCPU 0 instead, which is at 20 at 1588: the same.
    case.idle = vec![idle(1, 5, 20)];
    takes(&simulate(&case), ns(872), ns(1810));
}

#[test]
fn idle_across_the_switch_over_and_the_trace_s_end() {
    // From 990 on the trace goes on at 0 after 10. vCPU 1 is idle from before the switch-over until 5 in the next pass;
    // there vCPU 0, which faults at 4, is at 1350 + 15 + 218. The touch of page 1 is 1 later, at 1584; installed 1796.
    let mut case = on_demand(2, &[read(994, 0, 0), read(6, 1, 1)]);
    case.duration_ns = 1000;
    case.scenario.trace.start = SimTime::from_ns(990);
    case.scenario.trace.at_end = AtEnd::Wrap;
    case.idle = vec![idle(1, 0, 5), idle(1, 980, 1000)];
    takes(&simulate(&case), ns(436), ns(1796));
}
