//! `migsim explain`.

use serde_json::Value;

use super::Desk;

fn objects(desk: &Desk, arguments: &[&str]) -> Vec<Value> {
    let json = desk.data(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&json).expect("an array of objects")
}

fn sum(rows: &[Value], column: &str) -> f64 {
    let numbers = rows.iter().map(|row| row[column].as_f64());
    numbers.map(|number| number.expect("a number")).sum()
}

#[test]
fn parts_and_classes_add_up_to_the_run() {
    let desk = Desk::new();
    for strategy in [
        "post-copy",
        "pre-record+pdopmp",
        "leap",
        "hybrid",
        "pre-copy",
    ] {
        let run = objects(&desk, &["run", "small.toml", "--strategy", strategy]);
        let rows = objects(&desk, &["explain", "small.toml", "--strategy", strategy]);
        let classes: Vec<_> = rows.iter().map(|row| &row["page_class"]).collect();
        assert_eq!(
            classes,
            ["recorded", "predicted", "near-recorded", "unnamed", "zero"]
        );
        for column in [
            "page_faults",
            "network_faults",
            "in_flight_faults",
            "stall_s",
        ] {
            let difference = sum(&rows, column) - sum(&run, column);
            assert!(difference.abs() < 1e-9, "{strategy}: {column}");
        }
        let parts = [
            "request_path_s",
            "demand_wait_s",
            "link_s",
            "in_flight_s",
            "install_wake_s",
        ];
        let total: f64 = parts.iter().map(|column| sum(&rows, column)).sum();
        assert!((total - sum(&run, "stall_s")).abs() < 1e-9, "{strategy}");
    }
}

#[test]
fn an_unknown_strategy_is_refused_with_the_known_ones() {
    let refusal = Desk::new().refusal(&["explain", "small.toml", "--strategy", "magic"]);
    assert!(refusal.contains("unknown strategy `magic`"), "{refusal}");
    assert!(refusal.contains("`stop-and-copy`"), "{refusal}");
}
