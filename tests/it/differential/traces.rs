//! Random traces, and the VMs that they are replayed in.

use crate::pair::Case;
use migsim::guest::replay::{AtEnd, TimeScale};
use migsim::scenario::Scenario;
use migsim::trace::{IdleSpan, Op, Record};
use migsim::units::Bytes;
use migsim::units::SimTime;
use proptest::prelude::*;

const PAGE_SIZE: u64 = 4_096;

/// A trace of at most so many pages, and a VM of at most so many more.
pub(super) fn trace_part(most_pages: u32, most_more: u64) -> impl Strategy<Value = Case> {
    (1u16..=3, 1..=most_pages, 0u32..=2, 0u64..=2).prop_flat_map(
        move |(vcpus, trace_pages, host_shift, compaction)| {
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
                zero_pages(trace_pages as usize),
                0u64..=4,
                prop_oneof![3 => Just(1.0), 1 => Just(0.25), 1 => Just(3.7)],
                0..=most_more,
                0u64..=9,
                any::<bool>(),
                prop_oneof![
                    Just(Vec::new()),
                    prop::collection::vec((0..vcpus, 0u64..200, 1u64..60), 0..9)
                ],
                (holes(trace_pages), any::<bool>(), 0u64..20),
            )
                .prop_map(
                    move |(
                        mut records,
                        zero,
                        slack,
                        scale_factor,
                        extra_pages,
                        start,
                        wrap,
                        idle,
                        (holes, by_scenario, free),
                    )| {
                        records.sort_by_key(|record| (record.time_ns, record.vcpu));
                        let duration_ns = 200_000 + 20_000 * slack;
                        let mut scenario = Scenario::default();
                        // `lead_ins` draws it.
                        scenario.migration.push_while_recording = false;
                        let strategies = [
                            "post-copy",
                            "pre-record",
                            "pre-record+pdopmp",
                            "clairvoyant",
                        ];
                        scenario.migration.strategies = strategies.map(str::to_owned).to_vec();
                        scenario.trace.start = SimTime::from_us(20 * start);
                        scenario.trace.at_end = if wrap { AtEnd::Wrap } else { AtEnd::Idle };
                        scenario.trace.time_scale =
                            TimeScale::from_factor(scale_factor).expect("within limits");
                        scenario.vm.memory =
                            Some(Bytes((u64::from(trace_pages) + extra_pages) * PAGE_SIZE));
                        scenario.vm.host_page = Some(Bytes(PAGE_SIZE << host_shift));
                        let touched = |page: &u32| records.iter().any(|r| r.page == *page);
                        let in_trace =
                            (0..trace_pages).filter(|page| !zero[*page as usize] && !touched(page));
                        // Mostly none is free.
                        let most = in_trace.count() as u64 + extra_pages;
                        scenario.vm.free = Bytes(free.saturating_sub(10).min(most) * PAGE_SIZE);
                        Case {
                            records,
                            idle: idle_spans(idle, duration_ns),
                            vcpus,
                            page_size: PAGE_SIZE,
                            trace_pages,
                            ram: Vec::new(),
                            zero,
                            compaction_ns,
                            duration_ns,
                            scale_factor,
                            host_shift,
                            scenario,
                        }
                        .with_holes(&holes, by_scenario)
                    },
                )
        },
    )
}

/// Before which page of RAM how many pages are none; mostly no hole.
fn holes(pages: u32) -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((0..pages, 1u32..9), 1..4)
    ]
}

/// Any pages, or runs of them.
fn zero_pages(pages: usize) -> impl Strategy<Value = Vec<bool>> {
    let runs = prop::collection::vec((any::<bool>(), 1..=pages), 1..12).prop_map(move |runs| {
        let runs = runs.into_iter();
        let mut zero: Vec<bool> = runs.flat_map(|(zero, count)| vec![zero; count]).collect();
        zero.resize(pages, false);
        zero
    });
    prop_oneof![prop::collection::vec(any::<bool>(), pages), runs]
}

/// Spans from (vCPU, from, length) in microseconds, without those that overlap one before.
fn idle_spans(mut spans: Vec<(u16, u64, u64)>, duration_ns: u64) -> Vec<IdleSpan> {
    spans.sort_unstable();
    let mut kept: Vec<IdleSpan> = Vec::new();
    for (vcpu, from_us, us) in spans {
        let span = IdleSpan {
            vcpu,
            from_ns: from_us * 1_000,
            until_ns: ((from_us + us) * 1_000).min(duration_ns),
        };
        let follows = |before: &IdleSpan| before.vcpu < vcpu || before.until_ns <= span.from_ns;
        if kept.last().is_none_or(follows) && span.from_ns < span.until_ns {
            kept.push(span);
        }
    }
    kept
}
