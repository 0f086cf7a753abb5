//! `migsim trace` from outside.

mod given_back;
mod wrong_inputs;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

const ROWS: &str =
    "time_ns,vcpu,page,op\n0,0,7,r\n0,0,7,w\n10,1,3,x\n1500000,0,9,r\n1500000,1,9,r\n";
const ZERO: &str = "first_page,page_count\n1,2\n4,3\n";
const IDLE: &str = "vcpu,from_ns,until_ns\n0,10,20\n0,20,1000\n1,0,5\n2,0,1500001\n";

fn migsim(directory: &Path, arguments: &str) -> Output {
    let arguments = arguments.split_whitespace();
    Command::new(cargo_bin!("migsim"))
        .current_dir(directory)
        .arg("trace")
        .args(arguments)
        .output()
        .unwrap()
}

fn ok(directory: &Path, arguments: &str) -> String {
    let output = migsim(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn fails(directory: &Path, arguments: &str) -> String {
    let output = migsim(directory, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments}");
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

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn csv_goes_in_and_out_unchanged() {
    let zstd = zstd::bulk::compress(ROWS.as_bytes(), 1).unwrap();
    // Compression is told by content, whatever the name says.
    let dir = with(&[
        ("plain.csv", ROWS.as_bytes()),
        ("zstd.csv", &zstd),
        ("gzip.csv", &gzip(ROWS)),
        (
            "windows.csv",
            format!("\u{feff}{}", ROWS.replace('\n', "\r\n")).as_bytes(),
        ),
        ("unterminated.csv", ROWS.trim_end().as_bytes()),
        ("zero.csv", ZERO.as_bytes()),
        ("idle.csv", IDLE.as_bytes()),
    ]);
    for name in ["plain", "zstd", "gzip", "windows", "unterminated"] {
        ok(
            dir.path(),
            &format!(
                "import --from csv --zero-pages zero.csv --idle-spans idle.csv {name}.csv t.mtrace"
            ),
        );
        assert!(ok(dir.path(), "check t.mtrace").contains("ok: it is not compacted\n"));
        assert_eq!(
            ok(
                dir.path(),
                "export --to csv --zero-pages z.csv --idle-spans i.csv t.mtrace -"
            ),
            ROWS,
            "{name}"
        );
        assert_eq!(fs::read_to_string(dir.path().join("i.csv")).unwrap(), IDLE);
        assert_eq!(fs::read_to_string(dir.path().join("z.csv")).unwrap(), ZERO);
        ok(dir.path(), "export --to csv t.mtrace out.csv");
        assert_eq!(
            fs::read_to_string(dir.path().join("out.csv")).unwrap(),
            ROWS
        );
    }
    assert_eq!(
        ok(dir.path(), "head -n 2 t.mtrace"),
        "time_ns,vcpu,page,op\n0,0,7,r\n0,0,7,w\n"
    );
}

#[test]
fn standard_input_is_a_recording_too() {
    let dir = with(&[]);
    let mut child = Command::new(cargo_bin!("migsim"))
        .current_dir(dir.path())
        .args(["trace", "import", "--from", "csv", "-", "t.mtrace"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&gzip(ROWS)).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(ok(dir.path(), "export --to csv t.mtrace -"), ROWS);
}

/// Without a clock a long recording makes a trace of a moment.
#[test]
fn times_that_no_clock_told_are_said() {
    let dir = with(&[("a.txt", b" L 1000,4\n L 2000,4\n")]);
    let note = |arguments: &str| {
        let output = migsim(dir.path(), arguments);
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).contains("has no clock")
    };
    assert!(note("import --from lackey a.txt t.mtrace"));
    assert!(!note(
        "import --from lackey --time-per-record 1us a.txt t.mtrace"
    ));
}

#[test]
fn rows_need_order_only_within_a_vcpu() {
    let dir = with(&[(
        "a.csv",
        b"time_ns,vcpu,page,op\n5,1,1,r\n9,1,2,w\n\n 0, 0, 3, r\n7,0,4,x\n",
    )]);
    ok(dir.path(), "import --from csv a.csv t.mtrace");
    let sorted = "time_ns,vcpu,page,op\n0,0,3,r\n5,1,1,r\n7,0,4,x\n9,1,2,w\n";
    assert_eq!(ok(dir.path(), "export --to csv t.mtrace -"), sorted);
}

#[test]
fn info_tells_what_a_trace_holds() {
    let dir = with(&[("a.csv", ROWS.as_bytes()), ("zero.csv", ZERO.as_bytes())]);
    let output = Command::new(cargo_bin!("migsim"))
        .current_dir(dir.path())
        .args([
            "trace",
            "import",
            "--from",
            "csv",
            "--pages",
            "64",
            "--page-size",
            "2 MiB",
        ])
        .args(["--compaction", "1 ms", "--zero-pages", "zero.csv"])
        .args(["--provenance", "made by hand", "a.csv", "t.mtrace"])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    let json = ok(dir.path(), "info --format json t.mtrace");
    let info: serde_json::Value = serde_json::from_str(&json).unwrap();
    for (key, value) in [
        ("vcpus", 2.into()),
        ("pages", 64.into()),
        ("page_size_bytes", (2 << 20).into()),
        ("duration_s", 0.002.into()),
        ("records", 5.into()),
        ("reads", 3.into()),
        ("writes", 1.into()),
        ("executes", 1.into()),
        ("touched_pages", 3.into()),
        ("written_pages", 1.into()),
        ("zero_pages", 5.into()),
        ("compaction_s", 0.001.into()),
        ("provenance", serde_json::Value::from("made by hand")),
    ] {
        assert_eq!(info[key], value, "{key}");
    }
    let table = ok(dir.path(), "info t.mtrace");
    assert!(
        table.contains("64 of 2.0 MiB (128.0 MiB)") && table.contains("made by hand"),
        "{table}"
    );
    // Without --pages, the highest page tells.
    ok(dir.path(), "import --from csv a.csv t.mtrace");
    assert!(ok(dir.path(), "info --format json t.mtrace").contains("\"pages\": 10,"));
}

#[test]
fn generated_traces_are_the_same_every_time() {
    let dir = with(&[]);
    let arguments = "generate --kind zipf --memory 16MiB --set duration=20ms --set working_set=1MiB --set vcpus=2";
    ok(dir.path(), &format!("{arguments} a.mtrace"));
    ok(dir.path(), &format!("{arguments} b.mtrace"));
    ok(dir.path(), "check a.mtrace");
    let read = |name| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.mtrace"), read("b.mtrace"));
}

#[test]
fn a_reader_that_closes_its_pipe_is_no_error() {
    let dir = with(&[]);
    ok(
        dir.path(),
        "generate --kind uniform --set duration=2s t.mtrace",
    );
    let mut child = Command::new(cargo_bin!("migsim"))
        .current_dir(dir.path())
        .args(["trace", "export", "--to", "csv", "t.mtrace", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}

#[cfg(unix)]
#[test]
fn devices_are_written_to_and_files_are_readable_by_others() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let dir = with(&[("a.csv", ROWS.as_bytes())]);
    ok(dir.path(), "import --from csv a.csv t.mtrace");
    let created = fs::metadata(dir.path().join("a.csv"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        fs::metadata(dir.path().join("t.mtrace"))
            .unwrap()
            .permissions()
            .mode(),
        created
    );
    ok(dir.path(), "export --to csv t.mtrace /dev/null");
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn the_shipped_recordings_are_whole_and_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut recordings = 0;
    for entry in std::fs::read_dir(root.join("traces")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "mtrace")
        {
            let held = ok(root, &format!("check {}", path.display()));
            assert!(held.contains("ok: the content has the hash "), "{held}");
            assert!(path.metadata().unwrap().len() <= 2_000_000, "{path:?}");
            recordings += 1;
        }
    }
    assert!(recordings >= 10);
}
