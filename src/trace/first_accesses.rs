//! Each page's first access from a place of the trace on, as a trace keeps them for whoever asks again.
//!
//! Who wants first accesses from some time on needs all records up to the next such place, and of those behind it only
//! these. Places lie a number of records apart, and are looked at when they are asked for first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Trace;
use super::columns::{self, Columns};
use super::format::RECORD_BYTES;
use super::records::{Cursor, VcpuRecords};
use crate::memory::PageSet;

/// Memory that they may take.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// Records from one place to the next, within a block.
const APART: usize = 1 << 14;

/// Some milestones are stations: so many of a vCPU's. From each on, first accesses are found by those from the next.
const STATIONS: usize = 8;

/// Records of a part.
const PART: usize = 1 << 14;

/// A place where first accesses may begin: a block, and how many steps of [`APART`] records into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Milestone {
    pub(super) block: usize,
    step: usize,
}

impl Milestone {
    /// At the beginning of a block.
    pub(super) fn of_block(block: usize) -> Self {
        Milestone { block, step: 0 }
    }

    /// The next one from a record of a block of so many on.
    pub(super) fn after(block: usize, record: usize, records: usize) -> Self {
        let step = record.div_ceil(APART);
        if step * APART < records {
            Milestone { block, step }
        } else {
            Milestone::of_block(block + 1)
        }
    }

    /// How many records of its block lie before it.
    pub(super) fn record(self) -> usize {
        self.step * APART
    }
}

/// Some first accesses, one behind the other.
pub(super) struct Part {
    /// When the first of them is.
    pub(super) first_tick: u64,
    pub(super) columns: Arc<Columns>,
}

/// All of them, in time order; cheap to clone.
pub(super) type Parts = Arc<[Part]>;

/// What has been found out.
pub(super) struct FirstAccesses {
    found: Mutex<BTreeMap<Milestone, Slot>>,
    room: AtomicUsize,
}

/// `None` when it could not be found out, or has no room.
type Slot = Arc<OnceLock<Option<Parts>>>;

impl FirstAccesses {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        FirstAccesses {
            found: Mutex::default(),
            room: AtomicUsize::new(MOST_BYTES),
        }
    }

    /// The first accesses from a milestone of a vCPU on, or else from a later one on that are known; or neither.
    pub(super) fn from(
        &self,
        trace: &Trace,
        vcpu: u16,
        from: Milestone,
    ) -> Option<(Milestone, Parts)> {
        let slot = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(found.entry(from).or_default())
        };
        let parts = slot.get_or_init(|| self.find(trace, vcpu, from));
        let known = parts.clone().map(|parts| (from, parts));
        known.or_else(|| self.known_behind(trace, vcpu, from))
    }

    fn known_behind(
        &self,
        trace: &Trace,
        vcpu: u16,
        from: Milestone,
    ) -> Option<(Milestone, Parts)> {
        let Range { end, .. } = trace.vcpu_blocks(vcpu);
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut behind = found.range(from..Milestone::of_block(end));
        behind.find_map(|(milestone, slot)| Some((*milestone, slot.get()?.clone()?)))
    }

    fn find(&self, trace: &Trace, vcpu: u16, from: Milestone) -> Option<Parts> {
        let known = next_station(trace, vcpu, from).and_then(|next| self.from(trace, vcpu, next));
        let mut records = VcpuRecords::of(trace, Cursor::between(trace, vcpu, from, known));
        let tick_ns = u64::from(trace.header().tick_ns);
        let mut seen = PageSet::empty(trace.header().pages);
        let mut parts: Vec<(u64, Columns)> = Vec::new();
        let mut last_tick = 0;
        let most = self.room.load(Ordering::Relaxed) / RECORD_BYTES;
        while let Some(record) = records.next_wanted(u64::MAX, |page, _| !seen.contains(page)) {
            let record = record.ok()?; // whoever reads the records themselves is told
            seen.insert(record.page);
            if seen.count() as usize > most {
                return None;
            }
            let tick = record.time_ns / tick_ns;
            let delta = u32::try_from(tick - last_tick).ok();
            let access = columns::pack(record.page, record.op);
            match (parts.last_mut(), delta) {
                (Some((_, columns)), Some(delta)) if columns.len() < PART => {
                    columns.deltas.push(delta);
                    columns.accesses.push(access);
                }
                _ => {
                    let (deltas, accesses) = (vec![0], vec![access]);
                    parts.push((tick, Columns { deltas, accesses }));
                }
            }
            last_tick = tick;
        }
        let bytes = seen.count() as usize * RECORD_BYTES;
        let less = |room: usize| room.checked_sub(bytes);
        let relaxed = Ordering::Relaxed;
        self.room.fetch_update(relaxed, relaxed, less).ok()?;
        let part = |(first_tick, columns)| Part {
            first_tick,
            columns: Arc::new(columns),
        };
        Some(parts.into_iter().map(part).collect())
    }
}

/// The first station of a vCPU behind a milestone, if there is one.
fn next_station(trace: &Trace, vcpu: u16, from: Milestone) -> Option<Milestone> {
    let steps = |block: usize| (trace.blocks[block].count as usize).div_ceil(APART);
    let blocks = trace.vcpu_blocks(vcpu);
    let distance = blocks.clone().map(steps).sum::<usize>().div_ceil(STATIONS);
    let before: usize = (blocks.start..from.block).map(steps).sum();
    let mut ahead = distance - (before + from.step) % distance;
    ahead += from.step;
    for block in from.block..blocks.end {
        if ahead < steps(block) {
            return Some(Milestone { block, step: ahead });
        }
        ahead -= steps(block);
    }
    None
}
