//! What pages cost a thread.

use crate::memory::Content;
use crate::units::SimTime;

/// Bytes that the costs are given for.
const PAGE: u64 = 4_096;

/// What it costs a thread to deal with pages, of 4 KiB each: a larger page is as many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageWork {
    /// Of a page of the trace's size, with content.
    page: SimTime,
    /// Of one that is zero.
    zero_page: SimTime,
}

impl PageWork {
    /// For pages of a trace, of `page_size` bytes; the costs are those of 4 KiB with content, and of 4 KiB of zeros.
    pub fn new(page_size: u64, page: SimTime, zero_page: SimTime) -> Self {
        let count = (page_size / PAGE).max(1);
        PageWork {
            page: page.times(count),
            zero_page: zero_page.times(count),
        }
    }

    /// Of a host page.
    pub fn of(self, content: Content) -> SimTime {
        self.page.times(content.pages.into()) + self.zero_page.times(content.zeros.into())
    }

    /// The least that any page costs.
    pub fn least(self) -> SimTime {
        self.page.min(self.zero_page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_page_costs_what_is_in_it() {
        let [page, zero] = [SimTime::from_ns(20), SimTime::from_ns(3)];
        let content = Content { pages: 2, zeros: 1 };
        let of = |page_size| PageWork::new(page_size, page, zero).of(content);
        assert_eq!(of(64), SimTime::from_ns(43));
        assert_eq!(of(4_096), SimTime::from_ns(43));
        assert_eq!(of(65_536), SimTime::from_ns(16 * 43));
    }
}
