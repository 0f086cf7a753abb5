//! Where the guest has RAM: ranges of guest-physical pages, with holes between them for devices.
//!
//! Pages of RAM are numbered in order, without the holes, as a hypervisor's block of memory or its file has them
//! (QEMU's `ram_addr_t`, Firecracker's memory file): that is a page's *place*.

use std::borrow::Cow;
use std::sync::Arc;

use super::PageRun;

/// The ranges of guest-physical pages that are RAM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ram(Option<Arc<[PageRun]>>);

impl Ram {
    /// RAM without holes, from page 0 on.
    pub const WITHOUT_HOLES: Ram = Ram(None);

    /// RAM in these ranges, ascending and without overlap; with none, it has no holes.
    pub fn new(ranges: &[PageRun]) -> Self {
        Ram((!ranges.is_empty()).then(|| ranges.into()))
    }

    /// The place of a page in RAM; `None` where there is none.
    pub fn place(&self, page: u32) -> Option<u32> {
        let Some(ranges) = &self.0 else {
            return Some(page);
        };
        let mut before = 0;
        for range in ranges.iter() {
            if page < range.first {
                return None;
            }
            if u64::from(page) < range.end() {
                return Some(before + (page - range.first));
            }
            before += range.count;
        }
        None
    }

    /// The places of those pages of ascending runs that are RAM.
    pub fn places<'a>(&self, runs: &'a [PageRun]) -> Cow<'a, [PageRun]> {
        if self.0.is_none() {
            return runs.into();
        }
        let mut places = self.within(runs).into_owned();
        for run in &mut places {
            run.first = self.place(run.first).unwrap_or(run.first);
        }
        places.into()
    }

    /// Those pages of ascending runs that are RAM; no run goes across a hole.
    pub fn within<'a>(&self, runs: &'a [PageRun]) -> Cow<'a, [PageRun]> {
        let Some(ranges) = &self.0 else {
            return runs.into();
        };
        let mut rest = runs;
        let mut within = Vec::new();
        for range in ranges.iter() {
            // Runs that end before the range are of none.
            rest = &rest[rest.partition_point(|run| run.end() <= range.first.into())..];
            within.extend(rest.iter().map_while(|run| run.common(*range)));
        }
        within.into()
    }
}

/// How many pages ranges have.
pub fn pages_in(ranges: &[PageRun]) -> u64 {
    ranges.iter().map(|range| u64::from(range.count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_leave_the_holes_out(
            gaps in prop::collection::vec((0u32..5, 1u32..6), 1..6),
            zero in prop::collection::vec((0u32..4, 1u32..9), 0..8),
        ) {
            let runs = |gaps: &[(u32, u32)]| {
                let mut end = 0;
                let mut run = |&(gap, count): &(u32, u32)| {
                    let first = end + gap;
                    end = first + count;
                    PageRun { first, count }
                };
                gaps.iter().map(&mut run).collect::<Vec<_>>()
            };
            let (ranges, zero) = (runs(&gaps), runs(&zero));
            let pages: Vec<u32> = ranges.iter().flat_map(|run| run.first..run.first + run.count).collect();
            let ram = Ram::new(&ranges);
            for page in 0..100 {
                let place = pages.iter().position(|of_ram| *of_ram == page);
                prop_assert_eq!(ram.place(page), place.map(|place| place as u32));
            }
            let is_zero = |page: u32| zero.iter().any(|run| run.contains(page));
            let expected: Vec<u32> = (0u32..).zip(&pages).filter(|(_, page)| is_zero(**page)).map(|(place, _)| place).collect();
            let places: Vec<u32> = ram.places(&zero).iter().flat_map(|run| run.first..run.first + run.count).collect();
            prop_assert_eq!(places, expected);
            prop_assert_eq!(pages_in(&ranges), pages.len() as u64);
        }
    }
}
