//! Zip archives, and drmemtrace's records in them.

use std::io::Write;

use migsim::trace::import::ImportOptions;

use super::imported;

const LACKEY: &[u8] = b"I  00401000,7\n S 00403000,8\n L 00404000,4\n";

/// What varies of a file in an archive.
#[derive(Clone, Copy)]
enum Form {
    Stored,
    /// With its sizes in an extra field.
    StoredLarge,
    Deflated,
    /// With its checksum and sizes behind the content.
    Streamed,
    /// As zip(1) streams what may be large.
    StreamedLarge,
}

fn file(name: &str, content: &[u8], form: Form) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let (method, flags, version) = match form {
        Form::Stored => (0_u16, 0_u16, 20_u16),
        Form::StoredLarge => (0, 0, 45),
        Form::Deflated => (8, 0, 20),
        Form::Streamed => (8, 1 << 3, 20),
        Form::StreamedLarge => (8, 1 << 3, 45),
    };
    let stored = if method == 0 {
        content.to_vec()
    } else {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let extra = match form {
        Form::StreamedLarge => b"\x01\0\x08\0        ".to_vec(),
        Form::StoredLarge => {
            let size = (content.len() as u64).to_le_bytes();
            [&b"UT\x01\0.\x01\0\x10\0"[..], &size, &size].concat()
        }
        _ => Vec::new(),
    };
    let sizes = [crc.sum(), stored.len() as u32, content.len() as u32];
    let mut bytes = b"PK\x03\x04".to_vec();
    for half in [version, flags, method, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for (place, size) in sizes.into_iter().enumerate() {
        let said = match form {
            _ if flags != 0 => 0,
            Form::StoredLarge if place > 0 => u32::MAX,
            _ => size,
        };
        bytes.extend(said.to_le_bytes());
    }
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes.extend((extra.len() as u16).to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(&extra);
    bytes.extend(&stored);
    match form {
        Form::Stored | Form::StoredLarge | Form::Deflated => {}
        Form::Streamed => {
            bytes.extend(b"PK\x07\x08");
            bytes.extend(sizes.into_iter().flat_map(u32::to_le_bytes));
        }
        Form::StreamedLarge => {
            bytes.extend(sizes[0].to_le_bytes());
            bytes.extend(u64::from(sizes[1]).to_le_bytes());
            bytes.extend(u64::from(sizes[2]).to_le_bytes());
        }
    }
    bytes
}

/// Files, and a directory that names one of them.
fn archive(files: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = files.concat();
    bytes.extend(b"PK\x01\x02");
    bytes.extend([0; 24]);
    bytes.extend([1, 0, 2, 0, 3, 0]);
    bytes.extend([0; 12]);
    bytes.extend(b"axxccc");
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0; 16]);
    bytes.extend([2, 0]);
    bytes.extend(b"hi");
    bytes
}

fn accesses(content: &[u8]) -> u64 {
    let imported = imported("lackey", content, &ImportOptions::default());
    imported.unwrap().1.accesses
}

/// The whole chain of an error.
fn refusal(format: &str, content: &[u8]) -> String {
    let error = imported(format, content, &ImportOptions::default());
    let error = error.err().unwrap();
    let reason = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", reason.unwrap_or_default())
}

#[test]
fn every_form_of_a_file() {
    use Form::{Deflated, Stored, StoredLarge, Streamed, StreamedLarge};
    for form in [Stored, StoredLarge, Deflated, Streamed, StreamedLarge] {
        for folder in [Stored, Deflated, Streamed] {
            let folder = file("folder/", b"", folder);
            let zip = archive(&[folder, file("trace.txt", LACKEY, form)]);
            assert_eq!(accesses(&zip), 3);
        }
        let parts = [file("chunk.0", LACKEY, form), file("chunk.1", LACKEY, form)];
        assert_eq!(accesses(&archive(&parts)), 6);
        assert_eq!(
            accesses(&[archive(&parts[..1]), archive(&parts)].concat()),
            9
        );
    }
}

/// Chunks are whole, but some of them may lack.
#[test]
fn an_archive_without_its_end_is_refused() {
    let chunk = file("chunk.0", LACKEY, Form::Deflated);
    let whole = archive(&[chunk.clone(), file("chunk.1", LACKEY, Form::Deflated)]);
    for length in [chunk.len(), 2 * chunk.len()] {
        let message = refusal("lackey", &whole[..length]);
        assert!(
            message.contains("the end of a zip archive's directory"),
            "{message}"
        );
    }
}

#[test]
fn hostile_archives_are_refused() {
    let good = file("trace.txt", LACKEY, Form::Deflated);
    let at = |place: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[place] = byte;
        archive(&[bytes])
    };
    let two = archive(&[good.clone(), file("other.txt", LACKEY, Form::Stored)]);
    let mut stored_behind = file("trace.txt", LACKEY, Form::Stored);
    stored_behind[6] = 8;
    for (content, named) in [
        (at(6, 1), "no encryption in a zip archive"),
        (at(8, 12), "found 12"),
        (at(14, 0xff), "checksum"),
        (two, "found `trace.txt` and `other.txt`"),
        (stored_behind, "sizes before what is stored"),
        (good[..good.len() - 9].to_vec(), "incomplete deflate stream"),
        ([&good[..], b"rest"].concat(), "a part of a zip archive"),
        (b"PK\x03\x04rest".to_vec(), "failed to fill whole buffer"),
    ] {
        let message = refusal("lackey", &content);
        assert!(
            message.contains("expected the rest of the compressed recording")
                && message.contains(named),
            "{message}"
        );
    }
    let lenient = ImportOptions {
        lenient: true,
        ..ImportOptions::default()
    };
    let cut = [&good[..], b"PK\x01"].concat();
    assert!(refusal("lackey", &cut).contains("line 4"));
    let (_, summary) = imported("lackey", &cut, &lenient).unwrap();
    assert_eq!((summary.accesses, summary.skipped), (3, 1));
}

fn record((kind, size, value): (u16, u16, u64)) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(size.to_le_bytes());
    bytes.extend(value.to_le_bytes());
    bytes
}

fn records(records: &[(u16, u16, u64)]) -> Vec<u8> {
    records.iter().copied().flat_map(record).collect()
}

/// A thread's first records: header, version, type of file, thread, process, timestamp.
fn thread(thread: u64, us: u64) -> Vec<u8> {
    records(&[
        (25, 0, 7),
        (28, 12, 7),
        (28, 9, 0xe40),
        (22, 4, thread),
        (24, 4, 70),
        (28, 2, us),
    ])
}

#[test]
fn drmemtrace_chunks() {
    let first = records(&[
        (47, 7, 0x1234),
        (10, 7, 0x401000),
        (0, 8, 0x402008),
        // Two instructions in a row, the second one on the next page.
        (10, 4, 0x401ff8),
        (17, 2, 0x0204),
        (2, 1, 0x409000),
        (29, 4, 0x401ff8),
    ]);
    let second = records(&[(28, 2, 1_000_002), (1, 8, 0x403000), (26, 0, 0)]);
    let main = archive(&[
        file(
            "chunk.0000",
            &[thread(70, 1_000_000), first].concat(),
            Form::Deflated,
        ),
        file("chunk.0001", &second, Form::Deflated),
    ]);
    let worker = [thread(71, 1_000_001), records(&[(48, 2, 0x401000)])].concat();
    let worker = archive(&[file("chunk.0000", &worker, Form::Deflated)]);
    let both = [main, worker].concat();
    let (trace, summary) = imported("drmemtrace", &both, &ImportOptions::default()).unwrap();
    assert!(summary.notes.is_empty(), "{:?}", summary.notes);
    let mut rows: Vec<_> = trace
        .records()
        .map(|record| record.unwrap())
        .map(|record| (record.vcpu, record.time_ns, record.page, record.op.letter()))
        .collect();
    rows.sort_unstable();
    let expected = [
        (0, 0, 1, 'x'),
        (0, 1, 2, 'r'),
        (0, 2, 1, 'x'),
        (0, 3, 1, 'x'),
        (0, 4, 2, 'x'),
        (0, 2_000, 3, 'w'),
        (1, 1_000, 1, 'x'),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn drmemtrace_records_that_are_wrong() {
    let begin = thread(70, 1_000_000);
    for (record, named) in [
        (
            (50, 0, 0),
            "record 6: expected a record of drmemtrace (kind 0 to 49), found kind 50",
        ),
        ((28, 2, 999_999), "found 999999 after 1000000"),
        ((25, 0, 7 | 28 << 32), "found one of a 32-bit program"),
    ] {
        let message = refusal("drmemtrace", &[begin.clone(), records(&[record])].concat());
        assert!(message.contains(named), "{message}");
    }
    let nobody = records(&[(25, 0, 7), (0, 8, 0x1000)]);
    assert!(refusal("drmemtrace", &nobody).contains("record 1: expected a thread before"));
    assert!(refusal("drmemtrace", &begin).contains("at least one access in records of 12 bytes"));
    assert!(refusal("drmemtrace", &begin[..70]).contains("record 5: expected 12 bytes, found 10"));
    assert!(refusal("lackey", &begin).contains("`--from drmemtrace`"));
    let filtered = [begin, records(&[(28, 9, 0x240 | 0x100), (1, 8, 0x1000)])].concat();
    let (_, summary) = imported("drmemtrace", &filtered, &ImportOptions::default()).unwrap();
    assert!(summary.notes[0].contains("has filtered accesses"));
}
