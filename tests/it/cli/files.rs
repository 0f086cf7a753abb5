//! What is written, and where: nothing is lost, nothing is replaced that should stay, nothing is left behind.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Desk;

const COMPARE: [&str; 5] = ["compare", "small.toml", "--format", "csv", "--out"];

impl Desk {
    /// Rows of `compare`, written to a name.
    fn compare_to(&self, name: &str) -> std::process::Output {
        self.run(&[&COMPARE[..], &[name]].concat())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }
}

#[test]
fn links_are_followed_and_stay() {
    let desk = Desk::new();
    fs::create_dir(desk.path("far")).expect("a directory");
    desk.write("far/old.csv", "old");
    symlink("far/old.csv", desk.path("to-old")).expect("a link");
    symlink("to-old", desk.path("to-link")).expect("a link");
    symlink("far/new.csv", desk.path("to-new")).expect("a link");
    for (link, file) in [("to-link", "far/old.csv"), ("to-new", "far/new.csv")] {
        let output = desk.compare_to(link);
        assert!(output.status.success(), "{output:?}");
        assert!(desk.text(file).starts_with("scenario,"), "{file}");
        assert!(desk.path(link).is_symlink());
    }
    symlink("circle", desk.path("circle")).expect("a link");
    assert_eq!(desk.compare_to("circle").status.code(), Some(2));
}

#[test]
fn any_name_is_a_name() {
    let desk = Desk::new();
    for (name, shown) in [
        (&b"\x1b]0;title\x07\x9b.mtrace"[..], "\\u{1b}]0;title\\u{7}"),
        (&b"caf\xe9 \xff.mtrace"[..], "caf\u{fffd} \u{fffd}.mtrace"),
    ] {
        let name = OsStr::from_bytes(name);
        fs::copy(desk.path("small.mtrace"), desk.path("").join(name)).expect("any name is a name");
        let out = OsStr::from_bytes(b"rows \xff.csv");
        let compare = |more: &[&OsStr]| {
            let mut command = desk.command(&["compare", "small.toml", "--trace"]);
            let output = command.arg(name).args(more).output();
            let output = output.expect("the binary starts");
            assert!(output.status.success(), "{output:?}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            let control = |c: char| c.is_control() && c != '\n';
            assert!(!said.contains(control), "{said:?}");
            said
        };
        let table = compare(&[]);
        assert!(table.contains(shown), "{table}");
        compare(&[OsStr::new("--out"), out]);
        assert!(fs::metadata(desk.path("").join(out)).is_ok_and(|rows| rows.len() > 0));
        let info = desk.command(&["trace", "info"]).arg(name).output();
        assert!(info.expect("the binary starts").status.success());
    }
}

#[test]
fn descriptors_devices_and_pipes_are_written_to_as_they_are() {
    let desk = Desk::new();
    symlink("/proc/self/fd/1", desk.path("out")).expect("a link");
    symlink("/dev/null", desk.path("null")).expect("a link");
    let mut file = File::create(desk.path("data.csv")).expect("a file");
    file.write_all(b"before\n").expect("writable");
    let written = desk
        .command(&[&COMPARE[..], &["out"]].concat())
        .stdout(file)
        .status()
        .expect("the binary starts");
    assert!(written.success() && desk.path("out").is_symlink());
    assert!(desk.text("data.csv").starts_with("before\nscenario,"));

    assert!(desk.compare_to("null").status.success());
    assert_eq!(
        fs::read_link(desk.path("null")).expect("a link").to_str(),
        Some("/dev/null")
    );
    let generate = [
        "trace",
        "generate",
        "--kind",
        "zipf",
        "--memory",
        "1 MiB",
        "/dev/null",
    ];
    assert!(desk.run(&generate).status.success());

    let made = Command::new("mkfifo").arg(desk.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    let pipe = desk.path("pipe");
    let reader = thread::spawn(move || fs::read_to_string(pipe));
    assert!(desk.compare_to("pipe").status.success());
    let read = reader.join().expect("no panic").expect("readable");
    assert!(read.starts_with("scenario,"));
}

#[test]
fn a_file_keeps_its_mode_and_a_read_only_one_its_content() {
    let desk = Desk::new();
    desk.write("rows.csv", "old");
    fs::set_permissions(desk.path("rows.csv"), Permissions::from_mode(0o640)).expect("a mode");
    assert!(desk.compare_to("rows.csv").status.success());
    let mode = fs::metadata(desk.path("rows.csv")).expect("a file").mode();
    assert_eq!(mode & 0o7777, 0o640);

    desk.write("kept.csv", "kept");
    fs::set_permissions(desk.path("kept.csv"), Permissions::from_mode(0o444)).expect("a mode");
    let before = desk.files();
    let refusal = desk.refusal(&[&COMPARE[..], &["kept.csv"]].concat());
    assert!(refusal.contains("read-only"), "{refusal}");
    assert_eq!(desk.text("kept.csv"), "kept");
    assert_eq!(desk.files(), before);
}

#[test]
fn a_hard_link_is_parted_with_a_message() {
    let desk = Desk::new();
    desk.write("one.csv", "old");
    fs::hard_link(desk.path("one.csv"), desk.path("two.csv")).expect("a hard link");
    let output = desk.compare_to("one.csv");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.contains("hard links"),
        "{stderr}"
    );
    assert!(desk.text("one.csv").starts_with("scenario,"));
    assert_eq!(desk.text("two.csv"), "old");
}

#[test]
fn outputs_never_take_the_place_of_inputs_or_of_each_other() {
    let desk = Desk::new();
    desk.write(
        "sweep.toml",
        format!("{}[sweep]\nlink.mtu = [1500]\n", super::SMALL_SCENARIO),
    );
    desk.write("shard.csv", "");
    symlink("small.mtrace", desk.path("alias")).expect("a link");
    let before: Vec<_> = ["small.toml", "small.mtrace", "small.csv"]
        .map(|name| fs::read(desk.path(name)).ok())
        .into();
    for arguments in [
        "compare small.toml --out small.toml",
        "compare small.toml --out alias",
        "explain small.toml --strategy leap --out ./small.toml",
        "run small.toml --strategy leap --timeline t.json --out t.json",
        "run small.toml --strategy leap --timeline small.mtrace",
        "sweep sweep.toml --out small.mtrace",
        "sweep sweep.toml --out sweep.toml",
        "sweep merge shard.csv shard.csv",
        "check sweep.toml --bless --baseline sweep.toml",
        "plan small.mtrace --strategy pre-record --record-window 1ms --at 0 --out small.mtrace",
        "trace import --from csv small.csv small.csv",
        "trace slice small.mtrace small.mtrace",
        "trace export --to csv small.mtrace alias",
        "trace export --to csv small.mtrace new.csv --zero-pages new.csv",
        "trace info small.mtrace --plot small.mtrace",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let refusal = desk.refusal(&arguments);
        assert!(
            refusal.contains("found the same as"),
            "{arguments:?}: {refusal}"
        );
    }
    let after: Vec<_> = ["small.toml", "small.mtrace", "small.csv"]
        .map(|name| fs::read(desk.path(name)).ok())
        .into();
    assert_eq!(before, after);
    desk.data(&[
        "run",
        "small.toml",
        "--strategy",
        "leap",
        "--timeline",
        "/dev/null",
        "--out",
        "/dev/null",
    ]);
}

/// Starts an import of what never ends, and sends it a signal.
fn interrupt(desk: &Desk, from: &str, line: &[u8], signal: &str) {
    let temporary = desk.path("temporary");
    fs::create_dir_all(&temporary).expect("a directory");
    let before = desk.files();
    let mut import = desk
        .command(&["trace", "import", "--from", from, "-", "big.mtrace"])
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut stdin = import.stdin.take().expect("a pipe");
    // More than a pipe holds: the import is reading when this returns.
    for _ in 0..(1 << 20) / line.len() {
        stdin.write_all(line).expect("the import reads");
    }
    let kill = Command::new("kill")
        .args([signal, &import.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    let begun = Instant::now();
    while import.try_wait().expect("a child").is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{signal}: still running"
        );
        thread::sleep(Duration::from_millis(5));
    }
    drop(stdin);
    assert_eq!(desk.files(), before, "{from} {signal}");
    assert_eq!(
        fs::read_dir(&temporary).expect("readable").count(),
        0,
        "{from} {signal}"
    );
}

/// Whether this process ignores a signal, as far as the system tells.
fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    ignored.unwrap_or(0) >> (signal - 1) & 1 == 1
}

#[test]
fn a_signal_leaves_no_temporary_file() {
    let desk = Desk::new();
    for (signal, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1), ("-KILL", 9)] {
        // The child ignores what this process does: HUP under `nohup`, INT behind a shell's `&`.
        if !is_ignored(number) {
            interrupt(&desk, "dinero", b"0 1000\n", signal);
        }
    }
    interrupt(&desk, "lackey", b" L 04222c60,4\n", "-TERM");
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let desk = Desk::new();
    let binary = assert_cmd::cargo::cargo_bin!("migsim");
    let script = format!(
        "trap '' HUP; exec '{}' trace import --from dinero - whole.mtrace",
        binary.display()
    );
    let mut import = Command::new("sh")
        .args(["-c", &script])
        .current_dir(desk.path("."))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = import.stdin.take().expect("a pipe");
    for _ in 0..1 << 16 {
        stdin.write_all(b"0 1000\n").expect("the import reads");
    }
    let kill = Command::new("kill")
        .args(["-HUP", &import.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    drop(stdin);
    let mut stderr = String::new();
    import
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut stderr)
        .expect("UTF-8");
    assert!(import.wait().expect("a child").success(), "{stderr}");
    assert!(desk.path("whole.mtrace").exists());
}

#[test]
fn a_standard_error_that_cannot_be_written_stops_nothing() {
    let desk = Desk::new();
    let axis = "[sweep]\nlink.latency = [\"1 us\", \"10 ms\"]\n";
    desk.write("sweep.toml", format!("{}{axis}", super::SMALL_SCENARIO));
    let full = || {
        File::options()
            .write(true)
            .open("/dev/full")
            .expect("a full device")
    };
    let status = |arguments: &[&str]| {
        let status = desk
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(full())
            .status();
        status.expect("the binary starts").code()
    };
    assert_eq!(
        status(&["sweep", "sweep.toml", "--out", "full.csv"]),
        Some(0)
    );
    assert!(
        desk.run(&["sweep", "sweep.toml", "--out", "whole.csv"])
            .status
            .success()
    );
    assert_eq!(desk.text("full.csv"), desk.text("whole.csv"));
    assert_eq!(status(&["compare", "sweep.toml"]), Some(0));
    assert_eq!(status(&["compare", "none.toml"]), Some(2));
    assert_eq!(status(&["compare", "--no-such-option"]), Some(2));
    assert_eq!(
        status(&["trace", "slice", "small.mtrace", "part.mtrace"]),
        Some(0)
    );
}

#[test]
fn control_characters_of_names_do_not_reach_the_terminal() {
    let desk = Desk::new();
    let refusal = desk.refusal(&["compare", "a\u{1b}]0;title\u{7}.toml"]);
    assert!(
        refusal.contains("a\\u{1b}]0;title\\u{7}.toml"),
        "{refusal:?}"
    );
}
