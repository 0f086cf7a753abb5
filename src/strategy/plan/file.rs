//! A plan's file, in one of four forms.
//!
//! - the binary file of `migsim plan` ([`crate::plan`]), which begins with `MIGSIMPL`;
//! - its CSV, with the header line `page,why,next_touch_ns,page_bytes`; without the last column pages are host pages;
//! - a list of host pages, one a line, decimal or `0x…`; the header line `page` and comments (`#`) are passed over;
//! - the rows of a userfaultfd handler, `offset_hex,unix_ns,…`, offsets of pages in bytes; a header line whose first
//!   column is an offset is passed over.
//!
//! The first two may name no page, as those of a guest that accessed none in the record window.
//!
//! A page that is named again keeps its first place. Pages of a list or of a handler count as predicted: nothing was
//! recorded in this migration.

use std::path::Path;

use super::{GivenPlan, PlannedPage};
use crate::memory::PageId;
use crate::units::SimTime;

/// Larger files are no plans: this is 2^26 pages.
const LARGEST_FILE: u64 = 1 << 30;

const MAGIC: &[u8] = b"MIGSIMPL";
const HEADER_BYTES: usize = 32;
const PAGE_BYTES: usize = 16;
const CSV_HEADER: &str = "page,why,next_touch_ns,page_bytes";
/// As written before 0.2.0.
const UNSIZED_HEADER: &str = "page,why,next_touch_ns";

/// Bytes in the largest page.
const LARGEST_PAGE: u64 = 1 << 30;

/// Bytes in a page of a userfaultfd handler's rows.
const HANDLER_PAGE: u64 = 4096;

/// Why a file is no plan.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {place}expected {expected}")]
pub struct PlanFileError {
    name: String,
    place: String,
    expected: String,
}

impl GivenPlan {
    /// Reads a plan's file.
    ///
    /// # Errors
    ///
    /// [`PlanFileError`] names the place, and what was expected there.
    pub fn open(path: &Path) -> Result<Self, PlanFileError> {
        let name = path.display().to_string();
        let error = |place: String, expected: String| PlanFileError {
            name: name.clone(),
            place,
            expected,
        };
        let readable = |problem: std::io::Error| {
            error(String::new(), format!("a readable plan, found: {problem}"))
        };
        let metadata = std::fs::metadata(path).map_err(readable)?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILE {
            let expected = format!("a file of at most {LARGEST_FILE} bytes");
            return Err(error(String::new(), expected));
        }
        let bytes = std::fs::read(path).map_err(readable)?;
        let plan = if bytes.starts_with(MAGIC) {
            binary(&bytes)
        } else {
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| error(String::new(), "a plan: text, or `MIGSIMPL`".to_owned()))?;
            text_plan(text)
        };
        plan.map_err(|(place, expected)| error(place, expected))
    }
}

fn binary(bytes: &[u8]) -> Result<GivenPlan, (String, String)> {
    let wrong = |expected: &str| (String::new(), expected.to_owned());
    let (content, sum) = bytes
        .split_last_chunk::<4>()
        .ok_or_else(|| wrong("a whole plan"))?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*sum) {
        return Err(wrong(
            "a plan with a valid checksum (is the file cut short?)",
        ));
    }
    let u32_at = |at: usize| {
        let bytes = content.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let u64_at = |at: usize| {
        let bytes = content.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    let header = (u32_at(8), u32_at(12), u64_at(24));
    let (Some(1), Some(page_size), Some(count)) = header else {
        return Err(wrong("a plan of version 1"));
    };
    let records = content.get(HEADER_BYTES..).unwrap_or_default();
    let fits = records.len() as u64 == count.saturating_mul(PAGE_BYTES as u64);
    if !fits || !page_size.is_power_of_two() {
        return Err(wrong(
            "as many pages as the header says, of a power of two bytes",
        ));
    }
    let page = |number: usize| {
        let at = HEADER_BYTES + number * PAGE_BYTES;
        Some(PlannedPage {
            page: u32_at(at)?,
            recorded: *content.get(at + 4)? == 0,
            next_touch: Some(u64_at(at + 8)?)
                .filter(|&ns| ns != u64::MAX)
                .map(SimTime::from_ns),
        })
    };
    Ok(GivenPlan {
        page_size: Some(page_size.into()),
        pages: (0..count as usize).filter_map(page).collect(),
        lines: Vec::new(),
    })
}

/// Otherwise the place, and the rest of "expected …".
fn text_plan(text: &str) -> Result<GivenPlan, (String, String)> {
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let lines = text.split(end).map(str::trim).zip(1..);
    let mut lines = lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    let &(first, number) = lines.peek().unwrap_or(&("", 1));
    let first = first.trim_start_matches('\u{feff}');
    type Row = fn(&str) -> Option<PlannedPage>;
    let (row, mut page_size): (Row, _) = match first {
        CSV_HEADER | UNSIZED_HEADER => (csv_row, None),
        _ if first.contains(',') => (handled, Some(HANDLER_PAGE)),
        _ => (listed, None),
    };
    let of_migsim = matches!(first, CSV_HEADER | UNSIZED_HEADER);
    let is_heading = of_migsim || first == "page" || is_handlers_heading(first);
    let from = if is_heading { number + 1 } else { number };
    let (mut pages, mut places) = (Vec::new(), Vec::new());
    for (line, number) in lines.filter(|&(_, number)| number >= from) {
        let place = || format!("line {number}: ");
        let wrong = || {
            let found: String = line.chars().take(40).collect();
            let forms = "a page, a row of `page,why,next_touch_ns,page_bytes` under that header line, or of \
                         `offset_hex,unix_ns,…` whose offset is a multiple of 4096";
            (
                place(),
                format!("{forms}; found `{}`", found.escape_debug()),
            )
        };
        let mut named = line.trim_start_matches('\u{feff}');
        if first == CSV_HEADER {
            let bytes;
            (named, bytes) = line.rsplit_once(',').ok_or_else(wrong)?;
            let bytes: u64 = bytes.trim().parse().map_err(|_| wrong())?;
            let before = *page_size.get_or_insert(bytes);
            if bytes != before || !bytes.is_power_of_two() || bytes > LARGEST_PAGE {
                let expected = "pages of one size, a power of two of at most 1 GiB";
                return Err((place(), format!("{expected}; found {bytes} bytes")));
            }
        }
        pages.push(row(named).ok_or_else(wrong)?);
        places.push(number);
    }
    // The plan of an idle guest is a header line. Whatever else names no page is cut, or no plan.
    if pages.is_empty() && !(of_migsim && text.contains(end)) {
        let expected = "at least one page, or the header line of `migsim plan`; found none";
        return Err((String::new(), expected.to_owned()));
    }
    Ok(GivenPlan {
        page_size,
        pages,
        lines: places,
    })
}

/// `offset_hex,unix_ns,…`, in whatever words: other tables have other first columns.
fn is_handlers_heading(line: &str) -> bool {
    let column = line.split_once(',').map(|(first, _)| first.to_lowercase());
    column.is_some_and(|column| column.contains("offset"))
}

fn csv_row(line: &str) -> Option<PlannedPage> {
    let mut fields = line.split(',').map(str::trim);
    let page = fields.next()?.parse().ok()?;
    let recorded = match fields.next()? {
        "recorded" => true,
        "predicted" => false,
        _ => return None,
    };
    let next_touch = match fields.next()? {
        "" => None,
        ns => Some(SimTime::from_ns(ns.parse().ok()?)),
    };
    fields.next().is_none().then_some(PlannedPage {
        page,
        recorded,
        next_touch,
    })
}

fn listed(line: &str) -> Option<PlannedPage> {
    let page = match line.strip_prefix("0x") {
        Some(digits) => PageId::from_str_radix(digits, 16).ok()?,
        None => line.parse().ok()?,
    };
    Some(predicted(page))
}

fn handled(line: &str) -> Option<PlannedPage> {
    let mut fields = line.split(',').map(str::trim);
    let offset = fields.next()?;
    let digits = offset.strip_prefix("0x").unwrap_or(offset);
    let offset = u64::from_str_radix(digits, 16).ok()?;
    let _time: u64 = fields.next()?.parse().ok()?;
    if !offset.is_multiple_of(HANDLER_PAGE) {
        return None;
    }
    Some(predicted((offset / HANDLER_PAGE).try_into().ok()?))
}

fn predicted(page: PageId) -> PlannedPage {
    PlannedPage {
        page,
        recorded: false,
        next_touch: None,
    }
}
