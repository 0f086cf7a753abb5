//! The bound on stall. A page that is sent first is installed 2 + 100 + 50 + 4 = 156 ns after the resume; the bound
//! takes a picosecond off each transmission, for what rounding may save.

use migsim::host::destination::FaultBlocks;
use migsim::run::compare::compare;
use migsim::strategy::Registry;
use migsim::trace::IdleSpan;

use super::{Case, base, ns, read};

fn bound(case: &Case) -> u64 {
    let runs = compare(&case.scenario, &case.trace(), &Registry::standard());
    runs.expect("a sound case")[0].metrics.stall_bound.as_ps()
}

#[test]
fn pages_come_one_after_the_other() {
    assert_eq!(bound(&base(4, &[read(156, 0, 3)])), 0);
    assert_eq!(bound(&base(4, &[read(100, 0, 3)])), ns(56) - 1);
    // The second page comes at 256: 6 late, less than the first.
    let two = [read(100, 0, 3), read(250, 0, 1)];
    assert_eq!(bound(&base(4, &two)), ns(56) - 1);
    let two = [read(100, 0, 3), read(110, 0, 1)];
    assert_eq!(bound(&base(4, &two)), ns(146) - 2);
}

#[test]
fn the_slowest_station_counts() {
    // Installing takes 300 each: 2 + 100 + 50 + 600.
    let mut case = base(4, &[read(0, 0, 3), read(0, 0, 1)]);
    case.scenario.destination.install = migsim::units::SimTime::from_ns(300);
    assert_eq!(bound(&case), ns(752) - 1);
}

#[test]
fn vcpus_stall_side_by_side() {
    let mut case = base(4, &[read(0, 0, 3), read(0, 1, 1)]);
    assert_eq!(bound(&case), 2 * (ns(156) - 1));
    // Both stand still until the second page has come.
    case.scenario.destination.fault_blocks = FaultBlocks::Vm;
    assert_eq!(bound(&case), 2 * (ns(256) - 2));
}

#[test]
fn who_is_idle_waits_for_nothing() {
    let touches = [read(0, 0, 0), read(20, 1, 1)];
    let mut case = base(4, &touches);
    assert_eq!(bound(&case), 2 * ns(156) - 2 - ns(20));
    // vCPU 1 touches page 1 in the midst of its idleness, which ends at 240: 256 is 16 later, and page 0 comes 156
    // late.
    case.idle = vec![IdleSpan {
        vcpu: 1,
        from_ns: 10,
        until_ns: 240,
    }];
    assert_eq!(bound(&case), ns(156) - 1);
}
