//! First accesses from any time on are the same as among all records.

use std::collections::BTreeSet;

use migsim::trace::{Op, Record, Trace, VcpuRecords};
use proptest::prelude::*;

use super::{header, open, write};

/// 400,000 records of each of two vCPUs, with pages that come up late, equal times, and one time that is too long for a
/// column.
fn trace() -> Trace {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut records = Vec::new();
    let mut time_ns = 0;
    for place in 0..800_000 {
        time_ns += if place == 500_000 { 1 << 33 } else { random(3) };
        let page = random(1_000) * random(1_000) * random(1_000) / 1_000_000;
        records.push(Record {
            time_ns,
            vcpu: random(2) as u16,
            page: page as u32,
            op: Op::Read,
        });
    }
    open(&write(header(), Vec::new(), &records)).unwrap()
}

/// The first of each page, not before a time.
fn first(records: VcpuRecords<'_>, from_ns: u64) -> Vec<Record> {
    let mut seen = BTreeSet::new();
    let records = records.map(Result::unwrap);
    let late = records.filter(|record| record.time_ns >= from_ns);
    late.filter(|record| seen.insert(record.page)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn first_accesses_are_those_of_all_records(
        places in prop::collection::vec((0.0..1.05_f64, 0u16..2, 0u64..4), 1..12),
    ) {
        let trace = trace();
        for (place, vcpu, too_early) in places {
            // Half of the time passes in the one long gap.
            let ns = |share: f64| (share * 800_000.0) as u64;
            let from_ns = if place < 0.5 { ns(place) } else { (1 << 33) + ns(place) };
            let times = from_ns.saturating_sub(too_early)..from_ns;
            let all = || trace.vcpu_records(vcpu, times.start);
            prop_assert_eq!(
                first(trace.vcpu_first_accesses(vcpu, times.clone()), from_ns),
                first(all(), from_ns)
            );
        }
        // There are far fewer.
        prop_assert!(trace.vcpu_first_accesses(0, 0..0).count() < 2_000);
        prop_assert!(trace.vcpu_records(0, 0).count() > 300_000);
    }
}
