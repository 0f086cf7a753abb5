//! `migsim compare` and `migsim run` as a user drives them.

mod calibrate;
mod changing_link;
mod every_key;
mod explain;
mod extremes;
mod files;
mod given_plan;
mod hostile;
mod idle_guest;
mod listings;
mod outputs;
mod pictures;
mod plan;
mod qmp;
mod reference;
mod rows;
mod scenario;
mod usage;
mod validate;
mod wrong_inputs;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// A directory with a small trace and a scenario that goes with it.
struct Desk {
    directory: TempDir,
}

/// 64 pages, 2 vCPUs, 10 ms: one vCPU sweeps, the other jumps about.
fn small_csv() -> String {
    let mut rows = "time_ns,vcpu,page,op\n".to_owned();
    for step in 0..200u32 {
        let (vcpu, page) = if step % 2 == 0 {
            (0, step / 4)
        } else {
            (1, step * step % 64)
        };
        let op = if step % 3 == 0 { 'w' } else { 'r' };
        writeln!(rows, "{},{vcpu},{page},{op}", u64::from(step) * 50_000).expect("in memory");
    }
    rows
}

/// So small a VM would be there before its resume.
const SMALL_SCENARIO: &str = "\
[trace]
file = \"small.mtrace\"
start = \"1 ms\"

[migration]
record_window = \"2 ms\"
push_while_resuming = false
";

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let desk = Desk { directory };
        desk.write("small.csv", small_csv());
        desk.write("small.toml", SMALL_SCENARIO);
        desk.import("small.csv", "small.mtrace", "");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a writable directory");
    }

    fn import(&self, csv: &str, trace: &str, options: &str) {
        let options = options.split_whitespace();
        let import = ["trace", "import", "--from", "csv", "--pages", "64"];
        let output = self
            .command(&import)
            .args(options)
            .args([csv, trace])
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{output:?}");
    }

    /// The names in the directory.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("a readable directory");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// `migsim` with the directory as its working directory.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("migsim"));
        command
            .current_dir(self.directory.path())
            .env_remove("NO_COLOR")
            .env_remove("RAYON_NUM_THREADS")
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// Standard output of a run that succeeds without a word on standard error.
    fn data(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The message of a run that is refused as a user's mistake.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(stdout, "", "{arguments:?}");
        stderr
    }
}
