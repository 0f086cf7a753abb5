//! What a sweep says on standard error beside its rows.

use std::fs;
use std::process::Stdio;

use super::{Desk, GRID};

impl Desk {
    /// Standard error of a run that succeeds.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{arguments:?}: {errors}");
        errors
    }

    /// A trace of 30 ms that is exact every millisecond.
    fn compacted(&self) {
        let rows = (0..300).map(|row| format!("{},0,{},w\n", row * 100_000, row % 64));
        let csv = "time_ns,vcpu,page,op\n".to_owned() + &rows.collect::<String>();
        fs::write(self.path("a.csv"), csv).expect("a writable directory");
        let import = "trace import --from csv --pages 64 --compaction 1ms a.csv a.mtrace";
        self.good(&import.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn notes_on_positions_are_said_once() {
    let desk = Desk::with(
        "[trace]\nfile = \"a.mtrace\"\n[migration]\nrecord_window = \"40 ms\"\npush_while_recording = false\n\
         strategies = [\"post-copy\", \"pre-record\"]\n\
         [sweep]\n\"trace.start\" = [\"2 ms\", \"2.3 ms\"]\nlink.mtu = [1500, 9000]\n",
    );
    desk.compacted();
    let note = "migsim: trace.start is taken as 2.00 ms: the trace is exact only every 1.00 ms";
    let end = "before pre-record suspends the VM; the guest begins it anew then (trace.at_end)";
    for arguments in [
        &["sweep", "grid.toml"][..],
        &["check", "grid.toml", "--bless"],
    ] {
        let said = desk.said(arguments);
        assert_eq!(said.matches(note).count(), 1, "{said}");
        assert_eq!(said.matches(end).count(), 1, "{said}");
    }
    let compare = ["compare", "grid.toml", "--set", "trace.start=2.3 ms"];
    let said = desk.said(&compare);
    assert!(said.contains(note) && said.contains(end), "{said}");
    // Many positions are not named one by one.
    let starts = "trace.start={ from = \"100 us\", to = \"14100 us\", step = \"1 ms\" }";
    let said = desk.said(&["sweep", "grid.toml", "--set", starts]);
    assert_eq!(said.matches("is taken as").count(), 5, "{said}");
    assert!(said.contains("… and such a note for"), "{said}");
}

#[test]
fn failed_rows_are_counted_wherever_rows_are_read() {
    let desk = Desk::with(GRID);
    for shard in ["1/2", "2/2"] {
        let out = format!("part{}.csv", &shard[..1]);
        desk.good(&["sweep", "grid.toml", "--shard", shard, "--out", &out]);
    }
    let parts = ["part1.csv", "part2.csv"];
    let words = "migsim: 24 of 72 rows are of failed runs; the column `error` says why\n";
    let merge = [&["sweep", "merge", "all.csv"], &parts[..]].concat();
    assert_eq!(desk.said(&merge), words);
    let missing = [&["sweep", "missing", "grid.toml"], &parts[..]].concat();
    assert_eq!(desk.said(&missing), words);
    let whole = ["sweep", "grid.toml", "--resume", "--out", "all.csv"];
    let part = [
        &["sweep", "grid.toml", "--resume", "--shard", "1/2"],
        &["--out", "part1.csv"][..],
    ];
    for (resume, failed) in [(&whole[..], 24), (&part.concat()[..], 12)] {
        let said = desk.said(resume);
        let again = format!("{failed} of its rows are of failed runs; without the file");
        assert!(said.contains("is complete already"), "{said}");
        assert!(said.contains(&again), "{said}");
    }
}

#[test]
fn a_sweep_without_a_single_result_leaves_an_earlier_one_as_it_is() {
    let desk =
        Desk::with("[trace]\nfile = \"a.mtrace\"\nstart = 0\n[sweep]\nlink.mtu = [1500, 9000]\n");
    desk.compacted();
    let sweep = ["sweep", "grid.toml", "--out", "rows.csv"];
    desk.good(&sweep);
    let before = desk.read("rows.csv");
    fs::rename(desk.path("a.mtrace"), desk.path("b.mtrace")).expect("a trace");
    let shard = ["sweep", "grid.toml", "--out", "part.csv", "--shard", "1/2"];
    for arguments in [&sweep[..], &shard] {
        let error = desk.bad(arguments);
        assert!(
            error.contains("every run failed, the first with: "),
            "{error}"
        );
        assert!(error.contains("a.mtrace"), "{error}");
    }
    assert_eq!(desk.read("rows.csv"), before);
    let dash = desk.bad(&["sweep", "grid.toml", "--out", "-"]);
    assert!(dash.contains("-: expected a file's name"), "{dash}");
    for file in ["rows.csv.partial", "part.csv", "part.csv.partial"] {
        assert!(!desk.path(file).exists(), "{file}");
    }
}

#[test]
fn unfinished_rows_are_not_drawn() {
    let desk = Desk::with(GRID);
    desk.good(&["sweep", "grid.toml", "--shard", "1/2", "--out", "half.csv"]);
    let draw = |rows: &'static str| ["plot", rows, "--x", "trace.start_s", "--y", "stall_s"];
    desk.good(&draw("half.csv"));
    let half = desk.read("half.csv");
    let lines: Vec<&str> = half.split_inclusive('\n').take(12).collect();
    fs::write(desk.path("cut.csv"), lines.concat()).expect("a writable directory");
    let error = desk.bad(&draw("cut.csv"));
    assert!(
        error.contains("cut.csv: 10 rows of an unfinished sweep, expected 36"),
        "{error}"
    );
}

#[test]
fn shards_with_other_columns_or_none_are_refused() {
    let desk = Desk::with(GRID);
    for shard in ["1/2", "2/2"] {
        let out = format!("part{}.csv", &shard[..1]);
        desk.good(&["sweep", "grid.toml", "--shard", shard, "--out", &out]);
    }
    let renamed = desk.read("part2.csv").replacen(",stall_s,", ",stall,", 1);
    fs::write(desk.path("other.csv"), renamed).expect("a writable directory");
    let error = desk.bad(&["sweep", "merge", "all.csv", "part1.csv", "other.csv"]);
    assert!(
        error.contains("other.csv:2: column ")
            && error.contains("is `stall`, expected `stall_s` as in part1.csv"),
        "{error}"
    );
    let merge = ["sweep", "merge", "all.csv", "part1.csv", "/dev/stdin"];
    let mut child = desk.command(&merge);
    let child = child.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let output = child.and_then(std::process::Child::wait_with_output);
    let output = output.expect("the program runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("/dev/stdin: expected a regular file"),
        "{error}"
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(!desk.path("all.csv").exists());
}

#[test]
fn names_of_other_formats_are_refused() {
    let desk = Desk::with(GRID);
    for name in ["rows.json", "rows.parquet", "rows.SVG", "rows.csv.gz"] {
        let error = desk.bad(&["sweep", "grid.toml", "--out", name]);
        assert!(
            error.contains(&format!("{name}: expected a name for CSV")),
            "{error}"
        );
        let error = desk.bad(&["sweep", "merge", name, "part.csv"]);
        assert!(error.contains("expected a name for CSV"), "{error}");
    }
}
