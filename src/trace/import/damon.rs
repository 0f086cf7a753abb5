//! DAMON: `damo report raw`, in later versions `damo report access --raw_form`; `--raw_number` makes its times exact.
//!
//! ```text
//! base_time_absolute: 8 m 59.809 s
//!
//! monitoring_start:                0 ns
//! monitoring_end:            104.599 ms
//! monitoring_duration:       104.599 ms
//! target_id: 18446623438842320000
//! nr_regions: 2
//! 563ebaa00000-563ebc99e000(  31.617 MiB):        1
//! 7f938d7e1000-7f938ddfc000 (   6.105 MiB)           0     3
//! ```
//!
//! Per aggregation interval and region: in how many of its samples the region was accessed. There is no order, and nothing
//! of reads and writes; a monitored target becomes a vCPU. DAMON takes the pages of a region as accessed alike, and so does the import: every page of a
//! region with a count of n > 0 is read once an interval, at a time within its first n-th. Where in it is a hash of page and
//! interval: hot regions come first on average, and no order of addresses is made up, in which an algorithm could see a trend.

use super::Refusal;
use super::accesses::Accesses;
use super::text::{TextFormat, billionths, decimal, expected, hex};

/// Most pages that are read in one interval: 16 GiB of 4 KiB pages.
const MAX_PAGES: u64 = 1 << 22;

/// Headings that say nothing needed.
const AROUND: [&[u8]; 4] = [
    b"#",
    b"base_time_absolute:",
    b"monitoring_duration:",
    b"nr_regions:",
];

#[derive(Default)]
pub(super) struct Damon {
    start_ns: Option<u64>,
    end_ns: u64,
    target: u32,
    /// Time and page of the accesses of the interval.
    reads: Vec<(u64, u64)>,
}

impl TextFormat for Damon {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if AROUND.iter().any(|text| line.starts_with(text)) {
            return Ok(());
        }
        let time = |text| {
            time_ns(text).ok_or_else(|| expected("a time such as `104.599 ms`, or in ns", text))
        };
        if let Some(start) = line.strip_prefix(b"monitoring_start:") {
            let start_ns = time(start)?;
            self.end(to)?;
            self.start_ns = Some(start_ns);
        } else if let Some(end) = line.strip_prefix(b"monitoring_end:") {
            self.end_ns = time(end)?;
        } else if let Some(id) = line.strip_prefix(b"target_id:") {
            let id = decimal(id.trim_ascii()).ok_or_else(|| expected("a decimal target id", id))?;
            self.target = to.process(id)?;
        } else {
            let (start, end, count) = region(line)
                .ok_or_else(|| expected("a heading, or `start-end (size): count`", line))?;
            self.add(to.pages(start, end), count)?;
        }
        Ok(())
    }

    fn end(&mut self, to: &mut Accesses) -> Result<(), Refusal> {
        self.reads.sort_unstable();
        let vcpu = to.vcpu_of_thread(self.target, 0)?;
        for (time_ns, page) in self.reads.drain(..) {
            to.read_page(self.target, vcpu, page, time_ns)?;
        }
        Ok(())
    }
}

impl Damon {
    fn add(&mut self, pages: std::ops::RangeInclusive<u64>, count: u64) -> Result<(), Refusal> {
        let Some(start_ns) = self.start_ns else {
            return Err(Refusal::Line(
                "`monitoring_start:` before the first region".to_owned(),
            ));
        };
        let Some(duration_ns) = self.end_ns.checked_sub(start_ns) else {
            return Err(Refusal::Line(
                "a `monitoring_end:` after its `monitoring_start:`".to_owned(),
            ));
        };
        if count == 0 {
            return Ok(());
        }
        let number = pages.end() - pages.start() + 1;
        if number > MAX_PAGES - self.reads.len() as u64 {
            return Err(Refusal::Limit(format!(
                "at most {MAX_PAGES} accessed pages an interval (a larger page size makes fewer of them)"
            )));
        }
        let slot_ns = duration_ns / count;
        self.reads.extend(pages.map(|page| {
            let hash = scatter(page ^ start_ns.rotate_left(32));
            let offset_ns = (u128::from(hash) * u128::from(slot_ns)) >> 64;
            (start_ns + offset_ns as u64, page)
        }));
        Ok(())
    }
}

/// The finalizer of SplitMix64: a bijection whose every output bit depends on every input bit.
fn scatter(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// `start-end(size): count` or `start-end (size) count age`.
fn region(line: &[u8]) -> Option<(u64, u64, u64)> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().position(|&byte| byte == b')')?;
    let range = line.get(..open)?.trim_ascii();
    let dash = range.iter().position(|&byte| byte == b'-')?;
    let (start, end) = (hex(range.get(..dash)?)?, hex(range.get(dash + 1..)?)?);
    let rest = line.get(close + 1..)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii();
    let count = rest.split(u8::is_ascii_whitespace).next()?;
    (start < end).then_some((start, end, decimal(count)?))
}

/// `8 m 59.809 s`, `104.599 ms`, `0 ns`, or nanoseconds without a unit.
fn time_ns(text: &[u8]) -> Option<u64> {
    let mut fields = super::text::fields(text).peekable();
    fields.peek()?;
    let mut sum = 0_u64;
    while let Some(number) = fields.next() {
        let unit_ns: u64 = match fields.next() {
            None | Some(b"ns") => 1,
            Some(b"us") => 1_000,
            Some(b"ms") => 1_000_000,
            Some(b"s") => 1_000_000_000,
            Some(b"m") => 60_000_000_000,
            Some(b"h") => 3_600_000_000_000,
            Some(b"d") => 86_400_000_000_000,
            Some(_) => return None,
        };
        let number: Vec<u8> = number
            .iter()
            .copied()
            .filter(|&byte| byte != b',')
            .collect();
        let ns = u128::from(billionths(&number)?) * u128::from(unit_ns) / 1_000_000_000;
        sum = sum.checked_add(u64::try_from(ns).ok()?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time_ns(b"  8 m 59.809 s"), Some(539_809_000_000));
        assert_eq!(time_ns(b"104.599 ms"), Some(104_599_000));
        assert_eq!(time_ns(b"0 ns"), Some(0));
        assert_eq!(time_ns(b"104,599,123"), Some(104_599_123));
        assert_eq!(time_ns(b""), None);
        assert_eq!(time_ns(b"5 parsecs"), None);
    }
}
