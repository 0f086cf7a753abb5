//! RAM ranges and free memory, from an import through every command to a migration; and what recorders say of
//! themselves.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// An arm guest: RAM of 1 MiB at 1 GiB, and devices below.
const FAULTS: &str = "\
CPU 0/KVM 9 [000] 5.0: kvm:kvm_guest_fault: ipa 0x40001000, hsr 0x92000047, hxfar 0x0, pc 0x0
CPU 0/KVM 9 [000] 5.1: kvm:kvm_guest_fault: ipa 0x09000000, hsr 0x92000047, hxfar 0x0, pc 0x0
CPU 0/KVM 9 [000] 5.2: kvm:kvm_guest_fault: ipa 0x40002000, hsr 0x92000007, hxfar 0x0, pc 0x0
";
const RAM: &str = "1GiB-1025MiB";

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.write("faults.txt", FAULTS);
        desk
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(cargo_bin!("migsim"));
        command.current_dir(self.path()).stdin(Stdio::null());
        command.args(line.split(' ')).output().unwrap()
    }

    /// Standard output and standard error.
    fn ok(&self, line: &str) -> (String, String) {
        let output = self.run(line);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "{line}: {stderr}");
        (stdout, stderr)
    }

    fn fails(&self, line: &str) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        stderr
    }

    /// Pages and zero pages that post-copy sends.
    fn sent(&self, options: &str) -> (u64, u64) {
        let line = format!("run --strategy post-copy --format json --set trace.start=0 {options}");
        let rows: serde_json::Value = serde_json::from_str(&self.ok(&line).0).unwrap();
        let count = |column: &str| rows[0][column].as_u64().unwrap();
        (count("pages_sent"), count("zero_pages_sent"))
    }

    fn info(&self, trace: &str) -> serde_json::Value {
        let text = self.ok(&format!("trace info --format json {trace}")).0;
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
fn ranges_of_an_import_are_all_that_is_sent() {
    let desk = Desk::new();
    let (_, said) = desk.ok(&format!(
        "trace import --from kvm --ram {RAM} faults.txt arm.mtrace"
    ));
    assert!(
        said.contains("1 accesses outside the RAM were dropped"),
        "{said}"
    );
    assert!(
        said.contains("256 pages of 4.0 KiB at 1GiB-1025MiB"),
        "{said}"
    );
    assert_eq!(desk.sent("--trace arm.mtrace"), (256, 0));
    // Without ranges every page below counts.
    desk.ok("trace import --from kvm faults.txt all.mtrace");
    assert_eq!(desk.sent("--trace all.mtrace").0, 0x4_0003);
    let info = desk.info("arm.mtrace");
    assert_eq!((&info["ram"], &info["pages"]), (&RAM.into(), &256.into()));
    let table = desk.ok("trace info arm.mtrace").0;
    assert!(
        table.contains("RAM                      1GiB-1025MiB"),
        "{table}"
    );
}

#[test]
fn ranges_stay_with_the_trace() {
    let desk = Desk::new();
    desk.ok(&format!(
        "trace import --from kvm --ram {RAM} faults.txt arm.mtrace"
    ));
    let hash = |trace: &str| desk.info(trace)["content_hash"].clone();
    desk.ok("trace slice --to 150ms arm.mtrace part.mtrace");
    assert_eq!(desk.info("part.mtrace")["ram"], RAM);
    let (_, said) = desk.ok("trace export --to csv arm.mtrace arm.csv");
    assert!(
        said.contains(&format!("import them with --ram {RAM}")),
        "{said}"
    );
    desk.ok(&format!(
        "trace import --from csv --ram {RAM} arm.csv again.mtrace"
    ));
    assert_eq!(hash("again.mtrace"), hash("arm.mtrace"));
    if cfg!(feature = "parquet") {
        desk.ok("trace export --to parquet arm.mtrace arm.parquet");
        desk.ok("trace import --from parquet arm.parquet columns.mtrace");
        assert_eq!(hash("columns.mtrace"), hash("arm.mtrace"));
    }
    desk.ok("trace check arm.mtrace");
}

/// What a recorder says of its slow-down, as a number of its own.
#[test]
fn a_slow_recording_says_so() {
    let desk = Desk::new();
    desk.ok("trace import --from kvm --provenance x;slow-down\u{a0}4 faults.txt t.mtrace");
    assert_eq!(desk.info("t.mtrace")["slow_down"], serde_json::Value::Null);
    for (said, factor) in [
        ("23.4", Some(23.4)),
        ("50.", Some(50.0)),
        ("0.5", None),
        ("9e9", Some(9.0)),
        ("", None),
    ] {
        let mut command = Command::new(cargo_bin!("migsim"));
        let provenance = format!("sort; slow-down {said}; more");
        let import = [
            "trace",
            "import",
            "--from",
            "kvm",
            "--provenance",
            &provenance,
        ];
        command
            .current_dir(desk.path())
            .args(import)
            .args(["faults.txt", "t.mtrace"]);
        assert!(command.output().unwrap().status.success());
        assert_eq!(
            desk.info("t.mtrace")["slow_down"].as_f64(),
            factor,
            "{said}"
        );
        let table = desk.ok("trace info t.mtrace").0;
        assert_eq!(
            table.contains("times slower than without its recorder"),
            factor.is_some()
        );
        assert_eq!(
            table.contains("trace.time_scale = 0.0427 undoes it"),
            said == "23.4",
            "{table}"
        );
    }
}

#[test]
fn an_open_range_ends_where_memory_does() {
    let desk = Desk::new();
    desk.write(
        "t.csv",
        "time_ns,vcpu,page,op\n0,0,1,r\n5,0,40,w\n9,0,10,r\n",
    );
    let open = "trace import --from csv --ram 0-32KiB,128KiB- t.csv t.mtrace";
    let error = desk.fails(open);
    assert!(
        error.contains("expected --pages, or RAM whose last range is closed"),
        "{error}"
    );
    let (_, said) = desk.ok(&open.replace("t.csv", "--pages 20 t.csv"));
    assert!(
        said.contains("20 pages of 4.0 KiB at 0-32KiB,128KiB-176KiB"),
        "{said}"
    );
    assert!(
        said.contains("1 accesses outside the RAM were dropped"),
        "{said}"
    );
    assert_eq!(desk.sent("--trace t.mtrace"), (20, 0));
    let error = desk.fails("trace import --from csv --ram 0-32KiB --pages 20 t.csv t.mtrace");
    assert!(
        error.contains("expected the VM's 20 pages in the ranges of RAM, found 8"),
        "{error}"
    );
}

/// Of 1 GiB, 960 MiB are free, in huge pages as in small ones.
#[test]
fn free_memory_has_no_content() {
    let desk = Desk::new();
    desk.ok(&format!(
        "trace import --from kvm --ram {RAM} faults.txt arm.mtrace"
    ));
    let large = "--trace arm.mtrace --set vm.memory=1GiB --set vm.free=960MiB";
    let pages = (64 << 8, 960 << 8);
    assert_eq!(desk.sent(large), pages);
    assert_eq!(
        desk.sent(&format!("{large} --set vm.host_page=256MiB")),
        pages
    );
    // Of the trace's 256 pages, two are touched.
    assert_eq!(
        desk.sent("--trace arm.mtrace --set vm.free=1016KiB"),
        (2, 254)
    );
    let error = desk.fails("compare --trace arm.mtrace --set trace.start=0 --set vm.free=1MiB");
    let expected = "vm.free: 1.0 MiB, expected at most 1016.0 KiB, which the trace neither touches nor says are zero";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_scenario_says_where_ram_is() {
    let desk = Desk::new();
    desk.ok("trace import --from kvm faults.txt all.mtrace");
    let error = desk.fails(&format!(
        "compare --trace all.mtrace --set trace.start=0 --set vm.ram={RAM}"
    ));
    let expected = "access of vCPU 0 at 100 ms: expected an address in vm.ram, found page 36864";
    assert!(error.contains(expected), "{error}");
    let both = "--trace all.mtrace --set vm.ram=0x9000000-0x9001000,1GiB-";
    assert_eq!(desk.sent(both), (4, 0));
    let list = "--trace all.mtrace --set vm.ram=[\"0x9000000-0x9001000\",\"1GiB-1048588KiB\"]";
    assert_eq!(desk.sent(list), (4, 0));
    // More memory lies behind the last range, and a host page may have parts of two ranges.
    assert_eq!(
        desk.sent(&format!(
            "{both} --set vm.memory=64KiB --set vm.host_page=32KiB"
        )),
        (16, 0)
    );
    for (wrong, expected) in [
        ("vm.ram=1GiB", "vm.ram: "),
        (
            "vm.ram=0x9000800-1GiB",
            "multiples of the trace's page (4096 bytes)",
        ),
        ("vm.ram=2GiB-", "an open range only below the trace's end"),
        ("vm.memory=8KiB", "vm.memory"),
    ] {
        let error = desk.fails(&format!("compare {both} --set trace.start=0 --set {wrong}"));
        assert!(error.contains(expected), "{error}");
    }
}
