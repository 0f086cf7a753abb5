//! Addresses become pages of a compact memory, by the rule in [`crate::trace::import`].

use std::ops::RangeInclusive;

use super::intervals::Intervals;
use super::numbering::{Numbering, REGION_PAGES, REGION_SHIFT, ram_pages};
use super::{Addresses, Refusal};
use crate::memory::PageRun;
use crate::trace::format::MAX_PAGES;
use crate::trace::interner::Interner;
use crate::units::AddressRange;

/// 128 GiB of 4 KiB pages. The worst zero map, every second page, is then just within a trace's limit of 2^24 runs.
const MAX_REGIONS: u32 = 1 << 16;

/// The regions that have been accessed so far, in the order in which they were.
pub(super) struct AddressSpace {
    kind: Addresses,
    page_shift: u32,
    /// Pages of the machine's memory, where addresses are physical; `None`: as many as a trace may have.
    given: Option<u32>,
    /// What is memory; empty: all.
    memory: Vec<MemoryRange>,
    /// Addresses that are not memory.
    outside: u64,
    regions: Interner,
    /// Which pages of each region were accessed.
    touched: Vec<Touched>,
    /// Pages that hold content, accessed or not, by process.
    occupied: Intervals<u32>,
}

/// A bit for each page of a region.
type Touched = [u64; REGION_PAGES as usize / 64];

/// A range of addresses that is memory.
#[derive(Debug, Clone, Copy)]
struct MemoryRange {
    first: u64,
    /// [`u64::MAX`] of a range that is open.
    last: u64,
    /// What its addresses count from.
    origin: u64,
}

impl MemoryRange {
    /// The page of an address in the range.
    fn page(&self, address: u64, page_shift: u32) -> u64 {
        (address - self.origin) >> page_shift
    }
}

impl AddressSpace {
    /// `pages` of the machine count where addresses are physical; `None`: as many as a trace may have.
    pub(super) fn new(
        kind: Addresses,
        page_shift: u32,
        pages: Option<u32>,
        ram: &[AddressRange],
    ) -> Self {
        let memory = match kind {
            Addresses::Mapping { base, bytes } => {
                let given = pages.map(|pages| u64::from(pages) << page_shift);
                let last = |bytes: u64| base.saturating_add(bytes.saturating_sub(1));
                vec![MemoryRange {
                    first: base,
                    last: bytes.or(given).map_or(u64::MAX, last),
                    origin: base,
                }]
            }
            Addresses::Virtual | Addresses::Physical => ram
                .iter()
                .map(|range| MemoryRange {
                    first: range.start,
                    last: range.end.map_or(u64::MAX, |end| end.saturating_sub(1)),
                    origin: 0,
                })
                .collect(),
        };
        AddressSpace {
            kind,
            page_shift,
            given: pages,
            memory,
            outside: 0,
            regions: Interner::new(MAX_REGIONS),
            touched: Vec::new(),
            occupied: Intervals::default(),
        }
    }

    pub(super) fn kind(&self) -> Addresses {
        self.kind
    }

    /// The pages, in units of the page size, from the first byte of an access to its last. `None`, and counted, where
    /// it begins outside the memory.
    #[inline]
    pub(super) fn pages(&mut self, address: u64, size: u64) -> Option<RangeInclusive<u64>> {
        let mut last = address.saturating_add(size.saturating_sub(1));
        let mut origin = 0;
        if !self.memory.is_empty() {
            let within = |range: &&MemoryRange| (range.first..=range.last).contains(&address);
            let Some(range) = self.memory.iter().find(within) else {
                self.outside += 1;
                return None;
            };
            last = last.min(range.last);
            origin = range.origin;
        }
        let page = |address: u64| (address - origin) >> self.page_shift;
        Some(page(address)..=page(last))
    }

    /// The pages from `start` up to, but without, `end`, as far as they are memory.
    pub(super) fn pages_of_range(&mut self, start: u64, end: u64) -> Vec<RangeInclusive<u64>> {
        let (first, last) = (start, end.saturating_sub(1));
        let shift = self.page_shift;
        if self.memory.is_empty() {
            return vec![first >> shift..=last >> shift];
        }
        let parts = self.memory.iter().filter_map(|range| {
            let (first, last) = (first.max(range.first), last.min(range.last));
            (first <= last).then(|| range.page(first, shift)..=range.page(last, shift))
        });
        let parts: Vec<_> = parts.collect();
        self.outside += u64::from(parts.is_empty());
        parts
    }

    /// Pages that hold content, whether they are accessed or not.
    pub(super) fn occupied(&mut self, process: u32, pages: RangeInclusive<u64>) {
        self.occupied.insert(process, pages);
    }

    /// What was dropped.
    pub(super) fn notes(&self) -> Vec<String> {
        let outside = self.outside;
        match self.kind {
            _ if outside == 0 => Vec::new(),
            Addresses::Mapping { .. } => {
                vec![format!(
                    "{outside} accesses outside the mapping were dropped"
                )]
            }
            _ => vec![format!("{outside} accesses outside the RAM were dropped")],
        }
    }

    /// The provisional number of an accessed page: its region's number, then its place in the region.
    #[inline]
    pub(super) fn access(&mut self, process: u32, page: u64) -> Result<u32, Refusal> {
        let given = self.given.filter(|_| self.memory.is_empty());
        let pages = u64::from(given.unwrap_or(MAX_PAGES));
        if self.kind != Addresses::Virtual && page >= pages {
            return Err(Refusal::Line(format!(
                "a physical address below {:#x}, found one of page {page}",
                pages << self.page_shift
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

    /// The final numbers, now that all regions are known. `zero_runs` are those of a machine's memory.
    pub(super) fn numbering(self, zero_runs: &[PageRun]) -> Numbering {
        if self.kind == Addresses::Virtual {
            self.compact()
        } else {
            self.identity(zero_runs)
        }
    }

    /// Every region counts from its own address. Between ranges of RAM there are holes; an open one ends with the
    /// machine's memory, if its size is known, else with the last page that was accessed or is zero.
    fn identity(self, zero_runs: &[PageRun]) -> Numbering {
        let keys = self.regions.into_keys();
        let touched = keys.iter().zip(&self.touched).filter_map(|(key, touched)| {
            let last = (0..REGION_PAGES).rfind(|place| is_touched(touched, *place))?;
            Some((key.1 << REGION_SHIFT) + u64::from(last) + 1)
        });
        let known = zero_runs.last().map_or(0, |run| run.end());
        let ranges = self.memory.iter().map(|range| {
            let page = |address| range.page(address, self.page_shift);
            let end = (range.last < u64::MAX).then(|| page(range.last) + 1);
            (page(range.first), end)
        });
        let ram = ram_pages(ranges, self.given, known.max(touched.max().unwrap_or(0)));
        let first_pages = keys
            .iter()
            .map(|&(_, region)| (region as u32) << REGION_SHIFT);
        Numbering {
            first_pages: first_pages.collect(),
            pages: ram.last().map_or(0, |range| range.end() as u32),
            zero_runs: zero_runs.to_vec(),
            ram,
            notes: Vec::new(),
        }
    }

    /// One region after another, in order of address.
    fn compact(mut self) -> Numbering {
        let notes = self.touch_occupied();
        let keys = self.regions.into_keys();
        let mut by_address: Vec<_> = keys.iter().zip(&self.touched).enumerate().collect();
        by_address.sort_unstable_by_key(|&(_, (key, _))| key);
        let mut first_pages = vec![0; keys.len()];
        let mut zero_runs: Vec<PageRun> = Vec::new();
        for (rank, (index, (_, touched))) in by_address.into_iter().enumerate() {
            let first = (rank as u32) << REGION_SHIFT;
            first_pages[index] = first;
            for place in 0..REGION_PAGES {
                if is_touched(touched, place) {
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
            ram: Vec::new(),
            first_pages,
            zero_runs,
            notes,
        }
    }

    /// How many regions there are with idle pages in them, which are in order.
    fn regions_with(&self, idle: &Intervals<u32>) -> usize {
        let of = |pages: RangeInclusive<u64>| {
            pages.start() >> REGION_SHIFT..=pages.end() >> REGION_SHIFT
        };
        let all = idle
            .iter()
            .flat_map(|(process, pages)| of(pages).map(move |region| (process, region)));
        let mut last = None;
        let new =
            all.filter(|key| last.replace(*key) != Some(*key) && !self.regions.contains(*key));
        self.touched.len() + new.count()
    }

    /// Takes idle pages with content in, if all of them fit.
    fn touch_occupied(&mut self) -> Vec<String> {
        let occupied = std::mem::take(&mut self.occupied);
        let regions = |pages: &RangeInclusive<u64>| {
            (pages.end() >> REGION_SHIFT) - (pages.start() >> REGION_SHIFT) + 1
        };
        let needed = occupied.iter().fold(0, |sum: u64, (_, pages)| {
            sum.saturating_add(regions(&pages))
        });
        if needed > MAX_REGIONS.into() || self.regions_with(&occupied) > MAX_REGIONS as usize {
            return vec![format!(
                "memory that was never accessed is left out: with it there would be more than {MAX_REGIONS} regions of \
                 {REGION_PAGES} pages (a larger page size makes fewer of them)"
            )];
        }
        for (process, pages) in occupied.iter() {
            let mut page = *pages.start();
            while page <= *pages.end() {
                let region = self.regions.index((process, page >> REGION_SHIFT));
                let region = region.unwrap_or_default() as usize;
                if region >= self.touched.len() {
                    self.touched
                        .resize(region + 1, [0; REGION_PAGES as usize / 64]);
                }
                let last = (*pages.end()).min(page | u64::from(REGION_PAGES - 1));
                for place in page..=last {
                    let place = place as usize % REGION_PAGES as usize;
                    self.touched[region][place / 64] |= 1 << (place % 64);
                }
                page = last + 1;
            }
        }
        Vec::new()
    }
}

fn is_touched(region: &Touched, place: u32) -> bool {
    region[place as usize / 64] >> (place % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(kind: Addresses, accesses: &[(u32, u64)]) -> (Vec<u32>, Numbering) {
        let mut space = AddressSpace::new(kind, 12, None, &[]);
        let provisional: Vec<_> = accesses
            .iter()
            .map(|&(process, page)| space.access(process, page).ok().unwrap())
            .collect();
        let numbering = space.numbering(&[]);
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
        let mut space = AddressSpace::new(Addresses::Physical, 12, None, &[]);
        assert!(matches!(space.access(0, 1 << 30), Err(Refusal::Line(_))));
    }

    #[test]
    fn regions_are_limited() {
        let mut space = AddressSpace::new(Addresses::Virtual, 12, None, &[]);
        for region in 0..u64::from(MAX_REGIONS) {
            assert!(space.access(0, region << REGION_SHIFT).is_ok());
        }
        assert!(space.access(0, 511).is_ok());
        assert!(matches!(space.access(1, 0), Err(Refusal::Limit(_))));
    }
}
