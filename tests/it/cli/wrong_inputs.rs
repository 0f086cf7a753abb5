//! What a user may get wrong: exit 2, one clear message on standard error, nothing on standard output.

use std::fs;

use super::Desk;

/// A message of ours, in one line, that says all of `parts`.
pub(super) fn check(desk: &Desk, arguments: &[&str], parts: &[&str]) {
    let error = desk.refusal(arguments);
    assert!(error.starts_with("migsim: "), "{arguments:?}\n{error}");
    assert_eq!(error.lines().count(), 1, "{arguments:?}\n{error}");
    for part in parts {
        assert!(error.contains(part), "{arguments:?}: {part:?}\n{error}");
    }
}

#[test]
fn usage() {
    let desk = Desk::new();
    for (arguments, says) in [
        (&["frobnicate"][..], "unrecognized subcommand 'frobnicate'"),
        (&["run", "small.toml"], "--strategy <NAME>"),
        (&["compare", "--format", "xml"], "table, csv, json"),
        (&["compare", "--frob"], "unexpected argument '--frob'"),
        (&["compare", "a.toml", "b.toml"], "unexpected argument"),
        (&["compare", "--set"], "a value is required"),
        (&["compare", "--trace"], "a value is required"),
    ] {
        let error = desk.refusal(arguments);
        assert!(error.contains(says), "{arguments:?}\n{error}");
    }
}

#[test]
fn what_does_not_fit_the_trace_is_where_it_is_set() {
    let desk = Desk::new();
    let trace = "[trace]\nfile = \"small.mtrace\"\n";
    desk.write("late.toml", format!("{trace}start = \"10 s\"\n"));
    desk.write(
        "tight.toml",
        format!("{trace}start = 0\n[vm]\nmemory = \"4 KiB\"\n"),
    );
    for command in [&["compare"][..], &["run", "--strategy", "leap"]] {
        let with = |file| [command, &[file]].concat();
        check(
            &desk,
            &with("late.toml"),
            &["late.toml:3: trace.start: 10.0 s"],
        );
        check(
            &desk,
            &with("tight.toml"),
            &["tight.toml:5: vm.memory: 4.0 KiB"],
        );
    }
}

#[test]
fn files() {
    let desk = Desk::new();
    desk.write("empty", "");
    desk.write("broken.toml", "[link]\nlatency = \"1 us\"\n[link\n");
    desk.write("twice.toml", "[vm]\n[link]\nmtu = 1500\nmtu = 1500\n");
    desk.write("latin-1.toml", b"# caf\xe9\n");
    desk.write("large.toml", "#".repeat((1 << 20) + 1));
    desk.write("lost.toml", "[trace]\nfile = \"lost.mtrace\"\n");
    let (a, b) = ("file = \"a\"", "workload = { kind = \"zipf\" }");
    desk.write("both.toml", format!("[trace]\n{a}\n{b}\n"));
    for (arguments, says) in [
        (
            ["compare", "missing.toml"],
            &[
                "missing.toml: No such file",
                "expected a profile (qemu-7.2, qemu-10.0, ",
            ][..],
        ),
        (["compare", "."], &[".: ", "directory"]),
        (["compare", "broken.toml"], &["broken.toml:3: ", "`]`"]),
        (
            ["compare", "twice.toml"],
            &["twice.toml:4: ", "duplicate key"],
        ),
        (["compare", "latin-1.toml"], &["latin-1.toml: ", "UTF-8"]),
        (
            ["compare", "large.toml"],
            &["large.toml: ", "at most 1048576"],
        ),
        (
            ["compare", "small.mtrace"],
            &["small.mtrace: expected a scenario, found a trace; `--trace FILE`"],
        ),
        (["compare", "lost.toml"], &["lost.mtrace: No such file"]),
        (
            ["compare", "both.toml"],
            &[
                "both.toml:3: trace.workload: ",
                "either a file or a workload",
            ],
        ),
        (
            ["compare", "--trace=missing.mtrace"],
            &["missing.mtrace: No such file"],
        ),
        (["compare", "--trace=."], &["not a regular file"]),
        (["compare", "--trace=empty"], &["empty: not a trace"]),
        (
            ["compare", "--trace=small.csv"],
            &["small.csv: not a trace"],
        ),
    ] {
        check(&desk, &arguments, says);
    }
}

#[test]
fn truncated_traces() {
    let desk = Desk::new();
    let whole = fs::read(desk.path("small.mtrace")).expect("the trace");
    for length in (0..whole.len()).step_by(20).chain([whole.len() - 1]) {
        desk.write("cut.mtrace", &whole[..length]);
        let trace = ["compare", "small.toml", "--trace", "cut.mtrace"];
        check(&desk, &trace, &["cut.mtrace: ", "expected"]);
    }
}

#[test]
fn flipped_bits() {
    let desk = Desk::new();
    let whole = fs::read(desk.path("small.mtrace")).expect("the trace");
    for position in (0..whole.len()).step_by(23) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (position % 8);
        desk.write("flipped.mtrace", &flipped);
        let trace = ["compare", "small.toml", "--trace", "flipped.mtrace"];
        check(&desk, &trace, &["flipped.mtrace: ", "expected"]);
    }
}

#[test]
fn bad_recordings() {
    // The others are in `trace_cli.rs`.
    let desk = Desk::new();
    for (row, says) in [
        ("5,0,1", "line 3: expected 4 fields"),
        ("5,0,1,z", "line 3, column 4 (op): expected one of r, w, x"),
        (
            "1,0,1,r",
            "line 3: expected times of vCPU 0 in ascending order",
        ),
        ("5,0,64,r", "line 3: expected a page up to 63, found 64"),
        ("5,65535,1,r", "line 3: expected a vCPU up to 65534"),
    ] {
        desk.write("bad.csv", format!("time_ns,vcpu,page,op\n2,0,0,r\n{row}\n"));
        let import = ["trace", "import", "--from", "csv", "--pages", "64"];
        let arguments = [&import[..], &["bad.csv", "bad.mtrace"]].concat();
        check(&desk, &arguments, &["bad.csv: ", says]);
        assert!(!desk.path("bad.mtrace").exists());
    }
}

#[test]
fn messages_say_what_is_expected() {
    let desk = Desk::new();
    for (assignment, says) in [
        ("vm.suspend=5", "a duration with its unit"),
        ("vm.suspend=721 h", "at most 720 h"),
        ("migration.record_window=721 h", "at most 720 h"),
        ("vm.memory=big", "a size with its unit"),
        ("link.bandwidth=0", "a bandwidth above zero with its unit"),
        ("link.discipline=lifo", "`fifo`, `fair`, `priority`"),
        ("source.push=up", "`pivot`, `linear`, `bubble`, `none`"),
        ("source.demand_mode=x", "`pipelined` or `synchronous`"),
        ("destination.fault_blocks=x", "`vcpu` or `vm`"),
        ("trace.at_end=stop", "`wrap` or `idle`"),
        ("hybrid.local_minimum=1", "a boolean"),
        ("trace.time_scale=nan", "a factor from 0.000001 to 1000000"),
        ("link.mtu=67", "68 to 65535"),
        ("link.mtu=65536", "68 to 65535"),
        ("link.packet_overhead=65536", "at most 65535"),
        ("link.segment=1447 B", "from a packet's payload"),
        ("link.segment=2 MiB", "to 1 MiB"),
        ("link.device_queue=65 MiB", "at most 64 MiB"),
        ("destination.nagle=on", "`off`, `delayed-ack`, `quickack`"),
        ("source.send_buffer=0", "at least 1 byte"),
        (
            "source.wake_on_request.overtaken_percent=101",
            "at most 100",
        ),
        (
            "source.wake_on_request=yes",
            "`yes`, expected a boolean, or a table",
        ),
        (
            "source.request_thread=true",
            "expected link.demand_channel.request_thread",
        ),
        ("migration.overlap_core=true", "no such key any more"),
        (
            "source.limiter_period=50 ms",
            "nor migration.delivery = \"fetch-then-push\" limits",
        ),
        ("pdopmp.stream_gap=65537", "at most 65536"),
        ("pdopmp.reach_percent=10001", "at most 10000"),
        ("vm.core_state=2 TiB", "at most 1 TiB"),
        ("migration.strategies=[]", "at least one strategy"),
        ("migration.strategies=[3]", "expected a string"),
        (
            "link.speed=1",
            "unknown field `speed`, expected one of `bandwidth`",
        ),
        (
            "net.speed=1",
            "unknown field `net`, expected one of `trace`",
        ),
        ("pdopmp=1", "pdopmp"),
        ("link.bandwidth.x=1", "a bandwidth"),
        ("trace.workload={kind=\"tea\"}", "`sequential`"),
        ("link.bandwidth", "expected key=value"),
        ("=1", "expected a key"),
        ("", "expected key=value"),
    ] {
        let arguments = ["compare", "small.toml", "--set", assignment];
        check(&desk, &arguments, &["--set", says]);
    }
}

/// What means nothing beside another key names both, whatever their order.
#[test]
fn keys_that_do_not_go_together() {
    let desk = Desk::new();
    let queue = "link.device_queue=64 KiB";
    let priority = "link.discipline=priority";
    for settings in [[queue, priority], [priority, queue]] {
        let arguments = [
            "compare",
            "small.toml",
            "--set",
            settings[0],
            "--set",
            settings[1],
        ];
        let place = "--set link.device_queue=\"64 KiB\": link.device_queue: ";
        check(
            &desk,
            &arguments,
            &[place, "link.discipline = \"priority\""],
        );
    }
    desk.write(
        "bad.toml",
        "[link]\ndevice_queue = \"1 MiB\"\ndiscipline = \"priority\"\n",
    );
    let place = "bad.toml:2: link.device_queue: expected 0";
    check(&desk, &["compare", "bad.toml"], &[place]);
    // One may follow the other.
    let loss = ["--set", "link.loss.per_million=10000"];
    let control = ["--set", "link.loss.congestion_control=reno"];
    let compare = ["compare", "small.toml"];
    desk.data(&[&compare[..], &loss, &control].concat());
    let alone = [&compare[..], &loss].concat();
    check(&desk, &alone, &["missing field `congestion_control`"]);
    // An axis may bring what a key needs.
    let axis = "[source]\nlimiter_period = \"50 ms\"\n[sweep]\nsource.max_postcopy_bandwidth = [\"1 Gbit/s\"]\n";
    desk.write("axis.toml", [super::SMALL_SCENARIO, axis].concat());
    assert_eq!(desk.run(&["sweep", "axis.toml"]).status.code(), Some(0));
}

#[test]
fn keys_that_do_not_exist() {
    let desk = Desk::new();
    for (text, place, says) in [
        (
            "[vm]\n\n[link]\nspeed = 3\n",
            "bad.toml:4: link.speed: ",
            "`bandwidth`",
        ),
        (
            "\n[network]\nspeed = 3\n",
            "bad.toml:2: network: ",
            "`link`",
        ),
        (
            "extnds = \"qemu-7.2\"\n",
            "bad.toml:1: extnds: ",
            "`sweep`, `extends`; did you mean `extends`?",
        ),
        ("speed = 3\n", "bad.toml:1: speed: ", "`link`"),
        (
            "[migration]\nfetch_outstanding = 8\n",
            "bad.toml:2: migration.fetch_outstanding: ",
            "expected migration.delivery.outstanding",
        ),
        (
            "[migration]\nstrategies = []\n",
            "bad.toml:2: migration.strategies: ",
            "at least one",
        ),
        ("[link]\nmtu = 0\n", "bad.toml:2: link.mtu: ", "68 to 65535"),
    ] {
        desk.write("bad.toml", text);
        check(&desk, &["compare", "bad.toml"], &[place, says]);
    }
}

#[test]
fn scenarios_that_do_not_fit_the_trace() {
    let desk = Desk::new();
    for (settings, says) in [
        (
            &["trace.start=10 ms"][..],
            &["trace.start: ", "less than 9.95 ms"][..],
        ),
        (&["trace.start=720 h"], &["trace.start: ", "less than"]),
        (
            &["vm.host_page=5000"],
            &["vm.host_page: ", "a power of two"],
        ),
        (&["vm.host_page=0"], &["vm.host_page: ", "a power of two"]),
        (
            &["vm.host_page=2 KiB"],
            &["vm.host_page: ", "the trace's page (4096 bytes)"],
        ),
        (&["vm.host_page=2 GiB"], &["vm.host_page: ", "1 GiB"]),
        (
            &["vm.page_size=8 KiB"],
            &["vm.page_size: ", "the trace's 4096"],
        ),
        (
            &["vm.memory=252 KiB"],
            &["vm.memory: ", "expected 256.0 KiB (the trace's) to 4.0 TiB"],
        ),
        (&["vm.memory=1 EiB"], &["vm.memory: ", "to 4.0 TiB"]),
        (
            &["vm.memory=18446744073709551615 B"],
            &["vm.memory: ", "to 4.0 TiB"],
        ),
        (
            &["vm.memory=8 MiB", "link.bandwidth=1 bit/s"],
            &["longer than 213 days", "a faster link"],
        ),
        (
            &["migration.strategies=[\"post-copy\", \"magic\"]"],
            &[
                "unknown strategy `magic`",
                "`magic`",
                "`post-copy`, `pre-record`",
            ],
        ),
    ] {
        let mut arguments = vec!["compare", "small.toml"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        check(&desk, &arguments, says);
    }
}

#[test]
fn strategies_that_do_not_exist() {
    let desk = Desk::new();
    let known = "expected one of `post-copy`, `pre-record`, `pre-record+pdopmp`, ";
    for arguments in [
        ["compare", "small.toml", "--strategies", "magic"],
        ["compare", "small.toml", "--strategies", "post-copy,magic"],
        ["run", "small.toml", "--strategy", "magic"],
    ] {
        check(&desk, &arguments, &["unknown strategy `magic`", known]);
    }
    let twice = [
        "compare",
        "small.toml",
        "--strategies",
        "post-copy,post-copy",
    ];
    check(&desk, &twice, &["expected each strategy once"]);
    for empty in ["", ",", "post-copy,"] {
        let arguments = ["compare", "small.toml", "--strategies", empty];
        check(&desk, &arguments, &["unknown strategy ``", known]);
    }
}
