//! Extremes of scale, and files that are not plain: each was a bug once.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;
use std::time::Duration;

use super::Desk;

fn promptly(desk: &Desk, arguments: &[&str]) -> std::process::Output {
    assert_cmd::Command::from_std(desk.command(arguments))
        .timeout(Duration::from_secs(5))
        .output()
        .expect("it ends within 5 s")
}

const GIB_PAGE: &str = "time_ns,vcpu,page,op\n0,0,0,r\n1000,1,0,r\n";

fn gib_page(desk: &Desk) {
    desk.write("one.csv", GIB_PAGE);
    let import = ["trace", "import", "--from", "csv", "--page-size", "1 GiB"];
    desk.data_or_line(&[&import[..], &["one.csv", "one.mtrace"]].concat());
}

impl Desk {
    fn data_or_line(&self, arguments: &[&str]) {
        assert!(self.run(arguments).status.success());
    }
}

/// A pass of the trace longer than 213 days of guest time, a page that is never touched, wrap-around.
#[test]
fn a_pass_beyond_the_end_of_time_ends() {
    let desk = Desk::new();
    desk.write(
        "long.csv",
        "time_ns,vcpu,page,op\n0,0,0,r\n20000000000,0,1,w\n",
    );
    desk.import("long.csv", "long.mtrace", "");
    let slow = [
        "--set",
        "trace.time_scale=1000000",
        "--set",
        "trace.start=0",
    ];
    let output = promptly(
        &desk,
        &[&["compare", "--trace", "long.mtrace"], &slow[..]].concat(),
    );
    assert!(matches!(output.status.code(), Some(0 | 2)), "{output:?}");
}

/// The guest gets to its only page after the end of time, and nobody pushes it.
#[test]
fn a_touch_beyond_the_end_of_time_is_an_error() {
    let desk = Desk::new();
    desk.write("late.csv", "time_ns,vcpu,page,op\n18400000000000,0,0,r\n");
    desk.import("late.csv", "late.mtrace", "");
    let mut arguments = vec!["compare", "--trace", "late.mtrace"];
    for set in [
        "trace.start=0",
        "trace.at_end=idle",
        "trace.time_scale=1000",
        "source.push=none",
        "vm.suspend=200 h",
        "migration.strategies=['post-copy']",
    ] {
        arguments.extend(["--set", set]);
    }
    let says = desk.refusal(&arguments);
    assert!(says.contains("213 days"), "{says}");
}

/// A core state that takes longer than 213 days, and a guest that touches nothing afterwards.
#[test]
fn an_endless_downtime_is_an_error() {
    let desk = Desk::new();
    let mut arguments = vec!["compare", "small.toml", "--strategies", "pre-record"];
    for set in [
        "trace.at_end=idle",
        "migration.record_window=1 s",
        "link.bandwidth=1 bit/s",
        "vm.core_state=1 TiB",
    ] {
        arguments.extend(["--set", set]);
    }
    assert!(desk.refusal(&arguments).contains("213 days"));
}

/// A page of 1 GiB at 1 bit/s takes 9,960,000,000 s: 1,122,683,096 bytes on the wire.
#[test]
fn a_message_beyond_half_the_time_is_an_error() {
    let desk = Desk::new();
    gib_page(&desk);
    let mut arguments = vec![
        "compare",
        "--trace",
        "one.mtrace",
        "--strategies",
        "post-copy",
    ];
    for set in [
        "trace.start=0",
        "vm.core_state=0",
        "migration.record_window=0",
        "link.bandwidth=1 bit/s",
    ] {
        arguments.extend(["--set", set]);
    }
    assert!(desk.refusal(&arguments).contains("213 days"));
}

/// Guest time that no trace reaches, however often it is repeated.
#[test]
fn planning_beyond_the_end_of_time_ends() {
    let desk = Desk::new();
    let mut arguments = vec!["compare", "small.toml", "--strategies", "pre-record"];
    for set in [
        "trace.at_end=wrap",
        "trace.time_scale=0.000001",
        "migration.record_window=0",
        "migration.planning_time=6 h",
    ] {
        arguments.extend(["--set", set]);
    }
    let output = promptly(&desk, &arguments);
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && says.contains("213 days"),
        "{output:?}"
    );
}

/// Nobody asked for a recording, so none is made, however long the window.
#[test]
fn post_copy_alone_does_not_record() {
    let desk = Desk::new();
    let window = ["--set", "migration.record_window=720 h"];
    let post_copy = ["compare", "small.toml", "--strategies", "post-copy"];
    let output = promptly(&desk, &[&post_copy[..], &window].concat());
    assert_eq!(output.status.code(), Some(0));
}

/// A pipe (or a device) is written to, not replaced by a file.
#[test]
fn a_pipe_stays_a_pipe() {
    let desk = Desk::new();
    let pipe = desk.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo")
            .success()
    );
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read(pipe))
    };
    desk.run(&["compare", "small.toml", "--out", "pipe"]);
    let kind = fs::metadata(&pipe).expect("it is there").file_type();
    assert!(kind.is_fifo());
    assert!(
        !reader
            .join()
            .expect("no panic")
            .expect("readable")
            .is_empty()
    );
}

/// The umask counts, as for any other new file.
#[test]
fn results_are_readable_by_others() {
    let desk = Desk::new();
    desk.run(&["compare", "small.toml", "--out", "result.csv"]);
    let mode = |name| {
        fs::metadata(desk.path(name))
            .expect("a file")
            .permissions()
            .mode()
    };
    assert_eq!(
        mode("result.csv"),
        mode("small.csv"),
        "as any other new file"
    );
}

/// A message has its cause once.
#[test]
fn messages_are_said_once() {
    let desk = Desk::new();
    for arguments in [
        &["compare", "small.toml", "--strategies", "magic"][..],
        &[
            "compare",
            "small.toml",
            "--set",
            "vm.memory=8 MiB",
            "--set",
            "link.bandwidth=1 bit/s",
        ],
    ] {
        let error = desk.refusal(arguments);
        let once = error.matches("unknown strategy").count() + error.matches("213 days").count();
        assert_eq!(once, 1, "{error}");
    }
}

/// A VM may have more memory than its trace, and larger pages.
#[test]
fn the_table_names_the_memory_that_was_migrated() {
    let desk = Desk::new();
    let larger = [
        "compare",
        "small.toml",
        "--set",
        "vm.memory=1 MiB",
        "--set",
        "vm.host_page=16 KiB",
    ];
    let table = desk.data(&larger);
    assert!(table.contains("1.0 MiB in 64 pages"), "{table}");
}

/// A position inside an epoch is taken at its boundary.
#[test]
fn the_table_names_the_position_taken() {
    let desk = Desk::new();
    desk.import("small.csv", "compacted.mtrace", "--compaction 1ms");
    let output = desk.run(&[
        "compare",
        "--trace",
        "compacted.mtrace",
        "--set",
        "trace.start=2.4 ms",
    ]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("migrated at 2.00 ms"), "{table}");
}
