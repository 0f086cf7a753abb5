//! What a run costs: pushing without faults, faults, and beside them what a conventional simulator would cost.
//!
//! `cargo bench --bench engine`. The conventional engine has one event a page in a binary heap, and knows nothing but a
//! send buffer, a FIFO link and a receiving thread; the bare loop writes one arrival time a page. Neither serves
//! requests.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use migsim::guest::touch_order::TouchOrder;
use migsim::migration::{Outcome, SwitchOver, migrate};
use migsim::scenario::{Scenario, ScenarioSource, profile};
use migsim::strategy::post_copy::active_push;
use migsim::units::SimTime;

/// 16 GiB of 4 KiB pages.
const PAGES: u32 = 1 << 22;

fn scenario(base: &str, settings: &[&str]) -> Scenario {
    let text = profile::text(base).unwrap_or_default();
    let mut source = ScenarioSource::from_text(base, text).expect("a profile of this crate");
    for setting in settings {
        source.set_beside_axes(setting).expect("a key");
    }
    source.scenario().expect("a sound scenario")
}

/// The switch-over of post-copy.
fn switch_over(scenario: &Scenario) -> SwitchOver {
    let trace = scenario.open_trace().expect("a generated trace");
    let replay = scenario.replay(&trace).expect("it fits");
    SwitchOver::prepare(scenario, &replay, false).expect("a whole trace")
}

fn post_copy(scenario: &Scenario, switch_over: &SwitchOver) -> Outcome {
    let mut order = active_push(scenario.source.push);
    migrate(scenario, switch_over, order.as_mut()).expect("a sound scenario")
}

/// Events by their time: a page has left the link, which frees its bytes and lets the source go on.
fn heap_engine(scenario: &Scenario, arrivals: &mut [SimTime]) -> SimTime {
    let (link, source) = (&scenario.link, &scenario.source);
    let bytes = link.message_bytes(4_096).page;
    let transmission = link.transmission(bytes, link.bandwidth);
    let mut events = BinaryHeap::new();
    let (mut queued, mut free_at, mut left, mut installed) =
        (0, SimTime::ZERO, SimTime::ZERO, SimTime::ZERO);
    let mut pages = 0..arrivals.len();
    let mut now = SimTime::ZERO;
    loop {
        while queued < source.send_buffer.0
            && let Some(page) = pages.next()
        {
            free_at = free_at.max(now) + source.push_service;
            left = left.max(free_at) + transmission;
            queued += bytes;
            events.push(Reverse((left, page)));
        }
        let Some(Reverse((departure, page))) = events.pop() else {
            return installed;
        };
        now = departure;
        queued -= bytes;
        installed = installed.max(now + link.latency) + scenario.destination.install;
        arrivals[page] = installed;
    }
}

fn push(criterion: &mut Criterion) {
    let quiet = [
        "trace.workload={ kind = \"uniform\", rate = 1, duration = \"10 s\", working_set = \"1 MiB\", zero_fraction = 0 }",
        "vm.memory=16 GiB",
    ];
    let mut group = criterion.benchmark_group("push 16 GiB without faults");
    group.sample_size(10);
    group.throughput(Throughput::Elements(PAGES.into()));
    for (name, base) in [("default", ""), ("qemu-7.2", "qemu-7.2")] {
        let scenario = scenario(base, &quiet);
        let mut switch_over = switch_over(&scenario);
        switch_over.touch_order = TouchOrder::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| post_copy(&scenario, &switch_over))
        });
    }
    let scenario = scenario("", &quiet);
    let mut arrivals = vec![SimTime::ZERO; PAGES as usize];
    group.bench_function("one heap event a page", |bencher| {
        bencher.iter(|| heap_engine(&scenario, black_box(&mut arrivals)));
    });
    group.bench_function("a bare loop", |bencher| {
        bencher.iter(|| {
            let mut time = SimTime::ZERO;
            for arrival in black_box(&mut arrivals) {
                time += SimTime::from_ps(34_328_487);
                *arrival = time;
            }
            time
        });
    });
    group.finish();
}

fn faults(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group("post-copy at 10 Gbit/s, Zipf over all of memory for 20 s");
    group.sample_size(10);
    for (memory, rate) in [
        ("1 GiB", 100_000),
        ("16 GiB", 100_000),
        ("256 GiB", 1_000),
        ("1 TiB", 100_000),
    ] {
        let workload = format!(
            "trace.workload={{ kind = \"zipf\", rate = {rate}, duration = \"20 s\", working_set = \"{memory}\" }}"
        );
        let memory_set = format!("vm.memory={memory}");
        let scenario = scenario(
            "",
            &[
                "trace.start=0",
                "link.bandwidth=10 Gbit/s",
                &workload,
                &memory_set,
            ],
        );
        let switch_over = switch_over(&scenario);
        let faults = post_copy(&scenario, &switch_over).stalls.len();
        group.throughput(Throughput::Elements(faults as u64));
        group.bench_function(format!("{memory}, {faults} faults"), |bencher| {
            bencher.iter(|| post_copy(&scenario, &switch_over));
        });
    }
    group.finish();
}

criterion_group!(benches, push, faults);
criterion_main!(benches);
