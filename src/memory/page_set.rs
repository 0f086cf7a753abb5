//! Sets of pages, one bit a page.

use super::PageId;

/// A set of host pages: one bit a page, with a running count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSet {
    words: Vec<u64>,
    pages: u32,
    count: u32,
}

impl PageSet {
    /// No page of a memory of `pages` pages.
    pub fn empty(pages: u32) -> Self {
        PageSet {
            words: vec![0; pages.div_ceil(64) as usize],
            pages,
            count: 0,
        }
    }

    /// Every page of a memory of `pages` pages.
    pub fn full(pages: u32) -> Self {
        let mut words = vec![u64::MAX; pages.div_ceil(64) as usize];
        if let Some(last) = words.last_mut()
            && !pages.is_multiple_of(64)
        {
            *last = (1 << (pages % 64)) - 1;
        }
        PageSet {
            words,
            pages,
            count: pages,
        }
    }

    /// These pages of a memory of `pages` pages; any beyond it are left out.
    pub fn of(pages: u32, members: impl IntoIterator<Item = PageId>) -> Self {
        let mut set = PageSet::empty(pages);
        for page in members.into_iter().filter(|page| *page < pages) {
            set.insert(page);
        }
        set
    }

    /// How many pages are in the set.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many pages the memory has.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Whether the set has the page; a page beyond the memory is in no set.
    pub fn contains(&self, page: PageId) -> bool {
        self.words
            .get((page / 64) as usize)
            .is_some_and(|word| word >> (page % 64) & 1 == 1)
    }

    /// Adds a page of the memory; says whether it is new.
    pub fn insert(&mut self, page: PageId) -> bool {
        debug_assert!(page < self.pages);
        let new = !self.contains(page);
        self.words[(page / 64) as usize] |= 1 << (page % 64);
        self.count += u32::from(new);
        new
    }

    /// Takes a page of the memory out; says whether it was in.
    pub fn remove(&mut self, page: PageId) -> bool {
        debug_assert!(page < self.pages);
        let had = self.contains(page);
        self.words[(page / 64) as usize] &= !(1 << (page % 64));
        self.count -= u32::from(had);
        had
    }

    /// How many pages from `page` on, one after the other and at most `most`, are all in the set, or all not in it, as
    /// `page` is.
    pub fn run_length(&self, page: PageId, most: u32) -> u32 {
        let most = most.min(self.pages.saturating_sub(page));
        let mut length = 0;
        // Turned so that the pages that go on the run are zeros.
        let flip = if self.contains(page) { u64::MAX } else { 0 };
        while length < most {
            let at = page + length;
            let word = (self.words[(at / 64) as usize] ^ flip) >> (at % 64);
            if word != 0 {
                return (length + word.trailing_zeros()).min(most);
            }
            length += 64 - at % 64;
        }
        most
    }

    /// The same from a page of the memory on downwards.
    pub fn run_length_until(&self, page: PageId, most: u32) -> u32 {
        let most = most.min(page.saturating_add(1));
        let mut length = 0;
        let flip = if self.contains(page) { u64::MAX } else { 0 };
        while length < most {
            let at = page - length;
            let word = (self.words[(at / 64) as usize] ^ flip) << (63 - at % 64);
            if word != 0 {
                return (length + word.leading_zeros()).min(most);
            }
            length += at % 64 + 1;
        }
        most
    }

    /// Adds a run of pages of the memory.
    pub fn insert_run(&mut self, first: PageId, count: u32) {
        debug_assert!(u64::from(first) + u64::from(count) <= u64::from(self.pages));
        let (mut at, mut left) = (first, count);
        while left > 0 {
            let here = left.min(64 - at % 64);
            let mask = (u64::MAX >> (64 - here)) << (at % 64);
            let word = &mut self.words[(at / 64) as usize];
            self.count += (!*word & mask).count_ones();
            *word |= mask;
            (at, left) = (at + here, left - here);
        }
    }

    /// Takes a run of pages of the memory out.
    pub fn remove_run(&mut self, first: PageId, count: u32) {
        debug_assert!(u64::from(first) + u64::from(count) <= u64::from(self.pages));
        let (mut at, mut left) = (first, count);
        while left > 0 {
            let here = left.min(64 - at % 64);
            let mask = (u64::MAX >> (64 - here)) << (at % 64);
            let word = &mut self.words[(at / 64) as usize];
            self.count -= (*word & mask).count_ones();
            *word &= !mask;
            (at, left) = (at + here, left - here);
        }
    }

    /// The pages, of a memory of so many, that hold any of these, which are smaller by a power of two.
    pub fn coarsened(&self, shift: u32, pages: u32) -> PageSet {
        let mut coarse = PageSet::empty(pages);
        let mut next = self.first_from(0);
        while let Some(page) = next {
            let count = self.run_length(page, u32::MAX);
            let (first, last) = (page >> shift, (page + (count - 1)) >> shift);
            coarse.insert_run(first, last - first + 1);
            next = self.first_from(page + count);
        }
        coarse
    }

    /// The pages, of a memory of so many, that are in any of these, which are larger by a power of two.
    pub fn refined(&self, shift: u32, pages: u32) -> PageSet {
        let mut fine = PageSet::empty(pages);
        let mut next = self.first_from(0);
        while let Some(page) = next {
            let count = self.run_length(page, u32::MAX);
            // The last one may go beyond the memory.
            let end = (u64::from(page + count) << shift).min(pages.into()) as u32;
            fine.insert_run(page << shift, end - (page << shift));
            next = self.first_from(page + count);
        }
        fine
    }

    /// Takes out what is not in another set of the same memory.
    pub fn retain(&mut self, other: &PageSet) {
        self.combine(other, |word, other| word & other);
    }

    /// Takes out what is in another set of the same memory.
    pub fn remove_all(&mut self, other: &PageSet) {
        self.combine(other, |word, other| word & !other);
    }

    fn combine(&mut self, other: &PageSet, with: impl Fn(u64, u64) -> u64) {
        self.count = 0;
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = with(*word, *other);
            self.count += word.count_ones();
        }
    }

    /// The lowest page of the set that is not below `from`.
    pub fn first_from(&self, from: PageId) -> Option<PageId> {
        let start = (from / 64) as usize;
        let below = u64::MAX << (from % 64);
        let masked = self.words.get(start)? & below;
        if masked != 0 {
            return Some(start as u32 * 64 + masked.trailing_zeros());
        }
        let (index, word) = self
            .words
            .iter()
            .enumerate()
            .skip(start + 1)
            .find(|(_, word)| **word != 0)?;
        Some(index as u32 * 64 + word.trailing_zeros())
    }

    /// The highest page of the set that is not above `until`.
    pub fn last_until(&self, until: PageId) -> Option<PageId> {
        let until = until.min(self.pages.checked_sub(1)?);
        let start = (until / 64) as usize;
        let masked = self.words[start] & (u64::MAX >> (63 - until % 64));
        if masked != 0 {
            return Some(start as u32 * 64 + 63 - masked.leading_zeros());
        }
        let (index, word) = self.words[..start]
            .iter()
            .enumerate()
            .rfind(|(_, word)| **word != 0)?;
        Some(index as u32 * 64 + 63 - word.leading_zeros())
    }

    /// The page of the set that is nearest to `page`, no farther than `within`; of two the lower.
    pub fn nearest(&self, page: PageId, within: u32) -> Option<PageId> {
        let end = self.pages.checked_sub(1)?;
        if within < 32 && page <= end {
            return self.nearest_within_a_word(page, within);
        }
        let below = self.last_between(page.saturating_sub(within), page.min(end));
        if below == Some(page) {
            return below;
        }
        let above = self.first_between(page, page.saturating_add(within).min(end));
        let both = [below, above].into_iter().flatten();
        both.min_by_key(|found| found.abs_diff(page))
    }

    /// The same for a page of the memory and a `within` below 32, without branches that the set decides.
    fn nearest_within_a_word(&self, page: PageId, within: u32) -> Option<PageId> {
        let from = page.saturating_sub(within);
        let (index, shift) = ((from / 64) as usize, from % 64);
        let above = self.words.get(index + 1).copied().unwrap_or_default();
        let bits = self.words[index] >> shift | above << 1 << (63 - shift);
        let middle = page - from;
        let down = (bits << (63 - middle)).leading_zeros();
        let up = (bits >> middle & ((2 << within) - 1)).trailing_zeros();
        match down.min(up) {
            64 => None,
            _ if down <= up => Some(page - down),
            _ => Some(page + up),
        }
    }

    /// The lowest page of the set from `from` on that is not above `until`.
    pub fn first_between(&self, from: PageId, until: PageId) -> Option<PageId> {
        let until = until.min(self.pages.checked_sub(1)?);
        let mut index = from / 64;
        let mut word = self.words.get(index as usize)? & (u64::MAX << (from % 64));
        while word == 0 && index < until / 64 {
            index += 1;
            word = self.words[index as usize];
        }
        let found = index * 64 + word.trailing_zeros();
        (word != 0 && found <= until).then_some(found)
    }

    fn last_between(&self, from: PageId, until: PageId) -> Option<PageId> {
        let mut index = until / 64;
        let mut word = self.words.get(index as usize)? & (u64::MAX >> (63 - until % 64));
        while word == 0 && index > from / 64 {
            index -= 1;
            word = self.words[index as usize];
        }
        let found = (index * 64 + 63).checked_sub(word.leading_zeros())?;
        (word != 0 && found >= from).then_some(found)
    }

    /// The pages in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = PageId> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let page = self.first_from(from)?;
            from = page + 1;
            Some(page)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pages_beyond_the_memory_are_left_out() {
        assert_eq!(PageSet::of(10, [9, 10, 11]), PageSet::of(10, [9]));
        assert_eq!(PageSet::of(10, [9, 10, 11]).count(), 1);
    }

    #[test]
    fn larger_and_smaller_pages_hold_each_other() {
        // The last large page goes beyond the memory.
        let small = PageSet::of(11, [1, 2, 10]);
        let large = small.coarsened(2, 3);
        assert_eq!(large, PageSet::of(3, [0, 2]));
        assert_eq!(
            large.refined(2, 11),
            PageSet::of(11, [0, 1, 2, 3, 8, 9, 10])
        );
    }

    proptest! {
        #[test]
        fn page_set_is_a_set(pages in 1u32..200, picks in prop::collection::vec((0u32..200, any::<bool>()), 0..400), from in 0u32..260, within in 0u32..260) {
            let mut set = PageSet::full(pages);
            let mut model: std::collections::BTreeSet<u32> = (0..pages).collect();
            for (page, add) in picks {
                let page = page % pages;
                if add {
                    prop_assert_eq!(set.insert(page), model.insert(page));
                } else {
                    prop_assert_eq!(set.remove(page), model.remove(&page));
                }
            }
            prop_assert_eq!(set.count() as usize, model.len());
            prop_assert_eq!(set.first_from(from), model.range(from..).next().copied());
            let between = model.iter().copied().find(|page| (from..=from + within).contains(page));
            prop_assert_eq!(set.first_between(from, from + within), between);
            prop_assert_eq!(set.last_until(from), model.range(..=from).next_back().copied());
            let near = model.iter().copied().filter(|page| page.abs_diff(from) <= within);
            prop_assert_eq!(set.nearest(from, within), near.min_by_key(|page| page.abs_diff(from)));
            prop_assert!(set.iter().eq(model.iter().copied()));
            let odd = PageSet::of(pages, (0..pages).filter(|page| page % 2 == 1));
            let (mut kept, mut rest) = (set.clone(), set.clone());
            kept.retain(&odd);
            rest.remove_all(&odd);
            prop_assert!(kept.iter().eq(model.iter().copied().filter(|page| page % 2 == 1)));
            prop_assert!(rest.iter().eq(model.iter().copied().filter(|page| page % 2 == 0)));
            prop_assert_eq!(kept.count() + rest.count(), set.count());
            if from < pages {
                let is_like_first = |page: &u32| model.contains(page) == model.contains(&from);
                let run = (from..pages).take_while(is_like_first).take(within as usize);
                prop_assert_eq!(set.run_length(from, within), run.count() as u32);
                let run = (0..=from).rev().take_while(is_like_first).take(within as usize);
                prop_assert_eq!(set.run_length_until(from, within), run.count() as u32);
                let last = from.saturating_add(within).min(pages);
                set.remove_run(from, last - from);
                model.retain(|page| !(from..last).contains(page));
                prop_assert_eq!(set.count() as usize, model.len());
                prop_assert!(set.iter().eq(model.iter().copied()));
                set.insert_run(from / 2, last - from);
                model.extend(from / 2..from / 2 + (last - from));
                prop_assert_eq!(set.count() as usize, model.len());
                prop_assert!(set.iter().eq(model.iter().copied()));
            }
        }
    }
}
