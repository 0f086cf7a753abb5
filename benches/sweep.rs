//! What sweeps cost: one guest over many links, and many guests.
//!
//! `cargo bench --bench sweep`. Each sweep begins with nothing shared, on one thread and on two.

use std::convert::Infallible;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use migsim::run::sweep::Sweep;
use migsim::scenario::ScenarioSource;
use migsim::strategy::Registry;

fn sweep(scenario: &str, settings: &[&str]) -> Sweep {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
    let mut source = ScenarioSource::open(&path).expect("a scenario of the repository");
    for setting in settings {
        source.set_beside_axes(setting).expect("a key");
    }
    Sweep::new(source, Registry::standard()).expect("a sound sweep")
}

fn sweeps(criterion: &mut Criterion) {
    let bandwidths =
        "link.bandwidth={ from = \"200 Mbit/s\", to = \"5 Gbit/s\", count = 400, scale = \"log\" }";
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    for (name, sweep) in [
        (
            "400 bandwidths, two windows",
            sweep("scenarios/sweep-bandwidth.toml", &[bandwidths]),
        ),
        ("eleven recordings", sweep("scenarios/gap.toml", &[])),
    ] {
        let runs = sweep.points() * sweep.strategies().len();
        group.throughput(Throughput::Elements(runs as u64));
        for jobs in [1, 2] {
            group.bench_function(format!("{name}, {jobs} threads"), |bencher| {
                bencher.iter(|| {
                    let run = sweep.run(0..sweep.points(), jobs, |_| Ok::<(), Infallible>(()));
                    run.expect("the system has threads");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, sweeps);
criterion_main!(benches);
