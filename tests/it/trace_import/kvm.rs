//! KVM's guest page faults.

use migsim::trace::import::ImportOptions;
use migsim::units::AddressRange;

use super::{error, imported, rows};

fn default_rows(text: &str) -> Vec<String> {
    rows("kvm", text, &ImportOptions::default())
}

fn notes(text: &str, options: &ImportOptions) -> Vec<String> {
    imported("kvm", text.as_bytes(), options).unwrap().1.notes
}

const PERF: &str = "\
 CPU 5/KVM  4145 [002]    86.581928: kvm:kvm_page_fault: vcpu 5 rip 0x7f08a4602116 address 0x0000000113600002 error_code 0x181
 CPU 7/KVM  4150 [001]    86.581936: kvm:kvm_page_fault: vcpu 7 rip 0xffffffff81511f37 address 0x0000000113674000 error_code 0x182
";

#[test]
fn faults_from_perf_trace_cmd_and_ftrace() {
    let expected = ["0,5,1127936,r", "8000,7,1128052,w"];
    assert_eq!(default_rows(PERF), expected);
    let trace_cmd = "\
cpus=8
       CPU 5/KVM-4145    [002] .....    86.581928: kvm_page_fault:       vcpu 5 rip 0x7f08a4602116 address 0x0000000113600002 error_code 0x181
       CPU 7/KVM-4150    [001] .....    86.581936: kvm_page_fault:       vcpu 7 rip 0xffffffff81511f37 address 0x0000000113674000 error_code 0x182
";
    assert_eq!(default_rows(trace_cmd), expected);
    // Without the vCPU in the event it is the thread's, and without one in its name the thread.
    let unnamed = trace_cmd.replace("vcpu 5 ", "").replace("vcpu 7 ", "");
    assert_eq!(default_rows(&unnamed), expected);
    let anonymous = unnamed
        .replace("CPU 5/KVM", "qemu")
        .replace("CPU 7/KVM", "qemu");
    assert_eq!(
        default_rows(&anonymous),
        ["0,0,1127936,r", "8000,1,1128052,w"]
    );
}

/// Intel's exit qualification, AMD's error code, and the form of kernels before 5.19.
#[test]
fn error_codes() {
    for (said, op) in [
        ("address 0x1000 error_code 0x181", 'r'),
        ("address 0x1000 error_code 0x182", 'w'),
        ("address 0x1000 error_code 0x184", 'x'),
        ("address 0x1000 error_code 0x9c", 'x'),
        ("address 0x1000 error_code 0x100000004", 'r'),
        ("address 0x1000 error_code 0x100000006", 'w'),
        ("address 0x1000 error_code 0x100000014", 'x'),
        ("address 1000 error_code 14", 'x'),
        ("address 1000 error_code 6", 'w'),
    ] {
        let text = format!("CPU 0/KVM 9 [000] 5.5: kvm:kvm_page_fault: {said}\n");
        assert_eq!(default_rows(&text), [format!("0,0,1,{op}")], "{said}");
    }
    for (hsr, op) in [
        ("0x92000007", 'r'),
        ("0x92000047", 'w'),
        ("0x82000007", 'x'),
    ] {
        let text = format!(
            "CPU 1/KVM 9 [000] 5.5: kvm:kvm_guest_fault: ipa 0x4a3c1000, hsr {hsr}, hxfar 0xffff8000, pc 0xffff8000\n"
        );
        assert_eq!(default_rows(&text), [format!("0,1,304065,{op}")], "{hsr}");
    }
}

#[test]
fn ram_ranges_drop_what_is_not_memory() {
    let text = "\
CPU 0/KVM 9 5.5: kvm:kvm_page_fault: vcpu 0 rip 0x1 address 0xfed00000 error_code 0x181
CPU 0/KVM 9 5.6: kvm:kvm_page_fault: vcpu 0 rip 0x1 address 0x1000 error_code 0x181
CPU 0/KVM 9 5.7: kvm:kvm_page_fault: vcpu 0 rip 0x1 address 0x100000000 error_code 0x181
";
    let options = ImportOptions {
        ram: vec![
            AddressRange {
                start: 0,
                end: Some(3 << 30),
            },
            AddressRange {
                start: 4 << 30,
                end: None,
            },
        ],
        ..ImportOptions::default()
    };
    assert_eq!(
        rows("kvm", text, &options),
        ["100000000,0,1,r", "200000000,0,1048576,r"]
    );
    assert_eq!(
        notes(text, &options),
        ["1 accesses outside the RAM were dropped"]
    );
    let without = notes(text, &ImportOptions::default());
    assert!(
        without[0].contains("every address counts as memory"),
        "{without:?}"
    );
}

#[test]
fn two_machines_are_not_mixed() {
    let text = format!(
        "{PERF} CPU 5/KVM  9999 [002]    86.582: kvm:kvm_page_fault: vcpu 5 rip 0x1 address 0x1000 error_code 0x181\n"
    );
    let message = error("kvm", &text);
    assert!(
        message.contains("line 3: expected the faults of one VM")
            && message.contains("4145 and in thread 9999"),
        "{message}"
    );
}

#[test]
fn faults_of_two_mebibytes_lost_and_other_events_are_said() {
    let mut text =
        "CPU:2 [LOST 30 EVENTS]\nCPU 0/KVM 9 5.0: kvm:kvm_exit: reason EPT_VIOLATION rip 0x1\n"
            .to_owned();
    for block in 0..64 {
        text += &format!(
            "CPU 0/KVM 9 5.{block:06}: kvm:kvm_page_fault: vcpu 0 rip 0x1 address {:#x} error_code 0x181\n",
            (block << 21) + block * 4096
        );
    }
    let said = notes(&text, &ImportOptions::default()).join("\n");
    for part in [
        "has lost 30 events",
        "1 other events, such as `kvm:kvm_exit`",
        "--page-size \"2 MiB\"",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let large = ImportOptions {
        page_size: Some(2 << 20),
        ..ImportOptions::default()
    };
    assert!(
        !notes(&text, &large).join("").contains("seems to map"),
        "{said}"
    );
    let message = error(
        "kvm",
        "CPU 0/KVM 9 5.5: kvm:kvm_page_fault: vcpu 0 rip 0x1\n",
    );
    assert!(
        message.contains("expected `address 0x… error_code 0x…`"),
        "{message}"
    );
    let message = error("kvm", "CPU 0/KVM 9 5.0: kvm:kvm_exit: reason EPT\n");
    assert!(
        message.contains("at least one access") && message.contains("kvm:kvm_exit"),
        "{message}"
    );
}

/// What begins as the name of a vCPU's thread does is no heading.
#[test]
fn torn_lines_are_refused() {
    for torn in [
        "CPU 5/KVM 4145 [002]  86,581930: kvm:kvm_page_fault: vcpu 5 rip 0x1 address 0x1000 error_code 0x181",
        "CPU 5/KVM 4145 [002] 86.5819301234: kvm:kvm_page_fault: vcpu 5 rip 0x1 address 0x1000 error_code 0x181",
        "CPU 5/KVM 4145 [002] 86.58",
        "      add 4145 [002] 86.58",
    ] {
        let text = format!("cpus=8\nCPU 3 is empty\n{PERF}{torn}\n");
        let message = error("kvm", &text);
        assert!(
            message.starts_with("in: line 5: expected a line of perf"),
            "{message}"
        );
        let lenient = ImportOptions {
            lenient: true,
            ..ImportOptions::default()
        };
        let (_, summary) = imported("kvm", text.as_bytes(), &lenient).unwrap();
        assert_eq!((summary.accesses, summary.skipped), (2, 1));
    }
}

/// ftrace writes `<...>` for a name that it has forgotten, even if it knows it in other lines.
#[test]
fn threads_without_a_name_are_vcpus_of_their_own() {
    let fault = |comm: &str, thread: u32, micros: u32, page: u64| {
        format!(
            "{comm}-{thread} [002] ..... 86.{micros:06}: kvm_guest_fault: ipa {:#x}, hsr 0x92000007, hxfar 0xff, pc 0xff\n",
            page << 12
        )
    };
    let text = [
        fault("<...>", 4145, 500_010, 1),
        fault("CPU 0/KVM", 4144, 500_020, 2),
        fault("<...>", 4146, 500_030, 3),
        fault("CPU 2/KVM", 4145, 500_040, 4),
    ];
    assert_eq!(
        default_rows(&text.concat()),
        ["0,2,1,r", "10000,0,2,r", "20000,1,3,r", "30000,2,4,r"]
    );
    let two = [text[1].clone(), fault("CPU 0/KVM", 5000, 500_050, 5)];
    let message = error("kvm", &two.concat());
    assert!(
        message.contains("found vCPU 0 in thread 4144 and in thread 5000"),
        "{message}"
    );
}

/// With several files or instances, trace-cmd puts their names in front; `-l` cuts names.
#[test]
fn names_behind_a_file_s_and_names_that_are_cut() {
    let fault = |comm: &str, thread: u32| {
        format!("{comm}-{thread} [002] 86.5: kvm_page_fault: address 1000 error_code 14\n")
    };
    for comm in [
        "  guest:        CPU 5/KVM",
        "CPU 5/KV",
        "  a:         vcpu5",
    ] {
        assert_eq!(default_rows(&fault(comm, 7)), ["0,5,1,x"], "{comm}");
    }
    let two = fault("  a.dat:        CPU 5/KVM", 7) + &fault("  b.dat:        CPU 5/KVM", 8);
    let message = error("kvm", &two);
    assert!(message.contains("the faults of one VM"), "{message}");
}

/// The files of processors stand one behind the other.
#[test]
fn an_earlier_event_of_another_vcpu() {
    let late = PERF.lines().rev().map(|line| format!("{line}\n"));
    let late: Vec<_> = late.collect();
    assert_eq!(
        default_rows(&late.concat()),
        ["0,5,1127936,r", "8000,7,1128052,w"]
    );
}

#[test]
fn a_line_that_may_be_cut_short_is_said() {
    let options = ImportOptions::default();
    let cut = PERF.trim_end();
    let said = "line 2, the last one, has no line end: it may be cut short";
    assert!(notes(cut, &options).iter().any(|note| note == said));
    assert!(
        !notes(PERF, &options)
            .iter()
            .any(|note| note.contains("cut short"))
    );
}
