//! The active push through memory when nothing better is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Neighbours;
use crate::memory::{PageId, PageSet};

/// How the scan goes through memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Push {
    /// Upwards, going on behind each requested page (QEMU, `migration/ram.c`: the search starts where the last request
    /// was served).
    Pivot,
    /// Upwards from the first page, whatever is requested.
    Linear,
    /// Outwards in both directions from the last requested page (adaptive pre-paging of Hines and Gopalan, VEE 2009,
    /// with one pivot).
    Bubble,
    /// Nothing is pushed: demand paging only.
    None,
}

/// A scan's position.
#[derive(Debug, Clone)]
pub struct Scan {
    push: Push,
    /// Where the upward search goes on.
    up: PageId,
    /// Where the downward search goes on (`bubble` only).
    down: Option<PageId>,
    /// Whose turn it is (`bubble` only).
    downwards: bool,
}

impl Scan {
    /// A scan that begins at the first page.
    pub fn new(push: Push) -> Self {
        Scan {
            push,
            up: 0,
            down: None,
            downwards: false,
        }
    }

    /// Begins the search at a page.
    pub fn start_from(&mut self, page: PageId) {
        self.up = page;
        self.down = page.checked_sub(1);
    }

    /// A page that was unsent is requested.
    pub fn pivot(&mut self, page: PageId) {
        match self.push {
            Push::Linear | Push::None => {}
            Push::Pivot => self.up = page.saturating_add(1),
            Push::Bubble => {
                self.up = page.saturating_add(1);
                self.down = page.checked_sub(1);
                self.downwards = false;
            }
        }
    }

    /// The next page out of `unsent`.
    pub fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        match self.push {
            Push::None => None,
            Push::Linear | Push::Pivot => {
                let page = unsent
                    .first_from(self.up)
                    .or_else(|| unsent.first_from(0))?;
                self.up = page + 1;
                Some(page)
            }
            Push::Bubble => {
                let below = |scan: &Self| scan.down.and_then(|down| unsent.last_until(down));
                let above = |scan: &Self| unsent.first_from(scan.up);
                let page = if self.downwards {
                    below(self).or_else(|| above(self))
                } else {
                    above(self).or_else(|| below(self))
                }?;
                if page >= self.up {
                    self.up = page + 1;
                } else {
                    self.down = page.checked_sub(1);
                }
                self.downwards = !self.downwards;
                Some(page)
            }
        }
    }

    /// See [`super::Strategy::neighbours`].
    pub fn neighbours(&self, most: u32) -> Neighbours {
        let upwards = match self.push {
            Push::Linear | Push::Pivot => true,
            Push::Bubble => self.down.is_none(),
            Push::None => false,
        };
        Neighbours::upwards(if upwards { most } else { 0 })
    }

    /// See [`super::Strategy::pass_neighbours`].
    pub fn pass_neighbours(&mut self, page: PageId, count: u32) {
        self.up = page + 1 + count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(push: Push, pivot: Option<PageId>) -> Vec<PageId> {
        let mut unsent = PageSet::full(6);
        let mut scan = Scan::new(push);
        if let Some(page) = pivot {
            unsent.remove(page);
            scan.pivot(page);
        }
        std::iter::from_fn(|| {
            let page = scan.next_page(&unsent)?;
            unsent.remove(page);
            Some(page)
        })
        .collect()
    }

    #[test]
    fn orders() {
        assert_eq!(order(Push::Linear, Some(3)), [0, 1, 2, 4, 5]);
        assert_eq!(order(Push::Pivot, Some(3)), [4, 5, 0, 1, 2]);
        assert_eq!(order(Push::Bubble, Some(3)), [4, 2, 5, 1, 0]);
        assert_eq!(order(Push::Bubble, None), [0, 1, 2, 3, 4, 5]);
        assert!(order(Push::None, None).is_empty());
    }
}
