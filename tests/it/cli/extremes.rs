//! Extremes of scale, and files that are not plain: each was a bug once.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;
use std::time::{Duration, Instant};

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
    desk.write(
        "late.csv",
        "time_ns,vcpu,page,op\n0,0,1,r\n18400000000000,0,0,r\n",
    );
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
        "migration.push_while_recording=false",
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
    assert!(table.contains("at 2.00 ms of 10.0 ms"), "{table}");
}

/// A trace of a few nanoseconds that wraps around for half a second.
#[test]
fn a_trace_that_would_wrap_for_long_is_refused_at_once() {
    let desk = Desk::new();
    for (name, rows, window, expected) in [
        ("many", 34, "500 ms", "more than 67108864 accesses"),
        ("few", 1, "720 h", "accesses"),
        ("rare", 1, "100 us", "replayed more than 16384 times"),
    ] {
        let rows = (0..rows).map(|row| format!("{row},0,{},r\n", row % 7));
        desk.write(
            "short.csv",
            "time_ns,vcpu,page,op\n".to_owned() + &rows.collect::<String>(),
        );
        desk.import("short.csv", "short.mtrace", "");
        let window = format!("migration.record_window={window}");
        let arguments = [
            "compare",
            "--trace",
            "short.mtrace",
            "--set",
            "trace.start=0",
            "--set",
            "migration.push_while_recording=false",
            "--set",
            &window,
        ];
        let begun = Instant::now();
        let refusal = desk.refusal(&arguments);
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{name}: {refusal}"
        );
        assert!(refusal.contains(expected), "{name}: {refusal}");
        desk.data_or_line(&[&arguments[..], &["--set", "trace.at_end=idle"]].concat());
    }
}

/// Each vCPU waits for hours; together they wait for longer than can be counted.
#[test]
fn a_sum_beyond_the_end_of_time_is_an_error() {
    let desk = Desk::new();
    let workload =
        "trace.workload={ kind = \"uniform\", vcpus = 300, rate = 100, duration = \"100 ms\" }";
    let refusal = desk.refusal(&[
        "compare",
        "--strategies",
        "post-copy",
        "--set",
        workload,
        "--set",
        "vm.memory=64 MiB",
        "--set",
        "trace.start=0",
        "--set",
        "link.bandwidth=500 bit/s",
    ]);
    assert!(refusal.contains("longer than 213 days"), "{refusal}");
}

#[test]
fn devices_and_pipes_are_read_as_far_as_a_file_may_go() {
    let desk = Desk::new();
    let begun = Instant::now();
    let refusal = desk.refusal(&["compare", "/dev/zero"]);
    assert!(
        refusal.contains("expected at most 1048576 bytes"),
        "{refusal}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    desk.write(
        "check.toml",
        format!("{}[sweep]\nlink.mtu = [1500]\n", super::SMALL_SCENARIO),
    );
    let made = std::process::Command::new("mkfifo")
        .arg(desk.path("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let (pipe, text) = (desk.path("pipe"), super::SMALL_SCENARIO);
    let writer = std::thread::spawn(move || std::fs::write(pipe, text));
    desk.data(&["compare", "pipe", "--format", "csv"]);
    writer.join().expect("no panic").expect("written");
}

/// A trace of 2^30 pages, of which one is touched, needs no memory for the others.
#[test]
fn trace_info_needs_memory_for_touched_pages_only() {
    let desk = Desk::new();
    desk.write("wide.csv", "time_ns,vcpu,page,op\n0,0,1073741823,w\n");
    let import = [
        "trace",
        "import",
        "--from",
        "csv",
        "wide.csv",
        "wide.mtrace",
    ];
    assert!(desk.run(&import).status.success());
    let binary = assert_cmd::cargo::cargo_bin!("migsim");
    let script = format!(
        "ulimit -v 1000000; '{}' trace info wide.mtrace",
        binary.display()
    );
    let info = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(desk.path("."))
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&info.stdout);
    assert!(
        info.status.success() && text.contains("1073741824 of 4.0 KiB"),
        "{info:?}"
    );
}

#[test]
fn the_greatest_values_are_taken_and_no_greater_ones() {
    let desk = Desk::new();
    for (key, greatest, beyond) in [
        ("link.message_header", "65535", "65536"),
        ("link.segment", "1 MiB", "1048577"),
        ("source.write_batch", "65536", "65537"),
        ("destination.receive_buffer", "1", "0"),
        ("link.connections", "128", "129"),
    ] {
        let run = |value: &str| {
            let set = format!("{key}={value}");
            let output = desk.run(&["scenario", "small.toml", "--set", &set]);
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        };
        let (code, said) = run(greatest);
        assert_eq!(code, Some(0), "{key}={greatest}: {said}");
        let (code, said) = run(beyond);
        assert!(
            code == Some(2) && said.contains(key),
            "{key}={beyond}: {said}"
        );
    }
}
