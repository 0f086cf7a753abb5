//! What an import is told.

use super::ImportError;
use super::numbering::{agreed_pages, ram_pages};
use crate::memory::PageRun;
use crate::trace::format::{MAX_PAGES, check_header};
use crate::trace::{IdleSpan, TraceHeader};
use crate::units::{AddressRange, AddressRanges};

/// What the addresses of a recording are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// Of processes: made compact, see [`crate::trace::import`].
    #[default]
    Virtual,
    /// Of the machine: divided by the page size.
    Physical,
    /// Of the process that runs the machine, whose memory it maps from here on: the distance from it, divided by the
    /// page size. What lies outside the mapping is dropped and counted.
    Mapping {
        /// Address of the mapping's first byte.
        base: u64,
        /// Its length; `None`: as far as [`ImportOptions::pages`], else to the highest address.
        bytes: Option<u64>,
    },
}

/// What the recording itself does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Bytes in a page. `None`: what the recording says, else 4 KiB.
    pub page_size: Option<u64>,
    /// Pages of the VM. `None`: what the recording says, else as many as the highest page that was accessed or is zero
    /// tells.
    pub pages: Option<u32>,
    /// Epoch of the recorder's compaction in nanoseconds; 0 when it recorded every access. `None`: what the recording
    /// says, else 0.
    pub compaction_ns: Option<u64>,
    /// Epoch of a compaction on the way in, in nanoseconds ([`crate::trace::compaction`]); 0 for none.
    pub compact_ns: u64,
    /// Pages that were all zero when the recording began; not for formats with virtual addresses.
    pub zero_runs: Vec<PageRun>,
    /// When vCPUs were idle by the recorder's clock, by vCPU and time; not for the recorder plugin's format, which says
    /// so itself.
    pub idle_spans: Vec<IdleSpan>,
    /// Where the recording comes from, in words.
    pub provenance: String,
    /// What the addresses are, where the format has addresses. `None`: what they are in that format as a rule.
    pub addresses: Option<Addresses>,
    /// Physical addresses that are RAM, ascending; empty: all. What lies outside is dropped and counted, and the trace
    /// has the ranges.
    pub ram: Vec<AddressRange>,
    /// Nanoseconds from one record to the next where the format has no clock, or only a coarse one.
    pub time_per_record_ns: u64,
    /// Skip what is not as it should be, instead of stopping there.
    pub lenient: bool,
}

impl Default for ImportOptions {
    /// Everything recorded, nothing skipped, and a nanosecond from one record to the next: of the order of what a core
    /// does.
    fn default() -> Self {
        ImportOptions {
            page_size: None,
            pages: None,
            compaction_ns: None,
            compact_ns: 0,
            zero_runs: Vec::new(),
            idle_spans: Vec::new(),
            provenance: String::new(),
            addresses: None,
            ram: Vec::new(),
            time_per_record_ns: 1,
            lenient: false,
        }
    }
}

impl ImportOptions {
    /// Bytes in a page of a recording that does not say.
    pub const PAGE_SIZE: u64 = 4096;

    /// Times in nanoseconds, and as many vCPUs as the records name.
    pub(super) fn header(&self) -> TraceHeader {
        TraceHeader {
            page_size: self.page_size.unwrap_or(Self::PAGE_SIZE),
            pages: self.pages.unwrap_or(0),
            ram: Vec::new(),
            vcpus: 0,
            tick_ns: 1,
            compaction_ns: self.compaction_ns.unwrap_or(0),
            provenance: self.provenance.clone(),
        }
    }

    /// Makes sure that each option can be so for some trace.
    ///
    /// # Errors
    /// [`ImportError::Option`] names the option that cannot.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        let sound = ImportOptions::default().header();
        let given = self.header();
        let compacted = |compaction_ns| TraceHeader {
            compaction_ns,
            ..sound.clone()
        };
        let page_size = TraceHeader {
            page_size: given.page_size,
            ..sound.clone()
        };
        let pages = TraceHeader {
            pages: given.pages,
            ..sound.clone()
        };
        // Zero pages outside of RAM are left out.
        let zero = if self.ram.is_empty() { &pages } else { &sound };
        for (option, header, zero_runs) in [
            ("--page-size", &page_size, &[][..]),
            ("--pages", &pages, &[]),
            ("--compaction", &compacted(given.compaction_ns), &[]),
            ("--compact", &compacted(self.compact_ns), &[]),
            ("--zero-pages", zero, &self.zero_runs),
        ] {
            check_header(header, zero_runs)
                .map_err(|expected| ImportError::Option { option, expected })?;
        }
        Ok(())
    }

    /// Makes sure that memory begins and ends at pages; else pages would be shifted, or hold what is no memory.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn check_places(&self, page_size: u64) -> Result<(), String> {
        let is_whole = |address: u64| address.is_multiple_of(page_size);
        match self.addresses {
            Some(Addresses::Mapping { base, .. }) if !is_whole(base) => Err(format!(
                "a mapping that begins at a page of {page_size} bytes, found {base:#x}"
            )),
            Some(Addresses::Mapping {
                base,
                bytes: Some(bytes),
            }) if bytes == 0 || !is_whole(bytes) || base.checked_add(bytes).is_none() => {
                Err(format!(
                    "a mapping of pages of {page_size} bytes, found {bytes} bytes from {base:#x} on"
                ))
            }
            _ => check_ram(&self.ram, page_size),
        }
    }
}

/// What the recording says.
///
/// # Errors
/// What was expected, if the options say otherwise.
pub(super) fn agreed<T: PartialEq + std::fmt::Display>(
    what: &str,
    given: Option<T>,
    recorded: T,
) -> Result<T, String> {
    match given {
        Some(given) if given != recorded => {
            Err(format!("a {what} of {given} as given, found {recorded}"))
        }
        _ => Ok(recorded),
    }
}

fn check_ram(ram: &[AddressRange], page_size: u64) -> Result<(), String> {
    let is_whole = |range: &&AddressRange| {
        let ends = [Some(range.start), range.end];
        ends.into_iter()
            .flatten()
            .all(|address| address.is_multiple_of(page_size))
    };
    let end = u64::from(MAX_PAGES).saturating_mul(page_size);
    let is_beyond =
        |range: &&AddressRange| range.end.unwrap_or(range.start.saturating_add(1)) > end;
    if let Some(range) = ram.iter().find(is_beyond) {
        return Err(format!(
            "RAM within the first 2^30 pages of {page_size} bytes, found `{}`",
            AddressRanges(vec![*range])
        ));
    }
    match ram.iter().find(|range| !is_whole(range)) {
        None => Ok(()),
        Some(range) => Err(format!(
            "ranges of RAM that begin and end at pages of {page_size} bytes, found `{}`",
            AddressRanges(vec![*range])
        )),
    }
}

/// Puts the RAM into the header of a recording of page numbers. Its `pages` are those of RAM, or 0 where nobody knows.
pub(super) fn put_ram(ram: &[AddressRange], header: &mut TraceHeader) -> Result<(), String> {
    let Some(last) = ram.last() else {
        return Ok(());
    };
    let pages = Some(header.pages).filter(|pages| *pages > 0);
    if last.end.is_none() && pages.is_none() {
        return Err("--pages, or RAM whose last range is closed".to_owned());
    }
    check_ram(ram, header.page_size.max(1))?;
    let page = |address: u64| address / header.page_size.max(1);
    let ranges = ram.iter().map(|range| {
        let end = range.end.map(|end| page(end.saturating_sub(1)) + 1);
        (page(range.start), end)
    });
    header.ram = ram_pages(ranges, pages, 0);
    header.pages = agreed_pages(pages, &header.ram)?;
    Ok(())
}
