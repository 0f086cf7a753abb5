//! Forms of the text formats that people's tools write: what each becomes, or how it is refused.

use migsim::trace::import::{Addresses, ImportOptions};

use super::{error, imported, physical, rows};

fn default_rows(format: &str, text: &str) -> Vec<String> {
    rows(format, text, &ImportOptions::default())
}

/// Without `perf record -d`, a software page fault has the instruction's address only.
#[test]
fn perf_instruction_addresses_are_refused() {
    for text in [
        "  server  42/42  13.447291:          1 page-faults:      56507acdc186 [unknown] (/srv/app/server (deleted))\n",
        "  server  42/42  13.447291:          1 page-faults:      56507acdc186 main+0x3 (/srv/my app/server)\n",
        "  ls 14/14   723.625815: page-faults:  ffffffff817554ea\n",
        "  ls 14/14   723.625838: page-faults:      7f256606fb70\n",
        "  ls 14/14   723.625838: major-faults:u:      7f256606fb70\n",
        // A call chain without an address in the event's own line.
        "minio  2305 801156.464930:          1 page-faults: \n\t   46c57c runtime.memclr+0x11c (/usr/bin/minio)\n",
    ] {
        let message = error("perf", text);
        assert!(message.contains("perf record -d"), "{message}");
        assert!(message.starts_with("in: line 1: "), "{message}");
    }
    // The columns are gone: it may be either.
    let message = error("perf", "ls 14 723.625838: page-faults: 7f256606fb70\n");
    assert!(
        message.contains("in the columns in which perf prints it"),
        "{message}"
    );
}

#[test]
fn perf_data_addresses_in_every_selection_of_fields() {
    for (text, expected) in [
        (
            // -F addr,ip
            "  ls 26/26  6079.228257: page-faults:     55db0ab015c0     7fafd0483110\n\
             \x20 ls 26/26  6079.228288: page-faults:     7fafd0483110     7fafd0483110\n",
            ["0,0,257,r", "31000,0,643,r"],
        ),
        (
            // -F +addr, with call chains
            "ls 14410   722.481417:          1 page-faults:     56501f7c35c0 __progname+0x0 (/usr/bin/ls)\n\
             \tffffffff817554ea elf_load+0x28a ([kernel.kallsyms])\n\
             \t    7f61a58d6b70 _start+0x0 (/usr/lib/ld.so (deleted))\n\
             \n\
             ls 14410   722.481500:          1 page-faults:     7f61a58f0110 dl_close_state.2+0x0 (/usr/lib/ld.so)\n\
             \t    7f61a58d77ad _dl_start+0x3d (inlined)\n",
            ["0,0,451,r", "83000,0,752,r"],
        ),
        (
            // -F addr,ip,sym
            "ls 1/1 2.5: page-faults:     56501f7c35c0 a (/bin/ls)     7f61a58d6b70 _start+0x0 (/usr/lib/ld.so)\n\
             ls 1/1 2.6: page-faults: ffffffff817554ea [unknown] (/x y (deleted))     7f61a58d6b70 f (z)\n",
            ["0,0,451,r", "100000000,0,853,r"],
        ),
        (
            // Comments, and what perf says of mappings.
            "# ========\n# captured on    : Thu Jan  1 00:00:00 1970\n#\n\
             \x20 ls 26/26  6079.228257: page-faults:     55db0ab015c0\n\
             \x20 ls 26/26  6079.228258: PERF_RECORD_MMAP2 26/26: [0x7f00(0x1000) @ 0 08:01 1 1]: r-xp /usr/bin/ls\n\
             \x20 ls 26/26  6079.228259: page-faults:     55db0ab025c0\n",
            ["0,0,257,r", "2000,0,258,r"],
        ),
    ] {
        assert_eq!(default_rows("perf", text), expected);
    }
}

#[test]
fn page_faults_of_every_architecture_and_tool() {
    // RISC-V's causes, perf.
    let riscv = "\
perf     826 [007]   894.795520:   exceptions:page_fault_user: user page fault, address=0x7fff95af4400 cause=0xd
perf     826 [007]   894.824441:   exceptions:page_fault_user: user page fault, address=0x7fff94c75400 epc=0x55558632808e cause=0xf
perf     826 [007]   894.824442:   exceptions:page_fault_user: user page fault, address=0x7fff94c76400 epc=0x7fff94c76400 cause=0xc
";
    assert_eq!(
        default_rows("perf", riscv),
        ["0,0,756,r", "28921000,0,117,w", "28922000,0,118,x"]
    );
    // ftrace and trace-cmd: `comm-tid`.
    let ftrace = "\
# tracer: nop
cpus=8
            bash-930   [003] d...  6288.896762: page_fault_user: address=0x55bc6c5557d0 ip=0x7ff74f7aa84c error_code=0x7
            bash-931   (    930) [003] d...  6288.896810: page_fault_user: address=0x55bc6c5506a0 ip=0x55bc6b805177 error_code=0x14
";
    assert_eq!(
        default_rows("perf", ftrace),
        ["0,0,341,w", "48000,1,848,x"],
        "a thread without its process is not of the process that another names"
    );
    let message = error(
        "perf",
        "a 1 5.0: exceptions:page_fault_user: address=main ip=0x1 error_code=0x4\n",
    );
    assert!(
        message.contains("found `exceptions:page_fault_user: address=main"),
        "{message}"
    );
}

#[test]
fn what_perf_lost_or_passed_over_is_said() {
    let text = "\
a 1/1 5.0: page-faults:     55db0ab015c0
a 1/1 5.1: PERF_RECORD_LOST lost 17
a 1/1 5.2: cycles:      55db0ab015c0
";
    let (_, summary) = imported("perf", text.as_bytes(), &ImportOptions::default()).unwrap();
    assert!(
        summary.notes[0].contains("has lost 17 events"),
        "{:?}",
        summary.notes
    );
    assert!(
        summary.notes[1].contains("1 other events, such as `cycles`"),
        "{:?}",
        summary.notes
    );
}

#[test]
fn drmemtrace_with_one_number() {
    let text = "\
Output format:
<record#>: T<tid> <record details>
------------------------------------------------------------
        1: T1774673 <marker: version 4>
        4: T1774673 <marker: page size 4096>
hello from the traced program
   173369: T1774669 ifetch       3 byte(s) @ 0x0000000000402680 f3 48 a5             rep movsq
   173370: T1774669 read         8 byte(s) @ 0x0000000000403c70 by PC 0x0000000000402680
   173371: T1774669 write        8 byte(s) @ 0x0000000000404a70 by PC 0x0000000000402680
------------------------------------------------------------
   173372: T1774668 <marker: timestamp 13309323446399692>
   173373: T1774668 <marker: tid 1774668 on core 3>
   173374: T1774668 ifetch       4 byte(s) @ 0x000000000040361a 48 8b 45 f8          mov    -0x08(%rbp), %rax
   173375: T1774668 read         8 byte(s) @ 0x0000000000409088 by PC 0x000000000040361a
   173376: W0.T-1 <marker: core is idle>
   173377:      - <marker: core is idle>
";
    let (trace, summary) =
        imported("drmemtrace", text.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!((summary.accesses, trace.header().vcpus), (5, 2));
    assert!(
        summary.notes[0].starts_with("1 lines that are no records"),
        "{:?}",
        summary.notes
    );
    assert_eq!(
        default_rows("drmemtrace", text),
        ["0,0,2,x", "0,1,3,x", "1,0,3,r", "1,1,9,r", "2,0,4,w"]
    );
}

#[test]
fn comments_and_other_log_lines() {
    assert_eq!(
        default_rows("lackey", "SB 00401000\nI  00401000,7\n S 00403000,1\n"),
        ["0,0,1,x", "1,0,3,w"]
    );
    let log = "\
IN: main
0x00401000:  48 8d 15 f9 1f 00 00  leaq     0x1ff9(%rip), %rdx
Trace 0: 0x7f5a2c000100 [00000000/0000000000401000/00000000/ff000000]
0, 0x401000, 0xf9158d48, \"leaq 0x1ff9(%rip), %rdx\"
0, 0x40100c, 0x2f510288, \"movb %al, (%rdx)\", store, 0x00403000
";
    assert_eq!(
        default_rows("execlog", log),
        ["0,0,1,x", "1,0,1,x", "1,0,3,w"]
    );
    assert_eq!(
        default_rows("dinero", "# comment line\n2 408ed4\n0 409d94\n"),
        ["0,0,8,x", "1,0,9,r"]
    );
}

#[test]
fn addresses_with_a_letter_before_or_behind() {
    assert_eq!(
        default_rows("pin", "W 0x405e7c\nR 0x406e2c 8\n"),
        ["0,0,5,w", "1,0,6,r"]
    );
    assert_eq!(
        default_rows("pin", "0x405680 R\n406d56c0 W\n"),
        ["0,0,5,r", "1,0,725,w"]
    );
    // Decimal or hexadecimal?
    let message = error("pin", "R 405680\n");
    assert!(message.contains("begins with `0x`"), "{message}");
}

/// CR, LF or both: no line end swallows a record.
#[test]
fn line_ends_of_every_kind() {
    for end in ["\r", "\n", "\r\n", "\n\r"] {
        let text = ["2 401000", "0 402000", "1 403ff8", ""].join(end);
        assert_eq!(
            default_rows("dinero", &text),
            ["0,0,1,x", "1,0,2,r", "2,0,3,w"]
        );
        let csv = ["time_ns,vcpu,page,op", "0,0,1,r", "5,0,2,w", ""].join(end);
        assert_eq!(default_rows("csv", &csv), ["0,0,1,r", "5,0,2,w"]);
    }
    let message = error("dinero", "2 401000\r\n0 402000\r\nx\r\n");
    assert!(message.starts_with("in: line 3: "), "{message}");
}

/// Times of a clock that began days before the recording.
#[test]
fn times_that_start_days_in() {
    let first = 259_200_000_240_891_u64;
    let csv = format!(
        "time_ns,vcpu,page,op\n{},0,7,r\n{},0,8,w\n{},1,9,r\n",
        first + 5,
        first + 90,
        first
    );
    assert_eq!(
        default_rows("csv", &csv),
        ["0,1,9,r", "5,0,7,r", "90,0,8,w"]
    );
    let (_, summary) = imported("csv", csv.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(
        summary.notes,
        ["times count from the first access, which came 259200 s behind 0"]
    );
    // Whole epochs go, so that what the recorder left out stays within one.
    let compacted = ImportOptions {
        compaction_ns: Some(1_000_000),
        ..ImportOptions::default()
    };
    assert_eq!(
        rows("csv", &csv, &compacted),
        ["240891,1,9,r", "240896,0,7,r", "240981,0,8,w"]
    );
    // The epoch of Unix does, too; a late start of minutes is the recording's own, and said.
    let unix = "time_ns,vcpu,page,op\n1700000000123456789,0,1,r\n1700000000123456799,0,2,r\n";
    assert_eq!(default_rows("csv", unix), ["0,0,1,r", "10,0,2,r"]);
    let late = b"time_ns,vcpu,page,op\n600000000000,0,1,r\n600000000010,0,2,r\n";
    let (trace, summary) = imported("csv", late, &ImportOptions::default()).unwrap();
    assert_eq!(trace.duration_ns(), 600_000_000_011);
    assert!(
        summary.notes[0].contains("slice --from \"600000000000 ns\""),
        "{:?}",
        summary.notes
    );
}

#[test]
fn a_userfaultfd_working_set() {
    let text = "3f2000,1700000000123456789,0\n3f3000,1700000000123999999,0\n";
    assert_eq!(
        default_rows("userfaultfd", text),
        ["0,0,1010,r", "543210,0,1011,r"]
    );
    let headed = format!("offset_hex,unix_ns,served\n{text}");
    assert_eq!(
        default_rows("userfaultfd", &headed),
        default_rows("userfaultfd", text)
    );
    for (bad, line) in [
        ("xyz,1,0\n", "line 1"),
        ("1000,5,0\n2000,x,0\n", "line 2"),
        ("1000,5\n2000,4\n", "line 2"),
        ("10,5\n", "line 1"),
        ("first_page,page_count\n0,5\n", "line 1"),
        ("time_ns,vcpu,page,op\n0,0,17,r\n", "line 1"),
    ] {
        let message = error("userfaultfd", bad);
        assert!(
            message.starts_with(&format!("in: {line}: expected")),
            "{message}"
        );
    }
}

#[test]
fn a_post_copy_destination_s_log() {
    let text = "\
qemu-system-x86_64: warning: something
11754@1718900000.123456:postcopy_ram_fault_thread_request Request for HVA=0x7fffd68cc000 rb=pc.ram offset=0xcc000 pid=11754
11754@1718900000.124000:postcopy_ram_fault_thread_request Request for HVA=0x7fffd60cc000 rb=vga.vram offset=0x1000 pid=11754
11754@1718900000.125956:postcopy_ram_fault_thread_request Request for HVA=0x7fffd68cd000 rb=pc.ram offset=0xcd000 pid=11755
11754@1718900000.125990:postcopy_blocktime_begin addr: 0x7fffd68cd000, time: 2534000, cpu: 1, exist: 0
11754@1718900000.128990:postcopy_blocktime_end addr: 0x7fffd68cd000, time: 5534000, affected_cpus: 1, affected_non_cpus: 0
";
    assert_eq!(
        default_rows("qemu-postcopy", text),
        ["0,0,204,r", "2500000,1,205,r"]
    );
    let (_, summary) =
        imported("qemu-postcopy", text.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(
        summary.notes,
        ["1 requests for memory of devices were dropped"]
    );
    // Newer ones say the date, and name memory by the object's path.
    let newer = text
        .replace("11754@1718900000.", "2024-06-20T16:13:20.")
        .replace(":postcopy", "Z postcopy")
        .replace("rb=pc.ram", "rb=/objects/ram0");
    assert_eq!(
        default_rows("qemu-postcopy", &newer),
        ["0,0,204,r", "2500000,1,205,r"]
    );
    // A request that cannot be read is not passed over.
    for (from, to, expected) in [
        (
            "11754@1718900000.123456:",
            "2024-06-20 16:13:20.123 ",
            "line 2: expected a request that begins",
        ),
        (
            "11754@1718900000.125956:",
            "",
            "line 4: expected requests that all have timestamps, or none",
        ),
    ] {
        let message = error("qemu-postcopy", &text.replace(from, to));
        assert!(message.contains(expected), "{message}");
    }
    let two = text.replace("rb=vga.vram", "rb=ram1");
    let message = error("qemu-postcopy", &two);
    assert!(
        message.starts_with("in: line 3: expected requests for one RAM block"),
        "{message}"
    );
}

/// Comments may stand before the heading.
#[test]
fn a_working_set_with_a_comment_and_a_heading() {
    let text =
        "# REAP\noffset_hex,unix_ns,how\n1000,1700000000000000000,0\n3000,1700000000000000005,1\n";
    assert_eq!(default_rows("userfaultfd", text), ["0,0,1,r", "5,0,3,r"]);
}

/// Physical addresses outside the RAM, and addresses of the process that runs the machine.
#[test]
fn what_is_no_memory_is_dropped_and_counted() {
    let text =
        "0, 0x1, 0x2, \"x\", load, 0x00005008, RAM\n0, 0x1, 0x2, \"x\", store, 0xfffc0000, RAM\n";
    let ram = migsim::units::AddressRange {
        start: 0,
        end: Some(1 << 20),
    };
    let options = ImportOptions {
        ram: vec![ram],
        ..physical()
    };
    assert_eq!(rows("execlog", text, &options), ["0,0,5,r"]);
    let (trace, summary) = imported("execlog", text.as_bytes(), &options).unwrap();
    assert_eq!(trace.header().pages, 256);
    assert_eq!(summary.notes, ["1 accesses outside the RAM were dropped"]);
    let mapped = ImportOptions {
        addresses: Some(Addresses::Mapping {
            base: 0x7f00_0000_1000,
            bytes: Some(1 << 20),
        }),
        ..ImportOptions::default()
    };
    let text = " L 7f0000003000,8\n S 7f0000000ff0,8\n S 7f0000101000,8\n L 7f0000100ffc,8\n";
    assert_eq!(rows("lackey", text, &mapped), ["0,0,2,r", "3,0,255,r"]);
    let (_, summary) = imported("lackey", text.as_bytes(), &mapped).unwrap();
    assert_eq!(
        summary.notes,
        ["2 accesses outside the mapping were dropped"]
    );
}
