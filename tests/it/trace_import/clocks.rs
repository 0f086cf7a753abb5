//! Recordings whose clock began long before them, and what may be skipped of them.

use migsim::trace::import::ImportOptions;

use super::{imported, qemu, rows};

fn lenient() -> ImportOptions {
    ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    }
}

fn refusal(format: &str, content: &[u8], options: &ImportOptions) -> String {
    let refused = imported(format, content, options);
    refused.map(|_| ()).unwrap_err().to_string()
}

/// An hour in, as at once.
#[test]
fn a_wrong_page_or_vcpu_has_its_line_at_any_time() {
    let hours_ns = 4_000_000_000_000;
    for from_ns in [0, hours_ns] {
        let time = |ns: u64| from_ns + ns;
        let content = format!(
            "time_ns,vcpu,page,op\n{},0,20,r\n{},0,3,r\n",
            time(0),
            time(1)
        );
        let pages = ImportOptions {
            pages: Some(10),
            ..lenient()
        };
        let (trace, summary) = imported("csv", content.as_bytes(), &pages).unwrap();
        assert_eq!((trace.record_count(), summary.skipped), (1, 1));
        let strict = ImportOptions {
            lenient: false,
            ..pages
        };
        assert_eq!(
            refusal("csv", content.as_bytes(), &strict),
            "in: line 2: expected a page up to 9, found 20"
        );
        let recording = qemu(&[(time(0), 3, 0, 0), (time(1), 3, 2, 0)]);
        assert_eq!(
            refusal("qemu", &recording, &ImportOptions::default()),
            "in: record 1: expected a vCPU up to 1, found 2"
        );
    }
}

#[test]
fn a_record_that_is_refused_sets_no_time() {
    let fault = |time: &str, address: &str| {
        format!(
            "CPU 0/KVM-4145 [002] ..... {time}: kvm_page_fault: vcpu 0 rip 0x1 address {address} error_code 0x14\n"
        )
    };
    let faults = [
        fault("4353.431393", "0x2000"),
        fault("4352.631394", "0x2000"),
        fault("4353.531395", "0x3000"),
    ];
    assert_eq!(
        rows("kvm", &faults.concat(), &lenient()),
        ["0,0,2,x", "100002000,0,3,x"]
    );
}

/// As the recording has them.
#[test]
fn times_out_of_order_are_shown_as_they_are() {
    let served = "0x3f2000,1700000000123456789\n3f3000,1700000000123456788\n";
    assert_eq!(
        refusal("userfaultfd", served.as_bytes(), &ImportOptions::default()),
        "in: line 2: expected times of vCPU 0 in ascending order, found 1700000000123456788 ns after \
         1700000000123456789 ns"
    );
    let rows = "time_ns,vcpu,page,op\n1700000000123456789,0,1,r\n1700000000123456788,0,2,r\n";
    assert!(
        refusal("csv", rows.as_bytes(), &ImportOptions::default())
            .ends_with("found 1700000000123456788 ns after 1700000000123456789 ns")
    );
}

#[test]
fn requests_without_timestamps_are_said_to_have_none() {
    let request =
        "postcopy_ram_fault_thread_request Request for HVA=0x7fff rb=pc.ram offset=0x1000 pid=7\n";
    let (_, summary) = imported("qemu-postcopy", request.as_bytes(), &lenient()).unwrap();
    let note = "the log has no timestamps (`-msg timestamp=on`): its requests are 1 ns apart";
    assert!(
        summary.notes.iter().any(|said| said.starts_with(note)),
        "{:?}",
        summary.notes
    );
}

#[test]
fn a_recording_without_accesses_is_refused() {
    assert_eq!(
        refusal("qemu", &qemu(&[]), &ImportOptions::default()),
        "in: expected at least one access behind the header, found none"
    );
}
