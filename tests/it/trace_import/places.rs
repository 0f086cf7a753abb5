//! Where memory begins and ends: bases, mappings and ranges of RAM.

use migsim::trace::import::{Addresses, ImportOptions};
use migsim::units::AddressRanges;

use super::{imported, physical};

const LACKEY: &[u8] = b" L 1000,4\n S 5000,4\n";
const CSV: &[u8] = b"time_ns,vcpu,page,op\n0,0,1,r\n";

fn mapping(base: u64, bytes: Option<u64>) -> ImportOptions {
    ImportOptions {
        addresses: Some(Addresses::Mapping { base, bytes }),
        ..ImportOptions::default()
    }
}

fn ram(ranges: &str) -> ImportOptions {
    let AddressRanges(ram) = ranges.parse().unwrap();
    ImportOptions { ram, ..physical() }
}

#[test]
fn an_open_mapping_ends_at_the_highest_access() {
    for base in [0, 0x1000] {
        let (trace, _) = imported("lackey", LACKEY, &mapping(base, None)).unwrap();
        assert_eq!(
            u64::from(trace.header().pages),
            6 - base / 4096,
            "{base:#x}"
        );
    }
}

#[test]
fn places_that_are_no_pages_are_refused() {
    let large = ImportOptions {
        page_size: Some(2 << 20),
        ..ram("0-640KiB,2MiB-4MiB")
    };
    for (format, content, options, expected) in [
        (
            "lackey",
            LACKEY,
            mapping(0x800, None),
            "begins at a page of 4096 bytes, found 0x800",
        ),
        (
            "lackey",
            LACKEY,
            mapping(0, Some(0)),
            "pages of 4096 bytes, found 0 bytes",
        ),
        (
            "lackey",
            LACKEY,
            mapping(0, Some(100)),
            "pages of 4096 bytes, found 100 bytes",
        ),
        (
            "lackey",
            LACKEY,
            mapping(u64::MAX - 4095, Some(8192)),
            "found 8192 bytes from 0xfffffffffffff000",
        ),
        (
            "lackey",
            LACKEY,
            ram("0-0xcc800"),
            "at pages of 4096 bytes, found `0-818KiB`",
        ),
        ("lackey", LACKEY, ram("0-4KiB,0x1801-"), "found `0x1801-`"),
        (
            "lackey",
            LACKEY,
            large,
            "at pages of 2097152 bytes, found `0-640KiB`",
        ),
        (
            "csv",
            CSV,
            ram("0-0xcc800"),
            "at pages of 4096 bytes, found `0-818KiB`",
        ),
    ] {
        let error = imported(format, content, &options)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn numbers_of_pages_are_no_addresses() {
    let options = ImportOptions {
        addresses: Some(Addresses::Virtual),
        ..ImportOptions::default()
    };
    let error = imported("csv", CSV, &options).err().unwrap().to_string();
    assert!(
        error.contains("expected no addresses of processes"),
        "{error}"
    );
}

#[test]
fn a_table_outside_the_ram_says_so() {
    let options = ram("1GiB-2GiB");
    let error = imported("csv", CSV, &options).err().unwrap().to_string();
    assert!(
        error.contains("accesses outside the RAM were dropped"),
        "{error}"
    );
}
