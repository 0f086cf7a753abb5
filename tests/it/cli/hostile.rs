//! Scenarios that nobody would write: whatever is set, it is refused or it runs; nothing panics.

use migsim::run::compare::compare;
use migsim::scenario::ScenarioSource;
use migsim::scenario::keys::keys;
use migsim::strategy::Registry;
use migsim::trace::{Op, Record, Trace, TraceHeader, TraceWriter};
use proptest::prelude::*;

/// All keys, and some that are none. Not `trace.at_end`, as a trace that wraps around in a window of days is a lot of
/// work and no mistake; and not `plan.file`, which is read only when all keys are set.
fn names() -> Vec<String> {
    let none = [
        "trace.workload",
        "link",
        "a.b.c.d",
        "vm.memory.unit",
        "\"quoted\"",
        "",
    ];
    keys()
        .into_iter()
        .map(|key| key.name)
        .filter(|name| !["trace.at_end", "plan.file"].contains(&name.as_str()))
        .chain(none.map(str::to_owned))
        .collect()
}

/// Values that some key takes, near its limits, or none.
const VALUES: [&str; 66] = [
    "0",
    "1",
    "-1",
    "2",
    "67",
    "68",
    "99",
    "100",
    "101",
    "1500",
    "4096",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "0.5",
    "1e-6",
    "1e6",
    "1e300",
    "-0.0",
    "nan",
    "inf",
    "true",
    "false",
    "[]",
    "[[]]",
    "{}",
    "[\"post-copy\"]",
    "[\"clairvoyant\", \"clairvoyant\"]",
    "\"\"",
    "\"\\u0000\"",
    "0 s",
    "1 ns",
    "1 us",
    "1.5 ms",
    "1 s",
    "1 h",
    "720 h",
    "1e-9 ns",
    "0 B",
    "1 B",
    "4 KiB",
    "8 KiB",
    "2 MiB",
    "64 MiB",
    "1 GiB",
    "1 TiB",
    "8 EiB",
    "16 EiB",
    "1 bit/s",
    "1 kbit/s",
    "999 Gbit/s",
    "18446744 Tbit/s",
    "idle",
    "none",
    "bubble",
    "fair",
    "vm",
    "synchronous",
    "frequency",
    "zipf",
    "\u{1f980}=",
];

/// 16 pages, 2 vCPUs, a touch every 100 us.
fn tiny() -> Trace {
    let header = TraceHeader {
        page_size: 4_096,
        pages: 16,
        ram: Vec::new(),
        vcpus: 2,
        tick_ns: 1,
        compaction_ns: 0,
        provenance: String::new(),
    };
    let mut writer = TraceWriter::new(Vec::new(), header, Vec::new()).expect("a valid header");
    for step in 0..60 {
        let record = Record {
            time_ns: step * 100_000,
            vcpu: (step % 2) as u16,
            page: (step * step % 16) as u32,
            op: if step % 5 == 0 { Op::Write } else { Op::Read },
        };
        writer.push(record).expect("a valid record");
    }
    let bytes = writer.finish(None).expect("in memory");
    Trace::from_bytes("tiny", bytes.into()).expect("a trace that was just written")
}

fn assignment() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        12 => prop::sample::select(&VALUES[..]).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|value| value.to_string()),
        1 => any::<f64>().prop_map(|value| value.to_string()),
        1 => ".{0,12}",
    ];
    (prop::sample::select(names()), value).prop_map(|(key, value)| format!("{key}={value}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(assignments in prop::collection::vec(assignment(), 1..80)) {
        let mut source = ScenarioSource::embedded();
        for base in ["trace.start=0", "trace.at_end=idle", "migration.record_window=2 ms"] {
            source.set(base).expect("a good setting");
        }
        for assignment in &assignments {
            if let Err(error) = source.set(assignment) {
                prop_assert!(error.to_string().contains("--set"), "{}", error);
            }
        }
        // Settings that are good alone may not go together.
        if let Err(error) = source.scenario() {
            prop_assert!(error.to_string().contains("--set"), "{}", error);
        } else if let Ok(scenario) = source.scenario() {
            let memory = scenario.vm.memory.map_or(0, |size| size.0);
            let host_page = scenario.vm.host_page.map_or(4_096, |size| size.0.max(1));
            // Millions of pages are a lot of work, and no mistake.
            prop_assume!(!(1 << 14..=1 << 30).contains(&memory.div_ceil(host_page)));
            match compare(&scenario, &tiny(), &Registry::standard()) {
                Ok(runs) => prop_assert_eq!(runs.len(), scenario.migration.strategies.len()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
