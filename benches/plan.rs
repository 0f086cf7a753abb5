//! What planning takes at the switch-over: PDoPMP's plan against pre-record's order of the same recording.
//!
//! `cargo bench --bench plan`. A million accesses over 1 GiB of 4 KiB pages: a program that sweeps, one that strides, and
//! two that jump about, interleaved.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use migsim::source::recorder::{Access, Recording};
use migsim::strategy::Observation;
use migsim::strategy::pdopmp::{PdopmpSettings, plan};
use migsim::strategy::pre_record::{PpsOrder, ordered_pps};
use migsim::time::SimTime;
use migsim::trace::Op;
use migsim::vm::{Memory, PageSet};

const ACCESSES: u32 = 1_000_000;
const PAGES: u32 = 1 << 18;

fn recording() -> Recording {
    let mut random = 1u64;
    let mut below = |limit: u32| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((random >> 33) as u32) % limit
    };
    let accesses = (0..ACCESSES)
        .map(|index| Access {
            time: SimTime::from_ns(500 * u64::from(index)),
            vcpu: (index % 2) as u16,
            page: match index % 4 {
                0 => index / 4 % (PAGES / 2),
                1 => PAGES / 2 + index / 4 * 3 % (PAGES / 8),
                _ => PAGES / 8 * 5 + below(PAGES / 8 * 3),
            },
            op: Op::Read,
        })
        .collect();
    Recording {
        accesses,
        window: SimTime::from_ms(500),
    }
}

fn plans(criterion: &mut Criterion) {
    let recording = recording();
    let observed = Observation {
        recording: &recording,
        memory: Memory {
            pages: PAGES,
            host_page: 4_096,
            host_shift: 0,
            trace_pages: PAGES.into(),
        },
        zero_pages: &PageSet::empty(PAGES),
        page_time: SimTime::from_us(34),
    };
    let mut group = criterion.benchmark_group("one million accesses");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ACCESSES.into()));
    group.bench_function("pre-record", |bencher| {
        bencher.iter(|| ordered_pps(black_box(&recording), PpsOrder::Recency));
    });
    group.bench_function("pre-record+pdopmp", |bencher| {
        bencher.iter(|| plan(black_box(&observed), &PdopmpSettings::default()));
    });
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
