//! Rows say what they are of: settings and hash of the scenario, and the way back to it.

use super::Desk;

/// Cells of a column, in order.
fn cells(csv: &str, column: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let place = header.iter().position(|name| name == column).expect(column);
    let records = reader.records().map(|record| record.expect("a row"));
    records.map(|record| record[place].to_owned()).collect()
}

const SET: [&str; 4] = [
    "--set",
    "trace.start=1 ms",
    "--set",
    "migration.record_window=2000 us",
];

#[test]
fn rows_carry_what_differs_from_the_defaults() {
    let desk = Desk::new();
    let rows = |bandwidth: &str| {
        let compare = [
            "compare",
            "--trace",
            "small.mtrace",
            "--format",
            "csv",
            "--set",
            bandwidth,
        ];
        desk.data(&[&compare[..], &SET].concat())
    };
    let (slow, fast) = (
        rows("link.bandwidth=0.2 Gbit/s"),
        rows("link.bandwidth=1000 Mbit/s"),
    );
    assert_eq!(
        cells(&slow, "settings")[0],
        "{ link = { bandwidth = \"200 Mbit/s\" }, migration = { record_window = \"2 ms\" }, \
         trace = { file = \"small.mtrace\", start = \"1 ms\" } }"
    );
    assert!(
        !cells(&fast, "settings")[0].contains("bandwidth"),
        "the default is not said"
    );
    let hash = |csv: &str| cells(csv, "scenario_hash")[0].clone();
    assert_ne!(hash(&slow), hash(&fast));
    assert_eq!(hash(&fast), hash(&rows("link.bandwidth=1 Gbit/s")));
}

#[test]
fn a_row_is_made_again_from_itself() {
    let desk = Desk::new();
    let compare = ["compare", "--trace", "small.mtrace", "--format", "csv"];
    let set = [
        "--set",
        "link.discipline=fair",
        "--set",
        "vm.suspend=3 ms",
        "--strategies",
        "post-copy,leap,pre-record",
    ];
    let rows = desk.data(&[&compare[..], &SET, &set].concat());
    desk.write("rows.csv", &rows);
    desk.data(&[
        "scenario",
        "--from-row",
        "rows.csv:2",
        "--out",
        "default.toml",
    ]);
    assert_eq!(
        desk.data(&["compare", "default.toml", "--format", "csv"]),
        rows
    );
    // In another directory the trace is still found.
    std::fs::create_dir(desk.path("there")).expect("a writable directory");
    desk.data(&[
        "scenario",
        "--from-row",
        "rows.csv:1",
        "--out",
        "there/default.toml",
    ]);
    let again = desk.data(&["compare", "there/default.toml", "--format", "csv"]);
    for column in ["scenario_hash", "strategy", "stall_s", "gap_closed"] {
        assert_eq!(cells(&again, column), cells(&rows, column));
    }
    // One strategy alone has no gap to close.
    let run = ["run", "small.toml", "--strategy", "leap", "--format", "csv"];
    desk.write("run.csv", desk.data(&run));
    desk.data(&["scenario", "--from-row", "run.csv", "--out", "small.toml"]);
    assert_eq!(
        desk.data(&run),
        std::fs::read_to_string(desk.path("run.csv")).expect("text")
    );
}

#[test]
fn a_sweep_s_row_is_made_again_from_itself() {
    let desk = Desk::new();
    desk.write(
        "grid.toml",
        "[vm]\nmemory = \"2 MiB\"\n[migration]\nrecord_window = \"5 ms\"\nstrategies = [\"post-copy\", \"pre-record\"]\n\
         [sweep]\ntrace = [{ label = \"skewed\", value = { start = \"1 ms\", workload = { kind = \"zipf\", duration = \"100 ms\" } } },\n\
         { label = \"sweep\", value = { start = \"1 ms\", workload = { kind = \"sequential\", duration = \"100 ms\" } } }]\n\
         link.bandwidth = [\"100 Mbit/s\", \"1 Gbit/s\"]\n",
    );
    let sweep = [
        "sweep",
        "grid.toml",
        "--shard",
        "2/2",
        "--out",
        "part.csv",
        "--jobs",
        "1",
    ];
    desk.run(&sweep);
    let part = std::fs::read_to_string(desk.path("part.csv")).expect("rows");
    let (_, rows) = part.split_once('\n').expect("a manifest");
    assert_eq!(cells(rows, "[trace]"), ["sweep"; 4]);
    assert_eq!(
        cells(rows, "link.bandwidth_bits_per_s"),
        ["100000000", "100000000", "1000000000", "1000000000"]
    );
    let hashes = cells(rows, "scenario_hash");
    assert!(
        hashes[0] == hashes[1] && hashes[1] != hashes[2],
        "{hashes:?}"
    );
    // Row 2 is pre-record on the slow link.
    desk.data(&[
        "scenario",
        "--from-row",
        "part.csv:2",
        "--out",
        "again.toml",
    ]);
    let again = desk.data(&["compare", "again.toml", "--format", "csv"]);
    for column in [
        "scenario_hash",
        "settings",
        "trace_hash",
        "seed",
        "stall_s",
        "bytes_sent",
    ] {
        assert_eq!(cells(&again, column)[1], cells(rows, column)[1], "{column}");
    }
}

#[test]
fn a_row_that_tells_no_scenario_is_refused() {
    let desk = Desk::new();
    let rows = desk.data(&["compare", "small.toml", "--format", "csv"]);
    desk.write("rows.csv", &rows);
    desk.write("old.csv", "scenario,strategy,version\ns,leap,0.1.0\n");
    let with = |settings: &str| {
        format!("scenario,scenario_hash,strategy,settings,version\ns,0,leap,\"{settings}\",0.2.0\n")
    };
    desk.write("text.csv", with("what?"));
    desk.write("more.csv", with("{}\nother = 1"));
    desk.write("key.csv", with("{ link = { bandwith = 1 } }"));
    for (row, part) in [
        ("rows.csv", "7 rows, expected the number of one"),
        ("rows.csv:0", "expected the number of one"),
        ("rows.csv:9", "expected the number of one"),
        ("none.csv:1", "none.csv"),
        ("none.csv:x", "cannot read none.csv:x"),
        (
            "rows.csv:x",
            "--from-row rows.csv:x: expected a row number behind the colon, from 1",
        ),
        ("old.csv", "no column `settings`"),
        ("text.csv", "is not a TOML table"),
        ("more.csv", "is not a TOML table"),
        ("key.csv", "did you mean `bandwidth`?"),
    ] {
        let error = desk.refusal(&["scenario", "--from-row", row]);
        assert!(error.contains(part), "{row}: {error}");
    }
    // Made by another version, the same settings may come to something else.
    desk.write("old.csv", rows.replace(env!("CARGO_PKG_VERSION"), "0.1.9"));
    let output = desk.run(&["scenario", "--from-row", "old.csv:1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("(version 0.1.9)"), "{said}");
    // What it was made with is not there any more.
    desk.write(
        "rows.csv",
        rows.replace("0.2.0", "0.1.9")
            .lines()
            .take(2)
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    desk.write(
        "small.csv",
        "time_ns,vcpu,page,op\n0,0,1,r\n2000000,0,2,r\n",
    );
    desk.import("small.csv", "small.mtrace", "");
    let output = desk.run(&["scenario", "--from-row", "rows.csv"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("is not what it was for this row (version 0.1.9)"),
        "{said}"
    );
}

#[test]
fn what_a_row_was_made_with_is_named() {
    let desk = Desk::new();
    desk.write("first.txt", "3\n5\n");
    let run = ["run", "small.toml", "--strategy", "plan", "--format", "csv"];
    let given = ["--set", "plan.file=first.txt"];
    desk.write("rows.csv", desk.data(&[&run[..], &given].concat()));
    desk.write("first.txt", "5\n3\n");
    let output = desk.run(&["scenario", "--from-row", "rows.csv:1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let part = "rows.csv: small.mtrace, first.txt or migsim is not what it was for this row";
    assert!(said.contains(part), "{said}");
    std::fs::remove_file(desk.path("first.txt")).expect("a file");
    let error = desk.refusal(&["scenario", "--from-row", "rows.csv:1"]);
    assert!(error.starts_with("migsim: rows.csv:1: "), "{error}");
    assert!(error.contains("plan.file: first.txt: "), "{error}");
}
