//! Recorders that see pages: perf, DAMON and the QEMU plugin.

use migsim::trace::import::{Addresses, ImportOptions};
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
          true  10/10  4507.262901:            page-faults:u:           405000
";
    assert_eq!(
        rows("perf", text, &ImportOptions::default()),
        [
            "0,0,1,x",
            "5000,1,2,w",
            "6196,2,515,r",
            "7000,0,4,r",
            "8000,0,5,r"
        ]
    );
    let no_address =
        "true 10 4.5: 1 page-faults:  ffffffff81000000 elf_load+0x28a ([kernel.kallsyms])\n";
    let message = error("perf", no_address);
    assert!(
        message.contains("expected the data's address (`perf record -d`"),
        "{message}"
    );
    let backwards =
        "a 1 5.0: page-faults:             1000\na 1 4.0: page-faults:             1000\n";
    let message = error("perf", backwards);
    assert!(
        message.starts_with("in: line 2: expected times of vCPU 0 in ascending order"),
        "{message}"
    );
    for bad in [
        "a 1 page-faults: 1000",
        "a b 5.0: page-faults: 1000",
        "a 1 5.0: page-faults: x",
        "5.0: page-faults: 1000",
    ] {
        let message = error("perf", bad);
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
    let rows = rows("damon", text, &ImportOptions::default());
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
            "1000-2000(4096): 1\n",
            "`monitoring_start:` before the first region",
        ),
        (
            "monitoring_start: 5 s\nmonitoring_end: 4 s\n1000-2000(4096): 1\n",
            "a `monitoring_end:` after",
        ),
        ("monitoring_start: soon\n", "a time such as `104.599 ms`"),
        (
            "monitoring_end: 9\nmonitoring_start: 1\n0-a(10): 1\nmonitoring_end: 0\n0-a(10): 1\n",
            "a `monitoring_end:` after",
        ),
        ("target_id: none\n", "a decimal target id"),
        (
            "2000-1000(4): 1\n",
            "a heading, or `start-end (size): count`",
        ),
        (
            "monitoring_start: 0\nmonitoring_end: 9\n0-ffffffffffffffff(16777216 TiB): 1\n",
            "at most 1073741824 accessed pages an interval",
        ),
    ] {
        let found = error("damon", bad);
        assert!(found.contains(message), "{found}");
    }
}

/// What damo 3.4.3 prints of made-up records (`pr_records_raw_form`).
#[test]
fn damon_today() {
    let one = |base: &str, target: &str| {
        format!(
            "base_time_absolute: {base}\ndata source: unknown\n\n\
             monitoring_start:                0 ns\n\
             monitoring_end:            100.000 ms\n\
             monitoring_duration:       100.000 ms\n\
             target_id: {target}\n\
             nr_regions: 1\n\
             # start_addr     end_addr        length  nr_accesses   age\n\
             563ebaa00000-563ebaa02000 (   8.000 KiB)           1    -1\n\n"
        )
    };
    // vCPU, page and interval of a tenth of a second.
    let reads = |text: &str| {
        let mut reads: Vec<_> = rows("damon", text, &ImportOptions::default())
            .iter()
            .map(|row| {
                let fields = row.split(',').take(3);
                let fields: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
                (fields[1], fields[2], fields[0] / 100_000_000)
            })
            .collect();
        reads.sort_unstable();
        reads
    };
    assert_eq!(
        reads(&one("3 h 4 m 17.510 s", "None")),
        [(0, 0, 0), (0, 1, 0)]
    );
    // Records have bases of their own.
    let two_targets = one("10 s", "1") + &one("15 s", "2");
    assert_eq!(
        reads(&two_targets),
        [(0, 0, 0), (0, 1, 0), (1, 512, 50), (1, 513, 50)]
    );
    // Two contexts at a time have targets of one name; a target goes on in a later record.
    let two_contexts = one("10 s", "1") + &one("10.020 s", "1");
    assert_eq!(
        reads(&two_contexts),
        [(0, 0, 0), (0, 1, 0), (1, 512, 0), (1, 513, 0)]
    );
    let later = one("10 s", "1") + &one("12 s", "1");
    assert_eq!(
        reads(&later),
        [(0, 0, 0), (0, 0, 20), (0, 1, 0), (0, 1, 20)]
    );
}

/// A VM of 1 GiB stays one of 1 GiB, however little of it was accessed.
#[test]
fn idle_memory_is_memory() {
    let text = "\
monitoring_start: 0
monitoring_end: 100000000
target_id: 7
7f3c00000000-7f3c20000000 ( 512.000 MiB)           0     9
7f3c20000000-7f3c40000000 ( 512.000 MiB)           0     9
monitoring_start: 100000000
monitoring_end: 200000000
7f3c00000000-7f3c00002000 (   8.000 KiB)           1     9
7f3c00002000-7f3c40000000 (1023.992 MiB)           0     9
7f4000001000-7f4000002000 (   4.000 KiB)           1     0
";
    let (trace, _) = imported("damon", text.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(trace.header().pages, (1 << 18) + 512);
    let runs = trace.zero_runs().iter();
    let zero: u64 = runs.map(|run| u64::from(run.count)).sum();
    assert_eq!(zero, 511, "what DAMON did not monitor");
    // Where QEMU maps the guest's memory; the rest is QEMU's own.
    let mapping = ImportOptions {
        addresses: Some(Addresses::Mapping {
            base: 0x7f3c_0000_0000,
            bytes: Some(1 << 30),
        }),
        ..ImportOptions::default()
    };
    let (trace, summary) = imported("damon", text.as_bytes(), &mapping).unwrap();
    assert_eq!((trace.header().pages, trace.record_count()), (1 << 18, 2));
    assert!(trace.zero_runs().is_empty());
    assert_eq!(
        summary.notes,
        ["1 accesses outside the mapping were dropped"]
    );
}

/// More pages an interval than are held at once.
#[test]
fn damon_intervals_of_many_pages() {
    const PAGES: u64 = (1 << 22) + 5;
    let text = format!(
        "monitoring_start: 0\nmonitoring_end: 100000000\n0-{:x} (16 GiB): 1\n",
        PAGES * 4096
    );
    let (trace, summary) = imported("damon", text.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(summary.accesses, PAGES);
    let mut seen = vec![false; PAGES as usize];
    for record in trace.records() {
        let page = record.unwrap().page as usize;
        assert!(!std::mem::replace(&mut seen[page], true));
    }
}

#[test]
fn qemu_recordings() {
    let bytes = qemu(&[(5, 7, 1, 2), (9, 8, 1, 0), (0, 3, 0, 1)]);
    let options = ImportOptions::default();
    let (trace, summary) = imported("qemu", &bytes, &options).unwrap();
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
        imported("qemu", bytes, options).err().unwrap().to_string()
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
        let trace = imported("qemu", &qemu(records), &ImportOptions::default());
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
    let error = imported("qemu", &qemu(&some), &beside).err().unwrap();
    assert_eq!(
        error.to_string(),
        "in: expected no idle spans beside the recording's own"
    );
}
