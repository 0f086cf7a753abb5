//! The payload of a block: two columns of `u32`, as byte planes.

use super::Op;
use crate::memory::Ram;

/// The decoded columns of one block.
#[derive(Default)]
pub(super) struct Columns {
    /// Ticks since the record before; 0 for the first.
    pub(super) deltas: Vec<u32>,
    /// `page * 4 + op`.
    pub(super) accesses: Vec<u32>,
}

impl Columns {
    pub(super) fn clear(&mut self) {
        self.deltas.clear();
        self.accesses.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.deltas.len()
    }

    /// Ticks from the first record to the last. Exact: 2^18 deltas below 2^32 fit in 50 bits.
    pub(super) fn span(&self) -> u64 {
        self.deltas.iter().map(|&delta| u64::from(delta)).sum()
    }

    /// Whether every access is to a page below `pages` and of a known op.
    pub(super) fn in_range(&self, pages: u32) -> bool {
        // No early exit: the loop vectorizes, and a valid block is read to its end anyway.
        self.accesses.iter().fold(true, |valid, &access| {
            valid & (access >> 2 < pages) & (access & 3 != 3)
        })
    }

    /// Whether every access is to RAM.
    pub(super) fn in_ram(&self, ram: &Ram) -> bool {
        *ram == Ram::WITHOUT_HOLES
            || (self.accesses.iter()).all(|access| ram.place(access >> 2).is_some())
    }

    /// Replaces `payload` by these columns as byte planes.
    pub(super) fn to_payload(&self, payload: &mut Vec<u8>) {
        payload.clear();
        for column in [&self.deltas, &self.accesses] {
            for plane in 0..4 {
                payload.extend(column.iter().map(|value| (value >> (8 * plane)) as u8));
            }
        }
    }

    /// Replaces these columns by those of a payload, whose length is a multiple of 8.
    pub(super) fn read_payload(&mut self, payload: &[u8]) {
        let (deltas, accesses) = payload.split_at(payload.len() / 2);
        for (column, planes) in [(&mut self.deltas, deltas), (&mut self.accesses, accesses)] {
            let (low, high) = planes.split_at(planes.len() / 2);
            let ((a, b), (c, d)) = (low.split_at(low.len() / 2), high.split_at(high.len() / 2));
            column.clear();
            column.extend(
                (a.iter().zip(b))
                    .zip(c.iter().zip(d))
                    .map(|((&a, &b), (&c, &d))| u32::from_le_bytes([a, b, c, d])),
            );
        }
    }
}

/// The `page * 4 + op` of an access.
pub(super) fn pack(page: u32, op: Op) -> u32 {
    page << 2 | op as u32
}

/// The inverse of [`pack`] for what [`Columns::in_range`] has let pass.
pub(super) fn unpack(access: u32) -> (u32, Op) {
    let op = match access & 3 {
        0 => Op::Read,
        1 => Op::Write,
        _ => Op::Execute,
    };
    (access >> 2, op)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_round_trip() {
        let columns = Columns {
            deltas: vec![0, 1, 0x0102_0304, u32::MAX],
            accesses: vec![
                pack(0, Op::Read),
                pack(1, Op::Write),
                pack(7, Op::Execute),
                0xfff0,
            ],
        };
        let (mut payload, mut decoded) = (Vec::new(), Columns::default());
        columns.to_payload(&mut payload);
        assert_eq!(payload.len(), 32);
        assert_eq!(
            payload[..4],
            [0, 1, 4, 255],
            "lowest bytes of the deltas come first"
        );
        decoded.read_payload(&payload);
        assert_eq!(decoded.deltas, columns.deltas);
        assert_eq!(decoded.accesses, columns.accesses);
    }

    #[test]
    fn range_covers_page_and_op() {
        let with = |access| Columns {
            deltas: vec![0],
            accesses: vec![access],
        };
        assert!(with(pack(9, Op::Execute)).in_range(10));
        assert!(!with(pack(10, Op::Read)).in_range(10));
        assert!(!with(3).in_range(10));
    }
}
