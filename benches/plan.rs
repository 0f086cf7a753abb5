//! What planning takes at the switch-over: PDoPMP's plan against pre-record's order of the same recording.
//!
//! `cargo bench --bench plan`. A million accesses over 1 GiB of 4 KiB pages: a program that sweeps, one that strides,
//! and two that jump about, interleaved; and, for PDoPMP, one sweep that is broken off everywhere by jumps into it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use migsim::guest::recording::{Access, Recording};
use migsim::memory::{Memory, PageSet};
use migsim::strategy::Observation;
use migsim::strategy::pdopmp::{PdopmpSettings, plan};
use migsim::strategy::pre_record::{PpsOrder, ordered_pps};
use migsim::trace::Op;
use migsim::units::SimTime;

const ACCESSES: u32 = 1_000_000;
const PAGES: u32 = 1 << 18;

/// By two vCPUs in turn: each access's page is made from its index and a random number.
fn recording(page: impl Fn(u32, u32) -> u32) -> Recording {
    let mut random = 1u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) as u32
    };
    let accesses = (0..ACCESSES)
        .map(|index| Access {
            time: SimTime::from_ns(500 * u64::from(index)),
            vcpu: (index % 2) as u16,
            page: page(index, next()),
            op: Op::Read,
        })
        .collect();
    Recording {
        accesses,
        window: SimTime::from_ms(500),
    }
}

fn interleaved(index: u32, random: u32) -> u32 {
    match index % 4 {
        0 => index / 4 % (PAGES / 2),
        1 => PAGES / 2 + index / 4 * 3 % (PAGES / 8),
        _ => PAGES / 8 * 5 + random % (PAGES / 8 * 3),
    }
}

fn broken_sweep(index: u32, random: u32) -> u32 {
    if index.is_multiple_of(3) {
        random % PAGES
    } else {
        index % PAGES
    }
}

fn plans(criterion: &mut Criterion) {
    let (zero_pages, missing) = (PageSet::empty(PAGES), PageSet::full(PAGES));
    let observed = |recording| Observation {
        recording,
        memory: Memory {
            pages: PAGES,
            host_page: 4_096,
            host_shift: 0,
            trace_pages: PAGES.into(),
        },
        zero_pages: &zero_pages,
        missing: &missing,
        page_time: SimTime::from_us(34),
    };
    let recording_of_four = recording(interleaved);
    let recording_of_sweep = recording(broken_sweep);
    let mut group = criterion.benchmark_group("one million accesses");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ACCESSES.into()));
    group.bench_function("pre-record", |bencher| {
        bencher.iter(|| ordered_pps(black_box(&recording_of_four), PpsOrder::Recency));
    });
    group.bench_function("pre-record+pdopmp", |bencher| {
        let observed = observed(&recording_of_four);
        bencher.iter(|| plan(black_box(&observed), &PdopmpSettings::default()));
    });
    group.bench_function("pre-record+pdopmp, broken sweep", |bencher| {
        let observed = observed(&recording_of_sweep);
        bencher.iter(|| plan(black_box(&observed), &PdopmpSettings::default()));
    });
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
