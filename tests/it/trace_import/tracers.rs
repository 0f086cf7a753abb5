//! Tools that write every access of a program.

use migsim::trace::import::ImportOptions;

use super::{error, imported, physical, rows};

#[test]
fn lackey() {
    let text =
        "==7== Lackey\nI  0401ab73,5\n S 1fff000ffc,8\n L 0401b000,8\n M 04223c7c,4\n==7== bye\n";
    let options = ImportOptions {
        time_per_record_ns: 10,
        ..ImportOptions::default()
    };
    assert_eq!(
        rows("lackey", text, &options),
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
    let (trace, summary) = imported("lackey", text.as_bytes(), &options).unwrap();
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
        let message = error("lackey", &format!("I  04,1\n{bad}\n"));
        let expected = format!(
            "in: line 2: expected `I`, `L`, `S` or `M`, then `address,size`, found `{}`",
            bad.trim()
        );
        assert_eq!(message, expected);
    }
    assert_eq!(
        error("lackey", " L 04,65537\n"),
        "in: line 1: expected an access of at most 65536 bytes, found 65537"
    );
    assert_eq!(
        error("lackey", "==7== nothing\n"),
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
        rows("drmemtrace", text, &ImportOptions::default()),
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
        rows("drmemtrace", &one, &slow),
        ["0,0,1,x", "20000,0,2,r", "40000,0,3,w", "60000,0,1,x"]
    );
    for bad in [
        "1 0: 7 read 8 byte(s) at 0x1",
        "1 0: 7 read 8 byte(s) @ zero",
        "1 0: X7 read 8 byte(s) @ 0x1",
        "1 0: 7 <marker: timestamp soon>",
        "1 0 7 read 8 byte(s) @ 0x1",
        "1 0: 7 gibberish",
    ] {
        let message = error("drmemtrace", bad);
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
        rows("execlog", user, &ImportOptions::default()),
        [
            "0,0,1,x", "1,1,1,x", "1,1,2,r", "2,0,1,x", "2,0,3,r", "2,0,3,w"
        ]
    );
    let system = "\
0, 0xffffffff81000000, 0x448b, \"mov eax, [rbx]\", load, 0x00005008, RAM
0, 0xffffffff81000004, 0x448b, \"mov [rbx], eax\", store, 0xfee00000, apic-msi, store, 0x00007000, RAM
";
    assert_eq!(rows("execlog", system, &physical()), ["0,0,5,r", "1,0,7,w"]);
    let small = ImportOptions {
        pages: Some(7),
        ..physical()
    };
    let message = imported("execlog", system.as_bytes(), &small);
    assert_eq!(
        message.map(|_| ()).unwrap_err().to_string(),
        "in: line 2: expected a physical address below 0x7000, found one of page 7"
    );
    let message = error("execlog", system);
    assert!(
        message.starts_with("in: line 1: expected no device with virtual addresses"),
        "{message}"
    );
    let message = imported("execlog", user.as_bytes(), &physical())
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
        let message = error("execlog", bad);
        assert!(
            message.starts_with("in: line 1: expected `vcpu, 0xADDRESS"),
            "{message}"
        );
    }
    let message = error("execlog", "0, 0x1, 0x2, \"nop\", load");
    assert_eq!(
        message,
        "in: line 1: expected `load` or `store` and a hexadecimal address, found ``"
    );
}

#[test]
fn pin() {
    let text = "#\n# Memory Access Trace Generated By Pin\n#\n0x401000: R 0x402ffc  8 0x1\n0x401004: W 0x402000\n#eof\n";
    assert_eq!(
        rows("pin", text, &ImportOptions::default()),
        ["0,0,1,x", "0,0,2,r", "0,0,3,r", "1,0,1,x", "1,0,2,w"]
    );
    for bad in [
        "0x401000 R 0x402000",
        "0x401000: X 0x402000",
        "0x401000: R (nil)",
        "0x401000:",
    ] {
        let message = error("pin", bad);
        assert!(
            message.starts_with("in: line 1: expected `0xIP: R 0xADDRESS`"),
            "{message}"
        );
    }
}

/// Names of files are in the order of their digits: a thread that began earlier may come later.
#[test]
fn a_thread_of_drmemtrace_that_began_earlier() {
    let text = "\
1 1: 100001 <marker: timestamp 13319413770003000>
2 1: 100001 read 8 byte(s) @ 0x0000000000401000 by PC 0x401026
3 1: 99999 <marker: timestamp 13319413770000000>
4 1: 99999 read 8 byte(s) @ 0x0000000000402000 by PC 0x401026
5 1: 99999 <marker: timestamp 13319413770001000>
6 1: 99999 read 8 byte(s) @ 0x0000000000403000 by PC 0x401026
";
    assert_eq!(
        rows("drmemtrace", text, &ImportOptions::default()),
        ["0,1,2,r", "1000000,1,3,r", "3000000,0,1,r"]
    );
}

/// CloudSuite's records have 96 bytes, of which every third one begins where one of 64 would.
#[test]
fn champsim_s_other_records_are_refused() {
    let mut record = [0; 96];
    record[..8].copy_from_slice(&0x40_1000_u64.to_le_bytes());
    record[56..64].copy_from_slice(&0x7fff_0000_u64.to_le_bytes());
    let text = record.repeat(4);
    let options = ImportOptions::default();
    let error = imported("champsim", &text, &options)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("record 1") && error.contains("CloudSuite"),
        "{error}"
    );
}
