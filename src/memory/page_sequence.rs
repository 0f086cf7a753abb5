//! Pages in the order in which they are sent.
//!
//! Whoever carries pages need not know which they are: a page goes by its number in the sequence. So pages that lie
//! anywhere in memory travel as one run.

use std::collections::VecDeque;

use super::PageId;

/// Neighbouring pages of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first page's number.
    pub number: u64,
    /// The first page.
    pub first: PageId,
    /// How many pages.
    pub count: u32,
    /// Whether each lies below the one before, and not above it.
    pub downwards: bool,
}

impl Stretch {
    /// Number of the page behind the last.
    fn end(&self) -> u64 {
        self.number + u64::from(self.count)
    }

    /// The lowest page.
    pub fn lowest(&self) -> PageId {
        if self.downwards {
            self.first - (self.count - 1)
        } else {
            self.first
        }
    }

    /// The page's number, if it is among them.
    pub fn number_of(&self, page: PageId) -> Option<u64> {
        let ahead = if self.downwards {
            self.first.checked_sub(page)
        } else {
            page.checked_sub(self.first)
        };
        let ahead = ahead.filter(|ahead| *ahead < self.count)?;
        Some(self.number + u64::from(ahead))
    }

    /// Without its first `count` pages.
    fn after(self, count: u32) -> Self {
        let first = if self.downwards {
            self.first.wrapping_sub(count) // none is left, if that is below the first page
        } else {
            self.first + count
        };
        Stretch {
            number: self.number + u64::from(count),
            first,
            count: self.count - count,
            ..self
        }
    }

    /// With these pages behind it, if they are its neighbours.
    fn grown(&self, behind: &Stretch) -> Option<Stretch> {
        let &Stretch { first, count, .. } = behind;
        let grown = Stretch {
            count: self.count + count,
            ..*self
        };
        let goes = |part: &Stretch, downwards| part.count == 1 || part.downwards == downwards;
        let upwards = goes(self, false) && goes(behind, false);
        let downwards = goes(self, true) && goes(behind, true);
        if upwards && self.first + self.count == first {
            Some(Stretch {
                downwards: false,
                ..grown
            })
        } else if downwards && self.first.checked_sub(self.count) == Some(first) {
            Some(Stretch {
                downwards: true,
                ..grown
            })
        } else {
            None
        }
    }
}

/// The pages, numbered from 0 on. A page that is sent again is in it again.
#[derive(Debug, Default)]
pub struct PageSequence {
    stretches: VecDeque<Stretch>,
    /// The next page's number.
    next: u64,
    /// More stretches are many.
    long: usize,
}

/// A sequence of so many stretches is not long.
const SHORT: usize = 64;

impl PageSequence {
    /// The next page's number.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// How many stretches are remembered.
    pub fn stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Whether so many are that it is worth while to forget some.
    pub fn is_long(&self) -> bool {
        self.stretches.len() > self.long
    }

    /// Adds `count` pages, from `first` on upwards or downwards.
    pub fn push(&mut self, first: PageId, count: u32, downwards: bool) {
        let added = Stretch {
            number: self.next,
            first,
            count,
            downwards,
        };
        self.next += u64::from(count);
        if let Some(last) = self.stretches.back_mut()
            && let Some(grown) = last.grown(&added)
        {
            *last = grown;
        } else {
            self.stretches.push_back(added);
        }
    }

    /// The page's number, the last one if it has several.
    pub fn find(&self, page: PageId) -> Option<u64> {
        let mut latest = self.stretches.iter().rev();
        latest.find_map(|stretch| stretch.number_of(page))
    }

    /// So many pages from a number on.
    pub fn range(&self, from: u64, count: u32) -> impl Iterator<Item = Stretch> + '_ {
        let end = from + u64::from(count);
        let place = self
            .stretches
            .partition_point(|stretch| stretch.end() <= from);
        let within = (self.stretches.range(place..)).take_while(move |part| part.number < end);
        within.map(move |stretch| {
            let mut part = stretch.after(from.saturating_sub(stretch.number) as u32);
            part.count -= part.end().saturating_sub(end) as u32;
            part
        })
    }

    /// Pages before this number are forgotten.
    pub fn forget_before(&mut self, number: u64) {
        while self
            .stretches
            .front()
            .is_some_and(|first| first.end() <= number)
        {
            self.stretches.pop_front();
        }
        self.long = SHORT + 2 * self.stretches.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_page_is_found_by_its_number(
            runs in prop::collection::vec((3u32..20, 1u32..4, any::<bool>()), 1..40),
            (from, count, forgotten) in (0usize..80, 1usize..40, 0usize..40),
        ) {
            let mut sequence = PageSequence::default();
            let mut pages = Vec::new();
            for (first, run, downwards) in runs {
                sequence.push(first, run, downwards);
                let page = |ahead| if downwards { first - ahead } else { first + ahead };
                pages.extend((0..run).map(page));
            }
            prop_assert_eq!(sequence.next_number(), pages.len() as u64);
            let from = from.min(pages.len() - 1);
            let count = count.min(pages.len() - from);
            sequence.forget_before(forgotten.min(from) as u64);
            let mut found = Vec::new();
            for stretch in sequence.range(from as u64, count as u32) {
                let pages = stretch.lowest()..stretch.lowest() + stretch.count;
                prop_assert_eq!(stretch.number, (from + found.len()) as u64);
                let mut pages: Vec<_> = pages.collect();
                if stretch.downwards {
                    pages.reverse();
                }
                for (page, number) in pages.iter().zip(stretch.number..) {
                    prop_assert_eq!(stretch.number_of(*page), Some(number));
                }
                found.extend(pages);
            }
            prop_assert_eq!(&found[..], &pages[from..from + count]);
            for page in &found {
                let last = pages.iter().rposition(|other| other == page);
                prop_assert_eq!(sequence.find(*page), last.map(|last| last as u64));
            }
            prop_assert_eq!(sequence.find(99), None);
        }
    }

    #[test]
    fn neighbours_in_either_direction_are_one_stretch() {
        let mut sequence = PageSequence::default();
        for page in [9, 8, 7, 0, 1] {
            sequence.push(page, 1, false);
        }
        sequence.push(2, 5, false);
        let parts: Vec<_> = sequence.range(1, 5).collect();
        assert_eq!(sequence.stretches(), 2);
        assert_eq!(
            (parts[0].first, parts[0].lowest(), parts[0].count),
            (8, 7, 2)
        );
        assert_eq!(
            (parts[1].first, parts[1].lowest(), parts[1].count),
            (0, 0, 3)
        );
    }
}
