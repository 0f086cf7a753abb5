//! The reference simulator on its own: orders of pages that no metric shows, and what holds for every run.
//! Its times are checked against cases worked out by hand in `hand_computed`, together with the engine's.
//!
//! Costs are those of `hand_computed`, unless a test says otherwise.

use crate::hand_computed::{base as case, read, record};
use crate::naive::{Access, Input, LeadIn, Strategy, simulate};
use migsim::guest::replay::AtEnd;
use migsim::host::destination::{FaultBlocks, Nagle};
use migsim::host::source::{DemandMode, Overtaken, WakeOnRequest};
use migsim::network::Discipline;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::trace::{Op, Record};
use migsim::units::{Bytes, SimTime};

fn ns(ns: u64) -> SimTime {
    SimTime::from_ns(ns)
}

/// Post-copy of a one-vCPU VM of `pages` pages without zero pages, pushed in address order.
fn base(pages: u32, records: &[Record]) -> Input<'static> {
    case(pages, records).input(LeadIn::Nothing, Strategy::PostCopy)
}

#[test]
fn orders_of_the_pps() {
    // Pages 3, 1, 2, 1 recorded: one order each.
    let order = |order| {
        let records = [read(1, 0, 3), read(2, 0, 1), read(3, 0, 2), read(4, 0, 1)];
        let mut input = base(4, &records);
        input.settings.migration.record_window = ns(50);
        input.lead_in = LeadIn::Record;
        input.strategy = Strategy::PreRecord(order);
        simulate(&input).push_and_demand_order
    };
    assert_eq!(order(PpsOrder::FirstAccess), [3, 1, 2, 0]);
    assert_eq!(order(PpsOrder::Recency), [1, 2, 3, 0]);
    assert_eq!(order(PpsOrder::Frequency), [1, 3, 2, 0]);
    assert_eq!(order(PpsOrder::Address), [1, 2, 3, 0]);
}

#[test]
fn scans_after_a_fault() {
    // One message at a time; page 0 is on the link when the request for page 3 arrives.
    let order = |push| {
        let mut input = base(7, &[read(10, 0, 3)]);
        input.settings.source.send_buffer = Bytes(100);
        input.settings.source.push = push;
        simulate(&input).push_and_demand_order
    };
    assert_eq!(order(Push::Linear), [0, 3, 1, 2, 4, 5, 6]);
    assert_eq!(order(Push::Pivot), [0, 3, 4, 5, 6, 1, 2]);
    assert_eq!(order(Push::Bubble), [0, 3, 4, 2, 5, 1, 6]);
    assert_eq!(order(Push::None), [3]);
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
    (input.duration_ns, input.vcpus) = (90, 2);
    input.settings.trace.start = ns(50);
    input.settings.trace.at_end = AtEnd::Wrap;
    input.settings.source.push = Push::None; // the strategy has its own
    input.strategy = Strategy::Clairvoyant;
    input.settings.destination.fault_trap = ns(100_000); // no request gets through before the push is over
    assert_eq!(simulate(&input).push_and_demand_order, [2, 0, 3, 1, 4]);
}

#[test]
fn messages_on_the_wire() {
    // 8 · 10^12 / (3 · 10^12) = 2.67 ps a byte, rounded up a message.
    let input = base(1, &[]);
    let tx = |bytes| input.tx(bytes, 3_000_000_000_000);
    assert_eq!((tx(0), tx(1), tx(2), tx(3)), (0, 3, 6, 8));
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
        input.zero = vec![true; 30];
        let settings = &mut input.settings;
        settings.link.zero_page_bytes = 0;
        settings.link.latency = SimTime::ZERO;
        settings.vm.core_state = Bytes(0);
        (settings.vm.suspend, settings.vm.resume) = (SimTime::ZERO, SimTime::ZERO);
        for cost in [
            &mut settings.source.push_service,
            &mut settings.source.zero_service,
            &mut settings.source.demand_service,
            &mut settings.destination.install,
            &mut settings.destination.zero_install,
            &mut settings.destination.wake,
        ] {
            *cost = SimTime::ZERO;
        }
        settings.source.push = Push::None;
        settings.destination.fault_trap = SimTime::from_ps(trap * MS);
        if random.below(2) == 0 {
            // Both blocked at once, against twice the limit.
            settings.destination.fault_blocks = FaultBlocks::Vm;
            input.vcpus = 2;
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
            records.push(record(
                random.below(600),
                random.below(u64::from(vcpus)) as u16,
                page,
                op,
            ));
        }
        let reversed = |log: &[Access]| {
            let list = log.iter().rev().map(|access| access.page);
            (list.collect(), 0)
        };
        let mut input = base(pages, &records);
        input.vcpus = vcpus;
        input.duration_ns = 600;
        input.compaction_ns = random.pick(&[0, 0, 20]);
        input.scale_fp = random.pick(&[1000 << 20, 349_525_333]);
        input.zero = (0..pages).map(|_| random.below(3) == 0).collect();
        input.host_shift = random.below(2) as u32;
        let settings = &mut input.settings;
        settings.trace.start = ns(random.pick(&[0, 200, 580]));
        settings.trace.at_end = random.pick(&[AtEnd::Wrap, AtEnd::Idle]);
        let link = &mut settings.link;
        link.latency = ns(random.pick(&[0, 50, 300]));
        link.discipline = random.pick(&[Discipline::Fifo, Discipline::Fair, Discipline::Priority]);
        link.demand_channel.receiver_thread = random.pick(&[false, true]);
        link.device_queue = Bytes(random.pick(&[0, 1, 250]));
        link.segment = Bytes(random.pick(&[0, 1, 250]));
        let source = &mut settings.source;
        source.push = random.pick(&[Push::Linear, Push::Pivot, Push::Bubble, Push::None]);
        source.wake_on_request = WakeOnRequest(random.pick(&[None, Some(Overtaken::default())]));
        source.push_service = ns(random.pick(&[0, 2, 150]));
        source.zero_service = ns(random.pick(&[0, 2, 150]));
        source.write_batch = random.pick(&[0, 3]);
        source.demand_service = ns(random.pick(&[0, 3]));
        source.send_buffer = Bytes(random.pick(&[1, 100, 250, 100_000]));
        source.send_resume = Some(Bytes(source.send_buffer.0 / random.pick(&[1, 2])));
        source.demand_mode = random.pick(&[DemandMode::Pipelined, DemandMode::Synchronous]);
        let destination = &mut settings.destination;
        destination.fault_trap = ns(random.pick(&[0, 5, 500]));
        destination.install = ns(random.pick(&[0, 4, 200]));
        destination.zero_install = ns(random.pick(&[0, 4, 100]));
        destination.zero_load = ns(random.pick(&[0, 4, 20]));
        destination.receive_buffer = Bytes(random.pick(&[1, 250, u64::MAX]));
        destination.receive_wake = ns(random.pick(&[0, 7]));
        destination.wake = ns(random.pick(&[0, 6]));
        destination.nagle = random.pick(&[Nagle::Off, Nagle::DelayedAck, Nagle::Quickack]);
        destination.fault_blocks =
            random.pick(&[FaultBlocks::Vcpu, FaultBlocks::Vcpu, FaultBlocks::Vm]);
        settings.migration.setup_time = ns(random.pick(&[0, 70]));
        settings.migration.planning_time = ns(random.pick(&[0, 40]));
        settings.migration.record_window = ns(random.pick(&[0, 100, 1000]));
        (input.lead_in, input.strategy) = random.pick(&[
            (LeadIn::Nothing, Strategy::PostCopy),
            (LeadIn::Record, Strategy::PreRecord(PpsOrder::Recency)),
            (LeadIn::Record, Strategy::Planned(&reversed)),
            (LeadIn::Nothing, Strategy::Clairvoyant),
        ]);

        let outcome = simulate(&input);
        let mut sent = outcome.push_and_demand_order.clone();
        sent.sort_unstable();
        sent.dedup();
        let messages = outcome.pages_sent + outcome.zero_pages_sent;
        let is_sent = |page: &u32| sent.contains(&(page >> input.host_shift));
        assert_eq!(
            (0..pages).filter(is_sent).count() as u64,
            messages,
            "no page is sent twice: {input:?}"
        );
        assert_eq!(
            outcome.total_migration_time.is_some(),
            messages == u64::from(pages)
        );
        assert_eq!(
            outcome.network_faults + outcome.in_flight_faults,
            outcome.page_faults
        );
        assert!(
            outcome.all_vcpus_blocked * u64::from(vcpus) <= outcome.stall,
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
        let touches = match input.settings.destination.fault_blocks {
            FaultBlocks::Vm => 1,
            FaultBlocks::Vcpu => u64::from(vcpus),
        };
        assert!(
            outcome.page_faults <= u64::from(pages) * touches,
            "{input:?}"
        );
        let pushes_all = input.settings.source.push != Push::None
            || matches!(input.strategy, Strategy::Clairvoyant);
        assert!(!pushes_all || messages == u64::from(pages), "{input:?}");
        assert_eq!(outcome, simulate(&input), "the same again");
    }
}
