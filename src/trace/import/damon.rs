//! DAMON: `damo report access --raw_form`, before 2024 `damo report raw`; `--raw_number` makes its times exact.
//!
//! ```text
//! base_time_absolute: 8 m 59.809 s
//! data source: unknown
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
//! Per aggregation interval and region: in how many of its samples the region was accessed. There is no order, and
//! nothing of reads and writes. DAMON takes the pages of a region as accessed alike, and so does the import: every page
//! of a region with a count of n > 0 is read once an interval, at a time within its first n-th. Where in it is a hash
//! of page and interval: hot regions come first on average, and no order of addresses is made up, in which an algorithm
//! could see a trend.
//!
//! A region that was never accessed is memory all the same: its pages hold content. So a VM's idle memory has to
//! migrate.
//!
//! Whole numbers without a unit are nanoseconds and bytes (`--raw_number`); commas stand between groups of three
//! digits. A region's size and the number of regions are checked: a torn recording contradicts itself.
//!
//! A record begins with its base time, and holds one target of one context; its times count from its base. Each
//! record's target is an address space and a vCPU of its own, but for a target that goes on in a later record.

use std::ops::RangeInclusive;

use super::Refusal;
use super::accesses::Accesses;
use super::importer::Importer;
use super::text::{self, TextFormat, decimal, expected, hex};

mod numbers;

use numbers::{grouped, is_size, time_ns};

/// Most pages whose times are held at once. An interval with more is passed over several times, each time for a part of
/// its times.
const HELD_PAGES: u64 = 1 << 22;

/// Most pages that are read in one interval: 4 TiB of 4 KiB pages.
const MAX_PAGES: u64 = 1 << 30;

/// Headings that say nothing needed.
const AROUND: [&[u8]; 3] = [b"#", b"data source:", b"monitoring_duration:"];

pub(super) const IMPORTER: Importer = Importer {
    name: "damon",
    reads: "DAMON: `damo report access --raw_form` (earlier `damo report raw`)",
    places: "address ranges",
    ops: "all reads",
    time: "aggregation intervals",
    vcpu: "a target each",
    read: |input, options, out| text::import(Damon::default(), input, options, out),
};

#[derive(Default)]
struct Damon {
    first_base_ns: Option<u64>,
    /// Of the record, since the first record's.
    base_ns: u64,
    /// A record has begun, and its target has not been named yet.
    begins: bool,
    start_ns: Option<u64>,
    end_ns: Option<u64>,
    /// Regions that are still to come, where that was said.
    awaited: Option<u64>,
    /// Target's name, address space and end of its last interval.
    targets: Vec<(Vec<u8>, u32, u64)>,
    /// The one that the regions belong to.
    target: usize,
    /// Regions of the interval that were accessed.
    regions: Vec<Region>,
    /// Pages of these regions.
    accessed: u64,
    /// Records that begin before the first one.
    earlier: u64,
}

struct Region {
    pages: RangeInclusive<u64>,
    /// In how many samples it was accessed.
    count: u64,
}

impl TextFormat for Damon {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") && memchr::memmem::find(line, b"probe_hits").is_some() {
            return Err(expected("`nr_accesses` (`damo report access`)", line));
        }
        if AROUND.iter().any(|text| line.starts_with(text)) {
            return Ok(());
        }
        let time = |text| {
            time_ns(text).ok_or_else(|| expected("a time such as `104.599 ms`, or in ns", text))
        };
        if let Some(base) = line.strip_prefix(b"base_time_absolute:") {
            let base_ns = time(base)?;
            let ended = self.end(to);
            (self.start_ns, self.end_ns) = (None, None);
            self.begins = true;
            let first_ns = *self.first_base_ns.get_or_insert(base_ns);
            self.earlier += u64::from(base_ns < first_ns);
            self.base_ns = base_ns.saturating_sub(first_ns);
            ended
        } else if let Some(start) = line.strip_prefix(b"monitoring_start:") {
            let start_ns = time(start)?;
            let ended = self.end(to);
            self.start_ns = Some(self.base_ns.saturating_add(start_ns));
            self.end_ns = None;
            ended
        } else if let Some(end) = line.strip_prefix(b"monitoring_end:") {
            let end_ns = self.base_ns.saturating_add(time(end)?);
            let ended = self.end(to);
            self.end_ns = Some(end_ns);
            ended
        } else if let Some(name) = line.strip_prefix(b"target_id:") {
            let name = name.trim_ascii();
            if name != b"None" && decimal(name).is_none() {
                return Err(expected("a decimal target id, or `None`", name));
            }
            self.choose_target(name, to)
        } else if let Some(number) = line.strip_prefix(b"nr_regions:") {
            let number = number.trim_ascii();
            let regions = grouped(number).and_then(|digits| decimal(&digits));
            self.awaited = Some(regions.ok_or_else(|| expected("a number of regions", number))?);
            Ok(())
        } else {
            let is_awaited = self.awaits_region();
            let (start, end, count) = region(line).ok_or_else(|| expected(EXPECTED, line))?;
            match is_awaited {
                true => self.add(start, end, count, to),
                false => Err(expected("no more regions than `nr_regions:` says", line)),
            }
        }
    }

    fn end(&mut self, to: &mut Accesses) -> Result<(), Refusal> {
        self.flush(to)?;
        match self.awaited.take() {
            None | Some(0) => Ok(()),
            Some(lacking) => Err(Refusal::Line(format!(
                "as many regions as `nr_regions:` says, found {lacking} too few"
            ))),
        }
    }

    fn notes(&self) -> Vec<String> {
        let earlier = self.earlier;
        let note = (earlier > 0).then(|| {
            format!("{earlier} records begin before the first one: they are taken to begin with it")
        });
        note.into_iter().collect()
    }
}

impl Region {
    fn length(&self) -> u64 {
        self.pages.end() - self.pages.start() + 1
    }
}

impl Damon {
    /// Passes on the reads of the interval so far.
    fn flush(&mut self, to: &mut Accesses) -> Result<(), Refusal> {
        let regions = std::mem::take(&mut self.regions);
        let number = std::mem::take(&mut self.accessed);
        let (Some(start_ns), Some(end_ns), false) =
            (self.start_ns, self.end_ns, regions.is_empty())
        else {
            return Ok(());
        };
        let (process, vcpu) = self.vcpu(to)?;
        let duration_ns = end_ns - start_ns;
        let parts = number.div_ceil(HELD_PAGES).max(1);
        if parts > 1 && duration_ns < parts {
            return Err(Refusal::Limit(format!(
                "a longer interval for {number} accessed pages, found {duration_ns} ns"
            )));
        }
        let mut reads = Vec::new();
        for part in 0..parts {
            let bound = |part: u64| u128::from(duration_ns) * u128::from(part) / u128::from(parts);
            let times = bound(part) as u64..bound(part + 1) as u64;
            for region in &regions {
                let slot_ns = duration_ns / region.count;
                // A region that is read early has no reads in the later parts.
                if parts > 1 && slot_ns <= times.start {
                    continue;
                }
                for page in region.pages.clone() {
                    let hash = scatter(page ^ start_ns.rotate_left(32));
                    let offset_ns = ((u128::from(hash) * u128::from(slot_ns)) >> 64) as u64;
                    if parts == 1 || times.contains(&offset_ns) {
                        reads.push((start_ns + offset_ns, page));
                    }
                }
            }
            reads.sort_unstable();
            for (time_ns, page) in reads.drain(..) {
                to.read_page(process, vcpu, page, time_ns)?;
            }
        }
        Ok(())
    }

    /// The regions from here on are this target's. In a new record it is another context's, unless it goes on where
    /// that name's last interval has ended.
    fn choose_target(&mut self, name: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        let begins = std::mem::take(&mut self.begins);
        let start_ns = self.start_ns.unwrap_or(self.base_ns);
        let known = self
            .targets
            .iter()
            .rposition(|(known, _, end_ns)| known == name && (!begins || *end_ns <= start_ns));
        self.target = match known {
            Some(known) => known,
            None => {
                let space = to.process(self.targets.len() as u64)?;
                self.targets.push((name.to_vec(), space, 0));
                self.targets.len() - 1
            }
        };
        Ok(())
    }

    /// Address space and vCPU of the target.
    fn vcpu(&mut self, to: &mut Accesses) -> Result<(u32, u16), Refusal> {
        let process = match self.targets.get(self.target) {
            Some((_, process, _)) => *process,
            // A recording that names no target has one.
            None => to.process(0)?,
        };
        Ok((process, to.vcpu_of_thread(process, 0)?))
    }

    /// Counts a region off; whether there was one to come.
    fn awaits_region(&mut self) -> bool {
        match &mut self.awaited {
            None => true,
            Some(0) => false,
            Some(awaited) => {
                *awaited -= 1;
                true
            }
        }
    }

    fn add(&mut self, start: u64, end: u64, count: u64, to: &mut Accesses) -> Result<(), Refusal> {
        let Some(start_ns) = self.start_ns else {
            return Err(Refusal::Line(
                "`monitoring_start:` before the first region".to_owned(),
            ));
        };
        let Some(interval_end_ns) = self.end_ns.filter(|&end_ns| end_ns >= start_ns) else {
            return Err(Refusal::Line(
                "a `monitoring_end:` after its `monitoring_start:`".to_owned(),
            ));
        };
        let (process, _) = self.vcpu(to)?;
        if let Some((_, _, end_ns)) = self.targets.get_mut(self.target) {
            *end_ns = interval_end_ns;
        }
        for pages in to.pages(start, end) {
            to.occupied(process, pages.clone());
            if count == 0 {
                continue;
            }
            let region = Region { pages, count };
            if region.length() > MAX_PAGES - self.accessed {
                return Err(Refusal::Limit(format!(
                    "at most {MAX_PAGES} accessed pages an interval (a larger page size makes fewer of them)"
                )));
            }
            self.accessed += region.length();
            self.regions.push(region);
        }
        Ok(())
    }
}

const EXPECTED: &str =
    "a heading, or `start-end (size): count` of that size (`damo report access --raw_form`)";

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
    let is_sound = start < end && is_size(line.get(open + 1..close)?, end - start);
    is_sound.then_some((start, end, decimal(count)?))
}
