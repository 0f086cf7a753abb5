//! Compressed recordings that were cut or damaged anywhere.

use std::io::Write;

use migsim::trace::import::{ImportError, ImportOptions, ImportSummary};

use super::imported;

/// Three lines of lackey's three times, packed by xz 5.4: one LZMA chunk.
const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00, 0x21, 0x01,
    0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0xe0, 0x00, 0x7d, 0x00, 0x25, 0x5d, 0x00, 0x24,
    0x88, 0x2c, 0x61, 0x83, 0x70, 0x12, 0x1f, 0xb0, 0xa3, 0x42, 0xa4, 0x5e, 0x30, 0xf2, 0x16, 0xb7,
    0x17, 0x51, 0x4a, 0x8b, 0x97, 0x82, 0x69, 0x49, 0x71, 0xd7, 0x3b, 0xfc, 0x10, 0xfa, 0x84, 0xc4,
    0x22, 0xa2, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb2, 0xdf, 0x82, 0xa3, 0x00, 0x01, 0x3d, 0x7e,
    0xae, 0xa1, 0xd3, 0xfd, 0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5a,
];

const LINES: u64 = 9;

fn lines() -> Vec<String> {
    (0..LINES)
        .map(|line| format!(" L {:x},4\n", 0x40_0000 + line * 4096))
        .collect()
}

fn options(lenient: bool) -> ImportOptions {
    ImportOptions {
        lenient,
        ..ImportOptions::default()
    }
}

/// It is refused. Returns why, and what it is leniently.
fn noticed(content: &[u8], what: &str) -> (ImportError, Result<ImportSummary, ImportError>) {
    let strict = imported("lackey", content, &options(false));
    let error = strict.err().unwrap_or_else(|| panic!("{what}: taken"));
    let lenient = imported("lackey", content, &options(true));
    (error, lenient.map(|(_, summary)| summary))
}

/// Strictly it is refused. Leniently what comes before is kept, and said.
fn is_noticed(content: &[u8], what: &str) {
    let (error, lenient) = noticed(content, what);
    if let Err(nothing) = &lenient {
        let said = nothing.to_string();
        assert!(
            content.len() < 6 || said.contains("skipped"),
            "{what}: {said}"
        );
    }
    if let Ok(summary) = lenient {
        assert!(summary.skipped > 0, "{what}: {error}: {summary:?}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let text = lines().concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    // A block each line.
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    for line in lines() {
        lz4.write_all(line.as_bytes()).unwrap();
        lz4.flush().unwrap();
    }
    for (name, whole) in [
        ("xz", XZ.to_vec()),
        ("lz4", lz4.finish().unwrap()),
        ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("gzip", gzip.finish().unwrap()),
    ] {
        let (_, summary) = imported("lackey", &whole, &options(false)).unwrap();
        assert_eq!(summary.accesses, LINES, "{name}");
        for length in 0..whole.len() {
            is_noticed(&whole[..length], &format!("{name}, {length} bytes"));
        }
    }
}

/// Legacy frames have no end mark: they may end before any block, and nowhere else.
#[test]
fn legacy_lz4_ends_at_a_block() {
    let mut legacy = vec![0x02, 0x21, 0x4c, 0x18];
    let is_taken = |content: &[u8]| imported("lackey", content, &options(false)).is_ok();
    for line in &lines()[..2] {
        // A sequence of literals alone.
        let length = line.len() as u8;
        assert!(length < 15);
        legacy.extend((u32::from(length) + 1).to_le_bytes());
        assert!(!is_taken(&legacy));
        legacy.push(length << 4);
        legacy.extend(line.as_bytes());
        assert!(!is_taken(&legacy[..legacy.len() - 1]));
        assert!(is_taken(&legacy));
        assert!(!is_taken(&[&legacy[..], &[1, 0]].concat()));
    }
}

#[test]
fn every_flipped_bit_of_xz_is_noticed() {
    for bit in 0..XZ.len() * 8 {
        let mut damaged = XZ.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (_, lenient) = noticed(&damaged, &format!("bit {bit}"));
        assert!(lenient.is_err() || lenient.is_ok_and(|summary| summary.skipped > 0));
    }
}

/// What comes out of a damaged archive may be wrong anywhere: its checksum comes last.
#[test]
fn what_is_damaged_is_refused_leniently_too() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for line in 0..20_000_u64 {
        writeln!(encoder, " L {:x},4", 0x40_0000 + line * line % 4093 * 4096).unwrap();
    }
    let whole = encoder.finish().unwrap();
    for place in [whole.len() / 2, whole.len() - 5] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        let (strict, lenient) = noticed(&damaged, "gzip");
        assert!(matches!(
            strict,
            ImportError::Line { .. } | ImportError::Damaged { .. }
        ));
        assert!(matches!(lenient, Err(ImportError::Damaged { .. })));
    }
}

/// However much else is wrong, that the end lacks is said, and first.
#[test]
fn a_cut_is_said_first() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(lines().concat().as_bytes()).unwrap();
    for wrong in 0..40 {
        writeln!(encoder, "wrong {wrong}").unwrap();
    }
    let whole = encoder.finish().unwrap();
    let (_, lenient) = noticed(&whole[..whole.len() - 8], "gzip");
    let summary = lenient.unwrap();
    let first = &summary.reasons[0].first;
    assert!(
        first.contains("expected the rest of the compressed recording"),
        "{first}"
    );
    assert_eq!((summary.accesses, summary.reasons[0].count), (LINES, 1));
}
