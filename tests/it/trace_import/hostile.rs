//! Whatever the bytes are: an error that says where, or a trace, and no panic.

use std::io::Write;

use migsim::trace::import::{Addresses, IMPORTERS, ImportOptions};
use proptest::prelude::*;

use super::{imported, qemu};

#[test]
fn hostile_addresses_meet_a_limit() {
    let mut text = Vec::new();
    for region in 0..70_000_u64 {
        writeln!(text, " L {:x},4", region << 21).unwrap();
    }
    let message = imported("lackey", &text, &ImportOptions::default())
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
        imported("lackey", &text, &lenient).is_err(),
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
        "base_time_absolute: [0-9]{1,12} (ms|s|h)",
        "CPU [0-9]/KVM [0-9]{1,5} \\[00[0-3]\\] [0-9]{1,9}\\.[0-9]{1,6}: kvm:kvm_page_fault: (vcpu [0-9]{1,6} )?address [0-9a-f]{1,16} error_code [0-9a-f]{1,4}",
        "[0-9a-f]{1,16},[0-9]{1,19},[01]",
        "[0-9]{1,5}@[0-9]{1,9}.[0-9]{1,6}:postcopy_ram_fault_thread_request Request for HVA=0x1 rb=[a-z./:]{1,6} offset=0x[0-9a-f]{1,12} pid=[0-9]{1,5}",
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
        let addresses = Some(addresses);
        let options = ImportOptions { lenient, compact_ns, addresses, ..ImportOptions::default() };
        for format in IMPORTERS.iter().map(|importer| importer.name) {
            let text = if format == "csv" { &csv } else { &text };
            let _ = imported(format, text.as_bytes(), &options);
        }
    }

    #[test]
    fn hostile_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), lenient in any::<bool>()) {
        let options = ImportOptions { lenient, ..ImportOptions::default() };
        for format in IMPORTERS.iter().map(|importer| importer.name) {
            let _ = imported(format, &bytes, &options);
        }
        let mut recording = qemu(&[]);
        recording.extend(&bytes);
        let _ = imported("qemu", &recording, &options);
    }
}

/// A record that is refused is not the first of its epoch, and does not hide those that come after it.
#[test]
fn records_are_checked_before_they_are_compacted() {
    let text = "time_ns,vcpu,page,op\n0,0,0,r\n5600000,0,1,r\n5500000,0,2,w\n5700000,0,2,w\n";
    let options = ImportOptions {
        compact_ns: 1_000_000,
        lenient: true,
        ..ImportOptions::default()
    };
    let (trace, summary) = imported("csv", text.as_bytes(), &options).expect("a trace");
    assert_eq!(summary.skipped, 1);
    let records = trace.records().map(|record| record.expect("a record"));
    let pages: Vec<u32> = records.map(|record| record.page).collect();
    assert_eq!(pages, [0, 1, 2]);

    let far = "time_ns,vcpu,page,op\n0,0,0,r\n100,0,1,r\n2305843009213693952,0,0,r\n";
    let options = ImportOptions {
        compact_ns: 1,
        ..ImportOptions::default()
    };
    assert!(imported("csv", far.as_bytes(), &options).is_err());
}
