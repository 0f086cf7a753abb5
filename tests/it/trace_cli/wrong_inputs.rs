//! What the trace commands refuse, and how they name it.

use super::*;

#[test]
fn bad_rows_are_named() {
    let rows = |rows: &str| format!("time_ns,vcpu,page,op\n{rows}").into_bytes();
    let cases: [(Vec<u8>, &str); 19] = [
        (
            Vec::new(),
            "line 1: expected the header line `time_ns,vcpu,page,op`, found an empty file",
        ),
        (
            b"0,0,7,r\n".to_vec(),
            "line 1: expected the header line `time_ns,vcpu,page,op`, found `0,0,7,r`",
        ),
        (
            rows(""),
            "expected at least one record after the header line",
        ),
        (
            rows("0,0,7,r\n5,0,7\n"),
            "line 3: expected 4 fields (time_ns,vcpu,page,op), found 3",
        ),
        (
            rows("0,0,7,r,w\n"),
            "line 2: expected 4 fields (time_ns,vcpu,page,op), found 5",
        ),
        (
            rows("8,0,7,r\n\n5,0,7,w\n"),
            "line 4: expected times of vCPU 0 in ascending order, found 5 ns after 8 ns",
        ),
        (
            rows("0,65536,7,r\n"),
            "line 2, column 2 (vcpu): expected an integer from 0 to 65535, found `65536`",
        ),
        (rows("0,65535,7,r\n"), "line 2: expected a vCPU up to 65534"),
        (
            rows("0,0,4294967296,r\n"),
            "line 2, column 3 (page): expected an integer from 0 to 4294967295",
        ),
        (
            rows("0,0,4294967295,r\n"),
            "line 2: expected a page up to 1073741823",
        ),
        (
            rows("-1,0,7,r\n"),
            "line 2, column 1 (time_ns): expected an integer",
        ),
        (
            rows("1.5,0,7,r\n"),
            "column 1 (time_ns): expected an integer from 0 to 18446744073709551615, found `1.5`",
        ),
        (
            rows("18446744073709551616,0,7,r\n"),
            "column 1 (time_ns): expected an integer",
        ),
        (
            rows("18446744073709551615,0,7,r\n"),
            "line 2: expected a time below",
        ),
        (
            rows(",0,7,r\n"),
            "column 1 (time_ns): expected an integer from 0 to 18446744073709551615, found ``",
        ),
        (
            rows("0,0,7,q\n"),
            "line 2, column 4 (op): expected one of r, w, x, found `q`",
        ),
        (
            rows("0,0,7,read\n"),
            "column 4 (op): expected one of r, w, x, found `read`",
        ),
        (
            [&rows("")[..], b"0,0,\xff\x1b[2J,r\n"].concat(),
            r"column 3 (page): expected an integer from 0 to 4294967295, found `\xff\x1b[2J`",
        ),
        (
            rows(&"9".repeat(100_000)),
            "line 2: expected a line of less than 65536 bytes",
        ),
    ];
    for (content, message) in cases {
        let dir = with(&[("bad.csv", &content)]);
        let error = fails(dir.path(), "import --from csv bad.csv t.mtrace");
        assert!(
            error.contains("bad.csv: ") && error.contains(message),
            "{message}\n{error}"
        );
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["bad.csv"], "nothing half-written stays");
    }
}

#[test]
fn bad_options_and_files_are_named() {
    let mut cut = gzip(&ROWS.repeat(100));
    cut.truncate(cut.len() / 2);
    let dir = with(&[
        ("a.csv", ROWS.as_bytes()),
        ("cut.gz", &cut),
        ("descending.csv", b"first_page,page_count\n4,3\n1,2\n"),
        ("empty-run.csv", b"first_page,page_count\n4,0\n"),
        ("idle-order.csv", b"vcpu,from_ns,until_ns\n0,5,7\n0,6,9\n"),
        ("idle-empty.csv", b"vcpu,from_ns,until_ns\n0,5,5\n"),
        ("idle-vcpu.csv", b"vcpu,from_ns,until_ns\n65535,0,1\n"),
        ("far.csv", b"first_page,page_count\n4,100\n"),
        ("beyond.csv", b"first_page,page_count\n4,1073741824\n"),
        ("magic.mtrace", b"\x8aMTRACE\n"),
        ("text.mtrace", b"not a trace at all"),
    ]);
    for (arguments, message) in [
        (
            "import --from csv --pages 9 a.csv t.mtrace",
            "a.csv: line 5: expected a page up to 8, found 9",
        ),
        (
            "import --from csv --pages 0 a.csv t.mtrace",
            "invalid value '0'",
        ),
        (
            "import --from csv --page-size 3000 a.csv t.mtrace",
            "--page-size: expected a page size that is a power of two up to 1 GiB",
        ),
        (
            "import --from csv --pages 1073741825 a.csv t.mtrace",
            "--pages: expected at most 2^30 pages, found 1073741825",
        ),
        (
            "import --from csv --zero-pages beyond.csv a.csv t.mtrace",
            "beyond.csv: line 2, column 2 (page_count): expected pages below 1073741824",
        ),
        (
            "import --from csv --ram 0-8TiB a.csv t.mtrace",
            "expected RAM within the first 2^30 pages of 4096 bytes, found `0-8192GiB`",
        ),
        (
            "import --from csv --ram 0-1GiB,5TiB-6TiB a.csv t.mtrace",
            "expected RAM within the first 2^30 pages of 4096 bytes, found `5120GiB-6144GiB`",
        ),
        (
            "import --from userfaultfd --ram 0-8TiB a.csv t.mtrace",
            "expected RAM within the first 2^30 pages of 4096 bytes, found `0-8192GiB`",
        ),
        (
            "import --from csv --ram 0-4096 a.csv t.mtrace",
            "`0-4096` is not a range whose ends have units",
        ),
        (
            "import --from csv magic.mtrace t.mtrace",
            "magic.mtrace: expected a recording, found a trace, which needs no import",
        ),
        (
            "import --from csv --page-size big a.csv t.mtrace",
            "such as \"4 KiB\"",
        ),
        (
            "import --from csv --compaction 1ps a.csv t.mtrace",
            "--compaction",
        ),
        ("import --from tea a.csv t.mtrace", "possible values: csv, "),
        (
            "import --from csv missing.csv t.mtrace",
            "cannot open missing.csv: No such file",
        ),
        ("import --from csv . t.mtrace", "cannot read . at line 1"),
        (
            "import --from csv cut.gz t.mtrace",
            "expected the rest of the compressed recording",
        ),
        (
            "import --from csv a.csv no/such/t.mtrace",
            "cannot write no/such/t.mtrace: No such file",
        ),
        (
            "import --from csv --zero-pages descending.csv a.csv t.mtrace",
            "line 3, column 1 (first_page): expected a page from 7 on",
        ),
        (
            "import --from csv --zero-pages empty-run.csv a.csv t.mtrace",
            "line 2, column 2 (page_count): expected at least 1 page",
        ),
        (
            "import --from csv --zero-pages a.csv a.csv t.mtrace",
            "the header line `first_page,page_count`",
        ),
        (
            "import --from csv --zero-pages far.csv --pages 64 a.csv t.mtrace",
            "--zero-pages: expected zero pages below page 64, found a run up to 103",
        ),
        (
            "import --from csv --idle-spans idle-order.csv a.csv t.mtrace",
            "line 3, column 2 (from_ns): expected vCPU 0 from 7 ns on, or a later vCPU",
        ),
        (
            "import --from csv --idle-spans idle-empty.csv a.csv t.mtrace",
            "line 2, column 3 (until_ns): expected a time after 5 ns",
        ),
        (
            "import --from csv --idle-spans idle-vcpu.csv a.csv t.mtrace",
            "idle-vcpu.csv: line 2, column 1 (vcpu): expected a vCPU up to 65534, found 65535",
        ),
        (
            "import --from csv --idle-spans a.csv a.csv t.mtrace",
            "the header line `vcpu,from_ns,until_ns`",
        ),
        (
            "info missing.mtrace",
            "cannot read missing.mtrace: No such file",
        ),
        ("check text.mtrace", "text.mtrace: not a trace"),
        ("head .", "cannot read .: not a regular file"),
        ("export --to csv text.mtrace -", "text.mtrace: not a trace"),
        (
            "import --from csv a.csv -",
            "-: expected a file's name: this is not written to standard output",
        ),
        ("generate --kind zipf -", "-: expected a file's name"),
        ("slice text.mtrace -", "-: expected a file's name"),
        (
            "export --to csv --zero-pages - text.mtrace t.mtrace",
            "-: expected a file's name",
        ),
        ("generate --kind tea t.mtrace", "unknown variant `tea`"),
        (
            "generate --kind zipf --set stride=3 t.mtrace",
            "stride: expected not to be given",
        ),
        (
            "generate --kind zipf --set kind=sequential t.mtrace",
            "--set kind=sequential: expected another key, as --kind says this",
        ),
        (
            "generate --kind zipf --set seed=18446744073709551615 t.mtrace",
            "--set seed=18446744073709551615: expected an integer of at most 9223372036854775807",
        ),
        (
            "generate --kind zipf --set stride t.mtrace",
            "expected KEY=VALUE",
        ),
        (
            "generate --kind zipf --set speed=3 t.mtrace",
            "unknown field `speed`",
        ),
    ] {
        let error = fails(dir.path(), arguments);
        assert!(error.contains(message), "{arguments}\n{error}");
        assert!(!dir.path().join("t.mtrace").exists(), "{arguments}");
    }
}

#[test]
fn damage_is_reported_by_check() {
    let dir = with(&[("a.csv", ROWS.as_bytes())]);
    ok(dir.path(), "import --from csv a.csv t.mtrace");
    let path = dir.path().join("t.mtrace");
    let mut bytes = fs::read(&path).unwrap();
    bytes[70] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = fails(dir.path(), "check t.mtrace");
    assert!(
        error.contains("t.mtrace: block at byte 40: expected a block with a valid checksum"),
        "{error}"
    );
}

#[test]
fn a_temporary_directory_that_lacks_is_named() {
    let dir = with(&[("a.txt", b" L 1000,4\n")]);
    let output = Command::new(cargo_bin!("migsim"))
        .current_dir(dir.path())
        .env("TMPDIR", "no/such")
        .args(["trace", "import", "--from", "lackey", "a.txt", "t.mtrace"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr
            .contains("cannot keep records in a temporary file in no/such (TMPDIR): No such file"),
        "{stderr}"
    );
}
