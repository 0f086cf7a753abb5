//! `migsim trace` from outside: importers, info, slice and Parquet on the command line.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

fn migsim(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(cargo_bin!("migsim"))
        .current_dir(directory)
        .arg("trace")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Standard output and standard error.
fn ok(directory: &Path, arguments: &[&str]) -> (String, String) {
    let output = migsim(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

fn fails(directory: &Path, arguments: &[&str]) -> String {
    let output = migsim(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn with(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

const LACKEY: &[u8] = b"==7== Lackey\nI  00401000,4\nhello\n S 00403ffc,8\n L 00401000,4\n";

#[test]
fn what_was_skipped_is_said() {
    let dir = with(&[("a.txt", LACKEY)]);
    let error = fails(
        dir.path(),
        &["import", "--from", "lackey", "a.txt", "t.mtrace"],
    );
    assert!(
        error.contains("a.txt: line 3: expected `I`, `L`, `S` or `M`"),
        "{error}"
    );
    assert!(!dir.path().join("t.mtrace").exists());
    let lenient = [
        "import",
        "--from",
        "lackey",
        "--lenient",
        "--time-per-record",
        "1 us",
        "a.txt",
        "t.mtrace",
    ];
    let (stdout, stderr) = ok(dir.path(), &lenient);
    assert!(
        stdout.is_empty() && stderr.starts_with("skipped 1: a.txt: line 3: expected"),
        "{stderr}"
    );
    let (rows, _) = ok(dir.path(), &["export", "--to", "csv", "t.mtrace", "-"]);
    assert_eq!(
        rows,
        "time_ns,vcpu,page,op\n0,0,1,x\n1000,0,3,w\n1000,0,4,w\n2000,0,1,r\n"
    );
}

#[test]
fn options_of_an_import() {
    let dir = with(&[
        ("a.txt", b" L 1000,4\n L 1008,4\n S 1000,4\n"),
        ("z.csv", b"first_page,page_count\n0,1\n"),
    ]);
    let (_, stderr) = ok(
        dir.path(),
        &[
            "import",
            "--from",
            "lackey",
            "--compact",
            "1 ms",
            "--addresses",
            "physical",
            "--zero-pages",
            "z.csv",
            "--pages",
            "8",
            "a.txt",
            "t.mtrace",
        ],
    );
    assert_eq!(
        stderr,
        "note: the format has no clock: its records are 1 ns apart; `--time-per-record` says otherwise\n\
         t.mtrace: 2 records in 1.00 ms, 1 vCPU(s), 8 pages of 4.0 KiB\n"
    );
    let (held, _) = ok(dir.path(), &["check", "t.mtrace"]);
    assert!(
        held.contains("ok: it holds a page's first access"),
        "{held}"
    );
    for (arguments, message) in [
        (&["--compact", "5 ps"][..], "--compact"),
        (
            &["--zero-pages", "z.csv"],
            "no zero pages with virtual addresses",
        ),
        (&["--pages", "1"], "at least 512 pages"),
        (
            &["--compaction", "3 ms", "--compact", "4 ms"],
            "a multiple of the 3000000 ns",
        ),
    ] {
        let all = [
            &["import", "--from", "lackey"],
            arguments,
            &["a.txt", "x.mtrace"],
        ]
        .concat();
        let error = fails(dir.path(), &all);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn info_shows_curves_and_a_plot() {
    let rows = b"time_ns,vcpu,page,op\n0,0,0,r\n10,1,0,w\n20,0,1,r\n30,0,63,w\n39,0,63,x\n";
    let dir = with(&[("a.csv", rows)]);
    ok(
        dir.path(),
        &["import", "--from", "csv", "a.csv", "t.mtrace"],
    );
    let (json, _) = ok(
        dir.path(),
        &["info", "--format", "json", "--window", "20 ns", "t.mtrace"],
    );
    let info: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(info["working_set_pages"], serde_json::json!([1, 2]));
    assert_eq!(info["dirty_set_pages"], serde_json::json!([1, 1]));
    assert_eq!(info["dirty_pages_per_s"], 5e7);
    assert_eq!(info["part_records"][63], 2);
    // A window that is longer than the trace covers no more than the trace.
    let (json, _) = ok(
        dir.path(),
        &["info", "--format", "json", "--window", "1 s", "t.mtrace"],
    );
    let info: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(info["dirty_set_pages"], serde_json::json!([2]));
    assert_eq!(info["dirty_pages_per_s"], 5e7);
    let (table, _) = ok(
        dir.path(),
        &["info", "--window", "20 ns", "--plot", "t.svg", "t.mtrace"],
    );
    assert!(
        table.contains("working set              mean 6.0 KiB, largest 8.0 KiB in 20.0 ns"),
        "{table}"
    );
    assert!(table.contains("                         ▄█\n"), "{table}");
    let svg = fs::read_to_string(dir.path().join("t.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("working set") && svg.contains("address in MiB")
    );
    let error = fails(dir.path(), &["info", "--window", "0", "t.mtrace"]);
    assert!(
        error.contains("--window: expected a length above 0"),
        "{error}"
    );
    ok(
        dir.path(),
        &[
            "import",
            "--from",
            "csv",
            "--compaction",
            "1 ms",
            "a.csv",
            "t.mtrace",
        ],
    );
    let error = fails(dir.path(), &["info", "--window", "20 ns", "t.mtrace"]);
    assert!(
        error.contains("--window: expected a multiple of the trace's compaction epoch of 1.00 ms"),
        "{error}"
    );
    let (held, _) = ok(dir.path(), &["check", "t.mtrace"]);
    assert!(held.ends_with("ok: it holds a page's first access, first write and first fetch in each epoch of 1.00 ms, and no more\n"), "{held}");
}

#[test]
fn slices() {
    let rows = b"time_ns,vcpu,page,op\n0,0,0,r\n1000,1,2,w\n2000,1,3,x\n2500,0,4,r\n3000,1,5,r\n";
    let dir = with(&[("a.csv", rows), ("z.csv", b"first_page,page_count\n1,3\n")]);
    ok(
        dir.path(),
        &[
            "import",
            "--from",
            "csv",
            "--zero-pages",
            "z.csv",
            "a.csv",
            "t.mtrace",
        ],
    );
    ok(
        dir.path(),
        &[
            "slice", "--from", "2 us", "--to", "3 us", "--vcpus", "1,0", "t.mtrace", "s.mtrace",
        ],
    );
    let (rows, _) = ok(
        dir.path(),
        &[
            "export",
            "--to",
            "csv",
            "--zero-pages",
            "s.csv",
            "s.mtrace",
            "-",
        ],
    );
    assert_eq!(rows, "time_ns,vcpu,page,op\n0,0,3,x\n500,1,4,r\n");
    let zero = fs::read_to_string(dir.path().join("s.csv")).unwrap();
    assert_eq!(zero, "first_page,page_count\n1,1\n3,1\n");
    let error = fails(
        dir.path(),
        &["slice", "--from", "4 us", "t.mtrace", "x.mtrace"],
    );
    assert!(
        error.contains("t.mtrace: header: expected a slice that ends behind its beginning and within the trace's 3.00 us"),
        "{error}"
    );
    assert!(!dir.path().join("x.mtrace").exists());
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_and_back() {
    let rows = "time_ns,vcpu,page,op\n0,0,7,r\n0,0,7,w\n10,1,3,x\n1500000,0,9,r\n1500000,1,9,r\n";
    let dir = with(&[("a.csv", rows.as_bytes()), ("bad.parquet", b"PAR1 no PAR1")]);
    ok(
        dir.path(),
        &["import", "--from", "csv", "a.csv", "t.mtrace"],
    );
    ok(
        dir.path(),
        &["export", "--to", "parquet", "t.mtrace", "t.parquet"],
    );
    ok(
        dir.path(),
        &["import", "--from", "parquet", "t.parquet", "u.mtrace"],
    );
    ok(dir.path(), &["export", "--to", "csv", "u.mtrace", "u.csv"]);
    assert_eq!(fs::read_to_string(dir.path().join("u.csv")).unwrap(), rows);
    assert_eq!(
        fs::read(dir.path().join("t.mtrace")).unwrap(),
        fs::read(dir.path().join("u.mtrace")).unwrap()
    );
    let error = fails(
        dir.path(),
        &["import", "--from", "parquet", "bad.parquet", "x.mtrace"],
    );
    assert!(
        error.contains("bad.parquet: expected a whole Parquet file"),
        "{error}"
    );
}
