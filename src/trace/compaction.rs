//! Compaction: per vCPU, page and epoch, only the first access, the first write and the first instruction fetch stay.
//!
//! Epochs begin at the multiples of Δ. Which pages were touched, in which order they were first touched, and which were
//! written stays exact when it is counted from an epoch boundary; from anywhere else a touch is at most Δ late.

use super::interner::Interner;
use super::{Op, Record};

/// Pages whose state is allocated at once.
const GROUP_PAGES: u32 = 512;

/// Most groups of pages, counted per vCPU: 256 MiB of state.
const MAX_GROUPS: u32 = 1 << 16;

/// Says of each record whether it stays.
///
/// Memory: 8 bytes a page and vCPU, in groups of 512 neighbouring pages, at most 256 MiB.
pub struct Compaction {
    epoch_ns: u64,
    groups: Interner,
    /// Per page: the epoch of the last access plus one (0 is never), and below it a bit for each op that was kept.
    stamps: Vec<Box<[u64; GROUP_PAGES as usize]>>,
}

/// More pages, counted per vCPU, than compaction keeps state for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {MAX_GROUPS} groups of {GROUP_PAGES} pages to compact, counted per vCPU")]
pub struct TooManyPages;

impl Compaction {
    /// Epochs of `epoch_ns` nanoseconds; `None` for 0.
    pub fn new(epoch_ns: u64) -> Option<Self> {
        (epoch_ns > 0).then(|| Compaction {
            epoch_ns,
            groups: Interner::new(MAX_GROUPS),
            stamps: Vec::new(),
        })
    }

    /// The epoch Δ in nanoseconds.
    pub fn epoch_ns(&self) -> u64 {
        self.epoch_ns
    }

    /// Whether the record, the next of its vCPU in time order, stays.
    ///
    /// # Errors
    /// [`TooManyPages`] when it would need more memory than the limit.
    pub fn keeps(&mut self, record: Record) -> Result<bool, TooManyPages> {
        let key = (record.vcpu.into(), (record.page / GROUP_PAGES).into());
        let group = self.groups.index(key).ok_or(TooManyPages)? as usize;
        if group == self.stamps.len() {
            self.stamps.push(Box::new([0; GROUP_PAGES as usize]));
        }
        let Some(stamp) = self
            .stamps
            .get_mut(group)
            .and_then(|stamps| stamps.get_mut((record.page % GROUP_PAGES) as usize))
        else {
            return Ok(true);
        };
        // Times are below 2^64 / 1000 nanoseconds, so that three bits are free.
        let epoch = (record.time_ns / self.epoch_ns + 1) << 3;
        let bit = 1 << record.op as u64;
        let new = *stamp & !7 != epoch;
        if !new && (record.op == Op::Read || *stamp & bit != 0) {
            return Ok(false);
        }
        *stamp = if new { epoch | bit } else { *stamp | bit };
        Ok(true)
    }
}
