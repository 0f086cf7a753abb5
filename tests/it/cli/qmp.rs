//! `migsim run --format qmp`.

use serde_json::Value;

use super::Desk;

fn run(desk: &Desk, strategy: &str, options: &[&str]) -> (Value, Value) {
    let of = |format| {
        let common = ["run", "small.toml", "--strategy", strategy];
        let text = desk.data(&[&common[..], &["--format", format], options].concat());
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    (of("qmp"), of("json")[0].take())
}

fn ms(row: &Value, column: &str) -> u64 {
    (row[column].as_f64().expect(column) * 1e3).floor() as u64
}

/// What QEMU's words mean is what the columns of the other formats have.
#[test]
fn it_says_what_the_metrics_say() {
    let desk = Desk::new();
    let slow = [
        "--set",
        "link.bandwidth=10 Mbit/s",
        "--set",
        "destination.wake=5 ms",
    ];
    for strategy in ["post-copy", "pre-record", "pre-copy", "hybrid", "leap"] {
        let (info, row) = run(&desk, strategy, &slow);
        assert_eq!(info["status"], "completed");
        assert_eq!(info["total-time"], ms(&row, "total_migration_time_s"));
        assert_eq!(info["downtime"], ms(&row, "downtime_s"));
        let ram = &info["ram"];
        assert_eq!(ram["normal"], row["pages_sent"]);
        assert_eq!(ram["duplicate"], row["zero_pages_sent"]);
        assert_eq!(ram["postcopy-requests"], row["requests"]);
        assert_eq!(
            (&ram["total"], &ram["remaining"]),
            (&(64 * 4096).into(), &0.into())
        );
        assert!(ram["transferred"].as_u64() < row["bytes_sent"].as_u64());
        let blocked = info["postcopy-vcpu-blocktime"].as_array().expect("a list");
        let sum: u64 = blocked.iter().filter_map(Value::as_u64).sum();
        // Each of the two vCPUs is rounded down, and QEMU counts neither the trap of 20 us nor the wake of 5 ms.
        let faults = row["page_faults"].as_f64().expect("a number");
        let counted = ms(&row, "stall_s") as f64 - 5.02 * faults;
        assert!(
            blocked.len() == 2 && (counted - sum as f64).abs() < 3.0,
            "{counted} {info}"
        );
    }
}

/// QEMU counts its target's pages, whatever the host's are, and those that are zero stay zero.
#[test]
fn huge_pages_are_counted_as_4_kib() {
    let desk = Desk::new();
    let workload = "trace.workload={ kind = \"uniform\", rate = 1000, duration = \"3 s\", \
                    working_set = \"1 MiB\", zero_fraction = 0.5 }";
    let ram = |host_page| {
        let fixed = [
            "run",
            "--strategy",
            "post-copy",
            "--format",
            "qmp",
            "--set",
            workload,
        ];
        let chosen = ["--set", "vm.memory=15 MiB", "--set", host_page];
        let text = desk.data(&[&fixed[..], &chosen].concat());
        let mut info: Value = serde_json::from_str(&text).expect("JSON");
        info["ram"]
            .as_object_mut()
            .expect("an object")
            .remove("postcopy-requests");
        info["ram"].take()
    };
    let small = ram("vm.host_page=4 KiB");
    assert!(small["duplicate"].as_u64() > Some(1_000), "{small}");
    assert_eq!(small["total"], 15 << 20);
    assert_eq!(ram("vm.host_page=2 MiB"), small);
    assert_eq!(ram("vm.host_page=1 GiB"), small);
}

#[test]
fn a_fault_that_blocks_the_vm_blocks_every_vcpu() {
    let desk = Desk::new();
    let options = [
        "--set",
        "link.bandwidth=10 Mbit/s",
        "--set",
        "destination.fault_blocks=vm",
    ];
    let (info, row) = run(&desk, "post-copy", &options);
    let blocked = info["postcopy-blocktime"].as_u64().expect("a time");
    assert!(blocked > 0 && blocked <= ms(&row, "all_vcpus_blocked_s"));
    assert_eq!(
        info["postcopy-vcpu-blocktime"],
        serde_json::json!([blocked, blocked])
    );
}

#[test]
fn what_never_ends_is_still_active() {
    let desk = Desk::new();
    let (info, _) = run(&desk, "post-copy", &["--set", "source.push=none"]);
    assert_eq!(info["status"], "postcopy-active");
    assert!(info.get("total-time").is_none());
    let left = info["ram"]["remaining"].as_u64().expect("a size");
    assert_eq!(
        left + info["ram"]["normal-bytes"].as_u64().expect("a size"),
        64 * 4096
    );
}

#[test]
fn only_a_single_run_has_it() {
    let refusal = Desk::new().refusal(&["compare", "--format", "qmp"]);
    assert!(refusal.contains("table, csv, json"), "{refusal}");
}
