//! Decoded blocks that a trace keeps for whoever reads them again: from another position, or for another purpose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::columns::Columns;
use super::format::RECORD_BYTES;

/// Memory that they may take: two million records, more than any recording of this repository has.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// The blocks that were decoded first, as many as there is room for. None makes room for another: a trace is read from
/// its beginning to its end, so the block that was used least recently is the one that is needed soonest.
pub(super) struct DecodedBlocks {
    blocks: Box<[OnceLock<Arc<Columns>>]>,
    room: AtomicUsize,
}

impl DecodedBlocks {
    /// Of a trace of so many blocks, none yet.
    pub(super) fn new(blocks: usize) -> Self {
        DecodedBlocks {
            blocks: (0..blocks).map(|_| OnceLock::new()).collect(),
            room: AtomicUsize::new(MOST_BYTES),
        }
    }

    pub(super) fn get(&self, block: usize) -> Option<Arc<Columns>> {
        self.blocks.get(block)?.get().cloned()
    }

    /// Keeps a block, if there is room and nobody else has kept it.
    pub(super) fn keep(&self, block: usize, columns: &Arc<Columns>) {
        let bytes = columns.len() * RECORD_BYTES;
        let less = |room: usize| room.checked_sub(bytes);
        let relaxed = Ordering::Relaxed;
        if self.room.fetch_update(relaxed, relaxed, less).is_err() {
            return;
        }
        let slot = self.blocks.get(block);
        let is_kept = slot.is_some_and(|slot| slot.set(Arc::clone(columns)).is_ok());
        if !is_kept {
            self.room.fetch_add(bytes, relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(records: usize) -> Arc<Columns> {
        Arc::new(Columns {
            deltas: vec![0; records],
            accesses: vec![0; records],
        })
    }

    #[test]
    fn what_is_kept_has_room() {
        let decoded = DecodedBlocks::new(4);
        let most = MOST_BYTES / RECORD_BYTES;
        decoded.keep(1, &columns(most / 2));
        decoded.keep(1, &columns(most / 2));
        decoded.keep(0, &columns(most / 2 + 1));
        decoded.keep(2, &columns(most / 2));
        decoded.keep(3, &columns(1));
        let kept = [0, 1, 2, 3, 4].map(|block| decoded.get(block).is_some());
        assert_eq!(kept, [false, true, true, false, false]);
    }
}
