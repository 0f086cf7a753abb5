//! The final numbers of pages whose addresses are all known, and the ranges that they lie in.

use std::ops::Range;

use crate::memory::{PageRun, pages_in};
use crate::trace::format::MAX_PAGES;

/// log2 of the pages in a region: what one page table maps.
pub(super) const REGION_SHIFT: u32 = 9;
pub(super) const REGION_PAGES: u32 = 1 << REGION_SHIFT;

/// The page after the last one of RAM, if RAM has as many pages as are `given`.
pub(super) fn agreed_pages(given: Option<u32>, ram: &[PageRun]) -> Result<u32, String> {
    let pages = pages_in(ram);
    match given {
        Some(given) if u64::from(given) != pages => Err(format!(
            "the VM's {given} pages in the ranges of RAM, found {pages}"
        )),
        _ => Ok(ram.last().map_or(0, |range| range.end() as u32)),
    }
}

/// Ranges as a trace has them: none, where there is no hole.
pub(super) fn with_holes(ram: Vec<PageRun>) -> Vec<PageRun> {
    match ram[..] {
        [PageRun { first: 0, .. }] => Vec::new(),
        _ => ram,
    }
}

/// Ranges of RAM as pages: first, and the page after the last, if the range is closed. An open one ends where RAM has
/// so many `pages`, if that is known, else at the end of what is known of memory.
pub(super) fn ram_pages(
    ranges: impl Iterator<Item = (u64, Option<u64>)>,
    pages: Option<u32>,
    known_end: u64,
) -> Vec<PageRun> {
    let mut before = 0;
    let mut of = |(first, end): (u64, Option<u64>)| {
        let end = end.unwrap_or_else(|| match pages {
            Some(pages) => first + u64::from(pages).saturating_sub(before),
            None => known_end,
        });
        before += end.saturating_sub(first);
        first..end
    };
    merged(ranges.map(&mut of).collect())
}

/// The runs of pages in ranges that may overlap, as far as a trace has pages.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<PageRun> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut runs: Vec<PageRun> = Vec::new();
    for range in ranges {
        let end = range.end.min(MAX_PAGES.into());
        let begun = runs.last().map_or(0, |run| run.end());
        let first = range.start.max(begun);
        if first >= end {
            continue;
        }
        let count = (end - first) as u32;
        match runs.last_mut() {
            Some(run) if begun == first && run.count > 0 => run.count += count,
            _ => runs.push(PageRun {
                first: first as u32,
                count,
            }),
        }
    }
    runs
}

/// From provisional to final numbers.
pub(super) struct Numbering {
    /// By provisional region.
    pub(super) first_pages: Vec<u32>,
    /// Pages of the memory; 0 where the highest page tells.
    pub(super) pages: u32,
    /// Which of them are RAM; empty: all.
    pub(super) ram: Vec<PageRun>,
    /// Pages without content: those of the regions that were never accessed, or as given.
    pub(super) zero_runs: Vec<PageRun>,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

impl Numbering {
    /// The final number of a page that [`AddressSpace::access`](super::addresses::AddressSpace::access) has numbered.
    pub(super) fn page(&self, provisional: u32) -> u32 {
        let first = self.first_pages.get((provisional >> REGION_SHIFT) as usize);
        first.map_or(0, |first| first + provisional % REGION_PAGES)
    }
}
