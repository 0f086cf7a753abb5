//! Slices: the records, times, vCPUs and zero pages of a part of a trace.

use migsim::memory::PageRun;
use migsim::trace::slice::Slice;
use migsim::trace::{IdleSpan, Op, Record, Trace, TraceHeader, TraceWriter};
use proptest::prelude::*;

fn trace(records: &[Record], compaction_ns: u64) -> Trace {
    let header = TraceHeader {
        page_size: 4_096,
        pages: 32,
        ram: Vec::new(),
        vcpus: 3,
        tick_ns: 1,
        compaction_ns,
        provenance: "whole".to_owned(),
    };
    let zero_runs = vec![PageRun {
        first: 4,
        count: 20,
    }];
    let mut writer = TraceWriter::with_level(Vec::new(), header, zero_runs, 1).unwrap();
    for &record in records {
        writer.push(record).unwrap();
    }
    writer.set_idle_spans(vec![idle(0, 2, 5), idle(0, 5, 8), idle(2, 3, 9)]);
    Trace::from_bytes("whole", writer.finish(None).unwrap().into()).unwrap()
}

fn idle(vcpu: u16, from_ns: u64, until_ns: u64) -> IdleSpan {
    IdleSpan {
        vcpu,
        from_ns,
        until_ns,
    }
}

fn cut(trace: &Trace, from_ns: u64, to_ns: u64, vcpus: Option<Vec<u16>>) -> Result<Trace, String> {
    let mut out = Vec::new();
    let slice = Slice {
        from_ns,
        to_ns,
        vcpus,
    };
    slice
        .write(trace, &mut out)
        .map_err(|error| error.to_string())?;
    let part = Trace::from_bytes("part", out.into()).map_err(|error| error.to_string())?;
    part.verify().map_err(|error| error.to_string())?;
    Ok(part)
}

fn record() -> impl Strategy<Value = Record> {
    let op = prop_oneof![Just(Op::Read), Just(Op::Write), Just(Op::Execute)];
    (0..40_u64, 0..3_u16, 0..32_u32, op).prop_map(|(time_ns, vcpu, page, op)| Record {
        time_ns,
        vcpu,
        page,
        op,
    })
}

proptest! {
    #[test]
    fn a_slice_is_what_happened_in_it(
        mut records in prop::collection::vec(record(), 1..100),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        kept in prop_oneof![Just(None), Just(Some(vec![2_u16])), Just(Some(vec![2_u16, 0]))],
    ) {
        let mut now = 0;
        for record in &mut records {
            now += record.time_ns;
            record.time_ns = now;
        }
        let whole = trace(&records, 0);
        let from_ns = cuts.0.index(whole.duration_ns() as usize) as u64;
        let to_ns = from_ns + 1 + cuts.1.index((whole.duration_ns() - from_ns) as usize) as u64;
        let part = cut(&whole, from_ns, to_ns, kept.clone()).unwrap();
        prop_assert_eq!(part.duration_ns(), to_ns - from_ns);
        let kept = kept.unwrap_or(vec![0, 1, 2]);
        prop_assert_eq!(usize::from(part.header().vcpus), kept.len());
        for (vcpu, original) in (0..).zip(kept) {
            let found: Vec<_> = part.vcpu_records(vcpu, 0).map(Result::unwrap).collect();
            let expected: Vec<_> = records
                .iter()
                .filter(|record| record.vcpu == original && (from_ns..to_ns).contains(&record.time_ns))
                .map(|record| Record { time_ns: record.time_ns - from_ns, vcpu, ..*record })
                .collect();
            prop_assert_eq!(found, expected);
        }
        for page in 0..32 {
            let written = records
                .iter()
                .any(|record| record.page == page && record.op == Op::Write && record.time_ns < from_ns);
            let zero = part.zero_runs().iter().any(|run| (u64::from(run.first)..run.end()).contains(&page.into()));
            prop_assert_eq!(zero, (4..24).contains(&page) && !written, "page {}", page);
        }
    }
}

#[test]
fn idle_spans_are_cut_too() {
    let records = [Record {
        time_ns: 9,
        vcpu: 0,
        page: 1,
        op: Op::Read,
    }];
    let whole = trace(&records, 0);
    let part = cut(&whole, 4, 7, None).unwrap();
    assert_eq!(
        part.idle_spans(),
        [idle(0, 0, 1), idle(0, 1, 3), idle(2, 0, 3)]
    );
    let part = cut(&whole, 5, 10, Some(vec![2, 0])).unwrap();
    assert_eq!(part.idle_spans(), [idle(0, 0, 4), idle(1, 0, 3)]);
}

#[test]
fn slices_that_cannot_be_are_named() {
    let records = [Record {
        time_ns: 2_500,
        vcpu: 0,
        page: 1,
        op: Op::Read,
    }];
    let whole = trace(&records, 1_000);
    let part = cut(&whole, 1_000, 3_000, None).unwrap();
    assert!(
        part.header()
            .provenance
            .starts_with("whole; 1000 ns to 3000 ns of ")
    );
    for (from_ns, to_ns, vcpus, message) in [
        (
            500,
            3_000,
            None,
            "a slice between multiples of 1000 ns, where the trace is exact, found 500 ns",
        ),
        (0, 2_600, None, "found 2600 ns"),
        (
            2_000,
            2_000,
            None,
            "a slice that ends behind its beginning and within the trace's 3.00 us, found 2.00 us to 2.00 us",
        ),
        (0, 4_000, None, "found 0 s to 4.00 us"),
        (
            0,
            3_000,
            Some(vec![3]),
            "each vCPU once, of 0 to 2, found 3",
        ),
        (
            0,
            3_000,
            Some(vec![1, 1]),
            "each vCPU once, of 0 to 2, found 1",
        ),
        (0, 3_000, Some(vec![]), "at least 1 vCPU"),
    ] {
        let error = cut(&whole, from_ns, to_ns, vcpus).err().unwrap();
        assert!(error.contains(message), "{error}");
    }
}
