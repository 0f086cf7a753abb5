//! `migsim plan`.

use std::io::Write;
use std::process::Stdio;

use super::Desk;
use super::wrong_inputs::check;

const PRE_RECORD: [&str; 4] = ["--strategy", "pre-record", "--record-window", "2 ms"];

fn header(vcpus: u32, pages: u64) -> Vec<u8> {
    let mut bytes = b"MIGSIMQ1".to_vec();
    bytes.extend_from_slice(&4096u32.to_le_bytes());
    bytes.extend_from_slice(&vcpus.to_le_bytes());
    for number in [pages, 1_000_000, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn record(time_us: u64, page: u32, vcpu: u16) -> Vec<u8> {
    let mut bytes = (time_us * 1_000).to_le_bytes().to_vec();
    bytes.extend_from_slice(&page.to_le_bytes());
    bytes.extend_from_slice(&vcpu.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// Pages 5 and 6 too early for a window of 2 ms, then 7, 8, 7 by vCPU 0 and 9 by vCPU 1, which wrote its chunk first.
fn recording() -> Vec<u8> {
    let rows = [
        (3_500, 9, 1),
        (0, 5, 0),
        (1_999, 6, 0),
        (2_000, 7, 0),
        (3_000, 8, 0),
        (4_000, 7, 0),
    ];
    let records = rows.map(|(time, page, vcpu)| record(time, page, vcpu));
    [header(2, 64), records.concat()].concat()
}

fn plan<'a>(input: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["plan", input][..], &PRE_RECORD, options].concat()
}

fn pages(csv: &str) -> Vec<&str> {
    let rows = csv.lines().skip(1);
    rows.map(|row| row.split(',').next().expect("a page"))
        .collect()
}

#[test]
fn the_last_window_of_a_recording_is_planned_from() {
    let desk = Desk::new();
    desk.write("guest.migq", recording());
    let csv = desk.data(&plan("guest.migq", &["--from", "qemu"]));
    assert_eq!(
        csv,
        "page,why,next_touch_ns,page_bytes\n7,recorded,,4096\n9,recorded,,4096\n8,recorded,,4096\n"
    );
    // Within a longer window time 0 is the beginning, and all counts.
    let all = ["--from", "qemu", "--record-window", "4 ms"];
    let csv = desk.data(
        &[
            &["plan", "guest.migq", "--strategy", "pre-record"][..],
            &all,
        ]
        .concat(),
    );
    assert_eq!(pages(&csv), ["7", "9", "8", "6", "5"]);
    let order = ["--from", "qemu", "--set", "pre-record.order=address"];
    let csv = desk.data(&plan("guest.migq", &order));
    assert_eq!(pages(&csv), ["7", "8", "9"]);
}

#[test]
fn what_an_argument_says_no_key_says() {
    let desk = Desk::new();
    let window = ["--record-window", "2 ms", "--at", "1 ms"];
    for (setting, argument) in [
        ("trace.file=other.mtrace", "TRACE"),
        ("trace.workload={ kind = \"zipf\" }", "TRACE"),
        ("migration.record_window=1 ms", "--record-window"),
        ("trace.start=2 ms", "--at"),
    ] {
        let plan = [
            "plan",
            "small.mtrace",
            "--strategy",
            "pre-record",
            "--set",
            setting,
        ];
        let error = desk.refusal(&[&plan[..], &window].concat());
        let expected = format!("expected another key, as {argument} says this");
        assert!(error.contains(&expected), "{setting}: {error}");
    }
}

#[test]
fn a_pipe_is_as_good_as_a_file() {
    let desk = Desk::new();
    desk.write("guest.migq", recording());
    let from_file = desk.data(&plan("guest.migq", &["--from", "qemu"]));
    let mut child = desk
        .command(&plan("-", &["--from", "qemu"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // In pieces that break records.
    let mut pipe = child.stdin.take().expect("a pipe");
    for piece in recording().chunks(7) {
        pipe.write_all(piece).expect("a reader");
    }
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), from_file);
}

#[test]
fn the_binary_file_holds_what_csv_does() {
    let desk = Desk::new();
    for strategy in ["pre-record", "pre-record+pdopmp"] {
        let arguments = ["plan", "small.mtrace", "--strategy", strategy];
        let window = ["--record-window", "2 ms", "--at", "1 ms"];
        let common = [&arguments[..], &window].concat();
        let csv = desk.data(&common);
        let binary = ["--format", "binary", "--out", "plan.bin"];
        assert_eq!(desk.data(&[&common[..], &binary].concat()), "");
        let bytes = std::fs::read(desk.path("plan.bin")).expect("it was written");
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert!(rows.len() > 10, "{csv}");

        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
        assert_eq!(&bytes[..8], b"MIGSIMPL");
        assert_eq!((u32_at(8), u32_at(12)), (1, 4096));
        assert_eq!((u64_at(16), u64_at(24)), (64, rows.len() as u64));
        assert_eq!(bytes.len(), 32 + 16 * rows.len() + 4);
        for (number, row) in rows.iter().enumerate() {
            let at = 32 + 16 * number;
            let why = ["recorded", "predicted"][usize::from(bytes[at + 4])];
            let next = match u64_at(at + 8) {
                u64::MAX => String::new(),
                ns => ns.to_string(),
            };
            assert_eq!(*row, format!("{},{why},{next},4096", u32_at(at)));
            assert_eq!(bytes[at + 5..at + 8], [0; 3]);
        }
        // Castagnoli's polynomial, bit by bit.
        let (data, checksum) = bytes.split_at(bytes.len() - 4);
        let crc = data.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
            })
        });
        assert_eq!((!crc).to_le_bytes(), checksum);
    }
}

#[test]
fn at_is_where_the_window_begins() {
    let desk = Desk::new();
    let one = desk.data(&plan("small.mtrace", &["--at", "1 ms"]));
    let set = desk.data(&plan("small.mtrace", &["--set", "trace.start=1 ms"]));
    assert_eq!(one, set);
    assert_ne!(one, desk.data(&plan("small.mtrace", &["--at", "5 ms"])));
}

#[test]
fn what_cannot_be_planned_from_is_refused() {
    let desk = Desk::new();
    desk.write("cut.migq", &recording()[..100]);
    desk.write("short.migq", &recording()[..30]);
    desk.write("empty", "");
    desk.write("pages.migq", [header(1, 4), record(0, 4, 0)].concat());
    desk.write("vcpus.migq", [header(1, 64), record(0, 4, 1)].concat());
    desk.write("huge.migq", header(1, 1 << 40));
    desk.write("ops.migq", {
        let mut bytes = recording();
        bytes[54] = 9;
        bytes
    });
    let qemu = &["--from", "qemu"][..];
    let from = |input: &'static str| plan(input, qemu);
    for (arguments, says) in [
        (from("none.migq"), &["none.migq: No such file"][..]),
        (from("."), &["cannot read ."]),
        (from("empty"), &["empty: ", "MIGSIMQ1"]),
        (from("small.mtrace"), &["small.mtrace: ", "MIGSIMQ1"]),
        (from("short.migq"), &["short.migq: ", "MIGSIMQ1"]),
        (from("cut.migq"), &["cut.migq: record 3: ", "cut short"]),
        (
            from("pages.migq"),
            &["pages.migq: record 0: ", "a page below 4"],
        ),
        (
            from("vcpus.migq"),
            &["vcpus.migq: record 0: ", "a vCPU below 1"],
        ),
        (from("huge.migq"), &["huge.migq: ", "at most 2^30 pages"]),
        (from("ops.migq"), &["ops.migq: record 0: ", "op 0 to 4"]),
        (plan("-", &[]), &["--from qemu"]),
        (plan("small.csv", &[]), &["small.csv: not a trace"]),
        (plan("none.mtrace", &[]), &["none.mtrace: No such file"]),
        (
            plan("small.mtrace", &["--at", "1 s"]),
            &["trace.start", "before the trace's end"],
        ),
        (
            plan("small.mtrace", &["--set", "link.mtu=1"]),
            &["link.mtu"],
        ),
        (
            plan("small.mtrace", &["--at=0", "--out", "no/where"]),
            &["cannot write no/where"],
        ),
    ] {
        check(&desk, &arguments, says);
    }
    for strategy in ["post-copy", "leap", "clairvoyant", "hybrid", "pre-copy"] {
        let arguments = ["plan", "small.mtrace", "--strategy", strategy];
        let all = [&arguments[..], &["--record-window", "1 ms"]].concat();
        check(&desk, &all, &[strategy, "expected a strategy that records"]);
    }
    let both = desk.refusal(&plan("small.mtrace", &["--from", "qemu", "--at", "1 ms"]));
    assert!(both.contains("cannot be used with"), "{both}");
    assert!(!desk.files().contains(&"no".to_owned()));
}

/// The keys that decide on a fetch are axes like any other.
#[test]
fn fetching_can_be_swept() {
    let desk = Desk::new();
    let axes = "[migration.delivery]\nkind = \"destination-fetch\"\n\
                [sweep]\nmigration.delivery.outstanding = { from = 1, to = 100, step = 10, scale = \"log\" }\n";
    desk.write("fetch.toml", [super::SMALL_SCENARIO, axes].concat());
    // How it goes is told on standard error.
    let output = desk.run(&["sweep", "fetch.toml"]);
    assert_eq!(output.status.code(), Some(0));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let columns = reader.headers().expect("a header line").clone();
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    let of = |strategy: &str, column: &str| -> Vec<String> {
        let at = |name| columns.iter().position(|column| column == name);
        let (by, at) = (at("strategy").expect("a column"), at(column).expect(column));
        let rows = rows.iter().filter(|row| &row[by] == strategy);
        rows.map(|row| row[at].to_owned()).collect()
    };
    assert_eq!(
        of("pre-record", "migration.delivery.outstanding"),
        ["1", "10", "100"]
    );
    let requests = of("pre-record", "requests");
    let number = |at: usize| requests[at].parse::<u32>().expect("a number");
    assert!(number(0) < number(2), "{requests:?}");
    // Without a recording there is nothing to fetch.
    let requests = of("post-copy", "requests");
    assert!(requests.iter().all(|count| *count == requests[0]));
    let none = "migration.delivery={ kind = \"destination-fetch\", outstanding = 0 }";
    let refusal = desk.refusal(&["compare", "--set", none]);
    assert!(
        refusal.contains("expected 1 to 65535 requests"),
        "{refusal}"
    );
}
