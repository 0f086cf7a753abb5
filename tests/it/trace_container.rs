//! The container: round trips, seeking, and files that are damaged or made to harm.

mod damage;
mod first_accesses;
mod ram;

use std::io::Write;

use migsim::memory::PageRun;
use migsim::trace::{IdleSpan, Op, Record, Trace, TraceHeader, TraceWriter};
use proptest::prelude::*;

fn header() -> TraceHeader {
    TraceHeader {
        page_size: 4_096,
        pages: 1_000,
        ram: Vec::new(),
        vcpus: 3,
        tick_ns: 1,
        compaction_ns: 0,
        provenance: String::new(),
    }
}

fn read(time_ns: u64, vcpu: u16, page: u32) -> Record {
    Record {
        time_ns,
        vcpu,
        page,
        op: Op::Read,
    }
}

fn write(header: TraceHeader, zero_runs: Vec<PageRun>, records: &[Record]) -> Vec<u8> {
    write_with_idle(header, zero_runs, records, Vec::new())
}

fn write_with_idle(
    header: TraceHeader,
    zero_runs: Vec<PageRun>,
    records: &[Record],
    idle_spans: Vec<IdleSpan>,
) -> Vec<u8> {
    let mut writer = TraceWriter::with_level(Vec::new(), header, zero_runs, 1).unwrap();
    writer.set_idle_spans(idle_spans);
    for &record in records {
        writer.push(record).unwrap();
    }
    writer.finish(None).unwrap()
}

fn open(bytes: &[u8]) -> Result<Trace, migsim::trace::TraceError> {
    Trace::from_bytes("test", bytes.to_vec().into())
}

fn open_and_verify(bytes: &[u8]) -> Result<Trace, migsim::trace::TraceError> {
    let trace = open(bytes)?;
    trace.verify()?;
    Ok(trace)
}

fn merged(trace: &Trace) -> Vec<Record> {
    trace.records().collect::<Result<_, _>>().unwrap()
}

/// A file with several blocks, raw and compressed, zero runs and provenance.
fn small_file() -> (Vec<u8>, Vec<Record>) {
    small_file_with(Vec::new())
}

fn small_file_with(ram: Vec<PageRun>) -> (Vec<u8>, Vec<Record>) {
    let far = u64::from(u32::MAX) * 2;
    let mut records = vec![
        read(0, 0, 1),
        read(0, 0, 1),
        read(5, 1, 999),
        read(far, 0, 7),
    ];
    records.extend((0..200).map(|i| read(far + 10 * i, 2, (i % 5) as u32)));
    let zero_runs = vec![
        PageRun { first: 3, count: 4 },
        PageRun {
            first: 990,
            count: 10,
        },
    ];
    let header = TraceHeader {
        provenance: "a test".to_owned(),
        compaction_ns: 1_000,
        ram,
        ..header()
    };
    let idle_spans = vec![idle(0, 0, 3), idle(0, 3, 9), idle(2, 7, far)];
    (
        write_with_idle(header, zero_runs, &records, idle_spans),
        records,
    )
}

fn idle(vcpu: u16, from_ns: u64, until_ns: u64) -> IdleSpan {
    IdleSpan {
        vcpu,
        from_ns,
        until_ns,
    }
}

/// Spans of three vCPUs, from lengths of running and idle in turn.
fn any_idle() -> impl Strategy<Value = Vec<IdleSpan>> {
    let lengths = prop::collection::vec((0..1_000_000_u64, 1..1_000_000_u64), 0..9);
    prop::collection::vec(lengths, 3).prop_map(|vcpus| {
        let mut spans = Vec::new();
        for (vcpu, lengths) in (0..).zip(vcpus) {
            let mut now = 0;
            for (runs, sleeps) in lengths {
                spans.push(idle(vcpu, now + runs, now + runs + sleeps));
                now += runs + sleeps;
            }
        }
        spans
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let gap = prop_oneof![
        0..5_u64,
        0..1_000_000_u64,
        Just(u64::from(u32::MAX)),
        Just(1_u64 << 33)
    ];
    let op = prop_oneof![Just(Op::Read), Just(Op::Write), Just(Op::Execute)];
    (gap, 0..3_u16, 0..1_000_u32, op).prop_map(|(time_ns, vcpu, page, op)| Record {
        time_ns,
        vcpu,
        page,
        op,
    })
}

/// Records in time order, and a time among them.
fn any_records() -> impl Strategy<Value = (Vec<Record>, u64)> {
    (
        prop::collection::vec(any_record(), 0..300),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut records, at)| {
            let mut time_ns = 0;
            for record in &mut records {
                time_ns += record.time_ns;
                record.time_ns = time_ns;
            }
            records.sort_by_key(|record| (record.time_ns, record.vcpu));
            let from_ns = at.index(time_ns as usize + 2) as u64;
            (records, from_ns)
        })
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        (records, from_ns) in any_records(),
        idle_spans in any_idle(),
        tick_ns in 1..1_000_u32,
        compaction_ns in 0..5_000_u64,
    ) {
        let records: Vec<_> = records
            .into_iter()
            .map(|record| Record { time_ns: record.time_ns * u64::from(tick_ns), ..record })
            .collect();
        let from_ns = from_ns * u64::from(tick_ns);
        let header = TraceHeader { tick_ns, compaction_ns, provenance: "π".to_owned(), ..header() };
        let zero_runs = vec![PageRun { first: 0, count: 1 }, PageRun { first: 1, count: 999 }];
        let bytes = write_with_idle(header.clone(), zero_runs.clone(), &records, idle_spans.clone());
        let trace = open_and_verify(&bytes).unwrap();
        let within = idle_spans
            .into_iter()
            .map(|span| IdleSpan { until_ns: span.until_ns.min(trace.duration_ns()), ..span })
            .filter(|span| span.from_ns < span.until_ns);
        prop_assert_eq!(trace.idle_spans(), within.collect::<Vec<_>>());
        prop_assert_eq!(trace.header(), &header);
        prop_assert_eq!(trace.zero_runs(), &zero_runs[..]);
        prop_assert_eq!(trace.record_count(), records.len() as u64);
        prop_assert!(records.iter().all(|record| record.time_ns < trace.duration_ns()));
        prop_assert!(trace.duration_ns().is_multiple_of(compaction_ns.max(1)));
        prop_assert_eq!(&merged(&trace), &records);
        for vcpu in 0..4 {
            for from_ns in [0, from_ns, from_ns + 1, u64::MAX] {
                let found: Vec<_> = trace.vcpu_records(vcpu, from_ns).map(Result::unwrap).collect();
                let expected: Vec<_> = records
                    .iter()
                    .copied()
                    .filter(|record| record.vcpu == vcpu && record.time_ns >= from_ns)
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn long_traces_take_several_blocks() {
    let records: Vec<_> = (0..600_000)
        .map(|i| read(i / 2 * 3, 0, (i % 1_000) as u32))
        .collect();
    let trace = open_and_verify(&write(header(), Vec::new(), &records)).unwrap();
    assert_eq!(merged(&trace), records);
    for from in [262_142, 262_143, 262_144, 262_146, 599_999] {
        let from_ns = records[from].time_ns;
        let expected = records
            .iter()
            .filter(|record| record.time_ns >= from_ns)
            .count();
        assert_eq!(trace.vcpu_records(0, from_ns).count(), expected);
    }
}

#[test]
fn vcpus_may_be_many_and_in_any_order() {
    let header = TraceHeader {
        vcpus: 0,
        pages: 0,
        ..header()
    };
    let mut records = Vec::new();
    for vcpu in [65_534, 3, 640] {
        records.extend((0..5_000).map(|i| read(i, vcpu, 77)));
    }
    let zero_runs = vec![PageRun {
        first: 70,
        count: 10,
    }];
    let trace = open_and_verify(&write(header, zero_runs, &records)).unwrap();
    assert_eq!((trace.header().vcpus, trace.header().pages), (65_535, 80));
    records.sort_by_key(|record| (record.time_ns, record.vcpu));
    assert_eq!(merged(&trace), records);
}

#[test]
fn the_hash_is_of_content_not_of_compression() {
    let records: Vec<_> = (0..1_000).map(|i| read(i, 0, (i % 7) as u32)).collect();
    let files = [1, 19].map(|level| {
        let mut writer = TraceWriter::with_level(Vec::new(), header(), Vec::new(), level).unwrap();
        records
            .iter()
            .for_each(|&record| writer.push(record).unwrap());
        writer.finish(None).unwrap()
    });
    let hashes = files
        .each_ref()
        .map(|bytes| open_and_verify(bytes).unwrap().content_hash().to_owned());
    assert_eq!(hashes[0], hashes[1]);
    let other = write(
        TraceHeader {
            pages: 1_001,
            ..header()
        },
        Vec::new(),
        &records,
    );
    assert_ne!(open(&other).unwrap().content_hash(), hashes[0]);
}

#[test]
fn the_writer_refuses_what_cannot_be_read() {
    let refused = |header: TraceHeader, records: &[Record]| {
        let mut writer = TraceWriter::new(Vec::new(), header, Vec::new()).unwrap();
        let result = records.iter().try_for_each(|&record| writer.push(record));
        result.unwrap_err().to_string()
    };
    assert!(
        refused(header(), &[read(7, 0, 0), read(9, 1, 0), read(6, 0, 0)]).ends_with(
            "record 2: expected times of vCPU 0 in ascending order, found 6 ns after 7 ns"
        )
    );
    assert!(refused(header(), &[read(0, 3, 0)]).ends_with("expected a vCPU up to 2, found 3"));
    assert!(
        refused(header(), &[read(0, 0, 1_000)]).ends_with("expected a page up to 999, found 1000")
    );
    let unknown = TraceHeader {
        pages: 0,
        vcpus: 0,
        ..header()
    };
    assert!(refused(unknown.clone(), &[read(0, 0, 1 << 30)]).contains("page up to 1073741823"));
    assert!(refused(unknown.clone(), &[read(0, u16::MAX, 0)]).contains("vCPU up to 65534"));
    assert!(refused(header(), &[read(u64::MAX, 0, 0)]).contains("expected a time below"));
    let coarse = TraceHeader {
        tick_ns: 10,
        ..header()
    };
    assert!(refused(coarse, &[read(15, 0, 0)]).contains("whole ticks of 10 ns"));

    let finish = |header: TraceHeader, duration_ns| {
        let mut writer = TraceWriter::new(Vec::new(), header, Vec::new()).unwrap();
        writer.push(read(1_000, 0, 0)).unwrap();
        writer
            .finish(duration_ns)
            .map(|bytes| open(&bytes).unwrap().duration_ns())
    };
    assert!(finish(header(), Some(1_000)).is_err());
    assert_eq!(finish(header(), Some(1_001)).unwrap(), 1_001);
    assert_eq!(finish(header(), None).unwrap(), 1_001);
    let epochs = TraceHeader {
        compaction_ns: 300,
        ..header()
    };
    assert!(finish(epochs.clone(), Some(1_001)).is_err());
    assert_eq!(finish(epochs, None).unwrap(), 1_200);
    let nothing = TraceWriter::new(Vec::new(), unknown, Vec::new()).unwrap();
    assert!(nothing.finish(None).is_err());

    for bad in [
        TraceHeader {
            page_size: 0,
            ..header()
        },
        TraceHeader {
            page_size: 3_000,
            ..header()
        },
        TraceHeader {
            page_size: 1 << 40,
            ..header()
        },
        TraceHeader {
            pages: u32::MAX,
            ..header()
        },
        TraceHeader {
            tick_ns: 0,
            ..header()
        },
        TraceHeader {
            provenance: "x".repeat(100_000),
            ..header()
        },
    ] {
        assert!(TraceWriter::new(Vec::new(), bad, Vec::new()).is_err());
    }
    for runs in [
        [(0, 0), (1, 1)],
        [(5, 5), (9, 1)],
        [(0, 1), (999, 2)],
        [(0, 1), (u32::MAX, u32::MAX)],
    ] {
        let runs = runs.map(|(first, count)| PageRun { first, count });
        assert!(
            TraceWriter::new(Vec::new(), header(), runs.to_vec()).is_err(),
            "{runs:?}"
        );
    }
}

#[test]
fn a_file_is_read_as_memory_is_and_shared_by_threads() {
    let (bytes, _) = small_file();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let trace = Trace::open(file.path()).unwrap();
    trace.verify().unwrap();
    let expected = merged(&open(&bytes).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(merged(&trace), expected));
        }
    });
    let missing = file.path().with_extension("missing");
    assert!(
        Trace::open(&missing)
            .unwrap_err()
            .to_string()
            .contains("missing")
    );
    assert!(Trace::open(std::path::Path::new("/")).is_err());
}
