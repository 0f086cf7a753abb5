//! `migsim calibrate`.

use std::fs;

use super::Desk;
use super::wrong_inputs::check;

const HEADER: &str =
    "workload,link_mbit,preempt,total_time_ms,postcopy_requests,vcpu_blocktime_ms\n";

const INSTALL: &str =
    "destination.install={ from = \"10 us\", to = \"160 us\", step = 2, scale = \"log\" }";
const BUFFER: &str =
    "source.send_buffer={ from = \"8 KiB\", to = \"128 KiB\", step = 2, scale = \"log\" }";
/// It means nothing to post-copy.
const LIMIT: &str =
    "migration.downtime_limit={ from = \"75 ms\", to = \"600 ms\", step = 2, scale = \"log\" }";
const KEYS: &str = "destination.install,source.send_buffer,migration.downtime_limit";

/// A desk whose reference is what the simulator itself predicts with other values of two keys, for two workloads.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::copy(desk.path("small.mtrace"), desk.path("other.mtrace")).expect("a copy");
    desk.write("start.toml", "[trace]\nstart = \"4 ms\"\n");
    desk.write(
        "truth.toml",
        "extends = \"start.toml\"\n[destination]\ninstall = \"80 us\"\n[source]\nsend_buffer = \"32 KiB\"\n",
    );
    let settings = |row: &dyn Fn(&str, u32, u8) -> String| -> String {
        let mut rows = HEADER.to_owned();
        for workload in ["small", "other"] {
            for (rate, preempt) in [(100, 0), (100, 1), (1_000, 0)] {
                rows += &row(workload, rate, preempt);
            }
        }
        rows
    };
    let unknown = |workload: &str, rate, preempt| format!("{workload},{rate},{preempt},1,1,1\n");
    desk.write("unknown.csv", settings(&unknown));
    let predict = "validate unknown.csv --scenario truth.toml --format csv";
    let predicted = desk.data(&predict.split(' ').collect::<Vec<_>>());
    let mut reader = csv::Reader::from_reader(predicted.as_bytes());
    let headers = reader.headers().expect("a header").clone();
    let mut reference = HEADER.to_owned();
    for record in reader.records() {
        let record = record.expect("sound");
        let number = |name: &str| -> f64 {
            let place = headers.iter().position(|header| header == name);
            record[place.expect("a column")].parse().expect("a number")
        };
        let ms = |name: &str| number(name) * 1e3;
        reference += &format!(
            "{},{},{},{},{},{}\n",
            &record[0],
            number("link_mbit"),
            number("preempt"),
            ms("total_time_predicted"),
            number("requests_predicted"),
            ms("vcpu_blocktime_predicted")
        );
    }
    desk.write("reference.csv", reference);
    desk
}

fn calibrate<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let common = [
        "calibrate",
        "reference.csv",
        "--on",
        "small",
        "--scenario",
        "start.toml",
        "--out",
        "found.toml",
    ];
    [&common, options].concat()
}

fn three_keys<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let keys = [
        "--keys", KEYS, "--range", INSTALL, "--range", BUFFER, "--range", LIMIT,
    ];
    calibrate(&[&keys, options].concat())
}

#[test]
fn values_are_found_again_and_hold_for_other_workloads() {
    let desk = desk();
    let table = desk.data(&three_keys(&[]));
    let line = |text: &str, words: &str| -> String {
        let found = text.lines().find(|line| line.contains(words));
        found
            .unwrap_or_else(|| panic!("{words}\n{text}"))
            .to_owned()
    };
    assert!(
        line(&table, "destination.install").contains("80.0 us"),
        "{table}"
    );
    assert!(
        line(&table, "source.send_buffer").contains("32.0 KiB"),
        "{table}"
    );
    let limit = line(&table, "migration.downtime_limit");
    assert!(
        limit.contains("75.0 ms to 600 ms") && limit.ends_with("no"),
        "{limit}"
    );

    let profile = fs::read_to_string(desk.path("found.toml")).expect("a profile");
    assert!(line(&profile, "total time, without a plan, held out").starts_with('#'));
    assert!(
        line(&profile, "downtime_limit =").contains("not determined"),
        "{profile}"
    );
    assert!(profile.contains("extends = \"start.toml\""), "{profile}");
    // As a scenario it predicts both workloads as they were measured.
    let check = [
        "validate",
        "reference.csv",
        "--scenario",
        "found.toml",
        "--check",
    ];
    desk.data(&check);
    let goals = desk.run(&[
        "validate",
        "reference.csv",
        "--scenario",
        "start.toml",
        "--check",
    ]);
    assert_eq!(goals.status.code(), Some(1), "the start does not");
}

#[test]
fn a_list_means_its_values() {
    let desk = desk();
    // The right one is between them, and the scenario's own is not among them.
    let list = "destination.install=[\"40 us\", \"160 us\"]";
    let arguments = ["--keys", "destination.install", "--range", list];
    desk.data(&calibrate(&arguments));
    let profile = fs::read_to_string(desk.path("found.toml")).expect("a profile");
    let line = profile.lines().find(|line| line.starts_with("install"));
    let line = line.unwrap_or_else(|| panic!("{profile}"));
    assert!(
        line.contains("\"40 us\"") || line.contains("\"160 us\""),
        "{line}"
    );
}

#[test]
fn a_value_at_its_bound_is_said_to_be() {
    let desk = desk();
    // The right one, 80 us, is beyond the range.
    let range =
        "destination.install={ from = \"5 us\", to = \"40 us\", step = 2, scale = \"log\" }";
    let arguments = ["--keys", "destination.install", "--range", range];
    let table = desk.data(&calibrate(&arguments));
    assert!(
        table.contains("40.0 us") && table.contains("at its bound"),
        "{table}"
    );
    let profile = fs::read_to_string(desk.path("found.toml")).expect("a profile");
    assert!(
        profile.contains("# at the end of what was tried"),
        "{profile}"
    );
}

#[test]
fn the_result_depends_on_nothing_but_the_input() {
    let desk = desk();
    let of = |threads: &str| {
        let run = desk
            .command(&three_keys(&[]))
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .expect("the binary starts");
        let profile = fs::read(desk.path("found.toml")).expect("a profile");
        (run.stdout, profile)
    };
    assert_eq!(of("1"), of("3"));
}

/// What was set by hand is in the profile, which extends the scenario from wherever it is.
#[test]
fn the_profile_holds_what_was_set() {
    let desk = desk();
    fs::create_dir(desk.path("made")).expect("a folder");
    let set = [
        "--set",
        "vm.resume=7 ms",
        "--set",
        "trace.start=4100 us",
        "--out",
        "made/p.toml",
    ];
    let mut arguments = three_keys(&set);
    arguments.retain(|word| !["found.toml"].contains(word));
    let first_out = arguments
        .iter()
        .position(|word| *word == "--out")
        .expect("there");
    arguments.remove(first_out);
    desk.data(&arguments);
    let shown = desk.data(&["scenario", "made/p.toml"]);
    for line in [
        "vm.resume = 7 ms",
        "trace.start = 4100 us",
        "destination.install = ",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let profile = fs::read_to_string(desk.path("made/p.toml")).expect("a profile");
    assert!(profile.contains("extends = \"../start.toml\""), "{profile}");
}

#[test]
fn wrong_arguments_are_refused_and_leave_nothing() {
    let desk = desk();
    let before = desk.files();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--on", "none"], &["--on none", "reference.csv"]),
        (
            &["--keys", "destination.instal"],
            &["destination.instal", "destination.install?"],
        ),
        (&["--keys", "vm.resume"], &["vm.resume", "bounds"]),
        (&["--keys", "vm.resume,vm.resume"], &["vm.resume", "once"]),
        (
            &["--range", "vm.resume"],
            &["--range vm.resume", "KEY=VALUES"],
        ),
        (
            &["--range", "vm.resume=4 ms"],
            &["vm.resume", "a list or a range"],
        ),
        (
            &["--range", "vm.resume=[\"4 m\"]"],
            &["migsim: --range vm.resume: ", "4 m"],
        ),
        (&["--scenario", "found.toml"], &["found.toml"]),
        (&["--set", "link.speed=1"], &["speed"]),
        (&["--out", "nowhere/p.toml"], &["nowhere/p.toml"]),
        (&["--out", "reference.csv"], &["reference.csv"]),
        (&["--traces", "nowhere"], &["nowhere/small.mtrace"]),
    ];
    for (options, expected) in cases {
        let mut arguments = vec!["calibrate", "reference.csv"];
        for (option, value) in [
            ("--on", "small"),
            ("--scenario", "start.toml"),
            ("--out", "found.toml"),
        ] {
            if !options.contains(&option) {
                arguments.extend([option, value]);
            }
        }
        check(&desk, &[&arguments, *options].concat(), expected);
    }
    assert_eq!(desk.files(), before);
}
