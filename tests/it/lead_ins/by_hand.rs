//! Lead-ins that send memory, worked out by hand.
//!
//! A byte takes 1 ns on the wire; a page of 64 bytes and its header of 36 take 100 ns; push service 2 ns; the
//! migration thread takes a page while less than 250 bytes are queued. So pages are picked at 0, 2, 4, 102, 202, …
//! Times in comments are nanoseconds after the migration command.

use crate::hand_computed::{base, ns, read, record, simulate_as};
use crate::pair::Case;
use migsim::guest::recording::record_last;
use migsim::guest::replay::AtEnd;
use migsim::host::source::ZeroPageDetection;
use migsim::migration::SwitchOver;
use migsim::run::compare::compare;
use migsim::strategy::Registry;
use migsim::strategy::lead_in::{Remainder, Rounds, Tracking};
use migsim::trace::{Op, Record};
use migsim::units::{Bandwidth, Bytes, SimTime};

fn write(time_ns: u64, page: u32) -> Record {
    record(time_ns, 0, page, Op::Write)
}

/// The missing pages of a lead-in, and when the VM was suspended.
fn missing(case: &Case, lead_in: impl Fn(&Case) -> SwitchOver) -> (Vec<u32>, u64) {
    let switch_over = lead_in(case);
    (
        switch_over.missing.iter().collect(),
        switch_over.suspended_at.as_ps(),
    )
}

fn rounds(case: &Case) -> Rounds {
    Rounds {
        time: case.scenario.hybrid.time,
        iteration: case.scenario.hybrid.iteration,
        ..Rounds::at_most(case.scenario.hybrid.rounds, Remainder::AfterResume)
    }
}

fn over_dirty_log(case: &Case) -> SwitchOver {
    let trace = case.trace();
    let replay = case.scenario.replay(&trace).expect("it fits");
    SwitchOver::after_rounds(&case.scenario, &replay, rounds(case)).expect("a sound case")
}

fn recorded(case: &Case, cold_first: bool) -> SwitchOver {
    let trace = case.trace();
    let replay = case.scenario.replay(&trace).expect("it fits");
    let rounds = Rounds {
        tracking: Tracking::Recorder { cold_first },
        ..rounds(case)
    };
    SwitchOver::after_recorded_rounds(&case.scenario, &replay, rounds, cold_first)
        .expect("a sound case")
}

/// Six pages, picked at 0, 2, 4, 102, 202 and 302, so that the round is over at 304. Page 4 is written at 100, before
/// it is sent, and page 1 at 150, after it was.
fn six_pages() -> Case {
    let mut case = base(6, &[write(100, 4), write(150, 1)]);
    case.scenario.source.record_trap = SimTime::ZERO;
    case
}

#[test]
fn dirty_bits_are_as_exact_as_the_chunks_of_the_log() {
    let mut case = six_pages();
    assert_eq!(missing(&case, over_dirty_log), (vec![1, 4], ns(304)));
    // Pages 4 and 5 are cleared at 202, when page 4 is sent.
    case.scenario.source.dirty_log_chunk = Bytes(128);
    assert_eq!(missing(&case, over_dirty_log), (vec![1], ns(304)));
    // Pages 3 to 5 are cleared at 102.
    case.scenario.source.dirty_log_chunk = Bytes(192);
    assert_eq!(missing(&case, over_dirty_log), (vec![1], ns(304)));
    // In a trace that is exact at multiples of 120 only, page 4's write may go on until 120, before it is cleared at
    // 202.
    case.scenario.source.dirty_log_chunk = Bytes(128);
    case.compaction_ns = 120;
    case.duration_ns = 1_200_000;
    assert_eq!(missing(&case, over_dirty_log).0, [1]);
    // One at 130 may come again until 240.
    case.records = vec![write(130, 4), write(150, 1)];
    assert_eq!(missing(&case, over_dirty_log).0, [1, 4]);
}

#[test]
fn the_next_round_goes_on_until_the_command_to_switch_is_found() {
    let mut case = six_pages();
    case.scenario.source.dirty_log_chunk = Bytes(1 << 30);
    // The next round has room for page 1 at 402, and for page 4 a page later.
    case.scenario.hybrid.iteration = SimTime::from_ns(98);
    assert_eq!(missing(&case, over_dirty_log), (vec![1, 4], ns(402)));
    case.scenario.hybrid.iteration = SimTime::from_ns(99);
    assert_eq!(missing(&case, over_dirty_log), (vec![4], ns(404)));
    // Page 1 is written again after it was sent.
    case.records.push(write(403, 1));
    assert_eq!(missing(&case, over_dirty_log), (vec![1, 4], ns(404)));
}

#[test]
fn a_recorder_beside_the_hypervisor_sees_the_last_accesses() {
    let mut case = six_pages();
    case.records = vec![write(100, 4), write(150, 1), read(300, 0, 2)];
    case.scenario.migration.record_window = SimTime::from_ns(154);
    let trace = case.trace();
    let replay = case.scenario.replay(&trace).expect("it fits");
    let rounds = Rounds {
        tracking: Tracking::DirtyLogAndRecording,
        ..rounds(&case)
    };
    let switch_over = SwitchOver::after_rounds(&case.scenario, &replay, rounds).expect("sound");
    // From 150 to 304, and counted from there.
    let seen = switch_over.recording.accesses.iter();
    let seen: Vec<_> = seen
        .map(|access| (access.time.as_ps(), access.page))
        .collect();
    assert_eq!(seen, [(0, 1), (ns(150), 2)]);
    assert_eq!(missing(&case, over_dirty_log).0, [1, 4]);
    // What was before the window does not count, however much it is.
    case.scenario.trace.at_end = AtEnd::Wrap;
    let replay = case.scenario.replay(&trace).expect("it fits");
    let passes = replay.pass().times(100_000_000);
    let until = passes + SimTime::from_ns(304);
    let late = record_last(&replay, SimTime::from_ns(154), until).expect("two accesses");
    let late = late.accesses.iter();
    let late: Vec<_> = late
        .map(|access| (access.time.as_ps(), access.page))
        .collect();
    assert_eq!(late, seen);
}

#[test]
fn a_round_is_cut_off_by_the_time() {
    let mut case = six_pages();
    // Pages 0 to 3 have been picked by 200, page 4 would be at 202.
    case.scenario.hybrid.time = Some(SimTime::from_ns(200));
    assert_eq!(missing(&case, over_dirty_log), (vec![1, 4, 5], ns(200)));
    assert_eq!(
        missing(&case, |case| recorded(case, false)),
        (vec![1, 4, 5], ns(200))
    );
    // The thread is still busy with page 4 at 203.
    case.scenario.hybrid.time = Some(SimTime::from_ns(203));
    assert_eq!(
        missing(&case, |case| recorded(case, false)),
        (vec![1, 5], ns(204))
    );
}

#[test]
fn cold_pages_go_first() {
    // Page 4 is put off at 102; at 202 page 5 goes, at 302 page 4.
    let mut case = six_pages();
    case.records.push(write(250, 5));
    assert_eq!(
        missing(&case, |case| recorded(case, true)),
        (vec![1, 5], ns(304))
    );
    // By address page 4 goes at 202 and page 5 at 302, after it was written.
    assert_eq!(
        missing(&case, |case| recorded(case, false)),
        (vec![1], ns(304))
    );
    // Log read at 150, 300: page 4 is put off at 202, when its write of 100 is known.
    case.scenario.source.dirty_log_interval = SimTime::from_ns(150);
    assert_eq!(missing(&case, |case| recorded(case, true)).0, [1, 5]);
    // Read at 280: page 4 goes at 202, page 5 at 302, for its write of 250 is known and it is the last.
    case.scenario.source.dirty_log_interval = SimTime::from_ns(280);
    assert_eq!(missing(&case, |case| recorded(case, true)).0, [1]);
}

#[test]
fn a_sent_page_traps_again() {
    // One vCPU reads page 0 at 10 (trap 7), and again at 50, 57 by the clock: it was sent at 0 before the first, and
    // not again, so that is free. It reads page 5 at 60, 67 by the clock (trap 7), and at 400, long after the round.
    let mut case = base(6, &[read(10, 0, 0), read(50, 0, 0), read(60, 0, 5)]);
    assert_eq!(
        recorded(&case, true).touch_order.vcpus()[0].position,
        SimTime::from_ns(304 - 14)
    );
    // Read at 310 by the guest's clock: page 5, sent at 302, is protected again, but the round is over.
    case.records.push(read(280, 0, 5));
    // 280 + 14 = 294, before page 5 is sent at 302: free.
    assert_eq!(
        recorded(&case, true).touch_order.vcpus()[0].position,
        SimTime::from_ns(304 - 14)
    );
    // Page 1, sent at 2, traps at 130 + 14.
    case.records.insert(3, read(130, 0, 1));
    assert_eq!(
        recorded(&case, true).touch_order.vcpus()[0].position,
        SimTime::from_ns(304 - 21)
    );
    // Page 3 before it is sent at 102 and after: two traps.
    case.records.insert(4, read(150, 0, 3));
    case.records.insert(3, read(70, 0, 3));
    assert_eq!(
        recorded(&case, true).touch_order.vcpus()[0].position,
        SimTime::from_ns(304 - 35)
    );
}

#[test]
fn hybrid_pre_record_pushes_what_was_used_last_first() {
    // Pages 1, 2 and 0 are written after they were sent, at 20, 30 and 40. The round is over at 304. The core state
    // leaves behind page 5, which leaves at 602: at 1602; the VM resumes at 1852.
    let mut case = base(6, &[write(20, 1), write(30, 2), write(40, 0)]);
    case.scenario.source.record_trap = SimTime::ZERO;
    case.scenario.migration.record_window = SimTime::from_ns(300);
    let outcome = simulate_as("hybrid+pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [0, 2, 1]);
    assert_eq!(
        (outcome.downtime, outcome.duplicate_pages_sent),
        (ns(1852 - 304), 3)
    );
    // Of a window that begins at 304 − 280 = 24 page 1 is not, and is left to the scan.
    case.scenario.migration.record_window = SimTime::from_ns(280);
    let outcome = simulate_as("hybrid+pre-record", &case);
    assert_eq!(
        (outcome.push_and_demand_order.as_slice(), outcome.pps_pages),
        (&[0, 2, 1][..], 2)
    );
}

#[test]
fn a_push_while_recording_sends_what_was_read_first() {
    // At 0 page 0 goes, at 2 page 1. Page 4 is read at 3 and goes at 4. Page 2 is written at 50, and page 5 read at 60:
    // it goes at 102, page 3 at 202, and page 2 at 302. The window is over with it, at 304.
    let mut case = base(
        6,
        &[read(3, 0, 4), write(50, 2), read(60, 0, 5), write(70, 1)],
    );
    case.scenario.source.record_trap = SimTime::ZERO;
    case.scenario.migration.push_while_recording = true;
    case.scenario.migration.record_window = SimTime::from_ns(1_000);
    let push = |case: &Case| {
        let trace = case.trace();
        let replay = case.scenario.replay(&trace).expect("it fits");
        SwitchOver::after_recorded_push(&case.scenario, &replay).expect("a sound case")
    };
    assert_eq!(missing(&case, push), (vec![1], ns(304)));
    // By 250 pages 2 and 3 are not sent: page 3 would be at 202, page 2 at 302.
    case.scenario.migration.record_window = SimTime::from_ns(250);
    assert_eq!(missing(&case, push), (vec![1, 2], ns(250)));
    let outcome = simulate_as("pre-record", &case);
    assert_eq!(outcome.push_and_demand_order, [1, 2]);
    assert_eq!(
        (
            outcome.pps_pages,
            outcome.pages_sent,
            outcome.duplicate_pages_sent
        ),
        (4, 7, 1)
    );
}

#[test]
fn connections_take_turns() {
    // Both threads take a page at 0, 2 and 4, so that the round is over at 6. The pages leave in turn, from 102 to 602:
    // the core state leaves at 1602, and the VM resumes at 1852.
    let mut case = base(6, &[]);
    case.scenario.link.connections = 2;
    let switch_over = over_dirty_log(&case);
    assert_eq!(switch_over.suspended_at.as_ps(), ns(6));
    let resumed = |case: &Case| simulate_as("hybrid", case).total_migration_time;
    assert_eq!(resumed(&case), Some(ns(1852)));
    // Threads that need 300 a page are the bottleneck: pages 4 and 5 are handed over at 900 and leave at 1000 and 1100.
    // The core state leaves at 2100.
    case.scenario.source.push_service = SimTime::from_ns(300);
    assert_eq!(resumed(&case), Some(ns(2350)));
    // One thread hands page 5 over at 1800, which leaves at 1900: at 2900, behind the suspension.
    case.scenario.link.connections = 1;
    assert_eq!(resumed(&case), Some(ns(3150)));
    // Two receiving threads of 400 a page: pages 4 and 5 arrive at 1050 and 1150 behind those that each is at until
    // 1152 and 1252, and are installed at 1552 and 1652, before the core state. One has 1152, 1552, … 3152 for its
    // last.
    case.scenario.destination.install = SimTime::from_ns(400);
    case.scenario.vm.core_state = Bytes(0);
    case.scenario.source.push_service = SimTime::from_ns(2);
    assert_eq!(resumed(&case), Some(ns(152 + 6 * 400 + 200)));
    case.scenario.link.connections = 2;
    assert_eq!(resumed(&case), Some(ns(252 + 3 * 400 + 200)));
}

#[test]
fn zero_pages_are_found_by_one_thread_or_by_all() {
    // Each of two threads finds two of the four zero pages, at 300 and 600. The suspension is over at 700, the core
    // state leaves at 1700, and the VM resumes at 1950.
    let mut case = base(4, &[]);
    case.zero = vec![true; 4];
    case.scenario.link.connections = 2;
    case.scenario.source.zero_service = SimTime::from_ns(300);
    let resumed = |case: &Case| simulate_as("hybrid", case).total_migration_time;
    assert_eq!(over_dirty_log(&case).suspended_at.as_ps(), ns(600));
    assert_eq!(resumed(&case), Some(ns(1950)));
    // One after the other until 1200: 600 later.
    case.scenario.source.zero_page_detection = ZeroPageDetection::Legacy;
    assert_eq!(over_dirty_log(&case).suspended_at.as_ps(), ns(1200));
    assert_eq!(resumed(&case), Some(ns(2550)));
    // Sent whole, the pages leave from 102 to 402.
    case.scenario.source.zero_page_detection = ZeroPageDetection::None;
    assert_eq!(over_dirty_log(&case).suspended_at.as_ps(), ns(4));
    assert_eq!(resumed(&case), Some(ns(1652)));
}

#[test]
fn a_rate_limit_holds_back_rounds() {
    // 1.2 Gbit/s are 150 bytes in a period of 1,000 ns. Pages are picked at 0 and 2, 1000 and 1002, 2000 and 2002, as
    // no more than 150 bytes were sent in the period by then: the round is over at 2004. Page 5 leaves at 2202, the
    // core state at 3202; the VM resumes at 3452.
    let mut case = base(6, &[]);
    case.scenario.source.max_bandwidth = Bandwidth::from_bits_per_second(1_200_000_000);
    case.scenario.source.limiter_period = Some(SimTime::from_ns(1_000));
    for strategy in ["hybrid", "hybrid+pre-record"] {
        let outcome = simulate_as(strategy, &case);
        assert_eq!(outcome.total_migration_time, Some(ns(3452)));
        assert_eq!(outcome.downtime, ns(3452 - 2004));
    }
    // What is sent while the VM is suspended has no limit.
    let stop_and_copy = |case: &Case| {
        let mut scenario = case.scenario.clone();
        scenario.migration.strategies = vec!["stop-and-copy".to_owned()];
        let runs = compare(&scenario, &case.trace(), &Registry::standard());
        runs.expect("a sound case").remove(0).metrics
    };
    let limited = stop_and_copy(&case);
    case.scenario.source.max_bandwidth = None;
    assert_eq!(limited, stop_and_copy(&case));
}
