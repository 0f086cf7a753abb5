//! Files that are something else than a recording's text, by their first bytes, and what to do with them.

/// Bytes that tell what a file is: the name of a tar archive's format comes latest.
pub(super) const HEAD_BYTES: u64 = 512;

/// Archives that are not read: bytes at the file's start, and how to unpack them.
const ARCHIVES: &[(&[u8], &str)] = &[
    (b"BZh", "bzip2 (`bunzip2 -c FILE`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive (`7z x -so FILE`)"),
    (b"\x1f\x9d", "a file of compress(1) (`gzip -dc FILE`)"),
    (b"LZIP", "lzip (`lzip -dc FILE`)"),
    (b"\x5d\0\0", "lzma (`xz -dc FILE`)"),
    (b"Rar!", "a rar archive"),
];

/// Files that are not text: bytes at the content's start, and what is expected instead.
const BINARIES: &[(&[u8], &str)] = &[
    (
        b"\xff\xfe\0\0",
        "UTF-8 text, found UTF-32 (`iconv -f UTF-32 -t UTF-8`)",
    ),
    (
        b"\xff\xfe",
        "UTF-8 text, found UTF-16 (`iconv -f UTF-16 -t UTF-8`)",
    ),
    (
        b"\xfe\xff",
        "UTF-8 text, found UTF-16 (`iconv -f UTF-16 -t UTF-8`)",
    ),
    (b"PERFILE2", "text, found perf.data (`perf script`)"),
    (
        b"\x17\x08Dtracing",
        "text, found trace-cmd's trace.dat (`trace-cmd report`)",
    ),
    (
        b"MIGSIMQ1",
        "text, found a recording of the plugin for QEMU (`--from qemu`)",
    ),
    (b"MIGSIMPL", "a recording, found a plan (strategy `plan`)"),
    (
        b"\x8aMTRACE",
        "a recording, found a trace, which needs no import",
    ),
    (b"PAR1", "text, found Parquet (`--from parquet`)"),
    (
        b"\x19\0\0\0",
        "text, found a recording of DynamoRIO (`--from drmemtrace`)",
    ),
    (b"\x7fELF", "text, found a program"),
    (b"%PDF", "text, found PDF"),
];

/// What is expected instead of an archive.
pub(super) fn archive(head: &[u8]) -> Option<String> {
    // Three letters may begin a text, too.
    let is_text = head.starts_with(b"BZh") && head.get(4..10) != Some(b"1AY&SY");
    let tar = head.get(257..262) == Some(b"ustar");
    let found = named(ARCHIVES, head).filter(|_| !is_text);
    let found = found.or_else(|| tar.then_some("a tar archive (`tar -xOf FILE`)"))?;
    Some(format!(
        "a recording, plain or compressed with zstd, gzip, zip, xz or lz4; found {found}"
    ))
}

/// What is expected instead of what is no text.
pub(super) fn not_text(head: &[u8]) -> Option<String> {
    if let Some(expected) = named(BINARIES, head) {
        return Some(expected.to_owned());
    }
    // Every other byte of Latin text in UTF-16 is 0.
    let latin = |place: usize| {
        let mut pairs = head.chunks_exact(2).take(4);
        pairs.len() == 4 && pairs.all(|pair| pair[place] == 0 && matches!(pair[1 - place], 1..=127))
    };
    (latin(0) || latin(1))
        .then(|| "UTF-8 text, found UTF-16 (`iconv -f UTF-16LE -t UTF-8`, or UTF-16BE)".to_owned())
}

fn named<'a>(kinds: &[(&[u8], &'a str)], head: &[u8]) -> Option<&'a str> {
    let kind = kinds.iter().find(|(magic, _)| head.starts_with(magic));
    kind.map(|&(_, name)| name)
}
