//! What a trace holds, in numbers: mix of accesses, working set over time, accesses over memory.

use super::{Op, Trace, TraceError};
use crate::memory::PageSet;
use crate::units::SimTime;

/// Counts over a whole trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Records of loads.
    pub reads: u64,
    /// Records of stores.
    pub writes: u64,
    /// Records of instruction fetches.
    pub executes: u64,
    /// Distinct pages of all records.
    pub touched_pages: u64,
    /// Distinct pages of records of stores.
    pub written_pages: u64,
    /// Length of a window; the last one may end after the trace.
    pub window_ns: u64,
    /// Of the time windows, one after the other.
    pub windows: Vec<Window>,
    /// Pages in a part of memory; the last one may have fewer.
    pub part_pages: u32,
    /// Records by the part of memory that they are in, in order of address.
    pub parts: Vec<u64>,
}

/// What happened in a window of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Distinct pages that were accessed: the working set.
    pub touched_pages: u32,
    /// Distinct pages that were written: the dirty set.
    pub written_pages: u32,
}

impl Statistics {
    /// Most windows: a curve of more points is of no use.
    pub const MAX_WINDOWS: u64 = 1 << 20;

    /// Parts of memory that are told apart.
    const PARTS: u32 = 64;

    /// A window that divides the trace into about 60, in whole epochs of a compacted trace.
    pub fn default_window_ns(trace: &Trace) -> u64 {
        let unit_ns = trace.header().compaction_ns.max(1);
        (trace.duration_ns() / 60)
            .next_multiple_of(unit_ns)
            .max(unit_ns)
    }

    /// Goes through all records. Windows of less than a compaction epoch miss pages; `None` for more than
    /// [`Statistics::MAX_WINDOWS`], or windows of no length.
    ///
    /// Memory: 4 bits a page, and 4 bytes a page of a window.
    ///
    /// # Errors
    /// [`TraceError`] of a damaged trace.
    pub fn of(trace: &Trace, window_ns: u64) -> Result<Option<Self>, TraceError> {
        if window_ns == 0 || trace.duration_ns().div_ceil(window_ns) > Self::MAX_WINDOWS {
            return Ok(None);
        }
        let header = trace.header();
        let part_pages = header.pages.div_ceil(Self::PARTS);
        let mut statistics = Statistics {
            reads: 0,
            writes: 0,
            executes: 0,
            touched_pages: 0,
            written_pages: 0,
            window_ns,
            windows: vec![Window::default(); trace.duration_ns().div_ceil(window_ns) as usize],
            part_pages,
            parts: vec![0; header.pages.div_ceil(part_pages) as usize],
        };
        let mut touched = Distinct::new(header.pages);
        let mut written = Distinct::new(header.pages);
        let (mut window, mut end_ns) = (0, window_ns);
        for record in trace.records() {
            let record = record?;
            while record.time_ns >= end_ns {
                statistics.windows[window] = Window {
                    touched_pages: touched.end_window(),
                    written_pages: written.end_window(),
                };
                (window, end_ns) = (window + 1, end_ns.saturating_add(window_ns));
            }
            statistics.parts[(record.page / part_pages) as usize] += 1;
            touched.see(record.page);
            match record.op {
                Op::Read => statistics.reads += 1,
                Op::Execute => statistics.executes += 1,
                Op::Write => {
                    statistics.writes += 1;
                    written.see(record.page);
                }
            }
        }
        statistics.windows[window] = Window {
            touched_pages: touched.end_window(),
            written_pages: written.end_window(),
        };
        statistics.touched_pages = touched.ever.count().into();
        statistics.written_pages = written.ever.count().into();
        Ok(Some(statistics))
    }

    /// Pages of the windows a second of the trace that these statistics are of, by what `pages` takes from each.
    pub fn per_second(&self, trace: &Trace, pages: impl Fn(&Window) -> u32) -> f64 {
        let sum: u64 = (self.windows.iter())
            .map(|window| u64::from(pages(window)))
            .sum();
        sum as f64 / SimTime::from_ns(trace.duration_ns()).as_secs_f64()
    }

    /// Mean and largest number of pages over the windows, by what `pages` takes from each.
    pub fn mean_and_largest(&self, pages: impl Fn(&Window) -> u32) -> (f64, u32) {
        let sum: u64 = self
            .windows
            .iter()
            .map(|window| u64::from(pages(window)))
            .sum();
        let largest = self.windows.iter().map(&pages).max().unwrap_or(0);
        (sum as f64 / self.windows.len().max(1) as f64, largest)
    }
}

/// Distinct pages of a window, and of all so far.
struct Distinct {
    in_window: PageSet,
    /// The same, so that ending a window costs no more than what was in it.
    pages: Vec<u32>,
    ever: PageSet,
}

impl Distinct {
    fn new(pages: u32) -> Self {
        Distinct {
            in_window: PageSet::empty(pages),
            pages: Vec::new(),
            ever: PageSet::empty(pages),
        }
    }

    fn see(&mut self, page: u32) {
        if self.in_window.insert(page) {
            self.pages.push(page);
            self.ever.insert(page);
        }
    }

    /// How many pages the window had.
    fn end_window(&mut self) -> u32 {
        let count = self.in_window.count();
        for page in self.pages.drain(..) {
            self.in_window.remove(page);
        }
        count
    }
}
