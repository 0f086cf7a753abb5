//! Where results and remarks go: files, pipes, standard error.

use std::fs;
use std::process::Stdio;

use super::Desk;
use super::usage::csv_rows;

#[test]
fn results_go_into_a_file() {
    let desk = Desk::new();
    for format in ["table", "csv", "json"] {
        let arguments = ["compare", "small.toml", "--format", format];
        let shown = desk.data(&arguments);
        desk.write("result", "what was there before, and longer than nothing");
        let silent = desk.data(&[&arguments[..], &["--out", "result"]].concat());
        assert_eq!(silent, "");
        let written = fs::read_to_string(desk.path("result")).expect("a file");
        assert_eq!(written, shown);
    }
    let expected = ["result", "small.csv", "small.mtrace", "small.toml"];
    assert_eq!(desk.files(), expected, "nothing temporary stays");
}

#[test]
fn the_name_of_a_file_implies_its_format() {
    let desk = Desk::new();
    for (name, format) in [
        ("rows.csv", "csv"),
        ("rows.json", "json"),
        ("rows.txt", "table"),
    ] {
        for command in [
            &["compare", "small.toml"][..],
            &["run", "small.toml", "--strategy", "post-copy"],
        ] {
            desk.data(&[command, &["--out", name]].concat());
            let written = fs::read_to_string(desk.path(name)).expect("it was written");
            assert_eq!(
                written,
                desk.data(&[command, &["--format", format]].concat())
            );
        }
    }
}

#[test]
fn a_sweep_refuses_a_directory_before_it_computes() {
    let desk = Desk::new();
    fs::create_dir(desk.path("rows")).expect("a folder");
    // As long a sweep as there may be.
    let sweep = "[sweep]\n\"link.mtu\" = { from = 1_000, to = 1_999, step = 1 }\n\"source.send_buffer\" = { from = 1_000, to = 1_999, step = 1 }";
    desk.write("large.toml", sweep);
    let error = desk.refusal(&["sweep", "large.toml", "--out", "rows"]);
    assert!(error.contains("rows"), "{error}");
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let desk = Desk::new();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere/rows.csv", desk.path("dangling")).expect("a link");
    let before = desk.files();
    desk.write(
        "axis.toml",
        "extends = \"small.toml\"\n[sweep]\nlink.mtu = [1400]",
    );
    #[cfg(unix)]
    desk.refusal(&["sweep", "axis.toml", "--out", "dangling"]);
    fs::remove_file(desk.path("axis.toml")).expect("it was there");
    let out = ["compare", "small.toml", "--out"];
    let error = desk.refusal(&[&out[..], &["nowhere/result.csv"]].concat());
    assert!(error.contains("nowhere/result.csv"), "{error}");
    desk.refusal(&[&out[..], &["."]].concat());
    let dash = desk.refusal(&[&out[..], &["-"]].concat());
    assert!(dash.contains("expected a file's name"), "{dash}");
    let map = ["run", "small.toml", "--strategy", "leap", "--page-map", "-"];
    let dash = desk.refusal(&map);
    assert!(
        dash.contains("to standard output goes the result alone"),
        "{dash}"
    );
    assert_eq!(desk.files(), before);
    // A run that fails leaves the file of the one before.
    desk.write("result.csv", "before");
    let failing = ["result.csv", "--strategies", "magic"];
    desk.refusal(&[&out[..], &failing].concat());
    let kept = fs::read_to_string(desk.path("result.csv")).expect("still there");
    assert_eq!(kept, "before");
}

#[test]
fn what_is_read_is_not_written() {
    let desk = Desk::new();
    desk.write("plan.csv", "page\n1\n2\n");
    desk.write("steps.csv", "time_s,bandwidth_bits_per_s\n0,1000000\n");
    desk.write("more.csv", "time_s,bandwidth_bits_per_s\n0,2000000\n");
    desk.write("ours.toml", "extends = \"small.toml\"");
    desk.write(
        "steps.toml",
        "extends = \"small.toml\"\n[sweep]\nlink.steps = [\"steps.csv\", \"more.csv\"]",
    );
    let blessed = desk.run(&["check", "steps.toml", "--bless"]);
    assert!(blessed.status.success());
    let before = |desk: &Desk| {
        let read = |name: &String| fs::read(desk.path(name)).expect("a file");
        let files = desk.files();
        files.iter().map(read).collect::<Vec<_>>()
    };
    let all = before(&desk);
    for (arguments, out) in [
        (
            "compare small.toml --strategies plan --set plan.file=plan.csv --out",
            "plan.csv",
        ),
        (
            "compare small.toml --set link.steps=steps.csv --out",
            "steps.csv",
        ),
        (
            "run small.toml --strategy post-copy --set link.steps=steps.csv --timeline",
            "steps.csv",
        ),
        (
            "plan small.mtrace --strategy pre-record --record-window 1ms --at 2ms --set link.steps=steps.csv --out",
            "steps.csv",
        ),
        ("compare ours.toml --out", "small.toml"),
        ("sweep steps.toml --out", "more.csv"),
        ("sweep steps.toml --out", "small.toml"),
        ("check steps.toml --bless --baseline", "small.mtrace"),
        ("check steps.toml --format csv --out", "steps.baseline.csv"),
        ("scenario ours.toml --out", "ours.toml"),
        ("scenario ours.toml --out", "small.mtrace"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').chain([out]).collect();
        let error = desk.refusal(&arguments);
        assert!(
            error.contains("expected a file that is not read too"),
            "{arguments:?}: {error}"
        );
    }
    assert_eq!(before(&desk), all);
}

#[test]
fn a_reader_may_stop_reading() {
    let desk = Desk::new();
    for arguments in [
        &["compare", "small.toml"][..],
        &["compare", "small.toml", "--format", "csv"],
        &["compare", "small.toml", "--format", "json"],
        &["run", "small.toml", "--strategy", "post-copy"],
        &[],
    ] {
        let mut child = desk
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
}

#[test]
fn remarks_go_to_standard_error() {
    let desk = Desk::new();
    desk.import("small.csv", "compacted.mtrace", "--compaction 1ms");
    let window = "migration.record_window=1 ms";
    let arguments = [
        "compare",
        "--trace",
        "compacted.mtrace",
        "--format",
        "csv",
        "--set",
        window,
    ];
    let output = desk.run(&[&arguments[..], &["--set", "trace.start=2.4 ms"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("trace.start is taken as 2.00 ms"),
        "{stderr}"
    );
    // The settings say which start was asked for.
    let results = |csv: &str| -> Vec<_> {
        let mut rows = csv_rows(csv);
        for row in &mut rows {
            row.retain(|column, _| !["settings", "scenario_hash"].contains(&column.as_str()));
        }
        rows
    };
    let rounded = results(&String::from_utf8_lossy(&output.stdout));
    let exact = desk.data(&[&arguments[..], &["--set", "trace.start=2 ms"]].concat());
    assert_eq!(rounded, results(&exact));
}
