//! What workloads make, and which are refused.

use super::*;
use crate::trace::{Op, Record};

const MEMORY: u64 = 16 << 20;
const PAGES: u32 = 4_096;

fn workload(parameters: &str) -> Workload {
    toml::from_str(parameters).unwrap()
}

fn generate(parameters: &str) -> Trace {
    workload(parameters).generate(MEMORY, 4_096).unwrap()
}

fn records(trace: &Trace) -> Vec<Record> {
    trace.records().collect::<Result<_, _>>().unwrap()
}

fn error(parameters: &str) -> String {
    let error = workload(parameters).generate(MEMORY, 4_096).unwrap_err();
    error.to_string()
}

/// A change here changes every result that was computed from these workloads.
#[test]
fn content_is_pinned() {
    let short = "duration = \"100 ms\"\nvcpus = 2\n";
    for (kind, hash) in [
        ("sequential", "67b01f356d16e89c"),
        ("strided", "010fa15dc92e73e7"),
        ("uniform", "c0eaa3d39e3331e5"),
        ("zipf", "f71c835b4c49280c"),
        ("phased", "50281ff1de5db80b"),
    ] {
        let trace = generate(&format!("kind = \"{kind}\"\n{short}"));
        assert_eq!(trace.content_hash(), hash, "{kind}");
        trace.verify().unwrap();
    }
    let parts = "parts = [{ kind = \"sequential\", weight = 3 }, { kind = \"zipf\" }]";
    let trace = generate(&format!("kind = \"mixture\"\n{short}{parts}"));
    assert_eq!(trace.content_hash(), "14c93beedce5ee77");
}

#[test]
fn seed_and_vcpus_change_only_what_they_should() {
    let one = records(&generate("kind = \"uniform\"\nduration = \"10 ms\""));
    let two = records(&generate(
        "kind = \"uniform\"\nduration = \"10 ms\"\nvcpus = 2",
    ));
    let of_first: Vec<_> = two.into_iter().filter(|record| record.vcpu == 0).collect();
    assert_eq!(one, of_first, "a second vCPU leaves the first as it was");
    let other = records(&generate(
        "kind = \"uniform\"\nduration = \"10 ms\"\nseed = 2",
    ));
    assert_ne!(one, other);
}

#[test]
fn sequential_sweeps_at_constant_gaps() {
    let trace = generate(
        "kind = \"sequential\"\nworking_set = \"16 KiB\"\nrate = 1000\nduration = \"6 ms\"\nwrite_fraction = 1.0",
    );
    let found: Vec<_> = records(&trace)
        .iter()
        .map(|r| (r.time_ns, r.page, r.op))
        .collect();
    let first = (PAGES - 4) / 2;
    let expected: Vec<_> = (0..6)
        .map(|i| (u64::from(i) * 1_000_000, first + i % 4, Op::Write))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(trace.duration_ns(), 6_000_000);
}

#[test]
fn accesses_keep_to_the_working_set_and_the_rate() {
    for kind in ["strided", "uniform", "zipf"] {
        let trace = generate(&format!(
            "kind = \"{kind}\"\nworking_set = \"1 MiB\"\nduration = \"500 ms\""
        ));
        let records = records(&trace);
        assert!(
            records.len().abs_diff(50_000) < 1_000,
            "{kind}: {}",
            records.len()
        );
        let set = (PAGES - 256) / 2..(PAGES + 256) / 2;
        assert!(
            records.iter().all(|record| set.contains(&record.page)),
            "{kind}"
        );
        let writes = records
            .iter()
            .filter(|record| record.op == Op::Write)
            .count();
        assert!(
            writes.abs_diff(records.len() * 3 / 10) < 600,
            "{kind}: {writes} writes"
        );
        let zero = |page: u32| {
            trace
                .zero_runs()
                .iter()
                .any(|run| (run.first..run.first + run.count).contains(&page))
        };
        assert!(
            !set.clone().any(zero),
            "{kind}: zero pages in the working set"
        );
        assert!(
            (0..PAGES).filter(|&page| zero(page)).count() > 1_000,
            "{kind}"
        );
    }
}

#[test]
fn zipf_prefers_few_pages() {
    let mut counts = vec![0_u32; PAGES as usize];
    for record in records(&generate("kind = \"zipf\"\nduration = \"1 s\"")) {
        counts[record.page as usize] += 1;
    }
    counts.sort_unstable();
    let top: u32 = counts.iter().rev().take(20).sum();
    assert!(
        top > 35_000,
        "20 of 2,048 pages take {top} of 100,000 accesses"
    );
}

#[test]
fn unfit_parameters_are_named() {
    for (parameters, message) in [
        (
            "kind = \"zipf\"\nstride = 2",
            "stride: expected not to be given with kind = \"zipf\"",
        ),
        (
            "kind = \"zipf\"\nexponent = 0",
            "exponent: expected a number above 0, at most 10",
        ),
        (
            "kind = \"zipf\"\nexponent = nan",
            "exponent: expected a number above 0, at most 10",
        ),
        (
            "kind = \"uniform\"\nwrite_fraction = 1.5",
            "write_fraction: expected a number from 0 to 1",
        ),
        (
            "kind = \"uniform\"\nworking_set = \"1 GiB\"",
            "working_set: expected 1 to 4096 pages",
        ),
        (
            "kind = \"uniform\"\nworking_set = \"0 B\"",
            "working_set: expected 1 to 4096 pages",
        ),
        (
            "kind = \"uniform\"\nrate = 1000000000",
            "rate: expected rate × duration × vcpus",
        ),
        (
            "kind = \"uniform\"\nrate = 0",
            "rate: expected 1 to 1000000000",
        ),
        (
            "kind = \"uniform\"\nvcpus = 0",
            "vcpus: expected 1 to 65534",
        ),
        (
            "kind = \"uniform\"\nduration = 0",
            "duration: expected at least 1 ns",
        ),
        (
            "kind = \"strided\"\nstride = 0",
            "stride: expected 1 page to",
        ),
        (
            "kind = \"phased\"\nphase = \"1 ns\"",
            "phase: expected at least 1 ms",
        ),
        (
            "kind = \"mixture\"",
            "parts: expected the parts of the mixture",
        ),
        (
            "kind = \"uniform\"\nparts = []",
            "parts: expected not to be given",
        ),
        (
            "kind = \"mixture\"\nparts = [{ kind = \"mixture\" }]",
            "parts: expected parts that are not mixtures",
        ),
        (
            "kind = \"mixture\"\nparts = [{ kind = \"zipf\", weight = 0 }]",
            "weight: expected at least 1",
        ),
    ] {
        let error = error(parameters);
        assert!(error.contains(message), "{parameters}: {error}");
    }
    assert!(workload("kind = \"uniform\"").generate(5, 4_096).is_err());
    assert!(workload("kind = \"uniform\"").generate(0, 0).is_err());
    assert!(workload("kind = \"uniform\"").generate(300, 3).is_err());
}

#[test]
fn weights_and_places_of_a_mixture() {
    let trace = generate(
        "kind = \"mixture\"\nduration = \"1 s\"\nparts = [
            { kind = \"uniform\", weight = 3, working_set = \"1 MiB\" },
            { kind = \"sequential\", weight = 1, working_set = \"1 MiB\" },
        ]",
    );
    let first = (PAGES - 512) / 2;
    let (left, right): (Vec<_>, Vec<_>) = records(&trace)
        .into_iter()
        .partition(|record| record.page < first + 256);
    assert!(left.len().abs_diff(3 * right.len()) < 4_000);
    assert!(
        right
            .iter()
            .enumerate()
            .all(|(i, r)| r.page == first + 256 + i as u32 % 256)
    );
}
