//! A window a round trip, on long ways: every strategy, whatever it sends and when.

use migsim::run::compare::compare;
use migsim::scenario::{Scenario, ScenarioSource};
use migsim::strategy::{Registry, plan};

/// 256 MiB at 10 Gbit/s, and a guest that touches next to nothing.
const QUIET: &str = r#"
[trace]
start = "100 ms"
workload = { kind = "uniform", working_set = "64 MiB", rate = 10, duration = "10 s", zero_fraction = 0.0 }
[vm]
memory = "256 MiB"
core_state = "64 KiB"
[link]
bandwidth = "10 Gbit/s"
"#;

fn scenario(settings: &[&str]) -> Scenario {
    let mut source = ScenarioSource::from_text("quiet", QUIET).expect("a scenario");
    for setting in settings {
        source.set_beside_axes(setting).expect("a key");
    }
    source.scenario().expect("a sound scenario")
}

/// Seconds that each strategy takes to send memory.
fn seconds(settings: &[&str]) -> Vec<(&'static str, f64)> {
    let mut scenario = scenario(settings);
    let registry = Registry::standard();
    let entries = registry.entries().iter();
    let names = entries.filter(|entry| entry.name != plan::ENTRY.name);
    scenario.migration.strategies = names.map(|entry| entry.name.to_owned()).collect();
    let trace = scenario.open_trace().expect("a generated trace");
    let runs = compare(&scenario, &trace, &registry).expect("a sound scenario");
    let runs = runs.into_iter().map(|run| {
        let total = run.metrics.total_migration_time.expect("all is pushed");
        (run.strategy, total.as_secs_f64())
    });
    runs.collect()
}

#[test]
fn every_strategy_sends_a_window_a_round_trip() {
    for (window, latency_ms, round_trips) in [
        ("1 MiB", 50, 256.0),
        ("256 KiB", 10, 1_024.0),
        ("4 MiB", 100, 64.0),
        ("1000 KiB", 20, 262.144),
    ] {
        let settings = [
            format!("destination.receive_buffer={window}"),
            format!("link.latency={latency_ms} ms"),
            "migration.record_window=1 ms".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let expected = 2e-3 * f64::from(latency_ms) * round_trips;
        for (strategy, seconds) in seconds(&settings) {
            // And the rest of the way: a few latencies, and what was written meanwhile.
            let rest = seconds - expected;
            let most = 0.01 * expected + 6e-3 * f64::from(latency_ms);
            assert!(
                (-0.01 * expected..most).contains(&rest),
                "{strategy}, {window}, {latency_ms} ms: {seconds} s, expected {expected} s"
            );
        }
    }
}

/// MiB/s of cloud-hypervisor's pull request 7669 at 100 Gbit/s, MTU 9000. The first is the source of
/// `source.push_service`.
#[test]
fn connections_are_as_fast_as_cloud_hypervisor_s() {
    for (connections, measured) in [(1, 1617.29), (8, 11_502.83)] {
        let memory_mib = 1_024.0;
        let seconds = |bytes: u32| {
            let settings = [
                "link.bandwidth=100 Gbit/s".to_owned(),
                "link.mtu=9000".to_owned(),
                format!("vm.memory={bytes} MiB"),
                format!("link.connections={connections}"),
                "migration.strategies=[\"stop-and-copy\"]".to_owned(),
            ];
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            let scenario = scenario(&settings);
            let trace = scenario.open_trace().expect("a generated trace");
            let runs = compare(&scenario, &trace, &Registry::standard()).expect("a sound scenario");
            let total = runs[0].metrics.total_migration_time.expect("all is sent");
            total.as_secs_f64()
        };
        let throughput = memory_mib / (seconds(2_048) - seconds(1_024));
        assert!(
            (throughput / measured - 1.0).abs() < 0.05,
            "{connections}: {throughput} MiB/s"
        );
    }
}
