//! Recorders that see pages: perf, DAMON and the QEMU plugin.

use migsim::trace::import::{Format, ImportOptions};
use migsim::trace::{IdleSpan, Op};

use super::{error, imported, qemu, rows};

#[test]
fn perf() {
    let text = "\
# comment
     a (b) 1:2  10/10  [001]  4507.262893: exceptions:page_fault_user: address=0x401b70 ip=0x401b70 error_code=0x14
          true  10/11  4507.262898: exceptions:page_fault_user: address=0x402e06 ip=0x4017ad error_code=0x6
          true  12/12  4507.262899196: exceptions:page_fault_user: address=0x403d40 ip=0x401a13 error_code=0x4
          true  10/10  4507.262900:          1 page-faults:     404000 _rtld_global+0xde6 (/usr/lib/ld.so)     401000 start (/usr/lib/ld.so)
          true  10/10  4507.262901:            page-faults:u:     405000
";
    assert_eq!(
        rows(Format::Perf, text, &ImportOptions::default()),
        [
            "0,0,1,x",
            "5000,1,2,w",
            "6196,2,515,r",
            "7000,0,4,r",
            "8000,0,5,r"
        ]
    );
    let no_address =
        "true 10 4.5: 1 page-faults: ffffffff81000000 elf_load+0x28a ([kernel.kallsyms])\n";
    let message = error(Format::Perf, no_address);
    assert!(
        message.contains("expected the data's address (`perf record -d`"),
        "{message}"
    );
    let backwards = "a 1 5.0: page-faults: 1000\na 1 4.0: page-faults: 1000\n";
    let message = error(Format::Perf, backwards);
    assert!(
        message.starts_with("in: line 2: expected times in ascending order"),
        "{message}"
    );
    for bad in [
        "a 1 page-faults: 1000",
        "a 1 5.0: cycles: 1000",
        "a b 5.0: page-faults: 1000",
        "a 1 5.0: page-faults: x",
        "5.0: page-faults: 1000",
    ] {
        let message = error(Format::Perf, bad);
        assert!(
            message.starts_with("in: line 1: expected `comm pid/tid time"),
            "{message}"
        );
    }
}

#[test]
fn damon() {
    let text = "\
base_time_absolute: 8 m 59.809 s

monitoring_start:                0 ns
monitoring_end:                100 ms
monitoring_duration:           100 ms
target_id: 18446623438842320000
nr_regions: 2
563ebaa00000-563ebaa04000(  16.000 KiB):        4
7f938d7e1000-7f938ddfc000(   6.105 MiB):        0

monitoring_start:              100 ms
monitoring_end:                200 ms
monitoring_duration:           100 ms
target_id: 18446623438842320000
nr_regions: 1
# start_addr     end_addr        length  nr_accesses   age
563ebaa04000-563ebaa05000 (   4.000 KiB)           1     0
";
    let rows = rows(Format::Damon, text, &ImportOptions::default());
    let mut pages = Vec::new();
    for row in &rows {
        let fields: Vec<&str> = row.split(',').collect();
        let time_ns: u64 = fields[0].parse().unwrap();
        let page: u32 = fields[2].parse().unwrap();
        // Four of the samples saw an access: the first lies in the first quarter.
        let within = if page < 4 {
            0..25_000_000
        } else {
            100_000_000..200_000_000
        };
        assert!(within.contains(&time_ns), "{row}");
        assert_eq!(fields[3], "r");
        pages.push(page);
    }
    pages.sort_unstable();
    assert_eq!(pages, [0, 1, 2, 3, 4]);
    for (bad, message) in [
        (
            "1000-2000(4): 1\n",
            "`monitoring_start:` before the first region",
        ),
        (
            "monitoring_start: 5 s\nmonitoring_end: 4 s\n1000-2000(4): 1\n",
            "a `monitoring_end:` after",
        ),
        ("monitoring_start: soon\n", "a time such as `104.599 ms`"),
        ("target_id: none\n", "a decimal target id"),
        (
            "2000-1000(4): 1\n",
            "a heading, or `start-end (size): count`",
        ),
        (
            "monitoring_start: 0\nmonitoring_end: 9\n0-ffffffffffffffff(1): 1\n",
            "at most 4194304 accessed pages an interval",
        ),
    ] {
        let found = error(Format::Damon, bad);
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn qemu_recordings() {
    let bytes = qemu(&[(5, 7, 1, 2), (9, 8, 1, 0), (0, 3, 0, 1)]);
    let options = ImportOptions::default();
    let (trace, summary) = imported(Format::Qemu, &bytes, &options).unwrap();
    let header = trace.header();
    assert_eq!(
        (header.page_size, header.pages, header.vcpus),
        (4096, 64, 2)
    );
    assert_eq!(
        (header.compaction_ns, trace.duration_ns(), summary.accesses),
        (1_000_000, 1_000_000, 3)
    );
    let records: Vec<_> = trace.records().map(Result::unwrap).collect();
    assert_eq!((records[0].page, records[0].op), (3, Op::Write));
    assert_eq!((records[1].time_ns, records[1].op), (5, Op::Execute));

    let wrong = |bytes: &[u8], options: &ImportOptions| {
        imported(Format::Qemu, bytes, options)
            .err()
            .unwrap()
            .to_string()
    };
    let begins = "in: expected the header of a QEMU recording, beginning with `MIGSIMQ1`";
    assert_eq!(wrong(&bytes[..39], &options), begins);
    assert_eq!(wrong(b"", &options), begins);
    assert_eq!(
        wrong(&bytes[..bytes.len() - 1], &options),
        "in: record 2: expected 16 bytes, found 15 (is the file cut short?)"
    );
    assert_eq!(
        wrong(&qemu(&[(5, 7, 1, 0), (4, 7, 1, 0)]), &options),
        "in: record 1: expected times of vCPU 1 in ascending order, found 4 ns after 5 ns"
    );
    assert_eq!(
        wrong(&qemu(&[(5, 64, 1, 0)]), &options),
        "in: record 0: expected a page up to 63, found 64"
    );
    assert_eq!(
        wrong(&qemu(&[(5, 7, 1, 3)]), &options),
        "in: record 0: expected op 0 to 4 (3 and 4 with page 0) and then 0, found 3 with page 7 and 0"
    );
    let other = ImportOptions {
        pages: Some(65),
        ..ImportOptions::default()
    };
    assert_eq!(
        wrong(&bytes, &other),
        "in: expected a number of pages of 65 as given, found 64"
    );
    let finer = ImportOptions {
        compact_ns: 1_500_000,
        ..ImportOptions::default()
    };
    assert!(wrong(&bytes, &finer).contains("a multiple of the 1000000 ns"));
}

/// Of two vCPUs, in nanoseconds.
#[test]
fn idle_spans_of_qemu_recordings() {
    let spans = |records: &[(u64, u32, u16, u8)]| {
        let trace = imported(Format::Qemu, &qemu(records), &ImportOptions::default());
        let spans = trace.map(|(trace, _)| {
            let all = trace.idle_spans().iter();
            all.map(|span| (span.vcpu, span.from_ns, span.until_ns))
                .collect::<Vec<_>>()
        });
        spans.map_err(|error| error.to_string())
    };
    // vCPU 1 is idle at first; vCPU 0 at the end, which is that of the epoch.
    let some = [
        (0, 3, 0, 0),
        (2, 0, 1, 4),
        (9, 8, 1, 0),
        (20, 0, 0, 3),
        (30, 0, 0, 4),
        (35, 0, 0, 3),
    ];
    assert_eq!(
        spans(&some).unwrap(),
        [(0, 20, 30), (0, 35, 1_000_000), (1, 0, 2)]
    );
    // vCPU 1 never ran.
    assert_eq!(
        spans(&[(0, 3, 0, 0), (1, 0, 0, 3), (5, 0, 0, 4)]).unwrap(),
        [(0, 1, 5), (1, 0, 1_000_000)]
    );
    // A recorder that does not say.
    assert_eq!(spans(&[(0, 3, 0, 0)]).unwrap(), []);
    assert_eq!(
        spans(&[(0, 3, 0, 0), (9, 0, 0, 3), (8, 0, 0, 4)]).unwrap_err(),
        "in: record 2: expected times of vCPU 0 in ascending order, found 8 ns after 9 ns"
    );
    let back_in_time = [(0, 3, 0, 0), (5, 0, 0, 3), (9, 0, 0, 4), (4, 0, 0, 3)];
    assert_eq!(
        spans(&back_in_time).unwrap_err(),
        "in: record 3: expected times of vCPU 0 in ascending order, found 4 ns after 9 ns"
    );
    assert_eq!(
        spans(&[(5, 0, 2, 3)]).unwrap_err(),
        "in: record 0: expected one of 2 vCPUs, found vCPU 2"
    );
    let beside = ImportOptions {
        idle_spans: vec![IdleSpan {
            vcpu: 0,
            from_ns: 1,
            until_ns: 2,
        }],
        ..ImportOptions::default()
    };
    let error = imported(Format::Qemu, &qemu(&some), &beside).err().unwrap();
    assert_eq!(
        error.to_string(),
        "in: expected no idle spans beside the recording's own"
    );
}
