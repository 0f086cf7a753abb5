//! `migsim run --timeline` from outside: a valid trace in time order that agrees with the metrics.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

fn number(event: &Value, key: &str) -> f64 {
    event[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} of {event}"))
}

#[test]
fn a_timeline_is_a_trace_of_the_run() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("t.json");
    let output = Command::new(env!("CARGO_BIN_EXE_migsim"))
        .args([
            "run",
            "--strategy",
            "pre-record",
            "--format",
            "json",
            "--timeline",
        ])
        .arg(&file)
        .output()
        .expect("the program runs");
    assert!(output.status.success());
    let rows: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let trace: Value = serde_json::from_slice(&fs::read(&file).expect("the file")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    assert!(events.len() < 150_000);

    let (mut last, mut stall_us, mut faults, mut end) = (0.0, 0.0, 0, 0.0_f64);
    let mut counters: HashMap<String, Vec<f64>> = HashMap::new();
    let mut phases = Vec::new();
    for event in events {
        let name = event["name"].as_str().expect("a name");
        if event["ph"] == "M" {
            continue;
        }
        let time = number(event, "ts");
        assert!(time >= last, "{event} comes after {last}");
        last = time;
        match (event["ph"].as_str(), event["pid"].as_u64()) {
            (Some("X"), Some(1)) => {
                phases.push(name);
                end = end.max(time + number(event, "dur"));
            }
            (Some("X"), Some(2)) => {
                assert_eq!(name, format!("page {}", event["args"]["page"]));
                stall_us += number(event, "dur");
                faults += 1;
            }
            (Some("C"), Some(1)) => {
                let values = event["args"].as_object().expect("a value").values();
                let values = values.map(|value| value.as_f64().expect("a number"));
                counters.entry(name.to_owned()).or_default().extend(values);
            }
            _ => panic!("{event}"),
        }
    }
    assert_eq!(
        phases,
        [
            "record window",
            "switch-over",
            "suspend",
            "core state",
            "latency",
            "push",
            "resume"
        ]
    );
    let metrics = &rows[0];
    assert_eq!(metrics["page_faults"], faults);
    assert!((number(metrics, "stall_s") - stall_us / 1e6).abs() < 1e-9);
    assert!((number(metrics, "total_migration_time_s") - end / 1e6).abs() < 1e-9);
    let installed = &counters["installed"];
    assert!(installed.is_sorted() && installed.len() <= 10_000);
    assert_eq!(installed.last(), Some(&98_304.0));
    assert_eq!(counters["link queue"].last(), Some(&0.0));
    // Payload of a link of 1 Gbit/s.
    assert!(counters["link throughput"].iter().all(|rate| *rate < 1e9));
    assert!(counters["link throughput"].iter().any(|rate| *rate > 9e8));
}
