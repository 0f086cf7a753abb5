//! Files that are damaged or made to harm.

use migsim::trace::Record;
use proptest::prelude::*;

use super::ram::ranges;
use super::{header, merged, open, open_and_verify, small_file, small_file_with, write};

/// Offset of the first block in a file without provenance and zero runs; lengths of a block's header and the trailer.
const PREAMBLE: usize = 40;
const BLOCK_HEADER: usize = 24;
const TRAILER: usize = 16;

proptest! {
    /// Damage that leaves every checksum right: nothing panics, and `verify` still finds it.
    #[test]
    fn resealed_damage_is_found(at in any::<prop::sample::Index>(), value in 1..=255_u8, footer in any::<bool>()) {
        let (original, _) = small_file();
        let mut bytes = original;
        let footer_start = footer_start(&bytes);
        let range = if footer { footer_start..bytes.len() - TRAILER - 4 } else { 0..PREAMBLE + 2 };
        bytes[range.start + at.index(range.len())] ^= value;
        reseal_preamble(&mut bytes);
        reseal_footer(&mut bytes);
        if let Ok(trace) = open(&bytes) {
            prop_assert!(trace.verify().is_err());
            for _ in trace.records().take(1_000) {}
            for _ in trace.vcpu_records(2, 77).take(1_000) {}
        }
    }

    #[test]
    fn noise_is_no_trace(noise in prop::collection::vec(any::<u8>(), 0..400), trailer in any::<bool>()) {
        let (original, _) = small_file();
        let mut bytes = original[..12].to_vec();
        bytes.extend(noise);
        if trailer {
            bytes.extend(&original[original.len() - TRAILER..]);
        }
        prop_assert!(open(&bytes).is_err());
    }
}

fn footer_start(bytes: &[u8]) -> usize {
    let length = &bytes[bytes.len() - TRAILER..bytes.len() - TRAILER + 8];
    bytes.len() - TRAILER - u64::from_le_bytes(length.try_into().unwrap()) as usize
}

fn seal(bytes: &mut [u8], start: usize, end: usize) {
    let crc = crc32c::crc32c(&bytes[start..end]);
    bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
}

fn reseal_footer(bytes: &mut [u8]) {
    let (start, end) = (footer_start(bytes), bytes.len() - TRAILER - 4);
    seal(bytes, start, end);
}

/// Of the small file, whose preamble ends after 6 bytes of provenance and 2 zero runs.
fn reseal_preamble(bytes: &mut [u8]) {
    seal(bytes, 0, PREAMBLE - 4 + 6 + 16);
}

#[test]
fn every_flipped_bit_is_found() {
    every_bit_of(small_file());
    every_bit_of(small_file_with(ranges()));
}

fn every_bit_of((original, records): (Vec<u8>, Vec<Record>)) {
    assert_eq!(merged(&open_and_verify(&original).unwrap()), {
        let mut sorted = records;
        sorted.sort_by_key(|record| (record.time_ns, record.vcpu));
        sorted
    });
    for at in 0..original.len() {
        for bit in 0..8 {
            let mut bytes = original.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(trace) = open(&bytes) {
                assert!(trace.verify().is_err(), "bit {bit} of byte {at}");
                let _ = trace.records().count();
            }
        }
    }
}

#[test]
fn every_truncation_is_found() {
    let (original, _) = small_file();
    for length in 0..original.len() {
        let error = open(&original[..length]).expect_err("cut short");
        assert!(error.to_string().starts_with("test: "), "{error}");
    }
    let longer = [&original[..], &[0]].concat();
    assert!(open(&longer).is_err());
}

#[test]
fn an_iterator_ends_after_an_error() {
    let (mut bytes, _) = small_file();
    let start = PREAMBLE + 6 + 16;
    bytes[start + BLOCK_HEADER] ^= 1;
    let trace = open(&bytes).unwrap();
    let results: Vec<_> = trace.vcpu_records(0, 0).collect();
    assert_eq!(results.len(), 1);
    let error = results[0].as_ref().unwrap_err().to_string();
    assert_eq!(
        error,
        format!("test: block at byte {start}: expected a block with a valid checksum")
    );
    assert!(trace.records().last().unwrap().is_err());
    assert_eq!(
        trace.vcpu_records(2, 0).filter(Result::is_ok).count(),
        200,
        "other blocks are whole"
    );
}

/// A file of one block of vCPU 0 that claims `count` records, around a payload and codec of any kind.
fn forged(count: u32, codec: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = write(header(), Vec::new(), &[]);
    bytes.truncate(PREAMBLE);
    let mut block = Vec::new();
    block.extend(0_u16.to_le_bytes());
    block.extend([codec, 0]);
    block.extend(count.to_le_bytes());
    block.extend(0_u64.to_le_bytes());
    block.extend((payload.len() as u32).to_le_bytes());
    block.extend(crc32c::crc32c_append(crc32c::crc32c(&block), payload).to_le_bytes());
    block.extend(payload);
    bytes.extend(&block);
    let mut footer = Vec::new();
    footer.extend(1_000_u32.to_le_bytes());
    footer.extend(1_u32.to_le_bytes());
    footer.extend(1_000_000_u64.to_le_bytes());
    footer.extend(u64::from(count).to_le_bytes());
    footer.extend(1_u32.to_le_bytes());
    footer.extend((block.len() as u32).to_le_bytes());
    footer.extend(0_u64.to_le_bytes());
    footer.extend(0_u64.to_le_bytes());
    footer.extend(count.to_le_bytes());
    footer.extend(0_u16.to_le_bytes());
    footer.extend([0; 32]);
    footer.extend(crc32c::crc32c(&footer).to_le_bytes());
    let length = footer.len() as u64;
    bytes.extend(footer);
    bytes.extend(length.to_le_bytes());
    bytes.extend(b"\x8aMTREND\n");
    bytes
}

fn first_error(bytes: &[u8]) -> String {
    let trace = open(bytes).unwrap();
    trace.records().next().unwrap().unwrap_err().to_string()
}

#[test]
fn forged_blocks() {
    // The forger knows the format: these records are read, and only the content hash gives them away.
    let honest = zstd::bulk::compress(&[0; 800], 1).unwrap();
    let trace = open(&forged(100, 1, &honest)).unwrap();
    assert_eq!(trace.records().filter(Result::is_ok).count(), 100);
    assert!(
        trace
            .verify()
            .unwrap_err()
            .to_string()
            .contains("content hash")
    );

    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 1).unwrap();
    assert!(
        first_error(&forged(1 << 18, 1, &bomb)).contains("no more bytes than the records need")
    );
    assert!(first_error(&forged(101, 1, &honest)).contains("8 bytes a record"));
    assert!(first_error(&forged(99, 1, &honest)).contains("no more bytes"));
    assert!(first_error(&forged(2, 0, &[0; 8])).contains("8 bytes a record"));
    assert!(
        first_error(&forged(1, 2, &[0; 8])).contains("valid checksum"),
        "unknown codec"
    );
    assert!(
        first_error(&forged(1, 1, &[7; 8])).contains("zstd"),
        "no zstd frame"
    );
    assert!(first_error(&forged(1, 0, &[0, 0, 0, 0, 3, 0, 0, 0])).contains("r, w or x"));
    assert!(first_error(&forged(1, 0, &[0, 0, 0, 0, 0, 0, 1, 0])).contains("pages of the VM"));
    assert!(first_error(&forged(1, 0, &[1, 0, 0, 0, 0, 0, 0, 0])).contains("times between"));
}

#[test]
fn giant_counts_are_refused_before_memory_is_taken() {
    for count in [0, (1 << 18) + 1, u32::MAX] {
        let error = open(&forged(count, 0, &[0; 8])).unwrap_err().to_string();
        assert!(error.contains("valid entry in the index"), "{error}");
    }
    let (original, _) = small_file();
    // Lengths of provenance, zero map, index and footer.
    let footer = footer_start(&original);
    let trailer = original.len() - TRAILER;
    for (at, bytes) in [(20, 4), (32, 4), (footer + 24, 4), (trailer, 8)] {
        let mut forged = original.clone();
        forged[at..at + bytes].fill(0xff);
        if at > footer && at < trailer {
            reseal_footer(&mut forged);
        }
        assert!(open(&forged).is_err(), "length at byte {at}");
    }
}

/// The last of the three spans, with every checksum right.
#[test]
fn idle_spans_that_cannot_be_are_refused() {
    let (original, _) = small_file();
    let last = original.len() - TRAILER - 4 - 32 - 18;
    let field = |at: usize| u64::from_le_bytes(original[at..at + 8].try_into().unwrap());
    assert_eq!((original[last], field(last + 2)), (2, 7));
    let until = field(last + 10);
    for (at, value) in [
        (0, 3),                        // a vCPU that there is not
        (0, 0),                        // overlap, and the order of vCPUs
        (2, until),                    // nothing
        (10, u64::from(u32::MAX) * 4), // beyond the end
    ] {
        let mut forged = original.clone();
        let bytes = value.to_le_bytes();
        let length = if at == 0 { 2 } else { 8 };
        forged[last + at..last + at + length].copy_from_slice(&bytes[..length]);
        reseal_footer(&mut forged);
        let error = open(&forged).unwrap_err().to_string();
        assert!(error.contains("header: expected idle spans"), "{error}");
    }
}
