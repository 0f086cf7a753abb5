//! RAM ranges in the container.

use migsim::memory::PageRun;
use migsim::trace::TraceHeader;

use super::{header, merged, open, open_and_verify, read, small_file, small_file_with, write};

const fn run(first: u32, count: u32) -> PageRun {
    PageRun { first, count }
}

/// What the small file's pages lie in, and a hole.
pub(super) fn ranges() -> Vec<PageRun> {
    vec![run(0, 500), run(900, 100)]
}

fn version(bytes: &[u8]) -> u8 {
    bytes[8]
}

#[test]
fn a_trace_keeps_its_ranges() {
    let ((plain, records), (with_ranges, _)) = (small_file(), small_file_with(ranges()));
    assert_eq!((version(&plain), version(&with_ranges)), (1, 2));
    let (plain, with_ranges) = (
        open(&plain).unwrap(),
        open_and_verify(&with_ranges).unwrap(),
    );
    assert_eq!(with_ranges.header().ram, ranges());
    assert_eq!(
        (
            with_ranges.header().pages,
            with_ranges.header().memory_pages()
        ),
        (1_000, 600)
    );
    assert_eq!(merged(&with_ranges).len(), records.len());
    assert_eq!(with_ranges.zero_runs(), plain.zero_runs());
    assert_ne!(with_ranges.content_hash(), plain.content_hash());
}

#[test]
fn pages_are_known_by_the_last_range() {
    let header = TraceHeader {
        pages: 0,
        ram: ranges(),
        ..header()
    };
    let trace = write(header, Vec::new(), &[read(0, 0, 3)]);
    assert_eq!(open(&trace).unwrap().header().pages, 1_000);
}

#[test]
fn what_no_trace_may_have_is_refused() {
    let refused = |pages, ram: Vec<PageRun>, zero: Vec<PageRun>, page| {
        let header = TraceHeader {
            pages,
            ram,
            ..header()
        };
        let writer = migsim::trace::TraceWriter::new(Vec::new(), header, zero);
        let pushed = writer.and_then(|mut writer| writer.push(read(0, 0, page)));
        pushed.unwrap_err().to_string()
    };
    for (pages, ram, zero, page, expected) in [
        (
            1_000,
            ranges(),
            vec![],
            500,
            "record 0: expected a page of RAM, found 500 in a hole",
        ),
        (
            1_000,
            ranges(),
            vec![],
            899,
            "record 0: expected a page of RAM, found 899",
        ),
        (
            1_000,
            ranges(),
            vec![run(490, 11)],
            0,
            "expected zero pages within RAM",
        ),
        (
            1_001,
            ranges(),
            vec![],
            0,
            "expected as many pages as RAM ranges reach to, 1000, found 1001",
        ),
        (
            999,
            ranges(),
            vec![],
            0,
            "expected pages of RAM below page 999",
        ),
        (
            1_000,
            vec![run(900, 100), run(0, 500)],
            vec![],
            0,
            "runs of pages of RAM in ascending order",
        ),
        (
            1_000,
            vec![run(0, 0), run(0, 1_000)],
            vec![],
            0,
            "of at least 1 page",
        ),
        (
            0,
            vec![run(0, 1); 4_097],
            vec![],
            0,
            "expected at most 4096 RAM ranges",
        ),
    ] {
        let error = refused(pages, ram, zero, page);
        assert!(error.contains(expected), "{error}: {expected}");
    }
}
