//! `migsim validate`.

use super::Desk;
use super::wrong_inputs::check;

const HEADER: &str = "workload,link_mbit,preempt,strategy,record_window_ms,fetch_outstanding,repetition,\
                      total_time_ms,postcopy_requests,vcpu_blocktime_ms\n";
const SCENARIO: &str = "[trace]\nstart = \"4 ms\"\n";

/// A desk with a reference of two repetitions of post-copy and one of a plan that was fetched.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("mirror.toml", SCENARIO);
    desk.write(
        "reference.csv",
        format!(
            "{HEADER}small,100,0,post-copy,0,0,0,40,30,20\nsmall,100,0,post-copy,0,0,1,60,50,40\n\
             small,100,1,pre-record,2,4,0,50,30,20\n"
        ),
    );
    desk
}

const VALIDATE: [&str; 4] = ["validate", "reference.csv", "--scenario", "mirror.toml"];

fn validate<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&VALIDATE[..], options].concat()
}

/// One cell of a CSV.
fn cell(csv: &str, row: usize, column: &str) -> String {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let place = reader
        .headers()
        .expect("a header")
        .iter()
        .position(|name| name == column);
    let record = reader.records().nth(row).expect("a row").expect("sound");
    record[place.expect("the column")].to_owned()
}

#[test]
fn a_prediction_is_that_of_a_run_with_the_same_settings() {
    let desk = desk();
    let validated = desk.data(&validate(&["--format", "csv"]));
    assert_eq!(cell(&validated, 0, "repetitions"), "2");
    assert_eq!(cell(&validated, 0, "blocktime_low"), "0.020000");
    assert_eq!(cell(&validated, 0, "blocktime_median"), "0.030000");
    assert_eq!(cell(&validated, 0, "blocktime_high"), "0.040000");
    let run = |strategy: &str, start: &str, settings: &[&str]| {
        let start = format!("trace.start={start}");
        let common = [
            "run",
            "mirror.toml",
            "--trace",
            "small.mtrace",
            "--strategy",
            strategy,
        ];
        let own = [
            "--format",
            "csv",
            "--set",
            "link.bandwidth=100 Mbit/s",
            "--set",
            &start,
        ];
        desk.data(&[&common[..], &own, settings].concat())
    };
    let seconds =
        |csv: &str, column: &str| -> f64 { cell(csv, 0, column).parse().expect("a number") };
    let predicted = |row: usize, quantity: &str| -> f64 {
        cell(&validated, row, &format!("{quantity}_predicted"))
            .parse()
            .expect("a number")
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");

    let post_copy = run("post-copy", "4 ms", &[]);
    near(predicted(0, "blocktime"), seconds(&post_copy, "stall_s"));
    near(
        predicted(0, "total_time"),
        seconds(&post_copy, "total_migration_time_s"),
    );
    near(predicted(0, "requests"), seconds(&post_copy, "requests"));

    // The window lies before the switch position, and is not in the total.
    let fetched = run(
        "pre-record",
        "2 ms",
        &[
            "--set",
            "migration.record_window=2 ms",
            "--set",
            "migration.delivery=destination-fetch",
            "--set",
            "migration.fetch_outstanding=4",
            "--set",
            "link.discipline=fair",
        ],
    );
    near(predicted(1, "blocktime"), seconds(&fetched, "stall_s"));
    near(
        predicted(1, "total_time"),
        seconds(&fetched, "total_migration_time_s") - 0.002,
    );
    near(predicted(1, "requests"), seconds(&fetched, "requests"));
}

#[test]
fn it_prints_a_table_and_draws() {
    let desk = desk();
    let table = desk.data(&validate(&["--calibrated", "small", "--plots", "drawn"]));
    assert!(
        table.contains("calibrated on") && !table.contains("held out"),
        "{table}"
    );
    for name in ["total-time", "blocktime", "requests"] {
        let svg =
            std::fs::read_to_string(desk.path(&format!("drawn/{name}.svg"))).expect("a figure");
        assert!(svg.contains("postcopy-preempt on"));
        assert!(desk.path(&format!("drawn/{name}.png")).exists());
    }
}

#[test]
fn the_same_bytes_twice() {
    let desk = desk();
    let one = desk.data(&validate(&["--format", "json"]));
    assert_eq!(one, desk.data(&validate(&["--format", "json"])));
}

#[test]
fn wrong_references_say_where() {
    let desk = desk();
    let wrong = |name: &'static str, rows: &str| {
        desk.write(name, format!("{HEADER}{rows}"));
        name
    };
    let of = |name| ["validate", name, "--scenario", "mirror.toml"];
    let cases: [(&str, &[&str]); 9] = [
        (
            wrong("empty.csv", ""),
            &["empty.csv", "at least one measured migration"],
        ),
        (wrong("short.csv", "small,100,0\n"), &["short.csv"]),
        (
            wrong("rate.csv", "small,0,0,post-copy,0,0,0,40,30,20\n"),
            &["rate.csv:2", "link_mbit", "expected 1 to 1000000"],
        ),
        (
            wrong("time.csv", "small,9,0,post-copy,0,0,0,-4,30,20\n"),
            &["time.csv:2", "total_time_ms", "expected more than 0"],
        ),
        (
            wrong("word.csv", "small,9,x,post-copy,0,0,0,4,30,20\n"),
            &["word.csv:2", "preempt"],
        ),
        (
            wrong("path.csv", "../x,9,0,post-copy,0,0,0,4,30,20\n"),
            &["path.csv:2", "workload"],
        ),
        (
            wrong("none.csv", "other,9,0,post-copy,0,0,0,4,30,20\n"),
            &["other.mtrace"],
        ),
        (
            wrong("strategy.csv", "small,9,0,pst-copy,0,0,0,4,30,20\n"),
            &["pst-copy", "expected one of"],
        ),
        (
            wrong("room.csv", "small,9,0,pre-record,9,4,0,4,30,20\n"),
            &["small", "9.00 ms", "trace.start"],
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
    check(&desk, &["validate", "missing.csv"], &["missing.csv"]);
}
