//! Files of rows that are not as a sweep left them: what comes out is the uninterrupted sweep's file, or a refusal.

use std::fs;

use migsim::run::sweep::{Shard, Sweep};
use migsim::scenario::ScenarioSource;
use migsim::strategy::Registry;

use super::Desk;

/// 6 points of 2 rows.
const GRID: &str = r#"
[trace]
start = "100 ms"
workload = { kind = "zipf", rate = 2000, duration = "200 ms", working_set = "256 KiB" }
[vm]
memory = "512 KiB"
[migration]
record_window = "10 ms"
strategies = ["post-copy", "pre-record"]
[sweep]
"link.latency" = ["1 us", "10 ms", "20 ms"]
"link.bandwidth" = ["200 Mbit/s", "1 Gbit/s"]
"#;

/// What may happen to a file whose first two lines are its manifest and its header.
fn damages(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let with = |order: &[usize]| -> Vec<u8> {
        order
            .iter()
            .map(|&line| lines[line])
            .collect::<String>()
            .into_bytes()
    };
    let all: Vec<usize> = (0..lines.len()).collect();
    let last = lines.len() - 1;
    let mut torn = text.as_bytes().to_vec();
    let middle = text.len() / 2;
    torn[middle..middle + 64].fill(0);
    let mut moved = text.as_bytes().to_vec();
    let (from, to) = (text.len() - 200, text.len() - 600);
    moved.copy_within(from..from + 100, to);
    let flipped = text.replace(",0.01,200000000,", ",0.02,200000000,");
    vec![
        ("a row twice", with(&[&all[..3], &[2], &all[3..]].concat())),
        (
            "only one row, many times",
            with(&[0, 1, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4][..lines.len()]),
        ),
        (
            "two rows exchanged",
            with(&[&[0, 1, 3, 2], &all[4..]].concat()),
        ),
        (
            "two points exchanged",
            with(&[&[0, 1, 4, 5, 2, 3], &all[6..]].concat()),
        ),
        ("a row too many", with(&[&all[..], &[last]].concat())),
        ("all rows twice", with(&[&all[..], &all[2..]].concat())),
        (
            "the header twice",
            with(&[&all[..2], &[1], &all[2..]].concat()),
        ),
        (
            "an empty line",
            format!("{}\n{}", lines[..3].concat(), lines[3..].concat()).into(),
        ),
        (
            "the line ends of Windows",
            text.replace('\n', "\r\n").into_bytes(),
        ),
        (
            "one carriage return",
            text.replacen(",\n", ",\r\n", 2).into_bytes(),
        ),
        ("a block of NUL", torn),
        ("a block of other rows", moved),
        ("another value of an axis", flipped.into_bytes()),
        ("a column less", text.replace(",version", "").into_bytes()),
    ]
}

#[test]
fn a_damaged_partial_file_resumes_to_the_whole_or_is_refused() {
    let desk = Desk::with(GRID);
    desk.good(&["sweep", "grid.toml", "--out", "whole.csv"]);
    for shard in ["1/1", "2/2"] {
        let whole = if shard == "1/1" {
            desk.read("whole.csv")
        } else {
            desk.good(&["sweep", "grid.toml", "--shard", shard])
        };
        let partial = if shard == "1/1" {
            first_line(&desk) + &whole
        } else {
            whole.clone()
        };
        for (damage, bytes) in damages(&partial) {
            fs::write(desk.path("d.csv.partial"), bytes).expect("a writable directory");
            let arguments = [
                "sweep",
                "grid.toml",
                "--out",
                "d.csv",
                "--shard",
                shard,
                "--resume",
            ];
            let output = desk.run(&arguments);
            match output.status.code() {
                Some(0) => assert_eq!(desk.read("d.csv"), whole, "{shard}: {damage}"),
                Some(2) => assert!(!desk.path("d.csv").exists(), "{shard}: {damage}"),
                other => panic!("{shard}: {damage}: {other:?}"),
            }
            let _ = fs::remove_file(desk.path("d.csv"));
        }
    }
}

/// What a whole sweep begins its partial file with; no finished file has it.
fn first_line(desk: &Desk) -> String {
    let source = ScenarioSource::open(&desk.path("grid.toml")).expect("a scenario");
    let sweep = Sweep::new(source, Registry::standard()).expect("a grid");
    sweep.manifest(Shard::WHOLE).line()
}

#[test]
fn damaged_shards_are_not_merged() {
    let desk = Desk::with(GRID);
    let whole = desk.good(&["sweep", "grid.toml"]);
    for shard in ["1", "2"] {
        let out = format!("s{shard}.csv");
        desk.good(&[
            "sweep",
            "grid.toml",
            "--shard",
            &format!("{shard}/2"),
            "--out",
            &out,
        ]);
    }
    desk.good(&["sweep", "merge", "m.csv", "s2.csv", "s1.csv"]);
    assert_eq!(desk.read("m.csv"), whole);
    fs::remove_file(desk.path("m.csv")).expect("it was there");
    for (damage, bytes) in damages(&desk.read("s1.csv")) {
        fs::write(desk.path("x.csv"), bytes).expect("a writable directory");
        desk.bad(&["sweep", "merge", "m.csv", "x.csv", "s2.csv"]);
        assert!(!desk.path("m.csv").exists(), "{damage}");
        let missing = desk.run(&["sweep", "missing", "grid.toml", "x.csv", "s2.csv"]);
        assert!(matches!(missing.status.code(), Some(1 | 2)), "{damage}");
    }
}

#[test]
fn counts_of_a_first_line_are_not_trusted() {
    let desk = Desk::with(GRID);
    let shard = desk.good(&["sweep", "grid.toml", "--shard", "1/2"]);
    for (was, is) in [
        ("\"shard\":[1,2]", "\"shard\":[1,18446744073709551615]"),
        ("\"shard\":[1,2]", "\"shard\":[1,18446744073709551616]"),
        ("\"shard\":[1,2]", "\"shard\":[0,2]"),
        ("\"shard\":[1,2]", "\"shard\":[1,1000000]"),
        ("\"points\":6", "\"points\":18446744073709551615"),
        ("\"points\":6", "\"points\":0"),
        ("\"rows_per_point\":2", "\"rows_per_point\":0"),
        (
            "\"rows_per_point\":2",
            "\"rows_per_point\":9223372036854775807",
        ),
        ("\"identities\":\"", "\"identities\":\"0"),
    ] {
        assert!(shard.contains(was), "{was}");
        fs::write(desk.path("x.csv"), shard.replace(was, is)).expect("a writable directory");
        for arguments in [
            &["sweep", "missing", "grid.toml", "x.csv"][..],
            &["sweep", "merge", "m.csv", "x.csv"],
            &[
                "sweep",
                "grid.toml",
                "--shard",
                "1/2",
                "--out",
                "x.csv",
                "--resume",
            ],
        ] {
            let error = desk.bad(arguments);
            assert!(!error.contains("panicked"), "{is}: {error}");
        }
    }
}

#[test]
fn another_sweeps_file_is_not_replaced() {
    let desk = Desk::with(GRID);
    desk.good(&["sweep", "grid.toml", "--shard", "1/2", "--out", "x.csv"]);
    let kept = desk.read("x.csv");
    let resume = ["sweep", "grid.toml", "--out", "x.csv", "--resume"];
    let other = desk.bad(&[&resume[..], &["--shard", "2/2"]].concat());
    assert!(other.contains("it is shard 1/2, expected 2/2"), "{other}");
    let mtu = ["--shard", "1/2", "--set", "link.mtu=9000"];
    assert!(
        desk.bad(&[&resume[..], &mtu].concat())
            .contains("of another sweep")
    );
    assert_eq!(desk.read("x.csv"), kept);
    fs::write(desk.path("x.csv"), "notes\n").expect("a writable directory");
    desk.bad(&[&resume[..], &["--shard", "1/2"]].concat());
    assert_eq!(desk.read("x.csv"), "notes\n");
}

#[test]
fn what_is_missing_is_named_for_slurm_and_partial_files_are_found() {
    let desk = Desk::with(GRID);
    for shard in ["1", "4"] {
        let out = format!("s{shard}.csv");
        desk.good(&[
            "sweep",
            "grid.toml",
            "--shard",
            &format!("{shard}/5"),
            "--out",
            &out,
        ]);
    }
    let part = desk.read("s4.csv");
    let lines: Vec<&str> = part.split_inclusive('\n').collect();
    fs::remove_file(desk.path("s4.csv")).expect("it was there");
    fs::write(desk.path("s4.csv.partial"), lines[..3].concat()).expect("a writable directory");
    let files = ["s1.csv", "s2.csv", "s3.csv", "s4.csv", "s5.csv"];
    let missing = desk.run(&[&["sweep", "missing", "grid.toml"], &files[..]].concat());
    assert_eq!(missing.status.code(), Some(1));
    let rows = String::from_utf8_lossy(&missing.stdout);
    assert!(rows.contains("4/5,incomplete,3,4\n"), "{rows}");
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(
        said.contains("--array=2-5 and --shard $SLURM_ARRAY_TASK_ID/5"),
        "{said}"
    );
}

#[test]
fn a_job_array_is_asked_for_its_shard_unless_it_is_clear() {
    let desk = Desk::with(GRID);
    let run = |variables: &[(&str, &str)]| {
        let mut command = desk.command(&["sweep", "grid.toml"]);
        for (name, value) in variables {
            command.env(format!("SLURM_ARRAY_TASK_{name}"), value);
        }
        command.output().expect("the program runs")
    };
    let clear = run(&[("ID", "2"), ("COUNT", "3"), ("MIN", "1"), ("MAX", "3")]);
    assert!(clear.status.success());
    let second = desk.good(&["sweep", "grid.toml", "--shard", "2/3"]);
    assert_eq!(String::from_utf8_lossy(&clear.stdout), second);
    let again = run(&[("ID", "2"), ("COUNT", "1"), ("MIN", "2"), ("MAX", "2")]);
    assert_eq!(again.status.code(), Some(2));
    let error = String::from_utf8_lossy(&again.stderr);
    assert!(error.contains("expected --shard I/N"), "{error}");
}

#[test]
fn a_device_gets_rows_as_they_come_and_nothing_beside_it() {
    let desk = Desk::with(GRID);
    let whole = desk.good(&["sweep", "grid.toml"]);
    std::os::unix::fs::symlink("/proc/self/fd/1", desk.path("out")).expect("a link");
    assert_eq!(desk.good(&["sweep", "grid.toml", "--out", "out"]), whole);
    assert!(!desk.path("out.partial").exists() && desk.path("out").is_symlink());
    desk.bad(&["sweep", "grid.toml", "--out", "out", "--resume"]);
    desk.good(&["sweep", "grid.toml", "--jobs", "60000", "--out", "many.csv"]);
    assert_eq!(desk.read("many.csv"), whole);
}
