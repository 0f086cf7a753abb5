//! Pages that follow the core state while the destination loads it. The core state leaves at 1100.

use migsim::trace::Op;
use migsim::units::{Bytes, SimTime};

use super::{Case, base, faults, ns, read, record, simulate, simulate_as, takes};

fn pushed_meanwhile(mut case: Case) -> Case {
    case.scenario.migration.push_while_resuming = true;
    case
}

#[test]
fn pages_that_come_before_the_resume_are_there() {
    // Handed over at 1102, left 1202, installed 1256; the next installed at 1356 and 1456. R = 1350: page 0 is there.
    let outcome = simulate(&pushed_meanwhile(base(3, &[read(0, 0, 0)])));
    assert_eq!((faults(&outcome), outcome.downtime), ((0, 0, 0), ns(1350)));
    takes(&outcome, 0, ns(1456));
    // Page 1, touched at 1350, comes at 1356: on at 1362. Both come at 1356 at the earliest.
    let outcome = simulate(&pushed_meanwhile(base(3, &[read(0, 0, 0), read(0, 0, 1)])));
    assert_eq!(faults(&outcome), (1, 0, 1));
    takes(&outcome, ns(12), ns(1456));
    assert_eq!(outcome.stall_bound, ns(6) - 2);
    // All of them: the migration is over when the VM runs.
    let outcome = simulate(&pushed_meanwhile(base(1, &[read(0, 0, 0)])));
    takes(&outcome, 0, ns(1350));
    assert_eq!(outcome.residual_dependency, Some(0));
}

#[test]
fn the_window_holds_the_core_state() {
    // Latency 500: R = 1800. Page 0 begins at 1102, with 1000 of 1050 bytes under way: left 1202. Page 1 begins when
    // the core state is acknowledged, at 2100: left 2200, installed 2704.
    let mut case = pushed_meanwhile(base(2, &[]));
    case.scenario.link.latency = SimTime::from_ns(500);
    case.scenario.destination.receive_buffer = Bytes(1050);
    let outcome = simulate(&case);
    assert_eq!(outcome.downtime, ns(1800));
    takes(&outcome, 0, ns(2704));
}

#[test]
fn the_receiver_is_through_with_the_round_first() {
    // Pages 0 and 1 leave at 102 and 202, and are installed at 1152 and 2152: R = 2352. The core state leaves at 1202.
    // Page 0, written at 1, is handed over again at 1204, left 1304, arrives 1354, and is installed 1000 after 2152.
    let mut case = pushed_meanwhile(base(2, &[record(1, 0, 0, Op::Write)]));
    case.scenario.destination.install = SimTime::from_ns(1000);
    let outcome = simulate_as("hybrid", &case);
    assert_eq!(outcome.downtime, ns(2352 - 4));
    takes(&outcome, 0, ns(3152));
    // From the resume on: left 2454, arrives 2504.
    case.scenario.migration.push_while_resuming = false;
    takes(&simulate_as("hybrid", &case), 0, ns(3504));
}
