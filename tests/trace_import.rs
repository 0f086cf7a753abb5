//! Importers: what each format's lines become, and what its broken lines say.

use std::io::Write;

use migsim::trace::import::{
    Addresses, Format, ImportError, ImportOptions, ImportSummary, Input, import,
};
use migsim::trace::{IdleSpan, Op, Trace};
use proptest::prelude::*;

const FORMATS: &[Format] = &[
    Format::Csv,
    #[cfg(feature = "parquet")]
    Format::Parquet,
    Format::Qemu,
    Format::Lackey,
    Format::Drmemtrace,
    Format::Execlog,
    Format::Pin,
    Format::Dinero,
    Format::Perf,
    Format::Damon,
];

fn imported(
    format: Format,
    content: &[u8],
    options: &ImportOptions,
) -> Result<(Trace, ImportSummary), ImportError> {
    let mut out = Vec::new();
    let summary = import(format, Input::new("in", content)?, options, &mut out)?;
    let trace = Trace::from_bytes("out", out.into())?;
    trace.verify()?;
    Ok((trace, summary))
}

/// `time_ns,vcpu,page,op` of every record.
fn rows(format: Format, content: &str, options: &ImportOptions) -> Vec<String> {
    let (trace, _) = imported(format, content.as_bytes(), options).unwrap();
    trace
        .records()
        .map(|record| {
            let record = record.unwrap();
            let op = record.op.letter();
            format!("{},{},{},{op}", record.time_ns, record.vcpu, record.page)
        })
        .collect()
}

fn error(format: Format, content: &str) -> String {
    let failed = imported(format, content.as_bytes(), &ImportOptions::default());
    failed.map(|_| ()).expect_err(content).to_string()
}

fn physical() -> ImportOptions {
    ImportOptions {
        addresses: Addresses::Physical,
        ..ImportOptions::default()
    }
}

#[test]
fn lackey() {
    let text =
        "==7== Lackey\nI  0401ab73,5\n S 1fff000ffc,8\n L 0401b000,8\n M 04223c7c,4\n==7== bye\n";
    let options = ImportOptions {
        time_per_record_ns: 10,
        ..ImportOptions::default()
    };
    assert_eq!(
        rows(Format::Lackey, text, &options),
        [
            // 0x401a is page 26 of its region, 0x4223 page 35 of the next but one; the stack spans two pages.
            "0,0,26,x",
            "10,0,1024,w",
            "10,0,1025,w",
            "20,0,27,r",
            "30,0,547,r",
            "30,0,547,w",
        ]
    );
    let (trace, summary) = imported(Format::Lackey, text.as_bytes(), &options).unwrap();
    assert_eq!((summary.accesses, summary.skipped), (6, 0));
    assert_eq!(trace.header().pages, 3 * 512);
    let zero: u32 = trace.zero_runs().iter().map(|run| run.count).sum();
    assert_eq!(zero, 3 * 512 - 5);
    for bad in [
        "X 04,8",
        "L 04",
        "L04,8",
        "L 0g,8",
        "L 04,x",
        " L 04,8,8",
        "L",
    ] {
        let message = error(Format::Lackey, &format!("I  04,1\n{bad}\n"));
        let expected = format!(
            "in: line 2: expected `I`, `L`, `S` or `M`, then `address,size`, found `{}`",
            bad.trim()
        );
        assert_eq!(message, expected);
    }
    assert_eq!(
        error(Format::Lackey, " L 04,65537\n"),
        "in: line 1: expected an access of at most 65536 bytes, found 65537"
    );
    assert_eq!(
        error(Format::Lackey, "==7== nothing\n"),
        "in: line 2: expected at least one access, found the end"
    );
}

#[test]
fn drmemtrace() {
    let text = "\
Output format:
<--record#-> <--instr#->: <---tid---> <record details>
------------------------------------------------------------
           1           0:      296231 <marker: version 6>
           2           0:      296231 <marker: timestamp 13319413770947383>
           3           0:      296231 <marker: tid 296231 on core 10>
           4           1:      296231 ifetch       8 byte(s) @ 0x0000000000401012 48 8d 34 25 00 20 40 lea    0x00402000 -> %rsi
           4           1:      296231                                             00
           5           1:      296231 read         8 byte(s) @ 0x0000000000402000 by PC 0x0000000000401012
           6           1:      296231 pref-r       1 byte(s) @ 0x0000000000409000 by PC 0x0000000000401012
------------------------------------------------------------
           7           1:      296232 <marker: timestamp 13319413770947384>
           8           2:      296232 write        8 byte(s) @ 0x0000000000403000 by PC 0x0000000000401012
------------------------------------------------------------
           9           2:   W1.T296231 <marker: timestamp 13319413770947393>
          10           3:   W1.T296231 ifetch       2 byte(s) @ 0x0000000000401026 non-branch
          11           3:   W1.T296231 <thread 296231 exited>
View tool results:
              3 : total instructions
";
    assert_eq!(
        rows(Format::Drmemtrace, text, &ImportOptions::default()),
        [
            "0,0,1,x",
            "1,0,2,r",
            "1000,1,3,w",
            // Another workload: another thread, and other pages.
            "10000,2,513,x",
        ]
    );
    // Steps that overtake the next timestamp never turn time back.
    let slow = ImportOptions {
        time_per_record_ns: 20_000,
        ..ImportOptions::default()
    };
    let one = text
        .replace("W1.T296231", "296231")
        .replace("296232", "296231");
    assert_eq!(
        rows(Format::Drmemtrace, &one, &slow),
        ["0,0,1,x", "20000,0,2,r", "40000,0,3,w", "60000,0,1,x"]
    );
    for bad in [
        "Adios world!",
        "1 0: 7 read 8 byte(s) at 0x1",
        "1 0: 7 read 8 byte(s) @ zero",
        "1 0: X7 read 8 byte(s) @ 0x1",
        "1 0: 7 <marker: timestamp soon>",
        "1 0 7 read 8 byte(s) @ 0x1",
        "1 0: 7 gibberish",
    ] {
        let message = error(Format::Drmemtrace, bad);
        assert!(
            message.starts_with("in: line 1: expected `record instruction: thread`"),
            "{message}"
        );
    }
}

#[test]
fn execlog() {
    let user = "\
0, 0x401026, 0x050f, \"syscall \"
1, 0x401030, 0x448b, \"mov rax, qword ptr [rbx + 8]\", load, 0x00402008
0, 0x401034, 0x0148, \"add \\\"x\\\", rax\", load, 0x00403000, store, 0x00403000, rax -> 0x1
";
    assert_eq!(
        rows(Format::Execlog, user, &ImportOptions::default()),
        [
            "0,0,1,x", "1,1,1,x", "1,1,2,r", "2,0,1,x", "2,0,3,r", "2,0,3,w"
        ]
    );
    let system = "\
0, 0xffffffff81000000, 0x448b, \"mov eax, [rbx]\", load, 0x00005008, RAM
0, 0xffffffff81000004, 0x448b, \"mov [rbx], eax\", store, 0xfee00000, apic-msi, store, 0x00007000, RAM
";
    assert_eq!(
        rows(Format::Execlog, system, &physical()),
        ["0,0,5,r", "1,0,7,w"]
    );
    let small = ImportOptions {
        pages: Some(7),
        ..physical()
    };
    let message = imported(Format::Execlog, system.as_bytes(), &small);
    assert_eq!(
        message.map(|_| ()).unwrap_err().to_string(),
        "in: line 2: expected a physical address below 0x7000, found one of page 7"
    );
    let message = error(Format::Execlog, system);
    assert!(
        message.starts_with("in: line 1: expected no device with virtual addresses"),
        "{message}"
    );
    let message = imported(Format::Execlog, user.as_bytes(), &physical())
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("in: line 2: expected a device"),
        "{message}"
    );
    for bad in [
        "0, 0x1, 0x2, nop",
        "0, 0x1, 0x2",
        "x, 0x1, 0x2, \"nop\"",
        "70000, 0x1, 0x2, \"nop\"",
    ] {
        let message = error(Format::Execlog, bad);
        assert!(
            message.starts_with("in: line 1: expected `vcpu, 0xADDRESS"),
            "{message}"
        );
    }
    let message = error(Format::Execlog, "0, 0x1, 0x2, \"nop\", load");
    assert_eq!(
        message,
        "in: line 1: expected `load` or `store` and a hexadecimal address, found ``"
    );
}

#[test]
fn pin() {
    let text = "#\n# Memory Access Trace Generated By Pin\n#\n0x401000: R 0x402ffc  8 0x1\n0x401004: W 0x402000\n#eof\n";
    assert_eq!(
        rows(Format::Pin, text, &ImportOptions::default()),
        ["0,0,1,x", "0,0,2,r", "0,0,3,r", "1,0,1,x", "1,0,2,w"]
    );
    for bad in [
        "0x401000 R 0x402000",
        "0x401000: X 0x402000",
        "0x401000: R (nil)",
        "0x401000:",
    ] {
        let message = error(Format::Pin, bad);
        assert!(
            message.starts_with("in: line 1: expected `0xIP: R 0xADDRESS`"),
            "{message}"
        );
    }
}

#[test]
fn dinero() {
    let text = "2 401000 comment\n0 402000\n1 0x403000\n3 404000\n4 0\nw 405ffc 10\nm 0x1000 1\nv 9000 8\n";
    assert_eq!(
        rows(Format::Dinero, text, &ImportOptions::default()),
        // 0x1000 is in the region before that of the rest.
        [
            "0,0,513,x",
            "1,0,514,r",
            "2,0,515,w",
            "3,0,516,r",
            "5,0,517,w",
            "5,0,518,w",
            "6,0,1,r"
        ]
    );
    for bad in ["5 401000", "0", "0 xyz", "w 401000", "w 401000 z"] {
        let message = error(Format::Dinero, bad);
        assert!(
            message.starts_with("in: line 1: expected `label address`"),
            "{message}"
        );
    }
}

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

fn qemu(records: &[(u64, u32, u16, u8)]) -> Vec<u8> {
    let mut bytes = b"MIGSIMQ1".to_vec();
    bytes.extend(4096_u32.to_le_bytes());
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(64_u64.to_le_bytes());
    bytes.extend(1_000_000_u64.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    for (time_ns, page, vcpu, op) in records {
        bytes.extend(time_ns.to_le_bytes());
        bytes.extend(page.to_le_bytes());
        bytes.extend(vcpu.to_le_bytes());
        bytes.extend([*op, 0]);
    }
    bytes
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

#[test]
fn lenient_skips_and_counts() {
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    let text = "I  1000,4\nhello\n L 2000,4\nworld\n\n\nfoo\nbar\n";
    let (trace, summary) = imported(Format::Lackey, text.as_bytes(), &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (2, 4));
    assert_eq!(summary.examples.len(), 3);
    assert!(
        summary.examples[1].starts_with("in: line 4: expected"),
        "{:?}",
        summary.examples
    );
    let csv = "time_ns,vcpu,page,op\n5,0,1,r\n4,0,1,r\n6,0,x,r\n7,0,1,w\n";
    let (trace, summary) = imported(Format::Csv, csv.as_bytes(), &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (2, 2));
    let mut cut = qemu(&[(5, 7, 1, 2), (6, 7, 1, 9), (9, 8, 1, 0)]);
    cut.pop();
    let (trace, summary) = imported(Format::Qemu, &cut, &lenient).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (1, 2));
}

#[test]
fn options_that_do_not_fit_are_named() {
    let text = b" L 2000,4\n";
    let wrong = |options: ImportOptions| {
        imported(Format::Lackey, text, &options)
            .err()
            .unwrap()
            .to_string()
    };
    let few = ImportOptions {
        pages: Some(500),
        ..ImportOptions::default()
    };
    assert_eq!(
        wrong(few),
        "in: expected at least 512 pages, which its addresses need, found 500 as given"
    );
    let odd = ImportOptions {
        page_size: Some(3000),
        ..ImportOptions::default()
    };
    assert!(wrong(odd).contains("a page size that is a power of two"));
    let zero = ImportOptions {
        zero_runs: vec![migsim::trace::PageRun { first: 0, count: 1 }],
        ..ImportOptions::default()
    };
    assert!(wrong(zero).contains("no zero pages with virtual addresses"));
    let large = ImportOptions {
        page_size: Some(2 << 20),
        pages: Some(1024),
        ..ImportOptions::default()
    };
    let (trace, _) = imported(Format::Lackey, text, &large).unwrap();
    assert_eq!(
        (trace.header().page_size, trace.header().pages),
        (2 << 20, 1024)
    );
}

#[test]
fn hostile_addresses_meet_a_limit() {
    let mut text = Vec::new();
    for region in 0..70_000_u64 {
        writeln!(text, " L {:x},4", region << 21).unwrap();
    }
    let message = imported(Format::Lackey, &text, &ImportOptions::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("at most 65536 regions of 512 pages"),
        "{message}"
    );
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    assert!(
        imported(Format::Lackey, &text, &lenient).is_err(),
        "a limit is no bad line"
    );
}

/// Lines made of what the formats are made of.
fn line() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[ILSM] {1,2}[0-9a-f]{1,17},[0-9]{1,5}",
        "[0-9]{1,3} [0-9]{1,3}: (W0.T)?[0-9]{1,6} (read|write|ifetch) [0-9] byte\\(s\\) @ 0x[0-9a-f]{1,16}",
        "[0-9] [0-9]: [0-9] <marker: timestamp [0-9]{1,20}>",
        "[0-9], 0x[0-9a-f]{1,8}, 0x0, \"[a-z\", ]{0,9}\"(, (load|store), 0x[0-9a-f]{1,16}){0,2}(, RAM)?",
        "0x[0-9a-f]{1,16}: [RW] 0x[0-9a-f]{1,16}",
        "[0-5rwimcv] (0x)?[0-9a-f]{1,16}( [0-9a-f]{1,3})?",
        "[a-z]{1,5} [0-9]{1,4}(/[0-9]{1,4})? ( \\[00[0-3]\\] )?[0-9]{1,12}\\.[0-9]{1,10}: (1 )?page-faults: [0-9a-f]{1,16}",
        "monitoring_(start|end): [0-9]{1,12}( ns| ms| s)?",
        "[0-9a-f]{1,16}-[0-9a-f]{1,16}( )?\\( *[0-9]+ [KM]iB\\):? +[0-9]{1,2}( [0-9])?",
        "target_id: [0-9]{1,20}",
        "[0-9]{1,20},[0-9]{1,5},[0-9]{1,10},[rwx]",
        "\\PC{0,30}",
    ];
    (token, "[ ,:\"@<>()-]{0,2}").prop_map(|(token, more)| token + &more)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever comes in, a trace comes out that is whole, or an error: nothing panics.
    #[test]
    fn hostile_lines_are_survived(
        lines in prop::collection::vec(line(), 0..40),
        lenient in any::<bool>(),
        compact_ns in 0..3_u64,
        physical in any::<bool>(),
    ) {
        let text = lines.join("\n");
        let csv = format!("time_ns,vcpu,page,op\n{text}");
        let addresses = if physical { Addresses::Physical } else { Addresses::Virtual };
        let options = ImportOptions { lenient, compact_ns, addresses, ..ImportOptions::default() };
        for &format in FORMATS {
            let text = if format == Format::Csv { &csv } else { &text };
            let _ = imported(format, text.as_bytes(), &options);
        }
    }

    #[test]
    fn hostile_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), lenient in any::<bool>()) {
        let options = ImportOptions { lenient, ..ImportOptions::default() };
        for &format in FORMATS {
            let _ = imported(format, &bytes, &options);
        }
        let mut recording = qemu(&[]);
        recording.extend(&bytes);
        let _ = imported(Format::Qemu, &recording, &options);
    }
}

/// What real tools wrote, or what was written to their grammar; see `tests/data/README.md`. Accesses and pages were
/// counted by a script of its own.
#[test]
fn samples_of_every_tool() {
    let default = ImportOptions::default;
    for (file, format, options, accesses, pages) in [
        ("lackey.txt.gz", Format::Lackey, default(), 615, 65),
        ("execlog-user.txt.gz", Format::Execlog, default(), 600, 65),
        (
            "execlog-system.txt.gz",
            Format::Execlog,
            physical(),
            1_031,
            9,
        ),
        ("perf-page-faults.txt.gz", Format::Perf, default(), 101, 93),
        (
            "perf-exceptions.txt.gz",
            Format::Perf,
            default(),
            2_185,
            2_090,
        ),
        ("drmemtrace.txt", Format::Drmemtrace, default(), 9, 5),
        ("pin.txt", Format::Pin, default(), 10, 7),
        ("dinero.din", Format::Dinero, default(), 10, 5),
        ("damon.txt", Format::Damon, default(), 48, 40),
    ] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let content = std::fs::read(root.join("tests/data").join(file)).unwrap();
        let (trace, summary) = imported(format, &content, &options).unwrap();
        let touched: std::collections::BTreeSet<_> =
            trace.records().map(|record| record.unwrap().page).collect();
        assert_eq!(
            (summary.accesses, touched.len()),
            (accesses, pages),
            "{file}"
        );
    }
}
