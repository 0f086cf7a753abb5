//! What formats cannot hold of a trace is said, with the options that give it back.

use super::*;

fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(cargo_bin!("migsim"))
        .current_dir(directory)
        .arg("trace")
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    stderr
}

fn hash(directory: &Path, trace: &str) -> String {
    let json = ok(directory, &format!("info --format json {trace}"));
    let info: serde_json::Value = serde_json::from_str(&json).unwrap();
    info["content_hash"].to_string()
}

#[test]
fn rows_become_the_same_trace_with_the_options_of_the_note() {
    let dir = with(&[("a.csv", ROWS.as_bytes())]);
    let dir = dir.path();
    let options = ["--page-size", "2 MiB", "--pages", "64"];
    let compaction = ["--compaction", "1 ms"];
    let import = ["import", "--from", "csv"];
    let of = |rows, trace| [&import[..], &options, &compaction, &[rows, trace]].concat();
    said(dir, &of("a.csv", "t.mtrace"));
    let note = said(dir, &["export", "--to", "csv", "t.mtrace", "b.csv"]);
    assert_eq!(
        note,
        "note: the rows do not say all of the trace: import them with \
         --page-size \"2 MiB\" --pages 64 --compaction \"1 ms\"\n"
    );
    said(dir, &of("b.csv", "again.mtrace"));
    assert_eq!(hash(dir, "again.mtrace"), hash(dir, "t.mtrace"));
    // What import assumes is not named.
    ok(dir, "import --from csv a.csv t.mtrace");
    assert_eq!(
        said(dir, &["export", "--to", "csv", "t.mtrace", "b.csv"]),
        ""
    );
}

/// Two vCPUs without accesses, and half a millisecond without any.
#[test]
fn idle_ends_and_vcpus() {
    let idle = b"vcpu,from_ns,until_ns\n3,0,9\n";
    let dir = with(&[("a.csv", ROWS.as_bytes()), ("idle.csv", idle)]);
    let dir = dir.path();
    ok(
        dir,
        "import --from csv --idle-spans idle.csv --compact 2ms a.csv t.mtrace",
    );
    let note = said(dir, &["export", "--to", "csv", "t.mtrace", "b.csv"]);
    assert!(
        note.contains("has 2 more vCPU(s), without accesses"),
        "{note}"
    );
    ok(
        dir,
        "generate --kind uniform --set duration=3ms --set rate=1000 g.mtrace",
    );
    let note = said(dir, &["export", "--to", "csv", "g.mtrace", "b.csv"]);
    assert!(note.contains(" behind its last access"), "{note}");
    if cfg!(feature = "parquet") {
        let beside = "--idle-spans i.csv --zero-pages z.csv";
        for (trace, file) in [("t.mtrace", "t.parquet"), ("g.mtrace", "g.parquet")] {
            ok(dir, &format!("export --to parquet {beside} {trace} {file}"));
            let again = format!("import --from parquet {beside}");
            ok(dir, &format!("{again} {file} again.mtrace"));
            assert_eq!(hash(dir, "again.mtrace"), hash(dir, trace));
        }
        let error = fails(
            dir,
            "import --from parquet --compaction 0 t.parquet o.mtrace",
        );
        assert!(
            error.contains("a compaction epoch in ns of 0 as given, found 2000000"),
            "{error}"
        );
    }
}

/// Of a clock that began long before: perf's, and the same in rows.
#[test]
fn idle_spans_go_by_the_recorders_clock() {
    let faults = "  ls  1/1  4353.431393:  page-faults:     55dac49d15c0\n  \
        ls  1/1  4353.431394:  page-faults:     55dac49d25c0\n";
    let rows = "time_ns,vcpu,page,op\n4353431393000,0,1,r\n4353431394000,0,2,r\n";
    let idle = "vcpu,from_ns,until_ns\n0,4353431393500,4353431393800\n";
    let outside = "vcpu,from_ns,until_ns\n0,7,9\n0,4353431393500,4353431999999\n";
    let dir = with(&[
        ("perf", faults.as_bytes()),
        ("csv", rows.as_bytes()),
        ("idle.csv", idle.as_bytes()),
        ("outside.csv", outside.as_bytes()),
    ]);
    for format in ["perf", "csv"] {
        let import = ["import", "--from", format, "--idle-spans"];
        let of = |idle| [&import[..], &[idle, format, "t.mtrace"]].concat();
        let note = said(dir.path(), &of("idle.csv"));
        assert!(!note.contains("idle spans lie"), "{note}");
        ok(
            dir.path(),
            "export --to csv --idle-spans i.csv t.mtrace b.csv",
        );
        let found = fs::read_to_string(dir.path().join("i.csv")).unwrap();
        assert_eq!(found, "vcpu,from_ns,until_ns\n0,500,800\n", "{format}");
        let note = said(dir.path(), &of("outside.csv"));
        assert!(
            note.contains(
                "2 of 2 idle spans lie outside the recording's time, 4353431393000 ns to 4353431394001 ns"
            ),
            "{note}"
        );
    }
}

#[cfg(unix)]
#[test]
fn standard_input_is_not_written_over() {
    let dir = with(&[("a.csv", ROWS.as_bytes())]);
    let path = dir.path().join("a.csv");
    let output = Command::new(cargo_bin!("migsim"))
        .current_dir(dir.path())
        .args(["trace", "import", "--from", "csv", "-", "a.csv"])
        .stdin(fs::File::open(&path).unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr
            .contains("a.csv: expected a file that is not read too, found the same as /dev/stdin"),
        "{stderr}"
    );
    assert_eq!(fs::read_to_string(path).unwrap(), ROWS);
}

#[test]
fn vcpus_without_accesses_are_named() {
    let rows = |other: u16| format!("time_ns,vcpu,page,op\n0,0,1,r\n5,{other},2,r\n");
    let dir = with(&[
        ("near.csv", rows(1).as_bytes()),
        ("far.csv", rows(12).as_bytes()),
    ]);
    let import = |name| said(dir.path(), &["import", "--from", "csv", name, "t.mtrace"]);
    assert!(!import("near.csv").contains("no accesses"));
    let note = import("far.csv");
    assert!(
        note.contains("11 of 13 vCPUs have no accesses (1, 2, 3, 4, 5, 6, 7, 8, …) and never wait"),
        "{note}"
    );
}
