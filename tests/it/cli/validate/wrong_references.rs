//! References that say nothing, or what cannot be.

use super::{HEADER, desk, validate};
use crate::cli::wrong_inputs::check;

#[test]
fn wrong_references_say_where() {
    let desk = desk();
    let wrong = |name: &'static str, rows: &str| {
        desk.write(name, format!("{HEADER}{rows}"));
        name
    };
    let of = |name| ["validate", name, "--scenario", "mirror.toml"];
    let cases: [(&str, &[&str]); 20] = [
        (
            wrong(
                "twice.csv",
                "small,9,0,post-copy,0,0,1,40,30,20,6\nsmall,8,0,post-copy,0,0,1,40,30,20,6\n\
                 small,9,0,post-copy,0,0,1,40,30,20,6\n",
            ),
            &["twice.csv:4: repetition: 1 of this setting is on line 2"],
        ),
        (
            wrong("empty.csv", ""),
            &["empty.csv", "at least one measured migration"],
        ),
        (
            wrong("short.csv", "small,100,0\n"),
            &["short.csv:2", "3 columns, expected the header's 11"],
        ),
        (
            wrong("latin.csv", "sm\u{e4}ll,9,0,post-copy,0,0,0,40,30,20,6\n"),
            &["latin.csv:2", "workload"],
        ),
        (
            wrong("unit.csv", "small,9,0,post-copy,0,0,0,4 ms,30,20,6\n"),
            &["unit.csv:2", "total_time_ms", "expected a number"],
        ),
        (
            wrong("nan.csv", "small,9,0,post-copy,0,0,0,4,30,NaN,6\n"),
            &["nan.csv:2", "vcpu_blocktime_ms", "expected 0 to"],
        ),
        (
            wrong("vast.csv", "small,9,0,post-copy,0,0,0,4,1e300,20,6\n"),
            &["vast.csv:2", "postcopy_requests", "expected 0 to"],
        ),
        (
            wrong("down.csv", "small,9,0,post-copy,0,0,0,4,30,20,-6\n"),
            &["down.csv:2", "downtime_ms"],
        ),
        (
            wrong("ends.csv", "small,9,0,post-copy,0,0,0,40,30,20,41\n"),
            &["ends.csv:2: downtime_ms: expected nothing, or at most total_time_ms"],
        ),
        (
            wrong("unasked.csv", "small,9,0,post-copy,2,4,0,40,30,20,6\n"),
            &["unasked.csv:2", "record_window_ms", "does not record"],
        ),
        (
            wrong("windowless.csv", "small,9,0,pre-record,0,4,0,40,30,20,6\n"),
            &["windowless.csv:2", "record_window_ms: expected 1 to"],
        ),
        (
            wrong("alone.csv", "small,9,0,pre-record,2,0,0,40,30,20,6\n"),
            &["alone.csv:2", "fetch_outstanding"],
        ),
        (
            wrong("rate.csv", "small,0,0,post-copy,0,0,0,40,30,20,6\n"),
            &["rate.csv:2", "link_mbit", "expected 1 to 1000000"],
        ),
        (
            wrong("time.csv", "small,9,0,post-copy,0,0,0,-4,30,20,6\n"),
            &["time.csv:2", "total_time_ms", "expected more than 0"],
        ),
        (
            wrong("word.csv", "small,9,x,post-copy,0,0,0,40,30,20,6\n"),
            &["word.csv:2", "preempt", "expected 0 or 1"],
        ),
        (
            wrong(
                "flood.csv",
                "small,99999999999999999999,0,post-copy,0,0,0,40,30,20,6\n",
            ),
            &["flood.csv:2", "link_mbit", "expected 1 to 1000000"],
        ),
        (
            wrong("path.csv", "../x,9,0,post-copy,0,0,0,40,30,20,6\n"),
            &["path.csv:2", "workload"],
        ),
        (
            wrong("none.csv", "other,9,0,post-copy,0,0,0,40,30,20,6\n"),
            &["none.csv:2: ", "other.mtrace: No such file"],
        ),
        (
            wrong("strategy.csv", "small,9,0,pst-copy,0,0,0,40,30,20,6\n"),
            &["strategy.csv:2: strategy: ", "pst-copy", "expected one of"],
        ),
        (
            wrong("room.csv", "small,9,0,pre-record,9,4,0,40,30,20,6\n"),
            &["room.csv:2: ", "9.00 ms", "trace.start"],
        ),
    ];
    for (name, expected) in cases {
        check(&desk, &of(name), expected);
    }
    check(
        &desk,
        &validate(&["--calibrated", "sort"]),
        &["--calibrated sort"],
    );
    for path in ["drawn", "drawn.png"] {
        check(&desk, &validate(&["--plot", path]), &[path, "ends in .svg"]);
    }
    check(&desk, &["validate", "missing.csv"], &["missing.csv"]);
    desk.write("other.csv", "workload,link_mbit,preempt,total_time_ms\n");
    check(
        &desk,
        &["validate", "other.csv"],
        &["other.csv:1: expected a column postcopy_requests"],
    );
}

/// A misspelt column would silently be at its default; columns of `tools/qemu/migrate` that nothing reads are known.
#[test]
fn unknown_columns_are_said() {
    let desk = desk();
    let said = |extra: &str| {
        let text = format!(
            "workload,link_mbit,preempt,total_time_ms,postcopy_requests,vcpu_blocktime_ms,{extra}\n\
             small,100,0,40,30,20,post-copy\n"
        );
        desk.write("columns.csv", text);
        let output = desk.run(&["validate", "columns.csv", "--scenario", "mirror.toml"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert_eq!(
        said("stratgy"),
        "migsim: columns.csv: the column `stratgy` is not known, and left out; did you mean `strategy`?\n"
    );
    assert_eq!(
        said("host"),
        "migsim: columns.csv: the column `host` is not known, and left out\n"
    );
    assert_eq!(said("strategy"), "");
    assert_eq!(said("foreign_cpu_percent"), "");
}
