//! What the trace container costs: generating a workload, decoding it, and a touch order from it.
//!
//! `cargo bench --bench trace`. Ten million accesses over 4 GiB by one vCPU.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use migsim::guest::touch_order::TouchOrder;
use migsim::scenario::{Scenario, ScenarioSource};
use migsim::units::SimTime;

const RECORDS: u64 = 10_000_000;

fn scenario() -> Scenario {
    let mut source = ScenarioSource::embedded();
    let workload = "trace.workload={ kind = \"zipf\", rate = 1000000, duration = \"10 s\", working_set = \"2 GiB\" }";
    for setting in ["trace.start=0", "vm.memory=4 GiB", workload] {
        source.set(setting).expect("a key");
    }
    source.scenario().expect("a sound scenario")
}

fn container(criterion: &mut Criterion) {
    let scenario = scenario();
    let trace = scenario.open_trace().expect("a generated trace");
    let mut group = criterion.benchmark_group("10 M records");
    group.sample_size(10);
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("generate", |bencher| {
        bencher.iter(|| scenario.open_trace().expect("a generated trace"));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let records = trace
                .vcpu_records(0, 0)
                .map(|record| record.expect("whole"));
            black_box(records.fold(0, |sum, record| sum ^ record.page))
        });
    });
    group.bench_function("touch order", |bencher| {
        let replay = scenario.replay(&trace).expect("it fits");
        bencher.iter(|| TouchOrder::after(&replay, &[SimTime::ZERO]).expect("a whole trace"));
    });
    group.finish();
}

criterion_group!(benches, container);
criterion_main!(benches);
