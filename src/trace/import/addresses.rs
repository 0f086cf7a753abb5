//! Addresses become pages of a compact memory, by the rule in [`crate::trace::import`].

use super::{Addresses, Refusal};
use crate::memory::PageRun;
use crate::trace::format::MAX_PAGES;
use crate::trace::interner::Interner;

/// log2 of the pages in a region: what one page table maps.
const REGION_SHIFT: u32 = 9;
const REGION_PAGES: u32 = 1 << REGION_SHIFT;

/// 128 GiB of 4 KiB pages. The worst zero map, every second page, is then just within a trace's limit of 2^24 runs.
const MAX_REGIONS: u32 = 1 << 16;

/// The regions that have been accessed so far, in the order in which they were.
pub(super) struct AddressSpace {
    kind: Addresses,
    page_shift: u32,
    /// Pages of the machine, where addresses are physical.
    pages: u64,
    regions: Interner,
    /// Which pages of each region were accessed.
    touched: Vec<[u64; REGION_PAGES as usize / 64]>,
}

impl AddressSpace {
    /// `pages` of the machine count where addresses are physical; `None`: as many as a trace may have.
    pub(super) fn new(kind: Addresses, page_shift: u32, pages: Option<u32>) -> Self {
        AddressSpace {
            kind,
            page_shift,
            pages: pages.unwrap_or(MAX_PAGES).into(),
            regions: Interner::new(MAX_REGIONS),
            touched: Vec::new(),
        }
    }

    pub(super) fn kind(&self) -> Addresses {
        self.kind
    }

    /// The pages, in units of the page size, from the first byte of an access to its last.
    pub(super) fn pages(&self, address: u64, size: u64) -> std::ops::RangeInclusive<u64> {
        let last = address.saturating_add(size.saturating_sub(1));
        address >> self.page_shift..=last >> self.page_shift
    }

    /// The provisional number of an accessed page: its region's number, then its place in the region.
    #[inline]
    pub(super) fn access(&mut self, process: u32, page: u64) -> Result<u32, Refusal> {
        if self.kind == Addresses::Physical && page >= self.pages {
            return Err(Refusal::Line(format!(
                "a physical address below {:#x}, found one of page {page}",
                self.pages << self.page_shift
            )));
        }
        let region = self.regions.index((process, page >> REGION_SHIFT));
        let region = region.ok_or_else(|| {
            Refusal::Limit(format!(
                "accesses to at most {MAX_REGIONS} regions of {REGION_PAGES} pages (a larger page size makes fewer of them)"
            ))
        })?;
        if region as usize == self.touched.len() {
            self.touched.push([0; REGION_PAGES as usize / 64]);
        }
        let place = page as u32 % REGION_PAGES;
        if let Some(word) = self
            .touched
            .get_mut(region as usize)
            .and_then(|words| words.get_mut(place as usize / 64))
        {
            *word |= 1 << (place % 64);
        }
        Ok(region << REGION_SHIFT | place)
    }

    /// The final numbers, now that all regions are known.
    pub(super) fn numbering(self) -> Numbering {
        let keys = self.regions.into_keys();
        if self.kind == Addresses::Physical {
            let first_pages = keys
                .iter()
                .map(|&(_, region)| (region as u32) << REGION_SHIFT);
            return Numbering {
                first_pages: first_pages.collect(),
                pages: 0,
                zero_runs: Vec::new(),
            };
        }
        let mut by_address: Vec<_> = keys.iter().zip(&self.touched).enumerate().collect();
        by_address.sort_unstable_by_key(|&(_, (key, _))| key);
        let mut first_pages = vec![0; keys.len()];
        let mut zero_runs: Vec<PageRun> = Vec::new();
        for (rank, (index, (_, touched))) in by_address.into_iter().enumerate() {
            let first = (rank as u32) << REGION_SHIFT;
            first_pages[index] = first;
            for place in 0..REGION_PAGES {
                if touched[place as usize / 64] >> (place % 64) & 1 == 1 {
                    continue;
                }
                match zero_runs.last_mut() {
                    Some(run) if run.end() == u64::from(first + place) => run.count += 1,
                    _ => zero_runs.push(PageRun {
                        first: first + place,
                        count: 1,
                    }),
                }
            }
        }
        Numbering {
            pages: (keys.len() as u32) << REGION_SHIFT,
            first_pages,
            zero_runs,
        }
    }
}

/// From provisional to final numbers.
pub(super) struct Numbering {
    /// By provisional region.
    first_pages: Vec<u32>,
    /// Pages of the memory; 0 where the highest page tells.
    pub(super) pages: u32,
    /// Pages of the regions that were never accessed.
    pub(super) zero_runs: Vec<PageRun>,
}

impl Numbering {
    /// The final number of a page that [`AddressSpace::access`] has numbered.
    pub(super) fn page(&self, provisional: u32) -> u32 {
        let first = self.first_pages.get((provisional >> REGION_SHIFT) as usize);
        first.map_or(0, |first| first + provisional % REGION_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(kind: Addresses, accesses: &[(u32, u64)]) -> (Vec<u32>, Numbering) {
        let mut space = AddressSpace::new(kind, 12, None);
        let provisional: Vec<_> = accesses
            .iter()
            .map(|&(process, page)| space.access(process, page).ok().unwrap())
            .collect();
        let numbering = space.numbering();
        (
            provisional
                .iter()
                .map(|&page| numbering.page(page))
                .collect(),
            numbering,
        )
    }

    #[test]
    fn neighbours_stay_neighbours_and_gaps_collapse() {
        let stack = 0x7_ffff_ffff;
        let (pages, numbering) = numbered(
            Addresses::Virtual,
            &[(0, stack), (0, 0x401), (0, 0x5ff), (0, 0x600), (1, 0x401)],
        );
        // Regions 2 and 3 of the first process, its stack, then the second process.
        assert_eq!(pages, [2 * 512 + 511, 1, 511, 512, 3 * 512 + 1]);
        assert_eq!(numbering.pages, 4 * 512);
        let zero: u32 = numbering.zero_runs.iter().map(|run| run.count).sum();
        assert_eq!(zero, 4 * 512 - 5);
        assert_eq!(numbering.zero_runs[0], PageRun { first: 0, count: 1 });
        assert_eq!(
            numbering.zero_runs[2],
            PageRun {
                first: 513,
                count: 2 * 512 + 511 - 513
            }
        );
    }

    #[test]
    fn physical_pages_stay() {
        let (pages, numbering) = numbered(Addresses::Physical, &[(0, 70_000), (0, 3)]);
        assert_eq!((pages, numbering.pages), (vec![70_000, 3], 0));
        assert!(numbering.zero_runs.is_empty());
        let mut space = AddressSpace::new(Addresses::Physical, 12, None);
        assert!(matches!(space.access(0, 1 << 30), Err(Refusal::Line(_))));
    }

    #[test]
    fn regions_are_limited() {
        let mut space = AddressSpace::new(Addresses::Virtual, 12, None);
        for region in 0..u64::from(MAX_REGIONS) {
            assert!(space.access(0, region << REGION_SHIFT).is_ok());
        }
        assert!(space.access(0, 511).is_ok());
        assert!(matches!(space.access(1, 0), Err(Refusal::Limit(_))));
    }
}
