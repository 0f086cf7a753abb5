//! Sweeps from outside: the same bytes with any number of threads and shards and after a kill, and clear errors.

mod damaged;
mod grid;
mod remarks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A grid of 4 × 3 × 2 points, some of which fail.
const GRID: &str = r#"
[trace]
start = "100 ms"
workload = { kind = "zipf", rate = 20000, duration = "1 s", working_set = "4 MiB" }
[vm]
memory = "16 MiB"
[migration]
strategies = ["post-copy", "pre-record", "clairvoyant"]
[sweep]
"trace.workload.seed" = { from = 1, to = 4, step = 1 }
"trace.start" = ["0", "200 ms", "2 s"]
"link.bandwidth" = ["200 Mbit/s", "1 Gbit/s"]
"#;

struct Desk {
    directory: TempDir,
}

impl Desk {
    fn with(scenario: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let desk = Desk { directory };
        fs::write(desk.path("grid.toml"), scenario).expect("a writable directory");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migsim"));
        command.current_dir(self.directory.path()).args(arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLURM_")) {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn bad(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).expect("text")
    }
}

fn exists(path: &Path) -> bool {
    path.exists()
}

#[test]
fn rows_are_the_same_for_all_threads_and_shards() {
    let desk = Desk::with(GRID);
    let whole = desk.good(&["sweep", "grid.toml", "--jobs", "1"]);
    desk.good(&["sweep", "grid.toml", "--jobs", "2", "--out", "two.csv"]);
    assert_eq!(desk.read("two.csv"), whole);
    assert!(!exists(&desk.path("two.csv.partial")));

    for shard in ["3/5", "1/5", "5/5", "2/5", "4/5"] {
        let out = format!("part{}.csv", &shard[..1]);
        desk.good(&["sweep", "grid.toml", "--shard", shard, "--out", &out]);
    }
    let parts = [
        "part5.csv",
        "part1.csv",
        "part3.csv",
        "part2.csv",
        "part4.csv",
    ];
    desk.good(&[&["sweep", "merge", "merged.csv"], &parts[..]].concat());
    assert_eq!(desk.read("merged.csv"), whole);
    assert_eq!(
        desk.good(&[&["sweep", "missing", "grid.toml"], &parts[..]].concat()),
        "shard,state,first_point,end_point\n"
    );

    // A part that is cut short, and one that is not there.
    let part = desk.read("part3.csv");
    fs::write(desk.path("part3.csv"), &part[..part.len() - 10]).expect("a writable directory");
    let missing = desk.run(&[&["sweep", "missing", "grid.toml"], &parts[..4]].concat());
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&missing.stdout),
        "shard,state,first_point,end_point\n3/5,incomplete,13,14\n4/5,missing,14,19\n"
    );
    let error = desk.bad(&[&["sweep", "merge", "no.csv"], &parts[..4]].concat());
    assert!(
        error.contains("shard 3/5 has 4 of 5 points, shard 4/5 is missing"),
        "{error}"
    );
    assert!(!exists(&desk.path("no.csv")));
    let twice = desk.bad(&["sweep", "merge", "no.csv", "part1.csv", "part1.csv"]);
    assert!(twice.contains("are both shard 1/5"), "{twice}");
}

#[test]
fn rows_say_everything_and_failures_are_rows() {
    let desk = Desk::with(GRID);
    let output = desk.run(&["sweep", "grid.toml"]);
    assert!(output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("8 of 24 points failed"), "{errors}");
    let mut rows = csv::Reader::from_reader(output.stdout.as_slice());
    let header = rows.headers().expect("a header").clone();
    let names: Vec<&str> = header.iter().take(12).collect();
    assert_eq!(
        names,
        [
            "scenario",
            "scenario_hash",
            "trace",
            "trace_hash",
            "strategy",
            "trace.workload.seed",
            "trace.start_s",
            "link.bandwidth_bits_per_s",
            "seed",
            "settings",
            "version",
            "total_migration_time_s"
        ]
    );
    let column = |name: &str| header.iter().position(|column| column == name).expect(name);
    let (start, gap, error) = (
        column("trace.start_s"),
        column("gap_closed"),
        column("error"),
    );
    let rows: Vec<csv::StringRecord> = rows.records().collect::<Result<_, _>>().expect("rows");
    assert_eq!(rows.len(), 24 * 3);
    for (index, row) in rows.iter().enumerate() {
        let (point, strategy) = (index / 3, index % 3);
        assert_eq!(
            &row[4],
            ["post-copy", "pre-record", "clairvoyant"][strategy]
        );
        assert_eq!(row[5], (point / 6 + 1).to_string());
        assert_eq!(row[5], row[8]);
        assert_eq!(&row[start], ["0", "0.2", "2"][point / 2 % 3]);
        assert_eq!(&row[7], ["200000000", "1000000000"][point % 2]);
        if &row[start] == "2" {
            assert!(
                row[error].starts_with("trace.start: 2.00 s is not before"),
                "{row:?}"
            );
            assert!(row[11].is_empty());
        } else {
            assert!(row[error].is_empty() && !row[11].is_empty(), "{row:?}");
            let expected = ["0.000000", "", ""][strategy];
            assert!(expected.is_empty() || &row[gap] == expected, "{row:?}");
        }
    }
}

/// Enough points that the sweep is still running when it is killed.
const LONG: &str = r#"
[trace]
start = "10 ms"
workload = { kind = "uniform", rate = 20000, duration = "200 ms", working_set = "8 MiB" }
[vm]
memory = "16 MiB"
[migration]
strategies = ["post-copy", "pre-record"]
record_window = "20 ms"
[sweep]
"link.latency" = { from = "0", to = "20 ms", count = 400 }
"#;

#[test]
fn a_killed_sweep_resumes_to_the_same_bytes() {
    let desk = Desk::with(LONG);
    desk.good(&["sweep", "grid.toml", "--out", "whole.csv"]);
    let partial = desk.path("killed.csv.partial");
    let mut lines = 20;
    // Killed twice, the second time in what was resumed.
    for resume in [&[][..], &["--resume"]] {
        let arguments = [&["sweep", "grid.toml", "--out", "killed.csv"], resume].concat();
        let mut child = desk
            .command(&arguments)
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let patience = Instant::now() + Duration::from_secs(60);
        while fs::read_to_string(&partial).map_or(0, |text| text.lines().count()) < lines {
            assert!(Instant::now() < patience, "no rows in a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("it is still running");
        child.wait().expect("it has ended");
        assert!(exists(&partial) && !exists(&desk.path("killed.csv")));
        lines = fs::read_to_string(&partial).expect("rows").lines().count() + 20;
    }
    let unfinished = desk.bad(&["sweep", "grid.toml", "--out", "killed.csv"]);
    assert!(
        unfinished.contains("continue it with --resume"),
        "{unfinished}"
    );
    let other = desk.bad(&[
        "sweep",
        "grid.toml",
        "--out",
        "killed.csv",
        "--resume",
        "--set",
        "link.mtu=9000",
    ]);
    assert!(other.contains("rows are of another sweep"), "{other}");
    desk.good(&[
        "sweep",
        "grid.toml",
        "--out",
        "killed.csv",
        "--resume",
        "--jobs",
        "1",
    ]);
    assert_eq!(desk.read("killed.csv"), desk.read("whole.csv"));
    assert!(!exists(&partial));
    // What is finished is left alone; what another scenario has finished is not taken for it, nor replaced.
    let resume = ["sweep", "grid.toml", "--out", "killed.csv", "--resume"];
    let time = |path| {
        fs::metadata(path)
            .and_then(|file| file.modified())
            .expect("a file")
    };
    let finished = desk.path("killed.csv");
    let written = time(&finished);
    desk.good(&resume);
    assert_eq!(time(&finished), written);
    let other = desk.bad(&[&resume[..], &["--set", "link.mtu=9000"]].concat());
    assert!(other.contains("found another file"), "{other}");
    assert_eq!(desk.read("killed.csv"), desk.read("whole.csv"));
}

#[test]
fn any_prefix_of_the_partial_file_can_be_resumed() {
    let desk = Desk::with(&LONG.replace("400", "6"));
    desk.good(&["sweep", "grid.toml", "--out", "whole.csv"]);
    desk.good(&["sweep", "grid.toml", "--shard", "1/2", "--out", "half.csv"]);
    let complete = desk.read("half.csv");
    let (first, header) = (complete.find('\n').expect("a line") + 1, complete.len());
    let cuts = [
        0,
        5,
        first,
        first + 9,
        header / 2,
        header / 2 + 40,
        header - 1,
        header,
    ];
    for cut in cuts {
        // What the file system may leave behind a sudden stop.
        for tail in ["", "\0\0\0\0", "torn,\"line"] {
            if !tail.is_empty() && cut < first + 9 {
                continue;
            }
            let torn = format!("{}{tail}", &complete[..cut]);
            fs::remove_file(desk.path("half.csv")).expect("it was there");
            fs::write(desk.path("half.csv.partial"), torn).expect("a writable directory");
            desk.good(&[
                "sweep",
                "grid.toml",
                "--shard",
                "1/2",
                "--out",
                "half.csv",
                "--resume",
            ]);
            assert_eq!(
                desk.read("half.csv"),
                complete,
                "cut at {cut}, then {tail:?}"
            );
        }
    }
    let output = desk.run(&[
        "sweep",
        "grid.toml",
        "--shard",
        "1/2",
        "--out",
        "half.csv",
        "--resume",
    ]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("complete already"));
}

#[test]
fn a_sweep_goes_on_with_its_own_file_only() {
    let desk = Desk::with(GRID);
    let resume = ["sweep", "grid.toml", "--out", "rows.csv", "--resume"];
    desk.good(&resume);
    let whole = desk.read("rows.csv");
    desk.good(&resume);
    let other = [&resume[..], &["--set", "vm.memory=3 MiB"]].concat();
    let error = desk.bad(&other);
    assert!(error.contains("found another file"), "{error}");
    assert_eq!(desk.read("rows.csv"), whole);
    let error = desk.bad(&["sweep", "grid.toml", "--out", "rows.json"]);
    assert!(error.contains("expected a name for CSV"), "{error}");
}

#[test]
fn other_commands_leave_the_sweep_out() {
    let desk = Desk::with(GRID);
    let output = desk.run(&["compare", "grid.toml"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("[sweep] is left out"));
}
