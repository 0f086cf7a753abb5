//! DAMON's records that contradict themselves.

use super::{error, imported};
use migsim::trace::import::ImportOptions;

const RECORD: &str = "\
base_time_absolute: 10 s
monitoring_start:                0 ns
monitoring_end:            104.599 ms
target_id: 1
nr_regions: 2
1000-3000 (   8.000 KiB)           1     0
4000-5000 (   4.000 KiB)           1     0
";

#[test]
fn records_that_contradict_themselves_are_refused() {
    imported("damon", RECORD.as_bytes(), &ImportOptions::default()).unwrap();
    let numbers = RECORD
        .replace("   8.000 KiB", "8192")
        .replace("104.599 ms", "104,599,000");
    imported("damon", numbers.as_bytes(), &ImportOptions::default()).unwrap();
    let last = "4000-5000 (   4.000 KiB)           1     0\n";
    let later = |from: &str| RECORD.to_owned() + &RECORD.replace(from, "");
    for (text, message) in [
        (
            RECORD.replace("104.599 ms", "104,5 ms"),
            "line 3: expected a time such as",
        ),
        (
            RECORD.replace("104.599 ms", "104.599"),
            "line 3: expected a time such as",
        ),
        (
            later("monitoring_end:            104.599 ms\n"),
            "line 12: expected a `monitoring_end:` after",
        ),
        (
            RECORD.replace(last, ""),
            "line 7: expected as many regions as `nr_regions:` says, found 1 too few",
        ),
        (
            RECORD.replace(last, "") + RECORD,
            "line 7: expected as many regions",
        ),
        (
            RECORD.to_owned() + last,
            "line 8: expected no more regions than",
        ),
        (
            RECORD.replace("   8.000 KiB", " 4 KiB"),
            "line 6: expected a heading, or `start-end (size): count` of that size",
        ),
        // `damo report attrs` has other columns.
        (
            RECORD.replace(
                "nr_regions: 2\n",
                "nr_regions: 2\n# start_addr end_addr length age probe_hits\n",
            ),
            "line 6: expected `nr_accesses` (`damo report access`)",
        ),
    ] {
        let found = error("damon", &text);
        assert!(found.contains(message), "{found}");
    }
    // Leniently, a heading that ends a torn record still begins the next one.
    let torn =
        RECORD.replace(last, "") + &RECORD.replace("0 ns", "200 ms").replace("104.599", "300");
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    let (trace, summary) = imported("damon", torn.as_bytes(), &lenient).unwrap();
    assert_eq!((summary.accesses, summary.skipped), (5, 1), "{summary:?}");
    let times = trace.records().map(|record| record.unwrap().time_ns);
    assert_eq!(times.filter(|time| *time >= 200_000_000).count(), 3);
}

/// 50 GiB that are accessed and 30 GiB that are not: together they fit.
#[test]
fn idle_memory_beside_much_that_is_accessed() {
    let text = "\
base_time_absolute: 10 s
monitoring_start:                0 ns
monitoring_end:            100 ms
target_id: 1
nr_regions: 2
7f0000000000-7f0c80000000 (53687091200)           1     0
7f0c80000000-7f1400000000 (32212254720)           0     0
";
    let options = ImportOptions {
        page_size: Some(2 << 20),
        ..ImportOptions::default()
    };
    let (trace, summary) = imported("damon", text.as_bytes(), &options).unwrap();
    assert_eq!(summary.notes, [""; 0]);
    let zero: u32 = trace.zero_runs().iter().map(|run| run.count).sum();
    assert_eq!(trace.header().pages - zero, 80 << 9);
}
