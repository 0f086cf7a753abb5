//! What is predicted, and from what.

use super::{HEADER, SCENARIO, cell, desk, validate};
use crate::cli::wrong_inputs::check;

#[test]
fn a_prediction_is_that_of_a_run_with_the_same_settings() {
    let desk = desk();
    let validated = desk.data(&validate(&["--format", "csv"]));
    assert_eq!(cell(&validated, 0, "repetitions"), "2");
    assert_eq!(cell(&validated, 0, "vcpu_blocktime_low"), "0.020000");
    assert_eq!(cell(&validated, 0, "vcpu_blocktime_median"), "0.030000");
    assert_eq!(cell(&validated, 0, "vcpu_blocktime_high"), "0.040000");
    // One of two repetitions has a downtime.
    assert_eq!(cell(&validated, 0, "downtime_low"), "0.006000");
    assert_eq!(cell(&validated, 0, "downtime_high"), "0.006000");
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
    // QEMU does not count the default fault_trap of 20 us and wake of 10 us.
    let blocktime = |run: &str| seconds(run, "stall_s") - 30e-6 * seconds(run, "page_faults");
    near(predicted(0, "vcpu_blocktime"), blocktime(&post_copy));
    near(
        predicted(0, "total_time"),
        seconds(&post_copy, "total_migration_time_s"),
    );
    near(predicted(0, "requests"), seconds(&post_copy, "requests"));
    near(predicted(0, "downtime"), seconds(&post_copy, "downtime_s"));

    // The window lies before the switch position and planning behind it; neither is in the total.
    let fetched = run(
        "pre-record",
        "2 ms",
        &[
            "--set",
            "migration.record_window=2 ms",
            "--set",
            "migration.planning_time=500 us",
            "--set",
            "migration.delivery={ kind = \"destination-fetch\", outstanding = 4 }",
            "--set",
            "link.discipline=fair",
        ],
    );
    near(predicted(1, "vcpu_blocktime"), blocktime(&fetched));
    near(
        predicted(1, "total_time"),
        seconds(&fetched, "total_migration_time_s") - 0.0025,
    );
    near(predicted(1, "requests"), seconds(&fetched, "requests"));
}

#[test]
fn the_delivery_is_the_row_s() {
    let desk = desk();
    let header = HEADER.trim_end();
    let total = |columns: &str, delivery: &str| {
        let row = format!("small,100,1,pre-record,2,4,0,40,30,20,6{delivery}");
        desk.write("way.csv", format!("{header}{columns}\n{row}\n"));
        let csv = desk.data(&[
            "validate",
            "way.csv",
            "--scenario",
            "mirror.toml",
            "--format",
            "csv",
        ]);
        (
            cell(&csv, 0, "delivery"),
            cell(&csv, 0, "total_time_predicted"),
        )
    };
    let beside = total(",delivery", ",destination-fetch");
    let before = total(",delivery", ",fetch-then-push");
    assert_eq!(total("", ""), beside, "as older references have it");
    assert_eq!(before.0, "fetch-then-push");
    assert!(beside.1 != before.1, "{beside:?} {before:?}");
}

#[test]
fn no_plan_takes_forever() {
    let desk = desk();
    let header = HEADER.trim_end();
    for planning in ["NaN", "-1", "1e300"] {
        let row = format!("small,9,0,pre-record,2,4,0,40,30,20,6,{planning}");
        desk.write("slow.csv", format!("{header},planning_ms\n{row}\n"));
        check(
            &desk,
            &["validate", "slow.csv"],
            &["slow.csv:2", "planning_ms: expected nothing, or 0 to"],
        );
    }
}

#[test]
fn deliveries_fit_their_strategies() {
    let desk = desk();
    let header = HEADER.trim_end();
    for (strategy, delivery, says) in [
        (
            "post-copy,0,0",
            "fetch-then-push",
            "delivery: expected source-push",
        ),
        (
            "pre-record,2,4",
            "source-push",
            "delivery: expected destination-fetch or",
        ),
        (
            "pre-record,2,4",
            "by mail",
            "expected one of `source-push`, `destination-fetch`",
        ),
    ] {
        let row = format!("small,9,0,{strategy},0,40,30,20,6,{delivery}");
        desk.write("way.csv", format!("{header},delivery\n{row}\n"));
        check(&desk, &["validate", "way.csv"], &["way.csv:2", says]);
    }
}

/// What post-copy's rows say of planning is no part of their totals; an axis is not set beside its values.
#[test]
fn post_copy_plans_nothing() {
    let desk = desk();
    let header = HEADER.trim_end();
    let total = |planning: &str| {
        let row = format!("small,100,0,post-copy,0,0,0,40,30,20,6,{planning}");
        desk.write("planning.csv", format!("{header},planning_ms\n{row}\n"));
        let csv = [
            "validate",
            "planning.csv",
            "--scenario",
            "mirror.toml",
            "--format",
            "csv",
        ];
        cell(&desk.data(&csv), 0, "total_time_predicted")
    };
    assert_eq!(total("3"), total("0"));
    check(
        &desk,
        &["validate", "planning.csv", "--set", "trace.start=1 s"],
        &["trace.start is on an axis of the sweep"],
    );
}

#[test]
fn the_prediction_is_the_median_over_a_sweep() {
    let desk = desk();
    let predicted = |starts: &str| -> Vec<f64> {
        let sweep = format!("{SCENARIO}[sweep]\n\"trace.start\" = [{starts}]\n");
        desk.write("mirror.toml", sweep);
        let csv = desk.data(&validate(&["--format", "csv"]));
        ["vcpu_blocktime", "total_time", "requests", "downtime"]
            .map(|quantity| cell(&csv, 0, &format!("{quantity}_predicted")))
            .map(|number| number.parse().expect("a number"))
            .to_vec()
    };
    let mut each = ["'3 ms'", "'4 ms'", "'6 ms'"].map(predicted);
    let all = predicted("'6 ms', '3 ms', '4 ms'");
    for (quantity, median) in all.into_iter().enumerate() {
        each.sort_by(|a, b| a[quantity].total_cmp(&b[quantity]));
        assert_eq!(each[1][quantity], median, "{quantity} of {each:?}");
    }
    assert!(each[0] != each[1] && each[1] != each[2], "{each:?}");

    // The axis' values may be others.
    let four = predicted("'4 ms'");
    predicted("'6 ms', '3 ms'");
    let list = "trace.start=['4 ms']";
    let csv = desk.data(&validate(&["--format", "csv", "--set", list]));
    assert_eq!(
        cell(&csv, 0, "vcpu_blocktime_predicted").parse(),
        Ok(four[0])
    );
    let bad = [
        ("trace.start=['4 ms', 7]", "--set: sweep.trace.start"),
        ("trace.start=[]", "--set: sweep.trace.start"),
    ];
    for (list, message) in bad {
        check(&desk, &validate(&["--set", list]), &[message]);
    }

    let many: Vec<String> = (0..1_001).map(|us| format!("'{us} us'")).collect();
    desk.write(
        "mirror.toml",
        format!("[sweep]\n\"trace.start\" = [{}]\n", many.join(", ")),
    );
    check(&desk, &validate(&[]), &["mirror", "at most 1000 points"]);
}

#[test]
fn the_prediction_is_the_median_over_recordings() {
    let desk = desk();
    let predicted = |recordings: &[&str]| -> Vec<f64> {
        for (number, from) in (1..).zip(recordings) {
            let name = match number {
                1 => "small.mtrace".to_owned(),
                _ => format!("small.{number}.mtrace"),
            };
            let slice = ["trace", "slice", "--from", from, "whole.mtrace", &name];
            assert!(desk.run(&slice).status.success());
        }
        let csv = desk.data(&validate(&["--format", "csv"]));
        ["vcpu_blocktime", "total_time", "requests"]
            .map(|quantity| cell(&csv, 0, &format!("{quantity}_predicted")))
            .map(|number| number.parse().expect("a number"))
            .to_vec()
    };
    desk.import("small.csv", "whole.mtrace", "");
    let mut each = ["0", "1 ms", "3 ms"].map(|from| predicted(&[from]));
    let all = predicted(&["3 ms", "0", "1 ms"]);
    for (quantity, median) in all.into_iter().enumerate() {
        each.sort_by(|a, b| a[quantity].total_cmp(&b[quantity]));
        assert_eq!(each[1][quantity], median, "{quantity} of {each:?}");
    }
    assert!(each[0] != each[1] && each[1] != each[2], "{each:?}");
    // A recording that was taken away leaves the others.
    let three = desk.data(&validate(&["--format", "csv"]));
    std::fs::rename(desk.path("small.2.mtrace"), desk.path("small.10.mtrace")).expect("renamed");
    assert_eq!(desk.data(&validate(&["--format", "csv"])), three);
    desk.write("small.2.mtrace", "nothing of the kind");
    check(&desk, &validate(&[]), &["small.2.mtrace", "not a trace"]);
}
