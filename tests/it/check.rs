//! `migsim check` from outside: nothing changed, something changed, and a user's own baseline.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use migsim::run::columns::METRICS;

fn check(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_migsim"))
        .current_dir(directory)
        .arg("check")
        .args(arguments)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_built_in_matrix_is_as_it_was_from_anywhere() {
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let (code, out, errors) = check(elsewhere.path(), &[]);
    assert_eq!(code, Some(0), "{out}{errors}");
    assert!(out.ends_with("all as in the built-in baseline\n"), "{out}");
}

#[test]
fn a_changed_strategy_is_caught() {
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let (code, out, errors) = check(elsewhere.path(), &["--set", "pre-record.order=address"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(
        out.contains("pre-record") && out.contains("stall_s"),
        "{out}"
    );
    assert!(!out.contains("post-copy"), "{out}");
    assert!(
        errors.contains("differences from the built-in baseline"),
        "{errors}"
    );
}

/// One point, so that no [sweep] is needed.
const OWN: &str = r#"
[trace]
start = "10 ms"
workload = { kind = "zipf", rate = 20000, duration = "100 ms", working_set = "4 MiB" }
[vm]
memory = "16 MiB"
[migration]
strategies = ["post-copy", "pre-record"]
record_window = "20 ms"
"#;

#[test]
fn a_user_has_a_baseline_of_their_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (own, baseline) = (
        directory.path().join("own.toml"),
        directory.path().join("own.baseline.csv"),
    );
    fs::write(&own, OWN).expect("a writable directory");
    let check = |arguments: &[&str]| check(directory.path(), arguments);

    let (code, _, errors) = check(&["own.toml"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("no baseline yet; --bless writes one"),
        "{errors}"
    );
    assert_eq!(check(&["own.toml", "--bless"]).0, Some(0));
    let (code, out, _) = check(&["own.toml"]);
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(
        out,
        format!(
            "2 runs, {} metrics each: all as in own.baseline.csv\n",
            METRICS.len()
        )
    );

    let good = fs::read_to_string(&baseline).expect("it was blessed");
    let (header, _) = good.split_once('\n').expect("a header");
    let twice = format!("{header},stall_s\n");
    for (other, problem) in [
        ("", "expected a header and a row a run"),
        (header, "expected a header and a row a run"),
        (&twice, "two columns are stall_s"),
    ] {
        fs::write(&baseline, other).expect("a writable directory");
        let (code, _, errors) = check(&["own.toml"]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(problem), "{errors}");
    }
    fs::write(&baseline, &good).expect("a writable directory");
    let (code, out, _) = check(&["own.toml", "--format", "csv"]);
    assert_eq!(code, Some(0));
    assert_eq!(out, "run,metric,was,is,change_percent\n");
    // One digit of one number, and a run that is not there.
    let column = |line: &str| {
        line.split(',')
            .position(|name| name == "duplicate_pages_sent")
    };
    let column = good.lines().next().and_then(column).expect("a metric");
    let altered: Vec<String> = (0..)
        .zip(good.lines())
        .map(|(line, text)| {
            let mut cells: Vec<&str> = text.split(',').collect();
            if line == 1 {
                assert_eq!(std::mem::replace(&mut cells[column], "8"), "0");
            }
            cells.join(",") + "\n"
        })
        .collect();
    let altered = altered.concat();
    fs::write(&baseline, &altered).expect("a writable directory");
    let (code, out, errors) = check(&["own.toml"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("-100.00 %"), "{out}");
    assert!(errors.contains("1 differences"), "{errors}");
    // Chosen metrics, a tolerance, and all differences for programs.
    assert_eq!(
        check(&["own.toml", "--metrics", "stall_s,page_faults"]).0,
        Some(0)
    );
    assert_eq!(check(&["own.toml", "--tolerance", "100"]).0, Some(0));
    let (code, out, _) = check(&["own.toml", "--tolerance", "99", "--format", "json"]);
    assert_eq!(code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{out}");
    assert_eq!(found[0]["metric"], "duplicate_pages_sent");
    assert_eq!(
        (&found[0]["was"], &found[0]["is"]),
        (&"8".into(), &"0".into())
    );
    let (code, _, errors) = check(&["own.toml", "--metrics", "stal_s"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("did you mean `stall_s`?"), "{errors}");
    let (code, _, errors) = check(&["own.toml", "--tolerance", "-1"]);
    assert_eq!(code, Some(2), "{errors}");
    let shorter: String = good
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&baseline, shorter).expect("a writable directory");
    let (code, out, _) = check(&["own.toml"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("pre-record") && out.contains("new"), "{out}");

    fs::write(&baseline, "a,b\n1\n").expect("a writable directory");
    let (code, _, errors) = check(&["own.toml"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("own.baseline.csv: not a baseline"),
        "{errors}"
    );
    assert_eq!(errors.matches("CSV error").count(), 1, "{errors}");
    // Any number is within a tolerance of an infinite one, and none of a word.
    for cell in ["inf", "-inf", "NaN", "1e999", "abc"] {
        let header = "trace,strategy,page_faults,stall_s";
        let text = format!("{header}\na,x,1,0\na,y,1,{cell}\n");
        fs::write(&baseline, text).expect("a writable directory");
        let (code, _, errors) = check(&["own.toml"]);
        assert_eq!(code, Some(2));
        assert!(
            errors.contains(&format!("row 2: stall_s: `{cell}`, expected a number")),
            "{errors}"
        );
    }
}

#[test]
fn a_baseline_has_the_whole_name_of_its_scenario() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["lab.1", "lab.2"] {
        fs::write(directory.path().join(name), OWN).expect("a writable directory");
        assert_eq!(check(directory.path(), &[name, "--bless"]).0, Some(0));
        let baseline = format!("{name}.baseline.csv");
        assert!(directory.path().join(baseline).exists(), "{name}");
    }
}

#[test]
fn a_key_on_an_axis_takes_values_of_the_axis_only() {
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let (code, _, errors) = check(elsewhere.path(), &["--set", "link.bandwidth=1 Gbit/s"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(
        errors.contains("link.bandwidth is on an axis of the sweep, expected a list"),
        "{errors}"
    );
    let directory = tempfile::tempdir().expect("a temporary directory");
    let swept = format!("{OWN}[sweep]\nlink.mtu = [1500]\n");
    fs::write(directory.path().join("own.toml"), swept).expect("a writable directory");
    let check = |arguments: &[&str]| check(directory.path(), arguments);
    assert_eq!(check(&["own.toml", "--bless"]).0, Some(0));
    let (code, out, _) = check(&["own.toml", "--set", "link.mtu=[1500, 9000]"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("mtu 9000") && out.contains("new"), "{out}");
}

#[test]
fn a_run_that_fails_is_no_baseline_and_no_success() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let starts = |starts: &str| {
        let swept = format!("{OWN}[sweep]\n\"trace.start\" = [{starts}]\n");
        fs::write(directory.path().join("own.toml"), swept).expect("a writable directory");
    };
    let check = |arguments: &[&str]| check(directory.path(), arguments);
    let baseline = directory.path().join("own.baseline.csv");
    starts("\"10 ms\", \"2 s\"");
    let (code, _, errors) = check(&["own.toml", "--bless"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(
        errors.contains("2 of 4 runs failed, expected none of a baseline; the first, ")
            && errors.contains("trace.start: 2.00 s is not before"),
        "{errors}"
    );
    assert!(!baseline.exists());

    // A baseline that an earlier version has blessed holds failed runs.
    starts("\"10 ms\"");
    assert_eq!(check(&["own.toml", "--bless"]).0, Some(0));
    starts("\"2 s\"");
    let good = fs::read_to_string(&baseline).expect("it was blessed");
    let header = good.lines().next().expect("a header");
    let row = |strategy: &str| {
        let cells = header.split(',').map(|column| match column {
            "trace" => "synthetic zipf",
            "strategy" => strategy,
            "trace.start_s" => "2",
            "seed" => "1",
            _ => "",
        });
        cells.collect::<Vec<_>>().join(",") + "\n"
    };
    let failed = format!("{header}\n{}{}", row("post-copy"), row("pre-record"));
    fs::write(&baseline, failed).expect("a writable directory");
    let (code, out, errors) = check(&["own.toml"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(!out.contains("new"), "{out}");
    assert!(
        errors.contains("2 of 2 runs failed; the first, "),
        "{errors}"
    );
}
