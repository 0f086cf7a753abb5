//! A bandwidth that changes, as users write it, rightly and wrongly.

use std::fmt::Write;

use super::Desk;
use super::wrong_inputs::check;

/// Standard output of a run that succeeds.
fn data(desk: &Desk, arguments: &[&str]) -> String {
    let output = desk.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

const STEPS: &str = "link.steps=[{ at = \"10 ms\", bandwidth = \"50 Mbit/s\" }]";

#[test]
fn a_file_of_steps_is_the_same_as_a_list() {
    let desk = Desk::new();
    desk.write("steps.csv", "time_s,bandwidth_bits_per_s\n0.01,50000000\n");
    let columns = |steps: &str| {
        let arguments = ["compare", "small.toml", "--format", "csv", "--set", steps];
        let rows = data(&desk, &arguments);
        let mut reader = csv::Reader::from_reader(rows.as_bytes());
        let headers = reader.headers().expect("a header").clone();
        let place = |name: &str| headers.iter().position(|header| header == name);
        let (hash, time) = (place("scenario_hash"), place("total_migration_time_s"));
        let cells = |row: csv::StringRecord| [hash, time].map(|at| row[at.expect("it")].to_owned());
        let rows = reader.records().map(|row| cells(row.expect("a row")));
        rows.collect::<Vec<_>>()
    };
    let listed = columns(STEPS);
    assert_eq!(columns("link.steps=steps.csv"), listed);
    assert_ne!(columns("link.steps=[]"), listed);
}

#[test]
fn a_bandwidth_may_change_thousands_of_times() {
    let desk = Desk::new();
    let mut file = "time_s,bandwidth_bits_per_s\n".to_owned();
    for step in 0..20_000u32 {
        let bits = 10_000_000 + step % 7 * 1_000_000;
        writeln!(file, "{}.{:06},{bits}", step / 1_000, step % 1_000 * 1_000).expect("in memory");
    }
    desk.write("steps.csv", file);
    let often = ["compare", "small.toml", "--set", "link.steps=steps.csv"];
    assert!(data(&desk, &often).contains("which changes"));
}

#[test]
fn seeds_are_an_axis() {
    let desk = Desk::new();
    desk.write(
        "loaded.toml",
        "extends = \"small.toml\"\n[link.background]\nmean_percent = 30\nperiod = \"1 ms\"\nseed = 0\n\
         [sweep]\nlink.background.seed = [1, 2]\n",
    );
    let rows = data(&desk, &["sweep", "loaded.toml"]);
    assert!(rows.contains("link.background.seed"), "{rows}");
    assert!(rows.contains("seed = 2"), "{rows}");
}

#[test]
fn what_makes_no_sense_is_refused_at_its_place() {
    let desk = Desk::new();
    desk.write("descends.csv", "time_s,bandwidth_bits_per_s\n2,9\n1,9\n");
    desk.write("heading.csv", "seconds,bits\n1,9\n");
    desk.write("zero.csv", "time_s,bandwidth_bits_per_s\n1,0\n");
    desk.write(
        "file.toml",
        "extends = \"small.toml\"\n[link]\nsteps = \"zero.csv\"\n",
    );
    check(
        &desk,
        &["compare", "file.toml"],
        &["file.toml:3: link.steps: zero.csv: line 2: expected seconds"],
    );
    let step = |at: &str, bandwidth: &str| {
        format!("link.steps=[{{ at = \"{at}\", bandwidth = \"{bandwidth}\" }}]")
    };
    let outages = |list: &[(&str, &str)]| {
        let one = |(at, duration): &(&str, &str)| {
            format!("{{ at = \"{at}\", duration = \"{duration}\" }}")
        };
        let list: Vec<_> = list.iter().map(one).collect();
        format!("link.outages=[{}]", list.join(", "))
    };
    let load = |keys: &str| format!("link.background={{ {keys}, seed = 1 }}");
    for (set, expected) in [
        ("link.steps=none.csv".to_owned(), "none.csv: No such file"),
        (
            "link.steps=descends.csv".to_owned(),
            "descends.csv: line 3: 1.00 s does not follow 2.00 s",
        ),
        (
            "link.steps=heading.csv".to_owned(),
            "line 1: expected the header time_s,bandwidth_bits_per_s",
        ),
        (
            "link.steps=5".to_owned(),
            "expected a list of steps such as",
        ),
        (step("1 s", "0 bit/s"), "is not a bandwidth"),
        (step("9999 h", "1 Gbit/s"), "9999 h"),
        (outages(&[("1 s", "0 s")]), "outage 1: expected a duration"),
        (
            outages(&[("1 s", "2 s"), ("2 s", "1 s")]),
            "outage 2: 2.00 s is not behind the end of the one before, 3.00 s",
        ),
        (outages(&[("1 s", "9999 h")]), "`9999 h` is not a duration"),
        (
            load("mean_percent = 100, period = \"1 ms\""),
            "link.background.mean_percent: expected 1 to 99",
        ),
        (
            load("mean_percent = 9, period = \"1 us\""),
            "link.background.period: expected at least 100 us",
        ),
        (load("mean_percent = 9"), "missing field `period`"),
        (
            "link.recovery={ timeout = 0, reconnect = 0 }".to_owned(),
            "link.recovery.timeout: expected more than 0",
        ),
    ] {
        check(
            &desk,
            &["compare", "small.toml", "--set", &set],
            &[expected],
        );
    }
    let slow = ["--set", "link.bandwidth=1 kbit/s"];
    let loaded = load("mean_percent = 9, period = \"1 ms\"");
    let arguments = [&["compare", "small.toml", "--set", &loaded][..], &slow].concat();
    check(&desk, &arguments, &["expected a link of at least 1 Mbit/s"]);
    // The end of time is one.
    let late = ["compare", "small.toml", "--set", &step("700 h", "1 bit/s")];
    data(&desk, &late);
}
