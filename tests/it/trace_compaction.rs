//! Compaction is exact at epoch boundaries: the touch orders and dirty sets of a trace and of its compacted form agree.

use std::collections::BTreeSet;

use migsim::guest::replay::{AtEnd, Replay, TimeScale};
use migsim::guest::touch_order::TouchOrder;
use migsim::memory::{Memory, Ram};
use migsim::trace::import::{ImportOptions, Importer, Input};
use migsim::trace::{Op, Trace};
use migsim::units::SimTime;
use proptest::prelude::*;

const EPOCH_NS: u64 = 1_000;
const PAGES: u32 = 24;

/// Gap, vCPU, page and op of records in time order.
fn accesses() -> impl Strategy<Value = Vec<(u64, u16, u32, char)>> {
    let op = prop_oneof![Just('r'), Just('w'), Just('x')];
    // The last page lies in another group of pages than the first.
    let page = prop_oneof![0..PAGES, Just(5_000)];
    prop::collection::vec((0..300_u64, 0..2_u16, page, op), 1..200)
}

fn imported(csv: &str, compact_ns: u64) -> Trace {
    let options = ImportOptions {
        compact_ns,
        pages: Some(8_192),
        ..ImportOptions::default()
    };
    let mut out = Vec::new();
    let input = Input::new("in", csv.as_bytes()).unwrap();
    let csv = Importer::named("csv").unwrap();
    csv.import(input, &options, &mut out).unwrap();
    Trace::from_bytes("out", out.into()).unwrap()
}

/// Pages that a vCPU accessed by an op between two times.
fn set(trace: &Trace, vcpu: u16, from_ns: u64, to_ns: u64, op: Op) -> BTreeSet<u32> {
    let records = trace.vcpu_records(vcpu, from_ns).map(Result::unwrap);
    let within = records.take_while(|record| record.time_ns < to_ns);
    within
        .filter(|record| record.op == op)
        .map(|record| record.page)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn compaction_is_exact_at_epoch_boundaries(accesses in accesses()) {
        let mut csv = "time_ns,vcpu,page,op\n".to_owned();
        let mut time_ns = 0;
        for (gap_ns, vcpu, page, op) in accesses {
            time_ns += gap_ns;
            csv += &format!("{time_ns},{vcpu},{page},{op}\n");
        }
        let (raw, compacted) = (imported(&csv, 0), imported(&csv, EPOCH_NS));
        prop_assert_eq!(compacted.header().compaction_ns, EPOCH_NS);
        prop_assert!(compacted.record_count() <= raw.record_count());
        let memory = Memory { pages: 8_192, host_page: 4_096, host_shift: 0, trace_pages: 8_192 };
        let epochs = compacted.duration_ns() / EPOCH_NS;
        for epoch in 0..epochs {
            let from_ns = epoch * EPOCH_NS;
            // Up to where the raw trace ends: its duration is not a multiple of the epoch.
            let position = SimTime::from_ns(from_ns);
            let order = |trace| {
                let replay = Replay::new(trace, 0, TimeScale::default(), AtEnd::Idle, memory, Ram::WITHOUT_HOLES);
                TouchOrder::after(&replay, &vec![position; raw.header().vcpus.into()]).unwrap()
            };
            prop_assert_eq!(order(&raw), order(&compacted), "from epoch {}", epoch);
            for vcpu in 0..raw.header().vcpus {
                for op in [Op::Write, Op::Execute] {
                    for until in epoch + 1..=epochs {
                        let to_ns = until * EPOCH_NS;
                        prop_assert_eq!(
                            set(&raw, vcpu, from_ns, to_ns, op),
                            set(&compacted, vcpu, from_ns, to_ns, op)
                        );
                    }
                }
            }
        }
    }

    /// What is kept in an epoch is what the definition says, and times and order stay.
    #[test]
    fn the_first_of_each_kind_stays(accesses in accesses()) {
        let mut csv = "time_ns,vcpu,page,op\n".to_owned();
        let (mut time_ns, mut kept) = (0, Vec::new());
        let mut seen = BTreeSet::new();
        for (gap_ns, vcpu, page, op) in accesses {
            time_ns += gap_ns;
            csv += &format!("{time_ns},{vcpu},{page},{op}\n");
            let place = (vcpu, page, time_ns / EPOCH_NS);
            let first = !seen.contains(&(place, '*'));
            if first || (op != 'r' && !seen.contains(&(place, op))) {
                kept.push((vcpu, time_ns, page, op));
            }
            seen.extend([(place, '*'), (place, op)]);
        }
        kept.sort_by_key(|&(vcpu, ..)| vcpu);
        let compacted = imported(&csv, EPOCH_NS);
        let found: Vec<_> = (0..compacted.header().vcpus)
            .flat_map(|vcpu| compacted.vcpu_records(vcpu, 0))
            .map(|record| record.map(|record| (record.vcpu, record.time_ns, record.page, record.op.letter())).unwrap())
            .collect();
        prop_assert_eq!(found, kept);
    }
}
