//! The engine against the naive reference simulator: every metric, to the picosecond, over random small scenarios.

mod reference;

use migsim::comparison::{compare, explain, replay};
use migsim::destination::FaultBlocks;
use migsim::link::Discipline;
use migsim::metrics::Metrics;
use migsim::migration::{SwitchOver, migrate};
use migsim::scenario::Scenario;
use migsim::source::DemandMode;
use migsim::source::recorder::{Access, Recording};
use migsim::strategy::Registry;
use migsim::strategy::pdopmp;
use migsim::strategy::post_copy::active_push;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::time::SimTime;
use migsim::trace::replay::{AtEnd, TimeScale};
use migsim::trace::{Op, PageRun, Record, Trace, TraceHeader, TraceWriter};
use migsim::units::{Bandwidth, Bytes};
use proptest::prelude::*;

const PAGE_SIZE: u64 = 4_096;

/// A random case: the trace, the scenario, and what the reference needs beside them.
#[derive(Debug, Clone)]
struct Case {
    records: Vec<Record>,
    vcpus: u16,
    trace_pages: u32,
    zero: Vec<bool>,
    compaction_ns: u64,
    duration_ns: u64,
    scale_factor: f64,
    host_shift: u32,
    scenario: Scenario,
}

impl Case {
    fn trace(&self) -> Trace {
        let header = TraceHeader {
            page_size: PAGE_SIZE,
            pages: self.trace_pages,
            vcpus: self.vcpus,
            tick_ns: 1,
            compaction_ns: self.compaction_ns,
            provenance: String::new(),
        };
        let zero = (0..)
            .zip(&self.zero)
            .filter(|(_, zero)| **zero)
            .map(|(first, _)| PageRun { first, count: 1 })
            .collect();
        let mut writer = TraceWriter::new(Vec::new(), header, zero).expect("a valid header");
        for record in &self.records {
            writer.push(*record).expect("a valid record");
        }
        let bytes = writer.finish(Some(self.duration_ns)).expect("in memory");
        Trace::from_bytes("random", bytes.into()).expect("a trace that was just written")
    }

    fn input<'a>(&self, strategy: reference::Strategy<'a>) -> reference::Input<'a> {
        let scenario = &self.scenario;
        let memory = scenario.vm.memory.expect("always set").0;
        let host_page_bytes = PAGE_SIZE << self.host_shift;
        reference::Input {
            records: self
                .records
                .iter()
                .map(|record| reference::RawRecord {
                    time_ns: record.time_ns,
                    vcpu: record.vcpu,
                    page: record.page,
                    op: reference_op(record.op),
                })
                .collect(),
            vcpus: self.vcpus,
            duration_ns: self.duration_ns,
            compaction_ns: self.compaction_ns,
            start_ns: scenario.trace.start.as_ps() / 1_000,
            scale_fp: (1_000.0 * f64::from(1 << 20) * self.scale_factor).round() as u64,
            wrap: scenario.trace.at_end == AtEnd::Wrap,
            trace_pages: self.trace_pages,
            zero: self.zero.clone(),
            vm_pages: (memory / PAGE_SIZE) as u32,
            pages: memory.div_ceil(host_page_bytes) as u32,
            host_shift: self.host_shift,
            host_page_bytes,
            core_state: scenario.vm.core_state.0,
            suspend: scenario.vm.suspend.as_ps(),
            resume: scenario.vm.resume.as_ps(),
            bandwidth: scenario.link.bandwidth.bits_per_second(),
            latency: scenario.link.latency.as_ps(),
            mtu: scenario.link.mtu.into(),
            packet_overhead: scenario.link.packet_overhead.into(),
            message_header: scenario.link.message_header.into(),
            zero_page_bytes: scenario.link.zero_page_bytes.into(),
            discipline: match scenario.link.discipline {
                Discipline::Fifo => reference::Discipline::Fifo,
                Discipline::Fair => reference::Discipline::Fair,
                Discipline::Priority => reference::Discipline::Priority,
            },
            push: match scenario.source.push {
                Push::Linear => reference::Push::Linear,
                Push::Pivot => reference::Push::Pivot,
                Push::Bubble => reference::Push::Bubble,
                Push::None => reference::Push::None,
            },
            push_service: scenario.source.push_service.as_ps(),
            demand_service: scenario.source.demand_service.as_ps(),
            send_buffer: scenario.source.send_buffer.0,
            synchronous: scenario.source.demand_mode == DemandMode::Synchronous,
            record_trap: scenario.source.record_trap.as_ps(),
            fault_trap: scenario.destination.fault_trap.as_ps(),
            install: scenario.destination.install.as_ps(),
            wake: scenario.destination.wake.as_ps(),
            blocks_vm: scenario.destination.fault_blocks == FaultBlocks::Vm,
            record_window: scenario.migration.record_window.as_ps(),
            overlap_core: scenario.migration.overlap_core,
            initially_installed: Vec::new(),
            strategy,
        }
    }

    /// The library's PDoPMP plan for what the reference has recorded: the plan is a pure function and not what is
    /// tested here.
    fn pdopmp_plan(&self, trace: &Trace, recorded: &[reference::Access]) -> Vec<u32> {
        let replay = replay(&self.scenario, trace).expect("the case fits its trace");
        let mut switch_over =
            SwitchOver::prepare(&self.scenario, &replay, true).expect("a good trace");
        let core = self
            .scenario
            .link
            .transmission(self.scenario.vm.core_state.0);
        let window = self.scenario.migration.record_window;
        switch_over.recording = Recording {
            window: if self.scenario.migration.overlap_core {
                window.max(core)
            } else {
                window
            },
            accesses: recorded
                .iter()
                .map(|access| Access {
                    time: SimTime::from_ps(access.time_ps),
                    vcpu: access.vcpu,
                    page: access.page,
                    op: match access.op {
                        reference::Op::Read => Op::Read,
                        reference::Op::Write => Op::Write,
                        reference::Op::Execute => Op::Execute,
                    },
                })
                .collect(),
        };
        pdopmp::plan(
            &switch_over.observation(&self.scenario.link),
            &self.scenario.pdopmp,
        )
        .iter()
        .map(|forecast| forecast.page)
        .collect()
    }
}

fn reference_op(op: Op) -> reference::Op {
    match op {
        Op::Read => reference::Op::Read,
        Op::Write => reference::Op::Write,
        Op::Execute => reference::Op::Execute,
    }
}

/// Spans that often coincide, so that ties and zero costs are common.
fn span(most_us: u64) -> impl Strategy<Value = SimTime> {
    prop_oneof![
        2 => Just(SimTime::ZERO),
        3 => (0..=most_us).prop_map(SimTime::from_us),
        2 => (0..=most_us * 1_000_000).prop_map(SimTime::from_ps),
    ]
}

fn trace_part() -> impl Strategy<Value = Case> {
    (1u16..=3, 1u32..=24, 0u32..=2, 0u64..=2).prop_flat_map(
        |(vcpus, trace_pages, host_shift, compaction)| {
            let compaction_ns = [0, 0, 20_000][compaction as usize];
            let record =
                (0u64..200, 0..vcpus, 0..trace_pages, 0u8..3).prop_map(|(time, vcpu, page, op)| {
                    Record {
                        // Whole microseconds, so that touches coincide.
                        time_ns: time * 1_000,
                        vcpu,
                        page,
                        op: [Op::Read, Op::Write, Op::Execute][usize::from(op)],
                    }
                });
            (
                prop::collection::vec(record, 0..60),
                prop::collection::vec(any::<bool>(), trace_pages as usize),
                0u64..=4,
                prop_oneof![3 => Just(1.0), 1 => Just(0.25), 1 => Just(3.7)],
                0u64..=3,
                0u64..=9,
                any::<bool>(),
            )
                .prop_map(
                    move |(mut records, zero, slack, scale_factor, extra_pages, start, wrap)| {
                        records.sort_by_key(|record| (record.time_ns, record.vcpu));
                        let duration_ns = 200_000 + 20_000 * slack;
                        let mut scenario = Scenario::default();
                        scenario.trace.start = SimTime::from_us(20 * start);
                        scenario.trace.at_end = if wrap { AtEnd::Wrap } else { AtEnd::Idle };
                        scenario.trace.time_scale =
                            TimeScale::from_factor(scale_factor).expect("within limits");
                        scenario.vm.memory =
                            Some(Bytes((u64::from(trace_pages) + extra_pages) * PAGE_SIZE));
                        scenario.vm.host_page = Some(Bytes(PAGE_SIZE << host_shift));
                        Case {
                            records,
                            vcpus,
                            trace_pages,
                            zero,
                            compaction_ns,
                            duration_ns,
                            scale_factor,
                            host_shift,
                            scenario,
                        }
                    },
                )
        },
    )
}

type HostCosts = (
    (SimTime, SimTime, SimTime, SimTime, SimTime, SimTime),
    (SimTime, SimTime, u64, bool, bool),
);

fn host_costs() -> impl Strategy<Value = HostCosts> {
    (
        (span(30), span(30), span(20), span(20), span(20), span(10)),
        (
            span(30),
            span(400),
            0u64..=20_000,
            any::<bool>(),
            any::<bool>(),
        ),
    )
}

fn case() -> impl Strategy<Value = Case> {
    let link = (
        prop_oneof![Just(50u64), Just(200), Just(1_000), Just(10_000)],
        span(60),
        prop_oneof![Just(1_500u32), Just(9_000), Just(68)],
        0u32..=2,
        0u32..=12,
        0u32..=12,
    );
    let source = (
        0usize..4,
        span(20),
        span(20),
        prop_oneof![1u64..=9, 4_000u64..=60_000],
        any::<bool>(),
        0usize..4,
    );
    (trace_part(), link, source, host_costs()).prop_map(|(mut case, link, source, costs)| {
        let scenario = &mut case.scenario;
        let (mbit, latency, mtu, discipline, message_header, zero_page_bytes) = link;
        scenario.link.bandwidth =
            Bandwidth::from_bits_per_second(mbit * 1_000_000).expect("not zero");
        scenario.link.latency = latency;
        scenario.link.mtu = mtu;
        scenario.link.discipline =
            [Discipline::Fifo, Discipline::Fair, Discipline::Priority][discipline as usize];
        scenario.link.message_header = message_header;
        scenario.link.zero_page_bytes = zero_page_bytes;
        let (push, push_service, demand_service, send_buffer, synchronous, order) = source;
        scenario.source.push = [Push::Pivot, Push::Linear, Push::Bubble, Push::None][push];
        scenario.source.push_service = push_service;
        scenario.source.demand_service = demand_service;
        scenario.source.send_buffer = Bytes(send_buffer);
        if synchronous {
            scenario.source.demand_mode = DemandMode::Synchronous;
        }
        scenario.pre_record.order = [
            PpsOrder::FirstAccess,
            PpsOrder::Recency,
            PpsOrder::Frequency,
            PpsOrder::Address,
        ][order];
        let (
            (suspend, resume, fault_trap, install, wake, record_trap),
            (_, record_window, core_state, blocks_vm, overlap_core),
        ) = costs;
        scenario.vm.suspend = suspend;
        scenario.vm.resume = resume;
        scenario.vm.core_state = Bytes(core_state);
        scenario.destination.fault_trap = fault_trap;
        scenario.destination.install = install;
        scenario.destination.wake = wake;
        scenario.source.record_trap = record_trap;
        scenario.migration.record_window = record_window;
        scenario.migration.overlap_core = overlap_core;
        if blocks_vm {
            scenario.destination.fault_blocks = FaultBlocks::Vm;
        }
        case
    })
}

fn reference_order(order: PpsOrder) -> reference::Order {
    match order {
        PpsOrder::FirstAccess => reference::Order::FirstAccess,
        PpsOrder::Recency => reference::Order::Recency,
        PpsOrder::Frequency => reference::Order::Frequency,
        PpsOrder::Address => reference::Order::Address,
    }
}

/// The engine's metrics in the reference's form.
fn as_outcome(metrics: &Metrics, pages_in_order: Vec<u32>) -> reference::Outcome {
    reference::Outcome {
        total_migration_time: metrics.total_migration_time.map(SimTime::as_ps),
        downtime: metrics.downtime.as_ps(),
        page_faults: metrics.page_faults,
        requested_faults: metrics.requested_faults,
        in_flight_faults: metrics.in_flight_faults,
        stall: metrics.stall.as_ps(),
        vcpu_blocktime: metrics.vcpu_blocktime.as_ps(),
        fault_latency_mean: metrics.fault_latency_mean.as_ps(),
        fault_latency_p50: metrics.fault_latency_p50.as_ps(),
        fault_latency_p99: metrics.fault_latency_p99.as_ps(),
        fault_latency_max: metrics.fault_latency_max.as_ps(),
        bytes_sent: metrics.bytes_sent,
        pages_sent: metrics.pages_sent,
        zero_pages_sent: metrics.zero_pages_sent,
        pps_pages: metrics.pps_pages,
        time_to_90pct_speed: metrics.time_to_90pct_speed.as_ps(),
        push_and_demand_order: pages_in_order,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_reference_agree(case in case()) {
        let trace = case.trace();
        let runs = compare(&case.scenario, &trace, &Registry::standard()).expect("a sound case");
        let plan = |recorded: &[reference::Access]| case.pdopmp_plan(&trace, recorded);
        for run in runs {
            let strategy = match run.strategy {
                "post-copy" => reference::Strategy::PostCopy,
                "pre-record" => {
                    reference::Strategy::PreRecord(reference_order(case.scenario.pre_record.order))
                }
                "pre-record+pdopmp" => reference::Strategy::Planned(&plan),
                _ => reference::Strategy::Clairvoyant,
            };
            let expected = reference::simulate(&case.input(strategy));
            let order = expected.push_and_demand_order.clone();
            prop_assert_eq!(as_outcome(&run.metrics, order), expected, "{}", run.strategy);
        }
    }

    /// What hybrid and pre-copy leave: a VM that resumes with some of its pages, or all of them, in place.
    #[test]
    fn engine_and_reference_agree_on_a_vm_that_is_partly_there(
        case in case(),
        picks in prop::collection::vec(any::<bool>(), 1..40),
        all in prop::bool::weighted(0.1),
    ) {
        let trace = case.trace();
        let replay = replay(&case.scenario, &trace).expect("the case fits its trace");
        let mut switch_over =
            SwitchOver::prepare(&case.scenario, &replay, false).expect("a good trace");
        let mut input = case.input(reference::Strategy::PostCopy);
        for page in 0..input.pages {
            let there = all || picks[page as usize % picks.len()];
            if there {
                switch_over.missing.remove(page);
            }
            input.initially_installed.push(there);
        }
        let mut order = active_push(case.scenario.source.push);
        let outcome = migrate(&case.scenario, &switch_over, order.as_mut()).expect("a sound case");
        let metrics = Metrics::of(&case.scenario, &switch_over, &outcome, &[]);
        let expected = reference::simulate(&input);
        let order = expected.push_and_demand_order.clone();
        prop_assert_eq!(as_outcome(&metrics, order), expected);
    }

    /// What a stall is made of adds up to it, for every strategy.
    #[test]
    fn explanations_add_up(mut case in case()) {
        let trace = case.trace();
        let registry = Registry::standard();
        case.scenario.migration.strategies =
            registry.entries().iter().map(|entry| entry.name.to_owned()).collect();
        let runs = compare(&case.scenario, &trace, &registry).expect("a sound case");
        for (run, entry) in runs.iter().zip(registry.entries()) {
            let explained = explain(&case.scenario, &trace, entry).expect("a sound case").total();
            let metrics = &run.metrics;
            prop_assert_eq!(
                (explained.parts.total(), explained.count, explained.requested),
                (metrics.stall, metrics.page_faults, metrics.requested_faults),
                "{}",
                run.strategy
            );
        }
    }
}
