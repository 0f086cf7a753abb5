//! `migsim reference` and `migsim trace workload`: from what hypervisors report.

use super::Desk;
use super::wrong_inputs::check;

const SOURCE: &str = r#"{"QMP": {"version": {}}}
{"return": {}}
{"return": {"status": "completed", "total-time": 7840, "downtime": 5, "setup-time": 2, "ram": {"total": 541065216,
 "postcopy-requests": 81, "duplicate": 53171, "normal": 45263, "transferred": 186266753, "page-size": 4096,
 "dirty-pages-rate": 2560}}}
"#;
const DESTINATION: &str = r#"{"return": {"status": "completed", "postcopy-blocktime": 1500, "postcopy-vcpu-blocktime": [1700, 1476]}}"#;
const JOB: &str = "\
Job type:         Completed
Operation:        Outgoing migration
Time elapsed:     7840         ms
Memory processed: 177.638 MiB
Memory total:     516.000 MiB
Page size:        4096         bytes
Constant pages:   53171
Normal pages:     45263
Total downtime:   5            ms
Postcopy requests: 81
Dirty rate:       2560         pages/s
";
const LOG: &str = "\
1@1.000000:postcopy_ram_fault_thread_request Request for HVA=0x7f68cc000 rb=pc.ram offset=0xcc000 pid=11754
1@1.000100:postcopy_blocktime_begin addr: 0x7f68cd000, time: 2534000, cpu: 1, exist: 0
1@1.000100:postcopy_blocktime_begin addr: 0x7f68cd000, time: 3534000, cpu: 0, exist: 1
1@1.000100:postcopy_blocktime_begin addr: 0x7f68ce000, time: 3534000, cpu: -1, exist: 0
1@1.003000:postcopy_blocktime_end addr: 0x7f68cd000, time: 5534000, affected_cpus: 2, affected_non_cpus: 0
1@1.003000:postcopy_blocktime_end addr: 0x7f68ce000, time: 9534000, affected_cpus: 0, affected_non_cpus: 1
";

fn desk() -> Desk {
    let desk = Desk::new();
    for (name, text) in [
        ("source.json", SOURCE),
        ("destination.json", DESTINATION),
        ("job.txt", &format!("\u{feff}{JOB}")),
        ("qemu.log", LOG),
    ] {
        desk.write(name, text);
    }
    desk
}

const NAMED: [&str; 5] = ["--workload", "small", "--link-mbit", "200", "--preempt"];

#[test]
fn reports_become_a_row_for_validate() {
    let desk = desk();
    let row = |reports: &[&str]| desk.data(&[&["reference"][..], reports, &NAMED].concat());
    let header = "workload,link_mbit,preempt,total_time_ms,downtime_ms,postcopy_requests,vcpu_blocktime_ms,normal_pages,zero_pages,bytes_transferred\n";
    let of_qmp = row(&["source.json", "destination.json"]);
    assert_eq!(
        of_qmp,
        format!("{header}small,200,1,7840,5,81,3176,45263,53171,186266753\n")
    );
    // The waits of the log: 3 ms and 2 ms, and one of no vCPU.
    let of_libvirt = row(&["job.txt", "qemu.log"]);
    assert!(
        of_libvirt.contains("\nsmall,200,1,7840,5,81,5,45263,53171,186265600\n"),
        "{of_libvirt}"
    );
    // `validate` reads it.
    desk.write("reference.csv", of_qmp);
    desk.run(&["trace", "slice", "small.mtrace", "copy.mtrace"]);
    let validated = desk.run(&["validate", "reference.csv", "--scenario", "small.toml"]);
    assert_eq!(validated.status.code(), Some(0), "{validated:?}");
}

#[test]
fn what_reports_lack_or_are_not_is_named() {
    let desk = desk();
    desk.write(
        "active.json",
        r#"{"return": {"status": "active", "ram": {"total": 4096, "postcopy-requests": 3}}}"#,
    );
    desk.write(
        "failed.json",
        r#"{"return": {"status": "failed", "ram": {}}}"#,
    );
    for kind in ["Failed", "Cancelled", "Unbounded"] {
        desk.write(&format!("{kind}.txt"), JOB.replace("Completed", kind));
    }
    desk.write("no-vcpu.json", DESTINATION.replace("[1700, 1476]", "[]"));
    desk.write("broken.json", "{\"return\": ");
    desk.write(
        "words.json",
        r#"{"return": {"status": "completed", "total-time": "7840"}}"#,
    );
    desk.write("negative.txt", "Time elapsed: -5 ms\n");
    desk.write("other.txt", "hello\n");
    for (reports, parts) in [
        (
            &["source.json"][..],
            &["the reports lack postcopy-vcpu-blocktime"][..],
        ),
        (&["qemu.log"], &["the total time", "virsh domjobinfo"]),
        (&["active.json", "destination.json"], &["the total time"]),
        (
            &["failed.json"],
            &["failed.json: expected a migration that was completed, found status `failed`"],
        ),
        (
            &["Failed.txt", "qemu.log"],
            &["Failed.txt: expected a migration that was completed, found job type `Failed`"],
        ),
        (&["Cancelled.txt", "qemu.log"], &["job type `Cancelled`"]),
        (&["Unbounded.txt", "qemu.log"], &["lack the total time"]),
        (
            &["source.json", "no-vcpu.json"],
            &["the reports lack postcopy-vcpu-blocktime"],
        ),
        (
            &["broken.json"],
            &[
                "broken.json: expected the JSON of query-migrate",
                "broken: EOF",
            ],
        ),
        (
            &["other.txt"],
            &["other.txt: expected the JSON of query-migrate"],
        ),
        (&["missing.txt"], &["cannot read missing.txt"]),
        (
            &["words.json"],
            &["words.json: expected `total-time` to be a number of at least 0, found `\"7840\"`"],
        ),
        (
            &["negative.txt"],
            &["expected `Time elapsed` to be a number of at least 0, found `-5 ms`"],
        ),
        #[cfg(target_os = "linux")]
        (
            &["/dev/zero"],
            &["/dev/zero: expected a report of at most 268435456 bytes"],
        ),
    ] {
        check(
            &desk,
            &[&["reference"][..], reports, &NAMED].concat(),
            parts,
        );
    }
}

/// What no link has carried, and what was no plain post-copy.
#[test]
fn rows_that_cannot_be_are_refused_or_named() {
    let desk = desk();
    let slow = [
        "reference",
        "source.json",
        "destination.json",
        "--workload",
        "small",
        "--link-mbit",
        "180",
    ];
    check(
        &desk,
        &slow,
        &["--link-mbit: expected a link that carries 186266753 bytes in 7840 ms, found 180 Mbit/s"],
    );
    for (from, to, column) in [
        (
            "7840",
            "1e300",
            "total_time_ms: expected more than 0, and at most 1e10",
        ),
        (
            "\"downtime\": 5",
            "\"downtime\": 9000",
            "downtime_ms: expected nothing, or at most total_time_ms",
        ),
    ] {
        desk.write("absurd.json", SOURCE.replace(from, to));
        let reports = ["reference", "absurd.json", "destination.json"];
        let said = format!("absurd.json, destination.json: {column}");
        check(&desk, &[&reports[..], &NAMED].concat(), &[&said]);
    }
    let note = |syncs: &str| {
        desk.write(
            "source.json",
            SOURCE.replace(
                "\"page-size\"",
                &format!("\"dirty-sync-count\": {syncs}, \"page-size\""),
            ),
        );
        let made = desk.run(
            &[
                &["reference", "source.json", "destination.json"][..],
                &NAMED,
            ]
            .concat(),
        );
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        String::from_utf8(made.stderr).unwrap()
    };
    // QEMU counts one at the beginning and one at the switch-over.
    assert_eq!(note("2"), "");
    assert!(note("3").contains("dirty-sync-count 3"));
    desk.write(
        "reference.csv",
        "workload,link_mbit,preempt,total_time_ms,postcopy_requests,vcpu_blocktime_ms,bytes_transferred\n\
         small,200,1,7840,81,3176,226266753\n",
    );
    check(
        &desk,
        &["validate", "reference.csv", "--scenario", "small.toml"],
        &[
            "reference.csv:2: bytes_transferred: expected nothing, or what the link carries in total_time_ms",
        ],
    );
}

#[test]
fn a_dirty_rate_becomes_a_workload() {
    let desk = desk();
    desk.write(
        "rate.json",
        r#"{"return": {"status": "measured", "sample-pages": 512, "dirty-rate": 108, "mode": "page-sampling", "start-time": 3665220, "calc-time": 10}}"#,
    );
    let workload =
        |arguments: &[&str]| desk.data(&[&["trace", "workload"][..], arguments].concat());
    let text = workload(&["rate.json", "--memory", "4 GiB"]);
    // 1,080 MiB in 10 s, of 2,160 MiB: ln 2 times 2,160 MiB are written in that time, 38,328 pages a second.
    for part in [
        "108.0 MiB/s, measured for 10 s",
        "memory = \"4294967296 B\"",
        "working_set = \"2264924160 B\"",
        "rate = 38328\n",
        "write_fraction = 1.0",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What it says of memory, where it does; and the workload is one.
    let text = workload(&["source.json"]);
    assert!(text.contains("memory = \"541065216 B\""), "{text}");
    let libvirt = workload(&["job.txt"]);
    assert!(libvirt.contains("memory = \"541065216 B\""), "{libvirt}");
    desk.write("guest.toml", text);
    let compared = desk.run(&["compare", "guest.toml", "--strategies", "pre-copy"]);
    assert_eq!(compared.status.code(), Some(0), "{compared:?}");
    desk.write(
        "measuring.json",
        r#"{"return": {"status": "measuring", "calc-time": 10}}"#,
    );
    for (name, rate, time) in [
        ("negative.json", "-1", "10"),
        ("word.json", "\"108\"", "10"),
        ("nothing.json", "0", "10"),
        ("at-once.json", "108", "0"),
        ("before.json", "108", "-3"),
        ("eternal.json", "108", "\"10\""),
        ("weeks.json", "108", "1, \"calc-time-unit\": \"week\""),
    ] {
        let said =
            format!(r#"{{"status": "measured", "dirty-rate": {rate}, "calc-time": {time}}}"#);
        desk.write(name, said);
    }
    for (name, part) in [
        (
            "negative.json",
            "`dirty-rate` to be a number of at least 0, found `-1`",
        ),
        (
            "word.json",
            "`dirty-rate` to be a number of at least 0, found `\"108\"`",
        ),
        ("nothing.json", "`dirty-rate` of at least 1 MiB/s, found 0"),
        (
            "at-once.json",
            "`calc-time` to be a number above 0, found `0`",
        ),
        (
            "before.json",
            "`calc-time` to be a number above 0, found `-3`",
        ),
        (
            "eternal.json",
            "`calc-time` to be a number above 0, found `\"10\"`",
        ),
        (
            "weeks.json",
            "`calc-time-unit` to be `second` or `millisecond`, found `\"week\"`",
        ),
    ] {
        check(
            &desk,
            &["trace", "workload", name, "--memory", "4 GiB"],
            &[name, part],
        );
    }
    #[cfg(target_os = "linux")]
    check(
        &desk,
        &["trace", "workload", "/dev/zero", "--memory", "1 GiB"],
        &["expected a report of at most 268435456 bytes"],
    );
    for (arguments, part) in [
        (&["rate.json"][..], "says no memory size, expected --memory"),
        (
            &["rate.json", "--memory", "1 GiB"],
            "were dirty after 10 s, expected less than 99 %",
        ),
        (
            &["rate.json", "--memory", "4 GiB", "--working-set", "5 GiB"],
            "--working-set: expected at most",
        ),
        (
            &["measuring.json", "--memory", "4 GiB"],
            "found status `measuring`",
        ),
        (
            &["destination.json", "--memory", "4 GiB"],
            "expected a dirty rate",
        ),
    ] {
        check(
            &desk,
            &[&["trace", "workload"][..], arguments].concat(),
            &[part],
        );
    }
}
