//! Archives, encodings and binary files: read, or named.

use std::io::Write;

use migsim::trace::import::ImportOptions;

use super::{error, imported};

const LACKEY: &str = "I  00401000,7\n S 00403000,8\n L 00404000,4\n";

fn lenient() -> ImportOptions {
    ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn accesses(content: &[u8]) -> u64 {
    let imported = imported("lackey", content, &ImportOptions::default());
    imported.unwrap().1.accesses
}

fn refusal(format: &str, content: &[u8]) -> String {
    let imported = imported(format, content, &ImportOptions::default());
    imported.err().unwrap().to_string()
}

#[test]
fn every_compression() {
    assert_eq!(accesses(LACKEY.as_bytes()), 3);
    assert_eq!(
        accesses(&zstd::encode_all(LACKEY.as_bytes(), 1).unwrap()),
        3
    );
    // `printf ' S 00403000,8\n' | xz`, twice: two streams.
    const XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21,
        0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x0d, 0x20, 0x53, 0x20,
        0x30, 0x30, 0x34, 0x30, 0x33, 0x30, 0x30, 0x30, 0x2c, 0x38, 0x0a, 0x00, 0x00, 0x00, 0xce,
        0xd5, 0x87, 0xa0, 0x07, 0x78, 0x0b, 0x20, 0x00, 0x01, 0x26, 0x0e, 0x08, 0x1b, 0xe0, 0x04,
        0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];
    assert_eq!(accesses(&[XZ, XZ].concat()), 2);
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(LACKEY.as_bytes()).unwrap();
    let frame = lz4.finish().unwrap();
    assert_eq!(accesses(&frame), 3);
    assert_eq!(accesses(&[&frame[..], &frame].concat()), 6);
    let member = gzip(LACKEY.as_bytes());
    assert_eq!(accesses(&[&member[..], &member].concat()), 6);
    // As tapes pad, and as gzip(1) ignores.
    assert_eq!(accesses(&[&member[..], &[0; 512]].concat()), 3);
}

#[test]
fn archives_and_encodings_are_named() {
    let utf16: Vec<u8> = LACKEY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xff\xfe", &utf16[..]].concat();
    let mut tar = vec![b'x'; 300];
    tar[257..262].copy_from_slice(b"ustar");
    for (content, named) in [
        (&b"BZh91AY&SY\x01\x02"[..], "found bzip2"),
        (b"7z\xbc\xaf\x27\x1crest", "found a 7z archive"),
        (&tar, "found a tar archive"),
        (&utf16, "found UTF-16"),
        (&marked, "found UTF-16"),
        (b"PERFILE2....", "`perf script`"),
        (b"\x17\x08\x44tracing6", "`trace-cmd report`"),
        (b"PAR1....", "`--from parquet`"),
        (b"MIGSIMQ1....", "`--from qemu`"),
    ] {
        let message = refusal("lackey", content);
        assert!(message.contains(named), "{message}");
        let (format, as_csv) = ("csv", refusal("csv", content));
        assert!(as_csv.contains(named), "{format}: {as_csv}");
    }
}

/// What a cut archive held stays; how many lines were left out, and why, is said by reason.
#[test]
fn lenience_keeps_all_good_lines() {
    let mut text = String::new();
    for line in 0..5_000 {
        text += &format!(" L {:x},4\n", 0x1000 * (line * 7919 % 4096));
    }
    let whole = gzip(text.as_bytes());
    let cut = &whole[..whole.len() / 2];
    let message = refusal("lackey", cut);
    assert!(
        message.contains("expected the rest of the compressed recording"),
        "{message}"
    );
    let (trace, summary) = imported("lackey", cut, &lenient()).unwrap();
    assert!(
        (1_000..5_000).contains(&trace.record_count()),
        "{summary:?}"
    );
    assert_eq!(summary.skipped, 1);
    // A line that the cut shortened is not among them: each is one of the text's.
    let long = format!(
        "{LACKEY}{}\nhello\n S 00403000,8\nhello\n L 1,99999\n",
        "x".repeat(70_000)
    );
    let (trace, summary) = imported("lackey", long.as_bytes(), &lenient()).unwrap();
    assert_eq!((trace.record_count(), summary.skipped), (4, 4));
    let counts: Vec<_> = summary.reasons.iter().map(|reason| reason.count).collect();
    assert_eq!(counts, [1, 2, 1]);
    assert!(
        summary.reasons[1].first.contains("line 5: expected `I`"),
        "{summary:?}"
    );
    assert!(error("lackey", &long).contains("line 4: expected a line of less than 65536 bytes"));
}

/// Of a binary recording, too.
#[test]
fn lenience_keeps_the_records_of_a_cut_recording() {
    let records: Vec<_> = (0..5_000_u32)
        .map(|number| {
            (
                u64::from(number) * 777,
                number * 7919 % 64,
                (number % 2) as u16,
                0,
            )
        })
        .collect();
    let whole = gzip(&super::qemu(&records));
    let cut = &whole[..whole.len() / 2];
    let message = refusal("qemu", cut);
    assert!(
        message.contains("expected the rest of the compressed recording"),
        "{message}"
    );
    let (trace, summary) = imported("qemu", cut, &lenient()).unwrap();
    assert!(
        (1_000..5_000).contains(&trace.record_count()),
        "{summary:?}"
    );
    assert_eq!(summary.skipped, 1);
}

/// 64 bytes an instruction, as `input_instr` has them.
#[test]
fn champsim_instructions() {
    let instruction = |ip: u64, written: [u64; 2], read: [u64; 4]| {
        let mut bytes = ip.to_le_bytes().to_vec();
        bytes.extend([1, 0, 5, 0, 1, 2, 0, 0]);
        bytes.extend(
            written
                .iter()
                .chain(&read)
                .flat_map(|word| word.to_le_bytes()),
        );
        bytes
    };
    let trace = [
        instruction(0x401000, [0, 0], [0x402008, 0, 0x403ff8, 0]),
        instruction(0x401004, [0x404000, 0], [0; 4]),
    ]
    .concat();
    let (imported_trace, summary) =
        imported("champsim", &trace, &ImportOptions::default()).unwrap();
    let rows: Vec<_> = imported_trace
        .records()
        .map(|record| record.unwrap())
        .map(|record| (record.time_ns, record.page, record.op.letter()))
        .collect();
    let expected = [
        (0, 1, 'x'),
        (0, 2, 'r'),
        (0, 3, 'r'),
        (1, 1, 'x'),
        (1, 4, 'w'),
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.accesses, 5);
    let message = refusal("champsim", &trace[..100]);
    assert!(
        message.contains("record 1: expected 64 bytes, found 36"),
        "{message}"
    );
    let (kept, summary) = imported("champsim", &trace[..100], &lenient()).unwrap();
    assert_eq!((kept.record_count(), summary.skipped), (3, 1));
    let message = refusal("champsim", &[7; 64]);
    assert!(
        message.contains("record 0: expected 0 or 1 for a branch"),
        "{message}"
    );
}
