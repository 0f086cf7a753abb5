//! The reference simulator on its own: orders of pages that no metric shows, and what holds for every run.
//! Its times are checked against cases worked out by hand in `hand_computed`, together with the engine's.
//!
//! Unless a test says otherwise: 1000 payload bytes a packet, no overhead and 8 Gbit/s, so that a byte takes 1 ns on
//! the wire; pages of 90 bytes with a header of 10 (100 ns); R = suspend 100 + core state 1000 + latency 50 + resume
//! 200 = 1350 ns.

use crate::naive::{
    Access, Discipline, Input, LeadIn, Op, Order, Push, RawRecord, Strategy, simulate,
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
        idle: Vec::new(),
        duration_ns: 1_000_000,
        compaction_ns: 0,
        start_ns: 0,
        scale_fp: 1000 << 20,
        wrap: false,
        vm_pages: pages,
        ram: Vec::new(),
        free: 0,
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
        connections: 1,
        discipline: Discipline::Fifo,
        device_queue: 0,
        loss: None,
        segment: 0,
        push: Push::Linear,
        push_service: ns(2),
        demand_service: ns(3),
        send_buffer: 250,
        send_resume: 250,
        wake_on_request: false,
        overtaken_percent: 0,
        overtaken_by: 0,
        write_batch: 0,
        zero_service: ns(2),
        run_pages: 0,
        run_gap: 0,
        synchronous: false,
        record_trap: ns(7),
        fault_trap: ns(5),
        install: ns(4),
        receive_buffer: u64::MAX,
        receive_wake: 0,
        wake: ns(6),
        receiver_per_channel: false,
        nagle: false,
        quickack: false,
        blocks_vm: false,
        push_while_resuming: false,
        record_window: 0,
        overlap_core: false,
        setup_time: 0,
        planning_time: 0,
        planning_cost: 0,
        fetchers: 0,
        push_after_list: false,
        limiter_share: None,
        live_limiter_share: None,
        limiter_period: 0,
        request_thread: false,
        initially_installed: Vec::new(),
        dirty_log_chunk: 1 << 30,
        dirty_log_interval: 0,
        switch_time: None,
        switch_remaining: 0,
        switch_iteration: 0,
        switch_at_minimum: false,
        lead_in: LeadIn::Nothing,
        strategy: Strategy::PostCopy,
    }
}

#[test]
fn orders_of_the_pps() {
    // Pages 3, 1, 2, 1 recorded: one order each.
    let order = |order| {
        let records = [read(1, 0, 3), read(2, 0, 1), read(3, 0, 2), read(4, 0, 1)];
        let mut input = base(4, &records);
        input.record_window = ns(50);
        input.lead_in = LeadIn::Record;
        input.strategy = Strategy::PreRecord(order);
        simulate(&input).push_and_demand_order
    };
    assert_eq!(order(Order::FirstAccess), [3, 1, 2, 0]);
    assert_eq!(order(Order::Recency), [1, 2, 3, 0]);
    assert_eq!(order(Order::Frequency), [1, 3, 2, 0]);
    assert_eq!(order(Order::Address), [1, 2, 3, 0]);
}

#[test]
fn scans_after_a_fault() {
    // One message at a time; page 0 is on the link when the request for page 3 arrives.
    let order = |push| {
        let mut input = base(7, &[read(10, 0, 3)]);
        input.send_buffer = 100;
        input.send_resume = 100;
        input.push = push;
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
    (input.duration_ns, input.start_ns, input.wrap, input.vcpus) = (90, 50, true, 2);
    input.push = Push::None; // the strategy has its own
    input.strategy = Strategy::Clairvoyant;
    input.fault_trap = ns(100_000); // no request gets through before the push is over
    assert_eq!(simulate(&input).push_and_demand_order, [2, 0, 3, 1, 4]);
}

#[test]
fn messages_on_the_wire() {
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
            input.zero_service,
            input.demand_service,
            input.install,
            input.wake,
        ) = (0, 0, 0, 0, 0);
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
        let reversed = |log: &[Access]| {
            let list = log.iter().rev().map(|access| access.page);
            (list.collect(), 0)
        };
        let mut input = base(pages, &records);
        input.vcpus = vcpus;
        input.duration_ns = 600;
        input.compaction_ns = random.pick(&[0, 0, 20]);
        input.start_ns = random.pick(&[0, 200, 580]);
        input.scale_fp = random.pick(&[1000 << 20, 349_525_333]);
        input.wrap = random.below(2) == 0;
        input.zero = (0..pages).map(|_| random.below(3) == 0).collect();
        input.host_shift = random.below(2) as u32;
        input.pages = pages.div_ceil(1 << input.host_shift);
        input.latency = random.pick(&[0, ns(50), ns(300)]);
        input.discipline = random.pick(&[Discipline::Fifo, Discipline::Fair, Discipline::Priority]);
        input.push = random.pick(&[Push::Linear, Push::Pivot, Push::Bubble, Push::None]);
        input.device_queue = random.pick(&[0, 1, 250]);
        input.segment = random.pick(&[0, 1, 250]);
        input.wake_on_request = random.pick(&[false, true]);
        input.push_service = random.pick(&[0, ns(2), ns(150)]);
        input.zero_service = random.pick(&[0, ns(2), ns(150)]);
        input.write_batch = random.pick(&[0, 3]);
        input.demand_service = random.pick(&[0, ns(3)]);
        input.send_buffer = random.pick(&[1, 100, 250, 100_000]);
        input.send_resume = input.send_buffer / random.pick(&[1, 2]);
        input.synchronous = random.below(2) == 0;
        input.fault_trap = random.pick(&[0, ns(5), ns(500)]);
        input.install = random.pick(&[0, ns(4), ns(200)]);
        input.receive_buffer = random.pick(&[1, 250, u64::MAX]);
        input.receive_wake = random.pick(&[0, ns(7)]);
        input.wake = random.pick(&[0, ns(6)]);
        input.receiver_per_channel = random.pick(&[false, true]);
        input.nagle = random.pick(&[false, true]);
        input.quickack = random.pick(&[false, true]);
        input.setup_time = random.pick(&[0, ns(70)]);
        input.planning_time = random.pick(&[0, ns(40)]);
        input.blocks_vm = random.below(3) == 0;
        input.record_window = random.pick(&[0, ns(100), ns(1000)]);
        input.overlap_core = random.below(3) == 0;
        (input.lead_in, input.strategy) = random.pick(&[
            (LeadIn::Nothing, Strategy::PostCopy),
            (LeadIn::Record, Strategy::PreRecord(Order::Recency)),
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
