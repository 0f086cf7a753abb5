//! What works.

use std::collections::BTreeMap;
use std::fs;

use migsim::run::columns::{IDENTIFYING, METRICS};
use serde_json::Value;

use super::{Desk, SMALL_SCENARIO};

/// What identifies a row, then the metrics.
fn columns() -> Vec<&'static str> {
    let identifying = IDENTIFYING.iter().map(|(name, _)| *name);
    identifying
        .chain(METRICS.iter().map(|column| column.name))
        .collect()
}

const STRATEGIES: [&str; 7] = [
    "post-copy",
    "pre-record",
    "pre-record+pdopmp",
    "pre-copy",
    "hybrid",
    "hybrid+pre-record",
    "clairvoyant",
];

type Row = BTreeMap<String, String>;

/// The rows of a CSV report, whose columns have to be those of every report.
pub(super) fn csv_rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().expect("a header line").clone();
    assert_eq!(columns, self::columns());
    let row = |record: csv::StringRecord| {
        let cells = columns.iter().zip(&record);
        cells.map(|(c, v)| (c.to_owned(), v.to_owned())).collect()
    };
    reader
        .records()
        .map(|record| row(record.expect("a row")))
        .collect()
}

fn column<'a>(rows: &'a [Row], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

#[test]
fn without_arguments_it_prints_help() {
    let help = Desk::new().data(&[]);
    assert!(help.contains("Usage: migsim"), "{help}");
    for command in ["compare", "run", "trace"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
}

#[test]
fn csv_has_every_column() {
    let desk = Desk::new();
    let rows = csv_rows(&desk.data(&["compare", "small.toml", "--format", "csv"]));
    assert_eq!(column(&rows, "strategy"), STRATEGIES);
    for row in &rows {
        assert_eq!(row["scenario"], "small");
        assert_eq!(row["trace"], "small");
        assert_eq!(row["trace_hash"].len(), 16);
        assert_eq!(row["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(row["seed"], "", "a recording has none");
        let number = |column: &str| row[column].parse::<f64>().expect(column);
        let faults = number("network_faults") + number("in_flight_faults");
        assert_eq!(number("page_faults"), faults);
        let sent = number("pages_sent") + number("zero_pages_sent");
        assert_eq!(sent - number("duplicate_pages_sent"), 64.0);
        for positive in ["total_migration_time_s", "downtime_s", "bytes_sent"] {
            assert!(number(positive) > 0.0, "{positive}");
        }
    }
    assert_eq!(rows[0]["gap_closed"], "0.000000");
    let closed: f64 = rows[6]["gap_closed"].parse().expect("a share");
    assert!((0.9..=1.0).contains(&closed), "{closed}");
    // A synthetic workload has a seed.
    let workload = "trace.workload={kind=\"uniform\",seed=7,duration=\"2 s\"}";
    let small = ["--set", "vm.memory=1 MiB", "--set", "trace.start=0"];
    let synthetic = ["compare", "--format", "csv", "--set", workload];
    let rows = csv_rows(&desk.data(&[&synthetic[..], &small].concat()));
    assert_eq!(column(&rows, "seed"), ["7"; 7]);
}

#[test]
fn json_holds_what_csv_does() {
    let desk = Desk::new();
    for command in [
        &["compare", "small.toml"][..],
        &["run", "small.toml", "--strategy", "pre-record"],
    ] {
        let rows = csv_rows(&desk.data(&[command, &["--format", "csv"]].concat()));
        let json = desk.data(&[command, &["--format", "json"]].concat());
        let objects: Vec<serde_json::Map<String, Value>> =
            serde_json::from_str(&json).expect("an array of objects");
        assert_eq!(objects.len(), rows.len());
        for (object, row) in objects.iter().zip(&rows) {
            assert!(object.keys().eq(&columns()), "{object:?}");
            for (column, value) in object {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    number => number.to_string(),
                };
                assert_eq!(text, row[column], "{column}");
            }
        }
    }
}

#[test]
fn what_did_not_converge_is_said() {
    let desk = Desk::new();
    let workload = "trace.workload={kind=\"sequential\",working_set=\"600 KiB\",rate=200000,write_fraction=1.0}";
    let busy = [
        "--set",
        "vm.memory=1 MiB",
        "--set",
        "trace.start=0",
        "--set",
        workload,
    ];
    let limit = ["--set", "migration.downtime_limit=1 ms"];
    let pre_copy = ["compare", "--strategies", "pre-copy,hybrid"];
    let table = desk.data(&[&pre_copy[..], &busy, &limit].concat());
    let table = in_one_line(&table);
    assert!(
        table.contains("- pre-copy does not converge: after 30 rounds at a dirty rate of "),
        "{table}"
    );
    assert!(table.contains("the downtime limit is 1.00 ms."), "{table}");
    assert!(!table.contains("hybrid does not converge"), "{table}");
    assert!(
        table.contains("- Post-copy pays: pre-copy interrupts the guest for "),
        "{table}"
    );
    // Rows say so, too.
    let csv = desk.data(&[&pre_copy[..], &busy, &limit, &["--format", "csv"]].concat());
    let rows = csv_rows(&csv);
    assert_eq!(column(&rows, "rounds"), ["30", "1"]);
    assert_eq!(column(&rows, "converged"), ["false", ""]);
    let expected = column(&rows, "expected_downtime_s");
    assert!(expected[0].parse::<f64>().is_ok_and(|time| time > 0.0));
    let table = desk.data(&[&pre_copy[..], &busy].concat());
    let table = in_one_line(&table);
    assert!(table.contains("- pre-copy converges: after "), "{table}");
    assert!(table.contains("- Pre-copy keeps that limit: "), "{table}");
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn blocked_time_is_a_column_where_it_is_not_the_stall() {
    let desk = Desk::new();
    let two = desk.data(&["compare", "small.toml"]);
    assert!(
        two.contains("2 vCPUs") && two.contains("all vCPUs"),
        "{two}"
    );
    let small = ["--set", "vm.memory=1 MiB", "--set", "trace.start=0"];
    let workload = [
        "--set",
        "trace.workload={kind=\"uniform\",vcpus=2,duration=\"2 s\"}",
    ];
    let two = desk.data(&[&["compare"], &small[..], &workload].concat());
    assert!(two.contains("all vCPUs"), "{two}");
}

#[test]
fn tables_are_for_people() {
    let desk = Desk::new();
    let table = desk.data(&["compare", "small.toml"]);
    for part in [
        "network",
        "content hash",
        "against post-copy",
        "time scale 1",
        "%",
    ] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    for strategy in STRATEGIES {
        assert!(table.contains(&format!("\n {strategy} ")), "{table}");
    }
    let details = desk.data(&["run", "small.toml", "--strategy", "post-copy"]);
    assert!(details.contains("post-copy"), "{details}");
    assert!(!details.contains("clairvoyant"), "{details}");
    // No terminal, no colours; and none with NO_COLOR, whatever it is set to.
    assert!(!table.contains('\x1b'), "{table:?}");
    let mut plain = desk.command(&["compare", "small.toml"]);
    let plain = plain.env("NO_COLOR", "1").output();
    let plain = plain.expect("the binary starts").stdout;
    assert_eq!(String::from_utf8_lossy(&plain), table);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let desk = Desk::new();
    for format in ["table", "csv", "json"] {
        let arguments = ["compare", "small.toml", "--format", format];
        let first = desk.data(&arguments);
        for threads in ["1", "2", "7"] {
            let mut command = desk.command(&arguments);
            let again = command.env("RAYON_NUM_THREADS", threads).output();
            let again = again.expect("the binary starts").stdout;
            let same = again == first.as_bytes();
            assert!(same, "{format} with {threads} threads");
        }
    }
}

#[test]
fn keys_are_set_one_by_one() {
    let desk = Desk::new();
    let compare = |settings: &[&str]| {
        let mut arguments = vec!["compare", "small.toml", "--format", "csv"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        desk.data(&arguments)
    };
    let total = |csv: &str| csv_rows(csv)[0]["total_migration_time_s"].clone();
    let plain = compare(&[]);
    let slow = compare(&["link.bandwidth=100 Mbit/s"]);
    assert_ne!(total(&plain), total(&slow));
    // As TOML has it, or without its quotes; the last one counts.
    assert_eq!(slow, compare(&["link.bandwidth = \"100 Mbit/s\""]));
    let twice = ["link.bandwidth=1 Mbit/s", "link.bandwidth=100 Mbit/s"];
    assert_eq!(slow, compare(&twice));
    // As if the scenario said so.
    desk.write(
        "small.toml",
        format!("{SMALL_SCENARIO}[link]\nbandwidth = \"100 Mbit/s\"\n"),
    );
    assert_eq!(slow, compare(&[]));
}

#[test]
fn a_trace_and_strategies_can_be_given() {
    let desk = Desk::new();
    desk.write(
        "other.csv",
        "time_ns,vcpu,page,op\n0,0,5,r\n1001000,0,7,r\n9000000,0,6,w\n",
    );
    desk.import("other.csv", "other.mtrace", "");
    let chosen = ["--strategies", "clairvoyant,post-copy"];
    let given = [&["compare", "small.toml", "--format", "csv"], &chosen[..]].concat();
    let own = csv_rows(&desk.data(&given));
    assert_eq!(column(&own, "strategy"), ["clairvoyant", "post-copy"]);
    let other = csv_rows(&desk.data(&[&given[..], &["--trace", "other.mtrace"]].concat()));
    assert_ne!(own[0]["trace_hash"], other[0]["trace_hash"]);
    assert_eq!(other[0]["trace"], "other");
    // A scenario's trace lies beside the scenario, wherever it is used.
    fs::create_dir(desk.path("elsewhere")).expect("a new directory");
    let mut from_elsewhere = desk.command(&["compare", "../small.toml", "--format", "csv"]);
    let output = from_elsewhere
        .current_dir(desk.path("elsewhere"))
        .output()
        .expect("the binary starts");
    let rows = csv_rows(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(rows[0]["trace_hash"], own[0]["trace_hash"]);
}

#[test]
fn completions_know_commands_strategies_and_keys() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.data(&["completions", shell]);
        for name in [
            "compare",
            "pre-record+pdopmp",
            "link.bandwidth=",
            "network_faults",
            "link.latency_s",
        ] {
            assert!(script.contains(name), "{shell}: {name}");
        }
        assert_eq!(script.contains("qemu-7.2"), shell == "bash");
    }
}

#[test]
fn a_trace_that_ends_before_the_vm_is_suspended_is_said() {
    let desk = Desk::new();
    let with = |setting: &str| {
        let strategies = [
            "compare",
            "small.toml",
            "--strategies",
            "post-copy,pre-record",
        ];
        let idle = ["--set", "migration.push_while_recording=false"];
        let output = desk.run(&[&strategies[..], &idle, &["--set", setting]].concat());
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(with("migration.record_window=20 ms").contains("the guest begins it anew"));
    assert_eq!(with("migration.record_window=1 ms"), "");
}

#[test]
fn each_command_has_a_man_page() {
    let desk = Desk::new();
    desk.data(&["man", "pages"]);
    for page in [
        "migsim",
        "migsim-compare",
        "migsim-trace-import",
        "migsim-sweep-merge",
    ] {
        let path = desk.path("pages").join(page).with_extension("1");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text.contains(&format!(".TH {page} 1")), "{page}: {text}");
    }
}
