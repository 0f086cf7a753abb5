//! Sets of pages as few long intervals.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Pages by group, as intervals that neither overlap nor touch.
#[derive(Debug)]
pub(super) struct Intervals<G> {
    /// First page to last page.
    ends: BTreeMap<(G, u64), u64>,
}

impl<G> Default for Intervals<G> {
    fn default() -> Self {
        Intervals {
            ends: BTreeMap::new(),
        }
    }
}

impl<G: Ord + Copy> Intervals<G> {
    /// Adds pages of a group.
    pub(super) fn insert(&mut self, group: G, pages: RangeInclusive<u64>) {
        let (mut first, mut last) = pages.into_inner();
        let until = last.saturating_add(1);
        // From the last one: those that overlap or touch become one.
        while let Some((&(_, start), &end)) =
            self.ends.range((group, 0)..=(group, until)).next_back()
            && end.saturating_add(1) >= first
        {
            if start <= first && end >= last {
                return;
            }
            self.ends.remove(&(group, start));
            first = first.min(start);
            last = last.max(end);
        }
        self.ends.insert((group, first), last);
    }

    /// All intervals, by group and page.
    pub(super) fn iter(&self) -> impl Iterator<Item = (G, RangeInclusive<u64>)> {
        self.ends
            .iter()
            .map(|(&(group, first), &last)| (group, first..=last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_merge() {
        let mut intervals = Intervals::default();
        for (group, pages) in [
            (0, 10..=19),
            (0, 30..=39),
            (0, 20..=29),
            (1, 12..=13),
            (0, 50..=50),
            (0, 12..=15),
            (0, 49..=60),
        ] {
            intervals.insert(group, pages);
        }
        let all: Vec<_> = intervals.iter().collect();
        assert_eq!(all, [(0, 10..=39), (0, 49..=60), (1, 12..=13)]);
    }
}
