//! A window a round trip, on long ways: every strategy, whatever it sends and when.

use migsim::run::compare::compare;
use migsim::scenario::{Scenario, ScenarioSource};
use migsim::strategy::{Registry, plan};

/// 256 MiB at 10 Gbit/s, and a guest that touches next to nothing.
const QUIET: &str = r#"
[trace]
start = "100 ms"
workload = { kind = "uniform", working_set = "64 MiB", rate = 10, duration = "10 s", zero_fraction = 0.0, write_fraction = 0.0 }
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
    for (page, window, latency_ms, round_trips) in [
        ("4 KiB", "1 MiB", 50, 256.0),
        ("4 KiB", "256 KiB", 10, 1_024.0),
        ("4 KiB", "4 MiB", 100, 64.0),
        ("4 KiB", "1000 KiB", 20, 262.144),
        ("4 KiB", "1 KiB", 1, 262_144.0),
        // Larger than the window, or a large part of it.
        ("2 MiB", "1 MiB", 50, 256.0),
        ("2 MiB", "3 MiB", 50, 256.0 / 3.0),
        ("64 MiB", "1000 KiB", 20, 262.144),
    ] {
        let settings = [
            format!("vm.page_size={page}"),
            format!("destination.receive_buffer={window}"),
            format!("link.latency={latency_ms} ms"),
            "migration.record_window=1 ms".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let expected = 2e-3 * f64::from(latency_ms) * round_trips;
        for (strategy, seconds) in seconds(&settings) {
            // And the rest of the way: a few latencies.
            let rest = seconds - expected;
            let most = 0.01 * expected + 6e-3 * f64::from(latency_ms);
            assert!(
                (-0.01 * expected..most).contains(&rest),
                "{strategy}, {page}, {window}, {latency_ms} ms: {seconds} s, expected {expected} s"
            );
        }
    }
}

/// MiB/s of stop-and-copy, between so many MiB of memory and twice as many.
fn throughput(settings: &[&str], mib: u32) -> f64 {
    let seconds = |mib: u32| {
        let memory = format!("vm.memory={mib} MiB");
        let mut settings = settings.to_vec();
        settings.extend([memory.as_str(), "migration.strategies=[\"stop-and-copy\"]"]);
        let scenario = scenario(&settings);
        let trace = scenario.open_trace().expect("a generated trace");
        let runs = compare(&scenario, &trace, &Registry::standard()).expect("a sound scenario");
        let total = runs[0].metrics.total_migration_time.expect("all is sent");
        total.as_secs_f64()
    };
    f64::from(mib) / (seconds(2 * mib) - seconds(mib))
}

/// MiB/s of cloud-hypervisor's pull request 7669 at 100 Gbit/s, MTU 9000. The first is the source of
/// `source.push_service`.
#[test]
fn connections_are_as_fast_as_cloud_hypervisor_s() {
    for (connections, measured) in [(1, 1617.29), (8, 11_502.83)] {
        let connections = format!("link.connections={connections}");
        let settings = ["link.bandwidth=100 Gbit/s", "link.mtu=9000", &connections];
        let throughput = throughput(&settings, 1_024);
        assert!(
            (throughput / measured - 1.0).abs() < 0.05,
            "{connections}: {throughput} MiB/s"
        );
    }
}

/// Of 1,448 bytes and 50 ms each way, with a packet lost of 10,000.
#[test]
fn each_connection_has_in_flight_what_losses_allow() {
    let packets: f64 = (3.0_f64 / 2e-4).sqrt();
    for connections in [1, 8] {
        // A page that finds room passes whole.
        let pages = (packets * 1_448.0 / 4_104.0).ceil();
        let expected = f64::from(connections) * pages * 4_096.0 / f64::from(1 << 20) / 0.1;
        let settings = [
            "link.latency=50 ms",
            "link.loss={ per_million = 100, congestion_control = \"reno\" }",
            &format!("link.connections={connections}"),
        ];
        // Some hundred windows of each.
        let throughput = throughput(&settings, 64 * connections);
        assert!(
            (throughput / expected - 1.0).abs() < 0.01,
            "{connections}: {throughput} MiB/s, expected {expected}"
        );
    }
}
