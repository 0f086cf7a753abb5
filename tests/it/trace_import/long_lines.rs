//! Lines that are too long, and lines that never end.

use std::io::Read;

use migsim::trace::import::{ImportOptions, Importer, Input, zero_pages};

use super::imported;

fn options(lenient: bool) -> ImportOptions {
    ImportOptions {
        lenient,
        ..ImportOptions::default()
    }
}

/// Counts what was read of it.
struct Endless<'a>(&'a mut u64);

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b'7');
        *self.0 += buffer.len() as u64;
        Ok(buffer.len())
    }
}

#[test]
fn a_line_that_never_ends_is_refused() {
    let refused = |lenient: bool| {
        let mut read = 0;
        let input = Input::new("in", Endless(&mut read)).unwrap();
        let importer = Importer::named("lackey").unwrap();
        let error = importer.import(input, &options(lenient), Vec::new());
        (error.unwrap_err().to_string(), read)
    };
    let (error, read) = refused(false);
    assert!(
        error.contains("line 1: expected a line of less than 65536 bytes"),
        "{error}"
    );
    assert!(read < 1 << 20, "{read}");
    let (error, read) = refused(true);
    assert!(
        error.contains("line 1: expected the line to end within 268435456 bytes"),
        "{error}"
    );
    assert!(read < 1 << 29, "{read}");
    let mut read = 0;
    let error = zero_pages(Input::new("in", Endless(&mut read)).unwrap());
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("less than 65536 bytes")
    );
    assert!(read < 1 << 20, "{read}");
}

/// Leniently, lines around one that is too long stay, and line numbers count it once.
#[test]
fn a_line_that_is_too_long_is_passed_over() {
    for end in ["\n", "\r", "\r\n"] {
        for length in [65_535, 65_536, 131_071, 131_072, 131_073, 400_000] {
            let text = format!(
                " L 1000,4{end}{}{end} L 2000,4{end}x{end}",
                "y".repeat(length)
            );
            let (_, summary) = imported("lackey", text.as_bytes(), &options(true)).unwrap();
            assert_eq!((summary.accesses, summary.skipped), (2, 2), "{length}");
            let last = summary.reasons.last().unwrap();
            let first = &summary.reasons[0].first;
            assert!(first.contains("line 2: "), "{length}: {first}");
            let is_one = summary.reasons.len() == 1;
            assert!(
                is_one || last.first.contains("line 4: "),
                "{length}: {last:?}"
            );
        }
    }
}
