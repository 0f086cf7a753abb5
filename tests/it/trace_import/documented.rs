//! docs/recording.md: the table of formats, and a KVM recording as it says.

use std::fmt::Write;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use migsim::trace::import::{IMPORTERS, Importer};

const PAGE: &str = include_str!("../../../docs/recording.md");

const HEAD: &str =
    "| `--from` | reads | an access names | ops | time | vCPU |\n|---|---|---|---|---|---|\n";

/// Made again by `BLESS=1 cargo test --test it trace_import::documented`.
#[test]
fn the_table_of_formats_is_made_from_the_importers() {
    let row = |importer: &&Importer| {
        format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            importer.name,
            importer.reads.replace('|', "\\|"),
            importer.places,
            importer.ops,
            importer.time,
            importer.vcpu
        )
    };
    let table: String = IMPORTERS.iter().map(row).collect();
    let (before, rest) = PAGE.split_once(HEAD).expect("the table's head");
    let is_row = |line: &&str| line.starts_with("| ");
    let rows: usize = rest
        .lines()
        .take_while(is_row)
        .map(|row| row.len() + 1)
        .sum();
    if std::env::var_os("BLESS").is_some() {
        let page = [before, HEAD, &table, &rest[rows..]].concat();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recording.md");
        std::fs::write(path, page).expect("a writable checkout");
    } else {
        assert_eq!(rest[..rows], table, "BLESS=1 makes docs/recording.md again");
    }
}

/// The commands behind "Then, tried" run as they stand there.
#[test]
fn a_kvm_recording_is_compared_as_documented() {
    let directory = tempfile::tempdir().unwrap();
    let mut faults = String::new();
    for fault in 0..600_u64 {
        // A scattered walk through 4 MiB above 4 GiB, and now and then a device.
        let address = match fault % 50 {
            0 => 0xfee0_0000,
            _ => 0x1_0000_0000 + fault * 7919 % 1024 * 4096,
        };
        let vcpu = fault % 2;
        writeln!(
            faults,
            " CPU {vcpu}/KVM  4100/414{vcpu} [00{vcpu}]    86.{:06}: kvm:kvm_page_fault: vcpu {vcpu} rip 0x1 address {address:#018x} error_code 0x18{}",
            fault * 100,
            1 + fault % 2
        )
        .unwrap();
    }
    std::fs::write(directory.path().join("faults.txt"), faults).unwrap();
    let tried = PAGE.split("Then, tried").nth(1).unwrap();
    let block = tried.split("```").nth(1).unwrap();
    let commands: Vec<_> = block
        .lines()
        .filter(|line| line.starts_with("migsim "))
        .collect();
    assert_eq!(commands.len(), 3);
    let mut shown = String::new();
    for command in commands {
        let binary = cargo_bin!("migsim").display().to_string();
        let output = Command::new("sh")
            .args(["-c", &command.replacen("migsim", &binary, 1)])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        shown += &String::from_utf8_lossy(&output.stdout);
        shown += &String::from_utf8_lossy(&output.stderr);
    }
    for part in [
        "12 accesses outside the RAM were dropped",
        "588 records",
        "2 vCPU(s)",
        "pre-record+pdopmp",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
