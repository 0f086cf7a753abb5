//! Strategy `plan`: a file's pages first.

use super::Desk;
use super::wrong_inputs::check;

/// Metrics of a strategy by name, without the settings, which say which plan was given.
fn row(desk: &Desk, strategy: &str, file: &str, settings: &[&str]) -> Vec<(String, String)> {
    let mut arguments = vec![
        "run",
        "small.toml",
        "--strategy",
        strategy,
        "--format",
        "csv",
    ];
    let given = format!("plan.file={file}");
    if !file.is_empty() {
        arguments.extend(["--set", &given]);
    }
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let csv = desk.data(&arguments);
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let names = rows.headers().unwrap().clone();
    let values = rows.records().next().unwrap().unwrap();
    let cells = names.iter().zip(&values);
    let metrics = cells.filter(|(name, _)| !["settings", "scenario_hash"].contains(name));
    let owned = metrics.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}

fn value(row: &[(String, String)], column: &str) -> f64 {
    let found = row.iter().find(|(name, _)| name == column);
    found.unwrap().1.parse().unwrap()
}

/// The link is slow, and everything waits for it before the first request comes.
const SLOW: &[&str] = &["link.bandwidth=50 Mbit/s", "source.push_service=1 us"];

/// Pages in the order of `touches`, in every form of file.
#[test]
fn a_plan_of_all_touches_in_order_is_clairvoyant_in_every_form() {
    let desk = Desk::new();
    // First touches behind 1 ms, which is step 20: vCPU 0 reads step / 4, vCPU 1 step * step % 64.
    let mut touches: Vec<u32> = Vec::new();
    for step in (20..200).chain(0..20) {
        let page = if step % 2 == 0 {
            step / 4
        } else {
            step * step % 64
        };
        if !touches.contains(&page) {
            touches.push(page);
        }
    }
    let lines = |line: &dyn Fn(&u32) -> String| touches.iter().map(line).collect::<String>();
    desk.write(
        "list.txt",
        format!("# pages\n{}", lines(&|page| format!("{page}\n"))),
    );
    desk.write("hex.txt", lines(&|page| format!("{page:#x}\r\n")));
    desk.write(
        "twice.csv",
        format!("page\n{0}{0}", lines(&|page| format!("{page}\n"))),
    );
    desk.write(
        "plan.csv",
        format!(
            "page,why,next_touch_ns\n{}",
            lines(&|page| format!("{page},predicted,\n"))
        ),
    );
    desk.write(
        "reap.csv",
        format!(
            "offset_hex,unix_ns,served\n{}",
            lines(&|page| format!("{:x},17,0\n", page * 4096))
        ),
    );
    let post_copy = row(&desk, "post-copy", "", SLOW);
    let bound = row(&desk, "clairvoyant", "", SLOW);
    assert!(value(&bound, "stall_s") < value(&post_copy, "stall_s"));
    for file in ["list.txt", "hex.txt", "twice.csv", "plan.csv", "reap.csv"] {
        let given = row(&desk, "plan", file, SLOW);
        for column in ["stall_s", "page_faults", "total_migration_time_s"] {
            assert_eq!(
                value(&given, column),
                value(&bound, column),
                "{file}: {column}"
            );
        }
        assert_eq!(
            value(&given, "predicted_pages"),
            touches.len() as f64,
            "{file}"
        );
    }
    // What `migsim plan` writes, as text and as the binary file, is the same plan.
    let plan = [
        "plan",
        "small.mtrace",
        "--strategy",
        "pre-record",
        "--record-window",
        "2 ms",
    ];
    for (format, file) in [("csv", "pps.csv"), ("binary", "pps.bin")] {
        desk.data(
            &[
                &plan[..],
                &["--format", format, "--at", "1 ms", "--out", file],
            ]
            .concat(),
        );
    }
    let rows = ["pps.csv", "pps.bin"].map(|file| row(&desk, "plan", file, SLOW));
    assert_eq!(rows[0], rows[1]);
    // Fetched, its pages are requested.
    let fetched = row(
        &desk,
        "plan",
        "list.txt",
        &[SLOW[0], SLOW[1], "migration.delivery=destination-fetch"],
    );
    assert_ne!(value(&fetched, "stall_s"), value(&bound, "stall_s"));
}

/// Behind the plan the scan goes on from the last request, as post-copy's does.
#[test]
fn a_plan_of_the_page_that_a_scan_begins_with_is_post_copy() {
    let desk = Desk::new();
    desk.write("first.txt", "0\n");
    // Most pages are still to be taken up when the first request comes.
    let buffer = ["link.bandwidth=50 Mbit/s", "source.send_buffer=8 KiB"];
    let post_copy = row(&desk, "post-copy", "", &buffer);
    let given = row(&desk, "plan", "first.txt", &buffer);
    assert!(value(&post_copy, "network_faults") > 1.0);
    for column in [
        "stall_s",
        "page_faults",
        "network_faults",
        "total_migration_time_s",
    ] {
        assert_eq!(value(&given, column), value(&post_copy, column), "{column}");
    }
}

/// Pages of the trace's size are host pages of the VM that follows it, whatever their size.
#[test]
fn a_plan_says_how_large_its_pages_are() {
    let desk = Desk::new();
    let plan = |set: &[&str], out: &str| {
        let common = [
            "plan",
            "small.mtrace",
            "--strategy",
            "pre-record",
            "--at",
            "4 ms",
        ];
        desk.data(&[&common[..], &["--record-window", "2 ms", "--out", out], set].concat());
    };
    plan(&[], "small.csv");
    plan(&["--set", "vm.host_page=16 KiB"], "large.csv");
    let huge = ["vm.host_page=16 KiB", "trace.start=4 ms"];
    let stall = |file: &str| value(&row(&desk, "plan", file, &huge), "stall_s");
    assert_eq!(stall("small.csv"), stall("large.csv"));
    let text = std::fs::read_to_string(desk.path("large.csv")).expect("a plan");
    let lines = text.lines().skip(1);
    assert!(
        lines.clone().count() > 0 && lines.into_iter().all(|line| line.ends_with(",16384")),
        "{text}"
    );
}

#[test]
fn plans_that_cannot_be_are_named() {
    let desk = Desk::new();
    desk.write("far.txt", "3\n64\n");
    desk.write("word.txt", "3\n\nfour\n");
    desk.write("row.csv", "page,why,next_touch_ns\n3,guessed,\n");
    let sized = "page,why,next_touch_ns,page_bytes\n3,recorded,,4096\n";
    desk.write("sizes.csv", format!("{sized}4,recorded,,8192\n"));
    desk.write("cut.csv", format!("{sized}4,recorded\n"));
    desk.write("empty.txt", "# none\n");
    desk.write("heading.csv", "page,why,next_touch_ns");
    desk.write("heading.txt", "page\n");
    desk.write("zero.csv", "first_page,page_count\n0,5\n");
    desk.write("rows.csv", "time_ns,vcpu,page,op\n0,0,17,r\n");
    desk.write("offsets.csv", "1000,5,0\n1010,6,0\n");
    desk.write("cut.bin", b"MIGSIMPL\x01\0\0\0");
    for (file, parts) in [
        (
            "sizes.csv",
            &["line 3: expected pages of one size", "found 8192 bytes"][..],
        ),
        ("cut.csv", &["line 3: expected a page, a row of "]),
        (
            "far.txt",
            &[
                "plan.file: far.txt: line 2: names page 64 of 4096 bytes",
                "262144 bytes",
            ][..],
        ),
        (
            "word.txt",
            &[
                "plan.file",
                "word.txt: line 3: expected a page",
                "found `four`",
            ],
        ),
        ("row.csv", &["row.csv: line 2", "found `3,guessed,`"]),
        ("empty.txt", &["empty.txt: expected at least one page"]),
        ("heading.csv", &["heading.csv: expected at least one page"]),
        ("heading.txt", &["heading.txt: expected at least one page"]),
        (
            "zero.csv",
            &["zero.csv: line 1", "found `first_page,page_count`"],
        ),
        (
            "rows.csv",
            &["rows.csv: line 1", "found `time_ns,vcpu,page,op`"],
        ),
        (
            "offsets.csv",
            &[
                "offsets.csv: line 2",
                "a multiple of 4096",
                "found `1010,6,0`",
            ],
        ),
        (
            "cut.bin",
            &["cut.bin: expected a plan with a valid checksum"],
        ),
        ("missing.csv", &["missing.csv", "No such file"]),
    ] {
        let given = format!("plan.file={file}");
        check(
            &desk,
            &["run", "small.toml", "--strategy", "plan", "--set", &given],
            parts,
        );
    }
    check(
        &desk,
        &["compare", "small.toml", "--strategies", "post-copy,plan"],
        &["plan.file: none, expected a file for strategy `plan`"],
    );
}

/// What nobody accesses in the record window is a plan, and pushes nothing ahead of the scan.
#[test]
fn an_idle_guest_s_plan_is_a_plan() {
    let desk = Desk::new();
    for (format, file) in [("csv", "idle.csv"), ("binary", "idle.bin")] {
        let plan = [
            "plan",
            "small.mtrace",
            "--strategy",
            "pre-record",
            "--record-window",
            "0 s",
            "--at",
            "1 ms",
            "--format",
            format,
            "--out",
            file,
        ];
        let output = desk.run(&plan);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("the plan has none"), "{said}");
        let (given, scan) = (
            row(&desk, "plan", file, SLOW),
            row(&desk, "post-copy", "", SLOW),
        );
        for column in ["stall_s", "page_faults", "total_migration_time_s"] {
            assert_eq!(
                value(&given, column),
                value(&scan, column),
                "{file}: {column}"
            );
        }
    }
}
