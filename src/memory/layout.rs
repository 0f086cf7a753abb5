//! How the VM's memory is divided into pages.

use super::{Content, PageId, PageSet};

/// A run of pages of the trace's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRun {
    /// The first page of the run.
    pub first: u32,
    /// The number of pages, at least 1.
    pub count: u32,
}

impl PageRun {
    /// The page after the run; `u64` because a hostile run may end beyond `u32`.
    pub fn end(self) -> u64 {
        u64::from(self.first) + u64::from(self.count)
    }

    /// Whether the page is in it.
    pub fn contains(self, page: u32) -> bool {
        page >= self.first && u64::from(page) < self.end()
    }

    /// The pages that are in both runs, if any.
    pub fn common(self, other: PageRun) -> Option<PageRun> {
        let first = self.first.max(other.first);
        let count = self.end().min(other.end()).checked_sub(first.into())?;
        let count = u32::try_from(count).ok().filter(|count| *count > 0)?;
        Some(PageRun { first, count })
    }
}

/// The most pages that memory is divided into.
pub const MOST_PAGES: PageId = 1 << 30;

/// How the VM's memory is divided.
///
/// A host page larger than the trace's page (huge pages on the host) coarsens the trace: several of its pages fall
/// into one host page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Host pages of the VM.
    pub pages: u32,
    /// Bytes of a host page, a power of two.
    pub host_page: u64,
    /// log2 of the trace's pages in a host page.
    pub host_shift: u32,
    /// The VM's memory in pages of the trace's size; the last host page may be filled only in part.
    pub trace_pages: u64,
}

impl Memory {
    /// The same memory in host pages of the trace's size; as it is, if those would be more than a page's number can
    /// tell.
    pub fn in_trace_pages(self) -> Memory {
        match PageId::try_from(self.trace_pages) {
            Ok(pages) if pages <= MOST_PAGES => Memory {
                pages,
                host_page: self.page_size(),
                host_shift: 0,
                trace_pages: self.trace_pages,
            },
            _ => self,
        }
    }

    /// The host page that a page of RAM lies in, by its [place](super::Ram::place).
    pub fn host_page_of(&self, place: u32) -> PageId {
        place >> self.host_shift
    }

    /// Bytes of a page of the trace.
    pub fn page_size(&self) -> u64 {
        self.host_page >> self.host_shift
    }

    /// Bytes of all memory.
    pub fn bytes(&self) -> u64 {
        self.trace_pages * self.page_size()
    }

    /// A host page, filled by memory and all of it with content.
    pub fn whole_page(&self) -> Content {
        Content {
            pages: 1 << self.host_shift,
            zeros: 0,
        }
    }

    /// The host pages that memory fills; at most one more is filled in part.
    pub(super) fn filled_pages(&self) -> u64 {
        self.trace_pages >> self.host_shift
    }

    /// Of how many pages of the trace's size all of these consist.
    pub fn parts_in(&self, pages: &PageSet) -> u64 {
        let whole = u64::from(pages.count()) << self.host_shift;
        match self.pages.checked_sub(1) {
            Some(last) if pages.contains(last) => {
                whole - (1 << self.host_shift) + u64::from(self.parts_of(last))
            }
            _ => whole,
        }
    }

    /// How many pages of the trace's size a host page consists of.
    pub(super) fn parts_of(&self, page: PageId) -> u32 {
        let whole = 1 << self.host_shift;
        if u64::from(page) < self.filled_pages() {
            whole
        } else {
            (self.trace_pages % u64::from(whole)) as u32
        }
    }
}
